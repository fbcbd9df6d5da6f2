//! The whole pipeline on the broker's model: crashes at any call, lost commit answers, zombies and doubles change no record.
//!
//! One thread, one seed, a virtual clock; at most 60 legs of a European day with the bookings on them. Safety, after every
//! turn: each committed record is one of the reference schedule's, no id twice, nothing promised is missing. Liveness: once
//! healed, it finishes. A failing seed is shrunk, and says how to replay what is left: `SEED=n RECORDS=n FAULTS=… UNTIL=n`.
//! `SEEDS=n` runs so many; else as many as fit into a bounded time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_producers::simulator::{self, Simulator};
use slipstream_schemas::records::{Booking, FlightKind, FlightObservation, Inventory};
use slipstream_schemas::topics::{self, Catalogue};
use slipstream_schemas::wire::Wire;
use slipstream_streams::buffer::Order;
use slipstream_streams::codec::Codec;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};
use slipstream_streams::simulation::search::{self, Case};
use slipstream_streams::simulation::{Auditor, Fault, Faults, Outcome, Planted, Scenario, SimulationError, simulate};
use slipstream_streams::topology::Topology;

/// Seeds of one test run at least, unless `SEED` or `SEEDS` says otherwise.
const SEEDS: u64 = 20;
/// How long more seeds are begun: one core of a run of `make test`, for four minutes.
const TIME: Duration = Duration::from_secs(240);
/// Runs that shrinking a failure may take.
const SHRINK_RUNS_MAX: usize = 60;
/// Flight numbers of the cut; each flies at most three times in the scenario.
const NUMBERS_MAX: usize = 20;
/// Bookings of the cut.
const BOOKINGS_MAX: usize = 40;

/// Everything that may go wrong.
const FAULTS: Faults = Faults::none(2_000_000)
    .until(20_000)
    .with(Fault::Crash, 400)
    .with(Fault::LostCommit, 15_000)
    .with(Fault::LateCommit, 10_000)
    .with(Fault::Still, 500)
    .with(Fault::Double, 200)
    .with(Fault::Stall, 100)
    .with(Fault::Refusal, 500)
    .with(Fault::Move, 200)
    .with(Fault::SlowPartition, 300);

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

/// Partitions of topics keyed by PNR and by organisation, and of all others; ticks have one.
fn topology([others, pnr, organisation]: [i32; 3]) -> Topology {
    let catalogue = Catalogue::of_this_version().unwrap();
    let count = |topic: &str| match &*catalogue.topic(topic).unwrap().key {
        "PNR" => pnr,
        "organisation" => organisation,
        "tick" => 1,
        _ => others,
    };
    pipeline::topology(topics::ALL.iter().map(|topic| (*topic, count(topic))).collect())
}

#[derive(Default)]
struct Kept(Vec<Record>);

impl Sink for Kept {
    fn instant(&mut self, _at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.0.extend(records.iter().map(|record| Record::clone(record)));
        Ok(())
    }
}

struct Given(std::vec::IntoIter<Record>);

impl Source for Given {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next())
    }
}

fn oracle(records: Vec<Record>, codec: &Arc<dyn Codec>) -> Vec<Record> {
    let mut kept = Kept::default();
    let mut reference = Reference::new(topology([1, 1, 1]), codec).unwrap();
    reference.run(&mut Given(records.into_iter()), &mut kept).unwrap();
    kept.0
}

/// What the runs have in common.
struct Day {
    codec: Arc<dyn Codec>,
    records: Vec<Record>,
}

impl Day {
    fn new() -> Self {
        let codec: Arc<dyn Codec> = Arc::new(Edge::local().unwrap());
        Self { codec, records: cut() }
    }

    fn case(&self, seed: u64) -> Case {
        Case { seed, records: self.records.len(), instances: 1 + seed as usize % 2, faults: FAULTS }
    }

    fn run(&self, case: &Case) -> Result<Outcome, SimulationError> {
        let records = &self.records[..case.records.clamp(1, self.records.len())];
        let topology = topology([[2, 1, 1], [1, 2, 2], [3, 2, 1]][case.seed as usize % 3]);
        let auditor = Auditor::new(&topology, oracle(records.to_vec(), &self.codec));
        let scenario = Scenario {
            topology,
            codec: Arc::clone(&self.codec),
            order: Order::EventTime,
            limits: Limits { skew: 6 * 3_600_000, ..Limits::default() },
            instances: case.instances,
            sources: vec![("europe".to_owned(), records.to_vec())],
            start: records[0].timestamp,
            planted: Planted::default(),
        };
        simulate(&scenario, case.faults, case.seed, auditor)
    }
}

#[test]
fn the_cut_is_small_and_has_people_in_it() {
    let day = Day::new();
    let observed = day.records.iter().filter(|record| record.topic == topics::FLIGHT_OBSERVATIONS);
    let legs: BTreeSet<_> = observed.map(|record| observation(record).source_leg).collect();
    assert!((10..=60).contains(&legs.len()), "{} legs", legs.len());
    let expected = oracle(day.records.clone(), &day.codec);
    let ids: BTreeSet<_> = expected.iter().map(|record| record.event.id).collect();
    assert_eq!(ids.len(), expected.len(), "an id stands twice");
    let topics: BTreeSet<&str> = expected.iter().map(|record| record.topic).collect();
    assert!(topics.contains(topics::REACCOMMODATION) && topics.contains(topics::NOTIFICATIONS), "{topics:?}");
}

// contract: S2-06, S2-20
#[test]
fn whatever_breaks_the_records_are_those_of_the_reference_schedule() {
    let day = Day::new();
    let variable = |name: &str| std::env::var(name).ok();
    let number = |name: &str| variable(name).map(|text| text.parse::<u64>().unwrap());
    let (seed, seeds, began) = (number("SEED"), number("SEEDS"), Instant::now());
    let range = seed.map_or(0..seeds.unwrap_or(u64::MAX), |seed| seed..seed + 1);
    let mut struck: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut runs = 0;
    for seed in range {
        if seeds.is_none() && seed >= SEEDS && began.elapsed() > TIME {
            break;
        }
        let case = day.case(seed).with(variable).unwrap();
        match day.run(&case) {
            Ok(outcome) => outcome.struck.into_iter().for_each(|(fault, times)| *struck.entry(fault).or_default() += times),
            Err(error) => {
                let least = search::shrink(case, SHRINK_RUNS_MAX, &mut |case| day.run(case).is_err());
                panic!(
                    "{error}
seed {seed} failed; the least case that still fails:
    {least} cargo test --test simulation"
                );
            }
        }
        runs += 1;
    }
    println!("{runs} runs in {:?}: {struck:?}", began.elapsed());
    assert!(runs < SEEDS || struck.len() == Fault::ALL.len(), "some fault never struck: {struck:?}");
}
