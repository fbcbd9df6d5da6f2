//! What no observation may say: refused before anything is looked up, with the field's name.

use slipstream_schemas::ids::{Airport, Carrier};
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_schemas::reference;
use slipstream_streams::processor::Poison;

use crate::journey::{HOUR, MINUTE};

/// A fact may be stamped this much later than the instant at which it became known, ms: clocks differ.
pub(super) const FUTURE_MS: i64 = 5 * MINUTE;
/// Instants before 1970 or from 2100 on are typing errors, epoch ms.
const INSTANTS: std::ops::Range<i64> = 0..4_102_444_800_000;
/// Longest scheduled time from block to block, ms: the longest flights take 19 h.
const BLOCK_MAX_MS: i64 = 24 * HOUR;
/// Longest name of a source, and of its id of a leg, bytes.
const NAME_BYTES_MAX: usize = 200;
/// Longest reason code, bytes.
const REASON_BYTES_MAX: usize = 40;

/// Refuses what cannot be true of any leg.
pub(super) fn check(said: &FlightObservation, known_at: i64, key: &str) -> Result<(), Poison> {
    designator(said, key)?;
    airport("origin", said.origin)?;
    airport("destination", said.destination)?;
    said.diverted_to.map_or(Ok(()), |code| airport("diverted_to", code))?;
    instants(said)?;
    if let Some(at) = said.at.filter(|at| *at > known_at.saturating_add(FUTURE_MS)) {
        return Err(Poison::new("from the future", format_args!("at: {at} is after the record's own {known_at}")));
    }
    if moves(said.kind) && said.at.is_none() {
        return Err(Poison::new("invalid observation", format_args!("at: missing, but {} is a movement", said.kind)));
    }
    if matches!(said.kind, FlightKind::Unknown | FlightKind::Merged) {
        return Err(Poison::new("invalid observation", format_args!("kind: {} is not taken from a source", said.kind)));
    }
    Ok(())
}

/// Movements between the blocks, and back.
pub(super) fn moves(kind: FlightKind) -> bool {
    matches!(kind, FlightKind::Out | FlightKind::Off | FlightKind::On | FlightKind::In | FlightKind::Returned)
}

fn designator(said: &FlightObservation, key: &str) -> Result<(), Poison> {
    let keyed = key.strip_prefix(said.carrier.as_str()).is_some_and(|number| number.parse() == Ok(said.number));
    if !(1..=9999).contains(&said.number) {
        return Err(Poison::new("invalid observation", format_args!("number: {}, must be 1 to 9999", said.number)));
    }
    if !keyed {
        let found = format_args!("carrier, number: {}{} under the key {key}", said.carrier, said.number).to_string();
        return Err(Poison::new("misplaced key", found));
    }
    let texts = [
        ("source", Some(&said.source), NAME_BYTES_MAX),
        ("source_leg", said.source_leg.as_ref(), NAME_BYTES_MAX),
        ("reason", said.reason.as_ref(), REASON_BYTES_MAX),
    ];
    if let Some((field, _, limit)) = texts.into_iter().find(|(_, text, limit)| text.is_some_and(|text| text.len() > *limit)) {
        return Err(Poison::new("invalid observation", format_args!("{field}: longer than {limit} bytes")));
    }
    carrier(said.carrier)
}

fn carrier(code: Carrier) -> Result<(), Poison> {
    match reference::carrier(code) {
        Some(_) => Ok(()),
        None => Err(Poison::new("unknown carrier", format_args!("carrier: {code}"))),
    }
}

fn airport(field: &str, code: Airport) -> Result<(), Poison> {
    match reference::airport(code) {
        Some(_) => Ok(()),
        None => Err(Poison::new("unknown airport", format_args!("{field}: {code}"))),
    }
}

fn instants(said: &FlightObservation) -> Result<(), Poison> {
    let all = [
        ("scheduled_departure", said.scheduled_departure),
        ("scheduled_arrival", said.scheduled_arrival),
        ("at", said.at),
        ("estimated_departure", said.estimated_departure),
        ("estimated_arrival", said.estimated_arrival),
    ];
    for (field, instant) in all {
        if let Some(instant) = instant.filter(|instant| !INSTANTS.contains(instant)) {
            return Err(Poison::new("invalid observation", format_args!("{field}: {instant} is not in the years 1970 to 2099")));
        }
    }
    let follows = |field, from: Option<i64>, to: Option<i64>| match from.zip(to) {
        Some((from, to)) if to <= from => {
            Err(Poison::new("impossible", format_args!("{field}: {to} is not after the departure at {from}")))
        }
        Some((from, to)) if to - from > BLOCK_MAX_MS => {
            Err(Poison::new("impossible", format_args!("{field}: more than 24 h after the departure at {from}")))
        }
        _ => Ok(()),
    };
    follows("scheduled_arrival", said.scheduled_departure, said.scheduled_arrival)?;
    follows("estimated_arrival", said.estimated_departure, said.estimated_arrival)
}
