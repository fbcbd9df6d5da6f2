//! Running units of a topology on a cluster: one plain thread for each shard, until stopped.
//!
//!     start: check topics, make changelogs ─► shard threads ─► status, stop, wait
//!
//! A shard whose log breaks opens a new one after a bounded pause and goes on with the state that it has. One
//! that is refused ends the whole run: a half-working pipeline would only hide the fault.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::admin;
use crate::buffer::Order;
use crate::codec::Codec;
use crate::disk::Directory;
use crate::errors::Cause;
use crate::kafka::{Connection, KafkaLog, Member};
use crate::log::LogError;
use crate::pauses;
use crate::plain::Plain;
use crate::plan::{Limits, Plan};
use crate::query::{self, QueryError, Question, Rows};
use crate::record::Ts;
use crate::reference::SourceError;
use crate::shard::Shard;
use crate::status::{Phase, ShardStatus, StatusCell};
use crate::store::{Bases, InMemory};
use crate::topology::{Stage, Topology, TopologyError};
use crate::world::World;

/// Where and how to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster.
    pub connection: Connection,
    /// The world.
    pub world: World,
    /// In which order records are taken.
    pub order: Order,
    /// Name of this process, kept over restarts: its assignment then survives them. None: a fresh random one.
    pub instance: Option<String>,
    /// Directory of this process alone for warm copies of the stores; none keeps them in memory.
    pub state: Option<PathBuf>,
    /// Threads for each unit, at least 1.
    pub shards: usize,
    /// Limits.
    pub limits: Limits,
}

/// Why nothing runs any more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RuntimeError {
    /// The graph cannot run.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The cluster cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// Something must be changed from outside first; says what.
    #[error("{0}")]
    Refused(String),
    /// A source failed.
    #[error("{0}")]
    Source(String),
}

impl From<LogError> for RuntimeError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Refused(cause) => Self::Refused(cause.said),
            LogError::Abort(cause) | LogError::Reopen(cause) => Self::Unreachable(cause.said),
        }
    }
}

impl From<SourceError> for RuntimeError {
    fn from(error: SourceError) -> Self {
        Self::Source(error.0)
    }
}

/// A running pipeline. Dropping it stops the threads without waiting for them.
pub struct Handle {
    stop: Arc<AtomicBool>,
    shards: Vec<Running>,
}

/// A shard's thread, and the ways to it.
struct Running {
    status: StatusCell,
    plan: Arc<Plan>,
    questions: SyncSender<Question>,
    thread: JoinHandle<Result<(), RuntimeError>>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.status()).finish()
    }
}

impl Handle {
    /// What every shard says of itself; never waits for one.
    #[must_use]
    pub fn status(&self) -> Vec<ShardStatus> {
        self.shards.iter().map(|shard| shard.status.get()).collect()
    }

    /// The committed rows of `key` in a store of a stage, at most [`query::ROWS_MAX`]: (sub-key, value).
    ///
    /// Waits for the shard that has the key, never the other way round: up to a poll (50 ms) when it is idle.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn query(&self, stage: &str, store: &str, key: &str) -> Result<Rows, QueryError> {
        let mut error = QueryError::Unknown(stage.to_owned(), store.to_owned());
        for shard in &self.shards {
            match query::ask(&shard.plan, &shard.questions, (stage, store), key) {
                // Another unit's shard knows nothing of the stage: that says nothing against what others said.
                Err(QueryError::Unknown(..)) => {}
                Err(other) => error = other,
                Ok(rows) => return Ok(rows),
            }
        }
        Err(error)
    }

    /// Asks every shard to commit what is done and to leave its group.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether every shard has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shards.iter().all(|shard| shard.thread.is_finished())
    }

    /// Waits until every shard has ended.
    ///
    /// # Errors
    /// The first reason for which one gave up.
    pub fn wait(mut self) -> Result<(), RuntimeError> {
        let ended: Vec<Result<(), RuntimeError>> = self
            .shards
            .drain(..)
            .map(|shard| shard.thread.join().unwrap_or_else(|_| Err(RuntimeError::Refused("a shard panicked".to_owned()))))
            .collect();
        ended.into_iter().collect()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts whole units of a topology.
///
/// # Errors
/// The graph cannot run, a topic is missing or has the wrong number of partitions, or the cluster cannot be reached.
pub fn start(
    config: &Config,
    topology: &Topology,
    codec: &Arc<dyn Codec>,
    units: &[&'static str],
) -> Result<Handle, RuntimeError> {
    topology.check()?;
    if let Some(unknown) = units.iter().find(|unit| topology.stages.iter().all(|stage| stage.unit != **unit)) {
        return Err(RuntimeError::Refused(format!("`{unknown}` is no unit of the pipeline")));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut handle = Handle { stop: Arc::clone(&stop), shards: Vec::new() };
    let instance = config.instance.clone().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    let since = Instant::now();
    for unit in units {
        let codec = Arc::clone(codec);
        let plan = Plan::new(topology.clone(), codec, config.world.clone(), config.order, config.limits, unit);
        admin::prepare(&config.connection, &plan)?;
        let plan = Arc::new(plan);
        for number in 0..config.shards.max(1) {
            let member = member(config, &plan, unit, &instance, number);
            let status = StatusCell::new(unit, number);
            let mut shard = Shard::new(Arc::clone(&plan), bases(config, unit, number), status.clone());
            let (questions, asked) = query::queue();
            shard.questions = Some(asked);
            let runner = Runner { connection: config.connection.clone(), member, shard, status: status.clone(), since };
            let stop = Arc::clone(&stop);
            let thread = std::thread::Builder::new().name(format!("{unit}-{number}")).spawn(move || runner.run(&stop));
            let thread = thread.map_err(|error| RuntimeError::Refused(format!("no thread: {error}")))?;
            handle.shards.push(Running { status, plan: Arc::clone(&plan), questions, thread });
        }
    }
    Ok(handle)
}

/// Starts a plain stage; makes its output topic if there is none.
///
/// # Errors
/// As for [`start`]; its input is missing.
pub fn start_plain(config: &Config, stage: &Stage) -> Result<Handle, RuntimeError> {
    let topology = admin::plain_topology(&config.connection, stage)?;
    let codec: Arc<dyn Codec> = Arc::new(Plain);
    start(config, &topology, &codec, &[stage.unit])
}

/// Each shard has a directory to itself.
fn bases(config: &Config, unit: &str, shard: usize) -> Box<dyn Bases> {
    match &config.state {
        None => Box::new(InMemory),
        Some(state) => {
            let path = state.join("stores").join(format!("{}.{shard}", config.world.group(unit)));
            Box::new(Directory::new(path, Arc::new(wall_clock)))
        }
    }
}

fn wall_clock() -> Ts {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ts::try_from(since.as_millis()).unwrap_or(Ts::MAX)
}

fn member(config: &Config, plan: &Plan, unit: &str, instance: &str, shard: usize) -> Member {
    let mut topics: Vec<String> =
        plan.stages.iter().flat_map(|stage| plan.inputs(*stage)).map(|topic| config.world.topic(topic)).collect();
    topics.sort_unstable();
    topics.dedup();
    Member {
        group: config.world.group(unit),
        topics,
        transactional_id: config.world.member(unit, instance, shard),
        is_static: config.instance.is_some(),
    }
}

/// One shard's thread.
struct Runner {
    connection: Connection,
    member: Member,
    shard: Shard,
    status: StatusCell,
    since: Instant,
}

impl Runner {
    /// The reason behind a log that cannot be opened, where the client knows one.
    fn explained(&self, error: LogError) -> LogError {
        match error {
            LogError::Reopen(cause) => LogError::Reopen(self.connection.behind(cause)),
            other => other,
        }
    }

    fn give_up(&self, cause: &Cause) {
        let (class, severity) = (cause.class.name(), cause.class.severity().name());
        tracing::error!(error = %cause, class, severity, "given up");
        self.status.set(|status| {
            status.phase = Phase::Failed(cause.said.clone());
            status.errors.note(cause.class);
        });
    }

    fn run(mut self, stop: &AtomicBool) -> Result<(), RuntimeError> {
        let mut backoff = Backoff::default();
        loop {
            let commits = self.status.get().commits;
            let opened = KafkaLog::open(&self.connection, &self.member, self.since).map_err(|error| self.explained(error));
            match opened.and_then(|mut log| self.shard.run(&mut log, stop)) {
                Ok(()) => {
                    self.status.set(|status| status.phase = Phase::Stopped);
                    return Ok(());
                }
                Err(LogError::Refused(cause)) => {
                    self.give_up(&cause);
                    stop.store(true, Ordering::Relaxed);
                    return Err(RuntimeError::Refused(cause.said));
                }
                Err(error) => {
                    self.status.set(|status| {
                        status.phase = Phase::Waiting(error.to_string());
                        status.reopened += 1;
                        status.errors.note(error.class());
                    });
                    backoff.wait(&error, self.status.get().commits > commits, stop);
                    if stop.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// The pause before a log is opened again: doubles until something was committed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits, or until a stop.
    pub(crate) fn wait(&mut self, error: &LogError, committed: bool, stop: &AtomicBool) {
        self.failures = if committed { 0 } else { self.failures + 1 };
        let pause = pauses::after(self.failures);
        let (class, severity) = (error.class().name(), error.class().severity().name());
        tracing::warn!(%error, class, severity, ?pause, "opening the log again");
        pauses::rest(pause, stop);
    }
}
