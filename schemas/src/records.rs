//! Every record that stands on a topic, and the one list that ranks the record types.
//!
//!     observation ─► event, state ─► rotation signal ─► disruption ─► by booking ─► re-accommodation ─► decision ─► notice
//!
//! A record type (CloudEvents `ce_type`) is finer than a schema: the kinds of one schema are types of their
//! own, because rank, the order in which a stage takes records of one instant, depends on the kind.
//! Instants are epoch milliseconds UTC, minutes are whole and signed, money is integer minor units.

mod bookings;
mod claims;
mod disruptions;
mod flights;
mod gate;
mod liability;
mod passengers;
mod runtime;
mod sync;

pub use self::bookings::*;
pub use self::claims::*;
pub use self::disruptions::*;
pub use self::flights::*;
pub use self::gate::*;
pub use self::liability::*;
pub use self::passengers::*;
pub use self::runtime::*;
pub use self::sync::*;

use crate::wire::Wire;

/// Where a record type stands in the one list; also its number inside a process.
pub type Rank = u16;

/// One record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeSpec {
    /// CloudEvents type.
    pub name: &'static str,
    /// Avro record that carries it, without namespace.
    pub schema: &'static str,
}

const fn of(name: &'static str, schema: &'static str) -> TypeSpec {
    TypeSpec { name, schema }
}

/// Every record type in rank order: at one instant a stage takes them in this order.
pub const TYPES: &[TypeSpec] = &[
    of("flight.codeshare", "Codeshare"),
    of("flight.observed.scheduled", "FlightObservation"),
    of("flight.observed.assigned", "FlightObservation"),
    of("flight.observed.estimated", "FlightObservation"),
    of("flight.observed.out", "FlightObservation"),
    of("flight.observed.off", "FlightObservation"),
    of("flight.observed.on", "FlightObservation"),
    of("flight.observed.in", "FlightObservation"),
    of("flight.observed.delayed", "FlightObservation"),
    of("flight.observed.cancelled", "FlightObservation"),
    of("flight.observed.reinstated", "FlightObservation"),
    of("flight.observed.diverted", "FlightObservation"),
    of("flight.observed.retimed", "FlightObservation"),
    of("flight.observed.returned", "FlightObservation"),
    of("flight.observed.merged", "FlightObservation"),
    of("review.decided", "ReviewDecision"),
    of("flight.scheduled", "FlightEvent"),
    of("flight.assigned", "FlightEvent"),
    of("flight.estimated", "FlightEvent"),
    of("flight.out", "FlightEvent"),
    of("flight.off", "FlightEvent"),
    of("flight.on", "FlightEvent"),
    of("flight.in", "FlightEvent"),
    of("flight.delayed", "FlightEvent"),
    of("flight.cancelled", "FlightEvent"),
    of("flight.reinstated", "FlightEvent"),
    of("flight.diverted", "FlightEvent"),
    of("flight.retimed", "FlightEvent"),
    of("flight.returned", "FlightEvent"),
    of("flight.merged", "FlightEvent"),
    of("flight.state", "FlightState"),
    of("flight.synced", "LegSync"),
    of("source.taken", "SourcePosition"),
    of("weather.reported", "WeatherReport"),
    of("weather.assessed", "AirportWeather"),
    of("airport.restricted", "AirportRestriction"),
    of("rotation.updated", "RotationSignal"),
    of("booking.created", "Booking"),
    of("booking.modified", "Booking"),
    of("booking.cancelled", "Booking"),
    of("inventory.updated", "Inventory"),
    of("boarding.refused", "Boarding"),
    of("boarding.downgraded", "Boarding"),
    of("boarding.upgraded", "Boarding"),
    of("carrier.proof.submitted", "CarrierProof"),
    of("disruption.opened", "Disruption"),
    of("disruption.updated", "Disruption"),
    of("disruption.resolved", "Disruption"),
    of("booking.disrupted", "BookingDisruption"),
    of("booking.proof.submitted", "BookingProof"),
    of("booking.reaccommodated", "Reaccommodation"),
    of("passenger.disrupted", "PassengerEvent"),
    of("passenger.care.due", "PassengerEvent"),
    of("passenger.choice.offered", "PassengerEvent"),
    of("passenger.rebooked", "PassengerEvent"),
    of("passenger.unplaceable", "PassengerEvent"),
    of("passenger.rights.decided", "RightsDecision"),
    of("passenger.payment.due", "PaymentDue"),
    of("passenger.resolved", "PassengerEvent"),
    of("liability.estimated", "BookingLiability"),
    of("liability.exposed", "Exposure"),
    of("notification.requested", "Notification"),
    of("decision.audited", "Audit"),
    of("record.refused", "DeadLetter"),
    of("progress", "Progress"),
    of("world", "World"),
    of("clock.tick", "Tick"),
];

/// The rank of a type by name.
#[must_use]
pub const fn rank_of(name: &str) -> Option<Rank> {
    let mut rank = 0;
    while rank < TYPES.len() {
        if same(TYPES[rank].name.as_bytes(), name.as_bytes()) {
            return Some(rank as Rank);
        }
        rank += 1;
    }
    None
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A rank known at compile time; a name that is not in [`TYPES`] does not compile.
#[expect(clippy::panic, reason = "evaluated at compile time only")]
const fn rank(name: &str) -> Rank {
    match rank_of(name) {
        Some(rank) => rank,
        None => panic!("no such record type"),
    }
}

/// The type of a leg's state, for its tombstone, which has no body to tell by.
pub const STATE_RANK: Rank = rank("flight.state");

/// A record that stands on a topic.
pub trait Message: Wire + serde::Serialize {
    /// Name of the Avro record, without namespace.
    const SCHEMA: &'static str;
    /// The record's type.
    fn rank(&self) -> Rank;
}

macro_rules! message {
    ($($name:ident => |$value:ident| $rank:expr;)*) => {
        $(impl Message for $name {
            const SCHEMA: &'static str = stringify!($name);
            fn rank(&self) -> Rank {
                let $value = self;
                $rank
            }
        })*
        /// The generated schema of every record that stands on a topic, by name.
        #[must_use]
        pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
            vec![$((stringify!($name), <$name as Wire>::schema(&mut std::collections::BTreeSet::new()))),*]
        }

        /// The plain JSON of a record's bytes, written to `out` (unions unwrapped, enums as text).
        ///
        /// # Errors
        /// Bytes that are not of that schema.
        pub fn write_json(schema: &str, body: &[u8], out: &mut Vec<u8>) -> Result<(), crate::wire::WireError> {
            match schema {
                $(stringify!($name) => {
                    let record = <$name as Wire>::from_bytes(body)?;
                    serde_json::to_writer(out, &record).map_err(|e| crate::wire::WireError::Invalid(e.to_string(), "JSON value"))
                })*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }

        /// The type of a record by its body, which is read to its end.
        ///
        /// # Errors
        /// Bytes that are not of that schema.
        pub fn rank_of_body(schema: &str, body: &[u8]) -> Result<Rank, crate::wire::WireError> {
            match schema {
                $(stringify!($name) => <$name as Wire>::from_bytes(body).map(|record| record.rank()),)*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }

        /// The bytes of a record given as plain JSON.
        ///
        /// # Errors
        /// JSON that is not of that schema.
        pub fn from_json(schema: &str, json: &str) -> Result<(Rank, Vec<u8>), crate::wire::WireError> {
            match schema {
                $(stringify!($name) => {
                    let record: $name = serde_json::from_str(json).map_err(|e| crate::wire::WireError::Invalid(e.to_string(), "JSON record"))?;
                    Ok((record.rank(), record.to_bytes()))
                })*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }
    };
}

/// Kinds of one schema stand side by side in [`TYPES`]; the first is that of kind 1, `Unknown` has none.
fn by_kind(first: Rank, kind: usize) -> Rank {
    first + kind.max(1) as Rank - 1
}

message! {
    Codeshare => |_r| const { rank("flight.codeshare") };
    ReviewDecision => |_r| const { rank("review.decided") };
    FlightObservation => |r| by_kind(const { rank("flight.observed.scheduled") }, r.kind as usize);
    FlightEvent => |r| by_kind(const { rank("flight.scheduled") }, r.kind as usize);
    FlightState => |_r| const { rank("flight.state") };
    LegSync => |_r| const { rank("flight.synced") };
    SourcePosition => |_r| const { rank("source.taken") };
    WeatherReport => |_r| const { rank("weather.reported") };
    AirportWeather => |_r| const { rank("weather.assessed") };
    AirportRestriction => |_r| const { rank("airport.restricted") };
    RotationSignal => |_r| const { rank("rotation.updated") };
    Booking => |r| by_kind(const { rank("booking.created") }, r.kind as usize);
    Inventory => |_r| const { rank("inventory.updated") };
    Boarding => |r| by_kind(const { rank("boarding.refused") }, r.kind as usize);
    CarrierProof => |_r| const { rank("carrier.proof.submitted") };
    Disruption => |r| by_kind(const { rank("disruption.opened") }, r.phase as usize);
    BookingDisruption => |_r| const { rank("booking.disrupted") };
    BookingProof => |_r| const { rank("booking.proof.submitted") };
    Reaccommodation => |_r| const { rank("booking.reaccommodated") };
    PassengerEvent => |r| match r.kind {
        PassengerKind::Unknown | PassengerKind::RightsDecision | PassengerKind::PaymentDue | PassengerKind::Disrupted => {
            const { rank("passenger.disrupted") }
        }
        PassengerKind::CareDue => const { rank("passenger.care.due") },
        PassengerKind::ChoiceOffered => const { rank("passenger.choice.offered") },
        PassengerKind::Rebooked => const { rank("passenger.rebooked") },
        PassengerKind::Unplaceable => const { rank("passenger.unplaceable") },
        PassengerKind::Resolved => const { rank("passenger.resolved") },
    };
    RightsDecision => |_r| const { rank("passenger.rights.decided") };
    PaymentDue => |_r| const { rank("passenger.payment.due") };
    BookingLiability => |_r| const { rank("liability.estimated") };
    Exposure => |_r| const { rank("liability.exposed") };
    Notification => |_r| const { rank("notification.requested") };
    Audit => |_r| const { rank("decision.audited") };
    DeadLetter => |_r| const { rank("record.refused") };
    Progress => |_r| const { rank("progress") };
    World => |_r| const { rank("world") };
    Tick => |_r| const { rank("clock.tick") };
}
