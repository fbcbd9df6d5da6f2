//! Webhooks: what others post to us, from the bytes of a request to the records that it becomes.
//!
//! ```text
//! size ─► content type ─► who is it? ─► parse ─► known already? ─► records ─► one transaction ─► answer
//!                          signature | secret path and network
//! ```
//!
//! | gate | authenticated by | answered |
//! |---|---|---|
//! | general callback | HMAC-SHA256 ([`signature`]) under one of two secrets | 202 |
//! | FlightAware alert, which is not signed | a secret in the path, and the network it comes from | 200 |
//!
//! Success is answered only after the transaction that holds the records has committed; there is no other store. The id of
//! a delivery is UUIDv5(source, the sender's event id or the body), so that a repeat has the same records. Secrets come from
//! the environment and are shown nowhere; no error and no log holds anything of a body.

pub(crate) mod fields;
pub(crate) mod network;
pub(crate) mod post;
mod seen;
pub(crate) mod signature;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use slipstream_streams::record::{Record, Ts, derive_id};
use uuid::Uuid;

use self::fields::Fault;
use self::network::Network;
use self::post::Post;
use self::seen::Seen;
use self::signature::{Key, Unsigned};
use crate::callbacks::{Courier, Registered, Rules};
use crate::failure::Failure;
use crate::intake;

/// Largest body that is taken, bytes; an alert has about 3,000.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a request may take to arrive, and an answer to one of ours, unless `WEBHOOK_TIMEOUT_MS` says otherwise (S0-05).
const TIMEOUT_MS: u64 = 10_000;
/// Shortest secret in a path; shorter ones can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// Name of FlightAware among the sources.
const FLIGHTAWARE: &str = "flightaware";

/// `[webhooks]` of the settings. There is no field for a secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Name of the source that general callbacks are said by, as in the order of priority.
    pub(crate) source: String,
    /// Networks that FlightAware's alerts may come from; none lets everybody in who knows the path.
    pub(crate) flightaware_from: Vec<Network>,
    /// Who is told of which events.
    pub(crate) callbacks: Vec<Registered>,
    /// Where they may be.
    pub(crate) callbacks_may: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            source: "webhook".to_owned(),
            flightaware_from: Vec::new(),
            callbacks: Vec::new(),
            callbacks_may: Rules::default(),
        }
    }
}

/// Which way a post comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The general callback.
    Callback,
    /// FlightAware's alerts.
    Alert,
}

impl Gate {
    /// Its name in the metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Alert => "flightaware",
        }
    }
}

/// Why a post is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No secret is set for this gate: its variable.
    Closed(&'static str),
    /// The path holds another secret than ours.
    Path,
    /// It comes from a network that is not listed.
    Network,
    /// Its signature does not hold.
    Signature(Unsigned),
    /// The body is no JSON, from this line and column on.
    Syntax(usize, usize),
    /// The body is not what is expected.
    Body(Fault),
}

/// A delivery that was let in.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// UUIDv5 of the source and the sender's event id, else the body.
    pub(crate) id: Uuid,
    /// It was committed before.
    pub(crate) is_known: bool,
    /// What is to be published.
    pub(crate) records: Vec<Record>,
    /// Fields with unknown values, left out.
    pub(crate) ignored: Vec<&'static str>,
}

/// The gates, with their secrets.
#[derive(Debug)]
pub(crate) struct Webhooks {
    settings: Settings,
    /// Valid secrets of callbacks, the newest first.
    keys: Vec<Key>,
    /// The secret in the path of alerts.
    token: Option<Key>,
    /// How long a request may take to arrive.
    pub(crate) timeout: Duration,
    seen: Mutex<Seen>,
}

impl Webhooks {
    /// The gates as settings and environment have them.
    ///
    /// # Errors
    /// A secret is too short, or the timeout is no number of milliseconds.
    pub(crate) fn new(settings: Settings, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let token = environment("FLIGHTAWARE_WEBHOOK_TOKEN").filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| token.len() < TOKEN_BYTES_MIN) {
            return Err(Failure::usage(format_args!("FLIGHTAWARE_WEBHOOK_TOKEN: shorter than {TOKEN_BYTES_MIN} bytes")));
        }
        let secrets = ["WEBHOOK_SIGNATURE_SECRET", "WEBHOOK_SIGNATURE_SECRET_PREVIOUS"];
        Ok(Self {
            settings,
            keys: secrets.iter().filter_map(|name| Key::new(&environment(name)?)).collect(),
            token: token.and_then(|token| Key::new(&token)),
            timeout: timeout(environment)?,
            seen: Mutex::default(),
        })
    }

    /// Lets a callback in whose signature holds at `now`, epoch ms. `signed` is its two headers.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn callback(&self, signed: (Option<&str>, Option<&str>), body: &[u8], now: Ts) -> Result<Delivery, Refusal> {
        if self.keys.is_empty() {
            return Err(Refusal::Closed("WEBHOOK_SIGNATURE_SECRET"));
        }
        signature::verify(&self.keys, signed, body, now.div_euclid(1000)).map_err(Refusal::Signature)?;
        let post = post::callback(&parse(body)?, &self.settings.source).map_err(Refusal::Body)?;
        Ok(self.delivery(&self.settings.source, post, body, now))
    }

    /// Whether an alert may come by this path and from there.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn admit(&self, token: &str, from: IpAddr) -> Result<(), Refusal> {
        let ours = self.token.as_ref().ok_or(Refusal::Closed("FLIGHTAWARE_WEBHOOK_TOKEN"))?;
        let networks = &self.settings.flightaware_from;
        if !ours.is_of(token) {
            return Err(Refusal::Path);
        }
        let listed = networks.is_empty() || networks.iter().any(|network| network.holds(from));
        if listed { Ok(()) } else { Err(Refusal::Network) }
    }

    /// Reads an alert that was admitted.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub(crate) fn alert(&self, body: &[u8], now: Ts) -> Result<Delivery, Refusal> {
        let post = post::alert(&parse(body)?, FLIGHTAWARE).map_err(Refusal::Body)?;
        Ok(self.delivery(FLIGHTAWARE, post, body, now))
    }

    /// Notes a delivery that was committed.
    pub(crate) fn note(&self, id: Uuid) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(id);
    }

    fn delivery(&self, source: &str, post: Post, body: &[u8], now: Ts) -> Delivery {
        let source = format!("/webhooks/{source}");
        let id = match &post.event {
            Some(event) => derive_id(&[source.as_bytes(), b"event", event.as_bytes()]),
            None => derive_id(&[source.as_bytes(), b"body", body]),
        };
        let record = |(place, said): (u8, _)| {
            let id = if place == 0 { id } else { derive_id(&[id.as_bytes(), &[place]]) };
            intake::observation((&source, id), now, said)
        };
        let records = (0..).zip(&post.observations).map(record).collect();
        let is_known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).has(id);
        Delivery { id, is_known, records, ignored: post.ignored }
    }
}

/// Who posts to those who are registered; none where nobody is.
///
/// # Errors
/// There is no secret to sign with, or an address is not allowed.
pub(crate) fn courier(settings: &Settings, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Courier>, Failure> {
    if settings.callbacks.is_empty() {
        return Ok(None);
    }
    let key = environment("WEBHOOK_CALLBACK_SECRET").and_then(|secret| Key::new(&secret));
    let key = key.ok_or_else(|| Failure::usage("WEBHOOK_CALLBACK_SECRET: not set, and webhooks.callbacks are signed with it"))?;
    let courier = Courier::new(settings.callbacks.clone(), settings.callbacks_may, key, timeout(environment)?);
    courier.map(Some).map_err(Failure::usage)
}

/// The time of `WEBHOOK_TIMEOUT_MS`.
fn timeout(environment: &dyn Fn(&str) -> Option<String>) -> Result<Duration, Failure> {
    let Some(text) = environment("WEBHOOK_TIMEOUT_MS").filter(|text| !text.is_empty()) else {
        return Ok(Duration::from_millis(TIMEOUT_MS));
    };
    let ms = text.parse().ok().filter(|ms| (1..=600_000).contains(ms));
    ms.map(Duration::from_millis).ok_or_else(|| Failure::usage("WEBHOOK_TIMEOUT_MS: 1 to 600000 milliseconds are expected"))
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::Syntax(error.line(), error.column()))
}

#[cfg(test)]
mod tests;
