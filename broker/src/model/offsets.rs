//! Committed offsets of one group, and those that wait for a transaction to end.
//!
//!     OffsetCommit ──────────────► committed
//!     TxnOffsetCommit ─► pending ─► committed (commit) │ dropped (abort)

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
    committed: BTreeMap<Tp, Committed>,
    pending: BTreeMap<i64, BTreeMap<Tp, Committed>>,
}

impl Offsets {
    /// Sets an offset.
    pub(crate) fn commit(&mut self, tp: Tp, committed: Committed) {
        self.committed.insert(tp, committed);
    }

    /// Sets an offset once the transaction of `producer` commits.
    pub(crate) fn hold(&mut self, producer: i64, tp: Tp, committed: Committed) {
        self.pending.entry(producer).or_default().insert(tp, committed);
    }

    /// Ends the transaction of `producer`; whether it held anything.
    pub(crate) fn settle(&mut self, producer: i64, commit: bool) -> bool {
        let Some(held) = self.pending.remove(&producer) else { return false };
        if commit {
            self.committed.extend(held);
        }
        true
    }

    /// The committed offset.
    pub(crate) fn get(&self, tp: &Tp) -> Option<&Committed> {
        self.committed.get(tp)
    }

    /// Whether a transaction that may change the offset is open.
    pub(crate) fn is_pending(&self, tp: &Tp) -> bool {
        self.pending.values().any(|held| held.contains_key(tp))
    }

    /// All committed offsets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Tp, &Committed)> {
        self.committed.iter()
    }

    /// All offsets that wait: producer, partition, offset.
    pub(crate) fn iter_pending(&self) -> impl Iterator<Item = (i64, &Tp, &Committed)> {
        self.pending.iter().flat_map(|(producer, held)| held.iter().map(move |(tp, c)| (*producer, tp, c)))
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
