//! The commit of a shard: rows, promises and offsets join the outputs in one transaction.
//!
//!     changelog rows ─► drain ─► promises, which name where everything lies ─► drain ─► offsets, end ─► bases
//!
//! Draining before the end keeps the client from waiting for delivery reports inside the commit. Nothing of the
//! tasks changes for good until the commit has returned. Nothing is committed that a broken base may have said.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Offsets, Outgoing, Place};
use crate::plan::Route;
use crate::processor::StoreId;
use crate::restore::ROW_FORMAT;
use crate::shard::{Open, Shard};

impl Shard {
    /// Commits the open transaction with everything that belongs to it.
    pub(crate) fn commit(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        if let Some(fault) = self.fault_of_base() {
            return Err(LogError::abort(ErrorClass::Resource, fault));
        }
        let begun = log.now();
        let promising = self.advance_promises(begun);
        self.send_rows(log)?;
        let mut delivered = log.drain()?;
        self.check_rows(&delivered)?;
        self.note_written(&delivered);
        for index in promising {
            if let Some(promise) = self.actives[index].promise_record(self.plan.order) {
                self.plan.promise(&promise, &mut |outgoing| log.send(outgoing))?;
            }
        }
        delivered.extend(log.drain()?);
        let next = self.next_offsets();
        log.commit(&next)?;
        self.committed.extend(next);
        self.committed_tasks(&delivered);
        self.open = Open::default();
        self.aborts_in_a_row = 0;
        self.last_commit = log.now();
        self.status.committed(self.last_commit - begun);
        self.report(self.last_commit);
        Ok(())
    }

    /// The tasks that promise in this transaction.
    fn advance_promises(&mut self, now: Duration) -> Vec<usize> {
        if !self.may_promise(now) {
            return Vec::new();
        }
        self.last_promise = now;
        let actives = self.actives.iter_mut().enumerate();
        actives.filter_map(|(i, a)| ((a.dirty || a.could_promise()) && a.advance_promise()).then_some(i)).collect()
    }

    /// Sends the last value of each row that changed.
    fn send_rows(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        for active in &self.actives {
            for (store, rows) in active.task.state.dirty() {
                let place = self.plan.changelog(active.stage, store, active.partition);
                for (key, value) in rows {
                    self.framed.clear();
                    self.framed.push(ROW_FORMAT);
                    self.framed.extend_from_slice(value.as_deref().unwrap_or_default());
                    let value = value.as_ref().map(|_| self.framed.as_slice());
                    let (topic, partition) = (&*place.topic, place.partition);
                    log.send(Outgoing { topic, partition, timestamp: None, key, value, headers: &[] })?;
                }
            }
        }
        Ok(())
    }

    /// Rows that begin again below earlier ones lie in another topic: what was in the old one is nowhere else.
    fn check_rows(&self, delivered: &Offsets) -> Result<(), LogError> {
        let before = |place: &Place| match self.plan.route(&place.topic) {
            Some(Route::Changelog(stage, store)) => {
                let active = self.actives.iter().find(|a| (a.stage, a.partition) == (stage, place.partition));
                active.map(|active| active.changelogs[store])
            }
            _ => None,
        };
        let anew = delivered.iter().find_map(|(place, next)| Some((place, before(place).filter(|before| next <= before)?)));
        let gone = |(place, before)| LogError::refused(ErrorClass::Resource, self.plan.changelog_gone(place, before));
        anew.map(gone).map_or(Ok(()), Err)
    }

    fn note_written(&mut self, delivered: &Offsets) {
        for (place, offset) in delivered {
            if let Some(Route::Topic(topic)) = self.plan.route(&place.topic) {
                self.actives.iter_mut().for_each(|active| active.delivered(topic, place.partition, *offset));
            }
        }
    }

    /// The offsets that changed; never none, because they carry the generation that fences a late owner.
    fn next_offsets(&self) -> Offsets {
        let mut next = Offsets::new();
        for active in &self.actives {
            for (topic, offset) in active.next_offsets() {
                let lowest = next.entry(self.plan.place(topic, active.partition)).or_insert(offset);
                *lowest = offset.min(*lowest);
            }
        }
        let first = next.first_key_value().map(|(place, offset)| (place.clone(), *offset));
        next.retain(|place, offset| self.committed.get(place) != Some(offset));
        if next.is_empty() {
            next.extend(first);
        }
        next
    }

    /// The transaction is committed: overlays reach their bases.
    fn committed_tasks(&mut self, delivered: &Offsets) {
        let mut last: BTreeMap<(usize, i32), BTreeMap<StoreId, i64>> = BTreeMap::new();
        for (place, offset) in delivered {
            if let Some(Route::Changelog(stage, store)) = self.plan.route(&place.topic) {
                last.entry((stage, place.partition)).or_default().insert(store, offset - 1);
            }
        }
        for active in &mut self.actives {
            let last = last.remove(&(active.stage, active.partition)).unwrap_or_default();
            last.iter().for_each(|(store, row)| active.changelogs[*store] = row + 1);
            active.task.state.commit_at(&last);
            active.dirty = false;
        }
    }
}
