//! What a shard says of itself, readable from outside without waiting for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::errors::{ErrorClass, ErrorCounts};
use crate::record::Ts;
use crate::task::Counts;

/// Commits of which the duration is kept.
const COMMITS_KEPT: usize = 512;

/// Where a shard stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for the group to give it partitions.
    #[default]
    Joining,
    /// Reading state: records read, of how many.
    Restoring {
        /// Read.
        done: u64,
        /// To be read.
        total: u64,
    },
    /// Processing.
    Running,
    /// Waiting before a new attempt, or for a cluster that is away, because of this.
    Waiting(String),
    /// Stopped in order.
    Stopped,
    /// Given up, because of this.
    Failed(String),
}

/// One task.
#[derive(Debug, Clone)]
pub struct TaskStatus {
    /// Stage.
    pub stage: &'static str,
    /// Input partition.
    pub partition: i32,
    /// What it has done.
    pub counts: Counts,
    /// Records read and not yet processed.
    pub waiting: usize,
    /// Offsets in its inputs not yet read, as of a few seconds ago.
    pub lag: u64,
    /// What it last promised.
    pub promised: Option<Ts>,
}

/// One shard.
#[derive(Debug, Clone, Default)]
pub struct ShardStatus {
    /// Unit.
    pub unit: String,
    /// Number within the process.
    pub shard: usize,
    /// Where it stands.
    pub phase: Phase,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
    /// Transactions committed.
    pub commits: u64,
    /// Transactions aborted.
    pub aborts: u64,
    /// Logs opened anew after an error.
    pub reopened: u64,
    /// Errors met, those that passed by themselves included; a task's refusals are in its own counts.
    pub errors: ErrorCounts,
    /// Changelog rows read, in all restores together.
    pub restored: u64,
    /// Tasks of others of which a warm copy is kept.
    pub standbys: usize,
    /// Changelog rows read for those.
    pub followed: u64,
    /// Times that local state was thrown away and read again from its changelogs.
    pub rebuilt: u64,
    /// Input partitions that are not read on for now, because their task is full.
    pub held: usize,
    /// Every writer of the world has promised everything.
    pub complete: bool,
    /// The least that any writer of the world has promised.
    pub slowest: Option<Ts>,
    commit_times: Vec<Duration>,
}

impl ShardStatus {
    /// The duration that a share of the latest commits stayed below; zero before the first. `share` is between 0 and 1.
    #[must_use]
    pub fn commit_time(&self, share: f64) -> Duration {
        let mut times = self.commit_times.clone();
        times.sort_unstable();
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// A shard's status, shared between its thread and readers. Held only to copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusCell(Arc<Mutex<ShardStatus>>);

impl StatusCell {
    #[cfg(feature = "kafka")]
    pub(crate) fn new(unit: &str, shard: usize) -> Self {
        Self(Arc::new(Mutex::new(ShardStatus { unit: unit.to_owned(), shard, ..ShardStatus::default() })))
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn get(&self) -> ShardStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut ShardStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.set(|status| {
            let place = (status.commits % COMMITS_KEPT as u64) as usize;
            status.commits += 1;
            match status.commit_times.get_mut(place) {
                Some(time) => *time = took,
                None => status.commit_times.push(took),
            }
        });
    }

    pub(crate) fn aborted(&self, class: ErrorClass) {
        self.set(|status| {
            status.aborts += 1;
            status.errors.note(class);
        });
    }
}
