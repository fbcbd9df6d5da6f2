//! Publishing sources into a world on Kafka, and declaring the world.
//!
//! What a source does is in `publisher`; here it gets its log, and a new one when that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::buffer::Order;
use crate::codec::Codec;
use crate::follower;
use crate::kafka::{KafkaLog, Member};
use crate::log::{Log, LogError};
use crate::plan::Plan;
pub use crate::publisher::Pace;
use crate::publisher::{Failure, Publisher};
use crate::reference::Source;
use crate::runtime::{Backoff, Config, RuntimeError};
use crate::topology::Topology;
use crate::world::Declaration;

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
    let mut publisher = Publisher::new(plan, name, Box::new(source));
    let id = config.world.source(name);
    let member = Member { group: id.clone(), topics: Vec::new(), transactional_id: id, is_static: false };
    let since = Instant::now();
    let mut backoff = Backoff::default();
    loop {
        let before = publisher.published();
        match KafkaLog::open(&config.connection, &member, since) {
            Err(error) => backoff.wait(&error, false, stop),
            Ok(mut log) => match steps(&mut publisher, &mut log, pace, stop) {
                Ok(()) => return Ok(publisher.published()),
                Err(Failure::Source(error)) => return Err(error.into()),
                Err(Failure::Log(LogError::Refused(error))) => return Err(RuntimeError::Refused(error.said)),
                Err(Failure::Log(error)) => backoff.wait(&error, publisher.published() > before, stop),
            },
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(publisher.published());
        }
    }
}

fn steps(publisher: &mut Publisher<'_>, log: &mut dyn Log, pace: Pace<'_>, stop: &AtomicBool) -> Result<(), Failure> {
    while !publisher.is_done() && !stop.load(Ordering::Relaxed) {
        publisher.step(log, pace)?;
    }
    Ok(())
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
    Ok(follower::declare(&plan, &mut log, declaration)?)
}
