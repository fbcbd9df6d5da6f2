//! Who owes it: the carrier that operates, never the one that only sells, nor the one that lends aircraft and crew.

use slipstream_schemas::ids::Date;

use super::case::{Case, Leg};
use super::proof::Proof;
use super::scope::{EU, Journey, Scope, either, licensed};
use super::territory::licence_of;

/// The operating carrier of the disrupted leg: under a wet lease the lessee that sells the flight (C-532/17).
pub(super) fn operating(case: &Case) -> Option<&str> {
    let named = case.operating_carrier.as_deref();
    if case.wet_lease && named.is_some() && named == case.wet_lessor.as_deref() {
        return case.marketing_carrier.as_deref().filter(|seller| Some(*seller) != named);
    }
    named
}

/// Notes where the line and the table of carriers differ on a licence; the line wins.
pub(super) fn note_difference(case: &Case, on: Option<Date>, proof: &mut Proof) {
    let table = || operating(case).and_then(|carrier| licence_of(carrier, on));
    let both = case.licence.country.and_then(|said| Some((said, table()?)));
    if let Some((said, table)) = both.filter(|(said, table)| said != table) {
        proof.note_with("CARRIER-1", || {
            let name = |code: [u8; 2]| String::from_utf8_lossy(&code).into_owned();
            (format!("licence {} on the line, {} in the table", name(said), name(table)), "the line wins".to_owned())
        });
    }
}

/// The carrier that answers.
pub(super) fn liable<'c>(
    case: &'c Case,
    journey: &Journey<'c>,
    scope: &Scope,
    on: Option<Date>,
    proof: &mut Proof,
) -> Option<&'c str> {
    let addressed = operating(case);
    if case.wet_lease {
        proof.note("CARRIER-2", format_args!("wet lease"), format_args!("the lessee answers, not the lessor (C-532/17)"));
    }
    if journey.legs.len() < 2 {
        return journey.legs.first().and_then(|leg| leg.operating_carrier.as_deref()).or(addressed);
    }
    let departs = matches!(scope.rule, "EU-SCOPE-1" | "EU-SCOPE-4" | "UK-SCOPE-1");
    let answers = |leg: &&Leg| departs || counts(case, leg, on, scope.regime == EU);
    let carriers = || journey.legs.iter().filter(answers).filter_map(|leg| leg.operating_carrier.as_deref());
    let found = carriers().find(|carrier| Some(*carrier) == addressed).or(carriers().next());
    let rule = if departs { "CARRIER-3" } else { "EU-SCOPE-6" };
    proof.note(rule, format_args!("legs of several carriers, one booking"), format_args!("one carrier answers for the whole"));
    found
}

/// Whether a leg's licence is one that brings the journey under the regime.
fn counts(case: &Case, leg: &Leg, on: Option<Date>, is_eu: bool) -> bool {
    let licensed = licensed(case, leg, on);
    let counts = if is_eu { licensed.community } else { either(licensed.kingdom, licensed.union) };
    counts == Some(true)
}
