//! A leg's state as a row of the table `flights`: pure (S0-11, S0-12).
//!
//! The contract's status has four values; the exact one stands beside it. A diverted leg has neither landed where it was to, nor
//! was it cancelled: it is DELAYED.

use slipstream_schemas::records::{FlightState, FlightStatus};
use uuid::Uuid;

/// Late from this on, minutes (S2-10).
const DELAYED_MIN: i32 = 15;

/// The columns that follow from a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) flight_number: String,
    pub(crate) status: &'static str,
    pub(crate) delay_minutes: Option<i32>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) data_source: &'static str,
    pub(crate) conflict_data: Option<String>,
    /// The observation that the state follows from.
    pub(crate) raw_data: Option<String>,
}

impl Row {
    /// The columns of a state that `cause` has led to.
    pub(crate) fn of(state: &FlightState, cause: Option<Uuid>) -> Self {
        let last = &state.last;
        let delay_minutes = last.arrival_delay_min.or(last.departure_delay_min);
        let conflicts = Some(&state.conflicts).filter(|conflicts| !conflicts.is_empty());
        Self {
            id: last.leg.to_string(),
            flight_number: flight_number(&last.leg),
            status: status(last.status, delay_minutes),
            delay_minutes,
            cancellation_reason: last.reason.clone().filter(|_| last.status == FlightStatus::Cancelled),
            data_source: data_source(&last.source),
            conflict_data: conflicts.and_then(|conflicts| serde_json::to_string(conflicts).ok()),
            raw_data: cause.map(|id| id.to_string()),
        }
    }
}

/// `LH400`, with its suffix.
pub(crate) fn flight_number(leg: &slipstream_schemas::ids::Leg) -> String {
    let suffix = leg.suffix.map_or_else(String::new, |suffix| suffix.to_string());
    format!("{}{}{suffix}", leg.carrier, leg.number)
}

fn status(status: FlightStatus, delay_minutes: Option<i32>) -> &'static str {
    match status {
        FlightStatus::Cancelled => "CANCELLED",
        FlightStatus::Landed | FlightStatus::Arrived => "LANDED",
        FlightStatus::Diverted => "DELAYED",
        _ if delay_minutes >= Some(DELAYED_MIN) => "DELAYED",
        _ => "SCHEDULED",
    }
}

/// Amadeus, manual entry, and everybody else.
fn data_source(source: &str) -> &'static str {
    match source.to_ascii_lowercase().as_str() {
        "manual" => "MANUAL",
        amadeus if amadeus.starts_with("amadeus") => "AMADEUS",
        _ => "AIRLINE_API",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // contract: S0-12
    #[test]
    fn status_and_source_are_those_of_the_contract() {
        use FlightStatus as S;
        for (leg, delay, expected) in [
            (S::Scheduled, None, "SCHEDULED"),
            (S::Scheduled, Some(14), "SCHEDULED"),
            (S::Airborne, Some(15), "DELAYED"),
            (S::Cancelled, Some(200), "CANCELLED"),
            (S::Arrived, Some(200), "LANDED"),
            (S::Landed, None, "LANDED"),
            (S::Diverted, None, "DELAYED"),
        ] {
            assert_eq!(status(leg, delay), expected, "{leg} {delay:?}");
        }
        for (source, expected) in [
            ("AMADEUS", "AMADEUS"),
            ("amadeus-mock", "AMADEUS"),
            ("MANUAL", "MANUAL"),
            ("LH", "AIRLINE_API"),
            ("", "AIRLINE_API"),
        ] {
            assert_eq!(data_source(source), expected, "{source}");
        }
    }
}
