//! Shards whose transactional ids others take, again and again: each goes on with a new log, and nothing shows it.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it the test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::time::{Duration, Instant};

use cluster::{Cluster, PATIENCE};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};
use slipstream_streams::buffer::Order;
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::status::Phase;
use toy::{UNIT, codec};

const SHARDS: usize = 3;
/// How often an id is taken.
const TAKEN: usize = 9;
/// How long the readings are played.
const PLAYED: Duration = Duration::from_secs(6);

/// Takes the transactional id of a shard, as a second process of its name would.
fn take(cluster: &Cluster, shard: usize) {
    let id = cluster.world.member(UNIT, "fenced", shard);
    let mut config = ClientConfig::new();
    let thief: BaseProducer = config.set("bootstrap.servers", &cluster.bootstrap).set("transactional.id", id).create().unwrap();
    thief.init_transactions(PATIENCE).unwrap();
}

fn reopened(pipeline: &Handle) -> u64 {
    pipeline.status().iter().map(|shard| shard.reopened).sum()
}

#[test]
fn shards_that_are_fenced_again_and_again_go_on() {
    let Some(cluster) = Cluster::new("fenced", 4, 3) else { return };
    cluster.declare(&["meters"]);
    let config = Config { shards: SHARDS, ..cluster.config(Order::EventTime, Some("fenced")) };
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    let readings = toy::readings(43, 3_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let began = Instant::now();
            let due = |at: i64| PLAYED.mul_f64((at - toy::START) as f64 / toy::LENGTH as f64);
            cluster.publish_paced("meters", &readings, &mut |at| due(at).saturating_sub(began.elapsed()));
        });
        for turn in 0..TAKEN {
            let (shard, before) = (turn % SHARDS, reopened(&pipeline));
            cluster.wait_for(&pipeline, |status| status.shard == shard && status.phase == Phase::Running);
            take(&cluster, shard);
            // Nothing is noticed any more once there is nothing to commit.
            cluster.wait_for(&pipeline, |status| status.complete || reopened(&pipeline) > before);
        }
    });
    cluster.wait_complete(&pipeline);
    assert!(reopened(&pipeline) >= SHARDS as u64, "{:#?}", pipeline.status());
    pipeline.stop();
    pipeline.wait().unwrap();
    cluster.assert_facts(&toy::oracle(&cluster.topology, &readings));
}
