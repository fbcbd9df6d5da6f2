//! What the tests of this crate share: small recordings in files, and feeds read to their end.

use std::io::Read;
use std::path::{Path, PathBuf};

use slipstream_producers::inputs::{Input, Playback, open};
use slipstream_producers::refusals::Refused;
use slipstream_schemas::records::FlightObservation;
use slipstream_schemas::topics::DEAD_LETTER_QUEUE;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use slipstream_streams::reference::Source;

/// Header of a BTS recording.
pub(crate) const HEADER: &str = "flight_date,carrier,flight_num,tail_num,origin,dest,crs_dep_time,dep_time,dep_delay,taxi_out,air_time,taxi_in,\
crs_arr_time,arr_time,arr_delay,crs_elapsed,actual_elapsed,distance_mi,cancelled,cancellation_code,diverted,\
carrier_delay,weather_delay,nas_delay,security_delay,late_aircraft_delay";

/// A leg that was flown: AA 1 from New York at 08:00 (13:00Z), 10 minutes late.
pub(crate) const FLOWN: &str = "2008-01-31,AA,1,N101AA,JFK,LAX,800,810,10,20,330,5,1130,1105,-25,390,355,2475,0,,0,,,,,";

/// The sample day of this repository.
pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/bts-2008-01-31.csv.gz")
}

/// The folder of the whole month, where there is one (`SLIPSTREAM_DATA`); says so where there is none.
pub(crate) fn month() -> Option<PathBuf> {
    let folder = std::env::var_os("SLIPSTREAM_DATA").map(|data| Path::new(&data).join("bts-2008-01"));
    if folder.is_none() {
        eprintln!("skipped: SLIPSTREAM_DATA does not name the folder that holds bts-2008-01/");
    }
    folder
}

/// A recording of one file.
pub(crate) fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A BTS recording with these rows.
pub(crate) fn bts(folder: &tempfile::TempDir, name: &str, rows: &[String]) -> Input {
    let path = file(folder, name, &format!("{HEADER}\n{}\n", rows.join("\n")));
    input("bts", &path)
}

/// An input of one kind.
pub(crate) fn input(kind: &str, path: &Path) -> Input {
    format!("{kind}:{}", path.display()).parse().unwrap()
}

/// `row` with some of its cells replaced.
pub(crate) fn with(row: &str, changes: &[(&str, &str)]) -> String {
    let mut cells: Vec<&str> = row.split(',').collect();
    for (name, value) in changes {
        let place = HEADER.split(',').position(|column| column == *name).expect(name);
        cells[place] = value;
    }
    cells.join(",")
}

/// Every record of the inputs, letters aside, and what was refused: all of that is letters.
pub(crate) fn play(inputs: &[Input], playback: Playback) -> (Vec<Record>, Refused) {
    let mut feed = open(inputs, playback).unwrap();
    let (mut records, mut letters) = (Vec::new(), 0);
    while let Some(record) = feed.next().unwrap() {
        if record.topic == DEAD_LETTER_QUEUE {
            letters += 1;
        } else {
            records.push(record);
        }
    }
    assert_eq!(letters, feed.refused().count, "{}", feed.refused());
    (records, feed.refused().clone())
}

/// The observation in a record.
pub(crate) fn observation(record: &Record) -> FlightObservation {
    FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap()
}

/// The rows of a packed CSV file as cells by column.
pub(crate) fn rows(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    lines.map(|line| header.iter().cloned().zip(line.split(',').map(str::to_owned)).collect()).collect()
}

/// The zone of every airport, read from the reference table on its own.
pub(crate) fn zones() -> std::collections::BTreeMap<String, jiff::tz::TimeZone> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/data/airports.csv")).unwrap();
    let cells = |row: &str| row.split(',').map(str::to_owned).collect::<Vec<_>>();
    let rows = text.lines().skip(1).map(cells);
    rows.filter_map(|row| Some((row[0].clone(), jiff::tz::TimeZone::get(row.last()?).ok()?))).collect()
}
