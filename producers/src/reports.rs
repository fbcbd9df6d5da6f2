//! Recorded aerodrome weather as a stream of `external.data`: reports with the instant that their text leaves out.
//!
//!     metar: CSV with raw_text and observation_time ┐
//!     taf:   CSV with raw_text and issue_time       ├──► read, assessed ──► AirportWeather, in order of time
//!
//! The form of the Aviation Weather Center's cache files; further columns are ignored. A report becomes known
//! [`KNOWN_AFTER`] its observation or issue. Snapshots are in no order, so a file is read whole and sorted; what is held is
//! bounded by [`REPORTS_MAX`]. A line whose text cannot be read, or that repeats an earlier one, is refused by its number.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use slipstream_schemas::records::{AirportWeather, WeatherHazard};
use slipstream_schemas::topics::EXTERNAL_DATA;
use slipstream_streams::record::{Record, Ts};
use uuid::Uuid;

use crate::feed::{self, ReadWhole};
use crate::inputs::Kind;
use crate::local_time::MINUTE;
use crate::refusals::{Fault, Refusal, Refused};
use crate::table::{TableError, shown};
use crate::text_file;
use crate::weather::Category;
use crate::weather::aerodromes;
use crate::weather::groups::Station;
use crate::weather::impact::{self, Impact};
use crate::weather::metar::Report;
use crate::weather::row::Row;
use crate::weather::taf::Forecast;
use crate::weather::visibility::METRES_PER_MI;

/// How long after its observation or issue a report is known.
pub const KNOWN_AFTER: Ts = 5 * MINUTE;
/// Most reports of one file; a day of the whole world has 250,000.
pub const REPORTS_MAX: usize = 1_000_000;

/// One kind of recorded weather.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    /// The kind of input.
    kind: Kind,
    /// The column with the instant.
    time: &'static str,
    /// Reads and assesses a text.
    assess: fn(&str) -> Result<AirportWeather, String>,
}

/// `metar:` recordings.
pub(crate) const METAR: Form = Form { kind: Kind::Metar, time: "observation_time", assess: metar };
/// `taf:` recordings.
pub(crate) const TAF: Form = Form { kind: Kind::Taf, time: "issue_time", assess: taf };

/// Reads a file whole, and puts its reports in order of time.
///
/// # Errors
/// It cannot be read, or its header lacks a column.
pub(crate) fn open(path: &Path, form: Form) -> Result<ReadWhole, TableError> {
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let text = BufReader::new(text_file::open(path).map_err(io)?);
    let mut loading = Loading::new(form, path);
    for line in text.split(b'\n') {
        loading.line(&line.map_err(io)?, path)?;
    }
    let Loading { mut records, refused, .. } = loading;
    records.sort_by_key(|record| record.timestamp);
    Ok(ReadWhole::new(form.kind, records, refused))
}

/// A file while it is read.
struct Loading {
    form: Form,
    file: Arc<str>,
    envelope: Arc<str>,
    line: u64,
    /// Places of text and time among the columns, once the header was read.
    places: Option<(usize, usize)>,
    records: Vec<Record>,
    ids: BTreeSet<Uuid>,
    refused: Refused,
}

impl Loading {
    fn new(form: Form, path: &Path) -> Self {
        Self {
            form,
            file: path.display().to_string().into(),
            envelope: format!("/producers/{}", form.kind.name()).into(),
            line: 0,
            places: None,
            records: Vec::new(),
            ids: BTreeSet::new(),
            refused: Refused::default(),
        }
    }

    fn line(&mut self, bytes: &[u8], path: &Path) -> Result<(), TableError> {
        self.line += 1;
        let cells = cells(bytes);
        let Some(places) = self.places else {
            let place = |column: &'static str| {
                let found = cells.iter().flatten().position(|cell| cell == column);
                found.ok_or_else(|| TableError::Column { path: path.to_owned(), column })
            };
            self.places = Some((place("raw_text")?, place(self.form.time)?));
            return Ok(());
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        match self.record(&cells.unwrap_or_default(), places) {
            Ok(record) => self.records.push(record),
            Err(fault) => self.refused.add(Refusal::with_text(&self.file, self.line, fault, bytes)),
        }
        Ok(())
    }

    fn record(&mut self, cells: &[String], (text, time): (usize, usize)) -> Result<Record, Fault> {
        if self.records.len() >= REPORTS_MAX {
            return Err(Fault::new("line", format_args!("more than {REPORTS_MAX} reports in one file")));
        }
        let cell = |place: usize| cells.get(place).map(String::as_str).unwrap_or_default();
        let instant: Option<jiff::Timestamp> = cell(time).parse().ok();
        let since_1970 = instant.map(jiff::Timestamp::as_millisecond).filter(|millis| *millis >= 0);
        let problem = || Fault::new(self.form.time, format_args!("`{}` is no instant since 1970", shown(cell(time))));
        let observed_at = since_1970.ok_or_else(problem)?;
        let assessed = (self.form.assess)(cell(text)).map_err(|problem| Fault::new("raw_text", problem))?;
        let weather = AirportWeather { observed_at, ..assessed };
        let record = published(&self.envelope, &weather, observed_at + KNOWN_AFTER);
        if !self.ids.insert(record.event.id) {
            return Err(Fault::new("line", "the same report as an earlier line"));
        }
        Ok(record)
    }
}

/// The record of a report: under its airport's IATA code, else the station's; its id follows from source and content.
pub(crate) fn published(envelope: &Arc<str>, weather: &AirportWeather, known_at: Ts) -> Record {
    let key = weather.airport.map_or_else(|| weather.station.clone(), |airport| airport.to_string());
    feed::record(envelope, EXTERNAL_DATA, &key, weather, known_at)
}

/// The cells of one line; quotes never reach beyond it. None where it is no text.
fn cells(line: &[u8]) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    let record = reader.records().next()?.ok()?;
    Some(record.iter().map(str::to_owned).collect())
}

/// A METAR or SPECI, read and assessed; its instant is left to the caller.
pub(crate) fn metar(text: &str) -> Result<AirportWeather, String> {
    let report = Report::read(text).map_err(|problem| problem.to_string())?;
    let row = Row::from(&report);
    let impact = impact::of_report(&report, aerodromes::runways(report.station));
    Ok(AirportWeather {
        kind: row.kind.to_owned(),
        category: row.flight_category.map(|category| category_name(category).to_owned()),
        wind_dir_degrees: row.wind_dir_degrees.map(small),
        wind_speed_kt: row.wind_speed_kt.map(small),
        wind_gust_kt: row.wind_gust_kt.map(small),
        visibility_m: row.visibility_statute_mi.map(metres),
        ceiling_ft: report.ceiling_ft().map(small),
        temp_tenths_c: row.temp_c.map(|celsius| whole(celsius * 10.0)),
        ..assessed(report.station, text, impact)
    })
}

/// A TAF, likewise. A forecast has many values of each field, so the record has its text and its worst impact.
pub(crate) fn taf(text: &str) -> Result<AirportWeather, String> {
    let forecast = Forecast::read(text).map_err(|problem| problem.to_string())?;
    let impact = impact::of_forecast(&forecast, aerodromes::runways(forecast.station));
    Ok(AirportWeather { kind: "TAF".to_owned(), ..assessed(forecast.station, text, impact) })
}

/// A report with its impact and nothing measured; kind and instant are left to the caller.
pub(crate) fn assessed(station: Station, raw: &str, impact: Impact) -> AirportWeather {
    let hazard = |part: impact::Component| WeatherHazard {
        hazard: part.hazard.to_owned(),
        value_percent: part.value.map(|value| whole(value * 100.0)),
        evidence: part.evidence,
    };
    AirportWeather {
        airport: aerodromes::airport(station),
        station: station.to_string(),
        kind: String::new(),
        observed_at: 0,
        raw: raw.to_owned(),
        category: None,
        wind_dir_degrees: None,
        wind_speed_kt: None,
        wind_gust_kt: None,
        visibility_m: None,
        ceiling_ft: None,
        temp_tenths_c: None,
        impact_percent: whole(impact.score * 100.0),
        band: impact.band.name().to_owned(),
        components: impact.components.into_iter().map(hazard).collect(),
    }
}

fn category_name(category: Category) -> &'static str {
    match category {
        Category::Lifr => "LIFR",
        Category::Ifr => "IFR",
        Category::Mvfr => "MVFR",
        Category::Vfr => "VFR",
    }
}

/// Metres in the steps of a report: 50 m under 5 km, else 100 m.
fn metres(miles: f64) -> i32 {
    let metres = miles * METRES_PER_MI;
    let step = if metres < 5000.0 { 50.0 } else { 100.0 };
    whole(metres / step) * whole(step)
}

/// The nearest whole number; all that is measured here is far below the bound.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

/// Degrees, knots and feet are far below the bound.
fn small(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
