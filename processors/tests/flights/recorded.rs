//! Recorded days of the US on-time data, read here without the product's own reader, and their observations.
//!
//! Scheduled departure = local date and time in the origin's zone; then the recorded minutes are added up.

use std::io::Read;
use std::path::{Path, PathBuf};

use slipstream_schemas::ids::{Airport, Carrier, Date, Tail};
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_schemas::reference;
use slipstream_streams::record::Record;

use super::support::{HOUR, MINUTE, record};

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub carrier: Carrier,
    pub number: i32,
    pub date: Date,
    pub origin: Airport,
    pub destination: Airport,
    pub tail: Option<Tail>,
    pub sd: i64,
    pub sa: Option<i64>,
    pub out: Option<i64>,
    pub off: Option<i64>,
    pub on: Option<i64>,
    pub arrived: Option<i64>,
    pub cancelled: bool,
    pub diverted: bool,
}

/// The day in the repository.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/bts-2008-01-31.csv.gz")
}

/// Reads one day.
pub fn day(path: &Path) -> Vec<Row> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column =
        |name: &str| names.iter().position(|n| *n == name).unwrap_or_else(|| panic!("{}: no column {name}", path.display()));
    let columns = [
        "flight_date",
        "carrier",
        "flight_num",
        "tail_num",
        "origin",
        "dest",
        "crs_dep_time",
        "dep_delay",
        "taxi_out",
        "air_time",
        "taxi_in",
        "crs_elapsed",
        "cancelled",
        "diverted",
    ]
    .map(column);
    lines.enumerate().map(|(line, text)| row(line, &columns, &text.split(',').collect::<Vec<_>>())).collect()
}

fn row(line: usize, columns: &[usize; 14], cells: &[&str]) -> Row {
    let text = |place: usize| cells[columns[place]];
    let minutes = |place: usize| text(place).parse::<f64>().ok().map(|minutes| minutes as i64 * MINUTE);
    let (date, origin): (Date, Airport) = (text(0).parse().unwrap(), text(4).parse().unwrap());
    let clock: i16 = text(6).parse::<f64>().unwrap() as i16;
    let midnight = date.civil().to_datetime(jiff::civil::Time::midnight());
    let wall = midnight + jiff::SignedDuration::from_mins(i64::from(clock / 100 * 60 + clock % 100));
    let sd = reference::airport(origin).unwrap().zone.to_timestamp(wall).unwrap().as_millisecond();
    let (cancelled, diverted) = (text(12) == "1", text(13) == "1");
    let out = minutes(7).filter(|_| !cancelled).map(|delay| sd + delay);
    let off = out.zip(minutes(8)).map(|(out, taxi)| out + taxi);
    let on = off.zip(minutes(9)).map(|(off, air)| off + air).filter(|_| !diverted);
    let arrived = on.zip(minutes(10)).map(|(on, taxi)| on + taxi);
    Row {
        id: format!("{}:{line}", text(0)),
        carrier: text(1).parse().unwrap(),
        number: text(2).parse().unwrap(),
        date,
        origin,
        destination: text(5).parse().unwrap(),
        tail: text(3).to_uppercase().parse().ok(),
        sd,
        sa: minutes(11).map(|elapsed| sd + elapsed),
        out,
        off,
        on,
        arrived,
        cancelled,
        diverted,
    }
}

/// What is known of a day's legs, and when.
pub fn observations(rows: &[Row], records: &mut Vec<Record>) {
    let published = rows.iter().map(|row| row.sd).min().unwrap_or_default() - 24 * HOUR;
    for row in rows {
        let mut say = |known_at: Option<i64>, kind: FlightKind| {
            if let Some(known_at) = known_at {
                records.push(record(&observation(row, kind, known_at), known_at, 0));
            }
        };
        say(Some(published), FlightKind::Scheduled);
        say(row.tail.map(|_| row.sd - 24 * HOUR), FlightKind::Assigned);
        say(row.out, FlightKind::Out);
        say(row.off, FlightKind::Off);
        say(row.on, FlightKind::On);
        say(row.arrived, FlightKind::In);
        say(row.cancelled.then_some(row.sd), FlightKind::Cancelled);
        let lost = row.sa.unwrap_or(row.sd + 2 * HOUR) + 30 * MINUTE;
        say(row.diverted.then_some(lost.max(row.off.or(row.out).unwrap_or(lost))), FlightKind::Diverted);
    }
}

fn observation(row: &Row, kind: FlightKind, known_at: i64) -> FlightObservation {
    let planned = matches!(kind, FlightKind::Scheduled | FlightKind::Assigned);
    FlightObservation {
        source_leg: Some(row.id.clone()),
        date: Some(row.date),
        scheduled_departure: Some(row.sd),
        scheduled_arrival: row.sa,
        at: (!planned).then_some(known_at),
        tail: row.tail.filter(|_| kind == FlightKind::Assigned),
        ..FlightObservation::of("bts", kind, (row.carrier, row.number), (row.origin, row.destination))
    }
}
