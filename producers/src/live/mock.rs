//! A provider that needs no network: fixed legs, a seed for all others, and faults on request.
//!
//! Only a provider whose settings say `mock = true` is one; it never stands in for a real one in silence, and its name ends in
//! `-mock`. It says that it flies whatever it is asked for, by one timetable for all mocks. The same seed and the same question
//! give the same fate; the same seed and the same call in a row the same fault.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::FlightStatus;
use slipstream_streams::record::{Ts, derive_id};

use super::error::ProviderError;
use super::mock_faults::{Faults, Outage};
use super::provider::{Answer, Card, Clock, FlightDataProvider, LegQuery, Provider, Search};
use super::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};
use crate::local_time::{DAY, HOUR, MINUTE};

/// Seed of what all mocks agree on.
const TIMETABLE: u64 = 0;

/// How a mock behaves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MockSettings {
    /// What all its chance comes from.
    pub seed: u64,
    /// Share of calls that fail, 0 to 1.
    pub error_rate: f64,
    /// How long each call takes, ms.
    pub delay_ms: u64,
    /// Make up legs that are not listed; without it they are not known.
    pub random: bool,
    /// Legs with a fixed fate.
    pub legs: Vec<MockLeg>,
    /// When nobody answers.
    pub outages: Vec<Outage>,
}

impl Default for MockSettings {
    fn default() -> Self {
        Self { seed: 1, error_rate: 0.0, delay_ms: 50, random: true, legs: Vec::new(), outages: Vec::new() }
    }
}

/// A leg with a fixed fate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MockLeg {
    /// Designator, such as `LH400`.
    pub flight: String,
    /// Minutes late.
    #[serde(default)]
    pub delay_min: i32,
    /// Will not operate.
    #[serde(default)]
    pub cancelled: bool,
    /// Lands elsewhere.
    #[serde(default)]
    pub diverted: bool,
    /// Departure gate.
    #[serde(default)]
    pub gate: Option<String>,
    /// Airport of departure, unless the question names one.
    #[serde(default)]
    pub from: Option<Airport>,
    /// Airport of arrival.
    #[serde(default)]
    pub to: Option<Airport>,
}

/// The provider.
pub struct Mock {
    card: Card,
    settings: MockSettings,
    faults: Faults,
    clock: Clock,
}

impl Mock {
    /// A mock of the provider that `card` describes, whatever its settings say its name is.
    #[must_use]
    pub fn new(card: Card, settings: MockSettings, clock: Clock) -> Self {
        let card = Card { name: format!("{}-mock", card.name.trim_end_matches("-mock")), ..card };
        let faults = Faults::new(settings.seed, settings.error_rate, settings.delay_ms, settings.outages.clone());
        Self { card, settings, faults, clock }
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.faults.calls()
    }

    /// What it says of a leg, without any fault.
    pub(super) fn leg(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        let fixed = self.settings.legs.iter().find(|leg| leg.flight == query.designator());
        let number = query.number.to_string();
        let designator = Designator::of(query.carrier.as_str(), &number, Role::Operating);
        match (fixed, designator) {
            (None, _) if !self.settings.random => Err(ProviderError::NotFound),
            (_, None) => Err(ProviderError::NotFound),
            (Some(leg), Some(designator)) => Ok(self.word(query, designator, leg)),
            (None, Some(designator)) => Ok(self.word(query, designator, &self.chance(query))),
        }
    }

    /// A fate for a leg without one: one in fifty is cancelled, four in ten are late.
    fn chance(&self, query: LegQuery) -> MockLeg {
        let mut dice = self.dice(query);
        let late = dice.random_bool(0.4);
        MockLeg {
            flight: query.designator(),
            delay_min: if late { dice.random_range(5..120) } else { 0 },
            cancelled: dice.random_bool(0.02),
            diverted: dice.random_bool(0.003),
            gate: Some(format!("{}{}", ["A", "B", "C"][dice.random_range(0..3)], dice.random_range(1..40))),
            from: None,
            to: None,
        }
    }

    fn dice(&self, query: LegQuery) -> ChaCha8Rng {
        dice(query, self.settings.seed)
    }

    fn word(&self, query: LegQuery, designator: Designator, leg: &MockLeg) -> FlightStatusData {
        let scheduled = departs(query);
        let end = |scheduled: Ts, airport, gate| LegEnd {
            airport,
            scheduled: Some(scheduled),
            estimated: (!leg.cancelled).then_some(scheduled + Ts::from(leg.delay_min) * MINUTE),
            gate,
            ..LegEnd::default()
        };
        let (origin, destination) = route(query, leg);
        // One leg has one id, however it was asked for.
        let flight_id = LegQuery { origin, ..query };
        let departure = end(scheduled, origin, leg.gate.clone());
        let arrival = end(scheduled + 2 * HOUR, destination, None);
        let raw_data = derive_id(&[self.card.name.as_bytes(), query.to_string().as_bytes()]);
        let by = Speaker { source: &self.card.name, at: (self.clock)(), raw_data, operates: false };
        FlightStatusData {
            flight_id: Some(format!("mock-{flight_id}")),
            date: Some(StatedDate { date: query.date, meaning: DateMeaning::LegLocal }),
            status: fate(leg),
            delay_minutes: Some(leg.delay_min),
            ..FlightStatusData::said(by, designator, departure, arrival)
        }
    }
}

/// Somewhen on the day asked for, to five minutes: one timetable for all mocks.
fn departs(query: LegQuery) -> Ts {
    let days = jiff::civil::date(1970, 1, 1).until(query.date.civil()).map_or(0, |span| span.get_days());
    Ts::from(days) * DAY + dice(query, TIMETABLE).random_range(60..270) * 5 * MINUTE
}

/// From where to where, by the same timetable.
fn route(query: LegQuery, leg: &MockLeg) -> (Option<Airport>, Option<Airport>) {
    let mut dice = dice(query, TIMETABLE + 1);
    let mut code = |codes: [&str; 4]| codes[dice.random_range(0..4)].parse().ok();
    let (origin, destination) = (code(["FRA", "LHR", "CDG", "AMS"]), code(["JFK", "MUC", "MAD", "WAW"]));
    let origin = query.origin.or(leg.from).or(origin);
    let other = || if origin == destination { "VIE".parse().ok() } else { destination };
    (origin, leg.to.or_else(other))
}

/// Chance for a flight of a day.
fn dice(query: LegQuery, seed: u64) -> ChaCha8Rng {
    let flight = format!("{}/{}", query.designator(), query.date);
    let seed = derive_id(&[flight.as_bytes(), &seed.to_be_bytes()]).as_u128();
    // Half of the id's bits are seed enough.
    ChaCha8Rng::seed_from_u64((seed >> 64) as u64)
}

fn fate(leg: &MockLeg) -> FlightStatus {
    match (leg.cancelled, leg.diverted) {
        (true, _) => FlightStatus::Cancelled,
        (_, true) => FlightStatus::Diverted,
        _ => FlightStatus::Scheduled,
    }
}

impl Provider for Mock {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(self.faults.called())
    }
}

impl FlightDataProvider for Mock {
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
        Box::pin(async move {
            self.faults.called().await?;
            self.leg(query)
        })
    }

    fn multiple_flights(&self, queries: &[LegQuery]) -> Answer<'_, Vec<Result<FlightStatusData, ProviderError>>> {
        let queries = queries.to_vec();
        Box::pin(async move {
            self.faults.called().await?;
            Ok(queries.into_iter().map(|query| self.leg(query)).collect())
        })
    }

    fn search(&self, _: Search) -> Answer<'_, Vec<FlightStatusData>> {
        Box::pin(async move {
            self.faults.called().await?;
            Ok(Vec::new())
        })
    }
}
