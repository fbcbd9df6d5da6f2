//! The projection: `flight.state` and `sync.status` as the table `flights` of a database.
//!
//!     read_committed consumer, from the offsets in the database ─► up to 500 records ─► one SQL transaction: rows + offsets
//!
//! The topics are the truth: nothing else writes these tables, and they can be thrown away and made anew. After a crash it goes on
//! from the last commit; what was read after it is read again. It keeps nothing of its own.

mod row;
pub(crate) mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipstream_schemas::topics::{FLIGHT_STATE, SYNC_STATUS};
use slipstream_streams::record::Record;
use tokio::runtime::Runtime;

use self::store::{Store, StoreError};
use crate::cluster::reader::Reader;
use crate::cluster::{self, Cluster};
use crate::failure::Failure;

/// The topics that are projected.
const TOPICS: &[&str] = &[FLIGHT_STATE, SYNC_STATUS];
/// Most records of one transaction.
const BATCH_MAX: usize = 500;
/// How long the first record of a batch is waited for; the others are taken as long as they come at once.
const WAIT: Duration = Duration::from_millis(100);

/// Projects until asked to stop, or with `until_end` until everything that was there at the start is in the tables. How many records
/// were taken.
///
/// # Errors
/// Cluster or database do not answer, a record cannot be read, or somebody else projects into the database.
pub(crate) fn project(cluster: &Cluster, store: &mut Store, runtime: &Runtime, until_end: bool) -> Result<u64, Failure> {
    let stop = stopped(runtime);
    let mut reader = Reader::open_at(cluster, TOPICS, store.offsets())?;
    let mut taken = 0;
    while !stop.load(Ordering::Relaxed) {
        let batch = batch(&mut reader)?;
        if !batch.is_empty() {
            taken += batch.len() as u64;
            runtime.block_on(store.apply(&batch, |topic| cluster.topic(topic))).map_err(failure)?;
        } else if until_end && reader.at_end()? {
            break;
        }
    }
    Ok(taken)
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
