//! What stands between every call and its provider.
//!
//!     call ─► breaker ─► bulkhead ─► bucket ─► one attempt, timed ─► verdict ─► breaker, bucket, stats
//!              ▲                                                        │
//!              └──────────── pause, while attempts and the deadline allow ┘
//!
//! Keeps the breaker, the bucket and the counters of one provider. At most [`super::provider::Card::parallel_max`] calls are
//! under way and [`WAITING_MAX`] times as many wait. Nothing goes on past the request's deadline.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::allowance::Allowance;
use super::breaker::{Breaker, Permit, State};
use super::bucket::{Bucket, pause_of};
use super::error::{ProviderError, Verdict};
use super::profile::{Profile, probe_every};
use super::provider::Card;
use super::retry;
use super::shared::Shared;
use super::stats::{Measured, ProviderReport, Stats};

/// Callers that may wait for a place, for each place there is.
pub const WAITING_MAX: usize = 10;
/// No attempt is begun with less time than this: cut short it would say nothing of the provider.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);

/// The time one request has, and whether it still wants an answer.
#[derive(Debug, Clone)]
pub struct Budget {
    /// When the request is over.
    pub deadline: Instant,
    over: Arc<AtomicBool>,
    stumbled: Arc<Notify>,
}

impl Budget {
    /// So much time from now.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, over: Arc::default(), stumbled: Arc::default() }
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The request has its answer: what is under way may end, nothing more is begun.
    pub(crate) fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Waits until an attempt has failed: somebody else may be asked at once.
    pub(crate) async fn stumbled(&self) {
        self.stumbled.notified().await;
    }
}

/// What stands around one provider.
#[derive(Debug)]
pub struct Guard {
    card: Card,
    profile: Profile,
    breaker: Mutex<Breaker>,
    bucket: Bucket,
    /// What other processes spend of this provider, too.
    shared: OnceLock<Arc<Shared>>,
    places: Semaphore,
    waiting: AtomicUsize,
    stats: Mutex<Stats>,
    /// The origin of the breaker's time.
    origin: Instant,
    next_check: Mutex<Instant>,
}

impl Guard {
    /// A guard with everything closed and full.
    #[must_use]
    pub fn new(card: Card, profile: Profile) -> Self {
        let now = Instant::now();
        Self {
            breaker: Mutex::new(Breaker::new(profile.breaker)),
            bucket: Bucket::new(card.limit, profile.limit),
            shared: OnceLock::new(),
            places: Semaphore::new(card.parallel_max.max(1)),
            waiting: AtomicUsize::new(0),
            stats: Mutex::default(),
            origin: now,
            next_check: Mutex::new(now),
            card,
            profile,
        }
    }

    /// Asks, as often as profile and budget allow. `units` is what one attempt costs.
    ///
    /// # Errors
    /// The last attempt's, or why there was none.
    pub async fn call<T, F>(&self, units: u32, budget: &Budget, ask: impl Fn() -> F + Send) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>> + Send,
        T: Send,
    {
        let mut pauses = retry::pauses(self.profile.first_pause, self.profile.retries);
        loop {
            let error = match self.attempt(units, budget, ask()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = error.is_retried() && self.state() != State::Open;
            let pause = pauses.next().filter(|pause| again && budget.left() >= *pause + ATTEMPT_MIN);
            let Some(pause) = pause else { return Err(error) };
            budget.stumbled.notify_one();
            tokio::time::sleep(pause).await;
            if budget.over.load(Ordering::Relaxed) {
                return Err(error);
            }
        }
    }

    async fn attempt<T>(
        &self,
        units: u32,
        budget: &Budget,
        ask: impl Future<Output = Result<T, ProviderError>> + Send,
    ) -> Result<T, ProviderError> {
        let admitted = self.admit(units, budget).await;
        let (trial, _place) = admitted.inspect_err(|error| self.lock(&self.stats).failed(error))?;
        let answer = self.timed(budget.left(), ask).await;
        trial.settle(answer.as_ref().err().map_or(Verdict::Healthy, ProviderError::verdict));
        answer
    }

    async fn admit(&self, units: u32, budget: &Budget) -> Result<(Trial<'_>, SemaphorePermit<'_>), ProviderError> {
        let permit = self.lock(&self.breaker).admit(self.now()).map_err(|left| ProviderError::Open { left })?;
        let trial = Trial { guard: self, permit: Some(permit) };
        let place = self.place(budget).await?;
        if self.state() == State::HalfOpen && !self.may_try().await {
            return Err(ProviderError::Open { left: Duration::ZERO });
        }
        let taken = self.bucket.take(units, budget.deadline, self.common()).await;
        taken.map_err(|wait| ProviderError::RateLimited { retry_after: Some(wait) })?;
        // With hardly any time left, silence would say nothing of the provider.
        if budget.left() < ATTEMPT_MIN { Err(ProviderError::Late) } else { Ok((trial, place)) }
    }

    /// A place among the calls under way.
    async fn place(&self, budget: &Budget) -> Result<SemaphorePermit<'_>, ProviderError> {
        let _waiting = Waiting::join(&self.waiting, self.card.parallel_max.max(1) * WAITING_MAX)?;
        match tokio::time::timeout_at(budget.deadline, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(ProviderError::Busy),
            Err(_) => Err(ProviderError::Late),
        }
    }

    /// One attempt within its time, counted.
    async fn timed<T>(
        &self,
        left: Duration,
        ask: impl Future<Output = Result<T, ProviderError>> + Send,
    ) -> Result<T, ProviderError> {
        let (begun, time) = (Instant::now(), self.card.timeout.min(left));
        let answer = tokio::time::timeout(time, ask).await.unwrap_or(Err(ProviderError::Timeout { after: time }));
        if let Err(ProviderError::RateLimited { retry_after }) = &answer {
            self.pause(pause_of(*retry_after)).await;
        }
        self.lock(&self.stats).attempted(begun.elapsed(), answer.as_ref().err());
        answer
    }

    /// Whether a health check is due, and if so when the next one is: soon while the breaker is not closed.
    pub(crate) fn check_is_due(&self, regular: Duration) -> bool {
        let mut next = self.lock(&self.next_check);
        let now = Instant::now();
        let probe = probe_every(self.card.limit, self.card.cost.health);
        let every = if self.state() == State::Closed { regular } else { probe };
        let due = now >= *next;
        // A breaker that has just opened is not left alone until the next regular check.
        if due || *next - now > every * 2 {
            *next = now + retry::about(every);
        }
        due
    }

    /// Makes one health check. While the breaker is not closed it is a probe, which no breaker holds back.
    pub(crate) async fn check(&self, ask: impl Future<Output = Result<(), ProviderError>> + Send) -> Result<(), ProviderError> {
        let budget = Budget::of(self.card.timeout);
        let units = self.card.cost.health;
        let answer = if self.state() == State::Closed {
            self.attempt(units, &budget, ask).await
        } else {
            self.probe(units, &budget, ask).await
        };
        let verdict = answer.as_ref().err().map_or(Verdict::Healthy, ProviderError::verdict);
        if verdict != Verdict::Silent {
            self.lock(&self.stats).checked(verdict);
        }
        if verdict == Verdict::Healthy { Ok(()) } else { answer }
    }

    async fn probe(
        &self,
        units: u32,
        budget: &Budget,
        ask: impl Future<Output = Result<(), ProviderError>> + Send,
    ) -> Result<(), ProviderError> {
        let taken = self.bucket.take(units, Instant::now(), self.common()).await;
        taken.map_err(|wait| ProviderError::RateLimited { retry_after: Some(wait) })?;
        let answer = self.timed(budget.left(), ask).await;
        let verdict = answer.as_ref().err().map_or(Verdict::Healthy, ProviderError::verdict);
        self.turn(|breaker, now| breaker.probed(verdict, now));
        answer
    }

    /// Quota and trials are spent together with other processes from now on.
    pub(super) fn share(&self, shared: &Arc<Shared>) {
        // Who shares it already goes on doing so.
        let _ = self.shared.set(Arc::clone(shared));
    }

    fn common(&self) -> Option<Allowance<'_>> {
        self.shared.get().map(|shared| Allowance::of(shared, &self.card.name))
    }

    /// Whether one more call may try, for all processes.
    async fn may_try(&self) -> bool {
        let Some(common) = self.common() else { return true };
        common.may_try(self.profile.breaker.successes, self.profile.breaker.open_for).await
    }

    async fn pause(&self, time: Duration) {
        self.bucket.pause(time);
        if let Some(common) = self.common() {
            common.pause(time).await;
        }
    }

    /// State of the breaker.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock(&self.breaker).state()
    }

    /// State of the breaker, and for how much longer it is open.
    pub(crate) fn standing(&self) -> (State, Duration) {
        let breaker = self.lock(&self.breaker);
        (breaker.state(), breaker.left(self.now()))
    }

    /// Somebody else has found the provider failing.
    pub(crate) fn open_for(&self, left: Duration) {
        self.turn(|breaker, now| breaker.open_for(left, now));
    }

    /// Everything measured.
    #[must_use]
    pub fn report(&self) -> ProviderReport {
        let breaker = {
            let breaker = self.lock(&self.breaker);
            (breaker.state(), breaker.failures(), breaker.transitions())
        };
        self.lock(&self.stats).report(&self.card.name, breaker)
    }

    pub(crate) fn measured(&self) -> Measured {
        let stats = self.lock(&self.stats);
        Measured { success: stats.success(), response_ms: stats.quick_ms() }
    }

    pub(crate) fn card(&self) -> &Card {
        &self.card
    }

    /// Changes the breaker and says so when that changed its state.
    fn turn(&self, change: impl FnOnce(&mut Breaker, Duration)) {
        let now = self.now();
        let mut breaker = self.lock(&self.breaker);
        let before = breaker.state();
        change(&mut breaker, now);
        let after = breaker.state();
        drop(breaker);
        if before != after {
            tracing::warn!(provider = %self.card.name, from = ?before, to = ?after, "circuit breaker");
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// What is behind these locks is whole after every statement: a thread that died left nothing half done.
    fn lock<'a, T>(&self, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit that finds its way back also when its call is dropped.
struct Trial<'a> {
    guard: &'a Guard,
    permit: Option<Permit>,
}

impl Trial<'_> {
    fn settle(mut self, verdict: Verdict) {
        self.hand_back(verdict);
    }

    fn hand_back(&mut self, verdict: Verdict) {
        if let Some(permit) = self.permit.take() {
            self.guard.turn(|breaker, now| breaker.settle(&permit, verdict, now));
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.hand_back(Verdict::Silent);
    }
}

/// One of those who wait for a place.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(waiting: &'a AtomicUsize, max: usize) -> Result<Self, ProviderError> {
        let joined = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= max { Err(ProviderError::Busy) } else { Ok(joined) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
