//! The toy pipeline on the broker's model, with crashes at any call, lost commit answers, zombies and doubles.
//!
//! `SEED=n` replays one run; `SEEDS=n` runs so many.
#![cfg(feature = "model")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use slipstream_streams::buffer::Order;
use slipstream_streams::plan::Limits;
use slipstream_streams::simulation::{Faults, Outcome, Scenario, simulate};
use toy::{Fact, codec, fact};

/// Seeds of one test run, unless `SEEDS` says otherwise.
const SEEDS: u64 = 60;

const FAULTS: Faults = Faults {
    crash_per_million: 1_000,
    lost_commit_per_million: 40_000,
    still_per_million: 1_000,
    double_per_million: 500,
    until: 6_000,
    turns_max: 200_000,
};
const NONE: Faults =
    Faults { crash_per_million: 0, lost_commit_per_million: 0, still_per_million: 0, double_per_million: 0, ..FAULTS };

fn scenario(seed: u64, order: Order) -> Scenario {
    let records = toy::readings(seed, 200);
    let (readings, corrections) = records.into_iter().partition(|record| record.topic == toy::READINGS);
    let (meters, streets) = [(4, 3), (2, 5), (1, 1)][seed as usize % 3];
    Scenario {
        topology: toy::topology(meters, streets),
        codec: codec(),
        order,
        limits: Limits { skew: toy::LENGTH / 10, ..Limits::default() },
        instances: 1 + seed as usize % 3,
        sources: vec![("readings".to_owned(), readings), ("corrections".to_owned(), corrections)],
        start: toy::START,
    }
}

fn seeds() -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

fn facts(outcome: &Outcome) -> Vec<Fact> {
    let mut facts: Vec<Fact> = outcome.records.iter().map(fact).collect();
    facts.sort();
    facts
}

/// The reference schedule over both sources, merged in order.
fn oracle(scenario: &Scenario) -> Vec<Fact> {
    let mut records: Vec<_> = scenario.sources.iter().flat_map(|(_, records)| records.clone()).collect();
    records.sort_by_key(|record| record.timestamp);
    toy::oracle(&scenario.topology, &records)
}

#[test]
fn without_faults_event_time_order_is_the_reference() {
    let scenario = scenario(7, Order::EventTime);
    let outcome = simulate(&scenario, NONE, 7).unwrap();
    assert_eq!(facts(&outcome), oracle(&scenario));
    assert_eq!(outcome.crashes, 0);
}

#[test]
fn whatever_breaks_the_records_are_the_references() {
    let mut crashes = 0;
    for seed in seeds() {
        let scenario = scenario(seed, Order::EventTime);
        let outcome = simulate(&scenario, FAULTS, seed).unwrap_or_else(|error| panic!("replay with SEED={seed}: {error}"));
        let (found, expected) = (facts(&outcome), oracle(&scenario));
        let strange = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!(strange, None, "replay with SEED={seed}");
        assert_eq!(found.len(), expected.len(), "replay with SEED={seed}");
        crashes += outcome.crashes;
    }
    assert!(crashes > 0, "nothing was tested");
}

/// In arrival order ids still follow from causes: what each reading causes is there, once, whatever breaks.
#[test]
fn in_arrival_order_nothing_is_lost_or_doubled() {
    let caused = |facts: Vec<Fact>| {
        let ids = facts.into_iter().filter(|fact| fact.0 == toy::TOTALS && fact.2 == 2).map(|fact| fact.4);
        ids.collect::<Vec<_>>()
    };
    for seed in seeds() {
        let mut scenario = scenario(seed, Order::Arrival);
        scenario.limits.promise_gap = std::time::Duration::from_millis(50);
        let outcome = simulate(&scenario, FAULTS, seed).unwrap_or_else(|error| panic!("replay with SEED={seed}: {error}"));
        let (mut found, mut expected) = (caused(facts(&outcome)), caused(oracle(&scenario)));
        found.sort();
        expected.sort();
        let strange = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!(strange, None, "replay with SEED={seed}");
        assert_eq!(found.len(), expected.len(), "replay with SEED={seed}");
        no_key_goes_back(&outcome, seed);
    }
}

/// Within a key of a topic, time never goes back.
fn no_key_goes_back(outcome: &Outcome, seed: u64) {
    let mut last = std::collections::BTreeMap::new();
    for record in outcome.records.iter().filter(|record| record.topic == toy::SUMS) {
        let before = last.insert(record.key.clone(), record.timestamp).unwrap_or_default();
        assert!(before <= record.timestamp, "replay with SEED={seed}: {record:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || simulate(&scenario(4, Order::EventTime), FAULTS, 4).unwrap();
    let (one, other) = (run(), run());
    assert_eq!((one.records, one.crashes, one.turns), (other.records, other.crashes, other.turns));
}
