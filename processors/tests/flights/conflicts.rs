//! Conflicts of sources, from the first differing word to the end of the review; and which leg is meant.

use slipstream_processors::truth::field::Field;
use slipstream_schemas::records::{
    Audit, Codeshare, ConflictState, DeadLetter, FlightEvent, FlightKind, FlightObservation, FlightState, Message, ReviewDecision,
};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Event, Record, derive_id, rfc3339};

use super::support::{DAY, HOUR, Written, at, record, run, said};

const FLIGHT: &str = "LH100 FRA-JFK";

fn any<M: Message>(topic: &'static str, key: &str, message: &M, known_at: i64) -> Record {
    let template = record(&said("LH", FLIGHT, FlightKind::Scheduled), known_at, 0);
    let body = message.to_bytes();
    let id = derive_id(&[b"any", topic.as_bytes(), key.as_bytes(), &body, &known_at.to_be_bytes()]);
    let event = Event { id, correlation: id, ..template.event.clone() };
    Record { topic, key: key.into(), rank: message.rank(), event, body: Some(body.into()), ..template }
}

fn played(records: &[Record]) -> Written {
    run(&[t::FLIGHT_STATE], records.to_vec())
}

fn state_at(written: &Written, known_at: i64) -> Option<FlightState> {
    let states = written.0.iter().filter(|record| record.topic == t::FLIGHT_STATE && record.timestamp <= known_at);
    states.filter_map(|record| FlightState::from_bytes(record.body.as_deref()?).ok()).next_back()
}

fn clock(instant: Option<i64>) -> String {
    instant.map_or_else(|| "-".to_owned(), |at| rfc3339(at)[11..16].to_owned())
}

fn shown(state: &FlightState) -> (String, String) {
    let gate = state.departure_gate.as_deref().unwrap_or("-");
    let conflicts: Vec<String> =
        state.conflicts.iter().map(|conflict| format!("{} {}", conflict.field, conflict.state)).collect();
    (format!("gate {gate} etd {} {}", clock(state.last.estimated_departure), state.sync_status), conflicts.join("; "))
}

/// The word of a row, or the decision of one whose source is `approve NAME`.
fn of_row(cell: impl Fn(usize) -> String, so_far: &[Record]) -> Option<Record> {
    let known_at = at(&cell(1));
    let source = cell(2);
    if let Some(approved) = source.strip_prefix("approve ") {
        let state = state_at(&played(so_far), known_at).unwrap();
        let conflicts = &state.conflicts;
        let (again, approved) = approved.strip_prefix("again ").map_or((false, approved), |name| (true, name));
        let wanted = if again { ConflictState::Approved } else { ConflictState::UnderReview };
        let conflict = conflicts.iter().find(|conflict| conflict.state == wanted).unwrap().id.clone();
        let decision =
            ReviewDecision { leg: state.last.leg, conflict, approved: approved.to_owned(), reviewer: "u-17".to_owned() };
        return Some(any(t::REVIEW_DECISIONS, "LH100", &decision, known_at));
    }
    if source.is_empty() {
        return None;
    }
    let mut word = said(&source, FLIGHT, cell(3).parse().unwrap());
    let instant = |text: String| (!text.is_empty()).then(|| at(&text));
    (word.scheduled_departure, word.scheduled_arrival) = (Some(at("10:00")), Some(at("18:00")));
    (word.estimated_departure, word.at) = (instant(cell(4)), instant(cell(6)));
    word.departure_gate = Some(cell(5)).filter(|gate| !gate.is_empty());
    Some(record(&word, known_at, so_far.len()))
}

// contract: S0-10, S0-21 (a conflict that no rule may decide waits for a reviewer)
#[test]
fn every_case_of_conflicts() {
    let mut records: Vec<Record> = Vec::new();
    let mut name = String::new();
    let mut reader = csv::Reader::from_reader(include_str!("../cases/flights-conflicts.csv").as_bytes());
    for row in reader.records().map(Result::unwrap) {
        if !row[0].is_empty() {
            name = row[0].to_owned();
            records.clear();
        }
        records.extend(of_row(|place| row[place].to_owned(), &records));
        let found = shown(&state_at(&played(&records), at(&row[1])).unwrap());
        assert_eq!(found, (row[7].to_owned(), row[8].to_owned()), "{name}, at {}", &row[1]);
    }
}

#[test]
fn a_decision_on_what_has_changed_is_refused_and_every_choice_is_audited() {
    let word = |source: &str, known: &str, gate: &str| {
        let mut word = said(source, FLIGHT, FlightKind::Estimated);
        (word.scheduled_departure, word.departure_gate) = (Some(at("10:00")), Some(gate.to_owned()));
        record(&word, at(known), 0)
    };
    let mut records = vec![word("LH", "09:10", "A1"), word("AMADEUS", "09:12", "A2")];
    let state = state_at(&played(&records), at("09:12")).unwrap();
    let conflict = state.conflicts[0].clone();
    assert_eq!((conflict.candidates.len(), conflict.selected.clone()), (2, None));
    records.push(word("AMADEUS", "09:14", "A3"));
    for (approved, id) in [("LH", &conflict.id), ("BA", &conflict.id)] {
        let decision =
            ReviewDecision { leg: state.last.leg, conflict: id.clone(), approved: approved.to_owned(), reviewer: "u".to_owned() };
        records.push(any(t::REVIEW_DECISIONS, "LH100", &decision, at("09:15")));
    }
    let written = run(&[t::FLIGHT_STATE, t::DECISION_AUDIT], records);
    assert_eq!(written.refused().iter().map(|(reason, _)| reason.as_str()).collect::<Vec<_>>(), ["refused decision"; 2]);
    let audits = written.all::<Audit>(t::DECISION_AUDIT);
    assert!(
        audits.len() >= 2 && audits.iter().all(|(key, audit)| key == &audit.subject && audit.inputs.len() >= 4),
        "{audits:#?}"
    );
}

#[test]
fn a_leg_without_schedule_is_provisional_until_it_turns_out_to_be_another() {
    let mut out = said("MVT", FLIGHT, FlightKind::Out);
    (out.source_leg, out.at) = (Some("m1".to_owned()), Some(at("10:04")));
    let mut planned = said("MVT", FLIGHT, FlightKind::Scheduled);
    (planned.source_leg, planned.scheduled_departure) = (Some("m1".to_owned()), Some(at("10:00")));
    // The airline schedules the leg after the movement has become a leg of its own, too far from it to be recognised.
    let mut other = said("LH", FLIGHT, FlightKind::Scheduled);
    (other.source_leg, other.scheduled_departure) = (Some("x".to_owned()), Some(at("10:00") - 13 * HOUR));
    let mut moved = other.clone();
    (moved.kind, moved.scheduled_departure) = (FlightKind::Retimed, Some(at("10:00")));
    let late = at("+1 12:00");
    let records = [
        record(&out, at("10:05"), 0),
        record(&other, late, 1),
        record(&moved, late + HOUR, 2),
        record(&planned, late + 2 * HOUR, 3),
    ];
    let alone = state_at(&played(&records[..1]), i64::MAX).unwrap();
    assert!(alone.provisional);
    assert_eq!((alone.last.leg.to_string(), alone.last.out_at), ("LH100/2026-03-02/FRA-JFK".to_owned(), Some(at("10:04"))));
    let written = run(&[t::FLIGHT_STATE], records.to_vec());
    assert_eq!(written.refused(), []);
    let events = written.all::<FlightEvent>(t::FLIGHT_EVENTS);
    let merged = &events.iter().find(|(_, event)| event.kind == FlightKind::Merged).unwrap().1;
    let kept = "LH100/2026-03-01/FRA-JFK";
    assert_eq!(merged.superseded_by.as_deref(), Some(kept));
    let tombstone = written.0.iter().find(|record| record.topic == t::FLIGHT_STATE && record.body.is_none()).unwrap();
    assert_eq!(&*tombstone.key, "LH100/2026-03-02/FRA-JFK");
    let last = state_at(&written, i64::MAX).unwrap();
    assert_eq!((last.last.leg.to_string().as_str(), last.last.out_at, last.provisional), (kept, Some(at("10:04")), false));
}

#[test]
fn a_tie_is_refused_as_ambiguous() {
    let planned = |source_leg: &str, departs: &str| {
        let mut word = said("LH", FLIGHT, FlightKind::Scheduled);
        (word.source_leg, word.scheduled_departure) = (Some(source_leg.to_owned()), Some(at(departs)));
        record(&word, DAY - HOUR, 0)
    };
    let mut out = said("MVT", FLIGHT, FlightKind::Out);
    out.at = Some(at("10:00"));
    let written = played(&[planned("1", "08:00"), planned("2", "12:00"), record(&out, at("10:05"), 0)]);
    assert_eq!(written.refused()[0].0, "ambiguous leg");
}

fn unmatched(known_at: i64) -> (FlightObservation, Record) {
    let mut word = said("AMADEUS", "UA8840 FRA-JFK", FlightKind::Estimated);
    (word.scheduled_departure, word.estimated_departure) = (Some(at("10:00")), Some(at("10:20")));
    (word.clone(), any(t::FLIGHT_UNMATCHED, "UA8840", &word, known_at))
}

fn pair(known_at: i64) -> Record {
    let pair = Codeshare {
        source: "LH".to_owned(),
        carrier: "UA".parse().unwrap(),
        number: 8840,
        operating_carrier: "LH".parse().unwrap(),
        operating_number: 100,
        operating_suffix: None,
        date: None,
        origin: "FRA".parse().unwrap(),
        destination: "JFK".parse().unwrap(),
    };
    any(t::FLIGHT_UNMATCHED, "UA8840", &pair, known_at)
}

#[test]
fn a_marketing_number_becomes_the_operating_one_whichever_comes_first() {
    let topics = [t::FLIGHT_STATE, t::FLIGHT_OBSERVATIONS_IDENTIFIED];
    for (said_at, paired_at) in [("08:00", "09:00"), ("09:00", "08:00")] {
        let (_, word) = unmatched(at(said_at));
        let id = word.event.id;
        let written = run(&topics, vec![word, pair(at(paired_at))]);
        let passed = written.0.iter().find(|record| record.topic == t::FLIGHT_OBSERVATIONS_IDENTIFIED).unwrap();
        assert_eq!((&*passed.key, passed.event.id), ("LH100", id), "the id is unchanged");
        let said = FlightObservation::from_bytes(passed.body.as_ref().unwrap()).unwrap();
        assert_eq!(said.designator.as_deref(), Some("UA8840"));
        let state = state_at(&written, i64::MAX).unwrap();
        assert_eq!(
            (state.last.leg.to_string().as_str(), clock(state.last.estimated_departure)),
            ("LH100/2026-03-02/FRA-JFK", "10:20".to_owned())
        );
    }
}

#[test]
fn a_number_that_nobody_explains_within_a_day_is_a_dead_letter_with_its_record() {
    let (_, word) = unmatched(at("08:00"));
    let written = run(&[t::FLIGHT_OBSERVATIONS_IDENTIFIED], vec![word.clone(), pair(at("+1 08:01"))]);
    let letters = written.all::<DeadLetter>(t::DEAD_LETTER_QUEUE);
    let letter = &letters[0].1;
    assert_eq!((letter.reason.as_str(), letter.topic.as_str()), ("unknown operator", t::FLIGHT_UNMATCHED));
    assert_eq!((letter.record_id.clone(), letter.record_timestamp), (Some(word.event.id.to_string()), at("08:00")));
    assert!(letter.value.is_some() && letters.len() == 1);
}

/// The rules give facts to priority whatever the table of modes says.
#[test]
fn facts_have_one_mode() {
    let rules = slipstream_processors::truth::rules::Rules::default();
    let facts = Field::ALL.iter().filter(|field| field.is_fact());
    assert!(facts.clone().count() == 5 && facts.clone().all(|field| rules.mode(*field).as_str() == "PRIORITY"));
}
