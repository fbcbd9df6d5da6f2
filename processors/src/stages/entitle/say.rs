//! What is said to each passenger of a case, each thing once.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{
    Audit, BookingDisruption, Care, Outcome, PassengerEvent, PassengerKind, Phase, Reaccommodation, Rights, RightsDecision,
    RuleApplied, Traveller,
};
use slipstream_schemas::topics::{DECISION_AUDIT, PASSENGER_EVENTS};
use slipstream_streams::processor::Cx;

use super::assess::{PRESENCE, cancelled};
use super::case::Case;
use crate::context::Typed;
use crate::rights::{self, Event};

/// Delay from which a case is put to the law, minutes: from here on each passenger has to be informed in writing
/// of the rules (Article 14(2)).
const INFORM_MIN: i32 = 120;

/// What is behind an event.
#[derive(Debug, Clone)]
struct Behind {
    disruption: String,
    leg: Leg,
    scheduled_departure: i64,
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
fn behind_way(case: &Case) -> Option<Behind> {
    let way = case.way.first()?;
    let place = usize::try_from(way.segment - case.first).unwrap_or(0);
    let broken = case.booked.get(place).or(case.booked.last())?;
    let (leg, scheduled_departure) = (broken.leg, broken.scheduled_departure);
    Some(Behind { disruption: way.disruption.clone(), leg, scheduled_departure, expected_departure: None })
}

/// Says what the law gives: care and choice as they fall due, the decision whenever it changes.
pub(super) fn entitlements(cx: &mut Cx<'_>, case: &mut Case, facts: &rights::Case, rights: Rights) {
    let main = case.disruptions.iter().find(|d| cancelled(d)).or(case.disruptions.first()).map(Behind::from);
    let Some(main) = main.or_else(|| behind_way(case)) else {
        return;
    };
    if rights.decision != "out_of_scope" && !case.closed {
        care(cx, case, facts, &rights.care, &main);
        let choice = rights.refund_right == Some(true);
        if choice && case.is_news("choice".to_owned()) {
            let reason = if rights.reroute_right == Some(true) { "refund or re-routing" } else { "refund" };
            event(cx, case, PassengerKind::ChoiceOffered, &main, reason, None);
        }
    }
    let worth = facts.event != Some(Event::Delay)
        || facts.dep_delay_min.is_some_and(|min| min >= INFORM_MIN)
        || facts.arrival.minutes().is_some_and(|min| min >= INFORM_MIN)
        || !case.way.is_empty();
    if worth || !case.decided.is_empty() {
        decision(cx, case, rights, &main);
    }
}

fn care(cx: &mut Cx<'_>, case: &mut Case, facts: &rights::Case, care: &Care, main: &Behind) {
    let present = facts.event != Some(Event::Cancellation) || cx.now() >= main.scheduled_departure - PRESENCE;
    if care.meals != Some(true) || !present {
        return;
    }
    let night = care.hotel == Some(true);
    // A night is told of once, also when it only shows later; it then comes with all the rest.
    if case.is_news(format!("care {night}")) && (night || !case.said.contains(&"care true".to_owned())) {
        let reason = if night { "meals, communications, hotel, transport" } else { "meals, communications" };
        event(cx, case, PassengerKind::CareDue, main, reason, Some(care));
    }
}

fn decision(cx: &mut Cx<'_>, case: &mut Case, rights: Rights, main: &Behind) {
    if case.decided.first().is_some_and(|before| same_answer(before, &rights)) {
        return;
    }
    for passenger in &case.passengers {
        let message = RightsDecision {
            pnr: case.pnr,
            passenger: passenger.passenger,
            kind: PassengerKind::RightsDecision,
            disruption: main.disruption.clone(),
            leg: main.leg.to_string(),
            rights: Rights { id: format!("{}/{}", case.pnr, passenger.passenger), ..rights.clone() },
            language: passenger.language.clone(),
            channel: passenger.channel.clone(),
            contact: passenger.contact.clone(),
        };
        cx.send(PASSENGER_EVENTS, case.pnr.as_str(), &message);
    }
    audit(cx, case, case.decided.first(), &rights);
    case.decided = vec![rights];
}

/// Whether a passenger would read the same in both; minutes that change nothing are no revision.
fn same_answer(a: &Rights, b: &Rights) -> bool {
    let answer = |rights: &Rights| Rights { id: String::new(), arr_delay_min: None, rules: Vec::new(), ..rights.clone() };
    answer(a) == answer(b)
}

/// What made this decision another one than the last: the facts that it did not read before.
fn revision(before: Option<&Rights>, now: &Rights) -> String {
    let Some(before) = before else {
        return "first decision".to_owned();
    };
    let is_new = |rule: &&RuleApplied| !before.rules.iter().any(|known| known.id == rule.id && known.fact == rule.fact);
    let facts: Vec<&str> = now.rules.iter().filter(is_new).map(|rule| rule.fact.as_str()).collect();
    match (facts.is_empty(), before.status == now.status) {
        (false, _) => format!("revised: {}", facts.join("; ")),
        (true, false) => format!("revised: {} is now {}", before.status, now.status),
        (true, true) => "revised: a fact fell away".to_owned(),
    }
}

fn audit(cx: &mut Cx<'_>, case: &Case, before: Option<&Rights>, rights: &Rights) {
    let sum = rights
        .amount
        .map_or_else(|| "open".to_owned(), |amount| format!("{amount} {}", rights.currency.as_deref().unwrap_or("-")));
    let audit = Audit {
        subject: case.pnr.to_string(),
        stage: "entitle".to_owned(),
        decision: format!("{} {sum} ({})", rights.decision, rights.status),
        rule: rights.ruleset.clone(),
        inputs: std::iter::once(revision(before, rights))
            .chain(rights.rules.iter().map(|rule| format!("{}={}", rule.id, rule.fact)))
            .collect(),
        alternatives: rights.missing.iter().map(|fact| format!("may change with {fact}")).collect(),
    };
    cx.send(DECISION_AUDIT, case.pnr.as_str(), &audit);
}

/// One event for each passenger of the case.
fn event(cx: &mut Cx<'_>, case: &Case, kind: PassengerKind, behind: &Behind, reason: &str, care: Option<&Care>) {
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
