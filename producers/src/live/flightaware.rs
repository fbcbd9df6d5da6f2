//! FlightAware AeroAPI v4: flights, airport boards.
//!
//! Read in the published OpenAPI document 4.17.1. Key in the header `x-apikey`; quota and price count result sets (pages), not
//! requests. A flight is asked for by its ICAO designator, which is the operating carrier's, in a window around the day, since the
//! API filters by UTC. States follow the flags and the twelve times; the free text `status` is not defined and not read. A
//! diverted flight has two rows of one id: the row marked so counts.
//!
//! Not confirmed: the page size, the order of a board, the body of a 429, and other reasons than `INVALID_API_KEY`.

use std::cmp::Reverse;

use jiff::tz::TimeZone;
use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Carrier, Date};
use slipstream_schemas::records::FlightStatus;
use slipstream_schemas::reference;
use slipstream_streams::record::{Ts, rfc3339};
use uuid::Uuid;

use super::boards::Departures;
use super::error::ProviderError;
use super::http::{Http, Reply, Unusable, instant};
use super::provider::{Answer, Card, Clock, Cost, FlightDataProvider, LegQuery, Provider, Search, client};
use super::secret::Secret;
use super::status::{self, DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};
use crate::local_time::{DAY, HOUR};

/// Where the API is.
pub const BASE_URL: &str = "https://aeroapi.flightaware.com/aeroapi";
/// How far back and ahead the API knows flights.
const BACK: Ts = 10 * DAY;
const AHEAD: Ts = 2 * DAY;
/// Local days begin and end up to 14 hours from UTC's.
const DAY_MARGIN: Ts = 14 * HOUR;
/// Pages of an airport's board that are read for one search.
const BOARD_PAGES: u32 = 4;
/// Result sets that calls cost.
pub const COST: Cost = Cost { status: 1, search: BOARD_PAGES, health: 1 };

/// The client.
pub struct FlightAware {
    card: Card,
    http: Http,
    key: Secret,
    clock: Clock,
}

impl FlightAware {
    /// A client of the API at `base`.
    ///
    /// # Errors
    /// `base` is no address.
    pub fn new(card: Card, base: &str, key: Secret, clock: Clock) -> Result<Self, Unusable> {
        Ok(Self { card: Card { cost: COST, ..card }, http: Http::new(base)?, key, clock })
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let reply = self.http.get(self.http.url(path, query), &[("x-apikey", self.key.reveal())]).await?;
        reply.accepted(|reply| reply.json::<Fault>().ok().map(|fault| fault.reason))
    }

    /// The UTC window that holds a local day anywhere, as far as the API reaches.
    fn window(&self, date: Date) -> Result<[String; 2], ProviderError> {
        let days = jiff::civil::date(1970, 1, 1).until(date.civil()).map_or(0, |span| span.get_days());
        let (midnight, now) = (Ts::from(days) * DAY, (self.clock)());
        let start = (midnight - DAY_MARGIN).max(now - BACK + HOUR);
        let end = (midnight + DAY + DAY_MARGIN).min(now + AHEAD - HOUR);
        if start < end { Ok([start, end].map(whole_second)) } else { Err(ProviderError::NotOffered) }
    }

    /// Delays at one airport: one small result set; 404 is an airport without.
    async fn is_well(&self) -> Result<(), ProviderError> {
        self.get(&["airports", "KJFK", "delays"], &[]).await.map(|_| ())
    }

    fn speaker(&self, raw_data: Uuid) -> Speaker<'_> {
        Speaker { source: &self.card.name, at: (self.clock)(), raw_data, operates: false }
    }

    async fn status(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        let [start, end] = self.window(query.date)?;
        let parameters = [("ident_type", "designator"), ("start", &start), ("end", &end), ("max_pages", "1")];
        let reply = self.get(&["flights", &ident(query)], &parameters).await?;
        let Flights { flights } = reply.json()?;
        let mut fit: Vec<Flight> = flights.into_iter().filter(|flight| flight.fits(query)).collect();
        fit.sort_by_key(|flight| (flight.departs(), Reverse(flight.diverted)));
        let first = fit.into_iter().next().ok_or(ProviderError::NotFound)?;
        first.word(self.speaker(reply.id(&self.card.name)))
    }

    async fn between(&self, search: Search) -> Result<Vec<FlightStatusData>, ProviderError> {
        let [start, end] = self.window(search.date)?;
        let pages = BOARD_PAGES.to_string();
        let parameters = [("type", "Airline"), ("start", &start), ("end", &end), ("max_pages", &pages)];
        let reply = self.get(&["airports", search.origin.as_str(), "flights"], &parameters).await?;
        let (board, by): (Board, _) = (reply.json()?, self.speaker(reply.id(&self.card.name)));
        let flights = board.scheduled_departures.into_iter().chain(board.departures);
        let wanted = flights.filter(|flight| {
            flight.destination.as_ref().and_then(Place::airport) == Some(search.destination)
                && flight.local_date() == Some(search.date)
        });
        wanted.map(|flight| flight.word(by)).collect()
    }

    /// The next departures, one page of them. A row that cannot be read is left out: its leg is asked for by itself.
    async fn board(&self, board: Departures) -> Result<Vec<FlightStatusData>, ProviderError> {
        let parameters = [("type", "Airline"), ("start", &*whole_second(board.from)), ("max_pages", "1")];
        let reply = self.get(&["airports", board.airport.as_str(), "flights", "scheduled_departures"], &parameters).await?;
        let (page, by): (Scheduled, _) = (reply.json()?, self.speaker(reply.id(&self.card.name)));
        let flights = page.scheduled_departures.into_iter().filter(|flight| !flight.position_only);
        Ok(flights.filter_map(|flight| flight.word(by).ok()).collect())
    }
}

fn whole_second(at: Ts) -> String {
    rfc3339(at.div_euclid(1000) * 1000).replace(".000Z", "Z")
}

/// The ICAO designator where the carrier's is known: it names one operator, an IATA one can be shared.
fn ident(query: LegQuery) -> String {
    let icao = reference::carrier(query.carrier).and_then(|facts| facts.icao);
    LegQuery { carrier: icao.unwrap_or(query.carrier), ..query }.designator()
}

client!(FlightAware, search: between, departures: board);

#[derive(Debug, Deserialize)]
struct Fault {
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Flights {
    flights: Vec<Flight>,
}

#[derive(Debug, Deserialize)]
struct Scheduled {
    scheduled_departures: Vec<Flight>,
}

#[derive(Debug, Deserialize)]
struct Board {
    scheduled_departures: Vec<Flight>,
    departures: Vec<Flight>,
}

#[derive(Debug, Deserialize)]
struct Place {
    code_iata: Option<String>,
    timezone: Option<String>,
}

impl Place {
    fn airport(&self) -> Option<Airport> {
        self.code_iata.as_deref()?.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
struct Flight {
    ident: String,
    fa_flight_id: String,
    operator_iata: Option<String>,
    operator_icao: Option<String>,
    flight_number: Option<String>,
    registration: Option<String>,
    #[serde(default)]
    codeshares_iata: Vec<String>,
    cancelled: bool,
    diverted: bool,
    #[serde(default)]
    position_only: bool,
    origin: Option<Place>,
    destination: Option<Place>,
    /// Seconds; negative is early.
    departure_delay: Option<i64>,
    arrival_delay: Option<i64>,
    gate_origin: Option<String>,
    gate_destination: Option<String>,
    terminal_origin: Option<String>,
    terminal_destination: Option<String>,
    scheduled_out: Option<String>,
    estimated_out: Option<String>,
    actual_out: Option<String>,
    scheduled_off: Option<String>,
    actual_off: Option<String>,
    actual_on: Option<String>,
    scheduled_in: Option<String>,
    estimated_in: Option<String>,
    actual_in: Option<String>,
}

impl Flight {
    fn fits(&self, query: LegQuery) -> bool {
        let origin = self.origin.as_ref().and_then(Place::airport);
        !self.position_only && self.local_date() == Some(query.date) && (query.origin.is_none() || query.origin == origin)
    }

    /// Scheduled departure: off blocks, or off the runway where only that is known.
    fn departs(&self) -> Option<Ts> {
        self.scheduled_out.as_deref().or(self.scheduled_off.as_deref()).and_then(instant)
    }

    fn local_date(&self) -> Option<Date> {
        let zone = TimeZone::get(self.origin.as_ref()?.timezone.as_deref()?).ok()?;
        let departs = jiff::Timestamp::from_millisecond(self.departs()?).ok()?;
        Some(Date::from(departs.to_zoned(zone).date()))
    }

    /// The operating carrier's designator is stated in parts; `ident` is kept as what was received.
    fn designator(&self) -> Option<Designator> {
        let carrier = self.operator_iata.as_deref().or(self.operator_icao.as_deref())?;
        let designator = Designator::of(carrier, self.flight_number.as_deref()?, Role::Operating)?;
        Some(Designator { received: self.ident.clone(), ..designator })
    }

    fn word(self, by: Speaker<'_>) -> Result<FlightStatusData, ProviderError> {
        let designator = self.designator().ok_or_else(|| ProviderError::malformed("flights.flight_number", "no designator"))?;
        let date = self.local_date().map(|date| StatedDate { date, meaning: DateMeaning::LegLocal });
        let delay = self.arrival_delay.or(self.departure_delay);
        let (departure, arrival) = self.ends();
        let by_times = status::status_by_times(&departure, &arrival);
        Ok(FlightStatusData {
            flight_id: Some(self.fa_flight_id),
            also: self.codeshares_iata.iter().filter_map(|text| marketing(text)).collect(),
            date,
            status: match (self.cancelled, self.diverted) {
                // The flag also means "no longer tracked": what moved was not cancelled.
                (true, _) if by_times == FlightStatus::Scheduled => FlightStatus::Cancelled,
                (_, true) => FlightStatus::Diverted,
                _ => by_times,
            },
            tail: self.registration.as_deref().and_then(status::tail),
            delay_minutes: delay.and_then(|seconds| i32::try_from(seconds.div_euclid(60)).ok()),
            ..FlightStatusData::said(by, designator, departure, arrival)
        })
    }

    fn ends(&self) -> (LegEnd, LegEnd) {
        let at = |text: &Option<String>| text.as_deref().and_then(instant);
        let departure = LegEnd {
            airport: self.origin.as_ref().and_then(Place::airport),
            scheduled: self.departs(),
            estimated: at(&self.estimated_out),
            actual: at(&self.actual_out),
            runway: at(&self.actual_off),
            terminal: self.terminal_origin.clone(),
            gate: self.gate_origin.clone(),
        };
        let arrival = LegEnd {
            airport: self.destination.as_ref().and_then(Place::airport),
            scheduled: at(&self.scheduled_in),
            estimated: at(&self.estimated_in),
            actual: at(&self.actual_in),
            runway: at(&self.actual_on),
            terminal: self.terminal_destination.clone(),
            gate: self.gate_destination.clone(),
        };
        (departure, arrival)
    }
}

/// `UA7035` as a marketing designator.
fn marketing(text: &str) -> Option<Designator> {
    let (carrier, number) = text.split_at_checked(2)?;
    let _: Carrier = carrier.parse().ok()?;
    Designator::of(carrier, number, Role::Marketing)
}
