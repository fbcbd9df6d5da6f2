//! Nothing enters the stream before it was known, whatever the recording says later.
//!
//! Two recordings that differ in later knowledge only must give the same records, byte for byte, up to the
//! first instant at which either of them shows what differs.

use proptest::prelude::*;
use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::Playback;
use slipstream_schemas::records::FlightKind;
use slipstream_streams::record::Record;

use crate::support::{FLOWN, bts, observation, play, with};

const HOUR: i64 = 3_600_000;

/// Columns that nobody knew on the day and that never show in the stream.
const NEVER_KNOWN: &[(&str, &[&str])] = &[
    ("cancellation_code", &["A", "B", "C", "D", ""]),
    ("carrier_delay", &["0", "15", "500", ""]),
    ("weather_delay", &["0", "15", "500", ""]),
    ("nas_delay", &["0", "15", "500", ""]),
    ("security_delay", &["0", "15", "500", ""]),
    ("late_aircraft_delay", &["0", "15", "500", ""]),
    ("dep_time", &["0", "2400", "junk", ""]),
    ("arr_time", &["0", "2400", "junk", ""]),
    ("arr_delay", &["-60", "999", "junk", ""]),
    ("actual_elapsed", &["1", "999", "junk", ""]),
    ("distance_mi", &["1", "9999", ""]),
];

/// How a leg of the property ends, as cells.
#[derive(Debug, Clone)]
struct Ending {
    cells: Vec<(&'static str, String)>,
}

fn ending() -> impl Strategy<Value = Ending> {
    let flown = (-30..400i32, 1..60i32, 20..400i32, 1..60i32).prop_map(|(delay, out, air, taxi)| {
        vec![("dep_delay", delay), ("taxi_out", out), ("air_time", air), ("taxi_in", taxi), ("cancelled", 0), ("diverted", 0)]
    });
    let diverted = (-30..400i32, 1..60i32)
        .prop_map(|(delay, out)| vec![("dep_delay", delay), ("taxi_out", out), ("cancelled", 0), ("diverted", 1)]);
    let cancelled = Just(vec![("cancelled", 1), ("diverted", 0)]);
    let left_and_cancelled = (0..200i32).prop_map(|delay| vec![("dep_delay", delay), ("cancelled", 1), ("diverted", 0)]);
    prop_oneof![4 => flown, 1 => diverted, 1 => cancelled, 1 => left_and_cancelled]
        .prop_map(|cells| Ending { cells: cells.into_iter().map(|(name, value)| (name, value.to_string())).collect() })
}

/// Leg `index` of a small day: three tails, departures through the day, with this ending.
fn row(index: usize, ending: &Ending) -> String {
    let departs = format!("{}", 600 + index * 100);
    let number = format!("{}", 100 + index);
    let tail = format!("N{}AA", index % 3 + 1);
    let blank = [("dep_delay", ""), ("taxi_out", ""), ("air_time", ""), ("taxi_in", "")];
    let schedule =
        with(FLOWN, &[("flight_num", &number), ("crs_dep_time", &departs), ("tail_num", &tail), ("crs_elapsed", "90")]);
    let cells: Vec<(&str, &str)> = ending.cells.iter().map(|(name, value)| (*name, value.as_str())).collect();
    with(&with(&schedule, &blank), &cells)
}

fn stream(rows: &[String], model: Model) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let (records, refused) = play(&[bts(&folder, "day.csv", rows)], Playback { model, ..Playback::default() });
    assert!(refused.is_empty(), "{refused}");
    records
}

/// The instant at which two streams of one schedule first show what differs between them.
fn parting(a: &[Record], b: &[Record]) -> Option<i64> {
    let place = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    [a.get(place), b.get(place)].into_iter().flatten().map(|record| record.timestamp).min()
}

/// When an ending first shows, at the earliest: nothing but movements, and the three ends of a leg, tell it.
fn shows(records: &[Record], number: i32) -> i64 {
    let of_leg = records.iter().map(|r| (r.timestamp, observation(r))).filter(|(_, o)| o.number == number);
    let told = of_leg.filter(|(_, o)| !matches!(o.kind, FlightKind::Scheduled | FlightKind::Assigned));
    told.map(|(at, _)| at).min().unwrap()
}

fn model() -> impl Strategy<Value = Model> {
    let tails = prop_oneof![Just(Tails::Planned), Just(Tails::Strict), Just(Tails::Never)];
    (tails, prop_oneof![Just(0), Just(2 * HOUR)]).prop_map(|(tails, cancel_lead)| Model { tails, cancel_lead })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn another_ending_of_one_leg_changes_nothing_before_it_shows(
        endings in prop::collection::vec(ending(), 2..10), other in ending(), which in any::<prop::sample::Index>(), model in model(),
    ) {
        let which = which.index(endings.len());
        let rows: Vec<String> = endings.iter().enumerate().map(|(index, ending)| row(index, ending)).collect();
        let mut changed = rows.clone();
        changed[which] = row(which, &other);
        let (a, b) = (stream(&rows, model), stream(&changed, model));
        let number = 100 + i32::try_from(which).unwrap();
        let known = shows(&a, number).min(shows(&b, number));
        if let Some(parting) = parting(&a, &b) {
            prop_assert!(parting >= known, "differs at {parting}, known at {known}");
        }
    }

    #[test]
    fn causes_and_unread_columns_change_nothing_at_all(
        endings in prop::collection::vec(ending(), 1..6), column in 0..NEVER_KNOWN.len(), value in any::<prop::sample::Index>(), model in model(),
    ) {
        let rows: Vec<String> = endings.iter().enumerate().map(|(index, ending)| row(index, ending)).collect();
        let (name, values) = NEVER_KNOWN[column];
        let changed: Vec<String> = rows.iter().map(|row| with(row, &[(name, values[value.index(values.len())])])).collect();
        prop_assert_eq!(stream(&rows, model), stream(&changed, model));
    }

    #[test]
    fn nothing_is_known_of_a_leg_before_its_schedule(endings in prop::collection::vec(ending(), 1..8), model in model()) {
        let rows: Vec<String> = endings.iter().enumerate().map(|(index, ending)| row(index, ending)).collect();
        let records = stream(&rows, model);
        let mut known = std::collections::BTreeSet::new();
        for said in records.iter().map(observation) {
            prop_assert_eq!(known.insert(said.number), said.kind == FlightKind::Scheduled);
        }
    }

    #[test]
    fn the_order_of_the_rows_of_a_day_does_not_matter(endings in prop::collection::vec(ending(), 2..8), by in 1usize..7) {
        let rows: Vec<String> = endings.iter().enumerate().map(|(index, ending)| row(index, ending)).collect();
        let mut turned = rows.clone();
        turned.rotate_left(by % rows.len());
        prop_assert_eq!(stream(&rows, Model::default()), stream(&turned, Model::default()));
    }
}
