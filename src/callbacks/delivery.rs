//! Posting one event: signed, within a time, and again when that may help.
//!
//! | answer | what follows |
//! |---|---|
//! | 2xx | delivered |
//! | none in time, no connection, 408, 425, 429, 5xx | again: half a second, doubled each time, half of it chance; or what Retry-After says, at most 30 s |
//! | anything else, redirects among them | given up at once |

use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use slipstream_producers::live::retry::pauses;
use slipstream_streams::errors::{Cause, ErrorClass};
use slipstream_streams::record::rfc3339;
use tokio::task::JoinSet;

use super::Event;
use super::target::{EventType, Registered, Rules, resolver};
use crate::commands::providers::clock;
use crate::webhook::signature::{Key, SIGNATURE, TIMESTAMP};

/// Posts of one event to one receiver.
pub(crate) const ATTEMPTS: u32 = 5;
/// The first pause.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// Longest pause that a receiver may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// An event that a receiver did not take.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// The event.
    pub(crate) event: Event,
    /// Host of the receiver: an address may hold a secret in its path.
    pub(crate) host: String,
    /// What it answered last.
    pub(crate) why: Cause,
}

/// Who posts.
#[derive(Clone)]
pub(crate) struct Courier {
    client: Client,
    registered: Vec<Registered>,
    key: Key,
}

/// What came of one post.
enum Outcome {
    Taken,
    Again(Cause, Option<Duration>),
    Refused(Cause),
}

impl Courier {
    /// A courier to those who are registered.
    ///
    /// # Errors
    /// An address is not allowed.
    pub(crate) fn new(registered: Vec<Registered>, rules: Rules, key: Key, timeout: Duration) -> Result<Self, String> {
        for one in &registered {
            rules.check(&one.url).map_err(|error| format!("webhooks.callbacks: {}: {error}", one.event))?;
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(resolver(rules))
            .no_proxy()
            .timeout(timeout)
            .build();
        Ok(Self { client: client.map_err(|error| error.without_url().to_string())?, registered, key })
    }

    /// Whether anybody wants an event.
    pub(crate) fn is_wanted(&self, event: &Event) -> bool {
        self.registered.iter().any(|one| one.event.0 == event.said.kind)
    }

    /// Posts events to all who want them, at the same time; what could not be delivered.
    pub(crate) async fn deliver(&self, events: &[Event]) -> Vec<Undelivered> {
        let mut posts = JoinSet::new();
        for event in events {
            for one in self.registered.iter().filter(|one| one.event.0 == event.said.kind) {
                let (courier, one, event) = (self.clone(), one.clone(), event.clone());
                posts.spawn(async move { courier.bring(&one, event).await.err() });
            }
        }
        posts.join_all().await.into_iter().flatten().collect()
    }

    async fn bring(&self, to: &Registered, event: Event) -> Result<(), Undelivered> {
        let body = body(to.event, &event).to_string().into_bytes();
        let mut pauses = pauses(PAUSE_MIN, ATTEMPTS - 1);
        let why = loop {
            match self.post(to, &body).await {
                Outcome::Taken => return Ok(()),
                Outcome::Refused(why) => break why,
                Outcome::Again(why, after) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(after.unwrap_or(pause)).await,
                    None => break why,
                },
            }
        };
        Err(Undelivered { event, host: to.url.host_str().unwrap_or_default().to_owned(), why })
    }

    async fn post(&self, to: &Registered, body: &[u8]) -> Outcome {
        let at = clock()().div_euclid(1000).to_string();
        let request = self.client.post(to.url.clone()).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(SIGNATURE, self.key.sign(&at, body)).header(TIMESTAMP, at).body(body.to_vec());
        match request.send().await {
            Ok(answer) => outcome(answer.status(), retry_after(answer.headers())),
            Err(error) if error.is_timeout() => Outcome::Again(Cause::new(ErrorClass::Timeout, "no answer in time"), None),
            Err(_) => Outcome::Again(Cause::new(ErrorClass::Network, "no connection"), None),
        }
    }
}

fn outcome(status: StatusCode, after: Option<Duration>) -> Outcome {
    let said = Cause::new(class_of(status.as_u16()), format_args!("answered {}", status.as_u16()));
    match status.as_u16() {
        200..300 => Outcome::Taken,
        408 | 425 | 429 | 500.. => Outcome::Again(said, after),
        _ => Outcome::Refused(said),
    }
}

/// Of which class an answer is that takes nothing.
fn class_of(status: u16) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Auth,
        408 => ErrorClass::Timeout,
        429 => ErrorClass::Resource,
        425 | 500.. => ErrorClass::Network,
        _ => ErrorClass::Validation,
    }
}

/// Seconds only: a date is read as none.
fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

/// What is posted.
fn body(event_type: EventType, event: &Event) -> Value {
    let said = &event.said;
    let instant = |at: Option<i64>| at.map(rfc3339);
    json!({
        "eventId": event.id, "eventType": event_type.to_string(), "occurredAt": rfc3339(event.known_at),
        "flight": {
            "flightNumber": said.leg.carrier_number(), "date": said.leg.date,
            "origin": said.leg.origin, "destination": said.leg.destination,
            "status": said.status, "delayMinutes": said.departure_delay_min,
            "scheduledDeparture": rfc3339(said.scheduled_departure), "estimatedDeparture": instant(said.estimated_departure),
            "scheduledArrival": instant(said.scheduled_arrival), "estimatedArrival": instant(said.estimated_arrival),
            "revision": said.revision,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_help_is_tried_again_and_the_rest_is_given_up() {
        let kind = |status: u16| match outcome(StatusCode::from_u16(status).unwrap(), None) {
            Outcome::Taken => "taken",
            Outcome::Again(..) => "again",
            Outcome::Refused(_) => "given up",
        };
        for (status, expected) in [
            (200, "taken"),
            (204, "taken"),
            (302, "given up"),
            (400, "given up"),
            (401, "given up"),
            (404, "given up"),
            (408, "again"),
            (425, "again"),
            (429, "again"),
            (500, "again"),
            (503, "again"),
        ] {
            assert_eq!(kind(status), expected, "{status}");
        }
    }

    #[test]
    fn a_receiver_may_say_when_within_bounds() {
        let after = |text: &str| retry_after(&[(header::RETRY_AFTER, text.parse().unwrap())].into_iter().collect());
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("86400"), Some(PAUSE_MAX));
        assert_eq!(after("Fri, 31 Dec 2027 23:59:59 GMT"), None);
    }
}
