//! `yyz:` the flight information display of Toronto Pearson, a row for each flight and side: what an airport says.
//!
//! | row | says | known |
//! |---|---|---|
//! | DEP | SCHEDULED | 24 h before the first departure of its day |
//! | DEP in state DEP | OUT | when it happened |
//! | ARR in state LND, ARR | ON, IN | when it happened |
//! | CAN | CANCELLED | at the scheduled time, or a lead before it (then `assumed`) |
//! | DEL, ERL; ARR in state DEP | ESTIMATED | when the row was read, the morning after |
//! | DIV | DIVERTED | likewise |
//! | ONT, ASK | nothing more | |
//!
//! The display's time of a departure or arrival is taken as off-block or in-block. Its other airports stand in the order in which they are flown to, and the leg
//! is the one between this airport and the next: of an arrival that is the last of them. It knows the clock of its own side alone, so an arrival
//! has no date, is no schedule by itself, and its codeshares, which would hold for every date, are not passed on. Gate and terminal are the last
//! ones, and are told with what happened. Files are in no order and are read whole, bounded by the table's limit of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix};
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_schemas::reference;
use slipstream_streams::record::{Record, Ts};

use crate::airline::{named, observed, sold};
use crate::event_model::{Model, PUBLISHED_AHEAD};
use crate::feed::ReadWhole;
use crate::inputs::Kind;
use crate::local_time::DAY;
use crate::messages::telex::designator;
use crate::refusals::{Fault, Refused};
use crate::table::{Cells, TableError, each, shown};

/// The source's name.
const NAME: &str = "BOARD";
/// Whose display it is.
const HERE: &str = "YYZ";
/// How far a time may lie from the schedule to be believed: a day early to a week late, ms.
const AWAY: std::ops::RangeInclusive<Ts> = -DAY..=7 * DAY;
/// The columns that are read.
const COLUMNS: &[&str] = &[
    "snapshot_local",
    "direction",
    "sched_local",
    "latest_local",
    "status",
    "flight_iata",
    "codeshares",
    "other_airports",
    "terminal",
    "gate",
    "source_key",
];

/// A row.
struct Row {
    /// The display's own name of it.
    name: String,
    side: Side,
    says: Says,
    flight: (Carrier, i32, Option<Suffix>),
    /// From where to where: one of them is this airport.
    route: (Airport, Airport),
    scheduled: Ts,
    latest: Ts,
    /// When the row was read.
    read_at: Ts,
    /// The local date of a departure.
    date: Option<Date>,
    sold_as: BTreeSet<(Carrier, i32)>,
    terminal: Option<String>,
    gate: Option<String>,
}

/// Which side of the display.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Departure,
    Arrival,
}

/// What a state says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    /// The latest time is an estimate.
    Expected,
    /// The latest time is when it happened.
    Moved(FlightKind),
    Cancelled,
    Diverted,
}

/// Reads the files whole; a row that stands in them twice is taken once.
///
/// # Errors
/// One cannot be read, or its header lacks a column.
pub(crate) fn read(files: &[PathBuf], model: Model) -> Result<ReadWhole, TableError> {
    let (mut refused, mut rows) = (Refused::default(), Vec::new());
    let mut names = BTreeSet::new();
    for file in files {
        let first = |cells: &Cells<'_>| {
            let row = row(cells)?;
            let again = || Fault::new("source_key", format_args!("`{}` stands in the input already", shown(&row.name)));
            if names.insert(row.name.clone()) { Ok(row) } else { Err(again()) }
        };
        rows.extend(each(file, COLUMNS, &mut refused, first)?);
    }
    let envelope = Arc::from(format!("/producers/{}", Kind::Yyz.name()));
    let published = first_departures(&rows);
    let mut records: Vec<Record> = rows.iter().flat_map(|row| words(&envelope, row, model, &published)).collect();
    records.sort_by_key(|record| record.timestamp);
    Ok(ReadWhole::new(Kind::Yyz, records, refused))
}

/// The first scheduled departure of each local day.
fn first_departures(rows: &[Row]) -> BTreeMap<Date, Ts> {
    let mut first = BTreeMap::new();
    for (date, at) in rows.iter().filter_map(|row| Some((row.date?, row.scheduled))) {
        first.entry(date).and_modify(|first: &mut Ts| *first = at.min(*first)).or_insert(at);
    }
    first
}

fn row(cells: &Cells<'_>) -> Result<Row, Fault> {
    let text = |name| cells.required::<String>(name);
    let instant = |name| cells.required::<Timestamp>(name).map(Timestamp::as_millisecond);
    let side = match text("direction")?.as_str() {
        "DEP" => Side::Departure,
        "ARR" => Side::Arrival,
        other => return Err(Fault::new("direction", format_args!("`{}` is neither ARR nor DEP", shown(other)))),
    };
    let (scheduled, latest) = (instant("sched_local")?, instant("latest_local")?);
    if !AWAY.contains(&(latest - scheduled)) {
        return Err(Fault::new("latest_local", "more than a day before the schedule or a week after it"));
    }
    let (others, sold_as) = (text("other_airports")?, cells.optional::<String>("codeshares")?.unwrap_or_default());
    let mut others = others.split_whitespace();
    let departs = side == Side::Departure;
    let other = if departs { others.next() } else { others.next_back() }.unwrap_or_default();
    let other = other.parse::<Airport>().map_err(|e| Fault::new("other_airports", format_args!("`{}`: {e}", shown(other))))?;
    let here: Airport = HERE.parse().map_err(|e| Fault::new("direction", e))?;
    let sold_as = sold_as.split_whitespace().map(|text| flight("codeshares", text).map(|(carrier, number, _)| (carrier, number)));
    Ok(Row {
        name: text("source_key")?,
        side,
        says: says(side, &text("status")?)?,
        flight: flight("flight_iata", &text("flight_iata")?)?,
        route: if departs { (here, other) } else { (other, here) },
        scheduled,
        latest,
        read_at: instant("snapshot_local")?,
        date: reference::airport(here).filter(|_| departs).and_then(|here| here.local_date(scheduled)),
        sold_as: sold_as.collect::<Result<_, _>>()?,
        terminal: cells.optional("terminal")?,
        gate: cells.optional("gate")?,
    })
}

fn says(side: Side, state: &str) -> Result<Says, Fault> {
    Ok(match (side, state) {
        (_, "ONT" | "ASK") => Says::Nothing,
        (_, "DEL" | "ERL") | (Side::Arrival, "DEP") => Says::Expected,
        (Side::Departure, "DEP") => Says::Moved(FlightKind::Out),
        (Side::Arrival, "LND") => Says::Moved(FlightKind::On),
        (Side::Arrival, "ARR") => Says::Moved(FlightKind::In),
        (_, "CAN") => Says::Cancelled,
        (_, "DIV") => Says::Diverted,
        _ => return Err(Fault::new("status", format_args!("`{}` is no state of that side", shown(state)))),
    })
}

/// A flight as a display writes it, `AC8012` or `EAQ4373`, under the designator that legs are named by.
fn flight(field: &'static str, text: &str) -> Result<(Carrier, i32, Option<Suffix>), Fault> {
    let fault = || Fault::new(field, format_args!("`{}` is no flight", shown(text)));
    let (carrier, number, suffix) = designator(text).ok_or_else(fault)?;
    let number = i32::try_from(number).map_err(|_| fault())?;
    let suffix = suffix.map(|suffix| suffix.to_string().parse()).transpose().map_err(|_| fault())?;
    let (carrier, _) = named(carrier.parse().map_err(|_| fault())?, number);
    Ok((carrier, number, suffix))
}

/// Everything that a row makes known.
fn words(envelope: &Arc<str>, row: &Row, model: Model, published: &BTreeMap<Date, Ts>) -> Vec<Record> {
    let (plan, mut words) = (plan(row), Vec::new());
    if let Some(first) = row.date.and_then(|date| published.get(&date)) {
        let at = first - PUBLISHED_AHEAD;
        words.push(observed(envelope, &plan, at));
        words.extend(row.sold_as.iter().map(|marketing| sold(envelope, &plan, *marketing, row.date, at)));
    }
    if let Some((at, fate)) = fate(row, plan, model) {
        words.push(observed(envelope, &fate, at));
    }
    words
}

fn plan(row: &Row) -> FlightObservation {
    let ((carrier, number, suffix), departs) = (row.flight, row.side == Side::Departure);
    FlightObservation {
        source_leg: Some(row.name.clone()),
        suffix,
        date: row.date,
        date_meaning: if departs { DateMeaning::LegLocal } else { DateMeaning::Unknown },
        scheduled_departure: departs.then_some(row.scheduled),
        scheduled_arrival: (!departs).then_some(row.scheduled),
        role: DesignatorRole::Operating,
        ..FlightObservation::of(NAME, FlightKind::Scheduled, (carrier, number), row.route)
    }
}

/// What became of the flight, and when that is known.
fn fate(row: &Row, plan: FlightObservation, model: Model) -> Option<(Ts, FlightObservation)> {
    let (mut said, places) = (plan, (row.terminal.clone(), row.gate.clone()));
    match row.side {
        Side::Departure => (said.departure_terminal, said.departure_gate) = places,
        Side::Arrival => (said.arrival_terminal, said.arrival_gate) = places,
    }
    let lead = model.cancel_lead.clamp(0, PUBLISHED_AHEAD);
    let (at, kind) = match row.says {
        Says::Nothing => return None,
        Says::Expected => (row.read_at, FlightKind::Estimated),
        Says::Moved(kind) => (row.latest, kind),
        Says::Cancelled => (row.scheduled - lead, FlightKind::Cancelled),
        Says::Diverted => (row.read_at, FlightKind::Diverted),
    };
    match (row.says, row.side) {
        (Says::Expected, Side::Departure) => said.estimated_departure = Some(row.latest),
        (Says::Expected, Side::Arrival) => said.estimated_arrival = Some(row.latest),
        _ => said.at = Some(at),
    }
    said.assumed = row.says == Says::Cancelled && lead > 0;
    Some((at, FlightObservation { kind, ..said }))
}
