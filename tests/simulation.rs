//! The whole pipeline on the broker's model: crashes at any call, lost commit answers, zombies and doubles change no record.
//!
//! One thread, one seed, a virtual clock; at most 60 legs of a European day with the bookings on them. Safety: the
//! committed records are those of the reference schedule, no id twice. Liveness: once healed, it finishes.
//! `SEED=n` replays one run; `SEEDS=n` runs so many.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_producers::simulator::{self, Simulator};
use slipstream_schemas::records::{Booking, FlightKind, FlightObservation, Inventory};
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::buffer::Order;
use slipstream_streams::codec::Codec;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};
use slipstream_streams::simulation::{Faults, Scenario, simulate};
use slipstream_streams::topology::Topology;

/// Seeds of one test run, unless `SEEDS` says otherwise.
const SEEDS: u64 = 60;
/// Flight numbers of the cut; each flies at most three times in the scenario.
const NUMBERS_MAX: usize = 20;
/// Bookings of the cut.
const BOOKINGS_MAX: usize = 40;

const FAULTS: Faults = Faults {
    crash_per_million: 400,
    lost_commit_per_million: 20_000,
    still_per_million: 400,
    double_per_million: 200,
    until: 20_000,
    turns_max: 2_000_000,
};

/// What makes two records the same, wherever they were written.
type Fact = (String, String, Ts, uuid::Uuid, Option<Box<[u8]>>);

fn fact(record: &Record) -> Fact {
    (record.topic.to_owned(), record.key.to_string(), record.timestamp, record.event.id, record.body.clone())
}

/// A cut of the scenario: cancelled flights of one airline, the others on their routes, and bookings on those alone.
fn cut() -> Vec<Record> {
    let scenario = simulator::Scenario::load("weather-at-hub").unwrap();
    let mut simulator = Simulator::new(&scenario, 7).unwrap();
    let all: Vec<Record> = std::iter::from_fn(|| simulator.next().unwrap()).collect();
    let observed = |record: &Record| (record.topic == topics::FLIGHT_OBSERVATIONS).then(|| observation(record));
    let cancelled: Vec<_> = all.iter().filter_map(observed).filter(|o| o.kind == FlightKind::Cancelled).collect();
    let carrier = cancelled[0].carrier;
    let routes: BTreeSet<_> =
        cancelled.iter().filter(|o| o.carrier == carrier).take(3).map(|o| (o.origin, o.destination)).collect();
    let on_route = |o: &FlightObservation| o.carrier == carrier && routes.contains(&(o.origin, o.destination));
    let numbers: BTreeSet<i32> =
        all.iter().filter_map(observed).filter(on_route).map(|o| o.number).take(NUMBERS_MAX * 20).collect();
    let numbers: BTreeSet<i32> = numbers.into_iter().take(NUMBERS_MAX).collect();
    let mut bookings = BTreeSet::new();
    let kept = all.into_iter().filter(|record| match record.topic {
        topics::FLIGHT_OBSERVATIONS => {
            let o = observation(record);
            o.carrier == carrier && numbers.contains(&o.number)
        }
        topics::INVENTORY_EVENTS => {
            let leg = Inventory::from_bytes(record.body.as_deref().unwrap()).unwrap().leg;
            leg.carrier == carrier && numbers.contains(&leg.number)
        }
        topics::BOOKING_EVENTS => {
            let booking = Booking::from_bytes(record.body.as_deref().unwrap()).unwrap();
            let inside = booking.segments.iter().all(|s| s.leg.carrier == carrier && numbers.contains(&s.leg.number));
            inside && (bookings.len() < BOOKINGS_MAX || bookings.contains(&booking.pnr)) && {
                bookings.insert(booking.pnr);
                true
            }
        }
        _ => false,
    });
    kept.collect()
}

fn observation(record: &Record) -> FlightObservation {
    FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap()
}

fn topology(counts: [i32; 3]) -> Topology {
    let count = |topic: &'static str| match topic {
        topics::BOOKING_EVENTS | topics::DISRUPTION_BY_PNR | topics::REACCOMMODATION | topics::PASSENGER_EVENTS => counts[1],
        topics::DISRUPTION_BY_ORGANISATION
        | topics::BOOKING_BY_ORGANISATION
        | topics::INVENTORY_EVENTS
        | topics::FLIGHT_EVENTS_BY_ORGANISATION => counts[2],
        _ => counts[0],
    };
    pipeline::topology(topics::ALL.iter().map(|topic| (*topic, count(topic))).collect())
}

#[derive(Default)]
struct Facts(Vec<Fact>);

impl Sink for Facts {
    fn instant(&mut self, _at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.0.extend(records.iter().map(|record| fact(record)));
        Ok(())
    }
}

struct Given(std::vec::IntoIter<Record>);

impl Source for Given {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next())
    }
}

fn oracle(records: Vec<Record>, codec: &Arc<dyn Codec>) -> Vec<Fact> {
    let mut facts = Facts::default();
    let mut reference = Reference::new(topology([1, 1, 1]), codec).unwrap();
    reference.run(&mut Given(records.into_iter()), &mut facts).unwrap();
    facts.0.sort();
    facts.0
}

// contract: S2-06, S2-20
#[test]
fn whatever_breaks_the_records_are_those_of_the_reference_schedule() {
    let codec: Arc<dyn Codec> = Arc::new(Edge::local().unwrap());
    let records = cut();
    let legs: BTreeSet<_> =
        records.iter().filter(|r| r.topic == topics::FLIGHT_OBSERVATIONS).map(|r| observation(r).source_leg).collect();
    assert!((10..=60).contains(&legs.len()), "{} legs", legs.len());
    let expected = oracle(records.clone(), &codec);
    let ids: BTreeSet<_> = expected.iter().map(|fact| fact.3).collect();
    assert_eq!(ids.len(), expected.len(), "an id stands twice");
    let mut by_topic: BTreeMap<&str, usize> = BTreeMap::new();
    expected.iter().for_each(|fact| *by_topic.entry(&fact.0).or_default() += 1);
    assert!(by_topic.contains_key(topics::REACCOMMODATION) && by_topic.contains_key(topics::NOTIFICATIONS), "{by_topic:?}");
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = number("SEED").map_or(0..number("SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let mut crashes = 0;
    for seed in seeds {
        let scenario = Scenario {
            topology: topology([[2, 1, 1], [1, 2, 2], [3, 2, 1]][seed as usize % 3]),
            codec: Arc::clone(&codec),
            order: Order::EventTime,
            limits: Limits { skew: 6 * 3_600_000, ..Limits::default() },
            instances: 1 + seed as usize % 2,
            sources: vec![("europe".to_owned(), records.clone())],
            start: records[0].timestamp,
        };
        let outcome = simulate(&scenario, FAULTS, seed).unwrap_or_else(|error| panic!("replay with SEED={seed}: {error}"));
        let mut found: Vec<Fact> = outcome.records.iter().map(fact).collect();
        found.sort();
        let strange = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!(strange, None, "replay with SEED={seed}");
        assert_eq!(found.len(), expected.len(), "replay with SEED={seed}");
        crashes += outcome.crashes;
    }
    assert!(crashes > 0 || number("SEED").is_some(), "nothing broke");
}
