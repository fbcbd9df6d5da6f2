//! How fast: a stateful stage through the broker, client and broker on the same cores. Run by hand:
//! `cargo test --release -p slipstream-broker --test wire speed -- --ignored --nocapture`

use std::time::{Duration, Instant};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer},
};

use crate::kit::{Bench, PATIENCE, drain};

const RECORDS: usize = 500_000;
const PARTITIONS: i32 = 6;
/// The stage commits this often.
const COMMIT: Duration = Duration::from_millis(100);

fn put(producer: &BaseProducer, topic: &str, partition: i32, key: &[u8], value: &[u8]) {
    let mut record = BaseRecord::to(topic).partition(partition).key(key).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_a_stateful_stage() {
    for size in [160, 1_024] {
        let bench = Bench::new();
        for topic in ["in", "out", "changelog"] {
            bench.topic(topic, PARTITIONS, &[]);
        }
        let value = vec![b'x'; size];
        let began = Instant::now();
        let producer =
            bench.producer(&[("linger.ms", "5"), ("batch.size", "262144"), ("queue.buffering.max.messages", "500000")]);
        for n in 0..RECORDS {
            put(&producer, "in", i32::try_from(n).unwrap() % PARTITIONS, format!("key{}", n % 50_000).as_bytes(), &value);
        }
        drain(&producer);
        report(size, "produced", RECORDS, began);

        let began = Instant::now();
        let commits = stage(&bench);
        report(size, &format!("read, written twice ({commits} commits)"), RECORDS, began);
    }
}

fn report(size: usize, what: &str, count: usize, began: Instant) {
    println!("{size} B: {what}: {:.0} records/s", count as f64 / began.elapsed().as_secs_f64());
}

/// Reads everything, writes an output and a changelog record for each, commits by time.
fn stage(bench: &Bench) -> usize {
    let settings = [("fetch.queue.backoff.ms", "5"), ("queued.max.messages.kbytes", "16384")];
    let consumer = bench.consumer("stage", &settings);
    consumer.subscribe(&["in"]).unwrap();
    let settings = [
        ("transactional.id", "stage"),
        ("transaction.timeout.ms", "10000"),
        ("linger.ms", "5"),
        ("batch.size", "262144"),
        ("queue.buffering.max.messages", "500000"),
    ];
    let producer = bench.producer(&settings);
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let (mut read, mut commits, mut last) = (0, 0, Instant::now());
    while read < RECORDS {
        if let Some(message) = consumer.poll(Duration::from_millis(10)) {
            let message = message.unwrap();
            let (key, value) = (message.key().unwrap(), message.payload().unwrap());
            put(&producer, "out", message.partition(), key, value);
            put(&producer, "changelog", message.partition(), key, value);
            read += 1;
        }
        if last.elapsed() >= COMMIT || read == RECORDS {
            commit(&consumer, &producer);
            (commits, last) = (commits + 1, Instant::now());
            if read < RECORDS {
                producer.begin_transaction().unwrap();
            }
        }
    }
    commits
}

fn commit(consumer: &rdkafka::consumer::BaseConsumer, producer: &BaseProducer) {
    drain(producer);
    let mut offsets = TopicPartitionList::new();
    for element in consumer.position().unwrap().elements() {
        if let Offset::Offset(_) = element.offset() {
            offsets.add_partition_offset(element.topic(), element.partition(), element.offset()).unwrap();
        }
    }
    if offsets.count() > 0 {
        producer.send_offsets_to_transaction(&offsets, &consumer.group_metadata().unwrap(), PATIENCE).unwrap();
    }
    producer.commit_transaction(PATIENCE).unwrap();
}
