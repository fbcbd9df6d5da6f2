//! The toy pipeline on a real cluster gives what the reference schedule gives, exactly once.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::runtime::{self, Handle};
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
    let records = toy::readings(1, 2_000);
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
    let records = toy::readings(2, 2_000);
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
    for life in 0..=KILLS {
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["worker_that_is_killed", "--exact", "--nocapture"])
            .env(CHILD, cluster.world.name().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(worker.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut commits = lines.filter(|line| line.starts_with("commit"));
        if life < KILLS {
            assert!(commits.nth(life * 7 % 17).is_some(), "life {life} ended by itself");
            worker.kill().unwrap();
            worker.wait().unwrap();
        } else {
            commits.for_each(drop);
            assert!(worker.wait().unwrap().success());
        }
    }
    cluster.assert_facts(&toy::oracle(&cluster.topology, &toy::readings(3, 2_000)));
}
