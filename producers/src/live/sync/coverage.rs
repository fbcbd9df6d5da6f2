//! How well the legs are looked after that the scheduler has to sync: pure, time comes in.
//!
//!     open legs of flight.state ─┐
//!     last sync of each ─────────┴─► how many, how many wait for a reviewer, the longest that one waits for its sync
//!
//! Counts legs from a day before their departure until [`BEHIND`] after it. One waits from its last sync on, and not from before it
//! came into that day: earlier it was nobody's business. One that was never synced waits since this process first heard of it, so
//! that a restart shortens what it reports.

use slipstream_streams::record::Ts;

use super::ledger::Ledger;
use super::scheduler::PEAK_AHEAD;
use super::truth::{OpenLeg, Truth};
use crate::local_time::HOUR;

/// A leg is looked after for so long after its departure, ms: later nothing comes of it but its arrival, which is heard.
pub const BEHIND: Ts = 6 * HOUR;

/// What is known of the legs that are to be synced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Legs that are to be synced.
    pub legs: u64,
    /// Of these, those on which a reviewer is to decide.
    pub under_review: u64,
    /// How long the leg has waited that has waited longest, ms; zero without any leg.
    pub longest_wait: Ts,
}

impl Coverage {
    /// As it stands at `now`.
    #[must_use]
    pub fn of(truth: &Truth, ledger: &Ledger, now: Ts) -> Self {
        let legs = truth.open_legs(now + PEAK_AHEAD);
        legs.iter().filter(|open| open.departs > now - BEHIND).fold(Self::default(), |so_far, open| Self {
            legs: so_far.legs + 1,
            under_review: so_far.under_review + u64::from(open.under_review),
            longest_wait: so_far.longest_wait.max(now - waits_since(open, ledger.last_synced_at(&open.leg))),
        })
    }
}

fn waits_since(open: &OpenLeg, last_synced_at: Option<Ts>) -> Ts {
    last_synced_at.unwrap_or(open.since).max(open.departs - PEAK_AHEAD)
}
