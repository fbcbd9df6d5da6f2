//! Produce, consume, groups, transactions.

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
    error::KafkaError,
    producer::Producer,
};
use slipstream_broker::{DevBroker, Options};

use crate::kit::{Bench, PATIENCE, eventually, held, poll_until, send};

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

#[test]
fn an_open_transaction_holds_later_records_back() {
    let bench = Bench::new();
    bench.topic("out", 1, &[]);
    let open = bench.transactional("open");
    open.begin_transaction().unwrap();
    send(&open, "out", 0, ["t1"]);
    send(&bench.producer(&[]), "out", 0, ["plain"]);
    assert_eq!(bench.values("out", 0, "read_committed"), [""; 0]);
    assert_eq!(bench.values("out", 0, "read_uncommitted"), ["t1", "plain"]);
    open.commit_transaction(PATIENCE).unwrap();
    assert_eq!(bench.values("out", 0, "read_committed"), ["t1", "plain"]);
}

#[test]
fn a_zombie_is_fenced_and_its_records_never_happened() {
    let bench = Bench::new();
    bench.topic("out", 1, &[]);
    let zombie = bench.transactional("same");
    zombie.begin_transaction().unwrap();
    send(&zombie, "out", 0, ["zombie"]);
    let heir = bench.transactional("same");
    heir.begin_transaction().unwrap();
    send(&heir, "out", 0, ["heir"]);
    heir.commit_transaction(PATIENCE).unwrap();
    let error = zombie.commit_transaction(PATIENCE).unwrap_err();
    assert!(matches!(&error, KafkaError::Transaction(e) if e.is_fatal()), "{error}");
    assert_eq!(bench.values("out", 0, "read_committed"), ["heir"]);
}

#[test]
fn a_dead_producers_transaction_ends_at_its_timeout() {
    let bench = Bench::new();
    bench.topic("out", 1, &[]);
    let settings = [("transactional.id", "dead"), ("transaction.timeout.ms", "1000"), ("socket.timeout.ms", "1000")];
    let dead = bench.producer(&settings);
    dead.init_transactions(PATIENCE).unwrap();
    dead.begin_transaction().unwrap();
    send(&dead, "out", 0, ["lost"]);
    send(&bench.producer(&[]), "out", 0, ["kept"]);
    eventually(|| bench.values("out", 0, "read_committed") == ["kept"]);
    assert!(dead.commit_transaction(PATIENCE).is_err());
}

#[test]
fn two_members_share_by_range_and_the_last_one_takes_all() {
    let bench = Bench::new();
    bench.topic("a", 4, &[]);
    bench.topic("b", 4, &[]);
    let (first, second) = (bench.consumer("g", &[]), bench.consumer("g", &[]));
    first.subscribe(&["a", "b"]).unwrap();
    poll_until(&[&first], || held(&first).len() == 8);
    second.subscribe(&["a", "b"]).unwrap();
    poll_until(&[&first, &second], || held(&first).len() == 4 && held(&second).len() == 4);
    let partitions = |held: Vec<String>, topic: &str| {
        held.into_iter().filter_map(|p| p.strip_prefix(topic).map(str::to_owned)).collect::<Vec<_>>()
    };
    for member in [&first, &second] {
        assert_eq!(partitions(held(member), "a/"), partitions(held(member), "b/"), "range keeps equal partitions together");
    }
    drop(second);
    poll_until(&[&first], || held(&first).len() == 8);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let bench = Bench::new();
    bench.topic("a", 4, &[]);
    let stays = bench.consumer("g", &[("group.instance.id", "one")]);
    let goes = bench.consumer("g", &[("group.instance.id", "two")]);
    stays.subscribe(&["a"]).unwrap();
    goes.subscribe(&["a"]).unwrap();
    poll_until(&[&stays, &goes], || held(&stays).len() == 2 && held(&goes).len() == 2);
    let (before, share) = (stays.group_metadata().unwrap(), held(&goes));
    drop(goes);
    let back = bench.consumer("g", &[("group.instance.id", "two")]);
    back.subscribe(&["a"]).unwrap();
    poll_until(&[&stays, &back], || held(&back) == share);
    assert_eq!(held(&stays).len(), 2);
    // The generation that the other member holds is still good for a commit.
    let producer = bench.transactional("t");
    producer.begin_transaction().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("a", 0, Offset::Offset(0)).unwrap();
    producer.send_offsets_to_transaction(&offsets, &before, PATIENCE).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
}

#[test]
fn a_stale_generation_cannot_commit_offsets() {
    let bench = Bench::new();
    bench.topic("a", 2, &[]);
    let (first, second) = (bench.consumer("g", &[]), bench.consumer("g", &[]));
    first.subscribe(&["a"]).unwrap();
    poll_until(&[&first], || held(&first).len() == 2);
    let stale = first.group_metadata().unwrap();
    second.subscribe(&["a"]).unwrap();
    poll_until(&[&first, &second], || held(&second).len() == 1);
    let producer = bench.transactional("t");
    producer.begin_transaction().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("a", 0, Offset::Offset(7)).unwrap();
    let error = producer.send_offsets_to_transaction(&offsets, &stale, PATIENCE).unwrap_err();
    assert!(matches!(&error, KafkaError::Transaction(e) if e.txn_requires_abort()), "{error}");
    producer.abort_transaction(PATIENCE).unwrap();
}

#[test]
fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let mut bench = Bench::with(options());
    bench.topic("kept", 1, &[("cleanup.policy", "compact")]);
    let producer = bench.transactional("t");
    for (values, commit) in [(["a", "b"], true), (["x", "y"], false)] {
        producer.begin_transaction().unwrap();
        send(&producer, "kept", 0, values);
        if commit { producer.commit_transaction(PATIENCE).unwrap() } else { producer.abort_transaction(PATIENCE).unwrap() }
    }
    let consumer = bench.consumer("g", &[]);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("kept", 0, Offset::Offset(2)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, "kept", 0, ["open"]);
    drop(consumer);
    bench.stop();

    let bench = Bench::with(options());
    assert_eq!(bench.values("kept", 0, "read_uncommitted"), ["a", "b", "x", "y", "open"]);
    assert_eq!(bench.values("kept", 0, "read_committed"), ["a", "b"]);
    let mut asked = TopicPartitionList::new();
    asked.add_partition("kept", 0);
    let committed = bench.consumer("g", &[]).committed_offsets(asked, PATIENCE).unwrap();
    assert_eq!(committed.find_partition("kept", 0).unwrap().offset(), Offset::Offset(2));
    let heir = bench.transactional("t");
    heir.begin_transaction().unwrap();
    send(&heir, "kept", 0, ["c"]);
    heir.commit_transaction(PATIENCE).unwrap();
    assert_eq!(bench.values("kept", 0, "read_committed"), ["a", "b", "c"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let bench = Bench::new();
    let port: u16 = bench.servers.rsplit(':').next().unwrap().parse().unwrap();
    for options in
        [Options { port: Some(port), ..Options::default() }, Options { registry_port: Some(port), ..Options::default() }]
    {
        let kind = if options.port.is_some() { "Kafka" } else { "Schema Registry" };
        let error = bench.runtime.block_on(DevBroker::start(options)).err().unwrap().to_string();
        assert!(error.contains(kind) && error.contains(&port.to_string()), "{error}");
    }
}
