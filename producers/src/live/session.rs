//! How the connection is of somebody who sends by himself: its phase, and what it looks like beside those who are asked.
//!
//! Counts for the life of the process. Connections are its calls, and a breaker it has none: where others have an open one, it locks us out
//! or [`GONE_AFTER`] connections in a row have failed.

use serde::Serialize;
use tokio::time::Instant;

use super::breaker::State;
use super::error::{ProviderError, Verdict};
use super::stats::{ProviderReport, Stats};

/// Connections that failed in a row from which on it counts as gone.
const GONE_AFTER: u32 = 5;

/// What it is doing.
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
    /// Login or subscription was refused: nothing is tried again before a restart.
    LockedOut,
}

/// What has come of its connections.
#[derive(Debug, Default)]
pub(super) struct Session {
    stats: Stats,
    phase: Phase,
    last_error: Option<String>,
    failures: u32,
    transitions: u64,
}

impl Session {
    pub(super) fn turn(&mut self, phase: Phase) {
        self.change(|session| session.phase = phase);
    }

    /// A connection was tried, and has come about or failed.
    pub(super) fn connected(&mut self, began: Instant, error: Option<&ProviderError>) {
        self.stats.attempted(began.elapsed(), error);
        self.change(|session| match error {
            None => (session.failures, session.phase) = (0, Phase::Streaming),
            Some(error) => session.failed(error),
        });
    }

    /// A connection that had come about has ended.
    pub(super) fn ended(&mut self, error: &ProviderError) {
        self.stats.failed(error);
        self.change(|session| session.failed(error));
    }

    /// What was said could not be published: no fault of the provider's.
    pub(super) fn unpublished(&mut self, error: &str) {
        self.last_error = Some(error.to_owned());
        self.turn(Phase::Connecting);
    }

    pub(super) fn heard(&mut self) {
        self.stats.heard();
    }

    pub(super) fn checked(&mut self, verdict: Verdict) {
        self.stats.checked(verdict);
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.clone()
    }

    pub(super) fn as_provider(&self, name: &str) -> ProviderReport {
        self.stats.report(name, (self.breaker(), self.failures, self.transitions))
    }

    fn failed(&mut self, error: &ProviderError) {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error.to_string());
        self.phase = if error.verdict() == Verdict::LockedOut { Phase::LockedOut } else { Phase::Connecting };
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.breaker();
        change(self);
        self.transitions += u64::from(before != self.breaker());
    }

    fn breaker(&self) -> State {
        let is_gone = self.phase == Phase::LockedOut || self.failures >= GONE_AFTER;
        if is_gone { State::Open } else { State::Closed }
    }
}
