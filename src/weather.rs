//! Weather in the program: hears which legs there are, and goes round their airports where it leads.
//!
//! ```text
//! flight.state ─► truth ─┐
//! group `weather`: owner of partition 0 ──┴─► rounds ─► providers ─► intake ─► external.data
//! ```
//!
//! Runs in the live world, and only where `[weather]` names a provider. Where sync runs beside, its truth is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slipstream_producers::live::rounds::Rounds;
use slipstream_producers::live::sync::ledger::Ledger;
use slipstream_producers::live::sync::truth::Truth;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::commands::providers::clock;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::settings::Flags;
use crate::sync::{Ears, Threads, lead};

/// Consumer group in which one process leads.
const GROUP: &str = "weather";

/// Rounds under way; they end when this is dropped.
pub(crate) struct Weather {
    /// What they are, for who shows them.
    pub(crate) rounds: Rounds,
    task: JoinHandle<()>,
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
        let leads = Arc::new(AtomicBool::new(false));
        let leading = Arc::clone(&leads);
        threads.spawn("weather-leader", cluster, move |cluster, stop| lead(cluster, GROUP, stop, &leading))?;
        let rounds = Rounds::new(briefing, truth, intake, clock());
        let going = rounds.clone();
        let task = runtime.spawn(async move { going.keep(Arc::new(move || leads.load(Ordering::Relaxed))).await });
        Ok(Some(Self { rounds, task, _threads: threads }))
    }
}

impl Drop for Weather {
    fn drop(&mut self) {
        self.task.abort();
    }
}
