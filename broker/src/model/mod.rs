//! Kafka's log, groups and transactions as one synchronous state machine: calls in, answers out, time an argument.
//!
//!     direct ──┐                        ┌─ topics ─ log ─ segment ─ batch, record
//!              ├─► Model (now, calls) ──┼─ producers, transactions
//!     wire   ──┘        │               └─ group, membership, offsets
//!                       └─► touched partitions, answers to waiting joins and syncs
//!
//! The same calls at the same times give the same state: no clock, no randomness, ordered maps. Keeps everything that a
//! broker keeps; closed segments beyond a limit of memory lie on the shelf. It is one node: what is written is replicated.

mod batch;
mod cleaning;
mod files;
mod group;
mod log;
mod membership;
mod offsets;
mod producers;
mod record;
mod recovery;
mod segment;
mod shelf;
mod topics;
mod transactions;
mod upkeep;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
pub use kafka_protocol::ResponseError as Code;

pub use self::record::Record;
pub(crate) use self::{
    batch::{Batch, Ending},
    files::Files,
    group::{Answer, Group, Join, Joined, Member, Phase as GroupPhase, Ticket},
    log::{Aborted, ReadLimits, Slice},
    membership::Speaker,
    offsets::{Committed, METADATA_MAX},
    record::{Author, pack, unpack},
    shelf::{Fact, NoShelf, Shelf, Tp},
    topics::{KNOWN, Known, PARTITIONS_MAX, Settings, Topic},
    transactions::{Identity, Transaction},
};
use self::{group::Answers, shelf::Store};

/// Topics that one broker holds.
const TOPICS_MAX: usize = 10_000;
/// Partitions of all topics together.
const ALL_PARTITIONS_MAX: i32 = 100_000;
/// Groups that one broker holds.
const GROUPS_MAX: usize = 10_000;

/// What a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything up to the end.
    Uncommitted,
    /// Up to the last stable offset; aborted transactions are named, so that the reader can skip them.
    Committed,
}

/// First, last stable and end offset of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// First offset that can be read.
    pub start: i64,
    /// Everything before it is decided.
    pub stable: i64,
    /// Offset of the next record.
    pub end: i64,
}

/// Limits of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of batches in memory, beyond which closed segments stay on the shelf only.
    pub(crate) memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20 }
    }
}

/// See the module.
pub(crate) struct Model {
    /// Epoch ms; moved on by [`Model::advance`].
    now: i64,
    /// Set apart the member ids of this run from those of earlier ones.
    incarnation: i64,
    limits: Limits,
    topics: BTreeMap<Arc<str>, Topic>,
    groups: BTreeMap<Arc<str>, Group>,
    transactions: BTreeMap<Arc<str>, Transaction>,
    next_producer: i64,
    next_member: u64,
    upkeep_due: i64,
    /// Bytes of journal at which it is rewritten.
    journal_due: u64,
    store: Store,
    touched: BTreeSet<Tp>,
    answers: Answers,
}

impl Model {
    /// An empty broker at `now`.
    pub(crate) fn new(now: i64, limits: Limits, shelf: Box<dyn Shelf>) -> Self {
        Self {
            now,
            incarnation: now,
            limits,
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            transactions: BTreeMap::new(),
            next_producer: 0,
            next_member: 0,
            upkeep_due: now,
            journal_due: 0,
            store: Store::new(shelf),
            touched: BTreeSet::new(),
            answers: Answers::new(),
        }
    }

    /// The model's time, epoch ms.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    /// Why the store can no longer be trusted, if so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.store.failure()
    }

    /// Partitions written since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Tp> {
        std::mem::take(&mut self.touched)
    }

    /// Answers to joins and syncs since the last call.
    pub(crate) fn take_answers(&mut self) -> Answers {
        std::mem::take(&mut self.answers)
    }

    /// Sets the clock without running anything that is due; time never goes back.
    pub(crate) fn set_clock(&mut self, now: i64) {
        self.now = self.now.max(now);
    }

    /// Moves time on: lost sessions, transaction timeouts, upkeep of the logs.
    pub(crate) fn advance(&mut self, now: i64) {
        self.set_clock(now);
        for group in self.groups.values_mut() {
            group.tick(self.now, &mut self.answers);
        }
        self.sweep_transactions();
        self.upkeep();
    }

    // Topics

    /// Names and topics, in order.
    pub(crate) fn topics(&self) -> impl Iterator<Item = (&Arc<str>, &Topic)> {
        self.topics.iter()
    }

    /// A topic.
    pub(crate) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// Creates a topic; `dry` only checks.
    ///
    /// # Errors
    /// `InvalidTopicException`, `TopicAlreadyExists`, `InvalidPartitions`, `PolicyViolation` (too many), `KafkaStorageError`.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32, settings: Settings, dry: bool) -> Result<(), Code> {
        if !topics::is_name(name) {
            return Err(Code::InvalidTopicException);
        }
        if self.topics.contains_key(name) {
            return Err(Code::TopicAlreadyExists);
        }
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Code::InvalidPartitions);
        }
        if self.topics.len() >= TOPICS_MAX {
            return Err(Code::PolicyViolation);
        }
        self.check_room(partitions)?;
        if dry { Ok(()) } else { self.put_topic(name.into(), partitions, settings) }
    }

    fn check_room(&self, more: i32) -> Result<(), Code> {
        let held: i32 = self.topics.values().map(Topic::partitions).sum();
        if held.saturating_add(more) > ALL_PARTITIONS_MAX { Err(Code::PolicyViolation) } else { Ok(()) }
    }

    fn put_topic(&mut self, name: Arc<str>, partitions: i32, settings: Settings) -> Result<(), Code> {
        self.store.note(&Fact::Topic { name: Arc::clone(&name), partitions, settings: settings.clone() })?;
        self.topics.insert(Arc::clone(&name), Topic::new(&name, partitions, settings));
        Ok(())
    }

    /// Deletes a topic, its records and the offsets committed for it.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `KafkaStorageError`.
    pub(crate) fn delete_topic(&mut self, name: &str) -> Result<(), Code> {
        let (name, topic) = self.topics.remove_entry(name).ok_or(Code::UnknownTopicOrPartition)?;
        self.store.note(&Fact::TopicGone { name: Arc::clone(&name) })?;
        for log in &topic.logs {
            self.store.keep("delete a topic", |shelf| shelf.remove_log(&log.name))?;
            self.touched.insert(log.name.clone());
        }
        self.groups.values_mut().for_each(|group| group.offsets.forget_topic(&name));
        Ok(())
    }

    /// Raises the number of partitions to `count`; `dry` only checks.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `InvalidPartitions`, `PolicyViolation` (too many), `KafkaStorageError`.
    pub(crate) fn grow_topic(&mut self, name: &str, count: i32, dry: bool) -> Result<(), Code> {
        let (name, topic) = self.topics.get_key_value(name).ok_or(Code::UnknownTopicOrPartition)?;
        let (name, had, settings) = (Arc::clone(name), topic.partitions(), topic.settings.clone());
        if count <= had || count > PARTITIONS_MAX {
            return Err(Code::InvalidPartitions);
        }
        self.check_room(count - had)?;
        if dry {
            return Ok(());
        }
        self.store.note(&Fact::Topic { name: Arc::clone(&name), partitions: count, settings })?;
        if let Some(topic) = self.topics.get_mut(&name) {
            topic.logs.extend((had..count).map(|partition| log::Log::new((Arc::clone(&name), partition))));
        }
        Ok(())
    }

    /// Replaces a topic's settings.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `KafkaStorageError`.
    pub(crate) fn configure_topic(&mut self, name: &str, settings: Settings) -> Result<(), Code> {
        let (name, topic) = self.topics.get_key_value(name).ok_or(Code::UnknownTopicOrPartition)?;
        let (name, partitions) = (Arc::clone(name), topic.partitions());
        self.store.note(&Fact::Topic { name: Arc::clone(&name), partitions, settings: settings.clone() })?;
        if let Some(topic) = self.topics.get_mut(&name) {
            topic.settings = settings;
        }
        Ok(())
    }

    // Records

    /// Appends the batches of one partition; returns the offset of the first record.
    ///
    /// # Errors
    /// Kafka's, by name: unknown partition, corrupt or invalid batch, too large, timestamp out of range, sequence gap,
    /// stale epoch, not in a transaction, storage.
    pub(crate) fn produce(&mut self, id: Option<&str>, tp: &Tp, records: Bytes) -> Result<i64, Code> {
        let batches = Batch::split(records)?;
        self.append(id, tp, &batches)
    }

    /// As [`Self::produce`], with batches that are checked already.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn append(&mut self, id: Option<&str>, tp: &Tp, batches: &[Batch]) -> Result<i64, Code> {
        for batch in batches.iter().filter(|batch| batch.header.is_transactional()) {
            self.admit_transactional(id, &batch.header, tp)?;
        }
        let now = self.now;
        let (log, settings) = self.topics.get_mut(&tp.0).ok_or(Code::UnknownTopicOrPartition)?.log(tp.1)?;
        for batch in batches {
            if batch.header.len > settings.max_message_bytes() {
                return Err(Code::MessageTooLarge);
            }
            if !settings.takes_timestamp(batch.header.max_timestamp, now) {
                return Err(Code::InvalidTimestamp);
            }
        }
        let mut first = None;
        for batch in batches {
            let offset = log.append(batch, settings, now, &mut self.store)?;
            first.get_or_insert(offset);
        }
        self.touched.insert(log.name.clone());
        first.ok_or(Code::InvalidRecord)
    }

    /// Reads one partition: see [`log::Log::read`].
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `OffsetOutOfRange`, `KafkaStorageError`.
    pub(crate) fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
        limits: ReadLimits,
    ) -> Result<(Slice, Watermarks), Code> {
        let (log, _) = self.topics.get_mut(topic).ok_or(Code::UnknownTopicOrPartition)?.log(partition)?;
        let slice = log.read(from, limits, &mut self.store)?;
        Ok((slice, Watermarks { start: log.start, stable: log.stable(), end: log.end }))
    }

    /// First, last stable and end offset.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, Code> {
        let log = self.topics.get(topic).and_then(|topic| topic.logs.get(usize::try_from(partition).ok()?));
        let log = log.ok_or(Code::UnknownTopicOrPartition)?;
        Ok(Watermarks { start: log.start, stable: log.stable(), end: log.end })
    }

    /// The first record stamped at or after `time`: (timestamp, offset).
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `KafkaStorageError`.
    pub(crate) fn find_time(
        &mut self,
        topic: &str,
        partition: i32,
        time: i64,
        isolation: Isolation,
    ) -> Result<Option<(i64, i64)>, Code> {
        let (log, _) = self.topics.get_mut(topic).ok_or(Code::UnknownTopicOrPartition)?.log(partition)?;
        log.find_time(time, isolation, &mut self.store)
    }

    /// Deletes the records before `offset` (-1: all); returns the new start.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`, `OffsetOutOfRange`, `PolicyViolation` (a compact-only topic), `KafkaStorageError`.
    pub(crate) fn delete_records(&mut self, topic: &str, partition: i32, offset: i64) -> Result<i64, Code> {
        let (log, settings) = self.topics.get_mut(topic).ok_or(Code::UnknownTopicOrPartition)?.log(partition)?;
        if !settings.get("cleanup.policy").contains("delete") {
            return Err(Code::PolicyViolation);
        }
        let offset = if offset == -1 { log.end } else { offset };
        log.delete_before(offset, &mut self.store)
    }

    // Groups

    /// Names and groups, in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        self.groups.iter()
    }

    /// A group.
    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, Code> {
        if name.is_empty() {
            return Err(Code::InvalidGroupId);
        }
        if !self.groups.contains_key(name) {
            if self.groups.len() >= GROUPS_MAX {
                return Err(Code::CoordinatorNotAvailable);
            }
            self.groups.insert(name.into(), Group::new());
        }
        self.groups.get_mut(name).ok_or(Code::CoordinatorNotAvailable)
    }

    /// Joins a group; the answer comes under `ticket`.
    pub(crate) fn join(&mut self, group: &str, join: Join, ticket: Ticket) {
        self.next_member += 1;
        let id = format!("{}-{:x}-{}", join.client, self.incarnation, self.next_member);
        let (now, mut answers) = (self.now, std::mem::take(&mut self.answers));
        match self.group_mut(group) {
            Ok(group) => group.join(join, id, ticket, now, &mut answers),
            Err(code) => answers.push((ticket, Answer::Join(Err((code, join.member))))),
        }
        self.answers = answers;
    }

    /// Syncs with a group; the answer comes under `ticket`.
    pub(crate) fn sync(
        &mut self,
        group: &str,
        speaker: Speaker<'_>,
        protocol: (Option<&str>, Option<&str>),
        assignments: Vec<(String, Bytes)>,
        ticket: Ticket,
    ) {
        match self.groups.get_mut(group) {
            Some(group) => group.sync(speaker, protocol, assignments, ticket, self.now, &mut self.answers),
            None => self.answers.push((ticket, Answer::Sync(Err(Code::UnknownMemberId)))),
        }
    }

    /// See [`Group::heartbeat`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn heartbeat(&mut self, group: &str, speaker: Speaker<'_>) -> Result<(), Code> {
        self.groups.get_mut(group).ok_or(Code::UnknownMemberId)?.heartbeat(speaker, self.now)
    }

    /// See [`Group::leave`].
    ///
    /// # Errors
    /// As there.
    pub(crate) fn leave(&mut self, group: &str, member: &str, instance: Option<&str>) -> Result<(), Code> {
        let group = self.groups.get_mut(group).ok_or(Code::UnknownMemberId)?;
        group.leave(member, instance, self.now, &mut self.answers)
    }

    /// Commits offsets outside of a transaction.
    ///
    /// # Errors
    /// See [`Group::admit_commit`]; `KafkaStorageError`.
    pub(crate) fn commit_offsets(
        &mut self,
        group: &str,
        speaker: Speaker<'_>,
        offsets: Vec<(Tp, Committed)>,
    ) -> Result<(), Code> {
        let (now, name): (_, Arc<str>) = (self.now, group.into());
        self.group_mut(group)?.admit_commit(speaker, false, now)?;
        for (tp, committed) in offsets {
            self.store.note(&Fact::Offset { group: Arc::clone(&name), tp: tp.clone(), committed: committed.clone() })?;
            self.group_mut(group)?.offsets.commit(tp, committed);
        }
        Ok(())
    }

    /// Deletes a group without members, and its offsets.
    ///
    /// # Errors
    /// `GroupIdNotFound`, `NonEmptyGroup`, `KafkaStorageError`.
    pub(crate) fn delete_group(&mut self, name: &str) -> Result<(), Code> {
        let (name, group) = self.groups.get_key_value(name).ok_or(Code::GroupIdNotFound)?;
        if group.phase != GroupPhase::Empty || !group.promised.is_empty() {
            return Err(Code::NonEmptyGroup);
        }
        let name = Arc::clone(name);
        self.store.note(&Fact::GroupGone { group: Arc::clone(&name) })?;
        self.groups.remove(&name);
        Ok(())
    }
}
