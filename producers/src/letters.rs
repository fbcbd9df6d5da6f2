//! Dead letters of inputs: what a recording or a telex held and nobody could use, on `dead.letter.queue` like a refusal of a stage.
//!
//! | field | of a line of a recording |
//! |---|---|
//! | `stage` | `source:bts` |
//! | `topic`, `partition`, `offset` | `bts:FILE`, 0, its line |
//! | `reason` | `unusable FIELD` |
//! | `error` | place, field and problem; where somebody may be named, place and field alone |
//! | `value` | the line, base64; where somebody may be named, sealed if there is a quarantine; else, and where nothing of it is left, none |
//! | `error_class` | validation |
//! | `record_id` | its fingerprint: the same bytes have the same one, wherever they stand |
//!
//! A line has no instant that could be believed: its letter is stamped with the instant up to which the feed had read when it found
//! it, so the same files give the same letters. It was no record yet, so it cannot be handed in again: the file is mended and
//! played anew.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use slipstream_schemas::records::{DeadLetter, Message};
use slipstream_schemas::topics::DEAD_LETTER_QUEUE;
use slipstream_schemas::wire::Wire;
use slipstream_streams::errors::ErrorClass;
use slipstream_streams::progress::source_writer;
use slipstream_streams::record::{Record, Ts, derive_id};
#[cfg(feature = "live")]
use uuid::Uuid;

use crate::inputs::Kind;
use crate::refusals::Refusal;

/// The letters of refusals, in their order; several of one line are told apart by their number.
pub(crate) fn of_each(kind: Kind, refusals: &[Refusal], at: Ts) -> Vec<Record> {
    let mut ordinal = 0_u32;
    let mut before: Option<&Refusal> = None;
    let mut letters = Vec::with_capacity(refusals.len());
    for refusal in refusals {
        let same_line = before.is_some_and(|before| (&before.file, before.line) == (&refusal.file, refusal.line));
        ordinal = if same_line { ordinal + 1 } else { 0 };
        letters.push(of(kind, refusal, ordinal, at));
        before = Some(refusal);
    }
    letters
}

fn of(kind: Kind, refusal: &Refusal, ordinal: u32, at: Ts) -> Record {
    let class = refusal.fault.class();
    let place = refusal.place();
    let letter = DeadLetter {
        reason: format!("unusable {class}"),
        topic: format!("{}:{}", kind.name(), refusal.file),
        partition: 0,
        offset: i64::try_from(refusal.line).unwrap_or(i64::MAX),
        error: if kind.names_people() { format!("{place}: {class}") } else { refusal.to_string() },
        value: value(kind, refusal),
        record_id: Some(refusal.fingerprint.to_string()),
        ..unknown(kind.name())
    };
    let id = [place.as_bytes(), refusal.fingerprint.as_bytes(), &ordinal.to_be_bytes()].concat();
    record(kind.name(), &refusal.file, &id, &letter, at)
}

/// What was refused: in the clear where nobody can be named, else sealed or not at all.
fn value(kind: Kind, refusal: &Refusal) -> Option<String> {
    if kind.names_people() {
        return refusal.sealed.as_deref().map(str::to_owned);
    }
    refusal.text.as_deref().map(|text| BASE64_STANDARD.encode(text))
}

/// The letter about `count` refusals for which there was no room.
pub(crate) fn of_rest(kind: Kind, count: u64, at: Ts) -> Record {
    let error = format!("{count} more were refused than are kept with their place");
    let letter = DeadLetter { reason: "unusable input".to_owned(), error: error.clone(), ..unknown(kind.name()) };
    record(kind.name(), kind.name(), error.as_bytes(), &letter, at)
}

/// The letter about a report that a provider sent and nobody can read.
#[cfg(feature = "live")]
pub(crate) fn of_report(provider: &str, station: &str, problem: &str, at: Ts) -> Record {
    let (error, origin) = (format!("{station}: {problem}"), format!("weather:{provider}"));
    let letter = DeadLetter { reason: "unusable report".to_owned(), error: error.clone(), topic: origin, ..unknown("weather") };
    record("weather", station, error.as_bytes(), &letter, at)
}

/// The letter about a line of a provider's stream that nobody can use, said by `source` at `origin`. `position` is where the stream
/// stood before it, in its own measure; of a line that is too long `line` is none.
#[cfg(feature = "live")]
pub(crate) fn of_message(
    source: &str,
    id: Uuid,
    (origin, position): (&str, i64),
    problem: &str,
    line: Option<&[u8]>,
    at: Ts,
) -> Record {
    let letter = DeadLetter {
        reason: "unusable message".to_owned(),
        error: problem.to_owned(),
        topic: format!("{source}:{origin}"),
        partition: 0,
        offset: position,
        value: line.map(|line| BASE64_STANDARD.encode(line)),
        record_id: Some(id.to_string()),
        ..unknown(source)
    };
    record(source, origin, id.as_bytes(), &letter, at)
}

/// What every letter of a source says.
fn unknown(source: &str) -> DeadLetter {
    DeadLetter {
        reason: String::new(),
        stage: source_writer(source),
        topic: format!("{source}:"),
        partition: -1,
        offset: -1,
        error: String::new(),
        value: None,
        record_type: None,
        redeliveries: 0,
        record_id: None,
        record_timestamp: 0,
        record_source: envelope(source),
        record_cause: None,
        record_schema: None,
        error_class: ErrorClass::Validation.name().to_owned(),
        severity: ErrorClass::Validation.severity().name().to_owned(),
    }
}

fn envelope(source: &str) -> String {
    format!("/producers/{source}")
}

fn record(source: &str, key: &str, own: &[u8], letter: &DeadLetter, at: Ts) -> Record {
    let source: Arc<str> = envelope(source).into();
    let id = derive_id(&[source.as_bytes(), own]);
    Record::said(DEAD_LETTER_QUEUE, key, at, (&source, id), (letter.rank(), letter.to_bytes()))
}
