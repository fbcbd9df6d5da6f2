//! The order of evaluation, and what comes out.
//!
//! ```text
//! passenger ─► scope ─► rule set ─► band ─► event ─► circumstances ─► reduction ─► care, refund ─► Decision
//! ```
//!
//! Each step answers yes, no or open. A no settles the sum whatever stands open beside it; an open step leaves the
//! decision undetermined and names its fact.

use std::borrow::Cow;

use slipstream_schemas::ids::Date;
use slipstream_schemas::records::Care;

use super::care::{Assistance, all_care, assistance};
use super::carrier::{liable, note_difference};
use super::case::{Case, Choice, Event};
use super::contested::Question;
use super::distance::Distance;
use super::downgrade::{ClassRefund, refund};
use super::elsewhere::Regime;
use super::event::{Late, classified, gives_sum};
use super::excuse::is_freed;
use super::law::Law;
use super::passenger::{is_excluded, is_present};
use super::proof::{Proof, Step};
use super::reduction::percent;
use super::ruleset::RuleSet;
use super::scope::{Journey, Scope, both, scopes};
use super::territory::{place, turns};

/// The answer to scope and sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A sum is due (Article 7).
    Eligible,
    /// In scope, no sum.
    NotEligible,
    /// No regime covers it.
    OutOfScope,
    /// A share of the price is due (Article 10).
    DowngradeRefund,
    /// A fact is missing.
    Undetermined,
}

impl Verdict {
    /// Its name in decisions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eligible => "eligible",
            Self::NotEligible => "not_eligible",
            Self::OutOfScope => "out_of_scope",
            Self::DowngradeRefund => "downgrade_refund",
            Self::Undetermined => "undetermined",
        }
    }
}

/// What the law owes, with its proof. None: not known, or no such question.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<'c> {
    /// Case id.
    pub id: Option<&'c str>,
    /// Scope and sum.
    pub verdict: Verdict,
    /// Name of the regime, or `NONE`.
    pub regime: &'static str,
    /// Other regimes whose scope is met.
    pub also_applicable: Vec<&'static str>,
    /// Rule set, name@effective date; empty without a regime.
    pub ruleset: &'c str,
    /// A sum is payable.
    pub eligible: Option<bool>,
    /// Sum, whole currency units.
    pub amount: Option<i64>,
    /// Its currency, or that of the refund for a lower class.
    pub currency: Option<Cow<'c, str>>,
    /// Percent taken off the sum of the band.
    pub reduction_percent: Option<i32>,
    /// Minutes late at the final destination, as used.
    pub arr_delay_min: Option<i32>,
    /// First departure to final destination, whole kilometres.
    pub distance_km: Option<i32>,
    /// Care by kind.
    pub care: Care,
    /// A refund may be chosen.
    pub refund_right: Option<bool>,
    /// Re-routing may be chosen.
    pub reroute_right: Option<bool>,
    /// The way from the airport of a diversion is to be paid back.
    pub transfer_cost_reimbursable: Option<bool>,
    /// Percent of the flight's price (Article 10).
    pub downgrade_refund_percent: Option<i32>,
    /// That refund, hundredths of a currency unit.
    pub downgrade_refund_cents: Option<i64>,
    /// A supplement may be asked for a higher class.
    pub supplement_allowed: Option<bool>,
    /// Carrier that owes it.
    pub liable_carrier: Option<&'c str>,
    /// Facts that would change the answer.
    pub missing: Vec<Cow<'static, str>>,
    /// The proof, in order of application; empty where none was asked for.
    pub rules: Vec<Step>,
    /// Contested questions that it meets: for a person to look at.
    pub contested: Vec<Question>,
    /// No fact of the case can change it any more.
    pub is_final: bool,
}

impl Decision<'_> {
    /// The answer is known: a sum of so much, 0 for none, after a reduction.
    pub(super) fn settle(&mut self, verdict: Verdict, sum: i64, reduction_percent: i32) {
        self.verdict = verdict;
        (self.eligible, self.amount, self.reduction_percent) = (Some(sum > 0), Some(sum), Some(reduction_percent));
    }
}

/// What the steps after scope work on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matter<'c> {
    pub(super) law: &'c Law,
    pub(super) case: &'c Case,
    pub(super) set: &'c RuleSet,
    pub(super) journey: Journey<'c>,
    pub(super) event: Event,
    pub(super) late: Late,
    /// Band of the sum; none where an end of the journey is not known.
    pub(super) band: Option<usize>,
}

/// What the law owes on these facts, with its proof.
#[must_use]
pub fn decide<'c>(law: &'c Law, case: &'c Case) -> Decision<'c> {
    judge(law, case, Proof::new(true))
}

/// The same without the proof's text, for those who only count.
#[must_use]
pub fn decide_unproved<'c>(law: &'c Law, case: &'c Case) -> Decision<'c> {
    judge(law, case, Proof::new(false))
}

fn judge<'c>(law: &'c Law, case: &'c Case, mut proof: Proof) -> Decision<'c> {
    let mut decision = open(case);
    let excluded = is_excluded(law, case, &mut proof);
    if excluded == Some(true) || is_outside_on_any_date(law, case) {
        out_of_scope(case, &mut decision);
    } else {
        covered(law, case, excluded.map(|excluded| !excluded), &mut decision, &mut proof);
    }
    let settled = decision.verdict != Verdict::Undetermined;
    decision.missing = proof.missing(settled);
    decision.is_final &= settled;
    (decision.rules, decision.contested) = (proof.steps, proof.contested);
    decision
}

/// An undetermined decision, to be filled in.
fn open(case: &Case) -> Decision<'_> {
    Decision {
        id: case.id.as_deref(),
        verdict: Verdict::Undetermined,
        regime: "NONE",
        also_applicable: Vec::new(),
        ruleset: "",
        eligible: None,
        amount: None,
        currency: None,
        reduction_percent: None,
        arr_delay_min: None,
        distance_km: None,
        care: all_care(None),
        refund_right: None,
        reroute_right: None,
        transfer_cost_reimbursable: None,
        downgrade_refund_percent: None,
        downgrade_refund_cents: None,
        supplement_allowed: None,
        liable_carrier: None,
        missing: Vec::new(),
        rules: Vec::new(),
        contested: Vec::new(),
        is_final: true,
    }
}

/// No date is known, and on none would a regime cover the journey: neither when the law began nor after any turn of the map.
fn is_outside_on_any_date(law: &Law, case: &Case) -> bool {
    let outside = |on: Date| {
        let scopes = scopes(law, case, &Journey::of(case, Some(on)), Some(on));
        scopes.iter().all(|scope| scope.covered == Some(false))
    };
    let mut dates = law.sets().first().map(|first| first.from).into_iter().chain(turns().iter().copied());
    case.as_of.is_none() && law.others().next().is_none() && dates.all(outside)
}

fn out_of_scope(case: &Case, decision: &mut Decision<'_>) {
    decision.settle(Verdict::OutOfScope, 0, 0);
    decision.care = all_care(Some(false));
    (decision.refund_right, decision.reroute_right) = (Some(false), Some(false));
    decision.transfer_cost_reimbursable = (case.event == Some(Event::Diversion)).then_some(false);
    if case.event == Some(Event::Downgrade) {
        (decision.downgrade_refund_percent, decision.downgrade_refund_cents) = (Some(0), Some(0));
    }
}

/// Chooses the regime, then decides under it. `included`: the passenger is one whom the law protects.
fn covered<'c>(law: &'c Law, case: &'c Case, included: Option<bool>, decision: &mut Decision<'c>, proof: &mut Proof) {
    let on = case.as_of;
    let journey = Journey::of(case, on);
    decision.distance_km = journey.distance.map(Distance::whole_km);
    note_difference(case, on, proof);
    let scopes = scopes(law, case, &journey, on);
    let primary = scopes.iter().find(|scope| scope.covered != Some(false));
    if let Some(regime) = leads(law, case, &journey, primary) {
        let beside = primary.filter(|scope| scope.covered == Some(true)).map(|scope| scope.regime);
        decision.also_applicable.extend(beside);
        return elsewhere(law, case, regime, journey, included, decision, proof);
    }
    let Some(primary) = primary else {
        scopes.iter().for_each(|scope| scope.note(&journey, proof));
        if on.is_none() {
            // The map of today leaves it out; that of another day does not.
            return proof.lacks("as_of");
        }
        return out_of_scope(case, decision);
    };
    primary.note(&journey, proof);
    let Some(set) = ruleset(law, primary, on, proof) else {
        return without_set(law, case, primary.regime, decision, proof);
    };
    (decision.regime, decision.ruleset) = (primary.regime, set.name.as_str());
    overlap(law, &scopes, primary.regime, on, decision, proof);
    let others = law.others().filter(|regime| regime.covers(case, &journey, on));
    decision.also_applicable.extend(others.map(|regime| regime.name.as_str()));
    if !law.enables(set) {
        proof.lacks(format!("ruleset {}", set.name));
        return;
    }
    let known = both(both(primary.covered, included), on.map(|_| true));
    decision.liable_carrier = liable(case, &journey, primary, on, proof);
    weigh(law, case, set, journey, known, decision, proof);
    if primary.covered.is_none() && journey.from.and(journey.to).is_none() {
        // Where it starts or ends is not known, so neither is the regime: the above only collected what is missing.
        (decision.regime, decision.ruleset, decision.currency) = ("NONE", "", None);
    }
}

/// A regime that was switched on and comes first: no other covers the journey, or it is that of the departure point.
fn leads(law: &Law, case: &Case, journey: &Journey<'_>, primary: Option<&Scope>) -> Option<&'static Regime> {
    let arrives = primary.is_some_and(|scope| matches!(scope.rule, "EU-SCOPE-2" | "EU-SCOPE-6" | "UK-SCOPE-2" | "UK-SCOPE-3"));
    let mut covering = law.others().filter(|regime| regime.covers(case, journey, case.as_of));
    covering.find(|regime| primary.is_none() || (arrives && regime.departs(journey)))
}

/// Decides under another regime.
fn elsewhere<'c>(
    law: &'c Law,
    case: &'c Case,
    regime: &'static Regime,
    journey: Journey<'c>,
    included: Option<bool>,
    decision: &mut Decision<'c>,
    proof: &mut Proof,
) {
    let covering = law.others().filter(|other| other.name != regime.name && other.covers(case, &journey, case.as_of));
    decision.also_applicable.extend(covering.map(|other| other.name.as_str()));
    if case.as_of.is_none() {
        proof.lacks("as_of");
    }
    // What is shared with the Regulation, such as the door's minutes, is read from its first set.
    let (Some(event), Some(set)) = (case.event, law.sets().first()) else {
        return proof.lacks("event");
    };
    let event = classified(case, event, proof);
    let late = Late::of(set, case.arrival);
    decision.arr_delay_min = late.minutes;
    let matter = Matter { law, case, set, journey, event, late, band: None };
    super::elsewhere::weigh(regime, &matter, both(included, case.as_of.map(|_| true)), decision, proof);
}

/// The set of a regime on the day; none before the first. Without a date the first stands in, and the decision stays open.
fn ruleset<'c>(law: &'c Law, scope: &Scope, on: Option<Date>, proof: &mut Proof) -> Option<&'c RuleSet> {
    let Some(date) = on else {
        proof.lacks("as_of");
        return law.sets().iter().find(|set| set.regime == scope.regime);
    };
    let set = law.in_force(scope.regime, date)?;
    proof.note("RULESET-1", format_args!("departure {date}"), format_args!("{}", set.name));
    Some(set)
}

/// The departure lies before the first set of the regime, or after one that has no successor.
fn without_set(law: &Law, case: &Case, regime: &'static str, decision: &mut Decision<'_>, proof: &mut Proof) {
    let Some(date) = case.as_of else { return };
    if let Some(ended) = law.ended(regime, date) {
        proof.note("RULESET-1", format_args!("departure {date}, after {ended}"), format_args!("{regime}: no set is known"));
        decision.regime = regime;
        return proof.lacks(format!("ruleset {regime} after {ended}"));
    }
    proof.note("RULESET-1", format_args!("departure {date}, before {regime}"), format_args!("not covered"));
    out_of_scope(case, decision);
}

fn overlap(law: &Law, scopes: &[Scope; 2], primary: &str, on: Option<Date>, decision: &mut Decision<'_>, proof: &mut Proof) {
    let exists = |scope: &&Scope| on.is_none_or(|date| law.in_force(scope.regime, date).is_some());
    let others = scopes.iter().filter(|scope| scope.regime != primary && scope.covered == Some(true));
    for other in others.filter(exists) {
        proof.note("OVERLAP-1", format_args!("{} applies too", other.regime), format_args!("never added"));
        proof.contested(Question::Q18);
        decision.also_applicable.push(other.regime);
    }
}

/// Event, circumstances, sum and assistance. `known`: scope, passenger and date hold; none while that is open.
fn weigh<'c>(
    law: &'c Law,
    case: &'c Case,
    set: &'c RuleSet,
    journey: Journey<'c>,
    known: Option<bool>,
    decision: &mut Decision<'c>,
    proof: &mut Proof,
) {
    let Some(event) = case.event else {
        return proof.lacks("event");
    };
    let event = classified(case, event, proof);
    let late = Late::of(set, case.arrival);
    let band = band(law, set, &journey, proof);
    let matter = Matter { law, case, set, journey, event, late, band };
    decision.arr_delay_min = late.minutes.or(case.reroute.arr_delay_min.filter(|_| event != Event::Delay));
    decision.currency = Some(Cow::Borrowed(set.currency.as_str()));
    let present = is_present(case, event, proof);
    if event == Event::Downgrade {
        downgraded(&matter, known, decision, proof);
    } else {
        summed(&matter, known, present, decision, proof);
    }
    let right = assistance(&matter, both(known, present), case.as_of, proof);
    take(right, decision);
}

fn take(right: Assistance, decision: &mut Decision<'_>) {
    decision.care = right.care;
    (decision.refund_right, decision.reroute_right) = (right.refund, right.reroute);
    decision.transfer_cost_reimbursable = right.transfer;
}

/// The band of the journey; an end that no table knows leaves the decision open.
fn band(law: &Law, set: &RuleSet, journey: &Journey<'_>, proof: &mut Proof) -> Option<usize> {
    journey.lacks_ends(proof);
    let (from, to) = (journey.origin?, journey.destination?);
    let distance = journey.distance?;
    let inside = journey.is_inside(law)?;
    let km = if law.other(Question::Q7) { distance.sphere_km() } else { distance.km };
    let band = set.band(km, inside);
    let name = ["a", "b", "c"][band];
    proof.note("DIST-2", format_args!("{from} to {to}: {} km", distance.whole_km()), format_args!("band {name}"));
    let associated = inside && !(journey.from?.union() && journey.to?.union());
    if set.caps_inside && set.band(km, false) != band && associated {
        proof.contested(Question::Q5);
    }
    if distance.ambiguous(set.bands_km) {
        proof.note("DIST-4", format_args!("sphere: {:.1} km", distance.sphere_km()), format_args!("near the end of a band"));
        proof.contested(Question::Q7);
    }
    Some(band)
}

/// The sum of Article 7.
fn summed(matter: &Matter<'_>, known: Option<bool>, present: Option<bool>, decision: &mut Decision<'_>, proof: &mut Proof) {
    let awaited = proof.awaited();
    let due = due(matter, present, proof);
    let unknown_end =
        [matter.journey.origin, matter.journey.destination].iter().flatten().any(|airport| place(*airport).is_none());
    if due == Some(false) && known == Some(true) && !unknown_end {
        decision.settle(Verdict::NotEligible, 0, 0);
    }
    if due == Some(false) {
        return proof.waits_no_more(awaited);
    }
    let percent = percent(matter, proof);
    let (Some(true), Some(true), Some(percent), Some(band), false) = (due, known, percent, matter.band, proof.is_open()) else {
        return;
    };
    let amount = matter.set.sums[band] * i64::from(100 - percent) / 100;
    let currency = matter.set.currency.as_str();
    proof.note("ART7-1", format_args!("band {}", ["a", "b", "c"][band]), format_args!("{amount} {currency}"));
    proof.note("PAY-1", format_args!("sum due"), format_args!("cash or transfer; vouchers only with signed consent"));
    decision.settle(Verdict::Eligible, amount, percent);
    decision.is_final = is_final(matter);
}

/// Whether a sum is due: the event gives it, the passenger was there, no circumstance frees the carrier.
fn due(matter: &Matter<'_>, present: Option<bool>, proof: &mut Proof) -> Option<bool> {
    if present == Some(false) {
        return present;
    }
    let given = gives_sum(matter, proof);
    if given == Some(false) {
        return given;
    }
    if present.is_none() {
        proof.lacks("passenger.presented_on_time");
    }
    let freed = if matter.event == Event::DeniedBoarding { Some(false) } else { is_freed(matter, proof) };
    both(both(given, present), freed.map(|freed| !freed))
}

/// Whether the arrival that the decision rests on is the real one, or none is awaited.
fn is_final(matter: &Matter<'_>) -> bool {
    let offered = matter.case.reroute.offered == Some(true) && matter.case.choice != Some(Choice::Refund);
    let awaited = offered && matter.late.minutes.is_none() && matter.event != Event::Advance;
    !matter.late.is_estimate && !awaited
}

/// The refund of Article 10.
fn downgraded(matter: &Matter<'_>, known: Option<bool>, decision: &mut Decision<'_>, proof: &mut Proof) {
    let ClassRefund { percent, cents } = refund(matter, proof);
    (decision.downgrade_refund_percent, decision.downgrade_refund_cents) = (percent, cents);
    decision.supplement_allowed = matter.case.seat.upgraded.then_some(false);
    if let Some(currency) = matter.case.seat.currency.as_deref() {
        decision.currency = Some(Cow::Owned(currency.to_owned()));
    }
    if known == Some(true) && !proof.is_open() {
        decision.settle(if matter.case.seat.upgraded { Verdict::NotEligible } else { Verdict::DowngradeRefund }, 0, 0);
    }
}
