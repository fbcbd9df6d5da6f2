//! Half of the sum (Article 7(2); for delays C-402/07 para 63). A carrier may take it off, and is taken to do so.

use super::case::Event;
use super::contested::Question;
use super::decision::Matter;
use super::proof::Proof;

/// The third band: everything that is neither short nor medium.
const LONG: usize = 2;

/// Percent taken off, 0 or 50; none while a fact that decides it is missing.
pub(super) fn percent(matter: &Matter<'_>, proof: &mut Proof) -> Option<i32> {
    let halved = match matter.event {
        Event::Advance => {
            proof.note("RED-2", format_args!("flight brought forward"), format_args!("whole sum (C-146/20)"));
            Some(false)
        }
        Event::Delay | Event::Diversion => delayed(matter, proof),
        _ => offered(matter, proof),
    }?;
    Some(if halved { 50 } else { 0 })
}

/// Long-haul delay of less than four hours.
fn delayed(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    if matter.band? != LONG {
        return Some(false);
    }
    let limit = matter.set.halved_delay_below_min;
    let own = matter.case.passenger.own_arrival_delay_min.filter(|_| matter.case.passenger.self_rebooked);
    if own.is_some_and(|own| own < limit) {
        return Some(halved("RED-1", own.unwrap_or_default(), proof));
    }
    if matter.late.minutes == Some(limit) {
        proof.contested(Question::Q2);
        if matter.law.other(Question::Q2) {
            return Some(true);
        }
    }
    let below = matter.late.below(limit, matter.set);
    match below {
        Some(true) => {
            proof.contested(Question::Q1);
            if matter.law.other(Question::Q1) {
                return Some(false);
            }
            Some(halved("RED-1", matter.late.minutes.unwrap_or_default(), proof))
        }
        Some(false) => Some(false),
        None => {
            proof.lacks(matter.late.missing());
            None
        }
    }
}

fn halved(id: &'static str, minutes: i32, proof: &mut Proof) -> bool {
    proof.note(id, format_args!("arrival {minutes} min late"), format_args!("half the sum"));
    true
}

/// Re-routing that arrives within the window of the band, as offered, whatever was then chosen.
fn offered(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let reroute = matter.case.reroute;
    if reroute.offered == Some(false) {
        proof.note("RED-4", format_args!("no re-routing offered"), format_args!("whole sum"));
        return Some(false);
    }
    let limit = matter.set.halved_offer_until_min[matter.band?];
    let actual = matter.late.minutes.filter(|_| !matter.law.other(Question::Q23));
    // One minute further is the first that is too late: the window's end belongs to it.
    let within = match actual {
        Some(_) => matter.late.below(limit + 1, matter.set),
        None => reroute.arr_delay_min.map(|late| late <= limit),
    };
    match (reroute.offered, within) {
        (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => {
            if is_early(matter) {
                proof.contested(Question::Q3);
                if matter.law.other(Question::Q3) {
                    return Some(false);
                }
            }
            Some(halved("RED-4", actual.or(reroute.arr_delay_min).unwrap_or_default(), proof))
        }
        (None, _) => open("reroute", proof),
        _ if matter.late.is_estimate => open("times.door_open", proof),
        _ => open("reroute.arr_delay_min", proof),
    }
}

fn is_early(matter: &Matter<'_>) -> bool {
    let early = matter.case.reroute.dep_offset_min.map_or(0, |offset| -offset);
    early > matter.set.advance_over_min
}

fn open(fact: &'static str, proof: &mut Proof) -> Option<bool> {
    proof.note("RED-4", format_args!("re-routing not known well enough"), format_args!("undetermined"));
    proof.lacks(fact);
    None
}
