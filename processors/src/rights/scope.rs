//! Which regime a journey falls under (Article 3): where it starts, where it ends, whose licence flies it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use slipstream_schemas::ids::Airport;
use slipstream_schemas::reference;

use super::facts::{Facts, LegFacts};

/// Where an airport lies, as the two regimes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Territory {
    /// European Union, with its outermost regions.
    Union,
    /// Norway, Iceland, Liechtenstein; Switzerland by agreement.
    Associated,
    /// United Kingdom of Great Britain and Northern Ireland.
    Kingdom,
    /// Anywhere else.
    Outside,
}

type Table = BTreeMap<&'static str, Territory>;

static COUNTRIES: LazyLock<Table> = LazyLock::new(|| table(include_str!("../../data/territory.csv")));
/// Airports that their country does not describe.
static AIRPORTS: LazyLock<Table> = LazyLock::new(|| table(include_str!("../../data/airport-territory.csv")));

fn table(text: &'static str) -> Table {
    let row = |line: &'static str| {
        let mut cells = line.splitn(3, ',');
        let code = cells.next()?;
        let territory = match cells.next()? {
            "EU" => Territory::Union,
            "EEA" | "CH" => Territory::Associated,
            "UK" => Territory::Kingdom,
            _ => Territory::Outside,
        };
        Some((code, territory))
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// The territory of an airport; none where it is not in the reference table.
pub(super) fn territory(airport: Airport) -> Option<Territory> {
    let country = reference::airport(airport)?.country;
    let own = AIRPORTS.get(airport.as_str()).copied();
    Some(own.unwrap_or_else(|| of_country(country)))
}

fn of_country(country: &str) -> Territory {
    COUNTRIES.get(country).copied().unwrap_or(Territory::Outside)
}

impl Territory {
    /// Counts as within the Community for Regulation 261/2004.
    pub(super) fn community(self) -> bool {
        matches!(self, Self::Union | Self::Associated)
    }
}

/// Whether a regime covers the journey, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// `EU261` or `UK261`.
    pub(super) regime: &'static str,
    /// Covered; none where a licence is not known.
    pub(super) covered: Option<bool>,
    /// The rule that says so.
    pub(super) rule: &'static str,
    /// What it read.
    pub(super) fact: String,
}

/// Both regimes, the primary one first: that of the departure point, or else the one that covers the journey.
pub(super) fn scopes(facts: &Facts, from: Territory, to: Territory) -> [Scope; 2] {
    let (eu, uk) = (union_scope(facts, from, to), kingdom_scope(facts, from, to));
    let uk_alone = eu.covered == Some(false) || (eu.covered.is_none() && uk.covered == Some(true));
    let uk_first = from == Territory::Kingdom || uk_alone;
    if uk_first { [uk, eu] } else { [eu, uk] }
}

fn union_scope(facts: &Facts, from: Territory, to: Territory) -> Scope {
    let scope = |covered, rule, fact| Scope { regime: "EU261", covered, rule, fact };
    if from.community() {
        return scope(Some(true), "EU-SCOPE-1", format!("departs from {}", facts.origin));
    }
    if !to.community() {
        return scope(Some(false), "EU-SCOPE-3", format!("{} to {}", facts.origin, facts.destination));
    }
    let into = facts.legs.iter().filter(|leg| territory(leg.to).is_some_and(Territory::community));
    let (covered, fact) = licensed(into, |licence| of_country(licence).community());
    scope(covered, "EU-SCOPE-2", fact)
}

fn kingdom_scope(facts: &Facts, from: Territory, to: Territory) -> Scope {
    let scope = |covered, rule, fact| Scope { regime: "UK261", covered, rule, fact };
    let into = || facts.legs.iter().filter(move |leg| territory(leg.to) == Some(to));
    match (from, to) {
        (Territory::Kingdom, _) => scope(Some(true), "UK-SCOPE-1", format!("departs from {}", facts.origin)),
        (_, Territory::Kingdom) => {
            let (covered, fact) =
                licensed(into(), |licence| matches!(of_country(licence), Territory::Union | Territory::Kingdom));
            scope(covered, "UK-SCOPE-2", fact)
        }
        (_, Territory::Union) => {
            let (covered, fact) = licensed(into(), |licence| of_country(licence) == Territory::Kingdom);
            scope(covered, "UK-SCOPE-3", fact)
        }
        _ => scope(Some(false), "UK-SCOPE-4", format!("{} to {}", facts.origin, facts.destination)),
    }
}

/// Whether a carrier of one of the legs has a licence that counts; none while one is unknown that might.
fn licensed<'a>(legs: impl Iterator<Item = &'a LegFacts>, counts: impl Fn(&str) -> bool) -> (Option<bool>, String) {
    let licences: Vec<Option<&str>> = legs.map(|leg| leg.licence.as_deref()).collect();
    let names: Vec<&str> = licences.iter().map(|licence| licence.unwrap_or("unknown")).collect();
    let fact = format!("licence {}", names.join(", "));
    if licences.iter().flatten().any(|licence| counts(licence)) {
        return (Some(true), fact);
    }
    (if licences.contains(&None) { None } else { Some(false) }, fact)
}
