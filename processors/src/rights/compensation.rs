//! The sum of Article 7: whether one is due, whether the cause frees the carrier, whether it is halved.

use super::cause::{Nature, nature};
use super::decision::Proof;
use super::facts::{Arrival, Event, Facts, Notice, Offer};
use super::ruleset::RuleSet;

/// An in-block time is this long before a door opens, minutes: an assumption, marked as such in the proof.
const DOOR_MIN: i32 = 3;
/// Nearer than this to a threshold an in-block time does not decide, minutes.
const DOOR_MARGIN_MIN: i32 = 10;

/// Whether a sum is due; none while a fact that would decide it is missing.
pub(super) fn due(set: &RuleSet, facts: &Facts, band: usize, proof: &mut Proof) -> Option<bool> {
    let due = match facts.event {
        Event::Delay | Event::Diversion => late_enough(set, facts, band, proof),
        Event::Cancellation => cancelled(set, facts, proof),
    };
    match due {
        Some(true) => excused(facts, proof).map(|excused| !excused),
        other => other,
    }
}

/// Long delay (C-402/07, C-581/10).
fn late_enough(set: &RuleSet, facts: &Facts, band: usize, proof: &mut Proof) -> Option<bool> {
    if facts.arrival == Arrival::Never {
        return proof.missing("passenger_choice", "DL-1", "the final destination was not reached");
    }
    let Some(minutes) = minutes(facts.arrival) else {
        return proof.missing("arr_delay_min_final", "DL-1", "arrival not known");
    };
    if let Arrival::InBlock(_) = facts.arrival {
        let thresholds = [Some(set.delay_min), set.delay_halved_below_min[band]];
        proof.note("DL-3", format!("in-block + {DOOR_MIN} min"), "door opening estimated");
        if thresholds.iter().flatten().any(|threshold| (minutes - threshold).abs() < DOOR_MARGIN_MIN) {
            return proof.missing("times.door_open", "DL-3", "too near a threshold for an estimate");
        }
    }
    let late = minutes >= set.delay_min;
    proof.note(
        "DL-1",
        format!("{minutes} min late at {}", facts.destination),
        if late { "a sum is due" } else { "below 3 h: no sum" },
    );
    Some(late)
}

/// Delay at the final destination in minutes, to the door.
pub(super) fn minutes(arrival: Arrival) -> Option<i32> {
    match arrival {
        Arrival::InBlock(min) => Some(min + DOOR_MIN),
        other => other.minutes(),
    }
}

/// Cancellation by notice and offer (Article 5(1)(c)).
fn cancelled(set: &RuleSet, facts: &Facts, proof: &mut Proof) -> Option<bool> {
    let Notice::Minutes(notice) = facts.notice else {
        return proof.missing("notice_days", "CX-4", "notice not known");
    };
    if notice >= set.notice_free_min {
        proof.note("CX-1", format!("{notice} min of notice"), "two weeks or more: no sum");
        return Some(false);
    }
    let window = set.window(notice);
    match facts.offer {
        Offer::Unknown => proof.missing("reroute", window.id, "re-routing offer not known"),
        Offer::None => {
            proof.note("CX-4", "no re-routing offered", "a sum is due");
            Some(true)
        }
        Offer::Made { departure_offset_min, arrival_delay_min } => {
            let late = minutes(facts.arrival).unwrap_or(arrival_delay_min);
            let near = -departure_offset_min <= window.early_max_min && late < window.late_below_min;
            let fact = format!("{notice} min of notice, re-routing departs {departure_offset_min:+} min, arrives {late:+} min");
            proof.note(window.id, fact, if near { "within the window: no sum" } else { "outside the window: a sum is due" });
            Some(!near)
        }
    }
}

/// Extraordinary circumstances (Article 5(3)), for the carrier to prove; none while that is open.
fn excused(facts: &Facts, proof: &mut Proof) -> Option<bool> {
    let cause = facts.cause.as_deref().unwrap_or("unknown");
    let nature = nature(cause);
    proof.note(
        "EC-1",
        format!("cause {cause}"),
        match nature {
            Nature::Inherent => "inherent in the carrier's activity: no defence",
            Nature::Extraordinary => "extraordinary",
            Nature::Unclear => "not clear whether extraordinary",
        },
    );
    match (nature, facts.measures_proved) {
        (Nature::Inherent, _) => Some(false),
        (_, Some(false)) => {
            proof.note("EC-2", "reasonable measures not proved", "no defence");
            Some(false)
        }
        (Nature::Extraordinary, Some(true)) => {
            proof.note("EC-2", "reasonable measures proved", "no sum");
            Some(true)
        }
        (Nature::Extraordinary, None) => proof.missing("reasonable_measures_proved", "EC-2", "nothing submitted yet"),
        (Nature::Unclear, _) => proof.missing("cause", "EC-1", "open"),
    }
}

/// Percent by which the sum may be cut (Article 7(2)), 0 or 50; none while the arrival is not known.
pub(super) fn reduction(set: &RuleSet, facts: &Facts, band: usize, proof: &mut Proof) -> i32 {
    let late = minutes(facts.arrival);
    let halved = match (facts.event, facts.offer) {
        (Event::Cancellation, Offer::Made { arrival_delay_min, .. }) => {
            late.unwrap_or(arrival_delay_min) <= set.offer_halved_until_min[band]
        }
        (Event::Cancellation, _) => false,
        _ => set.delay_halved_below_min[band].zip(late).is_some_and(|(below, late)| late < below),
    };
    if halved {
        proof.note("RED-1", format!("{} min late", late.unwrap_or_default()), "halved (Article 7(2))");
    }
    if halved { 50 } else { 0 }
}
