//! The one interface of all who know how flights are doing.
//!
//! A provider only asks and reads: one call, one request (or the few that its protocol needs), no retry, no cache, no waiting
//! for quota. All that is around it, the same for every provider: [`super::guard`]. Its answers are told apart by
//! [`ProviderError`], so that the surroundings know what to do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix};
use slipstream_streams::record::Ts;

use super::boards::Departures;
use super::error::ProviderError;
use super::fleet::HEALTH_EVERY;
use super::profile::RateLimit;
use super::status::{Designator, FlightStatusData, Role};
use super::sync::truth::Truth;

/// A call under way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// The time a provider gets for one attempt, unless its settings say otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Characters of a refused text that are shown.
const TEXT_SHOWN_MAX: usize = 40;

/// A leg as somebody asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LegQuery {
    /// Airline, as on the ticket or on the tail.
    pub carrier: Carrier,
    /// Flight number, 0 to 9999.
    pub number: u16,
    /// Operational suffix.
    pub suffix: Option<Suffix>,
    /// Local date of departure at the leg's origin.
    pub date: Date,
    /// Which leg, of a flight with several.
    pub origin: Option<Airport>,
}

impl LegQuery {
    /// The designator asked for: `LH400`.
    #[must_use]
    pub fn designator(&self) -> String {
        let suffix = self.suffix.map_or_else(String::new, |suffix| suffix.to_string());
        format!("{}{}{suffix}", self.carrier, self.number)
    }
}

/// `LH400/2026-11-21`, with `/FRA` where a leg is named.
impl fmt::Display for LegQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.designator(), self.date)?;
        self.origin.map_or(Ok(()), |origin| write!(f, "/{origin}"))
    }
}

/// A text that is no question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no leg: write LH400/2026-11-21, with /FRA where the flight has several legs")]
pub struct NoLeg(String);

/// Reads what `Display` writes.
impl FromStr for LegQuery {
    type Err = NoLeg;
    fn from_str(text: &str) -> Result<Self, NoLeg> {
        let refused = || NoLeg(text.chars().take(TEXT_SHOWN_MAX).collect());
        let mut parts = text.split('/');
        let (flight, date) = (parts.next().unwrap_or_default(), parts.next().and_then(|date| date.parse().ok()));
        let origin = parts.next().map(|origin| origin.parse().map_err(|_| refused())).transpose()?;
        // The third character of an airline's designator is a letter, the first of a number is a digit.
        let split = if flight.as_bytes().get(2).is_some_and(u8::is_ascii_uppercase) { 3 } else { 2 };
        let (carrier, number) = flight.split_at_checked(split).ok_or_else(refused)?;
        let Designator { carrier, number, suffix, .. } = Designator::of(carrier, number, Role::Unstated).ok_or_else(refused)?;
        match (date, parts.next()) {
            (Some(date), None) => Ok(Self { carrier, number, suffix, date, origin }),
            _ => Err(refused()),
        }
    }
}

/// Legs from one airport to another on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// From.
    pub origin: Airport,
    /// To.
    pub destination: Airport,
    /// Local date of departure at the origin.
    pub date: Date,
}

/// What calls cost, in units of the provider's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// One leg, one batch, or one board.
    pub status: u32,
    /// One search.
    pub search: u32,
    /// One health check.
    pub health: u32,
}

/// What is fixed about a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Name: of metrics, logs, settings and the field `source`.
    pub name: String,
    /// Who is asked first: the highest.
    pub priority: u8,
    /// For one attempt.
    pub timeout: Duration,
    /// What the provider allows.
    pub limit: Option<RateLimit>,
    /// What calls cost.
    pub cost: Cost,
    /// Most legs in one call; 1 where it has no such call.
    pub batch_max: usize,
    /// Whether legs may be asked for by the departures of their airport.
    pub boards: bool,
    /// Most calls under way at once.
    pub parallel_max: usize,
}

/// Somebody who has a name and can be asked how it is.
pub trait Provider: Send + Sync {
    /// What is fixed about it.
    fn card(&self) -> &Card;

    /// The cheapest call that shows it works. `NotFound` shows it too.
    fn health(&self) -> Answer<'_, ()>;

    /// How often it is called so while it works.
    fn check_every(&self) -> Duration {
        HEALTH_EVERY
    }
}

/// Somebody who knows how flights are doing.
pub trait FlightDataProvider: Provider {
    /// One leg. Of several that fit, the first by scheduled departure.
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData>;

    /// Several legs in one call, at most [`Card::batch_max`]; answers in the order of the questions. A provider without such
    /// a call keeps `batch_max` at 1 and need not answer.
    fn multiple_flights(&self, queries: &[LegQuery]) -> Answer<'_, Vec<Result<FlightStatusData, ProviderError>>> {
        let _ = queries;
        Box::pin(std::future::ready(Err(ProviderError::NotOffered)))
    }

    /// Departures of an airport, as many as one call tells, the next to depart first. A provider without such a call has no
    /// [`Card::boards`] and need not answer.
    fn departures(&self, board: Departures) -> Answer<'_, Vec<FlightStatusData>> {
        let _ = board;
        Box::pin(std::future::ready(Err(ProviderError::NotOffered)))
    }

    /// Tells which legs are known: for a provider that knows how aircraft move and no schedule.
    fn acquaint(&self, truth: &Arc<Truth>) {
        let _ = truth;
    }

    /// Legs between two airports; none is an empty list.
    fn search(&self, search: Search) -> Answer<'_, Vec<FlightStatusData>> {
        let _ = search;
        Box::pin(std::future::ready(Err(ProviderError::NotOffered)))
    }
}

/// Makes a client a provider: it has a `card`, an `is_well` and a `status` of its own, perhaps a search, perhaps boards.
macro_rules! client {
    ($client:ident $(, search: $search:ident)? $(, departures: $departures:ident)?) => {
        impl Provider for $client {
            fn card(&self) -> &Card {
                &self.card
            }

            fn health(&self) -> Answer<'_, ()> {
                Box::pin(self.is_well())
            }
        }

        impl FlightDataProvider for $client {
            fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
                Box::pin(self.status(query))
            }
            $(
                fn search(&self, search: Search) -> Answer<'_, Vec<FlightStatusData>> {
                    Box::pin(self.$search(search))
                }
            )?
            $(
                fn departures(&self, board: Departures) -> Answer<'_, Vec<FlightStatusData>> {
                    Box::pin(self.$departures(board))
                }
            )?
        }
    };
}
pub(super) use client;

/// Wall time, epoch ms. The program owns the clock.
pub type Clock = Arc<dyn Fn() -> Ts + Send + Sync>;

/// Whether this process is the one of its group that does what only one should.
pub type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_they_are_written() {
        for text in ["LH400/2026-11-21", "LH400/2026-11-21/FRA", "DLH400A/2026-11-21", "U21/2026-01-01", "9W7/2026-01-01"] {
            assert_eq!(text.parse::<LegQuery>().map(|leg| leg.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "LH", "LH400", "LH400/2026-13-01", "LH400/2026-11-21/FR", "LH400/2026-11-21/FRA/x", "400/2026-11-21", "LH400/"]
        {
            assert!(text.parse::<LegQuery>().is_err(), "{text}");
        }
    }
}
