//! The search finds bugs: for each planted one the seed that found it is kept in `found.csv`, with what was seen.
//!
//! The same seed without the bug is green. A change of the runtime shifts what a seed does; then the search goes on from
//! the kept seed for a while, and `UPDATE_FOUND=1` with the search remakes the list.

use slipstream_streams::simulation::SimulationError;

use crate::bugs::Bug;
use crate::worlds::{case, run};

/// The list: bug, seed, what was seen.
const FOUND: &str = include_str!("found.csv");
/// Seeds of the search for each bug, unless `SEEDS` says otherwise.
const SEEDS: u64 = 2_000;
/// Finds after which the search for a bug ends.
const ENOUGH: usize = 5;
/// Seeds after the kept one in which a bug must be found, should its own no longer do it.
const NEARBY: u64 = 400;
/// Turns after which a run with a bug is taken for stuck.
const TURNS_MAX: u64 = 15_000;

/// Writes of which the last fails, on a disk that a bug of the bases is searched on.
const WRITES_TO_FAILURE: u64 = 150;

/// What becomes of a seed with a bug, or without one, on the machines that this bug needs; the first words of what the run says.
fn symptom(seed: u64, bug: Option<Bug>, on_disk: bool) -> Option<String> {
    let mut case = case(seed);
    if bug.is_some() {
        case.faults.turns_max = TURNS_MAX;
    }
    if on_disk {
        case.faults = case.faults.with_disks(WRITES_TO_FAILURE);
    }
    let error = run(&case, bug.map(Bug::plant).unwrap_or_default()).err()?;
    let text = match &error {
        SimulationError::Stuck(_) => "never finished".to_owned(),
        SimulationError::Unsafe { error, .. } | SimulationError::Refused { error, .. } => error.clone(),
        SimulationError::Topology(error) => error.to_string(),
    };
    let kinds = ["committed twice", "not in the reference", "never committed", "has promised", "never finished"];
    Some(kinds.iter().find(|kind| text.contains(**kind)).map_or("refused", |kind| *kind).to_owned())
}

/// A base in memory dies with its process and never fails: what a bug of the bases does, it does on disks.
fn on_disk(bug: Bug) -> bool {
    matches!(bug, Bug::Base(_))
}

fn rows() -> Vec<(String, u64, String)> {
    let rows = FOUND.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        (cells[0].to_owned(), cells[1].parse().unwrap(), cells[2].to_owned())
    });
    rows.collect()
}

#[test]
fn every_planted_bug_is_found_and_only_the_bug() {
    let rows = rows();
    let listed: Vec<&str> = rows.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(listed, Bug::ALL.map(|bug| format!("{bug:?}")), "the list names every bug, in their order");
    for (bug, (name, kept, seen)) in Bug::ALL.into_iter().zip(&rows) {
        let found = (*kept..kept + NEARBY).find_map(|seed| Some((seed, symptom(seed, Some(bug), on_disk(bug))?)));
        let (seed, symptom) = found.unwrap_or_else(|| panic!("{name} is not found from seed {kept} on"));
        if (seed, &symptom) != (*kept, seen) {
            println!("{name}: listed as {kept} ({seen}), found by {seed} ({symptom}); remake the list with `make simulate`");
        }
        assert_eq!(self::symptom(seed, None, on_disk(bug)), None, "seed {seed} without {name}");
    }
}

/// What `make simulate` runs: the seeds that find each bug, until there are enough. `BUG=name` searches for one.
#[test]
#[ignore = "long: make simulate"]
fn search_for_every_planted_bug() {
    let seeds = std::env::var("SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    let mut list = "bug, seed, seen\n".to_owned();
    let mut missed = Vec::new();
    let wanted = std::env::var("BUG").unwrap_or_default();
    for bug in Bug::ALL.into_iter().filter(|bug| format!("{bug:?}").contains(&wanted)) {
        let finds = (0..seeds).filter_map(|seed| Some((seed, symptom(seed, Some(bug), on_disk(bug))?)));
        let found: Vec<(u64, String)> = finds.take(ENOUGH).collect();
        let searched = found.get(ENOUGH - 1).map_or(seeds, |(last, _)| last + 1);
        println!("{bug:?}: {} of {searched} seeds, first {:?}", found.len(), found.first());
        match found.first() {
            Some((seed, seen)) => list += &format!("{bug:?}, {seed}, {seen}\n"),
            None => missed.push(bug),
        }
    }
    if std::env::var_os("UPDATE_FOUND").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/simulation/found.csv"), list).unwrap();
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
