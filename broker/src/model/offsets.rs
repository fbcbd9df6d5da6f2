//! Committed offsets of one group, and those that wait for a transaction to end.
//!
//!     OffsetCommit ──────────────► committed
//!     TxnOffsetCommit ─► pending ─► committed (commit) │ dropped (abort)
//!
//! Of two commits the one that came later stands, though the earlier one's transaction ends after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shelf::Tp;

/// Longest metadata text beside an offset (Kafka: offset.metadata.max.bytes).
pub(crate) const METADATA_MAX: usize = 4_096;

/// An offset as it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// The next offset to read.
    pub(crate) offset: i64,
    /// Leader epoch that the client gave; -1 for none.
    pub(crate) leader_epoch: i32,
    /// The client's own text.
    pub(crate) metadata: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    committed: BTreeMap<Tp, Entry>,
    pending: BTreeMap<i64, BTreeMap<Tp, Entry>>,
    /// How many offsets have come so far.
    came: u64,
}

/// An offset with its place among all that came.
type Entry = (u64, Committed);

impl Offsets {
    /// Sets an offset.
    pub(crate) fn commit(&mut self, tp: Tp, committed: Committed) {
        let entry = self.entry(committed);
        self.committed.insert(tp, entry);
    }

    /// Sets an offset once the transaction of `producer` commits.
    pub(crate) fn hold(&mut self, producer: i64, tp: Tp, committed: Committed) {
        let entry = self.entry(committed);
        self.pending.entry(producer).or_default().insert(tp, entry);
    }

    fn entry(&mut self, committed: Committed) -> Entry {
        self.came += 1;
        (self.came, committed)
    }

    /// Ends the transaction of `producer`; whether it held anything.
    pub(crate) fn settle(&mut self, producer: i64, commit: bool) -> bool {
        let Some(held) = self.pending.remove(&producer) else { return false };
        for (tp, entry) in held.into_iter().filter(|_| commit) {
            if self.committed.get(&tp).is_none_or(|(came, _)| *came < entry.0) {
                self.committed.insert(tp, entry);
            }
        }
        true
    }

    /// The committed offset.
    pub(crate) fn get(&self, tp: &Tp) -> Option<&Committed> {
        self.committed.get(tp).map(|(_, committed)| committed)
    }

    /// Whether a transaction that may change the offset is open.
    pub(crate) fn is_pending(&self, tp: &Tp) -> bool {
        self.pending.values().any(|held| held.contains_key(tp))
    }

    /// All committed offsets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Tp, &Committed)> {
        self.committed.iter().map(|(tp, (_, committed))| (tp, committed))
    }

    /// All offsets that wait: producer, partition, offset.
    pub(crate) fn iter_pending(&self) -> impl Iterator<Item = (i64, &Tp, &Committed)> {
        self.pending.iter().flat_map(|(producer, held)| held.iter().map(move |(tp, (_, c))| (*producer, tp, c)))
    }

    /// Forgets the offsets of a topic that is gone.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        self.committed.retain(|(name, _), _| name.as_ref() != topic);
        self.pending.values_mut().for_each(|held| held.retain(|(name, _), _| name.as_ref() != topic));
    }

    /// Nothing committed, nothing held.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }
}
