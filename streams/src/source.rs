//! A source is a task too: its records, its promise and its position commit in one transaction.
//!
//!     own promise ─► skip what is published ─► send up to slowest + skew ─► promise = stamp of the next record
//!
//! Resumes from the position in its promise, so that neither a crash nor a lost answer publishes a record
//! twice. Ends with the promise of for ever. Keeps the records of the open transaction, to send them again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::buffer::Order;
use crate::codec::{Codec, Promise};
use crate::kafka::{KafkaLog, Member};
use crate::log::{Log, LogError};
use crate::plan::{Plan, Route};
use crate::progress::{Follower, source_writer};
use crate::record::{FOREVER, Record, Topic, Ts};
use crate::reference::Source;
use crate::runtime::{Backoff, Config, RuntimeError};
use crate::topology::Topology;
use crate::world::Declaration;

/// Longest wait for others, and for the pace.
const WAIT: Duration = Duration::from_millis(50);

/// Says before each record how long it is to wait still; zero sends it.
pub type Pace<'a> = &'a mut dyn FnMut(Ts) -> Duration;

/// Publishes a source into a world until it has ended or `stop` is set; returns how many records it has published in all.
///
/// # Errors
/// The source fails or is out of order, or the world refuses it. A cluster that is away for a while is waited for.
pub fn publish(
    config: &Config,
    topology: &Topology,
    codec: &Arc<dyn Codec>,
    name: &str,
    source: &mut dyn Source,
    pace: Pace<'_>,
    stop: &AtomicBool,
) -> Result<u64, RuntimeError> {
    let plan = Plan::new(topology.clone(), Arc::clone(codec), config.world.clone(), Order::EventTime, config.limits, "");
    let mut publisher = Publisher::new(plan, name, source);
    let id = config.world.source(name);
    let member = Member { group: id.clone(), topics: Vec::new(), transactional_id: id, is_static: false };
    let since = Instant::now();
    let mut backoff = Backoff::default();
    loop {
        let before = publisher.base;
        let ran = KafkaLog::open(&config.connection, &member, since).map_err(Failure::Log);
        match ran.and_then(|mut log| publisher.run(&mut log, pace, stop)) {
            Ok(()) => return Ok(publisher.base.unsigned_abs()),
            Err(Failure::Source(error)) => return Err(error),
            Err(Failure::Log(LogError::Refused(error))) => return Err(RuntimeError::Refused(error)),
            Err(Failure::Log(error)) => backoff.wait(&error, publisher.base > before, stop),
        }
    }
}

/// Declares what a world is made of. Doing so again with the same content changes nothing.
///
/// # Errors
/// The world is declared differently already, or the cluster is unreachable.
pub fn declare(
    config: &Config,
    topology: &Topology,
    codec: &Arc<dyn Codec>,
    declaration: &Declaration,
) -> Result<(), RuntimeError> {
    let plan = Plan::new(topology.clone(), Arc::clone(codec), config.world.clone(), Order::EventTime, config.limits, "");
    let id = config.world.source("declaration");
    let member = Member { group: id.clone(), topics: Vec::new(), transactional_id: id, is_static: false };
    let mut log = KafkaLog::open(&config.connection, &member, Instant::now())?;
    let mut progress = Follower::new(topology);
    progress.catch_up(&plan, &mut log)?;
    match progress.view.declaration() {
        Some(found) if found == declaration => return Ok(()),
        Some(found) => {
            return Err(RuntimeError::Refused(format!(
                "the world is declared already, with sources {:?} from {}; drop it or use another name",
                found.sources, found.start
            )));
        }
        None => {}
    }
    plan.declaration(declaration, &mut |record| log.send(record))?;
    log.drain()?;
    Ok(log.commit(&BTreeMap::new())?)
}

/// Why publishing stops.
enum Failure {
    Log(LogError),
    Source(RuntimeError),
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

struct Publisher<'a> {
    plan: Plan,
    writer: String,
    source: &'a mut dyn Source,
    progress: Follower,
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
    fn new(plan: Plan, name: &str, source: &'a mut dyn Source) -> Self {
        Self {
            progress: Follower::new(&plan.topology),
            plan,
            writer: source_writer(name),
            source,
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

    fn run(&mut self, log: &mut dyn Log, pace: Pace<'_>, stop: &AtomicBool) -> Result<(), Failure> {
        self.resume(log)?;
        while self.promised != Some(FOREVER) && !stop.load(Ordering::Relaxed) {
            match self.turn(log, pace) {
                Err(Failure::Log(LogError::Abort(reason))) => {
                    tracing::warn!(reason, "transaction aborted");
                    log.abort()?;
                    self.begin_again();
                    log.pause(WAIT);
                }
                other => other?,
            }
        }
        if self.sent > 0 { self.commit(log) } else { Ok(()) }
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
                return Err(Failure::Source(RuntimeError::Refused(error)));
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
        let record = self.source.next().map_err(|error| Failure::Source(error.into()))?;
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
            return Err(Failure::Source(RuntimeError::Refused(error)));
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
