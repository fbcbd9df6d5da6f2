//! Whom to ask for weather: the table `[weather]` becomes a briefing.
//!
//! ```toml
//! [[weather.providers]]
//! kind = "aviationweather"       # no key; asked first because of its priority
//! priority = 10
//! [[weather.providers]]
//! kind = "checkwx"               # CHECKWX_API_KEY
//! priority = 5
//! [[weather.providers]]
//! kind = "openmeteo"             # a model, for when nobody has the report
//! mock = { seed = 7, error_rate = 0.1 }
//! ```
//!
//! Without a provider nothing is fetched. One is a mock only where its entry says so. Keys come from the environment alone, as in [`super::config`].

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::briefing::{Briefing, Weather};
use super::checkwx::{self, CheckWx};
use super::config::{Environment, Limit, secret};
use super::fleet::Fleet;
use super::http::Unusable;
use super::open_meteo::{self, OpenMeteo};
use super::profile::{Profile, RateLimit, Use};
use super::provider::{Card, Clock, TIMEOUT};
use super::weather::{self, AviationWeather, STATIONS_MAX};
use super::weather_mock::{WeatherMock, WeatherMockSettings};

/// Calls to one provider under way at once.
const PARALLEL_MAX: usize = 2;

/// The table `[weather]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeatherSettings {
    /// The providers.
    pub providers: Vec<WeatherEntry>,
}

/// Who has reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeatherKind {
    /// Aviation Weather Center Data API.
    AviationWeather,
    /// CheckWX.
    CheckWx,
    /// Open-Meteo.
    OpenMeteo,
    /// None but a mock's.
    Mock,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeatherEntry {
    /// Which API it speaks.
    pub kind: WeatherKind,
    /// Who is asked first: the highest.
    #[serde(default)]
    pub priority: u8,
    /// Address of the API, instead of the public one.
    pub url: Option<String>,
    /// Seconds for one attempt.
    pub timeout_s: Option<u64>,
    /// What the contract with the provider allows, instead of what it allows everybody.
    pub limit: Option<Limit>,
    /// In place of the provider, a mock that behaves like this.
    pub mock: Option<WeatherMockSettings>,
}

impl WeatherSettings {
    /// A briefing by these providers; none where there is none.
    ///
    /// # Errors
    /// One lacks its key, has an address that is none, or stands there twice.
    pub fn briefing(&self, environment: Environment<'_>, clock: &Clock) -> Result<Option<Briefing>, Unusable> {
        let fleet = Fleet::<Weather>::new(Profile::of(Use::Monitor));
        for (place, entry) in self.providers.iter().enumerate() {
            let named = |e: Unusable| Unusable(format!("weather.providers[{place}] ({}): {e}", entry.name()));
            fleet.add(entry.client(environment, clock).map_err(named)?);
        }
        if fleet.by_priority().len() < self.providers.len() {
            return Err(Unusable("weather.providers: two of one kind".to_owned()));
        }
        Ok((!self.providers.is_empty()).then(|| Briefing::new(fleet)))
    }
}

impl WeatherEntry {
    fn name(&self) -> String {
        match self.kind {
            // Beside the mocks of flight data, whose names the same pages show.
            WeatherKind::Mock => "weather".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        }
    }

    fn client(&self, environment: Environment<'_>, clock: &Clock) -> Result<Arc<Weather>, Unusable> {
        let (public, limit, cost) = match self.kind {
            WeatherKind::AviationWeather => (weather::BASE_URL, weather::limit(), weather::COST),
            WeatherKind::CheckWx => (checkwx::BASE_URL, checkwx::limit(), checkwx::COST),
            WeatherKind::OpenMeteo => (open_meteo::BASE_URL, open_meteo::limit(), open_meteo::COST),
            WeatherKind::Mock => ("", None, weather::COST),
        };
        let base = self.url.as_deref().unwrap_or(public);
        let stated = self.limit.map(|limit| RateLimit::window(limit.units, Duration::from_secs(limit.per_s.get().into())));
        let card = Card {
            name: self.name(),
            priority: self.priority,
            timeout: self.timeout_s.map_or(TIMEOUT, Duration::from_secs),
            limit: stated.or(limit),
            cost,
            batch_max: STATIONS_MAX,
            boards: false,
            parallel_max: PARALLEL_MAX,
        };
        if let Some(settings) = &self.mock {
            return Ok(Arc::new(WeatherMock::new(card, settings.clone(), clock.clone())));
        }
        Ok(match self.kind {
            WeatherKind::AviationWeather => Arc::new(AviationWeather::new(card, base)?),
            WeatherKind::CheckWx => Arc::new(CheckWx::new(card, base, secret(environment, "CHECKWX_API_KEY")?)?),
            WeatherKind::OpenMeteo => Arc::new(OpenMeteo::new(card, base)?),
            WeatherKind::Mock => return Err(Unusable("a mock says how it behaves: give `mock = {}`".to_owned())),
        })
    }
}
