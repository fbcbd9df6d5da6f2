//! The providers in use, each behind its guard, and the two ways of asking several.
//!
//!     first:  the best ──(failed, stumbled, or silent for 800 ms)──► the next one beside it ──► … ──► the first answer
//!     all:    everybody at once ──► everybody's answer
//!
//! Providers come, go and change while requests are under way: a request keeps the list it began with. Calls run on tasks of
//! their own, so that who loses a race is still judged; each ends with the request's deadline. [`Fleet::keep_watch`] makes the
//! health checks and the probes.

use std::future::Future;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::task::JoinSet;

use super::breaker::State;
use super::error::ProviderError;
use super::guard::{Budget, Guard};
use super::profile::{Plan, Profile};
use super::provider::Provider;
use super::shared::Shared;
use super::stats::{ProviderReport, scores};

/// How often a provider that works is looked at, unless it says otherwise.
pub const HEALTH_EVERY: Duration = Duration::from_secs(300);
/// How often the watch looks whose check is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A provider behind its guard.
pub struct Line<P: ?Sized> {
    /// The provider.
    pub provider: Arc<P>,
    /// What stands before it.
    pub guard: Guard,
}

/// Why one provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its name.
    pub provider: String,
    /// Why.
    pub error: ProviderError,
}

/// Providers of one kind, for one use.
pub struct Fleet<P: ?Sized> {
    profile: Profile,
    /// By priority, the highest first; of equals by name.
    lines: RwLock<Vec<Arc<Line<P>>>>,
    /// What other processes spend of the same providers, too.
    shared: OnceLock<Arc<Shared>>,
}

impl<P: Provider + ?Sized + 'static> Fleet<P> {
    /// Nobody yet.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self { profile, lines: RwLock::default(), shared: OnceLock::new() }
    }

    /// How this fleet is asked.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Takes a provider in, in place of one of the same name.
    pub fn add(&self, provider: Arc<P>) {
        let guard = Guard::new(provider.card().clone(), self.profile);
        let line = Arc::new(Line { provider, guard });
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = self.shared.get() {
            line.guard.share(shared);
        }
        lines.retain(|other| other.guard.card().name != line.guard.card().name);
        lines.push(line);
        lines.sort_by(|a, b| {
            let (a, b) = (a.guard.card(), b.guard.card());
            b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name))
        });
    }

    /// From now on quotas and trials are spent together with other processes, of those who come later, too.
    pub(super) fn share(&self, shared: &Arc<Shared>) {
        let lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        // Who shares them already goes on doing so.
        let _ = self.shared.set(Arc::clone(shared));
        lines.iter().for_each(|line| line.guard.share(shared));
    }

    /// Lets a provider go; whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        let before = lines.len();
        lines.retain(|line| line.guard.card().name != name);
        lines.len() < before
    }

    /// Everybody, the highest priority first.
    #[must_use]
    pub fn by_priority(&self) -> Vec<Arc<Line<P>>> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everybody, by measured success and speed, the best first; of equals the highest priority.
    #[must_use]
    pub fn by_score(&self) -> Vec<Arc<Line<P>>> {
        let lines = self.by_priority();
        let measured: Vec<_> = lines.iter().map(|line| line.guard.measured()).collect();
        let mut ranked: Vec<_> = scores(&measured).into_iter().zip(lines).collect();
        ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ranked.into_iter().map(|(_, line)| line).collect()
    }

    /// What is measured of each.
    #[must_use]
    pub fn report(&self) -> Vec<ProviderReport> {
        self.by_priority().iter().map(|line| line.guard.report()).collect()
    }

    /// Makes a health check of everybody now; who fails, and why.
    pub async fn check_all(&self) -> Vec<Failed> {
        let mut checks = JoinSet::new();
        for line in self.by_priority() {
            checks.spawn(async move { (line.guard.card().name.clone(), check(&line).await) });
        }
        let results = checks.join_all().await;
        results.into_iter().filter_map(|(provider, result)| Some(Failed { provider, error: result.err()? })).collect()
    }

    /// Checks the health of everybody as often as it wants, usually every [`HEALTH_EVERY`], and probes open breakers, for as long
    /// as it is polled.
    pub async fn keep_watch(&self) {
        let mut checks = JoinSet::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                Some(_) = checks.join_next() => continue,
            }
            for line in self.by_priority().into_iter().filter(|line| line.guard.check_is_due(line.provider.check_every())) {
                checks.spawn(async move { check(&line).await });
            }
        }
    }

    /// The first answer of `lines`, in their order, by the fleet's plan.
    ///
    /// # Errors
    /// Nobody answered: why each did not, of those who were asked.
    pub async fn first<T, F>(
        &self,
        lines: Vec<Arc<Line<P>>>,
        budget: &Budget,
        ask: impl Fn(Arc<Line<P>>, Budget) -> F,
    ) -> Result<T, Vec<Failed>>
    where
        F: Future<Output = Result<T, ProviderError>> + Send + 'static,
        T: Send + 'static,
    {
        let mut race = Race { budget, calls: JoinSet::new(), failed: Vec::new() };
        let hedge_after = match self.profile.plan {
            Plan::Hedged(after) => after,
            Plan::All => Duration::ZERO,
        };
        for line in lines {
            let name = line.guard.card().name.clone();
            let call = ask(line, budget.clone());
            race.calls.spawn(async move { (name, call.await) });
            if let Some(answer) = race.answer_within(hedge_after).await {
                return Ok(answer);
            }
        }
        while !race.calls.is_empty() {
            if let Some(answer) = race.answer_within(Duration::MAX).await {
                return Ok(answer);
            }
        }
        Err(std::mem::take(&mut race.failed))
    }

    /// Everybody's answer, in order of priority.
    pub async fn all<T, F>(
        &self,
        budget: &Budget,
        ask: impl Fn(Arc<Line<P>>, Budget) -> F,
    ) -> Vec<(String, Result<T, ProviderError>)>
    where
        F: Future<Output = Result<T, ProviderError>> + Send + 'static,
        T: Send + 'static,
    {
        let mut calls = JoinSet::new();
        for (place, line) in self.by_priority().into_iter().enumerate() {
            let name = line.guard.card().name.clone();
            let call = ask(line, budget.clone());
            calls.spawn(async move { (place, name, call.await) });
        }
        let mut answers = calls.join_all().await;
        answers.sort_by_key(|(place, ..)| *place);
        answers.into_iter().map(|(_, name, answer)| (name, answer)).collect()
    }
}

async fn check<P: Provider + ?Sized>(line: &Line<P>) -> Result<(), ProviderError> {
    let was = line.guard.state();
    let result = line.guard.check(line.provider.health()).await;
    if let Err(error) = &result
        && was == State::Closed
    {
        tracing::warn!(provider = %line.guard.card().name, %error, "health check");
    }
    result
}

/// Calls under way for one request. Dropped, it lets them end by themselves.
struct Race<'a, T: 'static> {
    budget: &'a Budget,
    calls: JoinSet<(String, Result<T, ProviderError>)>,
    failed: Vec<Failed>,
}

impl<T> Race<'_, T> {
    /// An answer of somebody under way; none when it is time for the next one: somebody failed or stumbled, or `patience` is over.
    async fn answer_within(&mut self, patience: Duration) -> Option<T> {
        tokio::select! {
            biased;
            Some(ended) = self.calls.join_next() => {
                let (provider, result) = ended.ok()?;
                match result {
                    Ok(answer) => {
                        self.budget.close();
                        Some(answer)
                    }
                    Err(error) => {
                        self.failed.push(Failed { provider, error });
                        None
                    }
                }
            }
            () = self.budget.stumbled() => None,
            () = tokio::time::sleep(patience) => None,
        }
    }
}

impl<T> Drop for Race<'_, T> {
    fn drop(&mut self) {
        self.calls.detach_all();
    }
}
