//! The toy worlds of the simulation: which graph, records and faults a seed means, and what one run of them must give.

use std::time::Duration;

use slipstream_streams::buffer::Order;
use slipstream_streams::plan::Limits;
use slipstream_streams::record::Record;
use slipstream_streams::simulation::search::{self, Case};
use slipstream_streams::simulation::{Auditor, Fault, Faults, Outcome, Planted, Scenario, SimulationError, simulate};

use crate::toy;

/// Records of a whole world.
const RECORDS: usize = 200;
/// As it was when the seeds of found.csv were found: with another one each seed is another schedule.
const COMMIT_GAP: Duration = Duration::from_millis(2);
/// Runs that shrinking a failure may take.
const SHRINK_RUNS_MAX: usize = 60;

/// Everything that may go wrong, at ordinary odds.
pub(crate) const FAULTS: Faults = Faults::none(200_000)
    .until(6_000)
    .with(Fault::Crash, 1_000)
    .with(Fault::LostCommit, 30_000)
    .with(Fault::LateCommit, 30_000)
    .with(Fault::Still, 2_000)
    .with(Fault::Double, 500)
    .with(Fault::Stall, 500)
    .with(Fault::Refusal, 2_000)
    .with(Fault::Move, 500)
    .with(Fault::SlowPartition, 1_000);

/// What a seed means: each kind of fault at its ordinary odds, at four times those, or not at all, so that a kind is also
/// seen without the others that would hide it.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let faults = Fault::ALL.into_iter().fold(FAULTS, |faults, kind| {
        dice = (dice ^ (dice >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        faults.with(kind, faults.odds(kind) * [0, 1, 1, 4][(dice >> 62) as usize])
    });
    Case { seed, records: RECORDS, instances: 1 + seed as usize % 3, faults }
}

/// The world of a case.
pub(crate) fn scenario(case: &Case, order: Order) -> Scenario {
    let mut records = toy::readings(case.seed, RECORDS);
    records.truncate(case.records);
    let (readings, corrections) = records.into_iter().partition(|record| record.topic == toy::READINGS);
    let (meters, streets) = [(4, 3), (2, 5), (1, 1)][case.seed as usize % 3];
    let promise_gap = Duration::from_millis(50);
    Scenario {
        topology: toy::topology(meters, streets),
        codec: toy::codec(),
        order,
        limits: Limits { skew: toy::LENGTH / 10, promise_gap, commit_gap: COMMIT_GAP, ..Limits::default() },
        instances: case.instances,
        sources: vec![("readings".to_owned(), readings), ("corrections".to_owned(), corrections)],
        start: toy::START,
        planted: Planted::default(),
    }
}

/// The reference schedule over both sources, merged in order.
pub(crate) fn oracle(scenario: &Scenario) -> Vec<Record> {
    let mut records: Vec<_> = scenario.sources.iter().flat_map(|(_, records)| records.clone()).collect();
    records.sort_by_key(|record| record.timestamp);
    toy::reference(&scenario.topology, &records)
}

/// Runs a case in event-time order, perhaps with a bug planted; the auditor holds it to the reference.
pub(crate) fn run(case: &Case, planted: Planted) -> Result<Outcome, SimulationError> {
    let scenario = Scenario { planted, ..scenario(case, Order::EventTime) };
    let auditor = Auditor::new(&scenario.topology, oracle(&scenario));
    simulate(&scenario, case.faults, case.seed, auditor)
}

/// What a failure says: the least case that still fails, and how to replay it.
pub(crate) fn told(case: &Case, error: &SimulationError, fails: &mut dyn FnMut(&Case) -> bool) -> String {
    let least = search::shrink(*case, SHRINK_RUNS_MAX, fails);
    format!(
        "{error}\nseed {} failed; the least case that still fails:\n    {least} cargo test -p slipstream-streams --features model --test simulation",
        case.seed
    )
}

/// The cases to run: those of the first seeds, `SEEDS` of them; with `SEED` only that one, as the environment says.
pub(crate) fn cases(seeds: u64) -> Vec<Case> {
    let variable = |name: &str| std::env::var(name).ok();
    let number = |name: &str| variable(name).map(|text| text.parse::<u64>().unwrap());
    match number("SEED") {
        Some(seed) => vec![case(seed).with(variable).unwrap()],
        None => (0..number("SEEDS").unwrap_or(seeds)).map(case).collect(),
    }
}
