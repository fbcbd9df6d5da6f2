//! The European network generator: a few days of eleven airports, their airlines and passengers, from a seed.
//!
//!     scenario + seed ─► timetable ─► sky ─► programme ─► operations ─► flight.observations
//!                            │         └──────────────────────────────► external.data
//!                            │                               └────────► carrier.proofs
//!                            └► demand ───────────────────────────────► booking.events, inventory.events, boarding.events
//!
//! The whole scenario is worked out first, then handed over in order of timestamp. A record is stamped with the
//! instant at which its fact became known, never earlier. The same scenario and seed give the same bytes on every
//! machine: chance comes from named streams, order from sorted keys. Persons are pseudonyms; there is no personal data.

mod demand;
mod dice;
mod gate;
mod incident;
mod network;
mod observation;
mod operations;
mod passengers;
mod programme;
mod runway;
mod scenario;
mod sky;
mod submission;
mod summary;
mod timetable;
mod weather;

use slipstream_schemas::records::{Message, WeatherReport};
use slipstream_schemas::topics;
use slipstream_schemas::wire::WireError;
use slipstream_streams::record::{Record, Topic, derive_id};
use slipstream_streams::reference::{Source, SourceError};

pub use gate::{Downsizing, Overbooking};
pub use scenario::{
    DAYS_MAX, Grounding, PASSENGERS_MAX, Phenomenon, Restriction, Scenario, ScenarioError, Trouble, WeatherEvent, Window,
};
pub use submission::{Review, Submission};
pub use summary::Summary;

use sky::Sky;
use timetable::Timetable;

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// Milliseconds of an hour.
const HOUR: i64 = 60 * MINUTE;

/// CloudEvents source of every record of the generator.
pub const SOURCE: &str = "/producers/simulator";

/// How long a weather report takes to reach us.
const REPORT_LATENCY: i64 = 5 * MINUTE;

/// Why a scenario could not be worked out.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// More passengers than the airlines' seats can carry.
    #[error("scenario `{scenario}`: `passengers`: only {placed} of {wanted} find seats; lower it, or fly more days or airlines")]
    TooManyPassengers {
        /// Scenario.
        scenario: String,
        /// Passengers with bookings.
        placed: u32,
        /// Passengers asked for.
        wanted: u32,
    },
    /// A table of the network holds a code that its newtype refuses.
    #[error("network tables: {0}")]
    Network(#[from] WireError),
}

/// A scenario worked out, as a source of records in order of timestamp.
pub struct Simulator {
    records: std::vec::IntoIter<Record>,
    summary: Summary,
}

impl Simulator {
    /// Works out a scenario.
    ///
    /// # Errors
    /// It asks for more passengers than there are seats.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, SimulatorError> {
        let timetable = Timetable::plan(scenario, seed)?;
        let first = timetable.flights.iter().map(|f| f.departure).min().unwrap_or_default();
        let last = timetable.flights.iter().map(|f| f.arrival).max().unwrap_or_default();
        let published = first - 24 * HOUR;
        let sky = Sky::new(scenario, seed, published, last)?;
        let market = demand::sell(scenario, &timetable, seed, published)?;
        let day = operations::operate(scenario, timetable, &sky, seed, published)?;
        let mut records = Vec::new();
        weather_records(&sky, &mut records);
        demand::records(&market, &mut records);
        observation::records(&day.flights, &day.aircraft, &day.said, &mut records);
        submission::records(scenario, &day, &mut records)?;
        gate::records(scenario, &day, &market, &mut records)?;
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        let summary = Summary::of(scenario, &day, &market, &records);
        Ok(Self { records: records.into_iter(), summary })
    }

    /// What happens in the scenario, in figures.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

impl Source for Simulator {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.records.next())
    }
}

fn weather_records(sky: &Sky, records: &mut Vec<Record>) {
    for (station, observed_at, raw) in sky.reports() {
        let Ok(airport) = station.code.parse() else { continue };
        let own_id = format!("{raw}/{observed_at}");
        let report = WeatherReport { airport, kind: "METAR".to_owned(), observed_at, raw };
        records.push(record(topics::EXTERNAL_DATA, observed_at + REPORT_LATENCY, station.code, &own_id, &report, None));
    }
}

/// A record of this source; `own_id` is its id within it.
fn record<M: Message>(topic: Topic, timestamp: i64, key: &str, own_id: &str, message: &M, organisation: Option<&str>) -> Record {
    let id = derive_id(&[SOURCE.as_bytes(), own_id.as_bytes()]);
    let mut record = Record::said(topic, key, timestamp, (&SOURCE.into(), id), (message.rank(), message.to_bytes()));
    record.event.organisation = organisation.map(Into::into);
    record
}

#[cfg(test)]
mod tests;
