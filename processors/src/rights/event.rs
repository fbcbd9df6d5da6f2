//! Whether the event, as it was, gives the sum of Article 7: long delay, cancellation by notice and offer, refusal.
//!
//! Every answer is yes, no or open; an open one names the fact that it waits for.

use super::case::{Arrival, Case, Choice, Event};
use super::cause::Nature;
use super::contested::Question;
use super::decision::Matter;
use super::passenger::DAY_MIN;
use super::proof::Proof;
use super::ruleset::{RuleSet, Window};
use super::scope::both;

/// How late the passenger was at the final destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late {
    /// Minutes to the opening of a door; none: not known.
    pub(super) minutes: Option<i32>,
    /// From an in-block time.
    pub(super) is_estimate: bool,
}

impl Late {
    /// The delay of a case, to the door (C-452/13).
    pub(super) fn of(set: &RuleSet, arrival: Arrival) -> Self {
        let (minutes, is_estimate) = match arrival {
            Arrival::Unknown | Arrival::Never => (None, false),
            Arrival::InBlock(block) => (Some(block + set.door_after_block_min), true),
            Arrival::Expected(minutes) | Arrival::DoorOpen(minutes) => (Some(minutes), false),
        };
        Self { minutes, is_estimate }
    }

    /// Whether it is below a threshold; none where it is not known, or an estimate too near.
    pub(super) fn below(self, threshold: i32, set: &RuleSet) -> Option<bool> {
        let minutes = self.minutes?;
        let near = self.is_estimate && (minutes - threshold).abs() <= set.door_margin_min;
        (!near).then_some(minutes < threshold)
    }

    /// The fact that would settle it.
    pub(super) fn missing(self) -> &'static str {
        if self.is_estimate { "times.door_open" } else { "arr_delay_min_final" }
    }
}

/// The event as the law sees it, which can differ from how it was reported.
pub(super) fn classified(case: &Case, event: Event, proof: &mut Proof) -> Event {
    if event == Event::Cancellation && case.flight_operated {
        proof.note("EV-DB", format_args!("booking cancelled, flight operated"), format_args!("denied boarding"));
        return Event::DeniedBoarding;
    }
    event
}

/// Whether the event itself gives a sum.
pub(super) fn gives_sum(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    match matter.event {
        Event::Delay => long_delay(matter, proof),
        Event::Diversion => diverted(matter, proof),
        Event::Cancellation => cancelled(matter, proof),
        Event::Advance => advanced(matter, proof),
        Event::DeniedBoarding => refused(matter, proof),
        Event::Downgrade => Some(false),
    }
}

fn diverted(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let fact = if matter.case.other_region { "landed in another region" } else { "landed elsewhere" };
    proof.note_with("EV-DIV", || (fact.to_owned(), "measured at the booked airport".to_owned()));
    if matter.case.other_region {
        proof.contested(Question::Q8);
        if matter.law.other(Question::Q8) {
            return cancelled(matter, proof);
        }
    }
    long_delay(matter, proof)
}

/// Long delay at the final destination (C-402/07, C-581/10).
fn long_delay(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let (case, set) = (matter.case, matter.set);
    asides(case, proof);
    let own = case.passenger.own_arrival_delay_min.filter(|_| case.passenger.self_rebooked);
    if let Some(own) = own.filter(|own| *own < set.delay_min) {
        proof.note("EU-PAX-8", format_args!("rebooked oneself, {own} min late"), format_args!("no sum"));
        return Some(false);
    }
    let late = matter.late.below(set.delay_min, set).map(|below| !below);
    estimated(matter, proof);
    match (late, matter.late.minutes) {
        (Some(true), Some(minutes)) => proof.note("DL-1", format_args!("{minutes} min late"), format_args!("a sum is due")),
        (Some(false), Some(minutes)) => {
            proof.note("DL-1", format_args!("{minutes} min late"), format_args!("too short: no sum"));
            return Some(false);
        }
        _ => {}
    }
    if case.arrival == Arrival::Never || gave_up(case) {
        return not_travelled(matter, proof);
    }
    if late.is_none() {
        proof.note("DL-1", format_args!("arrival not known well enough"), format_args!("undetermined"));
        proof.lacks(matter.late.missing());
    }
    late
}

/// Took the refund, or stayed behind though present.
fn gave_up(case: &Case) -> bool {
    case.passenger.travelled == Some(false) || (case.choice == Some(Choice::Refund) && case.passenger.travelled.is_none())
}

fn not_travelled(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    proof.contested(Question::Q13);
    if matter.law.other(Question::Q13) {
        return Some(true);
    }
    proof.lacks("passenger_choice");
    None
}

/// Facts that are part of the picture and change nothing.
fn asides(case: &Case, proof: &mut Proof) {
    if let Some(minutes) = case.retimed_by_min {
        proof.note("DL-2", format_args!("retimed by {minutes} min before"), format_args!("counted from the first booking"));
    }
    if let Some(stop) = case.unscheduled_stopover {
        proof.note("EV-STOP", format_args!("unscheduled stop at {stop}"), format_args!("a delay, no cancellation"));
    }
    if let Some(to) = case.onward_separate_ticket {
        proof.note("EU-SCOPE-9", format_args!("separate ticket to {to}"), format_args!("does not count"));
    }
    if case.is_reroute_flight {
        proof.note("CX-6", format_args!("this flight is itself a re-routing"), format_args!("a claim of its own"));
    }
}

fn estimated(matter: &Matter<'_>, proof: &mut Proof) {
    if matter.late.is_estimate {
        let after = matter.set.door_after_block_min;
        proof.note("DL-3", format_args!("in-block + {after} min"), format_args!("door opening estimated"));
    }
}

/// Refusal of carriage (Article 4): no defence but a reasonable ground.
fn refused(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let case = matter.case;
    if case.passenger.volunteered {
        proof.note("DB-1", format_args!("volunteered"), format_args!("agreed benefits and the choice, no sum"));
        return Some(false);
    }
    match has_ground(case) {
        Some(true) => {
            proof.note("EV-DB", format_args!("reasonable ground to refuse"), format_args!("no denied boarding"));
            Some(false)
        }
        Some(false) => {
            proof.note("DB-2", format_args!("refused against the passenger's will"), format_args!("a sum is due at once"));
            proof.note("DB-4", format_args!("whatever the cause"), format_args!("no defence of extraordinary circumstances"));
            if case.notice_min.is_some_and(|notice| notice >= DAY_MIN) {
                proof.note("DB-5", format_args!("announced in advance"), format_args!("the sum stays due"));
            }
            Some(true)
        }
        None => {
            proof.note("EV-DB", format_args!("cause of the refusal not known"), format_args!("undetermined"));
            proof.lacks("cause");
            None
        }
    }
}

/// Whether there was a reasonable ground to refuse carriage (Article 2(j)).
pub(super) fn has_ground(case: &Case) -> Option<bool> {
    if !case.passenger.documents_valid {
        return Some(true);
    }
    Some(case.cause?.nature == Nature::Ground)
}

fn advanced(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    let advance = matter.case.advance_min;
    if !is_cancellation(matter.case, matter.event, matter.set) {
        proof.note("CX-5", format_args!("brought forward by {advance} min"), format_args!("no cancellation"));
        return Some(false);
    }
    proof.note("CX-5", format_args!("brought forward by {advance} min"), format_args!("a cancellation"));
    let late = matter.late.minutes.or(matter.case.reroute.arr_delay_min).unwrap_or(-advance);
    by_notice(matter, Offer { made: Some(true), early: Some(advance), late: Some(late) }, proof)
}

/// A cancellation, or an advance that is one.
pub(super) fn is_cancellation(case: &Case, event: Event, set: &RuleSet) -> bool {
    match event {
        Event::Advance => case.advance_min > set.advance_over_min,
        event => event == Event::Cancellation,
    }
}

/// An offer as the windows test it.
#[derive(Debug, Clone, Copy)]
struct Offer {
    made: Option<bool>,
    /// Minutes before the booked departure.
    early: Option<i32>,
    /// Minutes after the booked arrival.
    late: Option<i32>,
}

/// Cancellation by notice and offer (Article 5(1)(c)).
fn cancelled(matter: &Matter<'_>, proof: &mut Proof) -> Option<bool> {
    asides(matter.case, proof);
    let reroute = matter.case.reroute;
    let actual = matter.late.minutes.filter(|_| !matter.law.other(Question::Q23));
    if reroute.arr_delay_min.zip(actual).is_some_and(|(offered, actual)| offered != actual) {
        proof.contested(Question::Q23);
    }
    let late = actual.or(reroute.arr_delay_min);
    by_notice(matter, Offer { made: reroute.offered, early: reroute.dep_offset_min.map(|offset| -offset), late }, proof)
}

fn by_notice(matter: &Matter<'_>, offer: Offer, proof: &mut Proof) -> Option<bool> {
    let set = matter.set;
    let notice = matter.case.notice_min.or(matter.case.only_agent_told.then_some(0));
    if matter.case.notice_min.is_none() && matter.case.only_agent_told {
        proof.note("CX-4", format_args!("only an agent was told"), format_args!("no notice to the passenger (C-302/16)"));
    }
    let Some(notice) = notice else {
        let mut near = set.window.iter().map(|window| near(matter, window, offer));
        if near.clone().all(|near| near == Some(true)) {
            proof.note("CX-3", format_args!("offer near the booked times"), format_args!("whatever the notice: no sum"));
            return Some(false);
        }
        proof.note("CX-4", format_args!("notice not known"), format_args!("undetermined"));
        proof.lacks("notice_days");
        // An arrival that is later than every window asks for no offer any more.
        if near.any(|near| near.is_none()) {
            lacks_offer(matter, offer, proof);
        }
        return None;
    };
    if notice >= set.notice_free_min {
        proof.note("CX-1", format_args!("{notice} min of notice"), format_args!("two weeks or more: no sum"));
        return Some(false);
    }
    let Some(window) = set.window.iter().find(|window| notice >= window.notice_min) else {
        return Some(true);
    };
    let is_near = near(matter, window, offer);
    noted(notice, window, offer, is_near, proof);
    if is_near.is_none() {
        lacks_offer(matter, offer, proof);
    }
    is_near.map(|near| !near)
}

fn noted(notice: i64, window: &Window, offer: Offer, is_near: Option<bool>, proof: &mut Proof) {
    if offer.made == Some(false) {
        proof.note("CX-4", format_args!("{notice} min of notice, no re-routing offered"), format_args!("a sum is due"));
        return;
    }
    let minutes = |minutes: Option<i32>| minutes.map_or_else(|| "?".to_owned(), |minutes| minutes.to_string());
    proof.note_with(window.id, || {
        let effect = match is_near {
            Some(true) => "within the window: no sum",
            Some(false) => "outside the window: a sum is due",
            None => "undetermined",
        };
        let (early, late) = (minutes(offer.early), minutes(offer.late));
        (format!("{notice} min of notice, departs {early} min early, arrives {late} min late"), effect.to_owned())
    });
}

/// Whether an offer lies within a window; none where it is not known well enough.
fn near(matter: &Matter<'_>, window: &Window, offer: Offer) -> Option<bool> {
    let is_actual = matter.late.minutes.is_some() && matter.late.minutes == offer.late;
    let late = Late { minutes: offer.late, is_estimate: is_actual && matter.late.is_estimate };
    let early = offer.early.map(|early| early <= window.early_max_min);
    both(offer.made, both(early, late.below(window.late_below_min, matter.set)))
}

/// Names what an offer's test waits for.
fn lacks_offer(matter: &Matter<'_>, offer: Offer, proof: &mut Proof) {
    match offer {
        Offer { made: Some(false), .. } => {}
        Offer { made: None, .. } => proof.lacks("reroute"),
        Offer { early: None, .. } => proof.lacks("reroute.dep_offset_min"),
        Offer { late: None, .. } => proof.lacks("reroute.arr_delay_min"),
        _ if matter.late.is_estimate => proof.lacks("times.door_open"),
        _ => {}
    }
}
