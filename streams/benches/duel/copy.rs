//! The ceiling: what librdkafka does when nothing is computed and nothing kept.
//!
//!     IN ─► the same bytes ─► OUT, and once more to a changelog if asked to
//!
//! Writes each record `COPIES` times (1), of its value at most the first `BYTES`: as many bytes as the work it stands beside.
//! Runs as a process of its own (this binary with `copy` in `ROLE`), so that it is measured like the others.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::{number, setting};

const TIMEOUT: Duration = Duration::from_secs(10);
const COMMIT_AGE: Duration = Duration::from_millis(100);

/// Copies until it is killed. `KIND` is `idempotent`, `transactions` or `changelog`.
pub fn run() {
    let kind = setting("KIND");
    let (consumer, producer) = clients(kind != "idempotent");
    let (output, changelog) = (setting("OUT"), format!("{}.totals.changelog", setting("GROUP")));
    let (copies, bytes) = (number("COPIES", 1), number("BYTES", u64::MAX) as usize);
    let mut open: Option<Instant> = None;
    loop {
        for _ in 0..1000 {
            let Some(message) = consumer.poll(if open.is_some() { Duration::ZERO } else { Duration::from_millis(5) }) else {
                break;
            };
            let message = message.unwrap();
            if open.is_none() {
                open = Some(Instant::now());
                if kind != "idempotent" {
                    producer.begin_transaction().unwrap();
                }
            }
            (0..copies).for_each(|_| send(&producer, &output, &message, bytes));
            if kind == "changelog" {
                send(&producer, &changelog, &message, bytes);
            }
        }
        producer.poll(Duration::ZERO);
        if open.is_some_and(|since| since.elapsed() >= COMMIT_AGE) {
            commit(&consumer, &producer, kind != "idempotent");
            open = None;
        }
    }
}

fn clients(transactions: bool) -> (BaseConsumer, BaseProducer) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", setting("BOOTSTRAP")).set("socket.nagle.disable", "true");
    let mut producing = config.clone();
    producing.set("enable.idempotence", "true").set("linger.ms", "0.3").set("queue.buffering.max.messages", "1000000");
    if transactions {
        producing.set("transactional.id", setting("GROUP"));
    }
    let producer: BaseProducer = producing.create().unwrap();
    if transactions {
        producer.init_transactions(TIMEOUT).unwrap();
    }
    config.set("group.id", setting("GROUP")).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false").set("fetch.queue.backoff.ms", "5").set("queued.max.messages.kbytes", "16384");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[&setting("IN")]).unwrap();
    (consumer, producer)
}

fn send(producer: &BaseProducer, topic: &str, message: &BorrowedMessage<'_>, bytes: usize) {
    let value = message.payload().unwrap();
    let mut record = BaseRecord::to(topic).partition(message.partition()).payload(&value[..bytes.min(value.len())]);
    record.key = message.key();
    while let Err((error, back)) = producer.send(record) {
        assert!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "{error}");
        record = back;
        producer.poll(Duration::from_millis(1));
    }
}

fn commit(consumer: &BaseConsumer, producer: &BaseProducer, transactions: bool) {
    // Drained first: rdkafka's own flush waits 100 ms. A poll that waits would spin through its last millisecond.
    while producer.in_flight_count() > 0 {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        if producer.in_flight_count() == before {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    let position = consumer.position().unwrap();
    if transactions {
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&position, &group, TIMEOUT).unwrap();
        producer.commit_transaction(TIMEOUT).unwrap();
    } else {
        consumer.commit(&position, rdkafka::consumer::CommitMode::Sync).unwrap();
    }
}
