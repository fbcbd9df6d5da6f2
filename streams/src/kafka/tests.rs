//! A log that goes, wherever it stands with its group, is gone, and one that owns nothing waits for nothing: on a real cluster. What
//! a commit is refused with keeps its class: on the client's own mock of a cluster, which refuses as it is told.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it every test of the first kind says so and passes.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{Connection, KafkaLog, Member};
use crate::admin::block_on;
use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Offsets, Outgoing, Rebalance, Watermarks};

/// Longest time that the group may take; a member that nobody hears from any more is dropped after 6 s.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest time for a log to go.
const GONE: Duration = Duration::from_secs(3);

/// Partitions of a topic; and enough of them that the client is not done with them when it is asked for something else.
const PARTITIONS: usize = 2;
const MANY_PARTITIONS: usize = 400;

/// A topic, and who reads it.
struct Readers {
    connection: Connection,
    topic: String,
    is_static: bool,
}

impl Readers {
    fn new(is_static: bool) -> Option<Self> {
        Self::of(PARTITIONS, is_static)
    }

    fn of(partitions: usize, is_static: bool) -> Option<Self> {
        let Ok(bootstrap) = std::env::var("SLIPSTREAM_TEST_KAFKA") else {
            eprintln!("skipped: SLIPSTREAM_TEST_KAFKA names no cluster");
            return None;
        };
        let connection = Connection::plain(&bootstrap);
        let topic = format!("going.{}", uuid::Uuid::new_v4().simple());
        let admin: AdminClient<DefaultClientContext> = connection.client().create().unwrap();
        let new = NewTopic::new(&topic, i32::try_from(partitions).unwrap(), TopicReplication::Fixed(1));
        block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
        Some(Self { connection, topic, is_static })
    }

    fn open(&self, name: &str) -> KafkaLog {
        let member = Member {
            group: self.topic.clone(),
            topics: vec![self.topic.clone()],
            transactional_id: format!("{}.{name}", self.topic),
            is_static: self.is_static,
        };
        KafkaLog::open(&self.connection, &member, Instant::now()).unwrap()
    }
}

/// Polls until the group says something that is wanted; what it says else is answered.
fn until(log: &mut KafkaLog, others: &mut [&mut KafkaLog], wanted: impl Fn(&Rebalance) -> bool) -> Rebalance {
    let began = Instant::now();
    loop {
        log.poll(1, Duration::from_millis(10), &mut |_| {}).unwrap();
        while let Some(change) = log.rebalance() {
            if wanted(&change) {
                return change;
            }
            answer(log, &change);
        }
        for other in others.iter_mut() {
            other.poll(1, Duration::from_millis(10), &mut |_| {}).unwrap();
            while let Some(change) = other.rebalance() {
                answer(other, &change);
            }
        }
        assert!(began.elapsed() < PATIENCE, "the group says nothing");
    }
}

fn answer(log: &mut KafkaLog, change: &Rebalance) {
    match change {
        Rebalance::Assigned(places) => log.assign(&places.iter().map(|place| (place.clone(), 0)).collect::<Offsets>()).unwrap(),
        Rebalance::Revoked { .. } => log.unassign().unwrap(),
    }
}

fn is_gone(log: KafkaLog) {
    let began = Instant::now();
    drop(log);
    let took = began.elapsed();
    assert!(took < GONE, "gone after {took:?}");
}

fn all(change: &Rebalance) -> bool {
    matches!(change, Rebalance::Assigned(places) if places.len() == PARTITIONS)
}

/// A member that owns nothing asked for the ends of nothing for ten seconds, again and again, and heard of its group in between:
/// a world stood still so.
#[test]
fn the_ends_of_nothing_are_told_at_once() {
    let Some(readers) = Readers::new(false) else { return };
    let mut log = readers.open("a");
    let began = Instant::now();
    assert_eq!(log.watermarks(&[]).unwrap(), Watermarks::new());
    assert_eq!(log.ends(&[]), Offsets::new());
    assert!(began.elapsed() < GONE, "told after {:?}", began.elapsed());
}

/// A drill found it: the client asked such a partition to stop a second time, took the second answer for a mistake of its own, and
/// ended the process.
#[test]
fn a_partition_that_comes_and_goes_at_once_stops_once() {
    let Some(readers) = Readers::of(MANY_PARTITIONS, false) else { return };
    let mut log = readers.open("a");
    let assigned =
        until(&mut log, &mut [], |change| matches!(change, Rebalance::Assigned(places) if places.len() == MANY_PARTITIONS));
    for _ in 0..10 {
        answer(&mut log, &assigned);
        answer(&mut log, &assigned);
        log.unassign().unwrap();
    }
    is_gone(log);
}

fn with_an_assignment_that_was_not_answered(is_static: bool) {
    let Some(readers) = Readers::new(is_static) else { return };
    let mut log = readers.open("a");
    until(&mut log, &mut [], all);
    is_gone(log);
    until(&mut readers.open("a"), &mut [], all);
}

#[test]
fn with_an_assignment_that_was_not_answered_a_log_goes() {
    with_an_assignment_that_was_not_answered(false);
}

#[test]
fn with_an_assignment_that_was_not_answered_a_static_member_goes() {
    with_an_assignment_that_was_not_answered(true);
}

fn with_a_revocation_that_was_not_answered(is_static: bool) {
    let Some(readers) = Readers::new(is_static) else { return };
    let mut log = readers.open("a");
    let assigned = until(&mut log, &mut [], all);
    answer(&mut log, &assigned);
    let mut other = readers.open("b");
    until(&mut log, &mut [&mut other], |change| matches!(change, Rebalance::Revoked { .. }));
    is_gone(log);
    until(&mut other, &mut [], all);
}

#[test]
fn with_a_revocation_that_was_not_answered_a_log_goes() {
    with_a_revocation_that_was_not_answered(false);
}

#[test]
fn with_a_revocation_that_was_not_answered_a_static_member_goes() {
    with_a_revocation_that_was_not_answered(true);
}

/// What a commit of one record says when the cluster refuses to end the transaction with this.
fn refused_with(error: RDKafkaRespErr) -> LogError {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let connection = Connection::plain(&cluster.bootstrap_servers());
    let member = Member { group: "g".to_owned(), topics: Vec::new(), transactional_id: "id".to_owned(), is_static: false };
    let mut log = KafkaLog::open(&connection, &member, Instant::now()).unwrap();
    log.send(Outgoing { topic: "t", partition: 0, timestamp: None, key: b"k", value: Some(b"v"), headers: &[] }).unwrap();
    log.drain().unwrap();
    cluster.request_errors(RDKafkaApiKey::EndTxn, &[error]);
    log.commit(&Offsets::new()).unwrap_err()
}

// contract: S2-22 (unknown, beside those that have a name: the client's word on a refused commit)
#[test]
fn a_refused_commit_has_the_class_of_its_refusal() {
    let of = |error| refused_with(error).class();
    assert_eq!(of(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION), ErrorClass::Unknown);
    assert_eq!(of(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED), ErrorClass::Auth);
    assert_eq!(of(RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED), ErrorClass::Processing);
}
