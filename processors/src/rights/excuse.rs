//! Extraordinary circumstances (Article 5(3)): nature, measures, causation, minutes. All for the carrier to prove.
//!
//! They free from the sum alone, never from care, refund, re-routing or the refund for a lower class (C-12/11), and not
//! after denied boarding (C-22/11).

use super::case::{Case, Event};
use super::cause::{Cause, Nature};
use super::contested::Question;
use super::decision::Matter;
use super::law::Law;
use super::proof::Proof;
use super::scope::both;

/// Whether the carrier is freed; none while that is open.
pub(super) fn is_freed(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let case = matter.case;
    if case.defence.carrier_contributed {
        proof.note("EC-1", format_args!("the carrier had a part in the event"), format_args!("inherent: no defence"));
        return Some(false);
    }
    let apportioned = matches!(matter.event, Event::Delay | Event::Diversion) && !case.delay_breakdown.is_empty();
    if apportioned { by_minutes(matter, proof) } else { by_cause(matter, proof) }
}

/// The nature of a cause on the facts of the case.
fn nature(law: &Law, case: &Case, cause: Cause, proof: &mut Proof) -> Nature {
    let contested = match cause.name {
        "passenger_medical_diversion_prior_flight" => Some(Question::Q9),
        "atc_restriction" => Some(Question::Q12),
        _ => None,
    };
    if let Some(question) = contested {
        proof.contested(question);
        if law.other(question) {
            return Nature::Inherent;
        }
    }
    match (cause.nature, case.defence.defect_confirmed) {
        (Nature::Conditional, Some(true)) => Nature::Extraordinary,
        (Nature::Conditional, Some(false)) => Nature::Inherent,
        (Nature::Ground | Nature::Tour, _) => Nature::Unclear,
        (nature, _) => nature,
    }
}

/// Measures and causation together: whether the defence stands if the circumstances are extraordinary.
fn stands(case: &Case, proof: &mut Proof) -> Option<bool> {
    let defence = &case.defence;
    let measures = measures(case, proof);
    let link = match (defence.causal_link_proved, defence.prior_rotation) {
        (Some(false), _) => Some(false),
        (link, true) => link,
        (_, false) => Some(true),
    };
    if defence.prior_rotation || link == Some(false) {
        let effect = match link {
            Some(true) => "direct link proved",
            Some(false) => "no direct link: no defence",
            None => "direct link not proved yet",
        };
        proof.note_with("EC-3", || ("cause on an earlier flight of the aircraft".to_owned(), effect.to_owned()));
    }
    both(measures, link)
}

fn measures(case: &Case, proof: &mut Proof) -> Option<bool> {
    let defence = &case.defence;
    let (fact, effect, holds) = if defence.other_seats {
        ("earlier seats on other carriers were not used", "not all reasonable measures (C-74/19)", Some(false))
    } else if !defence.buffer_planned {
        ("no time planned in reserve", "not all reasonable measures (C-294/10)", Some(false))
    } else {
        match defence.measures_proved {
            Some(true) => ("reasonable measures proved", "the defence stands", Some(true)),
            Some(false) => ("reasonable measures not proved", "no defence", Some(false)),
            None => ("nothing submitted on measures", "open", None),
        }
    };
    proof.note_with("EC-2", || (fact.to_owned(), effect.to_owned()));
    holds
}

/// Names what measures and causation wait for.
fn lacks(case: &Case, proof: &mut Proof) {
    let defence = &case.defence;
    if defence.measures_proved.is_none() && !defence.other_seats && defence.buffer_planned {
        proof.lacks("reasonable_measures_proved");
    }
    if defence.prior_rotation && defence.causal_link_proved.is_none() {
        proof.lacks("direct_causal_link_proved");
    }
}

/// One cause for the whole.
fn by_cause(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let case = matter.case;
    let nature = case.cause.map_or(Nature::Unclear, |cause| nature(matter.law, case, cause, proof));
    let nature = if case.cause.is_some_and(|cause| cause.name == "mixed") { of_parts(matter, proof) } else { nature };
    let name = case.cause.map_or("not known", |cause| cause.name);
    let effect = match nature {
        Nature::Inherent => "inherent in the carrier's activity: no defence",
        Nature::Extraordinary => "extraordinary",
        _ => "not clear whether extraordinary",
    };
    proof.note("EC-1", format_args!("cause {name}"), format_args!("{effect}"));
    if nature == Nature::Inherent {
        return Some(false);
    }
    match (nature, stands(case, proof)) {
        (_, Some(false)) => Some(false),
        (Nature::Extraordinary, Some(true)) => Some(true),
        (nature, _) => {
            if nature != Nature::Extraordinary {
                proof.lacks(unclear(matter));
            }
            lacks(case, proof);
            None
        }
    }
}

/// The nature of a mixture whose minutes cannot be told apart: that of all parts where they agree.
fn of_parts(matter: &Matter<'_>, proof: &mut Proof) -> Nature {
    let mut parts =
        matter.case.delay_breakdown.iter().map(|(cause, _)| nature(matter.law, matter.case, *cause, proof)).collect::<Vec<_>>();
    parts.dedup();
    if let [only] = parts[..] { only } else { Nature::Unclear }
}

/// What would clear up an unclear cause.
fn unclear(matter: &Matter<'_>) -> &'static str {
    match matter.case.cause {
        Some(cause) if cause.nature == Nature::Conditional => "defect_confirmed_by_manufacturer_or_authority",
        Some(cause) if cause.name == "mixed" && matches!(matter.event, Event::Delay | Event::Diversion) => "delay_breakdown",
        _ => "cause",
    }
}

/// Causes added up: only the extraordinary minutes are taken off, and the rest is tested again (C-315/15).
fn by_minutes(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let case = matter.case;
    let (mut off, mut unclear) = (0, 0);
    for (cause, minutes) in &case.delay_breakdown {
        match nature(matter.law, case, *cause, proof) {
            Nature::Inherent => {}
            Nature::Extraordinary => off += minutes,
            _ => unclear += minutes,
        }
    }
    if off + unclear == 0 {
        proof.note("EC-4", format_args!("no extraordinary minutes"), format_args!("no defence"));
        return Some(false);
    }
    let stands = stands(case, proof);
    let Some(late) = matter.late.minutes else {
        return stands.filter(|stands| !stands);
    };
    let (set, threshold) = (matter.set, matter.set.delay_min);
    let most = late - off;
    // What remains after the minutes that are surely taken off, and after all that may be.
    let remains = [off, off + unclear].map(|minutes| matter.late.below(threshold + minutes, set));
    let fits = match remains {
        [Some(true), _] => Some(true),
        [_, Some(false)] => Some(false),
        _ => None,
    };
    proof.note(
        "EC-4",
        format_args!("{late} min, {off} of them extraordinary, {unclear} unclear"),
        format_args!("{most} min remain: {}", if most < threshold { "no sum if proved" } else { "a sum is due" }),
    );
    let freed = both(fits, stands);
    if freed.is_none() {
        if fits.is_none() && unclear > 0 {
            proof.lacks("delay_breakdown");
        }
        if fits.is_none() && remains.contains(&None) {
            proof.lacks(matter.late.missing());
        }
        lacks(case, proof);
    }
    freed
}
