//! Clients for the checks: each call does one thing to the broker and waits until the broker has said so.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Headers, Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

/// How long a check waits for a fact before it calls it missing; a loaded machine is slow, a wrong broker silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// One look at something that may not be there yet.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);

/// A broker, and names on it that no other check uses.
pub(crate) struct Site {
    pub(crate) bootstrap: String,
    scope: String,
}

impl Site {
    pub(crate) fn new(bootstrap: &str, check: &str) -> Self {
        let name: String = check.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Self { bootstrap: bootstrap.to_owned(), scope: format!("{name}-{}", std::process::id()) }
    }

    /// A name for a topic, group or transactional id.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}.{what}", self.scope)
    }

    /// Makes a topic; returns its name once its partitions have a leader.
    pub(crate) fn topic(&self, what: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = self.name(what);
        assert_eq!(self.create(&name, partitions, settings), Ok(()), "create {name}");
        let reader = self.consumer("leader", &[]);
        eventually("every partition has a leader", || {
            let metadata = reader.fetch_metadata(Some(&name), PATIENCE).unwrap();
            let found = metadata.topics().first()?.partitions();
            (found.len() == usize::try_from(partitions).unwrap() && found.iter().all(|p| p.leader() >= 0)).then_some(())
        });
        name
    }

    /// What the broker says to CreateTopics.
    pub(crate) fn create(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), RDKafkaErrorCode> {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        topic.config = settings.to_vec();
        let answer = wait(self.admin().create_topics([&topic], &options())).unwrap();
        answer[0].clone().map(drop).map_err(|(_, code)| code)
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client(&[], &[]).create().unwrap()
    }

    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> Producer {
        let defaults = [("linger.ms", "0"), ("message.max.bytes", "10000000")];
        self.client(&defaults, settings).create_with_context(Deliveries::default()).unwrap()
    }

    /// A producer with transactions initialised under `name(id)`.
    pub(crate) fn transactional(&self, id: &str, settings: &[(&str, &str)]) -> Producer {
        let id = self.name(id);
        let producer = self.producer(&[&[("transactional.id", id.as_str())], settings].concat());
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }

    /// A consumer in the group `name(group)` that commits nothing by itself and starts where the partition starts.
    pub(crate) fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> Reader {
        let group = self.name(group);
        let defaults = [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("enable.partition.eof", "true"),
        ];
        self.client(&defaults, settings).create_with_context(Rebalances::default()).unwrap()
    }

    /// What a consumer of this isolation level sees of a whole topic today, in the order of (partition, offset).
    pub(crate) fn read(&self, topic: &str, isolation: &str) -> Vec<Seen> {
        read_all(&self.consumer("reader", &[("isolation.level", isolation)]), topic)
    }

    /// Later settings win.
    fn client(&self, defaults: &[(&str, &str)], settings: &[(&str, &str)]) -> ClientConfig {
        let ours = [("bootstrap.servers", self.bootstrap.as_str()), ("log_level", "2")];
        ours.iter().chain(defaults).chain(settings).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }
}

pub(crate) type Producer = BaseProducer<Deliveries>;
pub(crate) type Reader = BaseConsumer<Rebalances>;
/// Where a record came to lie, or why it did not.
pub(crate) type Delivery = Result<(i32, i64), RDKafkaErrorCode>;

/// The broker's answers to records, in the order they came.
#[derive(Default)]
pub(crate) struct Deliveries(Mutex<Vec<Delivery>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        let answer = match delivered {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        };
        self.0.lock().unwrap().push(answer);
    }
}

/// Waits for every outstanding answer and hands over all since the last call.
pub(crate) fn answers(producer: &Producer) -> Vec<Delivery> {
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        producer.poll(GLANCE);
    }
    std::mem::take(&mut producer.context().0.lock().unwrap())
}

/// Sends one record and hands over the broker's answer.
pub(crate) fn send(producer: &Producer, record: BaseRecord<'_, str, str>) -> Delivery {
    producer.send(record).map_err(|(error, _)| error).unwrap();
    answers(producer).pop().unwrap()
}

/// Appends `values` to a partition, each without a key; all of them must be accepted. Returns their offsets.
pub(crate) fn put(producer: &Producer, topic: &str, partition: i32, values: &[&str]) -> Vec<i64> {
    for value in values {
        producer.send(BaseRecord::<str, str>::to(topic).partition(partition).payload(value)).map_err(|(error, _)| error).unwrap();
    }
    answers(producer).into_iter().map(|answer| answer.expect("accepted").1).collect()
}

/// A record as a consumer got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) timestamp: Timestamp,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(text),
            value: message.payload().map(text),
            timestamp: message.timestamp(),
            headers,
        }
    }
}

/// The values of records; a tombstone is `-`.
pub(crate) fn values(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|record| record.value.as_deref().unwrap_or("-")).collect()
}

pub(crate) fn offsets(seen: &[Seen]) -> Vec<i64> {
    seen.iter().map(|record| record.offset).collect()
}

/// Reads every partition of a topic from its start to the end that `reader` may see.
pub(crate) fn read_all(reader: &Reader, topic: &str) -> Vec<Seen> {
    let metadata = reader.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let count = metadata.topics()[0].partitions().len();
    let mut all = TopicPartitionList::new();
    for partition in 0..count {
        all.add_partition_offset(topic, i32::try_from(partition).unwrap(), Offset::Beginning).unwrap();
    }
    reader.assign(&all).unwrap();
    let mut seen = read_to_end(reader, count);
    seen.sort_by_key(|record| (record.partition, record.offset));
    seen
}

/// Reads on until each of `partitions` assigned partitions has said that its end is reached.
pub(crate) fn read_to_end(reader: &Reader, partitions: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut ended = std::collections::BTreeSet::new();
    eventually("the end of every partition", || {
        match reader.poll(GLANCE) {
            Some(Ok(message)) => seen.push(Seen::of(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
            Some(Err(error)) => panic!("read: {error}"),
            None => {}
        }
        (ended.len() == partitions).then_some(())
    });
    seen
}

/// What a group's rebalances did to one member, such as `+4 -4 +2`.
#[derive(Default)]
pub(crate) struct Rebalances(Mutex<Vec<String>>);

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let change = match rebalance {
            Rebalance::Assign(partitions) => format!("+{}", partitions.count()),
            Rebalance::Revoke(partitions) => format!("-{}", partitions.count()),
            Rebalance::Error(error) => format!("!{error}"),
        };
        self.0.lock().unwrap().push(change);
    }
}

impl Rebalances {
    pub(crate) fn story(&self) -> String {
        self.0.lock().unwrap().join(" ")
    }
}

/// The partitions a member holds now.
pub(crate) fn held(member: &Reader) -> Vec<i32> {
    let mut held: Vec<i32> = member.assignment().unwrap().elements().iter().map(|element| element.partition()).collect();
    held.sort_unstable();
    held
}

/// Polls every member in turn, as their processes would, until they hold exactly `wanted`.
pub(crate) fn settle(members: &[&Reader], wanted: &[&[i32]]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for member in members {
            if let Some(Err(error)) = member.poll(GLANCE) {
                assert!(matches!(error, KafkaError::PartitionEOF(_)), "poll: {error}");
            }
        }
        let now: Vec<Vec<i32>> = members.iter().map(|member| held(member)).collect();
        if now == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "the group settles at {wanted:?}, not {now:?}");
    }
}

/// The committed offset of one partition in `reader`'s group.
pub(crate) fn committed(reader: &Reader, topic: &str, partition: i32) -> KafkaResult<Offset> {
    committed_within(reader, topic, partition, PATIENCE)
}

pub(crate) fn committed_within(reader: &Reader, topic: &str, partition: i32, within: Duration) -> KafkaResult<Offset> {
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition(topic, partition);
    let answer = reader.committed_offsets(wanted, within)?;
    let element = answer.find_partition(topic, partition).unwrap();
    element.error()?;
    Ok(element.offset())
}

/// A list of one partition at one offset.
pub(crate) fn at(topic: &str, partition: i32, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    list
}

/// Looks again and again until there is something to see.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
    }
}

/// Runs one admin call to its answer.
pub(crate) fn wait<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(call)
}

pub(crate) fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}
