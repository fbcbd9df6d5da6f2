//! What a Kafka broker owes its clients, asked by the client that production uses.
//!
//!     checks ─► rdkafka ─► Apache Kafka   (SLIPSTREAM_TEST_KAFKA, which deploy/local/with-services.sh sets)
//!                      └─► the dev broker
//!
//! One list of checks for both, each with topics and groups of its own, so that they run side by side. Where the two
//! differ, the dev broker is wrong. Nothing here measures speed, and nothing waits longer than it must: a check waits
//! for a fact, `kit::PATIENCE` at the most.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a check stops at the first surprise")]

mod cleanup;
mod groups;
mod kit;
mod logs;
mod raw;
mod topics;
mod transactions;

use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use kit::Site;
use slipstream_broker::{DevBroker, Options};

/// A named check; it panics where the broker breaks the promise.
type Check = (&'static str, fn(&Site));

/// Checks at a time: most of them wait for timers of the broker, not for the processor.
const WORKERS: usize = 12;

/// Runs every check of the suite, names each with its time, and fails with the names of all that failed.
fn conforms(broker: &str, bootstrap: &str) {
    let suite: Vec<Check> = [cleanup::CHECKS, groups::CHECKS, transactions::CHECKS, topics::CHECKS, logs::CHECKS]
        .concat()
        .into_iter()
        .filter(chosen)
        .collect();
    let total = suite.len();
    let queue = Mutex::new(suite.into_iter());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((name, check)) = queue.lock().unwrap().next() else { break };
                    if !passes(broker, bootstrap, name, check) {
                        failed.lock().unwrap().push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{broker}: {} of {total} checks failed: {failed:?}", failed.len());
}

/// `CHECK=text` runs only the checks with that text in their name.
fn chosen((name, _): &Check) -> bool {
    std::env::var("CHECK").map_or(true, |text| name.contains(&text))
}

/// In a thread of its own, whose name the panic message carries.
fn passes(broker: &str, bootstrap: &str, name: &'static str, check: fn(&Site)) -> bool {
    let site = Site::new(bootstrap, name);
    let started = Instant::now();
    let run = thread::Builder::new().name(format!("{broker}: {name}")).spawn(move || check(&site)).unwrap();
    let passed = run.join().is_ok();
    println!("{broker:<12} {} {name} ({} ms)", if passed { "ok    " } else { "FAILED" }, started.elapsed().as_millis());
    passed
}

#[test]
fn apache_kafka() {
    match std::env::var("SLIPSTREAM_TEST_KAFKA") {
        Ok(bootstrap) => conforms("apache kafka", &bootstrap),
        Err(_) if std::env::var("CI").is_ok() => panic!("SLIPSTREAM_TEST_KAFKA is not set: run `make test`"),
        Err(_) => println!("skipped: SLIPSTREAM_TEST_KAFKA is not set; `make test` starts a Kafka"),
    }
}

#[test]
fn dev_broker() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let broker = runtime.block_on(DevBroker::start(Options::default())).unwrap();
    conforms("dev broker", &broker.bootstrap());
    runtime.block_on(broker.shutdown());
}
