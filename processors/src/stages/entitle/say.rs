//! What is said to each passenger of what happened, each thing once.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{
    BookingDisruption, BookingLiability, Care, Outcome, PassengerEvent, PassengerKind, Phase, Reaccommodation, Traveller,
};
use slipstream_schemas::topics::{LIABILITY_BY_LEG, PASSENGER_EVENTS};
use slipstream_streams::processor::Cx;

use super::assess::cancelled;
use super::case::Case;
use super::gate::departure;
use crate::context::Typed;

/// What is behind an event.
#[derive(Debug, Clone)]
pub(super) struct Behind {
    pub(super) disruption: String,
    pub(super) leg: Leg,
    pub(super) scheduled_departure: i64,
    expected_departure: Option<i64>,
}

impl From<&BookingDisruption> for Behind {
    fn from(known: &BookingDisruption) -> Self {
        Self {
            disruption: known.what.disruption.clone(),
            leg: known.what.leg,
            scheduled_departure: known.what.scheduled_departure,
            expected_departure: known.what.expected_departure,
        }
    }
}

impl Behind {
    /// What happened at the gate; none in the case of a journey.
    pub(super) fn at_gate(case: &Case) -> Option<Self> {
        let gate = case.gate.first()?;
        let disruption = format!("{} {}", gate.leg, gate.kind);
        Some(Self { disruption, leg: gate.leg, scheduled_departure: departure(case, &gate.leg), expected_departure: None })
    }
}

/// Says that legs are disrupted or no longer so, and what came of the search for a way on.
pub(super) fn news(cx: &mut Cx<'_>, case: &mut Case) {
    for d in case.disruptions.clone() {
        let (id, pattern) = (&d.what.disruption, d.what.pattern);
        let over = d.what.phase == Phase::Resolved || d.what.arrived;
        if (!over || cancelled(&d)) && case.is_news(format!("disrupted {id} {pattern}")) {
            event(cx, case, PassengerKind::Disrupted, &Behind::from(&d), pattern.as_str(), None);
        }
        let told = case.said.iter().any(|fact| fact.starts_with(&format!("disrupted {id} ")));
        if told && over && !cancelled(&d) && case.is_news(format!("resolved {id}")) {
            let reason = if d.what.arrived { "arrived" } else { "no longer expected" };
            event(cx, case, PassengerKind::Resolved, &Behind::from(&d), reason, None);
        }
    }
    if let Some(way) = case.way.first().cloned() {
        way_on(cx, case, &way);
    }
}

fn way_on(cx: &mut Cx<'_>, case: &mut Case, way: &Reaccommodation) {
    let Some(behind) = behind(case, &way.disruption) else {
        return;
    };
    let legs: Vec<String> = way.segments.iter().map(|segment| segment.leg.to_string()).collect();
    let kind = match way.outcome {
        Outcome::Rebooked => PassengerKind::Rebooked,
        Outcome::Unplaceable => PassengerKind::Unplaceable,
        Outcome::Kept => PassengerKind::Resolved,
        Outcome::Refunded | Outcome::Unknown => return,
    };
    if case.is_news(format!("{} {}", way.outcome, legs.join(" "))) {
        event(cx, case, kind, &behind, &way.reason, None);
    }
}

/// The disruption with an id, or else the latest: a way on can be the answer to what broke an earlier one.
fn behind(case: &Case, disruption: &str) -> Option<Behind> {
    let known = case.disruptions.iter().find(|d| d.what.disruption == disruption);
    known.or(case.disruptions.last()).map(Behind::from).or_else(|| behind_way(case))
}

/// What a way on says that it answers, where no disruption of the journey is known.
pub(super) fn behind_way(case: &Case) -> Option<Behind> {
    let way = case.way.first()?;
    let place = usize::try_from(way.segment - case.first).unwrap_or(0);
    let broken = case.booked.get(place).or(case.booked.last())?;
    let (leg, scheduled_departure) = (broken.leg, broken.scheduled_departure);
    Some(Behind { disruption: way.disruption.clone(), leg, scheduled_departure, expected_departure: None })
}

/// Says what is at stake, where that has changed: to the leg that it was said of before, that it no longer is.
pub(super) fn stakes(cx: &mut Cx<'_>, case: &mut Case, now: Option<BookingLiability>) {
    let before = case.staked.pop();
    if before == now {
        case.staked.extend(before);
        return;
    }
    let elsewhere = before.filter(|before| now.as_ref().is_none_or(|now| now.leg != before.leg));
    let withdrawn = elsewhere.map(|before| BookingLiability { passengers: 0, stakes: Vec::new(), cliffs: Vec::new(), ..before });
    for message in withdrawn.iter().chain(&now) {
        cx.send(LIABILITY_BY_LEG, &message.leg.to_string(), message);
    }
    case.staked.extend(now);
}

/// One event for each passenger of the case.
pub(super) fn event(cx: &mut Cx<'_>, case: &Case, kind: PassengerKind, behind: &Behind, reason: &str, care: Option<&Care>) {
    let new = match kind {
        PassengerKind::Rebooked => case.way.first().map(|way| way.segments.clone()).unwrap_or_default(),
        _ => Vec::new(),
    };
    let message = |passenger: &Traveller, leg: &Leg| PassengerEvent {
        pnr: case.pnr,
        passenger: passenger.passenger,
        kind,
        disruption: behind.disruption.clone(),
        leg: leg.to_string(),
        segments: new.clone(),
        reason: reason.to_owned(),
        language: passenger.language.clone(),
        channel: passenger.channel.clone(),
        contact: passenger.contact.clone(),
        expected_departure: behind.expected_departure,
        care: care.cloned(),
    };
    for passenger in &case.passengers {
        cx.send(PASSENGER_EVENTS, case.pnr.as_str(), &message(passenger, &behind.leg));
    }
}
