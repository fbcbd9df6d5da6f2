//! The order of evaluation, and the proof that every step adds to.

use slipstream_schemas::records::{Care, Rights, RuleApplied};

use super::compensation::{due, minutes, reduction};
use super::facts::Facts;
use super::ruleset::RuleSet;
use super::scope::{Scope, Territory, scopes, territory};
use super::{care, distance};

/// The steps taken so far, and the facts that were not there.
#[derive(Debug, Default)]
pub(super) struct Proof {
    rules: Vec<RuleApplied>,
    missing: Vec<String>,
}

impl Proof {
    /// A rule, the fact it read, what followed.
    pub(super) fn note(&mut self, id: &str, fact: impl Into<String>, effect: &str) {
        self.rules.push(RuleApplied { id: id.to_owned(), fact: fact.into(), effect: effect.to_owned() });
    }

    /// A fact that would change the answer is not there: the step stays open.
    pub(super) fn missing(&mut self, fact: &str, id: &str, why: &str) -> Option<bool> {
        self.note(id, why, "undetermined");
        self.lacks(fact);
        None
    }

    /// Names a fact that is not there.
    pub(super) fn lacks(&mut self, fact: &str) {
        if !self.missing.iter().any(|known| known == fact) {
            self.missing.push(fact.to_owned());
        }
    }
}

/// What the law owes on these facts.
#[must_use]
pub fn decide(facts: &Facts) -> Rights {
    let mut proof = Proof::default();
    let mut rights = open(facts);
    let places = (place(facts.origin, &mut proof), place(facts.destination, &mut proof));
    if let (Some(from), Some(to)) = places {
        let scopes = scopes(facts, from, to);
        judge(facts, &scopes, from.community() && to.community(), &mut rights, &mut proof);
    }
    (rights.rules, rights.missing) = (proof.rules, proof.missing);
    rights
}

/// An undetermined decision, to be filled in.
fn open(facts: &Facts) -> Rights {
    Rights {
        id: facts.id.clone(),
        decision: "undetermined".to_owned(),
        regime: "NONE".to_owned(),
        also_applicable: Vec::new(),
        ruleset: String::new(),
        eligible: None,
        amount: None,
        currency: None,
        reduction_percent: None,
        arr_delay_min: minutes(facts.arrival),
        distance_km: None,
        care: Care { meals: None, communications: None, hotel: None, transport: None },
        refund_right: None,
        reroute_right: None,
        liable_carrier: Some(facts.carrier.to_string()),
        missing: Vec::new(),
        rules: Vec::new(),
        status: if facts.closed { "final" } else { "provisional" }.to_owned(),
    }
}

fn place(airport: slipstream_schemas::ids::Airport, proof: &mut Proof) -> Option<Territory> {
    let place = territory(airport);
    if place.is_none() {
        proof.lacks(&format!("airport {airport}"));
    }
    place
}

/// Chooses the regime, then decides under it.
fn judge(facts: &Facts, scopes: &[Scope; 2], inside: bool, rights: &mut Rights, proof: &mut Proof) {
    let in_force: Vec<&Scope> =
        scopes.iter().filter(|scope| scope.covered != Some(false) && set(scope.regime, facts).is_some()).collect();
    let Some(primary) = in_force.first() else {
        return out_of_scope(scopes, rights, proof);
    };
    rights.regime = primary.regime.to_owned();
    let also = in_force[1..].iter().filter(|scope| scope.covered == Some(true));
    rights.also_applicable = also.map(|scope| scope.regime.to_owned()).collect();
    proof.note(primary.rule, primary.fact.clone(), if primary.covered.is_some() { "covered" } else { "undetermined" });
    let (Some(true), Some(set)) = (primary.covered, set(primary.regime, facts)) else {
        return proof.lacks("carrier_licence_country");
    };
    rights.ruleset = set.name.to_owned();
    if !set.enabled || facts.date.is_none() {
        return proof.lacks(&if set.enabled { "as_of".to_owned() } else { format!("ruleset {}", set.name) });
    }
    apply(set, facts, inside, rights, proof);
}

/// The set of a regime on the day; without a date the first one stands in, and the decision stays open.
fn set(regime: &str, facts: &Facts) -> Option<&'static RuleSet> {
    match facts.date {
        Some(date) => RuleSet::in_force(regime, date),
        None => super::RULESETS.iter().find(|set| set.regime == regime),
    }
}

fn out_of_scope(scopes: &[Scope; 2], rights: &mut Rights, proof: &mut Proof) {
    for scope in scopes {
        proof.note(scope.rule, scope.fact.clone(), "not covered");
    }
    rights.decision = "out_of_scope".to_owned();
    (rights.eligible, rights.amount, rights.liable_carrier) = (Some(false), Some(0), None);
}

fn apply(set: &RuleSet, facts: &Facts, inside: bool, rights: &mut Rights, proof: &mut Proof) {
    let Some(distance) = distance(facts.origin, facts.destination) else {
        return;
    };
    let km = distance.whole_km();
    let band = set.band(distance.km, inside);
    proof.note("DIST-2", format!("{} to {}: {km} km", facts.origin, facts.destination), ["band a", "band b", "band c"][band]);
    if distance.ambiguous(set.bands_km) {
        proof.note("DIST-4", format!("sphere: {:.1} km", distance.sphere_km), "near the end of a band: for review");
    }
    rights.distance_km = Some(km);
    rights.currency = Some(set.currency.to_owned());
    rights.eligible = due(set, facts, band, proof);
    match rights.eligible {
        Some(true) => {
            let reduction = reduction(set, facts, band, proof);
            let amount = set.sums[band] * i64::from(100 - reduction) / 100;
            proof.note("ART7-1", format!("band {}", ["a", "b", "c"][band]), &format!("{amount} {}", set.currency));
            (rights.amount, rights.reduction_percent) = (Some(amount), Some(reduction));
            rights.decision = "eligible".to_owned();
        }
        Some(false) => {
            (rights.amount, rights.reduction_percent) = (Some(0), Some(0));
            rights.decision = "not_eligible".to_owned();
        }
        None => {}
    }
    rights.care = care::care(set, facts, band, proof);
    (rights.refund_right, rights.reroute_right) = care::choice(set, facts, proof);
}
