//! The desk: asks for legs, and answers whatever happens.
//!
//!     question ─► cache ──fresh──────────────────────────────────────────► answer
//!                   │ └─within the grace─► answer, marked; fetched anew behind it
//!                   └─► the same question under way? wait for it
//!                   └─► fleet: providers by priority, hedged ─► cache ───► answer
//!                          │ each: the board of the leg's airport, where it offers one; else the leg
//!                          └─ nobody answers ─► the newest kept answer, marked stale, or why there is none
//!
//! Keeps the answers of [`super::cache`]. An answer past its time is never given unmarked.

use std::sync::Arc;

use serde::Serialize;
use slipstream_streams::record::Ts;
use tokio::task::JoinSet;

use super::boards::{self, Departures};
use super::cache::{Cache, CacheReport, Found};
use super::error::ProviderError;
use super::fleet::{Failed, Fleet, Line};
use super::freshness::{Age, Freshness};
use super::guard::Budget;
use super::provider::{Clock, FlightDataProvider, LegQuery};
use super::single_flight::SingleFlight;
use super::stats::ProviderReport;
use super::status::{Disruption, FlightStatusData};

/// Legs asked for at once where a provider has no call for several (S1-05).
pub const SINGLES_AT_ONCE: usize = 10;

/// Providers of flight data.
pub type Flights = dyn FlightDataProvider;

/// An answer, and how it came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Served {
    /// The answer.
    pub data: Arc<FlightStatusData>,
    /// It was kept, not fetched for this question.
    pub from_cache: bool,
    /// It is past its time: nobody answered, or a new one is being fetched.
    pub stale: bool,
    /// When it was fetched, epoch ms.
    pub fetched_at: Ts,
    /// The leg is disrupted.
    pub is_disrupted: bool,
    /// How, if it is.
    pub disruption_type: Option<Disruption>,
}

impl Served {
    fn new(data: Arc<FlightStatusData>, fetched_at: Ts, from_cache: bool, stale: bool) -> Self {
        let disruption_type = data.disruption();
        Self { data, from_cache, stale, fetched_at, is_disrupted: disruption_type.is_some(), disruption_type }
    }
}

/// Nobody answered, and nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub Vec<Failed>);

impl Unanswered {
    /// Somebody was reached, and nobody who was knows the leg.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|failed| failed.error == ProviderError::NotFound)
    }
}

impl std::error::Error for Unanswered {}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")?;
        self.0.iter().try_for_each(|Failed { provider, error }| write!(f, "; {provider}: {error}"))
    }
}

/// What each provider says of one leg.
pub type Said = Vec<(String, Result<Served, ProviderError>)>;

/// What a board said, of each of its legs, and when it was fetched.
type Told = (Arc<[Arc<FlightStatusData>]>, Ts);

/// Everything measured, of the desk and of its providers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeskReport {
    /// Providers, the highest priority first.
    pub providers: Vec<ProviderReport>,
    /// The cache.
    pub cache: CacheReport,
}

/// Cheap to clone; clones are one desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    fleet: Fleet<Flights>,
    cache: Cache,
    legs: SingleFlight<Result<Served, Unanswered>>,
    calls: SingleFlight<Result<Served, ProviderError>>,
    boards: SingleFlight<Result<Told, ProviderError>>,
    clock: Clock,
}

impl Desk {
    /// A desk that asks `fleet`.
    #[must_use]
    pub fn new(fleet: Fleet<Flights>, freshness: Freshness, clock: Clock) -> Self {
        let cache = Cache::new(freshness);
        let (legs, calls, boards) = (SingleFlight::default(), SingleFlight::default(), SingleFlight::default());
        Self(Arc::new(Inner { fleet, cache, legs, calls, boards, clock }))
    }

    /// Whom it asks: may be changed while it works.
    #[must_use]
    pub fn fleet(&self) -> &Fleet<Flights> {
        &self.0.fleet
    }

    /// One leg: one good answer.
    ///
    /// # Errors
    /// Nobody answered within the profile's deadline, and nothing was kept.
    pub async fn status(&self, query: LegQuery) -> Result<Served, Unanswered> {
        self.ask(query, self.fleet().by_priority()).await
    }

    /// One leg: what every provider says of it, for who compares them. Everybody's answer is as old as its own mark says.
    pub async fn said(&self, query: LegQuery) -> Said {
        let budget = Budget::of(self.fleet().profile().deadline);
        let desk = self.clone();
        let ask = move |line: Arc<Line<Flights>>, budget| {
            let desk = desk.clone();
            async move { desk.of_one(query, line, budget).await }
        };
        self.fleet().all(&budget, ask).await
    }

    /// What is kept of the leg, by whomever, is past its time from now on: it is known to have changed.
    pub async fn outdate(&self, query: LegQuery) {
        for line in self.fleet().by_priority() {
            self.0.cache.outdate(query, &line.guard.card().name).await;
        }
    }

    /// One leg as one provider says it now: neither what is kept counts, nor an answer that is on its way already.
    ///
    /// # Errors
    /// It does not answer within the profile's deadline, or nobody is asked under that name.
    pub async fn anew(&self, query: LegQuery, provider: &str) -> Result<Served, ProviderError> {
        let mut lines = self.fleet().by_priority().into_iter();
        let line = lines.find(|line| line.guard.card().name == provider).ok_or(ProviderError::NotOffered)?;
        self.call(query, line, Budget::of(self.fleet().profile().deadline)).await
    }

    /// Many legs, in the order of the questions. Batch calls go to the provider with the best measured success and speed; what
    /// they leave open is asked for leg by leg, [`SINGLES_AT_ONCE`] at once.
    pub async fn batch(&self, queries: &[LegQuery]) -> Vec<(LegQuery, Result<Served, Unanswered>)> {
        let lines = self.fleet().by_score();
        for line in lines.iter().filter(|line| line.guard.card().batch_max > 1) {
            self.in_batches(queries, line).await;
        }
        let mut answers: Vec<Option<Result<Served, Unanswered>>> = vec![None; queries.len()];
        let mut singles = JoinSet::new();
        for (place, query) in queries.iter().copied().enumerate() {
            while singles.len() >= SINGLES_AT_ONCE {
                keep(&mut answers, singles.join_next().await);
            }
            let (desk, lines) = (self.clone(), lines.clone());
            singles.spawn(async move { (place, desk.ask(query, lines).await) });
        }
        while let ended @ Some(_) = singles.join_next().await {
            keep(&mut answers, ended);
        }
        let answer = |answer: Option<_>| answer.unwrap_or(Err(Unanswered(Vec::new())));
        queries.iter().copied().zip(answers.into_iter().map(answer)).collect()
    }

    /// Everything measured.
    pub async fn report(&self) -> DeskReport {
        DeskReport { providers: self.fleet().report(), cache: self.0.cache.report().await }
    }

    async fn ask(&self, query: LegQuery, lines: Vec<Arc<Line<Flights>>>) -> Result<Served, Unanswered> {
        let kept = match self.kept(query, &lines).await {
            Some(found) if found.age == Age::Fresh => return Ok(served(found)),
            Some(found) if found.age == Age::Revalidate => {
                let desk = self.clone();
                tokio::spawn(async move { desk.fetched(query, lines).await });
                return Ok(served(found));
            }
            kept => kept,
        };
        match (self.fetched(query, lines).await, kept) {
            (Err(_), Some(kept)) => {
                tracing::warn!(leg = %query, source = %kept.data.source, "stale answer: nobody answers");
                Ok(served(kept))
            }
            (answer, _) => answer,
        }
    }

    /// The first fresh answer in the order of `lines`, else the newest of all.
    async fn kept(&self, query: LegQuery, lines: &[Arc<Line<Flights>>]) -> Option<Found> {
        let (now, mut newest) = ((self.0.clock)(), None::<Found>);
        for line in lines {
            let Some(found) = self.0.cache.get(query, &line.guard.card().name, now).await else { continue };
            if found.age == Age::Fresh {
                return Some(found);
            }
            if newest.as_ref().is_none_or(|newest| newest.fetched_at < found.fetched_at) {
                newest = Some(found);
            }
        }
        newest
    }

    async fn fetched(&self, query: LegQuery, lines: Vec<Arc<Line<Flights>>>) -> Result<Served, Unanswered> {
        let desk = self.clone();
        let race = || async move {
            let budget = Budget::of(desk.fleet().profile().deadline);
            let caller = desk.clone();
            let ask = move |line: Arc<Line<Flights>>, budget| {
                let desk = caller.clone();
                async move { desk.fetch(query, line, budget).await }
            };
            desk.fleet().first(lines, &budget, ask).await.map_err(Unanswered)
        };
        self.0.legs.run(&query.to_string(), race).await.unwrap_or_else(|| Err(Unanswered(Vec::new())))
    }

    /// One provider's word, kept or fetched; its own stale one when it does not answer.
    async fn of_one(&self, query: LegQuery, line: Arc<Line<Flights>>, budget: Budget) -> Result<Served, ProviderError> {
        let kept = self.0.cache.get(query, &line.guard.card().name, (self.0.clock)()).await;
        if let Some(kept) = kept.clone().filter(|kept| kept.age == Age::Fresh) {
            return Ok(served(kept));
        }
        match (self.fetch(query, line, budget).await, kept) {
            (Err(_), Some(kept)) => Ok(served(kept)),
            (answer, _) => answer,
        }
    }

    async fn fetch(&self, query: LegQuery, line: Arc<Line<Flights>>, budget: Budget) -> Result<Served, ProviderError> {
        let (desk, key) = (self.clone(), format!("{query} {}", line.guard.card().name));
        let call = || async move {
            match desk.on_board(query, &line, &budget).await {
                Some(answer) => answer,
                None => desk.call(query, line, budget).await,
            }
        };
        self.0.calls.run(&key, call).await.unwrap_or(Err(ProviderError::Busy))
    }

    /// One leg by the board of its airport; none where it has to be asked for by itself.
    async fn on_board(
        &self,
        query: LegQuery,
        line: &Arc<Line<Flights>>,
        budget: &Budget,
    ) -> Option<Result<Served, ProviderError>> {
        let card = line.guard.card();
        let offered = card.boards.then(|| self.0.cache.board(query, &card.name, (self.0.clock)()));
        let board = offered?.await?;
        let (desk, asked, budget) = (self.clone(), Arc::clone(line), budget.clone());
        let read = || async move { desk.read(board, asked, budget).await };
        let told = self.0.boards.run(&format!("{board} {}", card.name), read).await;
        match told.unwrap_or(Err(ProviderError::Busy)) {
            Err(error) => Some(Err(error)),
            Ok((told, fetched_at)) => match told.iter().find(|data| boards::answers(data, query)) {
                Some(data) => Some(Ok(Served::new(Arc::clone(data), fetched_at, false, false))),
                None => {
                    self.0.cache.keep_off_boards(query, &card.name).await;
                    None
                }
            },
        }
    }

    /// Reads a board, and keeps what it says of every leg. One that nobody knows has no legs.
    async fn read(&self, board: Departures, line: Arc<Line<Flights>>, budget: Budget) -> Result<Told, ProviderError> {
        let units = line.guard.card().cost.status;
        let told = match line.guard.call(units, &budget, || line.provider.departures(board)).await {
            Err(ProviderError::NotFound) => Vec::new(),
            told => told?,
        };
        let (told, fetched_at): Told = (told.into_iter().map(Arc::new).collect(), (self.0.clock)());
        for data in told.iter() {
            self.0.cache.put_told(data, fetched_at).await;
        }
        Ok((told, fetched_at))
    }

    async fn call(&self, query: LegQuery, line: Arc<Line<Flights>>, budget: Budget) -> Result<Served, ProviderError> {
        let units = line.guard.card().cost.status;
        let data = Arc::new(line.guard.call(units, &budget, || line.provider.flight_status(query)).await?);
        Ok(self.put(query, data).await)
    }

    async fn put(&self, query: LegQuery, data: Arc<FlightStatusData>) -> Served {
        let fetched_at = (self.0.clock)();
        self.0.cache.put(query, &data, fetched_at).await;
        Served::new(data, fetched_at, false, false)
    }

    /// Brings what one provider knows of the legs that nobody has a fresh answer for into the cache.
    async fn in_batches(&self, queries: &[LegQuery], line: &Arc<Line<Flights>>) {
        let mut wanted = Vec::new();
        for query in queries {
            let kept = self.kept(*query, &self.fleet().by_priority()).await;
            if kept.is_none_or(|kept| kept.age != Age::Fresh) {
                wanted.push(*query);
            }
        }
        let card = line.guard.card();
        for part in wanted.chunks(card.batch_max) {
            let budget = Budget::of(self.fleet().profile().deadline);
            let answers = line.guard.call(card.cost.status, &budget, || line.provider.multiple_flights(part)).await;
            for (query, answer) in part.iter().zip(answers.unwrap_or_default()) {
                if let Ok(data) = answer {
                    self.put(*query, Arc::new(data)).await;
                }
            }
        }
    }
}

type Ended = Result<(usize, Result<Served, Unanswered>), tokio::task::JoinError>;

fn keep(answers: &mut [Option<Result<Served, Unanswered>>], ended: Option<Ended>) {
    if let Some(Ok((place, answer))) = ended
        && let Some(slot) = answers.get_mut(place)
    {
        *slot = Some(answer);
    }
}

fn served(found: Found) -> Served {
    Served::new(found.data, found.fetched_at, true, found.age != Age::Fresh)
}
