//! The direct face: the model as plain method calls under a virtual clock, for deterministic simulation.
//!
//!     simulation ─► Direct ─► Model         advance(to) lets sessions and transactions time out
//!
//! One thread, no sockets, no files: the same calls give the same answers, offsets and orders. What a client library does
//! between its user and the wire is done here: sequence numbers, skipping of aborted records, the `range` assignment.
//! Faults are the caller's to make: it leaves calls out, repeats them, or drops a producer or a member.

mod membership;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

pub use self::membership::{Change, Member};
use crate::model::{
    Answer, Author, Batch, Code, Committed, Ending, Identity, Isolation, Limits, Model, NoShelf, ReadLimits, Record, Settings,
    Slice, Ticket, Tp, Watermarks, pack, unpack,
};

/// A producer: with a transactional id it fences its predecessors, without one it is merely idempotent.
#[derive(Debug, Clone)]
pub struct Producer {
    transactional_id: Option<String>,
    identity: Identity,
    sequences: BTreeMap<Tp, i32>,
}

/// What a fetch gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Records that this isolation level shows, in order of offset.
    pub records: Vec<Record>,
    /// Where to go on reading: past markers and skipped records.
    pub next: i64,
}

/// A broker without wire or clock.
pub struct Direct {
    model: Model,
    next_ticket: Ticket,
    answers: BTreeMap<Ticket, Answer>,
}

impl Direct {
    /// An empty broker at `now`, epoch ms.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self::on(Model::new(now, Limits::default(), Box::new(NoShelf)))
    }

    fn on(model: Model) -> Self {
        Self { model, next_ticket: 0, answers: BTreeMap::new() }
    }

    /// The broker's time, epoch ms.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.model.now()
    }

    /// Moves time on to `now`, epoch ms: lost sessions, transaction timeouts, retention. Time never goes back.
    pub fn advance(&mut self, now: i64) {
        self.model.advance(now);
    }

    /// Creates a topic with settings by their Kafka names.
    ///
    /// # Errors
    /// `TopicAlreadyExists`, `InvalidTopicException`, `InvalidPartitions`, `InvalidConfig`.
    pub fn create_topic(&mut self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), Code> {
        let mut chosen = Settings::default();
        settings.iter().try_for_each(|(name, value)| chosen.set(name, value)).map_err(|_| Code::InvalidConfig)?;
        self.model.create_topic(name, partitions, chosen, false)
    }

    /// How many partitions a topic has; `None` if there is no such topic.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        self.model.topic(topic).map(|topic| topic.partitions())
    }

    /// First, last stable and end offset of a partition.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, Code> {
        self.model.watermarks(topic, partition)
    }

    /// A producer. What its transactional id left open is aborted, its predecessors are fenced.
    ///
    /// # Errors
    /// `InvalidTransactionTimeout` (1 ms to 15 min), `InvalidRequest` (empty id).
    pub fn init_producer(&mut self, transactional_id: Option<&str>, timeout_ms: i32) -> Result<Producer, Code> {
        let identity = self.model.init_producer(transactional_id, timeout_ms, None)?;
        Ok(Producer { transactional_id: transactional_id.map(str::to_owned), identity, sequences: BTreeMap::new() })
    }

    /// Takes partitions into the producer's transaction; the first call opens it. Needed before [`Self::produce`].
    ///
    /// # Errors
    /// `ProducerFenced`, `InvalidTxnState` (no transactional id), `UnknownTopicOrPartition`.
    pub fn add_partitions(&mut self, producer: &Producer, partitions: &[(&str, i32)]) -> Result<(), Code> {
        let tps: Vec<Tp> = partitions.iter().map(|(topic, partition)| ((*topic).into(), *partition)).collect();
        tps.iter().try_for_each(|tp| self.model.watermarks(&tp.0, tp.1).map(|_| ()))?;
        self.model.add_partitions(producer.transactional()?, producer.identity, &tps)
    }

    /// Appends records as one batch; returns the offset of the first. Their own offsets are ignored.
    ///
    /// # Errors
    /// `InvalidProducerEpoch` (fenced), `InvalidTxnState` (the partition is not in the transaction), `MessageTooLarge`,
    /// `InvalidTimestamp`, `UnknownTopicOrPartition`, `InvalidRecord` (none).
    pub fn produce(&mut self, producer: &mut Producer, topic: &str, partition: i32, records: &[Record]) -> Result<i64, Code> {
        let tp: Tp = (topic.into(), partition);
        let sequence = producer.sequences.get(&tp).copied().unwrap_or(0);
        let batch = pack(records, producer.author(sequence)).ok_or(Code::InvalidRecord)?;
        let next = batch.header.last_sequence().wrapping_add(1) & i32::MAX;
        let offset = self.model.append(producer.transactional_id.as_deref(), &tp, &[batch])?;
        producer.sequences.insert(tp, next);
        Ok(offset)
    }

    /// Puts a group's offsets into the producer's transaction, under the member's present generation.
    ///
    /// # Errors
    /// `IllegalGeneration`, `UnknownMemberId`, `FencedInstanceId`; `ProducerFenced`, `InvalidProducerEpoch`.
    pub fn send_offsets(&mut self, producer: &Producer, member: &Member, offsets: &[(&str, i32, i64)]) -> Result<(), Code> {
        let id = producer.transactional()?;
        self.model.add_offsets(id, producer.identity, member.group())?;
        let committed = |offset| Committed { offset, leader_epoch: -1, metadata: String::new() };
        let offsets = offsets.iter().map(|(topic, part, offset)| (((*topic).into(), *part), committed(*offset))).collect();
        self.model.commit_offsets_in(id, producer.identity, member.group(), member.speaker(), offsets)
    }

    /// Ends the producer's transaction. Asked twice for the same end, the second call does nothing.
    ///
    /// # Errors
    /// `ProducerFenced`; `InvalidTxnState` when none is open, or it ended otherwise.
    pub fn end_transaction(&mut self, producer: &Producer, commit: bool) -> Result<(), Code> {
        let ending = if commit { Ending::Commit } else { Ending::Abort };
        self.model.end_transaction(producer.transactional()?, producer.identity, ending)
    }

    /// Reads a partition from an offset on, up to about `max_bytes`.
    ///
    /// # Errors
    /// `OffsetOutOfRange`, `UnknownTopicOrPartition`.
    pub fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
        max_bytes: usize,
        isolation: Isolation,
    ) -> Result<Fetched, Code> {
        let limits = ReadLimits { max_bytes, at_least_one: true, isolation };
        let (slice, _) = self.model.fetch(topic, partition, from, limits)?;
        let mut fetched = Fetched { records: Vec::new(), next: slice.next(from) };
        for bytes in &slice.batches {
            let batch = Batch::read(bytes).ok_or(Code::CorruptMessage)?;
            if !batch.header.is_control() && !is_aborted(&slice, &batch) {
                fetched.records.extend(unpack(&batch)?.into_iter().filter(|record| record.offset >= from));
            }
        }
        Ok(fetched)
    }

    /// A group's committed offset. `UnstableOffsetCommit` while an open transaction may change it.
    ///
    /// # Errors
    /// `UnstableOffsetCommit`.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Result<Option<i64>, Code> {
        let tp: Tp = (Arc::from(topic), partition);
        let Some(group) = self.model.group(group) else { return Ok(None) };
        if group.offsets.is_pending(&tp) {
            return Err(Code::UnstableOffsetCommit);
        }
        Ok(group.offsets.get(&tp).map(|committed| committed.offset))
    }

    /// A group's committed offset as it stands, whether or not an open transaction may change it.
    #[must_use]
    pub fn committed_unstable(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let committed = self.model.group(group)?.offsets.get(&(Arc::from(topic), partition))?;
        Some(committed.offset)
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn take_answer(&mut self, ticket: Ticket) -> Option<Answer> {
        self.answers.extend(self.model.take_answers());
        self.answers.remove(&ticket)
    }
}

impl Producer {
    fn transactional(&self) -> Result<&str, Code> {
        self.transactional_id.as_deref().ok_or(Code::InvalidTxnState)
    }

    fn author(&self, sequence: i32) -> Author {
        let Identity { producer, epoch } = self.identity;
        Author { producer, epoch, sequence, transactional: self.transactional_id.is_some() }
    }
}

fn is_aborted(slice: &Slice, batch: &Batch) -> bool {
    let header = &batch.header;
    let within = |a: &crate::model::Aborted| a.producer == header.producer && (a.first..=a.last).contains(&header.base);
    header.is_transactional() && slice.aborted.iter().any(within)
}
