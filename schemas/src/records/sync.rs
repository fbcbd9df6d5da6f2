//! Synchronisation: what became of asking the providers for one leg, and how far a stream has been taken up.

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

record! {
    /// How far a source that is a stream has been taken up, written in the transaction of what it said, compacted by source.
    pub struct SourcePosition {
        /// Name of the source.
        source: String,
        /// The source's own measure: of `firehose` its `pitr`, epoch seconds.
        position: i64,
        /// Ids of the messages at exactly that position that are published: a stream that begins there again sends them again.
        published: Vec<String>,
    }
}
