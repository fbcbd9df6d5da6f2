//! Cleaning of compacted topics: of each key only the last record stays, tombstones stay for a while.
//!
//! Works on closed segments below the last stable offset, segment by segment, each replaced whole. Records keep their
//! offsets. Control markers stay; records of aborted transactions go. A batch that cannot be opened (snappy, zstd) stays as
//! it is. The last batch stays too: it marks where the log ends.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::{
    Code,
    batch::Batch,
    log::Log,
    record::{Record, repack, unpack},
    segment::Segment,
    shelf::Store,
    topics::Settings,
};

/// Keys that one pass remembers; a log with more is cleaned up to the segment where they run out.
const KEYS_MAX: usize = 2_000_000;

/// The last offset of each key.
type Latest = BTreeMap<Bytes, i64>;

impl Log {
    /// Cleans the closed segments, if one was closed since the last time.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(super) fn clean(&mut self, settings: &Settings, now: i64, store: &mut Store) -> Result<(), Code> {
        if !self.dirty {
            return Ok(());
        }
        self.dirty = false;
        let (stable, lag) = (self.stable(), settings.min_compaction_lag_ms());
        let decided = |s: &Segment| s.entries().last().is_none_or(|entry| entry.last < stable);
        let settled = |s: &Segment| lag == 0 || s.max_timestamp.saturating_add(lag) <= now;
        let mut count = self.closed.iter().take_while(|segment| decided(segment) && settled(segment)).count();
        let mut latest = Latest::new();
        for index in 0..count {
            self.note_keys(index, &mut latest, store)?;
            if latest.len() > KEYS_MAX {
                count = index + 1;
                break;
            }
        }
        for index in 0..count {
            self.clean_segment(index, &latest, settings.delete_retention_ms(), now, store)?;
        }
        self.closed.retain(|segment| !segment.is_empty());
        Ok(())
    }

    fn note_keys(&mut self, index: usize, latest: &mut Latest, store: &mut Store) -> Result<(), Code> {
        for batch in self.batches(index, store)? {
            if batch.header.is_control() || self.is_aborted(&batch) {
                continue;
            }
            let Ok(records) = unpack(&batch) else { continue };
            latest.extend(records.into_iter().filter_map(|record| Some((record.key?, record.offset))));
        }
        Ok(())
    }

    fn batches(&mut self, index: usize, store: &mut Store) -> Result<Vec<Batch>, Code> {
        let Some(segment) = self.closed.get_mut(index) else { return Ok(Vec::new()) };
        segment.load(&self.name, store)?;
        Ok((0..segment.entries().len()).filter_map(|at| Batch::read(&segment.batch(at)?)).collect())
    }

    fn is_aborted(&self, batch: &Batch) -> bool {
        let header = &batch.header;
        let within = |a: &super::Aborted| a.producer == header.producer && (a.first..=a.last).contains(&header.base);
        header.is_transactional() && self.aborted.iter().any(within)
    }

    fn clean_segment(&mut self, index: usize, latest: &Latest, keep_ms: i64, now: i64, store: &mut Store) -> Result<(), Code> {
        let batches = self.batches(index, store)?;
        let Some(segment) = self.closed.get(index) else { return Ok(()) };
        let tombstones_stay = segment.max_timestamp.saturating_add(keep_ms) > now;
        let (base, opened_ms, before, end) = (segment.base, segment.opened_ms, segment.bytes(), self.end);
        let stays = |record: &Record| {
            let last = record.key.as_ref().is_none_or(|key| latest.get(key) == Some(&record.offset));
            last && (record.value.is_some() || tombstones_stay)
        };
        let mut cleaned = BytesMut::new();
        for batch in &batches {
            let untouchable = batch.header.is_control() || batch.header.last() + 1 == end;
            let bytes = if untouchable { Some(batch.bytes.clone()) } else { self.cleaned(batch, stays) };
            cleaned.extend(bytes);
        }
        if cleaned.len() == before {
            return Ok(());
        }
        let cleaned = cleaned.freeze();
        store.keep("clean a segment", |shelf| {
            if cleaned.is_empty() { shelf.remove(&self.name, base) } else { shelf.close(&self.name, base, &cleaned) }
        })?;
        if let Some(segment) = self.closed.get_mut(index) {
            *segment = Segment::closed(base, cleaned);
            segment.opened_ms = opened_ms;
        }
        Ok(())
    }

    /// What stays of a batch; `None`: nothing.
    fn cleaned(&self, batch: &Batch, stays: impl Fn(&Record) -> bool) -> Option<Bytes> {
        if self.is_aborted(batch) {
            return None;
        }
        let Ok(records) = unpack(batch) else { return Some(batch.bytes.clone()) };
        let all = records.len();
        let kept: Vec<Record> = records.into_iter().filter(stays).collect();
        match kept.len() {
            0 => None,
            some if some == all => Some(batch.bytes.clone()),
            _ => Some(repack(&batch.header, &kept).bytes),
        }
    }
}
