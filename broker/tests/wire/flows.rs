//! Produce, consume, groups, transactions.

use rdkafka::{Offset, TopicPartitionList, consumer::Consumer, producer::Producer};

use crate::kit::{Bench, PATIENCE, held, poll_until, send};

#[test]
fn what_is_produced_is_consumed() {
    let bench = Bench::new();
    bench.topic("plain", 2, &[]);
    let producer = bench.producer(&[("compression.type", "lz4")]);
    send(&producer, "plain", 0, ["a", "b", "c"]);
    send(&producer, "plain", 1, ["d"]);
    assert_eq!(bench.values("plain", 0, "read_committed"), ["a", "b", "c"]);
    assert_eq!(bench.values("plain", 1, "read_committed"), ["d"]);
}

#[test]
fn a_commit_shows_output_and_offsets_together() {
    let bench = Bench::new();
    bench.topic("in", 1, &[]);
    bench.topic("out", 1, &[]);
    send(&bench.producer(&[]), "in", 0, ["1", "2", "3"]);
    let consumer = bench.consumer("g", &[]);
    consumer.subscribe(&["in"]).unwrap();
    poll_until(&[&consumer], || !held(&consumer).is_empty());
    let producer = bench.transactional("t");
    producer.begin_transaction().unwrap();
    send(&producer, "out", 0, ["x", "y"]);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("in", 0, Offset::Offset(3)).unwrap();
    producer.send_offsets_to_transaction(&offsets, &consumer.group_metadata().unwrap(), PATIENCE).unwrap();
    assert_eq!(bench.values("out", 0, "read_committed"), [""; 0]);
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(bench.values("out", 0, "read_committed"), ["x", "y"]);
    let committed = consumer.committed(PATIENCE).unwrap();
    assert_eq!(committed.find_partition("in", 0).unwrap().offset(), Offset::Offset(3));
}

#[test]
fn an_abort_shows_nothing() {
    let bench = Bench::new();
    bench.topic("out", 1, &[]);
    let producer = bench.transactional("t");
    for (values, commit) in [(["a", "b"], true), (["c", "d"], false), (["e", "f"], true)] {
        producer.begin_transaction().unwrap();
        send(&producer, "out", 0, values);
        if commit { producer.commit_transaction(PATIENCE).unwrap() } else { producer.abort_transaction(PATIENCE).unwrap() }
    }
    assert_eq!(bench.values("out", 0, "read_committed"), ["a", "b", "e", "f"]);
    assert_eq!(bench.values("out", 0, "read_uncommitted"), ["a", "b", "c", "d", "e", "f"]);
}
