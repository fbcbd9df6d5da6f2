//! A provider's quota: a token bucket that can be paused. The one place that names the crate `governor`.
//!
//!     call ─► the provider's quota, in common with other processes where there is an [`Allowance`] ─► our own ─► it may go
//!
//! Time is tokio's, so that a test may turn it on by hand.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::allowance::Allowance;
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

/// One quota, full at first.
#[derive(Debug)]
struct Meter {
    limiter: Limiter,
    limit: RateLimit,
}

impl Meter {
    fn new(limit: RateLimit, clock: &Since) -> Option<Self> {
        let each = limit.per / limit.units.get();
        let quota = Quota::with_period(each.max(Duration::from_nanos(1)))?.allow_burst(limit.burst);
        Some(Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), limit })
    }

    /// A call that costs more than the bucket holds takes it in parts.
    fn parts(&self, units: u32) -> impl Iterator<Item = NonZeroU32> + use<> {
        let most = self.limit.burst.get();
        (0..units.div_ceil(most)).filter_map(move |before| NonZeroU32::new((units - before * most).min(most)))
    }

    async fn take(&self, units: NonZeroU32, clock: &Since, deadline: Instant) -> Result<(), Duration> {
        loop {
            match self.limiter.check_n(units) {
                // More than it ever holds, which the caller sees to.
                Err(_) => return Err(Duration::MAX),
                Ok(Ok(())) => return Ok(()),
                Ok(Err(not_until)) => wait(not_until.wait_time_from(clock.now()), deadline).await?,
            }
        }
    }
}

/// The quotas of one provider: its own, which processes may spend together, and ours.
#[derive(Debug)]
pub(super) struct Bucket {
    theirs: Option<Meter>,
    ours: Option<Meter>,
    clock: Since,
    paused_until: Mutex<Option<Instant>>,
    /// Processes that spend the provider's quota, as last known.
    spenders: AtomicU32,
}

impl Bucket {
    /// A bucket that honours what the provider allows, and what we allow ourselves.
    pub(super) fn new(theirs: Option<RateLimit>, ours: Option<RateLimit>) -> Self {
        let clock = Since(Instant::now());
        let [theirs, ours] = [theirs, ours].map(|limit| Meter::new(limit?, &clock));
        Self { theirs, ours, clock, paused_until: Mutex::new(None), spenders: AtomicU32::new(1) }
    }

    /// Takes so many units, waiting for them until `deadline` at most; the provider's of what all processes have in `common`.
    ///
    /// # Errors
    /// They are not there in time: how long it would take.
    pub(super) async fn take(&self, units: u32, deadline: Instant, common: Option<Allowance<'_>>) -> Result<(), Duration> {
        if let Some(left) = self.pause_left() {
            return Err(left);
        }
        if let Some(meter) = &self.theirs {
            for part in meter.parts(units) {
                self.take_theirs(meter, part, deadline, common).await?;
            }
        }
        if let Some(meter) = &self.ours {
            for part in meter.parts(units) {
                meter.take(part, &self.clock, deadline).await?;
            }
        }
        // Somebody may have been told "too many" while we waited.
        self.pause_left().map_or(Ok(()), Err)
    }

    async fn take_theirs(
        &self,
        meter: &Meter,
        units: NonZeroU32,
        deadline: Instant,
        common: Option<Allowance<'_>>,
    ) -> Result<(), Duration> {
        while let Some(common) = common
            && let Some(grant) = common.take(meter.limit, units).await
        {
            self.spenders.store(grant.spenders, Ordering::Relaxed);
            if !grant.pause.is_zero() {
                self.pause(grant.pause);
                return Err(grant.pause);
            }
            if grant.wait.is_zero() {
                // What all have spent less of, this process has spent, too: should it be alone from now on, its own is not full.
                let _ = meter.limiter.check_n(units);
                return Ok(());
            }
            wait(grant.wait, deadline).await?;
        }
        // Alone, each process has its share of the quota: a call costs as much as all of them would spend on one.
        for _ in 0..self.spenders.load(Ordering::Relaxed) {
            meter.take(units, &self.clock, deadline).await?;
        }
        Ok(())
    }

    /// Stops giving out units for as long as the provider asks, and never less than it already asked.
    pub(super) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (*paused).max(Some(until));
    }

    fn pause_left(&self) -> Option<Duration> {
        let until = (*self.paused_until.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

/// How long a provider that says "too many" is left alone.
pub(super) fn pause_of(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(PAUSE_UNSTATED).min(PAUSE_MAX)
}

/// Waits so long, unless that is past the deadline.
async fn wait(time: Duration, deadline: Instant) -> Result<(), Duration> {
    if Instant::now() + time > deadline {
        return Err(time);
    }
    tokio::time::sleep(time.max(Duration::from_millis(1))).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(units: u32, per_s: u64) -> RateLimit {
        RateLimit::bucket(NonZeroU32::new(units).unwrap(), Duration::from_secs(per_s))
    }

    async fn taken_at_once(bucket: &Bucket) -> u32 {
        let mut taken = 0;
        while bucket.take(1, Instant::now(), None).await.is_ok() {
            taken += 1;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_in_a_minute_and_then_as_they_come_back() {
        let bucket = Bucket::new(Some(limit(100, 60)), None);
        assert_eq!(taken_at_once(&bucket).await, 100);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(taken_at_once(&bucket).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_sees_more_than_a_provider_allows() {
        let ten_a_minute = RateLimit::window(NonZeroU32::new(10).unwrap(), Duration::from_mins(1));
        let (bucket, mut taken) = (Bucket::new(Some(ten_a_minute), None), Vec::new());
        for second in 0..300 {
            taken.push(taken_at_once(&bucket).await);
            assert!(taken.iter().rev().take(60).sum::<u32>() <= 10, "second {second}: {taken:?}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!(taken.iter().sum::<u32>() >= 28, "the quota is used, as far as looking once a second shows: {taken:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_costs_more_than_there_is_at_once_is_taken_in_parts() {
        let bucket = Bucket::new(Some(limit(10, 60)), None);
        let begun = Instant::now();
        bucket.take(25, begun + Duration::from_mins(2), None).await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 90, "ten at once, the others as they come back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_past_the_deadline_is_not_waited() {
        let bucket = Bucket::new(None, Some(limit(1, 60)));
        let begun = Instant::now();
        bucket.take(1, begun, None).await.unwrap();
        let wait = bucket.take(1, begun + Duration::from_secs(5), None).await.unwrap_err();
        assert_eq!((wait, begun.elapsed()), (Duration::from_mins(1), Duration::ZERO));
        bucket.take(1, begun + Duration::from_secs(61), None).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_as_long_as_asked_and_no_shorter() {
        let bucket = Bucket::new(None, None);
        bucket.pause(Duration::from_secs(30));
        bucket.pause(Duration::from_secs(1));
        assert_eq!(bucket.take(1, Instant::now(), None).await, Err(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        bucket.take(1, Instant::now(), None).await.unwrap();
    }
}
