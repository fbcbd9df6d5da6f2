//! The toy pipeline on a real cluster gives what the reference schedule gives, exactly once.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::{Cluster, kill_again_and_again};
use slipstream_streams::buffer::Order;
use slipstream_streams::partition::of_key;
use slipstream_streams::plan::Limits;
use slipstream_streams::runtime::{self, Config, Handle};
use toy::{UNIT, codec};

fn start(cluster: &Cluster, order: Order, instance: Option<&str>) -> Handle {
    runtime::start(&cluster.config(order, instance), &cluster.topology, &codec(), &[UNIT]).unwrap()
}

fn finish(pipeline: Handle) {
    pipeline.stop();
    pipeline.wait().unwrap();
}

#[test]
fn event_time_order_gives_the_oracles_records() {
    let Some(cluster) = Cluster::new("plain", 4, 3) else { return };
    let records = toy::readings(1, 1_000);
    cluster.declare(&["meters"]);
    let pipeline = start(&cluster, Order::EventTime, None);
    cluster.publish("meters", &records);
    cluster.wait_complete(&pipeline);
    finish(pipeline);
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
}

/// Two sources, two instances, other partition counts: the second instance joins and the first leaves while it runs.
#[test]
fn instances_come_and_go_without_a_trace() {
    let Some(cluster) = Cluster::new("two", 3, 5) else { return };
    let records = toy::readings(2, 1_000);
    let (some, others): (Vec<_>, Vec<_>) = records.iter().cloned().partition(|record| record.topic == toy::READINGS);
    cluster.declare(&["readings", "corrections"]);
    let first = start(&cluster, Order::EventTime, None);
    let second = std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish("readings", &some));
        scope.spawn(|| cluster.publish("corrections", &others));
        cluster.wait_past(&first, 0.3);
        let second = start(&cluster, Order::EventTime, None);
        cluster.wait_past(&second, 0.6);
        assert!(second.status().iter().any(|shard| !shard.tasks.is_empty()));
        finish(first);
        second
    });
    cluster.wait_complete(&second);
    finish(second);
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
}

/// What the child of the next test is told of its world.
const CHILD: &str = "SLIPSTREAM_TEST_CHILD";
/// How often it is killed.
const KILLS: usize = 12;

/// Not a test by itself: the worker that the next test kills. Says each commit on standard output.
#[test]
fn worker_that_is_killed() {
    let Ok(world) = std::env::var(CHILD) else { return };
    let cluster = Cluster::existing(&world, 4, 3);
    let records = toy::readings(3, 2_000);
    let pipeline = start(&cluster, Order::EventTime, Some("mortal"));
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish("meters", &records));
        let mut commits = 0;
        while !pipeline.status().iter().any(|shard| shard.complete) {
            let now: u64 = pipeline.status().iter().map(|shard| shard.commits).sum();
            (commits..now).for_each(|commit| println!("commit {commit}"));
            commits = now;
            std::thread::yield_now();
        }
    });
    finish(pipeline);
}

/// kill -9 of source and tasks together, at a different commit each time; the last life is left to finish.
#[test]
fn a_killed_worker_resumes_without_a_trace() {
    let Some(cluster) = Cluster::new("killed", 4, 3) else { return };
    cluster.declare(&["meters"]);
    kill_again_and_again(CHILD, cluster.world.name().unwrap(), KILLS, |life| life * 7 % 17, |_| ());
    cluster.assert_facts(&toy::oracle(&cluster.topology, &toy::readings(3, 2_000)));
}

/// In arrival order ids still follow from causes: every reading is counted once, through a change of instances.
#[test]
fn arrival_order_loses_and_doubles_nothing() {
    let Some(cluster) = Cluster::new("arrival", 4, 3) else { return };
    let records = toy::readings(4, 2_000);
    let limits = Limits { skew: toy::LENGTH * 10, promise_gap: Duration::from_millis(50), ..Limits::default() };
    let config = Config { limits, ..cluster.config(Order::Arrival, None) };
    cluster.declare(&["meters"]);
    let first = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    let both_run = AtomicBool::new(false);
    let half = records[1_000].timestamp;
    let mut pace = |at| if at < half || both_run.load(Ordering::Relaxed) { Duration::ZERO } else { Duration::from_millis(1) };
    let second = std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish_paced("meters", &records, &mut pace));
        cluster.wait_records(&first, 500);
        let second = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
        cluster.wait_for(&second, |status| !status.tasks.is_empty());
        both_run.store(true, Ordering::Relaxed);
        cluster.wait_records(&second, 1);
        finish(first);
        second
    });
    cluster.wait_complete(&second);
    finish(second);
    // Silences depend on the order; what a reading causes does not.
    let caused = |facts: Vec<toy::Fact>| {
        let ids = facts.into_iter().filter(|fact| fact.0 == toy::TOTALS && fact.2 == 2).map(|fact| fact.4);
        ids.collect::<BTreeSet<_>>()
    };
    let found = cluster.facts();
    assert_eq!(found.iter().map(|fact| &fact.4).collect::<BTreeSet<_>>().len(), found.len(), "an id twice");
    assert_eq!(caused(found), caused(toy::oracle(&cluster.topology, &records)));
}

#[test]
fn what_cannot_be_read_is_a_dead_letter_in_its_place() {
    let Some(cluster) = Cluster::new("refused", 4, 3) else { return };
    let home = of_key(b"street1:1", 4);
    let at = toy::START + 1;
    cluster.write(toy::READINGS, 0, at, None, b"\0\x015");
    cluster.write(toy::READINGS, 0, at, Some(b"\xff\xfe"), b"\0\x015");
    cluster.write(toy::READINGS, (home + 1) % 4, at, Some(b"street1:1"), b"\0\x015");
    cluster.write(toy::READINGS, home, at, Some(b"street1:1"), b"\x07unknown");
    cluster.write(toy::READINGS, home, at, Some(b"street1:1"), b"");
    cluster.write(toy::READINGS, home, at, Some(b"street1:1"), b"\0\x01five");
    cluster.declare(&["meters"]);
    let pipeline = start(&cluster, Order::EventTime, None);
    cluster.publish("meters", &[toy::reading(0, toy::READINGS, at + 9, "street1:1", "3")]);
    cluster.wait_complete(&pipeline);
    // Everything is promised: whatever comes now is late, and is neither lost nor counted.
    cluster.write(toy::READINGS, home, at + 10, Some(b"street1:1"), b"\0\x017");
    cluster.wait_for(&pipeline, |status| status.tasks.iter().any(|task| task.counts.late == 1 && task.waiting == 0));
    finish(pipeline);
    let facts = cluster.facts();
    let of = |topic| facts.iter().filter(move |fact| fact.0 == topic).map(|fact| fact.5.split(" at ").next().unwrap());
    let mut reasons: Vec<&str> = of(toy::DEAD).map(|body| body.split(": ").nth(1).unwrap()).collect();
    reasons.sort_unstable();
    let expected = ["key is not UTF-8", "misplaced key", "no number", "null key", "unknown schema", "unknown schema"];
    assert_eq!(reasons, expected);
    assert!(of(toy::DEAD).all(|body| body.starts_with("count: ")), "the stage is named");
    assert_eq!(of(toy::LATE).count(), 1);
    assert_eq!(of(toy::TOTALS).count(), 2, "one reading, one silence");
}

#[test]
fn a_start_that_cannot_go_well_is_refused_with_what_mends_it() {
    let Some(cluster) = Cluster::new("start", 2, 2) else { return };
    let error = |topology: &_, units: &[&'static str]| {
        runtime::start(&cluster.config(Order::EventTime, None), topology, &codec(), units).unwrap_err().to_string()
    };
    let world = cluster.world.name().unwrap();
    let found = error(&toy::topology(3, 2), &[UNIT]);
    assert!(found.contains("has 2 partitions, the pipeline needs 3") && found.contains(&format!("--world {world}")), "{found}");
    let mut more = cluster.topology.clone();
    more.late = "nowhere";
    let found = error(&more, &[UNIT]);
    assert!(found.contains(&format!("`{world}.nowhere` is missing: `topics apply --world {world}`")), "{found}");
    assert!(error(&cluster.topology, &["half"]).contains("`half` is no unit"));

    // A task that has promised has run before: without its group's offsets it must not begin anew.
    cluster.declare(&["meters"]);
    let pipeline = start(&cluster, Order::EventTime, None);
    cluster.publish("meters", &toy::readings(5, 50));
    cluster.wait_complete(&pipeline);
    finish(pipeline);
    cluster.delete_group(UNIT);
    let found = start(&cluster, Order::EventTime, None).wait().unwrap_err().to_string();
    assert!(found.contains("has run before, but its group has no committed offset here"), "{found}");
}
