//! The log on Apache Kafka, through rdkafka.
//!
//!     BaseConsumer (group, read_committed) ─► poll        BaseProducer (transactional) ◄─ send, drain, commit
//!     a second consumer, read_uncommitted ─► true high watermarks
//!
//! What the settings and detours are for (measured on librdkafka 2.12): a commit stalls 100 ms while a record is
//! in flight, hence the drain; a read_committed client answers the last stable offset when asked for the high
//! watermark, hence the second client; only `range` keeps the inputs of a task together; the rebalance callback
//! only queues, so that revoke, commit, unassign is plain sequential code; the group's generation is read at each
//! commit. All calls block; the log belongs to one plain thread.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

use crate::log::{Log, LogError, Offsets, Outgoing, Place, Raw, Rebalance, Watermarks};

/// Age at which the coordinator aborts the transaction of a dead owner.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for one answer of the cluster.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before a question is asked again.
const CALL_PAUSE: Duration = Duration::from_millis(20);
/// Length of one call to abort.
const ABORT_STEP: Duration = Duration::from_millis(100);
/// Longest time for which one transactional call is repeated.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for the transactional id at start: a predecessor's transaction may have to end first.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How to reach a cluster, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// `host:port[,…]`.
    pub bootstrap: String,
    /// Further settings of librdkafka, such as those of TLS and SASL.
    pub properties: Vec<(String, String)>,
}

impl Connection {
    /// A cluster without encryption.
    #[must_use]
    pub fn plain(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), properties: Vec::new() }
    }

    /// Settings that every client of this cluster shares.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.nagle.disable", "true")
            .set("allow.auto.create.topics", "false")
            .set("log.connection.close", "false");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "range")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "500")
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "16384");
        config
    }

    fn producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string())
            .set("acks", "all")
            .set("linger.ms", "0.3")
            .set("compression.type", "lz4")
            .set("partitioner", "murmur2_random")
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "262144");
        config
    }
}

/// Who a log is.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Consumer group; one that reads by hand still needs a name.
    pub group: String,
    /// Topics to share with the group; none reads by hand.
    pub topics: Vec<String>,
    /// Transactional id, stable over restarts: opening it again ends what a predecessor left open.
    pub transactional_id: String,
    /// Keep the group's assignment over a restart, under the transactional id.
    pub is_static: bool,
}

/// Queues what the group decides; answers by itself only while the consumer closes.
#[derive(Default)]
struct Group {
    queue: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
}

impl Group {
    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Rebalance>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Group {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "consumer");
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Relaxed) {
            // The last poll of a consumer that is dropped: nobody is left to answer later.
            let unassigned = consumer.unassign();
            return tracing::trace!(?unassigned, "closing");
        }
        let change = if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let places = partitions.elements();
            Rebalance::Assigned(places.iter().map(|e| Place::new(e.topic(), e.partition())).collect())
        } else {
            Rebalance::Revoked { lost: consumer.assignment_lost() }
        };
        self.queue().push_back(change);
    }
}

/// Collects delivery reports.
#[derive(Default)]
struct Deliveries(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    offsets: std::collections::HashMap<String, Vec<i64>>,
    failed: Option<String>,
}

impl Deliveries {
    fn lock(&self) -> std::sync::MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offsets after the last record of each partition since the last call.
    fn take(&self) -> Result<Offsets, LogError> {
        let delivered = std::mem::take(&mut *self.lock());
        if let Some(failed) = delivered.failed {
            return Err(LogError::Abort(failed));
        }
        let mut offsets = Offsets::new();
        for (topic, partitions) in delivered.offsets {
            let topic: Arc<str> = topic.into();
            for (partition, next) in (0_i32..).zip(partitions).filter(|(_, next)| *next > 0) {
                offsets.insert(Place { topic: Arc::clone(&topic), partition }, next);
            }
        }
        Ok(offsets)
    }
}

impl Delivered {
    fn note(&mut self, topic: &str, partition: i32, next: i64) {
        let Ok(partition) = usize::try_from(partition) else { return };
        if !self.offsets.contains_key(topic) {
            self.offsets.insert(topic.to_owned(), Vec::new());
        }
        let Some(partitions) = self.offsets.get_mut(topic) else { return };
        if partitions.len() <= partition {
            partitions.resize(partition + 1, 0);
        }
        partitions[partition] = next.max(partitions[partition]);
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => self.lock().note(message.topic(), message.partition(), message.offset() + 1),
            Err((error, message)) => {
                let failed = format!("{}/{}: {error}", message.topic(), message.partition());
                self.lock().failed.get_or_insert(failed);
            }
        }
    }
}

/// One member of a group with its transactional producer.
pub(crate) struct KafkaLog {
    consumer: BaseConsumer<Group>,
    producer: BaseProducer<Deliveries>,
    uncommitted: BaseConsumer,
    /// Topics ever assigned.
    assigned: BTreeSet<Arc<str>>,
    in_transaction: bool,
    since: Instant,
}

impl KafkaLog {
    /// Opens the log; ends what a predecessor of the same transactional id left open, then joins the group.
    ///
    /// # Errors
    /// The cluster is unreachable or refuses.
    pub(crate) fn open(connection: &Connection, member: &Member, since: Instant) -> Result<Self, LogError> {
        let made = |error: KafkaError| LogError::Refused(error.to_string());
        let producer: BaseProducer<Deliveries> =
            connection.producer(&member.transactional_id).create_with_context(Deliveries::default()).map_err(made)?;
        repeat(|| producer.init_transactions(INIT_TIMEOUT))?;
        let mut config = connection.consumer(&member.group);
        if member.is_static {
            config.set("group.instance.id", &member.transactional_id);
        }
        let consumer: BaseConsumer<Group> = config.create_with_context(Group::default()).map_err(made)?;
        let mut config = connection.client();
        config.set("group.id", &member.group).set("isolation.level", "read_uncommitted");
        let uncommitted: BaseConsumer = config.create().map_err(made)?;
        if !member.topics.is_empty() {
            let topics: Vec<&str> = member.topics.iter().map(String::as_str).collect();
            consumer.subscribe(&topics).map_err(reopen)?;
        }
        Ok(Self { consumer, producer, uncommitted, assigned: BTreeSet::new(), in_transaction: false, since })
    }

    /// The first or the last offset of partitions, of all in one question to each broker.
    fn ask_offsets(&self, places: &[Place], which: Offset) -> Result<Offsets, LogError> {
        let mut asked = TopicPartitionList::with_capacity(places.len());
        for place in places {
            asked.add_partition_offset(&place.topic, place.partition, which).map_err(reopen)?;
        }
        let deadline = Instant::now() + CALL_TIMEOUT;
        loop {
            let answer = self.uncommitted.offsets_for_times(asked.clone(), CALL_TIMEOUT);
            let late = Instant::now() > deadline;
            // A topic that was made a moment ago may not be known to every broker and client yet.
            match answer {
                Ok(list) if list.elements().iter().all(|e| e.error().is_ok()) => return Ok(offsets(&list)),
                Ok(list) if late => {
                    let failed = list.elements().into_iter().find(|e| e.error().is_err());
                    return Err(LogError::Reopen(format!("watermarks: {failed:?}")));
                }
                Err(error) if late => return Err(LogError::Reopen(format!("watermarks: {error}"))),
                answer => tracing::debug!(?answer, "watermarks, again"),
            }
            std::thread::sleep(CALL_PAUSE);
        }
    }

    fn begin(&mut self) -> Result<(), LogError> {
        if !self.in_transaction {
            self.producer.begin_transaction().map_err(classify)?;
            self.in_transaction = true;
        }
        Ok(())
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, Ordering::Relaxed);
        // A revocation that nobody will answer any more would hold the close.
        let unassigned = self.consumer.unassign();
        tracing::trace!(?unassigned, "dropped");
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, limit: usize, wait: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<usize, LogError> {
        let mut wait = wait;
        for got in 0..limit {
            match self.consumer.poll(wait) {
                None => return Ok(got),
                Some(Ok(message)) => {
                    let owned = message.headers();
                    let headers: Vec<(&str, &[u8])> =
                        owned.iter().flat_map(|h| h.iter()).map(|h| (h.key, h.value.unwrap_or_default())).collect();
                    take(Raw {
                        topic: message.topic(),
                        partition: message.partition(),
                        offset: message.offset(),
                        timestamp: message.timestamp().to_millis().unwrap_or_default(),
                        key: message.key(),
                        value: message.payload(),
                        headers: &headers,
                    });
                }
                Some(Err(error)) => consume_error(error)?,
            }
            wait = Duration::ZERO;
        }
        Ok(limit)
    }

    fn rebalance(&mut self) -> Option<Rebalance> {
        self.consumer.context().queue().pop_front()
    }

    fn assign(&mut self, from: &Offsets) -> Result<(), LogError> {
        self.consumer.assign(&list(from)?).map_err(reopen)?;
        let before = self.assigned.len();
        self.assigned.extend(from.keys().map(|place| Arc::clone(&place.topic)));
        if self.assigned.len() > before {
            // Left alone, the client looks for the leaders of topics that it does not subscribe to once a second.
            let known = self.consumer.fetch_metadata(None, CALL_TIMEOUT);
            tracing::trace!(topics = known.map_or(0, |known| known.topics().len()), "metadata");
        }
        Ok(())
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        self.consumer.unassign().map_err(reopen)
    }

    fn positions(&mut self) -> Offsets {
        self.consumer.position().map(|list| offsets(&list)).unwrap_or_default()
    }

    fn committed(&mut self, places: &[Place]) -> Result<Offsets, LogError> {
        if places.is_empty() {
            return Ok(Offsets::new());
        }
        let mut wanted = TopicPartitionList::new();
        places.iter().for_each(|place| drop(wanted.add_partition(&place.topic, place.partition)));
        let deadline = Instant::now() + RETRY_TIMEOUT;
        loop {
            // Unstable offsets are asked for again by the client itself until its time is up.
            match self.consumer.committed_offsets(wanted.clone(), CALL_TIMEOUT) {
                Ok(list) => return Ok(offsets(&list)),
                Err(error) if Instant::now() < deadline => tracing::debug!(%error, "committed offsets, again"),
                Err(error) => return Err(reopen(error)),
            }
            std::thread::sleep(CALL_PAUSE);
        }
    }

    fn watermarks(&mut self, places: &[Place]) -> Result<Watermarks, LogError> {
        let low = self.ask_offsets(places, Offset::Beginning)?;
        let high = self.ask_offsets(places, Offset::End)?;
        let both = low.into_iter().map(|(place, low)| {
            let high = high.get(&place).copied().unwrap_or(low);
            (place, (low, high))
        });
        Ok(both.collect())
    }

    fn send(&mut self, record: Outgoing<'_>) -> Result<(), LogError> {
        self.begin()?;
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut message = BaseRecord::to(record.topic).partition(record.partition).key(record.key).headers(headers);
        message.payload = record.value;
        message.timestamp = record.timestamp;
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) if Instant::now() < deadline => {
                    message = back;
                    self.producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(LogError::Abort(format!("{}: {error}", record.topic))),
            }
        }
    }

    fn drain(&mut self) -> Result<Offsets, LogError> {
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
            if Instant::now() > deadline {
                return Err(LogError::Abort("records not written in time".to_owned()));
            }
        }
        self.producer.context().take()
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LogError> {
        self.begin()?;
        if !next.is_empty() {
            let group = self.consumer.group_metadata().ok_or_else(|| LogError::Abort("no group".to_owned()))?;
            let next = list(next)?;
            repeat(|| self.producer.send_offsets_to_transaction(&next, &group, CALL_TIMEOUT))?;
        }
        repeat(|| self.producer.commit_transaction(CALL_TIMEOUT))?;
        self.in_transaction = false;
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        if !std::mem::take(&mut self.in_transaction) {
            return Ok(());
        }
        // It ends only once the purged records' reports are taken, which needs polls between short calls.
        let aborted = repeat(|| {
            self.producer.poll(Duration::ZERO);
            self.producer.abort_transaction(ABORT_STEP)
        });
        // Purged records are reported as failed; that is no news.
        let purged = self.producer.context().take();
        tracing::trace!(?purged, "aborted");
        aborted.map_err(|error| LogError::Reopen(error.to_string()))
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// Calls again while the client says that this helps; what is unresolved after that is unknown.
fn repeat(mut call: impl FnMut() -> Result<(), KafkaError>) -> Result<(), LogError> {
    let deadline = Instant::now() + RETRY_TIMEOUT;
    loop {
        match call() {
            Ok(()) => return Ok(()),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {
                tracing::debug!(%error, "again");
            }
            Err(error) => return Err(classify(error)),
        }
    }
}

/// What helps against a transactional call's error: abort where the client says so, else a new client.
fn classify(error: KafkaError) -> LogError {
    match &error {
        KafkaError::Transaction(cause) if cause.txn_requires_abort() && !cause.is_fatal() => LogError::Abort(error.to_string()),
        _ => reopen(error),
    }
}

fn reopen(error: KafkaError) -> LogError {
    LogError::Reopen(error.to_string())
}

/// What the consumer reports: most of it passes; a fenced member must begin anew; lost data needs a person.
fn consume_error(error: KafkaError) -> Result<(), LogError> {
    match (&error, error.rdkafka_error_code()) {
        (KafkaError::MessageConsumptionFatal(_), _) => Err(reopen(error)),
        (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => Err(LogError::Refused(format!(
            "{error}: records that were not yet processed are gone from the topic; lengthen its retention and start the world anew"
        ))),
        (
            _,
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic,
            ),
        ) => Err(LogError::Refused(error.to_string())),
        _ => {
            tracing::debug!(%error, "poll");
            Ok(())
        }
    }
}

fn list(offsets: &Offsets) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (place, offset) in offsets {
        list.add_partition_offset(&place.topic, place.partition, Offset::Offset(*offset)).map_err(reopen)?;
    }
    Ok(list)
}

fn offsets(list: &TopicPartitionList) -> Offsets {
    let known = list.elements().into_iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((Place::new(element.topic(), element.partition()), offset)),
        _ => None,
    });
    known.collect()
}
