//! What is measured of one provider, and how providers compare.
//!
//! Keeps counters for the life of the process, the last [`RECENT`] outcomes, and two moving averages of the response time: the
//! quick one against the slow one is the trend.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use slipstream_streams::errors::ErrorCounts;
use tokio::time::Instant;

use super::breaker::State;
use super::error::{ProviderError, Verdict};

/// Outcomes that the measured success looks back on.
const RECENT: usize = 100;
/// Weights of the newest response time in the two averages.
const QUICK: f64 = 0.2;
const SLOW: f64 = 0.02;
/// What success and speed weigh when a batch looks for its provider (S1-05).
const SUCCESS_WEIGHT: f64 = 0.7;
const SPEED_WEIGHT: f64 = 0.3;

/// Counters of one provider.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    attempts: u64,
    answers: u64,
    answered_at: Option<Instant>,
    errors: BTreeMap<&'static str, u64>,
    classes: ErrorCounts,
    recent: VecDeque<bool>,
    quick_ms: Option<f64>,
    slow_ms: Option<f64>,
    health_checks: u64,
    health_failures: u64,
    healthy: Option<bool>,
}

impl Stats {
    /// Counts an attempt that reached the provider.
    pub(crate) fn attempted(&mut self, took: Duration, error: Option<&ProviderError>) {
        self.attempts += 1;
        match error {
            None => {
                self.answers += 1;
                self.answered_at = Some(Instant::now());
            }
            Some(error) => self.failed(error),
        }
        match error.map_or(Verdict::Healthy, ProviderError::verdict) {
            Verdict::Silent => return,
            verdict => self.remember(verdict == Verdict::Healthy),
        }
        let ms = took.as_secs_f64() * 1000.0;
        let moved = |average: Option<f64>, weight: f64| average.map_or(ms, |average| average + weight * (ms - average));
        self.quick_ms = Some(moved(self.quick_ms, QUICK));
        self.slow_ms = Some(moved(self.slow_ms, SLOW));
    }

    /// A provider that sends by itself has sent something.
    pub(crate) fn heard(&mut self) {
        self.answered_at = Some(Instant::now());
    }

    /// Counts an error, of an attempt or before one.
    pub(crate) fn failed(&mut self, error: &ProviderError) {
        *self.errors.entry(error.kind()).or_default() += 1;
        self.classes.note(error.class());
    }

    /// Counts a health check.
    pub(crate) fn checked(&mut self, verdict: Verdict) {
        self.health_checks += 1;
        self.healthy = Some(verdict == Verdict::Healthy);
        self.health_failures += u64::from(verdict != Verdict::Healthy);
    }

    fn remember(&mut self, success: bool) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(success);
    }

    /// Share of the recent attempts that were answered; 1 before the first.
    pub(crate) fn success(&self) -> f64 {
        let answered = self.recent.iter().filter(|success| **success).count();
        if self.recent.is_empty() { 1.0 } else { answered as f64 / self.recent.len() as f64 }
    }

    /// The response time of late, ms.
    pub(crate) fn quick_ms(&self) -> Option<f64> {
        self.quick_ms
    }

    /// As it stands, to be shown.
    pub(crate) fn report(&self, name: &str, breaker: (State, u32, u64)) -> ProviderReport {
        let trend = self.quick_ms.zip(self.slow_ms).filter(|(_, slow)| *slow > 0.0).map(|(quick, slow)| quick / slow - 1.0);
        ProviderReport {
            provider: name.to_owned(),
            attempts: self.attempts,
            answers: self.answers,
            last_answer_age_s: self.answered_at.map(|at| at.elapsed().as_secs_f64()),
            errors: self.errors.clone(),
            classes: self.classes,
            success_rate: self.success(),
            response_ms: self.slow_ms,
            response_trend: trend,
            breaker: breaker.0,
            breaker_failures: breaker.1,
            breaker_transitions: breaker.2,
            health_checks: self.health_checks,
            health_failures: self.health_failures,
            healthy: self.healthy,
        }
    }
}

/// What is known of one provider's service (S1-12).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProviderReport {
    /// Name.
    pub provider: String,
    /// Requests that were sent.
    pub attempts: u64,
    /// Of these, answered.
    pub answers: u64,
    /// Seconds since the last of them; none before the first.
    pub last_answer_age_s: Option<f64>,
    /// Errors by kind, calls that were not let through included.
    pub errors: BTreeMap<&'static str, u64>,
    /// The same by class.
    #[serde(skip)]
    pub classes: ErrorCounts,
    /// Share answered of the last hundred that say anything about the provider.
    pub success_rate: f64,
    /// Response time on a long average, ms.
    pub response_ms: Option<f64>,
    /// The response time of late against the long average: 0.5 is half as long again.
    pub response_trend: Option<f64>,
    /// Breaker.
    pub breaker: State,
    /// Failures in a row.
    pub breaker_failures: u32,
    /// Changes of the breaker's state so far.
    pub breaker_transitions: u64,
    /// Health checks and probes that said something.
    pub health_checks: u64,
    /// Of these, failed.
    pub health_failures: u64,
    /// The last of them; none before the first.
    pub healthy: Option<bool>,
}

/// What a provider is ranked by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Share of attempts answered, 0 to 1.
    pub(crate) success: f64,
    /// Response time, ms; none before the first.
    pub(crate) response_ms: Option<f64>,
}

/// Each provider's rank value, 0 to 1: success 0.7, speed 0.3, speed being the quickest one's time over its own. Who was never
/// asked counts as quick and sure, so that it is tried.
pub(crate) fn scores(measured: &[Measured]) -> Vec<f64> {
    let quickest = measured.iter().filter_map(|m| m.response_ms).fold(f64::INFINITY, f64::min).max(f64::MIN_POSITIVE);
    let speed = |m: &Measured| m.response_ms.map_or(1.0, |own| quickest / own.max(quickest));
    measured.iter().map(|m| SUCCESS_WEIGHT * m.success + SPEED_WEIGHT * speed(m)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_outweighs_speed() {
        let of = |success, ms: f64| Measured { success, response_ms: Some(ms) };
        let scored = scores(&[of(1.0, 400.0), of(0.5, 100.0), of(1.0, 100.0)]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(scored[0], 0.7 + 0.3 * 0.25) && near(scored[1], 0.35 + 0.3) && near(scored[2], 1.0), "{scored:?}");
        assert_eq!(scores(&[Measured { success: 1.0, response_ms: None }, of(0.9, 1.0)])[0], 1.0, "never asked");
        assert_eq!(scores(&[of(1.0, 0.0)]), [1.0], "no time at all");
    }

    #[test]
    fn what_says_nothing_of_the_provider_leaves_its_success_alone() {
        let mut stats = Stats::default();
        let ms = Duration::from_millis(100);
        stats.attempted(ms, Some(&ProviderError::RateLimited { retry_after: None }));
        stats.attempted(ms, Some(&ProviderError::NotFound));
        assert_eq!(stats.success(), 1.0);
        stats.attempted(ms, Some(&ProviderError::Unavailable { reason: "503".to_owned() }));
        assert_eq!(stats.success(), 0.5);
        for _ in 0..RECENT {
            stats.attempted(ms, None);
        }
        assert_eq!(stats.success(), 1.0, "an old failure is forgotten");
        let report = stats.report("x", (State::Closed, 0, 0));
        assert_eq!((report.attempts, report.answers), (103, 100));
        assert_eq!(report.errors, [("not_found", 1), ("rate_limited", 1), ("unavailable", 1)].into());
    }

    #[test]
    fn a_provider_that_slows_down_shows_a_trend() {
        let mut stats = Stats::default();
        for ms in [vec![100; 50], vec![300; 10]].concat() {
            stats.attempted(Duration::from_millis(ms), None);
        }
        let trend = stats.report("x", (State::Closed, 0, 0)).response_trend.unwrap();
        assert!(trend > 0.5, "{trend}");
    }
}
