//! The durations that the contract gives (S0-22), each beside its limit at the ninetieth percentile; fails where one is longer.
//!
//! ```sh
//! cargo bench --bench times
//! ```
//!
//! | what | limit |
//! |---|---|
//! | a leg that is cached | 25 ms |
//! | a leg that is asked for, from a provider that takes 150 ms | 500 ms |
//! | a hundred legs in one batch, from that provider | 15 s |
//! | a conflict of two sources, from the word that makes it to the decision, through the stages up to `flight.state` | 10 ms |
//!
//! Real sockets, the default profile, nothing else on the machine. The fifth duration of the row, that of a webhook, needs brokers: `--bench webhooks`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_producers::live::config::Sources;
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::provider::{Clock, LegQuery};
use slipstream_schemas::records::{FlightKind, FlightObservation, FlightState, Message};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::codec::Codec;
use slipstream_streams::record::{Event, Record, derive_id};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};

/// 2026-11-21T06:00Z, epoch ms.
const BEGUN: i64 = 1_795_240_800_000;
const MINUTE: i64 = 60_000;
/// Questions of each kind.
const ASKED: u16 = 100;
const CACHED: usize = 100_000;
/// Conflicts, and the legs that they are about.
const CONFLICTS: usize = 2_000;

/// What the provider says; of which flight is all the same here.
const FLIGHTS: &str = include_str!("../producers/tests/cases/live/flightaware-flights.json");

/// A provider that takes 150 ms, and who asks it.
async fn desk() -> Desk {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let slow = axum::Router::new().fallback(|| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        FLIGHTS
    });
    tokio::spawn(async move { axum::serve(listener, slow).await });
    let settings = format!("[[providers]]\nkind = \"flightaware\"\nurl = \"{url}\"\nlimit = {{ units = 10000, per_s = 1 }}");
    let sources: Sources = toml::from_str(&settings).unwrap();
    let clock: Clock = Arc::new(|| BEGUN);
    sources.desk(&|_: &str| Some("key".to_owned()), &clock).unwrap()
}

fn leg(number: u16) -> LegQuery {
    format!("LO{number}/2026-11-21").parse().unwrap()
}

async fn answered(desk: &Desk, numbers: impl Iterator<Item = u16>) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in numbers {
        let begun = Instant::now();
        desk.status(leg(number)).await.unwrap();
        times.push(begun.elapsed());
    }
    times
}

/// Two sources that name different gates, for one leg after the other.
struct Disputes {
    records: std::vec::IntoIter<Record>,
}

impl Disputes {
    fn new() -> Self {
        let records = (0..CONFLICTS).flat_map(|n| ["LH", "FLIGHTAWARE"].map(|source| word(n, source)));
        let mut records: Vec<Record> = records.collect();
        records.sort_by_key(|record| record.timestamp);
        Self { records: records.into_iter() }
    }
}

impl Source for Disputes {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.records.next())
    }
}

/// What one source says of one leg, a second after what was said before it.
fn word(n: usize, source: &str) -> Record {
    let (number, late) = (1 + n as i32, source != "LH");
    let route = ("FRA".parse().unwrap(), "JFK".parse().unwrap());
    let known_at = BEGUN + 2_000 * n as i64 + if late { 1_000 } else { 0 };
    let said = FlightObservation {
        scheduled_departure: Some(BEGUN + 600 * MINUTE),
        scheduled_arrival: Some(BEGUN + 1_080 * MINUTE),
        estimated_departure: Some(BEGUN + 610 * MINUTE),
        departure_gate: Some(if late { "B46" } else { "A12" }.to_owned()),
        ..FlightObservation::of(source, FlightKind::Estimated, ("LH".parse().unwrap(), number), route)
    };
    let body = said.to_bytes();
    let id = derive_id(&[b"bench", &body]);
    let event = Event { id, source: "/bench".into(), correlation: id, causation: None, organisation: None };
    let rank = said.rank();
    Record {
        topic: t::FLIGHT_OBSERVATIONS,
        partition: -1,
        offset: -1,
        timestamp: known_at,
        key: format!("LH{number}").into(),
        rank,
        event,
        body: Some(body.into()),
    }
}

/// How long each instant took in which a conflict was found: an instant begins when the one before it is written.
struct Stopwatch {
    before: Instant,
    decided: Vec<Duration>,
}

impl Sink for Stopwatch {
    fn instant(&mut self, _at: i64, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        let took = self.before.elapsed();
        let states = records.iter().filter(|record| record.topic == t::FLIGHT_STATE);
        let mut states = states.filter_map(|record| FlightState::from_bytes(record.body.as_deref()?).ok());
        if states.any(|state| !state.conflicts.is_empty()) {
            self.decided.push(took);
        }
        self.before = Instant::now();
        Ok(())
    }
}

fn decided() -> Vec<Duration> {
    let codec: Arc<dyn Codec> = Arc::new(Edge::local().unwrap());
    let partitions: BTreeMap<_, i32> = t::ALL.iter().map(|topic| (*topic, 1)).collect();
    let mut stages = Reference::new(pipeline::topology(partitions).upstream_of(&[t::FLIGHT_STATE]), &codec).unwrap();
    let mut watch = Stopwatch { before: Instant::now(), decided: Vec::new() };
    stages.run(&mut Disputes::new(), &mut watch).unwrap();
    assert!(watch.decided.len() >= CONFLICTS, "{} of {CONFLICTS} conflicts were found", watch.decided.len());
    watch.decided
}

/// Prints a row; false where it took too long.
fn is_in_time(what: &str, mut times: Vec<Duration>, limit: Duration) -> bool {
    times.sort();
    let (p50, p90) = (times[times.len() / 2], times[times.len() * 9 / 10]);
    println!("| {what} | {} | {p50:?} | {p90:?} | {limit:?} |", times.len());
    p90 <= limit
}

// contract: S0-22 (cached, fresh, batch, conflict)
#[tokio::main]
async fn main() {
    println!("| what | times | p50 | p90 | limit of p90 |\n|---|---|---|---|---|");
    let desk = desk().await;
    let fresh = answered(&desk, 1..=ASKED).await;
    let cached = answered(&desk, (1..=ASKED).cycle().take(CACHED)).await;
    let mut batches = Vec::new();
    for round in 1..=10 {
        let legs: Vec<LegQuery> = (0..100).map(|n| leg(1_000 * round % 9_000 + 101 + n)).collect();
        let begun = Instant::now();
        assert!(desk.batch(&legs).await.iter().all(|(_, answer)| answer.is_ok()));
        batches.push(begun.elapsed());
    }
    let in_time = [
        is_in_time("cached", cached, Duration::from_millis(25)),
        is_in_time("fresh, provider of 150 ms", fresh, Duration::from_millis(500)),
        is_in_time("batch of 100", batches, Duration::from_secs(15)),
        is_in_time("conflict", decided(), Duration::from_millis(10)),
    ];
    assert!(!in_time.contains(&false), "a duration is over its limit");
}
