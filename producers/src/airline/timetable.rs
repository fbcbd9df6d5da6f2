//! The legs of schedule files, found by flight and date.
//!
//!     2 carrier: times UTC or local, valid until ┐
//!     3 leg: period, days of the week, times      ├─► Leg ──► on(date) ──► Instance: departs, arrives, local date
//!     4 segment: 010, 050 codeshares              ┘
//!
//! Periods and days are dates of the flight's origin, in the file's own time; each leg's day variation is relative to them. An instance
//! is made when it is asked for, so a file costs what its records do, not what its seasons do. Which records make no leg is
//! said by line and field.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Span;
use jiff::civil::Date as Civil;
use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix};
use slipstream_streams::record::Ts;

use super::instants::{date_of, midnight};
use super::named;
use crate::local_time::{DAY, MINUTE};
use crate::messages::ssim::{Record, designators};
use crate::refusals::{Fault, Refusal, Refused};
use crate::table::{TableError, shown};
use crate::text_file;

/// Most legs of all schedule files together; the world's airlines publish about a third of that.
pub(crate) const LEGS_MAX: usize = 1_000_000;
/// Longest period of a leg, days; a season has at most 217.
const PERIOD_DAYS_MAX: i32 = 400;
/// How far the date of an instance may lie from the flight's first date, days.
const VARIATION_DAYS: i32 = 9;

/// A flight as it is numbered.
pub(crate) type Flight = (Carrier, i32, Option<Suffix>);

/// One leg over its period.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    pub(crate) flight: Flight,
    /// The designator as written, where legs are named by another.
    pub(crate) designator: Option<String>,
    pub(crate) origin: Airport,
    pub(crate) destination: Airport,
    /// Its place among the legs of the flight.
    pub(crate) sequence: u64,
    pub(crate) terminals: [Option<String>; 2],
    /// First and last date.
    pub(crate) period: (Civil, Civil),
    /// A bit for each day of the week, Monday the lowest.
    days: u8,
    /// Every second week, from the first date on.
    fortnightly: bool,
    /// Off-block and in-block, minutes after midnight UTC of the flight's date.
    minutes: [i64; 2],
    /// How far the origin's clock is ahead of UTC, minutes.
    ahead: i64,
    /// When the file was made, epoch ms; the beginning of time where it does not say.
    pub(crate) known_at: Ts,
    /// Numbers under which it is sold besides.
    pub(crate) sold_as: Vec<(Carrier, i32)>,
    /// The flight that it is, where this number only sells it.
    pub(crate) operated_as: Option<(Carrier, i32)>,
}

/// A leg on one day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instance {
    /// Date of the flight in the file's own time.
    pub(crate) flight_date: Civil,
    /// Local date of departure.
    pub(crate) date: Date,
    /// Scheduled off-block, epoch ms.
    pub(crate) departs: Ts,
    /// Scheduled in-block, epoch ms.
    pub(crate) arrives: Ts,
}

impl Leg {
    /// The leg of the flight that begins on this date, if it does.
    pub(crate) fn on(&self, flight_date: Civil) -> Option<Instance> {
        let (from, to) = self.period;
        let flies =
            flight_date >= from && flight_date <= to && self.days & 1 << flight_date.weekday().to_monday_zero_offset() != 0;
        let week = (midnight(flight_date) - midnight(from)) / (7 * DAY);
        if !flies || self.fortnightly && week % 2 != 0 {
            return None;
        }
        let [departs, arrives] = self.minutes.map(|minutes| midnight(flight_date) + minutes * MINUTE);
        let date = date_of(departs + self.ahead * MINUTE)?.into();
        Some(Instance { flight_date, date, departs, arrives })
    }

    /// The instances that depart on this date, at the origin or by UTC.
    fn departing(&self, date: Civil) -> impl Iterator<Item = Instance> {
        let near = (-VARIATION_DAYS..=VARIATION_DAYS).filter_map(move |days| date.checked_add(Span::new().days(days)).ok());
        let fits = move |found: &Instance| found.date.civil() == date || date_of(found.departs) == Some(date);
        near.filter_map(|day| self.on(day)).filter(fits)
    }
}

/// Legs of schedule files.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    legs: Vec<Arc<Leg>>,
    flights: BTreeMap<Flight, Vec<Arc<Leg>>>,
}

impl Timetable {
    /// Reads the files whole.
    ///
    /// # Errors
    /// One cannot be read.
    pub(crate) fn read(files: &[PathBuf], refused: &mut Refused) -> Result<Self, TableError> {
        let mut table = Self::default();
        for path in files {
            let mut file = File::new(path);
            let io = |source| TableError::Io { path: path.clone(), source };
            for line in BufReader::new(text_file::open(path).map_err(io)?).split(b'\n') {
                file.line += 1;
                let line = line.map_err(io)?;
                if let Err(fault) = file.take(&line, &mut table.legs) {
                    refused.add(Refusal::with_text(&file.name, file.line, fault, &line));
                }
            }
        }
        for leg in &table.legs {
            table.flights.entry(leg.flight).or_default().push(Arc::clone(leg));
        }
        Ok(table)
    }

    /// Every leg, in the order of the files.
    pub(crate) fn legs(&self) -> &[Arc<Leg>] {
        &self.legs
    }

    /// The legs of a flight that depart on a date, by the origin's calendar or by UTC, as known at an instant; in order of departure.
    pub(crate) fn departing(&self, flight: Flight, date: Civil, known_at: Ts) -> Vec<(&Leg, Instance)> {
        let legs = self.flights.get(&flight).into_iter().flatten().filter(|leg| leg.known_at <= known_at);
        let mut found: Vec<_> = legs.flat_map(|leg| leg.departing(date).map(move |one| (&**leg, one))).collect();
        found.sort_by_key(|(leg, one)| (one.departs, leg.sequence));
        found
    }

    /// The legs of the flight that begins on a date in the file's own time, in their order.
    pub(crate) fn legs_on(&self, flight: Flight, flight_date: Civil, known_at: Ts) -> Vec<(&Leg, Instance)> {
        let legs = self.flights.get(&flight).into_iter().flatten().filter(|leg| leg.known_at <= known_at);
        let mut found: Vec<_> = legs.filter_map(|leg| Some((&**leg, leg.on(flight_date)?))).collect();
        found.sort_by_key(|(leg, _)| leg.sequence);
        found
    }
}

/// One file while it is read.
struct File {
    name: Arc<str>,
    line: u64,
    carrier: Option<Header>,
    /// The leg that segment records belong to is the last one read.
    open: bool,
}

/// What a carrier record says of the legs after it.
#[derive(Clone, Copy)]
struct Header {
    utc: bool,
    until: Option<Civil>,
    known_at: Ts,
}

impl File {
    fn new(path: &Path) -> Self {
        Self { name: path.display().to_string().into(), line: 0, carrier: None, open: false }
    }

    fn take(&mut self, line: &[u8], legs: &mut Vec<Arc<Leg>>) -> Result<(), Fault> {
        let text = std::str::from_utf8(line).map_err(|_| Fault::new("line", "not UTF-8"))?.trim_end_matches(['\r', '\u{1a}']);
        if text.is_empty() {
            return Ok(());
        }
        let record = Record::read(text).map_err(|problem| Fault::new("record", problem))?;
        match record.kind() {
            "carrier" => self.carrier = Some(header(&record)?),
            "leg" => {
                self.open = false;
                let header = self.carrier.ok_or_else(|| Fault::new("record", "a leg before the carrier record (type 2)"))?;
                if legs.len() >= LEGS_MAX {
                    return Err(Fault::new("record", format_args!("more than {LEGS_MAX} legs")));
                }
                legs.push(Arc::new(leg(&record, header)?));
                self.open = true;
            }
            "segment" if self.open => {
                if let Some(leg) = legs.last_mut() {
                    segment(&record, Arc::make_mut(leg))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn header(record: &Record) -> Result<Header, Fault> {
    let utc = match record.text("time_mode") {
        "U" => true,
        "L" => false,
        mode => return Err(Fault::new("time_mode", format_args!("`{}` is neither U nor L", shown(mode)))),
    };
    let known_at = record.date("created").map_or(0, |date| midnight(date) + record.minutes("created_time").unwrap_or(0) * MINUTE);
    Ok(Header { utc, until: record.date("valid_to"), known_at })
}

fn leg(record: &Record, header: Header) -> Result<Leg, Fault> {
    let number = record.count("flight_number").and_then(|number| i32::try_from(number).ok());
    let number = number.filter(|number| *number > 0).ok_or_else(|| Fault::new("flight_number", "missing or 0"))?;
    let (carrier, designator) = named(parsed(record, "airline")?, number);
    let suffix = match record.text("suffix") {
        "" => None,
        _ => Some(parsed(record, "suffix")?),
    };
    let terminal = |field| Some(record.text(field).trim().to_owned()).filter(|text| !text.is_empty());
    let departs = instant(record, header, ["aircraft_departure", "departure_utc_offset_min", "departure_day"])?;
    let arrives = instant(record, header, ["aircraft_arrival", "arrival_utc_offset_min", "arrival_day"])?;
    if arrives <= departs {
        return Err(Fault::new("aircraft_arrival", "not after the departure"));
    }
    Ok(Leg {
        flight: (carrier, number, suffix),
        designator,
        origin: parsed(record, "departure_station")?,
        destination: parsed(record, "arrival_station")?,
        sequence: record.count("leg_sequence").unwrap_or(1),
        terminals: [terminal("departure_terminal"), terminal("arrival_terminal")],
        period: period(record, header)?,
        days: record.days().into_iter().filter(|day| matches!(day, 1..=7)).fold(0, |days, day| days | 1 << (day - 1)),
        fortnightly: record.text("frequency") == "2",
        minutes: [departs, arrives],
        ahead: record.offset("departure_utc_offset_min").unwrap_or(0),
        known_at: header.known_at,
        sold_as: Vec::new(),
        operated_as: None,
    })
}

/// Minutes after midnight UTC of the flight's date.
fn instant(record: &Record, header: Header, [time, offset, day]: [&'static str; 3]) -> Result<i64, Fault> {
    let minutes = record.minutes(time).ok_or_else(|| Fault::new(time, "missing"))?;
    let ahead = record.offset(offset).ok_or_else(|| Fault::new(offset, "missing"))?;
    let days = match record.text(day) {
        "" | "0" => 0,
        "A" | "J" => -1,
        later => later.parse::<i64>().map_err(|_| Fault::new(day, "no day variation (blank, 0 to 9, A)"))?,
    };
    Ok(minutes + days * 24 * 60 - if header.utc { 0 } else { ahead })
}

/// First and last date; an open end is that of the season.
fn period(record: &Record, header: Header) -> Result<(Civil, Civil), Fault> {
    let from = record.date("from_date").ok_or_else(|| Fault::new("from_date", "missing or open"))?;
    let to = record.date("to_date").or(header.until.filter(|_| record.text("to_date") == "00XXX00"));
    let to = to.ok_or_else(|| Fault::new("to_date", "missing, or open in a file without an end of validity"))?;
    match (midnight(to) - midnight(from)) / DAY {
        days if days < 0 => Err(Fault::new("to_date", format_args!("{to} is before {from}"))),
        days if days > PERIOD_DAYS_MAX.into() => {
            Err(Fault::new("to_date", format_args!("more than {PERIOD_DAYS_MAX} days after {from}")))
        }
        _ => Ok((from, to)),
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(record: &Record, field: &'static str) -> Result<T, Fault> {
    record.text(field).trim().parse().map_err(|problem| Fault::new(field, problem))
}

/// Data elements 010 and 050: other numbers of the same leg. Those of other elements are no concern of the pipeline.
fn segment(record: &Record, leg: &mut Leg) -> Result<(), Fault> {
    let element = record.count("data_element");
    if !matches!(element, Some(10 | 50)) {
        return Ok(());
    }
    let numbers =
        designators(record.text("data")).ok_or_else(|| Fault::new("data", "no flight designators (UA 9000/LH 1234)"))?;
    let mut numbers = numbers.into_iter().map(|(carrier, number)| (named(carrier, number).0, number));
    if element == Some(50) {
        leg.operated_as = numbers.next()
    } else {
        leg.sold_as.extend(numbers)
    }
    Ok(())
}
