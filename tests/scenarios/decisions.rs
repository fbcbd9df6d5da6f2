//! What the law gives in the scenarios: decisions of every kind, care, choice and money, and what may be owed in all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::support::{lines, run, run_clean, scratch, text};
use super::{each, string};

/// What a decision shows, by the effects of its rules.
fn kinds(value: &Value) -> Vec<&'static str> {
    let rules = value["rules"].as_array().unwrap();
    let shows = |id: &str, effect: &str| {
        rules.iter().any(|rule| rule["id"] == id && rule["effect"].as_str().is_some_and(|text| text.contains(effect)))
    };
    let (eligible, refused) = (value["decision"] == "eligible", value["decision"] == "not_eligible");
    let stands = shows("EC-2", "the defence stands");
    let all = [
        ("whole sum", eligible && value["reduction_percent"] == 0),
        ("half of the sum", eligible && value["reduction_percent"] == 50),
        ("excused: measures proved", refused && stands && shows("EC-1", "extraordinary")),
        ("excused: too few minutes are the carrier's own", refused && stands && shows("EC-4", "no sum if proved")),
        ("not excused: seats of others were left", eligible && shows("EC-2", "not all reasonable measures")),
        ("not excused: enough minutes are the carrier's own", eligible && stands && shows("EC-4", "a sum is due")),
        ("not excused: the carrier's own cause", eligible && shows("EC-1", "inherent")),
        ("no sum: below the threshold", refused && shows("DL-1", "too short")),
        (
            "no sum: an offer near the booked times",
            refused && rules.iter().any(|rule| rule["effect"] == "within the window: no sum"),
        ),
        ("no sum, and care", refused && value["status"] == "final" && value["care"]["meals"] == true),
        ("undetermined", value["decision"] == "undetermined"),
        ("denied boarding: a sum at once", eligible && shows("DB-2", "a sum is due at once")),
        ("denied boarding: a volunteer", refused && shows("DB-1", "agreed benefits")),
        ("a lower class: a share of the price", value["decision"] == "downgrade_refund"),
        (LEFT_OUT, value["decision"] == "out_of_scope" && shows("EU-PAX-1", "excluded")),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect()
}

/// How a case's decisions follow each other.
fn turns(told: &[Value]) -> Vec<&'static str> {
    let settled = |value: &&Value| value["status"] == "final";
    let last = told.last().unwrap();
    let is_open = |value: &Value| value["decision"] == "undetermined" && value["closed"] == true;
    let excused = |value: &Value| kinds(value).iter().any(|kind| kind.starts_with("excused"));
    let finals: Vec<&Value> = told.iter().filter(settled).collect();
    let all = [
        ("provisional, then final", told[0]["status"] == "provisional" && last["status"] == "final"),
        ("over and undetermined, then excused", told.windows(2).any(|pair| is_open(&pair[0]) && excused(&pair[1]))),
        (
            "over and undetermined, then not excused",
            told.windows(2).any(|pair| is_open(&pair[0]) && pair[1]["decision"] == "eligible"),
        ),
        ("over, and undetermined to the last", is_open(last)),
        ("final, then revised by a late defence", finals.len() > 1 && finals[0]["decision"] == "eligible" && excused(last)),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(turn, _)| turn).collect()
}

/// Decisions of each case, in order.
fn decisions(out: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut cases: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines(out, "passenger.events").into_iter().filter(|line| line["type"] == "passenger.rights.decided") {
        let value = &line["value"];
        cases.entry(format!("{} {}", string(&value["id"]), string(&value["disruption"]))).or_default().push(value.clone());
    }
    cases
}

/// What else is said of what the law gives.
fn sayings(out: &Path) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for line in lines(out, "passenger.events") {
        let value = &line["value"];
        let kind = string(&value["kind"]);
        match kind.as_str() {
            "CARE_DUE" | "CHOICE_OFFERED" => seen.insert(format!("{kind} {}", string(&value["reason"]))),
            "PAYMENT_DUE" if value["amount_minor"] == 0 => seen.insert(format!("{kind} {} taken back", string(&value["claim"]))),
            "PAYMENT_DUE" => seen.insert(format!("{kind} {}", string(&value["claim"]))),
            _ => false,
        };
    }
    for line in lines(out, "liability.legs") {
        let cliffs = line["value"]["cliffs"].as_array().unwrap();
        seen.extend(cliffs.iter().map(|cliff| format!("cliff {}", string(&cliff["kind"]))));
    }
    seen
}

/// Every kind of decision, of their order and of what is said with them.
const KINDS: [&str; 33] = [
    "whole sum",
    "half of the sum",
    "excused: measures proved",
    "excused: too few minutes are the carrier's own",
    "not excused: seats of others were left",
    "not excused: enough minutes are the carrier's own",
    "not excused: the carrier's own cause",
    "no sum: below the threshold",
    "no sum: an offer near the booked times",
    "no sum, and care",
    "undetermined",
    "denied boarding: a sum at once",
    "denied boarding: a volunteer",
    "a lower class: a share of the price",
    LEFT_OUT,
    "provisional, then final",
    "over and undetermined, then excused",
    "over and undetermined, then not excused",
    "over, and undetermined to the last",
    "final, then revised by a late defence",
    "CARE_DUE hotel, transport",
    "CARE_DUE meals, communications",
    "CHOICE_OFFERED refund",
    "CHOICE_OFFERED refund or re-routing",
    "PAYMENT_DUE COMPENSATION",
    "PAYMENT_DUE COMPENSATION taken back",
    "PAYMENT_DUE DOWNGRADE_REFUND",
    REFUND_CHOSEN,
    "cliff CARE",
    "cliff COMPENSATION",
    "cliff LARGER_SUM",
    "cliff OVERNIGHT",
    "cliff REFUND",
];
/// A party that gives its booking up after the disruption: in the simulator that is chance, and no scenario can ask for it.
const REFUND_CHOSEN: &str = "PAYMENT_DUE REFUND";
/// Who flies standby: the demo's flights are full enough to leave some behind.
const LEFT_OUT: &str = "left out: no confirmed reservation";

/// The kinds that a run shows; nothing undetermined is ever called final.
fn shown(name: &str, out: &Path) -> BTreeSet<String> {
    let mut seen = sayings(out);
    for (case, told) in decisions(out) {
        let called = told.iter().find(|value| value["decision"] == "undetermined" && value["status"] == "final");
        assert!(called.is_none(), "{name}: {case}");
        seen.extend(told.iter().flat_map(kinds).chain(turns(&told)).map(str::to_owned));
    }
    seen
}

/// The scenarios show decisions of every kind, and their events.
// contract: S2-28 (in the pipeline)
#[test]
fn decisions_of_every_kind_are_shown() {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    each(|name, out| seen.borrow_mut().extend(shown(name, out)));
    let seen = seen.into_inner();
    let missing: Vec<&str> = KINDS.into_iter().filter(|kind| *kind != LEFT_OUT && !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "not shown: {missing:?} in {seen:#?}");
}

/// So does the one scenario that the demo plays, with the demo's seed.
#[test]
fn the_demo_shows_decisions_of_every_kind() {
    let help = run(&["demo", "--help"]).stdout;
    let help = String::from_utf8(help).unwrap();
    assert!(help.contains("[default: weather-at-hub]") && help.contains("[default: 7]"), "the demo plays another: {help}");
    let out = scratch();
    run_clean(&["simulate", "weather-at-hub", "--seed", "7", "--out", &text(out.path())]);
    let seen = shown("demo", out.path());
    let missing: Vec<&str> = KINDS.into_iter().filter(|kind| *kind != REFUND_CHOSEN && !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "not shown: {missing:?} in {seen:#?}");
}

/// What the network may lose is what its carriers may lose, and at the end what was decided.
#[test]
fn the_network_is_the_sum_of_its_carriers() {
    let minor = |value: &Value, field: &str| {
        let stakes = value["stakes"].as_array().unwrap().iter();
        stakes.map(|stake| (string(&stake["currency"]), stake[field].as_i64().unwrap())).collect::<BTreeMap<_, _>>()
    };
    each(|name, out| {
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for line in lines(out, "liability.totals") {
            last.insert(string(&line["key"]), line["value"].clone());
            let Some(network) = last.get("network").filter(|network| network["as_of"] == line["value"]["as_of"]) else {
                continue;
            };
            let mut sums: BTreeMap<String, i64> = BTreeMap::new();
            let carriers = last.iter().filter(|(scope, _)| *scope != "network");
            for (currency, sum) in carriers.flat_map(|(_, value)| minor(value, "due_minor")) {
                *sums.entry(currency).or_default() += sum;
            }
            let known = last.len() > 1 && line["key"] == "network";
            let network = minor(network, "due_minor");
            assert!(
                !known || network.iter().all(|(currency, sum)| sums.get(currency) == Some(sum)),
                "{name}: {line} is not {sums:?}"
            );
        }
        assert!(last.contains_key("network"), "{name}: no total");
    });
}
