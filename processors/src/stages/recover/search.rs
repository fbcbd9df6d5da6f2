//! The earliest way to where a party still has to go, on legs with seats for all of it.
//!
//! ```text
//! from, ready ─► 0, 1 or 2 legs, connecting times kept ─► the final destination, or a later booked leg in time
//! ```
//!
//! Cabins are tried in rounds ([`cabins`]): the booked one throughout; then lower ones where it is full; then any.
//! Within a round the order is earliest arrival, fewest new legs, latest departure, leg identity.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use slipstream_schemas::ids::{Airport, Leg};
use slipstream_schemas::records::{Cabin, Segment};
use slipstream_streams::processor::{Cx, Poison};

use super::network::Network;
use super::rows::LegNow;
use crate::journey::{HOUR, min_connection};

/// How far ahead a new departure is looked for, ms.
pub(super) const HORIZON: i64 = 48 * HOUR;
/// Rejected alternatives that are remembered for the audit.
const REJECTED_MAX: usize = 4;

/// What a party needs.
#[derive(Debug, Clone)]
pub(super) struct Need {
    /// Where it is.
    pub(super) from: Airport,
    /// Earliest departure.
    pub(super) ready: i64,
    /// Where it may go; the first is the final destination.
    pub(super) goals: Vec<Goal>,
    /// Seats.
    pub(super) seats: i32,
    /// Booked cabin.
    pub(super) cabin: Cabin,
}

/// A place from which the journey is done, or goes on as it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Goal {
    /// Where.
    pub(super) airport: Airport,
    /// The kept leg that departs there, and the final arrival when it is caught; none at the final destination.
    pub(super) onward: Option<Onward>,
    /// Segments of the standing itinerary that are flown from there, by their number from the end.
    pub(super) kept: usize,
}

/// Going on as booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Onward {
    /// Departure of the kept leg, ms.
    pub(super) departure: i64,
    /// Arrival at the final destination, ms.
    pub(super) arrival: i64,
}

/// A way that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// New legs, at most two.
    pub(super) legs: Vec<Segment>,
    /// Segments of the standing itinerary flown after them.
    pub(super) kept: usize,
    /// What else was looked at and why it was not taken.
    pub(super) rejected: Vec<String>,
}

/// Needs for which nothing was found, with the smallest number of seats that failed.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<(Airport, i64, Vec<Goal>, Cabin), i32>);

impl Failures {
    fn known(&self, need: &Need) -> bool {
        let known = self.0.get(&(need.from, need.ready, need.goals.clone(), need.cabin));
        known.is_some_and(|seats| need.seats >= *seats)
    }

    fn note(&mut self, need: &Need) {
        let seats = self.0.entry((need.from, need.ready, need.goals.clone(), need.cabin)).or_insert(need.seats);
        *seats = need.seats.min(*seats);
    }
}

/// Cabins from the best down.
const CABINS: [Cabin; 4] = [Cabin::First, Cabin::Business, Cabin::PremiumEconomy, Cabin::Economy];

/// Cabins of each round, in the order in which a leg's seats are looked through.
fn cabins(booked: Cabin) -> [Vec<Cabin>; 3] {
    let place = CABINS.iter().position(|cabin| *cabin == booked).unwrap_or(CABINS.len() - 1);
    let lower = CABINS[place..].to_vec();
    let any = lower.iter().chain(CABINS[..place].iter().rev()).copied().collect();
    [vec![CABINS[place]], lower, any]
}

/// Looks for the best way; none is remembered in `failures`.
pub(super) fn search(cx: &Cx<'_>, network: &mut Network, failures: &mut Failures, need: &Need) -> Result<Option<Found>, Poison> {
    if failures.known(need) {
        return Ok(None);
    }
    network.load(cx, need.from)?;
    for neighbour in network.neighbours(need.from) {
        network.load(cx, neighbour)?;
    }
    for cabins in cabins(need.cabin) {
        let mut round = Round { network, need, cabins: &cabins, best: None, rejected: Vec::new() };
        need.goals.iter().for_each(|goal| round.try_goal(goal));
        if let Some(best) = round.best {
            let rejected = round.rejected;
            return Ok(Some(Found { legs: best.legs, kept: best.kept, rejected }));
        }
    }
    failures.note(need);
    Ok(None)
}

type RankOfWay = (i64, usize, Reverse<i64>, Vec<Leg>);

struct Way {
    rank: RankOfWay,
    legs: Vec<Segment>,
    kept: usize,
}

struct Round<'a> {
    network: &'a Network,
    need: &'a Need,
    cabins: &'a [Cabin],
    best: Option<Way>,
    rejected: Vec<String>,
}

impl Round<'_> {
    fn try_goal(&mut self, goal: &Goal) {
        let (network, need) = (self.network, self.need);
        if need.from == goal.airport {
            self.consider(goal, &[]);
            return;
        }
        let latest = need.ready + HORIZON;
        for leg in network.flights(need.from, goal.airport, need.ready).take_while(|leg| leg.departure <= latest) {
            self.consider(goal, &[leg]);
        }
        for hub in network.neighbours(need.from).into_iter().filter(|hub| *hub != goal.airport && *hub != need.from) {
            self.try_hub(goal, hub, latest);
        }
    }

    /// Two legs through `hub`: for each first one the onward leg that arrives earliest.
    fn try_hub(&mut self, goal: &Goal, hub: Airport, latest: i64) {
        let network = self.network;
        for first in network.flights(self.need.from, hub, self.need.ready).take_while(|leg| leg.departure <= latest) {
            if self.cannot_win(goal, first.arrival) || self.seat(first).is_none() {
                continue;
            }
            let ready = first.arrival + min_connection(hub);
            for second in network.flights(hub, goal.airport, ready).take_while(|leg| leg.departure <= latest) {
                if self.cannot_win(goal, second.departure) {
                    break;
                }
                self.consider(goal, &[first, second]);
            }
        }
    }

    /// Whether a way that is still travelling at `at` is already beaten.
    fn cannot_win(&self, goal: &Goal, at: i64) -> bool {
        let too_late = goal.onward.is_some_and(|onward| at > onward.departure);
        too_late || self.best.as_ref().is_some_and(|best| goal.onward.map_or(at, |onward| onward.arrival) > best.rank.0)
    }

    fn seat(&self, leg: &LegNow) -> Option<Cabin> {
        let fits = |cabin: &&Cabin| leg.free(**cabin) >= self.need.seats;
        self.cabins.iter().find(fits).copied().filter(|_| leg.flies())
    }

    fn consider(&mut self, goal: &Goal, way: &[&LegNow]) {
        let there = way.last().map_or(self.need.ready, |leg| leg.arrival);
        let connection = if way.is_empty() { 0 } else { min_connection(goal.airport) };
        if goal.onward.is_some_and(|onward| there + connection > onward.departure) {
            return;
        }
        let arrival = goal.onward.map_or(there, |onward| onward.arrival);
        let departure = way.first().map_or(there, |leg| leg.departure);
        let rank = (arrival, way.len(), Reverse(departure), way.iter().map(|leg| leg.leg).collect());
        if self.best.as_ref().is_some_and(|best| best.rank <= rank) {
            return self.reject(way, "not earlier");
        }
        let Some(legs) = way.iter().map(|leg| Some(segment(leg, self.seat(leg)?))).collect::<Option<Vec<_>>>() else {
            return self
                .reject(way, if way.iter().all(|leg| leg.flies()) { "no seats for the party" } else { "does not operate" });
        };
        self.best = Some(Way { rank, legs, kept: goal.kept });
    }

    fn reject(&mut self, way: &[&LegNow], why: &str) {
        if self.rejected.len() < REJECTED_MAX && !way.is_empty() {
            let legs: Vec<String> = way.iter().map(|leg| leg.leg.to_string()).collect();
            self.rejected.push(format!("{}: {why}", legs.join(" + ")));
        }
    }
}

fn segment(leg: &LegNow, cabin: Cabin) -> Segment {
    Segment { leg: leg.leg, cabin, scheduled_departure: leg.departure, scheduled_arrival: leg.arrival }
}
