//! What a posted body says of a leg, as observations.
//!
//! ```text
//! general callback   {"eventId": …, "flight": {"flightNumber": "LH400", "origin": "FRA", …}} ─┐
//! FlightAware alert  {"event_code": …, "flight": {"fa_flight_id": …, "ident_iata": …}} ───────┴─► Told ─► plan, movements, end
//! ```
//!
//! The flight number is the operating carrier's: ours by agreement, FlightAware's by what `ident` is. A body that names a
//! marketing number says so and names the operating one beside it; nothing is guessed. Times are UTC or carry their offset.
//! A status that is not known is left out and named in the answer, unless nothing else is left.

use serde_json::Value;
use slipstream_producers::live::status::{self, Designator, Role};
use slipstream_schemas::ids::{Airport, Carrier};
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_schemas::reference;

use super::fields::{Fault, Fields};

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// A body as we read it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Post {
    /// The sender's own id of the event; none where it gives none.
    pub(crate) event: Option<String>,
    /// What it says: the plan, what moved, how it ended, in that order.
    pub(crate) observations: Vec<FlightObservation>,
    /// Fields with values that are not known, which were left out.
    pub(crate) ignored: Vec<&'static str>,
}

/// Everything that one body says of one leg.
struct Told {
    base: FlightObservation,
    /// OUT, OFF, ON, IN.
    times: [Option<i64>; 4],
    end: Option<FlightKind>,
}

const MOVEMENTS: [FlightKind; 4] = [FlightKind::Out, FlightKind::Off, FlightKind::On, FlightKind::In];

impl Told {
    fn observations(self) -> Vec<FlightObservation> {
        let Self { base, times, end } = self;
        let (planned, expected) =
            (base.scheduled_departure.is_some(), base.estimated_departure.or(base.estimated_arrival).is_some());
        let plan = match (planned, expected || base.tail.is_some()) {
            (true, _) => Some(FlightKind::Scheduled),
            (false, true) => Some(FlightKind::Estimated),
            (false, false) => None,
        };
        let moved = MOVEMENTS.into_iter().zip(times).filter_map(|(kind, at)| at.map(|at| (kind, Some(at))));
        let kinds = plan.into_iter().map(|kind| (kind, None)).chain(moved).chain(end.map(|kind| (kind, None)));
        kinds.map(|(kind, at)| FlightObservation { kind, at, ..base.clone() }).collect()
    }
}

/// Reads a general callback, said by `source`.
///
/// # Errors
/// A field is missing or wrong, or nothing is said of the leg.
pub(crate) fn callback(body: &Value, source: &str) -> Result<Post, Fault> {
    let body = Fields::of(body)?;
    let event = body.text("eventId")?.map(str::to_owned);
    let flight = body.inside("flight", "flight.")?;
    let mut base = leg(flight, source)?;
    plan(flight, &mut base)?;
    let times = [flight.instant("out")?, flight.instant("off")?, flight.instant("on")?, flight.instant("in")?];
    let (end, ignored) = ending(flight, &times)?;
    let observations = Told { base, times, end }.observations();
    if observations.is_empty() {
        return Err(
            flight.fault("status", "nothing is said: a schedule, an estimate, a movement, CANCELLED or DIVERTED is expected")
        );
    }
    Ok(Post { event, observations, ignored })
}

fn leg(flight: Fields<'_>, source: &str) -> Result<FlightObservation, Fault> {
    let airport = |name| flight.required(name, flight.parsed::<Airport>(name, "an IATA airport code")?);
    let named = flight.required("flightNumber", designator(flight, "flightNumber")?)?;
    let operating = designator(flight, "operatingFlightNumber")?;
    let is_sold = operating.as_ref().is_some_and(|operating| operating != &named);
    let by = operating.unwrap_or_else(|| named.clone());
    let route = (airport("origin")?, airport("destination")?);
    Ok(FlightObservation {
        suffix: by.suffix,
        designator: is_sold.then_some(named.received),
        role: if is_sold { DesignatorRole::Marketing } else { DesignatorRole::Operating },
        date: flight.parsed("date", "a date such as 2026-11-21")?,
        date_meaning: DateMeaning::LegLocal,
        ..FlightObservation::of(source, FlightKind::Scheduled, (by.carrier, by.number.into()), route)
    })
}

fn plan(flight: Fields<'_>, base: &mut FlightObservation) -> Result<(), Fault> {
    let text = |name| Ok(flight.text(name)?.map(str::to_owned));
    base.source_leg = text("id")?;
    base.scheduled_departure = flight.instant("scheduledDeparture")?;
    base.scheduled_arrival = flight.instant("scheduledArrival")?;
    let delay = flight.minutes("delayMinutes")?;
    let late = base.scheduled_departure.zip(delay).map(|(at, delay)| at.saturating_add(delay * MINUTE));
    base.estimated_departure = flight.instant("estimatedDeparture")?.or(late);
    base.estimated_arrival = flight.instant("estimatedArrival")?;
    base.tail = tail(flight)?;
    base.diverted_to = flight.parsed("divertedTo", "an IATA airport code")?;
    base.departure_terminal = text("departureTerminal")?;
    base.departure_gate = text("departureGate")?;
    base.arrival_terminal = text("arrivalTerminal")?;
    base.arrival_gate = text("arrivalGate")?;
    Ok(())
}

/// How the leg ends by its status, and whether the status is one that nobody knows.
fn ending(flight: Fields<'_>, times: &[Option<i64>; 4]) -> Result<(Option<FlightKind>, Vec<&'static str>), Fault> {
    let movement = |place: usize, name| match times[place] {
        Some(_) => Ok((None, Vec::new())),
        None => Err(flight.fault(name, "missing, but the status is a movement")),
    };
    match flight.text("status")? {
        None | Some("SCHEDULED" | "DELAYED" | "ON_TIME") => Ok((None, Vec::new())),
        Some("DEPARTED") => movement(0, "out"),
        Some("AIRBORNE") => movement(1, "off"),
        Some("LANDED") => movement(2, "on"),
        Some("ARRIVED") => movement(3, "in"),
        Some("CANCELLED") => Ok((Some(FlightKind::Cancelled), Vec::new())),
        Some("DIVERTED") => Ok((Some(FlightKind::Diverted), Vec::new())),
        Some(_) => Ok((None, vec!["flight.status"])),
    }
}

/// Reads an alert of FlightAware's (AeroAPI 4, callback of `/alerts`).
///
/// # Errors
/// A field is missing or wrong, or nothing is said of the leg.
pub(crate) fn alert(body: &Value, source: &str) -> Result<Post, Fault> {
    let flight = Fields::of(body)?.inside("flight", "flight.")?;
    let id = flight.required("fa_flight_id", flight.text("fa_flight_id")?)?.to_owned();
    let named = designator(flight, "ident_iata")?.or(designator(flight, "ident_icao")?);
    let by = flight.required("ident_icao", named)?;
    let airport = |name| flight.required(name, flight.parsed::<Airport>(name, "an IATA airport code")?);
    let either = |one, other| Ok(flight.instant(one)?.or(flight.instant(other)?));
    let text = |name| Ok(flight.text(name)?.map(str::to_owned));
    let route = (airport("origin_iata")?, airport("destination_iata")?);
    let base = FlightObservation {
        source_leg: Some(id),
        suffix: by.suffix,
        role: DesignatorRole::Operating,
        scheduled_departure: either("scheduled_out", "scheduled_off")?,
        scheduled_arrival: either("scheduled_in", "scheduled_on")?,
        estimated_departure: flight.instant("estimated_out")?,
        estimated_arrival: flight.instant("estimated_in")?,
        tail: tail(flight)?,
        departure_terminal: text("terminal_origin")?,
        departure_gate: text("gate_origin")?,
        arrival_terminal: text("terminal_destination")?,
        arrival_gate: text("gate_destination")?,
        ..FlightObservation::of(source, FlightKind::Scheduled, (by.carrier, by.number.into()), route)
    };
    let times = [
        flight.instant("actual_out")?,
        flight.instant("actual_off")?,
        flight.instant("actual_on")?,
        flight.instant("actual_in")?,
    ];
    // The flag also means "no longer tracked": what moved was not cancelled.
    let cancelled = flight.flag("cancelled")? && times == [None; 4];
    let end = match (cancelled, flight.flag("diverted")?) {
        (true, _) => Some(FlightKind::Cancelled),
        (false, true) => Some(FlightKind::Diverted),
        (false, false) => None,
    };
    let observations = Told { base, times, end }.observations();
    if observations.is_empty() {
        return Err(flight.fault("scheduled_out", "missing, and so is every other time"));
    }
    Ok(Post { event: None, observations, ignored: Vec::new() })
}

/// `LH400`, `DLH400A`: under the carrier's IATA code where it has one, as every topic has it.
fn designator(flight: Fields<'_>, name: &str) -> Result<Option<Designator>, Fault> {
    let Some(text) = flight.text(name)? else { return Ok(None) };
    // The third character of an airline's designator is a letter, the first of a number is a digit.
    let split = if text.as_bytes().get(2).is_some_and(u8::is_ascii_uppercase) { 3 } else { 2 };
    let read = text.split_at_checked(split).and_then(|(carrier, number)| Designator::of(carrier, number, Role::Operating));
    let read = read.filter(|read| read.number > 0 && reference::carrier(read.carrier).is_some());
    let read = read.ok_or_else(|| flight.fault(name, "a flight number of a known airline, such as LH400, is expected"))?;
    let carrier: Carrier = reference::designator(read.carrier);
    Ok(Some(Designator { carrier, ..read }))
}

fn tail(flight: Fields<'_>) -> Result<Option<slipstream_schemas::ids::Tail>, Fault> {
    let Some(text) = flight.text("registration")? else { return Ok(None) };
    status::tail(text).map(Some).ok_or_else(|| flight.fault("registration", "an aircraft registration is expected"))
}
