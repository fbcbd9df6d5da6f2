//! The example `aggregate`, as a process: nothing lost and nothing doubled, whatever is done to it.
//!
//! Needs `SLIPSTREAM_TEST_KAFKA=host:port`; without it the tests say so and pass.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::Offset;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(90);
const PARTITIONS: i32 = 3;
const KEYS: u64 = 40;

/// Topics of one test, and what is written to them.
struct Stage {
    bootstrap: String,
    name: String,
    producer: BaseProducer,
    written: u64,
}

impl Stage {
    fn new(test: &str) -> Option<Self> {
        let Ok(bootstrap) = std::env::var("SLIPSTREAM_TEST_KAFKA") else {
            eprintln!("skipped: SLIPSTREAM_TEST_KAFKA names no cluster");
            return None;
        };
        let mark = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let producer = ClientConfig::new().set("bootstrap.servers", &bootstrap).set("linger.ms", "0").create().unwrap();
        let stage = Self { bootstrap, name: format!("{test}-{mark}"), producer, written: 0 };
        stage.make_input();
        Some(stage)
    }

    #[tokio::main(flavor = "current_thread")]
    async fn make_input(&self) {
        use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
        let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().unwrap();
        let input = format!("{}.in", self.name);
        let topic = NewTopic::new(&input, PARTITIONS, TopicReplication::Fixed(-1));
        admin.create_topics([&topic], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    }

    /// Starts a process; its state directory is its own.
    fn start(&self, state: &TempDir) -> Child {
        let here = std::env::current_exe().unwrap();
        let example = here.parent().and_then(Path::parent).unwrap().join("examples/aggregate");
        assert!(example.exists(), "`cargo test -p slipstream-streams` builds {}", example.display());
        let settings = [
            ("BOOTSTRAP", self.bootstrap.clone()),
            ("IN", format!("{}.in", self.name)),
            ("OUT", format!("{}.out", self.name)),
            ("GROUP", self.name.clone()),
            ("STATE_DIR", state.path().to_str().unwrap().to_owned()),
            ("THREADS", "1".to_owned()),
        ];
        Command::new(example).envs(settings).spawn().unwrap()
    }

    /// Writes records of amount 1, 2, 3, … over keys that are text, numbers and no text at all; each key has its partition,
    /// which is not the one that Kafka's own partitioner would choose.
    fn write(&mut self, records: u64) {
        for _ in 0..records {
            self.written += 1;
            let number = self.written % KEYS;
            let value = [&[0xFF; 8][..], &self.written.to_be_bytes(), b"payload"].concat();
            self.put((number % PARTITIONS as u64) as i32, &key(number), &value);
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    fn put(&self, partition: i32, key: &[u8], value: &[u8]) {
        let topic = format!("{}.in", self.name);
        self.producer.send(BaseRecord::to(&topic).partition(partition).key(key).payload(value)).map_err(|(e, _)| e).unwrap();
    }

    /// Reads what is committed on a topic until `count` records came, and a moment longer.
    fn committed(&self, topic: &str, count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", "reader").set("enable.auto.commit", "false");
        let reader: BaseConsumer = config.set("isolation.level", "read_committed").create().unwrap();
        let topic = format!("{}.{topic}", self.name);
        let deadline = Instant::now() + PATIENCE;
        let partitions = loop {
            let found = reader.fetch_metadata(Some(&topic), PATIENCE).unwrap().topics()[0].partitions().len() as i32;
            if found > 0 {
                break found;
            }
            assert!(Instant::now() < deadline, "no topic {topic}");
        };
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_range(&topic, 0, partitions - 1);
        list.set_all_offsets(Offset::Beginning).unwrap();
        reader.assign(&list).unwrap();
        let mut records = Vec::new();
        loop {
            match reader.poll(Duration::from_millis(500)) {
                Some(message) => {
                    let message = message.unwrap();
                    records.push((message.key().unwrap().to_vec(), message.payload().unwrap().to_vec()));
                }
                None if records.len() as u64 >= count => return records,
                None => assert!(Instant::now() < deadline, "{} of {count} records", records.len()),
            }
        }
    }

    /// Every record has its output, once, and in the order of its key.
    fn assert_exact(&self) {
        let mut expected: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        let mut sums: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for amount in 1..=self.written {
            let (count, sum) = sums.entry(amount % KEYS).or_default();
            *count += 1;
            *sum += amount;
            let value = [&[0xFF; 8][..], &amount.to_be_bytes(), b"payload"].concat();
            let total = [&count.to_be_bytes()[..], &sum.to_be_bytes(), &value].concat();
            expected.entry(key(amount % KEYS)).or_default().push(total);
        }
        let mut found: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for (key, value) in self.committed("out", self.written) {
            found.entry(key).or_default().push(value);
        }
        assert!(found == expected, "{} records differ from what {} inputs give", found.values().flatten().count(), self.written);
    }
}

fn key(number: u64) -> Vec<u8> {
    match number % 4 {
        0 => format!("key-{number}").into_bytes(),
        1 => format!("Schlüssel {number}").into_bytes(),
        2 => number.to_be_bytes().to_vec(),
        _ => vec![0xFF, 0xFE, number as u8],
    }
}

fn kill(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

/// Asks a process to end; it must do so by itself and without complaint.
fn terminate(mut process: Child) {
    assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
    assert!(process.wait().unwrap().success());
}

#[test]
fn a_killed_process_neither_loses_nor_doubles() {
    let Some(mut stage) = Stage::new("killed") else { return };
    let state = tempfile::tempdir().unwrap();
    let mut process = stage.start(&state);
    for round in 1..=4 {
        stage.write(500);
        // Somewhere in the middle of the round's work.
        stage.committed("out", stage.written - 500 + 100 * round);
        kill(&mut process);
        process = stage.start(&state);
    }
    stage.write(500);
    stage.assert_exact();
    terminate(process);
}

#[test]
fn two_processes_share_and_one_takes_over() {
    let Some(mut stage) = Stage::new("shared") else { return };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = stage.start(&first);
    stage.write(500);
    let two = stage.start(&second);
    stage.write(1_000);
    stage.committed("out", 1_200);
    terminate(one);
    stage.write(500);
    stage.assert_exact();
    terminate(two);
}

#[test]
fn a_value_without_an_amount_is_set_aside() {
    let Some(mut stage) = Stage::new("short") else { return };
    let state = tempfile::tempdir().unwrap();
    let process = stage.start(&state);
    stage.write(50);
    stage.put(1, b"key", b"too short");
    stage.write(50);
    stage.assert_exact();
    let refused = stage.committed("refused", 1);
    let text = String::from_utf8_lossy(&refused[0].1);
    assert!(text.contains(".in/1 offset ") && text.contains("no amount") && text.ends_with("\ntoo short"), "{text}");
    terminate(process);
}
