//! An airport's display: what its rows make known, and when. The rows here are made up; the recording is read where it is at hand.

use std::collections::BTreeMap;

use slipstream_producers::event_model::Model;
use slipstream_producers::inputs::Playback;
use slipstream_schemas::records::{Codeshare, FlightObservation};
use slipstream_schemas::topics::{FLIGHT_OBSERVATIONS, FLIGHT_UNMATCHED};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, rfc3339};

use crate::support::{file, input, play};

const HEADER: &str = "snapshot_local,direction,sched_local,latest_local,status,flight_iata,flight_icao,carrier_icao,carrier_name,codeshares,other_airports,other_country,terminal,gate,service_type,source_key";

/// A row of 12 August 2024, read the morning after: side, scheduled, latest, state, flight, codeshares, other airports.
fn row([side, scheduled, latest, state, flight, codeshares, others]: [&str; 7]) -> String {
    let at = |time: &str| format!("2024-08-12T{time}:00-04:00");
    let read_at = "2024-08-13T07:05:00.0128114-04:00";
    format!(
        "{read_at},{side},{},{},{state},{flight},X,X,X,{codeshares},{others},CAN,T1,B41,J,Y0812{flight}{side}",
        at(scheduled),
        at(latest)
    )
}

fn played(rows: &[String], model: Model) -> (Vec<Record>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let playback = Playback { model, ..Playback::default() };
    let (records, refused) = play(&[input("yyz", &file(&folder, "board.csv", &text))], playback);
    let shown = |text: String| text[text.find("board.csv").unwrap()..].to_owned();
    (records, refused.first.iter().map(|refusal| shown(refusal.to_string())).collect())
}

fn said(record: &Record) -> String {
    let body = record.body.as_deref().unwrap();
    let shown = |at: i64| rfc3339(at)[5..16].to_owned();
    let known = shown(record.timestamp);
    if record.topic == FLIGHT_UNMATCHED {
        let pair = Codeshare::from_bytes(body).unwrap();
        let date = pair.date.map_or_else(String::new, |date| date.to_string());
        return format!("{known} {}{} = {}{} {date}", pair.carrier, pair.number, pair.operating_carrier, pair.operating_number);
    }
    assert_eq!(record.topic, FLIGHT_OBSERVATIONS);
    let said = FlightObservation::from_bytes(body).unwrap();
    let mut text = format!("{known} {}{} {}-{} {}", said.carrier, said.number, said.origin, said.destination, said.kind);
    let gates = [said.departure_gate, said.arrival_gate].into_iter().flatten();
    text.extend(said.at.map(|at| format!(" at {}", shown(at))));
    text.extend(said.estimated_departure.or(said.estimated_arrival).map(|at| format!(" for {}", shown(at))));
    text.extend(gates.map(|gate| format!(" gate {gate}")));
    text + if said.assumed { " assumed" } else { "" }
}

#[test]
fn a_row_says_what_its_state_allows() {
    let cases: [(&str, [&str; 7], &[&str]); 12] = [
        (
            "departed",
            ["DEP", "10:00", "10:20", "DEP", "PD308", "", "YVR"],
            &["08-11T14:00 PD308 YYZ-YVR SCHEDULED", "08-12T14:20 PD308 YYZ-YVR OUT at 08-12T14:20 gate B41"],
        ),
        (
            "one stop: the leg goes to it",
            ["DEP", "10:00", "09:50", "DEP", "RJ272", "", "YUL AMM"],
            &["08-11T14:00 RJ272 YYZ-YUL SCHEDULED", "08-12T13:50 RJ272 YYZ-YUL OUT at 08-12T13:50 gate B41"],
        ),
        (
            "sold by another, whose code is the long one",
            ["DEP", "10:00", "10:00", "ONT", "AC8012", "EIN7012", "YOW"],
            &["08-11T14:00 EI7012 = AC8012 2024-08-12", "08-11T14:00 AC8012 YYZ-YOW SCHEDULED"],
        ),
        (
            "cancelled",
            ["DEP", "10:00", "10:00", "CAN", "PD308", "", "YVR"],
            &["08-11T14:00 PD308 YYZ-YVR SCHEDULED", "08-12T14:00 PD308 YYZ-YVR CANCELLED at 08-12T14:00 gate B41"],
        ),
        (
            "late, and not gone when it was read",
            ["DEP", "22:00", "23:30", "DEL", "PD308", "", "YVR"],
            &["08-12T02:00 PD308 YYZ-YVR SCHEDULED", "08-13T11:05 PD308 YYZ-YVR ESTIMATED for 08-13T03:30 gate B41"],
        ),
        (
            "in",
            ["ARR", "10:00", "09:48", "ARR", "PD309", "AA1", "YVR"],
            &["08-12T13:48 PD309 YVR-YYZ IN at 08-12T13:48 gate B41"],
        ),
        ("on", ["ARR", "10:00", "09:48", "LND", "PD309", "", "YVR"], &["08-12T13:48 PD309 YVR-YYZ ON at 08-12T13:48 gate B41"]),
        (
            "the leg before is that from the stop",
            ["ARR", "08:45", "08:38", "ARR", "ET552", "", "ADD FCO"],
            &["08-12T12:38 ET552 FCO-YYZ IN at 08-12T12:38 gate B41"],
        ),
        (
            "an arrival that does not come",
            ["ARR", "10:00", "10:00", "CAN", "PD309", "", "YVR"],
            &["08-12T14:00 PD309 YVR-YYZ CANCELLED at 08-12T14:00 gate B41"],
        ),
        (
            "under way",
            ["ARR", "23:50", "23:55", "DEP", "PD309", "", "YVR"],
            &["08-13T11:05 PD309 YVR-YYZ ESTIMATED for 08-13T03:55 gate B41"],
        ),
        (
            "elsewhere",
            ["ARR", "10:00", "12:24", "DIV", "PD309", "", "YVR"],
            &["08-13T11:05 PD309 YVR-YYZ DIVERTED at 08-13T11:05 gate B41"],
        ),
        ("ask the airline", ["ARR", "10:00", "12:24", "ASK", "PD309", "", "YVR"], &[]),
    ];
    for (name, cells, expected) in cases {
        let (records, refused) = played(&[row(cells)], Model::default());
        assert_eq!(records.iter().map(said).collect::<Vec<_>>(), expected, "{name}");
        assert!(refused.is_empty(), "{name}: {refused:?}");
    }
}

#[test]
fn a_cancellation_may_be_told_ahead_and_a_day_is_published_at_once() {
    let rows =
        [row(["DEP", "18:00", "18:00", "CAN", "PD310", "", "YVR"]), row(["DEP", "06:00", "06:01", "DEP", "PD308", "", "YVR"])];
    let (records, _) = played(&rows, Model { cancel_lead: 3 * 3_600_000, ..Model::default() });
    let expected = [
        "08-11T10:00 PD308 YYZ-YVR SCHEDULED",
        "08-11T10:00 PD310 YYZ-YVR SCHEDULED",
        "08-12T10:01 PD308 YYZ-YVR OUT at 08-12T10:01 gate B41",
        "08-12T19:00 PD310 YYZ-YVR CANCELLED at 08-12T19:00 gate B41 assumed",
    ];
    assert_eq!(records.iter().map(said).collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_row_cannot_say_is_refused_by_its_field() {
    let good = ["DEP", "10:00", "10:20", "DEP", "PD308", "", "YVR"];
    let with = |at: usize, cell: &'static str| {
        let mut cells = good;
        cells[at] = cell;
        row(cells)
    };
    let cases = [
        (with(0, "GONE"), "direction: `GONE` is neither ARR nor DEP"),
        (with(1, "25:00"), "sched_local: `2024-08-12T25:00:00-04:00`: "),
        (with(3, "ARR"), "status: `ARR` is no state of that side"),
        (with(3, "LOST"), "status: `LOST` is no state of that side"),
        (with(4, "P3"), "flight_iata: `P3` is no flight"),
        (with(4, "PD0"), "flight_iata: `PD0` is no flight"),
        (with(4, "PD12345"), "flight_iata: `PD12345` is no flight"),
        (with(5, "AA1 ÄÖ7"), "codeshares: `ÄÖ7` is no flight"),
        (with(6, "YV"), "other_airports: `YV`: "),
        (with(6, ""), "other_airports: missing"),
        (row(good).replace("T10:20", "T10:20:00-04:00,"), "line: 17 cells, the header has 16"),
        (
            row(good).replace("2024-08-12T10:20", "2024-08-29T10:20"),
            "latest_local: more than a day before the schedule or a week after it",
        ),
    ];
    for (bad, expected) in cases {
        let (records, refused) = played(&[bad.clone(), row(good)], Model::default());
        assert_eq!(records.len(), 2, "{bad}: the good row is there");
        assert!(refused.len() == 1 && refused[0].starts_with(&format!("board.csv:2: {expected}")), "{bad}: {refused:?}");
    }
    let (records, refused) = played(&[row(good), row(good)], Model::default());
    assert_eq!(
        (records.len(), refused),
        (2, vec!["board.csv:3: source_key: `Y0812PD308DEP` stands in the input already".to_owned()])
    );
}

/// Seventy days of Toronto Pearson, where they are at hand: every row is read, and says what its side and state say.
#[test]
fn the_recording_is_read_whole() {
    let Some(folder) = std::env::var_os("SLIPSTREAM_DATA") else {
        eprintln!("skipped: SLIPSTREAM_DATA does not name the folder that holds yyz-2024/");
        return;
    };
    let path = std::path::Path::new(&folder).join("yyz-2024/movements-2024-08-12--2024-10-20.csv.gz");
    let (records, refused) = play(&[input("yyz", &path)], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let observed = |record: &&Record| Codeshare::from_bytes(record.body.as_deref().unwrap()).is_err();
    for record in records.iter().filter(observed) {
        *kinds.entry(FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap().kind.to_string()).or_default() += 1;
    }
    // As counted in the file by side and state.
    let expected = [
        ("CANCELLED", 1_087 + 923),
        ("DIVERTED", 1),
        ("ESTIMATED", 12 + 11 + 3),
        ("IN", 33_558),
        ("ON", 3),
        ("OUT", 33_456),
        ("SCHEDULED", 34_411),
    ];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    assert!(records.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp));
}
