//! Whether an answer can still change.
//!
//! ```text
//! undetermined ─► no      journey over ─► yes      else: every open fact at every value that matters ─► one answer?
//! ```
//!
//! The law is asked again with the facts that are still to come: what may yet happen to the flight, every arrival on either
//! side of every threshold of every rule set, every kind of cause, offer and choice. Only where all of them lead to the same
//! answer is it final before the end: a journey that no regime covers, a cancellation told more than two weeks ahead. A fact
//! that is later corrected makes a new revision all the same.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::rights::{Arrival, Case, Choice, Decision, Defence, Event, Law, Reroute, Verdict, cause, decide_unproved, rulesets};

/// Later than any threshold, minutes.
const FAR_MIN: i32 = 10_000;

/// Minutes on either side of every threshold of every rule set, and far beyond.
static ARRIVALS: LazyLock<Vec<Arrival>> = LazyLock::new(|| {
    let edges = rulesets().iter().flat_map(|set| {
        let windows = set.window.iter().map(|window| window.late_below_min);
        let halves = set.halved_offer_until_min.into_iter().map(|until| until + 1);
        windows.chain(halves).chain([set.delay_min, set.halved_delay_below_min])
    });
    let edges: BTreeSet<i32> = edges.collect();
    let sides = edges.into_iter().flat_map(|edge| [edge - 1, edge]);
    let minutes = [-FAR_MIN, FAR_MIN].into_iter().chain(sides).map(Arrival::DoorOpen);
    [Arrival::Never].into_iter().chain(minutes).collect()
});

/// Whether a decision on these facts is final; `is_over`: nothing more is expected of the journey.
pub(super) fn is_final(law: &Law, is_over: bool, facts: &Case, decision: &Decision<'_>) -> bool {
    decision.verdict != Verdict::Undetermined && (is_over || stands(law, facts, decision))
}

/// What a passenger is told: the verdict and the sum.
fn answer(decision: &Decision<'_>) -> (Verdict, Option<i64>) {
    (decision.verdict, decision.amount)
}

/// Whether every way in which the open facts can turn out leads to the same answer.
fn stands(law: &Law, facts: &Case, decision: &Decision<'_>) -> bool {
    let futures = events(facts).into_iter().flat_map(offers).flat_map(choices).flat_map(circumstances).flat_map(arrivals);
    futures.into_iter().all(|future| answer(&decide_unproved(law, &future)) == answer(decision))
}

/// A flight that is late may yet be cancelled, without notice, or land elsewhere.
fn events(facts: &Case) -> Vec<Case> {
    let turned = |event| Case { event: Some(event), notice_min: Some(0), ..facts.clone() };
    match facts.event {
        Some(Event::Delay | Event::Diversion) => {
            vec![turned(Event::Cancellation), turned(Event::Diversion), turned(Event::Delay)]
        }
        _ => vec![facts.clone()],
    }
}

/// No way on, one at the booked times, one that leaves and arrives a day later.
fn offers(facts: Case) -> Vec<Case> {
    let timed = |minutes| Reroute { offered: Some(true), dep_offset_min: Some(minutes), arr_delay_min: Some(minutes) };
    let none = Reroute { offered: Some(false), ..Reroute::default() };
    [none, timed(0), timed(FAR_MIN)].into_iter().map(|reroute| Case { reroute, ..facts.clone() }).collect()
}

fn choices(facts: Case) -> Vec<Case> {
    let choose = |choice| Case { choice, ..facts.clone() };
    [None, Some(Choice::Reroute), Some(Choice::Refund)].map(choose).into()
}

/// A cause that is the carrier's own, and one that frees it.
fn circumstances(facts: Case) -> Vec<Case> {
    let found = |name, proved| Case {
        cause: cause(name),
        delay_breakdown: Vec::new(),
        defence: Defence { measures_proved: Some(proved), ..Defence::default() },
        ..facts.clone()
    };
    vec![found("technical_fault", false), found("weather_below_minima", true)]
}

fn arrivals(facts: Case) -> impl Iterator<Item = Case> {
    ARRIVALS.iter().map(move |arrival| Case { arrival: *arrival, ..facts.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::{Passenger, decide};

    fn facts(origin: &str, destination: &str, carrier: &str, event: Event) -> Case {
        Case {
            as_of: "2026-03-02".parse().ok(),
            origin: origin.parse().ok(),
            destination: destination.parse().ok(),
            operating_carrier: Some(carrier.to_owned()),
            event: Some(event),
            arrival: Arrival::Expected(0),
            passenger: Passenger { confirmed: Some(true), ..Passenger::default() },
            ..Case::default()
        }
    }

    fn before_the_end(facts: &Case) -> (Verdict, bool) {
        let law = Law::default();
        let decision = decide(&law, facts);
        (decision.verdict, is_final(&law, false, facts, &decision))
    }

    /// Before the end of the journey, and whether anything can still change.
    #[test]
    fn only_what_nothing_can_change_is_final_early() {
        let cancelled = |notice_days: i64, late: Option<i32>| Case {
            notice_min: Some(notice_days * 24 * 60),
            reroute: Reroute { offered: Some(late.is_some()), dep_offset_min: late, arr_delay_min: late },
            arrival: Arrival::Unknown,
            cause: cause("technical_fault"),
            ..facts("FRA", "HAM", "LH", Event::Cancellation)
        };
        let late = Case { cause: cause("technical_fault"), ..facts("FRA", "HAM", "LH", Event::Delay) };
        let cases = [
            ("on time so far", late.clone(), (Verdict::NotEligible, false)),
            ("five hours late so far", Case { arrival: Arrival::Expected(300), ..late }, (Verdict::Eligible, false)),
            ("third country, its own carrier", facts("JFK", "LAX", "AA", Event::Delay), (Verdict::OutOfScope, true)),
            ("told 15 days before", cancelled(15, None), (Verdict::NotEligible, true)),
            ("told 13 days before, no way on", cancelled(13, None), (Verdict::Eligible, false)),
            ("told today, a way on at the booked times", cancelled(0, Some(0)), (Verdict::NotEligible, false)),
        ];
        for (name, facts, expected) in cases {
            assert_eq!(before_the_end(&facts), expected, "{name}");
        }
    }

    #[test]
    fn the_end_of_a_journey_makes_a_known_answer_final_and_no_other() {
        let law = Law::default();
        let known = Case { cause: cause("technical_fault"), ..facts("FRA", "HAM", "LH", Event::Delay) };
        let unknown = Case { arrival: Arrival::InBlock(240), cause: cause("unknown"), ..known.clone() };
        for (facts, expected) in [(known, true), (unknown, false)] {
            assert_eq!(is_final(&law, true, &facts, &decide(&law, &facts)), expected);
        }
    }

    #[test]
    fn every_threshold_has_both_sides() {
        for minutes in [119, 120, 121, 179, 180, 181, 239, 240, 241] {
            assert!(ARRIVALS.contains(&Arrival::DoorOpen(minutes)), "{minutes}");
        }
    }
}
