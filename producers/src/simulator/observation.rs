//! What an airline says of its flights, as `FlightObservation` records.
//!
//! Operations notes each thing said with the instant at which it became known; here it becomes a record. The schedule
//! in a record is the one in force at that instant: after a retiming the new one. Of two things of one kind said of
//! one leg in one instant only the later counts.

use std::collections::BTreeMap;

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_schemas::topics;
use slipstream_streams::record::Record;

use super::record;
use super::timetable::{Aircraft, Flight};

/// Name of the source, as priority tables know it.
const AIRLINE_SOURCE: &str = "airline";

/// One thing said about one leg.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// When it became known, epoch ms.
    pub(super) known_at: i64,
    /// Index of the leg.
    pub(super) flight: usize,
    /// What.
    pub(super) kind: FlightKind,
    /// Minutes by which the schedule had moved by then.
    pub(super) shift: i64,
    /// When it happened; none for plans.
    pub(super) at: Option<i64>,
    /// Estimated off-block.
    pub(super) estimated_departure: Option<i64>,
    /// Estimated in-block.
    pub(super) estimated_arrival: Option<i64>,
    /// Index of the aircraft.
    pub(super) aircraft: Option<usize>,
    /// Where a diverted leg landed.
    pub(super) diverted_to: Option<Airport>,
    /// Delay code (AHM 730) stated.
    pub(super) reason: Option<String>,
}

impl Said {
    /// Says `kind` of a leg, and nothing more.
    pub(super) fn new(known_at: i64, flight: usize, kind: FlightKind, shift: i64) -> Self {
        Self {
            known_at,
            flight,
            kind,
            shift,
            at: None,
            estimated_departure: None,
            estimated_arrival: None,
            aircraft: None,
            diverted_to: None,
            reason: None,
        }
    }
}

/// Appends a record for everything said.
pub(super) fn records(flights: &[Flight], aircraft: &[Aircraft], said: &[Said], records: &mut Vec<Record>) {
    let last: BTreeMap<_, &Said> = said.iter().map(|said| ((said.flight, said.known_at, said.kind), said)).collect();
    for said in last.into_values() {
        let flight = &flights[said.flight];
        let leg = flight.leg;
        let shift = said.shift * super::MINUTE;
        let observation = FlightObservation {
            source_leg: Some(flight.leg.to_string()),
            date: Some(flight.leg.date),
            scheduled_departure: Some(flight.departure + shift),
            scheduled_arrival: Some(flight.arrival + shift),
            at: said.at,
            estimated_departure: said.estimated_departure,
            estimated_arrival: said.estimated_arrival,
            tail: said.aircraft.map(|index| aircraft[index].tail),
            diverted_to: said.diverted_to,
            reason: said.reason.clone(),
            ..FlightObservation::of(AIRLINE_SOURCE, said.kind, (leg.carrier, leg.number), (leg.origin, leg.destination))
        };
        let own_id = format!("{}/{}/{}", flight.leg, said.kind, said.known_at);
        let key = flight.leg.carrier_number();
        records.push(record(topics::FLIGHT_OBSERVATIONS, said.known_at, &key, &own_id, &observation, None));
    }
}
