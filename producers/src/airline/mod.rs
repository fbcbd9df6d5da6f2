//! What airlines write to each other, as inputs of the pipeline.
//!
//!     ssim: schedule file ──────► timetable ─┬─► schedules ──► flight.observations: SCHEDULED, a day at a time
//!                                            ├──────────────┐  flight.unmatched: pairs of codeshares
//!     mvt:  log of telexes ──► log ──► movements ◄──────────┤► flight.observations: OUT, OFF, ON, IN, delays, diversions
//!     ldm:  log of telexes ──► log ──► loads ◄──────────────┤► flight.observations: tail and passengers on board
//!     pnl:  log of telexes ──► log ──► manifests ◄──────────┘► booking.events
//!     aidx: XML document ──► notifications ─────────────────► flight.observations, flight.unmatched
//!
//! | module | holds |
//! |---|---|
//! | [`log`] | a recorded log of Type B traffic: messages with the instant at which each was received |
//! | [`instants`] | day of the month and time of day, near an instant |
//! | [`timetable`] | the legs of schedule files, found by flight and date |
//! | [`roster`] | who is on a flight, without saying who |
//! | [`schedules`], [`movements`], [`loads`], [`manifests`], [`notifications`] | the sources |
//!
//! A telex names a flight by number and day, and one airport of it; the pipeline's legs have two. The other one comes from the
//! message itself, from an earlier message of the same flight, or from the schedule files given beside it; where none of
//! them says it, the message is refused by name. Nothing is guessed.

pub(crate) mod instants;
pub(crate) mod loads;
pub(crate) mod log;
pub(crate) mod manifests;
pub(crate) mod movements;
pub(crate) mod notifications;
mod roster;
pub(crate) mod schedules;
pub(crate) mod timetable;

use std::sync::Arc;

use slipstream_schemas::ids::{Carrier, Date, Tail, flight_key};
use slipstream_schemas::records::{Codeshare, FlightObservation};
use slipstream_schemas::reference;
use slipstream_schemas::topics::{FLIGHT_OBSERVATIONS, FLIGHT_UNMATCHED};
use slipstream_streams::record::{Record, Ts};

use crate::feed::record;
use crate::refusals::Fault;

/// Longest registration, without its dash (ICAO Doc 4444, item 7).
const REGISTRATION_CHARS_MAX: usize = 7;
/// Longest one of letters alone: `SPLVA`, `DAIMA`.
const REGISTRATION_LETTERS_MAX: usize = 5;

/// The record of what is said of a flight. A carrier that the tables do not know may be one that only sells: what is said under its
/// number waits on `flight.unmatched` for whoever tells which flight it means.
pub(crate) fn observed(envelope: &Arc<str>, said: &FlightObservation, known_at: Ts) -> Record {
    let topic = if reference::carrier(said.carrier).is_some() { FLIGHT_OBSERVATIONS } else { FLIGHT_UNMATCHED };
    record(envelope, topic, &flight_key(said.carrier, said.number), said, known_at)
}

/// The record of a further number under which a flight is sold, on `date`, or on every one.
pub(crate) fn sold(
    envelope: &Arc<str>,
    flown: &FlightObservation,
    (carrier, number): (Carrier, i32),
    date: Option<Date>,
    at: Ts,
) -> Record {
    let pair = Codeshare {
        source: flown.source.clone(),
        carrier,
        number,
        operating_carrier: flown.carrier,
        operating_number: flown.number,
        operating_suffix: flown.suffix,
        date,
        origin: flown.origin,
        destination: flown.destination,
    };
    record(envelope, FLIGHT_UNMATCHED, &format!("{carrier}{number}"), &pair, at)
}

/// The designator that legs are named by, and the one received where that is another: `DLH400` is a flight of LH.
pub(crate) fn named(carrier: Carrier, number: i32) -> (Carrier, Option<String>) {
    let iata = reference::designator(carrier);
    (iata, (iata != carrier).then(|| format!("{carrier}{number}")))
}

/// A registration as a telex writes it. What is longer than one is none: a surname that stands in its place goes no further.
pub(crate) fn registration(text: &str) -> Result<Tail, Fault> {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let longest = if letters { REGISTRATION_LETTERS_MAX } else { REGISTRATION_CHARS_MAX };
    let tail = text.parse().ok().filter(|_| text.len() <= longest);
    tail.ok_or_else(|| Fault::new("registration", "not of the form of an aircraft's"))
}
