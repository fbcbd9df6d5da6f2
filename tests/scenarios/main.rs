//! The seven scenarios of the simulator, from flights and bookings to notices, held to what must be true of any day.
//!
//! ```text
//! simulate NAME --seed 1 ─► topics as files ─► golden counts
//!                                          └─► a second reading: who was placed where, seats, notices
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `parties` | one outcome for each party, whole, told once |
//! | `decisions` | decisions of every kind, and what they may cost |
//! | `ledger`, `seats` | a second reading of the files: who was placed where, and whether there was a way |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod decisions;
mod ledger;
mod parties;
mod seats;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use support::{kept, lines, run_clean, text};

const SCENARIOS: [&str; 7] =
    ["normal", "technical", "airline", "cascading", "airport-congestion", "weather-at-hub", "network-wide"];
const HOUR: i64 = 3_600_000;

/// One run of each scenario that all tests read.
fn runs() -> &'static BTreeMap<&'static str, PathBuf> {
    static RUNS: OnceLock<BTreeMap<&'static str, PathBuf>> = OnceLock::new();
    RUNS.get_or_init(|| {
        std::thread::scope(|scope| {
            let start = |name: &'static str| {
                scope.spawn(move || {
                    let out = kept(&format!("scenario-{name}"));
                    run_clean(&["simulate", name, "--seed", "1", "--out", &text(&out)]);
                    (name, out)
                })
            };
            let running: Vec<_> = SCENARIOS.into_iter().map(start).collect();
            running.into_iter().map(|run| run.join().expect("a clean run")).collect()
        })
    })
}

fn each(check: impl Fn(&str, &Path)) {
    runs().iter().for_each(|(name, out)| check(name, out));
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Counts by topic and type, and the last outcome of each journey by reason.
fn summary(out: &Path) -> String {
    let text = std::fs::read_to_string(out.join("summary.json")).unwrap();
    let counts: Value = serde_json::from_str(&text).unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines(out, "reaccommodation") {
        let value = &line["value"];
        let reason = if value["arrived_at"].is_null() { string(&value["reason"]) } else { "arrived".to_owned() };
        *outcomes.entry(format!("{}: {reason}", string(&value["outcome"]))).or_default() += 1;
    }
    let mut notices: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines(out, "notifications") {
        *notices.entry(string(&line["value"]["template"])).or_default() += 1;
    }
    let whole = serde_json::json!({ "topics": counts["topics"], "outcomes": outcomes, "notices": notices });
    serde_json::to_string_pretty(&whole).unwrap()
}

/// A change of these numbers is a change of behaviour: look at it, then `INSTA_UPDATE=always`.
#[test]
fn each_scenario_counts_what_it_counted() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../goldens/scenarios");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| each(|name, out| insta::assert_snapshot!(name, summary(out))));
}

#[test]
fn nothing_is_refused_and_nothing_is_late() {
    each(|name, out| {
        for topic in ["dead.letter.queue", "late.records"] {
            let refused = lines(out, topic);
            assert!(refused.is_empty(), "{name}: {} on {topic}, first {}", refused.len(), refused[0]);
        }
    });
}
