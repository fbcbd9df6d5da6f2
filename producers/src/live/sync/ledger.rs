//! What became of the calls: when each leg's providers were asked, how often, and why they did not answer (S0-12).
//!
//! Goes to the compacted topic `sync.status`, at most one record a leg in [`WRITE_EVERY`]; what was not written then is written with
//! the next leg's records, or by [`Ledger::due`]. Keeps a leg for [`KEEP`] after its last call, at most [`LEGS_MAX`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::LegSync;
use slipstream_schemas::topics;
use slipstream_streams::record::{Record, Ts};

use crate::feed;
use crate::local_time::{DAY, MINUTE};

/// A leg has at most one record in this time, ms.
pub const WRITE_EVERY: Ts = MINUTE;
/// Legs are kept for so long after their last call, ms.
pub const KEEP: Ts = 3 * DAY;
/// Legs kept; beyond it the one that was asked for longest ago goes.
pub const LEGS_MAX: usize = 100_000;
/// Longest reason that is published, characters.
const ERROR_MAX: usize = 300;
/// Who writes the topic.
const SOURCE: &str = "/producers/sync";

/// What became of the calls for each leg.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    lines: BTreeMap<Leg, Line>,
    /// Legs whose line is not written as it stands.
    unwritten: BTreeSet<Leg>,
    last: Option<Ts>,
    total: u64,
}

#[derive(Debug, Clone)]
struct Line {
    sync: LegSync,
    /// When it was last written, epoch ms; none: never.
    written_at: Option<Ts>,
}

/// Getters of the last sync (S0-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastSync {
    /// When a leg was last synced, epoch ms.
    pub last_synced_at: Option<Ts>,
    /// Legs synced since the process began.
    pub total_syncs: u64,
}

impl Ledger {
    /// Takes in a record of `sync.status`, as read after a start; what this process knows itself is newer.
    pub fn hear(&self, sync: LegSync) {
        let mut book = self.lock();
        let written_at = Some(sync.attempted_at);
        let known = book.lines.get(&sync.leg).is_some_and(|line| line.sync.attempted_at >= sync.attempted_at);
        if !known && book.lines.len() < LEGS_MAX {
            book.lines.insert(sync.leg, Line { sync, written_at });
        }
    }

    /// When the leg was last synced, epoch ms.
    #[must_use]
    pub fn last_synced_at(&self, leg: &Leg) -> Option<Ts> {
        self.lock().lines.get(leg)?.sync.last_synced_at
    }

    /// When any leg was last synced, and how many.
    #[must_use]
    pub fn last_sync(&self) -> LastSync {
        let book = self.lock();
        LastSync { last_synced_at: book.last, total_syncs: book.total }
    }

    /// Notes a call for a leg.
    pub fn note(&self, leg: Leg, now: Ts, outcome: Result<(), String>) {
        let mut book = self.lock();
        if outcome.is_ok() {
            (book.last, book.total) = (Some(now), book.total + 1);
        }
        book.make_room(leg, now);
        book.unwritten.insert(leg);
        let fresh = || {
            let sync = LegSync { leg, attempted_at: now, last_synced_at: None, sync_attempts: 0, last_sync_error: None };
            Line { sync, written_at: None }
        };
        let line = book.lines.entry(leg).or_insert_with(fresh);
        line.sync.attempted_at = now;
        line.sync.sync_attempts = line.sync.sync_attempts.saturating_add(1);
        line.sync.last_synced_at = if outcome.is_ok() { Some(now) } else { line.sync.last_synced_at };
        line.sync.last_sync_error = outcome.err().map(|error| error.chars().take(ERROR_MAX).collect());
    }

    /// The records to be written at `now`, at most `max`; they count as written.
    #[must_use]
    pub fn due(&self, now: Ts, max: usize) -> Vec<Record> {
        let Book { lines, unwritten, .. } = &mut *self.lock();
        let is_due = |leg: &&Leg| lines.get(leg).and_then(|line| line.written_at).is_none_or(|at| now - at >= WRITE_EVERY);
        let due: Vec<Leg> = unwritten.iter().filter(is_due).take(max).copied().collect();
        let write = |leg: &Leg| {
            unwritten.remove(leg);
            let line = lines.get_mut(leg)?;
            line.written_at = Some(now);
            Some(record(&line.sync, now))
        };
        due.iter().filter_map(write).collect()
    }

    /// These records were not published after all.
    pub fn unpublished(&self, records: &[Record]) {
        let mut book = self.lock();
        for leg in
            records.iter().filter(|record| record.topic == topics::SYNC_STATUS).filter_map(|record| record.key.parse().ok())
        {
            if book.lines.contains_key(&leg) {
                book.unwritten.insert(leg);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn make_room(&mut self, leg: Leg, now: Ts) {
        if self.lines.len() < LEGS_MAX || self.lines.contains_key(&leg) {
            return;
        }
        self.lines.retain(|_, line| line.sync.attempted_at > now - KEEP);
        let oldest = self.lines.iter().min_by_key(|(_, line)| line.sync.attempted_at).map(|(leg, _)| *leg);
        if let Some(oldest) = oldest.filter(|_| self.lines.len() >= LEGS_MAX) {
            self.lines.remove(&oldest);
        }
        self.unwritten.retain(|leg| self.lines.contains_key(leg));
    }
}

fn record(sync: &LegSync, now: Ts) -> Record {
    feed::record(&SOURCE.into(), topics::SYNC_STATUS, &sync.leg.to_string(), sync, now)
}
