//! What must hold whatever the case: each property on cases of the generator.

use serde_json::{Map, Value, json};

use crate::ask::ask;
use crate::dice::Dice;
use crate::generator::case;
use crate::second_reading::OF_CARE_ALONE;

const CASES: usize = 3_000;

/// Keys that may be not known, each of them one fact.
const MAY_BE_UNKNOWN: &[&str] = &[
    "as_of",
    "origin",
    "destination",
    "event",
    "carrier_licence_country",
    "arr_delay_min_final",
    "dep_delay_min",
    "notice_days",
    "reroute",
    "cause",
    "reasonable_measures_proved",
    "direct_causal_link_proved",
    "defect_confirmed_by_manufacturer_or_authority",
    "overnight_wait",
    "segment_price",
];

/// What the passenger reads, without the proof.
pub(crate) const TOLD: &[&str] = &[
    "decision",
    "regime",
    "also_applicable",
    "ruleset",
    "eligible",
    "amount",
    "currency",
    "reduction_percent",
    "arr_delay_min",
    "distance_km",
    "care",
    "refund_right",
    "reroute_right",
    "transfer_cost_reimbursable",
    "downgrade_refund_percent",
    "downgrade_refund",
    "supplement_allowed",
    "liable_carrier",
    "missing",
];

/// `check` on so many cases that `wanted` lets pass, and on enough of them.
fn for_cases(seed: u64, wanted: impl Fn(&Value) -> bool, mut check: impl FnMut(&mut Dice, Value)) {
    let mut dice = Dice::new(seed);
    let mut checked = 0;
    for _ in 0..CASES {
        let case = case(&mut dice);
        if wanted(&case) {
            check(&mut dice, case);
            checked += 1;
        }
    }
    assert!(checked > CASES / 20, "only {checked} cases of this kind");
}

fn told(answer: &Value, keys: &[&str]) -> Vec<(String, Value)> {
    keys.iter().map(|key| ((*key).to_owned(), answer[*key].clone())).collect()
}

fn assert_same(case: &Value, one: &Value, other: &Value, keys: &[&str]) {
    assert_eq!(told(one, keys), told(other, keys), "{case}\n{one}\n{other}");
}

fn with(case: &Value, key: &str, value: impl Into<Value>) -> Value {
    let mut changed = case.clone();
    changed[key] = value.into();
    changed
}

fn is_undetermined(answer: &Value) -> bool {
    answer["decision"] == "undetermined"
}

#[test]
fn more_delay_never_lowers_the_sum() {
    for_cases(
        1,
        |case| case["event"] == "delay",
        |_, case| {
            let mut highest = 0;
            for minutes in [-10, 0, 119, 179, 180, 181, 239, 240, 241, 299, 300, 1000, 5000] {
                let answer = ask(&with(&case, "arr_delay_min_final", minutes));
                let sum = answer["amount"].as_i64();
                assert!(sum.is_none_or(|sum| sum >= highest), "{minutes} min: {answer}\n{case}");
                highest = sum.unwrap_or(highest);
            }
        },
    );
}

#[test]
fn a_later_rerouting_never_lowers_the_sum() {
    let offered = |case: &Value| {
        case["event"] == "cancellation" && case["reroute"]["offered"] == true && case["arr_delay_min_final"].is_null()
    };
    for_cases(2, offered, |_, case| {
        let mut highest = 0;
        for minutes in [-10, 0, 119, 120, 121, 180, 181, 239, 240, 241, 1000] {
            let mut case = case.clone();
            case["reroute"]["arr_delay_min"] = json!(minutes);
            let answer = ask(&case);
            let sum = answer["amount"].as_i64();
            assert!(sum.is_none_or(|sum| sum >= highest), "{minutes} min: {answer}\n{case}");
            highest = sum.unwrap_or(highest);
        }
    });
}

/// McDonagh (C-12/11): the passenger eats and sleeps under a volcano too.
#[test]
fn care_never_depends_on_the_cause() {
    let caused = |case: &Value| case["event"] != "denied_boarding" && case["flight_operated"].is_null();
    for_cases(3, caused, |_, case| {
        let answer = ask(&case);
        for cause in ["technical_fault", "volcanic_ash_airspace_closure", "own_staff_strike", "unknown"] {
            for proved in [json!(true), json!(false), Value::Null] {
                let mut other = with(&with(&case, "cause", cause), "reasonable_measures_proved", proved);
                other.as_object_mut().unwrap().remove("delay_breakdown");
                assert_same(
                    &case,
                    &answer,
                    &ask(&other),
                    &["care", "refund_right", "reroute_right", "transfer_cost_reimbursable"],
                );
            }
        }
    });
}

/// A fact forgotten: the same decision, or an open one that names it or another fact. Facts named and filled in again: the
/// decision there was.
#[test]
fn forgetting_never_decides_otherwise() {
    for_cases(
        4,
        |case| !is_undetermined(&ask(case)),
        |dice, case| {
            let answer = ask(&case);
            let forgotten = forgettable(dice, &case);
            let vague = without(&case, &forgotten);
            let open = ask(&vague);
            if !is_undetermined(&open) {
                assert_same(&vague, &answer, &open, &["decision", "eligible", "amount", "currency"]);
                return;
            }
            remember(vague, &case, &forgotten, &answer);
        },
    );
}

/// At most three known facts of the case that an unknown one may take the place of.
fn forgettable(dice: &mut Dice, case: &Value) -> Vec<&'static str> {
    // On a refusal no notice is none, and before the actual arrival of a re-routing the offered one stands in for it.
    let event = case["event"].as_str().unwrap_or_default();
    let asked = |key: &str| match key {
        "notice_days" => event != "denied_boarding",
        "arr_delay_min_final" => ["delay", "diversion"].contains(&event),
        _ => true,
    };
    let known = |key: &&&str| !case[**key].is_null() && asked(key);
    let mut forgotten: Vec<&str> = MAY_BE_UNKNOWN.iter().filter(known).copied().collect();
    while forgotten.len() > 3 {
        forgotten.remove(dice.below(forgotten.len()));
    }
    forgotten
}

fn without(case: &Value, facts: &[&str]) -> Value {
    facts.iter().fold(case.clone(), |case, fact| with(&case, fact, Value::Null))
}

/// The same case with some of its facts not known.
pub(crate) fn forget(dice: &mut Dice, case: &Value) -> Value {
    without(case, &forgettable(dice, case))
}

/// Fills in what is missing, again and again, until the case is decided: as it was.
fn remember(mut vague: Value, case: &Value, forgotten: &[&str], answer: &Value) {
    let mut open = ask(&vague);
    for _ in forgotten {
        for fact in open["missing"].as_array().unwrap().iter().filter_map(Value::as_str) {
            if forgotten.contains(&fact) {
                vague[fact] = case[fact].clone();
            } else if !OF_CARE_ALONE.contains(&fact) && !["cause", "delay_breakdown"].contains(&fact) {
                // Never known, and without weight until the others were forgotten; a cause may be known and settle nothing.
                let path = format!("/{}", fact.replace('.', "/"));
                assert!(case.pointer(&path).is_none_or(Value::is_null), "{fact} is known: {open}\n{vague}");
            }
        }
        open = ask(&vague);
        if !is_undetermined(&open) {
            break;
        }
    }
    let stuck =
        is_undetermined(&open) && !open["missing"].as_array().unwrap().iter().any(|fact| forgotten.iter().any(|key| fact == key));
    if !stuck {
        assert_same(&vague, answer, &open, &["decision", "eligible", "amount", "currency"]);
    }
}

/// Nothing that the law does not read moves anything: who flies often, who stayed away last year, what was offered to whom.
// contract: S2-28
#[test]
fn money_reads_no_loyalty_no_offer_and_no_past() {
    for_cases(
        5,
        |_| true,
        |_, case| {
            let mut other = case.clone();
            for key in ["loyalty_tier", "no_show_history", "voucher_offered", "miles_offered", "lifetime_value", "special_meal"] {
                other[key] = json!("PLATINUM");
                other["passenger"][key] = json!(9);
            }
            other["passenger"]["loyalty"] = json!({"tier": "GOLD", "no_shows": 7});
            assert_same(&case, &ask(&case), &ask(&other), TOLD);
            assert_eq!(ask(&case)["rules"], ask(&other)["rules"], "the proof reads none of it either");
        },
    );
}

#[test]
fn facts_that_the_law_passes_over_change_nothing() {
    for_cases(
        6,
        |_| true,
        |dice, case| {
            let answer = ask(&case);
            let beside: [(&str, Value); 6] = [
                ("marketing_carrier", json!("AA")),
                ("is_return_of_round_trip_from", json!("CDG")),
                ("onward_separate_ticket", json!({"to": "JFK", "carrier": "LH", "arr_delay_min": 2000})),
                ("id", json!("another name")),
                ("aircraft_operator_wet_lessor", json!("BTI")),
                ("unscheduled_stopover", json!("MUC")),
            ];
            let (key, value) = beside[dice.below(beside.len())].clone();
            assert_same(&case, &answer, &ask(&with(&case, key, value)), TOLD);
        },
    );
}

/// One sum of one Regulation, however many cover the journey.
#[test]
fn the_sums_of_two_regimes_are_never_added() {
    let sums = [("EU261", "EUR", [250, 400, 600]), ("UK261", "GBP", [220, 350, 520])];
    for_cases(
        7,
        |_| true,
        |_, case| {
            let answer = ask(&case);
            if answer["decision"] != "eligible" {
                assert!(answer["amount"].is_null() || answer["amount"] == 0, "{answer}");
                return;
            }
            let (_, currency, full) = sums.iter().find(|(regime, ..)| answer["regime"] == *regime).unwrap();
            let sum = answer["amount"].as_i64().unwrap();
            let half = answer["reduction_percent"] == 50;
            assert!(answer["currency"] == *currency && full.contains(&if half { 2 * sum } else { sum }), "{answer}");
            let also = answer["also_applicable"].as_array().unwrap();
            assert!(!also.contains(&answer["regime"]), "{answer}");
        },
    );
}

/// The same object with its keys the other way round, at every depth.
fn backwards(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().rev().map(|(key, value)| (key.clone(), backwards(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(values) => values.iter().map(backwards).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_order_of_facts_does_not_matter() {
    for_cases(
        8,
        |_| true,
        |_, case| {
            let mut other = backwards(&case);
            if let Some(parts) = other["delay_breakdown"].as_array_mut() {
                parts.reverse();
            }
            assert_same(&case, &ask(&case), &ask(&other), TOLD);
        },
    );
}

#[test]
fn the_same_case_gives_the_same_bytes() {
    for_cases(9, |_| true, |_, case| assert_eq!(ask(&case).to_string(), ask(&case).to_string()));
}

#[test]
fn one_rule_set_is_the_same_law_on_all_its_days() {
    for_cases(
        10,
        |case| case["as_of"] == "2026-03-02",
        |_, case| {
            let answer = ask(&case);
            for day in ["2021-01-01", "2023-12-31", "2027-10-22"] {
                let table_is_sure = !case["carrier_licence_country"].is_null() || case["operating_carrier"] == "??";
                if table_is_sure {
                    assert_same(&case, &answer, &ask(&with(&case, "as_of", day)), TOLD);
                }
            }
        },
    );
}

/// From Britain to a third country both texts say the same but for the sums: the day between them changes nothing else.
#[test]
fn two_rule_sets_differ_only_where_the_law_differs() {
    const LAST_OF_EU: &str = "2020-12-31";
    const FIRST_OF_UK: &str = "2021-01-01";
    let same = [
        "decision",
        "eligible",
        "reduction_percent",
        "arr_delay_min",
        "distance_km",
        "care",
        "refund_right",
        "reroute_right",
        "transfer_cost_reimbursable",
        "downgrade_refund_percent",
        "downgrade_refund",
        "supplement_allowed",
        "missing",
    ];
    let (british, third) = (["LHR", "EDI", "MAN"], ["JFK", "GRU", "DXB", "IST", "CMN", "TUN", "BEG", "SVO"]);
    for_cases(
        11,
        |case| case["legs"].is_null() && case["as_of"].is_string() && case["origin"].is_string(),
        |dice, case| {
            let mut case = with(&with(&case, "origin", dice.pick(&british)), "destination", dice.pick(&third));
            case.as_object_mut().unwrap().remove("via");
            let before = ask(&with(&case, "as_of", LAST_OF_EU));
            let after = ask(&with(&case, "as_of", FIRST_OF_UK));
            assert_same(&case, &before, &after, &same);
            let sums = [(0, 0), (125, 110), (200, 175), (300, 260), (250, 220), (400, 350), (600, 520)];
            let pair = before["amount"].as_i64().zip(after["amount"].as_i64());
            assert!(pair.is_none_or(|pair| sums.contains(&pair)), "{before}\n{after}");
        },
    );
}
