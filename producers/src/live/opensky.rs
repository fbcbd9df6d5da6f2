//! OpenSky Network: what aircraft say of themselves over ADS-B, as the movements of legs that are known.
//!
//! ```text
//! /states/all, at most once in its pace ─► contacts ─► tracks: take-offs, landings ─┐
//! legs of flight.state under the number asked for ─► the one under way ─────────────┴─► AIRBORNE, LANDED, OFF and ON at their instant
//! ```
//!
//! The network knows callsigns and no schedule. A leg is found by the ICAO designator as callsign, and only the one leg of that number that can be
//! under way: nothing is told of a number with two. OFF and ON are told where two contacts within two minutes prove them, within [`NEAR_KM`]
//! of the leg's own airports; a place elsewhere is nobody's diversion. Without [`FlightDataProvider::acquaint`], which the sync calls, every
//! question is one that is not offered. Airlines whose callsigns are not their flight numbers are not found at all.
//!
//! A call costs by area, and credits come by the day. So one call serves all questions until the next may be made, the health checks make
//! it, and its pace follows from the credits. Read in the network's documentation of July 2026; never called from here.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Deserialize;
use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{FlightEvent, FlightStatus};
use slipstream_schemas::reference;
use slipstream_streams::record::Ts;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

use super::error::ProviderError;
use super::http::{Http, Reply, Unusable};
use super::oauth::{Credentials, Tokens};
use super::profile::RateLimit;
use super::provider::{Answer, Card, Clock, Cost, FlightDataProvider, LegQuery, Provider};
use super::state_vector::{Page, Place};
use super::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};
use super::sync::truth::Truth;
use super::tracks::{Movement, Track, Tracks};
use crate::local_time::{HOUR, MINUTE};

/// Where the API is.
pub const BASE_URL: &str = "https://opensky-network.org/api";
/// Where tokens come from.
pub const TOKEN_URL: &str = "https://auth.opensky-network.org/auth/realms/opensky-network/protocol/openid-connect/token";
/// Credits a day without and with an account.
const CREDITS: [u32; 2] = [400, 4_000];
/// The network has nothing newer for its callers within this time, anonymous ones; others have 5 s.
const RESOLUTION: Duration = Duration::from_secs(10);
/// Pause when the credits left do not pay another call: nothing says when new ones come.
const SPENT_PAUSE: Duration = Duration::from_mins(15);
/// Most addresses in one request: the address line has an end.
pub const AIRCRAFT_MAX: usize = 200;
/// A movement this near to an airport's reference point is one there, km; the largest airports reach 9.
pub const NEAR_KM: f64 = 12.0;
/// Legs leave this long before their schedule at most, ms.
const EARLY_MAX: Ts = 30 * MINUTE;
/// Legs are over this long after their scheduled arrival, told or not, ms.
const LATE_MAX: Ts = 12 * HOUR;
/// How long a leg takes where its arrival is not known, ms.
const FLIGHT_MAX: Ts = 20 * HOUR;
/// An aircraft is where it last was for this long, ms: a vector has a position of its last 15 s.
const HEARD_WITHIN: Ts = 10 * MINUTE;

/// Which aircraft are asked for, and where tokens come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watched {
    /// Only within: south, west, north, east, in degrees. What is outside is never heard of, but a small area costs less.
    pub bbox: Option<[f64; 4]>,
    /// Only these: addresses of transponders, six hexadecimal digits.
    pub icao24: Vec<String>,
    /// Where tokens come from, instead of the public place.
    pub token_url: Option<String>,
}

impl Watched {
    fn checked(&self) -> Result<(), Unusable> {
        let [south, west, north, east] = self.bbox.unwrap_or([-90.0, -180.0, 90.0, 180.0]);
        let inside = [south, north].iter().all(|at| at.abs() <= 90.0) && [west, east].iter().all(|at| at.abs() <= 180.0);
        if !inside || south >= north || west >= east {
            return Err(Unusable("opensky.bbox: south, west, north, east in degrees, south < north and west < east".to_owned()));
        }
        let is_address = |text: &String| text.len() == 6 && u32::from_str_radix(text, 16).is_ok();
        match self.icao24.iter().find(|text| !is_address(text)) {
            Some(text) => Err(Unusable(format!("opensky.icao24: `{text}` is not six hexadecimal digits"))),
            None if self.icao24.len() > AIRCRAFT_MAX => Err(Unusable(format!("opensky.icao24: more than {AIRCRAFT_MAX}"))),
            None => Ok(()),
        }
    }

    /// Credits of one call, by the square degrees asked for.
    fn cost(&self) -> u32 {
        match self.bbox.map(|[south, west, north, east]| (north - south) * (east - west)) {
            Some(area) if area <= 25.0 => 1,
            Some(area) if area <= 100.0 => 2,
            Some(area) if area <= 400.0 => 3,
            _ => 4,
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let names = ["lamin", "lomin", "lamax", "lomax"];
        let edges = self.bbox.into_iter().flat_map(|bbox| names.into_iter().zip(bbox.map(|degrees| degrees.to_string())));
        edges.chain(self.icao24.iter().map(|address| ("icao24", address.to_ascii_lowercase()))).collect()
    }
}

/// The client.
pub struct OpenSky {
    card: Card,
    http: Http,
    tokens: Option<Tokens>,
    watched: Watched,
    pace: Duration,
    clock: Clock,
    truth: OnceLock<Arc<Truth>>,
    sky: Mutex<Sky>,
}

/// What was heard so far.
#[derive(Default)]
struct Sky {
    tracks: Tracks,
    /// When the next call may be made; at once before the first.
    next: Option<Instant>,
    raw_data: Uuid,
}

impl OpenSky {
    /// A client of the API at `base`; anonymous without credentials. The limit of `card` counts credits.
    ///
    /// # Errors
    /// An address is none, or what is to be watched is no area or no list of aircraft.
    pub fn new(card: Card, base: &str, login: Option<Credentials>, watched: Watched, clock: Clock) -> Result<Self, Unusable> {
        watched.checked()?;
        let http = Http::new(base)?;
        let limit = card.limit.or_else(|| daily(CREDITS[usize::from(login.is_some())]));
        let pace = limit.map_or(RESOLUTION, |limit| pace(limit, watched.cost()));
        let token_url = watched.token_url.as_deref().unwrap_or(TOKEN_URL);
        let token_url = Http::new(token_url)?.url(&[], &[]);
        let tokens = login.map(|login| Tokens::new(http.clone(), token_url, login));
        // The pace keeps the quota: a question costs nothing by itself.
        let card = Card { cost: Cost { status: 0, search: 0, health: 0 }, limit, ..card };
        Ok(Self { card, http, tokens, watched, pace, clock, truth: OnceLock::new(), sky: Mutex::default() })
    }

    async fn get(&self, bearer: Option<&str>) -> Result<Reply, ProviderError> {
        let query = self.watched.query();
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let headers: Vec<(&'static str, &str)> = bearer.map(|bearer| ("authorization", bearer)).into_iter().collect();
        let reply = self.http.get(self.http.url(&["states", "all"], &query), &headers).await?;
        match reply.status.as_u16() {
            429 => Err(ProviderError::RateLimited { retry_after: seconds(&reply).or_else(|| reply.retry_after()) }),
            _ => reply.accepted(|_| None),
        }
    }

    async fn states(&self) -> Result<Reply, ProviderError> {
        match &self.tokens {
            Some(tokens) => tokens.authorised(|bearer| async move { self.get(Some(&bearer)).await }).await,
            None => self.get(None).await,
        }
    }

    /// The sky as of the last call; makes one where its time has come. All who wait for it get that one.
    async fn sky(&self) -> Result<MutexGuard<'_, Sky>, ProviderError> {
        let mut sky = self.sky.lock().await;
        if sky.next.is_some_and(|next| Instant::now() < next) {
            return Ok(sky);
        }
        let reply = self.states().await?;
        let (contacts, left_out) = reply.json::<Page>()?.contacts()?;
        tracing::debug!(provider = %self.card.name, contacts = contacts.len(), left_out, "states");
        let spent = remaining(&reply).is_some_and(|left| left < self.watched.cost());
        sky.next = Some(Instant::now() + if spent { SPENT_PAUSE.max(self.pace) } else { self.pace });
        sky.raw_data = reply.id(&self.card.name);
        sky.tracks.hear(contacts);
        Ok(sky)
    }

    async fn status(&self, query: LegQuery) -> Result<FlightStatusData, ProviderError> {
        let truth = self.truth.get().ok_or(ProviderError::NotOffered)?;
        let sky = self.sky().await?;
        let legs = truth.flight(&query);
        let callsign = callsign(query).ok_or(ProviderError::NotFound)?;
        let track = sky.tracks.under(&callsign).ok_or(ProviderError::NotFound)?;
        let leg = under_way(&legs, track.last.at).filter(|event| is_asked(event, query)).ok_or(ProviderError::NotFound)?;
        let by = Speaker { source: &self.card.name, at: (self.clock)(), raw_data: sky.raw_data, operates: false };
        let told = told(track, leg, by, callsign.clone());
        told.filter(|said| said.status != FlightStatus::Unknown).ok_or(ProviderError::NotFound)
    }
}

impl Provider for OpenSky {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.sky().await.map(|_| ()) })
    }

    fn check_every(&self) -> Duration {
        self.pace
    }
}

impl FlightDataProvider for OpenSky {
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
        Box::pin(self.status(query))
    }

    fn acquaint(&self, truth: &Arc<Truth>) {
        // The first one stays: a provider belongs to one desk.
        let _ = self.truth.set(Arc::clone(truth));
    }
}

fn daily(credits: u32) -> Option<RateLimit> {
    NonZeroU32::new(credits).map(|credits| RateLimit::window(credits, Duration::from_hours(24)))
}

/// How often calls of that cost may be made all the time. A window's units are those at once and those that come back in it.
fn pace(limit: RateLimit, cost: u32) -> Duration {
    (limit.per * cost / limit.units.saturating_add(limit.burst.get()).get()).max(RESOLUTION)
}

fn seconds(reply: &Reply) -> Option<Duration> {
    reply.header("x-rate-limit-retry-after-seconds")?.trim().parse().ok().map(Duration::from_secs)
}

fn remaining(reply: &Reply) -> Option<u32> {
    reply.header("x-rate-limit-remaining")?.trim().parse().ok()
}

/// The callsign of a flight whose callsign is its number: `LOT335`.
fn callsign(query: LegQuery) -> Option<String> {
    let icao = reference::carrier(query.carrier)?.icao?;
    Some(LegQuery { carrier: icao, ..query }.designator())
}

/// The one leg that can be under way at an instant; none where two can.
fn under_way(legs: &[FlightEvent], at: Ts) -> Option<&FlightEvent> {
    let arrives = |leg: &FlightEvent| {
        let unknown = leg.scheduled_departure.saturating_add(FLIGHT_MAX);
        leg.scheduled_arrival.into_iter().chain(leg.estimated_arrival).max().unwrap_or(unknown)
    };
    let has_begun = |leg: &&FlightEvent| leg.scheduled_departure.saturating_sub(EARLY_MAX) <= at;
    let is_over = |leg: &&FlightEvent| {
        matches!(leg.status, FlightStatus::Arrived | FlightStatus::Cancelled) || at >= arrives(leg).saturating_add(LATE_MAX)
    };
    let begun: Vec<&FlightEvent> = legs.iter().filter(has_begun).filter(|leg| !is_over(leg)).collect();
    // That a leg which has landed is in its stand nobody need ever say.
    let flying: Vec<&FlightEvent> = begun.iter().copied().filter(|leg| leg.status != FlightStatus::Landed).collect();
    match (&begun[..], &flying[..]) {
        ([one], _) | (_, [one]) => Some(one),
        _ => None,
    }
}

fn is_asked(event: &FlightEvent, query: LegQuery) -> bool {
    event.leg.date == query.date && query.origin.is_none_or(|origin| origin == event.leg.origin)
}

/// What a track proves of a leg; none of a leg that went elsewhere.
fn told(track: &Track, event: &FlightEvent, by: Speaker<'_>, callsign: String) -> Option<FlightStatusData> {
    let leg = &event.leg;
    let moved = |moved: Option<Movement>, airport: Airport| {
        let since = event.scheduled_departure.saturating_sub(EARLY_MAX);
        moved.filter(|moved| moved.at >= since && is_near(moved.place, airport)).map(|moved| moved.at)
    };
    let end = |airport, runway| LegEnd { airport: Some(airport), runway, ..LegEnd::default() };
    let departure = end(leg.origin, moved(track.off, leg.origin));
    let arrival = end(leg.destination, moved(track.on, leg.destination));
    let heard = by.at - track.last.at <= HEARD_WITHIN;
    let status = match (arrival.runway, track.last.on_ground) {
        (Some(_), _) => FlightStatus::Landed,
        (None, true) if heard && is_near(track.last.place, leg.destination) => FlightStatus::Landed,
        (None, false) if heard || departure.runway.is_some() => FlightStatus::Airborne,
        (None, _) => FlightStatus::Unknown,
    };
    let suffix = leg.suffix.map_or_else(String::new, |suffix| suffix.to_string());
    let designator = Designator::of(leg.carrier.as_str(), &format!("{}{suffix}", leg.number), Role::Operating)?;
    let designator = Designator { received: callsign, ..designator };
    let date = Some(StatedDate { date: leg.date, meaning: DateMeaning::LegLocal });
    let said = FlightStatusData { date, status, ..FlightStatusData::said(by, designator, departure, arrival) };
    (event.status != FlightStatus::Diverted).then_some(said)
}

/// On the plane that touches the earth there: good to a metre at this distance, and over the date line.
fn is_near(place: Place, airport: Airport) -> bool {
    const KM_PER_DEGREE: f64 = 111.2;
    let Some(facts) = reference::airport(airport) else { return false };
    let east = (place.longitude - facts.longitude + 540.0).rem_euclid(360.0) - 180.0;
    let north = place.latitude - facts.latitude;
    let (east, north) = (east * facts.latitude.to_radians().cos() * KM_PER_DEGREE, north * KM_PER_DEGREE);
    east.hypot(north) <= NEAR_KM
}
