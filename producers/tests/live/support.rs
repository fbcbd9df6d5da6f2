//! A provider that does as it is told, and a clock that follows tokio's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Answer, Card, Clock, Cost, FlightDataProvider, LegQuery, Provider, TIMEOUT};
use slipstream_producers::live::status::{Designator, FlightStatusData, LegEnd, Role};
use slipstream_schemas::records::FlightStatus;
use slipstream_streams::record::derive_id;
use tokio::time::Instant;

/// 2026-11-21T06:00:00Z: midnight is six hours past.
pub(crate) const BEGUN: i64 = 1_795_240_800_000;

/// How a scripted provider answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mood {
    /// After so long.
    Up(Duration),
    /// With this error, at once.
    Fails(ProviderError),
    /// Never.
    Hangs,
    /// Every other call fails.
    Flaps,
}

pub(crate) struct Scripted {
    card: Card,
    mood: Mutex<Mood>,
    calls: AtomicU64,
}

impl Scripted {
    pub(crate) fn new(name: &str, priority: u8) -> Arc<Self> {
        Self::with(Card { name: name.to_owned(), priority, ..card() })
    }

    pub(crate) fn with(card: Card) -> Arc<Self> {
        let mood = Mutex::new(Mood::Up(Duration::from_millis(50)));
        Arc::new(Self { card, mood, calls: AtomicU64::new(0) })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Calls of any kind so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn called(&self) -> Result<(), ProviderError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let mood = self.mood.lock().unwrap().clone();
        match mood {
            Mood::Up(delay) => tokio::time::sleep(delay).await,
            Mood::Fails(error) => return Err(error),
            Mood::Hangs => std::future::pending().await,
            Mood::Flaps if call.is_multiple_of(2) => return Err(down()),
            Mood::Flaps => {}
        }
        Ok(())
    }
}

pub(crate) fn card() -> Card {
    Card {
        name: "scripted".to_owned(),
        priority: 5,
        timeout: TIMEOUT,
        limit: None,
        cost: Cost { status: 1, search: 1, health: 1 },
        batch_max: 1,
        boards: false,
        parallel_max: 32,
    }
}

pub(crate) fn down() -> ProviderError {
    ProviderError::Unavailable { reason: "503".to_owned() }
}

pub(crate) fn said(source: &str, query: LegQuery) -> FlightStatusData {
    // Departs in ten hours: five minutes fresh.
    let departure = LegEnd { scheduled: Some(BEGUN + 10 * 3_600_000), ..LegEnd::default() };
    FlightStatusData {
        flight_id: None,
        designator: Designator::of(query.carrier.as_str(), &query.number.to_string(), Role::Unstated).unwrap(),
        also: Vec::new(),
        date: None,
        status: FlightStatus::Scheduled,
        departure,
        arrival: LegEnd::default(),
        tail: None,
        delay_minutes: None,
        last_updated: BEGUN,
        source: source.to_owned(),
        confidence_score: 0.6,
        raw_data: derive_id(&[source.as_bytes()]),
    }
}

impl Provider for Scripted {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(self.called())
    }
}

impl FlightDataProvider for Scripted {
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
        Box::pin(async move {
            self.called().await?;
            Ok(said(&self.card.name, query))
        })
    }

    fn multiple_flights(&self, queries: &[LegQuery]) -> Answer<'_, Vec<Result<FlightStatusData, ProviderError>>> {
        let queries = queries.to_vec();
        Box::pin(async move {
            self.called().await?;
            Ok(queries.into_iter().map(|query| Ok(said(&self.card.name, query))).collect())
        })
    }
}

pub(crate) fn leg(number: u16) -> LegQuery {
    LegQuery { carrier: "LH".parse().unwrap(), number, suffix: None, date: "2026-11-21".parse().unwrap(), origin: None }
}

pub(crate) fn fleet(usage: Use, providers: &[&Arc<Scripted>]) -> Fleet<Flights> {
    let fleet = Fleet::<Flights>::new(Profile::of(usage));
    for provider in providers {
        fleet.add(Arc::clone(provider) as Arc<Flights>);
    }
    fleet
}

pub(crate) fn desk(usage: Use, providers: &[&Arc<Scripted>]) -> Desk {
    Desk::new(fleet(usage, providers), Freshness::default(), clock())
}

/// [`BEGUN`], and as much more as tokio's time has moved on.
pub(crate) fn clock() -> Clock {
    let begun = Instant::now();
    Arc::new(move || BEGUN + i64::try_from(begun.elapsed().as_millis()).unwrap())
}

/// Runs the watch beside a test until the test ends.
pub(crate) fn watched(desk: &Desk) -> tokio::task::JoinHandle<()> {
    let desk = desk.clone();
    tokio::spawn(async move { desk.fleet().keep_watch().await })
}
