//! A provider of weather reports that needs no network: fixed reports, a seed for all other stations, and faults on request.
//!
//!     station, half hour ─► the report fixed for it, else one by chance ─► text with the station and the instant of a real one ─► read as such
//!
//! Only a provider whose settings say `mock` is one; its name ends in `-mock`, and every text of its own ends in `RMK SIMULATED`: nobody
//! takes it for an observation. The same seed, station and half hour give the same report. It has no SIGMET.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use slipstream_streams::record::{Ts, derive_id};

use super::error::ProviderError;
use super::mock_faults::{Faults, Outage};
use super::provider::{Answer, Card, Clock, Provider};
use super::weather::{Kind, Reports, WeatherProvider, first, report};
use crate::local_time::{DAY, HOUR, MINUTE};

/// At the end of every text.
const MARK: &str = "RMK SIMULATED";
/// Reports of one station change every half hour.
const EVERY: Ts = 30 * MINUTE;
/// Weather by chance, the worst last; fine weather stands there more than once.
const BY_CHANCE: [&str; 8] = [
    "24008KT CAVOK 15/07 Q1021",
    "27012KT 9999 SCT035 12/06 Q1016",
    "25010KT 9999 FEW040 17/08 Q1019",
    "23015KT 9999 BKN025 10/07 Q1009",
    "26022G34KT 6000 RA BKN012 09/08 Q0998",
    "00000KT 0400 FG VV002 04/04 Q1025",
    "29025G38KT 3000 +TSRA BKN020CB 18/16 Q1003",
    "33014KT 1200 SN OVC006 M02/M03 Q1001",
];

/// How a mock of weather behaves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeatherMockSettings {
    /// What all its chance comes from.
    pub seed: u64,
    /// Share of calls that fail, 0 to 1.
    pub error_rate: f64,
    /// How long each call takes, ms.
    pub delay_ms: u64,
    /// Make up reports of stations that are not listed; without it they have none.
    pub random: bool,
    /// Stations with fixed weather.
    pub stations: Vec<MockStation>,
    /// When nobody answers.
    pub outages: Vec<Outage>,
}

impl Default for WeatherMockSettings {
    fn default() -> Self {
        Self { seed: 1, error_rate: 0.0, delay_ms: 50, random: true, stations: Vec::new(), outages: Vec::new() }
    }
}

/// A station with fixed weather.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MockStation {
    /// ICAO location indicator.
    pub station: String,
    /// Its weather as a METAR has it, behind station and time: `31018G32KT 1400 SN BR OVC006 M02/M03 Q0998`.
    pub metar: String,
    /// What is expected, as a TAF has it behind its validity; without it, what is observed.
    #[serde(default)]
    pub taf: Option<String>,
}

/// The provider.
pub struct WeatherMock {
    card: Card,
    settings: WeatherMockSettings,
    faults: Faults,
    clock: Clock,
}

impl WeatherMock {
    /// A mock of the provider that `card` describes, whatever its settings say its name is.
    #[must_use]
    pub fn new(card: Card, settings: WeatherMockSettings, clock: Clock) -> Self {
        let card = Card { name: format!("{}-mock", card.name), limit: None, ..card };
        let faults = Faults::new(settings.seed, settings.error_rate, settings.delay_ms, settings.outages.clone());
        Self { card, settings, faults, clock }
    }

    fn found(&self, kind: Kind, stations: &[String]) -> Reports {
        let at = (self.clock)().div_euclid(EVERY) * EVERY;
        let mut found = Reports::default();
        for station in first(stations) {
            if let Some(text) = self.text(kind, station, at) {
                found.take(station.clone(), report(kind, station, Some(&text), Some(at)));
            }
        }
        found
    }

    /// The text of a station's report; none where it has none.
    fn text(&self, kind: Kind, station: &str, at: Ts) -> Option<String> {
        let fixed = self.settings.stations.iter().find(|fixed| fixed.station == station);
        let by_chance = || self.settings.random.then(|| self.chance(station, at));
        match kind {
            Kind::Metar => {
                let weather = fixed.map(|fixed| fixed.metar.as_str()).or_else(by_chance)?;
                Some(format!("METAR {station} {} {weather} {MARK}", stamp(at, true)))
            }
            Kind::Taf => {
                let expected = fixed.map(|fixed| fixed.taf.as_deref().unwrap_or(&fixed.metar)).or_else(by_chance)?;
                let validity = format!("{}/{}", stamp(at, false), stamp(at + DAY - HOUR, false));
                Some(format!("TAF {station} {} {validity} {} {MARK}", stamp(at, true), as_forecast(expected)))
            }
            Kind::Sigmet => None,
        }
    }

    fn chance(&self, station: &str, at: Ts) -> &'static str {
        let hour = at.div_euclid(HOUR).to_be_bytes();
        let id = derive_id(&[station.as_bytes(), &self.settings.seed.to_be_bytes(), &hour]).as_u128();
        // Half of the id's bits are seed enough.
        let mut dice = ChaCha8Rng::seed_from_u64((id >> 64) as u64);
        let worst = dice.random_range(1..=BY_CHANCE.len());
        BY_CHANCE[dice.random_range(0..worst)]
    }
}

/// Day, hour and minute as reports write them, `210630Z`; of a validity day and hour.
fn stamp(at: Ts, to_the_minute: bool) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let (day, hour, minute) = (time.day(), time.hour(), time.minute());
    if to_the_minute { format!("{day:02}{hour:02}{minute:02}Z") } else { format!("{day:02}{hour:02}") }
}

/// What a forecast has of an observation: neither temperatures nor pressure.
fn as_forecast(weather: &str) -> String {
    let is_air = |group: &str| group.contains('/') && group.len() <= 7;
    let is_pressure =
        |group: &str| group.len() == 5 && group.starts_with(['Q', 'A']) && group[1..].bytes().all(|b| b.is_ascii_digit());
    let kept: Vec<&str> = weather.split(' ').filter(|group| !is_air(group) && !is_pressure(group)).collect();
    kept.join(" ")
}

impl Provider for WeatherMock {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(self.faults.called())
    }
}

impl WeatherProvider for WeatherMock {
    fn reports(&self, kind: Kind, stations: &[String]) -> Answer<'_, Reports> {
        let stations = stations.to_vec();
        Box::pin(async move {
            if kind == Kind::Sigmet {
                return Err(ProviderError::NotOffered);
            }
            self.faults.called().await?;
            Ok(self.found(kind, &stations))
        })
    }
}
