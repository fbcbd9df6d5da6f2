//! CheckWX: METAR and TAF texts of stations, behind the Aviation Weather Center.
//!
//!     stations, 25 a request ─► {"results", "data": [{icao, raw_text, observed}]} ─► the text, read here ─► AirportWeather
//!
//! As from every provider of reports, only text, station and instant are taken. Read in the service's documentation of versions 1 and 2; the
//! envelope was seen there, the daily quota and the forecast's field for its issue are from memory.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use slipstream_schemas::records::AirportWeather;

use super::error::ProviderError;
use super::http::{Http, Unusable, instant};
use super::profile::RateLimit;
use super::provider::{Answer, Card, Cost, Provider};
use super::secret::Secret;
use super::weather::{Kind, Reports, WeatherProvider, first, report};

/// Where the API is.
pub const BASE_URL: &str = "https://api.checkwx.com";
/// What calls cost: a whole set of stations is two requests at most.
pub const COST: Cost = Cost { status: 2, search: 2, health: 1 };
/// Stations of one request.
const STATIONS_A_REQUEST: usize = 25;

/// The client.
pub struct CheckWx {
    card: Card,
    http: Http,
    key: Secret,
}

/// What the free plan allows.
#[must_use]
pub fn limit() -> Option<RateLimit> {
    NonZeroU32::new(2000).map(|requests| RateLimit::window(requests, Duration::from_hours(24)))
}

impl CheckWx {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str, key: Secret) -> Result<Self, Unusable> {
        Ok(Self { card: Card { cost: COST, ..card }, http: Http::new(base)?, key })
    }

    async fn rows(&self, kind: Kind, stations: &[String]) -> Result<Vec<Row>, ProviderError> {
        let product = match kind {
            Kind::Metar => "metar",
            Kind::Taf => "taf",
            Kind::Sigmet => return Err(ProviderError::NotOffered),
        };
        let url = self.http.url(&[product, &stations.join(","), "decoded"], &[]);
        let headers = [("accept", "application/json"), ("x-api-key", self.key.reveal())];
        let reply = self.http.get(url, &headers).await?.accepted(|reply| reply.json::<Fault>().ok()?.message)?;
        Ok(reply.json::<Page>()?.data)
    }

    async fn fetch(&self, kind: Kind, stations: Vec<String>) -> Result<Reports, ProviderError> {
        let mut found = Reports::default();
        for part in first(&stations).chunks(STATIONS_A_REQUEST) {
            for row in self.rows(kind, part).await? {
                let read = row.read(kind);
                found.take(row.icao, read);
            }
        }
        Ok(found)
    }
}

impl Provider for CheckWx {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.rows(Kind::Metar, &["KJFK".to_owned()]).await.map(|_| ()) })
    }
}

impl WeatherProvider for CheckWx {
    fn reports(&self, kind: Kind, stations: &[String]) -> Answer<'_, Reports> {
        Box::pin(self.fetch(kind, stations.to_vec()))
    }
}

#[derive(Debug, Deserialize)]
struct Fault {
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    icao: String,
    raw_text: Option<String>,
    observed: Option<String>,
    timestamp: Option<Stamp>,
}

#[derive(Debug, Deserialize)]
struct Stamp {
    issued: Option<String>,
}

impl Row {
    fn read(&self, kind: Kind) -> Result<AirportWeather, String> {
        let issued = self.timestamp.as_ref().and_then(|stamp| stamp.issued.as_deref());
        // Its instants are UTC; some come without saying so.
        let utc = |at: &str| instant(at).or_else(|| instant(&format!("{at}Z")));
        report(kind, &self.icao, self.raw_text.as_deref(), self.observed.as_deref().or(issued).and_then(utc))
    }
}
