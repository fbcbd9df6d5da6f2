//! Records from outside on Apache Kafka: what a caller was told is committed is, whatever happens to the producer; and few
//! transactions hold many callers' records.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test on a cluster says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};

use cluster::{Cluster, PATIENCE};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use slipstream_streams::buffer::Order;
use slipstream_streams::intake::{Intake, NotTaken, TRANSACTION_RECORDS, VALUE_BYTES_MAX, WAITING_RECORDS_MAX};
use slipstream_streams::kafka::Connection;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::Record;
use slipstream_streams::runtime::Config;
use slipstream_streams::world::World;
use toy::{READINGS, START, codec};

/// Meters in one partition and the same second.
fn reading(n: usize) -> Record {
    toy::reading(n, READINGS, START + n as i64, "street1:1", &n.to_string())
}

/// Hands readings in, each as a caller of its own; turned away, a caller comes again.
fn hand_in(intake: &Intake, numbers: std::ops::Range<usize>) -> Receiver<(usize, Result<(), NotTaken>)> {
    let (tell, told) = channel();
    for n in numbers {
        loop {
            let tell = tell.clone();
            match intake.hand_in(vec![reading(n)], move |outcome| tell.send((n, outcome)).unwrap()) {
                Err(NotTaken::Busy) => std::thread::yield_now(),
                taken => break taken.unwrap(),
            }
        }
    }
    told
}

fn confirmed(told: Receiver<(usize, Result<(), NotTaken>)>) -> BTreeSet<String> {
    told.into_iter().filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| n.to_string()).collect()
}

/// The bodies that a read_committed consumer sees.
fn read(cluster: &Cluster) -> Vec<String> {
    cluster.facts().into_iter().filter(|fact| fact.0 == READINGS).map(|fact| fact.5).collect()
}

/// Offsets of the only partition of readings: its records, and one marker a transaction.
fn offsets(cluster: &Cluster) -> i64 {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &cluster.bootstrap).create().unwrap();
    consumer.fetch_watermarks(&cluster.world.topic(READINGS), 0, PATIENCE).unwrap().1
}

#[test]
fn many_callers_share_few_transactions_and_each_is_told() {
    let Some(cluster) = Cluster::new("intake", 1, 1) else { return };
    let intake = Intake::open(&cluster.config(Order::Arrival, None), &cluster.topology, &codec(), "one").unwrap();
    let told = confirmed(hand_in(&intake, 0..3_000));
    assert_eq!(told.len(), 3_000);
    let found = read(&cluster);
    assert_eq!((found.len(), found.iter().cloned().collect::<BTreeSet<_>>()), (3_000, told), "each once");
    let transactions = offsets(&cluster) - 3_000;
    assert!((6..60).contains(&transactions), "{transactions} transactions");
}

#[test]
fn a_fenced_producer_is_made_anew_and_nothing_confirmed_is_lost() {
    let Some(cluster) = Cluster::new("intake-fenced", 1, 1) else { return };
    let intake = Intake::open(&cluster.config(Order::Arrival, None), &cluster.topology, &codec(), "one").unwrap();
    let mut told = BTreeSet::new();
    for round in 0..5 {
        let callers = hand_in(&intake, round * 400..round * 400 + 400);
        let id = cluster.world.member("intake", "one", 0);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &cluster.bootstrap).set("transactional.id", id);
        let stranger: BaseProducer = config.create().unwrap();
        stranger.init_transactions(PATIENCE).unwrap();
        told.extend(confirmed(callers));
    }
    assert_eq!(told.len(), 2_000, "a producer that was fenced is no reason to send a caller away");
    let found: BTreeSet<String> = read(&cluster).into_iter().collect();
    assert_eq!(found, told);
}

#[test]
fn who_comes_to_a_full_queue_or_with_too_much_is_turned_away_at_once() {
    let nowhere = Config {
        connection: Connection::plain("127.0.0.1:1"),
        world: World::new(Some("nowhere")).unwrap(),
        order: Order::Arrival,
        instance: None,
        state: None,
        shards: 1,
        limits: Limits::default(),
    };
    let intake = Intake::open(&nowhere, &toy::topology(1, 1), &codec(), "one").unwrap();
    let parcel = |count: usize| intake.hand_in((0..count).map(reading).collect(), |_| {});
    assert_eq!(parcel(TRANSACTION_RECORDS + 1), Err(NotTaken::TooLarge));
    let large = toy::reading(0, READINGS, START, "street1:1", &"9".repeat(VALUE_BYTES_MAX + 1));
    assert_eq!(intake.hand_in(vec![large], |_| {}), Err(NotTaken::TooLarge));
    // What the first transaction took up, sooner or later, waits no longer; it can hold twice its size at most.
    let mut taken = 0;
    let refused = loop {
        match parcel(100) {
            Ok(()) => taken += 100,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, NotTaken::Busy);
    assert!((WAITING_RECORDS_MAX..=WAITING_RECORDS_MAX + 2 * TRANSACTION_RECORDS).contains(&taken), "{taken}");
    std::mem::forget(intake); // its end would wait for the cluster
}
