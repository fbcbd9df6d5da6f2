//! FlightAware Firehose in the program: reads its position from the topic, and the stream where it leads.
//!
//! ```text
//! source.positions ─────────────────────────┐
//! group `firehose`: owner of partition 0 ───┴─► stream ─► intake ─► flight.observations, dead.letter.queue, source.positions
//! ```
//!
//! Runs in the live world, and only where a stream is configured. Who takes over waits until every transaction has ended that was open on
//! the topic of positions when it looked, so that it begins behind what the other one has committed.

use std::sync::Arc;

use slipstream_producers::live::firehose::stream::{Finding, Way};
use slipstream_producers::live::firehose::{Firehose, Positions};
use slipstream_producers::live::sync::Unpublished;
use slipstream_schemas::records::SourcePosition;
use slipstream_schemas::topics::SOURCE_POSITIONS;
use slipstream_schemas::wire::Wire;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::failure::Failure;
use crate::intake::Intake;
use crate::settings::Flags;
use crate::sync::{Task, Threads};

/// Consumer group in which one process leads.
const GROUP: &str = "firehose";

/// A stream that is taken up until this is dropped.
pub(crate) struct Stream {
    /// What it is, for who shows it.
    pub(crate) firehose: Firehose,
    _task: Task,
    _threads: Threads,
}

impl Stream {
    /// Starts it; none where none is configured.
    ///
    /// # Errors
    /// A setting is none, or the system refuses threads.
    pub(crate) fn open(
        flags: &Flags,
        cluster: &Cluster,
        intake: Arc<Intake>,
        runtime: &Runtime,
    ) -> Result<Option<Self>, Failure> {
        let Some(firehose) = flags.firehose()? else { return Ok(None) };
        let mut threads = Threads::default();
        let leads = threads.lead("firehose-leader", cluster, GROUP)?;
        let way = Way { leads, publisher: intake, positions: Arc::new(Kept(cluster.clone())) };
        let stream = firehose.clone();
        let task = Task::spawn(runtime, async move { stream.keep(&way).await });
        Ok(Some(Self { firehose, _task: task, _threads: threads }))
    }
}

/// The positions on their topic.
struct Kept(Cluster);

impl Positions for Kept {
    fn last<'a>(&'a self, source: &'a str) -> Finding<'a> {
        let (cluster, source) = (self.0.clone(), source.to_owned());
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || last(&cluster, &source)).await;
            let unread = |error: &dyn std::fmt::Display| Unpublished(format!("{SOURCE_POSITIONS}: {error}"));
            read.map_err(|error| unread(&error))?.map_err(|error| unread(&error))
        })
    }
}

/// The last committed position of a source.
fn last(cluster: &Cluster, source: &str) -> Result<Option<SourcePosition>, Failure> {
    let (mut reader, mut last) = (Reader::open(cluster, &[SOURCE_POSITIONS], Start::Beginning)?, None);
    reader.drain(|read| {
        // To begin anywhere else than where it was left would lose or repeat: who cannot read it says so.
        let record = read.map_err(|(place, poison)| Failure::dependency(format_args!("offset {}: {poison}", place.offset)))?;
        if &*record.key == source {
            last = record.body.as_deref().map(SourcePosition::from_bytes).transpose().map_err(Failure::dependency)?;
        }
        Ok(())
    })?;
    Ok(last)
}
