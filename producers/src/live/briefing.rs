//! Weather from whoever has it: the providers of reports behind one question.
//!
//!     stations ─► fleet, the highest priority first, the next one when it fails or is silent ─► Reports, and who sent them ─► records
//!
//! Usual order: Aviation Weather Center, CheckWX, Open-Meteo. What each call passes through: [`super::guard`]. A report is
//! published as recordings are: on `external.data`, under the airport's IATA code, else the station's ICAO code; its id follows from
//! its content, so the same report from two providers is one.

use std::sync::Arc;

use slipstream_schemas::records::AirportWeather;
use slipstream_streams::record::{Record, Ts};

use super::fleet::{Failed, Fleet, Line};
use super::guard::Budget;
use super::provider::Cost;
use super::shared::Shared;
use super::stats::ProviderReport;
use super::weather::{Kind, Reports, Unread, WeatherProvider};
use crate::{letters, reports};

/// Providers of weather reports.
pub type Weather = dyn WeatherProvider;

/// Who is asked for weather.
#[derive(Clone)]
pub struct Briefing(Arc<Fleet<Weather>>);

impl Briefing {
    /// Asks these.
    #[must_use]
    pub fn new(fleet: Fleet<Weather>) -> Self {
        Self(Arc::new(fleet))
    }

    /// Shares breakers and quotas with other processes, for as long as it is polled.
    pub async fn share(&self, shared: Arc<Shared>) {
        shared.keep(&self.0).await;
    }

    /// Checks the health of everybody and probes open breakers, for as long as it is polled.
    pub async fn keep_watch(&self) {
        self.0.keep_watch().await;
    }

    /// What is measured of each, the highest priority first.
    #[must_use]
    pub fn report(&self) -> Vec<ProviderReport> {
        self.0.report()
    }

    /// Makes a health check of everybody now; who fails, and why.
    pub async fn check_all(&self) -> Vec<Failed> {
        self.0.check_all().await
    }

    /// The newest reports of these stations (ICAO codes), at most [`super::weather::STATIONS_MAX`], and the name of who sent them.
    ///
    /// # Errors
    /// Nobody answered: why each did not.
    pub async fn reports(&self, kind: Kind, stations: &[String]) -> Result<(String, Reports), Vec<Failed>> {
        let budget = Budget::of(self.0.profile().deadline);
        let stations: Arc<[String]> = stations.into();
        let ask = move |line: Arc<Line<Weather>>, budget: Budget| {
            let stations = Arc::clone(&stations);
            async move {
                let card = line.guard.card();
                let found = line.guard.call(cost(kind, card.cost), &budget, || line.provider.reports(kind, &stations)).await?;
                Ok((card.name.clone(), found))
            }
        };
        self.0.first(self.0.by_priority(), &budget, ask).await
    }
}

/// SIGMETs are the one question that takes more than a set of stations.
fn cost(kind: Kind, cost: Cost) -> u32 {
    match kind {
        Kind::Metar | Kind::Taf => cost.status,
        Kind::Sigmet => cost.search,
    }
}

/// The dead letter of a report that `source` sent and nobody can read. Its id follows from what was said: the same text has one letter.
#[must_use]
pub fn unreadable(source: &str, unread: &Unread, known_at: Ts) -> Record {
    letters::of_report(source, &unread.station, &unread.problem, known_at)
}

/// The record of a report that became known at an instant.
#[must_use]
pub fn published(report: &AirportWeather, known_at: Ts) -> Record {
    reports::published(&"/producers/weather".into(), report, known_at.max(report.observed_at))
}
