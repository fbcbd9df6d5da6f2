//! The legs of `flight.state` that depart around now, as the program reads them from the topic.
//!
//! Keeps the newest state of each leg that departs between [`BEHIND`] before and [`AHEAD`] after now, at most [`LEGS_MAX`]: beyond
//! it no leg is taken in until others have flown, which is counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipstream_schemas::ids::{Date, Leg};
use slipstream_schemas::records::{ConflictState, FlightEvent, FlightState, FlightStatus};
use slipstream_schemas::reference;
use slipstream_streams::record::Ts;
use tokio::sync::watch;

use super::super::provider::LegQuery;
use crate::local_time::{DAY, HOUR};

/// Legs are kept for so long after their departure, ms.
pub const BEHIND: Ts = 36 * HOUR;
/// Legs are taken in from so long before their departure on, ms.
pub const AHEAD: Ts = 4 * DAY;
/// Legs kept.
pub const LEGS_MAX: usize = 100_000;
/// Legs are looked through for old ones after so many have come.
const TIDY_EVERY: u64 = 4096;

/// What is known.
#[derive(Debug)]
pub struct Truth {
    legs: Mutex<Legs>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Legs {
    states: BTreeMap<Leg, Known>,
    heard: u64,
    left_out: u64,
}

#[derive(Debug)]
struct Known {
    state: FlightState,
    /// When this process first heard of the leg, epoch ms.
    since: Ts,
}

/// A leg that is not over, as those who watch over the sync see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenLeg {
    pub(crate) leg: Leg,
    /// Off-block as last estimated, epoch ms.
    pub(crate) departs: Ts,
    /// When this process first heard of it, epoch ms.
    pub(crate) since: Ts,
    /// A reviewer is to decide on one of its fields.
    pub(crate) under_review: bool,
}

impl Default for Truth {
    fn default() -> Self {
        Self { legs: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Truth {
    /// Takes in a record of `flight.state`, read at `now`; without a state the leg is gone.
    pub fn hear(&self, leg: Leg, state: Option<FlightState>, now: Ts) {
        let mut legs = self.lock();
        legs.heard += 1;
        if legs.heard.is_multiple_of(TIDY_EVERY) {
            legs.states.retain(|_, known| is_near(&known.state, now));
        }
        match state.filter(|state| is_near(state, now)) {
            None => _ = legs.states.remove(&leg),
            Some(_) if legs.states.len() >= LEGS_MAX && !legs.states.contains_key(&leg) => legs.left_out += 1,
            Some(state) => {
                let since = legs.states.get(&leg).map_or(now, |known| known.since);
                legs.states.insert(leg, Known { state, since });
            }
        }
        drop(legs);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Legs kept, and records left out for want of room.
    #[must_use]
    pub fn count(&self) -> (usize, u64) {
        let legs = self.lock();
        (legs.states.len(), legs.left_out)
    }

    /// The leg that is meant: of several that fit, the first by scheduled departure.
    #[must_use]
    pub fn find(&self, query: &LegQuery) -> Option<FlightState> {
        let legs = self.lock();
        let carrier = reference::designator(query.carrier);
        let flight = legs.states.range(Leg::of_flight(carrier, i32::from(query.number), query.suffix, query.date));
        let found =
            flight.filter(|(leg, _)| query.origin.is_none_or(|origin| origin == leg.origin)).map(|(_, known)| &known.state);
        found.min_by_key(|state| state.last.scheduled_departure).cloned()
    }

    /// All legs of the flight number that is meant, of that date and those beside it, by scheduled departure.
    #[must_use]
    pub fn flight(&self, query: &LegQuery) -> Vec<FlightEvent> {
        let legs = self.lock();
        let (carrier, number) = (reference::designator(query.carrier), i32::from(query.number));
        let beside = [query.date.civil().yesterday(), Ok(query.date.civil()), query.date.civil().tomorrow()];
        let dates = beside.into_iter().flatten().map(Date::from);
        let of = |date| legs.states.range(Leg::of_flight(carrier, number, query.suffix, date));
        let mut flights: Vec<FlightEvent> = dates.flat_map(of).map(|(_, known)| known.state.last.clone()).collect();
        flights.sort_by_key(|event| event.scheduled_departure);
        flights
    }

    /// The leg as soon as it is as wanted; none when it is not within `patience`.
    pub async fn until(
        &self,
        query: &LegQuery,
        wanted: impl Fn(&FlightState) -> bool,
        patience: Duration,
    ) -> Option<FlightState> {
        let mut changes = self.changed.subscribe();
        let look = async {
            loop {
                changes.borrow_and_update();
                if let Some(state) = self.find(query).filter(&wanted) {
                    return Some(state);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(patience, look).await.unwrap_or(None)
    }

    /// Legs on their way or to depart before `until`, those that depart next first; those long gone last.
    #[must_use]
    pub fn open(&self, now: Ts, until: Ts) -> Vec<(Leg, Ts)> {
        let mut open: Vec<(Leg, Ts)> = self.open_legs(until).iter().map(|open| (open.leg, open.departs)).collect();
        open.sort_by_key(|(leg, departs)| (*departs < now, (departs - now).abs(), *leg));
        open
    }

    /// Legs on their way or to depart before `until`, in order of their keys.
    pub(crate) fn open_legs(&self, until: Ts) -> Vec<OpenLeg> {
        let legs = self.lock();
        let is_open = |state: &FlightState| {
            let ended = matches!(state.last.status, FlightStatus::Arrived | FlightStatus::Cancelled);
            !ended && state.last.scheduled_departure < until
        };
        let open = legs.states.iter().filter(|(_, known)| is_open(&known.state));
        open.map(|(leg, Known { state, since })| OpenLeg {
            leg: *leg,
            departs: state.last.estimated_departure.unwrap_or(state.last.scheduled_departure),
            since: *since,
            under_review: state.conflicts.iter().any(|conflict| conflict.state == ConflictState::UnderReview),
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Legs> {
        self.legs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_near(state: &FlightState, now: Ts) -> bool {
    (now - BEHIND..now + AHEAD).contains(&state.last.scheduled_departure)
}
