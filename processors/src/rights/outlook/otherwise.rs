//! What would change a settled answer: the law asked again with one fact otherwise.

use super::outcome;
use super::values::{LICENCES, edges, notices};
use crate::rights::case::{Arrival, Case, Defence, Event, Fare, Leg, Licence, Reroute};
use crate::rights::cause::cause;
use crate::rights::decision::decide_unproved;
use crate::rights::law::Law;
use crate::rights::passenger::DAY_MIN;

/// A cause that is extraordinary whatever else is known.
const EXTRAORDINARY: &str = "weather_below_minima";

/// One fact otherwise than it is, and the outcome that the case would then have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rights) struct Otherwise {
    /// The supposition, in words.
    pub(in crate::rights) supposed: String,
    /// The outcome under it.
    pub(in crate::rights) outcome: String,
}

/// What would change a settled answer: of arrival, circumstances, notice, offer, licence and ticket each alone.
pub(in crate::rights) fn otherwise(law: &Law, case: &Case) -> Vec<Otherwise> {
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
    let mut freed = Case { cause: cause(EXTRAORDINARY), delay_breakdown: Vec::new(), ..case.clone() };
    freed.defence = Defence { measures_proved: Some(true), causal_link_proved: Some(true), ..Default::default() };
    let mut bare = case.clone();
    bare.defence.measures_proved = Some(false);
    vec![
        ("extraordinary circumstances and all reasonable measures proved".to_owned(), freed),
        ("reasonable measures not proved".to_owned(), bare),
    ]
}

fn notice(law: &Law, case: &Case) -> Vec<Supposed> {
    let told = |minutes: i64| {
        let days = minutes / DAY_MIN;
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
