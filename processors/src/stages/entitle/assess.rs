//! From a case to the facts that the law asks for. Nothing here says anything.
//!
//! ```text
//! disruptions ─► event, cause, departure delay        way on ─► offer, arrival, night        told_at ─► notice
//! what the carrier submits ─► cause and parts in place of what is presumed, measures
//! ```

use slipstream_schemas::ids::{Airport, Leg};
use slipstream_schemas::records::{BookingDisruption, CarrierProof, Outcome, Pattern, Phase, Segment};
use slipstream_schemas::reference;

use super::case::Case;
use super::defence::submit;
use super::gate;
use crate::journey::{HOUR, MINUTE};
use crate::rights::{self, Arrival, Choice, Event, Passenger, Reroute, cause_of_code};

/// A cause with at least this share of the minutes is the cause; otherwise it is mixed. Percent.
const MAIN_SHARE: i32 = 60;
/// Below this a leg is as good as on time, and nothing more is heard of it, minutes.
const LATE_MIN: i32 = 15;
/// Departure delays at which something falls due when nobody says when the flight will leave, ms (Article 6).
const CLIFFS: [i64; 4] = [2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR];
/// Passengers of a cancelled flight are taken to be at the airport this long before it was to leave, ms.
pub(super) const PRESENCE: i64 = 2 * HOUR;

/// The leg does not operate.
pub(super) fn cancelled(news: &BookingDisruption) -> bool {
    news.what.pattern == Pattern::Cancellation && news.what.expected_departure.is_none()
}

/// The journey as booked cannot be travelled, and no way on stands yet.
pub(super) fn broken(case: &Case) -> bool {
    let stands = case.way.first().is_some_and(|way| matches!(way.outcome, Outcome::Rebooked | Outcome::Kept));
    let hurt =
        |d: &BookingDisruption| cancelled(d) || (d.what.pattern == Pattern::Diversion && !d.what.arrived) || d.connection_at_risk;
    let stranded = case.way.first().is_some_and(|way| way.outcome == Outcome::Unplaceable);
    !stands && (stranded || booked(case).any(hurt))
}

/// Disruptions of legs that were booked.
fn booked(case: &Case) -> impl Iterator<Item = &BookingDisruption> {
    case.disruptions.iter().filter(|d| case.booked.iter().any(|segment| segment.leg == d.what.leg))
}

fn of<'a>(case: &'a Case, segment: &Segment) -> Option<&'a BookingDisruption> {
    case.disruptions.iter().find(|d| d.what.leg == segment.leg)
}

/// The journey's last leg, as really travelled, is in.
pub(super) fn arrived(case: &Case) -> bool {
    if let Some(gate) = case.gate.first() {
        return gate::is_over(gate);
    }
    matches!(arrival(case), Arrival::InBlock(_))
}

/// Delay at the final destination against the booked arrival.
fn arrival(case: &Case) -> Arrival {
    let (Some(booked), Some(last)) = (case.booked.last(), case.travelled().last()) else {
        return Arrival::Unknown;
    };
    let late = |at: i64| ((at - booked.scheduled_arrival).div_euclid(MINUTE)) as i32;
    if let Some(at) = case.way.first().and_then(|way| way.arrived_at) {
        return Arrival::InBlock(late(at));
    }
    if broken(case) {
        return if case.closed { Arrival::Never } else { Arrival::Unknown };
    }
    let landed_elsewhere = |d: &&BookingDisruption| d.what.pattern != Pattern::Diversion;
    match of(case, last).filter(landed_elsewhere).map(|d| (d.what.expected_arrival, d.what.arrived)) {
        Some((Some(at), true)) => Arrival::InBlock(late(at)),
        // Late when last heard of, and nobody ever said that it arrived.
        Some((Some(at), false)) if case.closed && late(at) >= LATE_MIN => Arrival::Unknown,
        Some((Some(at), false)) => Arrival::Expected(late(at)),
        _ => Arrival::Expected(late(last.scheduled_arrival)),
    }
}

/// Nobody knows when the journey ends: it is broken, or its last leg is still in trouble.
pub(super) fn is_open(case: &Case) -> bool {
    let last = case.travelled().last().and_then(|last| of(case, last));
    broken(case) || last.is_some_and(|d| d.what.phase != Phase::Resolved && !d.what.arrived)
}

/// No flight of the journey was taken: its first one is what was disrupted, and it never left.
pub(super) fn nothing_flown(case: &Case) -> bool {
    let first = case.booked.first().and_then(|first| of(case, first));
    first.is_some_and(|d| cancelled(d) || (!d.what.arrived && d.what.pattern != Pattern::Diversion))
}

/// At a timer: whether the journey has to be taken as over, with what is known.
pub(super) fn is_over(case: &Case, now: i64) -> bool {
    let ahead = case.travelled().last().and_then(|last| of(case, last)).and_then(|d| d.what.expected_arrival);
    ahead.is_none_or(|at| at < now)
}

/// The leg behind the case, with its scheduled off-block.
pub(super) fn main(case: &Case) -> Option<(Leg, i64)> {
    if let Some(gate) = case.gate.first() {
        return Some((gate.leg, gate::departure(case, &gate.leg)));
    }
    let first = case.booked.first()?;
    let news = main_news(case);
    Some(news.map_or((first.leg, first.scheduled_departure), |d| (d.what.leg, d.what.scheduled_departure)))
}

/// A cancellation first, then what came up first.
fn main_news(case: &Case) -> Option<&BookingDisruption> {
    booked(case).find(|d| cancelled(d)).or_else(|| booked(case).next())
}

/// The facts as they stand; none where nothing happened yet. A connection can be missed though no leg of it is
/// late enough for a disruption: then the way on is all that there is to go by. `proof`: submitted for the leg behind it.
pub(super) fn facts(case: &Case, proof: Option<&CarrierProof>, now: i64) -> Option<rights::Case> {
    if let Some(gate) = case.gate.first() {
        return gate::facts(case, gate);
    }
    let mut facts = presumed(case, now)?;
    if let Some(proof) = proof {
        // The minutes of a leg are those of the journey where nothing was booked after it.
        let ends_here = case.booked.last().is_some_and(|last| last.leg == proof.leg);
        submit(proof, ends_here, &mut facts);
    }
    Some(facts)
}

/// The facts before anybody submits anything.
fn presumed(case: &Case, now: i64) -> Option<rights::Case> {
    let (first, last) = (case.booked.first()?, case.booked.last()?);
    let main = main_news(case);
    if main.is_none() && case.way.is_empty() {
        return None;
    }
    let event = match main {
        Some(main) if cancelled(main) => Event::Cancellation,
        Some(main) if main.what.pattern == Pattern::Diversion => Event::Diversion,
        _ => Event::Delay,
    };
    let reroute = offer(case);
    let leg_behind = main.map_or(first.leg, |main| main.what.leg);
    Some(rights::Case {
        as_of: Some(leg_behind.date),
        origin: Some(first.leg.origin),
        destination: Some(last.leg.destination),
        operating_carrier: Some(leg_behind.carrier.to_string()),
        legs: case.booked.iter().map(leg).collect(),
        event: Some(event),
        // What does not fly has no departure delay, unless by the flight that replaces it.
        dep_delay_min: departure_delay(case, now).filter(|_| event != Event::Cancellation || reroute.offered == Some(true)),
        arrival: arrival(case),
        notice_min: main.and_then(|main| notice(case, main)),
        reroute,
        choice: case.refunded.then_some(Choice::Refund),
        cause: main.and_then(cause),
        overnight_wait: overnight(case),
        // The booking is the carrier's own record of it.
        passenger: Passenger { confirmed: Some(true), ..Passenger::default() },
        ..rights::Case::default()
    })
}

/// A leg as booked; its licence, the table of carriers knows.
pub(super) fn leg(segment: &Segment) -> rights::Leg {
    rights::Leg {
        from: segment.leg.origin,
        to: segment.leg.destination,
        operating_carrier: Some(segment.leg.carrier.to_string()),
        licence: rights::Licence::default(),
        arr_delay_min: None,
    }
}

/// The worst departure delay: of a booked leg, or of the wait for a new one.
fn departure_delay(case: &Case, now: i64) -> Option<i32> {
    let late = |d: &BookingDisruption| {
        let leaves = d.what.expected_departure.unwrap_or(now);
        (!cancelled(d)).then(|| ((leaves - d.what.scheduled_departure).div_euclid(MINUTE)) as i32)
    };
    let waits = case.way.first().and_then(|way| way.departure_offset_min);
    booked(case).filter_map(late).chain(waits).max()
}

fn notice(case: &Case, main: &BookingDisruption) -> Option<i64> {
    Some((main.what.scheduled_departure - case.told_at?).div_euclid(MINUTE))
}

fn offer(case: &Case) -> Reroute {
    let Some(way) = case.way.first() else {
        return Reroute::default();
    };
    match (way.outcome, way.departure_offset_min, way.arrival_delay_min) {
        (Outcome::Unplaceable, ..) => Reroute { offered: Some(false), ..Reroute::default() },
        (_, dep_offset_min @ Some(_), arr_delay_min @ Some(_)) => Reroute { offered: Some(true), dep_offset_min, arr_delay_min },
        _ => Reroute::default(),
    }
}

/// The airline's own code first, then what the pipeline has found.
fn cause(main: &BookingDisruption) -> Option<rights::Cause> {
    if let Some(cause) = main.what.reason.as_deref().and_then(cause_of_code) {
        return rights::cause(cause);
    }
    let first = main.what.causes.first()?;
    let name = match first.kind.as_str() {
        _ if first.share < MAIN_SHARE => "mixed",
        "late_inbound" => "late_inbound_rotation",
        kind => kind,
    };
    rights::cause(name).or_else(|| rights::cause("unknown"))
}

/// Whether the new departure lies on a later local date than the booked one; none while there is no new departure.
fn overnight(case: &Case) -> Option<bool> {
    if let Some(way) = case.way.first().filter(|way| way.outcome == Outcome::Rebooked) {
        let new = way.segments.first()?;
        let wait = i64::from(way.departure_offset_min?) * MINUTE;
        return later_date(new.leg.origin, new.scheduled_departure - wait, new.scheduled_departure);
    }
    if broken(case) {
        return None;
    }
    let moved =
        booked(case).filter_map(|d| later_date(d.what.leg.origin, d.what.scheduled_departure, d.what.expected_departure?));
    moved.max()
}

pub(super) fn later_date(airport: Airport, before: i64, after: i64) -> Option<bool> {
    let airport = reference::airport(airport)?;
    Some(airport.local_date(after)? > airport.local_date(before)?)
}

/// The next instant at which care or a choice can fall due though nothing is heard.
pub(super) fn next_due(case: &Case, now: i64) -> Option<i64> {
    let cliffs = booked(case).flat_map(|d| {
        let departure = d.what.scheduled_departure;
        let silent = !cancelled(d) && d.what.expected_departure.is_none();
        let waiting = CLIFFS.into_iter().filter(move |_| silent).map(move |cliff| departure + cliff);
        waiting.chain(cancelled(d).then_some(departure - PRESENCE))
    });
    cliffs.filter(|due| *due > now).min()
}
