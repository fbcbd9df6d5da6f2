//! The rows that `recover` keeps, all under one organisation.
//!
//! | store | row | sub-key |
//! |---|---|---|
//! | bookings | [`Held`]: a booking with the itinerary that now stands for each of its journeys | PNR |
//! | legs | [`LegNow`]: when it flies, whether it flies, its seats | origin, destination, leg |
//! | parties | [`Watch`]: a booking whose standing itinerary uses a leg | leg, NUL, PNR |
//! | pending | [`Pending`]: a booking to look at (`w`) or without seats (`u`) | list, priority, PNR |

use slipstream_schemas::ids::{Airport, Leg, Organisation, Pnr};
use slipstream_schemas::record;
use slipstream_schemas::records::{Cabin, Outcome, Segment, Traveller};

pub(super) const BOOKINGS: usize = 0;
pub(super) const LEGS: usize = 1;
pub(super) const PARTIES: usize = 2;
pub(super) const PENDING: usize = 3;

record! {
    /// One booking.
    pub(super) struct Held {
        /// PNR locator.
        pnr: Pnr,
        /// Whose booking it is.
        organisation: Organisation,
        /// The party; never split.
        passengers: Vec<Traveller>,
        /// Its journeys, in order of travel.
        trips: Vec<Trip>,
    }
}

record! {
    /// One journey of a booking.
    pub(super) struct Trip {
        /// Index of its first segment in the booking.
        first: i32,
        /// As booked with the PSS.
        booked: Vec<Segment>,
        /// As it now stands.
        current: Vec<Segment>,
        /// The disruption that opened the case; none while nothing is wrong.
        disruption: Option<String>,
        /// What was last said of it; unknown while nothing was.
        outcome: Outcome,
        /// Its in-block has been passed on.
        arrived: bool,
    }
}

record! {
    /// One leg as far as it is known here.
    pub(super) struct LegNow {
        /// The leg.
        leg: Leg,
        /// Actual, else expected, else scheduled off-block, epoch ms.
        departure: i64,
        /// Actual, else expected, else scheduled in-block, epoch ms.
        arrival: i64,
        /// Will not operate.
        cancelled: bool,
        /// Lands, or landed, elsewhere.
        diverted: bool,
        /// Where.
        diverted_to: Option<Airport>,
        /// In-block, once it is a fact.
        arrived_at: Option<i64>,
        /// Its own flight events have been seen, so hearsay about it is ignored.
        observed: bool,
        /// Seats by cabin; empty where none are ours to give.
        cabins: Vec<CabinSeats>,
    }
}

record! {
    /// Seats of one cabin.
    pub(super) struct CabinSeats {
        /// Cabin.
        cabin: Cabin,
        /// Seats there are.
        capacity: i32,
        /// Free as the PSS last said; it knows its own bookings, not our placements.
        available: i32,
        /// Seats taken by our placements, less those that rebooked parties left behind.
        net: i32,
    }
}

record! {
    /// A booking that waits for a look or for seats.
    pub(super) struct Pending {
        /// PNR locator.
        pnr: Pnr,
        /// The disruption behind it.
        disruption: String,
        /// Index of the touched segment in the booking.
        segment: i32,
        /// Somebody has said that the itinerary is broken, so that it stands is news.
        alarmed: bool,
    }
}

record! {
    /// That a booking's standing itinerary uses a leg.
    pub(super) struct Watch {
        /// PNR locator.
        pnr: Pnr,
    }
}

impl LegNow {
    /// A leg that flies as scheduled, with no seats of ours.
    pub(super) fn scheduled(leg: Leg, departure: i64, arrival: i64) -> Self {
        Self {
            leg,
            departure,
            arrival,
            cancelled: false,
            diverted: false,
            diverted_to: None,
            arrived_at: None,
            observed: false,
            cabins: Vec::new(),
        }
    }

    /// Whether somebody who boards it reaches its destination.
    pub(super) fn flies(&self) -> bool {
        !self.cancelled && !self.diverted
    }

    /// Seats that may be given in a cabin.
    pub(super) fn free(&self, cabin: Cabin) -> i32 {
        self.cabins.iter().find(|seats| seats.cabin == cabin).map_or(0, CabinSeats::free)
    }

    /// The cabin's seats, added when it was not known.
    pub(super) fn cabin(&mut self, cabin: Cabin) -> &mut CabinSeats {
        let place = self.cabins.iter().position(|seats| seats.cabin == cabin);
        let place = place.unwrap_or_else(|| {
            self.cabins.push(CabinSeats { cabin, capacity: 0, available: 0, net: 0 });
            self.cabins.len() - 1
        });
        &mut self.cabins[place]
    }
}

impl CabinSeats {
    fn free(&self) -> i32 {
        self.available.saturating_sub(self.net).clamp(0, self.capacity.max(0))
    }
}

/// Sub-key of a leg: all departures of an airport, and all flights of a pair of airports, stand together.
pub(super) fn leg_sub(leg: &Leg) -> Vec<u8> {
    format!("{}{}{leg}", leg.origin, leg.destination).into_bytes()
}

/// Sub-key of a watch.
pub(super) fn watch_sub(leg: &Leg, pnr: Pnr) -> Vec<u8> {
    format!("{leg}\0{pnr}").into_bytes()
}
