//! The reference schedule: a pipeline with zero latency, in one thread, without a broker. The oracle.
//!
//!     instant T: for each stage in topological order: its records of T by (rank, topic, key, id), then timers due
//!
//! Advances one instant at a time, to the earliest of the source's next record and the timers due. What a
//! stage emits at T is taken by the stages after it at T. The bytes therefore depend on neither partitions,
//! speed nor crashes, and every other way of running is compared with them.

use std::sync::Arc;

use crate::codec::Codec;
use crate::journal::{Commit, Journal, JournalError};
use crate::record::{Record, Ts};
use crate::store::{Base, Memory};
use crate::task::{Counts, Task};
use crate::topology::{Topology, TopologyError};

/// Records that come in, in order of timestamp.
pub trait Source {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// The input cannot be read any further. A single bad line is not an error: sources count and name it.
    fn next(&mut self) -> Result<Option<Record>, SourceError>;
}

impl<S: Source + ?Sized> Source for &mut S {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        (**self).next()
    }
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Where committed records go, an instant at a time.
pub trait Sink {
    /// Every record of one instant, from sources and stages, in the order in which they came to be.
    ///
    /// # Errors
    /// It cannot be written.
    fn instant(&mut self, at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()>;
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The graph cannot run.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The output could not be written.
    #[error("output: {0}")]
    Sink(#[source] std::io::Error),
}

/// Bytes of records after which a transaction of the journal commits.
const COMMIT_BYTES: usize = 4 << 20;

/// A pipeline on the reference schedule.
pub struct Reference {
    topology: Topology,
    tasks: Vec<Task>,
    inbox: Vec<Vec<Arc<Record>>>,
    out: Vec<Record>,
    journal: Option<Journal>,
    pending: Commit,
    taken: u64,
}

impl Reference {
    /// A fresh pipeline with state in memory.
    ///
    /// # Errors
    /// The graph cannot run.
    pub fn new(topology: Topology, codec: &Arc<dyn Codec>) -> Result<Self, RunError> {
        topology.check()?;
        let tasks = topology.stages.iter().map(|stage| {
            let bases = (0..=stage.stores.len()).map(|_| Box::new(Memory::default()) as Box<dyn Base>).collect();
            Task::new(&topology, stage, Arc::clone(codec), bases)
        });
        Ok(Self {
            tasks: tasks.collect(),
            inbox: vec![Vec::new(); topology.stages.len()],
            topology,
            out: Vec::new(),
            journal: None,
            pending: Commit::default(),
            taken: 0,
        })
    }

    /// Journals every committed transaction; what an earlier run committed is replayed to `sink` and into the state first.
    ///
    /// # Errors
    /// The journal cannot be read, is of another format, or the sink fails.
    pub fn resume(&mut self, mut journal: Journal, sink: &mut dyn Sink) -> Result<(), RunError> {
        while let Some(commit) = journal.next_commit()? {
            self.taken = commit.taken;
            for (task, store, rows) in commit.rows {
                self.tasks[task].state.restore(store, rows, None);
            }
            for (at, records) in by_instant(commit.records) {
                sink.instant(at, records).map_err(RunError::Sink)?;
            }
        }
        self.journal = Some(journal);
        Ok(())
    }

    /// Runs until the source has ended and no timer is left.
    ///
    /// # Errors
    /// See [`RunError`]; the journal then ends with the last whole transaction.
    pub fn run(&mut self, source: &mut dyn Source, sink: &mut dyn Sink) -> Result<(), RunError> {
        for _ in 0..self.taken {
            source.next()?;
        }
        let mut head = source.next()?;
        loop {
            let due = self.tasks.iter_mut().filter_map(Task::next_due).min();
            let Some(now) = head.as_ref().map(|r| r.timestamp).into_iter().chain(due).min() else {
                break;
            };
            let mut records = Vec::new();
            while let Some(record) = head.take_if(|r| r.timestamp <= now) {
                self.taken += 1;
                self.deliver(record, &mut records);
                head = source.next()?;
            }
            self.advance(now, &mut records);
            if self.journal.is_some() {
                self.pending.add(&records);
            }
            sink.instant(now, records).map_err(RunError::Sink)?;
            if self.pending.bytes > COMMIT_BYTES {
                self.commit()?;
            }
        }
        self.commit()
    }

    /// What each stage has done: (stage, counts).
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &Counts)> {
        self.topology.stages.iter().map(|s| s.name).zip(self.tasks.iter().map(|t| &t.counts))
    }

    /// Rows of state held now.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tasks.iter().map(|task| task.state.rows()).sum()
    }

    fn advance(&mut self, now: Ts, records: &mut Vec<Arc<Record>>) {
        for index in 0..self.tasks.len() {
            let mut inbox = std::mem::take(&mut self.inbox[index]);
            inbox.sort_by(|a, b| a.order().cmp(&b.order()));
            let mut out = std::mem::take(&mut self.out);
            for record in inbox.drain(..) {
                self.tasks[index].process(&record, now, &mut out);
            }
            self.inbox[index] = inbox;
            self.tasks[index].fire(now, &mut out);
            for record in out.drain(..) {
                self.deliver(record, records);
            }
            self.out = out;
        }
        if self.journal.is_none() {
            self.tasks.iter_mut().for_each(|task| task.state.commit());
        }
    }

    fn deliver(&mut self, record: Record, records: &mut Vec<Arc<Record>>) {
        let record = Arc::new(record);
        for reader in self.topology.readers(record.topic) {
            self.inbox[reader].push(Arc::clone(&record));
        }
        records.push(record);
    }

    fn commit(&mut self) -> Result<(), RunError> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        let mut commit = std::mem::take(&mut self.pending);
        commit.taken = self.taken;
        for (index, task) in self.tasks.iter_mut().enumerate() {
            commit.rows.extend(task.state.dirty().map(|(store, rows)| (index, store, rows.clone())));
        }
        journal.append(&commit)?;
        self.tasks.iter_mut().for_each(|task| task.state.commit());
        Ok(())
    }
}

fn by_instant(records: Vec<Arc<Record>>) -> Vec<(Ts, Vec<Arc<Record>>)> {
    let mut instants: Vec<(Ts, Vec<Arc<Record>>)> = Vec::new();
    for record in records {
        match instants.last_mut() {
            Some((at, group)) if *at == record.timestamp => group.push(record),
            _ => instants.push((record.timestamp, vec![record])),
        }
    }
    instants
}
