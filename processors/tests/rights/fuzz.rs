//! The reader on lines that nobody meant: one line out for each line in, in order, and never a decision on an impossible fact.

use serde_json::{Value, json};
use slipstream_processors::rights::decide_line;

use crate::ask::{answer, ask};
use crate::dice::Dice;
use crate::generator::case;

const MUTATIONS: usize = 40_000;
const DECISIONS: &[&str] = &["eligible", "not_eligible", "out_of_scope", "downgrade_refund", "undetermined"];

/// One line out, which is a decision or an error that names its line.
fn check(line: &str, number: u64) {
    let said = decide_line(line, number);
    let found = answer(line, number);
    if said.refused {
        let error = found["error"].as_str().unwrap_or_default();
        assert!(found["line"] == number && !error.is_empty() && found["decision"].is_null(), "{line}\n{found}");
    } else {
        assert!(found["decision"].as_str().is_some_and(|word| DECISIONS.contains(&word)), "{line}\n{found}");
        assert!(found["error"].is_null() && found["rules"].is_array() && found["missing"].is_array(), "{line}\n{found}");
    }
}

fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len().max(1)).min(bytes.len());
        match dice.below(5) {
            0 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, dice.pick(b"{}[]\":,-+eE.0919ntf\\\x00\n\xff")),
            3 => bytes.truncate(at),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().take(dice.below(24)).copied().collect();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn bent_lines_are_answered_one_for_one() {
    let mut dice = Dice::new(4004);
    let mut refused = 0;
    for number in 1..=MUTATIONS as u64 {
        let mut bytes = case(&mut dice).to_string().into_bytes();
        mutate(&mut dice, &mut bytes);
        // A line is what lies between two line ends.
        let line = String::from_utf8_lossy(&bytes).replace('\n', " ");
        check(&line, number);
        refused += usize::from(decide_line(&line, number).refused);
    }
    assert!(refused > MUTATIONS / 10 && refused < MUTATIONS, "{refused} of {MUTATIONS} were refused");
}

#[test]
fn noise_is_refused_line_by_line() {
    let mut dice = Dice::new(4005);
    for number in 1..=5_000 {
        let bytes: Vec<u8> = (0..dice.below(200)).map(|_| dice.below(256) as u8).collect();
        let line = String::from_utf8_lossy(&bytes).replace('\n', " ");
        check(&line, number);
        assert!(decide_line(&line, number).refused, "{line}");
    }
}

/// Every key of a case, at the top and in the objects below it, with a value of another kind.
#[test]
fn a_value_of_another_kind_never_panics() {
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(""),
        json!("CDG"),
        json!("2026-02-30"),
        json!("\u{0}"),
        json!("é".repeat(5000)),
        json!([]),
        json!([[[]]]),
        json!({}),
        json!([null, 1, "x", {"cause": 3}]),
    ];
    let mut dice = Dice::new(4006);
    for _ in 0..120 {
        let case = case(&mut dice);
        for (key, value) in case.as_object().unwrap() {
            for other in &strange {
                let mut bent = case.clone();
                bent[key] = other.clone();
                check(&bent.to_string(), 7);
                for inner in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                    let mut bent = case.clone();
                    bent[key][inner] = other.clone();
                    check(&bent.to_string(), 8);
                }
            }
        }
    }
}

#[test]
fn depth_length_and_emptiness_are_survived() {
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"via\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
    let long = format!("{{\"id\":\"{}\",\"event\":\"delay\"}}", "x".repeat(1_000_000));
    for line in [&*deep, &*nested, &*long, "", " ", "null", "[]", "0", "\"x\"", "{", "{}", "{}{}", "\u{feff}{}"] {
        check(line, 3);
    }
    assert!(["", "null", "[]", "0", "{", "{}{}"].iter().all(|line| decide_line(line, 1).refused), "no object, no case");
}

/// `cases/bad_input.csv`: what cannot have happened is refused, and the error names where.
// contract: S2-28
#[test]
fn impossible_facts_are_refused_by_name() {
    let mut table = csv::ReaderBuilder::new()
        .delimiter(b'|')
        .quoting(false)
        .trim(csv::Trim::All)
        .from_reader(include_str!("cases/bad_input.csv").as_bytes());
    let mut wrong = Vec::new();
    for (number, row) in (1..).zip(table.records()) {
        let row = row.unwrap();
        let (said, found) = (decide_line(&row[1], number), answer(&row[1], number));
        let error = found["error"].as_str().unwrap_or_default();
        if !said.refused || found["line"] != number || !error.contains(&row[2]) {
            wrong.push(format!("{}: {found} where an error about `{}` is due\n    {}", &row[0], &row[2], &row[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unknown_keys_are_warned_of_by_name() {
    let line = json!({"id": "x", "event": "delay", "colour": "red"}).to_string();
    let said = decide_line(&line, 1);
    assert!(!said.refused && said.warnings.iter().any(|warning| warning.contains("colour")), "{said:?}");
    let known = json!({"id": "x", "event": "delay", "passenger": {"fare": "public"}});
    assert_eq!(decide_line(&known.to_string(), 1).warnings, Vec::<String>::new());
}

#[test]
fn the_id_comes_back_as_it_was() {
    for id in ["", "a", "\"quoted\" \\ and\ttabbed", "ключ", "😀", "<script>"] {
        assert_eq!(ask(&json!({"id": id, "event": "delay"}))["id"], Value::from(id));
    }
}
