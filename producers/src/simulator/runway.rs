//! Runway slots: how many movements an airport takes in half an hour, first come, first served.
//!
//! In fair weather an airport takes an even share of its timetable's busiest hour and a little more; the sky takes its part
//! of that. A flight is given the first departure time at which both its take-off and its landing have room, so
//! trouble at the destination holds it at its gate, as flow management does.

use std::collections::BTreeMap;

use slipstream_schemas::ids::Airport;

use super::MINUTE;
use super::sky::Sky;
use super::timetable::Flight;

/// Length of a slot period.
const PERIOD: i64 = 30 * MINUTE;
/// Planned minutes from off-block to take-off.
pub(super) const TAXI_OUT_MIN: i64 = 12;
/// Longest wait for a slot; past it a flight goes without.
const SLOT_WAIT_MAX_MIN: i64 = 12 * 60;

/// Periods of an hour.
const PERIODS: i64 = 2;
/// Capacity in fair weather, percent of the busiest hour.
const HEADROOM_PERCENT: i64 = 110;

/// Slots given so far.
pub(super) struct Runways {
    /// Movements of the busiest hour.
    peak: BTreeMap<Airport, i64>,
    given: BTreeMap<(Airport, i64), i64>,
}

impl Runways {
    /// Capacities scaled to a timetable.
    pub(super) fn for_timetable(flights: &[Flight]) -> Self {
        let mut planned: BTreeMap<(Airport, i64), i64> = BTreeMap::new();
        for flight in flights {
            for place in movements(flight, flight.departure) {
                *planned.entry(place).or_default() += 1;
            }
        }
        let mut peak: BTreeMap<Airport, i64> = BTreeMap::new();
        for (airport, first) in planned.keys() {
            let hour = (*first..first + PERIODS).filter_map(|period| planned.get(&(*airport, period))).sum();
            let peak = peak.entry(*airport).or_default();
            *peak = (*peak).max(hour);
        }
        Self { peak, given: BTreeMap::new() }
    }

    /// The first off-block time from `ready` on with a slot at both ends.
    pub(super) fn first(&self, sky: &Sky, flight: &Flight, ready: i64) -> i64 {
        let candidates = (0..=SLOT_WAIT_MAX_MIN / 5).map(|step| ready + step * 5 * MINUTE);
        let free = |off_block: &i64| movements(flight, *off_block).iter().all(|place| self.room(sky, *place));
        candidates.into_iter().find(free).unwrap_or(ready)
    }

    /// Takes the two slots of a flight that leaves its gate at `off_block`.
    pub(super) fn take(&mut self, flight: &Flight, off_block: i64) {
        for place in movements(flight, off_block) {
            *self.given.entry(place).or_default() += 1;
        }
    }

    fn room(&self, sky: &Sky, place: (Airport, i64)) -> bool {
        let hour = self.peak.get(&place.0).copied().unwrap_or_default() * HEADROOM_PERCENT;
        let possible = hour * sky.capacity_percent(place.0, place.1 * PERIOD) / (PERIODS * 100 * 100) + 1;
        self.given.get(&place).copied().unwrap_or_default() < possible
    }
}

/// Airport and slot period of take-off and landing.
fn movements(flight: &Flight, off_block: i64) -> [(Airport, i64); 2] {
    let take_off = off_block + TAXI_OUT_MIN * MINUTE;
    let landing = off_block + flight.arrival - flight.departure;
    [(flight.leg.origin, take_off.div_euclid(PERIOD)), (flight.leg.destination, landing.div_euclid(PERIOD))]
}
