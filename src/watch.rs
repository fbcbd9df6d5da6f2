//! Keeps a board, and the list of open conflicts, current from the topics, as any subscriber could.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use slipstream_schemas::records::FlightState;
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::failure::Failure;
use crate::http::Face;

/// Topics that the board shows, and where conflicts are.
const SHOWN: &[&str] = &[
    topics::FLIGHT_EVENTS,
    topics::ROTATION_SIGNALS,
    topics::DISRUPTION_EVENTS,
    topics::PASSENGER_EVENTS,
    topics::LIABILITY_TOTALS,
    topics::NOTIFICATIONS,
    topics::DEAD_LETTER_QUEUE,
    topics::FLIGHT_STATE,
];

/// Pause before the topics are opened again.
const OPEN_AGAIN: Duration = Duration::from_millis(500);

/// A thread that reads for the board.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Watch {
    /// Stops reading. A board that could not be kept is reported; nothing else depends on it.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the board was not kept"),
            Err(_) => tracing::warn!("the board's thread died"),
        }
    }
}

/// Begins to keep the board of `face`; never waits for the cluster.
///
/// # Errors
/// There is no thread to be had.
pub(crate) fn board(cluster: Cluster, face: Arc<Face>) -> Result<Watch, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let keep = move || {
        let codec = cluster.codec();
        let mut reader = open(&cluster, &stopped)?;
        while !stopped.load(Ordering::Relaxed) {
            let Some(read) = reader.next(Duration::from_millis(50))? else { continue };
            let Ok(record) = read else { continue }; // counted where it was refused
            if record.topic == topics::FLIGHT_STATE {
                conflicts(&face, &record);
                continue;
            }
            let (Some(body), Ok(mut board)) = (record.body.as_deref(), face.board.lock()) else { continue };
            if let Err(error) = board.take(record.topic, codec.type_name(record.rank), record.timestamp, body) {
                tracing::warn!(topic = record.topic, offset = record.offset, %error, "unreadable record");
            }
        }
        Ok(())
    };
    let spawned = std::thread::Builder::new().name("board".to_owned()).spawn(keep);
    let thread = spawned.map_err(|e| Failure::dependency(format_args!("no thread: {e}")))?;
    Ok(Watch { stop, thread })
}

/// A leg's newest state; a leg that is gone has no conflicts to decide, and its last ones stay for those who ask.
fn conflicts(face: &Face, record: &Record) {
    let Some(state) = record.body.as_deref().and_then(|body| FlightState::from_bytes(body).ok()) else { return };
    face.conflicts.lock().unwrap_or_else(PoisonError::into_inner).take(&state);
}

/// Tries until a cluster that does not answer at the moment does.
fn open(cluster: &Cluster, stopped: &AtomicBool) -> Result<Reader, Failure> {
    loop {
        match Reader::open(cluster, SHOWN, Start::Beginning) {
            Err(error) if !stopped.load(Ordering::Relaxed) => tracing::warn!(%error, "the board, again"),
            other => return other,
        }
        std::thread::sleep(OPEN_AGAIN);
    }
}
