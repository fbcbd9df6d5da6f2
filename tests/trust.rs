//! Learned trust against the truth: five mixes of sources on recorded days, learned on three weeks and judged on the ten days after them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::collections::BTreeMap;

use support::{large_data, run_clean};

/// Percent points that learned trust may stay behind the best source alone on a field.
const BEHIND_MAX: f64 = 1.0;
const MODES: [&str; 3] = ["= AUTOMATIC", "= LEARNED", "= PRIORITY"];

/// Who was right how often, in percent: fields, and their mean at the end.
type Table = BTreeMap<String, Vec<f64>>;

/// The rows that the command prints for one mix.
fn judged(days: &str, mix: &str) -> Table {
    let printed = run_clean(&["sources", "judge", days, "--mix", &format!("producers/witnesses/{mix}.toml")]);
    let row = |line: &str| {
        let mut cells = line.split(',').skip(1);
        (cells.next().unwrap().to_owned(), cells.map(|cell| cell.parse().unwrap()).collect())
    };
    printed.lines().skip(1).map(row).collect()
}

/// What is wrong with a table.
fn faults(mix: &str, table: &Table, is_degraded: bool) -> Vec<String> {
    let [automatic, learned, priority] = MODES.map(|mode| &table[mode]);
    let fields = learned.len() - 1;
    let best = |field: usize| {
        let alone = table.iter().filter(|(who, _)| !MODES.contains(&who.as_str()));
        alone.map(|(_, shares)| shares[field]).fold(0.0, f64::max)
    };
    let behind = (0..fields).filter(|field| learned[*field] + BEHIND_MAX < best(*field));
    let mut faults: Vec<String> =
        behind.map(|field| format!("{mix}: field {field}: {} against {}", learned[field], best(field))).collect();
    let (learned, priority, automatic) = (learned[fields], priority[fields], automatic[fields]);
    if learned <= priority || is_degraded && automatic <= priority {
        faults.push(format!("{mix}: learned {learned}, automatic {automatic}, by priority {priority}"));
    }
    faults
}

// contract: S0-28 (learned choice)
#[test]
fn learned_trust_is_as_good_as_the_best_source_of_each_field() {
    let Some(data) = large_data() else {
        println!("not run: SLIPSTREAM_DATA names no recordings");
        return;
    };
    let days = format!("bts:{}/bts-2008-01/*.csv.gz", data.display());
    // The first source by priority is a bad one in all but one of them.
    let mixes = [
        ("airline-best", false),
        ("airline-degraded", true),
        ("five-sources", true),
        ("no-airline", true),
        ("two-sources", true),
    ];
    let days = days.as_str();
    let found: Vec<String> = std::thread::scope(|scope| {
        let judges = mixes.map(|(mix, is_degraded)| scope.spawn(move || faults(mix, &judged(days, mix), is_degraded)));
        judges.into_iter().flat_map(|judge| judge.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}
