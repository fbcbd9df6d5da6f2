//! Lufthansa Open API: flight status of the carriers it flies.
//!
//! Read in the developer portal's documentation. OAuth 2.0; `Bearer` with a capital B; `Accept` is required. A list of one is
//! sent as its element. Dates and times of the address are local at departure. Over a limit the gateway answers 403 with
//! `X-Mashery-Error-Code`, which here is a limit and not a refusal.
//!
//! A board is the departures of four hours after an instant, at most 80.
//!
//! Not confirmed: the numbers of the plans' limits, those gateway codes, how far around today the status reaches, and whether a board is by
//! scheduled times.

use std::time::Duration;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::records::FlightStatus;
use slipstream_schemas::reference;
use slipstream_streams::record::Ts;
use uuid::Uuid;

use super::boards::Departures;
use super::error::ProviderError;
use super::http::{Http, Reply, Unusable, instant};
use super::oauth::{Credentials, Tokens};
use super::provider::{Answer, Card, Clock, FlightDataProvider, LegQuery, Provider, Search, client};
use super::status::{self, DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};

/// Where the API is.
pub const BASE_URL: &str = "https://api.lufthansa.com/v1";
/// The gateway's word for a limit.
const LIMIT_HEADER: &str = "x-mashery-error-code";
/// Legs of a page: the most that may be asked for.
const PAGE: (&str, &str) = ("limit", "100");

/// The client.
pub struct Lufthansa {
    card: Card,
    http: Http,
    tokens: Tokens,
    clock: Clock,
}

impl Lufthansa {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str, credentials: Credentials, clock: Clock) -> Result<Self, Unusable> {
        let http = Http::new(base)?;
        let tokens = Tokens::new(http.clone(), http.url(&["oauth", "token"], &[]), credentials);
        Ok(Self { card, http, tokens, clock })
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let call = |bearer: String| async move {
            let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
            let reply = self.http.get(self.http.url(path, query), &headers).await?;
            if reply.header(LIMIT_HEADER).is_some_and(|code| code.contains("DEVELOPER_OVER")) {
                return Err(ProviderError::RateLimited { retry_after: reply.retry_after() });
            }
            reply.accepted(reason)
        };
        self.tokens.authorised(call).await
    }

    /// The legs at a path below `operations/flightstatus`, with the id of the answer.
    async fn flights(&self, path: &[&str], query: &[(&str, &str)]) -> Result<(Vec<Flight>, Uuid), ProviderError> {
        let reply = self.get(&[["operations", "flightstatus"].as_slice(), path].concat(), query).await?;
        let Answered { resource } = reply.json()?;
        Ok((resource.flights.flight.into_vec(), reply.id(&self.card.name)))
    }

    /// A flight that need not exist: a 404 of the API behind the gateway shows that key and API work.
    async fn is_well(&self) -> Result<(), ProviderError> {
        let today = jiff::Timestamp::from_millisecond((self.clock)()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        self.get(&["operations", "flightstatus", "LH1", &today.date().to_string()], &[]).await.map(|_| ())
    }

    fn speaker(&self, raw_data: Uuid) -> Speaker<'_> {
        Speaker { source: &self.card.name, at: (self.clock)(), raw_data, operates: true }
    }

    async fn status(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        let (flights, id) = self.flights(&[&query.designator(), &query.date.to_string()], &[]).await?;
        let origin = |flight: &Flight| flight.departure.airport();
        let mut fit: Vec<Flight> =
            flights.into_iter().filter(|flight| query.origin.is_none() || query.origin == origin(flight)).collect();
        fit.sort_by_key(|flight| flight.departure.scheduled());
        fit.first().ok_or(ProviderError::NotFound)?.word(self.speaker(id))
    }

    async fn route(&self, search: Search) -> Result<Vec<FlightStatusData>, ProviderError> {
        let Search { origin, destination, date } = search;
        let found = self.flights(&["route", origin.as_str(), destination.as_str(), &date.to_string()], &[]).await;
        let (flights, id) = match found {
            // A board without flights.
            Err(ProviderError::NotFound) => return Ok(Vec::new()),
            found => found?,
        };
        flights.iter().map(|flight| flight.word(self.speaker(id))).collect()
    }

    /// The next departures. A row that cannot be read is left out: its leg is asked for by itself.
    async fn board(&self, board: Departures) -> Result<Vec<FlightStatusData>, ProviderError> {
        let zone = &reference::airport(board.airport).ok_or(ProviderError::NotFound)?.zone;
        let from = jiff::Timestamp::from_millisecond(board.from).map_err(|_| ProviderError::NotFound)?;
        let wall = zone.to_datetime(from).strftime("%Y-%m-%dT%H:%M").to_string();
        let (flights, id) = self.flights(&["departures", board.airport.as_str(), &wall], &[PAGE]).await?;
        Ok(flights.iter().filter_map(|flight| flight.word(self.speaker(id)).ok()).collect())
    }
}

fn reason(reply: &Reply) -> Option<String> {
    let faults: Faults = reply.json().ok()?;
    Some(faults.errors.error.into_vec().into_iter().next()?.kind)
}

client!(Lufthansa, search: route, departures: board);

/// What JSON made of an XML list: one element stands alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(Box<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(many) => many,
            Self::One(one) => vec![*one],
        }
    }
}

#[derive(Debug, Deserialize)]
struct Faults {
    #[serde(rename = "ProcessingErrors")]
    errors: FaultList,
}

#[derive(Debug, Deserialize)]
struct FaultList {
    #[serde(rename = "ProcessingError")]
    error: OneOrMany<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(rename = "Type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Answered {
    #[serde(rename = "FlightStatusResource")]
    resource: Resource,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    flights: FlightList,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FlightList {
    flight: OneOrMany<Flight>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flight {
    departure: End,
    arrival: End,
    marketing_carrier: Option<Number>,
    operating_carrier: Option<Number>,
    equipment: Option<Equipment>,
    flight_status: Option<Code>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct End {
    airport_code: String,
    scheduled_time_local: Option<Stamp>,
    #[serde(rename = "ScheduledTimeUTC")]
    scheduled_time_utc: Option<Stamp>,
    #[serde(rename = "EstimatedTimeUTC")]
    estimated_time_utc: Option<Stamp>,
    #[serde(rename = "ActualTimeUTC")]
    actual_time_utc: Option<Stamp>,
    terminal: Option<Terminal>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stamp {
    date_time: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Terminal {
    name: Option<Label>,
    gate: Option<Label>,
}

/// A name that JSON may have made a number of.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Label {
    Text(String),
    Number(u64),
}

impl Label {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Number {
    #[serde(rename = "AirlineID")]
    airline: String,
    #[serde(rename = "FlightNumber")]
    number: Label,
}

impl Number {
    fn designator(&self, role: Role) -> Option<Designator> {
        Designator::of(&self.airline, &self.number.text(), role)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Equipment {
    aircraft_registration: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    code: String,
}

impl End {
    fn airport(&self) -> Option<Airport> {
        self.airport_code.parse().ok()
    }

    fn scheduled(&self) -> Option<Ts> {
        at(self.scheduled_time_utc.as_ref())
    }

    fn read(&self) -> LegEnd {
        let label = |label: Option<&Label>| label.map(Label::text);
        LegEnd {
            airport: self.airport(),
            scheduled: self.scheduled(),
            estimated: at(self.estimated_time_utc.as_ref()),
            actual: at(self.actual_time_utc.as_ref()),
            runway: None,
            terminal: label(self.terminal.as_ref().and_then(|terminal| terminal.name.as_ref())),
            gate: label(self.terminal.as_ref().and_then(|terminal| terminal.gate.as_ref())),
        }
    }
}

fn at(stamp: Option<&Stamp>) -> Option<Ts> {
    instant(&stamp?.date_time)
}

impl Flight {
    fn word(&self, by: Speaker<'_>) -> Result<FlightStatusData, ProviderError> {
        let number = |number: &Option<Number>, role| number.as_ref().and_then(|number| number.designator(role));
        let operating = number(&self.operating_carrier, Role::Operating);
        let marketing = number(&self.marketing_carrier, Role::Marketing);
        let mut designators = operating.into_iter().chain(marketing);
        let designator = designators.next().ok_or_else(|| ProviderError::malformed("OperatingCarrier", "no designator"))?;
        let (departure, arrival) = (self.departure.read(), self.arrival.read());
        let own = (designator.carrier, designator.number);
        Ok(FlightStatusData {
            also: designators.filter(|other| (other.carrier, other.number) != own).collect(),
            date: self.date(),
            status: self.status(&departure, &arrival),
            tail: self.equipment.as_ref().and_then(|equipment| status::tail(equipment.aircraft_registration.as_deref()?)),
            ..FlightStatusData::said(by, designator, departure, arrival)
        })
    }

    fn date(&self) -> Option<StatedDate> {
        let local = &self.departure.scheduled_time_local.as_ref()?.date_time;
        let date: Date = local.get(..10)?.parse().ok()?;
        Some(StatedDate { date, meaning: DateMeaning::LegLocal })
    }

    /// The code where it says something; `NA` and codes of later versions leave it to the times.
    fn status(&self, departure: &LegEnd, arrival: &LegEnd) -> FlightStatus {
        let by_times = status::status_by_times(departure, arrival);
        match self.flight_status.as_ref().map(|status| status.code.as_str()) {
            Some("CD") => FlightStatus::Cancelled,
            Some("DV" | "RT") => FlightStatus::Diverted,
            Some("LD") => by_times.max(FlightStatus::Landed),
            Some("DP") => by_times.max(FlightStatus::Departed),
            _ => by_times,
        }
    }
}

/// A limit of the community plan; others are set by hand.
pub const CALLS_PER_SECOND: (u32, Duration) = (5, Duration::from_secs(1));
