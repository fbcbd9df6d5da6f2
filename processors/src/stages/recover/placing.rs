//! The batch at the end of an instant: looks at the pending bookings in order, and says what came of each.
//!
//! ```text
//! pending, by priority ─► first break? ─no──► KEPT, where somebody feared otherwise
//!                             └─yes─► search ─► REBOOKED (seats moved) | UNPLACEABLE (kept on the list)
//! ```
//!
//! Seats that a rebooked party leaves are offered, in the same batch, to those who found none.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{Audit, Outcome, Reaccommodation, Segment};
use slipstream_schemas::topics::{DECISION_AUDIT, REACCOMMODATION};
use slipstream_streams::processor::{Cx, Poison};

use super::breakage::{Break, first_break, goals};
use super::intake::{seats, watch};
use super::network::Network;
use super::rows::{BOOKINGS, Held, PARTIES, PENDING, Pending, Trip, watch_sub};
use super::search::{Failures, Found, Need, search};
use super::{SEATS_MAY_BE_FREE, UNPLACED, WAITING, keep_retrying, minutes, priority, seats_may_be_free, sub};
use crate::context::Typed;

/// Times that seats which come free within a batch are offered to those without.
const ROUNDS_MAX: usize = 8;
/// Name and version of the rule in audit records.
const RULE: &str = "earliest-arrival@1";

/// A booking with a broken journey for which nothing was found.
struct Stranded {
    pending: Pending,
    trip: usize,
    reason: &'static str,
}

/// Looks at everything that is pending.
pub(super) fn batch(cx: &mut Cx<'_>) -> Result<(), Poison> {
    let mut queue = take_queue(cx)?;
    let mut network = Network::default();
    let mut stranded = Vec::new();
    for _ in 0..ROUNDS_MAX {
        network.released = false;
        stranded.clear();
        let mut failures = Failures::default();
        for pending in &queue {
            stranded.extend(look(cx, &mut network, &mut failures, pending)?);
        }
        queue = stranded.iter().map(|stranded| stranded.pending.clone()).collect();
        if queue.is_empty() || !network.released {
            break;
        }
    }
    network.save(cx);
    stranded.iter().try_for_each(|stranded| give_up_for_now(cx, stranded))
}

/// The bookings to look at, in order of priority, each once; the lists are empty afterwards.
fn take_queue(cx: &mut Cx<'_>) -> Result<Vec<Pending>, Poison> {
    let mut queue = cx.load_all::<Pending>(PENDING, &[WAITING])?;
    if cx.get(PENDING, SEATS_MAY_BE_FREE).is_some() {
        queue.extend(cx.load_all::<Pending>(PENDING, &[UNPLACED])?);
        cx.delete(PENDING, SEATS_MAY_BE_FREE);
    }
    queue.iter().for_each(|(sub, _)| cx.delete(PENDING, sub));
    queue.sort_by(|(a, x), (b, y)| (&a[1..], y.alarmed).cmp(&(&b[1..], x.alarmed)));
    queue.dedup_by(|(b, _), (a, _)| a[1..] == b[1..]);
    Ok(queue.into_iter().map(|(_, pending)| pending).collect())
}

/// Looks at one booking; what is returned is broken, and no seats were found for it.
fn look(cx: &mut Cx<'_>, network: &mut Network, failures: &mut Failures, pending: &Pending) -> Result<Option<Stranded>, Poison> {
    let Some(mut held) = cx.load::<Held>(BOOKINGS, pending.pnr.as_str().as_bytes())? else {
        return Ok(None);
    };
    for segment in held.trips.iter().flat_map(|trip| &trip.current) {
        network.load(cx, segment.leg.origin)?;
    }
    let mut stranded = None;
    for index in 0..held.trips.len() {
        let before = index.checked_sub(1).and_then(|before| held.trips[before].current.last());
        let before = before.filter(|before| crate::journey::connects(before, &held.trips[index].current[0])).cloned();
        if is_over(network, &held.trips[index], pending, cx.now()) {
            continue;
        }
        match first_break(network, &held.trips[index].current, before.as_ref(), cx.now()) {
            None => keep(cx, &mut held, index, pending),
            Some(broken) => {
                let rebooked = rebook(cx, network, failures, &mut held, index, pending, &broken)?;
                if let Err(reason) = rebooked {
                    stranded.get_or_insert(Stranded { pending: pending.clone(), trip: index, reason });
                }
            }
        }
    }
    Ok(stranded)
}

/// Whether a journey has been travelled, whatever came of its connections; not while its party waits for seats, nor
/// when the news is that it is broken.
fn is_over(network: &Network, trip: &Trip, pending: &Pending, now: i64) -> bool {
    let alarm = pending.alarmed && index_of(trip, pending.segment).is_some();
    let last = trip.current.last();
    let ended = last.is_some_and(|last| {
        let leg = network.get(&last.leg);
        leg.is_none_or(super::rows::LegNow::flies) && leg.map_or(last.scheduled_arrival, |leg| leg.arrival) <= now
    });
    !alarm && trip.outcome != Outcome::Unplaceable && (trip.arrived || ended)
}

/// Says that a journey stands after all, where it was feared or said that it does not.
fn keep(cx: &mut Cx<'_>, held: &mut Held, index: usize, pending: &Pending) {
    let trip = &mut held.trips[index];
    let touched = index_of(trip, pending.segment).is_some();
    let feared = touched && pending.alarmed && trip.outcome == Outcome::Unknown;
    if feared || trip.outcome == Outcome::Unplaceable {
        trip.outcome = Outcome::Kept;
        trip.disruption.get_or_insert_with(|| pending.disruption.clone());
        conclude(cx, held, index, 0, "the itinerary stands");
        audit(cx, held, index, Vec::new());
    }
}

/// Finds and takes a new way; the inner error is why there is none.
fn rebook(
    cx: &mut Cx<'_>,
    network: &mut Network,
    failures: &mut Failures,
    held: &mut Held,
    index: usize,
    pending: &Pending,
    broken: &Break,
) -> Result<Result<(), &'static str>, Poison> {
    let trip = &held.trips[index];
    let Some(from) = broken.from else {
        return Ok(Err("diverted, and the airport is not known yet"));
    };
    let next = trip.current.get(broken.flown).or(trip.current.last());
    let need = Need {
        from,
        ready: broken.ready,
        goals: goals(network, &trip.current, broken),
        seats: seats(held),
        cabin: next.map(|segment| segment.cabin).unwrap_or_default(),
    };
    let Some(found) = search(cx, network, failures, &need)? else {
        return Ok(Err("no itinerary with free seats for the whole party within 48 h"));
    };
    let old = trip.current.clone();
    let new = joined(&old, broken.flown, &found);
    network.move_seats(cx, &old, &new, need.seats)?;
    unwatch(cx, held, &old);
    let trip = &mut held.trips[index];
    (trip.current, trip.outcome, trip.arrived) = (new, Outcome::Rebooked, false);
    trip.disruption.get_or_insert_with(|| pending.disruption.clone());
    conclude(cx, held, index, broken.flown, broken.reason);
    audit(cx, held, index, found.rejected);
    Ok(Ok(()))
}

/// What was flown, the new legs, and what is kept of the rest.
fn joined(old: &[Segment], flown: usize, found: &Found) -> Vec<Segment> {
    let kept = &old[old.len() - found.kept..];
    [&old[..flown], &found.legs, kept].concat()
}

/// Says that there are no seats, once, and keeps the booking on the list.
fn give_up_for_now(cx: &mut Cx<'_>, stranded: &Stranded) -> Result<(), Poison> {
    let (pending, index) = (&stranded.pending, stranded.trip);
    let Some(mut held) = cx.load::<Held>(BOOKINGS, pending.pnr.as_str().as_bytes())? else {
        return Ok(());
    };
    cx.save(PENDING, &sub(UNPLACED, &priority::order(&held, &held.trips[index])), pending);
    let trip = &mut held.trips[index];
    if trip.outcome != Outcome::Unplaceable {
        trip.outcome = Outcome::Unplaceable;
        trip.disruption.get_or_insert_with(|| pending.disruption.clone());
        let lost = index_of(trip, pending.segment).unwrap_or_default();
        conclude(cx, &mut held, index, lost, stranded.reason);
        audit(cx, &held, index, vec!["every itinerary of up to two legs, in any cabin".to_owned()]);
        keep_retrying(cx);
    }
    Ok(())
}

/// The segment's place in the journey's booked part, if it belongs to it.
fn index_of(trip: &Trip, segment: i32) -> Option<usize> {
    usize::try_from(segment - trip.first).ok().filter(|index| *index < trip.booked.len().max(1))
}

/// Keeps the booking and says what now holds for one journey; it changes, or breaks, at segment `from`.
fn conclude(cx: &mut Cx<'_>, held: &mut Held, index: usize, from: usize, reason: &str) {
    watch(cx, held, &held.trips[index]);
    cx.save(BOOKINGS, held.pnr.as_str().as_bytes(), held);
    let message = message(held, index, from, reason);
    send(cx, held, &message);
}

fn send(cx: &mut Cx<'_>, held: &Held, message: &Reaccommodation) {
    cx.set_organisation(held.organisation.as_str());
    cx.send(REACCOMMODATION, held.pnr.as_str(), message);
}

fn message(held: &Held, index: usize, from: usize, reason: &str) -> Reaccommodation {
    let trip = &held.trips[index];
    let stands = matches!(trip.outcome, Outcome::Kept | Outcome::Rebooked);
    let same = trip.booked.iter().zip(&trip.current).take_while(|(booked, now)| booked.leg == now.leg).count();
    // Without a new way the itinerary is what it was: the lost segment is the one that it breaks at.
    let first = if stands { same } else { from }.min(trip.booked.len().saturating_sub(1));
    let (booked, new) = (trip.booked.last(), trip.current.last());
    let arrival = booked.zip(new).and_then(|(booked, new)| minutes(new.scheduled_arrival, booked.scheduled_arrival));
    let departs = trip.current.get(same).and_then(|new| minutes(new.scheduled_departure, trip.booked[first].scheduled_departure));
    Reaccommodation {
        pnr: held.pnr,
        organisation: held.organisation,
        disruption: trip.disruption.clone().unwrap_or_default(),
        outcome: trip.outcome,
        reason: reason.to_owned(),
        segments: if stands { trip.current[from.min(trip.current.len())..].to_vec() } else { Vec::new() },
        passengers: held.passengers.iter().map(|passenger| passenger.passenger).collect(),
        arrival_delay_min: arrival.filter(|_| stands),
        departure_offset_min: departs.filter(|_| trip.outcome == Outcome::Rebooked),
        segment: trip.first + first as i32,
        arrived_at: None,
    }
}

/// One automatic choice with what it was made from (the subject is the booking).
fn audit(cx: &mut Cx<'_>, held: &Held, index: usize, alternatives: Vec<String>) {
    let trip = &held.trips[index];
    let legs = |segments: &[Segment]| {
        let legs: Vec<String> = segments.iter().map(|segment| format!("{} {}", segment.leg, segment.cabin)).collect();
        legs.join(" + ")
    };
    let audit = Audit {
        subject: held.pnr.to_string(),
        stage: "recover".to_owned(),
        decision: match trip.outcome {
            Outcome::Rebooked => format!("REBOOKED {}", legs(&trip.current)),
            outcome => outcome.to_string(),
        },
        rule: RULE.to_owned(),
        inputs: vec![
            format!("disruption={}", trip.disruption.as_deref().unwrap_or_default()),
            format!("booked={}", legs(&trip.booked)),
            format!("seats={}", seats(held)),
        ],
        alternatives,
    };
    cx.send(DECISION_AUDIT, held.pnr.as_str(), &audit);
}

/// Passes on that the last leg of a standing itinerary is in.
pub(super) fn arrived(cx: &mut Cx<'_>, mut held: Held, leg: &Leg, at: i64) {
    for index in 0..held.trips.len() {
        let trip = &mut held.trips[index];
        let ends = trip.current.last().is_some_and(|last| last.leg == *leg);
        if !ends || trip.arrived || !matches!(trip.outcome, Outcome::Kept | Outcome::Rebooked) {
            continue;
        }
        trip.arrived = true;
        cx.save(BOOKINGS, held.pnr.as_str().as_bytes(), &held);
        let booked = held.trips[index].booked.last().map_or(at, |last| last.scheduled_arrival);
        let message = message(&held, index, 0, "arrived");
        send(cx, &held, &Reaccommodation { arrived_at: Some(at), arrival_delay_min: minutes(at, booked), ..message });
    }
}

/// The booking is gone: its seats come back, and an open case ends with the fare.
pub(super) fn refund(cx: &mut Cx<'_>, held: &Held) -> Result<(), Poison> {
    forget(cx, held);
    let mut network = Network::default();
    for trip in &held.trips {
        network.move_seats(cx, &trip.current, &trip.booked, seats(held))?;
    }
    if network.released {
        seats_may_be_free(cx);
    }
    network.save(cx);
    cx.delete(BOOKINGS, held.pnr.as_str().as_bytes());
    let mut held = held.clone();
    for index in 0..held.trips.len() {
        if held.trips[index].disruption.is_some() && !held.trips[index].arrived {
            held.trips[index].outcome = Outcome::Refunded;
            let message = message(&held, index, 0, "the booking was cancelled after the disruption");
            send(cx, &held, &message);
            audit(cx, &held, index, Vec::new());
        }
    }
    Ok(())
}

/// Takes a booking off every list and index.
pub(super) fn forget(cx: &mut Cx<'_>, held: &Held) {
    for trip in &held.trips {
        unwatch(cx, held, &trip.current);
        let order = priority::order(held, trip);
        cx.delete(PENDING, &sub(WAITING, &order));
        cx.delete(PENDING, &sub(UNPLACED, &order));
    }
}

fn unwatch(cx: &mut Cx<'_>, held: &Held, itinerary: &[Segment]) {
    for segment in itinerary {
        cx.delete(PARTIES, &watch_sub(&segment.leg, held.pnr));
    }
}
