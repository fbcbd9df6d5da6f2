//! The fields of a leg that are weighed by themselves, and the values that sources give them.

use std::fmt::{self, Display};
use std::str::FromStr;

use slipstream_schemas::record;
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_streams::record::rfc3339;

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// What is weighed by itself. The order is that of the journey's instants where it matters (OUT, OFF, ON, IN).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($(#[doc = $doc])* $variant),* }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in tables and records.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

fields! {
    /// Scheduled off-block and in-block.
    Schedule = "schedule";
    /// Aircraft.
    Tail = "tail";
    /// Estimated off-block.
    EstimatedDeparture = "estimated_departure";
    /// Estimated in-block.
    EstimatedArrival = "estimated_arrival";
    /// Actual off-block.
    Out = "out";
    /// Take-off.
    Off = "off";
    /// Landing.
    On = "on";
    /// Actual in-block.
    In = "in";
    /// Cancelled, diverted, or neither.
    Outcome = "outcome";
    /// Terminal of departure.
    DepartureTerminal = "departure_terminal";
    /// Gate of departure.
    DepartureGate = "departure_gate";
    /// Terminal of arrival.
    ArrivalTerminal = "arrival_terminal";
    /// Gate of arrival.
    ArrivalGate = "arrival_gate";
    /// Head count.
    Passengers = "passengers";
}

impl Field {
    /// A fact of the flight's progress: never withheld, and not outdated by time.
    #[must_use]
    pub fn is_fact(self) -> bool {
        matches!(self, Self::Out | Self::Off | Self::On | Self::In | Self::Outcome)
    }

    /// An expectation of when something will happen.
    #[must_use]
    pub fn is_estimate(self) -> bool {
        matches!(self, Self::EstimatedDeparture | Self::EstimatedArrival)
    }

    /// Where passengers have to go.
    #[must_use]
    pub fn is_place(self) -> bool {
        matches!(self, Self::DepartureTerminal | Self::DepartureGate | Self::ArrivalTerminal | Self::ArrivalGate)
    }

    /// The field of that number, as state rows keep it.
    #[must_use]
    pub fn from_index(index: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(index).ok()?).copied()
    }

    /// The movement that a kind states.
    #[must_use]
    pub fn of_movement(kind: FlightKind) -> Option<Self> {
        match kind {
            FlightKind::Out => Some(Self::Out),
            FlightKind::Off => Some(Self::Off),
            FlightKind::On => Some(Self::On),
            FlightKind::In => Some(Self::In),
            _ => None,
        }
    }

    /// What an observation says of an estimate, a place or the head count.
    #[must_use]
    pub fn stated(self, said: &FlightObservation) -> Option<Value> {
        match self {
            Self::EstimatedDeparture => said.estimated_departure.map(Value::instant),
            Self::EstimatedArrival => said.estimated_arrival.map(Value::instant),
            Self::DepartureTerminal => said.departure_terminal.as_deref().map(Value::text),
            Self::DepartureGate => said.departure_gate.as_deref().map(Value::text),
            Self::ArrivalTerminal => said.arrival_terminal.as_deref().map(Value::text),
            Self::ArrivalGate => said.arrival_gate.as_deref().map(Value::text),
            Self::Passengers => said.passengers.map(|count| Value::instant(count.into())),
            _ => None,
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no field")]
pub struct UnknownField(String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, UnknownField> {
        let known = Self::ALL.iter().copied().find(|field| field.name() == text);
        known.ok_or_else(|| UnknownField(text.chars().take(40).collect()))
    }
}

record! {
    /// What a source says of one field; a tail taken away has no part at all.
    pub struct Value {
        /// An instant, epoch ms, or a count.
        number: Option<i64>,
        /// The second instant of a schedule, epoch ms.
        until: Option<i64>,
        /// A gate, a terminal, a registration, an outcome.
        text: Option<String>,
    }
}

impl Value {
    /// An instant or a count.
    #[must_use]
    pub fn instant(number: i64) -> Self {
        Self { number: Some(number), until: None, text: None }
    }

    /// A schedule.
    #[must_use]
    pub fn plan(departure: i64, arrival: Option<i64>) -> Self {
        Self { number: Some(departure), until: arrival, text: None }
    }

    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { number: None, until: None, text: Some(text.to_owned()) }
    }

    /// Nothing: what was there is taken away.
    #[must_use]
    pub fn none() -> Self {
        Self { number: None, until: None, text: None }
    }

    /// The value as a person reads it: instants as RFC 3339.
    #[must_use]
    pub fn shown(&self, field: Field) -> String {
        let number = self.number.map(|number| if field == Field::Passengers { number.to_string() } else { rfc3339(number) });
        let parts: Vec<String> = number.into_iter().chain(self.until.map(rfc3339)).chain(self.text.clone()).collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(" to ") }
    }
}
