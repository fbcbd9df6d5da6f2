//! The toy pipeline on the broker's model: whatever breaks, the records are those of the reference schedule.
//!
//! Crashes at any call, lost and late commits, zombies, doubles, stalls, refusals, coordinators that move. `SEEDS=n` runs
//! so many; a failure says how to replay what is left of it after shrinking. That the search would find a bug is shown by bugs
//! planted on purpose, see `planted`.
#![cfg(feature = "model")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod base_bugs;
mod bugs;
mod planted;
#[path = "../toy/mod.rs"]
mod toy;
mod worlds;

use std::collections::BTreeMap;

use slipstream_streams::buffer::Order;
use slipstream_streams::simulation::search::Case;
use slipstream_streams::simulation::{Auditor, Fault, Faults, Outcome, Planted, simulate};
use toy::fact;
use worlds::{FAULTS, case, cases, oracle, run, scenario, told};

/// Seeds of one test run, unless `SEEDS` says otherwise.
const SEEDS: u64 = 120;

#[test]
fn without_faults_event_time_order_is_the_reference() {
    let quiet = Case { faults: Faults::none(FAULTS.turns_max), ..case(7) };
    let outcome = run(&quiet, Planted::default()).unwrap();
    assert_eq!(outcome.struck, BTreeMap::new());
}

#[test]
fn whatever_breaks_the_records_are_the_references() {
    let mut struck: BTreeMap<Fault, u64> = BTreeMap::new();
    let cases = cases(SEEDS);
    for case in &cases {
        match run(case, Planted::default()) {
            Ok(outcome) => outcome.struck.into_iter().for_each(|(fault, times)| *struck.entry(fault).or_default() += times),
            Err(error) => panic!("{}", told(case, &error, &mut |case| run(case, Planted::default()).is_err())),
        }
    }
    assert!(cases.len() < 50 || struck.len() == Fault::ALL.len(), "some fault never struck: {struck:?}");
}

/// In arrival order ids still follow from causes: what each reading causes is there, once, whatever breaks.
/// So little fits into a task that its inputs are held back all the time: the records are the same, and it ends.
#[test]
fn inputs_that_are_held_back_change_no_record_and_stop_nobody() {
    for case in cases(SEEDS / 4) {
        let mut scenario = scenario(&case, Order::EventTime);
        scenario.limits.buffer_bytes = 1_500;
        let auditor = Auditor::new(&scenario.topology, oracle(&scenario));
        if let Err(error) = simulate(&scenario, case.faults, case.seed, auditor) {
            panic!("{error}\nreplay with {case}");
        }
    }
}

#[test]
fn in_arrival_order_nothing_is_lost_or_doubled() {
    for case in cases(SEEDS / 2) {
        if let Err(error) = arrival(&case) {
            panic!("{error}\nreplay with {case}");
        }
    }
}

fn arrival(case: &Case) -> Result<(), String> {
    let scenario = scenario(case, Order::Arrival);
    let outcome = simulate(&scenario, case.faults, case.seed, Auditor::of_ids(&scenario.topology)).map_err(|e| e.to_string())?;
    let caused = |records: &[slipstream_streams::record::Record]| {
        let readings = records.iter().filter(|record| record.topic == toy::TOTALS && record.rank == 2);
        let mut ids: Vec<_> = readings.map(|record| record.event.id).collect();
        ids.sort_unstable();
        ids
    };
    let (found, expected) = (caused(&outcome.records), caused(&oracle(&scenario)));
    let strange = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    if strange.is_some() || found.len() != expected.len() {
        return Err(format!("{} totals, {} expected, first {strange:?}", found.len(), expected.len()));
    }
    no_key_goes_back(&outcome)
}

/// Within a key of a topic, time never goes back.
fn no_key_goes_back(outcome: &Outcome) -> Result<(), String> {
    let mut last = BTreeMap::new();
    for record in outcome.records.iter().filter(|record| record.topic == toy::SUMS) {
        let before = last.insert(record.key.clone(), record.timestamp).unwrap_or_default();
        if before > record.timestamp {
            return Err(format!("goes back: {record:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || run(&case(4), Planted::default()).unwrap();
    let (one, other) = (run(), run());
    let facts = |outcome: &Outcome| outcome.records.iter().map(fact).collect::<Vec<_>>();
    assert_eq!((facts(&one), one.struck, one.turns), (facts(&other), other.struck, other.turns));
}
