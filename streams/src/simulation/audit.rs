//! The auditor: sees every committed record and promise of a simulation, and says at once what is wrong.
//!
//!     committed record ─► one that the reference has, not seen before     promise P ─► nothing below P is still missing
//!
//! At the end nothing may be missing. In arrival order the reference tells nothing of the records; then only ids
//! are watched: none may come twice. It keeps what the reference has and the ids seen, so it is for small worlds.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::codec::Promise;
use crate::record::{Record, Topic, Ts};
use crate::topology::Topology;

/// Watches one run.
#[derive(Debug, Clone)]
pub struct Auditor {
    /// By id what the reference has and the run has not yet committed; none if there is no reference.
    missing: Option<BTreeMap<Uuid, Vec<Record>>>,
    /// How many records of a stage are missing, by its source name and their stamp.
    owed: BTreeMap<String, BTreeMap<Ts, usize>>,
    seen: BTreeMap<Uuid, usize>,
    /// What each task of each stage has promised.
    promised: BTreeMap<String, Vec<Option<Ts>>>,
    /// Promises that speak of records beyond what has been read.
    waiting: Vec<Promise>,
}

impl Auditor {
    /// One for a run in event-time order, which must commit exactly the records of the reference schedule.
    #[must_use]
    pub fn new(topology: &Topology, reference: Vec<Record>) -> Self {
        let mut auditor = Self::of_ids(topology);
        let mut missing: BTreeMap<Uuid, Vec<Record>> = BTreeMap::new();
        for record in reference {
            *auditor.owed.entry(record.event.source.to_string()).or_default().entry(record.timestamp).or_default() += 1;
            missing.entry(record.event.id).or_default().push(record);
        }
        auditor.missing = Some(missing);
        auditor
    }

    /// One for a run in arrival order: no id may come twice.
    #[must_use]
    pub fn of_ids(topology: &Topology) -> Self {
        let tasks = |stage| usize::try_from(topology.tasks(stage)).unwrap_or_default();
        let promised = topology.stages.iter().map(|stage| (stage.name.to_owned(), vec![None; tasks(stage)])).collect();
        Self { missing: None, owed: BTreeMap::new(), seen: BTreeMap::new(), promised, waiting: Vec::new() }
    }

    /// Takes a committed record.
    pub(super) fn committed(&mut self, record: &Record) -> Result<(), String> {
        let times = self.seen.entry(record.event.id).or_default();
        *times += 1;
        let Some(missing) = &mut self.missing else {
            return if *times == 1 { Ok(()) } else { Err(format!("committed twice: {}", name(record))) };
        };
        let expected = missing.get_mut(&record.event.id);
        let found = expected.and_then(|list| Some(list.swap_remove(list.iter().position(|other| same(record, other))?)));
        if found.is_none() {
            let what = if *times > 1 { "committed twice" } else { "not in the reference" };
            return Err(format!("{what}: {}", name(record)));
        }
        self.paid(record);
        Ok(())
    }

    fn paid(&mut self, record: &Record) {
        let Some(owed) = self.owed.get_mut(&*record.event.source) else { return };
        if let Some(count) = owed.get_mut(&record.timestamp) {
            *count -= 1;
            if *count == 0 {
                owed.remove(&record.timestamp);
            }
        }
    }

    /// Takes a committed promise; it counts once everything it speaks of has been read.
    pub(super) fn promised(&mut self, promise: Promise) {
        self.waiting.push(promise);
    }

    /// Holds the promises to what has been read up to these positions.
    pub(super) fn check_promises(&mut self, read: &BTreeMap<(Topic, i32), i64>) -> Result<(), String> {
        let position = |topic: &str, partition: i32| {
            let found = read.iter().find(|((name, number), _)| *name == topic && *number == partition);
            found.map_or(i64::MAX, |(_, at)| *at)
        };
        let is_read = |promise: &Promise| promise.written.iter().all(|(t, p, offset)| position(t, *p) >= *offset);
        let (read, waiting): (Vec<_>, _) = std::mem::take(&mut self.waiting).into_iter().partition(is_read);
        self.waiting = waiting;
        read.iter().try_for_each(|promise| self.hold(promise))
    }

    /// Everything of a stage below what all of its tasks have promised is there.
    fn hold(&mut self, promise: &Promise) -> Result<(), String> {
        let Some(tasks) = self.promised.get_mut(&promise.writer) else { return Ok(()) };
        if let Some(held) = usize::try_from(promise.partition).ok().and_then(|partition| tasks.get_mut(partition)) {
            *held = (*held).max(Some(promise.progress));
        }
        let (Some(line), Some(owed)) =
            (tasks.iter().copied().min().flatten(), self.owed.get(&format!("/processors/{}", promise.writer)))
        else {
            return Ok(());
        };
        match owed.first_key_value() {
            Some((stamp, count)) if *stamp < line => {
                Err(format!("`{}` has promised up to {line}, but {count} records stamped {stamp} are missing", promise.writer))
            }
            _ => Ok(()),
        }
    }

    /// Whether everything is there.
    pub(super) fn finish(&self) -> Result<(), String> {
        let mut missing = self.missing.iter().flatten().flat_map(|(_, records)| records);
        missing.next().map_or(Ok(()), |record| Err(format!("never committed: {}", name(record))))
    }
}

/// Everything but where it lies.
fn same(one: &Record, other: &Record) -> bool {
    let of = |record: &Record| (record.topic, record.timestamp, record.rank, record.key.clone(), record.event.clone());
    of(one) == of(other) && one.body == other.body
}

fn name(record: &Record) -> String {
    let Record { topic, partition, offset, timestamp, key, .. } = record;
    format!("{topic}/{partition} offset {offset}, key `{key}`, stamped {timestamp}, id {}", record.event.id)
}
