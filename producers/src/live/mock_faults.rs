//! How mocks take their time and fail, whatever they are mocks of.
//!
//!     call ─► so much time ─► an outage of the scenario? ─► chance, by seed and number of the call ─► answered, or one of three faults
//!
//! The same seed and the same call in a row give the same fault.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use tokio::time::Instant;

use super::error::ProviderError;
use super::provider::TIMEOUT;

/// A time without answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// It begins so many seconds after the mock was made.
    pub after_s: u64,
    /// It takes so many seconds.
    pub for_s: u64,
    /// It comes again every so many seconds; without it, once.
    #[serde(default)]
    pub every_s: Option<NonZeroU64>,
}

impl Outage {
    /// Whether it holds so many seconds after the mock was made.
    fn holds(&self, at_s: u64) -> bool {
        let Some(since_s) = at_s.checked_sub(self.after_s) else { return false };
        self.every_s.map_or(since_s, |every_s| since_s % every_s) < self.for_s
    }
}

/// When a mock fails, and how slow it is.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    /// Share of calls that fail, 0 to 1.
    error_rate: f64,
    delay: Duration,
    outages: Vec<Outage>,
    begun: Instant,
    calls: AtomicU64,
}

impl Faults {
    /// From now on.
    pub(super) fn new(seed: u64, error_rate: f64, delay_ms: u64, outages: Vec<Outage>) -> Self {
        let (delay, begun) = (Duration::from_millis(delay_ms), Instant::now());
        Self { seed, error_rate, delay, outages, begun, calls: AtomicU64::new(0) }
    }

    /// Calls so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Takes its time, and fails when it is time to.
    pub(super) async fn called(&self) -> Result<(), ProviderError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.delay).await;
        let at_s = self.begun.elapsed().as_secs();
        if self.outages.iter().any(|outage| outage.holds(at_s)) {
            return Err(ProviderError::Unavailable { reason: "outage of the scenario".to_owned() });
        }
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed ^ call.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if dice.random::<f64>() >= self.error_rate {
            return Ok(());
        }
        Err(match dice.random_range(0..3) {
            0 => ProviderError::Unavailable { reason: "500".to_owned() },
            1 => ProviderError::Timeout { after: TIMEOUT },
            _ => ProviderError::malformed("body", "made so"),
        })
    }
}
