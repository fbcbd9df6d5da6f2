//! What an answer still waits for, thought to its end: the law is asked again with each value that it tells apart.
//!
//! ```text
//! undetermined ─► first missing fact ─► each of its values ─► ask again ─► … ─► the outcomes there can be
//! settled      ─► one fact otherwise ─► ask again ─► another outcome?  then this would change it
//! ```
//!
//! Values stand on either side of every threshold of every set. A fact with more values than can be listed (an airport, a
//! set that is off) makes the outlook open: nothing is listed then, rather than half.

use std::collections::BTreeSet;

use slipstream_schemas::ids::Date;

use super::case::{Arrival, Case, Event, Fare, Leg, Licence, Reroute};
use super::cause::{Cause, Nature, cause};
use super::decision::{Decision, Verdict, decide_unproved};
use super::event::Late;
use super::law::Law;
use super::territory::turns;

/// Later than any threshold, minutes.
const FAR_MIN: i32 = 100_000;
/// Most times that the law is asked for one outlook.
const QUESTIONS_MAX: u32 = 50_000;
/// Most facts that are supposed one after the other: more than a case has.
const FACTS_MAX: u32 = 24;
/// One licence of each kind that the law tells apart: Union, associated, United Kingdom, elsewhere.
const LICENCES: [[u8; 2]; 4] = [*b"FR", *b"CH", *b"GB", *b"US"];
/// One cause of each nature that is settled: the carrier's own, extraordinary, a ground to refuse, a tour that was called off.
const CAUSES: [&str; 4] = ["technical_fault", "weather_below_minima", "late_at_gate", "tour_cancelled_for_other_reason"];

/// The outcome of a decision in a few words; none while it is undetermined.
#[must_use]
pub fn outcome(decision: &Decision<'_>) -> Option<String> {
    let currency = decision.currency.as_deref().unwrap_or("");
    Some(match decision.verdict {
        Verdict::Eligible => format!("{} {currency}", decision.amount.unwrap_or(0)),
        Verdict::NotEligible => "no sum".to_owned(),
        Verdict::OutOfScope => "not covered".to_owned(),
        Verdict::DowngradeRefund => format!("{} % of the price", decision.downgrade_refund_percent.unwrap_or(0)),
        Verdict::Undetermined => return None,
    })
}

/// Every outcome that the missing facts can lead to; none where they cannot be listed. Of a settled case its own.
#[must_use]
pub fn possible_outcomes(law: &Law, case: &Case) -> Option<BTreeSet<String>> {
    let mut search = Search { law, found: BTreeSet::new(), questions: 0 };
    search.follow(case, 0)?;
    Some(search.found)
}

struct Search<'l> {
    law: &'l Law,
    found: BTreeSet<String>,
    questions: u32,
}

impl Search<'_> {
    fn follow(&mut self, case: &Case, supposed: u32) -> Option<()> {
        self.questions += 1;
        if self.questions > QUESTIONS_MAX || supposed > FACTS_MAX {
            return None;
        }
        let decision = decide_unproved(self.law, case);
        if let Some(outcome) = outcome(&decision) {
            self.found.insert(outcome);
            return Some(());
        }
        let cases = supposing(self.law, case, decision.missing.first()?)?;
        cases.iter().try_for_each(|case| self.follow(case, supposed + 1))
    }
}

/// The case with a missing fact at each value that the law tells apart; none where they cannot be listed.
pub(super) fn supposing(law: &Law, case: &Case, fact: &str) -> Option<Vec<Case>> {
    let flag = |set: fn(&mut Case, bool)| vary(case, [true, false], set);
    Some(match fact {
        "passenger.confirmed_reservation" => flag(|case, is| case.passenger.confirmed = Some(is)),
        "passenger.presented_on_time" => flag(|case, is| case.passenger.presented = Some(is)),
        "reasonable_measures_proved" => flag(|case, is| case.defence.measures_proved = Some(is)),
        "direct_causal_link_proved" => flag(|case, is| case.defence.causal_link_proved = Some(is)),
        "defect_confirmed_by_manufacturer_or_authority" => flag(|case, is| case.defence.defect_confirmed = Some(is)),
        "arr_delay_min_final" => vary(case, edges(law), |case, late| case.arrival = Arrival::DoorOpen(late)),
        "times.door_open" => doors(law, case),
        "notice_days" => vary(case, notices(law), |case, notice| case.notice_min = Some(notice)),
        "reroute" => offers(law, case),
        "reroute.dep_offset_min" => vary(case, departures(law), |case, at| case.reroute.dep_offset_min = Some(at)),
        "reroute.arr_delay_min" => vary(case, edges(law), |case, late| case.reroute.arr_delay_min = Some(late)),
        "cause" => vary(case, causes(case), |case, cause| case.cause = Some(cause)),
        "delay_breakdown" => breakdowns(law, case),
        "segment_price" => vary(case, [10_000], |case, price| case.seat.segment_price = Some(price)),
        "carrier_licence_country" => vary(case, LICENCES, |case, code| case.licence.country = Some(code)),
        "as_of" => vary(case, days(law), |case, day| case.as_of = Some(day)),
        "event" => vary(case, EVENTS, |case, event| case.event = Some(event)),
        // Of what is left only a leg's licence has values that can be listed.
        fact => licences_of_leg(case, fact)?,
    })
}

const EVENTS: [Event; 6] =
    [Event::Delay, Event::Cancellation, Event::DeniedBoarding, Event::Downgrade, Event::Diversion, Event::Advance];

fn vary<T>(case: &Case, values: impl IntoIterator<Item = T>, set: impl Fn(&mut Case, T)) -> Vec<Case> {
    let with = |value| {
        let mut case = case.clone();
        set(&mut case, value);
        case
    };
    values.into_iter().map(with).collect()
}

/// A ground is a cause of nothing but a refusal.
fn causes(case: &Case) -> impl Iterator<Item = Cause> {
    let refused = case.event == Some(Event::DeniedBoarding) || case.flight_operated;
    CAUSES.into_iter().filter_map(cause).filter(move |cause| refused || cause.nature != Nature::Ground)
}

/// Minutes late on either side of every threshold, far before and far beyond; in order.
pub(super) fn edges(law: &Law) -> BTreeSet<i32> {
    let of_set = law.sets().iter().flat_map(|set| {
        let windows = set.window.iter().map(|window| window.late_below_min);
        let halves = set.halved_offer_until_min.into_iter().map(|until| until + 1);
        windows.chain(halves).chain([set.delay_min, set.halved_delay_below_min])
    });
    of_set.flat_map(|edge| [edge - 1, edge]).chain([-FAR_MIN, FAR_MIN]).collect()
}

/// A door that opens on either side of a threshold that the in-block time lies near to.
fn doors(law: &Law, case: &Case) -> Vec<Case> {
    let near = |late: &i32| {
        law.sets().iter().any(|set| {
            let guess = Late::of(set, case.arrival).minutes;
            guess.is_some_and(|guess| (guess - late).abs() <= set.door_margin_min + 1)
        })
    };
    vary(case, edges(law).into_iter().filter(near), |case, late| case.arrival = Arrival::DoorOpen(late))
}

fn notices(law: &Law) -> BTreeSet<i64> {
    let starts = |set: &super::ruleset::RuleSet| set.window.iter().map(|window| window.notice_min.max(0)).collect::<Vec<_>>();
    law.sets().iter().flat_map(|set| starts(set).into_iter().chain([set.notice_free_min])).collect()
}

/// Offered departures against the booked one: at it, and earlier than each window allows.
fn departures(law: &Law) -> BTreeSet<i32> {
    let early = law.sets().iter().flat_map(|set| set.window.iter().map(|window| -window.early_max_min - 1));
    early.chain([0]).collect()
}

fn offers(law: &Law, case: &Case) -> Vec<Case> {
    let timed = departures(law).into_iter().flat_map(|departs| edges(law).into_iter().map(move |arrives| (departs, arrives)));
    let offered =
        |(departs, arrives)| Reroute { offered: Some(true), dep_offset_min: Some(departs), arr_delay_min: Some(arrives) };
    let none = Reroute { offered: Some(false), ..Reroute::default() };
    vary(case, timed.map(offered).chain([none]), |case, reroute| case.reroute = reroute)
}

/// The parts that are not settled all the carrier's own, or all extraordinary; without parts the whole delay so.
fn breakdowns(law: &Law, case: &Case) -> Vec<Case> {
    let whole = law.sets().first().and_then(|set| Late::of(set, case.arrival).minutes).unwrap_or(FAR_MIN);
    let parts = if case.delay_breakdown.is_empty() { vec![(None, whole)] } else { open_parts(case) };
    let settled = |cause: Cause| parts.iter().map(|(known, min)| (known.unwrap_or(cause), *min)).collect::<Vec<_>>();
    let each = CAUSES[..2].iter().filter_map(|name| cause(name)).map(settled);
    vary(case, each, |case, parts| case.delay_breakdown = parts)
}

fn open_parts(case: &Case) -> Vec<(Option<Cause>, i32)> {
    let settled = |cause: &Cause| matches!(cause.nature, Nature::Inherent | Nature::Extraordinary);
    case.delay_breakdown.iter().map(|(cause, minutes)| (Some(*cause).filter(settled), *minutes)).collect()
}

/// Days on which a set that decides begins, the days before, and those on which the map changes.
fn days(law: &Law) -> BTreeSet<Date> {
    let first = || law.sets().iter().filter(|set| law.enables(set)).map(|set| set.from);
    let before = first().filter_map(|day| day.civil().yesterday().ok().map(Date::from));
    first().chain(before).chain(turns().iter().copied()).collect()
}

fn licences_of_leg(case: &Case, fact: &str) -> Option<Vec<Case>> {
    let number: usize = fact.strip_prefix("legs[")?.strip_suffix("].licence")?.parse().ok()?;
    let leg: &Leg = case.legs.get(number)?;
    let with = |code| Leg { licence: Licence { country: Some(code), ..Licence::default() }, ..leg.clone() };
    Some(vary(case, LICENCES.map(with), |case, leg| case.legs[number] = leg))
}

/// One fact otherwise than it is, and the outcome that the case would then have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Otherwise {
    /// The supposition, in words.
    pub(super) supposed: String,
    /// The outcome under it.
    pub(super) outcome: String,
}

/// What would change a settled answer: of arrival, circumstances, notice, offer, licence and ticket each alone.
pub(super) fn otherwise(law: &Law, case: &Case) -> Vec<Otherwise> {
    let Some(as_it_is) = outcome(&decide_unproved(law, case)) else {
        return Vec::new();
    };
    let ask = |supposed: String, case: &Case| {
        let outcome = outcome(&decide_unproved(law, case)).filter(|outcome| *outcome != as_it_is)?;
        Some(Otherwise { supposed, outcome })
    };
    let mut found: Vec<Otherwise> = arrivals(law, case, &ask);
    let others = [circumstances(case), notice(law, case), offered(case), licensed(case), ticket(case)];
    found.extend(others.into_iter().flatten().filter_map(|(supposed, case)| ask(supposed, &case)));
    found
}

/// A supposition and the case under it.
type Supposed = (String, Case);

/// The nearest later and the nearest earlier arrival with another outcome.
fn arrivals(law: &Law, case: &Case, ask: &impl Fn(String, &Case) -> Option<Otherwise>) -> Vec<Otherwise> {
    let Some(late) = case.arrival.minutes() else {
        return Vec::new();
    };
    let at = |minutes: i32| Case { arrival: Arrival::DoorOpen(minutes), ..case.clone() };
    let edges = edges(law);
    let earlier = edges.range(..late).rev().find_map(|min| ask(format!("arrival {min} min late or less"), &at(*min)));
    let later = edges.range(late + 1..).find_map(|min| ask(format!("arrival {min} min late or more"), &at(*min)));
    [earlier, later].into_iter().flatten().collect()
}

fn circumstances(case: &Case) -> Vec<Supposed> {
    let mut freed = Case { cause: cause(CAUSES[1]), delay_breakdown: Vec::new(), ..case.clone() };
    freed.defence = super::case::Defence { measures_proved: Some(true), causal_link_proved: Some(true), ..Default::default() };
    let mut bare = case.clone();
    bare.defence.measures_proved = Some(false);
    vec![
        ("extraordinary circumstances and all reasonable measures proved".to_owned(), freed),
        ("reasonable measures not proved".to_owned(), bare),
    ]
}

fn notice(law: &Law, case: &Case) -> Vec<Supposed> {
    let told = |minutes: i64| {
        let days = minutes / super::passenger::DAY_MIN;
        (format!("told {days} days before"), Case { notice_min: Some(minutes), ..case.clone() })
    };
    let asks = matches!(case.event, Some(Event::Cancellation | Event::Advance));
    notices(law).into_iter().filter(|_| asks).map(told).collect()
}

fn offered(case: &Case) -> Vec<Supposed> {
    if !matches!(case.event, Some(Event::Cancellation | Event::DeniedBoarding)) {
        return Vec::new();
    }
    let with = |offered, at| Case {
        reroute: Reroute { offered: Some(offered), dep_offset_min: at, arr_delay_min: at },
        arrival: Arrival::Unknown,
        ..case.clone()
    };
    vec![
        ("re-routing offered and made at the booked times".to_owned(), with(true, Some(0))),
        ("no re-routing offered".to_owned(), with(false, None)),
    ]
}

fn licensed(case: &Case) -> Vec<Supposed> {
    let under = |code: [u8; 2]| {
        let licence = Licence { country: Some(code), ..Licence::default() };
        let legs = case.legs.iter().map(|leg| Leg { licence, ..leg.clone() }).collect();
        Case { licence, legs, ..case.clone() }
    };
    let kinds = ["of the Union", "of Switzerland", "of the United Kingdom", "of another state"];
    kinds.iter().zip(LICENCES).map(|(kind, code)| (format!("all flown on a licence {kind}"), under(code))).collect()
}

fn ticket(case: &Case) -> Vec<Supposed> {
    let mut public = case.clone();
    (public.passenger.fare, public.passenger.confirmed) = (Fare::Public, Some(true));
    let mut absent = case.clone();
    absent.passenger.confirmed = Some(false);
    vec![("a confirmed reservation at a public fare".to_owned(), public), ("no confirmed reservation".to_owned(), absent)]
}
