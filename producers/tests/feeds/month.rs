//! January 2008, where its files are at hand (`SLIPSTREAM_DATA`): counts, traps, fitted turnarounds, speed.

use std::collections::BTreeMap;
use std::path::Path;

use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::{Input, Playback, open};
use slipstream_producers::turnaround;
use slipstream_schemas::records::FlightKind;
use slipstream_streams::reference::Source;

use crate::support::{FLOWN, bts, input, month, observation, with};

/// The published figures of the month.
const LEGS: usize = 605_765;
const CANCELLED: usize = 17_308;
const DIVERTED: usize = 1_327;

fn files() -> Option<Input> {
    month().map(|folder| input("bts", &folder.join("*.csv.gz")))
}

#[test]
fn the_month_has_its_published_figures_and_its_traps() {
    let Some(input) = files() else { return };
    let mut feed = open(&[input], Playback::default()).unwrap();
    let (mut counts, mut second) = (BTreeMap::new(), Vec::new());
    let mut latest = i64::MIN;
    while let Some(record) = feed.next().unwrap() {
        assert!(latest <= record.timestamp);
        latest = record.timestamp;
        let said = observation(&record);
        *counts.entry(said.kind).or_insert(0usize) += 1;
        if said.kind == FlightKind::Scheduled && said.source_leg.as_deref().is_some_and(|leg| leg.ends_with("/1")) {
            second.push(said.source_leg.unwrap());
        }
    }
    assert!(feed.refused().is_empty(), "{}", feed.refused());
    assert_eq!(second, ["F9240/2008-01-13/DEN-JAX/2355/1"], "one leg stands twice in the month");
    let of = |kind| counts[&kind];
    assert_eq!(
        [of(FlightKind::Scheduled), of(FlightKind::Cancelled), of(FlightKind::Diverted), of(FlightKind::In)],
        [LEGS, CANCELLED, DIVERTED, LEGS - CANCELLED - DIVERTED]
    );
}

/// `cargo test --release -p slipstream-producers --test feeds -- --ignored --nocapture reading_speed`
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
fn reading_speed() {
    let Some(input) = files() else { return };
    for tails in [Tails::Planned, Tails::Strict] {
        let started = std::time::Instant::now();
        let model = Model { tails, ..Model::default() };
        let mut feed = open(std::slice::from_ref(&input), Playback { model, ..Playback::default() }).unwrap();
        let (mut records, mut bytes) = (0u64, 0u64);
        while let Some(record) = feed.next().unwrap() {
            records += 1;
            bytes += record.body.map_or(0, |body| body.len() as u64);
        }
        let seconds = started.elapsed().as_secs_f64();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
        eprintln!("{tails:?}: {records} records, {bytes} bytes, {seconds:.1} s, {:.0} legs/s; {peak}", LEGS as f64 / seconds);
    }
}

/// The table that ships, without its comment.
fn shipped() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../processors/data/turnaround.csv");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_shipped_turnarounds_are_those_of_the_month() {
    let Some(input) = files() else { return };
    let table = turnaround::fit(&[input]).unwrap();
    assert_eq!(table.to_string(), shipped());
    assert!(table.refused.is_empty());
}

/// A day on which AA's aircraft come in 60 min late and turn in 31, 32, … minutes; `turns` of them.
fn late_day(folder: &tempfile::TempDir, carrier: &str, turns: usize) -> Input {
    let leg = |n: usize, second: bool| {
        let (number, tail) = ((2 * n + usize::from(second) + 1).to_string(), format!("N{n}"));
        let row = with(FLOWN, &[("carrier", carrier), ("flight_num", &number), ("tail_num", &tail)]);
        // In at 08:00 + 60 late + 60 on the way = 10:00; out at 10:00 + 31 + n.
        let first = [("origin", "JFK"), ("dest", "BOS"), ("dep_delay", "60"), ("crs_elapsed", "60")];
        let phases = [("taxi_out", "10"), ("air_time", "40"), ("taxi_in", "10")];
        let delay = (31 + n).to_string();
        let next = [("origin", "BOS"), ("dest", "JFK"), ("crs_dep_time", "1000"), ("dep_delay", delay.as_str())];
        with(&with(&row, &phases), if second { &next } else { &first })
    };
    let rows: Vec<String> = (0..turns).flat_map(|n| [leg(n, false), leg(n, true)]).collect();
    bts(folder, &format!("{carrier}.csv"), &rows)
}

#[test]
fn a_carrier_with_a_hundred_late_turns_has_a_figure_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let fit = |turns| turnaround::fit(&[late_day(&folder, "AA", turns)]).unwrap();
    // 100 turns of 31 to 130 min: the 10th percentile lies at 31 + 9.9, cut to whole minutes.
    assert_eq!(fit(100).to_string(), "carrier,minutes\n*,40\nAA,40\n");
    assert_eq!(fit(99).to_string(), "carrier,minutes\n*,40\n");
    // Of 280 turns those from 300 min on are none.
    assert_eq!(fit(280).samples, 269);
    assert_eq!(fit(1).to_string(), "carrier,minutes\n*,31\n");
    let none = turnaround::fit(&[bts(&folder, "one.csv", &[FLOWN.to_owned()])]).unwrap();
    assert_eq!(none.to_string(), "carrier,minutes\n");
}
