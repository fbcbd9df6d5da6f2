//! What the stream has come to, for health and metrics. Counts what is committed, for the life of the process.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::time::Instant;

use super::super::breaker::State;
use super::super::error::{ProviderError, Verdict};
use super::super::stats::{ProviderReport, Stats};
use super::message::Aside;

/// Connections that failed in a row from which on the stream counts as gone.
const GONE_AFTER: u32 = 5;

/// What lines were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Lines.
    pub lines: u64,
    /// Messages whose observations are published.
    pub observed: u64,
    /// Messages and lines that had been published before.
    pub repeated: u64,
    /// Lines that became dead letters.
    pub unreadable: u64,
    /// Messages that are not ours, by every reason.
    pub aside: BTreeMap<&'static str, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let aside = Aside::ALL.map(|why| (why.name(), 0)).into();
        Self { lines: 0, observed: 0, repeated: 0, unreadable: 0, aside }
    }
}

impl Tally {
    pub(super) fn put_aside(&mut self, why: Aside) {
        *self.aside.entry(why.name()).or_default() += 1;
    }

    fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.observed += other.observed;
        self.repeated += other.repeated;
        self.unreadable += other.unreadable;
        for (why, count) in &other.aside {
            *self.aside.entry(why).or_default() += count;
        }
    }
}

/// What the stream is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Phase {
    /// Another process reads it.
    #[default]
    Standby,
    /// It is about to be connected to, or waits to be.
    Connecting,
    /// It sends.
    Streaming,
    /// Name, password or subscription was refused: nothing is tried again before a restart.
    LockedOut,
}

/// How the stream is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirehoseReport {
    /// Name.
    pub provider: String,
    /// What it is doing.
    pub phase: Phase,
    /// `pitr` of the last message that is committed, epoch seconds.
    pub position: Option<i64>,
    /// Seconds by which that is behind the clock.
    pub behind_s: Option<i64>,
    /// Seconds since the last line.
    pub last_line_age_s: Option<f64>,
    /// Connections that were tried.
    pub connections: u64,
    /// Beginnings at now because the position was too old to be resumed.
    pub gaps: u64,
    /// What lines were.
    #[serde(flatten)]
    pub tally: Tally,
    /// Why the last connection ended.
    pub last_error: Option<String>,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Count {
    stats: Stats,
    tally: Tally,
    phase: Phase,
    position: Option<i64>,
    last_error: Option<String>,
    gaps: u64,
    failures: u32,
    transitions: u64,
}

impl Count {
    pub(super) fn turn(&mut self, phase: Phase) {
        self.change(|count| count.phase = phase);
    }

    /// A connection was tried, and has sent its first line or failed.
    pub(super) fn connected(&mut self, began: Instant, error: Option<&ProviderError>) {
        self.stats.attempted(began.elapsed(), error);
        self.change(|count| match error {
            None => (count.failures, count.phase) = (0, Phase::Streaming),
            Some(error) => count.failed(error),
        });
    }

    /// A connection that had sent something has ended.
    pub(super) fn ended(&mut self, error: &ProviderError) {
        self.stats.failed(error);
        self.change(|count| count.failed(error));
    }

    fn failed(&mut self, error: &ProviderError) {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error.to_string());
        self.phase = if error.verdict() == Verdict::LockedOut { Phase::LockedOut } else { Phase::Connecting };
    }

    /// What was said could not be published: no fault of the provider's.
    pub(super) fn unpublished(&mut self, error: &str) {
        self.last_error = Some(error.to_owned());
        self.change(|count| count.phase = Phase::Connecting);
    }

    pub(super) fn heard(&mut self) {
        self.stats.heard();
    }

    pub(super) fn skipped(&mut self) {
        self.gaps += 1;
    }

    pub(super) fn committed(&mut self, tally: &Tally, position: Option<i64>) {
        self.tally.add(tally);
        self.position = position;
    }

    pub(super) fn checked(&mut self, verdict: Verdict) {
        self.stats.checked(verdict);
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.breaker();
        change(self);
        self.transitions += u64::from(before != self.breaker());
    }

    /// A stream has no breaker; to those who watch, one that locks us out or is gone looks like one that is open.
    fn breaker(&self) -> State {
        let is_gone = self.phase == Phase::LockedOut || self.failures >= GONE_AFTER;
        if is_gone { State::Open } else { State::Closed }
    }

    pub(super) fn as_provider(&self, name: &str) -> ProviderReport {
        self.stats.report(name, (self.breaker(), self.failures, self.transitions))
    }

    pub(super) fn report(&self, name: &str, now_s: i64) -> FirehoseReport {
        let stats = self.as_provider(name);
        FirehoseReport {
            provider: stats.provider,
            phase: self.phase,
            position: self.position,
            behind_s: self.position.map(|position| now_s - position),
            last_line_age_s: stats.last_answer_age_s,
            connections: stats.attempts,
            gaps: self.gaps,
            tally: self.tally.clone(),
            last_error: self.last_error.clone(),
        }
    }
}
