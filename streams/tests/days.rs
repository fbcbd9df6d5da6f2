//! Bad days on a real cluster: somebody deletes, makes anew or changes topics, retention eats input, a record is too large,
//! a restore takes longer than the group waits. Each ends, or goes on, in a way that is said; docs/BAD-DAYS.md is the table.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test says so and passes.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod cluster;
mod toy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster::Cluster;
use slipstream_streams::buffer::Order;
use slipstream_streams::codec::Poison;
use slipstream_streams::errors::ErrorClass;
use slipstream_streams::kafka::Connection;
use slipstream_streams::partition::of_key;
use slipstream_streams::processor::{Cx, Processor};
use slipstream_streams::record::Record;
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::status::Phase;
use toy::{UNIT, codec};

/// A world in which everything there is was processed, and what runs it.
fn settled(test: &str, more: &[(&str, &str)], state: Option<&Path>) -> Option<(Cluster, Handle)> {
    let cluster = Cluster::new(test, 4, 3)?;
    cluster.declare(&["meters"]);
    let pipeline = start(&cluster, more, state);
    cluster.publish("meters", &toy::readings(41, 300));
    cluster.wait_complete(&pipeline);
    Some((cluster, pipeline))
}

/// Starts with further settings of the client.
fn start(cluster: &Cluster, more: &[(&str, &str)], state: Option<&Path>) -> Handle {
    let with = |connection: Connection, (name, value): &(&str, &str)| connection.with(name, value).unwrap();
    let connection = more.iter().fold(Connection::plain(&cluster.bootstrap), with);
    let instance = state.map(|_| "days");
    let config = Config { connection, state: state.map(Path::to_owned), ..cluster.config(Order::EventTime, instance) };
    runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap()
}

fn finish(pipeline: Handle) {
    pipeline.stop();
    pipeline.wait().unwrap();
}

/// So that the test need not wait for what happens by itself within 10 s.
const ATTENTIVE: [(&str, &str); 1] = [("topic.metadata.refresh.interval.ms", "300")];

fn assert_says(said: &str, wanted: &[&str]) {
    assert!(wanted.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn partitions_added_under_the_feet_end_it_before_a_key_is_read_in_two_places() {
    let Some((cluster, pipeline)) = settled("added", &ATTENTIVE, None) else { return };
    cluster.add_partitions(toy::READINGS, 5);
    let name = cluster.world.topic(toy::READINGS);
    assert_says(&cluster.reason(pipeline), &[&name, "/4: the pipeline needs 4 partitions", "`topics delete --world"]);
}

#[test]
fn an_input_deleted_under_the_feet_is_named() {
    let Some((cluster, pipeline)) = settled("deleted", &ATTENTIVE, None) else { return };
    cluster.delete_topic(toy::READINGS);
    let (said, met) = cluster.end(pipeline);
    assert_says(&said, &[&cluster.world.topic(toy::READINGS), "deleted", "topics apply"]);
    assert!(met.of(ErrorClass::Resource) > 0, "{met:?}");
}

#[test]
fn an_input_made_anew_is_not_taken_for_the_old_one() {
    let Some((cluster, pipeline)) = settled("anew", &[], None) else { return };
    finish(pipeline);
    cluster.delete_topic(toy::READINGS);
    cluster.make_topic(toy::READINGS, 4, ("retention.ms", "-1"));
    let said = cluster.reason(start(&cluster, &[], None));
    // Kafka forgets a group's offsets together with the topic.
    let wanted = ["`count` has run before, but its group has no committed offset here", "its topic was made anew"];
    assert_says(&said, &[&[cluster.world.topic(toy::READINGS).as_str()][..], &wanted].concat());
}

/// Whether the client hears first of the topic that went or of the one that came.
#[test]
fn an_input_made_anew_under_the_feet_ends_it() {
    let Some((cluster, pipeline)) = settled("swapped", &ATTENTIVE, None) else { return };
    cluster.delete_topic(toy::READINGS);
    cluster.make_topic(toy::READINGS, 4, ("retention.ms", "-1"));
    let said = cluster.reason(pipeline);
    assert_says(&said, &[&cluster.world.topic(toy::READINGS)]);
    assert!(["was deleted", "made anew"].iter().any(|what| said.contains(what)), "{said}");
}

#[test]
fn input_that_retention_ate_before_it_was_read_is_counted_not_skipped() {
    let Some((cluster, pipeline)) = settled("eaten", &[], None) else { return };
    finish(pipeline);
    let home = of_key(b"street1:1", 4);
    for _ in 0..3 {
        cluster.write(toy::READINGS, home, toy::START + 10 * toy::LENGTH, Some(b"street1:1"), b"\0\x015");
    }
    cluster.eat(toy::READINGS, home);
    let said = cluster.reason(start(&cluster, &[], None));
    let place = format!("{}/{home}: ", cluster.world.topic(toy::READINGS));
    assert_says(&said, &[&place, "3 records went by retention before they were processed", "lengthen its retention.ms"]);
}

#[test]
fn a_changelog_with_a_foreign_row_is_refused_by_its_place() {
    let Some((cluster, pipeline)) = settled("foreign", &[], None) else { return };
    finish(pipeline);
    cluster.write("sum.sums.changelog", 1, toy::START, Some(b"street1"), b"\x07what is this");
    let said = cluster.reason(start(&cluster, &[], None));
    let place = format!("{}/1 offset ", cluster.world.topic("sum.sums.changelog"));
    assert_says(&said, &[&place, "a row that this version of the runtime did not write", "drop the world"]);
}

#[test]
fn a_copy_on_disk_gives_way_to_a_changelog_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let Some((cluster, pipeline)) = settled("renewed", &[], Some(home.path())) else { return };
    finish(pipeline);
    cluster.delete_topic("sum.sums.changelog");
    cluster.make_topic("sum.sums.changelog", 3, ("cleanup.policy", "compact"));
    // As long as the old one, so that only its content tells.
    cluster.write_many("sum.sums.changelog", 0, 1_000);
    let again = start(&cluster, &[], Some(home.path()));
    cluster.wait_for(&again, |shard| shard.phase == Phase::Running && shard.rebuilt > 0);
    finish(again);
    let third = start(&cluster, &[], Some(home.path()));
    cluster.wait_for(&third, |shard| shard.phase == Phase::Running);
    assert_eq!(third.status()[0].rebuilt, 0, "once is enough");
    finish(third);
}

/// In arrival order, where a record moves state whenever it comes.
#[test]
fn a_changelog_made_anew_under_the_feet_ends_it() {
    let Some(cluster) = Cluster::new("under", 1, 1) else { return };
    cluster.declare(&[]);
    let config = cluster.config(Order::Arrival, None);
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    let reading = |n: i64| cluster.write(toy::READINGS, 0, toy::START + n, Some(b"street1:1"), b"\0\x015");
    (0..20).for_each(reading);
    cluster.wait_records(&pipeline, 40);
    cluster.delete_topic("count.counts.changelog");
    cluster.make_topic("count.counts.changelog", 1, ("cleanup.policy", "compact"));
    (20..25).for_each(reading);
    let name = cluster.world.topic("count.counts.changelog");
    assert_says(&cluster.reason(pipeline), &[&name, "made anew under the pipeline", "start it anew"]);
}

/// Writes as many bytes as the record says.
struct Wordy;

impl Processor for Wordy {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let bytes = String::from_utf8_lossy(record.body.as_deref().unwrap()).parse().unwrap();
        let key = cx.key().to_owned();
        cx.emit(toy::TOTALS, &key, 2, Some(vec![b'x'; bytes]));
        Ok(())
    }
}

// contract: S2-22 (resource: set aside, and where nothing may be passed over the end)
#[test]
fn a_record_larger_than_its_topic_takes_ends_it_and_one_larger_than_any_is_a_dead_letter() {
    let Some(mut cluster) = Cluster::new("large", 1, 1) else { return };
    cluster.delete_topic(toy::TOTALS);
    cluster.make_topic(toy::TOTALS, 1, ("max.message.bytes", "2000"));
    cluster.topology.stages.truncate(1);
    cluster.topology.stages[0].make = Arc::new(|| Box::new(Wordy));
    cluster.declare(&[]);
    let connection = Connection::plain(&cluster.bootstrap).with("compression.type", "none").unwrap();
    let config = Config { connection, ..cluster.config(Order::Arrival, None) };
    let pipeline = runtime::start(&config, &cluster.topology, &codec(), &[UNIT]).unwrap();
    cluster.write(toy::READINGS, 0, toy::START, Some(b"street1:1"), b"\0\x011000000");
    let refused = AtomicU64::new(0);
    cluster.wait_for(&pipeline, |shard| {
        let task = shard.tasks.iter().find(|task| task.counts.refused.contains_key("output too long"));
        task.inspect(|task| refused.store(task.counts.errors.of(ErrorClass::Resource), Ordering::Relaxed)).is_some()
    });
    cluster.write(toy::READINGS, 0, toy::START, Some(b"street1:1"), b"\0\x013000");
    let (said, met) = cluster.end(pipeline);
    assert_says(&said, &[&format!("{}/0: ", cluster.world.topic(toy::TOTALS)), "raise the topic's max.message.bytes"]);
    assert_eq!((refused.load(Ordering::Relaxed), met.of(ErrorClass::Resource)), (1, 1));
}

/// A restore that takes several times as long as the group waits for a poll: it goes on polling, and nobody takes its tasks away.
#[test]
fn a_restore_longer_than_the_poll_interval_keeps_the_assignment() {
    let Some(cluster) = Cluster::new("longrestore", 1, 1) else { return };
    cluster.declare(&["meters"]);
    let first = start(&cluster, &[], None);
    cluster.publish("meters", &toy::readings(43, 20));
    cluster.wait_complete(&first);
    finish(first);
    let again = start(&cluster, &[], None);
    cluster.wait_for(&again, |shard| shard.phase == Phase::Running);
    let rows = again.status()[0].restored;
    finish(again);
    let more: u64 = 100;
    cluster.write_many("sum.sums.changelog", 0, more);
    // One batch comes with each fetch, and the broker waits with it for more bytes than it may send.
    let slow = [
        ("max.poll.interval.ms", "2000"),
        ("session.timeout.ms", "2000"),
        ("fetch.message.max.bytes", "1"),
        ("fetch.min.bytes", "100000"),
        ("fetch.wait.max.ms", "50"),
    ];
    let begun = Instant::now();
    let pipeline = start(&cluster, &slow, None);
    cluster.wait_for(&pipeline, |shard| matches!(shard.phase, Phase::Restoring { .. }));
    cluster.wait_for(&pipeline, |shard| shard.phase == Phase::Running);
    let (status, took) = (pipeline.status().remove(0), begun.elapsed());
    assert!(took > Duration::from_secs(4), "the restore took {took:?} only");
    assert_eq!((status.restored, status.reopened, status.aborts), (rows + more, 0, 0), "each row was read once");
    finish(pipeline);
}
