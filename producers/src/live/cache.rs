//! What providers said, kept for a while. The one place that names the crate `moka`.
//!
//! Key: `LH400:2026-02-25:flightaware`, with the origin after the date where a leg is named. Kept: the newest answer for each
//! key, at most [`ANSWERS_MAX`], for a day at most. Whether it is still fresh: [`super::freshness`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use moka::future::Cache as Moka;
use serde::Serialize;
use slipstream_streams::record::Ts;

use super::boards::{self, Departures};
use super::freshness::{Age, Freshness, Held, KEPT_FOR};
use super::provider::LegQuery;
use super::status::FlightStatusData;

/// Answers kept; beyond it the least used ones go.
const ANSWERS_MAX: u64 = 100_000;

/// An answer and its age.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) data: Arc<FlightStatusData>,
    pub(crate) fetched_at: Ts,
    pub(crate) age: Age,
}

#[derive(Debug, Clone)]
struct Entry {
    data: Arc<FlightStatusData>,
    held: Held,
    /// The leg is known to have changed since.
    outdated: bool,
    /// No board had the leg when one should have.
    alone: bool,
}

/// Counters of a cache (S0-15).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheReport {
    /// Lookups that found a fresh answer.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Lookups that found one past its time.
    pub stale: u64,
    /// Hits of all lookups, 0 to 1; none before the first.
    pub hit_rate: Option<f64>,
    /// Mean time of a lookup, microseconds.
    pub lookup_mean_us: Option<f64>,
    /// Answers kept.
    pub total_entries: u64,
}

/// Answers by key.
pub(crate) struct Cache {
    entries: Moka<String, Entry>,
    freshness: Freshness,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    lookup_ns: AtomicU64,
}

impl Cache {
    pub(crate) fn new(freshness: Freshness) -> Self {
        let entries = Moka::builder().max_capacity(ANSWERS_MAX).time_to_live(KEPT_FOR).build();
        let [hits, misses, stale, lookup_ns] = [0; 4].map(AtomicU64::new);
        Self { entries, freshness, hits, misses, stale, lookup_ns }
    }

    /// What `source` last said of the leg, and how old that is at `now`.
    pub(crate) async fn get(&self, query: LegQuery, source: &str, now: Ts) -> Option<Found> {
        let begun = lookup_begun();
        let entry = self.entries.get(&key(query, source)).await;
        self.lookup_ns.fetch_add(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let Some(entry) = entry else {
            self.misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let age = if entry.outdated { Age::Stale } else { self.freshness.age(entry.held, now) };
        let counter = if age == Age::Fresh { &self.hits } else { &self.stale };
        counter.fetch_add(1, Ordering::Relaxed);
        Some(Found { data: entry.data, fetched_at: entry.held.fetched_at, age })
    }

    /// Keeps an answer fetched at `now`.
    pub(crate) async fn put(&self, query: LegQuery, data: &Arc<FlightStatusData>, now: Ts) {
        let key = key(query, &data.source);
        let alone = self.entries.get(&key).await.is_some_and(|kept| kept.alone);
        self.insert(key, data, now, alone).await;
    }

    /// Keeps what a board said of one of its legs: under the designator that leads, and wherever the same leg was asked for otherwise.
    pub(crate) async fn put_told(&self, data: &Arc<FlightStatusData>, now: Ts) {
        for (place, told) in boards::questions(data).into_iter().enumerate() {
            for query in [told, LegQuery { origin: None, ..told }] {
                let key = key(query, &data.source);
                let leads = place == 0 && query == told;
                let of_leg = |kept: &Entry| kept.data.departure.airport == data.departure.airport;
                if leads || self.entries.get(&key).await.as_ref().is_some_and(of_leg) {
                    self.insert(key, data, now, false).await;
                }
            }
        }
    }

    /// The board that should have the leg, by what `source` last said of it; none where none has, or none had when it should have.
    pub(crate) async fn board(&self, query: LegQuery, source: &str, now: Ts) -> Option<Departures> {
        let kept = self.entries.get(&key(query, source)).await.filter(|kept| !kept.alone)?;
        Departures::with(&kept.data, now)
    }

    /// The leg was not on the board that should have it.
    pub(crate) async fn keep_off_boards(&self, query: LegQuery, source: &str) {
        self.mend(query, source, |entry| Entry { alone: true, ..entry }).await;
    }

    async fn insert(&self, key: String, data: &Arc<FlightStatusData>, now: Ts, alone: bool) {
        let held = Held { fetched_at: now, departure: data.departure.expected(), disrupted: data.is_disrupted() };
        self.entries.insert(key, Entry { data: Arc::clone(data), held, outdated: false, alone }).await;
    }

    /// What `source` last said of the leg is past its time, however young it is.
    pub(crate) async fn outdate(&self, query: LegQuery, source: &str) {
        self.mend(query, source, |entry| Entry { outdated: true, ..entry }).await;
    }

    async fn mend(&self, query: LegQuery, source: &str, mended: impl FnOnce(Entry) -> Entry) {
        let key = key(query, source);
        if let Some(entry) = self.entries.get(&key).await {
            self.entries.insert(key, mended(entry)).await;
        }
    }

    pub(crate) async fn report(&self) -> CacheReport {
        self.entries.run_pending_tasks().await;
        let [hits, misses, stale, ns] =
            [&self.hits, &self.misses, &self.stale, &self.lookup_ns].map(|counter| counter.load(Ordering::Relaxed));
        let lookups = hits + misses + stale;
        let per_lookup = |sum: f64| (lookups > 0).then(|| sum / lookups as f64);
        CacheReport {
            hits,
            misses,
            stale,
            hit_rate: per_lookup(hits as f64),
            lookup_mean_us: per_lookup(ns as f64 / 1000.0),
            total_entries: self.entries.entry_count(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the time a lookup takes is measured on the machine's clock")]
fn lookup_begun() -> Instant {
    Instant::now()
}

fn key(query: LegQuery, source: &str) -> String {
    let leg = query.origin.map_or_else(String::new, |origin| format!(":{origin}"));
    format!("{}:{}{leg}:{source}", query.designator(), query.date)
}

#[cfg(test)]
mod tests {
    use super::*;

    // contract: S0-14
    #[test]
    fn the_key_is_flight_date_and_source() {
        let leg: LegQuery = "LH1/2026-02-25".parse().unwrap();
        assert_eq!(key(leg, "AMADEUS"), "LH1:2026-02-25:AMADEUS");
        assert_eq!(key(LegQuery { origin: "FRA".parse().ok(), ..leg }, "AMADEUS"), "LH1:2026-02-25:FRA:AMADEUS");
    }
}
