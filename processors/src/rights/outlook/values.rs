//! The values of a missing fact that the law tells apart, as cases with that fact supposed.
//!
//! Two values between which no threshold of any set lies come to the same: one of them is asked. What the facts that are
//! known exclude is not supposed (a licence of elsewhere for a carrier of the Community).

use std::borrow::Cow;
use std::collections::BTreeSet;

use slipstream_schemas::ids::{Airport, Date};

use super::places::Atlas;
use crate::rights::carrier::operating;
use crate::rights::case::{Arrival, Case, Choice, Event, Leg, Licence, Reroute};
use crate::rights::cause::{Cause, Nature, cause, causes};
use crate::rights::contested::Question;
use crate::rights::event::Late;
use crate::rights::law::Law;
use crate::rights::scope::Journey;
use crate::rights::territory::{Licensed, place, turns, turns_of};

/// Later than any threshold, minutes.
const FAR_MIN: i32 = 100_000;
/// Before a fact: an airport that no table has.
const AIRPORT: &str = "airport ";
/// Before a fact: sums that the table of a regime does not hold.
pub(super) const SUMS_OF: &str = "sums of ";
/// One licence of each kind that the law tells apart: Union, associated, United Kingdom, elsewhere.
pub(super) const LICENCES: [[u8; 2]; 4] = [*b"FR", *b"CH", *b"GB", *b"AE"];
/// The two natures of a settled part of a delay: the carrier's own, extraordinary.
const PARTS: [&str; 2] = ["technical_fault", "weather_below_minima"];
const EVENTS: [Event; 6] =
    [Event::Delay, Event::Cancellation, Event::DeniedBoarding, Event::Downgrade, Event::Diversion, Event::Advance];

/// The fact to suppose first: the day, then places, then licences, because those that come to the same are followed once.
pub(super) fn first<'m>(missing: &'m [Cow<'static, str>]) -> Option<&'m str> {
    missing.iter().map(|fact| &**fact).min_by_key(|fact| turn(fact))
}

fn turn(fact: &str) -> u8 {
    match fact {
        "as_of" => 0,
        "origin" | "destination" => 1,
        "carrier_licence_country" => 2,
        fact if fact.starts_with(AIRPORT) => 1,
        fact if fact.starts_with("legs[") => 2,
        fact if fact.starts_with(SUMS_OF) => 4,
        _ => 3,
    }
}

/// Day, place or licence.
pub(super) fn is_of_place(fact: &str) -> bool {
    turn(fact) < 3
}

/// Facts of which something is told that settles them under one regime and not under another.
pub(super) fn doubtful(case: &Case) -> Vec<&'static str> {
    let unclear = |cause: &Cause| matches!(cause.nature, Nature::Conditional | Nature::Unclear);
    let flies = !matches!(case.event, Some(Event::DeniedBoarding | Event::Downgrade));
    // The parts of a mixture are asked for, not another name for it.
    let mixed = |cause: &Cause| cause.name == "mixed" && matches!(case.event, Some(Event::Delay | Event::Diversion));
    let stays = case.choice == Some(Choice::Refund) || case.passenger.travelled == Some(false) || case.arrival == Arrival::Never;
    let facts = [
        ("cause", case.cause.as_ref().is_some_and(|cause| unclear(cause) && !mixed(cause))),
        ("delay_breakdown", case.delay_breakdown.iter().any(|(cause, _)| unclear(cause))),
        ("passenger_choice", flies && stays),
    ];
    facts.into_iter().filter(|(_, is)| *is).map(|(fact, _)| fact).collect()
}

/// The case with a missing fact at each value that the law tells apart; none for a fact that nothing is known of.
pub(super) fn supposing(law: &Law, atlas: &mut Atlas, case: &Case, fact: &str) -> Option<Vec<Case>> {
    let flag = |set: fn(&mut Case, bool)| vary(case, [true, false], set);
    Some(match fact {
        "passenger.confirmed_reservation" => flag(|case, is| case.passenger.confirmed = Some(is)),
        "passenger.presented_on_time" => flag(|case, is| case.passenger.presented = Some(is)),
        "reasonable_measures_proved" => flag(|case, is| case.defence.measures_proved = Some(is)),
        "direct_causal_link_proved" => flag(|case, is| case.defence.causal_link_proved = Some(is)),
        "defect_confirmed_by_manufacturer_or_authority" => flag(|case, is| case.defence.defect_confirmed = Some(is)),
        "arr_delay_min_final" => vary(case, arrivals(law, case), |case, late| case.arrival = Arrival::DoorOpen(late)),
        "times.door_open" => doors(law, case),
        "notice_days" => vary(case, notices(law), |case, notice| case.notice_min = Some(notice)),
        "reroute" => offers(law, case),
        "reroute.dep_offset_min" => vary(case, departures(law), |case, at| case.reroute.dep_offset_min = Some(at)),
        "reroute.arr_delay_min" => vary(case, edges(law), |case, late| case.reroute.arr_delay_min = Some(late)),
        "passenger_choice" => vary(case, edges(law), carried),
        "cause" => vary(case, settled_causes(law, case), |case, cause| case.cause = Some(cause)),
        "delay_breakdown" => breakdowns(law, case),
        "segment_price" => vary(case, [10_000], |case, price| case.seat.segment_price = Some(price)),
        "carrier_licence_country" => vary(case, licences(law, case), |case, code| case.licence.country = Some(code)),
        "as_of" => vary(case, days(law, case), |case, day| case.as_of = Some(day)),
        "event" => vary(case, EVENTS, |case, event| case.event = Some(event)),
        "origin" => somewhere(atlas, case, Blank::Origin),
        "destination" => somewhere(atlas, case, Blank::Destination),
        fact => match fact.strip_prefix(AIRPORT) {
            Some(code) => somewhere(atlas, case, Blank::Code(code.parse().ok()?)),
            None => licences_of_leg(law, case, fact)?,
        },
    })
}

fn vary<T>(case: &Case, values: impl IntoIterator<Item = T>, set: impl Fn(&mut Case, T)) -> Vec<Case> {
    let with = |value| {
        let mut case = case.clone();
        set(&mut case, value);
        case
    };
    values.into_iter().map(with).collect()
}

/// As if the passenger had gone on and arrived: what a court can come to that gives a sum without a journey (question 13).
fn carried(case: &mut Case, late: i32) {
    (case.choice, case.passenger.travelled) = (Some(Choice::Reroute), Some(true));
    case.arrival = Arrival::DoorOpen(late);
}

/// A cause of each sort that is settled. A ground is a cause of nothing but a refusal.
fn settled_causes(law: &Law, case: &Case) -> Vec<Cause> {
    let refused = match case.event {
        Some(Event::Cancellation) => case.flight_operated,
        event => event == Some(Event::DeniedBoarding),
    };
    let mut seen = BTreeSet::new();
    let sort = |cause: &Cause| {
        let contested = law.other(Question::Q9) || law.other(Question::Q12);
        let by_name = contested.then_some(cause.name);
        (cause.nature, law.others().map(|regime| regime.excuses(*cause)).collect::<Vec<_>>(), by_name)
    };
    let settled = |cause: &&Cause| match cause.nature {
        Nature::Ground => refused,
        Nature::Inherent | Nature::Extraordinary | Nature::Tour => true,
        // Each becomes one of those.
        Nature::Conditional | Nature::Unclear => law.others().any(|regime| regime.excuses(**cause)),
    };
    causes().iter().filter(settled).filter(|cause| seen.insert(sort(cause))).copied().collect()
}

/// Minutes late on either side of every threshold, far before and far beyond; in order.
pub(super) fn edges(law: &Law) -> BTreeSet<i32> {
    let of_set = law.sets().iter().flat_map(|set| {
        let windows = set.window.iter().map(|window| window.late_below_min);
        let halves = set.halved_offer_until_min.into_iter().map(|until| until + 1);
        windows.chain(halves).chain([set.delay_min, set.halved_delay_below_min])
    });
    let of_others = law.others().flat_map(|regime| regime.delays_min());
    of_set.chain(of_others).flat_map(|edge| [edge - 1, edge]).chain([-FAR_MIN, FAR_MIN]).collect()
}

/// Minutes late on either side of every threshold, also of those that parts of the delay put off.
fn arrivals(law: &Law, case: &Case) -> BTreeSet<i32> {
    let minutes = |counts: fn(Nature) -> bool| {
        let parts = case.delay_breakdown.iter().filter(|(cause, _)| counts(cause.nature));
        parts.map(|(_, minutes)| *minutes).sum::<i32>()
    };
    let (sure, all) = (minutes(|nature| nature == Nature::Extraordinary), minutes(|nature| nature != Nature::Inherent));
    [0, sure, all].into_iter().flat_map(|off| edges(law).into_iter().map(move |edge| edge + off)).collect()
}

/// A door that opens on either side of a threshold that the in-block time lies near to.
fn doors(law: &Law, case: &Case) -> Vec<Case> {
    let near = |late: &i32| {
        law.sets().iter().any(|set| {
            let guess = Late::of(set, case.arrival).minutes;
            guess.is_some_and(|guess| (guess - late).abs() <= set.door_margin_min + 1)
        })
    };
    vary(case, arrivals(law, case).into_iter().filter(near), |case, late| case.arrival = Arrival::DoorOpen(late))
}

/// The shortest notice of each window, and what frees the carrier, minutes.
pub(super) fn notices(law: &Law) -> BTreeSet<i64> {
    let of_sets = law.sets().iter().flat_map(|set| {
        let starts = set.window.iter().map(|window| window.notice_min.max(0));
        starts.chain([set.notice_free_min])
    });
    of_sets.chain(law.others().filter_map(|regime| regime.notice_free_min())).collect()
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
    let each = PARTS.iter().filter_map(|name| cause(name)).map(settled);
    vary(case, each, |case, parts| case.delay_breakdown = parts)
}

fn open_parts(case: &Case) -> Vec<(Option<Cause>, i32)> {
    let settled = |cause: &Cause| matches!(cause.nature, Nature::Inherent | Nature::Extraordinary);
    case.delay_breakdown.iter().map(|(cause, minutes)| (Some(*cause).filter(settled), *minutes)).collect()
}

/// Days on which a set begins, the days before, and those on which the map or a carrier's licence changes.
fn days(law: &Law, case: &Case) -> BTreeSet<Date> {
    let first = || law.sets().iter().map(|set| set.from).chain(law.others().map(|regime| regime.from));
    let before = first().filter_map(|day| day.civil().yesterday().ok().map(Date::from));
    let flown = case.legs.iter().filter_map(|leg| leg.operating_carrier.as_deref()).chain(operating(case));
    first().chain(before).chain(turns().iter().copied()).chain(flown.flat_map(turns_of)).collect()
}

/// One licence of each kind, and of each state whose law is asked.
fn every_licence(law: &Law) -> impl Iterator<Item = [u8; 2]> {
    let states = law.others().filter_map(|regime| regime.country.as_bytes().try_into().ok());
    LICENCES.into_iter().chain(states)
}

/// Licences that the flags on the line allow for; any, where those contradict themselves.
fn licences(law: &Law, case: &Case) -> Vec<[u8; 2]> {
    let allowed = |code: &[u8; 2]| Licensed::may_be(case.licence, *code, case.as_of);
    let found: Vec<_> = every_licence(law).filter(allowed).collect();
    if found.is_empty() { every_licence(law).collect() } else { found }
}

fn licences_of_leg(law: &Law, case: &Case, fact: &str) -> Option<Vec<Case>> {
    let number: usize = fact.strip_prefix("legs[")?.strip_suffix("].licence")?.parse().ok()?;
    let leg: &Leg = case.legs.get(number)?;
    let with = |code| Leg { licence: Licence { country: Some(code), ..Licence::default() }, ..leg.clone() };
    Some(vary(case, every_licence(law).map(with), |case, leg| case.legs[number] = leg))
}

/// A place of the case that no table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    Origin,
    Destination,
    /// Under a code, wherever the case names it.
    Code(Airport),
}

impl Blank {
    /// The end of a case, where it is blank.
    fn of(end: Option<Airport>, unnamed: Self) -> Option<Self> {
        match end {
            None => Some(unnamed),
            Some(code) => place(code).is_none().then_some(Self::Code(code)),
        }
    }

    fn fill(self, case: &mut Case, airport: Airport) {
        match self {
            Self::Origin => case.origin = Some(airport),
            Self::Destination => case.destination = Some(airport),
            Self::Code(code) => {
                let named = [&mut case.origin, &mut case.destination, &mut case.seat.journey_destination];
                let ends = named.into_iter().flatten().chain(&mut case.via);
                let legs = case.legs.iter_mut().flat_map(|leg| [&mut leg.from, &mut leg.to]);
                ends.chain(legs).filter(|named| **named == code).for_each(|named| *named = airport);
            }
        }
    }
}

/// The case with an airport of each sort at the blank place, and at the other end where that is blank, too.
fn somewhere(atlas: &mut Atlas, case: &Case, blank: Blank) -> Vec<Case> {
    let ends = [Blank::of(case.origin, Blank::Origin), Blank::of(case.destination, Blank::Destination)];
    if let [Some(from), Some(to)] = ends
        && [from, to].contains(&blank)
        && from != to
    {
        return vary(case, atlas.pairs(case.as_of).iter().copied(), |case, (here, there)| {
            from.fill(case, here);
            to.fill(case, there);
        });
    }
    let journey = Journey::of(case, case.as_of);
    let known = [case.origin, case.destination, journey.origin, journey.destination];
    let mut known: Vec<Airport> = known.into_iter().flatten().filter(|end| place(*end).is_some()).collect();
    known.sort_unstable();
    known.dedup();
    vary(case, atlas.seen_from(&known, case.as_of), |case, airport| blank.fill(case, airport))
}
