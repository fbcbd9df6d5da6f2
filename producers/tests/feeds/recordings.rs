//! Our own recordings: written, read, written again; and lines that are none.

use std::path::Path;

use proptest::prelude::*;
use slipstream_producers::inputs::{Playback, open};
use slipstream_producers::recording::{Recorder, Writer};
use slipstream_streams::record::{Event, Record};
use slipstream_streams::reference::Source;

use crate::support::{FLOWN, bts, file, input, play, sample, with};

fn record_to(source: impl Source, path: &Path) -> usize {
    let mut recorder = Recorder::new(source, Writer::create(path).unwrap());
    let mut count = 0;
    while recorder.next().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn the_sample_day_goes_round_without_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let [first, again, packed] = ["a.jsonl", "b.jsonl", "c.jsonl.gz"].map(|name| folder.path().join(name));
    let count = record_to(open(&[input("bts", &sample())], Playback::default()).unwrap(), &first);
    let from = |path: &Path| open(&[input("recording", path)], Playback::default()).unwrap();
    assert_eq!(record_to(from(&first), &packed), count);
    assert_eq!(record_to(from(&packed), &again), count);
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&again).unwrap(), "the bytes differ");
    assert!(std::fs::metadata(&packed).unwrap().len() * 5 < std::fs::metadata(&first).unwrap().len());
    let (replayed, refused) = play(&[input("recording", &first)], Playback::default());
    let (original, _) = play(&[input("bts", &sample())], Playback::default());
    assert!(refused.is_empty() && replayed == original, "the records differ");
}

/// One good line.
fn line() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.jsonl");
    record_to(open(&[bts(&folder, "day.csv", &[FLOWN.to_owned()])], Playback::default()).unwrap(), &path);
    std::fs::read_to_string(path).unwrap().lines().next().unwrap().to_owned()
}

#[test]
fn a_line_looks_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = play(&[bts(&folder, "day.csv", &[FLOWN.to_owned()])], Playback::default());
    assert_eq!(
        line(),
        concat!(
            r#"{"topic":"flight.observations","key":"AA1","timestamp":1201698000000,"type":"flight.observed.scheduled","#,
            r#""id":"ID","headers":{"ce_source":"/producers/bts"},"value":{"source":"bts","source_leg":"AA1/2008-01-31/JFK-LAX/0800","#,
            r#""kind":"SCHEDULED","carrier":"AA","number":1,"suffix":null,"date":"2008-01-31","origin":"JFK","destination":"LAX","#,
            r#""scheduled_departure":1201784400000,"scheduled_arrival":1201807800000,"at":null,"estimated_departure":null,"#,
            r#""estimated_arrival":null,"tail":null,"diverted_to":null,"reason":null,"assumed":false,"designator":null,"#,
            r#""role":"UNKNOWN","date_meaning":"UNKNOWN","departure_terminal":null,"departure_gate":null,"#,
            r#""arrival_terminal":null,"arrival_gate":null,"passengers":null}}"#
        )
        .replace("ID", &records[0].event.id.to_string())
    );
}

#[test]
fn every_bad_line_is_named_and_the_rest_goes_on() {
    let good = line();
    let cases = [
        ("no JSON", "nonsense".to_owned(), "line: expected"),
        ("half a line", good[..good.len() / 2].to_owned(), "line: EOF"),
        ("no key", good.replace(r#""key":"AA1","#, ""), "line: missing field `key`"),
        ("an empty key", good.replace(r#""AA1""#, r#""""#), "key: empty"),
        ("a null key", good.replace(r#""AA1""#, "null"), "line: invalid type: null"),
        ("a field too many", good.replacen('{', r#"{"offset":1,"#, 1), "line: unknown field `offset`"),
        (
            "no such topic",
            good.replace("flight.observations", "flight.x"),
            "topic: `flight.x` is no topic; sources write flight.observations",
        ),
        (
            "a stage's topic",
            good.replace("flight.observations", "flight.events"),
            "topic: `flight.events` is written by the pipeline",
        ),
        ("no such type", good.replace("observed.scheduled", "x"), "type: `flight.x` is no record type"),
        (
            "another type",
            good.replace("observed.scheduled", "observed.out"),
            "type: flight.observed.out, but the value is a flight.observed.scheduled",
        ),
        ("a bad id", good.replace(r#""id":""#, r#""id":"x"#), "line: UUID parsing failed"),
        ("a negative stamp", good.replace("1201698000000", "-1"), "timestamp: -1 is not within"),
        ("the end of time", good.replace("1201698000000", "9223372036854775807"), "timestamp: 9223372036854775807 is not within"),
        ("a number as text", good.replace(r#""number":1"#, r#""number":"1""#), "value.number: "),
        ("a bad airport", good.replace(r#""LAX""#, r#""KLAX""#), "value.destination: "),
        ("a field missing", good.replace(r#""carrier":"AA","#, ""), "missing field `carrier`"),
        ("a bad cause", good.replace(r#""headers":{"#, r#""headers":{"ce_causationid":"x","#), "headers.ce_causationid: "),
    ];
    for (name, bad, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "r.jsonl", &format!("{good}\n\n{bad}\n{good}\n"));
        let (records, refused) = play(&[input("recording", &path)], Playback::default());
        let place = format!("{}:3: ", path.display());
        let text = refused.to_string();
        assert!(text.starts_with(&place) && text.contains(message), "{name}: {text}");
        assert_eq!((refused.count, records.len()), (1, 2), "{name}");
    }
}

#[test]
fn a_line_before_its_time_is_refused() {
    let (good, folder) = (line(), tempfile::tempdir().unwrap());
    let early = good.replace("1201698000000", "1201697999999");
    let path = file(&folder, "r.jsonl", &format!("{good}\n{early}\n{good}\n"));
    let (records, refused) = play(&[input("recording", &path)], Playback::default());
    assert!(
        refused
            .to_string()
            .ends_with("r.jsonl:2: timestamp: 1201697999999 comes after 1201698000000: lines must be in order of timestamp\n")
    );
    assert_eq!(records.len(), 2);
}

#[test]
fn recordings_and_days_are_merged_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let day = bts(&folder, "day.csv", &[FLOWN.to_owned()]);
    let other = bts(&folder, "other.csv", &[with(FLOWN, &[("flight_num", "2"), ("crs_dep_time", "830")])]);
    let path = folder.path().join("r.jsonl");
    record_to(open(&[other], Playback::default()).unwrap(), &path);
    let (records, _) = play(&[input("recording", &path), day], Playback::default());
    assert_eq!(records.len(), 12);
    assert!(records.windows(2).all(|pair| pair[0].order() < pair[1].order()));
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_envelope_goes_round(
        key in text(), source in text(), tenant in prop::option::of(text()), cause in prop::option::of(any::<u128>()),
        correlation in any::<u128>(), tombstone in any::<bool>(), stamp in 0..253_402_300_799_999i64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (records, _) = play(&[bts(&folder, "day.csv", &[FLOWN.to_owned()])], Playback::default());
        let event = Event {
            correlation: uuid::Uuid::from_u128(correlation),
            causation: cause.map(uuid::Uuid::from_u128),
            source: source.into(),
            organisation: tenant.map(Into::into),
            ..records[0].event.clone()
        };
        let body = records[0].body.clone().filter(|_| !tombstone);
        let record = Record { timestamp: stamp, key: key.into(), event, body, ..records[0].clone() };
        let path = folder.path().join("r.jsonl");
        let mut writer = Writer::create(&path).unwrap();
        writer.write(&record).unwrap();
        writer.finish().unwrap();
        let (read, refused) = play(&[input("recording", &path)], Playback::default());
        prop_assert!(refused.is_empty(), "{}", refused);
        prop_assert_eq!(read, vec![record]);
    }
}
