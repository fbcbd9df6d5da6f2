//! What is due whatever the cause: care (Article 9), refund and re-routing (Article 8). Extraordinary circumstances do
//! not touch them (C-12/11).

use slipstream_schemas::records::Care;

use super::decision::Proof;
use super::facts::{Event, Facts};
use super::ruleset::RuleSet;

/// Care by kind; a night counts only where care is due at all.
pub(super) fn care(set: &RuleSet, facts: &Facts, band: usize, proof: &mut Proof) -> Care {
    let waiting = match facts.event {
        Event::Cancellation => {
            proof.note("CARE-3", "cancelled", "care while waiting for re-routing");
            Some(true)
        }
        Event::Delay | Event::Diversion => delayed(set, facts, band, proof),
    };
    let night = match waiting {
        Some(false) => Some(false),
        _ => facts.overnight.and_then(|night| waiting.map(|_| night)),
    };
    if waiting == Some(true) && night.is_none() {
        proof.lacks("overnight_wait");
    }
    Care { meals: waiting, communications: waiting, hotel: night, transport: night }
}

fn delayed(set: &RuleSet, facts: &Facts, band: usize, proof: &mut Proof) -> Option<bool> {
    let Some(delay) = facts.departure_delay_min else {
        proof.lacks("dep_delay_min");
        return None;
    };
    let due = delay >= set.care_min[band];
    let effect = if due { "care is due" } else { "below the threshold of the band: no care" };
    proof.note("CARE-1", format!("departure {delay} min late, threshold {}", set.care_min[band]), effect);
    Some(due)
}

/// Refund and re-routing (Article 8), in this order.
pub(super) fn choice(set: &RuleSet, facts: &Facts, proof: &mut Proof) -> (Option<bool>, Option<bool>) {
    if facts.event == Event::Cancellation {
        proof.note("ART8-1", "cancelled", "refund or re-routing, as the passenger chooses");
        return (Some(true), Some(true));
    }
    let Some(delay) = facts.departure_delay_min else {
        return (None, Some(false));
    };
    let refund = delay >= set.refund_min;
    if refund {
        proof.note("ART8-1", format!("departure {delay} min late"), "refund may be chosen");
    }
    (Some(refund), Some(false))
}
