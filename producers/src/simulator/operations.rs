//! The day as it happens: a deterministic model of airline operations in event time.
//!
//!     queue of lines by next departure ─► aircraft there? ─► fit? ─► slot? ─► off blocks ... in blocks ─► back into the queue
//!                                          │ late: swap, cancel   │ defect: swap, wait, cancel
//!
//! A leg leaves when its aircraft has turned round, its own troubles are over and both runways have room, so
//! delay travels along lines of flying and queues at airports. Decisions use what is known at their instant: a
//! late inbound from its off-block on, a defect from when it shows. Aircraft never jump: one that ended elsewhere
//! is flown home as a positioning leg.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::FlightKind;
use slipstream_schemas::wire::WireError;

use super::dice::Dice;
use super::incident::{Incident, Incidents, shows_at};
use super::network::{block_min, distance_km, station};
use super::observation::Said;
use super::programme::{self, Change};
use super::runway::{Runways, TAXI_OUT_MIN};
use super::scenario::Scenario;
use super::sky::Sky;
use super::timetable::{Aircraft, Flight, Line, Timetable};
use super::{HOUR, MINUTE};

/// Minutes late from which another aircraft is taken if one stands by.
const SWAP_MIN: i64 = 60;
/// Minutes that changing aircraft costs when passengers and bags are already on their way.
const SWAP_COST_MIN: i64 = 40;
/// Minutes late from which an airline cancels a round trip at its base, when no aircraft stands by.
const CANCEL_MIN: i64 = 270;
/// Minutes of slot delay from which it does.
const SLOT_CANCEL_MIN: i64 = 150;
/// Minutes by which an estimate must move before the airline says so.
const ESTIMATE_STEP_MIN: i64 = 5;
/// Minutes after which a line whose aircraft still flies another one is looked at again.
const RECHECK_MIN: i64 = 15;
/// Landings in a thousand that divert in any weather: medical, disruptive passengers, technical.
const DIVERT_PERMILLE: i64 = 1;
/// Added to the number of the leg that a positioning leg makes good.
const POSITIONING_NUMBER: i32 = 8000;

/// How a leg ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Flown: off block, take-off, landing, in block; epoch ms.
    Flown([i64; 4]),
    /// Landed elsewhere: off block, take-off, landing, where.
    Diverted([i64; 3], Airport),
    /// Did not operate; reason stated.
    Cancelled(String),
}

/// What became of everything planned.
pub(super) struct Day {
    /// The planned legs, then positioning legs.
    pub(super) flights: Vec<Flight>,
    /// Every aircraft.
    pub(super) aircraft: Vec<Aircraft>,
    /// Fate of each leg, and the aircraft that flew it.
    pub(super) fates: Vec<(Fate, Option<usize>)>,
    /// How many of the legs were planned; the rest are positioning legs.
    pub(super) planned: usize,
    /// Minutes by which each leg's schedule was moved.
    pub(super) shifts: Vec<i64>,
    /// Changes of aircraft.
    pub(super) swaps: usize,
    /// Everything said, in no particular order.
    pub(super) said: Vec<Said>,
}

#[derive(Clone, Copy, Default)]
struct AircraftState {
    /// In blocks, or serviceable again, at this instant.
    free: i64,
    /// When that became known.
    known: i64,
    /// The line that it flies now.
    flying: Option<usize>,
}

/// A departure being worked out.
struct Departure {
    line: usize,
    flight: usize,
    scheduled: i64,
    ready: i64,
}

struct Operations<'a> {
    seed: u64,
    sky: &'a Sky,
    runways: Runways,
    incidents: Incidents,
    lines: Vec<Line>,
    next: Vec<usize>,
    expected: Vec<Option<i64>>,
    states: Vec<AircraftState>,
    /// Cancelled legs, with the instant at which that becomes known.
    cancelled: BTreeMap<usize, i64>,
    queue: BinaryHeap<Reverse<(i64, usize)>>,
    flights: Vec<Flight>,
    aircraft: Vec<Aircraft>,
    shifts: Vec<i64>,
    retimed_at: Vec<i64>,
    fates: BTreeMap<usize, (Fate, Option<usize>)>,
    swaps: usize,
    said: Vec<Said>,
}

/// Flies the timetable.
///
/// # Errors
/// Never for a scenario that was parsed.
pub(super) fn operate(scenario: &Scenario, timetable: Timetable, sky: &Sky, seed: u64, published: i64) -> Result<Day, WireError> {
    let decisions = programme::decide(scenario, &timetable, seed)?;
    let planned = timetable.flights.len();
    let mut operations = Operations::new(timetable, sky, Incidents::new(scenario, seed)?, seed);
    operations.publish(published);
    for decision in decisions {
        match decision.change {
            Change::Cancel(reason) => operations.cancel(decision.flight, decision.known_at, &reason),
            Change::Retime(minutes) => operations.retime(decision.flight, decision.known_at, minutes),
        }
    }
    operations.run();
    let fates = (0..operations.flights.len()).filter_map(|flight| operations.fates.remove(&flight)).collect();
    let Operations { flights, aircraft, shifts, swaps, said, .. } = operations;
    Ok(Day { flights, aircraft, fates, planned, shifts, swaps, said })
}

impl<'a> Operations<'a> {
    fn new(timetable: Timetable, sky: &'a Sky, incidents: Incidents, seed: u64) -> Self {
        let Timetable { flights, lines, aircraft } = timetable;
        Self {
            seed,
            sky,
            runways: Runways::for_timetable(&flights),
            incidents,
            next: vec![0; lines.len()],
            expected: vec![None; lines.len()],
            states: vec![AircraftState::default(); aircraft.len()],
            cancelled: BTreeMap::new(),
            queue: lines.iter().enumerate().map(|(nth, line)| Reverse((flights[line.flights[0]].departure, nth))).collect(),
            shifts: vec![0; flights.len()],
            retimed_at: vec![i64::MAX; flights.len()],
            lines,
            flights,
            aircraft,
            fates: BTreeMap::new(),
            swaps: 0,
            said: Vec::new(),
        }
    }

    /// The whole schedule in one batch, and each leg's aircraft a day before its departure.
    fn publish(&mut self, at: i64) {
        for flight in 0..self.flights.len() {
            self.say(at, flight, FlightKind::Scheduled, |_| ());
        }
        for line in self.lines.clone() {
            for flight in line.flights {
                let assigned = self.flights[flight].departure - 24 * HOUR;
                self.say(assigned, flight, FlightKind::Assigned, |said| said.aircraft = Some(line.aircraft));
            }
        }
    }

    fn run(&mut self) {
        while let Some(Reverse((at, line))) = self.queue.pop() {
            let aircraft = self.lines[line].aircraft;
            if self.states[aircraft].flying.is_some_and(|other| other != line) {
                self.queue.push(Reverse((at + RECHECK_MIN * MINUTE, line)));
                continue;
            }
            let Some(departure) = self.upcoming(line) else {
                self.states[aircraft].flying = None;
                continue;
            };
            self.states[aircraft].flying = Some(line);
            if departure.ready > at {
                self.queue.push(Reverse((departure.ready, line)));
                continue;
            }
            if self.dispatch(&departure) {
                self.next[line] += 1;
            }
            self.queue.push(Reverse((at, line)));
        }
    }

    /// The next leg of a line that is to operate.
    fn upcoming(&mut self, line: usize) -> Option<Departure> {
        let flights = &self.lines[line].flights;
        while self.cancelled.contains_key(flights.get(self.next[line])?) {
            self.next[line] += 1;
        }
        let flight = flights[self.next[line]];
        let scheduled = self.scheduled(flight);
        let turned = self.states[self.lines[line].aircraft].free + self.lines[line].airline.turn_min * MINUTE;
        Some(Departure { line, flight, scheduled, ready: scheduled.max(turned) })
    }

    fn scheduled(&self, flight: usize) -> i64 {
        self.flights[flight].departure + self.shifts[flight] * MINUTE
    }

    /// Lets a leg go, or changes the plan; true if it left.
    fn dispatch(&mut self, departure: &Departure) -> bool {
        let Departure { line, flight, scheduled, ready } = *departure;
        let outbound = self.flights[flight].outbound;
        let state = self.states[self.lines[line].aircraft];
        let late = (ready - scheduled) / MINUTE;
        let aware = (state.known + 10 * MINUTE).max(scheduled - 2 * HOUR);
        let helps = aware + SWAP_COST_MIN * MINUTE + HOUR / 2 < ready;
        if outbound && late >= SWAP_MIN && helps && self.swap(line, aware, scheduled) {
            return false;
        }
        if outbound && late >= CANCEL_MIN {
            self.cancel_round_trip(line, aware, "93");
            return false;
        }
        self.announce_inbound(departure, &state);
        let planned = self.flights[flight].clone();
        let incident = self.incidents.befall(&planned, scheduled, self.sky.icy(planned.leg.origin, ready));
        let shows = shows_at(&planned, ready, self.seed);
        let mut lost = incident.as_ref().map_or(0, |incident| incident.minutes);
        if let Some(incident) = incident.as_ref().filter(|incident| incident.defect && outbound) {
            match self.replace_defective(departure, incident, shows) {
                Replacement::Swapped(cost) => lost = cost,
                Replacement::Cancelled => return false,
                Replacement::None => {}
            }
        }
        let slot = self.runways.first(self.sky, &planned, ready);
        if outbound && (slot - ready) / MINUTE >= SLOT_CANCEL_MIN {
            let reason = self.slot_reason(&planned, ready);
            self.cancel_round_trip(line, (scheduled - HOUR).max(state.free + 5 * MINUTE), &reason);
            return false;
        }
        let off_block = self.runways.first(self.sky, &planned, slot.max(ready + lost * MINUTE));
        self.runways.take(&planned, off_block);
        self.announce_slot(departure, slot, off_block);
        self.announce_incident(departure, incident.as_ref(), shows, off_block);
        self.fly(departure, off_block);
        true
    }

    /// What another aircraft can do about a defect at the base.
    fn replace_defective(&mut self, departure: &Departure, incident: &Incident, shows: i64) -> Replacement {
        let Departure { line, ready, .. } = *departure;
        let broken = self.lines[line].aircraft;
        let repaired = ready + (incident.minutes - self.lines[line].airline.turn_min) * MINUTE;
        if incident.minutes >= SWAP_MIN && self.swap(line, shows + 10 * MINUTE, ready) {
            self.states[broken] = AircraftState { free: repaired, known: shows, flying: None };
            return Replacement::Swapped(SWAP_COST_MIN);
        }
        if incident.minutes >= CANCEL_MIN {
            self.cancel_round_trip(line, shows + 45 * MINUTE, &incident.reason);
            self.states[broken].free = repaired;
            self.states[broken].known = shows;
            return Replacement::Cancelled;
        }
        Replacement::None
    }

    /// Gives the rest of a line to a spare of the same type that is ready by `wanted`.
    fn swap(&mut self, line: usize, known_at: i64, wanted: i64) -> bool {
        let (late, turn) = (self.lines[line].aircraft, self.lines[line].airline.turn_min * MINUTE);
        let like = &self.aircraft[late];
        let stands_by = |index: &usize| {
            let (one, state) = (&self.aircraft[*index], &self.states[*index]);
            let same = one.carrier == like.carrier && one.base == like.base && one.kind == like.kind;
            one.spare && same && state.flying.is_none() && state.free + turn <= wanted
        };
        let Some(spare) = (0..self.aircraft.len()).find(stands_by) else { return false };
        self.states[late].flying = None;
        let boarded = known_at + (SWAP_COST_MIN * MINUTE - turn).max(0);
        self.states[spare] = AircraftState { free: self.states[spare].free.max(boarded), known: known_at, flying: Some(line) };
        self.lines[line].aircraft = spare;
        self.swaps += 1;
        for nth in self.next[line]..self.lines[line].flights.len() {
            let flight = self.lines[line].flights[nth];
            if !self.known_cancelled(flight, known_at) {
                self.say(known_at, flight, FlightKind::Assigned, |said| said.aircraft = Some(spare));
            }
        }
        if self.expected[line].take().is_some() {
            let flight = self.lines[line].flights[self.next[line]];
            let departs = self.scheduled(flight).max(self.states[spare].free + turn);
            self.estimate(flight, known_at, departs, None);
        }
        true
    }

    fn cancel_round_trip(&mut self, line: usize, known_at: i64, reason: &str) {
        let next = self.next[line];
        for flight in self.lines[line].flights[next..].iter().take(2).copied().collect::<Vec<_>>() {
            self.cancel(flight, known_at, reason);
        }
        self.expected[line] = None;
    }

    fn cancel(&mut self, flight: usize, known_at: i64, reason: &str) {
        if self.cancelled.insert(flight, known_at).is_none() {
            self.say(known_at, flight, FlightKind::Cancelled, |said| {
                (said.at, said.reason) = (Some(known_at), Some(reason.to_owned()))
            });
            self.fates.insert(flight, (Fate::Cancelled(reason.to_owned()), None));
        }
    }

    fn known_cancelled(&self, flight: usize, at: i64) -> bool {
        self.cancelled.get(&flight).is_some_and(|known_at| *known_at <= at)
    }

    fn retime(&mut self, flight: usize, known_at: i64, minutes: i64) {
        self.shifts[flight] = minutes;
        self.retimed_at[flight] = known_at;
        self.say(known_at, flight, FlightKind::Retimed, |_| ());
    }

    /// Delay code for a slot: what holds the leg at either end.
    fn slot_reason(&self, flight: &Flight, off_block: i64) -> String {
        let landing = off_block + flight.arrival - flight.departure;
        self.sky.reason((flight.leg.origin, off_block), (flight.leg.destination, landing))
    }

    /// The inbound is in blocks: the departure is known better than at its off-block.
    fn announce_inbound(&mut self, departure: &Departure, state: &AircraftState) {
        let told = self.expected[departure.line].take().unwrap_or(departure.scheduled);
        if (departure.ready - told).abs() >= ESTIMATE_STEP_MIN * MINUTE {
            self.estimate(departure.flight, state.free.max(state.known), departure.ready, Some("93"));
        }
    }

    fn announce_slot(&mut self, departure: &Departure, slot: i64, off_block: i64) {
        let Departure { flight, ready, .. } = *departure;
        if slot - ready >= ESTIMATE_STEP_MIN * MINUTE {
            let reason = self.slot_reason(&self.flights[flight], ready);
            let known_at = (ready - 90 * MINUTE).max(self.states[self.lines[departure.line].aircraft].free + MINUTE);
            if known_at < off_block {
                self.estimate(flight, known_at, slot, Some(&reason));
            }
        }
    }

    /// First what the airline hopes for, then what it comes to.
    fn announce_incident(&mut self, departure: &Departure, incident: Option<&Incident>, shows: i64, off_block: i64) {
        let Some(incident) = incident else { return };
        let Departure { flight, ready, .. } = *departure;
        let lost = (off_block - ready) / MINUTE;
        let known_at = shows.max(self.states[self.lines[departure.line].aircraft].free);
        if lost < ESTIMATE_STEP_MIN || known_at >= off_block {
            return;
        }
        let hoped = ready + lost * 6 / 10 / 5 * 5 * MINUTE;
        if lost >= 30 && hoped - 5 * MINUTE > known_at {
            self.estimate(flight, known_at, hoped, Some(&incident.reason));
            self.estimate(flight, hoped - 5 * MINUTE, off_block, Some(&incident.reason));
        } else {
            self.estimate(flight, known_at, off_block, Some(&incident.reason));
        }
    }

    fn fly(&mut self, departure: &Departure, off_block: i64) {
        let Departure { line, flight, scheduled, .. } = *departure;
        let aircraft = self.lines[line].aircraft;
        let planned = self.flights[flight].clone();
        let mut dice = Dice::new(self.seed, &format!("flight/{}", planned.leg));
        let block = (planned.arrival - planned.departure) / MINUTE + dice.quantile(&[-9, -6, -4, -2, 0, 2, 6]);
        let taxi_out = TAXI_OUT_MIN + dice.between(-3, 5);
        let taxi_in = dice.between(4, 8);
        let take_off = off_block + taxi_out * MINUTE;
        let landing = off_block + (block - taxi_in) * MINUTE;
        self.say(off_block, flight, FlightKind::Out, |said| (said.at, said.aircraft) = (Some(off_block), Some(aircraft)));
        self.say(take_off, flight, FlightKind::Off, |said| (said.at, said.aircraft) = (Some(take_off), Some(aircraft)));
        let arrives = off_block + planned.arrival - planned.departure;
        if (off_block - scheduled) / MINUTE >= ESTIMATE_STEP_MIN {
            self.say(off_block, flight, FlightKind::Estimated, |said| said.estimated_arrival = Some(arrives));
        }
        if let Some(alternate) = self.diverts(&planned, landing, &mut dice) {
            self.divert(flight, aircraft, [off_block, take_off, landing + 20 * MINUTE], alternate);
        } else {
            let in_block = landing + taxi_in * MINUTE;
            self.say(landing, flight, FlightKind::On, |said| (said.at, said.aircraft) = (Some(landing), Some(aircraft)));
            self.say(in_block, flight, FlightKind::In, |said| (said.at, said.aircraft) = (Some(in_block), Some(aircraft)));
            self.fates.insert(flight, (Fate::Flown([off_block, take_off, landing, in_block]), Some(aircraft)));
            self.states[aircraft] = AircraftState { free: in_block, known: off_block, flying: Some(line) };
            self.expect_next(line, off_block, arrives);
        }
    }

    /// At off-block of a late leg its airline sees that the next one will be late as well.
    fn expect_next(&mut self, line: usize, known_at: i64, arrives: i64) {
        let Some(next) = self.lines[line].flights.get(self.next[line] + 1).copied() else { return };
        let expected = arrives + self.lines[line].airline.turn_min * MINUTE;
        let late = expected - self.scheduled(next) >= ESTIMATE_STEP_MIN * MINUTE;
        if late && !self.known_cancelled(next, known_at) {
            self.estimate(next, known_at, expected, Some("93"));
            self.expected[line] = Some(expected);
        }
    }

    /// Where a leg diverts to, if it does.
    fn diverts(&self, flight: &Flight, landing: i64, dice: &mut Dice) -> Option<Airport> {
        let chance = self.sky.divert_percent(flight.leg.destination, landing) * 10 + DIVERT_PERMILLE;
        let diverts = dice.permille(chance);
        let alternate: Airport = station(flight.leg.destination)?.alternate.parse().ok()?;
        (diverts && alternate != flight.leg.origin).then_some(alternate)
    }

    fn divert(&mut self, flight: usize, aircraft: usize, times: [i64; 3], alternate: Airport) {
        let landing = times[2];
        let destination = self.flights[flight].leg.destination;
        let reason = if self.sky.divert_percent(destination, landing) > 0 { "72" } else { "96" };
        self.say(landing, flight, FlightKind::Diverted, |said| {
            (said.at, said.aircraft, said.diverted_to) = (Some(landing), Some(aircraft), Some(alternate));
            said.reason = Some(reason.to_owned());
        });
        self.fates.insert(flight, (Fate::Diverted(times, alternate), Some(aircraft)));
        let in_block = self.position(flight, aircraft, landing, alternate).unwrap_or(landing);
        self.states[aircraft].free = in_block;
        self.states[aircraft].known = landing + HOUR / 2;
    }

    /// Flies a diverted aircraft, without passengers, to where it should have landed; its in-block time.
    fn position(&mut self, diverted: usize, aircraft: usize, landing: i64, from: Airport) -> Option<i64> {
        let mut flight = self.flights[diverted].clone();
        let (origin, destination) = (station(from)?, station(flight.leg.destination)?);
        let mut dice = Dice::new(self.seed, &format!("position/{}", flight.leg));
        flight.departure = (landing + dice.between(80, 150) * MINUTE) / (5 * MINUTE) * (5 * MINUTE);
        flight.arrival = flight.departure + block_min(origin, destination, true) * MINUTE;
        flight.leg.origin = from;
        flight.leg.number += POSITIONING_NUMBER;
        flight.distance_km = distance_km(origin, destination);
        let known_at = landing + HOUR / 2;
        let times = [flight.departure, flight.departure + TAXI_OUT_MIN * MINUTE, flight.arrival - 5 * MINUTE, flight.arrival];
        let index = self.flights.len();
        self.flights.push(flight);
        self.shifts.push(0);
        self.retimed_at.push(i64::MAX);
        self.say(known_at, index, FlightKind::Scheduled, |_| ());
        self.say(known_at, index, FlightKind::Assigned, |said| said.aircraft = Some(aircraft));
        for (at, kind) in times.into_iter().zip([FlightKind::Out, FlightKind::Off, FlightKind::On, FlightKind::In]) {
            self.say(at, index, kind, |said| (said.at, said.aircraft) = (Some(at), Some(aircraft)));
        }
        self.fates.insert(index, (Fate::Flown(times), Some(aircraft)));
        Some(times[3])
    }

    /// What is known too late to lie ahead is no estimate any more: the movement itself will say it.
    fn estimate(&mut self, flight: usize, known_at: i64, departs: i64, reason: Option<&str>) {
        if departs < known_at {
            return;
        }
        let block = self.flights[flight].arrival - self.flights[flight].departure;
        self.say(known_at, flight, FlightKind::Estimated, |said| {
            said.estimated_departure = Some(departs);
            said.estimated_arrival = Some(departs + block);
            said.reason = reason.map(str::to_owned);
        });
    }

    fn say(&mut self, known_at: i64, flight: usize, kind: FlightKind, fill: impl FnOnce(&mut Said)) {
        let shift = if known_at >= self.retimed_at[flight] { self.shifts[flight] } else { 0 };
        let mut said = Said::new(known_at, flight, kind, shift);
        fill(&mut said);
        self.said.push(said);
    }
}

/// What became of a leg whose aircraft has a defect.
enum Replacement {
    /// Another aircraft flies, so many minutes late.
    Swapped(i64),
    /// The round trip is cancelled.
    Cancelled,
    /// It waits for the repair.
    None,
}
