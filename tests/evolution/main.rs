//! Schemas change while everything runs: a writer, and then a worker, move to the next version and back, on Apache Kafka with
//! a real registry, and no reader of this version notices; what would break one is refused when it is registered.
//!
//!     source: ours ─ next ─ ours         worker of ours ──────────────────────────────► same bytes as the replay alone
//!                                        worker of next        joins ─ leaves
//!
//! Needs `SLIPSTREAM_TEST_KAFKA` and `SLIPSTREAM_TEST_REGISTRY`; without them the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod gate;
mod next;
mod registry;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gate::Gate;
use next::NextVersion;
use serde_json::json;
use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_producers::simulator::{Scenario, Simulator};
use slipstream_schemas::codec;
use slipstream_schemas::records;
use slipstream_schemas::registry::Registry;
use slipstream_schemas::topics::{self, Catalogue};
use slipstream_streams::buffer::Order;
use slipstream_streams::codec::Codec;
use slipstream_streams::kafka::Connection;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Source, SourceError};
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::source;
use slipstream_streams::status::{Phase, ShardStatus};
use slipstream_streams::topology::Topology;
use slipstream_streams::world::{Declaration, World};
use support::cluster::Cluster;
use support::{run_clean, scratch, text};

/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(120);
/// Public topics of the record families that S2-04 names, as far as they are written, with what they lead to;
/// also dead letters: there are no others.
const PUBLIC: [&str; 7] = [
    "flight.events",
    "disruption.events",
    "passenger.events",
    "external.data",
    "booking.events",
    "notifications",
    "dead.letter.queue",
];

/// Real Kafka and a real registry; none where they were not started.
fn cluster() -> Option<Cluster> {
    let (Ok(bootstrap), Ok(registry)) = (std::env::var("SLIPSTREAM_TEST_KAFKA"), std::env::var("SLIPSTREAM_TEST_REGISTRY"))
    else {
        assert!(std::env::var_os("CI").is_none(), "CI must run this on real services");
        eprintln!(
            "skipped: SLIPSTREAM_TEST_KAFKA or SLIPSTREAM_TEST_REGISTRY is not set; deploy/local/with-services.sh sets both"
        );
        return None;
    };
    Some(Cluster::at(bootstrap, registry))
}

/// A world of its own on the cluster, with its topics and schemas.
struct Evolving {
    config: Config,
    topology: Topology,
    ours: Arc<dyn Codec>,
}

impl Evolving {
    fn new(cluster: &Cluster, world: &str) -> Self {
        for arguments in [["topics", "apply"], ["schemas", "register"]] {
            let done = cluster.command(world, &arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        let catalogue = Catalogue::of_this_version().unwrap();
        let count = |name: &&'static str| Some((*name, catalogue.topic(name)?.partitions));
        let ours = codec::Codec::new(Arc::new(Registry::new(&cluster.registry))).unwrap();
        let config = Config {
            connection: Connection::plain(&cluster.bootstrap),
            world: World::new(Some(world)).unwrap(),
            order: Order::EventTime,
            instance: None,
            state: None,
            shards: 1,
            limits: Limits::default(),
        };
        Self {
            config,
            topology: pipeline::topology(topics::ALL.iter().filter_map(count).collect()),
            ours: Arc::new(Edge::new(ours)),
        }
    }

    fn start(&self, codec: &Arc<dyn Codec>) -> Handle {
        runtime::start(&self.config, &self.topology, codec, &["flights", "people"]).unwrap()
    }

    fn declare(&self, start: Ts) {
        let declaration = Declaration { sources: vec!["recording".to_owned()], start, live: false };
        source::declare(&self.config, &self.topology, &self.ours, &declaration).unwrap();
    }

    fn publish(&self, codec: &Arc<dyn Codec>, records: &[Record], pace: source::Pace<'_>) {
        let (mut listed, stop) = (Listed(records.iter()), AtomicBool::new(false));
        let published = source::publish(&self.config, &self.topology, codec, "recording", &mut listed, pace, &stop);
        assert_eq!(published.unwrap(), records.len() as u64);
    }
}

struct Listed<'a>(std::slice::Iter<'a, Record>);

impl Source for Listed<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next().cloned())
    }
}

fn wait(what: &str, pipeline: &Handle, wanted: impl Fn() -> bool) {
    let began = Instant::now();
    while !wanted() {
        assert!(began.elapsed() < PATIENCE && !pipeline.is_finished(), "no {what}: {:#?}", pipeline.status());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What every task of it has processed.
fn processed(pipeline: &Handle) -> u64 {
    pipeline.status().iter().flat_map(|shard| &shard.tasks).map(|task| task.counts.records).sum()
}

/// The scenario that all versions play, and the replay of it alone.
fn scenario(out: &Path) -> Vec<Record> {
    run_clean(&["simulate", "weather-at-hub", "--seed", "7", "--out", &text(out)]);
    let mut simulator = Simulator::new(&Scenario::load("weather-at-hub").unwrap(), 7).unwrap();
    std::iter::from_fn(|| simulator.next().unwrap()).collect()
}

// contract: S2-04 (all but features, which nobody writes yet)
#[test]
fn a_writer_and_a_worker_move_to_the_next_version_and_back_unnoticed() {
    let Some(cluster) = cluster() else { return };
    let alone = scratch();
    let records = scenario(alone.path());
    let name = format!("evolving-{}", std::process::id());
    let world = Evolving::new(&cluster, &name);
    world.declare(records[0].timestamp);
    let ours = world.start(&world.ours);
    let next = NextVersion::new(&cluster.registry);
    let other: Arc<dyn Codec> = next.clone();
    let (third, rest) = (records[records.len() / 3].timestamp, records[records.len() * 2 / 3].timestamp);
    let (mut joined, mut left) = (None, false);
    let mut pace = |at| {
        if at > third && joined.is_none() {
            wait("record of our version", &ours, || processed(&ours) > 0);
            next.writes_next.store(true, Ordering::Relaxed);
            joined = Some(world.start(&other));
        }
        if at > rest && !left {
            let worker = joined.as_ref().unwrap();
            wait("record taken by the next version", worker, || processed(worker) > 100 && families(&next));
            next.writes_next.store(false, Ordering::Relaxed);
            worker.stop();
            left = true;
        }
        Duration::ZERO
    };
    world.publish(&other, &records, &mut pace);
    joined.unwrap().wait().unwrap();
    wait("end", &ours, || ours.status().iter().any(|shard| shard.complete));
    ours.stop();
    ours.wait().unwrap();

    assert!(next.read_old.load(Ordering::Relaxed) > 100 && next.read_next.load(Ordering::Relaxed) > 100);
    assert_reads_as(&cluster, &name, alone.path());
}

/// What the program, of our version, reads of a world is what the replay alone gave.
fn assert_reads_as(cluster: &Cluster, world: &str, alone: &Path) {
    for topic in PUBLIC {
        let read = cluster.command(world, &["export", topic, "--format", "jsonl"]).output().unwrap();
        assert!(read.status.success(), "{topic}: {}", String::from_utf8_lossy(&read.stderr));
        let wanted = std::fs::read(alone.join(format!("{topic}.jsonl"))).unwrap_or_default();
        assert!(read.stdout == wanted, "{topic} differs");
    }
}

/// A worker that cannot ask what a value is waits and says for whom; no record is refused for it.
#[test]
fn a_registry_that_is_away_is_waited_for_at_start_and_in_the_middle() {
    let Some(cluster) = cluster() else { return };
    let alone = scratch();
    let records = scenario(alone.path());
    let name = format!("registry-{}", std::process::id());
    let world = Evolving::new(&cluster, &name);
    world.declare(records[0].timestamp);
    let gate = Gate::before(&cluster.registry);
    let behind = codec::Codec::new(Arc::new(Registry::new(&gate.url))).unwrap();
    let worker = world.start(&(Arc::new(Edge::new(behind)) as Arc<dyn Codec>));
    let says_so = |shard: &ShardStatus| matches!(&shard.phase, Phase::Waiting(why) if why.contains("did not answer"));
    let waits = || worker.status().iter().any(says_so);
    wait("word of the registry at start", &worker, waits);
    gate.set_open(true);

    // Ids that the worker has not met come while the registry is away again.
    let next = NextVersion::new(&cluster.registry);
    let (half, writer): (Ts, Arc<dyn Codec>) = (records[records.len() / 2].timestamp, next.clone());
    let mut pace = |at| {
        if at > half && !next.writes_next.load(Ordering::Relaxed) {
            gate.set_open(false);
            next.writes_next.store(true, Ordering::Relaxed);
        }
        Duration::ZERO
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait("word of the registry in the middle", &worker, || next.writes_next.load(Ordering::Relaxed) && waits());
            gate.set_open(true);
        });
        world.publish(&writer, &records, &mut pace);
    });
    wait("end", &worker, || worker.status().iter().any(|shard| shard.complete));
    worker.stop();
    worker.wait().unwrap();
    assert_reads_as(&cluster, &name, alone.path());
}

/// Whether every family was written in the next version.
fn families(next: &NextVersion) -> bool {
    let written = next.written.lock().unwrap();
    ["FlightEvent", "Disruption", "PassengerEvent", "WeatherReport"].iter().all(|record| written.contains_key(record))
}

/// On a subject of its own, so that nothing else meets what is registered here.
#[test]
fn what_would_break_a_reader_is_refused_at_registration_by_record_and_field() {
    let Some(cluster) = cluster() else { return };
    let registry = Registry::new(&cluster.registry);
    let topic = format!("refused-{}", std::process::id());
    let (_, ours) = records::schemas().into_iter().find(|(name, _)| *name == "FlightEvent").unwrap();
    // Somebody else's version stands there already: ours cannot follow it.
    let mut strange = ours.clone();
    let field = &mut strange["fields"][0];
    *field = json!({"name": field["name"], "type": "boolean", "default": false});
    let name = field["name"].as_str().unwrap().to_owned();
    let subject = format!("{topic}-slipstream.FlightEvent");
    assert_eq!(registry::post_schema(&cluster.registry, &subject, &strange).0, 200);
    let said = registry.register(&[(&topic, "FlightEvent")]).unwrap_err().to_string();
    assert!(
        said.contains(&format!(
            "to register `{subject}`: it does not go with version 1 there: FlightEvent.{name}: the type was boolean"
        )),
        "{said}"
    );

    // Ours stands there, with our rule: what does not go with it cannot be registered by anybody.
    let topic = format!("kept-{}", std::process::id());
    let subject = format!("{topic}-slipstream.FlightEvent");
    registry.register(&[(&topic, "FlightEvent")]).unwrap();
    let mut demanding = ours.clone();
    demanding["fields"].as_array_mut().unwrap().push(json!({"name": "gate_of_the_future", "type": "string"}));
    for (change, broken) in [("another type", strange), ("a field without a default", demanding)] {
        let (status, answer) = registry::post_schema(&cluster.registry, &subject, &broken);
        assert_eq!(status, 409, "{change}: {answer}");
    }
    assert_eq!(registry::post_schema(&cluster.registry, &subject, &next::next(&ours)).0, 200, "a change that harms nobody");
    registry.register(&[(&topic, "FlightEvent")]).expect("ours is still good");
}
