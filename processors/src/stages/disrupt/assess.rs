//! How bad a leg's trouble is, why, and how sure that is.
//!
//! ```text
//! cancelled, diverted ─► CRITICAL
//! else the greater of departure and arrival delay, the arrival's alone once the leg is in:
//!   15 min LOW (S2-10) · 60 min HIGH (S2-10) · 180 min CRITICAL
//! ```
//!
//! Expectations move; so an open disruption stays until the delay is below [`STAY_MIN`], and a severity until the
//! delay is [`SLACK_MIN`] below its threshold. Facts do not move and are taken as they are.

use slipstream_schemas::records::{Cause, Disruption, FlightEvent, FlightStatus, Pattern, Phase, Severity};

use super::causes::{LATE_INBOUND, UNKNOWN, kind, ranked, sole};
use super::{Brought, Watched};
use crate::journey::MINUTE;

/// Delay that opens a disruption, minutes.
const OPEN_MIN: i32 = 15;
/// Expected delay below which an open one is over, minutes.
const STAY_MIN: i32 = 10;
/// Delay of severity HIGH, minutes.
const HIGH_MIN: i32 = 60;
/// Delay of severity CRITICAL, minutes.
const CRITICAL_MIN: i32 = 180;
/// An expected delay must fall this far below a threshold to lose its severity, minutes.
const SLACK_MIN: i32 = 5;
/// Share of the late inbound from which the delay is reactionary, and down to which it stays so, percent.
const REACTIONARY_SHARE: (i32, i32) = (50, 40);

/// Percent of expectations of each kind that come true. Those of the push are the share of departures that became
/// at least 15 min late on recorded US months, two to four hours ahead; the others are judgement, not measurement.
mod confidence {
    pub(super) const FACT: i32 = 100;
    pub(super) const PUSH_60: i32 = 98;
    pub(super) const PUSH_30: i32 = 97;
    /// The airline says so.
    pub(super) const STATED: i32 = 90;
    /// Anything weaker.
    pub(super) const EXPECTED: i32 = 80;
}

/// What is expected, or known, of a leg's instants.
struct Outlook {
    departure: Option<i64>,
    arrival: Option<i64>,
    departure_late: i32,
    arrival_late: i32,
}

impl Outlook {
    fn of(watched: &Watched, event: &FlightEvent) -> Self {
        let turn = watched.turn.as_ref();
        let brought = |instant: fn(&Brought) -> Option<i64>| turn.and_then(instant);
        let departure = event.out_at.or_else(|| event.estimated_departure.max(brought(|turn| turn.expected_departure)));
        let departure_late = late(departure, Some(event.scheduled_departure));
        // Until it flies, a leg is expected to arrive at least as late as it leaves.
        let carried = event.scheduled_arrival.map(|planned| planned.saturating_add(i64::from(departure_late) * MINUTE));
        let carried = carried.filter(|_| departure_late > 0);
        let expected = brought(|turn| turn.expected_arrival);
        let arrival = event.in_at.or_else(|| match event.off_at {
            Some(_) => expected.or(event.estimated_arrival).or(carried),
            None => event.estimated_arrival.max(expected).max(carried),
        });
        Self { departure, arrival, departure_late, arrival_late: late(arrival, event.scheduled_arrival) }
    }
}

fn late(at: Option<i64>, planned: Option<i64>) -> i32 {
    let minutes = at.zip(planned).map_or(0, |(at, planned)| at.saturating_sub(planned).div_euclid(MINUTE));
    i32::try_from(minutes.max(0)).unwrap_or(i32::MAX)
}

/// The trouble of a leg as it now stands; its id, phase and leg are the caller's. None when there is none worth telling.
pub(super) fn assess(watched: &Watched, event: &FlightEvent, open: Option<&Disruption>) -> Option<Disruption> {
    let outlook = Outlook::of(watched, event);
    match event.status {
        FlightStatus::Cancelled => Some(lost(watched, event, Pattern::Cancellation)),
        FlightStatus::Diverted => Some(lost(watched, event, Pattern::Diversion)),
        _ => delayed(watched, event, &outlook, open),
    }
}

/// How a disruption ended whose delay has fallen away or did not outlast the flight.
pub(super) fn outcome(watched: &Watched, event: &FlightEvent, told: &Disruption) -> Disruption {
    let outlook = Outlook::of(watched, event);
    let arrived = event.in_at.is_some();
    Disruption {
        expected_departure: outlook.departure.or(Some(event.scheduled_departure)),
        expected_arrival: outlook.arrival.or(event.scheduled_arrival),
        severity: Severity::Low,
        confidence: if arrived { confidence::FACT } else { confidence::EXPECTED },
        arrived,
        ..told.clone()
    }
}

/// A leg that will not arrive where it was to.
fn lost(watched: &Watched, event: &FlightEvent, pattern: Pattern) -> Disruption {
    let stated = kind(event.reason.as_deref());
    let pushed = watched.turn.as_ref().filter(|turn| turn.push_min >= Some(CRITICAL_MIN));
    let causes = match pushed {
        Some(turn) if stated == UNKNOWN && event.out_at.is_none() => sole(LATE_INBOUND, &turn.signal_id),
        _ if stated == UNKNOWN => sole(UNKNOWN, &watched.event_id),
        _ => sole(stated, &watched.reason_id),
    };
    let confidence = if event.assumed { confidence::STATED } else { confidence::FACT };
    let expected_departure = event.out_at.filter(|_| pattern == Pattern::Diversion);
    Disruption { expected_departure, ..disruption(event, pattern, Severity::Critical, causes, confidence) }
}

fn delayed(watched: &Watched, event: &FlightEvent, outlook: &Outlook, open: Option<&Disruption>) -> Option<Disruption> {
    let arrived = event.in_at.is_some();
    let minutes = if arrived { outlook.arrival_late } else { outlook.departure_late.max(outlook.arrival_late) };
    let stays =
        open.is_some() && (outlook.arrival_late >= STAY_MIN || event.out_at.is_none() && outlook.departure_late >= STAY_MIN);
    let was_late = arrived && outlook.departure_late >= OPEN_MIN && watched.told.is_none();
    if minutes < OPEN_MIN && (arrived || !stays) && !was_late {
        return None;
    }
    let causes = causes(watched, event, outlook, minutes.max(1));
    let share = causes.iter().find(|cause| cause.kind == LATE_INBOUND).map_or(0, |cause| cause.share);
    let was = open.is_some_and(|open| open.pattern == Pattern::ReactionaryDelay);
    let reactionary = share >= if was { REACTIONARY_SHARE.1 } else { REACTIONARY_SHARE.0 };
    let pattern = if reactionary { Pattern::ReactionaryDelay } else { Pattern::Delay };
    let slack = if arrived { 0 } else { SLACK_MIN };
    let severity = severity(minutes, open.map(|open| open.severity), slack);
    Some(Disruption {
        expected_departure: outlook.departure,
        expected_arrival: outlook.arrival,
        arrived,
        ..disruption(event, pattern, severity, causes, certainty(watched, event, outlook))
    })
}

/// Severity of a delay; one that was worse before stays so until the delay is clear of its threshold.
fn severity(minutes: i32, before: Option<Severity>, slack: i32) -> Severity {
    let of = |minutes: i32| match minutes {
        CRITICAL_MIN.. => Severity::Critical,
        HIGH_MIN.. => Severity::High,
        _ => Severity::Low,
    };
    of(minutes).max(before.unwrap_or(Severity::Unknown).min(of(minutes.saturating_add(slack))))
}

/// What the aircraft brought along, and for the rest the stated reason.
fn causes(watched: &Watched, event: &FlightEvent, outlook: &Outlook, minutes: i32) -> Vec<Cause> {
    let push = watched.turn.as_ref().and_then(|turn| turn.push_min).unwrap_or_default();
    let brought = push.clamp(0, outlook.departure_late).min(minutes);
    let signal = watched.turn.as_ref().map(|turn| turn.signal_id.clone()).unwrap_or_default();
    let stated = kind(event.reason.as_deref());
    let evidence = if stated == UNKNOWN { &watched.event_id } else { &watched.reason_id };
    ranked((LATE_INBOUND, brought, signal), (stated, minutes - brought, evidence.clone()))
}

fn certainty(watched: &Watched, event: &FlightEvent, outlook: &Outlook) -> i32 {
    if event.in_at.is_some() || event.out_at.is_some() && outlook.departure_late >= OPEN_MIN {
        return confidence::FACT;
    }
    let push = watched.turn.as_ref().and_then(|turn| turn.push_min).filter(|_| event.out_at.is_none());
    match push.unwrap_or_default() {
        60.. => confidence::PUSH_60,
        30.. => confidence::PUSH_30,
        _ if late(event.estimated_departure, Some(event.scheduled_departure)) >= OPEN_MIN => confidence::STATED,
        _ => confidence::EXPECTED,
    }
}

fn disruption(event: &FlightEvent, pattern: Pattern, severity: Severity, causes: Vec<Cause>, confidence: i32) -> Disruption {
    Disruption {
        disruption: String::new(),
        scope: "leg".to_owned(),
        leg: event.leg,
        pattern,
        phase: Phase::Unknown,
        severity,
        causes,
        confidence,
        reason: event.reason.clone(),
        scheduled_departure: event.scheduled_departure,
        scheduled_arrival: event.scheduled_arrival,
        expected_departure: None,
        expected_arrival: None,
        arrived: false,
        onward: None,
        passengers: None,
    }
}
