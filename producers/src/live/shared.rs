//! Providers shared between processes, through Redis, where `REDIS_URL` is set: here their breakers, in [`super::allowance`] their
//! quotas. Nothing else names the crate `redis`.
//!
//!     here a breaker opens ──► lease of what is left of its time, unless there is one ──► elsewhere it opens for that long, too
//!     here it closes, after its own probes ──► the lease goes; nobody else closes for that: each waits for its own probes
//!
//! Looked at twice a second, beside the requests and never in their way. A lease expires by Redis' own clock, so that clocks need not
//! agree, and a process that begins finds those that hold. A call has [`CALL_MAX`]; after three failures none is made for five
//! seconds, and the processes go on with breakers of their own, [`Shared::is_degraded`]. What opened meanwhile is shared once Redis is
//! back, and a lease that still holds opens what is closed. Not shared: failures that have not opened anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Pipeline, RedisResult};
use tokio::time::Instant;
use uuid::Uuid;

use super::allowance::forget_trials;
use super::breaker::{Breaker, Settings, State};
use super::error::Verdict;
use super::fleet::Fleet;
use super::http::Unusable;
use super::provider::Provider;

/// Longest wait for one call.
pub const CALL_MAX: Duration = Duration::from_millis(20);
/// How often leases and breakers are compared.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// When Redis itself is left alone, and for how long.
const BREAKER: Settings = Settings { failures: 3, open_for: Duration::from_secs(5), successes: 1 };
/// Before a provider's name.
const PREFIX: &str = "slipstream:breaker:";

/// The leases, as this process sees and makes them.
pub struct Shared {
    connection: ConnectionManager,
    call_max: Duration,
    /// What this process is called there.
    process: String,
    breaker: Mutex<Breaker>,
    begun: Instant,
    degraded: AtomicBool,
    /// State of each provider's breaker when it was last compared.
    compared: Mutex<BTreeMap<String, State>>,
}

/// One provider, about to be compared.
struct Compared {
    name: String,
    state: State,
    left: Duration,
    before: Option<State>,
}

/// What follows from a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Tell the others.
    Publish(Duration),
    /// It is over here.
    Drop,
    /// Others have found it failing.
    Open(Duration),
}

impl Shared {
    /// Shares through the Redis at `url`, `redis://HOST:PORT`, waiting so long for one call, usually [`CALL_MAX`]; it is connected to when
    /// it is first needed. Wants tokio around it.
    ///
    /// # Errors
    /// No such address; the message does not repeat it, because it may hold a password.
    pub fn new(url: &str, call_max: Duration) -> Result<Self, Unusable> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(call_max))
            .set_response_timeout(Some(call_max));
        let lazy = |client: Client| client.get_connection_manager_lazy(config);
        let connection = Client::open(url).and_then(lazy).map_err(|e| Unusable(format!("REDIS_URL: {}", e.category())))?;
        let (breaker, compared) = (Mutex::new(Breaker::new(BREAKER)), Mutex::default());
        #[expect(clippy::disallowed_methods, reason = "it names a process, no record")]
        let process = Uuid::new_v4().simple().to_string();
        Ok(Self { connection, call_max, process, breaker, begun: Instant::now(), degraded: AtomicBool::new(false), compared })
    }

    pub(super) fn process(&self) -> &str {
        &self.process
    }

    /// Redis does not answer: every process has its own breakers.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Relaxed)
    }

    /// Shares the quotas of `fleet`, and compares leases and its breakers for as long as it is polled.
    pub async fn keep<P: Provider + ?Sized + 'static>(self: &Arc<Self>, fleet: &Fleet<P>) {
        fleet.share(self);
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            self.compare(fleet).await;
        }
    }

    /// Compares once. What could not be said is said the next time.
    async fn compare<P: Provider + ?Sized + 'static>(&self, fleet: &Fleet<P>) {
        let lines = fleet.by_priority();
        let compared: Vec<Compared> = lines.iter().map(|line| self.of(&line.guard)).collect();
        if compared.is_empty() {
            return;
        }
        let mut ask = redis::pipe();
        compared.iter().for_each(|one| _ = ask.pttl(key(&one.name)));
        let Some(leases) = self.call::<Vec<i64>>(&ask).await else { return };
        let leases = leases.into_iter().map(|ms| u64::try_from(ms).ok().map(Duration::from_millis));
        let steps: Vec<Step> = compared.iter().zip(leases).map(|(one, lease)| one.step(lease)).collect();
        let mut tell = redis::pipe();
        for (one, step) in compared.iter().zip(&steps) {
            told(&mut tell, one, *step);
        }
        if tell.cmd_iter().next().is_some() && self.call::<redis::Value>(&tell).await.is_none() {
            return;
        }
        for (line, (one, step)) in lines.iter().zip(compared.into_iter().zip(steps)) {
            if let Step::Open(left) = step {
                line.guard.open_for(left);
            }
            let state = if matches!(step, Step::Open(_)) { State::Open } else { one.state };
            self.compared.lock().unwrap_or_else(PoisonError::into_inner).insert(one.name, state);
        }
    }

    fn of(&self, guard: &super::guard::Guard) -> Compared {
        let name = guard.card().name.clone();
        let before = self.compared.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        let (state, left) = guard.standing();
        Compared { name, state, left, before }
    }

    /// An answer in time; none when Redis is left alone, or does not give one.
    pub(super) async fn call<T: redis::FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let permit = self.redis().admit(self.begun.elapsed()).ok()?;
        let mut connection = self.connection.clone();
        let answer = tokio::time::timeout(self.call_max, commands.query_async(&mut connection)).await;
        let answer: Option<T> = answer.ok().and_then(|answer: RedisResult<T>| answer.ok());
        let verdict = if answer.is_some() { Verdict::Healthy } else { Verdict::Failed };
        self.redis().settle(&permit, verdict, self.begun.elapsed());
        let was = self.degraded.swap(answer.is_none(), Ordering::Relaxed);
        if was != answer.is_none() {
            tracing::warn!(degraded = answer.is_none(), "breakers and quotas shared through Redis");
        }
        answer
    }

    fn redis(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("process", &self.process).field("degraded", &self.is_degraded()).finish_non_exhaustive()
    }
}

impl Compared {
    fn step(&self, lease: Option<Duration>) -> Step {
        match (self.before, self.state, lease) {
            (before, State::Open, _) if before != Some(State::Open) && !self.left.is_zero() => Step::Publish(self.left),
            (Some(State::Open | State::HalfOpen), State::Closed, _) => Step::Drop,
            (None | Some(State::Closed), State::Closed, Some(left)) if !left.is_zero() => Step::Open(left),
            _ => Step::Nothing,
        }
    }
}

fn key(provider: &str) -> String {
    format!("{PREFIX}{provider}")
}

/// Adds what the others are told.
fn told(tell: &mut Pipeline, one: &Compared, step: Step) {
    match step {
        Step::Publish(left) => {
            let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
            // A lease that holds already is not cut short, nor is it made longer: the next failed trial makes another.
            tell.cmd("SET").arg(key(&one.name)).arg("open").arg("NX").arg("PX").arg(ms).ignore();
            forget_trials(tell, &one.name);
        }
        Step::Drop => {
            tell.cmd("DEL").arg(key(&one.name)).ignore();
            forget_trials(tell, &one.name);
        }
        Step::Nothing | Step::Open(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_wins_from_either_side_and_closed_never_overwrites_it() {
        use State::{Closed, HalfOpen, Open};
        let (left, lease) = (Duration::from_secs(30), Duration::from_secs(9));
        let cases = [
            (None, Closed, None, Step::Nothing),
            (None, Closed, Some(lease), Step::Open(lease)),
            (Some(Closed), Closed, Some(lease), Step::Open(lease)),
            (Some(Closed), Open, None, Step::Publish(left)),
            (None, Open, Some(lease), Step::Publish(left)),
            (Some(Open), Open, Some(lease), Step::Nothing),
            (Some(Open), HalfOpen, Some(lease), Step::Nothing),
            (Some(HalfOpen), Open, None, Step::Publish(left)),
            (Some(HalfOpen), Closed, Some(lease), Step::Drop),
            (Some(Open), Closed, Some(lease), Step::Drop),
            (Some(Open), Closed, None, Step::Drop),
        ];
        for (before, state, remote, expected) in cases {
            let compared = Compared { name: "x".to_owned(), state, left, before };
            assert_eq!(compared.step(remote), expected, "{before:?} {state:?} {remote:?}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_without_showing_it() {
        for url in ["", "ftp://user:hush@host", "redis://:hush@host:port"] {
            let refused = Shared::new(url, CALL_MAX).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(refused.contains("REDIS_URL") && !refused.contains("hush"), "{url}: {refused}");
        }
    }
}
