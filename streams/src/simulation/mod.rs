//! A whole pipeline on the broker's model: one thread, one seed, a virtual clock, faults.
//!
//!     seed ─► who is next, how long it takes, what breaks ─► shards and sources on a shared broker ─► committed records
//!
//! Runs the very shards and publishers that run on Kafka. First with faults, then healed: then it must finish.
//! The same seed gives the same run. What it proves ends where the model differs from Kafka.

mod dice;
mod log;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use slipstream_broker::Isolation;
use slipstream_broker::direct::Direct;

use self::dice::Dice;
use self::log::{Cluster, Identity, ModelLog, Shared};
use crate::buffer::Order;
use crate::codec::Codec;
use crate::edge;
use crate::follower;
use crate::log::{LogError, Raw};
use crate::plan::{Limits, Plan};
use crate::publisher::{Failure, Publisher};
use crate::record::{Record, Topic, Ts};
use crate::reference::{Source, SourceError};
use crate::shard::Shard;
use crate::status::StatusCell;
use crate::topology::{Topology, TopologyError};
use crate::world::{Declaration, World};

/// Wall clock of the model at the start, epoch ms.
const NOW: i64 = 1_700_000_000_000;
/// Longest time that one turn takes, in ms.
const TURN_MS: u64 = 4;
/// Longest time for which a crashed process stays away, in ms.
const AWAY_MS: u64 = 3_000;
/// Longest time for which a process stands still without knowing: beyond every timeout.
const STILL_MS: u64 = 15_000;
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
}

/// How often things go wrong, in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// A call to the log is the last of its process.
    pub crash_per_million: u64,
    /// The end of a transaction is lost on its way: half of the time it was committed, but nobody hears of it.
    pub lost_commit_per_million: u64,
    /// Before a turn, the process stands still for longer than its session or transaction may last.
    pub still_per_million: u64,
    /// Before a turn, a second process of the same identity starts while the first goes on.
    pub double_per_million: u64,
    /// Turns after which nothing goes wrong any more.
    pub until: u64,
    /// Turns after which the run has failed.
    pub turns_max: u64,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Every committed record of the topology's topics but promises, by topic, partition and offset.
    pub records: Vec<Record>,
    /// Processes that crashed, or lost the answer to a commit.
    pub crashes: u64,
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
    /// Healed, but not finished.
    #[error("not finished after {0} turns")]
    Stuck(u64),
}

/// A process.
enum Role<'a> {
    Shard(Box<Shard>),
    Source(Box<Publisher<'a>>),
}

/// A process with its log, if it has one at the moment.
struct Actor<'a> {
    /// Which of the scenario's processes it is.
    part: usize,
    role: Role<'a>,
    log: Option<ModelLog>,
    resumes: i64,
    /// A second process of the same identity has started: not replaced when it ends.
    is_double: bool,
}

/// Runs a scenario.
///
/// # Errors
/// See [`SimulationError`].
pub fn simulate(scenario: &Scenario, faults: Faults, seed: u64) -> Result<Outcome, SimulationError> {
    scenario.topology.check()?;
    let quiet =
        Faults { crash_per_million: 0, lost_commit_per_million: 0, still_per_million: 0, double_per_million: 0, ..faults };
    let cluster = Rc::new(RefCell::new(Cluster {
        direct: Direct::new(NOW),
        dice: Dice::new(seed),
        faults: quiet,
        crashes: 0,
        started: NOW,
    }));
    let mut run = Run { scenario, cluster, parts: parts(scenario), actors: Vec::new(), turn: 0 };
    run.prepare().map_err(|error| SimulationError::Refused { turn: 0, error: error.to_string() })?;
    run.cluster.borrow_mut().faults = faults;
    for part in 0..run.parts.len() {
        let actor = run.actor(part);
        run.actors.push(actor);
    }
    while !run.is_complete() {
        run.turn += 1;
        if run.turn == faults.until {
            run.cluster.borrow_mut().faults = quiet;
        }
        if run.turn > faults.turns_max {
            return Err(SimulationError::Stuck(faults.turns_max));
        }
        run.one_turn().map_err(|error| SimulationError::Refused { turn: run.turn, error })?;
    }
    let crashes = run.cluster.borrow().crashes;
    let turns = run.turn;
    let records = run.committed().map_err(|error| SimulationError::Refused { turn: turns, error })?;
    Ok(Outcome { records, crashes, turns })
}

/// One of the scenario's processes.
enum Part {
    Shard { plan: Arc<Plan>, identity: Identity },
    Source { name: String, records: usize, identity: Identity },
}

fn plan(scenario: &Scenario, unit: &str) -> Plan {
    let Scenario { topology, codec, order, limits, .. } = scenario;
    Plan::new(topology.clone(), Arc::clone(codec), World::default(), *order, *limits, unit)
}

fn parts(scenario: &Scenario) -> Vec<Part> {
    let world = World::default();
    let mut units: Vec<&str> = scenario.topology.stages.iter().map(|stage| stage.unit).collect();
    units.dedup();
    let mut parts = Vec::new();
    for unit in units {
        let plan = Arc::new(plan(scenario, unit));
        let mut topics: Vec<String> = plan.stages.iter().flat_map(|s| plan.inputs(*s)).map(|t| world.topic(t)).collect();
        topics.sort_unstable();
        topics.dedup();
        for number in 0..scenario.instances {
            let transactional_id = world.member(unit, "simulated", number);
            let identity = Identity { transactional_id, group: Some((world.group(unit), topics.clone())) };
            parts.push(Part::Shard { plan: Arc::clone(&plan), identity });
        }
    }
    for (index, (name, _)) in scenario.sources.iter().enumerate() {
        let identity = Identity { transactional_id: world.source(name), group: None };
        parts.push(Part::Source { name: name.clone(), records: index, identity });
    }
    parts
}

/// Records from memory.
struct Listed<'a>(std::slice::Iter<'a, Record>);

impl Source for Listed<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next().cloned())
    }
}

struct Run<'a> {
    scenario: &'a Scenario,
    cluster: Shared,
    parts: Vec<Part>,
    actors: Vec<Actor<'a>>,
    turn: u64,
}

impl<'a> Run<'a> {
    /// Topics, changelogs, declaration.
    fn prepare(&mut self) -> Result<(), LogError> {
        let topology = &self.scenario.topology;
        let mut topics: Vec<(String, i32)> = topology.partitions.iter().map(|(t, count)| ((*t).to_owned(), *count)).collect();
        for stage in &topology.stages {
            let name = |store| World::default().changelog(stage.name, store);
            topics.extend(Topology::stores(stage).map(|store| (name(store), topology.tasks(stage))));
        }
        for (topic, partitions) in topics {
            let settings = [("retention.ms", "-1"), ("message.timestamp.after.max.ms", "9223372036854775807")];
            let made = self.cluster.borrow_mut().direct.create_topic(&topic, partitions, &settings);
            made.map_err(|code| LogError::Refused(format!("{topic}: {code:?}")))?;
        }
        let identity = Identity { transactional_id: "declaration".to_owned(), group: None };
        let mut log = ModelLog::open(&self.cluster, &identity)?;
        let sources = self.scenario.sources.iter().map(|(name, _)| name.clone()).collect();
        let declaration = Declaration { sources, start: self.scenario.start, live: false };
        follower::declare(&plan(self.scenario, ""), &mut log, &declaration)
    }

    fn actor(&self, part: usize) -> Actor<'a> {
        let role = match &self.parts[part] {
            Part::Shard { plan, .. } => Role::Shard(Box::new(Shard::new(Arc::clone(plan), StatusCell::default()))),
            Part::Source { name, records, .. } => {
                let listed = Box::new(Listed(self.scenario.sources[*records].1.iter()));
                Role::Source(Box::new(Publisher::new(plan(self.scenario, ""), name, listed)))
            }
        };
        Actor { part, role, log: None, resumes: 0, is_double: false }
    }

    fn is_complete(&self) -> bool {
        self.actors.iter().any(|actor| matches!(&actor.role, Role::Shard(shard) if shard.progress.view.complete()))
    }

    fn draw(&self, limit: u64) -> u64 {
        self.cluster.borrow_mut().dice.below(limit)
    }

    /// Lets somebody do something.
    fn one_turn(&mut self) -> Result<(), String> {
        let passes = self.draw(TURN_MS).cast_signed();
        let now = self.cluster.borrow().direct.now() + passes;
        self.cluster.borrow_mut().direct.advance(now);
        let faults = self.cluster.borrow().faults;
        let chosen = self.draw(self.actors.len() as u64) as usize;
        if self.actors[chosen].resumes > now {
            return Ok(());
        }
        if self.draw(1_000_000) < faults.still_per_million {
            self.actors[chosen].resumes = now + self.draw(STILL_MS).cast_signed();
            return Ok(());
        }
        if self.draw(1_000_000) < faults.double_per_million && !self.actors[chosen].is_double {
            self.actors[chosen].is_double = true;
            let double = self.actor(self.actors[chosen].part);
            self.actors.push(double);
        }
        match self.act(chosen) {
            Ok(()) => Ok(()),
            Err(LogError::Refused(error)) => Err(error),
            Err(_) => {
                self.crashed(chosen, now);
                Ok(())
            }
        }
    }

    fn act(&mut self, chosen: usize) -> Result<(), LogError> {
        let actor = &mut self.actors[chosen];
        let (Part::Shard { identity, .. } | Part::Source { identity, .. }) = &self.parts[actor.part];
        let log = match &mut actor.log {
            Some(log) => log,
            none => none.insert(ModelLog::open(&self.cluster, identity)?),
        };
        match &mut actor.role {
            Role::Shard(shard) => shard.turn(log),
            Role::Source(publisher) => match publisher.step(log, &mut |_| std::time::Duration::ZERO) {
                Err(Failure::Log(error)) => Err(error),
                Err(Failure::Source(error)) => Err(LogError::Refused(error.0)),
                Ok(()) => Ok(()),
            },
        }
    }

    /// The log is gone; half of the time the process, too. A double that was fenced is gone for good.
    fn crashed(&mut self, chosen: usize, now: i64) {
        if self.actors[chosen].is_double {
            self.actors.remove(chosen);
            return;
        }
        let resumes = now + self.draw(AWAY_MS).cast_signed();
        if self.draw(2) == 0 {
            self.actors[chosen] = self.actor(self.actors[chosen].part);
        }
        let actor = &mut self.actors[chosen];
        actor.log = None;
        actor.resumes = resumes;
        if let Role::Shard(shard) = &mut actor.role {
            shard.leave();
        }
    }

    fn committed(&self) -> Result<Vec<Record>, String> {
        let topology = &self.scenario.topology;
        let mut records = Vec::new();
        for (topic, count) in topology.partitions.iter().filter(|(topic, _)| **topic != topology.progress) {
            for partition in 0..*count {
                self.read_partition(topic, partition, *count, &mut records)?;
            }
        }
        Ok(records)
    }

    fn read_partition(&self, topic: Topic, partition: i32, count: i32, records: &mut Vec<Record>) -> Result<(), String> {
        let mut cluster = self.cluster.borrow_mut();
        let end = cluster.direct.watermarks(topic, partition).map_err(|code| format!("{topic}: {code:?}"))?.stable;
        let mut at = 0;
        while at < end {
            let fetched = cluster.direct.fetch(topic, partition, at, READ_BYTES, Isolation::Committed);
            let fetched = fetched.map_err(|code| format!("{topic}/{partition} offset {at}: {code:?}"))?;
            at = fetched.next;
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
}
