//! A circuit breaker as a pure state machine: time comes in, nothing else goes out.
//!
//!     CLOSED ──(failures in a row, or locked out)──► OPEN ──(open_for passed: traffic as trial)──► HALF_OPEN
//!        ▲                                            ▲  └──(a probe succeeds: the first success)──────┤
//!        │                                            └──────────────(any failure)─────────────────────┤
//!        └────────────────────────────────(successes, of trials and probes together)───────────────────┘
//!
//! Keeps one counter a state. A call that was admitted in an earlier state says nothing of this one and is not counted. Times
//! are durations since an origin of the caller's choice that never run backwards.

use std::time::Duration;

use serde::Serialize;

use super::error::Verdict;

/// When a breaker opens and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open unless a probe succeeds.
    pub open_for: Duration,
    /// Successes that close it, which is also how many trials are under way at most; at least 1.
    pub successes: u32,
}

/// State of a breaker, as health and metrics show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Traffic flows.
    Closed,
    /// A few calls try whether it is over.
    HalfOpen,
    /// No traffic.
    Open,
}

/// Leave to make one call; handed back with its outcome.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Duration },
    HalfOpen { successes: u32, under_way: u32 },
}

/// One provider's breaker.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    phase: Phase,
    /// Counts the changes of state.
    generation: u64,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, phase: Phase::Closed { failures: 0 }, generation: 0 }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Failures in a row while closed; the threshold while it is not.
    #[must_use]
    pub fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => self.settings.failures,
        }
    }

    /// How often it changed its state.
    #[must_use]
    pub fn transitions(&self) -> u64 {
        self.generation
    }

    /// For how much longer it is open; zero when it is not.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        match self.phase {
            Phase::Open { until } => until.saturating_sub(now),
            Phase::Closed { .. } | Phase::HalfOpen { .. } => Duration::ZERO,
        }
    }

    /// Opens it for so long, because somebody else has found out; one that is not closed knows more itself.
    pub fn open_for(&mut self, left: Duration, now: Duration) {
        if self.state() == State::Closed {
            self.go(Phase::Open { until: now + left });
        }
    }

    /// Leave for a call of ordinary traffic.
    ///
    /// # Errors
    /// It is open, for so much longer; or half open with all trials under way (zero).
    pub fn admit(&mut self, now: Duration) -> Result<Permit, Duration> {
        if let Phase::Open { until } = self.phase {
            let left = until.saturating_sub(now);
            if !left.is_zero() {
                return Err(left);
            }
            self.go(Phase::HalfOpen { successes: 0, under_way: 0 });
        }
        if let Phase::HalfOpen { successes, under_way } = &mut self.phase {
            if *successes + *under_way >= self.settings.successes {
                return Err(Duration::ZERO);
            }
            *under_way += 1;
        }
        Ok(Permit { generation: self.generation })
    }

    /// Takes back a permit, with what its call says.
    pub fn settle(&mut self, permit: &Permit, verdict: Verdict, now: Duration) {
        if permit.generation != self.generation {
            return;
        }
        if let Phase::HalfOpen { under_way, .. } = &mut self.phase {
            *under_way = under_way.saturating_sub(1);
        }
        self.learn(verdict, now);
    }

    /// Takes what a probe found. Probes run while it is open or half open; one that comes late changes nothing.
    pub fn probed(&mut self, verdict: Verdict, now: Duration) {
        match (self.phase, verdict) {
            (Phase::Closed { .. }, _) => {}
            (Phase::Open { .. }, Verdict::Healthy) => {
                self.go(Phase::HalfOpen { successes: 0, under_way: 0 });
                self.learn(verdict, now);
            }
            (Phase::Open { .. }, _) => {}
            (Phase::HalfOpen { .. }, _) => self.learn(verdict, now),
        }
    }

    fn learn(&mut self, verdict: Verdict, now: Duration) {
        match (&mut self.phase, verdict) {
            (_, Verdict::Silent) | (Phase::Open { .. }, _) => {}
            (_, Verdict::LockedOut) | (Phase::HalfOpen { .. }, Verdict::Failed) => self.go(self.opened(now)),
            (Phase::Closed { failures }, Verdict::Healthy) => *failures = 0,
            (Phase::Closed { failures }, Verdict::Failed) => {
                *failures += 1;
                if *failures >= self.settings.failures {
                    self.go(self.opened(now));
                }
            }
            (Phase::HalfOpen { successes, .. }, Verdict::Healthy) => {
                *successes += 1;
                if *successes >= self.settings.successes {
                    self.go(Phase::Closed { failures: 0 });
                }
            }
        }
    }

    fn opened(&self, now: Duration) -> Phase {
        Phase::Open { until: now + self.settings.open_for }
    }

    fn go(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }
}
