//! What the runtime needs of a log: Kafka, or the broker model called directly.
//!
//!     poll ─► records and queued rebalances        send ─► drain ─► commit | abort
//!
//! One log belongs to one thread. Rebalances are only queued by the implementation; the shard answers them in
//! its own time with [`Log::assign`] or [`Log::unassign`]. Names of topics are the cluster's, world prefix included.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::errors::{Cause, ErrorClass, ErrorCounts};
use crate::record::Ts;

/// A partition of a topic of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Topic, with the world's prefix.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
}

impl Place {
    /// A partition of a topic.
    #[must_use]
    pub fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// Offsets by partition.
pub type Offsets = BTreeMap<Place, i64>;

/// First offset kept and high watermark, by partition.
pub type Watermarks = BTreeMap<Place, (i64, i64)>;

/// A record as it lies in the log.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// Topic, with the world's prefix.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Timestamp, epoch milliseconds.
    pub timestamp: Ts,
    /// Key, if there is one.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in order; a header without a value is empty.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// A record to be written in the open transaction.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Topic, with the world's prefix.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// Timestamp, epoch milliseconds above 0; `None` leaves it to the log.
    pub timestamp: Option<Ts>,
    /// Key.
    pub key: &'a [u8],
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers in order.
    pub headers: &'a [(&'a str, String)],
}

/// A change of what the group gives to this member. Assignment is eager: each replaces what was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rebalance {
    /// These partitions are now ours.
    Assigned(Vec<Place>),
    /// Nothing is ours any more.
    Revoked {
        /// Somebody else may own it already: nothing can be committed.
        lost: bool,
    },
}

/// Why the log refuses, by what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The transaction must be aborted; everything since the last commit is done again.
    #[error("transaction to be aborted: {0}")]
    Abort(Cause),
    /// This log is of no use any more, or the outcome of a commit is unknown: a new one with the same identity resolves it.
    #[error("log to be reopened: {0}")]
    Reopen(Cause),
    /// Nothing helps but a change from outside.
    #[error("{0}")]
    Refused(Cause),
}

impl LogError {
    /// An abort helps.
    pub fn abort(class: ErrorClass, said: impl std::fmt::Display) -> Self {
        Self::Abort(Cause::new(class, said))
    }

    /// A new log helps.
    pub fn reopen(class: ErrorClass, said: impl std::fmt::Display) -> Self {
        Self::Reopen(Cause::new(class, said))
    }

    /// Nothing here helps.
    pub fn refused(class: ErrorClass, said: impl std::fmt::Display) -> Self {
        Self::Refused(Cause::new(class, said))
    }

    /// The class of what happened.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        let (Self::Abort(cause) | Self::Reopen(cause) | Self::Refused(cause)) = self;
        cause.class
    }
}

/// A partitioned log with groups and transactions, as seen by one member.
pub trait Log {
    /// Hands at most `limit` records to `take`, waiting up to `wait` for the first; returns how many.
    ///
    /// # Errors
    /// The log cannot be read any further.
    fn poll(&mut self, limit: usize, wait: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<usize, LogError>;

    /// The next rebalance to answer.
    fn rebalance(&mut self) -> Option<Rebalance>;

    /// Reads exactly these partitions from these offsets on, in place of what was read before.
    ///
    /// # Errors
    /// The log must be reopened.
    fn assign(&mut self, from: &Offsets) -> Result<(), LogError>;

    /// Reads nothing, and lets the group go on.
    ///
    /// # Errors
    /// The log must be reopened.
    fn unassign(&mut self) -> Result<(), LogError>;

    /// Of what is assigned, does not read these partitions on for now, in place of those held before; [`Log::assign`] holds none.
    ///
    /// # Errors
    /// The log must be reopened.
    fn hold(&mut self, places: &BTreeSet<Place>) -> Result<(), LogError>;

    /// Positions behind everything handed out, control markers included, where known.
    fn positions(&mut self) -> Offsets;

    /// The group's offsets, once no transaction on them is open. A partition without one is absent.
    ///
    /// # Errors
    /// They cannot be had in time.
    fn committed(&mut self, places: &[Place]) -> Result<Offsets, LogError>;

    /// Of each partition the first offset kept, and the high watermark, open transactions included.
    ///
    /// # Errors
    /// They cannot be had in time.
    fn watermarks(&mut self, places: &[Place]) -> Result<Watermarks, LogError>;

    /// Where partitions end, for who can do without: asked once, and what is not told at once is not in it.
    fn ends(&mut self, places: &[Place]) -> Offsets {
        let known = self.watermarks(places).unwrap_or_default();
        known.into_iter().map(|(place, (_, high))| (place, high)).collect()
    }

    /// Why the cluster cannot be reached, asked once by who owns nothing; none where it answers.
    fn away(&mut self) -> Option<String> {
        None
    }

    /// Writes in the open transaction, which it opens if need be.
    ///
    /// # Errors
    /// See [`LogError`].
    fn send(&mut self, record: Outgoing<'_>) -> Result<(), LogError>;

    /// Waits until everything sent is in the log; the offsets after the last record of each partition since the last call.
    ///
    /// # Errors
    /// A record could not be written.
    fn drain(&mut self) -> Result<Offsets, LogError>;

    /// Commits what was sent together with the group's offsets, under the group's present generation.
    ///
    /// # Errors
    /// [`LogError::Abort`]: nothing is committed. [`LogError::Reopen`]: unknown until a log of the same identity is opened.
    fn commit(&mut self, next: &Offsets) -> Result<(), LogError>;

    /// Aborts the open transaction, if there is one.
    ///
    /// # Errors
    /// The log must be reopened.
    fn abort(&mut self) -> Result<(), LogError>;

    /// Errors that the log has met and got over by itself since it was last asked.
    fn met(&mut self) -> ErrorCounts {
        ErrorCounts::default()
    }

    /// What keeps a reader of `place` from going on at offset `at`, and what helps, where the log can say.
    fn explain_stall(&self, place: &Place, at: i64) -> String {
        format!("{place} offset {at}")
    }

    /// Lets time pass.
    fn pause(&mut self, time: Duration);

    /// Time since some fixed moment before the log was opened.
    fn now(&self) -> Duration;
}
