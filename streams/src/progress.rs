//! Progress: who has promised what, and how far a task may therefore go.
//!
//!     promises of all writers ─► View ─► slowest (bounds everybody by the skew)
//!                                  └──► Line of each task: min over the writers of its inputs
//!
//! A promise P of a writer says: everything it will ever write stamped before P is written. It counts for a
//! reader only once that reader has read each of its partitions up to where the writer had written by then.
//! Nothing here reads a clock; a writer that has not promised anything holds its readers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::codec::Promise;
use crate::record::{FOREVER, Topic, Ts};
use crate::topology::{CLOCK, Stage, Topology};
use crate::world::{DECLARATION_KEY, Declaration};

/// Promises of one writer that wait for a reader; beyond it the newest stands for the ones before it.
const WAITING_MAX: usize = 64;

/// What the name of every source begins with, as a writer.
const SOURCE: &str = "source:";

/// A task or a source: name and input partition.
pub type Writer = (String, i32);

/// Name under which a source promises.
#[must_use]
pub fn source_writer(source: &str) -> String {
    format!("{SOURCE}{source}")
}

/// Key of a writer's record on the progress topic.
#[must_use]
pub fn promise_key(writer: &str, partition: i32) -> String {
    format!("{writer}/{partition}")
}

/// The newest promise of every writer of a world.
#[derive(Debug)]
pub struct View {
    writers: BTreeMap<Writer, Option<Promise>>,
    declaration: Option<Declaration>,
    clock: Option<Ts>,
}

impl View {
    /// Nobody has promised anything.
    #[must_use]
    pub fn new(topology: &Topology) -> Self {
        let tasks = topology.stages.iter().flat_map(|stage| stage_writers(topology, stage));
        Self { writers: tasks.map(|writer| (writer, None)).collect(), declaration: None, clock: None }
    }

    /// Takes a promise. One of a writer that the world does not have is kept, but holds nobody.
    pub fn promise(&mut self, promise: Promise) {
        let writer = (promise.writer.clone(), promise.partition);
        if let Some(known) = self.writers.get_mut(&writer) {
            *known = Some(promise);
        } else if self.declaration.is_none() && writer.0.starts_with(SOURCE) {
            self.writers.insert(writer, Some(promise));
        }
    }

    /// Takes the declaration: its sources are writers from here on.
    pub fn declare(&mut self, declaration: Declaration) {
        let sources: BTreeSet<String> = declaration.sources.iter().map(|source| source_writer(source)).collect();
        self.writers.retain(|(name, _), _| !name.starts_with(SOURCE) || sources.contains(name));
        for source in sources {
            self.writers.entry((source, 0)).or_default();
        }
        self.declaration = Some(declaration);
    }

    /// Takes what the clock lets silent sources count as having promised; only a live world has one, and it never goes back.
    pub fn tick(&mut self, until: Ts) -> bool {
        let live = self.declaration.as_ref().is_some_and(|declaration| declaration.live);
        let moves = live && self.clock.is_none_or(|clock| until > clock);
        if moves {
            self.clock = Some(until);
        }
        moves
    }

    /// What silent sources count as having promised.
    #[must_use]
    pub fn clock(&self) -> Option<Ts> {
        self.clock
    }

    /// What the world is made of, once that is known.
    #[must_use]
    pub fn declaration(&self) -> Option<&Declaration> {
        self.declaration.as_ref()
    }

    /// The newest promise of a writer.
    #[must_use]
    pub fn of(&self, writer: &str, partition: i32) -> Option<&Promise> {
        self.writers.get(&(writer.to_owned(), partition))?.as_ref()
    }

    /// The least that any writer has promised; the world's start while one has promised nothing. None before the declaration.
    #[must_use]
    pub fn slowest(&self) -> Option<Ts> {
        let start = self.declaration.as_ref()?.start;
        let least = self.writers.iter().map(|((name, _), promise)| {
            let promised = promise.as_ref().map_or(start, |p| p.progress);
            if name.starts_with(SOURCE) { promised.max(self.clock.unwrap_or(start)) } else { promised }
        });
        least.min()
    }

    /// Whether every task and source has promised [`FOREVER`].
    #[must_use]
    pub fn complete(&self) -> bool {
        self.slowest() == Some(FOREVER)
    }

    /// Every promise so far.
    pub fn promises(&self) -> impl Iterator<Item = &Promise> {
        self.writers.values().flatten()
    }

    /// The writers of a topic: the tasks of the stages that write it, and the world's sources. Before the declaration
    /// it is the declaration, which promises nothing.
    #[must_use]
    pub fn writers_of(&self, topology: &Topology, topic: Topic) -> Vec<Writer> {
        let stages = topology.stages.iter().filter(|stage| stage.writes.contains(&topic));
        let tasks = stages.flat_map(|stage| stage_writers(topology, stage));
        let Some(declaration) = &self.declaration else {
            return vec![(DECLARATION_KEY.to_owned(), 0)];
        };
        let sources = declaration.sources.iter().map(|source| (source_writer(source), 0));
        // In a live world anybody may write what no stage writes: the clock alone says when that is over.
        let anybody = declaration.live.then(|| (source_writer(CLOCK), 0));
        let silent = anybody.filter(|_| declaration.sources.is_empty());
        tasks.chain(sources).chain(silent).collect()
    }
}

fn stage_writers(topology: &Topology, stage: &Stage) -> impl Iterator<Item = Writer> + use<> {
    let name = stage.name;
    (0..topology.tasks(stage)).map(move |partition| (name.to_owned(), partition))
}

/// How far one task may go.
#[derive(Debug)]
pub struct Line {
    partition: i32,
    clock: Option<Ts>,
    inputs: Vec<(Topic, i64)>,
    writers: BTreeMap<Writer, Held>,
}

/// What one writer has promised to one reader.
#[derive(Debug, Default)]
struct Held {
    effective: Option<Ts>,
    /// Promises with the positions they need, one for each input.
    waiting: VecDeque<(Ts, Vec<i64>)>,
}

impl Line {
    /// A line over the inputs of a task, read from these positions on, held by these writers.
    #[must_use]
    pub fn new(partition: i32, inputs: Vec<(Topic, i64)>, writers: Vec<Writer>) -> Self {
        Self { partition, clock: None, inputs, writers: writers.into_iter().map(|w| (w, Held::default())).collect() }
    }

    /// The task has read `topic` up to `position`.
    pub fn read(&mut self, topic: Topic, position: i64) {
        if let Some((_, at)) = self.inputs.iter_mut().find(|(t, _)| *t == topic) {
            *at = position.max(*at);
        }
    }

    /// A writer has promised.
    pub fn promise(&mut self, promise: &Promise) {
        let Some(held) = self.writers.get_mut(&(promise.writer.clone(), promise.partition)) else {
            return;
        };
        let written = |topic: Topic| {
            let of_input = promise.written.iter().find(|(t, p, _)| t == topic && *p == self.partition);
            of_input.map_or(0, |(_, _, offset)| *offset)
        };
        if held.waiting.len() >= WAITING_MAX {
            held.waiting.pop_back();
        }
        held.waiting.push_back((promise.progress, self.inputs.iter().map(|(topic, _)| written(topic)).collect()));
    }

    /// Silent sources count as having promised this much.
    pub fn tick(&mut self, until: Ts) {
        self.clock = self.clock.max(Some(until));
    }

    /// Whether a promise counts only once more of `topic` is read.
    #[must_use]
    pub fn waits_for(&self, topic: Topic) -> bool {
        let Some(input) = self.inputs.iter().position(|(t, _)| *t == topic) else { return false };
        let at = self.inputs[input].1;
        let next = |held: &Held| held.waiting.front().is_some_and(|(_, needs)| needs[input] > at);
        self.writers.values().any(next)
    }

    /// The instant before which everything is read; none while a writer has promised nothing that counts.
    pub fn reached(&mut self) -> Option<Ts> {
        let inputs = &self.inputs;
        let is_read = |needs: &[i64]| needs.iter().zip(inputs).all(|(need, (_, at))| at >= need);
        for held in self.writers.values_mut() {
            while let Some((progress, _)) = held.waiting.pop_front_if(|(_, needs)| is_read(needs)) {
                held.effective = Some(progress);
            }
        }
        let effective = |((name, _), held): (&Writer, &Held)| match name.starts_with(SOURCE) {
            true => held.effective.max(self.clock),
            false => held.effective,
        };
        let mut lines = self.writers.iter().map(effective);
        lines.try_fold(FOREVER, |least, line| line.map(|line| least.min(line)))
    }
}
