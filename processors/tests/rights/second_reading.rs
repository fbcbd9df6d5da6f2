//! Engine and oracle, case by case: the same decision, the same money, the same gaps.
//!
//! The ordinary run compares `CASES_BY_DEFAULT`; `CASES=1000000 cargo test -p slipstream-processors --test rights second_reading`
//! compares as many as it says. `SEED` chooses others. Four tests share them, one a core.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ask::ask;
use crate::dice::Dice;
use crate::generator::case;
use crate::oracle::{Assistance, Decision, Regime, Ruling, Say, Verdict, judge};

const CASES_BY_DEFAULT: u64 = 200_000;
const TESTS: u64 = 4;
/// So many differences are printed; the rest is only counted.
const SHOWN: usize = 12;

/// Facts that decide on care alone; a decided case may name them too.
pub(crate) const OF_CARE_ALONE: &[&str] = &["dep_delay_min", "overnight_wait"];

#[expect(clippy::disallowed_methods, reason = "how long a test runs is the caller's to say")]
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Everything about the answer that is not what the oracle says.
pub(crate) fn differences(verdict: &Verdict, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |key: &str, expected: Value| {
        if answer[key] != expected {
            found.push(format!("{key}: {} where the oracle says {expected}", answer[key]));
        }
    };
    match &verdict.ruling {
        Some(ruling) => {
            expect_ruling(ruling, verdict.knows_the_others, &mut same);
        }
        None => {
            same("decision", json!("undetermined"));
            same("eligible", Value::Null);
            same("amount", Value::Null);
        }
    }
    if let Some(assistance) = &verdict.assistance {
        expect_assistance(assistance, answer, &mut found);
    }
    expect_missing(verdict, answer, &mut found);
    found
}

/// What the oracle says in the words of a table's column, where it says anything.
pub(crate) fn spoken(column: &str, verdict: &Verdict) -> Option<String> {
    let Some(ruling) = &verdict.ruling else {
        let missing = verdict.missing.join(" ");
        return [("decision", "undetermined"), ("amount", "?"), ("missing", missing.as_str())]
            .into_iter()
            .find(|(name, _)| *name == column)
            .map(|(_, said)| said.to_owned());
    };
    let currency = if ruling.regimes.first() == Some(&Regime::Uk261) { "GBP" } else { "EUR" };
    let others = ruling.regimes.iter().skip(1).map(|regime| name(*regime)).collect::<Vec<_>>();
    Some(match column {
        "decision" => decision(ruling).to_owned(),
        "amount" if ruling.amount == 0 => "0".to_owned(),
        "amount" => format!("{} {currency}", ruling.amount),
        "regime" => ruling.regimes.first().map_or("NONE", |regime| name(*regime)).to_owned(),
        "also" if ruling.decision == Decision::OutOfScope || others.is_empty() => "-".to_owned(),
        "also" => others.join(" "),
        "reduction" => if ruling.halved { "50" } else { "0" }.to_owned(),
        "percent" => ruling.downgrade?.0.to_string(),
        "refund_sum" => (ruling.downgrade?.1 as f64 / 100.0).to_string(),
        _ => return None,
    })
}

fn decision(ruling: &Ruling) -> &'static str {
    match ruling.decision {
        Decision::Eligible => "eligible",
        Decision::NotEligible => "not_eligible",
        Decision::OutOfScope => "out_of_scope",
        Decision::DowngradeRefund => "downgrade_refund",
        Decision::NoText => "undetermined",
    }
}

fn expect_ruling(ruling: &Ruling, knows_the_others: bool, same: &mut impl FnMut(&str, Value)) {
    same("decision", json!(decision(ruling)));
    same("eligible", json!(ruling.decision == Decision::Eligible));
    same("amount", json!(ruling.amount));
    if knows_the_others {
        let others: Vec<&str> = ruling.regimes.iter().skip(1).map(|regime| name(*regime)).collect();
        same("also_applicable", json!(others));
    }
    same("regime", json!(ruling.regimes.first().map_or("NONE", |regime| name(*regime))));
    if ruling.decision == Decision::Eligible {
        same("currency", json!(if ruling.regimes[0] == Regime::Eu261 { "EUR" } else { "GBP" }));
        same("reduction_percent", json!(if ruling.halved { 50 } else { 0 }));
    }
    if let Some((percent, cents)) = ruling.downgrade {
        same("downgrade_refund_percent", json!(percent));
        let units = cents as f64 / 100.0;
        same("downgrade_refund", if cents % 100 == 0 { json!(cents / 100) } else { json!(units) });
    }
}

pub(crate) fn name(regime: Regime) -> &'static str {
    match regime {
        Regime::Eu261 => "EU261",
        Regime::Uk261 => "UK261",
    }
}

fn expect_assistance(expected: &Assistance, answer: &Value, found: &mut Vec<String>) {
    let fields = [
        ("meals", expected.meals, &answer["care"]["meals"]),
        ("communications", expected.meals, &answer["care"]["communications"]),
        ("hotel", expected.hotel, &answer["care"]["hotel"]),
        ("transport", expected.hotel, &answer["care"]["transport"]),
        ("refund_right", expected.refund, &answer["refund_right"]),
        ("reroute_right", expected.reroute, &answer["reroute_right"]),
    ];
    for (key, say, value) in fields {
        let expected = match say {
            Say::Yes => json!(true),
            Say::No => json!(false),
            Say::Null => Value::Null,
            Say::Open => continue,
        };
        if *value != expected {
            found.push(format!("{key}: {value} where the oracle says {expected}"));
        }
    }
}

fn expect_missing(verdict: &Verdict, answer: &Value, found: &mut Vec<String>) {
    let expected: BTreeSet<&str> = verdict.missing.iter().copied().collect();
    let named = answer["missing"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: BTreeSet<&str> = named.filter(|fact| !OF_CARE_ALONE.contains(fact)).collect();
    // Which other facts decide, only the day, the journey and the event can say: beside those the rest need not be named.
    let first: BTreeSet<&str> =
        ["as_of", "origin", "destination", "event"].into_iter().filter(|fact| expected.contains(fact)).collect();
    let named_enough = if first.is_empty() { expected == named } else { first.is_subset(&named) && named.is_subset(&expected) };
    if !named_enough {
        found.push(format!("missing: {named:?} where the oracle says {expected:?}"));
    }
}

fn compare(part: u64) {
    let cases = setting("CASES", CASES_BY_DEFAULT) / TESTS;
    let mut dice = Dice::new(setting("SEED", 261) * TESTS + part);
    let mut differing = Vec::new();
    let mut decisions = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..cases {
        let case = case(&mut dice);
        let (verdict, answer) = (judge(&case), ask(&case));
        *decisions.entry(answer["decision"].to_string()).or_default() += 1;
        let differences = differences(&verdict, &answer);
        if !differences.is_empty() {
            differing.push(format!("{case}\n    {}", differences.join("\n    ")));
        }
    }
    println!("{cases} cases: {decisions:?}");
    let shown = differing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(differing.is_empty(), "{} of {cases} differ, among them\n{shown}", differing.len());
    assert_eq!(decisions.len(), 5, "every kind of decision was met: {decisions:?}");
}

// contract: S2-28
#[test]
fn second_reading_first_quarter() {
    compare(0);
}

#[test]
fn second_reading_second_quarter() {
    compare(1);
}

#[test]
fn second_reading_third_quarter() {
    compare(2);
}

#[test]
fn second_reading_fourth_quarter() {
    compare(3);
}
