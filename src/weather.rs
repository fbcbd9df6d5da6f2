//! Weather in the program: hears which legs there are, and goes round their airports where it leads.
//!
//! ```text
//! flight.state ─► truth ─┐
//! group `weather`: owner of partition 0 ──┴─► rounds ─► providers ─► intake ─► external.data
//! ```
//!
//! Runs in the live world, and only where `[weather]` names a provider. Where sync runs beside, its truth is used.

use std::sync::Arc;

use slipstream_producers::live::rounds::Rounds;
use slipstream_producers::live::sync::ledger::Ledger;
use slipstream_producers::live::sync::truth::Truth;
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::commands::providers::clock;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::settings::Flags;
use crate::sync::{Ears, Task, Threads};

/// Consumer group in which one process leads.
const GROUP: &str = "weather";

/// Rounds under way; they end when this is dropped.
pub(crate) struct Weather {
    /// What they are, for who shows them.
    pub(crate) rounds: Rounds,
    _task: Task,
    _threads: Threads,
}

impl Weather {
    /// Starts the rounds; none without a provider. `known` is the truth that somebody else keeps already.
    ///
    /// # Errors
    /// A setting is none, or the system refuses threads.
    pub(crate) fn open(
        flags: &Flags,
        cluster: &Cluster,
        intake: Arc<Intake>,
        known: Option<Arc<Truth>>,
        runtime: &Runtime,
    ) -> Result<Option<Self>, Failure> {
        let Some(briefing) = flags.briefing()? else { return Ok(None) };
        let mut threads = Threads::default();
        let truth = match known {
            Some(truth) => truth,
            None => {
                let truth = Arc::new(Truth::default());
                let ears = Ears { truth: Arc::clone(&truth), ledger: Arc::new(Ledger::default()), clock: clock() };
                threads.spawn("weather-state", cluster, move |cluster, stop| ears.listen(cluster, stop))?;
                truth
            }
        };
        let leads = threads.lead("weather-leader", cluster, GROUP)?;
        let rounds = Rounds::new(briefing, truth, intake, clock());
        let going = rounds.clone();
        let task = Task::spawn(runtime, async move { going.keep(leads).await });
        Ok(Some(Self { rounds, _task: task, _threads: threads }))
    }
}
