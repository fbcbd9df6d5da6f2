//! Which stage reads and writes what: the graph, checked before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::processor::Processor;
use crate::record::Topic;

/// One stage of the graph.
#[derive(Clone)]
pub struct Stage {
    /// A verb.
    pub name: &'static str,
    /// The fixed unit of deployment it belongs to.
    pub unit: &'static str,
    /// Topics read; all have one partition count.
    pub reads: &'static [Topic],
    /// Topics written.
    pub writes: &'static [Topic],
    /// Stores, in the order of their ids. The runtime adds one for timers.
    pub stores: &'static [&'static str],
    /// Makes the processor of one task.
    pub make: Arc<dyn Fn() -> Box<dyn Processor> + Send + Sync>,
}

/// Store that the runtime adds: the timers. Always the last.
pub const TIMERS: &str = "timers";
/// Store that the runtime adds on a cluster, before the timers: the last instant of each key in arrival order.
pub const INSTANTS: &str = "instants";
/// Name of the topic of ticks, where the topology has one: what moves a live world on when its sources are silent.
pub const CLOCK: &str = "clock";
/// What follows a stage's name in the name of its retry topic.
pub const RETRY_SUFFIX: &str = ".retry";

/// The graph, in topological order, with what the runtime itself writes.
#[derive(Clone)]
pub struct Topology {
    /// Stages; a stage stands after every stage whose topics it reads.
    pub stages: Vec<Stage>,
    /// Partition count of each topic.
    pub partitions: BTreeMap<Topic, i32>,
    /// Topic of refused records.
    pub dead_letters: Topic,
    /// Topic of late records.
    pub late: Topic,
    /// Topic of promises.
    pub progress: Topic,
}

/// Why a graph cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// A topic without a partition count.
    #[error("stage `{0}` names topic `{1}`, which is not declared")]
    Undeclared(&'static str, Topic),
    /// Inputs that are not co-partitioned.
    #[error("stage `{0}` reads `{1}` with {2} partitions and `{3}` with {4}: joined inputs need one count")]
    Counts(&'static str, Topic, i32, Topic, i32),
    /// A stage reads what a later stage writes.
    #[error("stage `{0}` reads `{1}`, which the later stage `{2}` writes: the order is not topological")]
    Order(&'static str, Topic, &'static str),
}

impl Topology {
    /// Partition count of a topic; 1 for one that is not declared.
    #[must_use]
    pub fn partition_count(&self, topic: &str) -> i32 {
        self.partitions.get(topic).copied().unwrap_or(1)
    }

    /// Tasks of a stage: the partition count of its inputs.
    #[must_use]
    pub fn tasks(&self, stage: &Stage) -> i32 {
        stage.reads.first().map_or(1, |topic| self.partition_count(topic))
    }

    /// The stores of a task on a cluster, in the order of their ids.
    pub fn stores(stage: &Stage) -> impl Iterator<Item = &'static str> + use<> {
        stage.stores.iter().copied().chain([INSTANTS, TIMERS])
    }

    /// The topic through which an operator hands records to a stage again: declared as `<stage>.retry`, with the partition
    /// count of the stage's inputs. It holds nobody back: no promise covers it.
    #[must_use]
    pub fn retry(&self, stage: &Stage) -> Option<Topic> {
        self.partitions.keys().find(|topic| topic.strip_suffix(RETRY_SUFFIX) == Some(stage.name)).copied()
    }

    /// The topic of ticks, where it is declared.
    #[must_use]
    pub fn clock(&self) -> Option<Topic> {
        self.partitions.get_key_value(CLOCK).map(|(topic, _)| *topic)
    }

    /// Everything that a stage reads, redeliveries included.
    pub fn inputs(&self, stage: &Stage) -> impl Iterator<Item = Topic> {
        stage.reads.iter().copied().chain(self.retry(stage))
    }

    /// Stages that read a topic, by index.
    pub fn readers(&self, topic: &str) -> impl Iterator<Item = usize> {
        self.stages.iter().enumerate().filter(move |(_, s)| s.reads.contains(&topic)).map(|(i, _)| i)
    }

    /// Only the stages that `topics` depend on.
    #[must_use]
    pub fn upstream_of(mut self, topics: &[&str]) -> Self {
        let mut wanted: Vec<&str> = topics.to_vec();
        let mut kept = Vec::new();
        while let Some(stage) = self.stages.pop() {
            if stage.writes.iter().any(|topic| wanted.contains(topic)) {
                wanted.extend(stage.reads);
                kept.push(stage);
            }
        }
        kept.reverse();
        self.stages = kept;
        self
    }

    /// Checks the graph.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self) -> Result<(), TopologyError> {
        for (index, stage) in self.stages.iter().enumerate() {
            if let Some(topic) = stage.reads.iter().chain(stage.writes).find(|t| !self.partitions.contains_key(*t)) {
                return Err(TopologyError::Undeclared(stage.name, topic));
            }
            let (first, count) = (stage.reads[0], self.partition_count(stage.reads[0]));
            if let Some(other) = self.inputs(stage).find(|t| self.partition_count(t) != count) {
                return Err(TopologyError::Counts(stage.name, first, count, other, self.partition_count(other)));
            }
            for later in &self.stages[index..] {
                if let Some(topic) = stage.reads.iter().find(|t| later.writes.contains(t)) {
                    return Err(TopologyError::Order(stage.name, topic, later.name));
                }
            }
        }
        Ok(())
    }
}
