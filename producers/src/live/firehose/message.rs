//! One line of the stream becomes what it says: pure.
//!
//! | `type` | becomes |
//! |---|---|
//! | `flifo`, `flightplan` | the plan: schedule, estimates at the gate, terminals, gates, tail; OUT and IN where they are stated; CANCELLED with status X |
//! | `departure`, `arrival` | OFF at `adt`, ON at `aat`; assumed where they are `synthetic` |
//! | `offblock`, `onblock`, also with `surface_` before | OUT, IN at `clock` |
//! | `cancellation` | CANCELLED, assumed unless `trueCancel` is 1; REINSTATED where `uncancel` is |
//! | `keepalive`, `error` | a sign of life; the server's refusal |
//! | others that the documents name | nothing of ours, counted |
//!
//! The flight number is `ident` as received, the ICAO designator of who flies; a registration is no flight of ours, nor is a flight between
//! airports without IATA codes. `edt` and `eta` are runway times and are not taken for times at the gate. `fdt` names the day where the
//! scheduled time at the gate is missing, and stands for it in plans, as it does for the same source over HTTP.

use serde_json::{Map, Value};
use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{FlightKind, FlightObservation, FlightStatus};
use slipstream_schemas::reference;
use slipstream_streams::record::{Ts, derive_id};
use uuid::Uuid;

use super::super::status::{self, DateMeaning, Designator, FlightStatusData, LegEnd, Role, Speaker, StatedDate};
use super::super::sync::observe;
use super::ENVELOPE;
use crate::weather::aerodromes;

/// Longest text that a field may hold, bytes; no designator, gate or id comes near.
const TEXT_BYTES_MAX: usize = 120;
/// Instants that are one, epoch seconds: the years 2000 to 2099.
const SECONDS: std::ops::Range<i64> = 946_684_800..4_102_444_800;
/// Types that the documents name and that are not taken up.
const ASIDE: &[&str] = &[
    "position",
    "ground_position",
    "ground_position_unmatched",
    "near_surface_position",
    "vehicle_position",
    "location_entry",
    "location_exit",
    "extendedFlightInfo",
    "extended_predictions",
    "fmswx",
    "go_around",
    "hold_entry",
    "hold_exit",
    "power_on",
];

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// UUIDv5 of the content, in whatever order its fields come.
    pub id: Uuid,
    /// When FlightAware knew, epoch seconds: where the stream can be begun again. An error may lack it.
    pub pitr: Option<i64>,
    /// What it says.
    pub says: Says,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// This, of one leg: the plan, what moved, how it ended.
    Observed(Vec<FlightObservation>),
    /// Nothing that is ours.
    Aside(Aside),
    /// The connection lives.
    Alive,
    /// The server refuses, in its own words, and closes.
    Refused(String),
}

/// Why a message is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aside {
    /// Its type is not taken up.
    Type,
    /// Its ident is no flight number of a known airline.
    Airline,
    /// An airport is missing, or has no IATA code.
    Airport,
    /// It says nothing of schedule, movement or end.
    Nothing,
}

impl Aside {
    /// Every reason, so that a counter of it begins at zero.
    pub const ALL: [Self; 4] = [Self::Type, Self::Airline, Self::Airport, Self::Nothing];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Airline => "airline",
            Self::Airport => "airport",
            Self::Nothing => "nothing",
        }
    }
}

/// What is wrong with a line: place or field, and what was expected there. Never what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: {1}")]
pub struct Fault(pub(super) &'static str, pub(super) String);

/// Reads a line of `source`.
///
/// # Errors
/// It is no message; the fault names place or field.
pub fn read(line: &[u8], source: &str) -> Result<Message, Fault> {
    let text = std::str::from_utf8(line).map_err(|e| Fault("line", format!("no UTF-8 from byte {} on", e.valid_up_to())))?;
    let value: Value = serde_json::from_str(text).map_err(|e| Fault("line", format!("no JSON at column {}", e.column())))?;
    let Value::Object(object) = value else { return Err(Fault("line", "no JSON object".to_owned())) };
    let fields = Fields(&object);
    let pitr = fields.instant("pitr")?.map(|at| at / 1000);
    let says = match fields.text("type")?.ok_or_else(|| missing("type"))? {
        "keepalive" => Says::Alive,
        "error" => Says::Refused(fields.any_text("error_msg").to_owned()),
        aside if ASIDE.contains(&aside) => Says::Aside(Aside::Type),
        kind => flight(Kind::of(kind)?, fields, source)?,
    };
    if pitr.is_none() && !matches!(says, Says::Refused(_)) {
        return Err(missing("pitr"));
    }
    Ok(Message { id: id(object), pitr, says })
}

/// The same content has the same id.
fn id(mut object: Map<String, Value>) -> Uuid {
    object.sort_keys();
    derive_id(&[ENVELOPE.as_bytes(), b"message", Value::Object(object).to_string().as_bytes()])
}

fn missing(field: &'static str) -> Fault {
    Fault(field, "missing".to_owned())
}

/// What a message of a flight tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plan,
    Departure,
    Arrival,
    OffBlock,
    OnBlock,
    Cancellation,
}

impl Kind {
    fn of(name: &str) -> Result<Self, Fault> {
        Ok(match name {
            "flifo" | "flightplan" => Self::Plan,
            "departure" => Self::Departure,
            "arrival" => Self::Arrival,
            "offblock" | "surface_offblock" => Self::OffBlock,
            "onblock" | "surface_onblock" => Self::OnBlock,
            "cancellation" => Self::Cancellation,
            _ => return Err(Fault("type", "none that the documents name".to_owned())),
        })
    }

    /// The movement that it is about, and the field with its instant.
    fn movement(self) -> Option<&'static str> {
        match self {
            Self::Departure => Some("adt"),
            Self::Arrival => Some("aat"),
            Self::OffBlock | Self::OnBlock => Some("clock"),
            Self::Plan | Self::Cancellation => None,
        }
    }
}

fn flight(kind: Kind, fields: Fields<'_>, source: &str) -> Result<Says, Fault> {
    let Some(designator) = designator(fields.text("ident")?.ok_or_else(|| missing("ident"))?) else {
        return Ok(Says::Aside(Aside::Airline));
    };
    let leg = fields.text("id")?.ok_or_else(|| missing("id"))?.to_owned();
    let moved = match kind.movement() {
        Some(field) => Some(fields.instant(field)?.ok_or_else(|| missing(field))?),
        None => None,
    };
    let (Some(origin), Some(destination)) = (airport(fields.text("orig")?), airport(fields.text("dest")?)) else {
        return Ok(Says::Aside(Aside::Airport));
    };
    let (planned, filed) = (fields.instant("scheduled_out")?, fields.instant("fdt")?);
    let departure = departure(kind, fields, (origin, planned, filed, moved))?;
    let arrival = arrival(kind, fields, (destination, moved))?;
    let local = planned.or(filed).and_then(|at| reference::airport(origin)?.local_date(at));
    let reinstated = kind == Kind::Cancellation && fields.flag("uncancel");
    let is_over = kind == Kind::Cancellation || kind == Kind::Plan && fields.text("status")? == Some("X");
    let by = Speaker { source, at: 0, raw_data: Uuid::nil(), operates: false };
    let word = FlightStatusData::said(by, designator, departure, arrival);
    let cancelled = is_over && !reinstated && word.status == FlightStatus::Scheduled;
    let word = FlightStatusData {
        flight_id: Some(leg),
        date: local.map(|date| StatedDate { date, meaning: DateMeaning::LegLocal }),
        // What moved was not cancelled.
        status: if cancelled { FlightStatus::Cancelled } else { word.status },
        tail: fields.text("reg")?.filter(|reg| *reg != "BLOCKED").and_then(status::tail),
        ..word
    };
    let mut said = observe::observations(&word, reinstated.then_some(FlightStatus::Cancelled))
        .map_err(|error| Fault("orig, dest", error.to_string()))?;
    said.iter_mut().for_each(|said| said.assumed = is_assumed(said.kind, fields));
    Ok(if said.is_empty() { Says::Aside(Aside::Nothing) } else { Says::Observed(said) })
}

/// Whether FlightAware has concluded it, instead of having been told or having seen it.
fn is_assumed(kind: FlightKind, fields: Fields<'_>) -> bool {
    match kind {
        FlightKind::Off | FlightKind::On => fields.flag("synthetic"),
        FlightKind::Cancelled => !fields.flag("trueCancel"),
        _ => false,
    }
}

type Departs = (Airport, Option<Ts>, Option<Ts>, Option<Ts>);

fn departure(kind: Kind, fields: Fields<'_>, (airport, planned, filed, moved): Departs) -> Result<LegEnd, Fault> {
    Ok(LegEnd {
        airport: Some(airport),
        scheduled: planned.or(filed.filter(|_| kind == Kind::Plan)),
        estimated: fields.instant("estimated_out")?,
        actual: if kind == Kind::OffBlock { moved } else { fields.instant("actual_out")? },
        runway: moved.filter(|_| kind == Kind::Departure),
        terminal: fields.first(&["actual_departure_terminal", "estimated_departure_terminal", "scheduled_departure_terminal"])?,
        gate: fields.first(&["actual_departure_gate", "estimated_departure_gate"])?,
    })
}

fn arrival(kind: Kind, fields: Fields<'_>, (airport, moved): (Airport, Option<Ts>)) -> Result<LegEnd, Fault> {
    Ok(LegEnd {
        airport: Some(airport),
        scheduled: fields.instant("scheduled_in")?,
        estimated: fields.instant("estimated_in")?,
        actual: if kind == Kind::OnBlock { moved } else { fields.instant("actual_in")? },
        runway: moved.filter(|_| kind == Kind::Arrival),
        terminal: fields.first(&["actual_arrival_terminal", "estimated_arrival_terminal", "scheduled_arrival_terminal"])?,
        gate: fields.first(&["actual_arrival_gate", "estimated_arrival_gate"])?,
    })
}

/// `DLH400`: the ICAO designator of an airline that we know, and a number.
fn designator(ident: &str) -> Option<Designator> {
    let (carrier, number) = ident.split_at_checked(3)?;
    let is_icao = carrier.bytes().all(|byte| byte.is_ascii_uppercase());
    let read = Designator::of(carrier, number, Role::Operating).filter(|read| is_icao && read.number > 0)?;
    reference::carrier(read.carrier).map(|_| read)
}

/// The airport of an ICAO location indicator. Other codes are of places without one.
fn airport(code: Option<&str>) -> Option<Airport> {
    aerodromes::airport(code?.parse().ok()?)
}

/// The fields of a message, where nearly every value is a text.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A missing field, null and an empty text are the same.
    fn text(self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let fits = value.as_str().filter(|text| text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control));
        let text = fits.ok_or_else(|| Fault(name, format!("a text of at most {TEXT_BYTES_MAX} bytes is expected")))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The first text there is.
    fn first(self, names: &[&'static str]) -> Result<Option<String>, Fault> {
        for name in names {
            if let Some(text) = self.text(name)? {
                return Ok(Some(text.to_owned()));
            }
        }
        Ok(None)
    }

    /// Whatever text there is.
    fn any_text(self, name: &str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// An instant in epoch seconds, as text or number: epoch ms.
    fn instant(self, name: &'static str) -> Result<Option<Ts>, Fault> {
        let number = self.0.get(name).and_then(Value::as_i64);
        let seconds = match number {
            Some(seconds) => Some(seconds),
            None => match self.text(name)? {
                None => return Ok(None),
                Some(text) => text.parse().ok(),
            },
        };
        let fits = seconds.filter(|seconds| SECONDS.contains(seconds)).map(|seconds| seconds * 1000);
        fits.map(Some).ok_or_else(|| Fault(name, "epoch seconds of the years 2000 to 2099 are expected".to_owned()))
    }

    /// 1, as text or number, or true.
    fn flag(self, name: &str) -> bool {
        let value = self.0.get(name);
        value.is_some_and(|value| value.as_str() == Some("1") || value.as_i64() == Some(1) || value.as_bool() == Some(true))
    }
}
