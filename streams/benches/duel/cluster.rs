//! The cluster as the umpire sees it: topics made and dropped, input written, committed work counted.
//!
//! It is the Kafka that was named, but while [`OnDevBroker`] lives.

use std::fs::read_to_string;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use slipstream_broker::{DevBroker, Options};
use tokio::sync::oneshot;

use crate::setting;

pub const PARTITIONS: i32 = 6;
pub const KEYS: u64 = 50_000;
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where the dev broker is, while everything is on it.
static DEV_BROKER: Mutex<Option<String>> = Mutex::new(None);

/// Everything is on a dev broker of this process, on a thread of its own, until this is dropped.
pub struct OnDevBroker(#[expect(dead_code, reason = "the broker ends with it")] oneshot::Sender<()>);

impl OnDevBroker {
    pub fn begin() -> Self {
        let ((started, address), (this, dropped)) = (mpsc::channel(), oneshot::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let broker = DevBroker::start(Options::default()).await.unwrap();
                started.send(broker.bootstrap()).unwrap();
                _ = dropped.await;
            });
        });
        *DEV_BROKER.lock().unwrap() = Some(address.recv().unwrap());
        Self(this)
    }
}

impl Drop for OnDevBroker {
    fn drop(&mut self) {
        *DEV_BROKER.lock().unwrap() = None;
    }
}

/// What clients take as `bootstrap.servers`.
pub fn address() -> String {
    DEV_BROKER.lock().unwrap().clone().unwrap_or_else(|| setting("SLIPSTREAM_TEST_KAFKA"))
}

/// The broker's process.
pub fn process() -> u32 {
    if DEV_BROKER.lock().unwrap().is_some() { std::process::id() } else { kafka() }
}

/// The one whose settings name the address.
fn kafka() -> u32 {
    let address = address();
    let serves = |process: &u32| {
        let command = read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let settings = command.split('\0').find(|word| word.ends_with("server.properties"));
        settings.is_some_and(|path| read_to_string(path).is_ok_and(|text| text.contains(&address)))
    };
    let names = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).find(serves).unwrap()
}

pub fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address()).set("enable.auto.commit", "false").set("group.id", "umpire");
    config.set("socket.nagle.disable", "true");
    config
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().unwrap()
}

/// Bytes that a topic of a long run keeps of each partition.
const KEPT_BYTES: &str = "100000000";

pub async fn make(topics: &[String]) {
    make_with(topics, &[]).await;
}

/// Topics that forget what is old, for a long run.
pub async fn make_short(topics: &[String]) {
    make_with(topics, &[("retention.bytes", KEPT_BYTES), ("segment.bytes", "25000000")]).await;
}

async fn make_with(topics: &[String], settings: &[(&str, &str)]) {
    if topics.is_empty() {
        return;
    }
    let mut new = Vec::new();
    for name in topics {
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        new.push(settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value)));
    }
    for made in admin().create_topics(&new, &AdminOptions::new()).await.unwrap() {
        made.unwrap();
    }
}

pub async fn drop_topics(topics: &[String]) {
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    // What a contender did not make is not there to be dropped.
    let dropped = admin().delete_topics(&names, &AdminOptions::new()).await;
    assert!(dropped.is_ok(), "{dropped:?}");
}

/// Every topic whose name begins like this.
pub fn topics_of(prefix: &str) -> Vec<String> {
    let metadata = admin().inner().fetch_metadata(None, TIMEOUT).unwrap();
    metadata.topics().iter().map(|topic| topic.name().to_owned()).filter(|name| name.starts_with(prefix)).collect()
}

/// Writes records to a topic: each at the partition of its key's number, with the time of sending in its first 8 bytes.
pub struct Loader {
    producer: BaseProducer,
    value: Vec<u8>,
    written: AtomicU64,
}

impl Loader {
    pub fn new(size: usize) -> Self {
        let mut config = client();
        config.set("linger.ms", "0.5").set("batch.size", "262144").set("queue.buffering.max.messages", "200000");
        // Bytes that no codec makes smaller.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let value = (0..size).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        Self { producer: config.create().unwrap(), value: value.collect(), written: AtomicU64::new(0) }
    }

    pub fn write(&mut self, topic: &str, key: u64) {
        self.write_as_of(topic, key, now_ns());
    }

    /// Writes a record that should have been sent at an instant.
    pub fn write_as_of(&mut self, topic: &str, key: u64, intended_ns: u64) {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.value[..8].copy_from_slice(&intended_ns.to_be_bytes());
        self.value[8..16].copy_from_slice(&(number % 1000).to_be_bytes());
        let key_text = format!("key-{key:010}");
        let partition = (key % PARTITIONS.unsigned_abs() as u64) as i32;
        let mut record = BaseRecord::to(topic).partition(partition).key(&key_text).payload(&self.value);
        while let Err((_, back)) = self.producer.send(record) {
            record = back;
            self.producer.poll(Duration::from_millis(1));
        }
        if number.is_multiple_of(1024) {
            self.producer.poll(Duration::ZERO);
        }
    }

    pub fn poll(&self, wait: Duration) {
        self.producer.poll(wait);
    }

    pub fn flush(&self) {
        self.producer.flush(Duration::from_secs(120)).unwrap();
    }
}

/// Fills a topic with records, each of any of `keys` keys.
pub fn fill(topic: &str, records: u64, keys: u64, size: usize) {
    let mut loader = Loader::new(size);
    (0..records).for_each(|number| loader.write(topic, scatter(number) % keys));
    loader.flush();
}

/// Fills a topic with one record of each of `keys` keys.
pub fn fill_each(topic: &str, keys: u64, size: usize) {
    let mut loader = Loader::new(size);
    (0..keys).for_each(|key| loader.write(topic, key));
    loader.flush();
}

/// Fills a topic with so many records of each of `keys` keys, then `records` more, each of any of these.
pub fn fill_joined(topic: &str, joined: u64, records: u64, keys: u64, size: usize) {
    let mut loader = Loader::new(size);
    (0..joined * keys).for_each(|number| loader.write(topic, number % keys));
    (0..records).for_each(|number| loader.write(topic, scatter(number) % keys));
    loader.flush();
}

/// SplitMix64: any number, always the same for the same one.
pub fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// How far a group has come.
pub struct Group(BaseConsumer, TopicPartitionList);

impl Group {
    pub fn new(group: &str, topic: &str) -> Self {
        let consumer = client().set("group.id", group).create().unwrap();
        let mut partitions = TopicPartitionList::new();
        (0..PARTITIONS).for_each(|partition| _ = partitions.add_partition(topic, partition));
        Self(consumer, partitions)
    }

    /// Records whose work is committed.
    pub fn committed(&self) -> u64 {
        let Ok(list) = self.0.committed_offsets(self.1.clone(), TIMEOUT) else { return 0 };
        list.elements().iter().filter_map(|e| e.offset().to_raw()).filter(|offset| *offset > 0).sum::<i64>().unsigned_abs()
    }
}

/// Records, markers included, that lie in a topic.
pub fn ends(topic: &str) -> u64 {
    let consumer: BaseConsumer = client().create().unwrap();
    let end = |partition| consumer.fetch_watermarks(topic, partition, TIMEOUT).map_or(0, |(_, high)| high.unsigned_abs());
    (0..PARTITIONS).map(end).sum()
}

/// A reader of what is committed, from now on.
pub fn reader(topic: &str) -> BaseConsumer {
    reader_of(topic, PARTITIONS)
}

/// A reader of one partition, which stands for all: the machine would be busy with reading otherwise.
pub fn sampler(topic: &str) -> BaseConsumer {
    reader_of(topic, 1)
}

/// Reads from the ends as they are now: asked for the end, the client would look for it later, behind the first records.
fn reader_of(topic: &str, partitions: i32) -> BaseConsumer {
    let reader: BaseConsumer = client().set("isolation.level", "read_committed").set("fetch.wait.max.ms", "10").create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        let (_, end) = reader.fetch_watermarks(topic, partition, TIMEOUT).unwrap();
        list.add_partition_offset(topic, partition, Offset::Offset(end)).unwrap();
    }
    reader.assign(&list).unwrap();
    reader
}
