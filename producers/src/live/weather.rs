//! Weather reports: the interface of their providers, and the Aviation Weather Center's Data API.
//!
//!     stations ─► JSON rows ─► the report's own text, read here ─► AirportWeather, with its impact
//!
//! Only the text, its station and its instant are taken from a row: the center's decoded fields are its own reading, and ours is the
//! one that recordings have too. A text that cannot be read fails alone and is named. Reports go through the same [`super::fleet`] as flights.
//!
//! Read in the API's OpenAPI document v4 and its page. No key; 100 requests a minute and address; 204 is "none".

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use slipstream_schemas::records::AirportWeather;
use slipstream_streams::record::Ts;

use super::error::ProviderError;
use super::http::{Http, Reply, Unusable, instant};
use super::profile::RateLimit;
use super::provider::{Answer, Card, Cost, Provider};
use super::sigmet::warnings;
use crate::reports;

/// Where the API is.
pub const BASE_URL: &str = "https://aviationweather.gov";
/// Stations asked for in one request; the center answers with at most 400 rows.
pub const STATIONS_MAX: usize = 50;
/// What calls cost: SIGMETs are two lists.
pub const COST: Cost = Cost { status: 1, search: 2, health: 1 };

/// What kind of report is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Observations.
    Metar,
    /// Forecasts.
    Taf,
    /// Warnings of en-route weather, as far as they hinder aerodromes.
    Sigmet,
}

/// A report that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Station as the provider names it.
    pub station: String,
    /// Why.
    pub problem: String,
}

/// Reports, and what could not be read among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reports {
    /// Read and assessed.
    pub read: Vec<AirportWeather>,
    /// Not readable.
    pub unread: Vec<Unread>,
}

impl Reports {
    /// Takes in what a provider names a report of `station`.
    pub(super) fn take(&mut self, station: String, read: Result<AirportWeather, String>) {
        match read {
            Ok(report) => self.read.push(report),
            Err(problem) => self.unread.push(Unread { station, problem }),
        }
    }
}

/// A report by its text, which must be of the station that the provider names, and its instant.
pub(super) fn report(kind: Kind, station: &str, text: Option<&str>, at: Option<Ts>) -> Result<AirportWeather, String> {
    let text = text.ok_or("no text")?;
    let observed_at = at.filter(|at| *at >= 0).ok_or("no instant")?;
    let report = match kind {
        Kind::Metar => reports::metar(text)?,
        Kind::Taf => reports::taf(text)?,
        Kind::Sigmet => return Err("a SIGMET is no station's report".to_owned()),
    };
    if report.station != station {
        return Err(format!("the text is of {}", report.station));
    }
    Ok(AirportWeather { observed_at, ..report })
}

/// As many stations as are asked for at once.
pub(super) fn first(stations: &[String]) -> &[String] {
    &stations[..STATIONS_MAX.min(stations.len())]
}

/// Somebody who has weather reports.
pub trait WeatherProvider: Provider {
    /// The newest reports of these stations (ICAO location indicators), at most [`STATIONS_MAX`]; a station without one is absent, and
    /// one in the areas of several SIGMETs has a report for each.
    fn reports(&self, kind: Kind, stations: &[String]) -> Answer<'_, Reports>;
}

/// The client.
pub struct AviationWeather {
    card: Card,
    http: Http,
}

/// What the center allows from one address.
#[must_use]
pub fn limit() -> Option<RateLimit> {
    NonZeroU32::new(100).map(|requests| RateLimit::window(requests, Duration::from_mins(1)))
}

impl AviationWeather {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str) -> Result<Self, Unusable> {
        Ok(Self { card: Card { cost: COST, ..card }, http: Http::new(base)? })
    }

    async fn get(&self, product: &str, query: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let url = self.http.url(&["api", "data", product], &[query, &[("format", "json")]].concat());
        self.http.get(url, &[("accept", "application/json")]).await?.accepted(|reply| reply.json::<Fault>().ok()?.error)
    }

    /// The rows of a product; no content is none.
    async fn rows<T: DeserializeOwned>(&self, product: &str, query: &[(&str, &str)]) -> Result<Vec<T>, ProviderError> {
        let reply = self.get(product, query).await?;
        if reply.status.as_u16() == 204 || reply.is_empty() { Ok(Vec::new()) } else { reply.json() }
    }

    async fn fetch(&self, kind: Kind, stations: Vec<String>) -> Result<Reports, ProviderError> {
        let product = match kind {
            Kind::Metar => "metar",
            Kind::Taf => "taf",
            Kind::Sigmet => return self.sigmets(first(&stations)).await,
        };
        let mut found = Reports::default();
        for row in self.rows::<Row>(product, &[("ids", &first(&stations).join(","))]).await? {
            let read = row.read(kind);
            found.take(row.icao_id, read);
        }
        Ok(found)
    }

    /// Both lists whole: neither can be asked for by station.
    async fn sigmets(&self, stations: &[String]) -> Result<Reports, ProviderError> {
        let mut found = Reports::default();
        for product in ["isigmet", "airsigmet"] {
            warnings(&self.rows(product, &[]).await?, stations, &mut found);
        }
        Ok(found)
    }
}

impl Provider for AviationWeather {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.get("metar", &[("ids", "KJFK")]).await.map(|_| ()) })
    }
}

impl WeatherProvider for AviationWeather {
    fn reports(&self, kind: Kind, stations: &[String]) -> Answer<'_, Reports> {
        Box::pin(self.fetch(kind, stations.to_vec()))
    }
}

#[derive(Debug, Deserialize)]
struct Fault {
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    icao_id: String,
    raw_ob: Option<String>,
    /// Epoch seconds.
    obs_time: Option<i64>,
    #[serde(rename = "rawTAF")]
    raw_taf: Option<String>,
    issue_time: Option<String>,
}

impl Row {
    fn read(&self, kind: Kind) -> Result<AirportWeather, String> {
        let (text, at) = match kind {
            Kind::Metar => (&self.raw_ob, self.obs_time.and_then(|seconds| seconds.checked_mul(1000))),
            Kind::Taf | Kind::Sigmet => (&self.raw_taf, self.issue_time.as_deref().and_then(instant)),
        };
        report(kind, &self.icao_id, text.as_deref(), at)
    }
}
