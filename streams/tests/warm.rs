//! A process that comes back with its local state reads only the tail of its changelogs, and writes the same records.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::path::Path;

use cluster::{Cluster, kill_again_and_again};
use slipstream_streams::buffer::Order;
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::status::Phase;
use toy::{UNIT, codec};

fn start(cluster: &Cluster, state: &Path) -> Handle {
    let config = Config { state: Some(state.to_owned()), ..cluster.config(Order::EventTime, Some("warm")) };
    runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap()
}

/// Runs until everything is promised; returns changelog rows read and copies thrown away.
fn life(cluster: &Cluster, state: &Path) -> (u64, u64) {
    let pipeline = start(cluster, state);
    // A world that is complete is so before its rows are read again.
    cluster.wait_for(&pipeline, |shard| shard.complete && shard.phase == Phase::Running);
    let counts = pipeline.status().iter().map(|shard| (shard.restored, shard.rebuilt)).next().unwrap();
    pipeline.stop();
    pipeline.wait().unwrap();
    counts
}

/// Stores of the toy's tasks: each reads at least its last row again.
const STORES: u64 = 3 * (4 + 3);

#[test]
fn a_restart_reads_only_the_tail() {
    let Some(cluster) = Cluster::new("warm", 4, 3) else { return };
    let (records, home) = (toy::readings(11, 1_500), tempfile::tempdir().unwrap());
    cluster.declare(&["meters"]);
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish("meters", &records));
        assert_eq!(life(&cluster, home.path()).1, 0);
    });
    let (warm, rebuilt) = life(&cluster, home.path());
    assert!(warm <= STORES && rebuilt == 0, "{warm} rows read, {rebuilt} copies thrown away");
    let elsewhere = tempfile::tempdir().unwrap();
    let (cold, _) = life(&cluster, elsewhere.path());
    assert!(cold > 10 * STORES, "{cold} rows read without local state");

    spoil(home.path());
    let (read, rebuilt) = life(&cluster, home.path());
    assert!(rebuilt > 0 && read == cold, "{read} of {cold} rows read, {rebuilt} copies thrown away");
    let (warm, rebuilt) = life(&cluster, home.path());
    assert!(warm <= STORES && rebuilt == 0, "{warm} rows read, {rebuilt} copies thrown away");
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
}

/// Cuts every journal of the database in half.
fn spoil(path: &Path) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            spoil(&path);
        } else if path.extension().is_some_and(|extension| extension == "jnl") {
            let bytes = std::fs::read(&path).unwrap();
            let mut bytes = bytes;
            bytes[40] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

/// What the child of the next test is told: world and state directory.
const CHILD: &str = "SLIPSTREAM_TEST_WARM_CHILD";
/// How often it is killed.
const KILLS: usize = 5;

/// Not a test by itself: the worker that the next test kills. Says each commit, and how it began, on standard output.
#[test]
fn worker_that_is_killed() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (world, state) = told.split_once('|').unwrap();
    let cluster = Cluster::existing(world, 4, 3);
    let records = toy::readings(12, 1_000);
    let pipeline = start(&cluster, Path::new(state));
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.publish("meters", &records));
        let mut commits = 0;
        while !pipeline.status().iter().any(|shard| shard.complete) {
            let status = &pipeline.status()[0];
            (commits..status.commits).for_each(|_| println!("commit {} {}", status.restored, status.rebuilt));
            commits = status.commits;
            std::thread::yield_now();
        }
    });
    pipeline.stop();
    pipeline.wait().unwrap();
}

/// kill -9 at different commits, local state kept: nothing is rebuilt, and the records are the oracle's.
#[test]
fn a_killed_worker_goes_on_from_its_local_state() {
    let Some(cluster) = Cluster::new("warmkill", 4, 3) else { return };
    let home = tempfile::tempdir().unwrap();
    cluster.declare(&["meters"]);
    let told = format!("{}|{}", cluster.world.name().unwrap(), home.path().display());
    let warm = |said: &str| assert!(said.ends_with(" 0"), "local state was thrown away: {said}");
    kill_again_and_again(CHILD, &told, KILLS, |life| life * 5 % 13, warm);
    cluster.assert_facts(&toy::oracle(&cluster.topology, &toy::readings(12, 1_000)));
}
