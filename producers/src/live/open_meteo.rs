//! Open-Meteo: the weather of a forecast model at an aerodrome, for the time when nobody has its report.
//!
//! ```text
//! stations ─► their positions ─► this hour's values ─► the same hour written as a report ─► read and assessed like any other
//! ```
//!
//! A model has no observer: the record's kind is `MODEL`, and its text is ours. Values become code groups by WMO's table of present
//! weather; a ceiling is supposed under a low cover of more than 60 %, 400 ft for each degree between air and dew point. There are no
//! forecasts in the form of a TAF. No key for what is not commercial; read in the service's documentation.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use slipstream_schemas::records::AirportWeather;
use slipstream_schemas::reference;

use super::error::ProviderError;
use super::http::{Http, Unusable};
use super::profile::RateLimit;
use super::provider::{Answer, Card, Cost, Provider};
use super::weather::{Kind, Reports, STATIONS_MAX, WeatherProvider, first};
use crate::reports;
use crate::weather::aerodromes;
use crate::weather::groups::Station;

/// Where the API is.
pub const BASE_URL: &str = "https://api.open-meteo.com";
/// What calls cost: every position counts.
pub const COST: Cost = Cost { status: STATIONS_MAX as u32, search: STATIONS_MAX as u32, health: 1 };
/// What is asked for.
const VALUES: &str = "temperature_2m,dew_point_2m,visibility,cloud_cover_low,wind_speed_10m,wind_direction_10m,wind_gusts_10m,\
                      weather_code,pressure_msl";
/// Low cover above which there is a ceiling, percent.
const CEILING_COVER: f64 = 60.0;
/// Height of a cloud base for each degree between air and dew point, hundreds of feet.
const BASE_PER_DEGREE: f64 = 4.0;

/// The client.
pub struct OpenMeteo {
    card: Card,
    http: Http,
}

/// What the service allows from one address.
#[must_use]
pub fn limit() -> Option<RateLimit> {
    NonZeroU32::new(600).map(|calls| RateLimit::window(calls, Duration::from_mins(1)))
}

impl OpenMeteo {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str) -> Result<Self, Unusable> {
        Ok(Self { card: Card { cost: COST, ..card }, http: Http::new(base)? })
    }

    async fn hours(&self, places: &[Place]) -> Result<Vec<Answered>, ProviderError> {
        let list = |degrees: fn(&Place) -> f64| {
            places.iter().map(|place| format!("{:.4}", degrees(place))).collect::<Vec<_>>().join(",")
        };
        let (latitude, longitude) = (list(|place| place.latitude), list(|place| place.longitude));
        let query = [
            ("latitude", latitude.as_str()),
            ("longitude", &longitude),
            ("hourly", VALUES),
            ("wind_speed_unit", "kn"),
            ("timezone", "UTC"),
            ("timeformat", "unixtime"),
            ("forecast_hours", "1"),
        ];
        let url = self.http.url(&["v1", "forecast"], &query);
        let reply = self.http.get(url, &[("accept", "application/json")]).await?;
        let reply = reply.accepted(|reply| reply.json::<Fault>().ok()?.reason)?;
        // One place is answered by an object, several by an array.
        if places.len() == 1 { Ok(vec![reply.json()?]) } else { reply.json() }
    }

    async fn fetch(&self, kind: Kind, stations: Vec<String>) -> Result<Reports, ProviderError> {
        if kind != Kind::Metar {
            return Err(ProviderError::NotOffered);
        }
        let mut found = Reports::default();
        let places: Vec<Place> = first(&stations).iter().filter_map(|station| Place::of(station)).collect();
        if places.is_empty() {
            return Ok(found);
        }
        let answers = self.hours(&places).await?;
        if answers.len() != places.len() {
            return Err(ProviderError::malformed("body", format_args!("{} places for {}", answers.len(), places.len())));
        }
        for (place, answer) in places.iter().zip(answers) {
            found.take(place.station.to_string(), answer.hourly.report(place.station));
        }
        Ok(found)
    }
}

impl Provider for OpenMeteo {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let places: Vec<Place> = Place::of("KJFK").into_iter().collect();
            self.hours(&places).await.map(|_| ())
        })
    }
}

impl WeatherProvider for OpenMeteo {
    fn reports(&self, kind: Kind, stations: &[String]) -> Answer<'_, Reports> {
        Box::pin(self.fetch(kind, stations.to_vec()))
    }
}

/// Where a station is.
struct Place {
    station: Station,
    latitude: f64,
    longitude: f64,
}

impl Place {
    fn of(station: &str) -> Option<Self> {
        let station: Station = station.parse().ok()?;
        let facts = reference::airport(aerodromes::airport(station)?)?;
        Some(Self { station, latitude: facts.latitude, longitude: facts.longitude })
    }
}

#[derive(Debug, Deserialize)]
struct Fault {
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answered {
    hourly: Hourly,
}

/// Values hour by hour; the first is this one.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Hourly {
    /// Epoch seconds.
    time: Vec<i64>,
    temperature_2m: Vec<Option<f64>>,
    dew_point_2m: Vec<Option<f64>>,
    visibility: Vec<Option<f64>>,
    cloud_cover_low: Vec<Option<f64>>,
    wind_speed_10m: Vec<Option<f64>>,
    wind_direction_10m: Vec<Option<f64>>,
    wind_gusts_10m: Vec<Option<f64>>,
    weather_code: Vec<Option<f64>>,
    pressure_msl: Vec<Option<f64>>,
}

impl Hourly {
    fn report(&self, station: Station) -> Result<AirportWeather, String> {
        let at = self.time.first().and_then(|seconds| seconds.checked_mul(1000)).filter(|at| *at >= 0).ok_or("no instant")?;
        let text = self.text(station, at).ok_or("no values")?;
        let report = reports::metar(&text)?;
        Ok(AirportWeather { observed_at: at, kind: "MODEL".to_owned(), ..report })
    }

    /// This hour in the groups of a report; none without wind.
    fn text(&self, station: Station, at: i64) -> Option<String> {
        let first = |values: &[Option<f64>], range: std::ops::RangeInclusive<f64>| {
            values.first().copied().flatten().filter(|v| range.contains(v))
        };
        let (speed, degrees) = (first(&self.wind_speed_10m, 0.0..=199.0)?, first(&self.wind_direction_10m, 0.0..=360.0)?);
        let time = jiff::Timestamp::from_millisecond(at).ok()?.strftime("%d%H%M").to_string();
        let degrees = if speed < 0.5 { 0.0 } else { (degrees / 10.0).round() * 10.0 };
        let mut text = format!("{station} {time}Z AUTO {degrees:03.0}{speed:02.0}");
        if let Some(gust) = first(&self.wind_gusts_10m, 0.0..=199.0).filter(|gust| *gust >= speed + 10.0) {
            write!(text, "G{gust:02.0}").ok()?;
        }
        let metres = first(&self.visibility, 0.0..=200_000.0)
            .map_or_else(|| "////".to_owned(), |metres| format!("{:04.0}", metres.min(9999.0)));
        write!(text, "KT {metres}").ok()?;
        if let Some(weather) = first(&self.weather_code, 0.0..=99.0).and_then(present_weather) {
            write!(text, " {weather}").ok()?;
        }
        let (air, dew) = (first(&self.temperature_2m, -99.0..=60.0), first(&self.dew_point_2m, -99.0..=60.0));
        if let Some((air, dew)) = air.zip(dew) {
            if first(&self.cloud_cover_low, 0.0..=100.0).is_some_and(|cover| cover > CEILING_COVER) {
                write!(text, " BKN{:03.0}", ((air - dew).max(0.0) * BASE_PER_DEGREE).max(1.0)).ok()?;
            }
            write!(text, " {}/{}", celsius(air), celsius(dew)).ok()?;
        }
        if let Some(pressure) = first(&self.pressure_msl, 850.0..=1090.0) {
            write!(text, " Q{pressure:04.0}").ok()?;
        }
        Some(text)
    }
}

/// `M02`, `03`.
fn celsius(value: f64) -> String {
    let sign = if value <= -0.5 { "M" } else { "" };
    format!("{sign}{:02.0}", value.abs())
}

/// Code table 4677 of WMO, as far as the service uses it, in the letters of a report.
fn present_weather(code: f64) -> Option<&'static str> {
    const TABLE: [(i32, &str); 23] = [
        (45, "FG"),
        (48, "FZFG"),
        (51, "-DZ"),
        (53, "DZ"),
        (55, "+DZ"),
        (56, "-FZDZ"),
        (57, "FZDZ"),
        (61, "-RA"),
        (63, "RA"),
        (65, "+RA"),
        (66, "-FZRA"),
        (67, "FZRA"),
        (71, "-SN"),
        (73, "SN"),
        (75, "+SN"),
        (77, "SG"),
        (80, "-SHRA"),
        (81, "SHRA"),
        (82, "+SHRA"),
        (85, "-SHSN"),
        (86, "+SHSN"),
        (95, "TSRA"),
        (96, "TSRAGS"),
    ];
    if code.round() >= 99.0 {
        return Some("+TSRAGR");
    }
    TABLE.iter().find(|(known, _)| f64::from(*known) == code.round()).map(|(_, letters)| *letters)
}
