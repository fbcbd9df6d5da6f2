//! The legs of one organisation during one batch: loaded by airport when first asked for, written back at the end.
//!
//! ```text
//! legs store ─► Network (departures by airport pair, in order of time) ─► search
//!      ▲                      │ seats moved
//!      └──────── save ────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use slipstream_schemas::ids::{Airport, Leg};
use slipstream_schemas::records::Segment;
use slipstream_streams::processor::{Cx, Poison};

use super::rows::{LEGS, LegNow, leg_sub};
use crate::context::Typed;

/// Legs by airport of departure and of arrival, each list in order of departure.
#[derive(Debug, Default)]
pub(super) struct Network {
    legs: Vec<LegNow>,
    places: BTreeMap<Leg, usize>,
    departures: BTreeMap<Airport, BTreeMap<Airport, Vec<usize>>>,
    changed: BTreeSet<usize>,
    /// Seats have come free since this was last taken.
    pub(super) released: bool,
}

impl Network {
    /// Makes sure that the departures of an airport are here.
    pub(super) fn load(&mut self, cx: &Cx<'_>, airport: Airport) -> Result<(), Poison> {
        if self.departures.contains_key(&airport) {
            return Ok(());
        }
        self.departures.insert(airport, BTreeMap::new());
        for (_, leg) in cx.load_all::<LegNow>(LEGS, airport.as_str().as_bytes())? {
            self.add(leg);
        }
        let lists = self.departures.entry(airport).or_default();
        for list in lists.values_mut() {
            list.sort_by_key(|place| (self.legs[*place].departure, self.legs[*place].leg));
        }
        Ok(())
    }

    fn add(&mut self, leg: LegNow) -> usize {
        let place = self.legs.len();
        self.places.insert(leg.leg, place);
        let lists = self.departures.entry(leg.leg.origin).or_default();
        lists.entry(leg.leg.destination).or_default().push(place);
        self.legs.push(leg);
        place
    }

    /// A leg that is known here; its airport of departure must have been loaded.
    pub(super) fn get(&self, leg: &Leg) -> Option<&LegNow> {
        self.places.get(leg).map(|place| &self.legs[*place])
    }

    /// Airports that can be reached from a loaded airport in one leg.
    pub(super) fn neighbours(&self, from: Airport) -> Vec<Airport> {
        self.departures.get(&from).map(|lists| lists.keys().copied().collect()).unwrap_or_default()
    }

    /// Legs between two airports that depart at or after `ready`, in order of departure.
    pub(super) fn flights(&self, from: Airport, to: Airport, ready: i64) -> impl Iterator<Item = &LegNow> {
        let list = self.departures.get(&from).and_then(|lists| lists.get(&to)).map_or(&[][..], Vec::as_slice);
        let first = list.partition_point(|place| self.legs[*place].departure < ready);
        list[first..].iter().map(|place| &self.legs[*place])
    }

    /// Moves a party's seats from the itinerary `old` to `new`.
    pub(super) fn move_seats(&mut self, cx: &Cx<'_>, old: &[Segment], new: &[Segment], seats: i32) -> Result<(), Poison> {
        for left in old.iter().filter(|segment| !holds(new, segment)) {
            self.take(cx, left, -seats)?;
        }
        for taken in new.iter().filter(|segment| !holds(old, segment)) {
            self.take(cx, taken, seats)?;
        }
        Ok(())
    }

    fn take(&mut self, cx: &Cx<'_>, segment: &Segment, seats: i32) -> Result<(), Poison> {
        self.load(cx, segment.leg.origin)?;
        let place =
            self.places.get(&segment.leg).copied().unwrap_or_else(|| {
                self.add(LegNow::scheduled(segment.leg, segment.scheduled_departure, segment.scheduled_arrival))
            });
        self.legs[place].cabin(segment.cabin).net += seats;
        self.changed.insert(place);
        self.released |= seats < 0 && self.legs[place].departure > cx.now();
        Ok(())
    }

    /// Writes back what the batch has changed.
    pub(super) fn save(self, cx: &mut Cx<'_>) {
        for place in &self.changed {
            let leg = &self.legs[*place];
            cx.save(LEGS, &leg_sub(&leg.leg), leg);
        }
    }
}

fn holds(itinerary: &[Segment], segment: &Segment) -> bool {
    itinerary.iter().any(|own| own.leg == segment.leg && own.cabin == segment.cabin)
}
