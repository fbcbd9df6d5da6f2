//! A source is a task too: its records, its promise and its position commit in one transaction.
//!
//!     own promise ─► skip what is published ─► send up to slowest + skew ─► promise = stamp of the next record
//!
//! Resumes from the position in its promise, so that neither a crash nor a lost answer publishes a record
//! twice. Ends with the promise of for ever. Keeps the records of the open transaction, to send them again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::codec::Promise;
use crate::follower::Follower;
use crate::log::{Log, LogError};
use crate::plan::{Plan, Route};
use crate::progress::source_writer;
use crate::record::{FOREVER, Record, Topic, Ts};
use crate::reference::{Source, SourceError};

/// Longest wait for others, and for the pace.
const WAIT: Duration = Duration::from_millis(50);

/// Says before each record how long it is to wait still; zero sends it.
#[cfg_attr(not(feature = "kafka"), expect(unreachable_pub, reason = "the source module hands it on"))]
pub type Pace<'a> = &'a mut dyn FnMut(Ts) -> Duration;

/// Why publishing stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The log refuses.
    Log(LogError),
    /// The source fails.
    Source(SourceError),
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

/// One source on its way into a world.
pub(crate) struct Publisher<'a> {
    plan: Plan,
    writer: String,
    source: Box<dyn Source + 'a>,
    progress: Follower,
    /// What is committed is known, and the log reads the progress topic.
    resumed: bool,
    /// Records taken from the source and not known to be committed; the first `sent` are in the open transaction.
    pending: VecDeque<Record>,
    sent: usize,
    ended: bool,
    /// Records committed, all runs together.
    base: i64,
    /// Records taken from the source in this run, the skipped ones included.
    taken: i64,
    latest: Ts,
    promised: Option<Ts>,
    written: BTreeMap<(Topic, i32), i64>,
    bytes: usize,
    since: Option<Duration>,
    framed: Vec<u8>,
}

impl<'a> Publisher<'a> {
    /// A source that has published nothing yet, as far as this process knows.
    pub(crate) fn new(plan: Plan, name: &str, source: Box<dyn Source + 'a>) -> Self {
        Self {
            progress: Follower::new(&plan.topology),
            plan,
            writer: source_writer(name),
            source,
            resumed: false,
            pending: VecDeque::new(),
            sent: 0,
            ended: false,
            base: 0,
            taken: 0,
            latest: Ts::MIN,
            promised: None,
            written: BTreeMap::new(),
            bytes: 0,
            since: None,
            framed: Vec::new(),
        }
    }

    /// Records committed, all runs together.
    #[cfg(feature = "kafka")]
    pub(crate) fn published(&self) -> u64 {
        self.base.unsigned_abs()
    }

    /// Whether everything is published and promised.
    pub(crate) fn is_done(&self) -> bool {
        self.promised == Some(FOREVER)
    }

    /// Publishes as much as can be now, and commits it. After an error that is not an abort, it goes on with a new log.
    pub(crate) fn step(&mut self, log: &mut dyn Log, pace: Pace<'_>) -> Result<(), Failure> {
        let resumed = std::mem::take(&mut self.resumed);
        if !resumed {
            self.resume(log)?;
        }
        if !self.is_done() {
            match self.turn(log, pace) {
                Err(Failure::Log(LogError::Abort(cause))) => {
                    tracing::warn!(reason = %cause, class = cause.class.name(), "transaction aborted");
                    log.abort()?;
                    self.begin_again();
                    log.pause(WAIT);
                }
                other => other?,
            }
        }
        self.resumed = true;
        Ok(())
    }

    /// Finds out what is committed, and takes up after it.
    fn resume(&mut self, log: &mut dyn Log) -> Result<(), Failure> {
        self.progress.catch_up(&self.plan, log)?;
        self.begin_again();
        let Some(promise) = self.progress.view.of(&self.writer, 0) else {
            return Ok(());
        };
        self.promised = Some(promise.progress);
        let declared = |name: &str| self.plan.topology.partitions.keys().find(|topic| **topic == name).copied();
        let written = promise.written.iter().filter_map(|(t, p, offset)| Some(((declared(t)?, *p), *offset)));
        self.written = written.collect();
        let committed = promise.position;
        while self.base < committed {
            if self.pending.pop_front().is_none() && self.next()?.is_none() {
                let error = format!("`{}` has published {committed} records, but has only {} now", self.writer, self.base);
                return Err(Failure::Source(SourceError(error)));
            }
            self.base += 1;
        }
        Ok(())
    }

    fn begin_again(&mut self) {
        self.sent = 0;
        self.bytes = 0;
        self.since = None;
    }

    fn next(&mut self) -> Result<Option<Record>, Failure> {
        let record = self.source.next().map_err(Failure::Source)?;
        let Some(record) = record else {
            self.ended = true;
            return Ok(None);
        };
        self.taken += 1;
        if record.timestamp < self.latest {
            let error = format!(
                "`{}`, record {}: stamped {}, after one stamped {}: a source must be in order",
                self.writer, self.taken, record.timestamp, self.latest
            );
            return Err(Failure::Source(SourceError(error)));
        }
        self.latest = record.timestamp;
        Ok(Some(record))
    }

    /// The stamp of the next record to be sent; [`FOREVER`] after the last.
    fn head(&mut self) -> Result<Ts, Failure> {
        if self.sent == self.pending.len() && !self.ended {
            let record = self.next()?;
            self.pending.extend(record);
        }
        Ok(self.pending.get(self.sent).map_or(FOREVER, |record| record.timestamp))
    }

    fn turn(&mut self, log: &mut dyn Log, pace: Pace<'_>) -> Result<(), Failure> {
        let mut wait = WAIT;
        let limit = self.progress.view.slowest().map_or(Ts::MIN, |slowest| slowest.saturating_add(self.plan.limits.skew));
        loop {
            let head = self.head()?;
            let full = self.bytes >= self.plan.limits.commit_bytes
                || self.since.is_some_and(|since| log.now() >= since + self.plan.limits.commit_age);
            if full {
                wait = Duration::ZERO;
            }
            if full || head > limit || head == FOREVER {
                break;
            }
            let early = pace(head);
            if !early.is_zero() {
                wait = early.min(WAIT);
                break;
            }
            self.send(log)?;
        }
        let head = self.head()?;
        if self.sent > 0 || self.promised.is_none_or(|promised| head > promised) {
            self.commit(log)?;
            wait = Duration::ZERO;
        }
        if head != FOREVER {
            self.progress.poll(&self.plan, log, wait)?;
        }
        Ok(())
    }

    fn send(&mut self, log: &mut dyn Log) -> Result<(), Failure> {
        let record = &self.pending[self.sent];
        let (partition, bytes) = self.plan.outgoing(record, &mut self.framed, &mut |outgoing| log.send(outgoing))?;
        self.written.entry((record.topic, partition)).or_default();
        self.since.get_or_insert(log.now());
        self.bytes += bytes;
        self.sent += 1;
        Ok(())
    }

    fn commit(&mut self, log: &mut dyn Log) -> Result<(), Failure> {
        let head = self.head()?;
        for (place, offset) in log.drain()? {
            if let Some(Route::Topic(topic)) = self.plan.route(&place.topic) {
                self.written.insert((topic, place.partition), offset);
            }
        }
        let position = self.base + self.sent as i64;
        let written = self.written.iter().map(|((t, p), offset)| ((*t).to_owned(), *p, *offset)).collect();
        let writer = self.writer.clone();
        let promise = Promise { writer, partition: 0, progress: head, written, read: Vec::new(), position };
        self.plan.promise(&promise, &mut |outgoing| log.send(outgoing))?;
        log.drain()?;
        log.commit(&BTreeMap::new())?;
        self.pending.drain(..self.sent);
        self.base = position;
        self.promised = Some(head);
        self.begin_again();
        Ok(())
    }
}
