//! Amadeus: flight status, flight search, airport details, delay predictions, through the Self-Service REST contract.
//!
//! Read in the published OpenAPI documents and guides. The public self-service offer was closed in July 2026; the contract is
//! kept for whoever still has a host that speaks it, so the address is a setting without a default. An enterprise contract may differ.
//!
//! A status has neither a state nor a cancellation: it follows from the times. An empty list with status 200 is an unknown flight.
//! Its date is local at the flight's first departure. Gateway errors send numbers as texts at times; both are read.
//!
//! Not confirmed: the qualifiers ETD, ATD, ETA and ATA, which the document's example does not show.

mod delay;

use std::time::Duration;

use jiff::civil::DateTime;
use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::reference;
use slipstream_streams::record::Ts;
use uuid::Uuid;

pub use self::delay::DelayPrediction;
use super::error::ProviderError;
use super::http::{Http, Reply, Unusable, instant};
use super::oauth::{Credentials, Tokens};
use super::provider::{Answer, Card, Clock, FlightDataProvider, LegQuery, Provider, Search, client};
use super::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};

/// Error codes (Amadeus' own numbers).
const QUOTA_SPENT: u64 = 38195;
/// A spent quota comes back with the month; asked again once a day.
const QUOTA_PAUSE: Duration = Duration::from_hours(24);
/// Offers of one search that are read.
const OFFERS_MAX: &str = "50";

/// The client.
pub struct Amadeus {
    card: Card,
    http: Http,
    tokens: Tokens,
    clock: Clock,
}

/// Where at an airport a flight is handled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AirportDetails {
    /// The airport.
    pub airport: Airport,
    /// Terminal.
    pub terminal: Option<String>,
    /// Gate.
    pub gate: Option<String>,
}

impl Amadeus {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str, credentials: Credentials, clock: Clock) -> Result<Self, Unusable> {
        let http = Http::new(base)?;
        let tokens = Tokens::new(http.clone(), http.url(&["v1", "security", "oauth2", "token"], &[]), credentials);
        Ok(Self { card, http, tokens, clock })
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let call = |bearer: String| async move {
            let headers = [("authorization", bearer.as_str()), ("accept", "application/vnd.amadeus+json, application/json")];
            let reply = self.http.get(self.http.url(path, query), &headers).await?;
            let issue = issue(&reply);
            let spent = issue.as_ref().and_then(|issue| issue.code.number()) == Some(QUOTA_SPENT);
            match reply.accepted(|_| issue.as_ref().map(|issue| issue.title.clone())) {
                Err(ProviderError::RateLimited { .. }) if spent => {
                    Err(ProviderError::RateLimited { retry_after: Some(QUOTA_PAUSE) })
                }
                other => other,
            }
        };
        self.tokens.authorised(call).await
    }

    async fn dated(&self, query: LegQuery) -> Result<(DatedFlight, Uuid), ProviderError> {
        let (number, date) = (query.number.to_string(), query.date.to_string());
        let suffix = query.suffix.map(|suffix| suffix.to_string());
        let mut parameters =
            vec![("carrierCode", query.carrier.as_str()), ("flightNumber", &number), ("scheduledDepartureDate", &date)];
        parameters.extend(suffix.as_deref().map(|suffix| ("operationalSuffix", suffix)));
        let reply = self.get(&["v2", "schedule", "flights"], &parameters).await?;
        let flights: List<DatedFlight> = reply.json()?;
        let first = flights.data.into_iter().next().ok_or(ProviderError::NotFound)?;
        Ok((first, reply.id(&self.card.name)))
    }

    /// The status of a flight that need not exist: an empty list is an answer.
    async fn is_well(&self) -> Result<(), ProviderError> {
        let today = jiff::Timestamp::from_millisecond((self.clock)()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        let date = today.date().to_string();
        let parameters = [("carrierCode", "LH"), ("flightNumber", "1"), ("scheduledDepartureDate", date.as_str())];
        self.get(&["v2", "schedule", "flights"], &parameters).await.map(|_| ())
    }

    fn speaker(&self, raw_data: Uuid) -> Speaker<'_> {
        Speaker { source: &self.card.name, at: (self.clock)(), raw_data, operates: false }
    }

    async fn status(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        let (flight, id) = self.dated(query).await?;
        flight.word(query.origin, self.speaker(id))
    }

    /// Where a flight is handled at one of its airports: terminal and gate, as far as they are published.
    ///
    /// # Errors
    /// As [`FlightDataProvider::flight_status`]; `NotFound` too when the flight does not call there.
    pub async fn airport_details(&self, query: LegQuery, airport: Airport) -> Result<AirportDetails, ProviderError> {
        let (flight, _) = self.dated(query).await?;
        let point =
            flight.flight_points.iter().find(|point| point.iata_code == airport.as_str()).ok_or(ProviderError::NotFound)?;
        let calls = [point.departure.as_ref(), point.arrival.as_ref()];
        let first = |part: fn(&Call) -> Option<String>| calls.iter().flatten().find_map(|call| part(call));
        Ok(AirportDetails { airport, terminal: first(Call::terminal), gate: first(Call::gate) })
    }

    async fn offers(&self, search: Search) -> Result<Vec<FlightStatusData>, ProviderError> {
        let date = search.date.to_string();
        let parameters = [
            ("originLocationCode", search.origin.as_str()),
            ("destinationLocationCode", search.destination.as_str()),
            ("departureDate", &date),
            ("adults", "1"),
            ("nonStop", "true"),
            ("max", OFFERS_MAX),
        ];
        let reply = self.get(&["v2", "shopping", "flight-offers"], &parameters).await?;
        let (offers, id): (List<Offer>, _) = (reply.json()?, reply.id(&self.card.name));
        let segments = offers.data.iter().flat_map(|offer| &offer.itineraries).flat_map(|itinerary| &itinerary.segments);
        let mut found: Vec<FlightStatusData> =
            segments.map(|segment| segment.word(self.speaker(id))).collect::<Result<_, _>>()?;
        // Fares of one flight are many offers.
        found.sort_by(|a, b| a.designator.received.cmp(&b.designator.received));
        found.dedup_by(|a, b| a.designator.received == b.designator.received && a.departure == b.departure);
        Ok(found)
    }
}

client!(Amadeus, search: offers);

#[derive(Debug, Deserialize)]
struct Issues {
    errors: Vec<Issue>,
}

#[derive(Debug, Deserialize)]
struct Issue {
    code: Number,
    #[serde(default)]
    title: String,
}

fn issue(reply: &Reply) -> Option<Issue> {
    if reply.status.is_success() {
        return None;
    }
    reply.json::<Issues>().ok()?.errors.into_iter().next()
}

/// A number that some gateways write as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct List<T> {
    data: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatedFlight {
    scheduled_departure_date: String,
    flight_designator: FlightDesignator,
    flight_points: Vec<Point>,
    #[serde(default)]
    segments: Vec<Segment>,
    #[serde(default)]
    legs: Vec<Leg>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Leg {
    board_point_iata_code: String,
    off_point_iata_code: String,
    aircraft_equipment: Option<Equipment>,
    /// ISO 8601.
    scheduled_leg_duration: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Equipment {
    aircraft_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlightDesignator {
    carrier_code: String,
    flight_number: Number,
    operational_suffix: Option<String>,
}

impl FlightDesignator {
    fn read(&self, role: Role) -> Option<Designator> {
        let (number, suffix) = (self.flight_number.number()?, self.operational_suffix.as_deref().unwrap_or_default());
        Designator::of(&self.carrier_code, &format!("{number}{suffix}"), role)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    iata_code: String,
    departure: Option<Call>,
    arrival: Option<Call>,
}

#[derive(Debug, Deserialize)]
struct Call {
    terminal: Option<Terminal>,
    gate: Option<Gate>,
    #[serde(default)]
    timings: Vec<Timing>,
}

#[derive(Debug, Deserialize)]
struct Terminal {
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    main_gate: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Timing {
    qualifier: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Segment {
    partnership: Option<Partnership>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partnership {
    operating_flight: Option<FlightDesignator>,
}

impl Call {
    fn terminal(&self) -> Option<String> {
        self.terminal.as_ref()?.code.clone()
    }

    fn gate(&self) -> Option<String> {
        self.gate.as_ref()?.main_gate.clone()
    }

    fn at(&self, qualifier: &str) -> Option<Ts> {
        self.stated(qualifier).and_then(instant)
    }

    /// A time as it is stated: local, with its offset.
    fn stated(&self, qualifier: &str) -> Option<&str> {
        self.timings.iter().find(|timing| timing.qualifier == qualifier).map(|timing| timing.value.as_str())
    }

    fn end(&self, airport: &str, [scheduled, estimated, actual]: [&str; 3]) -> LegEnd {
        LegEnd {
            airport: airport.parse().ok(),
            scheduled: self.at(scheduled),
            estimated: self.at(estimated),
            actual: self.at(actual),
            runway: None,
            terminal: self.terminal(),
            gate: self.gate(),
        }
    }
}

impl DatedFlight {
    fn word(&self, origin: Option<Airport>, by: Speaker<'_>) -> Result<FlightStatusData, ProviderError> {
        let (departure, arrival) = self.leg(origin).ok_or(ProviderError::NotFound)?;
        let operating = self.segments.iter().find_map(|segment| segment.partnership.as_ref()?.operating_flight.as_ref());
        let role = if operating.is_some() { Role::Marketing } else { Role::Unstated };
        let designator = self.flight_designator.read(role);
        let date = self.scheduled_departure_date.parse().ok();
        let designator = designator.ok_or_else(|| ProviderError::malformed("flightDesignator", "no designator"))?;
        Ok(FlightStatusData {
            also: operating.and_then(|flight| flight.read(Role::Operating)).into_iter().collect(),
            date: date.map(|date: Date| StatedDate { date, meaning: DateMeaning::FlightLocal }),
            ..FlightStatusData::said(by, designator, departure, arrival)
        })
    }

    /// The leg from `origin`, or the first: from one point to the next.
    fn leg(&self, origin: Option<Airport>) -> Option<(LegEnd, LegEnd)> {
        let pairs = self.flight_points.iter().zip(self.flight_points.iter().skip(1));
        let mut legs = pairs.filter_map(|(from, to)| {
            let departure = from.departure.as_ref()?.end(&from.iata_code, ["STD", "ETD", "ATD"]);
            Some((departure, to.arrival.as_ref()?.end(&to.iata_code, ["STA", "ETA", "ATA"])))
        });
        legs.find(|(departure, _)| origin.is_none() || departure.airport == origin)
    }
}

#[derive(Debug, Deserialize)]
struct Offer {
    itineraries: Vec<Itinerary>,
}

#[derive(Debug, Deserialize)]
struct Itinerary {
    segments: Vec<OfferedSegment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferedSegment {
    departure: Stop,
    arrival: Stop,
    carrier_code: String,
    number: String,
    operating: Option<Operating>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    iata_code: String,
    terminal: Option<String>,
    /// Local wall time, without offset.
    at: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operating {
    carrier_code: Option<String>,
}

impl Stop {
    fn read(&self) -> LegEnd {
        let airport: Option<Airport> = self.iata_code.parse().ok();
        LegEnd { airport, scheduled: self.instant(airport), terminal: self.terminal.clone(), ..LegEnd::default() }
    }

    /// By the airport's own clock; one that we do not know gives none.
    fn instant(&self, airport: Option<Airport>) -> Option<Ts> {
        let zone = reference::airport(airport?)?.zone.clone();
        let wall: DateTime = self.at.parse().ok()?;
        zone.to_ambiguous_timestamp(wall).compatible().ok().map(jiff::Timestamp::as_millisecond)
    }
}

impl OfferedSegment {
    fn word(&self, by: Speaker<'_>) -> Result<FlightStatusData, ProviderError> {
        let (departure, arrival) = (self.departure.read(), self.arrival.read());
        let by_itself = self.operating.as_ref().and_then(|by| by.carrier_code.as_deref()) == Some(self.carrier_code.as_str());
        let role = if by_itself { Role::Operating } else { Role::Marketing };
        let designator = Designator::of(&self.carrier_code, &self.number, role);
        let date = self.departure.at.get(..10).and_then(|date| date.parse().ok());
        let designator = designator.ok_or_else(|| ProviderError::malformed("segments.number", "no designator"))?;
        Ok(FlightStatusData {
            date: date.map(|date| StatedDate { date, meaning: DateMeaning::LegLocal }),
            ..FlightStatusData::said(by, designator, departure, arrival)
        })
    }
}
