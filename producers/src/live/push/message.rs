//! One message becomes the leg that has changed, and how: pure.
//!
//! | part | as documented |
//! |---|---|
//! | topic | `prd/FlightUpdate/<operating carrier>/<carrier><flight number>/<flight date>` |
//! | body | JSON with `Update.Timestamp`, `Update.Message`, `Update.Code` |
//!
//! The leg stands in the topic alone, and the code says what kind of change it was. A code that is not documented is kept as it is: the leg
//! has changed all the same. The text beside the code and the link in the body are for people and not read.

use serde_json::Value;
use slipstream_schemas::ids::{Carrier, Date};
use slipstream_streams::record::Ts;

use super::super::http::instant;
use super::super::provider::LegQuery;

/// Longest body that is read, bytes: documented ones have a few hundred.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Longest code, bytes.
const CODE_BYTES_MAX: usize = 40;
/// Days behind today, in UTC, on which a flight may be dated: one that left late on the date line's other side is still on its way.
const DAYS_BEHIND: i32 = 3;
/// Days ahead: schedules are sold for a year.
const DAYS_AHEAD: i32 = 366;
/// Instants that are one, epoch ms: the years 2000 to 2099.
const INSTANTS: std::ops::Range<Ts> = 946_684_800_000..4_102_444_800_000;

/// The codes that are documented, and what they say.
pub const CODES: &[(&str, &str)] = &[
    ("MVT ED", "new estimated departure"),
    ("MVT EA", "new estimated arrival"),
    ("MVT AD", "departed"),
    ("MVT AA", "arrived"),
    ("Y", "gate"),
    ("ASM CNL", "cancelled"),
    ("ASM NEW RIN", "reinstated"),
    ("ASM RPL DIV", "diverted"),
    ("ASM RPL RRT", "rerouted"),
    ("ASM TIM", "schedule changed"),
];

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which flight has changed; which of its legs is not said.
    pub flight: LegQuery,
    /// How.
    pub code: Code,
}

/// What kind of change it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// One of [`CODES`].
    Known(&'static str),
    /// Another one, as it came.
    Other(String),
}

/// Why a message cannot be read: a label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The topic is not the documented one, or names no flight.
    Topic,
    /// The flight date is none, or no flight of these days has it.
    Date,
    /// The body is longer than [`MESSAGE_BYTES_MAX`].
    Size,
    /// The body is no JSON.
    Json,
    /// A field is missing, or is not what it should be.
    Field,
}

impl Reason {
    /// Every reason, so that a counter of it begins at zero.
    pub const ALL: [Self; 5] = [Self::Topic, Self::Date, Self::Size, Self::Json, Self::Field];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Date => "date",
            Self::Size => "size",
            Self::Json => "json",
            Self::Field => "field",
        }
    }
}

/// What is wrong with a message: place or field, and what was expected there. Never what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Fault {
    /// Its kind.
    pub reason: Reason,
    place: &'static str,
    problem: String,
}

/// Reads a message that came at `now`.
///
/// # Errors
/// It is none; the fault names place or field.
pub fn read(topic: &str, body: &[u8], now: Ts) -> Result<Notice, Fault> {
    let flight = flight(topic, now)?;
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(fault(Reason::Size, "body", format!("{} bytes, more than {MESSAGE_BYTES_MAX}", body.len())));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|e| fault(Reason::Json, "body", format!("no JSON at line {}, column {}", e.line(), e.column())))?;
    let field = |name: &str| value.get("Update").and_then(|update| update.get(name));
    if field("Timestamp").is_some_and(|at| !is_instant(at)) {
        return Err(fault(Reason::Field, "Update.Timestamp", "an instant of the years 2000 to 2099 is expected".to_owned()));
    }
    let code = field("Code").and_then(Value::as_str).map(str::trim).filter(|code| is_code(code));
    let expected = || fault(Reason::Field, "Update.Code", format!("a text of 1 to {CODE_BYTES_MAX} bytes is expected"));
    Ok(Notice { flight, code: code.map(Code::of).ok_or_else(expected)? })
}

impl Code {
    fn of(text: &str) -> Self {
        let known = CODES.iter().find(|(code, _)| *code == text);
        known.map_or_else(|| Self::Other(text.to_owned()), |(code, _)| Self::Known(code))
    }
}

fn fault(reason: Reason, place: &'static str, problem: String) -> Fault {
    Fault { reason, place, problem }
}

fn is_instant(value: &Value) -> bool {
    value.as_str().and_then(instant).is_some_and(|at| INSTANTS.contains(&at))
}

fn is_code(text: &str) -> bool {
    (1..=CODE_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

/// The flight that the topic names.
fn flight(topic: &str, now: Ts) -> Result<LegQuery, Fault> {
    let parts: Vec<&str> = topic.split('/').collect();
    let ["prd", "FlightUpdate", operating, flight, date] = parts[..] else {
        return Err(fault(Reason::Topic, "topic", "prd/FlightUpdate/CARRIER/FLIGHT/DATE is expected".to_owned()));
    };
    if operating.parse::<Carrier>().is_err() {
        return Err(fault(Reason::Topic, "topic", "its third part is no carrier".to_owned()));
    }
    let date = date.parse::<Date>().ok().filter(|date| is_near(*date, now));
    let date = date.ok_or_else(|| {
        fault(Reason::Date, "topic", format!("a date from {DAYS_BEHIND} days before to {DAYS_AHEAD} after now is expected"))
    })?;
    let query = format!("{flight}/{date}").parse();
    query.map_err(|_| fault(Reason::Topic, "topic", "its fourth part is no flight number".to_owned()))
}

fn is_near(date: Date, now: Ts) -> bool {
    let Ok(now) = jiff::Timestamp::from_millisecond(now) else { return false };
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let distance = today.until(date.civil()).map(|span| span.get_days());
    distance.is_ok_and(|days| (-DAYS_BEHIND..=DAYS_AHEAD).contains(&days))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-21T06:00:00Z.
    const NOW: Ts = 1_795_240_800_000;
    const TOPIC: &str = "prd/FlightUpdate/LH/LH400/2026-11-21";

    fn said(topic: &str, body: &[u8]) -> String {
        match read(topic, body, NOW) {
            Ok(Notice { flight, code: Code::Known(code) }) => format!("{flight} {code}"),
            Ok(Notice { flight, code: Code::Other(code) }) => format!("{flight} other: {code}"),
            Err(fault) => format!("{}: {fault}", fault.reason.name()),
        }
    }

    fn body(code: &str) -> String {
        format!(
            "{{\"Update\":{{\"Timestamp\":\"2026-11-21T08:12:40Z\",\"Message\":\"New Estimated Departure\",\"Code\":{code}}},\
             \"Meta\":{{\"@Version\":\"1.0.0\",\"Link\":[{{\"@Href\":\"https://api.lufthansa.com/\",\"@Rel\":\"related\"}}]}}}}"
        )
    }

    #[test]
    fn the_topic_names_the_flight() {
        let topic = |rest: &str| said(&format!("prd/FlightUpdate/{rest}"), body("\"Y\"").as_bytes());
        let date = "date: topic: a date from 3 days before to 366 after now is expected";
        let form = "topic: topic: prd/FlightUpdate/CARRIER/FLIGHT/DATE is expected";
        for (rest, expected) in [
            ("LH/LH400/2026-11-21", "LH400/2026-11-21 Y"),
            ("CL/LH1965/2026-11-21", "LH1965/2026-11-21 Y"),
            ("LH/LH0400A/2026-11-18", "LH400A/2026-11-18 Y"),
            ("4Y/4Y66/2027-11-22", "4Y66/2027-11-22 Y"),
            ("LH/LH400/2026-11-17", date),
            ("LH/LH400/2027-11-23", date),
            ("LH/LH400/2026-02-30", date),
            ("LH/LH400/9999-12-31", date),
            ("LH/LH400/-009999-01-01", date),
            ("LH/LH400/", date),
            ("LH/LH400/today", date),
            ("LH/LH/2026-11-21", "topic: topic: its fourth part is no flight number"),
            ("LH/LH99999/2026-11-21", "topic: topic: its fourth part is no flight number"),
            ("LH/L\u{e9}400/2026-11-21", "topic: topic: its fourth part is no flight number"),
            ("L/LH400/2026-11-21", "topic: topic: its third part is no carrier"),
            ("/LH400/2026-11-21", "topic: topic: its third part is no carrier"),
            ("LH/LH400", form),
            ("LH/LH400/2026-11-21/FRA", form),
            ("", form),
        ] {
            assert_eq!(topic(rest), expected, "{rest}");
        }
        for other in ["", "/", "prd", "dev/FlightUpdate/LH/LH400/2026-11-21", "prd/Flightupdate/LH/LH400/2026-11-21"] {
            assert_eq!(said(other, body("\"Y\"").as_bytes()), form, "{other}");
        }
    }

    #[test]
    fn the_body_says_how() {
        for (code, _) in CODES {
            assert_eq!(said(TOPIC, body(&format!("\"{code}\"")).as_bytes()), format!("LH400/2026-11-21 {code}"));
        }
        let field = "field: Update.Code: a text of 1 to 40 bytes is expected";
        let stamp = "field: Update.Timestamp: an instant of the years 2000 to 2099 is expected";
        let short = body("\"Y\"");
        let long = " ".repeat(MESSAGE_BYTES_MAX - short.len()) + &short;
        let too_long = format!(" {long}");
        for (text, expected) in [
            (body("\"ASM XYZ\""), "LH400/2026-11-21 other: ASM XYZ"),
            (body("\" MVT ED \""), "LH400/2026-11-21 MVT ED"),
            ("{\"Update\":{\"Code\":\"Y\"}}".to_owned(), "LH400/2026-11-21 Y"),
            (long, "LH400/2026-11-21 Y"),
            (too_long, "size: body: 65537 bytes, more than 65536"),
            (body("\"\""), field),
            (body("7"), field),
            (body("\"a\\nb\""), field),
            (body(&format!("\"{}\"", "x".repeat(41))), field),
            ("{\"Update\":{}}".to_owned(), field),
            ("{\"Update\":\"MVT ED\"}".to_owned(), field),
            ("[]".to_owned(), field),
            ("null".to_owned(), field),
            ("{\"Update\":{\"Code\":\"Y\",\"Timestamp\":\"1970-01-01T00:00:00Z\"}}".to_owned(), stamp),
            ("{\"Update\":{\"Code\":\"Y\",\"Timestamp\":\"soon\"}}".to_owned(), stamp),
            ("{\"Update\":{\"Code\":\"Y\",\"Timestamp\":1}}".to_owned(), stamp),
            (String::new(), "json: body: no JSON at line 1, column 0"),
            ("{\"Update\":".to_owned(), "json: body: no JSON at line 1, column 10"),
            ("not at all".to_owned(), "json: body: no JSON at line 1, column 2"),
        ] {
            assert_eq!(said(TOPIC, text.as_bytes()), expected, "{}", text.get(..80).unwrap_or(&text));
        }
        assert!(said(TOPIC, b"{\"Update\":\xff}").starts_with("json: body: no JSON"));
        assert!(said(TOPIC, "[".repeat(60_000).as_bytes()).starts_with("json: body: no JSON"));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(topic in "\\PC{0,60}|prd/FlightUpdate/\\PC{0,4}/\\PC{0,8}/\\PC{0,12}", body in proptest::collection::vec(any::<u8>(), 0..200), now in any::<i64>()) {
            let _ = read(&topic, &body, now);
            if let Err(fault) = read(TOPIC, &body, NOW) {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }
}
