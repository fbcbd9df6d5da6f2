//! What librdkafka tells from inside a poll: rebalances and delivery reports, kept until asked for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::errors::{class_of, cure, not_written};
use crate::errors::ErrorCounts;
use crate::log::{LogError, Offsets, Place, Rebalance};

/// Queues what the group decides; answers by itself only while the consumer closes.
#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<VecDeque<Rebalance>>,
    /// Why the cluster cannot be reached, since the group last gave something: the first that helps, else the first of all.
    said: Mutex<Option<Said>>,
    met: Mutex<ErrorCounts>,
    pub(super) closing: AtomicBool,
}

impl Group {
    pub(super) fn queue(&self) -> MutexGuard<'_, VecDeque<Rebalance>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What went wrong since the last call.
    pub(super) fn met(&self) -> ErrorCounts {
        std::mem::take(&mut *self.met.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why connections were lost, and what helps; they may be back.
    pub(super) fn said(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = said.as_ref()?;
        Some(said.cure.map_or_else(|| said.reason.clone(), |cure| format!("{}; {cure}", said.reason)))
    }
}

/// What the client said of a connection.
struct Said {
    reason: String,
    cure: Option<&'static str>,
}

impl ClientContext for Group {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "consumer");
        self.met.lock().unwrap_or_else(PoisonError::into_inner).note(class_of(&error));
        let (mut said, cure) = (self.said.lock().unwrap_or_else(PoisonError::into_inner), cure(&error));
        // That all brokers are down then follows from what was said before.
        if said.as_ref().is_none_or(|said| said.cure.is_none() && cure.is_some()) {
            *said = Some(Said { reason: reason.to_owned(), cure });
        }
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
            *self.said.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
pub(super) struct Deliveries(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    /// Of each topic, by partition.
    offsets: Vec<(String, Vec<i64>)>,
    /// The topic noted last: the next report is most often of the same.
    last: usize,
    failed: Option<LogError>,
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the first record that could not be written since the last [`Self::take`] was not.
    pub(super) fn failure(&self) -> Option<LogError> {
        self.lock().failed.clone()
    }

    /// The offsets after the last record of each partition since the last call.
    pub(super) fn take(&self) -> Result<Offsets, LogError> {
        let delivered = std::mem::take(&mut *self.lock());
        if let Some(failed) = delivered.failed {
            return Err(failed);
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
    fn place_of(&mut self, topic: &str) -> usize {
        self.offsets.iter().position(|(name, _)| name == topic).unwrap_or_else(|| {
            self.offsets.push((topic.to_owned(), Vec::new()));
            self.offsets.len() - 1
        })
    }

    fn note(&mut self, topic: &str, partition: i32, next: i64) {
        let Ok(partition) = usize::try_from(partition) else { return };
        if self.offsets.get(self.last).is_none_or(|(name, _)| name != topic) {
            self.last = self.place_of(topic);
        }
        let partitions = &mut self.offsets[self.last].1;
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
                let failed = || not_written(format_args!("{}/{}", message.topic(), message.partition()), error);
                self.lock().failed.get_or_insert_with(failed);
            }
        }
    }
}
