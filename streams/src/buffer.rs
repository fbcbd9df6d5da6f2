//! What a task has read and not yet processed, in the order in which it will be.
//!
//!     event time:  by (timestamp, rank, topic, key, id)        arrival:  as it came
//!
//! Knows for each input the lowest offset not yet processed, which is what the group commits, and how much memory it
//! takes. Its size is bounded by its driver: no writer goes further than the skew beyond the slowest, and inputs of a
//! full buffer are not read on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::codec::Poison;
use crate::record::{Record, Topic, Ts};

/// A record, or one that could not be read and why.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The record as far as it could be read.
    pub record: Arc<Record>,
    /// Why it is to be refused.
    pub poison: Option<Arc<Poison>>,
    /// Set where it came through the stage's retry topic.
    pub redelivery: Option<Arc<Redelivery>>,
}

/// A record that an operator hands in again after a stage had refused it.
#[derive(Debug, Clone, PartialEq)]
pub struct Redelivery {
    /// Which time, from 1 on.
    pub times: u32,
    /// The record as it first came, with the topic, partition and offset of then.
    pub record: Record,
}

/// In which order a task takes its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they come: for latency.
    Arrival,
    /// In reference order, up to the progress line: for equal bytes.
    EventTime,
}

/// Records of one task that wait for their turn.
#[derive(Debug, Default)]
pub struct Buffer {
    instants: BTreeMap<Ts, Vec<Arrived>>,
    queue: VecDeque<Arrived>,
    unprocessed: Vec<(Topic, Unprocessed)>,
    bytes: usize,
}

/// Memory that a record takes beside its key and body, about.
const RECORD_BYTES: usize = 256;

fn bytes_of(record: &Record) -> usize {
    RECORD_BYTES + record.key.len() + record.body.as_ref().map_or(0, |body| body.len())
}

/// Offsets read and not yet processed. As a rule they come in ascending order, and leave in it.
#[derive(Debug, Default)]
struct Unprocessed {
    /// Ascending, with whether it is processed; the first never is.
    offsets: VecDeque<(i64, bool)>,
    count: usize,
}

impl Unprocessed {
    fn insert(&mut self, offset: i64) {
        if self.offsets.back().is_none_or(|(last, _)| *last < offset) {
            self.offsets.push_back((offset, false));
            self.count += 1;
        } else if let Err(place) = self.offsets.binary_search_by_key(&offset, |(offset, _)| *offset) {
            self.offsets.insert(place, (offset, false));
            self.count += 1;
        }
    }

    fn remove(&mut self, offset: i64) {
        let Ok(place) = self.offsets.binary_search_by_key(&offset, |(offset, _)| *offset) else { return };
        self.count -= usize::from(!std::mem::replace(&mut self.offsets[place].1, true));
        while self.offsets.front().is_some_and(|(_, processed)| *processed) {
            self.offsets.pop_front();
        }
    }
}

impl Buffer {
    /// Adds a record.
    pub fn push(&mut self, order: Order, arrived: Arrived) {
        let (topic, offset) = (arrived.record.topic, arrived.record.offset);
        self.bytes += bytes_of(&arrived.record);
        match self.unprocessed.iter_mut().find(|(name, _)| *name == topic) {
            Some((_, offsets)) => offsets.insert(offset),
            None => self.unprocessed.push((topic, Unprocessed { offsets: [(offset, false)].into(), count: 1 })),
        }
        match order {
            Order::Arrival => self.queue.push_back(arrived),
            Order::EventTime => self.instants.entry(arrived.record.timestamp).or_default().push(arrived),
        }
    }

    /// The earliest instant of which there are records, in event time.
    #[must_use]
    pub fn first_instant(&self) -> Option<Ts> {
        self.instants.first_key_value().map(|(at, _)| *at)
    }

    /// The earliest instant of the records that wait in arrival order.
    #[must_use]
    pub fn first_in_queue(&self) -> Option<Ts> {
        self.queue.iter().map(|arrived| arrived.record.timestamp).min()
    }

    /// Takes every record stamped at or before `instant`, in reference order.
    pub fn take_instant(&mut self, instant: Ts) -> Vec<Arrived> {
        let mut taken = Vec::new();
        while let Some(entry) = self.instants.first_entry().filter(|entry| *entry.key() <= instant) {
            taken.extend(entry.remove());
        }
        taken.sort_by(|a, b| a.record.order().cmp(&b.record.order()).then(a.record.offset.cmp(&b.record.offset)));
        taken.iter().for_each(|arrived| self.processed(&arrived.record));
        taken
    }

    /// Takes the record that came first, in arrival order.
    pub fn take_first(&mut self) -> Option<Arrived> {
        let arrived = self.queue.pop_front()?;
        self.processed(&arrived.record);
        Some(arrived)
    }

    /// The lowest offset of a topic that is read and not processed.
    #[must_use]
    pub fn lowest(&self, topic: Topic) -> Option<i64> {
        let (_, unprocessed) = self.unprocessed.iter().find(|(name, _)| *name == topic)?;
        unprocessed.offsets.front().map(|(offset, _)| *offset)
    }

    /// Records that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unprocessed.iter().map(|(_, offsets)| offsets.count).sum()
    }

    /// Memory that the records take which wait, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn processed(&mut self, record: &Record) {
        self.bytes -= bytes_of(record);
        if let Some((_, offsets)) = self.unprocessed.iter_mut().find(|(name, _)| *name == record.topic) {
            offsets.remove(record.offset);
        }
    }
}
