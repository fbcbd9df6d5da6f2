//! The tables of `cases/`: what each observation leads to.

use slipstream_schemas::records::{DeadLetter, Disruption, FlightEvent, FlightState};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;

use super::support::{MINUTE, Vector, Written, pipeline, record, run};
use super::table::{Line, cases};

fn play(lines: &[Line], topics: &[&'static str]) -> Written {
    run(topics, lines.iter().enumerate().map(|(place, line)| record(&line.said, line.known_at, place)).collect())
}

/// What became of one observation: kinds, or how it was refused, or `-`.
fn reconciled(written: &Written, line: &Line) -> String {
    let of = |record: &&std::sync::Arc<Record>| record.timestamp == line.known_at && *record.key == *line.said.carrier_number();
    let mut found: Vec<String> = Vec::new();
    for record in written.0.iter().filter(|record| record.timestamp == line.known_at) {
        let body = record.body.as_deref().unwrap();
        if record.topic == t::FLIGHT_EVENTS {
            let event = FlightEvent::from_bytes(body).unwrap();
            let meant = (event.leg.origin, event.leg.destination) == (line.said.origin, line.said.destination);
            if meant && line.said.scheduled_departure.is_none_or(|departs| departs == event.scheduled_departure) {
                found.push(if event.leg.repeat > 0 {
                    format!("{}/{}", event.kind, event.leg.repeat)
                } else {
                    event.kind.to_string()
                });
            }
        } else if record.topic == t::DEAD_LETTER_QUEUE && of(&record) {
            found.push(format!("refused: {}", DeadLetter::from_bytes(body).unwrap().reason));
        } else if record.topic == t::LATE_RECORDS {
            found.push("late".to_owned());
        }
    }
    if found.is_empty() { "-".to_owned() } else { found.join(" ") }
}

trait Designator {
    fn carrier_number(&self) -> String;
}

impl Designator for slipstream_schemas::records::FlightObservation {
    fn carrier_number(&self) -> String {
        format!("{}{}", self.carrier, self.number)
    }
}

/// Status and agreement of the sources as of an instant.
fn state(written: &Written, known_at: i64) -> String {
    let mut states = written.0.iter().filter(|record| record.topic == t::FLIGHT_STATE && record.timestamp <= known_at);
    let last = states.next_back().map(|record| FlightState::from_bytes(record.body.as_ref().unwrap()).unwrap());
    last.map(|state| format!("{} {}", state.last.status, state.sync_status)).unwrap_or_default()
}

#[test]
fn every_case_of_reconcile() {
    for (name, lines) in cases(include_str!("../cases/flights-reconcile.csv")) {
        let written = play(&lines, &[t::FLIGHT_EVENTS]);
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(reconciled(&written, line), line.expect, "{name}, row {}: {}", place + 1, line.said.kind);
            if !line.state.is_empty() {
                assert_eq!(state(&written, line.known_at), line.state, "{name}, row {}: {}", place + 1, line.said.kind);
            }
        }
    }
}

/// What the disruptions say at one instant, in order.
fn disrupted(written: &Written, line: &Line) -> String {
    let told = |record: &&std::sync::Arc<Record>| {
        record.topic == t::DISRUPTION_EVENTS && (line.known_at..line.known_at + MINUTE).contains(&record.timestamp)
    };
    let told: Vec<String> = written
        .0
        .iter()
        .filter(told)
        .map(|record| words(&Disruption::from_bytes(record.body.as_ref().unwrap()).unwrap()))
        .collect();
    if told.is_empty() { "-".to_owned() } else { told.join("; ") }
}

fn words(disruption: &Disruption) -> String {
    let first = &disruption.causes[0];
    format!("{} {} {} {} {}", disruption.phase, disruption.severity, disruption.pattern, first.kind, first.share)
}

// contract: S2-10
#[test]
fn every_case_of_disrupt() {
    for (name, lines) in cases(include_str!("../cases/flights-disrupt.csv")) {
        let written = play(&lines, &[t::DISRUPTION_EVENTS]);
        assert_eq!(written.refused(), [], "{name}");
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(disrupted(&written, line), line.expect, "{name}, row {}: {}", place + 1, line.said.kind);
        }
        let same = written.all::<Disruption>(t::DISRUPTION_EVENTS) == written.all::<Disruption>(t::DISRUPTION_BY_LEG);
        assert!(same, "{name}: both topics hold the same");
    }
}

#[test]
fn what_is_said_twice_is_counted_and_changes_nothing() {
    let (name, lines) = cases(include_str!("../cases/flights-reconcile.csv")).into_iter().next().unwrap();
    let said = || lines.iter().enumerate().map(|(place, line)| record(&line.said, line.known_at, place));
    let repeated = |records: Vec<Record>| {
        let (mut pipeline, mut written) = (pipeline(&[t::FLIGHT_EVENTS]), Written::default());
        pipeline.run(&mut Vector::new(records), &mut written).unwrap();
        let counts = pipeline.counts().find(|(stage, _)| *stage == "reconcile").unwrap().1.clone();
        (counts.repeated, written.all::<FlightEvent>(t::FLIGHT_EVENTS))
    };
    let (once, twice) = (repeated(said().collect()), repeated(said().chain(said()).collect()));
    assert_eq!(once.1, twice.1, "{name}");
    assert_eq!(twice.0 - once.0, lines.len() as u64, "{name}");
}
