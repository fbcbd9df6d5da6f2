//! A provider's quota: a token bucket that can be paused. The one place that names the crate `governor`.
//!
//! Time is tokio's, so that a test may turn it on by hand.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::profile::RateLimit;

/// Pause when a provider says "too many" and not for how long.
const PAUSE_UNSTATED: Duration = Duration::from_secs(5);
/// Longest pause that is believed; a provider that asks for more is asked again then.
const PAUSE_MAX: Duration = Duration::from_hours(24);

/// Time since the bucket was made.
#[derive(Debug, Clone)]
struct Since(Instant);

impl Clock for Since {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Since, NoOpMiddleware<Duration>>;

/// The quotas of one provider: its own and ours, each full at first.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Each with the units it holds when full.
    limiters: Vec<(Limiter, NonZeroU32)>,
    clock: Since,
    paused_until: Mutex<Option<Instant>>,
}

impl Bucket {
    /// A bucket that honours all of `limits`.
    pub(crate) fn new(limits: impl IntoIterator<Item = RateLimit>) -> Self {
        let clock = Since(Instant::now());
        let limiter = |limit: RateLimit| {
            let each = limit.per / limit.units.get();
            let quota = Quota::with_period(each.max(Duration::from_nanos(1)))?.allow_burst(limit.burst);
            Some((RateLimiter::direct_with_clock(quota, clock.clone()), limit.burst))
        };
        Self { limiters: limits.into_iter().filter_map(limiter).collect(), clock, paused_until: Mutex::new(None) }
    }

    /// Takes so many units, waiting for them until `deadline` at most.
    ///
    /// # Errors
    /// They are not there in time: how long it would take.
    pub(crate) async fn take(&self, units: u32, deadline: Instant) -> Result<(), Duration> {
        if let Some(left) = self.pause_left() {
            return Err(left);
        }
        for (limiter, burst) in &self.limiters {
            let mut left = units;
            // A call that costs more than the bucket holds takes it in parts.
            while let Some(part) = NonZeroU32::new(left.min(burst.get())) {
                self.take_from(limiter, part, deadline).await?;
                left -= part.get();
            }
        }
        // Somebody may have been told "too many" while we waited.
        self.pause_left().map_or(Ok(()), Err)
    }

    async fn take_from(&self, limiter: &Limiter, units: NonZeroU32, deadline: Instant) -> Result<(), Duration> {
        loop {
            match limiter.check_n(units) {
                // More than it ever holds, which the caller sees to.
                Err(_) => return Err(Duration::MAX),
                Ok(Ok(())) => return Ok(()),
                Ok(Err(not_until)) => {
                    let wait = not_until.wait_time_from(self.clock.now());
                    if Instant::now() + wait > deadline {
                        return Err(wait);
                    }
                    tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
                }
            }
        }
    }

    /// Stops giving out units for as long as the provider asks, and never less than it already asked.
    pub(crate) fn pause(&self, retry_after: Option<Duration>) {
        let until = Instant::now() + retry_after.unwrap_or(PAUSE_UNSTATED).min(PAUSE_MAX);
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (*paused).max(Some(until));
    }

    fn pause_left(&self) -> Option<Duration> {
        let until = (*self.paused_until.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(units: u32, per_s: u64) -> RateLimit {
        RateLimit::bucket(NonZeroU32::new(units).unwrap(), Duration::from_secs(per_s))
    }

    async fn taken_at_once(bucket: &Bucket) -> u32 {
        let mut taken = 0;
        while bucket.take(1, Instant::now()).await.is_ok() {
            taken += 1;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_in_a_minute_and_then_as_they_come_back() {
        let bucket = Bucket::new([limit(100, 60)]);
        assert_eq!(taken_at_once(&bucket).await, 100);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(taken_at_once(&bucket).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_sees_more_than_a_provider_allows() {
        let ten_a_minute = RateLimit::window(NonZeroU32::new(10).unwrap(), Duration::from_mins(1));
        let (bucket, mut taken) = (Bucket::new([ten_a_minute]), Vec::new());
        for second in 0..300 {
            taken.push(taken_at_once(&bucket).await);
            assert!(taken.iter().rev().take(60).sum::<u32>() <= 10, "second {second}: {taken:?}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(taken.iter().sum::<u32>() >= 28, "the quota is used, as far as looking once a second shows: {taken:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_past_the_deadline_is_not_waited() {
        let bucket = Bucket::new([limit(1, 60)]);
        let begun = Instant::now();
        bucket.take(1, begun).await.unwrap();
        let wait = bucket.take(1, begun + Duration::from_secs(5)).await.unwrap_err();
        assert_eq!((wait, begun.elapsed()), (Duration::from_mins(1), Duration::ZERO));
        bucket.take(1, begun + Duration::from_secs(61)).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_as_long_as_asked_and_no_shorter() {
        let bucket = Bucket::new([]);
        bucket.pause(Some(Duration::from_secs(30)));
        bucket.pause(Some(Duration::from_secs(1)));
        assert_eq!(bucket.take(1, Instant::now()).await, Err(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        bucket.take(1, Instant::now()).await.unwrap();
    }
}
