//! Regimes beyond the Regulation and its twin: `data/rights/regimes.toml`. All are off until a caller names them.
//!
//! ```text
//! regimes switched on ─► reach ─► event, notice ─► row of sums ─► cause ─► care, refund
//! ```
//!
//! One shape serves them all: who is reached, a table of sums, thresholds. Who is a passenger, and what a carrier has to
//! prove, is read as the Regulation reads it. Does not know a carrier's size, a fare's height or an indexed sum: where the
//! law asks for one, the decision stays open and says so.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::records::Care;

use super::case::{Case, Choice, Event};
use super::cause::{Cause, Nature};
use super::decision::{Decision, Matter, Verdict};
use super::event::{has_ground, is_cancellation};
use super::excuse::is_freed;
use super::passenger::is_present;
use super::proof::Proof;
use super::scope::{Journey, both};
use super::territory::{licence_of, place};

/// A regime of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// Name in decisions.
    pub name: String,
    /// The text, as a lawyer cites it.
    pub title: String,
    /// First date of departure that it governs.
    pub from: Date,
    /// ISO 3166-1 alpha-2 code of the state whose law it is; none: a convention of many.
    #[serde(default)]
    pub country: String,
    scope: Reach,
    #[serde(default)]
    own_carriers_arrive: bool,
    currency: String,
    notice_free_min: Option<i64>,
    excused: Vec<String>,
    #[serde(default)]
    refusal_excused: bool,
    sum_if_refund: Option<i64>,
    communications_min: Option<i32>,
    #[serde(default)]
    care: Vec<CareFrom>,
    hotel_min: Option<i32>,
    #[serde(default)]
    care_in_control: bool,
    refund_min: Option<i32>,
    refund_min_domestic: Option<i32>,
    #[serde(default)]
    refund_by_arrival: bool,
    sum: Vec<Sum>,
    #[serde(default)]
    priced: Vec<Trigger>,
    /// name@effective date.
    #[serde(skip)]
    pub ruleset: String,
}

/// Which journeys a regime reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reach {
    Departs,
    Ends,
    Touches,
    International,
}

/// What a sum is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trigger {
    Late,
    Cancelled,
    Refused,
}

/// One row of a table of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sum {
    event: Trigger,
    late_from_min: Option<i32>,
    domestic: Option<bool>,
    km_to: Option<i32>,
    sum: i64,
}

/// Departure delay from which meals are due, up to a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CareFrom {
    km_to: Option<i32>,
    from_min: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    regime: Vec<Regime>,
}

static REGIMES: LazyLock<Vec<Regime>> = LazyLock::new(|| {
    let file: Result<File, _> = toml::from_str(include_str!("../../data/rights/regimes.toml"));
    let mut regimes = file.map(|file| file.regime).unwrap_or_default();
    regimes.iter_mut().for_each(|regime| regime.ruleset = format!("{}@{}", regime.name, regime.from));
    regimes
});

/// Every regime of the table.
#[must_use]
pub fn regimes() -> &'static [Regime] {
    &REGIMES
}

impl Regime {
    /// Whether it reaches a journey on a date; an end that is not known is taken to lie elsewhere.
    pub(super) fn covers(&self, case: &Case, journey: &Journey<'_>, on: Option<Date>) -> bool {
        let here = |airport: Airport| place(airport).is_some_and(|place| place.country == self.country);
        let (from, to) = (journey.origin.is_some_and(here), journey.destination.is_some_and(here));
        let own = || super::carrier::operating(case).and_then(|carrier| licence_of(carrier, on));
        let is_own = |code: Option<[u8; 2]>| code.is_some_and(|code| code == self.country.as_bytes());
        let reached = match self.scope {
            Reach::Departs => from || (to && self.own_carriers_arrive && is_own(case.licence.country.or_else(own))),
            Reach::Ends => from || to,
            Reach::Touches => from || to || case.via.iter().any(|change| here(*change)),
            Reach::International => country(journey.origin).zip(country(journey.destination)).is_some_and(|(a, b)| a != b),
        };
        reached && on.is_none_or(|on| self.from <= on)
    }

    /// Ends of the bands that its sums tell apart, kilometres.
    pub(super) fn bands_km(&self) -> impl Iterator<Item = i32> {
        self.sum.iter().filter_map(|row| row.km_to)
    }

    /// Delays at the final destination from which a sum is due, minutes.
    pub(super) fn delays_min(&self) -> impl Iterator<Item = i32> {
        self.sum.iter().filter_map(|row| row.late_from_min)
    }

    /// Notice from which no sum is due, minutes.
    pub(super) fn notice_free_min(&self) -> Option<i64> {
        self.notice_free_min
    }

    /// A cause frees the carrier though it is its own.
    pub(super) fn excuses(&self, cause: Cause) -> bool {
        self.excused.iter().any(|name| name == cause.name)
    }

    /// Every sum of its table, with its currency.
    pub(super) fn sums(&self) -> impl Iterator<Item = (i64, &str)> {
        let sums = self.sum.iter().map(|row| row.sum).chain(self.sum_if_refund);
        sums.filter(|sum| *sum > 0).map(|sum| (sum, self.currency.as_str()))
    }

    /// Some sums are a share of the fare, which no case holds.
    pub(super) fn asks_the_fare(&self) -> bool {
        !self.priced.is_empty()
    }

    /// The journey starts in its state.
    pub(super) fn departs(&self, journey: &Journey<'_>) -> bool {
        country(journey.origin).is_some_and(|country| country == self.country)
    }
}

fn country(airport: Option<Airport>) -> Option<&'static str> {
    Some(place(airport?)?.country)
}

/// Decides under a regime. `known`: passenger and date hold; none while that is open.
pub(super) fn weigh<'c>(
    regime: &'static Regime,
    matter: &Matter<'c>,
    known: Option<bool>,
    decision: &mut Decision<'c>,
    proof: &mut Proof,
) {
    (decision.regime, decision.ruleset) = (&regime.name, &regime.ruleset);
    decision.currency = Some(Cow::Borrowed(&regime.currency));
    decision.liable_carrier = super::carrier::operating(matter.case);
    proof.note("REGIME-1", format_args!("{}", regime.title), format_args!("{}", regime.ruleset));
    let present = is_present(matter.case, matter.event, proof);
    match sum(regime, matter, present, proof) {
        Some(0) if known == Some(true) => decision.settle(Verdict::NotEligible, 0, 0),
        Some(sum) if known == Some(true) && sum > 0 && !proof.is_open() => {
            proof.note("REGIME-2", format_args!("row of the table of sums"), format_args!("{sum} {}", regime.currency));
            decision.settle(Verdict::Eligible, sum, 0);
        }
        _ => {}
    }
    assist(regime, matter, both(known, present), decision, proof);
}

fn trigger(matter: &Matter<'_>) -> Option<Trigger> {
    match matter.event {
        Event::Delay | Event::Diversion => Some(Trigger::Late),
        Event::DeniedBoarding => Some(Trigger::Refused),
        event => is_cancellation(matter.case, event, matter.set).then_some(Trigger::Cancelled),
    }
}

fn is_domestic(matter: &Matter<'_>) -> Option<bool> {
    Some(country(matter.journey.origin)? == country(matter.journey.destination)?)
}

/// The sum that is due, 0 for none; nothing while that is open.
fn sum(regime: &Regime, matter: &Matter<'_>, present: Option<bool>, proof: &mut Proof) -> Option<i64> {
    let case = matter.case;
    let Some(trigger) = trigger(matter) else {
        return Some(0);
    };
    if trigger == Trigger::Refused && (case.passenger.volunteered || has_ground(case) == Some(true)) || present == Some(false) {
        return Some(0);
    }
    if trigger == Trigger::Cancelled {
        match (case.notice_min, regime.notice_free_min) {
            (Some(notice), Some(free)) if notice >= free => return Some(0),
            (None, Some(_)) if !case.only_agent_told => proof.lacks("notice_days"),
            _ => {}
        }
    }
    if regime.priced.contains(&trigger) {
        proof.lacks(format!("sums of {}", regime.ruleset));
        return None;
    }
    let refunded = regime.sum_if_refund.filter(|_| trigger != Trigger::Refused && case.choice == Some(Choice::Refund));
    let found = match refunded {
        Some(sum) => sum,
        None => row(regime, matter, trigger, proof)?,
    };
    if found == 0 || (trigger == Trigger::Refused && !regime.refusal_excused) {
        return Some(found);
    }
    let excused = case.cause.is_some_and(|cause| regime.excuses(cause));
    let freed = if excused { Some(true) } else { is_freed(matter, proof) };
    freed.map(|freed| if freed { 0 } else { found })
}

/// The row that fits; 0 where none does, nothing where that waits for a fact.
fn row(regime: &Regime, matter: &Matter<'_>, trigger: Trigger, proof: &mut Proof) -> Option<i64> {
    let rows = || regime.sum.iter().filter(move |row| row.event == trigger);
    if rows().next().is_none() {
        proof.note("REGIME-2", format_args!("no sum for this event"), format_args!("no sum"));
        return Some(0);
    }
    let late = matter.late.minutes.or(matter.case.reroute.arr_delay_min);
    if late.is_none() && rows().any(|row| row.late_from_min.is_some()) {
        proof.lacks("arr_delay_min_final");
        return None;
    }
    let (Some(domestic), Some(distance)) = (is_domestic(matter), matter.journey.distance) else {
        matter.journey.lacks_ends(proof);
        return None;
    };
    let fits = |row: &&Sum| {
        row.domestic.is_none_or(|only| only == domestic)
            && row.km_to.is_none_or(|to| distance.km <= f64::from(to))
            && row.late_from_min.is_none_or(|from| late.is_some_and(|late| late >= from))
    };
    // Of rows that fit alike the nearest end of a band comes first in the table.
    let most = rows().filter(fits).map(|row| row.late_from_min).max().flatten();
    Some(rows().filter(fits).find(|row| row.late_from_min == most).map_or(0, |row| row.sum))
}

/// Care and refund by the regime's thresholds.
fn assist(regime: &Regime, matter: &Matter<'_>, known: Option<bool>, decision: &mut Decision<'_>, proof: &mut Proof) {
    let trigger = trigger(matter);
    let due = |from: Option<i32>, waited: Option<i32>| match (trigger, from) {
        (None, _) | (_, None) => Some(false),
        (Some(Trigger::Late), Some(from)) => waited.map(|waited| waited >= from),
        _ => Some(true),
    };
    let owed = both(known, in_control(regime, matter));
    let waits = |from: Option<i32>| both(owed, due(from, matter.case.dep_delay_min));
    let meals_from = meals_from(regime, matter);
    let (meals, night_due) = (waits(meals_from), waits(regime.hotel_min));
    let night = both(night_due, matter.case.overnight_wait);
    if night_due == Some(true) && night.is_none() {
        proof.lacks_aside("overnight_wait");
    }
    let communications = waits(regime.communications_min.or(meals_from));
    decision.care = Care { meals, communications, hotel: night, transport: night };
    let domestic = is_domestic(matter) == Some(true);
    let late = matter.late.minutes.or(matter.case.reroute.arr_delay_min);
    let waited = if regime.refund_by_arrival { late } else { matter.case.dep_delay_min };
    let refund_from = regime.refund_min_domestic.filter(|_| domestic).or(regime.refund_min);
    decision.refund_right = both(known, due(refund_from, waited));
    decision.reroute_right = both(known, Some(matches!(trigger, Some(Trigger::Cancelled | Trigger::Refused))));
}

/// The delay from which meals are due over the distance of the journey; the shortest while that is not known.
fn meals_from(regime: &Regime, matter: &Matter<'_>) -> Option<i32> {
    let km = matter.journey.distance.map_or(0.0, |distance| distance.km);
    regime.care.iter().find(|row| row.km_to.is_none_or(|to| km <= f64::from(to))).map(|row| row.from_min)
}

/// Whether care is owed on this cause; none where the regime asks for the cause and it is not clear.
fn in_control(regime: &Regime, matter: &Matter<'_>) -> Option<bool> {
    match matter.case.cause.map(|cause| cause.nature) {
        _ if !regime.care_in_control => Some(true),
        Some(Nature::Extraordinary) => Some(false),
        Some(Nature::Inherent | Nature::Conditional) => Some(true),
        _ => None,
    }
}
