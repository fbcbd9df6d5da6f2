//! Fire drills: two to four `slipstream run` processes on three nodes of Apache Kafka, and things happen to them while a
//! feed comes in.
//!
//!     feed ─► 3 nodes ◄─ links ─► run, run, …     killed · frozen · ended · cut off · disk full · a node killed
//!
//! In event-time order every byte is the oracle's. In arrival order every observation is accounted for, no id comes twice,
//! and each leg ends as in the oracle. `DRILL=n` makes n things happen, in as many worlds as that takes (`make drill`);
//! `SEED` chooses what happens to whom, not what else happens on the machine. What the processes said is kept in the target
//! directory, `tmp/drill`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod faults;
mod oracle;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use faults::{Field, GAP_MEAN_MS};
use oracle::{Losses, Oracle, WORLD_S};
use support::Running;
use support::cluster::Three;

/// Most processes at a time, least are two.
const WORKERS_MAX: usize = 4;
/// Things that happen in one world.
const FAULTS: u64 = 100;
/// Things that happen in a short drill.
const FAULTS_SHORT: u64 = 40;
/// Longest wait for a world to be finished after everything is mended.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks at a world that is not finished.
const LOOK: Duration = Duration::from_millis(500);

/// Three nodes and their clients are all that a machine can bear.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How many things of each kind have happened.
type Counts = BTreeMap<&'static str, u64>;

/// Plays the oracle's recording into a fresh world with so many faults, and compares what comes of it.
fn drill(three: &Three, oracle: &Oracle, order: &str, round: u64, faults: u64, counts: &mut Counts) -> Losses {
    let world = format!("drill-{order}-{}-{round}", std::process::id());
    let speed = format!("{}x", WORLD_S * 1_000 / (faults * GAP_MEAN_MS));
    let mut feed = three.cluster.command(&world, &["feed", &oracle.recording(), "--speed", &speed]);
    let mut feed = Running(feed.stderr(Stdio::inherit()).spawn().unwrap());
    let began = Instant::now();
    while !three.cluster.command(&world, &["topics", "verify"]).output().unwrap().status.success() {
        assert!(began.elapsed() < PATIENCE, "{world}: no topics");
    }
    let seed = std::env::var("SEED").map_or(1, |text| text.parse::<u64>().unwrap()) + round;
    let workers = 2 + usize::try_from(seed).unwrap() % (WORKERS_MAX - 1);
    let mut field = Field::start(three, &world, order, workers, seed);
    for _ in 0..faults {
        let (kind, whom) = field.next();
        *counts.entry(kind).or_default() += 1;
        println!("{world} {:>6.1} s: {kind}: {whom}", began.elapsed().as_secs_f64());
    }
    field.mend_all();
    let mended = Instant::now();
    finish(three, oracle, &world, order, &mut field, &mut feed);
    println!(
        "{world} {:>6.1} s: finished, {:.1} s after the last",
        began.elapsed().as_secs_f64(),
        mended.elapsed().as_secs_f64()
    );
    *counts.entry("(cluster out of reach at start)").or_default() += field.unreachable;
    let losses = oracle.compare(&three.cluster, &world, order);
    drop(field);
    let deleted = three.cluster.command(&world, &["topics", "delete", "--yes"]).output().unwrap();
    assert!(deleted.status.success(), "{world}: {}", String::from_utf8_lossy(&deleted.stderr));
    losses
}

/// Waits until the feed is through and the world holds what the oracle holds.
fn finish(three: &Three, oracle: &Oracle, world: &str, order: &str, field: &mut Field<'_>, feed: &mut Running) {
    let began = Instant::now();
    let ended = loop {
        if let Some(status) = feed.0.try_wait().unwrap() {
            break status;
        }
        let said = field.check();
        assert!(began.elapsed() < PATIENCE, "{world}: the feed does not end\n{said}");
        std::thread::sleep(LOOK);
    };
    assert!(ended.success(), "{world}: the feed ends well");
    while let Some(lacking) = oracle.lacking(&three.cluster, world, order) {
        let said = field.check();
        assert!(began.elapsed() < PATIENCE, "{world}: {PATIENCE:?} after the last fault {lacking}\n{said}");
        std::thread::sleep(LOOK);
    }
    field.check();
}

/// Faults of each world that `DRILL` asks for.
fn rounds() -> Vec<u64> {
    let faults: u64 = std::env::var("DRILL").map_or(FAULTS_SHORT, |text| text.parse().unwrap());
    (0..faults.div_ceil(FAULTS)).map(|round| FAULTS.min(faults - round * FAULTS)).collect()
}

fn drill_all(order: &str) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(three) = Three::start(WORKERS_MAX) else { return };
    let (oracle, mut counts) = (Oracle::new(), Counts::new());
    for (round, faults) in rounds().into_iter().enumerate() {
        let losses = drill(&three, &oracle, order, round as u64, faults, &mut counts);
        println!("{order}, so far: {counts:?}; in this world {losses:?}");
        assert_eq!(losses, Losses::default(), "{order}, world {round}");
    }
}

#[test]
fn in_event_time_order_every_record_is_the_oracles_whatever_happens() {
    drill_all("event-time");
}

#[test]
fn in_arrival_order_nothing_is_lost_or_doubled_whatever_happens() {
    drill_all("arrival");
}
