//! The way of records from outside into the live world: HTTP handlers and timers hand them in and wait for the commit.
//!
//!     publish(records) ─► streams::intake (one thread, group commit) ─► committed | busy | not confirmed within 8 s
//!
//! A recorded world has no such way: nothing writes wall time there.

use std::sync::Arc;

use slipstream_schemas::ids::flight_key;
use slipstream_schemas::records::{FlightObservation, Message};
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;
use slipstream_streams::codec::Codec;
use slipstream_streams::errors::ErrorCounts;
use slipstream_streams::intake::{CONFIRM_WITHIN, Intake as Door, NotTaken};
use slipstream_streams::record::{Record, Topic, Ts};
use slipstream_streams::runtime::Config;
use slipstream_streams::topology::Topology;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::cluster::world;
use crate::failure::Failure;

/// Publishes records from outside; callers share transactions.
pub(crate) struct Intake(Door);

impl Intake {
    /// Opens the way into the world of `config`, under the name of its instance or a new one.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn open(config: &Config, topology: &Topology, codec: &Arc<dyn Codec>) -> Result<Self, Failure> {
        let name = config.instance.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        Door::open(config, topology, codec, &name).map(Self).map_err(world::failure)
    }

    /// Errors that its transactions have met.
    pub(crate) fn errors(&self) -> ErrorCounts {
        self.0.errors()
    }

    /// Publishes records in one transaction; back when that is committed.
    ///
    /// # Errors
    /// Too many wait, the parcel is too large, or no commit was confirmed in time: then the records may be published
    /// nevertheless, and whoever tries again uses the same ids.
    pub(crate) async fn publish(&self, records: Vec<Record>) -> Result<(), NotTaken> {
        let (tell, told) = oneshot::channel();
        self.0.hand_in(records, move |outcome| _ = tell.send(outcome))?;
        match tokio::time::timeout(CONFIRM_WITHIN, told).await {
            Ok(Ok(outcome)) => outcome,
            // Nobody answers any more, or not in time.
            Ok(Err(_)) | Err(_) => Err(NotTaken::Unconfirmed),
        }
    }
}

/// A record from outside: who says it (`/producers/flightaware`), its id (UUIDv5 of the source and the source's own id), and
/// when it became known, epoch ms.
pub(crate) fn record<M: Message>(topic: Topic, key: &str, (source, id): (&str, Uuid), known_at: Ts, message: &M) -> Record {
    Record::said(topic, key, known_at, (&source.into(), id), (message.rank(), message.to_bytes()))
}

/// An observation on its topic, under the operating designator.
pub(crate) fn observation(envelope: (&str, Uuid), known_at: Ts, said: &FlightObservation) -> Record {
    record(FLIGHT_OBSERVATIONS, &flight_key(said.carrier, said.number), envelope, known_at, said)
}
