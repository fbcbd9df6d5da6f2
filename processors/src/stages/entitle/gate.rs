//! What happened at the gate, as a case of its own: who was refused, or carried in another class than booked.
//!
//! ```text
//! boarding.events ─► sound? ─┬─► a case for those passengers ─► the law
//!                            └─► who was refused leaves the journey's case: they were not on that flight
//! ```
//!
//! A refusal is judged on the journey (Article 4), a lower class on the one flight (Article 10, C-255/15). The case is over
//! when they arrived, or, where nothing is awaited, at once. Before the booking it waits. Agreed benefits are told to the audit
//! and change nothing: the law gives a volunteer the choice of Article 8 beside them.

use slipstream_schemas::ids::{Leg, Passenger as Id};
use slipstream_schemas::records::{Boarding, BoardingKind, Booking, Segment, Traveller};
use slipstream_streams::processor::{Cx, Poison};

use super::advance;
use super::assess::{later_date, leg};
use super::case::{self, BOOKINGS, CASES, Case};
use crate::context::Typed;
use crate::journey::{MINUTE, journeys};
use crate::rights::{self, Arrival, Event, Passenger, Reroute, Seat, cause};

/// Ten-thousandths of a currency unit in one hundredth of it.
const PARTS_OF_MINOR: i64 = 100;
/// A cause that says that they did not present in time.
const TOO_LATE: &str = "late_at_gate";

/// Takes what the gate says.
pub(super) fn take(cx: &mut Cx<'_>, news: Boarding) -> Result<(), Poison> {
    check(cx.key(), &news)?;
    let Some(booking) = cx.load::<Booking>(BOOKINGS, b"")? else {
        // Live, topics race: what is said of a booking may be here before the booking.
        cx.save(BOOKINGS, &[case::EARLY_GATE, &row(&news)].concat(), &news);
        return Ok(());
    };
    let known = cx.load::<Case>(CASES, &row(&news))?;
    if known.as_ref().is_some_and(|known| known.gate.contains(&news)) {
        return Ok(());
    }
    let mut case = match known {
        Some(known) => known,
        None => open(&booking, &news)?,
    };
    case.passengers = concerned(&booking, &news)?;
    if news.kind == BoardingKind::Refused {
        part(cx, &news)?;
    }
    case.gate = vec![news];
    advance(cx, case, false);
    Ok(())
}

/// The sub-key of the case: one for each leg and kind, volunteers and standby passengers apart.
pub(super) fn row(news: &Boarding) -> Vec<u8> {
    let way = match (news.volunteered, news.standby) {
        (true, _) => " volunteered",
        (false, true) => " standby",
        (false, false) => "",
    };
    format!("{} {}{way}", news.leg, news.kind).into_bytes()
}

fn invalid(problem: impl std::fmt::Display) -> Poison {
    Poison::new("invalid boarding", problem)
}

fn check(key: &str, news: &Boarding) -> Result<(), Poison> {
    if news.pnr.as_str() != key {
        return Err(Poison::new("misplaced key", format_args!("pnr: {} under the key {key}", news.pnr)));
    }
    if news.kind == BoardingKind::Unknown {
        return Err(invalid("kind: not known to this program"));
    }
    if news.passengers.is_empty() {
        return Err(invalid("passengers: empty"));
    }
    if news.kind == BoardingKind::Refused && cause(&news.cause).is_none() {
        return Err(invalid(format_args!("cause: `{}` is no cause", news.cause)));
    }
    match news.segment_price_minor {
        Some(price) if price < 0 => Err(invalid(format_args!("segment_price_minor: {price} is below 0"))),
        Some(_) if news.currency.is_none() => Err(invalid("currency: missing, but there is a price")),
        _ => Ok(()),
    }
}

/// The passengers whom it concerns, as the booking knows them.
fn concerned(booking: &Booking, news: &Boarding) -> Result<Vec<Traveller>, Poison> {
    let find = |id: &Id| {
        let known = booking.passengers.iter().find(|traveller| traveller.passenger == *id);
        known.cloned().ok_or_else(|| invalid(format_args!("passengers: {id} is not on {}", booking.pnr)))
    };
    news.passengers.iter().map(find).collect()
}

fn open(booking: &Booking, news: &Boarding) -> Result<Case, Poison> {
    let place = booking.segments.iter().position(|segment| segment.leg == news.leg);
    let place = place.ok_or_else(|| invalid(format_args!("leg: {} is not on {}", news.leg, booking.pnr)))?;
    let journey = journeys(&booking.segments).into_iter().find(|journey| journey.contains(&place));
    let whole = journey.filter(|_| news.kind == BoardingKind::Refused);
    Ok(case::of(booking, whole.unwrap_or(place..place + 1)))
}

/// Takes who was refused out of the journey's case.
fn part(cx: &mut Cx<'_>, news: &Boarding) -> Result<(), Poison> {
    let Some(mut journey) = case::known(cx, &news.leg)? else {
        return Ok(());
    };
    journey.passengers.retain(|traveller| !news.passengers.contains(&traveller.passenger));
    case::ask_again(cx, journey);
    Ok(())
}

/// Those of a booking's passengers who were not refused on any of some segments.
pub(super) fn carried(cx: &Cx<'_>, segments: &[Segment], people: &[Traveller]) -> Result<Vec<Traveller>, Poison> {
    let cases = cx.load_all::<Case>(CASES, b"")?;
    let refused: Vec<Boarding> =
        cases.into_iter().flat_map(|(_, case)| case.gate).filter(|gate| is_refusal(gate, segments)).collect();
    let flew = |traveller: &&Traveller| !refused.iter().any(|gate| gate.passengers.contains(&traveller.passenger));
    Ok(people.iter().filter(flew).cloned().collect())
}

fn is_refusal(gate: &Boarding, segments: &[Segment]) -> bool {
    gate.kind == BoardingKind::Refused && segments.iter().any(|segment| segment.leg == gate.leg)
}

/// Nothing more is awaited: they arrived, or were carried on the flight itself.
pub(super) fn is_over(gate: &Boarding) -> bool {
    gate.kind != BoardingKind::Refused || gate.arrived_at.is_some()
}

/// When the leg was to leave, epoch ms.
pub(super) fn departure(case: &Case, leg: &Leg) -> i64 {
    case.booked.iter().find(|segment| segment.leg == *leg).map_or(0, |segment| segment.scheduled_departure)
}

/// The facts as they stand.
pub(super) fn facts(case: &Case, gate: &Boarding) -> Option<rights::Case> {
    let (first, last) = (case.booked.first()?, case.booked.last()?);
    let refused = gate.kind == BoardingKind::Refused;
    let late = |at: i64| Arrival::InBlock(((at - last.scheduled_arrival).div_euclid(MINUTE)) as i32);
    Some(rights::Case {
        as_of: Some(gate.leg.date),
        origin: Some(first.leg.origin),
        destination: Some(last.leg.destination),
        operating_carrier: Some(gate.leg.carrier.to_string()),
        legs: case.booked.iter().map(leg).collect(),
        event: Some(if refused { Event::DeniedBoarding } else { Event::Downgrade }),
        arrival: gate.arrived_at.filter(|_| refused).map(late).unwrap_or_default(),
        reroute: Reroute {
            offered: gate.reroute_offered,
            dep_offset_min: gate.reroute_departure_offset_min,
            arr_delay_min: gate.reroute_arrival_delay_min,
        },
        cause: cause(&gate.cause),
        overnight_wait: overnight(case, gate),
        seat: Seat {
            upgraded: gate.kind == BoardingKind::Upgraded,
            segment_price: gate.segment_price_minor.map(|price| price.saturating_mul(PARTS_OF_MINOR)),
            currency: gate.currency.map(|currency| currency.to_string()),
            ..Seat::default()
        },
        passenger: Passenger {
            confirmed: Some(!gate.standby),
            presented: Some(gate.cause != TOO_LATE),
            volunteered: gate.volunteered,
            ..Passenger::default()
        },
        ..rights::Case::default()
    })
}

/// Whether the way that was offered leaves on a later local date.
fn overnight(case: &Case, gate: &Boarding) -> Option<bool> {
    let booked = departure(case, &gate.leg);
    later_date(gate.leg.origin, booked, booked + i64::from(gate.reroute_departure_offset_min?) * MINUTE)
}

/// What happened in one line, for the audit.
pub(super) fn summary(gate: &Boarding) -> String {
    let consent = match (gate.volunteered, gate.standby) {
        (true, _) => "volunteered",
        (false, false) => "not volunteered",
        (false, true) => "standby, not volunteered",
    };
    let agreed = if gate.benefit.is_empty() { "nothing agreed".to_owned() } else { format!("agreed: {}", gate.benefit) };
    let (paid, flown) = (gate.cabin_paid, gate.cabin_flown);
    format!("boarding={} on {}, {consent}, {agreed}; paid {paid}, flown {flown}; cause {}", gate.kind, gate.leg, gate.cause)
}
