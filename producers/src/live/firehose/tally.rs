//! What the stream has come to, for health and metrics. Counts what is committed, for the life of the process.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::session::{Phase, Session};
use super::message::Aside;

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
    /// What has come of the connections.
    pub(super) session: Session,
    tally: Tally,
    position: Option<i64>,
    gaps: u64,
}

impl Count {
    pub(super) fn skipped(&mut self) {
        self.gaps += 1;
    }

    pub(super) fn committed(&mut self, tally: &Tally, position: Option<i64>) {
        self.tally.add(tally);
        self.position = position;
    }

    pub(super) fn report(&self, name: &str, now_s: i64) -> FirehoseReport {
        let stats = self.session.as_provider(name);
        FirehoseReport {
            provider: stats.provider,
            phase: self.session.phase(),
            position: self.position,
            behind_s: self.position.map(|position| now_s - position),
            last_line_age_s: stats.last_answer_age_s,
            connections: stats.attempts,
            gaps: self.gaps,
            tally: self.tally.clone(),
            last_error: self.session.last_error(),
        }
    }
}
