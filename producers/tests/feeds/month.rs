//! January 2008, where its files are at hand (`SLIPSTREAM_DATA`): counts, traps, speed.

use std::collections::BTreeMap;

use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::{Input, Playback, open};
use slipstream_schemas::records::FlightKind;
use slipstream_streams::reference::Source;

use crate::support::{input, month, observation};

/// The published figures of the month.
const LEGS: usize = 605_765;
const CANCELLED: usize = 17_308;
const DIVERTED: usize = 1_327;

/// Its day files.
pub(crate) fn files() -> Option<Input> {
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
