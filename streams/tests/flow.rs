//! Flow control on a real cluster: a slow task slows its inputs down, and memory stays where the limits are.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::codec::Poison;
use slipstream_streams::partition::of_key;
use slipstream_streams::plan::Limits;
use slipstream_streams::processor::{Cx, Processor};
use slipstream_streams::record::Record;
use slipstream_streams::runtime::{self, Config, Handle};
use toy::{UNIT, codec};

/// What the backlog has; several times what the client may fetch ahead.
const RECORDS: i64 = 44_000;
const RECORD_BYTES: usize = 3_000;
/// How long the slow stage takes for a record.
const STEP: Duration = Duration::from_millis(2);
/// Most memory that reading may take: the client's queue (16 MiB, and what its buffers hold on to), fetches on their way, polls.
const MEMORY_MAX: usize = 72 << 20;

/// Memory is the process's, and each test floods the broker: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Takes its time, and writes little.
struct Slow;

impl Processor for Slow {
    fn process(&mut self, cx: &mut Cx<'_>, _record: &Record) -> Result<(), Poison> {
        std::thread::sleep(STEP);
        let key = cx.key().to_owned();
        cx.emit(toy::TOTALS, &key, 2, Some(b"done".to_vec()));
        Ok(())
    }
}

/// What the process has in memory, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Most memory that a slow stage takes, beside what was there before, while it does a second's work and more.
fn growth(cluster: &Cluster) -> (usize, Handle) {
    let mut topology = cluster.topology.clone();
    topology.stages.truncate(1);
    topology.stages[0].make = Arc::new(|| Box::new(Slow));
    let before = memory();
    let pipeline = runtime::start(&cluster.config(Order::Arrival, None), &topology, &codec(), &[UNIT]).unwrap();
    let most = AtomicUsize::new(0);
    cluster.wait_for(&pipeline, |shard| {
        most.fetch_max(memory(), Ordering::Relaxed);
        shard.tasks.iter().any(|task| task.counts.records >= 1_200)
    });
    (most.into_inner().saturating_sub(before), pipeline)
}

// contract: S2-07
#[test]
fn a_slow_stage_takes_no_more_memory_than_its_limits_and_hands_on_at_once_what_is_done() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cluster) = Cluster::new("slow", 1, 1) else { return };
    cluster.declare(&[]);
    let body = [&[0, 1][..], &[b'7'; RECORD_BYTES]].concat();
    cluster.flood(toy::READINGS, 0, "street:1", &body, RECORDS);
    let (bounded, pipeline) = growth(&cluster);
    let status = pipeline.status().remove(0);
    let done: u64 = status.tasks.iter().map(|task| task.counts.records).sum();
    assert!(status.commits * 100 >= done, "{done} records in {} commits: batches of at most 100", status.commits);
    assert_eq!((status.reopened, status.aborts), (0, 0));
    pipeline.stop();
    pipeline.wait().unwrap();
    let backlog = (RECORDS as usize * RECORD_BYTES) >> 20;
    println!("{} MiB of memory for a backlog of {backlog} MiB", bounded >> 20);
    assert!(bounded < MEMORY_MAX, "{} MiB for a backlog of {backlog} MiB", bounded >> 20);
}

/// One source floods, another says nothing: the task cannot go on, and its inputs are held back; then it can, and takes everything.
// contract: S2-07
#[test]
fn input_of_a_full_task_is_paused_and_resumed() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(cluster) = Cluster::new("held", 2, 2) else { return };
    const FLOOD: i64 = 20_000;
    cluster.declare(&["meters", "silent"]);
    let (key, home) = ("street1:1", of_key(b"street1:1", 2));
    cluster.flood(toy::READINGS, home, key, b"\0\x011", FLOOD);
    let limits = Limits { buffer_bytes: 1 << 20, ..Limits::default() };
    let config = Config { limits, ..cluster.config(Order::EventTime, None) };
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    cluster.wait_for(&pipeline, |shard| shard.held > 0);
    // Held back means that nothing more comes: twice the same, long after a fetch would have come.
    let waiting = || pipeline.status()[0].tasks.iter().map(|task| task.waiting).sum::<usize>();
    let (mut last, mut since) = (waiting(), Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        if waiting() != last {
            (last, since) = (waiting(), Instant::now());
        }
        std::thread::yield_now();
    }
    assert!((1_000..6_000).contains(&last), "{last} of {FLOOD} records wait in 1 MiB");
    cluster.publish("silent", &[]);
    cluster.publish("meters", &[toy::reading(0, toy::READINGS, toy::START + FLOOD, key, "3")]);
    cluster.wait_complete(&pipeline);
    let status = pipeline.status().remove(0);
    let counted: u64 = status.tasks.iter().filter(|task| task.stage == "count").map(|task| task.counts.records).sum();
    assert_eq!((counted, status.held, status.reopened), (FLOOD as u64 + 1, 0, 0));
    pipeline.stop();
    pipeline.wait().unwrap();
}
