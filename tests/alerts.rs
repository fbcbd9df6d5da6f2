//! The alert rules: promtool reads them and plays their cases, the running program exports every metric and label that they name, and
//! every alert has its entry in the runbook.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_yaml_ng::Value;
use support::cluster::{Cluster, dev_broker};
use support::live::{Program, live, prepare, wait_or_say};
use support::scratch;

const RULES: &str = include_str!("../deploy/prometheus/rules.yaml");
const CASES: &str = include_str!("../deploy/prometheus/rules.test.yaml");
const RUNBOOK: &str = include_str!("../docs/RUNBOOK.md");

/// The rules, each as its group has it.
fn rules() -> Vec<Value> {
    let document: Value = serde_yaml_ng::from_str(RULES).unwrap();
    let groups = document["groups"].as_sequence().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_sequence().unwrap().clone()).collect()
}

fn alerts() -> BTreeMap<String, Value> {
    rules().into_iter().filter_map(|rule| Some((rule["alert"].as_str()?.to_owned(), rule))).collect()
}

/// promtool with a word of its own and a file of the rules' folder; none where it is not at hand.
fn promtool(words: [&str; 2], file: &str) -> Option<String> {
    let Ok(program) = std::env::var("SLIPSTREAM_TEST_PROMTOOL") else {
        assert!(std::env::var_os("CI").is_none(), "CI must play the rules: SLIPSTREAM_TEST_PROMTOOL is not set");
        eprintln!("skipped: SLIPSTREAM_TEST_PROMTOOL is not set; deploy/local/promtool.sh brings it, with-services.sh sets it");
        return None;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
    let output = Command::new(program).args(words).arg(file).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {words:?}: {said}");
    Some(said)
}

// contract: S0-24
#[test]
fn promtool_reads_the_rules_and_plays_every_case() {
    if let Some(said) = promtool(["check", "rules"], "rules.yaml") {
        assert!(said.contains(&format!("{} rules found", rules().len())), "{said}");
        promtool(["test", "rules"], "rules.test.yaml");
    }
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let document: Value = serde_yaml_ng::from_str(CASES).unwrap();
    let tests = document["tests"].as_sequence().unwrap().iter();
    let checks: Vec<&Value> = tests.flat_map(|test| test["alert_rule_test"].as_sequence().unwrap()).collect();
    let named = |fires: bool| -> BTreeSet<String> {
        let of_kind = checks.iter().filter(|check| check["exp_alerts"].as_sequence().unwrap().is_empty() != fires);
        of_kind.map(|check| check["alertname"].as_str().unwrap().to_owned()).collect()
    };
    let alerts: BTreeSet<String> = alerts().into_keys().collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    assert_eq!((named(true), named(false)), (alerts.clone(), alerts));
}

// contract: S0-29
#[test]
fn every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() {
    let mut entries = BTreeSet::new();
    for section in RUNBOOK.split("\n## ").skip(1) {
        let (name, text) = section.split_once('\n').unwrap();
        let text = text.split("\n# ").next().unwrap();
        let parts = ["**Means** ", "\n**Look** ", "\n**Do** "].map(|part| text.find(part));
        assert!(parts.iter().all(Option::is_some) && parts.is_sorted(), "{name}: means, look, do");
        assert!(entries.insert(name.to_owned()), "{name} twice");
    }
    let alerts = alerts();
    assert_eq!(entries, alerts.keys().cloned().collect());
    for (name, rule) in &alerts {
        let place = format!("docs/RUNBOOK.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"].as_str(), Some(place.as_str()));
        assert!(["page", "ticket", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn the_runbook_refers_to_what_exists() {
    let anchors: BTreeSet<String> = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect();
    for anchor in RUNBOOK.split("(#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.contains(anchor), "#{anchor}");
    }
    for file in RUNBOOK.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.starts_with('#')) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file).exists(), "{file}");
    }
}

/// A metric as an expression names it: what is recorded by a rule of ours and what Prometheus makes itself aside.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Selector {
    metric: String,
    /// Label and value; no value where it is a pattern.
    labels: Vec<(String, Option<String>)>,
}

/// Every metric of the program in an expression, with its label matchers.
fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    for rest in expression.split("slipstream_").skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let matchers = after.strip_prefix('{').and_then(|inside| inside.split('}').next()).unwrap_or_default();
        let labels = matchers.split(',').filter(|matcher| !matcher.is_empty()).flat_map(matched).collect();
        found.push(Selector { metric: format!("slipstream_{name}"), labels });
    }
    found
}

/// `a="b"` is a label and its value, `a=~"b|c"` two of them, `a=~"5.."` a label of any value; what `a!~"b"` leaves out need not be there.
fn matched(matcher: &str) -> Vec<(String, Option<String>)> {
    if matcher.contains("!~") {
        return Vec::new();
    }
    let (label, value) = matcher.split_once('=').unwrap();
    let Some(pattern) = value.strip_prefix('~') else {
        return vec![(label.to_owned(), Some(value.trim_matches('"').to_owned()))];
    };
    let alternatives = pattern.trim_matches('"').split('|');
    alternatives.map(|one| (label.to_owned(), (!one.contains('.')).then(|| one.to_owned()))).collect()
}

/// Labels that an expression groups by, but for those that a scrape adds.
fn grouped_by(expression: &str) -> BTreeSet<String> {
    let lists = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(", ")).filter(|label| *label != "instance").map(str::to_owned).collect()
}

/// Two mocks; one leg is synced every second, so that there is something to count.
const SETTINGS: &str = r#"
[sources]
use = "sync"
[sources.sync]
off_peak = [0, 24]
[[sources.providers]]
kind = "flightaware"
mock = { delay_ms = 5 }
[[sources.providers]]
kind = "lufthansa"
mock = { delay_ms = 5 }
"#;

/// The whole program in the live world of a dev broker.
fn program(cluster: &Cluster, folder: &Path) -> Program {
    let at = (cluster.bootstrap.as_str(), cluster.registry.as_str());
    prepare(at);
    let settings = folder.join("slipstream.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let mut command = live(at, &["run", "--config", settings.to_str().unwrap()]);
    command.env("WEBHOOK_SIGNATURE_SECRET", "a secret of this test").env("FLIGHT_SYNC_CRON_INTERVAL", "* * * * * *");
    Program::start(command, folder.join("log"))
}

/// Whether a sample of the metric has every one of the labels.
fn is_exported(metrics: &str, wanted: &Selector, label: Option<&(String, Option<String>)>) -> bool {
    let of_metric = metrics.lines().filter_map(|line| line.strip_prefix(wanted.metric.as_str()));
    of_metric.filter(|rest| rest.starts_with(['{', ' '])).any(|rest| match label {
        None => true,
        Some((name, Some(value))) => rest.contains(&format!("{name}=\"{value}\"")),
        Some((name, None)) => rest.contains(&format!("{name}=\"")),
    })
}

/// What the expressions name and the program does not export.
fn missing(metrics: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for rule in rules() {
        let expression = rule["expr"].as_str().unwrap().to_owned();
        for selector in selectors(&expression) {
            let grouped = grouped_by(&expression).into_iter().map(|label| (label, None));
            let labels: Vec<_> = selector.labels.iter().cloned().chain(grouped).collect();
            let absent = labels.iter().filter(|label| !is_exported(metrics, &selector, Some(label)));
            missing.extend(absent.map(|label| format!("{} {label:?}", selector.metric)));
            missing.extend((!is_exported(metrics, &selector, None)).then(|| selector.metric.clone()));
        }
    }
    missing
}

// contract: S0-24, S0-29 (detectable from the metrics)
#[test]
fn the_program_exports_every_metric_and_label_that_a_rule_names() {
    let (cluster, folder) = (dev_broker(), scratch());
    let program = program(&cluster, folder.path());
    let tomorrow = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let flight = format!(r#"{{"flightNumber":"400","airline":"LH","departureDate":"{tomorrow}"}}"#);
    wait_or_say("first sync", || {
        let answer = program.post("/api/flights/sync", "", &flight);
        answer.contains(r#""success":true"#).then_some(()).ok_or(answer)
    });
    assert!(program.post("/webhooks/flight-status", "", "{}").starts_with("HTTP/1.1 401"));
    wait_or_say("metrics", || {
        let metrics = program.get("/metrics");
        let absent = missing(&metrics);
        if absent.is_empty() { Ok(()) } else { Err(format!("not exported: {absent:#?}")) }
    });
    // What is idle has no lag, or a stage would look stuck: the marks of transactions are no records.
    wait_or_say("a pipeline without lag", || {
        let metrics = program.get("/metrics");
        let lags: Vec<_> = metrics.lines().filter(|line| line.starts_with("slipstream_lag_records{")).collect();
        let behind: Vec<_> = lags.iter().filter(|line| !line.ends_with(" 0")).collect();
        if behind.is_empty() && !lags.is_empty() { Ok(()) } else { Err(format!("{behind:?}")) }
    });
}

#[test]
fn expressions_are_read_as_prometheus_reads_them() {
    let expression =
        "sum by (stage, instance) (rate(slipstream_a_total{x=\"1\",y=~\"2|3\"}[5m])) / slipstream_b > slipstream:c:ratio1h";
    let label = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let a = Selector { metric: "slipstream_a_total".to_owned(), labels: vec![label("x", "1"), label("y", "2"), label("y", "3")] };
    assert_eq!(selectors(expression), [a, Selector { metric: "slipstream_b".to_owned(), labels: Vec::new() }]);
    assert_eq!(grouped_by(expression), BTreeSet::from(["stage".to_owned()]));
    assert_eq!(matched("status=~\"5..\""), [("status".to_owned(), None)]);
    assert!(missing("").len() > 20, "nothing is exported by nobody");
}
