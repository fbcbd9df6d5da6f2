//! Sync in the program: reads what it needs from the topics, publishes through the intake, and schedules where it leads.
//!
//! ```text
//! flight.state, sync.status ─► truth, ledger ─┐
//! group `flight-sync`: owner of partition 0 ──┴─► scheduler ─► providers ─► intake
//! ```
//!
//! Runs in the live world alone. Two leaders for a moment do no harm: what they publish has the same ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::provider::{Clock, Leads};
use slipstream_producers::live::sync::flight::Syncer;
use slipstream_producers::live::sync::ledger::Ledger;
use slipstream_producers::live::sync::scheduler::Scheduler;
use slipstream_producers::live::sync::truth::Truth;
use slipstream_producers::live::sync::{Publisher, Publishing, Unpublished};
use slipstream_schemas::records::{FlightState, LegSync};
use slipstream_schemas::topics::{FLIGHT_STATE, SYNC_STATUS};
use slipstream_schemas::wire::{Wire, WireError};
use slipstream_streams::record::Record;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::commands::providers::clock;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::settings::Flags;

/// Consumer group in which one process leads.
const GROUP: &str = "flight-sync";
/// How long a poll waits, and with it how long the end of a thread takes.
const POLL: Duration = Duration::from_millis(200);
/// Pause before the topics are opened again.
const OPEN_AGAIN: Duration = Duration::from_millis(500);

/// Who syncs, and when.
pub(crate) struct Sync {
    /// Syncs one flight or many.
    pub(crate) syncer: Syncer,
    /// Does so by the clock.
    pub(crate) scheduler: Scheduler,
    _threads: Threads,
}

/// A task that ends when this is dropped.
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    /// Runs `work` beside everything else.
    pub(crate) fn spawn(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(runtime.spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Threads that read topics until this is dropped.
#[derive(Default)]
pub(crate) struct Threads {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Publisher for Intake {
    fn publish(&self, records: Vec<Record>) -> Publishing<'_> {
        Box::pin(async move { Intake::publish(self, records).await.map_err(|why| Unpublished(why.to_string())) })
    }
}

impl Sync {
    /// Gets ready, and starts the scheduler where it is enabled.
    ///
    /// # Errors
    /// A setting is none, or the system refuses threads.
    pub(crate) fn open(
        flags: &Flags,
        cluster: &Cluster,
        desk: Desk,
        intake: Arc<Intake>,
        runtime: &Runtime,
    ) -> Result<Self, Failure> {
        let (truth, ledger, sources) = (Arc::new(Truth::default()), Arc::new(Ledger::default()), flags.sources());
        let syncer = Syncer::new(desk, intake, Arc::clone(&truth), Arc::clone(&ledger), clock());
        let mut threads = Threads::default();
        let is_scheduled = sources.is_scheduled();
        let leads = if is_scheduled { threads.lead("sync-leader", cluster, GROUP)? } else { Arc::new(|| false) };
        let scheduler = Scheduler::new(syncer.clone(), sources.sync.clone(), sources.freshness(), leads);
        let scheduler = scheduler.map_err(Failure::usage)?;
        let ears = Ears { truth, ledger, clock: clock() };
        threads.spawn("sync-state", cluster, move |cluster, stop| ears.listen(cluster, stop))?;
        if is_scheduled {
            let _inside = runtime.enter();
            scheduler.start();
        }
        Ok(Self { syncer, scheduler, _threads: threads })
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.scheduler.stop();
    }
}

impl Threads {
    /// Runs `work` on a thread of its own, again after a pause whenever it fails.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn spawn(
        &mut self,
        name: &'static str,
        cluster: &Cluster,
        work: impl Fn(&Cluster, &AtomicBool) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let (stop, cluster) = (Arc::clone(&self.stop), cluster.clone());
        let again = move || {
            while !stop.load(Ordering::Relaxed) {
                if let Err(error) = work(&cluster, &stop) {
                    tracing::warn!(name, %error, "again");
                    std::thread::sleep(OPEN_AGAIN);
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(again);
        self.running.push(thread.map_err(|e| Failure::dependency(format_args!("no thread: {e}")))?);
        Ok(())
    }

    /// Takes part in `group`; what is given back says whether this process leads in it.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(crate) fn lead(&mut self, name: &'static str, cluster: &Cluster, group: &'static str) -> Result<Leads, Failure> {
        let leads = Arc::new(AtomicBool::new(false));
        let leading = Arc::clone(&leads);
        self.spawn(name, cluster, move |cluster, stop| lead(cluster, group, stop, &leading))?;
        Ok(Arc::new(move || leads.load(Ordering::Relaxed)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.running.drain(..) {
            if thread.join().is_err() {
                tracing::warn!("a thread that reads topics died");
            }
        }
    }
}

/// Takes part in `group` until `stop`; whoever has the first partition leads.
///
/// # Errors
/// The cluster refuses the group.
fn lead(cluster: &Cluster, group: &str, stop: &AtomicBool, leads: &AtomicBool) -> Result<(), Failure> {
    let (topic, consumer) = (cluster.topic(SYNC_STATUS), cluster.member(group, SYNC_STATUS)?);
    while !stop.load(Ordering::Relaxed) {
        // What comes is read elsewhere: here only the assignment counts.
        if let Some(Err(error)) = consumer.poll(POLL) {
            tracing::debug!(%error, "group of the scheduler");
        }
        let owns = consumer.assignment().is_ok_and(|list| list.find_partition(&topic, 0).is_some());
        leads.store(owns, Ordering::Relaxed);
    }
    leads.store(false, Ordering::Relaxed);
    Ok(())
}

/// What is heard of the topics.
pub(crate) struct Ears {
    /// Takes the legs.
    pub(crate) truth: Arc<Truth>,
    /// Takes what became of earlier calls.
    pub(crate) ledger: Arc<Ledger>,
    /// Wall time.
    pub(crate) clock: Clock,
}

impl Ears {
    /// Reads from the beginning, and on until `stop`.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub(crate) fn listen(&self, cluster: &Cluster, stop: &AtomicBool) -> Result<(), Failure> {
        let mut reader = Reader::open(cluster, &[FLIGHT_STATE, SYNC_STATUS], Start::Beginning)?;
        while !stop.load(Ordering::Relaxed) {
            let Some(Ok(record)) = reader.next(POLL / 4)? else { continue };
            if let Err(error) = self.hear(&record) {
                tracing::warn!(topic = record.topic, offset = record.offset, %error, "unreadable record");
            }
        }
        Ok(())
    }

    fn hear(&self, record: &Record) -> Result<(), WireError> {
        match (record.topic, record.body.as_deref()) {
            (SYNC_STATUS, Some(body)) => self.ledger.hear(LegSync::from_bytes(body)?),
            (FLIGHT_STATE, body) => {
                let state = body.map(FlightState::from_bytes).transpose()?;
                self.truth.hear(record.key.parse()?, state, (self.clock)());
            }
            _ => {}
        }
        Ok(())
    }
}
