//! Which leg an observation speaks of.
//!
//! ```text
//! the source's own id of the leg ─► else suffix, origin, destination and the stated date or the nearest departure ─► else a new leg
//! ```
//!
//! A new leg needs a scheduled departure. Its date is the one that the source states, or the calendar date at the
//! origin. A second id that one source gives to one identity is a second leg: `repeat` counts them.

use slipstream_schemas::ids::{Airport, Date, Leg, Suffix};
use slipstream_schemas::records::FlightObservation;
use slipstream_schemas::reference;
use slipstream_streams::processor::{Cx, Poison};

use super::known::Known;
use super::{KEEP_MS, LEGS};
use crate::context::Typed;
use crate::journey::HOUR;

/// Scheduled departures this far apart may be one leg, where no date is stated, ms.
const SCHEDULE_TOLERANCE_MS: u64 = 6 * HOUR as u64;
/// A fact without any schedule belongs to a departure this close to it, ms.
const FACT_TOLERANCE_MS: u64 = 12 * HOUR as u64;
/// Most legs of one carrier and number under way or planned.
const LEGS_MAX: usize = 2_000;

/// The leg that an observation speaks of.
pub(super) enum Found {
    /// Its row.
    Known(Vec<u8>, Box<Known>),
    /// Not heard of before, departing then.
    New(Leg, i64),
    /// Closed long ago, and forgotten.
    Forgotten,
}

/// Key of a leg's row: route and suffix, date, repeat.
pub(super) fn row(leg: &Leg) -> Vec<u8> {
    let mut row = row_prefix(leg.origin, leg.destination, leg.suffix, leg.date);
    row.extend_from_slice(leg.repeat.to_string().as_bytes());
    row
}

fn row_prefix(origin: Airport, destination: Airport, suffix: Option<Suffix>, date: Date) -> Vec<u8> {
    let suffix = suffix.as_ref().map_or("", Suffix::as_str);
    format!("{origin}-{destination}/{suffix}/{date}/").into_bytes()
}

/// Finds the leg.
pub(super) fn find(cx: &Cx<'_>, said: &FlightObservation, known_at: i64) -> Result<Found, Poison> {
    if let Some(date) = said.date.filter(|_| said.source_leg.is_some()) {
        let prefix = row_prefix(said.origin, said.destination, said.suffix, date);
        if let Some(found) = named(cx.load_all(LEGS, &prefix)?, said) {
            return Ok(found);
        }
    }
    let all: Vec<(Vec<u8>, Known)> = cx.load_all(LEGS, b"")?;
    let count = all.len();
    let (mut candidates, mut taken) = (Vec::new(), Vec::new());
    for (sub, known) in all {
        if known.named_by(&said.source).is_some_and(|name| Some(name) == said.source_leg.as_deref()) {
            return Ok(Found::Known(sub, Box::new(known)));
        }
        match same_route(&known, said) {
            true if can_be(&known, said) => candidates.push((sub, known)),
            true => taken.push(known.last.leg),
            false => {}
        }
    }
    let nearest = candidates.into_iter().filter_map(|(sub, known)| Some((distance(&known, said, known_at)?, sub, known)));
    if let Some((_, sub, known)) = nearest.min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1))) {
        return Ok(Found::Known(sub, Box::new(known)));
    }
    new(said, known_at, &taken, count)
}

fn named(rows: Vec<(Vec<u8>, Known)>, said: &FlightObservation) -> Option<Found> {
    let mut rows = rows.into_iter();
    let (sub, known) = rows.find(|(_, known)| known.named_by(&said.source) == said.source_leg.as_deref())?;
    Some(Found::Known(sub, Box::new(known)))
}

fn same_route(known: &Known, said: &FlightObservation) -> bool {
    let leg = &known.last.leg;
    (leg.origin, leg.destination, leg.suffix) == (said.origin, said.destination, said.suffix)
}

/// A source that knows the leg by another name speaks of another leg.
fn can_be(known: &Known, said: &FlightObservation) -> bool {
    match (known.named_by(&said.source), &said.source_leg) {
        (Some(name), Some(own)) => name == own,
        _ => true,
    }
}

/// How far a leg is from what is said, if it can be meant at all: a stated date counts before any distance.
fn distance(known: &Known, said: &FlightObservation, known_at: i64) -> Option<(bool, u64)> {
    let far = |instant: i64| instant.abs_diff(known.last.scheduled_departure).min(instant.abs_diff(known.first_departure));
    if let Some(date) = said.date {
        let away = far(said.scheduled_departure.unwrap_or(known.first_departure));
        let same = date == known.last.leg.date;
        return (same || said.scheduled_departure.is_some() && away <= SCHEDULE_TOLERANCE_MS).then_some((!same, away));
    }
    let (away, tolerance) = match said.scheduled_departure {
        Some(departure) => (far(departure), SCHEDULE_TOLERANCE_MS),
        None => (far(said.estimated_departure.or(said.at).unwrap_or(known_at)), FACT_TOLERANCE_MS),
    };
    (away <= tolerance).then_some((false, away))
}

fn new(said: &FlightObservation, known_at: i64, taken: &[Leg], count: usize) -> Result<Found, Poison> {
    let closed = known_at.saturating_sub(KEEP_MS);
    let Some(departure) = said.scheduled_departure else {
        return match said.date.filter(|date| ends(*date).is_some_and(|end| end < closed)) {
            Some(_) => Ok(Found::Forgotten),
            None => Err(Poison::new(
                "unmatched leg",
                format_args!("scheduled_departure: missing, and no leg of {}{} fits", said.carrier, said.number),
            )),
        };
    };
    if departure < closed {
        return Ok(Found::Forgotten);
    }
    if count >= LEGS_MAX {
        return Err(Poison::new("too many legs", format_args!("number: {}{} has {LEGS_MAX} legs", said.carrier, said.number)));
    }
    let date = said.date.or_else(|| reference::airport(said.origin)?.local_date(departure));
    let date = date.ok_or_else(|| Poison::new("invalid observation", "scheduled_departure: outside the calendar"))?;
    let leg = Leg {
        carrier: said.carrier,
        number: said.number,
        suffix: said.suffix,
        date,
        origin: said.origin,
        destination: said.destination,
        repeat: 0,
    };
    let repeat =
        taken.iter().filter(|other| Leg { repeat: 0, ..**other } == leg).map(|other| other.repeat + 1).max().unwrap_or(0);
    Ok(Found::New(Leg { repeat, ..leg }, departure))
}

/// The first instant at which a date is over everywhere, epoch ms.
fn ends(date: Date) -> Option<i64> {
    let midnight = date.civil().tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond() + 12 * HOUR)
}
