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
//! | `DUEL_ROUNDS`, `DUEL_CALM_ROUNDS` | rounds of the throughput runs, of the calm ones (5) |
//! | `DUEL_LOADED_ROUNDS`, `DUEL_RESTART_ROUNDS` | rounds at a share of the maximum, of the kills (3) |
//! | `DUEL_RECORDS_1024`, `DUEL_RECORDS_160`, `DUEL_KEYS` | records of the throughput runs, keys to restore (all 1,000,000) |
//! | `DUEL_MINUTES` | minutes at half load (30) |
//! | `DUEL_ONLY` | names of contenders and of figures, separated by commas: the others stay as they were; all if it is not set |
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a measurement stops at the first surprise")]

mod cluster;
mod contender;
mod copy;
mod figures;
mod goals;
mod report;
mod workload;

use std::collections::BTreeMap;

use contender::{ALL, Contender};
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
    if std::env::var("ROLE").is_ok_and(|role| role == "ours") {
        return workload::run().unwrap();
    }
    if std::env::var("DUEL_STREAMS_JARS").is_err() {
        return println!("duel: skipped; `make bench` brings what it needs");
    }
    let mut report = Report::open(&setting("DUEL_OUT"), std::env::var("DUEL_ONLY").is_err());
    let rounds = number("DUEL_ROUNDS", 5);
    let most = throughputs("", ALL, rounds, &mut report).await;
    if is_wanted("dev-broker") {
        let _there = cluster::OnDevBroker::begin();
        throughputs(" on the dev broker", &ALL[..1], rounds, &mut report).await;
    }
    workloads(rounds, &mut report).await;
    latencies(&most, &mut report).await;
    restarts(&mut report).await;
    if is_wanted("steady")
        && let Some(most) = most.get("slipstream")
    {
        figures::steady(&ALL[0], *most, number("DUEL_MINUTES", 30), &mut report).await;
    }
}

/// All of these drain a backlog of each size, somewhere; the median of each at 160 bytes.
async fn throughputs(somewhere: &str, contenders: &[Contender], rounds: u64, report: &mut Report) -> BTreeMap<&'static str, f64> {
    let mut speeds: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for size in [1024, 160] {
        if !is_wanted(&format!("throughput-{size}")) {
            continue;
        }
        let (input, what) = (format!("in-{}-{size}", std::process::id()), format!("{size} B{somewhere}"));
        let records = number(&format!("DUEL_RECORDS_{size}"), 1_000_000);
        cluster::make(std::slice::from_ref(&input)).await;
        cluster::fill(&input, records, cluster::KEYS, size);
        for round in 0..rounds {
            for contender in contenders.iter().filter(|c| is_wanted(c.name) && c.name != "kafka-streams-10ms") {
                let speed = figures::throughput(contender, &input, records, &what, round, report).await;
                speeds.entry(contender.name).or_default().extend((size == 160).then_some(speed));
            }
        }
        cluster::drop_topics(&[input]).await;
    }
    speeds.into_iter().filter(|(_, speeds)| !speeds.is_empty()).map(|(name, speeds)| (name, report::median(&speeds))).collect()
}

/// The other kinds of work, on a backlog of 160-byte records.
async fn workloads(rounds: u64, report: &mut Report) {
    // Hopping windows are counted for 300 places; a fan-out is of 2,000 keys with ten rows each.
    let kinds = [
        ("normalise", contender::NORMALISE, 0, 1_000_000, cluster::KEYS),
        ("hopping", contender::HOPPING, 0, 500_000, 300),
        ("fanout", contender::FAN_OUT, workload::JOINED as u64, 200_000, 2_000),
    ];
    for (what, contenders, joined, records, keys) in kinds.into_iter().filter(|kind| is_wanted(kind.0)) {
        let input = format!("in-{}-{what}", std::process::id());
        cluster::make(std::slice::from_ref(&input)).await;
        cluster::fill_joined(&input, joined, records, keys, 160);
        for round in 0..rounds {
            for contender in contenders.iter().filter(|c| is_wanted(c.name)) {
                figures::throughput(contender, &input, joined * keys + records, what, round, report).await;
            }
        }
        cluster::drop_topics(&[input]).await;
    }
}

/// At a calm rate, and at shares of what each can do at most.
async fn latencies(most: &BTreeMap<&'static str, f64>, report: &mut Report) {
    let wanted = |c: &&contender::Contender| is_wanted(c.name) && c.is_stateful();
    for round in 0..number("DUEL_CALM_ROUNDS", 5) {
        for contender in ALL.iter().filter(wanted).filter(|c| is_wanted("latency") && c.name != "kafka-streams-best") {
            figures::latency(contender, round, report).await;
        }
    }
    let rounds = number("DUEL_LOADED_ROUNDS", 3);
    for contender in ALL.iter().filter(wanted).filter(|_| is_wanted("loaded")) {
        let Some(most) = most.get(contender.name) else { continue };
        for round in 0..rounds {
            for percent in [25, 50, 75] {
                figures::loaded(contender, percent, *most, round, report).await;
            }
        }
    }
}

/// Killed with many keys and started again.
async fn restarts(report: &mut Report) {
    let peers = ["slipstream", "slipstream-disk", "kafka-streams"];
    for round in 0..number("DUEL_RESTART_ROUNDS", 3) {
        for contender in ALL.iter().filter(|c| is_wanted("restart") && is_wanted(c.name) && peers.contains(&c.name)) {
            figures::restart(contender, number("DUEL_KEYS", 1_000_000), round, report).await;
        }
    }
}
