//! Lufthansa's push in the program: listens where it leads, and asks by the syncer that everything else asks by.
//!
//! ```text
//! group `lufthansa-push`: owner of partition 0 ─► messages ─┬─► syncer ─► provider ─► intake ─► flight.observations
//!                                                           └─► intake ─► dead.letter.queue
//! ```
//!
//! Runs in the live world, and only where a push is configured. Two leaders for a moment end each other's connection, because they have one
//! client id, and what both publish has the same ids.

use std::sync::Arc;

use slipstream_producers::live::push::{Push, Way};
use slipstream_producers::live::sync::flight::Syncer;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::settings::Flags;
use crate::sync::{Task, Threads};

/// Consumer group in which one process leads.
const GROUP: &str = "lufthansa-push";

/// A push that is listened to until this is dropped.
pub(crate) struct Listening {
    /// What it is, for who shows it.
    pub(crate) push: Push,
    _task: Task,
    _threads: Threads,
}

impl Listening {
    /// Starts it; none where none is configured.
    ///
    /// # Errors
    /// A setting is none, or the system refuses threads.
    pub(crate) fn open(
        flags: &Flags,
        cluster: &Cluster,
        (intake, syncer): (Arc<Intake>, Syncer),
        runtime: &Runtime,
    ) -> Result<Option<Self>, Failure> {
        let Some(push) = flags.push()? else { return Ok(None) };
        let mut threads = Threads::default();
        let leads = threads.lead("push-leader", cluster, GROUP)?;
        let way = Way { leads, publisher: intake, syncer };
        let kept = push.clone();
        let task = Task::spawn(runtime, async move { kept.keep(&way).await });
        Ok(Some(Self { push, _task: task, _threads: threads }))
    }
}
