//! Lines become what one transaction holds: pure.
//!
//!     line ─► message ─┬─ new ─────────► its observations ─┐
//!                      ├─ unreadable ──► its dead letter ──┴─► parcel, the position last
//!                      └─ repeated, aside, alive: counted
//!
//! Keeps the position, and at most one parcel: [`RECORDS_FULL`] records or [`BYTES_FULL`] bytes and what one more line adds, which the
//! intake takes in one transaction. A line becomes at most seven records.

use std::sync::Arc;

use slipstream_schemas::ids::flight_key;
use slipstream_schemas::records::{FlightObservation, Message as _, SourcePosition};
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, Ts, derive_id};
use uuid::Uuid;

use super::super::error::ProviderError;
use super::lines::{LINE_BYTES_MAX, Line};
use super::message::{self, Fault, Says};
use super::position::Position;
use super::settings::Login;
use super::tally::Tally;
use super::{ENVELOPE, LETTERS};
use crate::letters;

/// Records from which on a parcel is published.
const RECORDS_FULL: usize = 400;
/// Bytes from which on it is.
const BYTES_FULL: usize = 1024 * 1024;
/// Signs of life in a row that may name the same `pitr`: beyond them the stream stands still, whatever it sends.
const FROZEN_MAX: u32 = 5;
/// Characters of the server's own words that are shown.
const REASON_MAX: usize = 120;
/// What an error says, in lower case, when name, password or subscription is refused. The documents do not list the words.
const LOCKED_OUT: &[&str] =
    &["password", "username", "credential", "authenti", "authoriz", "login", "api key", "apikey", "permission", "not allowed"];

/// What has been taken up and is not published yet, and how far it reaches.
#[derive(Debug)]
pub(super) struct Uptake {
    name: String,
    /// Whose word the messages are.
    source: Arc<str>,
    /// Server, as dead letters name it.
    origin: String,
    /// What the server's words are not shown with.
    login: Login,
    position: Position,
    records: Vec<Record>,
    bytes: usize,
    /// The position is to be written, though nothing was said.
    alive: bool,
    frozen: u32,
    /// What the lines since the last parcel were.
    pub(super) tally: Tally,
}

impl Uptake {
    /// Nothing is taken up since `kept`.
    pub(super) fn new((name, source): (&str, Arc<str>), (origin, login): (String, Login), kept: Option<&SourcePosition>) -> Self {
        let position = kept.map(Position::kept).unwrap_or_default();
        let (records, tally) = (Vec::new(), Tally::default());
        Self { name: name.to_owned(), source, origin, login, position, records, bytes: 0, alive: false, frozen: 0, tally }
    }

    /// Where the stream is to be begun again, epoch seconds.
    pub(super) fn pitr(&self) -> Option<i64> {
        self.position.pitr
    }

    /// Takes a line up, at `now`.
    ///
    /// # Errors
    /// The server refuses, or stands still: the connection is over, but what was taken up before stands.
    pub(super) fn line(&mut self, line: &Line, now: Ts) -> Result<(), ProviderError> {
        self.tally.lines += 1;
        let (text, fault) = match line {
            Line::Whole(text) if text.iter().all(u8::is_ascii_whitespace) => return Ok(()),
            Line::Whole(text) => match message::read(text, &self.source) {
                Ok(message) => return self.message(message, now),
                Err(fault) => (text, fault),
            },
            Line::TooLong(head, bytes) => (head, Fault("line", format!("{bytes} bytes, more than {LINE_BYTES_MAX}"))),
        };
        self.refused(text, matches!(line, Line::Whole(_)), &fault, now);
        Ok(())
    }

    fn message(&mut self, message: message::Message, now: Ts) -> Result<(), ProviderError> {
        let before = self.position.pitr;
        message.pitr.into_iter().for_each(|pitr| self.position.reach(pitr));
        match message.says {
            Says::Refused(words) => return Err(refusal(&self.login.hidden(&words))),
            Says::Aside(why) => self.tally.put_aside(why),
            Says::Alive => return self.alive(before == self.position.pitr),
            Says::Observed(_) if !self.position.publish(message.id, message.pitr) => self.tally.repeated += 1,
            Says::Observed(said) => self.observed(message.id, message.pitr, &said, now),
        }
        self.frozen = 0;
        Ok(())
    }

    fn alive(&mut self, at_the_same: bool) -> Result<(), ProviderError> {
        self.alive = true;
        self.frozen = if at_the_same { self.frozen + 1 } else { 0 };
        match self.frozen {
            0..FROZEN_MAX => Ok(()),
            _ => Err(ProviderError::Unavailable { reason: format!("{FROZEN_MAX} signs of life without progress") }),
        }
    }

    fn observed(&mut self, id: Uuid, pitr: Option<i64>, said: &[FlightObservation], now: Ts) {
        // A server whose clock is ahead must not stamp into the future, which the cluster refuses.
        let at = pitr.map_or(now, |pitr| pitr.saturating_mul(1000).min(now));
        let envelope: Arc<str> = ENVELOPE.into();
        for (place, said) in (0_u8..).zip(said) {
            let id = derive_id(&[id.as_bytes(), &[place]]);
            let key = flight_key(said.carrier, said.number);
            self.push(Record::said(FLIGHT_OBSERVATIONS, &key, at, (&envelope, id), (said.rank(), said.to_bytes())));
        }
        self.tally.observed += 1;
    }

    /// A line that nobody can use. Its id follows from its bytes; a resumed stream that sends it again makes no second letter.
    fn refused(&mut self, text: &[u8], whole: bool, fault: &Fault, now: Ts) {
        let id = derive_id(&[ENVELOPE.as_bytes(), b"line", text]);
        if !self.position.publish(id, None) {
            self.tally.repeated += 1;
            return;
        }
        let at = (self.origin.as_str(), self.position.pitr.unwrap_or_default());
        tracing::warn!(source = %self.name, after_pitr = at.1, error = %fault, "unusable message");
        self.push(letters::of_message(LETTERS, id, at, &fault.to_string(), whole.then_some(text), now));
        self.tally.unreadable += 1;
    }

    fn push(&mut self, record: Record) {
        self.bytes += record.body.as_ref().map_or(0, |body| body.len());
        self.records.push(record);
    }

    /// Whether no further line should be taken up before the parcel is published.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= RECORDS_FULL || self.bytes >= BYTES_FULL
    }

    /// What is to be published in one transaction, with the position, and what it is made of; none where there is no reason to.
    pub(super) fn parcel(&mut self, now: Ts) -> Option<(Vec<Record>, Tally)> {
        if self.records.is_empty() && !self.alive {
            return None;
        }
        let mut records = std::mem::take(&mut self.records);
        records.extend(self.position.record(&self.name, now));
        (self.bytes, self.alive) = (0, false);
        Some((records, std::mem::take(&mut self.tally)))
    }
}

/// What follows from the server's words.
fn refusal(words: &str) -> ProviderError {
    let reason: String = words.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect();
    let lower = words.to_lowercase();
    match LOCKED_OUT.iter().any(|word| lower.contains(word)) {
        true => ProviderError::Authentication { reason },
        false => ProviderError::Unavailable { reason },
    }
}
