//! Sync: asks the providers for a leg and publishes what each of them says.
//!
//! ```text
//! request ─► desk: cache, breakers, all sources at once ─► conflicts, best word ─► one transaction ─┬─► flight.observations
//!   ▲ scheduler, leader alone                                                                       ├─► flight.unmatched
//!   └ flight.state ◄─ reconcile ◄───────────────────────────────────────────────────────────────────┴─► sync.status
//!            └────────────────────────────────────────────────────────────────► answer
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`request`] | what is asked and what is answered |
//! | [`observe`] | pure: one provider's word becomes records |
//! | [`conflict`] | pure: in what the words differ |
//! | [`truth`] | the legs of `flight.state` that depart around now |
//! | [`ledger`] | what became of the calls: `sync.status` |
//! | [`coverage`] | pure: how long legs have waited for a sync, how many for a reviewer |
//! | [`flight`] | one leg, many legs |
//! | [`scheduler`] | when which legs are asked for |
//!
//! Two processes that sync the same leg do no harm: ids follow from what was said. What is true is decided by reconcile, never here.

pub mod conflict;
pub mod coverage;
pub mod flight;
pub mod ledger;
pub mod observe;
pub mod request;
pub mod scheduler;
pub mod truth;

use std::future::Future;
use std::pin::Pin;

use slipstream_streams::record::Record;

/// A publication under way.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Result<(), Unpublished>> + Send + 'a>>;

/// Why records were not published; whoever published them may try the same ones again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not published: {0}")]
pub struct Unpublished(pub String);

/// Puts records on their topics.
pub trait Publisher: Send + Sync {
    /// Publishes all of them in one transaction; answers after its commit.
    fn publish(&self, records: Vec<Record>) -> Publishing<'_>;
}
