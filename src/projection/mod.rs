//! The projection: `flight.state` and `sync.status` as the table `flights` of a database.
//!
//!     read_committed consumer, from the offsets in the database ─► up to 500 records ─► one SQL transaction: rows + offsets
//!
//! The topics are the truth: nothing else writes these tables, and they can be thrown away and made anew. After a crash it goes on
//! from the last commit; what was read after it is read again. So it does when the database fails under it, for some minutes. It
//! keeps nothing of its own.

mod row;
pub(crate) mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipstream_schemas::topics::{FLIGHT_STATE, SYNC_STATUS};
use slipstream_streams::errors::{ErrorClass, ErrorCounts};
use slipstream_streams::pauses;
use slipstream_streams::record::Record;
use tokio::runtime::Runtime;

use self::store::{Store, StoreError};
use crate::cluster::reader::Reader;
use crate::cluster::{self, Cluster};
use crate::failure::Failure;
use crate::http::Face;

/// The topics that are projected.
const TOPICS: &[&str] = &[FLIGHT_STATE, SYNC_STATUS];
/// Its name among the components that meet errors.
const COMPONENT: &str = "projection";
/// Most records of one transaction.
const BATCH_MAX: usize = 500;
/// How long the first record of a batch is waited for; the others are taken as long as they come at once.
const WAIT: Duration = Duration::from_millis(100);

/// Failures of the database in a row, without a record taken in between, after which the projection gives up: about a minute and a
/// half where it refuses at once, ten where nobody answers.
const SETBACKS_MAX: u32 = 20;

/// A projection at work.
pub(crate) struct Projection<'a> {
    cluster: &'a Cluster,
    store: &'a mut Store,
    runtime: &'a Runtime,
    face: &'a Face,
    stop: Arc<AtomicBool>,
    taken: u64,
    errors: ErrorCounts,
}

/// Why it does not go on as it is.
enum Setback {
    Store(StoreError),
    Other(Failure),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl<'a> Projection<'a> {
    /// A projection that tells `face` of its errors.
    pub(crate) fn new(cluster: &'a Cluster, store: &'a mut Store, runtime: &'a Runtime, face: &'a Face) -> Self {
        let errors = ErrorCounts::default();
        face.metrics.met(COMPONENT, errors);
        Self { cluster, store, runtime, face, stop: stopped(runtime), taken: 0, errors }
    }

    /// Projects until asked to stop, or with `until_end` until everything that was there at the start is in the tables. How many
    /// records were taken. A database that is away is waited for.
    ///
    /// # Errors
    /// The cluster does not answer, a record cannot be read, somebody else projects into the database, or that has failed
    /// [`SETBACKS_MAX`] times in a row.
    pub(crate) fn run(&mut self, until_end: bool) -> Result<u64, Failure> {
        let mut setbacks = 0;
        loop {
            let before = self.taken;
            let error = match self.take(until_end, setbacks > 0) {
                Ok(()) => return Ok(self.taken),
                Err(Setback::Other(failure)) => return Err(failure),
                Err(Setback::Store(error)) => error,
            };
            self.errors.note(error.class());
            self.face.metrics.met(COMPONENT, self.errors);
            setbacks = if self.taken > before { 1 } else { setbacks + 1 };
            if error.class() != ErrorClass::Database || setbacks > SETBACKS_MAX {
                return Err(failure(error));
            }
            self.wait(&error, setbacks);
        }
    }

    /// Takes records from where the tables stand, `again` after a failure that may have moved them.
    fn take(&mut self, until_end: bool, again: bool) -> Result<(), Setback> {
        if again {
            self.runtime.block_on(self.store.resume())?;
        }
        let mut reader = Reader::open_at(self.cluster, TOPICS, self.store.offsets())?;
        while !self.stop.load(Ordering::Relaxed) {
            let batch = batch(&mut reader)?;
            if !batch.is_empty() {
                self.runtime.block_on(self.store.apply(&batch, |topic| self.cluster.topic(topic)))?;
                self.taken += batch.len() as u64;
            } else if until_end && reader.at_end()? {
                break;
            }
            self.show(None);
        }
        Ok(())
    }

    /// What /health says.
    fn show(&self, fault: Option<String>) {
        if let Ok(mut health) = self.face.health.lock() {
            health.faults = fault.into_iter().collect();
        }
    }

    fn wait(&self, error: &StoreError, setbacks: u32) {
        let pause = pauses::after(setbacks);
        tracing::warn!(%error, class = error.class().name(), setbacks, ?pause, "the database, again");
        self.show(Some(format!("projection: {error}")));
        pauses::rest(pause, &self.stop);
    }
}

fn batch(reader: &mut Reader) -> Result<Vec<Record>, Failure> {
    let mut batch = Vec::new();
    while batch.len() < BATCH_MAX {
        let wait = if batch.is_empty() { WAIT } else { Duration::ZERO };
        let Some(read) = reader.next(wait)? else { break };
        let refused = |(place, poison)| Failure::dependency(format_args!("{place:?}: {poison}; nothing is passed over"));
        batch.push(read.map_err(refused)?);
    }
    Ok(batch)
}

fn stopped(runtime: &Runtime) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&stop);
    let _inside = runtime.enter();
    let stopped = cluster::stopped();
    runtime.spawn(async move {
        stopped.await;
        said.store(true, Ordering::Relaxed);
    });
    stop
}

/// What became of the database, as the program's end.
pub(crate) fn failure(error: StoreError) -> Failure {
    Failure::dependency(error)
}
