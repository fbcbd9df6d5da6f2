//! Records that come again under their id: for seven days of event time they change nothing, whatever came between.

use slipstream_schemas::records::{FlightEvent, FlightKind, FlightObservation, FlightState};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;

use super::support::{DAY, HOUR, Written, record, run, said};

const FLIGHT: &str = "LH100 FRA-JFK";
/// Three weeks after everything else, so that the leg is known throughout.
const DEPARTS: i64 = DAY + 21 * 24 * HOUR;

fn schedule() -> FlightObservation {
    FlightObservation { scheduled_departure: Some(DEPARTS), ..said("LH", FLIGHT, FlightKind::Scheduled) }
}

fn gate(gate: &str) -> FlightObservation {
    FlightObservation { departure_gate: Some(gate.to_owned()), kind: FlightKind::Estimated, ..schedule() }
}

/// The same record, known later.
fn again(record: &Record, after: i64) -> Record {
    Record { timestamp: record.timestamp + after, ..record.clone() }
}

fn last_gate(written: &Written) -> Option<String> {
    let states = written.0.iter().filter(|record| record.topic == t::FLIGHT_STATE);
    states.filter_map(|record| FlightState::from_bytes(record.body.as_deref()?).ok()).next_back()?.departure_gate
}

#[test]
fn a_repeat_does_not_take_the_leg_back_until_its_id_is_forgotten() {
    let words = [record(&schedule(), DAY, 0), record(&gate("A1"), DAY + HOUR, 1), record(&gate("B2"), DAY + 2 * HOUR, 2)];
    let expected = [(HOUR, "B2"), (24 * HOUR, "B2"), (7 * 24 * HOUR, "B2"), (9 * 24 * HOUR, "A1")];
    for (after, expected) in expected {
        let repeated = [&words[..], &[again(&words[1], after)]].concat();
        let written = run(&[t::FLIGHT_STATE], repeated);
        assert_eq!(last_gate(&written).as_deref(), Some(expected), "{} h later", after / HOUR);
        assert_eq!(written.refused(), []);
    }
}

#[test]
fn ids_are_forgotten_day_by_day_and_not_before() {
    // A word a day for three weeks; each is repeated a week later, when six others have come.
    let word = |day: i64| record(&gate(&format!("A{day}")), DAY + HOUR + day * 24 * HOUR, day as usize);
    let mut words = vec![record(&schedule(), DAY, 99)];
    words.extend((0..14).map(word));
    let once = run(&[t::FLIGHT_STATE], words.clone());
    words
        .extend((0..13).map(|day| again(&word(day), 7 * 24 * HOUR - 1)).filter(|repeat| repeat.timestamp < DAY + 14 * 24 * HOUR));
    let twice = run(&[t::FLIGHT_STATE], words);
    let states = |written: &Written| written.all::<FlightState>(t::FLIGHT_STATE);
    assert_eq!(states(&once), states(&twice));
}

#[test]
fn another_record_that_says_the_same_is_looked_at() {
    let words = [
        record(&schedule(), DAY, 0),
        record(&gate("A1"), DAY + HOUR, 1),
        record(&gate("B2"), DAY + 2 * HOUR, 2),
        record(&gate("A1"), DAY + 3 * HOUR, 3),
    ];
    assert_eq!(last_gate(&run(&[t::FLIGHT_STATE], words.to_vec())).as_deref(), Some("A1"));
}

#[test]
fn what_was_refused_may_come_again() {
    let unknown = FlightObservation { scheduled_departure: Some(DEPARTS), ..said("XX", "X91 FRA-JFK", FlightKind::Scheduled) };
    let first = record(&unknown, DAY, 0);
    let written = run(&[t::FLIGHT_EVENTS], vec![first.clone(), again(&first, HOUR)]);
    assert_eq!(written.refused().len(), 2);
    assert_eq!(written.all::<FlightEvent>(t::FLIGHT_EVENTS), []);
}
