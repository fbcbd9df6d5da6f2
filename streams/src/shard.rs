//! The loop of one shard: one log, one thread, the tasks that the group gave to it.
//!
//!     assigned ─► stable offsets ─► high watermarks ─► restore ─► run: read, process, commit
//!
//! Outputs, changelog rows (the last value of each key), promises and offsets commit in one transaction, by
//! need: at once when the input is idle, else by age or size. Bases are touched only after the commit, so an
//! abort throws away overlays and reads again from the committed offsets. Only a base that is at fault is wiped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
#[cfg(feature = "kafka")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "kafka")]
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::active::Active;
use crate::buffer::{Arrived, Order};
use crate::edge;
use crate::errors::Cause;
use crate::follower::{Follower, News};
use crate::log::{Log, LogError, Offsets, Outgoing, Place, Raw, Rebalance};
use crate::plan::{Plan, Route};
#[cfg(feature = "kafka")]
use crate::query::Question;
use crate::record::{Record, Topic};
use crate::report::Outside;
use crate::restore::Restore;
use crate::standby::Standbys;
use crate::status::StatusCell;
use crate::store::{Bases, State};
use crate::task::Counts;

/// Records handed over by one poll.
const POLL_RECORDS: usize = 1_000;
/// Longest wait for a record; also how long a stop may go unnoticed.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// Longest pause after an abort.
const ABORT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Time between two reports while nothing is committed.
const REPORT_GAP: Duration = Duration::from_millis(250);

/// What stays of a task that is not ours at the moment.
pub(crate) struct Kept {
    /// Committed rows.
    pub state: State,
    /// What was done so far.
    pub counts: Counts,
    /// Offset behind the last row applied, by store.
    pub changelogs: Vec<i64>,
}

/// Where a shard stands.
pub(crate) enum Stand {
    /// Waiting for the group.
    Idle,
    /// Reading changelogs and promises.
    Restoring(Box<Restore>),
    /// Processing.
    Running,
}

/// The open transaction.
#[derive(Debug, Default)]
pub(crate) struct Open {
    pub since: Option<Duration>,
    pub bytes: usize,
}

/// One shard of a unit.
pub(crate) struct Shard {
    pub(crate) plan: Arc<Plan>,
    pub(crate) progress: Follower,
    pub(crate) actives: Vec<Active>,
    pub(crate) bases: Box<dyn Bases>,
    /// Changelog rows read.
    pub(crate) restored: u64,
    /// Local copies that turned out to belong to other changelogs.
    pub(crate) rebuilt: u64,
    pub(crate) parked: BTreeMap<(usize, i32), Kept>,
    pub(crate) standbys: Standbys,
    pub(crate) stand: Stand,
    owned: Vec<Place>,
    pub(crate) committed: Offsets,
    pub(crate) open: Open,
    pub(crate) out: Vec<Record>,
    pub(crate) framed: Vec<u8>,
    pub(crate) last_commit: Duration,
    pub(crate) last_promise: Duration,
    pub(crate) last_report: Duration,
    pub(crate) outside: Outside,
    pub(crate) aborts_in_a_row: u32,
    busy: bool,
    pub(crate) held: BTreeSet<Place>,
    /// The task whose turn is next.
    pub(crate) next: usize,
    fault: Option<LogError>,
    /// What others want to know of committed state.
    #[cfg(feature = "kafka")]
    pub(crate) questions: Option<Receiver<Question>>,
    pub(crate) status: StatusCell,
}

impl Shard {
    /// A shard that owns nothing yet.
    pub(crate) fn new(plan: Arc<Plan>, bases: Box<dyn Bases>, status: StatusCell) -> Self {
        Self {
            progress: Follower::new(&plan.topology),
            plan,
            actives: Vec::new(),
            bases,
            restored: 0,
            rebuilt: 0,
            parked: BTreeMap::new(),
            standbys: Standbys::default(),
            stand: Stand::Idle,
            owned: Vec::new(),
            committed: Offsets::new(),
            open: Open::default(),
            out: Vec::new(),
            framed: Vec::new(),
            last_commit: Duration::ZERO,
            last_promise: Duration::ZERO,
            last_report: Duration::ZERO,
            outside: Outside::default(),
            aborts_in_a_row: 0,
            busy: false,
            held: BTreeSet::new(),
            next: 0,
            fault: None,
            #[cfg(feature = "kafka")]
            questions: None,
            status,
        }
    }

    /// Runs until stopped; then what is done is committed.
    ///
    /// # Errors
    /// Never [`LogError::Abort`]. After [`LogError::Reopen`] the shard goes on with a new log.
    #[cfg(feature = "kafka")]
    pub(crate) fn run(&mut self, log: &mut dyn Log, stop: &AtomicBool) -> Result<(), LogError> {
        let result = self.turns(log, stop);
        if result.is_err() {
            self.leave();
        }
        result.map_err(|error| match error {
            LogError::Abort(reason) => LogError::Reopen(reason),
            other => other,
        })
    }

    /// The log is gone: what is not committed goes with it, what is stays for the next one.
    pub(crate) fn leave(&mut self) {
        self.park_sound();
        self.owned.clear();
        self.stand = Stand::Idle;
        self.fault = None;
    }

    #[cfg(feature = "kafka")]
    fn turns(&mut self, log: &mut dyn Log, stop: &AtomicBool) -> Result<(), LogError> {
        self.report(log.now());
        while !stop.load(Ordering::Relaxed) {
            self.turn(log)?;
        }
        match self.settle(log) {
            Err(LogError::Abort(_)) => log.abort(),
            other => other,
        }
    }

    /// One round: read, answer the group, do what can be done, commit if it is time.
    pub(crate) fn turn(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        #[cfg(feature = "kafka")]
        self.answer();
        let wait = self.wait(log.now());
        let got = log.poll(POLL_RECORDS, wait, &mut |raw| self.take(&raw))?;
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let got = got.saturating_sub(self.feed_standbys());
        while let Some(change) = log.rebalance() {
            self.rebalanced(log, change)?;
        }
        let done = match &self.stand {
            Stand::Idle => Ok(()),
            Stand::Restoring(_) => self.restore(log),
            Stand::Running => self.work(log, got),
        };
        let now = log.now();
        if now >= self.last_report + REPORT_GAP {
            self.measure_lag(log, now);
            self.report(now);
        }
        match done {
            Err(LogError::Abort(cause)) => self.roll_back(log, &cause),
            other => other,
        }
    }

    /// How long the next poll may wait.
    fn wait(&self, now: Duration) -> Duration {
        match (&self.stand, self.open.since) {
            (Stand::Running, _) if self.busy => Duration::ZERO,
            (Stand::Running, Some(_)) => (self.last_commit + self.plan.limits.commit_gap).saturating_sub(now),
            _ => POLL_WAIT,
        }
    }

    /// Takes one record of the log.
    fn take(&mut self, raw: &Raw<'_>) {
        if self.fault.is_some() {
            return; // a new log begins at what could not be taken
        }
        match self.plan.route(raw.topic) {
            Some(Route::Progress) => self.take_progress(raw),
            Some(Route::Topic(topic)) => {
                let partitions = self.plan.topology.partition_count(topic);
                let arrived = edge::read(raw, topic, partitions, &*self.plan.codec);
                if self.cannot_be_judged(&arrived) {
                    return;
                }
                let readers = self.actives.iter_mut().filter(|a| a.partition == raw.partition && a.reads(topic));
                readers.for_each(|active| active.accept(self.plan.order, arrived.clone()));
            }
            Some(Route::Clock) => {
                let until = raw.timestamp.saturating_sub(self.plan.limits.silence);
                if self.progress.view.tick(until) {
                    self.actives.iter_mut().for_each(|active| active.tick(until));
                }
            }
            Some(Route::Retry(stage, topic)) => self.take_again(raw, stage, topic),
            Some(Route::Changelog(stage, store)) => {
                if let Err(error) = self.take_row(raw, stage, store) {
                    self.fault = Some(error);
                }
            }
            None => {}
        }
    }

    fn take_again(&mut self, raw: &Raw<'_>, stage: usize, topic: Topic) {
        let (topology, order) = (&self.plan.topology, self.plan.order);
        let reads = topology.stages[stage].reads;
        let arrived = edge::read_again(raw, topic, reads, topology.partition_count(topic), &*self.plan.codec);
        if self.cannot_be_judged(&arrived) {
            return;
        }
        if let Some(active) = self.actives.iter_mut().find(|a| (a.stage, a.partition) == (stage, raw.partition)) {
            active.accept(order, arrived);
        }
    }

    /// A record that could not be read for a reason that passes is no bad record: everything is read again later.
    fn cannot_be_judged(&mut self, arrived: &Arrived) -> bool {
        let poison = arrived.poison.as_ref().filter(|poison| self.plan.codec.is_passing(poison));
        if let Some(poison) = poison {
            let (topic, partition, offset) = (arrived.record.topic, arrived.record.partition, arrived.record.offset);
            self.fault = Some(LogError::reopen(poison.class, format_args!("{topic}/{partition} offset {offset}: {poison}")));
        }
        poison.is_some()
    }

    fn take_progress(&mut self, raw: &Raw<'_>) {
        match self.progress.take(&self.plan, raw) {
            Ok(Some(News::Promise(promise))) => self.actives.iter_mut().for_each(|active| active.promise(&promise)),
            Ok(Some(News::Declaration)) => {
                self.actives.iter_mut().for_each(|active| active.follow(&self.plan.topology, &self.progress.view));
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(error),
        }
    }

    fn rebalanced(&mut self, log: &mut dyn Log, change: Rebalance) -> Result<(), LogError> {
        match change {
            Rebalance::Assigned(places) => {
                tracing::debug!(partitions = places.len(), "assigned");
                self.owned = places;
                self.open(log)
            }
            Rebalance::Revoked { lost } => {
                tracing::debug!(lost, "revoked");
                let settled = if lost { log.abort() } else { self.settle(log) };
                match settled {
                    Err(LogError::Abort(_)) => log.abort()?,
                    other => other?,
                }
                self.park_sound();
                self.owned.clear();
                self.stand = Stand::Idle;
                log.unassign()
            }
        }
    }

    /// Takes up the tasks of the partitions owned: from here on they restore.
    fn open(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        self.park_sound();
        let restore = Restore::open(self, log)?;
        self.stand = Stand::Restoring(Box::new(restore));
        Ok(())
    }

    /// The task of a stage on a partition, warm if it was here before.
    pub(crate) fn unpark(&mut self, stage: usize, partition: i32) -> Option<Kept> {
        self.parked.remove(&(stage, partition))
    }

    /// The partitions that the group gave to this shard.
    pub(crate) fn owned(&self) -> &[Place] {
        &self.owned
    }

    /// Puts every task aside with its committed rows.
    fn park(&mut self) {
        for active in self.actives.drain(..) {
            let (mut state, counts) = active.task.close();
            state.abort();
            self.parked.insert((active.stage, active.partition), Kept { state, counts, changelogs: active.changelogs });
        }
        self.standbys.clear();
        self.open = Open::default();
        self.out.clear();
        self.held.clear();
        self.busy = false;
    }

    /// Puts every task aside; if a base is at fault, without the rows of any: they are read again.
    fn park_sound(&mut self) {
        let at_fault = self.fault_of_base().is_some();
        self.park();
        if at_fault {
            self.parked.clear();
            self.bases.discard();
        }
    }

    /// Why what was done since the last commit cannot be believed.
    pub(crate) fn fault_of_base(&self) -> Option<String> {
        self.actives.iter().find_map(|active| active.task.state.fault())
    }

    fn restore(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        let Stand::Restoring(mut restore) = std::mem::replace(&mut self.stand, Stand::Idle) else {
            return Ok(());
        };
        if !restore.step(self, log)? {
            self.stand = Stand::Restoring(restore);
            return Ok(());
        }
        self.committed = restore.finish(self, log)?;
        self.stand = Stand::Running;
        self.last_promise = Duration::ZERO;
        self.report(log.now());
        Ok(())
    }

    fn work(&mut self, log: &mut dyn Log, got: usize) -> Result<(), LogError> {
        if got == 0 {
            self.pass_markers(log);
        }
        self.set_late_aside(log)?;
        let is_cut = self.work_for_a_turn(log)?;
        let now = log.now();
        if self.open.since.is_none() && self.wants_promise(now) {
            self.open.since = Some(now);
        }
        self.busy = got > 0 || is_cut;
        let idle = !self.busy && now >= self.last_commit + self.plan.limits.commit_gap;
        if self.open.since.is_some() && (idle || self.is_full(now)) {
            self.commit(log)?;
        }
        self.hold_back(log)
    }

    fn set_late_aside(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        if self.plan.order == Order::Arrival {
            return Ok(());
        }
        for index in 0..self.actives.len() {
            while self.actives[index].step_late(&mut self.out) {
                self.open.since.get_or_insert_with(|| log.now());
                self.send_outputs(log, index)?;
            }
        }
        Ok(())
    }

    /// Control markers are read, too: nothing else lies between the last record and the log's position.
    fn pass_markers(&mut self, log: &mut dyn Log) {
        for (place, position) in log.positions() {
            if let Some(Route::Topic(topic) | Route::Retry(_, topic)) = self.plan.route(&place.topic) {
                let readers = self.actives.iter_mut().filter(|active| active.partition == place.partition);
                readers.for_each(|active| active.read(topic, position));
            }
        }
    }

    fn wants_promise(&mut self, now: Duration) -> bool {
        self.may_promise(now) && self.actives.iter_mut().any(Active::could_promise)
    }

    /// In event time at each commit; in arrival order now and then.
    pub(crate) fn may_promise(&self, now: Duration) -> bool {
        self.plan.order == Order::EventTime || now >= self.last_promise + self.plan.limits.promise_gap
    }

    pub(crate) fn is_full(&self, now: Duration) -> bool {
        let limits = &self.plan.limits;
        self.open.bytes >= limits.commit_bytes || self.open.since.is_some_and(|since| now >= since + limits.commit_age)
    }

    pub(crate) fn send_outputs(&mut self, log: &mut dyn Log, index: usize) -> Result<(), LogError> {
        for record in self.out.drain(..) {
            let mut send = |outgoing: Outgoing<'_>| log.send(outgoing);
            let (partition, bytes) = self.plan.outgoing(&record, &mut self.framed, &mut send)?;
            self.open.bytes += bytes;
            self.actives[index].touch(record.topic, partition);
        }
        Ok(())
    }

    /// Commits what is done, if anything is.
    fn settle(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        match (&self.stand, self.open.since) {
            (Stand::Running, Some(_)) => self.commit(log),
            _ => Ok(()),
        }
    }

    /// Drops what is not committed and begins again from the committed offsets.
    fn roll_back(&mut self, log: &mut dyn Log, cause: &Cause) -> Result<(), LogError> {
        tracing::warn!(reason = %cause, class = cause.class.name(), "transaction aborted");
        self.status.aborted(cause.class);
        log.abort()?;
        self.park_sound();
        let pause = Duration::from_millis(10) * 2_u32.saturating_pow(self.aborts_in_a_row.min(10));
        self.aborts_in_a_row += 1;
        log.pause(pause.min(ABORT_PAUSE_MAX));
        match self.open(log) {
            Err(LogError::Abort(reason)) => Err(LogError::Reopen(reason)),
            other => other,
        }
    }
}
