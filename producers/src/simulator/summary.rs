//! A scenario in figures: what a reader compares before and after a change of the generator.

use std::collections::BTreeMap;

use serde::Serialize;
use slipstream_schemas::records::{AgeGroup, BookingKind};
use slipstream_streams::record::Record;

use super::MINUTE;
use super::demand::Market;
use super::operations::{Day, Fate};
use super::scenario::Scenario;

/// Figures of one scenario and seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Name of the scenario.
    pub scenario: String,
    /// Legs in the published schedule.
    pub legs: usize,
    /// Legs flown as planned, late or not.
    pub flown: usize,
    /// Legs cancelled.
    pub cancelled: usize,
    /// Cancelled legs by reason code as stated.
    pub cancelled_by_reason: BTreeMap<String, usize>,
    /// Legs that landed elsewhere.
    pub diverted: usize,
    /// Flights without passengers that bring a diverted aircraft back.
    pub positioning: usize,
    /// Legs whose schedule was moved.
    pub retimed: usize,
    /// Changes of aircraft.
    pub swaps: usize,
    /// Legs that left 15, 60 and 180 minutes late, or later.
    pub departed_late: [usize; 3],
    /// Legs that arrived 15, 60 and 180 minutes late, or later.
    pub arrived_late: [usize; 3],
    /// Bookings created.
    pub bookings: usize,
    /// Bookings with a connection or a return.
    pub bookings_of_several_legs: usize,
    /// Passengers on them.
    pub passengers: usize,
    /// Of these, infants and children.
    pub minors: usize,
    /// Passengers with any special service request.
    pub with_requests: usize,
    /// Bookings created with a leg that is later cancelled or diverted.
    pub bookings_touched: usize,
    /// Records by topic.
    pub records: BTreeMap<String, usize>,
}

impl Summary {
    pub(super) fn of(scenario: &Scenario, day: &Day, market: &Market, records: &[Record]) -> Self {
        let fates = || day.fates.iter().take(day.planned).map(|(fate, _)| fate);
        let created: Vec<_> = market.bookings.iter().map(|(_, b)| b).filter(|b| b.kind == BookingKind::Created).collect();
        let travellers = || created.iter().flat_map(|b| &b.passengers);
        let mut cancelled_by_reason = BTreeMap::new();
        let mut topics = BTreeMap::new();
        for fate in fates() {
            if let Fate::Cancelled(reason) = fate {
                *cancelled_by_reason.entry(reason.clone()).or_default() += 1;
            }
        }
        for record in records {
            *topics.entry(record.topic.to_owned()).or_default() += 1;
        }
        Self {
            scenario: scenario.name.clone(),
            legs: day.planned,
            flown: fates().filter(|fate| matches!(fate, Fate::Flown(_))).count(),
            cancelled: fates().filter(|fate| matches!(fate, Fate::Cancelled(_))).count(),
            cancelled_by_reason,
            diverted: fates().filter(|fate| matches!(fate, Fate::Diverted(..))).count(),
            positioning: day.flights.len() - day.planned,
            retimed: day.shifts.iter().filter(|shift| **shift != 0).count(),
            swaps: day.swaps,
            departed_late: late(day, true),
            arrived_late: late(day, false),
            bookings: created.len(),
            bookings_of_several_legs: created.iter().filter(|b| b.segments.len() > 1).count(),
            passengers: travellers().count(),
            minors: travellers().filter(|t| t.age_group != AgeGroup::Adult).count(),
            with_requests: travellers().filter(|t| !t.ssr.is_empty()).count(),
            bookings_touched: touched(day, &created),
            records: topics,
        }
    }
}

/// Legs at least 15, 60 and 180 minutes after their schedule as last published.
fn late(day: &Day, departure: bool) -> [usize; 3] {
    let minutes = |index: usize| {
        let (flight, shift) = (&day.flights[index], day.shifts[index]);
        match (&day.fates[index].0, departure) {
            (Fate::Flown(times), true) => Some((times[0] - flight.departure) / MINUTE - shift),
            (Fate::Flown(times), false) => Some((times[3] - flight.arrival) / MINUTE - shift),
            (Fate::Diverted(times, _), true) => Some((times[0] - flight.departure) / MINUTE - shift),
            _ => None,
        }
    };
    let delays: Vec<i64> = (0..day.planned).filter_map(minutes).collect();
    [15, 60, 180].map(|limit| delays.iter().filter(|delay| **delay >= limit).count())
}

fn touched(day: &Day, bookings: &[&slipstream_schemas::records::Booking]) -> usize {
    let lost: std::collections::BTreeSet<_> = (0..day.planned)
        .filter(|index| !matches!(day.fates[*index].0, Fate::Flown(_)))
        .map(|index| day.flights[index].leg)
        .collect();
    bookings.iter().filter(|b| b.segments.iter().any(|s| lost.contains(&s.leg))).count()
}
