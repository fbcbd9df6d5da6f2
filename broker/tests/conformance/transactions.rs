//! Transactions: all or nothing for those who read committed, and nothing at all from a producer that was replaced.

use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::Producer as _;

use crate::Check;
use crate::kit::{
    GLANCE, PATIENCE, Producer, Site, answers, at, committed, committed_within, eventually, offsets, options, put, read_to_end,
    settle, values, wait,
};

pub(crate) const CHECKS: &[Check] = &[
    ("transaction of a silent producer is aborted at its timeout", timeout),
    ("offsets of an open transaction are unstable", unstable_offsets),
    ("stale generation cannot commit offsets in a transaction", stale_generation),
    ("transaction commits two topics and the offsets together", commit),
    ("abort is invisible to those who read committed", abort),
    ("open transaction holds back later records", last_stable_offset),
    ("last stable offset is never before the start", trimmed),
    ("offset committed during a transaction outlives the transaction's", overtaken),
    ("interleaved transactions end each in its own way", interleaved),
    ("control markers take offsets", markers),
    ("producer replaced by its successor is fenced", fenced),
    ("successor ends what its predecessor left open", takeover),
    ("empty transactions and many transactions", many),
];

/// How long a call that must not succeed is given.
const BRIEF: Duration = Duration::from_millis(1_500);

/// rdkafka's own commit stalls 100 ms while deliveries are outstanding, hence the drain.
fn commit_now(producer: &Producer) {
    answers(producer);
    producer.commit_transaction(PATIENCE).unwrap();
}

fn abort_now(producer: &Producer) {
    answers(producer);
    producer.abort_transaction(PATIENCE).unwrap();
}

/// Reads a topic to its end for one isolation level.
fn seen(site: &Site, topic: &str, isolation: &str) -> Vec<String> {
    values(&site.read(topic, isolation)).into_iter().map(str::to_owned).collect()
}

/// The end of a partition as a reader of this isolation level is told it.
fn end(site: &Site, topic: &str, isolation: &str) -> i64 {
    site.consumer("end", &[("isolation.level", isolation)]).fetch_watermarks(topic, 0, PATIENCE).unwrap().1
}

fn commit(site: &Site) {
    let input = site.topic("in", 1, &[]);
    let (left, right) = (site.topic("left", 1, &[]), site.topic("right", 2, &[]));
    put(&site.producer(&[]), &input, 0, &["1", "2", "3"]);
    let reader = site.consumer("group", &[("isolation.level", "read_committed")]);
    reader.subscribe(&[&input]).unwrap();
    assert_eq!(values(&read_to_end(&reader, 1)), ["1", "2", "3"]);

    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    put(&producer, &left, 0, &["l1", "l2"]);
    put(&producer, &right, 1, &["r1"]);
    producer.send_offsets_to_transaction(&at(&input, 0, 3), &reader.group_metadata().unwrap(), PATIENCE).unwrap();
    let outsider = site.consumer("group", &[("isolation.level", "read_uncommitted")]);
    assert_eq!(committed(&outsider, &input, 0), Ok(Offset::Invalid), "not before the commit");
    assert_eq!(seen(site, &left, "read_committed"), [""; 0]);

    commit_now(&producer);
    assert_eq!(seen(site, &left, "read_committed"), ["l1", "l2"]);
    assert_eq!(seen(site, &right, "read_committed"), ["r1"]);
    assert_eq!(committed(&reader, &input, 0), Ok(Offset::Offset(3)));
}

fn abort(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let input = site.topic("in", 1, &[]);
    let reader = site.consumer("group", &[]);
    reader.subscribe(&[&input]).unwrap();
    settle(&[&reader], &[&[0]]);
    reader.commit(&at(&input, 0, 1), CommitMode::Sync).unwrap();

    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    put(&producer, &topic, 0, &["a", "b"]);
    producer.send_offsets_to_transaction(&at(&input, 0, 9), &reader.group_metadata().unwrap(), PATIENCE).unwrap();
    abort_now(&producer);
    assert_eq!(seen(site, &topic, "read_committed"), [""; 0]);
    assert_eq!(seen(site, &topic, "read_uncommitted"), ["a", "b"]);
    assert_eq!(committed(&reader, &input, 0), Ok(Offset::Offset(1)), "the offsets went with the records");

    producer.begin_transaction().unwrap();
    put(&producer, &topic, 0, &["c"]);
    commit_now(&producer);
    assert_eq!(seen(site, &topic, "read_committed"), ["c"]);
    assert_eq!(seen(site, &topic, "read_uncommitted"), ["a", "b", "c"]);
}

fn last_stable_offset(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let plain = site.producer(&[]);
    put(&plain, &topic, 0, &["before"]);
    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    put(&producer, &topic, 0, &["open"]);
    put(&plain, &topic, 0, &["after"]);
    assert_eq!(seen(site, &topic, "read_committed"), ["before"]);
    assert_eq!(seen(site, &topic, "read_uncommitted"), ["before", "open", "after"]);
    assert_eq!((end(site, &topic, "read_committed"), end(site, &topic, "read_uncommitted")), (1, 3));

    commit_now(&producer);
    assert_eq!(seen(site, &topic, "read_committed"), ["before", "open", "after"]);
    assert_eq!((end(site, &topic, "read_committed"), end(site, &topic, "read_uncommitted")), (4, 4));
}

/// Records are deleted up to the middle of a transaction that is still open.
fn trimmed(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let (plain, producer) = (site.producer(&[]), site.transactional("id", &[]));
    put(&plain, &topic, 0, &["before"]);
    producer.begin_transaction().unwrap();
    put(&producer, &topic, 0, &["open"]);
    wait(site.admin().delete_records(&at(&topic, 0, 2), &options())).unwrap().find_partition(&topic, 0).unwrap().error().unwrap();
    assert_eq!(end(site, &topic, "read_committed"), 2);
    put(&plain, &topic, 0, &["after"]);
    assert_eq!((end(site, &topic, "read_committed"), end(site, &topic, "read_uncommitted")), (2, 3));
    commit_now(&producer);
    assert_eq!(seen(site, &topic, "read_committed"), ["after"]);
}

/// Of two commits the later one stands, though the earlier one's transaction ends after it.
fn overtaken(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let reader = site.consumer("group", &[]);
    reader.subscribe(&[&topic]).unwrap();
    settle(&[&reader], &[&[0]]);
    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    producer.send_offsets_to_transaction(&at(&topic, 0, 3), &reader.group_metadata().unwrap(), PATIENCE).unwrap();
    reader.commit(&at(&topic, 0, 4), CommitMode::Sync).unwrap();
    commit_now(&producer);
    assert_eq!(committed(&reader, &topic, 0), Ok(Offset::Offset(4)));
}

fn interleaved(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let (kept, dropped) = (site.transactional("kept", &[]), site.transactional("dropped", &[]));
    for round in 0..3 {
        kept.begin_transaction().unwrap();
        dropped.begin_transaction().unwrap();
        for part in ["x", "y"] {
            put(&dropped, &topic, 0, &[&format!("dropped {round}{part}")]);
            put(&kept, &topic, 0, &[&format!("kept {round}{part}")]);
        }
        // Once in either order of ending.
        if round == 1 {
            commit_now(&kept);
            abort_now(&dropped);
        } else {
            abort_now(&dropped);
            commit_now(&kept);
        }
    }
    let wanted = ["kept 0x", "kept 0y", "kept 1x", "kept 1y", "kept 2x", "kept 2y"];
    assert_eq!(seen(site, &topic, "read_committed"), wanted);
    assert_eq!(seen(site, &topic, "read_uncommitted").len(), 12);
}

fn markers(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let producer = site.transactional("id", &[]);
    for value in ["a", "b"] {
        producer.begin_transaction().unwrap();
        put(&producer, &topic, 0, &[value]);
        commit_now(&producer);
    }
    assert_eq!(offsets(&site.read(&topic, "read_committed")), [0, 2]);
    assert_eq!(offsets(&site.read(&topic, "read_uncommitted")), [0, 2], "a marker is nobody's record");
    assert_eq!(end(site, &topic, "read_committed"), 4);
}

fn is_fenced(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(cause) if matches!(cause.code(), Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch))
}

fn fenced(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let zombie = site.transactional("id", &[]);
    zombie.begin_transaction().unwrap();
    put(&zombie, &topic, 0, &["zombie"]);
    let heir = site.transactional("id", &[]);
    heir.begin_transaction().unwrap();
    put(&heir, &topic, 0, &["heir"]);

    let refusal = zombie.commit_transaction(PATIENCE).unwrap_err();
    assert!(is_fenced(&refusal), "{refusal}");
    assert!(zombie.client().fatal_error().is_some(), "for ever");
    commit_now(&heir);
    assert_eq!(seen(site, &topic, "read_committed"), ["heir"]);
    assert_eq!(seen(site, &topic, "read_uncommitted"), ["zombie", "heir"]);
}

fn takeover(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let gone = site.transactional("id", &[]);
    gone.begin_transaction().unwrap();
    put(&gone, &topic, 0, &["left open"]);
    drop(gone);
    assert_eq!(end(site, &topic, "read_committed"), 0, "open still");
    let heir = site.transactional("id", &[]);
    assert_eq!(end(site, &topic, "read_committed"), 2, "aborted by the heir's first call: the record and a marker");
    heir.begin_transaction().unwrap();
    put(&heir, &topic, 0, &["heir"]);
    commit_now(&heir);
    assert_eq!(seen(site, &topic, "read_committed"), ["heir"]);
}

/// The group has moved on while a member was away; what that member computed must not count.
fn stale_generation(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let output = site.topic("out", 1, &[]);
    let range = [("partition.assignment.strategy", "range"), ("heartbeat.interval.ms", "200")];
    let a = site.consumer("group", &range);
    a.subscribe(&[&topic]).unwrap();
    settle(&[&a], &[&[0, 1]]);
    let stale = a.group_metadata().unwrap();
    let b = site.consumer("group", &range);
    b.subscribe(&[&topic]).unwrap();
    eventually("one each", || {
        a.poll(GLANCE);
        b.poll(GLANCE);
        (crate::kit::held(&a).len() == 1 && crate::kit::held(&b).len() == 1).then_some(())
    });

    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    put(&producer, &output, 0, &["twice"]);
    let refusal = producer.send_offsets_to_transaction(&at(&topic, 0, 9), &stale, PATIENCE).unwrap_err();
    match &refusal {
        KafkaError::Transaction(cause) => assert!(cause.txn_requires_abort() && !cause.is_fatal(), "{refusal}"),
        other => panic!("{other}"),
    }
    abort_now(&producer);
    assert_eq!(seen(site, &output, "read_committed"), [""; 0]);
    assert_eq!(committed(&a, &topic, 0), Ok(Offset::Invalid));

    producer.begin_transaction().unwrap();
    producer.send_offsets_to_transaction(&at(&topic, 0, 5), &a.group_metadata().unwrap(), PATIENCE).unwrap();
    commit_now(&producer);
    assert_eq!(committed(&a, &topic, 0), Ok(Offset::Offset(5)), "the present generation may");
}

fn unstable_offsets(site: &Site) {
    let input = site.topic("in", 1, &[]);
    let reader = site.consumer("group", &[]);
    reader.subscribe(&[&input]).unwrap();
    settle(&[&reader], &[&[0]]);
    reader.commit(&at(&input, 0, 1), CommitMode::Sync).unwrap();
    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    producer.send_offsets_to_transaction(&at(&input, 0, 7), &reader.group_metadata().unwrap(), PATIENCE).unwrap();

    let careful = site.consumer("group", &[("isolation.level", "read_committed")]);
    let careless = site.consumer("group", &[("isolation.level", "read_uncommitted")]);
    assert!(committed_within(&careful, &input, 0, BRIEF).is_err(), "a careful reader has to wait");
    assert_eq!(committed(&careless, &input, 0), Ok(Offset::Offset(1)));
    commit_now(&producer);
    assert_eq!(committed(&careful, &input, 0), Ok(Offset::Offset(7)));
    assert_eq!(committed(&careless, &input, 0), Ok(Offset::Offset(7)));
}

fn timeout(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let silent = site.transactional("id", &[("transaction.timeout.ms", "2000")]);
    silent.begin_transaction().unwrap();
    put(&silent, &topic, 0, &["never"]);
    put(&site.producer(&[]), &topic, 0, &["waiting"]);
    assert_eq!(end(site, &topic, "read_committed"), 0);
    eventually("the broker aborts", || (end(site, &topic, "read_committed") == 3).then_some(()));
    assert_eq!(seen(site, &topic, "read_committed"), ["waiting"]);
    assert!(silent.commit_transaction(PATIENCE).is_err(), "too late");
    assert_eq!(seen(site, &topic, "read_committed"), ["waiting"]);
}

fn many(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let producer = site.transactional("id", &[]);
    producer.begin_transaction().unwrap();
    commit_now(&producer);
    let mut wanted = Vec::new();
    for n in 0..30 {
        let value = n.to_string();
        producer.begin_transaction().unwrap();
        put(&producer, &topic, n % 2, &[&value, &value]);
        if n % 3 == 0 {
            abort_now(&producer);
        } else {
            commit_now(&producer);
            wanted.extend([value.clone(), value]);
        }
    }
    let mut found = seen(site, &topic, "read_committed");
    found.sort_by_key(|value| value.parse::<i32>().unwrap());
    assert_eq!(found, wanted);
}
