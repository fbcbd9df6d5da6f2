//! A broker and clients of it, in a few words.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer},
};
use slipstream_broker::{DevBroker, Options};

/// Longest that any step may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A broker in a runtime of its own.
pub(crate) struct Bench {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) broker: Option<DevBroker>,
    pub(crate) servers: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let broker = runtime.block_on(DevBroker::start(options)).unwrap();
        let servers = broker.bootstrap();
        Self { runtime, broker: Some(broker), servers }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(broker) = self.broker.take() {
            self.runtime.block_on(broker.shutdown());
        }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("socket.timeout.ms", "10000");
        config
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    pub(crate) fn topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let created = self.runtime.block_on(self.admin().create_topics([&topic], &AdminOptions::new())).unwrap();
        created[0].as_ref().unwrap();
    }

    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer {
        let mut config = self.config();
        config.set("linger.ms", "0");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }

    pub(crate) fn transactional(&self, id: &str) -> BaseProducer {
        let producer = self.producer(&[("transactional.id", id), ("transaction.timeout.ms", "10000")]);
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }

    pub(crate) fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "200")
            .set("fetch.wait.max.ms", "50")
            .set("partition.assignment.strategy", "range");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }

    /// Every value of a partition that this isolation level shows, up to the end that it shows.
    pub(crate) fn values(&self, topic: &str, partition: i32, isolation: &str) -> Vec<String> {
        let consumer = self.consumer("values", &[("isolation.level", isolation), ("enable.partition.eof", "true")]);
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let (mut values, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        loop {
            assert!(Instant::now() < deadline, "no end of {topic}/{partition} in sight");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => values.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned()),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return values,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends values to a partition, and waits until they are acknowledged.
pub(crate) fn send<'a>(producer: &BaseProducer, topic: &str, partition: i32, values: impl IntoIterator<Item = &'a str>) {
    for value in values {
        producer.send(BaseRecord::<(), str>::to(topic).partition(partition).payload(value)).map_err(|(e, _)| e).unwrap();
    }
    drain(producer);
}

/// Waits until nothing is in flight.
pub(crate) fn drain(producer: &BaseProducer) {
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 {
        assert!(Instant::now() < deadline, "still in flight");
        producer.poll(Duration::from_millis(1));
    }
}

/// Asks again until it is so.
pub(crate) fn eventually(mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "not so in time");
    }
}

/// Polls until `done` says so.
pub(crate) fn poll_until(consumers: &[&BaseConsumer], mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "not done in time");
        for consumer in consumers {
            consumer.poll(Duration::from_millis(20));
        }
    }
}

/// The partitions that a consumer holds, as `topic/partition`.
pub(crate) fn held(consumer: &BaseConsumer) -> Vec<String> {
    let list = consumer.assignment().unwrap();
    let mut held: Vec<_> = list.elements().iter().map(|e| format!("{}/{}", e.topic(), e.partition())).collect();
    held.sort();
    held
}
