//! The three ways of asking, by what the asker needs: numbers only.
//!
//! | profile | opens after | stays open | retries | whom it asks | deadline |
//! |---|---|---|---|---|---|
//! | `sync` | 2 failures | 30 s | 2, from 1 s | all at once, to compare them | 5 s |
//! | `monitor` | 5 | 600 s | 2, from 1 s | by priority, the next after 800 ms | 5 s |
//! | `api` | 5 | 60 s | 3, from 1 s, doubling | by priority, the next after 800 ms; 100 calls per 60 s | 10 s |
//!
//! While open, a probe every 5 s finds out earlier than `open_for` that it is over.

use std::num::NonZeroU32;
use std::time::Duration;

use super::breaker;

/// Successes, of probes and trials, that close a breaker.
pub const SUCCESSES_TO_CLOSE: u32 = 3;
/// How often an open provider is probed, unless its quota asks for longer.
pub const PROBE_EVERY: Duration = Duration::from_secs(5);
/// The largest part of a provider's quota that goes into probes: one in so many.
pub const PROBE_SHARE: u32 = 100;
/// When the next provider is asked beside one that has not answered.
pub const HEDGE_AFTER: Duration = Duration::from_millis(800);

/// Name of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// To compare sources and publish what each says.
    Sync,
    /// To keep watch: one good answer, from the best source that has it.
    Monitor,
    /// To answer somebody outside.
    Api,
}

/// Whom to ask, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Everybody at once; every answer is wanted.
    All,
    /// One after the other by priority; the next also when the one before has not answered for so long.
    Hedged(Duration),
}

/// How many calls in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Units of quota; most calls cost one.
    pub units: NonZeroU32,
    /// In which they come back, evenly.
    pub per: Duration,
    /// Units that may be spent at once, at most `units`.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// A plain token bucket: all units may be spent at once, and come back within `per`.
    #[must_use]
    pub fn bucket(units: NonZeroU32, per: Duration) -> Self {
        Self { units, per, burst: units }
    }

    /// For a provider that counts in windows: no window of `per`, wherever it begins, sees more than `units`, because half
    /// may be spent at once and only the other half comes back within the window.
    #[must_use]
    pub fn window(units: NonZeroU32, per: Duration) -> Self {
        let burst = NonZeroU32::new(units.get() / 2).unwrap_or(NonZeroU32::MIN);
        let refilled = NonZeroU32::new(units.get() - burst.get()).unwrap_or(NonZeroU32::MIN);
        Self { units: refilled, per, burst }
    }
}

/// One way of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// When a breaker opens and closes.
    pub breaker: breaker::Settings,
    /// Whom to ask.
    pub plan: Plan,
    /// Further attempts at one provider after a failure.
    pub retries: u32,
    /// Pause before the first of them; it doubles with each, and half of it is left to chance.
    pub first_pause: Duration,
    /// For one request, with everything that is tried for it.
    pub deadline: Duration,
    /// Our own limit on calls to one provider, beside the provider's.
    pub limit: Option<RateLimit>,
}

impl Profile {
    /// The profile of a use.
    #[must_use]
    pub fn of(usage: Use) -> Self {
        match usage {
            Use::Sync => Self::new(2, 30, Plan::All, 2, 5),
            Use::Monitor => Self::new(5, 600, Plan::Hedged(HEDGE_AFTER), 2, 5),
            Use::Api => {
                let limit = NonZeroU32::new(100).map(|calls| RateLimit::bucket(calls, Duration::from_mins(1)));
                Self { limit, ..Self::new(5, 60, Plan::Hedged(HEDGE_AFTER), 3, 10) }
            }
        }
    }

    fn new(failures: u32, open_s: u64, plan: Plan, retries: u32, deadline_s: u64) -> Self {
        let open_for = Duration::from_secs(open_s);
        Self {
            breaker: breaker::Settings { failures, open_for, successes: SUCCESSES_TO_CLOSE },
            plan,
            retries,
            first_pause: Duration::from_secs(1),
            deadline: Duration::from_secs(deadline_s),
            limit: None,
        }
    }
}

/// How often to probe a provider whose probe costs so many units of its quota.
#[must_use]
pub fn probe_every(quota: Option<RateLimit>, cost: u32) -> Duration {
    let by_quota = quota.map_or(Duration::ZERO, |quota| quota.per * cost * PROBE_SHARE / quota.units.get());
    PROBE_EVERY.max(by_quota)
}

#[cfg(test)]
mod tests {
    use super::super::fleet::HEALTH_EVERY;
    use super::*;

    // contract: S1-06
    #[test]
    fn the_profiles_are_those_of_the_contract() {
        for line in include_str!("../../tests/cases/profiles.csv").lines().skip(1) {
            let cell: Vec<&str> = line.split(',').map(str::trim).collect();
            let usage: Use = serde_json::from_value(cell[0].into()).unwrap();
            let profile = Profile::of(usage);
            let plan = match profile.plan {
                Plan::All => "all".to_owned(),
                Plan::Hedged(after) => after.as_millis().to_string(),
            };
            let limit = profile.limit.map_or_else(String::new, |limit| format!("{}/{}", limit.units, limit.per.as_secs()));
            let Profile { breaker, retries, first_pause, deadline, .. } = profile;
            let numbers = [
                breaker.failures.to_string(),
                breaker.open_for.as_secs().to_string(),
                breaker.successes.to_string(),
                retries.to_string(),
                first_pause.as_millis().to_string(),
                deadline.as_secs().to_string(),
            ];
            assert_eq!([numbers.as_slice(), &[plan, limit]].concat(), cell[1..], "{}", cell[0]);
        }
        assert_eq!(HEALTH_EVERY, Duration::from_secs(300));
    }

    #[test]
    fn probes_take_a_hundredth_of_the_quota_at_most() {
        let quota = |units, per| NonZeroU32::new(units).map(|units| RateLimit::bucket(units, Duration::from_secs(per)));
        assert_eq!(probe_every(None, 4), PROBE_EVERY);
        assert_eq!(probe_every(quota(100, 1), 1), PROBE_EVERY, "plenty");
        assert_eq!(probe_every(quota(5, 1), 1), Duration::from_secs(20));
        assert_eq!(probe_every(quota(10, 60), 1), Duration::from_mins(10));
        assert_eq!(probe_every(quota(10, 60), 0), PROBE_EVERY, "a probe that costs nothing");
    }
}
