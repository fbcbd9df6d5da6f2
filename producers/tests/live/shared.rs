//! Breakers and quotas of several processes and one Redis, a real one that is stopped in the middle.

use std::net::TcpListener;
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::breaker::{Settings, State};
use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::{Profile, RateLimit, Use};
use slipstream_producers::live::provider::Card;
use slipstream_producers::live::shared::{CALL_MAX, Shared};
use tokio::time::Instant;

use crate::support::{Mood, Scripted, card, clock, down, leg};

/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(20);
const OPEN_FOR: Duration = Duration::from_secs(8);

/// A Redis in memory, on a port of its own; killed with the value.
struct Redis {
    port: u16,
    server: Child,
}

impl Redis {
    /// None where none is installed.
    async fn start(port: Option<u16>) -> Option<Self> {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = port.unwrap_or_else(free);
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let Ok(server) = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() else {
            assert!(std::env::var_os("CI").is_none(), "CI must run this on Redis: install.sh databases brings it");
            eprintln!("skipped: there is no redis-server");
            return None;
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "Redis does not listen on {port}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Some(Self { port, server })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// One process: a provider, a desk, and the leases.
struct Process {
    provider: Arc<Scripted>,
    desk: Desk,
    shared: Arc<Shared>,
    keeper: tokio::task::JoinHandle<()>,
}

impl Process {
    fn begin(port: u16) -> Self {
        Self::with(port, (1, None), CALL_MAX)
    }

    /// One that spends `twenty` units an hour.
    fn spending(port: u16) -> Self {
        Self::with(port, (1, twenty()), PATIENCE)
    }

    fn with(port: u16, (successes, limit): (u32, Option<RateLimit>), call_max: Duration) -> Self {
        let breaker = Settings { failures: 2, open_for: OPEN_FOR, successes };
        let fleet = Fleet::<Flights>::new(Profile { breaker, retries: 0, ..Profile::of(Use::Monitor) });
        let provider = Scripted::with(Card { name: "flightaware".to_owned(), limit, ..card() });
        provider.set(Mood::Up(Duration::from_millis(1)));
        fleet.add(Arc::clone(&provider) as Arc<Flights>);
        let desk = Desk::new(fleet, Freshness::default(), clock());
        let shared = Arc::new(Shared::new(&format!("redis://127.0.0.1:{port}"), call_max).unwrap());
        let (keeping, kept) = (Arc::clone(&shared), desk.clone());
        let keeper = tokio::spawn(async move { keeping.keep(kept.fleet()).await });
        Self { provider, desk, shared, keeper }
    }

    /// Asks one question of each of these numbers; how many were answered.
    async fn answered(&self, numbers: std::ops::Range<u16>) -> usize {
        let mut answers = Vec::new();
        for number in numbers {
            answers.push(self.desk.status(leg(number)).await);
        }
        answers.into_iter().flatten().count()
    }

    async fn state(&self) -> State {
        self.desk.report().await.providers[0].breaker
    }

    async fn until(&self, state: State) {
        let begun = Instant::now();
        while self.state().await != state {
            assert!(begun.elapsed() < PATIENCE, "never {state:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn degraded(&self, wanted: bool) {
        let begun = Instant::now();
        while self.shared.is_degraded() != wanted {
            assert!(begun.elapsed() < PATIENCE, "never degraded: {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn fail(&self) {
        self.provider.set(Mood::Fails(down()));
        for number in 1..=2 {
            self.desk.status(leg(number)).await.unwrap_err();
        }
        assert_eq!(self.state().await, State::Open);
        self.provider.set(Mood::Up(Duration::from_millis(1)));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

// contract: S1-16 (breaker state shared by processes, and there when one begins)
#[tokio::test]
async fn what_opens_in_one_process_is_open_in_all_and_each_closes_by_itself() {
    let Some(redis) = Redis::start(None).await else { return };
    let (one, two) = (Process::begin(redis.port), Process::begin(redis.port));
    one.degraded(false).await;
    one.fail().await;
    two.until(State::Open).await;
    assert!(two.desk.status(leg(3)).await.is_err() && two.provider.calls() == 0, "it has not asked at all");
    let three = Process::begin(redis.port);
    three.until(State::Open).await;

    // The first to try finds the provider well: it drops the lease, and who begins now has none.
    tokio::time::sleep(OPEN_FOR).await;
    one.desk.status(leg(4)).await.unwrap();
    one.until(State::Closed).await;
    // One trial was all there was, for both, until the first has told that it is over.
    let begun = Instant::now();
    while two.desk.status(leg(4)).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "no trial is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((two.state().await, two.provider.calls()), (State::Closed, 1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((one.state().await, two.state().await), (State::Closed, State::Closed), "no lease is left that opens them again");
}

// contract: S1-16 (without Redis each has its own), S1-08 (REDIS_URL is optional)
#[tokio::test]
async fn a_redis_that_stops_slows_nobody_down_and_hears_what_it_missed() {
    let Some(redis) = Redis::start(None).await else { return };
    let port = redis.port;
    let (one, two) = (Process::begin(port), Process::begin(port));
    one.desk.status(leg(9)).await.unwrap();
    drop(redis);
    one.degraded(true).await;
    two.degraded(true).await;
    let begun = Instant::now();
    for number in 10..110 {
        two.desk.status(leg(number)).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "100 questions of 1 ms: {:?}", begun.elapsed());

    let again = Redis::start(Some(port)).await;
    one.degraded(false).await;
    two.degraded(false).await;
    assert_eq!(two.state().await, State::Closed);
    one.fail().await;
    two.until(State::Open).await;
    drop(again);
}

/// Twenty units an hour: none comes back while a test runs.
fn twenty() -> Option<RateLimit> {
    NonZeroU32::new(20).map(|units| RateLimit::bucket(units, Duration::from_hours(1)))
}

// contract: S1-16 (the quota of a provider is spent together)
#[tokio::test]
async fn a_quota_is_spent_by_all_together_and_each_has_its_share_when_redis_goes() {
    let Some(redis) = Redis::start(None).await else { return };
    let (one, two) = (Process::spending(redis.port), Process::spending(redis.port));
    assert_eq!((one.answered(0..12).await, two.answered(0..12).await), (12, 8), "twenty in all");
    assert_eq!((one.answered(20..22).await, two.answered(20..22).await), (0, 0));

    let Some(other) = Redis::start(None).await else { return };
    let (three, four) = (Process::spending(other.port), Process::spending(other.port));
    assert_eq!((three.answered(0..2).await, four.answered(0..2).await, three.answered(2..4).await), (2, 2, 2));
    drop(other);
    three.degraded(true).await;
    four.degraded(true).await;
    // Of twenty, three has spent four and four two: a call costs each of them two now.
    assert_eq!((three.answered(10..30).await, four.answered(10..30).await), (8, 9));
}

#[tokio::test]
async fn who_is_told_too_many_pauses_all() {
    let Some(redis) = Redis::start(None).await else { return };
    let (one, two) = (Process::spending(redis.port), Process::spending(redis.port));
    assert_eq!((one.answered(0..1).await, two.answered(0..1).await), (1, 1));
    one.provider.set(Mood::Fails(ProviderError::RateLimited { retry_after: Some(Duration::from_secs(30)) }));
    assert_eq!(one.answered(1..2).await, 0);
    assert_eq!((two.answered(1..11).await, two.provider.calls()), (0, 1), "a provider that has said too many is left alone");
}

// contract: S1-16 (trials of a half-open breaker are counted together)
#[tokio::test]
async fn three_trials_are_made_by_all_processes_together() {
    let Some(redis) = Redis::start(None).await else { return };
    let all = [(); 3].map(|()| Process::with(redis.port, (3, None), PATIENCE));
    all[0].degraded(false).await;
    all[0].fail().await;
    for process in &all {
        process.until(State::Open).await;
        process.provider.set(Mood::Hangs);
    }
    tokio::time::sleep(OPEN_FOR).await;
    let before: u64 = all.iter().map(|process| process.provider.calls()).sum();
    let mut asked = tokio::task::JoinSet::new();
    for (process, number) in all.iter().flat_map(|process| (50..53).map(move |number| (process, number))) {
        let desk = process.desk.clone();
        asked.spawn(async move { desk.status(leg(number)).await.is_ok() });
    }
    // Those under way are silent until their time is over; nobody else may ask meanwhile.
    let answers = asked.join_all().await;
    let trials = all.iter().map(|process| process.provider.calls()).sum::<u64>() - before;
    assert_eq!((answers.contains(&true), trials), (false, 3));
}
