//! Which regime a journey falls under (Article 3): where it starts, where it ends, whose licence flies it.
//!
//! A journey is the whole booking (C-537/17), with the changes in between left aside; separate bookings are separate
//! journeys (Article 2(h)). Both regimes are asked; that of the departure point leads, sums are never added.

use std::borrow::Cow;

use slipstream_schemas::ids::{Airport, Date};

use super::case::{Case, Event, Leg};
use super::contested::Question;
use super::distance::{Distance, distance};
use super::law::Law;
use super::proof::Proof;
use super::territory::{Licensed, Territory, place};

/// Name of the Union's regime.
pub(super) const EU: &str = "EU261";
/// Name of the United Kingdom's.
pub(super) const UK: &str = "UK261";

/// The journey that is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Journey<'c> {
    /// First departure.
    pub(super) origin: Option<Airport>,
    /// Final destination.
    pub(super) destination: Option<Airport>,
    /// Where they lie on the day; none where the airport is not known.
    pub(super) from: Option<Territory>,
    pub(super) to: Option<Territory>,
    /// Its legs, where they are told apart.
    pub(super) legs: &'c [Leg],
    /// From one end to the other, directly.
    pub(super) distance: Option<Distance>,
}

impl<'c> Journey<'c> {
    /// The journey of a case as it counts for scope, on a date.
    pub(super) fn of(case: &'c Case, on: Option<Date>) -> Self {
        let beyond = case.seat.journey_destination.filter(|_| case.event == Some(Event::Downgrade));
        let (mut origin, mut destination, mut legs) = (case.origin, beyond.or(case.destination), &case.legs[..]);
        if case.separate_bookings {
            if let Some(leg) = worst(&case.legs) {
                (origin, destination, legs) = (Some(leg.from), Some(leg.to), std::slice::from_ref(leg));
            } else if let Some(change) = case.via.first() {
                destination = Some(*change);
            }
        }
        let lies = |airport: Option<Airport>| Some(place(airport?)?.territory(on));
        let distance = origin.zip(destination).and_then(|(from, to)| distance(from, to));
        Self { origin, destination, from: lies(origin), to: lies(destination), legs, distance }
    }

    /// Both ends lie in the Community, as the law is read; none where an end is not known.
    pub(super) fn is_inside(&self, law: &Law) -> Option<bool> {
        let inside = |at: Territory| if law.other(Question::Q5) { at.union() } else { at.community() };
        Some(inside(self.from?) && inside(self.to?))
    }

    /// Names each end that nobody has told, or no table knows, as missing.
    pub(super) fn lacks_ends(&self, proof: &mut Proof) {
        for (airport, key) in [(self.origin, "origin"), (self.destination, "destination")] {
            if airport.and_then(place).is_none() {
                proof.lacks(unknown_airport(airport, key));
            }
        }
    }
}

/// The leg with the largest known delay, or else the first: of separate bookings only one can be judged.
fn worst(legs: &[Leg]) -> Option<&Leg> {
    let late = legs.iter().filter(|leg| leg.arr_delay_min.is_some());
    late.rev().max_by_key(|leg| leg.arr_delay_min).or(legs.first())
}

/// Whether a regime covers the journey, and by which rule.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) regime: &'static str,
    /// Covered; none where a fact is missing.
    pub(super) covered: Option<bool>,
    pub(super) rule: &'static str,
    /// The fact that is missing.
    missing: Option<Cow<'static, str>>,
    contested: Option<Question>,
}

impl Scope {
    fn new(regime: &'static str, covered: bool, rule: &'static str) -> Self {
        Self { regime, covered: Some(covered), rule, missing: None, contested: None }
    }

    fn open(regime: &'static str, rule: &'static str, missing: impl Into<Cow<'static, str>>) -> Self {
        Self { regime, covered: None, rule, missing: Some(missing.into()), contested: None }
    }

    /// Writes down what was found.
    pub(super) fn note(&self, journey: &Journey<'_>, proof: &mut Proof) {
        let code = |airport: Option<Airport>| airport.map_or_else(|| "unknown".to_owned(), |airport| airport.to_string());
        let effect = match self.covered {
            Some(true) => "covered",
            Some(false) => "not covered",
            None => "undetermined",
        };
        let regime = self.regime;
        proof.note_with(self.rule, || {
            (format!("{} to {}", code(journey.origin), code(journey.destination)), format!("{regime}: {effect}"))
        });
        if let Some(question) = self.contested {
            proof.contested(question);
        }
        if let Some(missing) = &self.missing {
            proof.lacks(missing.clone());
        }
    }
}

/// Both regimes, the leading one first: that of the departure point, or else the one that covers the journey.
pub(super) fn scopes(law: &Law, case: &Case, journey: &Journey<'_>, on: Option<Date>) -> [Scope; 2] {
    let (eu, uk) = (community(law, case, journey, on), kingdom(law, case, journey, on));
    let uk_alone = eu.covered == Some(false) || (eu.covered.is_none() && uk.covered == Some(true));
    let uk_first = journey.from == Some(Territory::Kingdom) || uk_alone;
    let swapped = law.other(Question::Q18) && eu.covered == Some(true) && uk.covered == Some(true);
    if uk_first != swapped { [uk, eu] } else { [eu, uk] }
}

/// How an end that nobody has told, or no table knows, is named among what is missing: by its key, or by its code.
pub(super) fn unknown_airport(airport: Option<Airport>, key: &'static str) -> Cow<'static, str> {
    airport.map_or(Cow::Borrowed(key), unlisted)
}

/// How an airport that no table knows is named among what is missing.
pub(super) fn unlisted(airport: Airport) -> Cow<'static, str> {
    Cow::Owned(format!("airport {airport}"))
}

fn community(law: &Law, case: &Case, journey: &Journey<'_>, on: Option<Date>) -> Scope {
    let Some(from) = journey.from else {
        return Scope::open(EU, "EU-SCOPE-1", unknown_airport(journey.origin, "origin"));
    };
    let swiss_out = from == Territory::Swiss && journey.to.is_some_and(|to| !to.community());
    if swiss_out && law.other(Question::Q4) {
        return Scope { contested: Some(Question::Q4), ..Scope::new(EU, false, "EU-SCOPE-1") };
    }
    if from.community() {
        let contested = swiss_out.then_some(Question::Q4);
        let rule = if case.via.is_empty() && journey.legs.len() < 2 { "EU-SCOPE-1" } else { "EU-SCOPE-4" };
        return Scope { contested, ..Scope::new(EU, true, rule) };
    }
    let Some(to) = journey.to else {
        return Scope::open(EU, "EU-SCOPE-2", unknown_airport(journey.destination, "destination"));
    };
    if !to.community() {
        return Scope::new(EU, false, if case.is_return { "EU-SCOPE-7" } else { "EU-SCOPE-5" });
    }
    let mut scope = inbound(EU, "EU-SCOPE-2", case, journey, on, |at| at.community(), |licensed| licensed.community);
    if journey.legs.len() > 1 {
        scope.rule = "EU-SCOPE-6";
        if scope.covered == Some(true) && only_last_leg(journey, on, case) {
            scope.contested = Some(Question::Q14);
            scope.covered = Some(!law.other(Question::Q14));
        }
    }
    scope
}

/// A journey from outside whose first leg another carrier flew to a change outside, too.
fn only_last_leg(journey: &Journey<'_>, on: Option<Date>, case: &Case) -> bool {
    let Some(first) = journey.legs.first() else {
        return false;
    };
    let outside = place(first.to).is_some_and(|place| !place.territory(on).community());
    outside && licensed(case, first, on).community != Some(true)
}

fn kingdom(law: &Law, case: &Case, journey: &Journey<'_>, on: Option<Date>) -> Scope {
    let Some(from) = journey.from else {
        return Scope::open(UK, "UK-SCOPE-1", unknown_airport(journey.origin, "origin"));
    };
    if from == Territory::Kingdom {
        return Scope::new(UK, true, "UK-SCOPE-1");
    }
    match journey.to {
        None => Scope::open(UK, "UK-SCOPE-2", unknown_airport(journey.destination, "destination")),
        Some(Territory::Kingdom) => into_kingdom(law, case, journey, on),
        Some(to) if to.union() => {
            let mut scope = inbound(UK, "UK-SCOPE-3", case, journey, on, Territory::union, |licensed| licensed.kingdom);
            if from == Territory::Crown && scope.covered == Some(true) {
                scope.contested = Some(Question::Q22);
                scope.covered = Some(!law.other(Question::Q22));
            }
            scope
        }
        Some(_) => Scope::new(UK, false, "UK-SCOPE-4"),
    }
}

fn into_kingdom(law: &Law, case: &Case, journey: &Journey<'_>, on: Option<Date>) -> Scope {
    let is_kingdom = |at: Territory| at == Territory::Kingdom;
    let strict = |licensed: Licensed| either(licensed.kingdom, licensed.union);
    let wide = |licensed: Licensed| either(licensed.kingdom, licensed.community);
    let mut scope = inbound(UK, "UK-SCOPE-2", case, journey, on, is_kingdom, strict);
    let widely = inbound(UK, "UK-SCOPE-2", case, journey, on, is_kingdom, wide);
    if scope.covered == Some(false) && widely.covered == Some(true) {
        scope.contested = Some(Question::Q25);
        scope.covered = Some(law.other(Question::Q25));
    }
    scope
}

/// Either of two answers; known as soon as one is yes.
pub(super) fn either(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// Both of two answers; known as soon as one is no.
pub(super) fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// The licence of a leg's carrier; what the case says of the carrier that it names holds for that carrier's legs.
pub(super) fn licensed(case: &Case, leg: &Leg, on: Option<Date>) -> Licensed {
    let same = leg.operating_carrier.is_some() && leg.operating_carrier == case.operating_carrier;
    let said = if same && leg.licence == Default::default() { case.licence } else { leg.licence };
    Licensed::of(said, leg.operating_carrier.as_deref(), on)
}

/// A journey from elsewhere into a territory: covered when a carrier that counts operates a leg that ends there.
fn inbound(
    regime: &'static str,
    rule: &'static str,
    case: &Case,
    journey: &Journey<'_>,
    on: Option<Date>,
    is_there: impl Fn(Territory) -> bool,
    counts: impl Fn(Licensed) -> Option<bool>,
) -> Scope {
    if case.third_country_benefits {
        return Scope { contested: Some(Question::Q15), ..Scope::new(regime, false, rule) };
    }
    if journey.legs.is_empty() {
        let covered = counts(Licensed::of(case.licence, super::carrier::operating(case), on));
        return covered
            .map_or_else(|| Scope::open(regime, rule, "carrier_licence_country"), |covered| Scope::new(regime, covered, rule));
    }
    let lands = |leg: &Leg| place(leg.to).map(|place| is_there(place.territory(on)));
    let brings = |leg: &Leg| both(lands(leg), counts(licensed(case, leg, on)));
    if let Some(covered) = journey.legs.iter().map(brings).fold(Some(false), either) {
        return Scope::new(regime, covered, rule);
    }
    let open = journey.legs.iter().enumerate().find(|(_, leg)| brings(leg).is_none());
    let missing = open.map_or(Cow::Borrowed("legs"), |(number, leg)| match lands(leg) {
        None => unknown_airport(Some(leg.to), "legs"),
        Some(_) => Cow::Owned(format!("legs[{number}].licence")),
    });
    Scope::open(regime, rule, missing)
}
