//! A live world goes on by the clock when its sources say nothing, and its clock outlives its leader.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cluster::{Cluster, PATIENCE};
use slipstream_streams::buffer::Order;
use slipstream_streams::clock;
use slipstream_streams::partition::of_key;
use slipstream_streams::record::Ts;
use slipstream_streams::runtime::{self, RuntimeError};
use slipstream_streams::source;
use slipstream_streams::topology::CLOCK;
use slipstream_streams::world::Declaration;
use toy::{Fact, UNIT, codec};

/// A live world that nobody has declared a source for.
fn live(test: &str) -> Option<Cluster> {
    let cluster = Cluster::with(test, 2, 2, &[(CLOCK, 1)])?;
    declare(&cluster, true).unwrap();
    Some(cluster)
}

fn declare(cluster: &Cluster, live: bool) -> Result<(), RuntimeError> {
    let declaration = Declaration { sources: Vec::new(), start: now(), live };
    source::declare(&cluster.config(Order::Arrival, None), &cluster.topology, &codec(), &declaration)
}

fn now() -> Ts {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as Ts
}

fn clock(cluster: &Cluster) -> clock::Clock {
    clock::keep(&cluster.config(Order::Arrival, None), &cluster.topology, &codec()).unwrap()
}

/// Every committed record of a topic, once there are so many as wanted.
fn wait_for(cluster: &Cluster, what: &str, wanted: impl Fn(&[Fact]) -> bool) -> Vec<Fact> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let facts = cluster.facts();
        if wanted(&facts) {
            return facts;
        }
        assert!(Instant::now() < deadline, "no {what}: {facts:#?}");
    }
}

fn of(facts: &[Fact], topic: &str) -> usize {
    facts.iter().filter(|fact| fact.0 == topic).count()
}

#[test]
fn a_silent_source_holds_nobody_back_past_its_limit() {
    let Some(cluster) = live("silent") else { return };
    let mut config = cluster.config(Order::Arrival, None);
    config.limits.silence = 1_000;
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    let partition = of_key(b"street:1", 2);
    cluster.write(toy::READINGS, partition, now() - toy::SILENCE + 2_000, Some(b"street:1"), b"\0\x015");
    wait_for(&cluster, "total", |facts| of(facts, toy::TOTALS) == 1);
    let _clock = clock(&cluster);
    let began = now();
    wait_for(&cluster, "word of the silence", |facts| of(facts, toy::TOTALS) == 2 && of(facts, toy::SUMS) == 2);
    assert!(now() - began < 60_000, "it took {} ms", now() - began);
    pipeline.stop();
    pipeline.wait().unwrap();
}

#[test]
fn without_a_tick_time_stands_still() {
    let Some(cluster) = live("still") else { return };
    let pipeline = runtime::start(&cluster.config(Order::Arrival, None), &cluster.topology, &codec(), &[UNIT]).unwrap();
    cluster.write(toy::READINGS, of_key(b"street:1", 2), now() - 10 * toy::SILENCE, Some(b"street:1"), b"\0\x015");
    wait_for(&cluster, "total", |facts| of(facts, toy::TOTALS) == 1);
    cluster.write(toy::READINGS, of_key(b"street:2", 2), now(), Some(b"street:2"), b"\0\x015");
    wait_for(&cluster, "second total", |facts| of(facts, toy::TOTALS) == 2);
    assert!(pipeline.status().iter().flat_map(|shard| &shard.tasks).all(|task| task.counts.timers == 0));
    pipeline.stop();
    pipeline.wait().unwrap();
}

#[test]
fn another_process_ticks_when_the_leader_goes() {
    let Some(cluster) = live("leader") else { return };
    let first = clock(&cluster);
    wait_for(&cluster, "two ticks", |facts| of(facts, CLOCK) >= 2);
    let _second = clock(&cluster);
    drop(first);
    let before = of(&cluster.facts(), CLOCK);
    let facts = wait_for(&cluster, "ticks of the second", |facts| of(facts, CLOCK) >= before + 3);
    let ticks: Vec<Ts> = facts.iter().filter(|fact| fact.0 == CLOCK).map(|fact| fact.1).collect();
    assert!(ticks.iter().all(|tick| (now() - tick).abs() < 600_000), "{ticks:?}");
}

#[test]
fn a_live_world_is_no_recorded_one() {
    let Some(cluster) = live("kind") else { return };
    declare(&cluster, true).unwrap();
    let error = declare(&cluster, false).unwrap_err().to_string();
    assert!(error.contains("the world is live"), "{error}");
}
