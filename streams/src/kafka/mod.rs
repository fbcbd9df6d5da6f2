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

mod callbacks;
mod connection;
mod diagnosis;
mod errors;
mod lists;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use self::callbacks::{Deliveries, Group};
use self::connection::TRANSACTION_TIMEOUT;
pub use self::connection::{Connection, OwnedProperty};
use self::errors::{Trouble, class_of, classify, not_written, reopen, trouble};
use self::lists::{list, offsets, question, unanswered};
use crate::errors::{ErrorClass, ErrorCounts};
use crate::log::{Log, LogError, Offsets, Outgoing, Place, Raw, Rebalance, Watermarks};

/// Longest wait for one answer of the cluster.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for an answer without which the work goes on as well.
const NEWS_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause before a question is asked again.
const CALL_PAUSE: Duration = Duration::from_millis(20);
/// Length of one call to abort.
const ABORT_STEP: Duration = Duration::from_millis(100);
/// Longest time for which one transactional call is repeated.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks for delivery reports. rdkafka's own wait would spin through the last millisecond, on the core that
/// the client's threads need.
const REPORT_PAUSE: Duration = Duration::from_micros(100);
/// Longest wait for the transactional id at start: a predecessor's transaction may have to end first.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);

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

/// One member of a group with its transactional producer.
pub(crate) struct KafkaLog {
    consumer: BaseConsumer<Group>,
    producer: BaseProducer<Deliveries>,
    uncommitted: BaseConsumer,
    bootstrap: String,
    /// Topics ever assigned.
    assigned: BTreeSet<Arc<str>>,
    /// What is read now, and from where on it was.
    reading: Offsets,
    /// Of that, what is not read on for now.
    held: BTreeSet<Place>,
    in_transaction: bool,
    since: Instant,
}

impl KafkaLog {
    /// Opens the log; ends what a predecessor of the same transactional id left open, then joins the group.
    ///
    /// # Errors
    /// The cluster is unreachable or refuses.
    pub(crate) fn open(connection: &Connection, member: &Member, since: Instant) -> Result<Self, LogError> {
        let made = |error: KafkaError| LogError::refused(ErrorClass::Validation, error);
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
        Ok(Self {
            consumer,
            producer,
            uncommitted,
            bootstrap: connection.bootstrap().to_owned(),
            assigned: BTreeSet::new(),
            reading: Offsets::new(),
            held: BTreeSet::new(),
            in_transaction: false,
            since,
        })
    }

    /// The first or the last offset of partitions, of all in one question to each broker.
    fn ask_offsets(&self, places: &[Place], which: Offset) -> Result<Offsets, LogError> {
        if places.is_empty() {
            return Ok(Offsets::new()); // the client takes such a question for an error
        }
        let asked = question(places, which)?;
        let deadline = Instant::now() + CALL_TIMEOUT;
        loop {
            let answer = self.uncommitted.offsets_for_times(asked.clone(), CALL_TIMEOUT);
            let late = Instant::now() > deadline;
            // A topic that was made a moment ago may not be known to every broker and client yet.
            match answer {
                Ok(list) if list.elements().iter().all(|e| e.error().is_ok()) => return Ok(offsets(&list)),
                Ok(list) if late => return Err(LogError::reopen(ErrorClass::Timeout, unanswered(&list))),
                Err(error) if late => {
                    return Err(LogError::reopen(class_of(&error), format_args!("ends of partitions: {error}")));
                }
                answer => tracing::debug!(?answer, "watermarks, again"),
            }
            std::thread::sleep(CALL_PAUSE);
        }
    }

    /// What an error of the consumer comes to, with the place where it lies.
    fn consume_error(&self, error: KafkaError) -> Result<(), LogError> {
        let said = error.to_string();
        let refused = match trouble(error) {
            Trouble::Passing => None,
            Trouble::Gap => Some(self.gap().unwrap_or_else(|| said.clone())),
            Trouble::Missing => self.missing_topic(),
            Trouble::End(error) => return Err(error),
        };
        if refused.is_none() {
            tracing::debug!(error = said, "poll");
        }
        refused.map_or(Ok(()), |why| Err(LogError::refused(ErrorClass::Resource, why)))
    }

    /// Which partition does not hold what is to be read next, and what is to be done.
    fn gap(&self) -> Option<String> {
        let mut next = self.reading.clone();
        let positions = self.consumer.position().map(|list| offsets(&list)).unwrap_or_default();
        next.extend(positions.into_iter().filter(|(place, _)| self.reading.contains_key(place)));
        let places: Vec<Place> = next.keys().cloned().collect();
        let (low, high) = (self.ask_offsets(&places, Offset::Beginning).ok()?, self.ask_offsets(&places, Offset::End).ok()?);
        next.iter().find_map(|(place, next)| errors::gap(place, *next, (*low.get(place)?, *high.get(place)?)))
    }

    /// A topic that is read and is not there any more; none while the cluster only has not heard of it yet.
    fn missing_topic(&self) -> Option<String> {
        let known = self.consumer.fetch_metadata(None, CALL_TIMEOUT).ok()?;
        let is_known = |place: &&Place| known.topics().iter().any(|topic| topic.name() == &*place.topic);
        let missing = self.reading.keys().find(|place| !is_known(place))?;
        Some(format!(
            "topic `{}` was deleted while it was read; drop the world (`topics delete`), make it again (`topics apply`) and start anew",
            missing.topic
        ))
    }

    /// Reads everything on.
    fn release(&mut self) -> Result<(), LogError> {
        self.hold(&BTreeSet::new())
    }

    /// Takes the delivery reports that are there; false if there was none.
    fn take_reports(&self) -> bool {
        let before = self.producer.in_flight_count();
        self.producer.poll(Duration::ZERO);
        self.producer.in_flight_count() < before
    }

    /// Waits until the client has stopped the partitions that the last assignment took away. One that is taken away again before
    /// its stop is over is stopped twice there, and the second answer ends the process (librdkafka issue 5573; 2.12 has it).
    ///
    /// The client's main thread takes questions in the order in which they came: before the first answer it has asked each
    /// partition's fetcher to stop, before the second it has heard of each that it did.
    fn stopped(&self) -> Result<(), LogError> {
        for _ in 0..2 {
            self.consumer.assignment().map_err(reopen)?;
        }
        Ok(())
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
        if self.in_transaction {
            // Reports are taken while their records are still warm, not all at the commit.
            while self.take_reports() {}
        }
        let mut wait = whole_milliseconds(wait);
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
                Some(Err(error)) => self.consume_error(error)?,
            }
            wait = Duration::ZERO;
        }
        Ok(limit)
    }

    fn rebalance(&mut self) -> Option<Rebalance> {
        self.consumer.context().queue().pop_front()
    }

    fn assign(&mut self, from: &Offsets) -> Result<(), LogError> {
        // A partition that is held stays so over assignments, unless it is released.
        self.release()?;
        self.reading.clone_from(from);
        self.consumer.assign(&list(from)?).map_err(reopen)?;
        self.stopped()?;
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
        self.release()?;
        self.reading.clear();
        self.consumer.unassign().map_err(reopen)?;
        self.stopped()
    }

    /// What lies in the client's queue of a partition that is now held is dropped there, and fetched again later.
    fn hold(&mut self, places: &BTreeSet<Place>) -> Result<(), LogError> {
        let list = |places: Vec<&Place>| {
            let mut list = TopicPartitionList::with_capacity(places.len());
            places.iter().for_each(|place| _ = list.add_partition(&place.topic, place.partition));
            list
        };
        let (now, before) = (places.difference(&self.held).collect::<Vec<_>>(), self.held.difference(places).collect::<Vec<_>>());
        if !before.is_empty() {
            self.consumer.resume(&list(before)).map_err(reopen)?;
        }
        if !now.is_empty() {
            self.consumer.pause(&list(now)).map_err(reopen)?;
        }
        self.held.clone_from(places);
        Ok(())
    }

    fn positions(&mut self) -> Offsets {
        self.consumer.position().map(|list| offsets(&list)).unwrap_or_default()
    }

    fn committed(&mut self, places: &[Place]) -> Result<Offsets, LogError> {
        if places.is_empty() {
            return Ok(Offsets::new());
        }
        let mut wanted = TopicPartitionList::new();
        for place in places {
            wanted.add_partition(&place.topic, place.partition);
        }
        let deadline = Instant::now() + RETRY_TIMEOUT;
        loop {
            // Unstable offsets are asked for again by the client itself until its time is up.
            match self.consumer.committed_offsets(wanted.clone(), CALL_TIMEOUT) {
                Ok(list) => return Ok(offsets(&list)),
                Err(error) => match classify(error) {
                    LogError::Reopen(cause) if Instant::now() < deadline => tracing::debug!(%cause, "committed offsets, again"),
                    error => return Err(error),
                },
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

    fn ends(&mut self, places: &[Place]) -> Offsets {
        let asked = question(places, Offset::End).ok().filter(|asked| asked.count() > 0);
        let answer = asked.and_then(|asked| self.uncommitted.offsets_for_times(asked, NEWS_TIMEOUT).ok());
        answer.map(|list| offsets(&list)).unwrap_or_default()
    }

    fn away(&mut self) -> Option<String> {
        let subscribed = self.consumer.subscription().ok()?;
        let any = subscribed.elements().first()?.topic().to_owned();
        let error = self.consumer.fetch_metadata(Some(&any), NEWS_TIMEOUT).err()?;
        let said = self.consumer.context().said().unwrap_or_else(|| error.to_string());
        Some(format!("{} does not answer: {said}", self.bootstrap))
    }

    fn send(&mut self, record: Outgoing<'_>) -> Result<(), LogError> {
        self.begin()?;
        let mut message = BaseRecord::to(record.topic).partition(record.partition).key(record.key);
        message.headers = headers_of(&record);
        message.payload = record.value;
        message.timestamp = record.timestamp;
        let mut deadline = None;
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < *deadline.get_or_insert_with(|| Instant::now() + TRANSACTION_TIMEOUT) =>
                {
                    message = back;
                    if !self.take_reports() {
                        std::thread::sleep(REPORT_PAUSE);
                    }
                }
                // After a record that could not be written none is taken: that one is the reason.
                Err((error, _)) => {
                    let first = self.producer.context().failure();
                    return Err(
                        first.unwrap_or_else(|| not_written(format_args!("{}/{}", record.topic, record.partition), &error))
                    );
                }
            }
        }
    }

    fn drain(&mut self) -> Result<Offsets, LogError> {
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        while self.producer.in_flight_count() > 0 {
            if self.take_reports() {
                continue;
            }
            if Instant::now() > deadline {
                return Err(LogError::abort(ErrorClass::Timeout, "records not written in time"));
            }
            std::thread::sleep(REPORT_PAUSE);
        }
        self.producer.context().take()
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LogError> {
        self.begin()?;
        if !next.is_empty() {
            let no_group = || LogError::abort(ErrorClass::Processing, "no group");
            let group = self.consumer.group_metadata().ok_or_else(no_group)?;
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
        aborted.map_err(|error| LogError::reopen(error.class(), error))
    }

    fn met(&mut self) -> ErrorCounts {
        self.consumer.context().met()
    }

    fn explain_stall(&self, place: &Place, at: i64) -> String {
        diagnosis::stall(&self.consumer, &self.bootstrap, place, at)
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

/// A wait that rdkafka does not spin through: it does so for what is beyond the last whole millisecond.
fn whole_milliseconds(wait: Duration) -> Duration {
    let whole = wait.subsec_nanos().div_ceil(1_000_000).into();
    if wait.is_zero() { wait } else { Duration::from_secs(wait.as_secs()) + Duration::from_millis(whole) }
}

/// A record without headers needs no list of them.
fn headers_of(record: &Outgoing<'_>) -> Option<OwnedHeaders> {
    let list = || OwnedHeaders::new_with_capacity(record.headers.len());
    let insert = |list: OwnedHeaders, (key, value): &(&str, String)| list.insert(Header { key, value: Some(value) });
    (!record.headers.is_empty()).then(|| record.headers.iter().fold(list(), insert))
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
