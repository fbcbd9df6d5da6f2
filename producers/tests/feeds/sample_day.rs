//! The sample day, every leg of it, against the file itself.
//!
//! The expected instants are not computed the way the program does: each instant is turned back into wall time
//! at the airport it belongs to, and compared with the wall times of the file, which the program does not read.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{input, observation, play, rows, sample};
use jiff::Timestamp;
use slipstream_producers::inputs::Playback;
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_streams::record::{Record, rfc3339};

type Row = BTreeMap<String, String>;

const HOUR: i64 = 3_600_000;

fn records() -> Vec<Record> {
    let (records, refused) = play(&[input("bts", &sample())], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    records
}

fn counts(records: &[Record]) -> BTreeMap<FlightKind, usize> {
    let mut counts = BTreeMap::new();
    records.iter().for_each(|record| *counts.entry(observation(record).kind).or_default() += 1);
    counts
}

#[test]
fn every_leg_has_exactly_one_outcome() {
    let (records, rows) = (records(), rows(&sample()));
    let counts = counts(&records);
    let (legs, cancelled, diverted) = (20_266, 1_082, 88);
    assert_eq!(rows.len(), legs);
    assert_eq!(counts[&FlightKind::Scheduled], legs);
    assert_eq!(counts[&FlightKind::Cancelled], cancelled);
    assert_eq!(counts[&FlightKind::Diverted], diverted);
    for kind in [FlightKind::On, FlightKind::In] {
        assert_eq!(counts[&kind], legs - cancelled - diverted, "{kind}");
    }
    for kind in [FlightKind::Out, FlightKind::Off] {
        assert_eq!(counts[&kind], legs - cancelled, "{kind}");
    }
    assert_eq!(counts[&FlightKind::Assigned], rows.iter().filter(|row| !row["tail_num"].is_empty()).count());
    let outcomes = [FlightKind::In, FlightKind::Cancelled, FlightKind::Diverted];
    let ended = records.iter().map(observation).filter(|o| outcomes.contains(&o.kind)).map(|o| o.source_leg.unwrap());
    assert_eq!(ended.collect::<BTreeSet<_>>().len(), legs);
}

#[test]
fn records_stand_in_the_order_of_the_reference_schedule() {
    let records = records();
    assert!(records.windows(2).all(|pair| pair[0].order() < pair[1].order()));
    let ids: BTreeSet<_> = records.iter().map(|record| record.event.id).collect();
    assert_eq!(ids.len(), records.len(), "ids are unique");
    for record in &records {
        let said = observation(record);
        assert_eq!(&*record.key, format!("{}{}", said.carrier, said.number));
        assert_eq!((&*record.event.source, record.event.correlation), ("/producers/bts", record.event.id));
        assert_eq!(said.at.unwrap_or(record.timestamp), record.timestamp, "what happened is known at once");
    }
}

#[test]
fn the_schedule_is_published_at_once_a_day_before_the_first_departure_and_without_tails() {
    let records = records();
    let scheduled: Vec<_> = records.iter().filter(|r| observation(r).kind == FlightKind::Scheduled).collect();
    let first = scheduled.iter().filter_map(|r| observation(r).scheduled_departure).min().unwrap();
    assert_eq!(rfc3339(first), "2008-01-31T07:25:00.000Z", "DL 430 leaves Phoenix at 00:25");
    assert!(scheduled.iter().all(|r| r.timestamp == first - 24 * HOUR && observation(r).tail.is_none()));
    for record in &records {
        let said = observation(record);
        if said.kind == FlightKind::Assigned {
            assert_eq!(record.timestamp, said.scheduled_departure.unwrap() - 24 * HOUR);
        } else {
            assert_eq!(said.tail, None, "{} shows a tail", said.kind);
        }
    }
}

/// Everything the feed says of one row, by kind.
fn by_row(records: &[Record]) -> BTreeMap<String, BTreeMap<FlightKind, FlightObservation>> {
    let mut legs: BTreeMap<String, BTreeMap<FlightKind, FlightObservation>> = BTreeMap::new();
    for said in records.iter().map(observation) {
        let before = legs.entry(said.source_leg.clone().unwrap()).or_default().insert(said.kind, said);
        assert_eq!(before, None, "one record of a kind");
    }
    legs
}

fn source_leg(row: &Row) -> String {
    let cell = |name: &str| row[name].as_str();
    let (carrier, number, date) = (cell("carrier"), cell("flight_num"), cell("flight_date"));
    format!("{carrier}{number}/{date}/{}-{}/{:0>4}", cell("origin"), cell("dest"), cell("crs_dep_time"))
}

fn wall(at: i64, zone: &jiff::tz::TimeZone) -> jiff::civil::DateTime {
    Timestamp::from_millisecond(at).unwrap().to_zoned(zone.clone()).datetime()
}

/// Minutes of the day of an hhmm cell.
fn minutes(cell: &str) -> i32 {
    let hhmm: i32 = cell.parse().unwrap();
    (hhmm / 100 * 60 + hhmm % 100) % 1440
}

/// Minutes between two times of day, the short way round.
fn apart(at: i64, zone: &jiff::tz::TimeZone, cell: &str) -> i32 {
    let wall = wall(at, zone);
    let apart = (i32::from(wall.hour()) * 60 + i32::from(wall.minute()) - minutes(cell)).rem_euclid(1440);
    apart.min(1440 - apart)
}

#[test]
fn instants_read_back_as_the_wall_times_of_the_file() {
    let legs = by_row(&records());
    let zones = crate::support::zones();
    let (mut arrivals, mut arrivals_apart, mut due_apart) = (0, 0, 0);
    for row in rows(&sample()) {
        let said = &legs[&source_leg(&row)];
        let (origin, destination) = (&zones[&row["origin"]], &zones[&row["dest"]]);
        let scheduled = &said[&FlightKind::Scheduled];
        let departs = wall(scheduled.scheduled_departure.unwrap(), origin);
        assert_eq!(departs.date().to_string(), row["flight_date"], "{row:?}");
        assert_eq!(apart(scheduled.scheduled_departure.unwrap(), origin, &row["crs_dep_time"]), 0, "{row:?}");
        if let Some(out) = said.get(&FlightKind::Out) {
            assert_eq!(apart(out.at.unwrap(), origin, &row["dep_time"]), 0, "{row:?}");
        }
        if let Some(arrived) = said.get(&FlightKind::In) {
            arrivals += 1;
            arrivals_apart += i32::from(apart(arrived.at.unwrap(), destination, &row["arr_time"]) > 1);
            let due = scheduled.scheduled_arrival.unwrap();
            due_apart += i32::from(apart(due, destination, &row["crs_arr_time"]) > 1);
        }
    }
    // The file contradicts itself in a few rows.
    assert!(arrivals_apart * 1000 < arrivals && due_apart * 1000 < arrivals, "{arrivals_apart} and {due_apart} of {arrivals}");
}

#[test]
fn phases_have_the_lengths_of_the_file() {
    let legs = by_row(&records());
    for row in rows(&sample()) {
        let said = &legs[&source_leg(&row)];
        let at = |kind| said.get(&kind).and_then(|o: &FlightObservation| o.at);
        let minutes = |from: Option<i64>, to: Option<i64>| Some((to? - from?) / 60_000);
        let cell = |name: &str| row[name].parse::<i64>().ok();
        let scheduled = &said[&FlightKind::Scheduled];
        assert_eq!(minutes(scheduled.scheduled_departure, scheduled.scheduled_arrival), cell("crs_elapsed"));
        assert_eq!(minutes(scheduled.scheduled_departure, at(FlightKind::Out)), cell("dep_delay"));
        assert_eq!(minutes(at(FlightKind::Out), at(FlightKind::Off)), cell("taxi_out"));
        assert_eq!(minutes(at(FlightKind::Off), at(FlightKind::On)), cell("air_time"));
        assert_eq!(minutes(at(FlightKind::On), at(FlightKind::In)), cell("taxi_in"));
        assert_eq!(minutes(at(FlightKind::Out), at(FlightKind::In)), cell("actual_elapsed"));
    }
}
