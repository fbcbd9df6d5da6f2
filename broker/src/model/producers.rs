//! What one partition remembers of each producer: epoch, the last five batches, the open transaction.
//!
//!     batch ─► Producers::admit ─► New: append it │ Duplicate(offset): acknowledge again │ refusal
//!
//! Keeps one entry per producer id until it has been silent for `IDLE_MS`. Does not know transactional ids: whether a
//! partition belongs to a transaction is the coordinator's to say (`transactions`).

use std::collections::{BTreeMap, VecDeque};

use super::{Code, batch::Header};

/// Batches a producer may have in flight, so duplicates are looked for among this many (`max.in.flight.requests` <= 5).
const REMEMBERED: usize = 5;
/// A producer silent for this long is forgotten (Kafka: producer.id.expiration.ms, 1 day).
const IDLE_MS: i64 = 86_400_000;

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Append it.
    New,
    /// Already there; its first record is at this offset.
    Duplicate(i64),
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    first: i32,
    last: i32,
    offset: i64,
}

#[derive(Debug, Clone)]
struct Producer {
    epoch: i16,
    seen: VecDeque<Seen>,
    /// First offset of the open transaction.
    open: Option<i64>,
    touched_ms: i64,
}

/// All producers of a partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Producers(BTreeMap<i64, Producer>);

impl Producers {
    /// Whether `batch` may be appended.
    ///
    /// # Errors
    /// `InvalidProducerEpoch` (fenced), `OutOfOrderSequenceNumber` (a gap), `InvalidTxnState` (plain batch inside a
    /// transaction).
    pub(crate) fn admit(&self, batch: &Header) -> Result<Admission, Code> {
        let Some(known) = self.0.get(&batch.producer) else { return Ok(Admission::New) };
        if batch.epoch < known.epoch {
            return Err(Code::InvalidProducerEpoch);
        }
        if known.open.is_some() && !batch.is_transactional() {
            return Err(Code::InvalidTxnState);
        }
        if batch.epoch > known.epoch {
            return if batch.sequence == 0 { Ok(Admission::New) } else { Err(Code::OutOfOrderSequenceNumber) };
        }
        known.admit_in_sequence(batch)
    }

    /// Notes a data batch appended at `now`.
    pub(crate) fn note_batch(&mut self, batch: &Header, now: i64) {
        if batch.producer < 0 {
            return;
        }
        let known = self.entry(batch.producer, batch.epoch);
        known.touched_ms = now;
        if known.seen.len() == REMEMBERED {
            known.seen.pop_front();
        }
        known.seen.push_back(Seen { first: batch.sequence, last: batch.last_sequence(), offset: batch.base });
        if batch.is_transactional() && known.open.is_none() {
            known.open = Some(batch.base);
        }
    }

    /// Notes a marker appended at `now`; returns where the transaction that it ends began.
    pub(crate) fn note_marker(&mut self, marker: &Header, now: i64) -> Option<i64> {
        let known = self.entry(marker.producer, marker.epoch);
        known.touched_ms = now;
        known.open.take()
    }

    /// First offset of the oldest open transaction.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.0.values().filter_map(|p| p.open).min()
    }

    /// Whether `producer` has an open transaction here.
    pub(crate) fn is_open(&self, producer: i64) -> bool {
        self.0.get(&producer).is_some_and(|p| p.open.is_some())
    }

    /// Forgets producers that have been silent for a day and hold nothing open.
    pub(crate) fn forget_idle(&mut self, now: i64) {
        self.0.retain(|_, p| p.open.is_some() || p.touched_ms.saturating_add(IDLE_MS) > now);
    }

    fn entry(&mut self, producer: i64, epoch: i16) -> &mut Producer {
        let known =
            self.0.entry(producer).or_insert_with(|| Producer { epoch, seen: VecDeque::new(), open: None, touched_ms: 0 });
        if known.epoch != epoch {
            known.epoch = epoch;
            known.seen.clear();
        }
        known
    }
}

impl Producer {
    fn admit_in_sequence(&self, batch: &Header) -> Result<Admission, Code> {
        let (first, last) = (batch.sequence, batch.last_sequence());
        if let Some(seen) = self.seen.iter().find(|s| s.first == first && s.last == last) {
            return Ok(Admission::Duplicate(seen.offset));
        }
        // After a marker under a bumped epoch there is no last batch: the producer starts over at 0.
        let expected = self.seen.back().map_or(0, |s| super::batch::wrapping_sequence(s.last, 1));
        if first == expected { Ok(Admission::New) } else { Err(Code::OutOfOrderSequenceNumber) }
    }
}
