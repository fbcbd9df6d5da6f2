//! Synchronisation: what became of asking the providers for one leg.

use crate::ids::Leg;
use crate::record;

record! {
    /// What became of the calls for one leg's data (S0-12), compacted by leg. What the sources said is in `flight.state`.
    pub struct LegSync {
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// When its providers were last asked, epoch ms.
        attempted_at: i64,
        /// When one of them last answered, epoch ms; null before the first answer.
        last_synced_at: Option<i64>,
        /// Times that they were asked.
        sync_attempts: i32,
        /// Why the last attempt brought nothing; null when it did.
        last_sync_error: Option<String>,
    }
}
