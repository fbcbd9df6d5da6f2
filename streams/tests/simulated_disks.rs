//! The toy pipeline on the broker's model with bases that outlive crashes, on disks that fail: the records are the reference's.
#![cfg(feature = "model")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use slipstream_streams::buffer::Order;
use slipstream_streams::plan::Limits;
use slipstream_streams::simulation::{Auditor, Fault, Faults, Planted, Scenario, simulate};

/// Seeds of one test run.
const SEEDS: u64 = 40;
const FAULTS: Faults = Faults::none(200_000)
    .until(6_000)
    .with(Fault::Crash, 2_000)
    .with(Fault::LostCommit, 30_000)
    .with(Fault::LateCommit, 10_000)
    .with(Fault::Still, 2_000)
    .with(Fault::Double, 500);

#[test]
fn bases_that_outlive_their_process_change_no_record() {
    for seed in 0..SEEDS {
        let records = toy::readings(seed, 200);
        let (meters, streets) = [(4, 3), (2, 5), (1, 1)][seed as usize % 3];
        let topology = toy::topology(meters, streets);
        let auditor = Auditor::new(&topology, toy::reference(&topology, &records));
        let scenario = Scenario {
            topology,
            codec: toy::codec(),
            order: Order::EventTime,
            limits: Limits { skew: toy::LENGTH / 10, ..Limits::default() },
            instances: 1 + seed as usize % 3,
            sources: vec![("readings".to_owned(), records)],
            start: toy::START,
            planted: Planted::default(),
        };
        let faults = FAULTS.with_disks([u64::MAX, 150, 1_000][seed as usize % 3]);
        if let Err(error) = simulate(&scenario, faults, seed, auditor) {
            panic!("seed {seed}: {error}");
        }
    }
}
