//! The toy pipeline on a real cluster gives what the reference schedule gives, exactly once.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::runtime;
use slipstream_streams::source;
use toy::{UNIT, codec};

#[test]
fn event_time_order_gives_the_oracles_records() {
    let Some(cluster) = Cluster::new("plain", 4, 3) else { return };
    let records = toy::readings(1, 2_000);
    cluster.declare(&["meters"]);
    let pipeline = runtime::start(&cluster.config(Order::EventTime, None), &cluster.topology, &codec(), &[UNIT]).unwrap();
    cluster.publish("meters", &records);
    cluster.wait_complete(&pipeline);
    println!("{:?}", pipeline.status().iter().map(|s| (s.commits, s.aborts, s.commit_time(0.5))).collect::<Vec<_>>());
    pipeline.stop();
    pipeline.wait().unwrap();
    cluster.assert_facts(&toy::oracle(&cluster.topology, &records));
}
