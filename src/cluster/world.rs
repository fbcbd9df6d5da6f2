//! A recorded world on a cluster: made, fed, run to its end, read back.
//!
//!     prepare topics, register schemas ─► declare ─► publish the source ─► every promise is for ever ─► read
//!
//! `feed` does the first part, `run` processes meanwhile, `replay --bootstrap` does all of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use slipstream_producers::pace::{Pace, Speed};
use slipstream_schemas::topics::World as TopicWorld;
use slipstream_streams::buffer::Order;
use slipstream_streams::clock::{self, Clock};
use slipstream_streams::codec::Codec;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::{FOREVER, Record, Ts};
use slipstream_streams::reference::{Sink, Source, SourceError};
use slipstream_streams::runtime::{self, Config, Handle, RuntimeError};
use slipstream_streams::source;
use slipstream_streams::topology::Topology;
use slipstream_streams::world::Declaration;

use crate::catalogue;
use crate::cluster::reader::{Reader, Start};
use crate::cluster::{Cluster, prepare, tokio};
use crate::failure::Failure;
use crate::out::{Counts, OutDir, Selection};
use crate::settings::Flags;

/// How often a world is asked whether it is complete.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// World of a replay that is given none.
pub(crate) const DEFAULT_WORLD: &str = "replay";

/// A recorded world on a cluster, ready to be fed and run.
pub(crate) struct Recorded {
    cluster: Cluster,
    topology: Topology,
    config: Config,
}

impl Recorded {
    /// Makes the world's topics and registers the schemas; what is there already stays.
    ///
    /// # Errors
    /// The cluster or the registry does not answer or refuses.
    pub(crate) fn open(flags: &Flags) -> Result<Self, Failure> {
        let cluster = Cluster::connect(flags)?;
        tokio()?.block_on(prepare(&cluster.connection, &cluster.registry, TopicWorld::Recorded(cluster.world.name())))?;
        let config = config(&cluster, Order::EventTime, None);
        Ok(Self { topology: catalogue::topology(flags)?, cluster, config })
    }

    /// Declares the world's only source and publishes it to its end; returns the records published.
    ///
    /// # Errors
    /// The source fails, or the cluster refuses.
    pub(crate) fn feed(&self, name: &str, source: &mut dyn Source, speed: Speed, stop: &AtomicBool) -> Result<u64, Failure> {
        let mut source = Peeked { head: source.next().map_err(Failure::dependency)?, source };
        let start = source.head.as_ref().map_or(FOREVER, |record| record.timestamp);
        let declaration = Declaration { sources: vec![name.to_owned()], start, live: false };
        let codec = self.cluster.codec();
        source::declare(&self.config, &self.topology, &codec, &declaration).map_err(failure)?;
        let (pace, began) = (Pace::new(speed, start), Instant::now());
        let mut wait = |at| pace.due(at).saturating_sub(began.elapsed());
        source::publish(&self.config, &self.topology, &codec, name, &mut source, &mut wait, stop).map_err(failure)
    }

    /// Starts every unit in this process.
    ///
    /// # Errors
    /// A topic does not fit, or the cluster does not answer.
    pub(crate) fn start(&self) -> Result<Handle, Failure> {
        let units = units(&self.topology);
        runtime::start(&self.config, &self.topology, &self.cluster.codec(), &units).map_err(failure)
    }

    /// Reads what a read_committed consumer sees now into a directory.
    ///
    /// # Errors
    /// The cluster does not answer, a record cannot be read, or the directory cannot be written.
    pub(crate) fn collect(&self, out: &mut OutDir, selection: &Selection) -> Result<Counts, Failure> {
        let disk = |e: std::io::Error| Failure::dependency(format_args!("--out: {e}"));
        for topic in selection.topics() {
            let mut records = Vec::new();
            Reader::open(&self.cluster, &[topic], Start::Beginning)?.drain(|read| {
                let unreadable = |(place, poison)| Failure::dependency(format_args!("{place:?}: {poison}"));
                records.push(Arc::new(read.map_err(unreadable)?));
                Ok(())
            })?;
            out.instant(0, records).map_err(disk)?;
        }
        out.finish().map_err(disk)
    }
}

/// How this process runs in a world.
pub(crate) fn config(cluster: &Cluster, order: Order, instance: Option<String>) -> Config {
    Config {
        connection: cluster.connection.clone(),
        world: cluster.world.clone(),
        order,
        instance,
        state: None,
        shards: 1,
        limits: Limits::default(),
    }
}

/// Declares the live world if need be, and takes part in its clock.
///
/// # Errors
/// The world is a recorded one, or the cluster does not answer.
pub(crate) fn live(config: &Config, topology: &Topology, codec: &Arc<dyn Codec>) -> Result<Clock, Failure> {
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let declaration = Declaration { sources: Vec::new(), start: Ts::try_from(start).unwrap_or(Ts::MAX), live: true };
    source::declare(config, topology, codec, &declaration).map_err(failure)?;
    clock::keep(config, topology, codec).map_err(failure)
}

/// The units of a topology, each once, in order.
pub(crate) fn units(topology: &Topology) -> Vec<&'static str> {
    let mut units: Vec<_> = topology.stages.iter().map(|stage| stage.unit).collect();
    units.dedup();
    units
}

/// Waits until the whole world has promised everything, or every shard has given up.
pub(crate) fn until_complete(handle: &Handle) {
    while !handle.is_finished() && !handle.status().iter().any(|shard| shard.complete) {
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Stops the handle's shards and waits for them.
///
/// # Errors
/// A shard has given up.
pub(crate) fn end(handle: Handle) -> Result<(), Failure> {
    handle.stop();
    handle.wait().map_err(failure)
}

/// A runtime's end as the program's.
pub(crate) fn failure(error: RuntimeError) -> Failure {
    match error {
        RuntimeError::Topology(_) => Failure::bug(error),
        RuntimeError::Refused(_) => Failure::usage(error),
        RuntimeError::Unreachable(_) | RuntimeError::Source(_) => Failure::dependency(error),
    }
}

/// A source whose first record has been looked at.
struct Peeked<'a> {
    head: Option<Record>,
    source: &'a mut dyn Source,
}

impl Source for Peeked<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        match self.head.take() {
            Some(record) => Ok(Some(record)),
            None => self.source.next(),
        }
    }
}
