//! Air France-KLM Open Data: flight status of both airlines.
//!
//! Read in the portal's field descriptions, and in replies stored in 2021. Key in the header `API-Key`. A flight is asked for by its id,
//! `20261121+KL+1887`, whose date is the UTC date of its first departure, while a question has a local one: the day before
//! is tried too where the day itself has no such leg. Smaller plans allow a call a second, and throttle with 500 at times.
//!
//! Not confirmed: today's field names, the public states other than `ON_TIME` and `CANCELLED`, the daily quota.

use std::time::Duration;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::records::FlightStatus;
use slipstream_schemas::reference;

use super::error::ProviderError;
use super::http::{Http, Reply, Unusable, instant};
use super::provider::{Answer, Card, Clock, Cost, FlightDataProvider, LegQuery, Provider, client};
use super::secret::Secret;
use super::status::{self, DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};

/// Where the API is.
pub const BASE_URL: &str = "https://api.airfranceklm.com/opendata";
/// What the smallest plan allows.
pub const CALLS_PER_SECOND: (u32, Duration) = (1, Duration::from_millis(1100));
/// What calls cost: a status may need the day before too.
pub const COST: Cost = Cost { status: 2, search: 1, health: 1 };

/// The client.
pub struct AirFranceKlm {
    card: Card,
    http: Http,
    key: Secret,
    clock: Clock,
}

impl AirFranceKlm {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str, key: Secret, clock: Clock) -> Result<Self, Unusable> {
        Ok(Self { card: Card { cost: COST, ..card }, http: Http::new(base)?, key, clock })
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let headers = [("api-key", self.key.reveal()), ("accept", "application/hal+json"), ("accept-language", "en-US")];
        self.http.get(self.http.url(path, query), &headers).await?.accepted(|_| None)
    }

    /// A flight that need not exist: 404 shows that key and API work.
    async fn is_well(&self) -> Result<(), ProviderError> {
        let now = jiff::Timestamp::from_millisecond((self.clock)()).unwrap_or_default();
        let id = format!("{}+KL+0001", now.strftime("%Y%m%d"));
        self.get(&["flightstatus", &id], &[]).await.map(|_| ())
    }

    async fn status(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        match self.of_day(query, query.date.civil()).await {
            Err(ProviderError::NotFound) => {}
            answer => return answer,
        }
        let before = query.date.civil().yesterday().map_err(|_| ProviderError::NotFound)?;
        self.of_day(query, before).await
    }

    /// The leg asked for, of the flight whose first departure is on that day in UTC.
    async fn of_day(&self, query: LegQuery, day: jiff::civil::Date) -> Result<FlightStatusData, ProviderError> {
        let suffix = query.suffix.map_or_else(String::new, |suffix| format!("+{suffix}"));
        let id = format!("{}+{}+{:04}{suffix}", day.strftime("%Y%m%d"), query.carrier, query.number);
        let reply = self.get(&["flightstatus", &id], &[]).await?;
        let flight: Flight = reply.json()?;
        let leg = flight.flight_legs.iter().find(|leg| leg.fits(query)).ok_or(ProviderError::NotFound)?;
        let (source, at) = (self.card.name.as_str(), (self.clock)());
        flight.word(leg, Speaker { source, at, raw_data: reply.id(source), operates: true })
    }
}

client!(AirFranceKlm);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flight {
    id: String,
    flight_number: u16,
    flight_schedule_date: String,
    airline: Coded,
    #[serde(default)]
    code_share_relations: Vec<CodeShare>,
    flight_legs: Vec<Leg>,
}

#[derive(Debug, Deserialize)]
struct Coded {
    code: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CodeShare {
    marketing_flight_number: u16,
    airline: Coded,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Leg {
    leg_status_public: Option<String>,
    departure_information: End,
    arrival_information: End,
    aircraft: Option<Aircraft>,
    irregularity: Option<Irregularity>,
}

#[derive(Debug, Deserialize)]
struct End {
    airport: Place,
    #[serde(default)]
    times: Times,
}

#[derive(Debug, Deserialize)]
struct Place {
    code: String,
    places: Option<Handling>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    scheduled: Option<String>,
    latest_published: Option<String>,
    estimated: Option<Estimate>,
    actual: Option<String>,
    actual_take_off_time: Option<String>,
    actual_touch_down_time: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handling {
    terminal_code: Option<String>,
    #[serde(default)]
    gate_number: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Aircraft {
    registration: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Irregularity {
    cancelled: Option<String>,
}

impl End {
    fn airport(&self) -> Option<Airport> {
        self.airport.code.parse().ok()
    }

    fn read(&self) -> LegEnd {
        let at = |text: &Option<String>| text.as_deref().and_then(instant);
        let (times, handling) = (&self.times, self.airport.places.as_ref());
        let scheduled = at(&times.scheduled);
        let estimated = times.estimated.as_ref().and_then(|estimate| at(&estimate.value));
        // The time for the public repeats the schedule until there is another.
        let published = at(&times.latest_published).filter(|published| Some(*published) != scheduled);
        LegEnd {
            airport: self.airport(),
            scheduled,
            estimated: estimated.or(published),
            actual: at(&times.actual),
            runway: at(&times.actual_take_off_time).or_else(|| at(&times.actual_touch_down_time)),
            terminal: handling.and_then(|handling| handling.terminal_code.clone()),
            gate: handling.and_then(|handling| handling.gate_number.first().cloned()),
        }
    }
}

impl Leg {
    fn fits(&self, query: LegQuery) -> bool {
        let origin = self.departure_information.airport();
        self.local_date() == Some(query.date) && (query.origin.is_none() || query.origin == origin)
    }

    fn local_date(&self) -> Option<Date> {
        let facts = reference::airport(self.departure_information.airport()?)?;
        facts.local_date(self.departure_information.times.scheduled.as_deref().and_then(instant)?)
    }

    fn status(&self, departure: &LegEnd, arrival: &LegEnd) -> FlightStatus {
        let cancelled = self.irregularity.as_ref().and_then(|irregularity| irregularity.cancelled.as_deref()) == Some("Y");
        let by_times = status::status_by_times(departure, arrival);
        match self.leg_status_public.as_deref() {
            _ if cancelled => FlightStatus::Cancelled,
            Some("CANCELLED") => FlightStatus::Cancelled,
            Some("DIVERTED") => FlightStatus::Diverted,
            Some("DEPARTED") => by_times.max(FlightStatus::Departed),
            Some("IN_FLIGHT") => by_times.max(FlightStatus::Airborne),
            Some("LANDED") => by_times.max(FlightStatus::Landed),
            Some("ARRIVED") => by_times.max(FlightStatus::Arrived),
            _ => by_times,
        }
    }
}

impl Flight {
    fn word(&self, leg: &Leg, by: Speaker<'_>) -> Result<FlightStatusData, ProviderError> {
        let designator = |airline: &Coded, number: u16, role| Designator::of(&airline.code, &number.to_string(), role);
        let operating = designator(&self.airline, self.flight_number, Role::Operating);
        let shares = self.code_share_relations.iter();
        let (departure, arrival) = (leg.departure_information.read(), leg.arrival_information.read());
        let date = self.flight_schedule_date.parse().ok();
        let operating = operating.ok_or_else(|| ProviderError::malformed("flightNumber", "no designator"))?;
        Ok(FlightStatusData {
            flight_id: Some(self.id.clone()),
            also: shares.filter_map(|share| designator(&share.airline, share.marketing_flight_number, Role::Marketing)).collect(),
            date: date.map(|date: Date| StatedDate { date, meaning: DateMeaning::FlightUtc }),
            status: leg.status(&departure, &arrival),
            tail: leg.aircraft.as_ref().and_then(|aircraft| status::tail(aircraft.registration.as_deref()?)),
            ..FlightStatusData::said(by, operating, departure, arrival)
        })
    }
}
