//! `slipstream replay` on a real day: every leg has one outcome, to the minute, and the bytes never change.
//!
//! The expected instants are read back at the airports' own wall clocks and compared with the columns that the
//! feed does not use (`dep_time`, `arr_time`), so the two readings of the data are independent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use slipstream_schemas::reference;
use support::{DAY, assert_same, kept, lines, rows, run, run_clean, scratch, slipstream, text};

/// One replay of the day that all tests read.
fn day() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = kept("replay-day");
        run_clean(&["replay", &format!("bts:{DAY}"), "--speed", "max", "--out", &text(&out)]);
        out
    })
}

/// Events of one leg by kind.
type Story = BTreeMap<String, Vec<Value>>;

fn stories() -> BTreeMap<String, Story> {
    let mut stories: BTreeMap<String, Story> = BTreeMap::new();
    for event in lines(day(), "flight.events") {
        let kind = event["value"]["kind"].as_str().unwrap().to_owned();
        let story = stories.entry(event["key"].as_str().unwrap().to_owned()).or_default();
        story.entry(kind).or_default().push(event["value"].clone());
    }
    stories
}

fn key(row: &BTreeMap<String, String>) -> String {
    format!("{}{}/{}/{}-{}", row["carrier"], row["flight_num"], row["flight_date"], row["origin"], row["dest"])
}

/// `hhmm` at an airport's clock; 2400 is written as 0000.
fn wall_clock(event: &Value, airport: &str) -> i64 {
    let at = event["at"].as_i64().expect("an instant");
    let zone = reference::airport(airport.parse().unwrap()).expect("a known airport").zone.clone();
    let local = jiff::Timestamp::from_millisecond(at).unwrap().to_zoned(zone);
    i64::from(local.hour()) * 100 + i64::from(local.minute())
}

fn hhmm(cell: &str) -> i64 {
    cell.parse::<f64>().expect("a time") as i64 % 2400
}

#[test]
fn every_leg_has_exactly_one_outcome_to_the_minute() {
    let stories = stories();
    let rows = rows(Path::new(DAY));
    assert_eq!(stories.len(), rows.len(), "one key a row");
    let mut off_by_one = 0;
    for row in &rows {
        let leg = key(row);
        let story = &stories[&leg];
        let count = |kind: &str| story.get(kind).map_or(0, Vec::len);
        assert_eq!(count("SCHEDULED"), 1, "{leg}");
        let outcomes = count("IN") + count("CANCELLED") + count("DIVERTED");
        assert_eq!(outcomes, 1, "{leg}: {:?}", story.keys());
        if row["cancelled"] == "1" {
            assert_eq!(count("CANCELLED"), 1, "{leg}");
        } else if row["diverted"] == "1" {
            assert_eq!((count("DIVERTED"), count("ON")), (1, 0), "{leg}");
        } else {
            assert_eq!((count("OUT"), count("OFF"), count("ON"), count("IN")), (1, 1, 1, 1), "{leg}");
            let out = wall_clock(&story["OUT"][0], &row["origin"]);
            assert_eq!(out, hhmm(&row["dep_time"]), "{leg} leaves");
            off_by_one += u32::from(wall_clock(&story["IN"][0], &row["dest"]) != hhmm(&row["arr_time"]));
        }
    }
    // The data's own arrival column disagrees with its minutes in a handful of rows of the month.
    assert!(off_by_one <= 3, "{off_by_one} arrivals differ from the data's clock");
}

#[test]
fn nothing_is_refused() {
    assert_eq!(lines(day(), "dead.letter.queue").len(), 0);
    assert_eq!(lines(day(), "late.records").len(), 0);
}

#[test]
fn no_id_stands_twice() {
    let mut seen = std::collections::BTreeSet::new();
    for topic in ["flight.events", "rotation.signals", "disruption.events", "disruption.by-leg"] {
        for line in lines(day(), topic) {
            assert!(seen.insert(line["id"].as_str().unwrap().to_owned()), "{topic} {line}");
        }
    }
}

#[test]
fn primary_and_reactionary_minutes_add_up_to_the_late_departure() {
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for line in lines(day(), "rotation.signals") {
        last.insert(line["key"].as_str().unwrap().to_owned(), line["value"].clone());
    }
    assert!(last.len() > 10_000, "{}", last.len());
    for (leg, signal) in last {
        assert_eq!(signal["final"], true, "{leg}");
        let minutes = |name: &str| signal[name].as_i64().unwrap_or(0);
        let late = minutes("departure_delay_min").max(0);
        assert_eq!(minutes("primary_min") + minutes("reactionary_min"), late, "{leg}: {signal}");
    }
}

#[test]
fn a_second_run_gives_the_same_bytes() {
    let out = scratch();
    run_clean(&["replay", &format!("bts:{DAY}"), "--out", &text(out.path())]);
    assert_same(day(), out.path());
}

#[test]
fn a_run_that_is_killed_again_and_again_gives_the_same_bytes() {
    let (data, out) = (scratch(), scratch());
    let input = format!("bts:{DAY}");
    let arguments = ["replay", &input, "--data", &text(data.path()), "--out", &text(out.path())];
    let kills = std::env::var("SLIPSTREAM_TEST_KILLS").map_or(4, |n| n.parse().expect("a number"));
    let mut killed = 0;
    for round in 1..=kills {
        let mut child = slipstream(&arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
        // Later each time, so that the journal grows between the kills whatever the machine's speed.
        std::thread::sleep(Duration::from_millis(150 * round + (round * 7919) % 397));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed > 0, "the run ended before the first kill");
    run_clean(&arguments);
    assert_same(day(), out.path());
}

#[test]
fn another_input_on_the_same_journal_is_refused() {
    let data = scratch();
    run_clean(&["replay", &format!("bts:{DAY}"), "--data", &text(data.path()), "--topics", "flight.events"]);
    let output = run(&["replay", &format!("bts:{DAY}"), "--data", &text(data.path()), "--no-tails"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another --data"));
}

#[test]
fn shuffled_and_repeated_records_change_no_outcome() {
    let out = scratch();
    let input = format!("bts:{DAY}");
    run_clean(&["replay", &input, "--shuffle", "5m", "--duplicate", "1%", "--seed", "3", "--out", &text(out.path())]);
    let outcome = |directory: &Path| {
        let mut outcomes: BTreeMap<(String, String), (Value, Value)> = BTreeMap::new();
        for line in lines(directory, "flight.events") {
            let value = &line["value"];
            let kind = value["kind"].as_str().unwrap().to_owned();
            if ["OUT", "OFF", "ON", "IN", "CANCELLED", "DIVERTED"].contains(&kind.as_str()) {
                let before = outcomes
                    .insert((line["key"].as_str().unwrap().to_owned(), kind), (value["at"].clone(), value["tail"].clone()));
                assert!(before.is_none(), "twice: {line}");
            }
        }
        outcomes
    };
    assert_eq!(outcome(day()), outcome(out.path()));
}

#[test]
fn a_malformed_line_is_named_and_the_rest_goes_on() {
    let directory = scratch();
    let path = directory.path().join("day.csv");
    let mut content = String::new();
    use std::io::Read;
    flate2::read::GzDecoder::new(std::fs::File::open(DAY).unwrap()).read_to_string(&mut content).unwrap();
    let mut some: Vec<_> = content.lines().take(40).map(str::to_owned).collect();
    some[7] = some[7].replacen(',', ",\u{7f}", 3);
    std::fs::write(&path, some.join("\n")).unwrap();
    let output = run(&["replay", &format!("bts:{}", path.display()), "--topics", "flight.events"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("day.csv:8"), "{errors}");
}
