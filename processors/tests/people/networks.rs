//! Properties over random small networks. Where the real search prunes and remembers, the one here tries everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use slipstream_schemas::ids::{Airport, Leg};
use slipstream_schemas::records::{
    BookingKind, Cabin, FlightStatus, Inventory, Notification, Outcome, Phase, Reaccommodation, Segment,
};
use slipstream_schemas::topics as t;

use super::world::{self, Flight, HOUR, MINUTE, News, World, at, flight, segment};

const AIRPORTS: [&str; 5] = ["FRA", "MUC", "VIE", "CDG", "BRE"];
/// Minimum connecting times of those airports, as in `data/connection-times.csv`, minutes.
const CONNECTIONS: [i64; 5] = [45, 35, 30, 60, 45];
const CABINS: [Cabin; 2] = [Cabin::Economy, Cabin::Business];
const LEAD: i64 = 45 * MINUTE;
const HORIZON: i64 = 48 * HOUR;

/// A random network: indexes are taken modulo what there is, so that it can shrink.
#[derive(Debug, Clone)]
struct Plan {
    /// From, to (offset), departure in steps of ten minutes from midnight, free economy and business seats.
    flights: Vec<(usize, usize, i64, i32, i32)>,
    /// First flight, whether to connect onwards, people, business.
    bookings: Vec<(usize, bool, usize, bool)>,
    /// When, in steps of ten minutes; what; of which flight or booking.
    events: Vec<(i64, u8, usize)>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let flight = (0..5usize, 1..5usize, 36..200i64, 0..5i32, 0..3i32);
    let booking = (any::<usize>(), any::<bool>(), 1..4usize, prop::bool::weighted(0.2));
    let event = (20..200i64, 0..5u8, any::<usize>());
    let parts = (prop::collection::vec(flight, 2..16), prop::collection::vec(booking, 1..8), prop::collection::vec(event, 1..8));
    parts.prop_map(|(flights, bookings, events)| Plan { flights, bookings, events })
}

/// What the test itself knows of the network at some instant.
#[derive(Debug, Clone, Default)]
struct Known {
    times: BTreeMap<Leg, (i64, i64)>,
    cancelled: BTreeSet<Leg>,
    available: BTreeMap<(Leg, Cabin), i32>,
    bookings: BTreeMap<String, (i32, Vec<Segment>)>,
}

/// The world, with what is known after each instant of its events.
struct Made {
    world: World,
    steps: Vec<(i64, Known)>,
}

fn make(plan: &Plan) -> Made {
    let flights: Vec<Flight> = plan.flights.iter().enumerate().map(|(number, f)| make_flight(number, f)).collect();
    let mut world = World::default();
    let mut known = Known::default();
    for (flight, (.., economy, business)) in flights.iter().zip(&plan.flights) {
        known.times.insert(flight.leg, (flight.departure, flight.arrival));
        for (cabin, free) in CABINS.into_iter().zip([*economy, *business]) {
            world.seats(at("-1 08:00"), flight, cabin, 10, free);
            known.available.insert((flight.leg, cabin), free);
        }
    }
    for (number, booking) in plan.bookings.iter().enumerate() {
        let pnr = format!("P{number:05}");
        let segments = itinerary(&flights, booking);
        known.bookings.insert(pnr.clone(), (booking.2 as i32, segments.clone()));
        world.booking(at("-1 10:00"), BookingKind::Created, &pnr, world::party(&pnr, booking.2), segments);
    }
    let mut steps = Vec::new();
    let mut events = plan.events.clone();
    events.sort();
    for (when, what, which) in events {
        let when = at("00:00") + when * 10 * MINUTE;
        happen(&mut world, &mut known, &flights, when, what, which);
        steps.push((when, known.clone()));
    }
    Made { world, steps }
}

fn make_flight(number: usize, &(from, to, departure, ..): &(usize, usize, i64, i32, i32)) -> Flight {
    let (from, to) = (AIRPORTS[from], AIRPORTS[(from + to) % AIRPORTS.len()]);
    let mut flight = flight(&format!("LH{} {from}-{to} 00:00 01:00", 100 + number));
    flight.departure = at("00:00") + departure * 10 * MINUTE;
    flight.arrival = flight.departure + 80 * MINUTE;
    flight.leg.date = slipstream_streams::record::rfc3339(flight.departure)[..10].parse().unwrap();
    flight
}

fn itinerary(flights: &[Flight], &(first, connects, _, business): &(usize, bool, usize, bool)) -> Vec<Segment> {
    let cabin = CABINS[usize::from(business)];
    let first = flights[first % flights.len()];
    let onward = flights.iter().filter(|next| {
        let connection = next.departure - first.arrival;
        next.leg.origin == first.leg.destination
            && next.leg.destination != first.leg.origin
            && (connecting(next.leg.origin)..6 * HOUR).contains(&connection)
    });
    let onward = onward.min_by_key(|next| (next.departure, next.leg)).filter(|_| connects);
    [first].iter().chain(onward).map(|flight| segment(flight, cabin)).collect()
}

fn connecting(airport: Airport) -> i64 {
    let place = AIRPORTS.iter().position(|code| *code == airport.as_str()).unwrap();
    CONNECTIONS[place] * MINUTE
}

/// Something happens: a flight is cancelled or late, seats come free, a booking is cancelled.
fn happen(world: &mut World, known: &mut Known, flights: &[Flight], when: i64, what: u8, which: usize) {
    let flight = &flights[which % flights.len()];
    let pnr = format!("P{:05}", which % known.bookings.len().max(1));
    match what {
        0 | 1 if known.times[&flight.leg].0 >= when && known.cancelled.insert(flight.leg) => {
            world.cancel(when, flight);
            world.flown(when, flight, FlightStatus::Cancelled, flight.departure, flight.arrival, None);
        }
        2 if known.times[&flight.leg].0 >= when && !known.cancelled.contains(&flight.leg) => {
            let (departs, arrives) = (flight.departure + 100 * MINUTE, flight.arrival + 100 * MINUTE);
            known.times.insert(flight.leg, (departs, arrives));
            world.disruption(when, flight, Phase::Opened, News::Late { departs, arrives }, "airline");
            world.flown(when, flight, FlightStatus::Scheduled, departs, arrives, None);
        }
        3 => {
            let free = known.available.get_mut(&(flight.leg, Cabin::Economy)).unwrap();
            *free = (*free + 2).min(10);
            world.seats(when, flight, Cabin::Economy, 10, *free);
        }
        4 if known.bookings.remove(&pnr).is_some() => {
            world.booking(when, BookingKind::Cancelled, &pnr, Vec::new(), Vec::new());
        }
        _ => {}
    }
}

/// The itinerary that stands for a party, from what was said of it up to an instant.
fn standing(booked: &[Segment], said: &[&Reaccommodation]) -> Vec<Segment> {
    let mut now = booked.to_vec();
    for message in said.iter().filter(|message| message.outcome == Outcome::Rebooked) {
        let Some(first) = message.segments.first() else {
            continue;
        };
        let flown = now.iter().position(|segment| segment.leg.origin == first.leg.origin).unwrap_or(now.len());
        now.truncate(flown);
        now.extend(message.segments.iter().cloned());
    }
    now
}

/// Everything that was said up to and including an instant, by booking.
fn said_until(all: &[(i64, Reaccommodation)], when: i64) -> BTreeMap<String, Vec<&Reaccommodation>> {
    let mut said: BTreeMap<String, Vec<&Reaccommodation>> = BTreeMap::new();
    for (_, message) in all.iter().filter(|(at, _)| *at <= when) {
        said.entry(message.pnr.to_string()).or_default().push(message);
    }
    said
}

/// Seats taken beyond what the PSS knows, by leg and cabin.
fn taken(known: &Known, said: &BTreeMap<String, Vec<&Reaccommodation>>) -> BTreeMap<(Leg, Cabin), i32> {
    let mut taken = BTreeMap::new();
    for (pnr, (people, booked)) in &known.bookings {
        let now = standing(booked, said.get(pnr).map_or(&[], Vec::as_slice));
        let key = |segment: &Segment| (segment.leg, segment.cabin);
        now.iter().for_each(|segment| *taken.entry(key(segment)).or_default() += people);
        booked.iter().for_each(|segment| *taken.entry(key(segment)).or_default() -= people);
    }
    taken
}

/// Where and when a party has to go on, and its own segments that come after; none where its itinerary stands.
fn stuck(known: &Known, itinerary: &[Segment], now: i64) -> Option<(Airport, i64, usize)> {
    let mut there: Option<(i64, &Segment)> = None;
    for (index, segment) in itinerary.iter().enumerate() {
        let (departs, arrives) = known.times[&segment.leg];
        let connection = connecting(segment.leg.origin);
        let missed = there.is_some_and(|(at, before)| {
            at + connection.min((segment.scheduled_departure - before.scheduled_arrival).max(0)) > departs
        });
        if missed || known.cancelled.contains(&segment.leg) {
            let ready = there.map_or(segment.scheduled_departure - HOUR, |(at, _)| at + connection);
            return Some((segment.leg.origin, ready.max(now + LEAD), index));
        }
        there = Some((arrives, segment));
    }
    None
}

/// Tries every flight, and every flight after it.
fn any_way(known: &Known, free: &dyn Fn(&Leg) -> i32, people: i32, itinerary: &[Segment], stuck: (Airport, i64, usize)) -> bool {
    let (from, ready, broken) = stuck;
    let goal = itinerary.last().unwrap().leg.destination;
    // Own segments from which everything to the end works.
    let rejoin = |airport: Airport, at: i64| {
        (broken + 1..itinerary.len()).any(|k| {
            let suffix = &itinerary[k..];
            let (departs, _) = known.times[&suffix[0].leg];
            suffix[0].leg.origin == airport
                && at + connecting(airport) <= departs
                && self::stuck(known, suffix, i64::MIN / 2).is_none()
        })
    };
    let reach = |airport: Airport, ready: i64| {
        let times = known.times.iter().filter(move |(leg, (departs, _))| {
            leg.origin == airport
                && *departs >= ready
                && *departs <= stuck.1 + HORIZON
                && !known.cancelled.contains(leg)
                && free(leg) >= people
        });
        times.map(|(leg, (_, arrives))| (leg.destination, *arrives)).collect::<Vec<_>>()
    };
    reach(from, ready).into_iter().any(|(hub, at)| {
        let done = hub == goal || rejoin(hub, at);
        done || reach(hub, at + connecting(hub)).into_iter().any(|(end, at)| end == goal || rejoin(end, at))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Seats are never given twice, parties never split, and nobody is left without seats that were there.
    #[test]
    fn everybody_gets_what_there_is_and_nobody_what_there_is_not(plan in plan()) {
        let Made { world, steps } = make(&plan);
        let run = world.run();
        run.assert_clean();
        let all = run.all::<Reaccommodation>(t::REACCOMMODATION);
        for (index, (when, known)) in steps.iter().enumerate() {
            if steps.get(index + 1).is_some_and(|(next, _)| next == when) {
                continue; // an instant is looked at when all of it has happened
            }
            let said = said_until(&all, *when);
            let taken = taken(known, &said);
            for ((leg, cabin), taken) in &taken {
                let available = known.available.get(&(*leg, *cabin)).copied().unwrap_or(0);
                prop_assert!(*taken <= available, "{leg} {cabin}: {taken} taken, {available} there, at {when}");
            }
            let free = |leg: &Leg| {
                let free = |cabin| known.available[&(*leg, cabin)] - taken.get(&(*leg, cabin)).copied().unwrap_or(0);
                CABINS.into_iter().map(free).max().unwrap()
            };
            for (pnr, (people, booked)) in &known.bookings {
                let said = said.get(pnr).map_or(&[][..], Vec::as_slice);
                let itinerary = standing(booked, said);
                let last = said.last().map(|message| message.outcome);
                let Some(stuck) = stuck(known, &itinerary, *when) else {
                    prop_assert!(last != Some(Outcome::Unplaceable), "{pnr} stands, and is said not to, at {when}");
                    continue;
                };
                prop_assert_eq!(last, Some(Outcome::Unplaceable), "{} is stuck at {:?}, at {}", pnr, stuck, when);
                prop_assert!(!any_way(known, &free, *people, &itinerary, stuck), "{pnr} could go on from {stuck:?} at {when}");
            }
        }
        for (_, message) in &all {
            let (people, _) = &steps.last().unwrap().1.bookings.get(message.pnr.as_str()).cloned()
                .unwrap_or((message.passengers.len() as i32, Vec::new()));
            prop_assert_eq!(message.passengers.len() as i32, *people, "{} is split", message.pnr);
        }
    }

    /// The same input gives the same bytes, whatever order the topics of one instant are handed in; and no passenger
    /// hears of one fact twice.
    #[test]
    fn the_order_within_an_instant_changes_nothing_and_nobody_hears_twice(plan in plan(), salt in any::<u64>()) {
        let world = make(&plan).world;
        let run = world.run();
        let shuffled = world.run_in_order(|record| record.event.id.as_u64_pair().0 ^ salt);
        prop_assert_eq!(run.bytes(), shuffled.bytes());
        let mut told = BTreeSet::new();
        for (_, notice) in run.all::<Notification>(t::NOTIFICATIONS) {
            prop_assert!(told.insert((notice.passenger, notice.reason.clone())), "{} twice: {}", notice.passenger, notice.reason);
            prop_assert!(!notice.text.contains(notice.passenger.as_str()) && !notice.text.contains(notice.pnr.as_str()), "{}", notice.text);
        }
    }

    /// An inventory that makes no sense is refused and changes nothing.
    #[test]
    fn impossible_inventory_is_a_dead_letter(capacity in -5i32..20, available in -5i32..25) {
        let mut world = World::default();
        let flight = flight("LH10 FRA-MUC 08:00 09:00");
        world.seats(at("07:00"), &flight, Cabin::Economy, capacity, available);
        let run = world.run();
        let refused = run.counts::<slipstream_schemas::records::DeadLetter>(t::DEAD_LETTER_QUEUE, |letter| letter.reason.clone());
        let sensible = (0..=capacity).contains(&available);
        prop_assert_eq!(refused.get("invalid inventory").copied(), (!sensible).then_some(1));
        prop_assert_eq!(run.all::<Inventory>(t::INVENTORY_EVENTS).len(), 1);
    }
}
