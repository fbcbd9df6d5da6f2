//! What time alone makes the model do with its logs: retention, cleaning, memory, the journal.
//!
//! Works on closed segments only, and never past the last stable offset.

use super::{Code, Model, log::Log, segment::Segment, shelf::Store, topics::Settings};

/// How often retention and cleaning look at the logs, ms.
const UPKEEP_MS: i64 = 5_000;
/// The journal is rewritten once it has grown by this much.
const JOURNAL_GROWTH: u64 = 64 << 20;
/// Under pressure of memory, open segments of this size and more are closed early.
const ROLL_BYTES_MIN: usize = 256 << 10;

impl Model {
    /// Retention, cleaning, memory.
    pub(super) fn upkeep(&mut self) {
        // A store that fails says so itself, and refuses everything from then on.
        let _failed = self.try_upkeep();
    }

    fn try_upkeep(&mut self) -> Result<(), Code> {
        self.fit_memory()?;
        if self.now < self.upkeep_due {
            return Ok(());
        }
        self.upkeep_due = self.now + UPKEEP_MS;
        let (now, store) = (self.now, &mut self.store);
        for topic in self.topics.values_mut() {
            for log in &mut topic.logs {
                log.producers.forget_idle(now);
                log.retain(&topic.settings, now, store)?;
                if topic.settings.is_compacted() {
                    log.clean(&topic.settings, now, store)?;
                }
            }
        }
        self.groups.retain(|_, group| !group.is_forgettable());
        self.fit_journal()
    }

    fn fit_journal(&mut self) -> Result<(), Code> {
        if self.store.noted_bytes() < self.journal_due {
            return Ok(());
        }
        self.compact_journal()?;
        self.journal_due = self.store.noted_bytes() + JOURNAL_GROWTH;
        Ok(())
    }

    /// Lets go of the closed segments unused for longest while memory holds more than its limit.
    fn fit_memory(&mut self) -> Result<(), Code> {
        let resident: usize = self.topics.values().flat_map(|topic| &topic.logs).map(Log::resident).sum();
        let mut excess = resident.saturating_sub(self.limits.memory_bytes);
        if excess == 0 || !self.store.holds_segments() {
            return Ok(());
        }
        let store = &mut self.store;
        let closed = self.topics.values().flat_map(|topic| &topic.logs).flat_map(|log| &log.closed);
        if closed.map(Segment::resident).sum::<usize>() < excess {
            let open = self.topics.values_mut().flat_map(|topic| &mut topic.logs);
            open.filter(|log| log.active.bytes() >= ROLL_BYTES_MIN).try_for_each(|log| log.roll(store))?;
        }
        let logs = self.topics.values_mut().flat_map(|topic| &mut topic.logs);
        let mut held: Vec<&mut Segment> = logs.flat_map(|log| &mut log.closed).filter(|s| s.resident() > 0).collect();
        held.sort_by_key(|segment| segment.used);
        for segment in held {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(segment.resident());
            segment.shelve();
        }
        Ok(())
    }
}

impl Log {
    /// Drops closed segments that are too old, or too many bytes back, and says so.
    fn retain(&mut self, settings: &Settings, now: i64, store: &mut Store) -> Result<(), Code> {
        let (ms, bytes) = settings.retention();
        let mut kept: usize = self.active.bytes() + self.closed.iter().map(Segment::bytes).sum::<usize>();
        let stable = self.stable();
        let mut start = self.start;
        for segment in &self.closed {
            let Some(last) = segment.entries().last().map(|entry| entry.last) else { continue };
            let old = ms.is_some_and(|ms| segment.max_timestamp.saturating_add(ms) < now);
            let many = bytes.is_some_and(|bytes| kept - segment.bytes() >= bytes);
            if last >= stable || !(old || many) {
                break;
            }
            kept -= segment.bytes();
            start = last + 1;
        }
        if start > self.start {
            let (topic, partition) = (&self.name.0, self.name.1);
            tracing::warn!(%topic, partition, from = self.start, to = start - 1, "retention removed records");
            self.delete_before(start, store)?;
        }
        Ok(())
    }
}
