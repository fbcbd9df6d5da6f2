//! The same bytes everywhere: a replay through rdkafka, on the dev broker and on Apache Kafka, with one worker and
//! two, with other partition counts, and with a worker that is killed again and again, equals the replay alone; so do
//! those of two and of four processes in a group.
//!
//! `FULL_DAY=1 cargo test --test cluster -- --test-threads 1 byte` plays the whole recorded day, with 20 kills.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use support::cluster::{Cluster, dev_broker, kafka};
use support::{Running, assert_same, kept, lines, run, run_clean, scratch, slipstream, text};

/// A scenario small enough to be played many times, with people in it; or the whole day.
fn scenario() -> [&'static str; 4] {
    if full() {
        ["replay", "bts:data/bts-2008-01-31.csv.gz", "--speed", "max"]
    } else {
        ["simulate", "weather-at-hub", "--seed", "7"]
    }
}

fn full() -> bool {
    std::env::var_os("FULL_DAY").is_some()
}
/// Longest wait for one step of a run elsewhere.
const PATIENCE: Duration = Duration::from_secs(120);

/// The scenario without a cluster.
fn alone() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = kept("cluster-alone");
        run_clean(&[&scenario()[..], &["--out", &text(&out)]].concat());
        out
    })
}

/// Playing worlds on a cluster.
trait Play {
    fn play(&self, world: &str, out: &Path, topics: Option<&Path>, workers: usize, kills: usize);
    fn wait_for_topics(&self, world: &str, topics: Option<&Path>, replay: &mut Running);
}

impl Play for Cluster {
    /// Plays the scenario into a directory, with as many workers beside it, killing one of them `kills` times.
    fn play(&self, world: &str, out: &Path, topics: Option<&Path>, workers: usize, kills: usize) {
        let arguments = [&scenario()[..], &["--out", out.to_str().unwrap()]].concat();
        let mut replay = self.start(world, &arguments, topics);
        if workers > 0 {
            self.wait_for_topics(world, topics, &mut replay);
        }
        let mut others: Vec<_> = (0..workers).map(|_| self.start(world, &["run"], topics)).collect();
        let kills = if full() && kills > 0 { 20 } else { kills };
        for kill in 0..kills {
            std::thread::sleep(Duration::from_millis(400 + (kill as u64 * 7919) % if full() { 9_000 } else { 600 }));
            if replay.0.try_wait().unwrap().is_some() {
                assert!(kill > 1, "the replay ended before the second kill");
                break;
            }
            drop(others.pop());
            others.push(self.start(world, &["run"], topics));
        }
        let status = replay.0.wait().unwrap();
        assert!(status.success(), "{world}: {status}");
    }

    fn wait_for_topics(&self, world: &str, topics: Option<&Path>, replay: &mut Running) {
        let began = Instant::now();
        loop {
            let mut verify = self.command(world, &["topics", "verify"]);
            if let Some(path) = topics {
                verify.env("SLIPSTREAM_TOPICS", path);
            }
            if verify.output().unwrap().status.success() {
                return;
            }
            assert!(replay.0.try_wait().unwrap().is_none(), "the replay ended before its topics were there");
            assert!(began.elapsed() < PATIENCE, "no topics after {PATIENCE:?}");
        }
    }
}

/// The catalogue with other partition counts for every key.
fn other_counts(directory: &Path) -> PathBuf {
    let yaml = std::fs::read_to_string("topics.yaml").unwrap();
    let other = yaml.replace("partitions: 6", "partitions: 3").replace("partitions: 4", "partitions: 5");
    let path = directory.join("topics.yaml");
    std::fs::write(&path, other).unwrap();
    path
}

fn check(cluster: &Cluster, name: &str, topics: Option<&Path>, workers: usize, kills: usize) {
    let out = scratch();
    let world = format!("{name}-{}", std::process::id());
    let began = Instant::now();
    cluster.play(&world, out.path(), topics, workers, kills);
    eprintln!("{name}: {:.0} s", began.elapsed().as_secs_f64());
    assert_same(alone(), out.path());
}

// contract: S2-06, S2-20
#[test]
fn the_dev_broker_gives_the_bytes_of_the_replay_alone() {
    check(&dev_broker(), "one", None, 0, 0);
}

// contract: S2-06, S2-20
#[test]
fn a_worker_killed_again_and_again_changes_no_byte_on_the_dev_broker() {
    check(&dev_broker(), "killed", None, 1, 6);
}

#[test]
fn other_partition_counts_change_no_byte() {
    let directory = scratch();
    check(&dev_broker(), "counts", Some(&other_counts(directory.path())), 0, 0);
}

// contract: S2-06, S2-20
#[test]
fn apache_kafka_gives_the_bytes_of_the_replay_alone() {
    let Some(kafka) = kafka() else { return };
    check(&kafka, "kafka-one", None, 0, 0);
}

// contract: S2-06, S2-20, S2-27 (partitions shared by 2 and by 4 processes)
#[test]
fn apache_kafka_gives_the_same_bytes_to_two_and_to_four_processes_that_share_the_partitions() {
    let Some(kafka) = kafka() else { return };
    check(&kafka, "kafka-two", None, 1, 0);
    check(&kafka, "kafka-four", None, 3, 0);
}

// contract: S2-06, S2-26
#[test]
fn a_worker_killed_again_and_again_changes_no_byte_on_apache_kafka() {
    let Some(kafka) = kafka() else { return };
    check(&kafka, "kafka-killed", None, 1, 4);
}

/// Only at full size: the short form is held by the tests above, and a cluster takes its time for each world.
#[test]
fn two_workers_and_other_counts_change_no_byte_on_apache_kafka() {
    let Some(kafka) = kafka().filter(|_| full()) else { return };
    let directory = scratch();
    check(&kafka, "kafka-counts", Some(&other_counts(directory.path())), 1, 0);
}

// contract: S2-02, S2-03
#[test]
fn topics_are_made_verified_described_and_deleted() {
    let broker = dev_broker();
    let topics = |arguments: &[&str]| {
        let all = [&["topics"], arguments, &["--bootstrap", &broker.bootstrap]].concat();
        run(&all)
    };
    assert_eq!(topics(&["verify"]).status.code(), Some(1), "nothing is there yet");
    assert!(topics(&["apply"]).status.success());
    assert!(topics(&["verify"]).status.success());
    let list = String::from_utf8(topics(&["list"]).stdout).unwrap();
    let nine = [
        ("flight.events", 6),
        ("disruption.events", 3),
        ("passenger.events", 4),
        ("external.data", 8),
        ("notifications", 2),
        ("ml.features", 4),
        ("system.metrics", 2),
        ("dead.letter.queue", 2),
        ("booking.events", 4),
    ];
    for (topic, partitions) in nine {
        let row = list.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).find(|cells| cells.first() == Some(&topic));
        assert_eq!(row.expect(topic)[1], partitions.to_string(), "{topic}");
    }
    let day = 86_400_000_i64;
    let kept = [("flight.events", 7), ("disruption.events", 30), ("passenger.events", 14), ("external.data", 3)];
    let more =
        [("notifications", 7), ("ml.features", 7), ("system.metrics", 30), ("dead.letter.queue", 90), ("booking.events", 90)];
    for (topic, days) in kept.into_iter().chain(more) {
        let described = String::from_utf8(topics(&["describe", topic]).stdout).unwrap();
        assert!(described.contains(&format!("retention.ms={}\n", days * day)), "{topic}: {described}");
        let compression = if topic == "ml.features" { "gzip" } else { "lz4" };
        assert!(described.contains(&format!("compression.type={compression}\n")), "{topic}: {described}");
    }
    assert_eq!(topics(&["delete"]).status.code(), Some(2), "nobody said yes");
    assert!(topics(&["delete", "--yes"]).status.success());
    assert_eq!(topics(&["verify"]).status.code(), Some(1));
}

#[test]
fn a_wrong_partition_count_is_refused_with_the_command_that_mends_it() {
    let (broker, directory) = (dev_broker(), scratch());
    let topics = other_counts(directory.path());
    let mut apply = slipstream(&["topics", "apply", "--bootstrap", &broker.bootstrap, "--world", "odd"]);
    assert!(apply.env("SLIPSTREAM_TOPICS", &topics).output().unwrap().status.success());
    let output = broker.command("odd", &["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("topics"), "{error}");
}

#[test]
fn a_cluster_that_is_not_there_ends_with_status_3() {
    let output = run(&["topics", "list", "--bootstrap", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_was_exported_and_tailed_is_what_was_replayed() {
    let (broker, out) = (dev_broker(), scratch());
    broker.play("read", out.path(), None, 0, 0);
    let export = broker.command("read", &["export", "rotation.signals", "--format", "jsonl"]).output().unwrap();
    assert_eq!(export.stdout, std::fs::read(out.path().join("rotation.signals.jsonl")).unwrap());
    let leg = lines(out.path(), "flight.events")[0]["key"].as_str().unwrap().to_owned();
    let tail = broker
        .command("read", &["tail", "flight.events", "--from-start", "--until-end", "--json", "--key", &leg])
        .output()
        .unwrap();
    let told = lines(out.path(), "flight.events").iter().filter(|line| line["key"] == *leg).count();
    assert_eq!(String::from_utf8_lossy(&tail.stdout).lines().count(), told);
    every_producer_has_written(&broker);
    let explained = broker.command("read", &["explain", &leg]).output().unwrap();
    assert!(String::from_utf8_lossy(&explained.stdout).contains("flight.observed.scheduled"));
}

/// A process that stands still in the middle of a transaction holds back what others committed after it, until the cluster ends
/// that transaction: who asks for everything there is waits for it.
#[test]
fn what_lies_behind_an_open_transaction_is_exported_too() {
    let (broker, out) = (dev_broker(), scratch());
    assert!(broker.command("held", &["topics", "apply"]).status().unwrap().success());
    let (topic, first) = ("flight.observations", "held.flight.observations");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker.bootstrap).set("transactional.id", "stalled").set("transaction.timeout.ms", "10000");
    let stalled: BaseProducer = config.create().unwrap();
    stalled.init_transactions(PATIENCE).unwrap();
    stalled.begin_transaction().unwrap();
    for partition in 0..stalled.client().fetch_metadata(Some(first), PATIENCE).unwrap().topics()[0].partitions().len() {
        let record = BaseRecord::<str, str>::to(first).partition(i32::try_from(partition).unwrap()).payload("never committed");
        stalled.send(record).map_err(|(error, _)| error).unwrap();
    }
    stalled.flush(PATIENCE).unwrap();
    let day = out.path().join("day.jsonl");
    let observed = std::fs::read_to_string(alone().join("flight.observations.jsonl")).unwrap();
    let recorded = |line: &str| format!("{{\"topic\":\"{topic}\",{}\n", line.trim_start_matches('{'));
    std::fs::write(&day, observed.lines().take(20).map(recorded).collect::<String>()).unwrap();
    let feed = broker.command("held", &["feed", &format!("recording:{}", day.display()), "--speed", "max"]).output().unwrap();
    assert!(feed.status.success(), "{}", String::from_utf8_lossy(&feed.stderr));

    let export = || broker.command("held", &["export", topic, "--format", "jsonl"]).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&export()).lines().count(), 20);
}

/// What the producers and stages of the pipeline say to the outside stands on the cluster, each record under its own key.
// contract: S2-05 (all but features)
fn every_producer_has_written(broker: &Cluster) {
    let said = [
        ("flight.events", "flight.scheduled"),
        ("flight.events", "flight.delayed"),
        ("flight.events", "flight.cancelled"),
        ("disruption.events", "disruption.opened"),
        ("passenger.events", "passenger.rebooked"),
        ("external.data", "weather.reported"),
    ];
    for (topic, record_type) in said {
        let export = broker.command("read", &["export", topic, "--format", "jsonl"]).output().unwrap();
        let text = String::from_utf8(export.stdout).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let of_type: Vec<_> = records.filter(|record| record["type"] == record_type).collect();
        assert!(!of_type.is_empty(), "no {record_type} on {topic}");
        for record in of_type {
            let (key, value) = (record["key"].as_str().unwrap(), &record["value"]);
            let own = match topic {
                "passenger.events" => value["pnr"].as_str().unwrap() == key,
                "external.data" => value["airport"].as_str().unwrap() == key,
                _ => key.contains(&format!("{}-{}", value["origin"].as_str().unwrap(), value["destination"].as_str().unwrap())),
            };
            assert!(own, "{record_type} under `{key}`: {value}");
        }
    }
}
