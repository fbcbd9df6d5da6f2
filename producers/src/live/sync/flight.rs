//! Syncs one leg, or many: the eleven steps of the contract (S0-02).
//!
//! | step | where |
//! |---|---|
//! | 1 request | [`SyncRequest::query`] |
//! | 2 cache, 3 breaker, 4 all sources at once, 5 normalise, 9 keep | the desk, in one call |
//! | 6 conflicts | [`super::conflict`]; decided by reconcile |
//! | 7 best word | the source of the highest priority, until `flight.state` says more |
//! | 8 persist, 10 emit | one transaction: observations, `sync.status` |
//! | 11 answer | the leg of `flight.state` once it names all who spoke; after [`PATIENCE`] what was observed, marked `pending` |
//!
//! What each source last said of a leg is remembered, so that a kept answer is not published again; at most [`SPOKEN_MAX`] words, the
//! oldest forgotten first. Forgetting one costs a record that reconcile recognises.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{FlightState, FlightStatus, SyncStatus};
use slipstream_streams::record::{Record, Ts};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::desk::{Desk, Served};
use super::super::error::ProviderError;
use super::super::profile::Plan;
use super::super::provider::{Clock, LegQuery};
use super::super::status::FlightStatusData;
use super::ledger::Ledger;
use super::observe::{Operator, observe};
use super::request::{BatchResult, FailedSync, SyncRequest, SyncResult, SyncedFlight};
use super::truth::Truth;
use super::{Publisher, Unpublished, conflict};

/// How long an answer waits for reconcile.
pub const PATIENCE: Duration = Duration::from_millis(400);
/// Legs of a batch synced at once.
pub const AT_ONCE: usize = 10;
/// Most flights of one batch.
pub const BATCH_MAX: usize = 1_000;
/// Words remembered.
pub const SPOKEN_MAX: usize = 200_000;
/// Records of other legs that are written along with a leg's.
const DUE_MAX: usize = 200;

/// Cheap to clone; clones are one.
#[derive(Clone)]
pub struct Syncer(Arc<Inner>);

struct Inner {
    desk: Desk,
    publisher: Arc<dyn Publisher>,
    truth: Arc<Truth>,
    ledger: Arc<Ledger>,
    clock: Clock,
    spoken: Mutex<BTreeMap<(LegQuery, String), Spoken>>,
}

/// What a source last said of a leg.
#[derive(Debug, Clone)]
struct Spoken {
    at: Ts,
    ids: BTreeSet<Uuid>,
    status: FlightStatus,
}

/// What the providers said, apart by whether it can be used.
#[derive(Default)]
struct Heard {
    /// In order of priority.
    answers: Vec<Served>,
    failures: Vec<(String, ProviderError)>,
}

/// What is to be published of the answers.
struct Draft {
    /// The leg under its operating number.
    flown: LegQuery,
    records: Vec<Record>,
    sources: Vec<String>,
    spoken: Vec<((LegQuery, String), Spoken)>,
}

impl Syncer {
    /// Asks by `desk`, publishes by `publisher`, answers from `truth`, and notes the calls in `ledger`.
    #[must_use]
    pub fn new(desk: Desk, publisher: Arc<dyn Publisher>, truth: Arc<Truth>, ledger: Arc<Ledger>, clock: Clock) -> Self {
        desk.fleet().by_priority().iter().for_each(|line| line.provider.acquaint(&truth));
        Self(Arc::new(Inner { desk, publisher, truth, ledger, clock, spoken: Mutex::default() }))
    }

    /// What is reconciled.
    #[must_use]
    pub fn truth(&self) -> &Arc<Truth> {
        &self.0.truth
    }

    /// What became of the calls.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    /// Wall time, epoch ms.
    #[must_use]
    pub fn now(&self) -> Ts {
        (self.0.clock)()
    }

    /// Syncs one flight. Never fails otherwise than by saying so in the result.
    pub async fn sync(&self, request: &SyncRequest) -> SyncResult {
        let query = match request.query() {
            Ok(query) => query,
            Err(error) => return SyncResult::failed(error),
        };
        let sources: Vec<String> = self.0.desk.fleet().by_priority().iter().map(|line| line.guard.card().name.clone()).collect();
        tracing::info!(flightNumber = %query.designator(), ?sources, "sync_started");
        let mut heard = self.ask(query).await;
        let elsewhere = |served: &Served| {
            let arrival = served.data.arrival.airport;
            request.arrival_airport.is_some_and(|wanted| arrival.is_some_and(|arrival| arrival != wanted))
        };
        heard.answers.retain(|served| !elsewhere(served));
        self.concluded(query, &heard).await
    }

    /// What is kept of a flight's legs is past its time from now on: one of them is known to have changed.
    pub async fn outdate(&self, flight: LegQuery) {
        for query in self.legs(flight).into_iter().chain([flight]) {
            self.0.desk.outdate(query).await;
        }
    }

    /// Syncs the legs of a flight that are known, one after the other, by what `provider` says of each now, whatever is kept. Of a flight
    /// that is not known it is asked as the flight was named.
    pub async fn anew(&self, flight: LegQuery, provider: &str) -> Vec<SyncResult> {
        let known = self.legs(flight);
        let asked = if known.is_empty() { vec![flight] } else { known };
        let mut results = Vec::new();
        for query in asked {
            tracing::info!(flightNumber = %query.designator(), sources = ?[provider], "sync_started");
            let mut heard = Heard::default();
            match self.0.desk.anew(query, provider).await {
                Ok(served) => heard.answers.push(served),
                Err(error) => heard.failures.push((provider.to_owned(), error)),
            }
            results.push(self.concluded(query, &heard).await);
        }
        results
    }

    /// Syncs many, [`AT_ONCE`] at once, at most [`BATCH_MAX`]; those beyond it fail.
    pub async fn batch(&self, requests: Vec<SyncRequest>) -> BatchResult {
        let mut results: Vec<(usize, SyncRequest, SyncResult)> = Vec::new();
        let mut running = JoinSet::new();
        for (place, request) in requests.into_iter().enumerate() {
            if place >= BATCH_MAX {
                let refused = SyncResult::failed(format_args!("a batch has at most {BATCH_MAX} flights"));
                results.push((place, request, refused));
                continue;
            }
            while running.len() >= AT_ONCE {
                results.extend(running.join_next().await.and_then(Result::ok));
            }
            let syncer = self.clone();
            running.spawn(async move {
                let result = syncer.sync(&request).await;
                (place, request, result)
            });
        }
        results.extend(running.join_all().await);
        results.sort_by_key(|(place, ..)| *place);
        let mut batch = BatchResult::default();
        for (_, flight, result) in results {
            match result.error.clone() {
                Some(error) if !result.success => batch.failed.push(FailedSync { flight, error }),
                _ => batch.successful.push(result),
            }
        }
        batch
    }

    /// Writes what is due in `sync.status`.
    ///
    /// # Errors
    /// It is not published; it is due again.
    pub async fn flush(&self) -> Result<(), Unpublished> {
        let due = self.0.ledger.due(self.now(), DUE_MAX);
        if due.is_empty() { Ok(()) } else { self.publish(due).await }
    }

    /// The legs of a flight that are known, each named by its origin.
    fn legs(&self, flight: LegQuery) -> Vec<LegQuery> {
        let known = self.0.truth.flight(&flight).into_iter().filter(|event| event.leg.date == flight.date);
        let mut legs: Vec<LegQuery> = known.map(|event| LegQuery { origin: Some(event.leg.origin), ..flight }).collect();
        legs.dedup();
        legs
    }

    /// Publishes what was heard of a leg, if anything of it is fresh.
    async fn concluded(&self, query: LegQuery, heard: &Heard) -> SyncResult {
        let before = self.0.truth.find(&query);
        if heard.answers.iter().all(|served| served.stale) {
            return self.failed(query, heard, before).await;
        }
        self.published(query, heard, before).await
    }

    /// Everybody's word where the plan is to compare them, else one good one.
    async fn ask(&self, query: LegQuery) -> Heard {
        let mut heard = Heard::default();
        if self.0.desk.fleet().profile().plan == Plan::All {
            for (provider, word) in self.0.desk.said(query).await {
                match word {
                    Ok(served) => heard.answers.push(served),
                    Err(error) => heard.failures.push((provider, error)),
                }
            }
            return heard;
        }
        match self.0.desk.status(query).await {
            Ok(served) => heard.answers.push(served),
            Err(nobody) => heard.failures.extend(nobody.0.into_iter().map(|failed| (failed.provider, failed.error))),
        }
        heard
    }

    async fn published(&self, query: LegQuery, heard: &Heard, before: Option<FlightState>) -> SyncResult {
        let fresh: Vec<&Served> = heard.answers.iter().filter(|served| !served.stale).collect();
        let words: Vec<&FlightStatusData> = fresh.iter().map(|served| &*served.data).collect();
        let conflicting = conflict::fields(&words, self.now());
        if !conflicting.is_empty() {
            tracing::warn!(flight = %query, conflictingFields = ?conflicting, "conflict_detected");
        }
        let draft = self.draft(query, &fresh, before.as_ref());
        let from_cache = fresh.iter().all(|served| served.from_cache);
        if draft.sources.is_empty() {
            return self.failed(query, heard, before).await;
        }
        let is_news = !draft.records.is_empty();
        if !from_cache && let Some(leg) = leg(before.as_ref()) {
            self.0.ledger.note(leg, self.now(), Ok(()));
        }
        let records: Vec<Record> = draft.records.into_iter().chain(self.0.ledger.due(self.now(), DUE_MAX)).collect();
        if let Err(error) = self.publish(records).await {
            return self.unpublished(query, &error, before);
        }
        self.remember(draft.spoken);
        let wait = if is_news { PATIENCE } else { Duration::ZERO };
        let state = self.reconciled(draft.flown, &draft.sources, before.as_ref(), wait).await;
        if before.is_none()
            && !from_cache
            && let Some(leg) = leg(state.as_ref())
        {
            self.0.ledger.note(leg, self.now(), Ok(()));
        }
        answer(state, &words, draft.sources, from_cache)
    }

    /// The records of the answers that have not been published yet.
    fn draft(&self, query: LegQuery, fresh: &[&Served], before: Option<&FlightState>) -> Draft {
        let words: Vec<&FlightStatusData> = fresh.iter().map(|served| &*served.data).collect();
        let operator = Operator::of(&words, leg(before));
        let spoken = self.lock();
        let flown = operator.query(query);
        let mut draft = Draft { flown, records: Vec::new(), sources: Vec::new(), spoken: Vec::new() };
        for served in fresh {
            let place = (query, served.data.source.clone());
            let last = spoken.get(&place);
            let ended = last.map(|last| last.status).filter(|status| ends(*status) && !ends(served.data.status));
            let observed = match observe(&query, &served.data, served.fetched_at, &operator, ended) {
                Ok(observed) => observed,
                Err(error) => {
                    tracing::warn!(flight = %query, source = %served.data.source, %error, "cannot be published");
                    continue;
                }
            };
            if observed.records.is_empty() {
                continue;
            }
            let ids = observed.records.iter().map(|record| record.event.id).collect();
            let is_news = |record: &Record| last.is_none_or(|last| !last.ids.contains(&record.event.id));
            draft.records.extend(observed.records.into_iter().filter(is_news));
            draft.sources.push(observed.source);
            draft.spoken.push((place, Spoken { at: served.fetched_at, ids, status: served.data.status }));
        }
        draft
    }

    async fn publish(&self, records: Vec<Record>) -> Result<(), Unpublished> {
        if records.is_empty() {
            return Ok(());
        }
        let written: Vec<Record> = records.iter().filter(|record| is_of_ledger(record)).cloned().collect();
        let outcome = self.0.publisher.publish(records).await;
        if outcome.is_err() {
            self.0.ledger.unpublished(&written);
        }
        outcome
    }

    /// The leg once it names everybody who spoke, and has changed where that is to be expected.
    async fn reconciled(
        &self,
        query: LegQuery,
        sources: &[String],
        before: Option<&FlightState>,
        wait: Duration,
    ) -> Option<FlightState> {
        let names_all = |state: &FlightState| sources.iter().all(|source| state.sources.contains(source));
        let revision = before.map(|state| state.last_synced_at);
        if wait.is_zero() {
            return self.0.truth.find(&query).filter(names_all);
        }
        let is_newer = |state: &FlightState| revision.is_none_or(|before| state.last_synced_at > before);
        let newer = self.0.truth.until(&query, |state| names_all(state) && is_newer(state), wait).await;
        // A word that only confirms what is known makes no new state.
        newer.or_else(|| self.0.truth.find(&query).filter(names_all).filter(|_| before.is_some_and(names_all)))
    }

    /// Nobody has answered: what is kept is given, marked by the failure.
    async fn failed(&self, query: LegQuery, heard: &Heard, before: Option<FlightState>) -> SyncResult {
        let said: Vec<String> = heard.failures.iter().map(|(provider, error)| format!("{provider}: {error}")).collect();
        let error = if said.is_empty() { "no provider has a fresh answer".to_owned() } else { said.join("; ") };
        let tried_again = heard.failures.iter().any(|(_, error)| error.is_retried());
        let retries = if tried_again { 0 } else { self.0.desk.fleet().profile().retries };
        tracing::warn!(flight = %query, %error, retriesRemaining = retries, "sync_failed");
        if let Some(leg) = leg(before.as_ref()) {
            self.0.ledger.note(leg, self.now(), Err(error.clone()));
            if let Err(error) = self.flush().await {
                tracing::warn!(flight = %query, %error, "sync.status");
            }
        }
        kept(heard, before, error)
    }

    fn unpublished(&self, query: LegQuery, error: &Unpublished, before: Option<FlightState>) -> SyncResult {
        let retries = 0; // the same answers are published with the next sync
        tracing::warn!(flight = %query, %error, retriesRemaining = retries, "sync_failed");
        if let Some(leg) = leg(before.as_ref()) {
            self.0.ledger.note(leg, self.now(), Err(error.to_string()));
        }
        kept(&Heard::default(), before, error.to_string())
    }

    fn remember(&self, words: Vec<((LegQuery, String), Spoken)>) {
        let mut spoken = self.lock();
        spoken.extend(words);
        while spoken.len() > SPOKEN_MAX {
            let mut ages: Vec<Ts> = spoken.values().map(|word| word.at).collect();
            let (_, middle, _) = ages.select_nth_unstable(SPOKEN_MAX / 2);
            let middle = *middle;
            spoken.retain(|_, word| word.at > middle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(LegQuery, String), Spoken>> {
        self.0.spoken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of_ledger(record: &Record) -> bool {
    record.topic == slipstream_schemas::topics::SYNC_STATUS
}

fn ends(status: FlightStatus) -> bool {
    matches!(status, FlightStatus::Cancelled | FlightStatus::Diverted)
}

fn leg(state: Option<&FlightState>) -> Option<Leg> {
    state.map(|state| state.last.leg)
}

fn answer(state: Option<FlightState>, words: &[&FlightStatusData], sources: Vec<String>, from_cache: bool) -> SyncResult {
    let pending = state.is_none();
    let (flight, sync_status) = match &state {
        Some(state) => (Some(SyncedFlight::reconciled(state)), state.sync_status),
        None => (words.first().map(|word| SyncedFlight::observed(word, sources)), SyncStatus::Unverified),
    };
    SyncResult { success: true, flight, from_cache, sync_status, pending, error: None }
}

fn kept(heard: &Heard, before: Option<FlightState>, error: String) -> SyncResult {
    let observed = |served: &Served| SyncedFlight::observed(&served.data, vec![served.data.source.clone()]);
    let flight = before.as_ref().map(SyncedFlight::reconciled).or_else(|| heard.answers.first().map(observed));
    let (from_cache, pending) = (flight.is_some(), before.is_none() && flight.is_some());
    // What nobody has confirmed now is stale.
    SyncResult { success: false, flight, from_cache, sync_status: SyncStatus::Unverified, pending, error: Some(error) }
}
