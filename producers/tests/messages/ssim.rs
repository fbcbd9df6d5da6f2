//! Schedule records: positions of the chapter, round trips, hostile text.

use proptest::prelude::*;
use slipstream_producers::messages::ssim::{RECORD_BYTES, Record};

/// A leg that flies daily from 25 October 2026 to 27 March 2027.
fn leg() -> String {
    let front = "3 LO  3350101J25OCT2627MAR271234567 WAW07250725+0100  CDG09500950+01001 7M8CDZYBMHQKVXWSTLOUGEN";
    let owner = format!("{front:<128}LO LO LO LO  336");
    let text = format!("{owner:<172}C12Y174");
    format!("{text:<194}000003")
}

fn json(line: &str) -> serde_json::Value {
    serde_json::to_value(Record::read(line).unwrap()).unwrap()
}

#[test]
fn fields_stand_where_the_chapter_puts_them() {
    let leg = json(&leg());
    let expected = [
        ("record", "\"leg\""),
        ("airline", "\"LO\""),
        ("flight_number", "335"),
        ("variation", "1"),
        ("service_type", "\"J\""),
        ("from_date", "\"2026-10-25\""),
        ("to_date", "\"2027-03-27\""),
        ("days", "[1,2,3,4,5,6,7]"),
        ("departure_station", "\"WAW\""),
        ("passenger_departure", "\"07:25\""),
        ("departure_utc_offset_min", "60"),
        ("arrival_station", "\"CDG\""),
        ("aircraft_arrival", "\"09:50\""),
        ("arrival_terminal", "\"1\""),
        ("aircraft_type", "\"7M8\""),
        ("onward_airline", "\"LO\""),
        ("onward_flight", "336"),
        ("configuration", "\"C12Y174\""),
        ("departure_terminal", "null"),
        ("record_number", "3"),
    ];
    for (field, value) in expected {
        assert_eq!(leg[field].to_string(), value, "{field}");
    }
    assert!(leg.get("outside").is_none());
}

#[test]
fn every_kind_is_read_and_written_again() {
    let line = |front: &str, number: u32| format!("{front:<194}{number:06}");
    let records = [
        (line("1AIRLINE STANDARD SCHEDULE DATA SET", 1), "header"),
        (line("2LLO      W26 25OCT2627MAR2701SEP26WINTER", 2), "carrier"),
        (leg(), "leg"),
        (line("4 LO  3350101J              AB050WAWCDGUA 9000", 4), "segment"),
        (line("5 LO ", 5), "trailer"),
        ("0".repeat(RECORD_BYTES), "padding"),
    ];
    for (text, kind) in records {
        let record = Record::read(&text).unwrap();
        assert_eq!((record.kind(), record.to_string()), (kind, text));
    }
}

#[test]
fn a_refusal_names_positions_and_field() {
    let refused = |line: &str| Record::read(line).unwrap_err().to_string();
    assert_eq!(refused("3 LO"), "4 characters; a record has 200");
    assert_eq!(refused(&leg().replace("3 LO", "7 LO")), "position 1: record type `7` is none of 1 to 5 or padding");
    assert_eq!(refused(&leg().replace("25OCT26", "31FEB26")), "positions 15 to 21: from_date: not a date (DDMMMYY)");
    assert_eq!(refused(&leg().replace("WAW0725", "WAW2575")), "positions 40 to 43: passenger_departure: not a time (HHMM)");
    let days = "positions 29 to 35: days: not days of the week (1234567, blank where it does not fly)";
    assert_eq!(refused(&leg().replace("1234567", "1334567")), days);
    assert_eq!(refused(&leg().replace("LO  336", "ŁO  336")), "position 138: not ASCII");
}

#[test]
fn what_stands_outside_the_fields_is_kept() {
    let mut text = leg().into_bytes();
    text[124] = b'X';
    assert_eq!(json(std::str::from_utf8(&text).unwrap())["outside"]["125"], "X");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,220}") {
        let _ = Record::read(&text).map(|record| serde_json::to_string(&record).unwrap());
    }

    #[test]
    fn a_bent_record_is_refused_or_written_again(at in 0usize..200, bent in prop::char::range(' ', '~')) {
        let mut text: Vec<char> = leg().chars().collect();
        text[at] = bent;
        let text: String = text.into_iter().collect();
        if let Ok(record) = Record::read(&text) {
            prop_assert!(serde_json::to_string(&record).is_ok());
            prop_assert_eq!(record.to_string(), text);
        }
    }
}
