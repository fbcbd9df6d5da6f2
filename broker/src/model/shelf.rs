//! Where the model puts what must outlive its memory: closed segments, and facts about topics, offsets and transactions.
//!
//!     model ─► Store ─► Shelf ─► nothing (simulation) │ files (`files`)
//!
//! The model itself does no input or output. `Store` turns a failing shelf into the protocol's `KafkaStorageError` and
//! remembers the first failure, so that the broker can stop with a clear reason instead of answering from a torn state.

use std::{io, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Code, offsets::Committed, topics::Settings, transactions::Transaction};

/// Topic and partition.
pub(crate) type Tp = (Arc<str>, i32);

/// Something that happened to the broker outside of the logs. The last fact about a subject holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Fact {
    /// A topic exists, with these partitions and settings.
    Topic { name: Arc<str>, partitions: i32, settings: Settings },
    /// A topic is gone.
    TopicGone { name: Arc<str> },
    /// Records before `offset` are deleted.
    LogStart { tp: Tp, offset: i64 },
    /// A group's committed offset.
    Offset { group: Arc<str>, tp: Tp, committed: Committed },
    /// An offset that counts once the transaction of `producer` commits.
    Pending { group: Arc<str>, producer: i64, tp: Tp, committed: Committed },
    /// The transaction of `producer` ended in this group: its pending offsets count, or are dropped.
    Settled { group: Arc<str>, producer: i64, commit: bool },
    /// A group and its offsets are gone.
    GroupGone { group: Arc<str> },
    /// A transactional id's state.
    Transaction { id: Arc<str>, state: Transaction },
    /// The next producer id to hand out.
    NextProducer { id: i64 },
}

/// Keeps closed segments and facts.
pub(crate) trait Shelf: Send {
    /// Whether a closed segment can be read back, so that memory may let go of it.
    fn holds_segments(&self) -> bool;
    /// Notes a batch of the open segment that begins at `base`.
    fn append(&mut self, log: &Tp, base: i64, batch: &[u8]) -> io::Result<()>;
    /// Puts a segment away; also replaces one that was put away before.
    fn close(&mut self, log: &Tp, base: i64, content: &[u8]) -> io::Result<()>;
    /// Reads a closed segment back.
    fn read(&mut self, log: &Tp, base: i64) -> io::Result<Bytes>;
    /// Drops a closed segment.
    fn remove(&mut self, log: &Tp, base: i64) -> io::Result<()>;
    /// Drops every segment of a partition.
    fn remove_log(&mut self, log: &Tp) -> io::Result<()>;
    /// Notes a fact.
    fn note(&mut self, fact: &Fact) -> io::Result<()>;
    /// Bytes of facts noted since they were last replaced.
    fn noted_bytes(&self) -> u64;
    /// Replaces all facts by these.
    fn replace_facts(&mut self, facts: &[Fact]) -> io::Result<()>;
}

/// Keeps nothing: the model is all memory.
pub(crate) struct NoShelf;

impl Shelf for NoShelf {
    fn holds_segments(&self) -> bool {
        false
    }
    fn append(&mut self, _: &Tp, _: i64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn close(&mut self, _: &Tp, _: i64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn read(&mut self, _: &Tp, _: i64) -> io::Result<Bytes> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&mut self, _: &Tp, _: i64) -> io::Result<()> {
        Ok(())
    }
    fn remove_log(&mut self, _: &Tp) -> io::Result<()> {
        Ok(())
    }
    fn note(&mut self, _: &Fact) -> io::Result<()> {
        Ok(())
    }
    fn noted_bytes(&self) -> u64 {
        0
    }
    fn replace_facts(&mut self, _: &[Fact]) -> io::Result<()> {
        Ok(())
    }
}

/// A shelf, and the first thing that went wrong with it.
pub(crate) struct Store {
    shelf: Box<dyn Shelf>,
    failure: Option<String>,
    uses: u64,
}

impl Store {
    pub(crate) fn new(shelf: Box<dyn Shelf>) -> Self {
        Self { shelf, failure: None, uses: 0 }
    }

    /// Why the shelf can no longer be trusted.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Counts a use of a segment, so that memory lets go first of what was not used for longest.
    pub(crate) fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    /// See [`Shelf::holds_segments`].
    pub(crate) fn holds_segments(&self) -> bool {
        self.shelf.holds_segments()
    }

    /// See [`Shelf::noted_bytes`].
    pub(crate) fn noted_bytes(&self) -> u64 {
        self.shelf.noted_bytes()
    }

    /// Runs `action` on the shelf; after a failure nothing more is written.
    ///
    /// # Errors
    /// `KafkaStorageError` when the action fails, or one before it did.
    pub(crate) fn keep<T>(&mut self, what: &str, action: impl FnOnce(&mut dyn Shelf) -> io::Result<T>) -> Result<T, Code> {
        if self.failure.is_some() {
            return Err(Code::KafkaStorageError);
        }
        action(self.shelf.as_mut()).map_err(|error| {
            tracing::error!(%error, what, "broker storage failed: nothing more is accepted");
            self.failure = Some(format!("{what}: {error}"));
            Code::KafkaStorageError
        })
    }

    /// Notes a fact.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn note(&mut self, fact: &Fact) -> Result<(), Code> {
        self.keep("write the journal", |shelf| shelf.note(fact))
    }
}
