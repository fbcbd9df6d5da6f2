//! The processes of a simulation: who takes a turn, who stands still, who dies and comes back.
//!
//!     one_turn ─► chosen by the dice ─► shard or source does one step ─► goes on | crashed ─► comes back later
//!
//! A process is taken out of the list for its turn. When a call of its turn stalls, the others take turns meanwhile, so
//! that a group rebalances, or a successor takes over, in the middle of a transaction.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Scenario;
use super::cluster::Shared;
use super::disk::Disk;
use super::faults::Fault;
use super::log::{Identity, ModelLog};
use crate::errors::ErrorClass;
use crate::log::{Log, LogError};
use crate::plan::Plan;
use crate::publisher::{Failure, Publisher};
use crate::record::Record;
use crate::reference::{Source, SourceError};
use crate::shard::Shard;
use crate::status::StatusCell;
use crate::store::{Bases, InMemory};
use crate::world::World;

/// Longest time that one turn takes, in ms.
const TURN_MS: u64 = 4;
/// Longest time for which a crashed process stays away, in ms: beyond its session, so that others take over.
const AWAY_MS: u64 = 12_000;
/// Longest time for which a process stands still without knowing: beyond every timeout.
const STILL_MS: u64 = 15_000;
/// Most turns that others take while one call stalls.
const MEANWHILE_MAX: usize = 2_000;

/// One of the scenario's processes.
enum Part {
    Shard { plan: Arc<Plan>, identity: Identity },
    Source { name: String, records: usize, identity: Identity },
}

/// What a process runs.
enum Role {
    Shard(Box<Shard>),
    Source(Box<Publisher<'static>>),
}

/// A process with its log, if it has one at the moment.
struct Actor {
    /// Which of the scenario's processes it is.
    part: usize,
    role: Role,
    log: Option<Box<dyn Log>>,
    resumes: i64,
    /// Its machine's disk, if bases are kept on disks.
    disk: Option<Disk>,
    /// A second process of the same identity has started: not replaced when it ends.
    is_double: bool,
}

/// All processes.
pub(super) struct Processes {
    scenario: Rc<Scenario>,
    cluster: Shared,
    parts: Vec<Part>,
    /// Absent: gone, or in the middle of its turn.
    actors: RefCell<Vec<Option<Actor>>>,
    /// What a process gave up for while another's call stalled.
    refused: RefCell<Option<String>>,
}

impl Processes {
    /// Every process once; none has done anything.
    pub(super) fn start(scenario: &Rc<Scenario>, cluster: &Shared) -> Rc<Self> {
        let parts = parts(scenario);
        let (actors, refused) = (RefCell::default(), RefCell::default());
        let processes = Rc::new(Self { scenario: Rc::clone(scenario), cluster: Rc::clone(cluster), parts, actors, refused });
        let all = (0..processes.parts.len()).map(|part| Some(processes.actor(part, processes.disk()))).collect();
        processes.actors.replace(all);
        let others = Rc::downgrade(&processes);
        cluster.borrow_mut().meanwhile = Rc::new(move |until| {
            others.upgrade().into_iter().for_each(|processes| processes.meanwhile(until));
        });
        processes
    }

    /// A disk with nothing on it.
    fn disk(&self) -> Option<Disk> {
        self.cluster.borrow().faults.disk_fails_every.map(Disk::new)
    }

    /// A process on a machine with this disk.
    fn actor(&self, part: usize, disk: Option<Disk>) -> Actor {
        let role = match &self.parts[part] {
            Part::Shard { plan, .. } => {
                let bases: Box<dyn Bases> = disk.clone().map_or_else(|| Box::new(InMemory) as _, |disk| Box::new(disk) as _);
                let bases = match &self.scenario.planted.bases {
                    Some(plant) => plant(bases),
                    None => bases,
                };
                Role::Shard(Box::new(Shard::new(Arc::clone(plan), bases, StatusCell::default())))
            }
            Part::Source { name, records, .. } => {
                let listed = Listed { scenario: Rc::clone(&self.scenario), source: *records, next: 0 };
                Role::Source(Box::new(Publisher::new(plan(&self.scenario, ""), name, Box::new(listed))))
            }
        };
        Actor { part, role, log: None, resumes: 0, disk, is_double: false }
    }

    /// Whether some shard knows that everything is done.
    pub(super) fn is_complete(&self) -> bool {
        let actors = self.actors.borrow();
        actors.iter().flatten().any(|actor| matches!(&actor.role, Role::Shard(shard) if shard.progress.view.complete()))
    }

    fn draw(&self, limit: u64) -> u64 {
        self.cluster.borrow_mut().dice.below(limit)
    }

    /// Lets somebody do something.
    ///
    /// # Errors
    /// What a process gave up for.
    pub(super) fn one_turn(&self) -> Result<(), String> {
        let passes = self.draw(TURN_MS).cast_signed();
        let now = self.cluster.borrow().direct.now() + passes;
        self.cluster.borrow_mut().direct.advance(now);
        self.cluster.borrow_mut().deliver_late();
        let count = self.actors.borrow().len();
        let chosen = self.draw(count as u64) as usize;
        let Some(actor) = self.actors.borrow_mut()[chosen].take() else { return Ok(()) };
        let result = self.turn_of(actor, now);
        let left = self.refused.take();
        let (actor, error) = result;
        self.actors.borrow_mut()[chosen] = actor;
        error.or(left).map_or(Ok(()), Err)
    }

    /// One turn of a process; what is left of it, and what it gave up for.
    fn turn_of(&self, mut actor: Actor, now: i64) -> (Option<Actor>, Option<String>) {
        if actor.resumes > now {
            return (Some(actor), None);
        }
        if self.cluster.borrow_mut().strikes(Fault::Still) {
            actor.resumes = now + self.draw(STILL_MS).cast_signed();
            return (Some(actor), None);
        }
        if !actor.is_double && self.cluster.borrow_mut().strikes(Fault::Double) {
            actor.is_double = true;
            let double = self.actor(actor.part, self.disk());
            self.actors.borrow_mut().push(Some(double));
        }
        match self.act(&mut actor) {
            Ok(()) => (Some(actor), None),
            Err(LogError::Refused(error)) => (Some(actor), Some(error.said)),
            Err(_) => (self.crashed(actor), None),
        }
    }

    fn act(&self, actor: &mut Actor) -> Result<(), LogError> {
        let (Part::Shard { identity, .. } | Part::Source { identity, .. }) = &self.parts[actor.part];
        let log = match &mut actor.log {
            Some(log) => log,
            none => {
                let log = ModelLog::open(&self.cluster, identity)?;
                none.insert(match &self.scenario.planted.log {
                    Some(plant) => plant(log),
                    None => Box::new(log),
                })
            }
        };
        match &mut actor.role {
            Role::Shard(shard) => shard.turn(&mut **log),
            Role::Source(publisher) => match publisher.step(&mut **log, &mut |_| Duration::ZERO) {
                Err(Failure::Log(error)) => Err(error),
                Err(Failure::Source(error)) => Err(LogError::refused(ErrorClass::Validation, error.0)),
                Ok(()) => Ok(()),
            },
        }
    }

    /// The log is gone; half of the time the process, too. A double that was fenced is gone for good.
    fn crashed(&self, mut actor: Actor) -> Option<Actor> {
        if actor.is_double {
            return None;
        }
        let away = self.draw(AWAY_MS).cast_signed();
        let resumes = self.cluster.borrow().direct.now() + away;
        if self.draw(2) == 0 {
            // Without throwing the dice again, so that runs without disks stay as they were.
            let disk = if away % 2 == 0 { actor.disk.take() } else { self.disk() };
            actor = self.actor(actor.part, disk);
        }
        actor.log = None;
        actor.resumes = resumes;
        if let Role::Shard(shard) = &mut actor.role {
            shard.leave();
        }
        Some(actor)
    }

    /// The others go on until `until`.
    fn meanwhile(&self, until: i64) {
        for _ in 0..MEANWHILE_MAX {
            if self.cluster.borrow().direct.now() >= until {
                return;
            }
            if let Err(error) = self.one_turn() {
                self.refused.replace(Some(error));
                return;
            }
        }
    }
}

/// Records from memory.
struct Listed {
    scenario: Rc<Scenario>,
    source: usize,
    next: usize,
}

impl Source for Listed {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let record = self.scenario.sources[self.source].1.get(self.next).cloned();
        self.next += 1;
        Ok(record)
    }
}

/// The plan of a unit; of a source, if the unit has no stages.
pub(super) fn plan(scenario: &Scenario, unit: &str) -> Plan {
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
