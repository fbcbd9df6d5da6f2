//! Callbacks that others have registered: an event of theirs happens, they are posted it.
//!
//! ```text
//! flight.events (committed) ─► whose type is registered? ─► signed post ─► 2xx ─► offsets committed
//!                                                             └─► again, with backoff ─► dead.letter.queue
//! ```
//!
//! Registered in `[webhooks]` of the settings, read by the group `callbacks`: each event is posted at least once, in batches of
//! [`BATCH_MAX`], and an event that could not be delivered in [`ATTEMPTS`] is a dead letter before its offset is committed. A
//! receiver knows a repeat by `eventId`. Only https is spoken and only to public addresses, unless the settings say otherwise;
//! a redirect is not followed, because it would carry the event elsewhere.
//!
//! Promises no order between events, and tells only what happens from its first start on.

mod delivery;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::BorrowedMessage;
use slipstream_schemas::records::{DeadLetter, FlightEvent};
use slipstream_schemas::topics::{DEAD_LETTER_QUEUE, FLIGHT_EVENTS};
use slipstream_schemas::wire::Wire;
use slipstream_streams::codec::Codec;
use slipstream_streams::record::{Record, Topic, derive_id};
use tokio::runtime::Handle;
use uuid::Uuid;

pub(crate) use self::delivery::Courier;
use self::delivery::Undelivered;
pub(crate) use self::target::{Registered, Rules};
use crate::cluster::{Cluster, reader};
use crate::commands::providers::clock;
use crate::failure::Failure;
use crate::intake::{self, Intake};

/// Events that are posted at the same time.
const BATCH_MAX: usize = 32;
/// Events that are read before offsets are committed, though nobody wants any of them.
const READ_MAX: usize = 10_000;
/// Longest wait for a first event of a batch; also how long a stop may go unnoticed.
const POLL_WAIT: Duration = Duration::from_millis(200);
/// Pause before the cluster is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// Name of the group, and of the stage in its dead letters.
const CALLBACKS: &str = "callbacks";
/// Who says so, in the envelope of a dead letter.
const SOURCE: &str = "/producers/callbacks";

/// One event on its way to those who want it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    id: Uuid,
    /// When it became known, epoch ms.
    known_at: i64,
    /// Where it lies.
    place: (i32, i64),
    said: FlightEvent,
}

/// A thread that posts; ends with the value.
pub(crate) struct Callbacks {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            tracing::debug!(?ended, "callbacks stopped");
        }
    }
}

/// Begins to post what happens to those who are registered. `courier` posts on `runtime`.
///
/// # Errors
/// A client cannot be made, or there is no thread.
pub(crate) fn keep(cluster: &Cluster, courier: Courier, intake: Arc<Intake>, runtime: Handle) -> Result<Callbacks, Failure> {
    let consumer = cluster.member(CALLBACKS, FLIGHT_EVENTS)?;
    let names = BTreeMap::from([(cluster.topic(FLIGHT_EVENTS), FLIGHT_EVENTS)]);
    let stop = Arc::new(AtomicBool::new(false));
    let poster = Poster { consumer, names, codec: cluster.codec(), courier, intake, runtime, stop: Arc::clone(&stop) };
    let thread = std::thread::Builder::new().name(CALLBACKS.to_owned()).spawn(move || poster.run());
    let thread = thread.map_err(|e| Failure::dependency(format_args!("no thread: {e}")))?;
    Ok(Callbacks { stop, thread: Some(thread) })
}

struct Poster {
    consumer: BaseConsumer,
    names: BTreeMap<String, Topic>,
    codec: Arc<dyn Codec>,
    courier: Courier,
    intake: Arc<Intake>,
    runtime: Handle,
    stop: Arc<AtomicBool>,
}

impl Poster {
    fn run(self) {
        while !self.stop.load(Ordering::Relaxed) {
            let (read, batch) = self.batch();
            if read == 0 {
                continue;
            }
            let letters = self.runtime.block_on(self.courier.deliver(&batch)).iter().map(letter).collect();
            self.buried(letters);
            if let Err(error) = self.consumer.commit_consumer_state(CommitMode::Sync) {
                tracing::warn!(%error, "what was posted may be posted again");
            }
        }
    }

    /// How many events were read, and those of them that somebody wants.
    fn batch(&self) -> (usize, Vec<Event>) {
        let (mut read, mut batch, mut wait) = (0, Vec::new(), POLL_WAIT);
        while batch.len() < BATCH_MAX && read < READ_MAX {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => batch.extend(self.event(&message).filter(|event| self.courier.is_wanted(event))),
                Some(Err(error)) => {
                    tracing::debug!(%error, "callbacks");
                    break;
                }
            }
            (read, wait) = (read + 1, Duration::ZERO);
        }
        (read, batch)
    }

    /// What cannot be read is nothing to be told: our own readers have refused it. Nor is what has no id, by which a receiver
    /// knows a repeat.
    fn event(&self, message: &BorrowedMessage<'_>) -> Option<Event> {
        let record = reader::read(message, &self.names, &*self.codec).ok().filter(|record| !record.event.id.is_nil())?;
        let said = FlightEvent::from_bytes(record.body.as_deref()?).ok()?;
        Some(Event { id: record.event.id, known_at: record.timestamp, place: (record.partition, record.offset), said })
    }

    /// Publishes dead letters; until then nothing is committed.
    fn buried(&self, letters: Vec<Record>) {
        while !letters.is_empty() && !self.stop.load(Ordering::Relaxed) {
            match self.runtime.block_on(self.intake.publish(letters.clone())) {
                Ok(()) => return,
                Err(why) => tracing::warn!(%why, "dead letters of callbacks, again"),
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The dead letter of a post. It names no record: what a callback missed is not handed in again by us.
fn letter(undelivered: &Undelivered) -> Record {
    let Event { id, place: (partition, offset), said, .. } = &undelivered.event;
    let key = said.leg.to_string();
    let letter = DeadLetter {
        reason: "callback not delivered".to_owned(),
        stage: CALLBACKS.to_owned(),
        topic: FLIGHT_EVENTS.to_owned(),
        partition: *partition,
        offset: *offset,
        error: format!("{}: {}", undelivered.host, undelivered.why),
        value: None,
        record_type: None,
        redeliveries: 0,
        record_id: None,
        record_timestamp: undelivered.event.known_at,
        record_source: SOURCE.to_owned(),
        record_cause: Some(id.to_string()),
        record_schema: None,
        error_class: undelivered.why.class.name().to_owned(),
        severity: undelivered.why.class.severity().name().to_owned(),
    };
    let own = derive_id(&[SOURCE.as_bytes(), undelivered.host.as_bytes(), id.as_bytes()]);
    intake::record(DEAD_LETTER_QUEUE, &key, (SOURCE, own), clock()(), &letter)
}
