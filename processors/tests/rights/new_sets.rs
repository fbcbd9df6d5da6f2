//! A new rule set, or a changed sum, is text and no surgery: the engine decides by sets that it has never seen.

use serde_json::Value;
use slipstream_processors::rights::{Law, decide_line, decide_line_under};

use crate::dice::Dice;
use crate::generator::case;
use crate::properties::TOLD;

const CASES: usize = 3_000;
const SETS: &str = include_str!("../../data/rights/rulesets.toml");
/// The generator's ordinary day, and the first of a set that is made up here.
const DAY: &str = "2026-03-02";

fn under(law: &Law, case: &Value) -> Value {
    serde_json::from_str(&decide_line_under(law, &case.to_string(), 1).json).unwrap()
}

fn today(case: &Value) -> Value {
    serde_json::from_str(&decide_line(&case.to_string(), 1).json).unwrap()
}

/// The law with something in the text of 2005 put otherwise.
fn with(from: &str, to: &str) -> Law {
    assert!(SETS.contains(from), "{from}");
    Law::of_rulesets(&SETS.replacen(from, to, 1)).unwrap()
}

/// The text of 2005 ends before `DAY`, and one with other sums follows it.
fn succeeded() -> String {
    let (before, rest) = SETS.split_once("[[set]]").unwrap();
    let (first, rest) = rest.split_once("[[set]]").unwrap();
    let ended = first.replace("until = \"2027-10-22\"", "until = \"2026-03-01\"");
    let next = first
        .replace("EU261@2005-02-17", &format!("EU261@{DAY}"))
        .replace("from = \"2005-02-17\"", &format!("from = \"{DAY}\""))
        .replace("sums = [250, 400, 600]", "sums = [300, 500, 700]");
    format!("{before}[[set]]{ended}[[set]]{next}[[set]]{rest}")
}

fn for_cases(seed: u64, mut check: impl FnMut(Value)) {
    let mut dice = Dice::new(seed);
    (0..CASES).for_each(|_| check(case(&mut dice)));
}

/// The answer but for some keys.
fn but(answer: &Value, keys: &[&str]) -> Vec<Value> {
    TOLD.iter().filter(|key| !keys.contains(key)).map(|key| answer[*key].clone()).collect()
}

#[test]
fn a_set_that_follows_another_changes_its_sums_from_its_day_on_and_nothing_else() {
    let law = Law::of_rulesets(&succeeded()).unwrap();
    let sums = [(0, 0), (125, 150), (200, 250), (300, 350), (250, 300), (400, 500), (600, 700)];
    let mut raised = 0;
    for_cases(2612, |case| {
        let (old, new) = (today(&case), under(&law, &case));
        let is_new = old["ruleset"] == "EU261@2005-02-17" && case["as_of"].as_str().is_some_and(|day| day >= DAY);
        if !is_new {
            assert_eq!(but(&old, &[]), but(&new, &[]), "{case}");
            return;
        }
        assert_eq!(new["ruleset"], "EU261@2026-03-02", "{case}");
        assert_eq!(but(&old, &["ruleset", "amount"]), but(&new, &["ruleset", "amount"]), "{case}");
        let pair = old["amount"].as_i64().zip(new["amount"].as_i64());
        assert!(pair.is_none_or(|pair| sums.contains(&pair)), "{pair:?}\n{case}");
        raised += usize::from(pair.is_some_and(|(old, new)| new > old));
    });
    assert!(raised > CASES / 20, "{raised} sums were raised");
}

/// Text of the file, what it becomes, a case, and the answer's key before and after.
const CHANGES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("delay_min = 180 ", "delay_min = 240 ", r#""event":"delay","arr_delay_min_final":239"#, "amount", "400", "0"),
    ("halved_delay_below_min = 240 ", "halved_delay_below_min = 200 ", FAR, "amount", "300", "600"),
    ("care_min = [120, 180, 240] ", "care_min = [60, 90, 240] ", WAITS, "care", WITHOUT, WITH),
    ("refund_min = 300 ", "refund_min = 90 ", WAITS, "refund_right", "false", "true"),
    ("notice_free_min = 20160 ", "notice_free_min = 11520 ", GONE, "amount", "400", "0"),
    ("late_below_min = 240 }", "late_below_min = 300 }", GONE, "amount", "400", "0"),
    ("early_max_min = 120,", "early_max_min = 30,", EARLY, "amount", "0", "400"),
    ("advance_over_min = 60 ", "advance_over_min = 180 ", SOONER, "amount", "400", "0"),
    ("downgrade_percent = [30, 50, 75] ", "downgrade_percent = [30, 60, 75] ", LOWER, "downgrade_refund", "50", "60"),
    (
        "bands_km = [1500, 3500]",
        "bands_km = [2600, 3500]",
        r#""event":"delay","arr_delay_min_final":239"#,
        "amount",
        "400",
        "250",
    ),
];
const FAR: &str = r#""destination":"JFK","event":"delay","arr_delay_min_final":230"#;
const WAITS: &str = r#""event":"delay","arr_delay_min_final":10,"dep_delay_min":100"#;
const WITHOUT: &str = r#"{"meals":false,"communications":false,"hotel":false,"transport":false}"#;
const WITH: &str = r#"{"meals":true,"communications":true,"hotel":false,"transport":false}"#;
const GONE: &str = r#""event":"cancellation","notice_days":8,"reroute":{"offered":true,"dep_offset_min":0,"arr_delay_min":250}"#;
const EARLY: &str =
    r#""event":"cancellation","notice_days":8,"reroute":{"offered":true,"dep_offset_min":-60,"arr_delay_min":220}"#;
const SOONER: &str = r#""event":"advance","notice_days":0,"advance_min":150"#;
const LOWER: &str = r#""event":"downgrade","segment_price":100,"segment_price_currency":"EUR""#;

#[test]
fn every_number_of_a_set_is_read_from_it() {
    for (from, to, facts, key, before, after) in CHANGES {
        let destination = if facts.contains("destination") { "" } else { r#""destination":"LIS","# };
        let line = format!(
            r#"{{"as_of":"2026-03-02","origin":"BUD",{destination}"carrier_licence_country":"HU","cause":"technical_fault",
                "overnight_wait":false,"passenger":{{"confirmed_reservation":true,"presented_on_time":true}},{facts}}}"#
        );
        let case: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(today(&case)[key].to_string(), *before, "{from}: {line}");
        assert_eq!(under(&with(from, to), &case)[key].to_string(), *after, "{to}: {line}");
    }
}

#[test]
fn a_set_that_is_off_decides_only_when_it_is_switched_on() {
    let off = with("enabled = true", "enabled = false");
    let on = off.clone().switching_on(["eu261@2005-02-17"]).unwrap();
    let mut named = 0;
    for_cases(2613, |case| {
        let old = today(&case);
        assert_eq!(but(&under(&on, &case), &[]), but(&old, &[]), "{case}");
        if old["ruleset"] == "EU261@2005-02-17" && old["decision"] != "undetermined" {
            let without = under(&off, &case);
            assert_eq!(without["decision"], "undetermined", "{without}");
            assert_eq!(without["missing"], serde_json::json!(["ruleset EU261@2005-02-17"]), "{without}");
            named += 1;
        }
    });
    assert!(named > CASES / 20, "{named} cases named the set");
}

/// A text that ended without a successor decides nothing: it is never applied past its last day, nor is nothing the answer.
#[test]
fn after_the_last_set_the_answer_is_open_and_names_what_is_not_known() {
    let (first, rest) = SETS.split_once("# As adopted").unwrap();
    let kingdom = rest.rsplit_once("[[set]]").unwrap().1;
    let law = Law::of_rulesets(&format!("{first}[[set]]{kingdom}")).unwrap();
    let line = r#"{"origin":"BUD","destination":"LIS","event":"delay","arr_delay_min_final":200,"cause":"technical_fault",
        "carrier_licence_country":"HU","passenger":{"confirmed_reservation":true,"presented_on_time":true}}"#;
    let mut case: Value = serde_json::from_str(line).unwrap();
    let days = [("2005-02-16", "out_of_scope"), ("2027-10-22", "eligible"), ("2027-10-23", "undetermined")];
    for (day, decision) in days {
        case["as_of"] = day.into();
        assert_eq!(under(&law, &case)["decision"], decision, "{day}");
    }
    let open = under(&law, &case);
    assert_eq!(open["missing"], serde_json::json!(["ruleset EU261 after 2027-10-22"]), "{open}");
    case["as_of"] = "2005-02-16".into();
    let reason = under(&law, &case)["rules"].to_string();
    assert!(reason.contains("departure 2005-02-16, before EU261"), "the date is the reason: {reason}");
}
