//! Committed state, read from any thread: questions to the shards, answered between two turns.
//!
//!     Handle::query ─► bounded queue of each shard of the unit ─► the base (never the overlay) ─► answer
//!
//! A shard never waits for anybody: it takes at most [`ANSWERS_AT_ONCE`] questions a turn, and an answer has at most
//! [`ROWS_MAX`] rows. What is read is committed, and of one instant for one key. Other processes own other partitions:
//! which one is not known here.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crate::partition::of_key;
use crate::plan::Plan;
use crate::processor::StoreId;
use crate::topology::Topology;

/// Most rows in an answer.
pub const ROWS_MAX: usize = 1_000;
/// Questions that may wait for one shard.
const WAITING_MAX: usize = 64;
/// Questions answered between two turns.
pub(crate) const ANSWERS_AT_ONCE: usize = 16;
/// Longest wait for an answer: a commit may be under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows of a key: what follows the key in the row's name, and the value; in order of the former.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No stage that runs here has such a store.
    #[error("no store `{1}` of a stage `{0}` here")]
    Unknown(String, String),
    /// The key's partition is not with this process, or not yet.
    #[error("partition {0} is not here: it is restoring, or another process has it")]
    Elsewhere(i32),
    /// Too many questions wait already, or the shard is busy for long.
    #[error("no answer in time: ask again")]
    Busy,
}

/// A question to a shard.
pub(crate) struct Question {
    pub stage: usize,
    pub store: StoreId,
    pub partition: i32,
    pub key: String,
    pub reply: SyncSender<Option<Rows>>,
}

/// Where questions are put and where the shard takes them.
pub(crate) fn queue() -> (SyncSender<Question>, Receiver<Question>) {
    sync_channel(WAITING_MAX)
}

/// Puts a question to a shard; none if it does not have the partition.
pub(crate) fn ask(plan: &Plan, shard: &SyncSender<Question>, names: (&str, &str), key: &str) -> Result<Rows, QueryError> {
    let (stage, store) = find(plan, names)?;
    let partition = of_key(key.as_bytes(), plan.topology.tasks(&plan.topology.stages[stage]));
    let (reply, answer) = sync_channel(1);
    let question = Question { stage, store, partition, key: key.to_owned(), reply };
    match shard.try_send(question) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return Err(QueryError::Busy),
        Err(TrySendError::Disconnected(_)) => return Err(QueryError::Elsewhere(partition)),
    }
    match answer.recv_timeout(PATIENCE) {
        Ok(rows) => rows.ok_or(QueryError::Elsewhere(partition)),
        Err(RecvTimeoutError::Disconnected) => Err(QueryError::Elsewhere(partition)),
        Err(RecvTimeoutError::Timeout) => Err(QueryError::Busy),
    }
}

/// A store that stages declare; what the runtime adds is its own.
fn find(plan: &Plan, (stage, store): (&str, &str)) -> Result<(usize, StoreId), QueryError> {
    let stages = &plan.topology.stages;
    let index = plan.stages.iter().copied().find(|index| stages[*index].name == stage);
    let found = index.and_then(|index| Some((index, Topology::stores(&stages[index]).position(|name| name == store)?)));
    found.ok_or_else(|| QueryError::Unknown(stage.to_owned(), store.to_owned()))
}
