//! When which legs are synced (S0-16): the leader asks for the legs that depart soon, every quarter of an hour.
//!
//! ```text
//! cron ─► leader? ─► legs of flight.state, the next to depart first ─► not synced lately ─► batch ─► stats
//! ```
//!
//! In the off-peak hours legs of the days ahead are synced too: providers have room then. A run that is not over when the next one is
//! due is not run beside: cron instants that have passed by then are left out. Time comes as a [`Clock`], waiting is tokio's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use slipstream_schemas::ids::Leg;
use slipstream_streams::record::Ts;
use tokio::task::JoinHandle;

use super::super::freshness::{Freshness, Held};
use super::super::provider::{Leads, LegQuery};
use super::coverage::Coverage;
use super::flight::{BATCH_MAX, Syncer};
use super::request::SyncRequest;
use crate::local_time::HOUR;

/// Legs that depart within this are synced at any hour, ms.
pub const PEAK_AHEAD: Ts = 24 * HOUR;
/// Legs that depart within this are synced in the off-peak hours, ms.
pub const OFF_PEAK_AHEAD: Ts = 72 * HOUR;
/// How often what is due in `sync.status` is written when nothing else is.
const FLUSH_EVERY: Duration = Duration::from_secs(60);

/// How the scheduler works: the table `[sources.sync]`, or the contract's variables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSettings {
    /// Whether it runs; unless said so, only where the providers are asked to be compared. FLIGHT_SYNC_ENABLED
    pub enabled: Option<bool>,
    /// When, as a cron pattern in UTC. FLIGHT_SYNC_CRON_INTERVAL
    pub cron: String,
    /// Most legs of one run, 1 to [`BATCH_MAX`]. FLIGHT_SYNC_BATCH_SIZE
    pub batch: usize,
    /// Off-peak hours of the day in UTC, from and until; the same twice: none.
    pub off_peak: [u8; 2],
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self { enabled: None, cron: "*/15 * * * *".to_owned(), batch: 100, off_peak: [0, 5] }
    }
}

/// A setting that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sources.sync.{0}")]
pub struct BadSchedule(String);

/// What the scheduler says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerStatus {
    /// Whether it was started.
    pub is_running: bool,
    /// Whether this process is the one that schedules.
    pub is_leader: bool,
    /// When the next run is due, RFC 3339; none while it is stopped.
    pub next_run: Option<Timestamp>,
    /// Counters.
    pub stats: SchedulerStats,
}

/// Counters since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SchedulerStats {
    /// Runs made as the leader.
    pub total_runs: u64,
    /// Legs synced.
    pub total_flights_synced: u64,
    /// Legs that could not be synced.
    pub total_flights_failed: u64,
    /// When the last run ended, epoch ms.
    pub last_run_at: Option<Ts>,
}

/// Cheap to clone; clones are one scheduler.
#[derive(Clone)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    syncer: Syncer,
    cron: Cron,
    settings: ScheduleSettings,
    freshness: Freshness,
    leads: Leads,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stats: SchedulerStats,
    next_run: Option<Ts>,
    task: Option<JoinHandle<()>>,
}

impl Scheduler {
    /// A scheduler that has not been started.
    ///
    /// # Errors
    /// The pattern is none, the batch is empty or too large, or an hour is not one of the day.
    pub fn new(syncer: Syncer, settings: ScheduleSettings, freshness: Freshness, leads: Leads) -> Result<Self, BadSchedule> {
        let cron: Cron = settings.cron.parse().map_err(|e| BadSchedule(format!("cron: `{}`: {e}", settings.cron)))?;
        if !(1..=BATCH_MAX).contains(&settings.batch) {
            return Err(BadSchedule(format!("batch: {}, must be 1 to {BATCH_MAX}", settings.batch)));
        }
        if let Some(hour) = settings.off_peak.iter().find(|hour| **hour > 24) {
            return Err(BadSchedule(format!("off_peak: {hour} is no hour")));
        }
        Ok(Self(Arc::new(Inner { syncer, cron, settings, freshness, leads, state: Mutex::default() })))
    }

    /// Begins, on the runtime around it; one that runs goes on.
    pub fn start(&self) {
        let mut state = self.lock();
        if state.task.is_none() {
            let scheduler = self.clone();
            state.task = Some(tokio::spawn(async move { scheduler.keep().await }));
        }
    }

    /// Ends; a leg under way is left where it is.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.next_run = None;
        if let Some(task) = state.task.take() {
            task.abort();
        }
    }

    /// What it says of itself.
    #[must_use]
    pub fn status(&self) -> SchedulerStatus {
        let state = self.lock();
        let next_run = state.next_run.and_then(|at| Timestamp::from_millisecond(at).ok());
        SchedulerStatus { is_running: state.task.is_some(), is_leader: (self.0.leads)(), next_run, stats: state.stats }
    }

    /// How well the legs are looked after that it has to sync; none while it is stopped, because then it has none.
    #[must_use]
    pub fn coverage(&self) -> Option<Coverage> {
        let syncer = &self.0.syncer;
        let is_running = self.lock().task.is_some();
        is_running.then(|| Coverage::of(syncer.truth(), syncer.ledger(), syncer.now()))
    }

    /// Syncs what is due now, whoever leads.
    pub async fn run_once(&self) {
        let requests = self.due(self.0.syncer.now());
        let batch = self.0.syncer.batch(requests).await;
        let mut state = self.lock();
        state.stats.total_runs += 1;
        state.stats.total_flights_synced += batch.successful.len() as u64;
        state.stats.total_flights_failed += batch.failed.len() as u64;
        state.stats.last_run_at = Some(self.0.syncer.now());
    }

    async fn keep(&self) {
        loop {
            let now = self.0.syncer.now();
            let Some(next) = self.next(now) else { return };
            self.lock().next_run = Some(next);
            self.wait(next).await;
            if (self.0.leads)() {
                self.run_once().await;
            }
        }
    }

    /// Waits for an instant by the clock, however that is set meanwhile, and writes what is due.
    async fn wait(&self, next: Ts) {
        loop {
            let left = Duration::from_millis(u64::try_from(next - self.0.syncer.now()).unwrap_or(0));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(FLUSH_EVERY)).await;
            if let Err(error) = self.0.syncer.flush().await {
                tracing::warn!(%error, "sync.status");
            }
        }
    }

    fn next(&self, now: Ts) -> Option<Ts> {
        let from = Timestamp::from_millisecond(now).ok()?.to_zoned(TimeZone::UTC);
        let next = self.0.cron.find_next_occurrence(&from, false);
        next.inspect_err(|error| tracing::error!(%error, "no further run")).ok().map(|at| at.timestamp().as_millisecond())
    }

    /// The legs of a run at `now`: the next to depart first, without those that were synced lately.
    fn due(&self, now: Ts) -> Vec<SyncRequest> {
        let ahead = if self.is_off_peak(now) { OFF_PEAK_AHEAD } else { PEAK_AHEAD };
        let open = self.0.syncer.truth().open(now, now + ahead);
        let due = open.into_iter().filter(|(leg, departs)| self.is_due(leg, *departs, now));
        due.filter_map(|(leg, _)| query(&leg)).map(SyncRequest::from).take(self.0.settings.batch).collect()
    }

    fn is_due(&self, leg: &Leg, departs: Ts, now: Ts) -> bool {
        let Some(fetched_at) = self.0.syncer.ledger().last_synced_at(leg) else { return true };
        let ttl = self.0.freshness.ttl(Held { fetched_at, departure: Some(departs), disrupted: false }, now);
        now - fetched_at >= Ts::try_from(ttl.as_millis()).unwrap_or(Ts::MAX)
    }

    fn is_off_peak(&self, now: Ts) -> bool {
        let hour = now.rem_euclid(24 * HOUR) / HOUR;
        let [from, until] = self.0.settings.off_peak.map(Ts::from);
        if from <= until { (from..until).contains(&hour) } else { hour >= from || hour < until }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query(leg: &Leg) -> Option<LegQuery> {
    let number = u16::try_from(leg.number).ok()?;
    Some(LegQuery { carrier: leg.carrier, number, suffix: leg.suffix, date: leg.date, origin: Some(leg.origin) })
}
