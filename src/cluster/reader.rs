//! Reads topics as any read_committed subscriber does, and decodes them.
//!
//!     assign every partition ─► poll ─► headers + value ─► Record, or what is wrong with it
//!
//! Keeps no group and commits nothing. At the end of what was there when it opened it says so, and may go on. What lay behind
//! an open transaction then was there, too: it is waited for, which takes as long as a transaction may live.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use slipstream_streams::codec::{Codec, Poison};
use slipstream_streams::record::{Event, Record, header};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::failure::Failure;

/// How long metadata and watermarks may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a cluster that was lost may be away from who reads to an end.
const AWAY_MAX: Duration = Duration::from_secs(30);
/// How long what lies behind an open transaction is waited for: more than one of ours may live, which is ten seconds, and the ten
/// within which the cluster ends it after that.
const HELD_MAX: Duration = Duration::from_secs(60);
/// Pause before a passing error is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Where to start reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The earliest record kept.
    Beginning,
    /// What is written from now on.
    End,
}

/// Where to go on with each partition, by the cluster's name of its topic.
type Resume = BTreeMap<(String, i32), i64>;

/// One record read, or why it cannot be.
pub(crate) type Read = Result<Record, (Place, Poison)>;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Topic, without the world's prefix.
    pub(crate) topic: &'static str,
    /// Partition.
    pub(crate) partition: i32,
    /// Offset.
    pub(crate) offset: i64,
}

/// A reader of some topics.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    codec: Arc<dyn Codec>,
    names: BTreeMap<String, &'static str>,
    ends: BTreeMap<(String, i32), i64>,
    /// Since when nothing has come from a cluster that was lost, and how it was.
    away: Option<(Instant, KafkaError)>,
    /// When the last record came.
    last: Instant,
}

impl Reader {
    /// Opens every partition of `topics`.
    ///
    /// # Errors
    /// The cluster does not answer, or a topic is missing.
    pub(crate) fn open(cluster: &Cluster, topics: &[&'static str], start: Start) -> Result<Self, Failure> {
        Self::opened(cluster, topics, start, &Resume::new())
    }

    /// Opens every partition of `topics` where it was left; those not named at their beginning.
    ///
    /// # Errors
    /// The cluster does not answer, a topic is missing, or it ends before where it was left.
    pub(crate) fn open_at(cluster: &Cluster, topics: &[&'static str], resume: &Resume) -> Result<Self, Failure> {
        Self::opened(cluster, topics, Start::Beginning, resume)
    }

    fn opened(cluster: &Cluster, topics: &[&'static str], start: Start, resume: &Resume) -> Result<Self, Failure> {
        let client = |isolation| -> Result<BaseConsumer, Failure> {
            let mut client = cluster.connection.client();
            client
                .set("group.id", cluster.world.group("slipstream-reader"))
                .set("enable.auto.commit", "false")
                .set("isolation.level", isolation)
                .set("fetch.queue.backoff.ms", "5")
                .set("fetch.wait.max.ms", "100");
            client.create().map_err(Failure::usage)
        };
        let consumer = client("read_committed")?;
        let (names, ends) = (BTreeMap::new(), BTreeMap::new());
        let mut reader = Self { consumer, codec: cluster.codec(), names, ends, away: None, last: Instant::now() };
        // A reader of committed records is told the last stable offset when it asks for the end.
        let uncommitted = client("read_uncommitted")?;
        let mut assignment = TopicPartitionList::new();
        for topic in topics {
            reader.add(cluster, &uncommitted, topic, (start, resume), &mut assignment)?;
        }
        reader.consumer.assign(&assignment).map_err(Failure::dependency)?;
        Ok(reader)
    }

    fn add(
        &mut self,
        cluster: &Cluster,
        uncommitted: &BaseConsumer,
        topic: &'static str,
        (start, resume): (Start, &Resume),
        list: &mut TopicPartitionList,
    ) -> Result<(), Failure> {
        let name = cluster.topic(topic);
        let unreachable = |e| {
            let (bootstrap, why) = (cluster.connection.bootstrap(), cluster.connection.explain(e));
            Failure::dependency(format_args!("{bootstrap}: {name}: {why}"))
        };
        let metadata = patiently(|| self.consumer.fetch_metadata(Some(&name), METADATA_TIMEOUT)).map_err(unreachable)?;
        let partitions: Vec<i32> = metadata.topics().iter().flat_map(|t| t.partitions()).map(|p| p.id()).collect();
        if partitions.is_empty() {
            return Err(Failure::dependency(format_args!("topic `{name}` does not exist; `slipstream topics apply` makes it")));
        }
        for partition in partitions {
            let ends = |of: &BaseConsumer| patiently(|| of.fetch_watermarks(&name, partition, METADATA_TIMEOUT));
            let (_, stable) = ends(&self.consumer).map_err(unreachable)?;
            let (low, high) = ends(uncommitted).map_err(unreachable)?;
            let left = resume.get(&(name.clone(), partition)).copied();
            if let Some(left) = left.filter(|left| *left > high) {
                let lost = format!("{name}/{partition} ends at {high}, but was read up to {left}: it is another topic now");
                return Err(Failure::dependency(lost));
            }
            let first = if start == Start::Beginning { low } else { stable };
            let from = left.map_or(first, |left| left.max(low));
            list.add_partition_offset(&name, partition, Offset::Offset(from)).map_err(Failure::dependency)?;
            if high > from || left.is_none() && high > low {
                self.ends.insert((name.clone(), partition), high);
            }
        }
        self.names.insert(name, topic);
        Ok(())
    }

    /// The next record, or `None` after `wait` without one. A cluster that was lost is found again by the client.
    ///
    /// # Errors
    /// The cluster refuses.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Option<Read>, Failure> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => {
                (self.away, self.last) = (None, Instant::now());
                Ok(Some(read(&message, &self.names, &*self.codec)))
            }
            Some(Err(error)) if is_away(&error) => {
                self.away.get_or_insert_with(|| {
                    tracing::warn!(%error, "the cluster was lost");
                    (Instant::now(), error)
                });
                Ok(None)
            }
            Some(Err(error)) => Err(Failure::dependency(error)),
        }
    }

    /// Whether everything that was there at the start has been read.
    ///
    /// # Errors
    /// The cluster was lost and has not come back, a transaction does not end, or the client has lost its assignment.
    pub(crate) fn at_end(&mut self) -> Result<bool, Failure> {
        if let Some((_, error)) = self.away.as_ref().filter(|(since, _)| since.elapsed() > AWAY_MAX) {
            return Err(Failure::dependency(format_args!("nothing was read for {AWAY_MAX:?}: {error}")));
        }
        let positions = self.consumer.position().map_err(Failure::dependency)?;
        self.ends.retain(|(topic, partition), end| {
            let position = positions.find_partition(topic, *partition).map(|p| p.offset());
            !matches!(position, Some(Offset::Offset(at)) if at >= *end)
        });
        match self.ends.first_key_value().filter(|_| self.last.elapsed() > HELD_MAX) {
            Some(((topic, partition), end)) => Err(Failure::dependency(format_args!(
                "{topic}/{partition}: nothing came for {HELD_MAX:?}, but it goes on to {end}: a transaction is open there that does not end"
            ))),
            None => Ok(self.ends.is_empty()),
        }
    }

    /// Reads to the end of what was there at the start.
    ///
    /// # Errors
    /// The cluster is gone, or `take` stops.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(Read) -> Result<(), Failure>) -> Result<(), Failure> {
        while !self.at_end()? {
            while let Some(read) = self.next(Duration::from_millis(50))? {
                take(read)?;
            }
        }
        Ok(())
    }
}

/// A topic that was just made has no leader or no partitions for a moment: asked again until it has, or patience ends.
fn patiently<T>(mut ask: impl FnMut() -> KafkaResult<T>) -> KafkaResult<T> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(KafkaError::MetadataFetch(code) | KafkaError::OffsetFetch(code))
                if is_passing(code) && began.elapsed() < METADATA_TIMEOUT =>
            {
                std::thread::sleep(ASK_AGAIN);
            }
            answer => return answer,
        }
    }
}

/// Nothing is wrong with what was asked: there was nobody to answer.
fn is_away(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
        )
    ) && !matches!(error, KafkaError::MessageConsumptionFatal(_))
}

fn is_passing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::LeaderNotAvailable
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
    )
}

/// One message as a record; `names` has the cluster's names of topics and ours.
pub(crate) fn read(message: &BorrowedMessage<'_>, names: &BTreeMap<String, &'static str>, codec: &dyn Codec) -> Read {
    let place = Place {
        topic: names.get(message.topic()).copied().unwrap_or(""),
        partition: message.partition(),
        offset: message.offset(),
    };
    let topic = place.topic;
    let refuse = |poison| Err((place.clone(), poison));
    let Some(key) = message.key().and_then(|key| std::str::from_utf8(key).ok()) else {
        return refuse(Poison::new("key", "the key is null or not UTF-8"));
    };
    let text = |name| header_text(message, name);
    let type_name = text(header::TYPE);
    let decoded = match message.payload() {
        None => None,
        Some(value) => match codec.decode(topic, type_name, value) {
            Ok(decoded) => Some(decoded),
            Err(poison) => return refuse(poison),
        },
    };
    let by_name = || type_name.and_then(slipstream_schemas::records::rank_of).unwrap_or(0);
    let id = |name| text(name).and_then(|text| Uuid::parse_str(text).ok());
    let event_id = id(header::ID).unwrap_or_default();
    Ok(Record {
        topic,
        partition: place.partition,
        offset: place.offset,
        timestamp: message.timestamp().to_millis().unwrap_or(0),
        key: key.into(),
        rank: decoded.as_ref().map_or_else(by_name, |d| d.rank),
        event: Event {
            id: event_id,
            source: text(header::SOURCE).unwrap_or("").into(),
            correlation: id(header::CORRELATION).unwrap_or(event_id),
            causation: id(header::CAUSATION),
            organisation: text(header::ORGANISATION).map(Into::into),
        },
        body: decoded.map(|d| d.body.into_boxed_slice()),
    })
}

fn header_text<'m>(message: &'m BorrowedMessage<'_>, name: &str) -> Option<&'m str> {
    let headers = message.headers()?;
    let found = headers.iter().filter(|h| h.key == name).last()?;
    std::str::from_utf8(found.value?).ok()
}
