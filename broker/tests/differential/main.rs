//! Random programs, run step by step on Apache Kafka and on the dev broker: wherever they differ, the dev broker is wrong.
//!
//!     seed ─► program ─► one step on each broker ─► same answer? ─► settled: same ends and offsets? ─► … ─► same values?
//!
//! `PROGRAMS=n` runs so many, `SEED=n` one. A program that shows a difference is shrunk and printed with it. What is learnt is kept as
//! a check of the conformance suite. Compared are classes of errors, not their texts; no program depends on time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "../conformance/kit.rs"]
#[allow(dead_code, reason = "the kit of the conformance suite; this one needs part of it")]
mod kit;
mod program;
mod side;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use program::{Program, Step};
use side::Side;
use slipstream_broker::{DevBroker, Options};

/// Programs of one test run at least, and how long more are begun, up to [`PROGRAMS`].
const PROGRAMS_MIN: u64 = 30;
/// Programs of one test run, unless `PROGRAMS` says otherwise.
const PROGRAMS: u64 = 300;
/// How long more programs are begun in an ordinary test run.
const TIME: Duration = Duration::from_secs(60);
/// Programs at a time: they wait for brokers most of the time.
const WORKERS: usize = 8;
/// How long two brokers may take to settle at the same sight.
const SETTLE: Duration = Duration::from_secs(5);
/// Runs that shrinking a program may take.
const SHRINK_RUNS_MAX: usize = 40;

/// Runs a program on both; the first difference.
fn difference(kafka: &str, dev: &str, program: &Program, run: &str) -> Result<(), String> {
    let mut sides = [Side::new(kafka, run), Side::new(dev, run)];
    for (number, step) in program.steps.iter().enumerate() {
        let answers = sides.each_mut().map(|side| side.take(number, *step));
        if answers[0] != answers[1] {
            return Err(format!("step {number}, {step:?}: Apache Kafka says {}, the dev broker {}", answers[0], answers[1]));
        }
        settle(&mut sides).map_err(|sights| format!("after step {number}, {step:?}: {sights}"))?;
    }
    let [kafka, dev] = sides.each_ref().map(Side::values);
    if kafka == dev { Ok(()) } else { Err(format!("at the end:\n  Apache Kafka:   {kafka:?}\n  the dev broker: {dev:?}")) }
}

/// Looks until both see the same.
fn settle(sides: &mut [Side; 2]) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let [kafka, dev] = sides.each_mut().map(Side::sight);
        if kafka == dev {
            return Ok(());
        }
        if began.elapsed() > SETTLE {
            return Err(format!("\n  Apache Kafka:   {kafka:?}\n  the dev broker: {dev:?}"));
        }
    }
}

/// Leaves steps out as long as some difference remains.
fn shrink(kafka: &str, dev: &str, mut program: Program, mut what: String) -> (Program, String) {
    let mut runs = 0;
    let mut at = 0;
    while at < program.steps.len() && runs < SHRINK_RUNS_MAX {
        let without = program.without(at);
        runs += 1;
        match difference(kafka, dev, &without, &format!("s{}-{runs}", program.seed)) {
            Err(still) => (program, what) = (without, still),
            Ok(()) => at += 1,
        }
    }
    (program, what)
}

/// Every program up to `count`; what is told of those that differ.
fn compare(kafka: &str, dev: &str, seeds: std::ops::Range<u64>, bounded: bool) -> (u64, Vec<String>) {
    let (next, began, told) = (AtomicU64::new(seeds.start), Instant::now(), Mutex::new(Vec::new()));
    let ran = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let late = bounded && seed >= PROGRAMS_MIN && began.elapsed() > TIME;
                    if seed >= seeds.end || late || !told.lock().unwrap().is_empty() {
                        break;
                    }
                    let program = Program::drawn(seed);
                    if let Err(what) = difference(kafka, dev, &program, &format!("p{seed}")) {
                        println!("SEED={seed}: {what}\n{program}");
                        let (least, what) = shrink(kafka, dev, program, what);
                        told.lock().unwrap().push(format!("SEED={seed}: {what}\n{least}"));
                    }
                    ran.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (ran.into_inner(), told.into_inner().unwrap())
}

#[test]
fn random_programs_see_the_same_on_both_brokers() {
    let Ok(kafka) = std::env::var("SLIPSTREAM_TEST_KAFKA") else {
        assert!(std::env::var("CI").is_err(), "SLIPSTREAM_TEST_KAFKA is not set: run `make test`");
        println!("skipped: SLIPSTREAM_TEST_KAFKA is not set; `make test` starts a Kafka");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let broker = runtime.block_on(DevBroker::start(Options::default())).unwrap();
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let asked = number("PROGRAMS");
    let seeds = number("SEED").map_or(0..asked.unwrap_or(PROGRAMS), |seed| seed..seed + 1);
    let (ran, told) = compare(&kafka, &broker.bootstrap(), seeds, asked.is_none());
    runtime.block_on(broker.shutdown());
    println!("{ran} programs compared");
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// A program is the same for the same seed, and every kind of step is drawn.
#[test]
fn programs_follow_from_their_seeds() {
    let kinds = |seed| Program::drawn(seed).steps.into_iter().map(|step: Step| std::mem::discriminant(&step));
    let all: std::collections::HashSet<_> = (0..200).flat_map(kinds).collect();
    assert_eq!(all.len(), program::KINDS);
    assert_eq!(Program::drawn(3).to_string(), Program::drawn(3).to_string());
}
