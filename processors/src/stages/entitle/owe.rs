//! What the law gives, said as it falls due: care by kind, the choice, the decision whenever it changes, the money.
//!
//! ```text
//! decision ─┬─► CARE_DUE (each kind once) ─┬─► decision.audit: the case, the rule set, the outcome
//!           ├─► CHOICE_OFFERED             │
//!           ├─► RIGHTS_DECISION (revision) │
//!           └─► PAYMENT_DUE (final sums) ──┘
//! ```
//!
//! Care and choice follow the facts as they stand and whatever the cause (C-12/11). Money is due by a final decision; a sum
//! that a correction changes is said again, 0 included.

use slipstream_schemas::records::{
    Audit, Care, CarrierProof, Claim, PassengerKind, PaymentDue, Rights, RightsDecision, RuleApplied, Traveller,
};
use slipstream_schemas::topics::{DECISION_AUDIT, PASSENGER_EVENTS};
use slipstream_streams::processor::Cx;

use super::assess::{PRESENCE, cancelled, nothing_flown};
use super::case::Case;
use super::defence;
use super::gate;
use super::line::case_line;
use super::say::{Behind, behind_way, event};
use crate::context::Typed;
use crate::journey::HOUR;
use crate::rights::{self, Event, Owed, terms};

/// Delay from which a case is put to the law, minutes: from here on each passenger has to be informed in writing
/// of the rules (Article 14(2)).
const INFORM_MIN: i32 = 120;
/// Hundredths of a currency unit.
const MINOR: i64 = 100;

/// What is said together of one case at one instant.
struct Matter<'m> {
    facts: &'m rights::Case,
    rights: &'m Rights,
    main: &'m Behind,
    /// What the carrier submitted for the leg behind it.
    proof: Option<&'m CarrierProof>,
}

/// Says what the law gives, and keeps what was said.
pub(super) fn entitlements(cx: &mut Cx<'_>, case: &mut Case, facts: &rights::Case, proof: Option<&CarrierProof>, rights: Rights) {
    let main = case.disruptions.iter().find(|d| cancelled(d)).or(case.disruptions.first()).map(Behind::from);
    let Some(main) = Behind::at_gate(case).or(main).or_else(|| behind_way(case)) else {
        return;
    };
    let matter = Matter { facts, rights: &rights, main: &main, proof };
    if rights.decision != "out_of_scope" && !case.closed {
        care(cx, case, &matter);
        choice(cx, case, &matter);
    }
    let worth = facts.event != Some(Event::Delay)
        || facts.dep_delay_min.is_some_and(|min| min >= INFORM_MIN)
        || facts.arrival.minutes().is_some_and(|min| min >= INFORM_MIN)
        || !case.way.is_empty();
    if worth || !case.decided.is_empty() {
        decision(cx, case, &matter);
        sum(cx, case, &matter);
        refund(cx, case, &matter);
    }
}

/// Each kind of care once, when it falls due; a night can show later than the meals.
fn care(cx: &mut Cx<'_>, case: &mut Case, matter: &Matter<'_>) {
    let present = matter.facts.event != Some(Event::Cancellation) || cx.now() >= matter.main.scheduled_departure - PRESENCE;
    if !present {
        return;
    }
    let care = &matter.rights.care;
    let mut news = |kind: &str, due: Option<bool>| (due == Some(true) && case.is_news(format!("care {kind}"))).then_some(true);
    let fresh = Care {
        meals: news("meals", care.meals),
        communications: news("communications", care.communications),
        hotel: news("hotel", care.hotel),
        transport: news("transport", care.transport),
    };
    let kinds = [
        ("meals", fresh.meals),
        ("communications", fresh.communications),
        ("hotel", fresh.hotel),
        ("transport", fresh.transport),
    ];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(_, due)| due.is_some()).map(|(kind, _)| kind).collect();
    if !kinds.is_empty() {
        let reason = kinds.join(", ");
        event(cx, case, PassengerKind::CareDue, matter.main, &reason, Some(&fresh));
        audit(cx, case, matter, format!("care due: {reason}"), "it falls due on these facts".to_owned());
    }
}

/// The choice once, and once more where re-routing joins the refund.
fn choice(cx: &mut Cx<'_>, case: &mut Case, matter: &Matter<'_>) {
    const BOTH: &str = "refund or re-routing";
    let reason = match (matter.rights.refund_right, matter.rights.reroute_right) {
        (Some(true), Some(true)) => BOTH,
        (Some(true), _) if !case.said.contains(&format!("choice {BOTH}")) => "refund",
        _ => return,
    };
    if case.is_news(format!("choice {reason}")) {
        event(cx, case, PassengerKind::ChoiceOffered, matter.main, reason, None);
        audit(cx, case, matter, format!("choice to be offered: {reason}"), "it falls due on these facts".to_owned());
    }
}

fn decision(cx: &mut Cx<'_>, case: &mut Case, matter: &Matter<'_>) {
    let left_open = case.closed && !case.decided_closed && matter.rights.decision == "undetermined";
    if !left_open && case.decided.first().is_some_and(|before| same_answer(before, matter.rights)) {
        return;
    }
    let because = revision(case.decided.first(), matter.rights, left_open);
    case.revision += 1;
    for passenger in &case.passengers {
        let message = decision_for(case, passenger, matter, &because);
        cx.send(PASSENGER_EVENTS, case.pnr.as_str(), &message);
    }
    let rights = matter.rights;
    let sum = rights
        .amount
        .map_or_else(|| "open".to_owned(), |amount| format!("{amount} {}", rights.currency.as_deref().unwrap_or("-")));
    audit(cx, case, matter, format!("{} {sum} ({})", rights.decision, rights.status), because);
    case.decided = vec![rights.clone()];
    case.decided_closed = case.closed;
    case.heard.clear();
}

fn decision_for(case: &Case, passenger: &Traveller, matter: &Matter<'_>, because: &str) -> RightsDecision {
    RightsDecision {
        pnr: case.pnr,
        passenger: passenger.passenger,
        kind: PassengerKind::RightsDecision,
        disruption: matter.main.disruption.clone(),
        leg: matter.main.leg.to_string(),
        rights: Rights { id: format!("{}/{}", case.pnr, passenger.passenger), ..matter.rights.clone() },
        language: passenger.language.clone(),
        channel: passenger.channel.clone(),
        contact: passenger.contact.clone(),
        revision: case.revision,
        because: because.to_owned(),
        evidence: case.heard.clone(),
        closed: case.closed,
    }
}

/// Whether a passenger would read the same in both; minutes that change nothing are no revision.
fn same_answer(a: &Rights, b: &Rights) -> bool {
    let answer = |rights: &Rights| Rights { id: String::new(), arr_delay_min: None, rules: Vec::new(), ..rights.clone() };
    answer(a) == answer(b)
}

/// What made this decision another one than the last: the facts that it did not read before.
fn revision(before: Option<&Rights>, now: &Rights, left_open: bool) -> String {
    let Some(before) = before else {
        return "first decision".to_owned();
    };
    let is_new = |rule: &&RuleApplied| !before.rules.iter().any(|known| known.id == rule.id && known.fact == rule.fact);
    let facts: Vec<&str> = now.rules.iter().filter(is_new).map(|rule| rule.fact.as_str()).collect();
    let facts = facts.join("; ");
    match (left_open, facts.is_empty(), before.status == now.status) {
        (true, ..) => format!("revised: the journey is over, and not known is {}", now.missing.join(", ")),
        (_, false, _) => format!("revised: {facts}"),
        (_, true, false) => format!("revised: {} is now {}", before.status, now.status),
        (_, true, true) => "revised: a fact fell away".to_owned(),
    }
}

/// What money a decision is about.
fn owed(matter: &Matter<'_>) -> Owed {
    match matter.facts.event {
        Some(Event::Downgrade) => Owed::ClassRefund,
        Some(Event::DeniedBoarding) => Owed::DeniedBoarding,
        _ => Owed::Compensation,
    }
}

/// What is payable by a decision, minor units: of a final one, and after denied boarding at once (Article 4(3)).
fn payable(matter: &Matter<'_>) -> i64 {
    let (rights, owed) = (matter.rights, owed(matter));
    match (rights.decision.as_str(), rights.status.as_str()) {
        ("downgrade_refund", "final") => rights.downgrade_refund_minor.unwrap_or(0),
        ("eligible", status) if status == "final" || owed == Owed::DeniedBoarding => rights.amount.unwrap_or(0) * MINOR,
        _ => 0,
    }
}

/// The sum that a decision gives: once, whenever it changes, and 0 when a correction takes it back.
fn sum(cx: &mut Cx<'_>, case: &mut Case, matter: &Matter<'_>) {
    let (rights, owed, sum) = (matter.rights, owed(matter), payable(matter));
    let currency = rights.currency.clone().unwrap_or_default();
    let due = format!("{sum} {currency}");
    if (sum == 0 && case.due.is_empty()) || due == case.due {
        return;
    }
    let (claim, name) = match owed {
        Owed::ClassRefund => (Claim::DowngradeRefund, "refund for a lower class"),
        _ => (Claim::Compensation, "compensation"),
    };
    for passenger in &case.passengers {
        let message = payment_of(cx, case, passenger, matter, (claim, owed));
        let message = PaymentDue { covers: 1, amount_minor: Some(sum), currency: Some(currency.clone()), ..message };
        cx.send(PASSENGER_EVENTS, case.pnr.as_str(), &message);
    }
    let because = format!("the decision is {}", rights.status);
    audit(cx, case, matter, format!("payment due: {name} {due} in minor units"), because);
    case.due = due;
}

/// The price of what was not flown, once the passengers have chosen it and the law gives the choice. It goes to the party.
fn refund(cx: &mut Cx<'_>, case: &mut Case, matter: &Matter<'_>) {
    let is_due = case.refunded && matter.rights.refund_right == Some(true);
    let Some(first) = case.passengers.first().cloned().filter(|_| is_due && case.is_news("refund due".to_owned())) else {
        return;
    };
    let message = PaymentDue {
        covers: i32::try_from(case.passengers.len()).unwrap_or(i32::MAX),
        amount_minor: case.price.filter(|_| nothing_flown(case)),
        currency: Some(case.currency.clone()),
        ..payment_of(cx, case, &first, matter, (Claim::Refund, Owed::Refund))
    };
    cx.send(PASSENGER_EVENTS, case.pnr.as_str(), &message);
    audit(cx, case, matter, "payment due: refund".to_owned(), "the booking was cancelled after the disruption".to_owned());
}

/// A payment without its sum.
fn payment_of(cx: &Cx<'_>, case: &Case, passenger: &Traveller, matter: &Matter<'_>, what: (Claim, Owed)) -> PaymentDue {
    let (claim, owed) = what;
    let terms = terms(&matter.rights.ruleset, owed);
    PaymentDue {
        pnr: case.pnr,
        passenger: passenger.passenger,
        kind: PassengerKind::PaymentDue,
        disruption: matter.main.disruption.clone(),
        leg: matter.main.leg.to_string(),
        claim,
        covers: 0,
        amount_minor: None,
        currency: None,
        due_by: terms.and_then(|terms| terms.days).map(|days| cx.now() + days * 24 * HOUR),
        basis: terms.map_or("", |terms| terms.basis).to_owned(),
        forms: terms.map(|terms| terms.forms.iter().map(|form| (*form).to_owned()).collect()).unwrap_or_default(),
        liable_carrier: matter.rights.liable_carrier.clone(),
        ruleset: matter.rights.ruleset.clone(),
        revision: case.revision,
        language: passenger.language.clone(),
        channel: passenger.channel.clone(),
        contact: passenger.contact.clone(),
    }
}

/// One automatic choice: the case as the law was asked it, its proof, the rule set, the outcome.
fn audit(cx: &mut Cx<'_>, case: &Case, matter: &Matter<'_>, chosen: String, because: String) {
    let scheduled_arrival = case.booked.last().map_or(0, |last| last.scheduled_arrival);
    let asked = format!("case={}", case_line(matter.facts, scheduled_arrival));
    let proof = matter.rights.rules.iter().map(|rule| format!("{}={}", rule.id, rule.fact));
    let told = case.gate.first().map(gate::summary).or_else(|| matter.proof.map(defence::summary));
    let audit = Audit {
        subject: case.pnr.to_string(),
        stage: "entitle".to_owned(),
        decision: chosen,
        rule: matter.rights.ruleset.clone(),
        inputs: [because, asked].into_iter().chain(told).chain(proof).collect(),
        alternatives: matter.rights.missing.iter().map(|fact| format!("may change with {fact}")).collect(),
    };
    cx.send(DECISION_AUDIT, case.pnr.as_str(), &audit);
}
