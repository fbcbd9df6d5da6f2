//! A world of its own for each test on a real cluster.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use slipstream_streams::buffer::Order;
use slipstream_streams::edge;
use slipstream_streams::errors::ErrorCounts;
use slipstream_streams::kafka::Connection;
use slipstream_streams::log::Raw;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::{Record, Topic, Ts};
use slipstream_streams::runtime::{Config, Handle};
use slipstream_streams::source;
use slipstream_streams::status::ShardStatus;
use slipstream_streams::topology::Topology;
use slipstream_streams::world::{Declaration, World};

use crate::toy::{self, Fact, codec, fact};

/// Longest time for anything.
pub const PATIENCE: Duration = Duration::from_secs(150);

pub struct Cluster {
    pub bootstrap: String,
    pub world: World,
    pub topology: Topology,
}

/// The admin client answers from a thread of its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Runs the test `worker_that_is_killed` of this binary in a process of its own, told so much by `variable`; `kills` times
/// until its nth commit, as `nth` says of each life, and then to its end. `said` gets the line of the commit it was killed at.
pub fn kill_again_and_again(variable: &str, told: &str, kills: usize, nth: impl Fn(usize) -> usize, said: impl Fn(&str)) {
    for life in 0..=kills {
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["worker_that_is_killed", "--exact", "--nocapture"])
            .env(variable, told)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(worker.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut commits = lines.filter(|line| line.starts_with("commit"));
        if life < kills {
            let last = commits.nth(nth(life)).unwrap_or_else(|| panic!("life {life} ended by itself"));
            worker.kill().unwrap();
            worker.wait().unwrap();
            said(&last);
        } else {
            commits.for_each(drop);
            assert!(worker.wait().unwrap().success());
        }
    }
}

impl Cluster {
    /// A fresh world with its topics; none without a cluster to test on.
    pub fn new(test: &str, meters: i32, streets: i32) -> Option<Self> {
        Self::with(test, meters, streets, &[])
    }

    /// One with more topics.
    pub fn with(test: &str, meters: i32, streets: i32, more: &[(Topic, i32)]) -> Option<Self> {
        let Ok(bootstrap) = std::env::var("SLIPSTREAM_TEST_KAFKA") else {
            eprintln!("skipped: SLIPSTREAM_TEST_KAFKA names no cluster");
            return None;
        };
        let mark = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let world = World::new(Some(&format!("{test}-{mark}"))).unwrap();
        let mut topology = toy::topology(meters, streets);
        topology.partitions.extend(more.iter().copied());
        let cluster = Self { bootstrap, world, topology };
        cluster.make_topics();
        Some(cluster)
    }

    /// A world that another process has made.
    pub fn existing(world: &str, meters: i32, streets: i32) -> Self {
        let bootstrap = std::env::var("SLIPSTREAM_TEST_KAFKA").unwrap();
        Self { bootstrap, world: World::new(Some(world)).unwrap(), topology: toy::topology(meters, streets) }
    }

    fn make_topics(&self) {
        let names: Vec<(String, i32)> =
            self.topology.partitions.iter().map(|(topic, count)| (self.world.topic(topic), *count)).collect();
        let topics: Vec<NewTopic<'_>> = names
            .iter()
            .map(|(name, count)| {
                NewTopic::new(name, *count, TopicReplication::Fixed(1))
                    .set("retention.ms", "-1")
                    .set("message.timestamp.after.max.ms", "9223372036854775807")
            })
            .collect();
        for made in block_on(self.admin().create_topics(&topics, &AdminOptions::new())).unwrap() {
            made.unwrap();
        }
    }

    pub fn config(&self, order: Order, instance: Option<&str>) -> Config {
        Config {
            connection: Connection::plain(&self.bootstrap),
            world: self.world.clone(),
            order,
            instance: instance.map(str::to_owned),
            state: None,
            shards: 1,
            limits: Limits::default(),
        }
    }

    pub fn declare(&self, sources: &[&str]) {
        let declaration =
            Declaration { sources: sources.iter().map(|s| (*s).to_owned()).collect(), start: toy::START, live: false };
        source::declare(&self.config(Order::EventTime, None), &self.topology, &codec(), &declaration).unwrap();
    }

    pub fn publish(&self, name: &str, records: &[Record]) {
        self.publish_paced(name, records, &mut |_| Duration::ZERO);
    }

    pub fn publish_paced(&self, name: &str, records: &[Record], pace: source::Pace<'_>) {
        let (config, stop) = (self.config(Order::EventTime, None), AtomicBool::new(false));
        let mut listed = toy::Listed::new(records);
        let published = source::publish(&config, &self.topology, &codec(), name, &mut listed, pace, &stop);
        assert_eq!(published.unwrap(), records.len() as u64);
    }

    /// Waits until a shard's status is as wanted.
    pub fn wait_for(&self, pipeline: &Handle, wanted: impl Fn(&ShardStatus) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !pipeline.status().iter().any(&wanted) {
            assert!(Instant::now() < deadline && !pipeline.is_finished(), "{:#?}", pipeline.status());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until every task and source has promised for ever.
    pub fn wait_complete(&self, pipeline: &Handle) {
        self.wait_for(pipeline, |shard| shard.complete);
    }

    /// Waits until everybody has promised this share of the toy records' time.
    pub fn wait_past(&self, pipeline: &Handle, share: f64) {
        let wanted = toy::START + (share * toy::LENGTH as f64) as Ts;
        self.wait_for(pipeline, |shard| shard.slowest.is_some_and(|slowest| slowest >= wanted));
    }

    /// Waits until a shard has processed so many records.
    pub fn wait_records(&self, pipeline: &Handle, records: u64) {
        self.wait_for(pipeline, |shard| shard.tasks.iter().map(|task| task.counts.records).sum::<u64>() >= records);
    }

    /// Deletes a unit's group with its offsets.
    pub fn delete_group(&self, unit: &str) {
        let group = self.world.group(unit);
        let deleted = block_on(self.admin().delete_groups(&[&group], &AdminOptions::new())).unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    /// Deletes a topic and waits until it is gone.
    pub fn delete_topic(&self, topic: &str) {
        let (name, admin) = (self.world.topic(topic), self.admin());
        let deleted = block_on(admin.delete_topics(&[&name], &AdminOptions::new())).unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
        let is_there = || {
            let known = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
            known.topics().iter().any(|topic| topic.name() == name && !topic.partitions().is_empty())
        };
        while is_there() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes a topic, with one setting.
    pub fn make_topic(&self, topic: &str, partitions: i32, (name, value): (&str, &str)) {
        let topic = self.world.topic(topic);
        let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1)).set(name, value);
        // The old one of that name may not be gone everywhere.
        let made = || block_on(self.admin().create_topics([&new], &AdminOptions::new())).unwrap().remove(0);
        while made().is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Gives a topic more partitions.
    pub fn add_partitions(&self, topic: &str, partitions: usize) {
        let topic = self.world.topic(topic);
        let more = NewPartitions::new(&topic, partitions);
        let made = block_on(self.admin().create_partitions([&more], &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Deletes everything that a partition holds, as retention does.
    pub fn eat(&self, topic: &str, partition: i32) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.world.topic(topic), partition, Offset::End).unwrap();
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).unwrap();
    }

    /// Why it gave up.
    pub fn reason(&self, pipeline: Handle) -> String {
        self.end(pipeline).0
    }

    /// Why a pipeline ends, and what errors its shards have met.
    pub fn end(&self, pipeline: Handle) -> (String, ErrorCounts) {
        let deadline = Instant::now() + PATIENCE;
        while !pipeline.is_finished() {
            assert!(Instant::now() < deadline, "it did not give up: {:#?}", pipeline.status());
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut met = ErrorCounts::default();
        pipeline.status().iter().for_each(|shard| met.add(shard.errors));
        (pipeline.wait().unwrap_err().to_string(), met)
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().unwrap()
    }

    /// Every committed record of the topology's topics but promises, sorted.
    pub fn facts(&self) -> Vec<Fact> {
        let consumer = self.consumer();
        let mut ends = Vec::new();
        let mut list = TopicPartitionList::new();
        for (topic, count) in self.topology.partitions.iter().filter(|(topic, _)| **topic != toy::PROGRESS) {
            for partition in 0..*count {
                let name = self.world.topic(topic);
                let (_, end) = consumer.fetch_watermarks(&name, partition, PATIENCE).unwrap();
                list.add_partition_offset(&name, partition, Offset::Beginning).unwrap();
                ends.push((name, partition, end));
            }
        }
        consumer.assign(&list).unwrap();
        let is_read = |positions: &TopicPartitionList| {
            ends.iter().filter(|(_, _, end)| *end > 0).all(|(name, partition, end)| {
                let position = positions.find_partition(name, *partition).map(|element| element.offset());
                matches!(position, Some(Offset::Offset(offset)) if offset >= *end)
            })
        };
        let mut facts = Vec::new();
        while !is_read(&consumer.position().unwrap()) {
            while let Some(message) = consumer.poll(Duration::from_millis(50)) {
                facts.push(self.fact_of(&message.unwrap()));
            }
        }
        facts.sort();
        facts
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", "facts").set("enable.auto.commit", "false");
        config.set("isolation.level", "read_committed").set("fetch.wait.max.ms", "20").create().unwrap()
    }

    fn fact_of(&self, message: &BorrowedMessage<'_>) -> Fact {
        let headers: Vec<(&str, &[u8])> =
            message.headers().into_iter().flat_map(|h| h.iter()).map(|h| (h.key, h.value.unwrap())).collect();
        let raw = Raw {
            topic: message.topic(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap(),
            key: message.key(),
            value: message.payload(),
            headers: &headers,
        };
        let mut topics = self.topology.partitions.iter();
        let (topic, count) = topics.find(|(topic, _)| self.world.topic(topic) == message.topic()).unwrap();
        fact(&edge::read(&raw, topic, *count, &toy::ToyCodec).record)
    }

    /// Fills a partition with so many records of one value, a millisecond apart, as a foreign producer can; keeps few of them in
    /// memory at a time.
    pub fn flood(&self, topic: &str, partition: i32, key: &str, body: &[u8], records: i64) {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &self.bootstrap).create().unwrap();
        let name = self.world.topic(topic);
        for n in 0..records {
            let record = BaseRecord::<str, [u8]>::to(&name).partition(partition).key(key).payload(body);
            producer.send(record.timestamp(toy::START + n)).map_err(|(error, _)| error).unwrap();
            if n % 1_000 == 0 {
                producer.flush(PATIENCE).unwrap();
            }
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Writes past every rule, as a foreign producer can.
    pub fn write(&self, topic: &str, partition: i32, timestamp: Ts, key: Option<&[u8]>, value: &[u8]) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", &self.bootstrap).set("linger.ms", "0").create().unwrap();
        let name = self.world.topic(topic);
        let mut record = BaseRecord::<[u8], [u8]>::to(&name).partition(partition).payload(value).timestamp(timestamp);
        record.key = key;
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(PATIENCE).unwrap();
    }

    /// Writes rows of a changelog, of so many keys, each in a batch of its own.
    pub fn write_many(&self, changelog: &str, partition: i32, rows: u64) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("batch.num.messages", "1");
        let producer: BaseProducer = config.create().unwrap();
        let name = self.world.topic(changelog);
        for row in 0..rows {
            let key = format!("nobody{row}");
            let record = BaseRecord::<str, [u8]>::to(&name).partition(partition).key(&key).payload(b"\x011");
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// The world holds exactly these records, each once.
    pub fn assert_facts(&self, expected: &[Fact]) {
        let found = self.facts();
        let strange = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert_eq!(strange, None, "{} records, expected {}", found.len(), expected.len());
        assert_eq!(found.len(), expected.len());
    }
}
