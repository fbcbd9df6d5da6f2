//! What an answer still waits for, thought to its end: the law is asked again with each value that it tells apart.
//!
//! ```text
//! undetermined ─► day, places, licences ─► each that differs to the law ─► next fact ─► each value ─► … ─► outcomes
//! settled      ─► one fact otherwise ─► ask again ─► another outcome?  then this would change it
//! ```
//!
//! Values stand on either side of every threshold of every set; of airports, one stands for all that the law does not tell
//! apart. Days, places and licences come first, and those that come to the same are followed once. A set that is off is asked
//! as if it were on. Keeps nothing.

mod otherwise;
mod places;
mod values;

use std::collections::BTreeSet;

use super::case::Case;
use super::decision::{Decision, Verdict, decide_unproved};
use super::distance::{Distance, distance};
use super::law::Law;
use super::scope::{Journey, Scope, scopes};
use super::territory::{Territory, place};

pub(super) use self::otherwise::otherwise;
use self::places::{Atlas, Kind};
use self::values::{SUMS_OF, doubtful, first, is_of_place, supposing};

/// Most times that the law is asked for one outlook.
const QUESTIONS_MAX: u32 = 50_000;
/// Most facts that are supposed one after the other: more than a case has.
const FACTS_MAX: u32 = 24;
/// Outcome in scope, without a sum.
const NO_SUM: &str = "no sum";
/// Outcome out of scope.
const NOT_COVERED: &str = "not covered";

/// The outcome of a decision in a few words; none while it is undetermined.
#[must_use]
pub fn outcome(decision: &Decision<'_>) -> Option<String> {
    let currency = decision.currency.as_deref().unwrap_or("");
    Some(match decision.verdict {
        Verdict::Eligible => format!("{} {currency}", decision.amount.unwrap_or(0)),
        Verdict::NotEligible => NO_SUM.to_owned(),
        Verdict::OutOfScope => NOT_COVERED.to_owned(),
        Verdict::DowngradeRefund => share(decision.downgrade_refund_percent.unwrap_or(0)),
        Verdict::Undetermined => return None,
    })
}

fn share(percent: i32) -> String {
    format!("{percent} % of the price")
}

fn by_the_fare(ruleset: &str) -> String {
    format!("a sum by the fare ({ruleset})")
}

/// Where an open answer can lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Every outcome that the missing facts can lead to; of a settled case its own.
    pub outcomes: BTreeSet<String>,
    /// Each was found by asking. Otherwise so much is missing that the search was cut off, and these are all that the law has.
    pub is_exact: bool,
}

/// Every outcome that the missing facts of a case can lead to.
#[must_use]
pub fn possible_outcomes(law: &Law, case: &Case) -> Outlook {
    let law = law.with_every_set();
    let mut search = Search { law: &law, atlas: Atlas::of(&law), found: BTreeSet::new(), questions: 0 };
    let told = search.told_otherwise(case);
    let is_exact = told.is_some_and(|cases| cases.iter().all(|case| search.follow(case, 0).is_some()));
    let outcomes = if is_exact { search.found } else { every_outcome(&law) };
    Outlook { outcomes, is_exact }
}

/// Whatever the law can come to.
fn every_outcome(law: &Law) -> BTreeSet<String> {
    let of_sets = law.sets().iter().flat_map(|set| {
        let halves = set.sums.iter().map(|sum| sum / 2);
        let sums = set.sums.into_iter().chain(halves).map(|sum| format!("{sum} {}", set.currency));
        sums.chain(set.downgrade_percent.map(share)).collect::<Vec<_>>()
    });
    let others = law.others().flat_map(|regime| regime.sums().map(|(sum, currency)| format!("{sum} {currency}")));
    let by_fare = law.others().filter(|regime| regime.asks_the_fare()).map(|regime| by_the_fare(&regime.ruleset));
    of_sets.chain(others).chain(by_fare).chain([NO_SUM.to_owned(), NOT_COVERED.to_owned()]).collect()
}

struct Search<'l> {
    law: &'l Law,
    atlas: Atlas,
    found: BTreeSet<String>,
    questions: u32,
}

impl<'l> Search<'l> {
    /// The case, and each in which something else is told of a fact that is not settled by what is told. It matters where regimes beyond
    /// the Regulation are asked and a place is open: that place may lead to one of them, which asks for less.
    fn told_otherwise(&mut self, case: &Case) -> Option<Vec<Case>> {
        let mut cases = vec![case.clone()];
        if self.law.others().next().is_none() {
            return Some(cases);
        }
        let mut ends =
            [case.origin, case.destination].into_iter().chain(case.legs.iter().flat_map(|leg| [Some(leg.from), Some(leg.to)]));
        let is_open = case.as_of.is_none() || ends.any(|end| end.and_then(place).is_none());
        if is_open || decide_unproved(self.law, case).missing.iter().any(|fact| is_of_place(fact)) {
            for fact in doubtful(case) {
                for case in cases.clone() {
                    cases.extend(supposing(self.law, &mut self.atlas, &case, fact)?);
                }
            }
        }
        Some(cases)
    }

    /// Supposes days, places and licences until none is missing, then of each sort the next fact.
    fn follow(&mut self, case: &Case, supposed: u32) -> Option<()> {
        let (mut open, mut seen) = (vec![(case.clone(), supposed)], BTreeSet::new());
        while let Some((case, supposed)) = open.pop() {
            let Some(fact) = self.ask(&case, supposed)? else { continue };
            let cases = supposing(self.law, &mut self.atlas, &case, &fact)?;
            if is_of_place(&fact) {
                open.extend(cases.into_iter().map(|case| (case, supposed + 1)));
            } else if (seen.is_empty() && open.is_empty()) || seen.insert(self.ground(&case)) {
                cases.iter().try_for_each(|case| self.follow(case, supposed + 1))?;
            }
        }
        Some(())
    }

    /// Notes the outcome of a case, or names the fact to suppose next; none once too much was asked.
    fn ask(&mut self, case: &Case, supposed: u32) -> Option<Option<String>> {
        self.questions += 1;
        if self.questions > QUESTIONS_MAX || supposed > FACTS_MAX {
            return None;
        }
        let decision = decide_unproved(self.law, case);
        if let Some(outcome) = outcome(&decision) {
            self.found.insert(outcome);
            return Some(None);
        }
        let fact = first(&decision.missing)?;
        if let Some(set) = fact.strip_prefix(SUMS_OF) {
            // The table of that regime does not hold what its sums depend on.
            self.found.extend([NO_SUM.to_owned(), by_the_fare(set)]);
            return Some(None);
        }
        Some(Some(fact.to_owned()))
    }

    fn ground(&self, case: &Case) -> Ground<'l> {
        let on = case.as_of;
        let journey = Journey::of(case, on);
        let ends = [case.origin, case.destination];
        let places = ends.map(|end| end.and_then(place));
        let flown = ends[0].zip(ends[1]).and_then(|(from, to)| distance(from, to));
        let band = |distance: Option<Distance>| distance.map(|distance| self.atlas.band(distance.km));
        // Other regimes ask for states, and an end that is not known yet may ask for more of the other.
        let all = self.law.others().next().is_some() || places.iter().any(Option::is_none);
        let scope = |scope: Scope| {
            let set = on.filter(|_| scope.covered != Some(false)).and_then(|on| self.law.in_force(scope.regime, on));
            (scope.regime, scope.covered, if all { scope.rule } else { "" }, set.map(|set| set.name.as_str()))
        };
        Ground {
            scopes: scopes(self.law, case, &journey, on).map(scope),
            inside: journey.is_inside(self.law),
            bands: [band(journey.distance), band(flown)],
            classes: places.map(|place| place.map(|place| class(place.territory(on)))),
            others: self.law.others().map(|regime| on.map(|on| regime.from <= on)).collect(),
            kinds: places.map(|place| place.filter(|_| all).map(|place| (self.atlas.kind(place, on), place.country))),
        }
    }
}

/// What day, places and licences come to: cases that agree in it and in all other facts have the same outcomes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ground<'l> {
    /// Regime, covered, rule, set; the leading one first.
    scopes: [(&'static str, Option<bool>, &'static str, Option<&'l str>); 2],
    /// Both ends lie in the Community.
    inside: Option<bool>,
    /// Bands of the journey and of the flight.
    bands: [Option<usize>; 2],
    /// Article 10's view of the ends.
    classes: [Option<Territory>; 2],
    /// Which of the other regimes are in force.
    others: Vec<Option<bool>>,
    /// The ends in full, where more is asked of them.
    kinds: [Option<(Kind, &'static str)>; 2],
}

/// Article 10 knows departments, the rest of the Community, and elsewhere.
fn class(territory: Territory) -> Territory {
    match territory {
        Territory::Department => Territory::Department,
        other if other.community() => Territory::Union,
        _ => Territory::Outside,
    }
}
