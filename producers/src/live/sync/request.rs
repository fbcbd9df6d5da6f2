//! What is asked of sync, and what it answers: the contract's `syncFlight` and `batchSyncFlights` (S0-01, S0-03).

use serde::{Deserialize, Serialize};
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::records::{FlightState, FlightStatus, SyncStatus};
use slipstream_streams::record::Ts;

use super::super::provider::{LegQuery, NoLeg};
use super::super::status::FlightStatusData;

/// Which flight to sync.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRequest {
    /// Number with or without the airline's designator before it, perhaps with a suffix: `400`, `LH400`, `400A`.
    pub flight_number: String,
    /// Airline: IATA or ICAO designator.
    pub airline: String,
    /// Local date of departure, ISO 8601.
    pub departure_date: String,
    /// Airport of departure; needed where the flight has several legs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure_airport: Option<Airport>,
    /// Airport of arrival; words on another leg are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_airport: Option<Airport>,
}

impl SyncRequest {
    /// The leg asked for.
    ///
    /// # Errors
    /// Airline, number and date do not make one.
    pub fn query(&self) -> Result<LegQuery, NoLeg> {
        let number = self.flight_number.strip_prefix(&self.airline).unwrap_or(&self.flight_number);
        let query: LegQuery = format!("{}{number}/{}", self.airline, self.departure_date).parse()?;
        Ok(LegQuery { origin: self.departure_airport, ..query })
    }
}

/// A request for a leg known by its parts.
impl From<LegQuery> for SyncRequest {
    fn from(query: LegQuery) -> Self {
        let suffix = query.suffix.map_or_else(String::new, |suffix| suffix.to_string());
        Self {
            flight_number: format!("{}{suffix}", query.number),
            airline: query.carrier.to_string(),
            departure_date: query.date.to_string(),
            departure_airport: query.origin,
            arrival_airport: None,
        }
    }
}

/// A leg as it now stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncedFlight {
    /// The leg's key; none until reconcile has named it.
    pub id: Option<String>,
    /// Designator, `LH400`.
    pub flight_number: String,
    /// Operating carrier, as far as known.
    pub airline_code: String,
    /// Local date of departure.
    pub departure_date: Option<Date>,
    /// Scheduled off-block, epoch ms.
    pub departure_time: Option<Ts>,
    /// Scheduled in-block, epoch ms.
    pub arrival_time: Option<Ts>,
    /// Airport of departure.
    pub from_airport: Option<Airport>,
    /// Airport of arrival.
    pub to_airport: Option<Airport>,
    /// Where the leg stands.
    pub status: FlightStatus,
    /// Minutes late: of the arrival, else of the departure.
    pub delay_minutes: Option<i32>,
    /// Gate of departure.
    pub gate: Option<String>,
    /// Terminal of departure.
    pub terminal: Option<String>,
    /// The source that was believed.
    pub source: String,
    /// Every source heard.
    pub sources: Vec<String>,
}

impl SyncedFlight {
    /// The leg as reconciled.
    #[must_use]
    pub fn reconciled(state: &FlightState) -> Self {
        let (last, leg) = (&state.last, &state.last.leg);
        let suffix = leg.suffix.map_or_else(String::new, |suffix| suffix.to_string());
        Self {
            id: Some(leg.to_string()),
            flight_number: format!("{}{}{suffix}", leg.carrier, leg.number),
            airline_code: leg.carrier.to_string(),
            departure_date: Some(leg.date),
            departure_time: Some(last.scheduled_departure),
            arrival_time: last.scheduled_arrival,
            from_airport: Some(leg.origin),
            to_airport: Some(leg.destination),
            status: last.status,
            delay_minutes: last.arrival_delay_min.or(last.departure_delay_min),
            gate: state.departure_gate.clone(),
            terminal: state.departure_terminal.clone(),
            source: last.source.clone(),
            sources: state.sources.clone(),
        }
    }

    /// The leg as one source sees it.
    #[must_use]
    pub fn observed(said: &FlightStatusData, sources: Vec<String>) -> Self {
        let designator = said.operating().unwrap_or(&said.designator);
        let suffix = designator.suffix.map_or_else(String::new, |suffix| suffix.to_string());
        Self {
            id: None,
            flight_number: format!("{}{}{suffix}", designator.carrier, designator.number),
            airline_code: designator.carrier.to_string(),
            departure_date: said.date.map(|stated| stated.date),
            departure_time: said.departure.scheduled,
            arrival_time: said.arrival.scheduled,
            from_airport: said.departure.airport,
            to_airport: said.arrival.airport,
            status: said.status,
            delay_minutes: said.delay_minutes,
            gate: said.departure.gate.clone(),
            terminal: said.departure.terminal.clone(),
            source: said.source.clone(),
            sources,
        }
    }
}

/// What came of syncing one flight.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResult {
    /// Somebody answered, and what was said is published.
    pub success: bool,
    /// The leg; also a kept one when nobody answers.
    pub flight: Option<SyncedFlight>,
    /// No provider was asked for this answer.
    pub from_cache: bool,
    /// How far its sources agree.
    pub sync_status: SyncStatus,
    /// The values are those observed: reconcile has not yet spoken of them.
    pub pending: bool,
    /// Why it failed.
    pub error: Option<String>,
}

impl SyncResult {
    /// A failure without any flight.
    #[must_use]
    pub fn failed(error: impl ToString) -> Self {
        let (sync_status, error) = (SyncStatus::Unverified, Some(error.to_string()));
        Self { success: false, flight: None, from_cache: false, sync_status, pending: false, error }
    }
}

/// A flight that could not be synced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedSync {
    /// Which.
    pub flight: SyncRequest,
    /// Why.
    pub error: String,
}

/// What came of syncing many.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BatchResult {
    /// Those synced, in the order of the requests.
    pub successful: Vec<SyncResult>,
    /// The others, in the order of the requests.
    pub failed: Vec<FailedSync>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_with_and_without_the_airline_in_the_number() {
        let asked = |number: &str, airline: &str| {
            let json = format!(
                r#"{{"flightNumber":"{number}","airline":"{airline}","departureDate":"2026-11-21","departureAirport":"FRA"}}"#
            );
            serde_json::from_str::<SyncRequest>(&json).unwrap().query().map(|query| query.to_string())
        };
        for (number, airline, leg) in [
            ("400", "LH", "LH400/2026-11-21/FRA"),
            ("LH400", "LH", "LH400/2026-11-21/FRA"),
            ("0400A", "DLH", "DLH400A/2026-11-21/FRA"),
        ] {
            assert_eq!(asked(number, airline), Ok(leg.to_owned()));
        }
        for (number, airline) in [("", "LH"), ("AB400", "LH"), ("400", ""), ("99999", "LH"), ("4\u{e9}", "LH"), ("400/x", "LH")] {
            assert!(asked(number, airline).is_err(), "{airline} {number}");
        }
        assert!(
            serde_json::from_str::<SyncRequest>(r#"{"flightNumber":"1","airline":"LH","departureDate":"2026-11-21","x":1}"#)
                .is_err()
        );
    }

    #[test]
    fn a_leg_becomes_the_request_for_it() {
        let query: LegQuery = "LH400A/2026-11-21/FRA".parse().unwrap();
        assert_eq!(SyncRequest::from(query).query(), Ok(query));
    }
}
