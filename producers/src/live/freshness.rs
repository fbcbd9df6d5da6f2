//! How long an answer may be given again: pure, time comes in.
//!
//! | the departure is | fresh for |
//! |---|---|
//! | within 2 h, before or after, or the leg is disrupted | 2 min |
//! | within 24 h | 5 min |
//! | within 7 days | 15 min |
//! | further away | 60 min |
//!
//! Judged when it is read, with the departure as last known: an answer ages faster as its departure comes nearer. What is no
//! longer fresh is never given unmarked, and after [`KEPT_FOR`] not at all.

use std::time::Duration;

use slipstream_streams::record::Ts;

use crate::local_time::{DAY, HOUR};

/// Departures as near as this are watched closely.
const NEAR: Ts = 2 * HOUR;
/// How long an answer is kept, to be given marked when nobody answers.
pub const KEPT_FOR: Duration = Duration::from_hours(24);

/// How long answers are fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The departure is within 2 h, or the leg is disrupted.
    pub critical: Duration,
    /// Within 24 h.
    pub day: Duration,
    /// Within 7 days.
    pub week: Duration,
    /// Further away.
    pub later: Duration,
    /// How long beyond that an answer is given marked at once, while a new one is fetched behind it. Zero: never.
    pub while_revalidating: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        Self { critical: minutes(2), day: minutes(5), week: minutes(15), later: minutes(60), while_revalidating: Duration::ZERO }
    }
}

/// What an answer's age depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When it was fetched, epoch ms.
    pub fetched_at: Ts,
    /// Departure as last known, epoch ms; none: as if it were today's.
    pub departure: Option<Ts>,
    /// The leg is disrupted.
    pub disrupted: bool,
}

/// What to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Give it.
    Fresh,
    /// Give it, marked, and fetch a new one behind it.
    Revalidate,
    /// Give it, marked, only when nobody answers.
    Stale,
}

impl Freshness {
    /// How long an answer is fresh at `now`.
    #[must_use]
    pub fn ttl(&self, held: Held, now: Ts) -> Duration {
        let distance = held.departure.map_or(DAY - 1, |departure| (departure - now).abs());
        match distance {
            near if held.disrupted || near <= NEAR => self.critical,
            ..DAY => self.day,
            far if far <= 7 * DAY => self.week,
            _ => self.later,
        }
    }

    /// What to do with an answer at `now`. A clock that was set back makes nothing fresher than it is.
    #[must_use]
    pub fn age(&self, held: Held, now: Ts) -> Age {
        let age = Duration::from_millis((now - held.fetched_at).unsigned_abs());
        let ttl = self.ttl(held, now);
        match age {
            age if age < ttl => Age::Fresh,
            age if age < ttl + self.while_revalidating => Age::Revalidate,
            _ => Age::Stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::local_time::MINUTE;

    // contract: S0-14, S1-11 (2 min for critical data)
    #[test]
    fn the_table_holds_at_its_bounds() {
        for line in include_str!("../../tests/cases/freshness.csv").lines().skip(1) {
            let cell: Vec<&str> = line.split(',').map(str::trim).collect();
            let [case, departure, disrupted, age, expect] = cell[..] else { unreachable!("{line}") };
            let departure = departure.parse::<Ts>().ok().map(|min| min * MINUTE);
            let held = Held { fetched_at: -age.parse::<Ts>().unwrap() * 1000, departure, disrupted: disrupted == "yes" };
            let policy = Freshness { while_revalidating: Duration::from_mins(1), ..Freshness::default() };
            assert_eq!(format!("{:?}", policy.age(held, 0)), expect, "{case}");
        }
    }

    proptest! {
        /// As time goes on an answer only ages, whatever becomes of its departure's distance on the way there.
        #[test]
        fn nothing_becomes_fresh_again_before_its_departure(departure in 0..20 * DAY, steps in prop::collection::vec(0..HOUR, 2..30)) {
            let (policy, mut now, mut stale) = (Freshness::default(), 0, false);
            let held = Held { fetched_at: 0, departure: Some(departure), disrupted: false };
            for step in steps {
                now = (now + step).min(departure);
                let fresh = policy.age(held, now) == Age::Fresh;
                prop_assert!(!(stale && fresh), "fresh again at {now}");
                stale |= !fresh;
            }
        }
    }
}
