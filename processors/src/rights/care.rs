//! What is due whatever the cause: care (Article 9), refund and re-routing (Article 8), transfer after a diversion.
//! Extraordinary circumstances do not touch them (C-12/11).

use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::records::Care;

use super::case::{Choice, Event};
use super::contested::Question;
use super::decision::Matter;
use super::distance::distance;
use super::event::{has_ground, is_cancellation};
use super::proof::Proof;
use super::scope::{both, unlisted};
use super::territory::place;

/// The rights beside the sum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assistance {
    pub(super) care: Care,
    pub(super) refund: Option<bool>,
    pub(super) reroute: Option<bool>,
    pub(super) transfer: Option<bool>,
}

/// The same answer for all kinds of care.
pub(super) fn all_care(due: Option<bool>) -> Care {
    Care { meals: due, communications: due, hotel: due, transport: due }
}

/// What is due; `protected`: whether the passenger has these rights at all, none while that is open.
pub(super) fn assistance(matter: &Matter<'_>, protected: Option<bool>, on: Option<Date>, proof: &mut Proof) -> Assistance {
    let (care, refund, reroute) = match matter.event {
        Event::Downgrade => (Some(false), Some(false), Some(false)),
        Event::Delay => delayed(matter, on, proof),
        Event::Diversion => diverted(matter, on, proof),
        Event::Cancellation | Event::Advance => cancelled(matter, proof),
        Event::DeniedBoarding => refused(matter, proof),
    };
    let care = if care != Some(false) && matter.case.choice == Some(Choice::Refund) {
        proof.note("CARE-5", format_args!("refund chosen"), format_args!("care ends"));
        Some(false)
    } else {
        care
    };
    let due = both(protected, care);
    let night = both(due, matter.case.overnight_wait);
    if due == Some(true) && night.is_none() {
        proof.lacks_aside("overnight_wait");
    }
    if night == Some(true) {
        proof.note("CARE-3", format_args!("a night's stay"), format_args!("hotel and transport, without a limit"));
    }
    Assistance {
        care: Care { meals: due, communications: due, hotel: night, transport: night },
        refund: both(protected, refund),
        reroute: both(protected, reroute),
        transfer: both(protected, transfer(matter, proof)).filter(|_| matter.event == Event::Diversion),
    }
}

/// Care, refund, re-routing.
type Rights = (Option<bool>, Option<bool>, Option<bool>);

fn delayed(matter: &Matter<'_>, on: Option<Date>, proof: &mut Proof) -> Rights {
    let Some(delay) = matter.case.dep_delay_min else {
        proof.lacks_aside("dep_delay_min");
        return (None, None, Some(false));
    };
    let care = match threshold(matter, on, proof) {
        Some(threshold) => {
            let effect = if delay >= threshold { "care is due" } else { "no care yet" };
            proof.note("CARE-1", format_args!("departure {delay} min late, threshold {threshold}"), format_args!("{effect}"));
            Some(delay >= threshold)
        }
        None => whatever_the_flight(matter, delay, proof),
    };
    let refund = delay >= matter.set.refund_min;
    if refund {
        proof.note("ART8-1", format_args!("departure {delay} min late"), format_args!("refund may be chosen"));
    }
    (care, Some(refund), Some(false))
}

/// Care where an airport of the flight is in no table: settled by a delay that reaches every threshold, or none of them.
fn whatever_the_flight(matter: &Matter<'_>, delay: i32, proof: &mut Proof) -> Option<bool> {
    let reached = matter.set.care_min.map(|threshold| delay >= threshold);
    if reached.iter().all(|other| *other == reached[0]) {
        proof.note("CARE-1", format_args!("departure {delay} min late"), format_args!("the same for every flight"));
        return Some(reached[0]);
    }
    let (from, to) = late_flight(matter);
    let unknown = [from, to].into_iter().flatten().filter(|end| place(*end).is_none());
    unknown.for_each(|end| proof.lacks_aside(unlisted(end)));
    None
}

/// Departure delay from which care is due: of the flight that is late, not of the whole journey.
fn threshold(matter: &Matter<'_>, on: Option<Date>, proof: &mut Proof) -> Option<i32> {
    let whole = matter.band.map(|band| matter.set.care_min[band]);
    let (Some(from), Some(to)) = late_flight(matter) else {
        return whole;
    };
    if (Some(from), Some(to)) == (matter.journey.origin, matter.journey.destination) {
        return whole;
    }
    let lies = |airport: Airport| Some(place(airport)?.territory(on).community());
    let own = distance(from, to).zip(both(lies(from), lies(to))).map(|(distance, inside)| matter.set.band(distance.km, inside));
    let own = own.map(|band| matter.set.care_min[band]);
    if own != whole {
        proof.contested(Question::Q16);
        if matter.law.other(Question::Q16) {
            return whole;
        }
    }
    own
}

/// The flight that departs late: the one that the named carrier operates, or else the first.
fn late_flight(matter: &Matter<'_>) -> (Option<Airport>, Option<Airport>) {
    let legs = matter.journey.legs;
    let carrier = matter.case.operating_carrier.as_ref();
    let own = legs.iter().find(|leg| carrier.is_some() && leg.operating_carrier.as_ref() == carrier).or(legs.first());
    match own {
        Some(leg) => (Some(leg.from), Some(leg.to)),
        None if matter.case.separate_bookings => (matter.journey.origin, matter.journey.destination),
        None => (matter.journey.origin, matter.case.via.first().copied().or(matter.journey.destination)),
    }
}

fn diverted(matter: &Matter<'_>, on: Option<Date>, proof: &mut Proof) -> Rights {
    let (care, refund, reroute) = delayed(matter, on, proof);
    if matter.case.other_region {
        proof.note("ART8-1", format_args!("landed in another region"), format_args!("refund or onward carriage"));
        return (care, Some(true), Some(true));
    }
    (care, refund, reroute)
}

fn cancelled(matter: &Matter<'_>, proof: &mut Proof) -> Rights {
    if !is_cancellation(matter.case, matter.event, matter.set) {
        return (Some(false), Some(false), Some(false));
    }
    proof.note("ART8-1", format_args!("cancelled"), format_args!("refund or re-routing, as the passenger chooses"));
    proof.note("CARE-3", format_args!("cancelled"), format_args!("care while waiting for re-routing"));
    (Some(true), Some(true), Some(true))
}

fn refused(matter: &Matter<'_>, proof: &mut Proof) -> Rights {
    let wronged = if matter.case.passenger.volunteered { Some(true) } else { has_ground(matter.case).map(|ground| !ground) };
    if wronged == Some(true) {
        proof.note("ART8-1", format_args!("not carried"), format_args!("refund or re-routing, as the passenger chooses"));
    }
    (both(wronged, Some(!matter.case.passenger.volunteered)), wronged, wronged)
}

/// Whether the way from where the aircraft landed is to be paid back: what the carrier did not provide.
fn transfer(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    if matter.event != Event::Diversion {
        return None;
    }
    match matter.case.transfer_provided {
        Some(true) => Some(false),
        Some(false) => {
            proof.note("ART8-5", format_args!("no transfer provided"), format_args!("its cost is paid back (C-826/19)"));
            Some(true)
        }
        None => {
            proof.lacks_aside("transfer_provided");
            None
        }
    }
}
