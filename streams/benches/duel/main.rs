//! The duel: the example `aggregate`, Kafka Streams doing the same, and bare librdkafka, in one run on one real Kafka.
//!
//!     fill IN ─► contender (a process on core 1) ─► committed offsets, /proc        all in rounds, order kept
//!
//! `make bench` starts a broker on core 0 and writes docs/BENCHMARKS.md from it. Without the settings below it says so
//! and does nothing. Every figure of every round goes to the raw file; the table has medians and the spread.
//!
//! | setting | is |
//! |---|---|
//! | `SLIPSTREAM_TEST_KAFKA` | the broker |
//! | `DUEL_STREAMS_JARS` | folder of Kafka Streams' jars |
//! | `DUEL_OUT` | folder of the report and the raw figures |
//! | `DUEL_ROUNDS`, `DUEL_RECORDS`, `DUEL_KEYS` | rounds (3), records of the throughput runs (1,000,000), keys to restore (1,000,000) |
//! | `DUEL_ONLY` | names of contenders and of figures, separated by commas; all if it is not set |
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a measurement stops at the first surprise")]

mod cluster;
mod contender;
mod copy;
mod figures;
mod report;

use contender::ALL;
use report::Report;

pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}; the head of main.rs says to what"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn is_wanted(name: &str) -> bool {
    std::env::var("DUEL_ONLY").map_or(true, |only| only.split(',').any(|wanted| wanted == name))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if std::env::var("ROLE").is_ok_and(|role| role == "copy") {
        return copy::run();
    }
    if std::env::var("DUEL_STREAMS_JARS").is_err() {
        return println!("duel: skipped; `make bench` brings what it needs");
    }
    let mut report = Report::open(&setting("DUEL_OUT"));
    let (rounds, records, keys) = (number("DUEL_ROUNDS", 3), number("DUEL_RECORDS", 1_000_000), number("DUEL_KEYS", 1_000_000));
    for size in [1024, 160] {
        if !is_wanted(&format!("throughput-{size}")) {
            continue;
        }
        let input = format!("in-{}-{size}", std::process::id());
        cluster::make(std::slice::from_ref(&input)).await;
        cluster::fill(&input, records, cluster::KEYS, size);
        for round in 0..rounds {
            for contender in ALL.iter().filter(|c| is_wanted(c.name) && c.name != "kafka-streams-10ms") {
                figures::throughput(contender, &input, records, size, round, &mut report).await;
            }
        }
        cluster::drop_topics(&[input]).await;
    }
    for round in 0..rounds {
        for contender in ALL.iter().filter(|c| is_wanted(c.name) && c.is_stateful() && c.name != "kafka-streams-best") {
            if is_wanted("latency") {
                figures::latency(contender, round, &mut report).await;
            }
            if is_wanted("restart") && contender.name != "kafka-streams-10ms" {
                figures::restart(contender, keys, round, &mut report).await;
            }
        }
    }
    report.write();
}
