//! At low load a commit follows its record at once. Alone in its binary, so that no other test disturbs it.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it the test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::time::Duration;

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::runtime;
use toy::{UNIT, codec};

/// A record in flight at the commit costs rdkafka 100 ms; draining first costs a few.
const COMMIT_P50_MAX: Duration = Duration::from_millis(20);
/// Times that a busy machine may be slow in a row.
const ROUNDS: usize = 5;

#[test]
fn no_commit_stalls_on_the_flush() {
    let Some(cluster) = Cluster::new("latency", 1, 1) else { return };
    let pipeline = runtime::start(&cluster.config(Order::Arrival, None), &cluster.topology, &codec(), &[UNIT]).unwrap();
    cluster.wait_for(&pipeline, |status| !status.tasks.is_empty());
    let mut medians = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..100 {
            let before = pipeline.status()[0].commits;
            let at = toy::START + (round * 100 + number) as i64;
            cluster.write(toy::READINGS, 0, at, Some(b"street:1"), b"\0\x015");
            cluster.wait_for(&pipeline, |status| status.commits > before);
        }
        medians.push(pipeline.status()[0].commit_time(0.5));
        if medians.last().is_some_and(|median| *median < COMMIT_P50_MAX) {
            break;
        }
    }
    println!("commit p50 by round: {medians:?}, p99 {:?}", pipeline.status()[0].commit_time(0.99));
    assert!(medians.iter().any(|median| *median < COMMIT_P50_MAX), "{medians:?}");
    pipeline.stop();
    pipeline.wait().unwrap();
}
