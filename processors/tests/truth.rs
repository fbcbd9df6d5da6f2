//! The rules of truth, as a table that a dispatcher can read: who says what, how long ago, and who is believed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;
use slipstream_processors::truth::field::{Field, Value};
use slipstream_processors::truth::learn::Learner;
use slipstream_processors::truth::rules::{Claimed, Rules, Setting, Verdict};
use slipstream_processors::truth::sources::Sources;
use slipstream_processors::truth::trust::TrustTable;
use slipstream_schemas::records::{FlightKind, FlightObservation, ResolutionMode};

const MINUTE: i64 = 60_000;
/// 2026-03-02T10:00Z.
const NOW: i64 = 1_772_445_600_000;

/// FLIGHTAWARE is better two hours before departure, AMADEUS half an hour before; little is known of LH.
const TRUST: &str = "# trust t1, effective 2026-03-01T00:00:00Z, evidence until 2026-02-28T00:00:00Z
source,field,lead_min,scored,right
AMADEUS,departure_gate,30,300,299
AMADEUS,departure_gate,120,300,200
FLIGHTAWARE,departure_gate,30,300,210
FLIGHTAWARE,departure_gate,120,300,270
FLIGHTAWARE,departure_gate,360,100,10
FLIGHTAWARE,arrival_gate,120,100,100
LH,departure_gate,120,150,60
LH,departure_gate,30,150,60
";

fn rules() -> Rules {
    Rules::default().with_trust([TrustTable::parse(TRUST).unwrap()])
}

fn value(field: Field, text: &str) -> Value {
    if field.is_place() || matches!(field, Field::Tail | Field::Outcome) {
        return Value::text(text);
    }
    let minutes = match text.split_once(':') {
        Some((hours, minutes)) => (hours.parse::<i64>().unwrap() - 10) * 60 + minutes.parse::<i64>().unwrap(),
        None => return Value::instant(text.parse().unwrap()),
    };
    Value::instant(NOW + minutes * MINUTE)
}

/// Sources, values and when they were heard, of a cell.
fn claims(field: Field, cell: &str) -> Vec<(String, Value, i64)> {
    let claim = |text: &str| {
        let [source, said, ago] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{text}: want NAME VALUE MINUTES")
        };
        (source.to_owned(), value(field, said), NOW - ago.parse::<i64>().unwrap() * MINUTE)
    };
    cell.split(';').map(claim).collect()
}

fn judged(mode: ResolutionMode, field: Field, left_min: i64, said: &[(String, Value, i64)]) -> Verdict {
    let claimed: Vec<Claimed<'_>> =
        said.iter().map(|(source, value, heard_at)| Claimed { source, value, heard_at: *heard_at }).collect();
    // A departure 99999 minutes ahead stands for a decision made before the table takes effect.
    let now = if left_min == 99_999 { NOW - 3 * 1440 * MINUTE } else { NOW };
    let setting = Setting { operator: "UA".parse().unwrap(), departure: now + left_min * MINUTE, now };
    let rules = rules().with_mode(mode);
    rules.resolve(field, &claimed, setting).unwrap()
}

// contract: S0-08, S0-09, S0-26 (the three modes)
#[test]
fn every_case_of_the_table() {
    let mut reader = csv::Reader::from_reader(include_str!("cases/truth-resolve.csv").as_bytes());
    for row in reader.records() {
        let row = row.unwrap();
        let field: Field = row[2].parse().unwrap();
        let said = claims(field, &row[4]);
        let verdict = judged(row[1].parse().unwrap(), field, row[3].parse().unwrap(), &said);
        let expect = row[5].split_once(" rounds to ").map_or(&row[5], |(_, rounded)| rounded);
        let found = match (&verdict.value, expect.split_once(' ')) {
            (None, _) => "review".to_owned(),
            (Some(found), Some((_, text))) if *found == value(field, text) => format!("{} {text}", said[verdict.winner].0),
            (Some(found), _) => found.shown(field),
        };
        assert_eq!(found, expect, "{}: {}", &row[0], verdict.rule);
    }
}

fn any_claims() -> impl Strategy<Value = Vec<(String, Value, i64)>> {
    const NAMES: [&str; 6] = ["LH", "AF", "UA", "FLIGHTAWARE", "AMADEUS", "BOARD"];
    let claim = (0..NAMES.len(), 0..4i64, 0..60i64);
    prop::collection::vec(claim, 1..6).prop_map(|claims| {
        let mut seen = std::collections::BTreeSet::new();
        let fresh = claims.into_iter().filter(|(name, _, _)| seen.insert(*name));
        fresh.map(|(name, gate, ago)| (NAMES[name].to_owned(), Value::text(&format!("A{gate}")), NOW - ago * MINUTE)).collect()
    })
}

proptest! {
    /// The order in which sources are listed is not seen, in any mode; a value is always one that somebody said.
    #[test]
    fn order_is_not_seen(said in any_claims(), left in -100..2000i64, mode in 1..5usize) {
        let mode = ResolutionMode::ALL[mode];
        let mut backwards = said.clone();
        backwards.reverse();
        let (one, other) = (judged(mode, Field::DepartureGate, left, &said), judged(mode, Field::DepartureGate, left, &backwards));
        prop_assert_eq!((&one.value, &said[one.winner].0, &one.rule), (&other.value, &backwards[other.winner].0, &other.rule));
        if let Some(value) = one.value {
            prop_assert_eq!(&said[one.winner].1, &value);
        }
    }
}

/// `source kind clock value`: what is heard of one leg that departs at 10:00 and flies two hours.
fn hear(learner: &mut Learner, day: i64, words: &str) {
    let midnight = NOW - 600 * MINUTE + day * 1440 * MINUTE;
    for word in words.split(';') {
        let parts: Vec<&str> = word.split_whitespace().collect();
        let at = |text: &str| {
            let (hours, minutes) = text.split_once(':').unwrap();
            midnight + (hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()) * MINUTE
        };
        let designator = ("UA".parse().unwrap(), 7);
        let route = ("LHR".parse().unwrap(), "FRA".parse().unwrap());
        let mut said = FlightObservation::of(parts[0], parts[1].parse().unwrap(), designator, route);
        said.scheduled_departure = Some(midnight + 600 * MINUTE);
        match said.kind {
            FlightKind::Estimated => said.estimated_departure = Some(at(parts[3])),
            FlightKind::Assigned => said.departure_gate = Some(parts[3].to_owned()),
            _ => said.at = Some(at(parts[3])),
        }
        learner.hear(&said, at(parts[2]));
    }
}

fn scores(words: &str) -> Vec<String> {
    let mut learner = Learner::new(Sources::standard());
    hear(&mut learner, 0, words);
    hear(&mut learner, 3, "LAST SCHEDULED 00:00 10:00"); // closes the day
    let table = learner.table("t", 0);
    assert!(table.effective > table.evidence_until);
    let rows = table.to_csv();
    let of_field = |row: &&str| row.contains(",120,") && !row.contains("outcome");
    rows.lines().filter(of_field).map(str::to_owned).collect()
}

// contract: S0-28 (source quality score)
#[test]
fn a_source_is_scored_by_a_truth_it_has_no_part_in() {
    let cases = [
        // Movement messages are the truth; within a quarter of an hour is right.
        (
            "BOARD ESTIMATED 07:00 10:20; UA ESTIMATED 07:30 10:36; MVT OUT 10:21 10:20",
            vec!["BOARD,estimated_departure,120,1,1", "UA,estimated_departure,120,1,0"],
        ),
        // What was said after the lead does not count.
        ("BOARD ESTIMATED 08:01 10:20; MVT OUT 10:21 10:20", vec![]),
        // The movement messages are scored by the carrier, not by themselves.
        ("MVT ESTIMATED 07:00 10:20; MVT OUT 10:21 10:20; UA OUT 10:41 10:40", vec!["MVT,estimated_departure,120,1,0"]),
        ("MVT ESTIMATED 07:00 10:20; MVT OUT 10:21 10:20", vec![]),
        // Two others that agree within two minutes are a truth; at three they are none.
        (
            "BOARD ESTIMATED 07:00 10:20; OPENSKY OUT 10:22 10:20; AMADEUS OUT 10:23 10:22",
            vec!["BOARD,estimated_departure,120,1,1"],
        ),
        ("BOARD ESTIMATED 07:00 10:20; OPENSKY OUT 10:22 10:20; AMADEUS OUT 10:24 10:23", vec![]),
        // The gate named nearest before OUT, by the airport or the carrier; a later word is not looked at.
        (
            "AMADEUS ASSIGNED 07:00 A2; BOARD ASSIGNED 07:00 A1; BOARD ASSIGNED 09:00 A2; MVT OUT 10:01 10:00; BOARD ASSIGNED 10:05 A3",
            vec!["AMADEUS,departure_gate,120,1,1"],
        ),
        // Airport and carrier differ, and a third source takes the airport's side: the airport's truth would be the carrier alone.
        (
            "BOARD ASSIGNED 07:00 A1; UA ASSIGNED 07:00 A2; AMADEUS ASSIGNED 07:00 A1; MVT OUT 10:01 10:00",
            vec!["UA,departure_gate,120,1,0"],
        ),
        // With nobody beside them each is the other's truth.
        (
            "BOARD ASSIGNED 07:00 A1; UA ASSIGNED 07:00 A2; MVT OUT 10:01 10:00",
            vec!["BOARD,departure_gate,120,1,0", "UA,departure_gate,120,1,0"],
        ),
    ];
    for (words, expect) in cases {
        assert_eq!(scores(words), expect, "{words}");
    }
}
