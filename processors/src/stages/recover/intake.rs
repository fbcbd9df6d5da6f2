//! What `recover` makes of each record: rows brought up to date, bookings put on the list to look at.
//!
//! Nothing is decided here; that is the end of the instant, in [`super::placing`].

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{
    AgeGroup, Booking, BookingDisruption, BookingKind, Disruption, FlightEvent, FlightStatus, Inventory, Outcome, Pattern,
    Segment,
};
use slipstream_streams::processor::{Cx, Poison};

use super::network::Network;
use super::rows::{BOOKINGS, Held, LEGS, LegNow, PARTIES, Pending, Trip, Watch, leg_sub};
use super::{keep_clean, look_at, placing, seats_may_be_free};
use crate::context::Typed;
use crate::journey::journeys;

/// Takes in a booking as the PSS now has it.
pub(super) fn booking(cx: &mut Cx<'_>, booking: &Booking) -> Result<(), Poison> {
    keep_clean(cx);
    let sub = booking.pnr.as_str().as_bytes();
    let before: Option<Held> = cx.load(BOOKINGS, sub)?;
    if booking.kind == BookingKind::Cancelled || booking.segments.is_empty() {
        return before.map_or(Ok(()), |held| placing::refund(cx, &held));
    }
    let trips = journeys(&booking.segments).into_iter().map(|range| {
        let booked = booking.segments[range.clone()].to_vec();
        let known = before.iter().flat_map(|held| &held.trips).find(|trip| trip.booked == booked || trip.current == booked);
        take_over(range.start as i32, booked, known)
    });
    let held = Held {
        pnr: booking.pnr,
        organisation: booking.organisation,
        passengers: booking.passengers.clone(),
        trips: trips.collect(),
    };
    if let Some(before) = before {
        replace(cx, &before, &held)?;
        for trip in &held.trips {
            let disruption = trip.disruption.clone().unwrap_or_default();
            look_at(cx, &held, &Pending { pnr: held.pnr, disruption, segment: trip.first, alarmed: false });
        }
    }
    cx.save(BOOKINGS, sub, &held);
    Ok(())
}

/// A journey that is booked as it was, or as it was placed here, keeps what is known of it.
fn take_over(first: i32, booked: Vec<Segment>, known: Option<&Trip>) -> Trip {
    match known {
        Some(known) => Trip { first, booked, ..known.clone() },
        None => Trip { first, current: booked.clone(), booked, disruption: None, outcome: Outcome::Unknown, arrived: false },
    }
}

/// Gives back what the booking as it was held beyond the PSS's count, and takes what it now holds beyond it.
fn replace(cx: &mut Cx<'_>, before: &Held, after: &Held) -> Result<(), Poison> {
    placing::forget(cx, before);
    let mut network = Network::default();
    for trip in before.trips.iter().filter(|trip| trip.current != trip.booked) {
        network.move_seats(cx, &trip.current, &trip.booked, seats(before))?;
    }
    for trip in after.trips.iter().filter(|trip| trip.current != trip.booked) {
        network.move_seats(cx, &trip.booked, &trip.current, seats(after))?;
    }
    if network.released {
        seats_may_be_free(cx);
    }
    network.save(cx);
    after.trips.iter().filter(|trip| trip.disruption.is_some()).for_each(|trip| watch(cx, after, trip));
    Ok(())
}

/// Seats that a party needs: infants travel on a lap.
pub(super) fn seats(held: &Held) -> i32 {
    held.passengers.iter().filter(|passenger| passenger.age_group != AgeGroup::Infant).count() as i32
}

/// Has news of the legs of a standing itinerary lead to its booking.
pub(super) fn watch(cx: &mut Cx<'_>, held: &Held, trip: &Trip) {
    for segment in &trip.current {
        cx.save(PARTIES, &super::rows::watch_sub(&segment.leg, held.pnr), &Watch { pnr: held.pnr });
    }
}

/// Takes in the PSS's count of free seats. It is absolute: what it was before is not used.
pub(super) fn inventory(cx: &mut Cx<'_>, inventory: &Inventory) -> Result<(), Poison> {
    keep_clean(cx);
    if inventory.organisation.as_str() != cx.key() {
        let error = format!("organisation: {} under the key {}", inventory.organisation, cx.key());
        return Err(Poison::new("misplaced key", error));
    }
    if !(0..=inventory.capacity).contains(&inventory.current_available) {
        let error = format!("current_available: {} of {} seats", inventory.current_available, inventory.capacity);
        return Err(Poison::new("invalid inventory", error));
    }
    let (departure, arrival) = (inventory.scheduled_departure, inventory.scheduled_arrival);
    let sub = leg_sub(&inventory.leg);
    let known: Option<LegNow> = cx.load(LEGS, &sub)?;
    let mut leg = known.unwrap_or_else(|| LegNow::scheduled(inventory.leg, departure, arrival));
    let free = leg.free(inventory.cabin);
    let seats = leg.cabin(inventory.cabin);
    (seats.capacity, seats.available) = (inventory.capacity, inventory.current_available);
    if leg.free(inventory.cabin) > free {
        seats_may_be_free(cx);
    }
    cx.save(LEGS, &sub, &leg);
    Ok(())
}

/// Takes in a disruption of one booking.
pub(super) fn disruption(cx: &mut Cx<'_>, message: &BookingDisruption) -> Result<(), Poison> {
    hearsay(cx, &message.what)?;
    let Some(held) = cx.load::<Held>(BOOKINGS, message.pnr.as_str().as_bytes())? else {
        return Ok(()); // cancelled at this very instant, or never one of this organisation
    };
    let grave = matches!(message.what.pattern, Pattern::Cancellation | Pattern::Diversion) || message.connection_at_risk;
    let open = held.trips.iter().any(|trip| trip.disruption.is_some());
    if grave || open {
        let pending =
            Pending { pnr: message.pnr, disruption: message.what.disruption.clone(), segment: message.segment, alarmed: grave };
        look_at(cx, &held, &pending);
    }
    Ok(())
}

/// What a disruption says of its leg, where the leg's own events have not been seen here.
fn hearsay(cx: &mut Cx<'_>, what: &Disruption) -> Result<(), Poison> {
    let sub = leg_sub(&what.leg);
    let known: Option<LegNow> = cx.load(LEGS, &sub)?;
    if known.as_ref().is_some_and(|leg| leg.observed) {
        return Ok(());
    }
    let scheduled = || {
        let arrival = what.scheduled_arrival.unwrap_or(what.scheduled_departure);
        LegNow::scheduled(what.leg, what.scheduled_departure, arrival)
    };
    let before = known.unwrap_or_else(scheduled);
    let mut leg = before.clone();
    leg.cancelled = what.pattern == Pattern::Cancellation && what.expected_departure.is_none();
    leg.diverted = what.pattern == Pattern::Diversion && !what.arrived;
    leg.departure = what.expected_departure.unwrap_or(leg.departure);
    leg.arrival = what.expected_arrival.unwrap_or(leg.arrival);
    leg.arrived_at = what.expected_arrival.filter(|_| what.arrived);
    settle(cx, &before, &leg)
}

/// Takes in what happened to a leg. A leg on time without seats of ours is not worth a row.
pub(super) fn flight(cx: &mut Cx<'_>, event: &FlightEvent) -> Result<(), Poison> {
    let known: Option<LegNow> = cx.load(LEGS, &leg_sub(&event.leg))?;
    let scheduled_arrival = event.scheduled_arrival.or_else(|| known.as_ref().map(|leg| leg.arrival));
    let scheduled =
        LegNow::scheduled(event.leg, event.scheduled_departure, scheduled_arrival.unwrap_or(event.scheduled_departure));
    let before = known.clone().unwrap_or_else(|| scheduled.clone());
    let (departure, arrival) = expected(event, scheduled.arrival);
    let leg = LegNow {
        departure,
        arrival,
        cancelled: event.status == FlightStatus::Cancelled,
        diverted: event.status == FlightStatus::Diverted,
        diverted_to: event.diverted_to,
        arrived_at: event.in_at.filter(|_| event.status == FlightStatus::Arrived),
        observed: true,
        cabins: before.cabins.clone(),
        ..scheduled
    };
    let on_time = LegNow { observed: true, arrived_at: leg.arrived_at, ..before.clone() };
    if known.is_none() && leg == on_time && cx.scan(PARTIES, &watch_prefix(&event.leg)).is_empty() {
        return Ok(());
    }
    keep_clean(cx);
    settle(cx, &before, &leg)
}

/// Actual, else expected, else scheduled instants of departure and arrival.
fn expected(event: &FlightEvent, scheduled_arrival: i64) -> (i64, i64) {
    let late = |minutes: Option<i32>| i64::from(minutes.unwrap_or(0)) * crate::journey::MINUTE;
    let by_delay = event.scheduled_departure + late(event.departure_delay_min);
    let departure = event.out_at.or(event.estimated_departure).unwrap_or(by_delay);
    let lateness = event.arrival_delay_min.map_or((departure - event.scheduled_departure).max(0), |min| late(Some(min)));
    let arrival = event.in_at.or(event.estimated_arrival).unwrap_or(scheduled_arrival + lateness);
    (departure, arrival)
}

/// Writes a leg's row; when something of it changed, has those looked at whom it concerns.
fn settle(cx: &mut Cx<'_>, before: &LegNow, leg: &LegNow) -> Result<(), Poison> {
    if before == leg && cx.get(LEGS, &leg_sub(&leg.leg)).is_some() {
        return Ok(());
    }
    cx.save(LEGS, &leg_sub(&leg.leg), leg);
    let same = LegNow { arrived_at: leg.arrived_at, observed: leg.observed, ..before.clone() };
    for (_, watch) in cx.load_all::<Watch>(PARTIES, &watch_prefix(&leg.leg))? {
        if let Some(held) = cx.load::<Held>(BOOKINGS, watch.pnr.as_str().as_bytes())? {
            if let Some(at) = leg.arrived_at.filter(|_| before.arrived_at != leg.arrived_at) {
                placing::arrived(cx, held.clone(), &leg.leg, at);
            }
            if same != *leg {
                look_again(cx, &held, &leg.leg);
            }
        }
    }
    if same != *leg && !leg.cabins.is_empty() {
        seats_may_be_free(cx);
    }
    Ok(())
}

fn look_again(cx: &mut Cx<'_>, held: &Held, leg: &Leg) {
    for trip in held.trips.iter().filter(|trip| trip.current.iter().any(|segment| segment.leg == *leg)) {
        let disruption = trip.disruption.clone().unwrap_or_default();
        look_at(cx, held, &Pending { pnr: held.pnr, disruption, segment: trip.first, alarmed: false });
    }
}

fn watch_prefix(leg: &Leg) -> Vec<u8> {
    format!("{leg}\0").into_bytes()
}
