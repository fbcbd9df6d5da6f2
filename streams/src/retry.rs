//! Handing refused records to their stages again, each redelivery once.
//!
//!     fence other callers ─► read what the retry topics hold ─► write what is not there yet ─► commit
//!
//! One transactional id for a whole world: of two callers at once, the first loses its transaction. What was handed in
//! is known by record id and number, so that a call whose answer was lost can simply be made again. The topics the
//! records came from are never written.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use crate::buffer::{Order, Redelivery};
use crate::catch_up::read_to_end;
use crate::codec::Codec;
use crate::edge::text;
use crate::kafka::{KafkaLog, Member};
use crate::log::{Log, LogError, Offsets, Place};
use crate::plan::Plan;
use crate::record::{Topic, header};
use crate::runtime::{Config, RuntimeError};
use crate::topology::Topology;

/// Most redeliveries of one call: they share a transaction.
pub const HANDED_IN_MAX: usize = 10_000;

/// A redelivery and the stage that it is for.
#[derive(Debug, Clone)]
pub struct HandIn {
    /// The stage.
    pub stage: String,
    /// What it gets.
    pub redelivery: Redelivery,
}

/// Which redeliveries of which records were handed in.
type Known = BTreeSet<(Topic, Uuid, u32)>;

/// Hands redeliveries in, in one transaction; says of each whether it was new.
///
/// # Errors
/// A stage has no retry topic, there are more than [`HANDED_IN_MAX`], or the cluster does not answer: then none is handed in.
pub fn hand_in(config: &Config, topology: &Topology, codec: &Arc<dyn Codec>, list: &[HandIn]) -> Result<Vec<bool>, RuntimeError> {
    if list.len() > HANDED_IN_MAX {
        return Err(RuntimeError::Refused(format!("{} redeliveries at once; at most {HANDED_IN_MAX}", list.len())));
    }
    let topics: Vec<Topic> = list.iter().map(|hand_in| topic(topology, &hand_in.stage)).collect::<Result<_, _>>()?;
    let plan = Plan::new(topology.clone(), Arc::clone(codec), config.world.clone(), Order::Arrival, config.limits, "");
    let id = config.world.source("retry");
    let member = Member { group: id.clone(), topics: Vec::new(), transactional_id: id, is_static: false };
    let mut log = KafkaLog::open(&config.connection, &member, Instant::now())?;
    let mut known = handed_in(&plan, &mut log, topics.iter().copied().collect())?;
    let mut new = Vec::with_capacity(list.len());
    for (topic, HandIn { redelivery, .. }) in topics.iter().zip(list) {
        let is_new = known.insert((topic, redelivery.record.event.id, redelivery.times));
        if is_new {
            send(&plan, &mut log, topic, redelivery)?;
        }
        new.push(is_new);
    }
    if new.contains(&true) {
        log.drain()?;
        log.commit(&Offsets::new())?;
    }
    Ok(new)
}

fn topic(topology: &Topology, stage: &str) -> Result<Topic, RuntimeError> {
    let found = topology.stages.iter().find(|known| known.name == stage).and_then(|stage| topology.retry(stage));
    found.ok_or_else(|| RuntimeError::Refused(format!("stage `{stage}` has no retry topic")))
}

/// Reads every redelivery that the topics hold, as every reader of committed records sees them.
fn handed_in(plan: &Plan, log: &mut dyn Log, topics: BTreeSet<Topic>) -> Result<Known, LogError> {
    let names: HashMap<Arc<str>, Topic> = topics.iter().map(|topic| (plan.place(topic, 0).topic, *topic)).collect();
    let partitions = |topic: &Topic| 0..plan.topology.partition_count(topic);
    let places: Vec<Place> = topics.iter().flat_map(|t| partitions(t).map(|p| plan.place(t, p))).collect();
    let mut known = Known::new();
    read_to_end(log, &places, &Offsets::new(), plan.limits.restore_stall, &mut |raw| {
        let id = text(raw, header::ID).and_then(|id| Uuid::try_parse(id).ok());
        let times = text(raw, header::REDELIVERY).and_then(|times| times.parse().ok());
        known.extend(names.get(raw.topic).zip(id).zip(times).map(|((topic, id), times)| (*topic, id, times)));
        Ok(())
    })?;
    Ok(known)
}

fn send(plan: &Plan, log: &mut dyn Log, topic: Topic, redelivery: &Redelivery) -> Result<(), LogError> {
    let Redelivery { times, record } = redelivery;
    let more = [
        (header::REDELIVERY, times.to_string()),
        (header::ORIGIN, format!("{}/{}/{}", record.topic, record.partition, record.offset)),
    ];
    plan.outgoing_to(topic, record, &more, &mut Vec::new(), &mut |outgoing| log.send(outgoing)).map(|_| ())
}
