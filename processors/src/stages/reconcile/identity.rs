//! Which leg an observation speaks of.
//!
//! ```text
//! the source's own id of the leg ─► else route, suffix, stated date or a departure within 12 h of any that the leg has had
//!                                     ├─ one ─► that leg        a tie ─► refused as `ambiguous leg`
//!                                     └─ none ─► a new leg; a movement without schedule waits for one
//! ```
//!
//! A new leg needs a scheduled departure. Its date is the one that the source states, or the calendar date at the
//! origin; its name is minted once and never changes. A second id that one source gives to one identity is a second leg:
//! `repeat` counts them. A suffix that is not stated matches any, as long as there is only one.

use slipstream_schemas::ids::{Airport, Date, Leg, Suffix};
use slipstream_schemas::records::{DateMeaning, FlightObservation};
use slipstream_schemas::reference;
use slipstream_streams::processor::{Cx, Poison};

use super::known::Known;
use super::plausible::moves;
use super::{KEEP_MS, LEGS};
use crate::context::Typed;
use crate::journey::HOUR;

/// A departure this close to one that the leg has had may be that leg, ms.
const TOLERANCE_MS: u64 = 12 * HOUR as u64;
/// Most legs of one carrier and number under way or planned.
const LEGS_MAX: usize = 2_000;

/// The leg that an observation speaks of.
pub(super) enum Found {
    /// Its row.
    Known(Vec<u8>, Box<Known>),
    /// Not heard of before, departing then.
    New(Leg, i64),
    /// A movement of a leg that nobody has scheduled yet.
    Unscheduled,
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
///
/// # Errors
/// `ambiguous leg`, `unmatched leg`, `too many legs`, or a schedule outside the calendar.
pub(super) fn find(cx: &Cx<'_>, said: &FlightObservation, known_at: i64) -> Result<Found, Poison> {
    if let Some(date) = local_date(said).filter(|_| said.source_leg.is_some()) {
        let prefix = row_prefix(said.origin, said.destination, said.suffix, date);
        if let Some(found) = named(cx.load_all(LEGS, &prefix)?, said) {
            return Ok(found);
        }
    }
    let mut all: Vec<(Vec<u8>, Known)> = cx.load_all(LEGS, b"")?;
    let is_own = |known: &Known| known.named_by(&said.source).is_some_and(|name| Some(name) == said.source_leg.as_deref());
    if let Some(place) = all.iter().position(|(_, known)| is_own(known)) {
        let (sub, known) = all.swap_remove(place);
        return Ok(Found::Known(sub, Box::new(known)));
    }
    let count = all.len();
    let taken: Vec<Leg> = all
        .iter()
        .filter(|(_, known)| same_route(known, said) && !can_be(known, said))
        .map(|(_, known)| known.last.leg)
        .collect();
    match nearest(all, said, known_at)? {
        Some((sub, known)) => Ok(Found::Known(sub, Box::new(known))),
        None => new(said, known_at, &taken, count),
    }
}

/// Another leg that a provisional one turns out to be, by the schedule that a source now states of it.
///
/// # Errors
/// A state row that cannot be read, or a tie.
pub(super) fn twin(cx: &Cx<'_>, own: &[u8], said: &FlightObservation, known_at: i64) -> Result<Option<(Vec<u8>, Known)>, Poison> {
    if said.scheduled_departure.is_none() {
        return Ok(None);
    }
    let all: Vec<(Vec<u8>, Known)> = cx.load_all(LEGS, b"")?;
    nearest(all.into_iter().filter(|(sub, known)| sub != own && !known.provisional).collect(), said, known_at)
}

/// The leg nearest to what is said; one without the suffix that is not stated only if it is alone.
fn nearest(all: Vec<(Vec<u8>, Known)>, said: &FlightObservation, known_at: i64) -> Result<Option<(Vec<u8>, Known)>, Poison> {
    let fits = |known: &Known| if can_be(known, said) { distance(known, said, known_at) } else { None };
    let mut near: Vec<_> = all.into_iter().filter_map(|(sub, known)| Some((fits(&known)?, sub, known))).collect();
    let same = |known: &Known| same_route(known, said);
    if said.suffix.is_some() || near.iter().any(|(_, _, known)| same(known)) {
        near.retain(|(_, _, known)| same(known));
    } else {
        near.retain(|(_, _, known)| (known.last.leg.origin, known.last.leg.destination) == (said.origin, said.destination));
    }
    near.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let tied = near.len() > 1 && (near[0].0 == near[1].0 || near[0].2.last.leg.suffix != said.suffix);
    if tied {
        let both = format!("{} or {}", near[0].2.last.leg, near[1].2.last.leg);
        return Err(Poison::processing("ambiguous leg", format_args!("scheduled_departure, suffix: could be {both}")));
    }
    Ok(near.into_iter().next().map(|(_, sub, known)| (sub, known)))
}

fn named(rows: Vec<(Vec<u8>, Known)>, said: &FlightObservation) -> Option<Found> {
    let mut rows = rows.into_iter();
    let (sub, known) = rows.find(|(_, known)| known.named_by(&said.source) == said.source_leg.as_deref())?;
    Some(Found::Known(sub, Box::new(known)))
}

/// The stated date, where it is the one that names a leg.
fn local_date(said: &FlightObservation) -> Option<Date> {
    said.date.filter(|_| matches!(said.date_meaning, DateMeaning::Unknown | DateMeaning::LegLocal | DateMeaning::DayLocal))
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
    let far = |instant: i64| known.departures.iter().map(|held| instant.abs_diff(*held)).min().unwrap_or(u64::MAX);
    if let Some(date) = local_date(said) {
        let away = far(said.scheduled_departure.unwrap_or(known.last.scheduled_departure));
        let same = date == known.last.leg.date;
        return (same || said.scheduled_departure.is_some() && away <= TOLERANCE_MS).then_some((!same, away));
    }
    let away = far(said.scheduled_departure.or(said.estimated_departure).or(said.at).unwrap_or(known_at));
    (away <= TOLERANCE_MS).then_some((false, away))
}

fn new(said: &FlightObservation, known_at: i64, taken: &[Leg], count: usize) -> Result<Found, Poison> {
    let closed = known_at.saturating_sub(KEEP_MS);
    let Some(departure) = said.scheduled_departure else {
        return match said.date.filter(|date| ends(*date).is_some_and(|end| end < closed)) {
            Some(_) => Ok(Found::Forgotten),
            None if moves(said.kind) => Ok(Found::Unscheduled),
            None => Err(Poison::processing(
                "unmatched leg",
                format_args!("scheduled_departure: missing, and no leg of {}{} fits", said.carrier, said.number),
            )),
        };
    };
    if departure < closed {
        return Ok(Found::Forgotten);
    }
    if count >= LEGS_MAX {
        return Err(Poison::resource(
            "too many legs",
            format_args!("number: {}{} has {LEGS_MAX} legs", said.carrier, said.number),
        ));
    }
    let leg = minted(said, departure, taken)?;
    Ok(Found::New(leg, departure))
}

/// The name of a new leg.
///
/// # Errors
/// A departure outside the calendar.
pub(super) fn minted(said: &FlightObservation, departure: i64, taken: &[Leg]) -> Result<Leg, Poison> {
    let date = local_date(said).or_else(|| reference::airport(said.origin)?.local_date(departure));
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
    Ok(Leg { repeat, ..leg })
}

/// The first instant at which a date is over everywhere, epoch ms.
fn ends(date: Date) -> Option<i64> {
    let midnight = date.civil().tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond() + 12 * HOUR)
}
