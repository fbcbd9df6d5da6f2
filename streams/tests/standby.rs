//! A process that keeps warm copies of another's tasks takes over by reading a tail.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it the test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::plan::Limits;
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::status::{Phase, ShardStatus};
use toy::{UNIT, codec};

/// Every task of the toy: more could not be followed.
const TASKS: usize = 4 + 3;

fn start(cluster: &Cluster, instance: &str, standbys: usize) -> Handle {
    let limits = Limits { standbys, ..Limits::default() };
    let config = Config { limits, ..cluster.config(Order::EventTime, Some(instance)) };
    runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap()
}

fn status(pipeline: &Handle) -> ShardStatus {
    pipeline.status().into_iter().next().unwrap()
}

/// Rows that the second process had to read when the first one left while all was at rest.
fn read_at_takeover(test: &str, standbys: usize) -> Option<u64> {
    let cluster = Cluster::new(test, 4, 3)?;
    let records = toy::readings(31, 1_200);
    cluster.declare(&["meters"]);
    let first = start(&cluster, "first", 0);
    cluster.wait_for(&first, |shard| shard.tasks.len() == TASKS && shard.phase == Phase::Running);
    let second = start(&cluster, "second", standbys);
    cluster.wait_for(&second, |shard| !shard.tasks.is_empty() && shard.phase == Phase::Running);
    cluster.publish("meters", &records);
    cluster.wait_complete(&first);
    cluster.wait_complete(&second);
    let others = TASKS - status(&second).tasks.len();
    assert_eq!(status(&second).standbys, others.min(standbys));
    if standbys > 0 {
        // Nothing is written any more: what is there to follow is soon followed.
        let rows = || status(&second).followed;
        let mut last = (rows(), std::time::Instant::now());
        while last.0 == 0 || last.1.elapsed() < std::time::Duration::from_secs(1) {
            if rows() != last.0 {
                last = (rows(), std::time::Instant::now());
            }
            std::thread::yield_now();
        }
    }
    let before = status(&second).restored;
    first.stop();
    first.wait().unwrap();
    cluster.wait_for(&second, |shard| shard.tasks.len() == TASKS && shard.phase == Phase::Running);
    let read = status(&second).restored - before;
    second.stop();
    second.wait().unwrap();
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
    Some(read)
}

#[test]
fn a_standby_takes_over_by_reading_a_tail() {
    let Some(cold) = read_at_takeover("cold", 0) else { return };
    let warm = read_at_takeover("standby", TASKS).unwrap();
    assert!(cold > 100 && warm == 0, "{cold} rows read without copies, {warm} with them");
}
