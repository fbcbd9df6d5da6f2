//! The log of one partition: append, read under an isolation level, find by time, delete from the front.
//!
//!     closed segments (oldest first) │ active segment ◄─ append
//!     start ──────────── stable ──────────── end
//!
//! `end` is the high watermark too: there is one node. `stable` (the last stable offset) is where the oldest open
//! transaction begins. Keeps, besides the segments, what the batches say of producers and of aborted transactions.

use bytes::Bytes;

use super::{
    Code, Isolation,
    batch::{Batch, Ending, Header},
    producers::{Admission, Producers},
    record,
    segment::Segment,
    shelf::{Fact, Store, Tp},
    topics::Settings,
};

/// An aborted transaction, as a reader must know it to skip its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    /// Whose.
    pub(crate) producer: i64,
    /// Its first offset in this partition.
    pub(crate) first: i64,
    /// The offset of its marker.
    pub(crate) last: i64,
}

/// What a fetch finds in one partition.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// Whole batches; the first may begin before the offset asked for.
    pub(crate) batches: Vec<Bytes>,
    /// Aborted transactions that touch them.
    pub(crate) aborted: Vec<Aborted>,
    /// Total of `batches`.
    pub(crate) bytes: usize,
}

/// See the module.
pub(crate) struct Log {
    /// Topic and partition.
    pub(crate) name: Tp,
    /// First offset that can be read.
    pub(crate) start: i64,
    /// Offset of the next record.
    pub(crate) end: i64,
    /// What producers did here.
    pub(crate) producers: Producers,
    /// Whether a segment was closed since the last cleaning.
    pub(crate) dirty: bool,
    pub(super) closed: Vec<Segment>,
    pub(super) active: Segment,
    pub(super) aborted: Vec<Aborted>,
}

impl Log {
    /// An empty log.
    pub(crate) fn new(name: Tp) -> Self {
        Self {
            name,
            start: 0,
            end: 0,
            producers: Producers::default(),
            dirty: false,
            closed: Vec::new(),
            active: Segment::open(0),
            aborted: Vec::new(),
        }
    }

    /// Last stable offset: everything before it is decided. Not before the start, though an open transaction may begin there.
    pub(crate) fn stable(&self) -> i64 {
        self.producers.first_open().unwrap_or(self.end).max(self.start)
    }

    /// Where a reader of this isolation level must stop.
    pub(crate) fn limit(&self, isolation: Isolation) -> i64 {
        if isolation == Isolation::Committed { self.stable() } else { self.end }
    }

    /// Bytes of batches in memory.
    pub(crate) fn resident(&self) -> usize {
        self.active.resident() + self.closed.iter().map(Segment::resident).sum::<usize>()
    }

    /// Appends a checked data batch; returns the offset of its first record, also when it was there already.
    ///
    /// # Errors
    /// Those of [`Producers::admit`] and of the store.
    pub(crate) fn append(&mut self, batch: &Batch, settings: &Settings, now: i64, store: &mut Store) -> Result<i64, Code> {
        if batch.header.producer >= 0
            && let Admission::Duplicate(offset) = self.producers.admit(&batch.header)?
        {
            return Ok(offset);
        }
        let appended = settings.is_log_append_time().then_some(now);
        let stamped = batch.stamped(self.end, appended);
        self.push(&stamped, settings, now, store)?;
        self.producers.note_batch(&stamped.header, now);
        Ok(stamped.header.base)
    }

    /// Appends the marker that ends a transaction.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn append_marker(&mut self, marker: &Batch, settings: &Settings, now: i64, store: &mut Store) -> Result<(), Code> {
        let stamped = marker.stamped(self.end, None);
        self.push(&stamped, settings, now, store)?;
        self.note_ending(&stamped, now);
        Ok(())
    }

    fn note_ending(&mut self, marker: &Batch, now: i64) {
        let Header { producer, base: last, .. } = marker.header;
        let began = self.producers.note_marker(&marker.header, now);
        if let (Some(first), Some(Ending::Abort)) = (began, marker.ending()) {
            self.aborted.push(Aborted { producer, first, last });
        }
    }

    fn push(&mut self, batch: &Batch, settings: &Settings, now: i64, store: &mut Store) -> Result<(), Code> {
        let full = self.active.bytes() + batch.header.len > settings.segment_bytes();
        let old = self.active.opened_ms.saturating_add(settings.segment_ms()) <= now;
        if !self.active.is_empty() && (full || old) {
            self.roll(store)?;
        }
        store.keep("append to a log", |shelf| shelf.append(&self.name, self.active.base, &batch.bytes))?;
        self.active.push(batch, now);
        self.end = batch.header.last() + 1;
        Ok(())
    }

    /// Closes the active segment and opens the next.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn roll(&mut self, store: &mut Store) -> Result<(), Code> {
        self.active.close(&self.name, store)?;
        let full = std::mem::replace(&mut self.active, Segment::open(self.end));
        self.closed.push(full);
        self.dirty = true;
        Ok(())
    }

    /// Whole batches from the one that holds `offset`, up to `max_bytes`, but at least one if `at_least_one`.
    ///
    /// # Errors
    /// `OffsetOutOfRange`; `KafkaStorageError`.
    pub(crate) fn read(&mut self, from: i64, limits: ReadLimits, store: &mut Store) -> Result<Slice, Code> {
        if from < self.start || from > self.end {
            return Err(Code::OffsetOutOfRange);
        }
        let stop = self.limit(limits.isolation);
        let mut slice = Slice::default();
        let first = self.closed.partition_point(|s| s.entries().last().is_none_or(|entry| entry.last < from));
        let mut more = true;
        for index in first..self.closed.len() {
            if let (true, Some(segment)) = (more, self.closed.get_mut(index)) {
                segment.load(&self.name, store)?;
                more = slice.take(segment, from, stop, limits);
            }
        }
        if more {
            slice.take(&self.active, from, stop, limits);
        }
        if limits.isolation == Isolation::Committed {
            slice.aborted = self.aborted_within(from, slice.next(from));
        }
        Ok(slice)
    }

    fn aborted_within(&self, from: i64, to: i64) -> Vec<Aborted> {
        // Markers are noted in order of their offset, so everything before this index ended before `from`.
        let first = self.aborted.partition_point(|aborted| aborted.last < from);
        let mut found: Vec<_> = self.aborted.iter().skip(first).filter(|aborted| aborted.first < to).copied().collect();
        found.sort_by_key(|aborted| aborted.first);
        found
    }

    /// The first record stamped at or after `time`: (timestamp, offset).
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn find_time(&mut self, time: i64, isolation: Isolation, store: &mut Store) -> Result<Option<(i64, i64)>, Code> {
        let (start, stop) = (self.start, self.limit(isolation));
        for segment in self.closed.iter_mut().chain(std::iter::once(&mut self.active)) {
            let found = segment.entries().iter().position(|e| e.max_timestamp >= time && e.last >= start && e.base < stop);
            if let Some(index) = found {
                segment.load(&self.name, store)?;
                let batch = segment.batch(index).ok_or(Code::KafkaStorageError)?;
                return Ok(record::first_at(&batch, time, start));
            }
        }
        Ok(None)
    }

    /// Moves the start to `offset`; closed segments wholly before it are dropped. Returns the new start.
    ///
    /// # Errors
    /// `OffsetOutOfRange`; `KafkaStorageError`.
    pub(crate) fn delete_before(&mut self, offset: i64, store: &mut Store) -> Result<i64, Code> {
        if offset > self.end || offset < 0 {
            return Err(Code::OffsetOutOfRange);
        }
        if offset > self.start {
            store.note(&Fact::LogStart { tp: self.name.clone(), offset })?;
            self.start = offset;
            self.drop_before_start(store)?;
        }
        Ok(self.start)
    }

    pub(super) fn drop_before_start(&mut self, store: &mut Store) -> Result<(), Code> {
        while self.closed.first().is_some_and(|s| s.entries().last().is_none_or(|entry| entry.last < self.start)) {
            let gone = self.closed.remove(0);
            store.keep("drop a segment", |shelf| shelf.remove(&self.name, gone.base))?;
        }
        let start = self.start;
        self.aborted.retain(|aborted| aborted.last >= start);
        Ok(())
    }

    /// Takes a segment that the shelf kept, oldest first.
    pub(crate) fn restore(&mut self, segment: Segment, content: &Bytes, now: i64) {
        let mut rest = content.clone();
        while let Some(header) = Header::read(&rest) {
            let batch = Batch { header, bytes: rest.split_to(header.len) };
            if header.is_control() {
                self.note_ending(&batch, now);
            } else {
                self.producers.note_batch(&header, now);
            }
            self.end = header.last() + 1;
        }
        self.dirty = true;
        self.closed.push(segment);
    }

    /// Goes on at `end` after a restart.
    pub(crate) fn begin_at(&mut self, end: i64) {
        self.end = end;
        self.active = Segment::open(end);
    }
}

/// How much, and what, a read may return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimits {
    /// Bytes at most.
    pub(crate) max_bytes: usize,
    /// A first batch larger than `max_bytes` is returned all the same, so that no reader is stuck.
    pub(crate) at_least_one: bool,
    /// Stop at the end, or at the last stable offset.
    pub(crate) isolation: Isolation,
}

impl Slice {
    /// Takes batches of `segment`; whether the next segment may be looked at.
    fn take(&mut self, segment: &Segment, from: i64, stop: i64, limits: ReadLimits) -> bool {
        for index in segment.seek(from)..segment.entries().len() {
            let Some(batch) = segment.batch(index) else { return false };
            let decided = segment.entries().get(index).is_some_and(|entry| entry.base < stop);
            let fits = self.bytes + batch.len() <= limits.max_bytes || (limits.at_least_one && self.batches.is_empty());
            if !decided || !fits {
                return false;
            }
            self.bytes += batch.len();
            self.batches.push(batch);
        }
        true
    }

    /// The offset after the last batch; `from` if there is none.
    pub(crate) fn next(&self, from: i64) -> i64 {
        self.batches.last().and_then(|batch| Header::read(batch)).map_or(from, |header| header.last() + 1)
    }
}
