//! A whole pipeline on the broker's model: one thread, one seed, a virtual clock, faults.
//!
//!     seed ─► who is next, how long it takes, what breaks ─► shards and sources on a shared broker ─► committed records
//!
//! Runs the very shards and publishers that run on Kafka. First with faults, then healed: then it must finish. After
//! each turn every record committed by then is handed to an auditor, so that a wrong one is found when it happens.
//! The same seed gives the same run. What it proves ends where the model differs from Kafka.

mod audit;
mod cluster;
mod dice;
mod disk;
mod faults;
mod log;
mod processes;
pub mod search;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use slipstream_broker::Isolation;

pub use self::audit::Auditor;
use self::cluster::{Cluster, Shared};
pub use self::faults::{Fault, Faults};
use self::log::Identity;
pub use self::log::ModelLog;
use self::processes::Processes;
use crate::buffer::Order;
use crate::codec::Codec;
use crate::edge;
use crate::errors::ErrorClass;
use crate::follower;
use crate::log::{Log, LogError, Raw};
use crate::plan::Limits;
use crate::record::{Record, Topic, Ts};
use crate::store::Bases;
use crate::topology::{Topology, TopologyError};
use crate::world::{DECLARATION_KEY, Declaration, World};

/// Wall clock of the model at the start, epoch ms.
const NOW: i64 = 1_700_000_000_000;
/// Records written in a run, aborted ones included; a small world that needs more goes in circles.
const WRITES_MAX: u64 = 300_000;
/// Bytes read at once when the outcome is read.
const READ_BYTES: usize = 1 << 20;

/// What is run.
#[derive(Clone)]
pub struct Scenario {
    /// The graph.
    pub topology: Topology,
    /// Its codec.
    pub codec: Arc<dyn Codec>,
    /// In which order records are taken.
    pub order: Order,
    /// Limits of the shards.
    pub limits: Limits,
    /// Members of each unit's group.
    pub instances: usize,
    /// Sources by name, each with its records in order of timestamp.
    pub sources: Vec<(String, Vec<Record>)>,
    /// First instant of the world.
    pub start: Ts,
    /// What stands between the processes and the world: where bugs are planted, to see that they are found.
    pub planted: Planted,
}

/// What stands between every shard and source and its log, and between every shard and its bases; nothing by default.
#[derive(Clone, Default)]
pub struct Planted {
    /// Put before a log.
    pub log: Option<Before<ModelLog, dyn Log>>,
    /// Put before the bases of a shard.
    pub bases: Option<Before<Box<dyn Bases>, dyn Bases>>,
}

/// Puts something before what a process is given.
pub type Before<Given, Seam> = Rc<dyn Fn(Given) -> Box<Seam>>;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Every committed record of the topology's topics but promises, by topic, partition and offset.
    pub records: Vec<Record>,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<Fault, u64>,
    /// Turns taken.
    pub turns: u64,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The graph cannot run.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A process gave up.
    #[error("turn {turn}: {error}")]
    Refused {
        /// When.
        turn: u64,
        /// Why.
        error: String,
    },
    /// A record was committed that should not be.
    #[error("turn {turn}: {error}")]
    Unsafe {
        /// When.
        turn: u64,
        /// What the auditor says.
        error: String,
    },
    /// Healed, but not finished.
    #[error("not finished after {0} turns")]
    Stuck(u64),
}

/// Runs a scenario.
///
/// # Errors
/// See [`SimulationError`].
pub fn simulate(scenario: &Scenario, faults: Faults, seed: u64, mut auditor: Auditor) -> Result<Outcome, SimulationError> {
    scenario.topology.check()?;
    let quiet = faults.quiet();
    let cluster = Rc::new(RefCell::new(Cluster::new(NOW, seed, quiet)));
    let mut run = Run::new(scenario, cluster);
    run.prepare().map_err(|error| SimulationError::Refused { turn: 0, error: error.to_string() })?;
    run.cluster.borrow_mut().faults = faults;
    while !run.processes.is_complete() || run.is_kept_waiting() {
        run.turn += 1;
        if run.turn == faults.until {
            run.cluster.borrow_mut().faults = quiet;
        }
        if run.turn > faults.turns_max || run.cluster.borrow().written > WRITES_MAX {
            return Err(SimulationError::Stuck(run.turn));
        }
        run.processes.one_turn().map_err(|error| SimulationError::Refused { turn: run.turn, error })?;
        run.read(&mut auditor)?;
    }
    auditor.finish().map_err(|error| SimulationError::Unsafe { turn: run.turn, error })?;
    Ok(run.outcome())
}

/// A run under way, as the auditor sees it.
struct Run {
    scenario: Rc<Scenario>,
    cluster: Shared,
    processes: Rc<Processes>,
    turn: u64,
    /// Up to where committed records have been read, by topic and partition.
    read: BTreeMap<(Topic, i32), i64>,
    records: Vec<Record>,
}

impl Run {
    fn new(scenario: &Scenario, cluster: Shared) -> Self {
        let topics = scenario.topology.partitions.iter();
        let read = topics.flat_map(|(topic, count)| (0..*count).map(move |partition| ((*topic, partition), 0))).collect();
        let scenario = Rc::new(scenario.clone());
        let processes = Processes::start(&scenario, &cluster);
        Self { scenario, cluster, processes, turn: 0, read, records: Vec::new() }
    }

    /// Topics, changelogs, declaration.
    fn prepare(&self) -> Result<(), LogError> {
        let topology = &self.scenario.topology;
        let mut topics: Vec<(String, i32)> = topology.partitions.iter().map(|(t, count)| ((*t).to_owned(), *count)).collect();
        for stage in &topology.stages {
            let name = |store| World::default().changelog(stage.name, store);
            topics.extend(Topology::stores(stage).map(|store| (name(store), topology.tasks(stage))));
        }
        for (topic, partitions) in topics {
            let settings = [("retention.ms", "-1"), ("message.timestamp.after.max.ms", "9223372036854775807")];
            let made = self.cluster.borrow_mut().direct.create_topic(&topic, partitions, &settings);
            made.map_err(|code| LogError::refused(ErrorClass::Resource, format_args!("{topic}: {code:?}")))?;
        }
        let identity = Identity { transactional_id: "declaration".to_owned(), group: None };
        let mut log = ModelLog::open(&self.cluster, &identity)?;
        let sources = self.scenario.sources.iter().map(|(name, _)| name.clone()).collect();
        let declaration = Declaration { sources, start: self.scenario.start, live: false };
        follower::declare(&processes::plan(&self.scenario, ""), &mut log, &declaration)
    }

    /// Hands what has been committed since the last time to the auditor.
    fn read(&mut self, auditor: &mut Auditor) -> Result<(), SimulationError> {
        let turn = self.turn;
        let mut fresh = Vec::new();
        let mut positions = std::mem::take(&mut self.read);
        for ((topic, partition), at) in &mut positions {
            let read = self.read_partition(topic, *partition, at, &mut fresh);
            read.map_err(|error| SimulationError::Refused { turn, error })?;
        }
        self.read = positions;
        for record in fresh {
            if record.topic == self.scenario.topology.progress {
                self.promised(&record, auditor);
                continue;
            }
            auditor.committed(&record).map_err(|error| SimulationError::Unsafe { turn, error })?;
            self.records.push(record);
        }
        auditor.check_promises(&self.read).map_err(|error| SimulationError::Unsafe { turn, error })
    }

    /// Whether something written lies behind a transaction that a stalled process has left open: a reader of committed records
    /// sees it once that one has ended, or timed out. All may have been done by others meanwhile.
    fn is_kept_waiting(&self) -> bool {
        let cluster = self.cluster.borrow();
        let ends = |topic, partition| cluster.direct.watermarks(topic, partition).map(|marks| marks.end);
        self.read.iter().any(|((topic, partition), at)| ends(topic, *partition).is_ok_and(|end| *at < end))
    }

    fn promised(&self, record: &Record, auditor: &mut Auditor) {
        if record.key.as_ref() != DECLARATION_KEY
            && let Some(Ok(promise)) = record.body.as_deref().map(|body| self.scenario.codec.read_promise(body))
        {
            auditor.promised(promise);
        }
    }

    fn read_partition(&self, topic: Topic, partition: i32, at: &mut i64, records: &mut Vec<Record>) -> Result<(), String> {
        let mut cluster = self.cluster.borrow_mut();
        let end = cluster.direct.watermarks(topic, partition).map_err(|code| format!("{topic}: {code:?}"))?.stable;
        let count = self.scenario.topology.partition_count(topic);
        while *at < end {
            let fetched = cluster.direct.fetch(topic, partition, *at, READ_BYTES, Isolation::Committed);
            let fetched = fetched.map_err(|code| format!("{topic}/{partition} offset {at}: {code:?}"))?;
            *at = fetched.next;
            for record in fetched.records {
                let headers: Vec<(&str, &[u8])> =
                    record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default())).collect();
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                let (offset, timestamp) = (record.offset, record.timestamp);
                let raw = Raw { topic, partition, offset, timestamp, key, value, headers: &headers };
                let arrived = edge::read(&raw, topic, count, &*self.scenario.codec);
                records.push(Arc::unwrap_or_clone(arrived.record));
            }
        }
        Ok(())
    }

    fn outcome(mut self) -> Outcome {
        self.records.sort_by_key(|record| (record.topic, record.partition, record.offset));
        let struck = std::mem::take(&mut self.cluster.borrow_mut().struck);
        Outcome { records: self.records, struck, turns: self.turn }
    }
}
