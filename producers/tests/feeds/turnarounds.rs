//! Minimum turnarounds fitted from recorded days, and the table that ships.

use std::path::Path;

use slipstream_producers::inputs::Input;
use slipstream_producers::turnaround;

use crate::month;
use crate::support::{FLOWN, bts, with};

/// The table that ships, without its comment.
fn shipped() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../processors/data/turnaround.csv");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_shipped_turnarounds_are_those_of_the_month() {
    let Some(input) = month::files() else { return };
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
