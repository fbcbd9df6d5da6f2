//! Restore: what must be read before the tasks of an assignment may run.
//!
//!     stable committed offsets ─► high watermarks of changelogs and progress, open transactions included
//!         ─► read both up to there, committed rows only ─► inputs from the committed offsets
//!
//! The order matters: taken the other way round, a transaction of the former owner can slip between. A task
//! that has promised has run before; that its group then has no offset is an error, never a fresh start.
//!
//! A base that outlived its process is read on from its last row, and that row is read again: if the changelog holds
//! another one there, or none, it is not the changelog of this base, which is then wiped and read from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::active::Active;
use crate::buffer::Order;
use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Offsets, Place, Raw, Watermarks};
use crate::plan::{Plan, Route};
use crate::processor::StoreId;
use crate::record::{Topic, Ts};
use crate::rows::{Overlay, Row, Rows};
use crate::shard::{Kept, Shard};
use crate::status::Phase;
use crate::store::{BaseName, Mark, State, checksum};
use crate::task::{Counts, Task};
use crate::topology::Topology;

/// First byte of every row of a changelog.
pub(crate) const ROW_FORMAT: u8 = 1;

/// A restore under way.
pub(crate) struct Restore {
    committed: Offsets,
    watermarks: Watermarks,
    /// Where each partition must be read up to.
    targets: Offsets,
    at: Offsets,
    rows: BTreeMap<(usize, StoreId), Tail>,
    /// The last row of each base from an earlier process, until it is seen in the changelog.
    witnesses: BTreeMap<(usize, StoreId), Mark>,
    /// Bases whose changelog is another one.
    strangers: BTreeSet<(usize, StoreId)>,
    read: u64,
    total: i64,
    left: i64,
    progressed: Option<Duration>,
}

impl Restore {
    /// Makes the tasks of the partitions owned, and begins to read.
    pub(crate) fn open(shard: &mut Shard, log: &mut dyn Log) -> Result<Self, LogError> {
        let plan = Arc::clone(&shard.plan);
        let tasks = tasks_of(&plan, shard.owned())?;
        let committed = log.committed(shard.owned())?;
        let watermarks = log.watermarks(&concerned(&plan, shard.owned(), &tasks))?;
        let mut restore = Self::over(committed, watermarks);
        for place in plan.progress() {
            let from = shard.progress.at.get(&place).copied();
            restore.target(place, from);
        }
        for (stage, partition) in tasks {
            let task = restore.task(shard, &plan, stage, partition)?;
            shard.actives.push(task);
        }
        restore.total = restore.missing();
        restore.left = restore.total;
        log.assign(&restore.at)?;
        Ok(restore)
    }

    fn over(committed: Offsets, watermarks: Watermarks) -> Self {
        Self {
            committed,
            watermarks,
            targets: Offsets::new(),
            at: Offsets::new(),
            rows: BTreeMap::new(),
            witnesses: BTreeMap::new(),
            strangers: BTreeSet::new(),
            read: 0,
            total: 0,
            left: 0,
            progressed: None,
        }
    }

    /// Notes a partition to be read; returns from where. A position beyond the end is none: the topic is another one.
    fn target(&mut self, place: Place, from: Option<i64>) -> i64 {
        let (low, high) = self.watermarks.get(&place).copied().unwrap_or_default();
        let at = from.filter(|at| *at <= high).unwrap_or(low).max(low);
        self.targets.insert(place.clone(), high);
        self.at.insert(place, at);
        at
    }

    /// A task with the rows that it had here, in this process or an earlier one, or with none yet.
    ///
    /// # Errors
    /// A changelog does not hold any more what this process has seen in it.
    fn task(&mut self, shard: &mut Shard, plan: &Plan, stage: usize, partition: i32) -> Result<Active, LogError> {
        let spec = &plan.topology.stages[stage];
        let sound = shard.unpark(stage, partition).filter(|kept| kept.state.fault().is_none());
        for (store, before) in sound.iter().flat_map(|kept| kept.changelogs.iter().enumerate()) {
            let place = plan.changelog(stage, store, partition);
            if self.watermarks.get(&place).is_some_and(|(_, high)| before > high) {
                return Err(LogError::refused(ErrorClass::Resource, plan.changelog_gone(&place, *before)));
            }
        }
        let warm = sound.filter(|kept| self.continues(plan, stage, partition, &kept.changelogs));
        let Kept { state, counts, changelogs } = match warm {
            Some(kept) => kept,
            None => self.recalled(shard, plan, stage, partition),
        };
        let mut task = Task::reopen(&plan.topology, spec, Arc::clone(&plan.codec), (state, counts));
        if plan.order == Order::Arrival && plan.promises() {
            task = task.in_arrival_order(Topology::stores(spec).count() - 2, Ts::MIN);
        }
        Ok(Active::new(stage, partition, spec.name, task, changelogs))
    }

    /// Whether a task that was here may go on from these offsets.
    fn continues(&mut self, plan: &Plan, stage: usize, partition: i32, changelogs: &[i64]) -> bool {
        let mut stores = changelogs.iter().enumerate();
        stores.all(|(store, offset)| self.target(plan.changelog(stage, store, partition), Some(*offset)) == *offset)
    }

    /// A task whose bases an earlier process may have left.
    fn recalled(&mut self, shard: &mut Shard, plan: &Plan, stage: usize, partition: i32) -> Kept {
        let spec = &plan.topology.stages[stage];
        let (mut bases, mut changelogs) = (Vec::new(), Vec::new());
        for (store, name) in Topology::stores(spec).enumerate() {
            let mut base = shard.bases.open(BaseName { stage: spec.name, store: name, partition });
            let mark = base.mark();
            let place = plan.changelog(stage, store, partition);
            let at = self.target(place.clone(), mark.map(|mark| mark.row));
            match mark {
                Some(mark) if at == mark.row && at < self.targets[&place] => {
                    self.witnesses.insert((shard.actives.len(), store), mark);
                }
                Some(_) => {
                    tracing::warn!(%place, "the changelog was made anew: it ends before its local copy, which is dropped; rows that only that held are lost");
                    shard.rebuilt += 1;
                    base.wipe();
                    self.target(place, None);
                }
                None => {}
            }
            changelogs.push(at);
            bases.push(base);
        }
        Kept { state: State::new(bases), counts: Counts::default(), changelogs }
    }

    /// Takes a row of a changelog.
    pub(crate) fn row(&mut self, raw: &Raw<'_>, task: usize, store: StoreId) -> Result<(), LogError> {
        let row = read_row(raw)?;
        self.read += 1;
        if self.witnesses.remove(&(task, store)).is_some_and(|witness| witness != row.2) {
            self.strangers.insert((task, store));
        }
        Tail::add(&mut self.rows, (task, store), row);
        self.at.insert(Place::new(raw.topic, raw.partition), raw.offset + 1);
        Ok(())
    }

    /// Wipes the bases that belong to other changelogs, and reads these from the start.
    fn begin_anew(&mut self, shard: &mut Shard, log: &mut dyn Log) -> Result<(), LogError> {
        for (task, store) in std::mem::take(&mut self.strangers) {
            let active = &mut shard.actives[task];
            let place = shard.plan.changelog(active.stage, store, active.partition);
            tracing::warn!(%place, "the changelog was made anew: it is not the one of its local copy, which is dropped and rebuilt");
            shard.rebuilt += 1;
            self.rows.remove(&(task, store));
            active.task.state.wipe(store);
            self.target(place, None);
        }
        self.total = self.total.max(self.missing());
        self.left = self.missing();
        log.assign(&self.at)
    }

    /// Applies what was read; true when everything is there.
    pub(crate) fn step(&mut self, shard: &mut Shard, log: &mut dyn Log) -> Result<bool, LogError> {
        shard.restored += std::mem::take(&mut self.read);
        self.note_positions(log);
        if self.missing() == 0 {
            // What was the last row of a base is nowhere in its changelog.
            self.strangers.extend(std::mem::take(&mut self.witnesses).into_keys());
        }
        if !self.strangers.is_empty() {
            self.begin_anew(shard, log)?;
        }
        for ((task, store), mut tail) in std::mem::take(&mut self.rows) {
            shard.actives[task].task.state.restore(store, tail.take_rows(), Some(tail.last));
        }
        let left = self.missing();
        let now = log.now();
        let since = *self.progressed.get_or_insert(now);
        if left < self.left {
            self.progressed = Some(now);
        } else if left > 0 && now > since + shard.plan.limits.restore_stall {
            return Err(LogError::reopen(ErrorClass::Timeout, format_args!("restore stands still: {}", self.explain(log))));
        }
        self.left = left;
        Ok(left == 0)
    }

    fn note_positions(&mut self, log: &mut dyn Log) {
        for (place, position) in log.positions() {
            if let Some(at) = self.at.get_mut(&place) {
                *at = position.max(*at);
            }
        }
    }

    /// Records, control markers included, still to be read.
    fn missing(&self) -> i64 {
        self.targets.iter().map(|(place, target)| (target - self.at[place]).max(0)).sum()
    }

    fn explain(&self, log: &dyn Log) -> String {
        let missing = self.targets.iter().find(|(place, target)| self.at[*place] < **target);
        missing.map_or_else(String::new, |(place, _)| log.explain_stall(place, self.at[place]))
    }

    /// How far the restore is.
    pub(crate) fn phase(&self) -> Phase {
        Phase::Restoring { done: (self.total - self.left).unsigned_abs(), total: self.total.unsigned_abs() }
    }

    /// Lets the tasks run, and reads their inputs; returns the committed offsets.
    pub(crate) fn finish(self, shard: &mut Shard, log: &mut dyn Log) -> Result<Offsets, LogError> {
        let plan = Arc::clone(&shard.plan);
        let mut from = Offsets::new();
        for place in plan.progress() {
            let at = self.at.get(&place).copied().unwrap_or_default();
            shard.progress.at.insert(place.clone(), at);
            from.insert(place, at);
        }
        // Only what the clock will say matters: its next tick is a second away.
        from.extend(plan.clock().map(|place| (place.clone(), self.watermarks.get(&place).map_or(0, |(_, high)| *high))));
        for active in &mut shard.actives {
            let stage = active.stage_of(&plan.topology);
            active.changelogs =
                (0..active.changelogs.len()).map(|s| self.at[&plan.changelog(active.stage, s, active.partition)]).collect();
            let has_run = shard.progress.view.of(stage.name, active.partition).is_some() || active.task.state.rows() > 0;
            let mut starts: Vec<(Topic, i64)> = Vec::new();
            for topic in plan.inputs(active.stage) {
                let place = plan.place(topic, active.partition);
                let at = match self.committed.get(&place) {
                    Some(at) => *at,
                    None if has_run && stage.reads.contains(topic) => return Err(missing_offset(stage.name, &place)),
                    None => self.watermarks.get(&place).map_or(0, |(low, _)| *low),
                };
                starts.push((topic, at));
                from.insert(place, at);
            }
            active.start(&plan.topology, &shard.progress.view, &starts);
        }
        if plan.order == Order::Arrival && plan.promises() {
            cover_unpromised(shard, &self.watermarks);
        }
        from.extend(shard.stand_by(log)?);
        log.assign(&from)?;
        Ok(self.committed)
    }
}

/// Rows of a store's changelog that were read and not yet applied, and the last of them.
pub(crate) struct Tail {
    rows: Overlay,
    pub last: Mark,
}

impl Tail {
    /// Adds what was read: a row, and where it lies.
    pub(crate) fn add<K: Ord>(tails: &mut BTreeMap<K, Self>, store: K, (key, value, mark): (&[u8], Row, Mark)) {
        let tail = tails.entry(store).or_insert_with(|| Self { rows: Overlay::default(), last: mark });
        tail.rows.set(key, value);
        tail.last = mark;
    }

    /// Takes out each row as it was read last.
    pub(crate) fn take_rows(&mut self) -> Rows {
        self.rows.take()
    }
}

/// Key, value and mark of a changelog's row.
pub(crate) fn read_row<'a>(raw: &Raw<'a>) -> Result<(&'a [u8], Row, Mark), LogError> {
    let place = || format!("{}/{} offset {}", raw.topic, raw.partition, raw.offset);
    let value = match raw.value.map(<[u8]>::split_first) {
        None => None,
        Some(Some((&ROW_FORMAT, value))) => Some(value.into()),
        Some(_) => return Err(unknown_format(&place())),
    };
    let Some(key) = raw.key else {
        return Err(unknown_format(&place()));
    };
    let check = checksum(key, value.as_deref());
    Ok((key, value, Mark { row: raw.offset, check }))
}

fn unknown_format(place: &str) -> LogError {
    let said = format!(
        "{place}: a row that this version of the runtime did not write: run the version that wrote it, take away who else writes \
         there, or drop the world and start it anew"
    );
    LogError::refused(ErrorClass::Validation, said)
}

fn missing_offset(stage: &str, place: &Place) -> LogError {
    let said = format!(
        "{place}: stage `{stage}` has run before, but its group has no committed offset here: its topic was made anew, or the \
         offsets were deleted; restore the group's offsets, or drop the world and start it anew"
    );
    LogError::refused(ErrorClass::Resource, said)
}

/// In arrival order transactions may have committed since the last promise: what they wrote lies below the end.
fn cover_unpromised(shard: &mut Shard, watermarks: &Watermarks) {
    let plan = Arc::clone(&shard.plan);
    for active in &mut shard.actives {
        for (topic, partition) in written_by(&plan, active.stage) {
            let end = watermarks.get(&plan.place(topic, partition)).map_or(0, |(_, high)| *high);
            active.written_up_to(topic, partition, end);
        }
    }
}

/// Every partition that a stage may write.
fn written_by(plan: &Plan, stage: usize) -> impl Iterator<Item = (Topic, i32)> {
    let topics = plan.topology.stages[stage].writes.iter().copied();
    topics.flat_map(|topic| (0..plan.topology.partition_count(topic)).map(move |partition| (topic, partition)))
}

/// The partitions of which the ends matter: inputs, changelogs, promises; in arrival order outputs, too.
fn concerned(plan: &Plan, owned: &[Place], tasks: &[(usize, i32)]) -> Vec<Place> {
    let mut places: BTreeSet<Place> = owned.iter().cloned().chain(plan.progress()).chain(plan.clock()).collect();
    for (stage, partition) in tasks {
        let stores = 0..Topology::stores(&plan.topology.stages[*stage]).count();
        places.extend(stores.map(|store| plan.changelog(*stage, store, *partition)));
        if plan.order == Order::Arrival {
            places.extend(written_by(plan, *stage).map(|(topic, partition)| plan.place(topic, partition)));
        }
    }
    places.into_iter().collect()
}

/// The tasks whose inputs are these partitions.
fn tasks_of(plan: &Plan, owned: &[Place]) -> Result<Vec<(usize, i32)>, LogError> {
    if let Some((place, wanted)) = owned.iter().find_map(|place| surplus(plan, place)) {
        let error = format!(
            "{place}: the pipeline needs {wanted} partitions of this topic, and it has more now: keys have moved; {}",
            plan.remake()
        );
        return Err(LogError::refused(ErrorClass::Resource, error));
    }
    let mut tasks = Vec::new();
    for stage in &plan.stages {
        let inputs = plan.inputs(*stage);
        for partition in 0..plan.topology.tasks(&plan.topology.stages[*stage]) {
            let ours = inputs.iter().filter(|topic| owned.contains(&plan.place(topic, partition))).count();
            if ours == inputs.len() {
                tasks.push((*stage, partition));
            } else if ours > 0 {
                let name = plan.topology.stages[*stage].name;
                let missing = inputs.iter().map(|topic| plan.place(topic, partition)).find(|place| !owned.contains(place));
                let missing = missing.map_or_else(String::new, |place| place.to_string());
                let said = format!(
                    "stage `{name}` reads {missing} together with others, and does not get it: the topic was deleted, or a \
                     program of another kind is in the group; {}",
                    plan.remake()
                );
                return Err(LogError::refused(ErrorClass::Resource, said));
            }
        }
    }
    Ok(tasks)
}

/// A partition that no task of the pipeline reads, with the number that there should be.
fn surplus<'p>(plan: &Plan, place: &'p Place) -> Option<(&'p Place, i32)> {
    let wanted = match plan.route(&place.topic)? {
        Route::Topic(topic) | Route::Retry(_, topic) => plan.topology.partition_count(topic),
        Route::Clock | Route::Progress | Route::Changelog(..) => return None,
    };
    (place.partition >= wanted).then_some((place, wanted))
}
