//! Warm copies of tasks that others own, so that taking over reads only a tail.
//!
//!     running ─► changelogs of so many tasks not ours, committed rows ─► their bases        assigned ─► the base is ours
//!
//! A restore that never stops: what is put aside when a task leaves goes on being fed. At most `standbys` tasks, the
//! ones after the last of ours in order of (stage, partition), so that members begin at different places. A copy that
//! cannot be followed is dropped; it was only a copy.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{Log, LogError, Offsets, Place, Raw};
use crate::processor::StoreId;
use crate::restore::{Tail, read_row};
use crate::shard::{Kept, Shard, Stand};
use crate::store::{BaseName, State};
use crate::task::Counts;
use crate::topology::Topology;

/// What a shard follows for others.
#[derive(Default)]
pub(crate) struct Standbys {
    tasks: BTreeSet<(usize, i32)>,
    /// Read and not yet given to a copy, of (stage, partition, store).
    rows: BTreeMap<(usize, i32, StoreId), Tail>,
    /// Rows taken since the last turn.
    fresh: usize,
    /// Rows followed, all together.
    pub followed: u64,
}

impl Standbys {
    /// Takes a row of a task's changelog; nothing if the task is not followed.
    pub(crate) fn row(&mut self, raw: &Raw<'_>, stage: usize, store: StoreId) -> Result<(), LogError> {
        if !self.tasks.contains(&(stage, raw.partition)) {
            return Ok(());
        }
        Tail::add(&mut self.rows, (stage, raw.partition, store), read_row(raw)?);
        self.fresh += 1;
        Ok(())
    }

    /// Tasks followed.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Follows nothing any more.
    pub(crate) fn clear(&mut self) {
        self.tasks.clear();
        self.rows.clear();
        self.fresh = 0;
    }
}

impl Shard {
    /// Takes a row of a changelog: to be restored, or followed for another.
    pub(crate) fn take_row(&mut self, raw: &Raw<'_>, stage: usize, store: StoreId) -> Result<(), LogError> {
        match &mut self.stand {
            Stand::Restoring(restore) => {
                let task = self.actives.iter().position(|a| (a.stage, a.partition) == (stage, raw.partition));
                task.map_or(Ok(()), |task| restore.row(raw, task, store))
            }
            Stand::Idle | Stand::Running => self.standbys.row(raw, stage, store),
        }
    }

    /// Chooses what to follow; where to read it from.
    pub(crate) fn stand_by(&mut self, log: &mut dyn Log) -> Result<Offsets, LogError> {
        self.standbys.clear();
        let chosen = self.not_ours();
        for (stage, partition) in &chosen {
            self.keep_copy(*stage, *partition);
        }
        let places: Vec<(usize, i32, StoreId, Place)> = chosen.iter().flat_map(|(s, p)| self.changelogs_of(*s, *p)).collect();
        let only: Vec<Place> = places.iter().map(|(_, _, _, place)| place.clone()).collect();
        let ends = if only.is_empty() { BTreeMap::new() } else { log.watermarks(&only)? };
        let mut from = Offsets::new();
        for (stage, partition, store, place) in places {
            let (low, high) = ends.get(&place).copied().unwrap_or_default();
            let Some(kept) = self.parked.get_mut(&(stage, partition)) else { continue };
            if kept.changelogs[store] > high || kept.changelogs[store] < low {
                kept.state.wipe(store);
                kept.changelogs[store] = low;
            }
            from.insert(place, kept.changelogs[store]);
        }
        self.standbys.tasks = chosen.into_iter().collect();
        Ok(from)
    }

    /// The tasks of this unit that follow ours, and are not ours: as many as may be followed.
    fn not_ours(&self) -> Vec<(usize, i32)> {
        let topology = &self.plan.topology;
        let all = self.plan.stages.iter().flat_map(|s| (0..topology.tasks(&topology.stages[*s])).map(|p| (*s, p)));
        let ours: BTreeSet<(usize, i32)> = self.actives.iter().map(|active| (active.stage, active.partition)).collect();
        let mut all: Vec<(usize, i32)> = all.collect();
        let begin = ours.last().and_then(|last| all.iter().position(|task| task == last)).unwrap_or_default();
        all.rotate_left(begin);
        all.into_iter().filter(|task| !ours.contains(task)).take(self.plan.limits.standbys).collect()
    }

    /// Makes an empty copy if there is none. Local rows of an earlier process are not trusted without their witness.
    fn keep_copy(&mut self, stage: usize, partition: i32) {
        if self.parked.contains_key(&(stage, partition)) {
            return;
        }
        let spec = &self.plan.topology.stages[stage];
        let names = Topology::stores(spec).map(|store| BaseName { stage: spec.name, store, partition });
        let mut bases = Vec::new();
        for name in names {
            let mut base = self.bases.open(name);
            if base.mark().is_some() {
                base.wipe();
            }
            bases.push(base);
        }
        let changelogs = vec![0; bases.len()];
        self.parked.insert((stage, partition), Kept { state: State::new(bases), counts: Counts::default(), changelogs });
    }

    fn changelogs_of(&self, stage: usize, partition: i32) -> Vec<(usize, i32, StoreId, Place)> {
        let stores = 0..Topology::stores(&self.plan.topology.stages[stage]).count();
        stores.map(|store| (stage, partition, store, self.plan.changelog(stage, store, partition))).collect()
    }

    /// Gives what was read to the copies; returns how many rows these were.
    pub(crate) fn feed_standbys(&mut self) -> usize {
        for ((stage, partition, store), mut tail) in std::mem::take(&mut self.standbys.rows) {
            if let Some(kept) = self.parked.get_mut(&(stage, partition)) {
                kept.state.restore(store, tail.take_rows(), Some(tail.last));
                kept.changelogs[store] = tail.last.row + 1;
            }
        }
        let fresh = std::mem::take(&mut self.standbys.fresh);
        self.standbys.followed += fresh as u64;
        fresh
    }
}
