//! Fire drills: several `slipstream run` processes on Apache Kafka, and things happen to them while a feed comes in.
//!
//!     feed ─► Kafka ◄─► run, run, …     kill -9 · SIGTERM · SIGSTOP for longer than a session ─► started again, or woken up
//!
//! In event-time order every byte is the oracle's. In arrival order every observation is accounted for, no id comes twice,
//! and each leg ends as in the oracle. `DRILL=n` makes n things happen, in as many worlds as that takes (`make drill`).
//! `SEED` chooses what happens to whom, not when.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::cluster::{Cluster, kafka};
use support::{Running, lines, run_clean, scratch, text};

/// What is played: small enough for many worlds, with people in it.
const SCENARIO: [&str; 4] = ["simulate", "weather-at-hub", "--seed", "7"];
/// Processes at a time.
const WORKERS: usize = 2;
/// Things that happen in one world, and in a short drill.
const EVENTS: u64 = 5;
/// Longer than a member's session: who stood still so long has been replaced.
const STILL: Duration = Duration::from_millis(7_500);
/// Where the chains of stages end.
const ENDS: [&str; 3] = ["rotation.signals", "flight.events", "notifications"];
/// What happens to a leg in the end.
const OUTCOMES: [&str; 6] = ["OUT", "OFF", "ON", "IN", "CANCELLED", "DIVERTED"];
/// Longest wait for a world to be finished after the last event.
const PATIENCE: Duration = Duration::from_secs(180);

/// The scenario without a cluster: its recording, and what must come of it.
struct Oracle {
    folder: tempfile::TempDir,
}

impl Oracle {
    fn new() -> Self {
        let folder = scratch();
        let (recording, out) = (text(&folder.path().join("day.jsonl")), text(&folder.path().join("out")));
        run_clean(&[&SCENARIO[..], &["--record", &recording, "--out", &out]].concat());
        Self { folder }
    }

    fn recording(&self) -> String {
        format!("recording:{}", text(&self.folder.path().join("day.jsonl")))
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Topics with their files.
    fn topics(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned)).collect()
    }
}

/// A topic as any subscriber reads it.
fn export(cluster: &Cluster, world: &str, topic: &str) -> Vec<Value> {
    let output = cluster.command(world, &["export", topic, "--format", "jsonl"]).output().unwrap();
    assert!(output.status.success(), "{topic}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A process with its state directory, which it keeps over its deaths.
struct Worker {
    state: tempfile::TempDir,
    process: Running,
}

/// A world while things happen in it.
struct Drill<'a> {
    cluster: &'a Cluster,
    world: String,
    order: &'a str,
    workers: Vec<Worker>,
    dice: u64,
}

impl<'a> Drill<'a> {
    fn start(cluster: &'a Cluster, world: String, order: &'a str, seed: u64) -> Self {
        let mut drill = Self { cluster, world, order, workers: Vec::new(), dice: seed };
        for _ in 0..WORKERS {
            let state = scratch();
            let process = drill.process(state.path());
            drill.workers.push(Worker { state, process });
        }
        drill
    }

    fn process(&self, state: &Path) -> Running {
        let mut command = self.cluster.command(&self.world, &["run", "--order", self.order, "--state", &text(state)]);
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % limit
    }

    /// Something happens to somebody. Returns what.
    fn event(&mut self) -> String {
        // The time between two events is chance, not a wait for something.
        std::thread::sleep(Duration::from_millis(300 + self.below(900)));
        let chosen = usize::try_from(self.below(WORKERS as u64)).unwrap();
        let what = match self.below(4) {
            0 => self.stand_still(chosen),
            1 => self.terminate(chosen),
            _ => self.kill(chosen),
        };
        format!("{what} worker {chosen}")
    }

    fn again(&mut self, chosen: usize) {
        let process = self.process(self.workers[chosen].state.path());
        self.workers[chosen].process = process;
    }

    fn kill(&mut self, chosen: usize) -> &'static str {
        self.workers[chosen].process.0.kill().unwrap();
        self.workers[chosen].process.0.wait().unwrap();
        self.again(chosen);
        "kill -9"
    }

    fn terminate(&mut self, chosen: usize) -> &'static str {
        signal(&self.workers[chosen].process, "TERM");
        let status = self.workers[chosen].process.0.wait().unwrap();
        assert!(status.success(), "{}: after SIGTERM {status}", self.world);
        self.again(chosen);
        "SIGTERM"
    }

    fn stand_still(&mut self, chosen: usize) -> &'static str {
        signal(&self.workers[chosen].process, "STOP");
        std::thread::sleep(STILL);
        signal(&self.workers[chosen].process, "CONT");
        "SIGSTOP"
    }

    /// None of them may have given up, whatever happened.
    fn check_workers(&mut self) {
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let ended = worker.process.0.try_wait().unwrap();
            assert!(ended.is_none(), "{}: worker {number} gave up: {ended:?}", self.world);
        }
    }
}

fn signal(process: &Running, name: &str) {
    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args([format!("-{name}"), pid]).status().unwrap().success());
}

/// Plays the oracle's recording into a fresh world with so many events; the world's name when it is as large as the oracle's.
fn drill(cluster: &Cluster, oracle: &Oracle, order: &str, round: u64, events: u64) -> String {
    let world = format!("drill-{order}-{}-{round}", std::process::id());
    let feed = cluster.command(&world, &["feed", &oracle.recording()]).stderr(Stdio::null()).spawn().unwrap();
    let mut feed = Running(feed);
    let began = Instant::now();
    while !cluster.command(&world, &["topics", "verify"]).output().unwrap().status.success() {
        assert!(began.elapsed() < PATIENCE, "{world}: no topics");
    }
    let seed = std::env::var("SEED").map_or(1, |text| text.parse().unwrap());
    let mut drill = Drill::start(cluster, world.clone(), order, seed + round);
    for _ in 0..events {
        let what = drill.event();
        println!("{world} {:>6.1} s: {what}", began.elapsed().as_secs_f64());
    }
    assert!(feed.0.wait().unwrap().success(), "{world}: the feed ends well");
    until_as_large(cluster, oracle, &world, &mut drill);
    println!("{world} {:>6.1} s: finished", began.elapsed().as_secs_f64());
    world
}

/// Waits until the ends of the chains hold what the oracle's hold; more than that would show in the comparison.
fn until_as_large(cluster: &Cluster, oracle: &Oracle, world: &str, drill: &mut Drill<'_>) {
    let began = Instant::now();
    let is_short = |topic: &&str| {
        let (found, wanted) = (export(cluster, world, topic), lines(&oracle.out(), topic));
        if drill.order == "arrival" { finals(&found) != finals(&wanted) } else { found.len() < wanted.len() }
    };
    let ends: &[&str] = if drill.order == "arrival" { &ENDS[..1] } else { &ENDS };
    while let Some(topic) = ends.iter().copied().find(is_short) {
        assert!(began.elapsed() < PATIENCE, "{world}: {topic} is not complete {PATIENCE:?} after the last event");
    }
    drill.check_workers();
}

/// How each leg's rotation ended: the last signal of each, without what depends on when it was worked out.
fn finals(signals: &[Value]) -> BTreeMap<String, Value> {
    let last = signals.iter().map(|line| {
        let mut value = line["value"].clone();
        value.as_object_mut().unwrap().remove("as_of");
        (line["key"].as_str().unwrap().to_owned() + &value["carrier"].to_string() + &value["number"].to_string(), value)
    });
    last.collect()
}

/// Rounds of events that `DRILL` asks for.
fn rounds() -> Vec<u64> {
    let events: u64 = std::env::var("DRILL").map_or(EVENTS, |text| text.parse().unwrap());
    (0..events.div_ceil(EVENTS)).map(|round| EVENTS.min(events - round * EVENTS)).collect()
}

fn each_id_once(world: &str, topic: &str, records: &[Value]) {
    let ids: BTreeSet<&str> = records.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), records.len(), "{world}: an id stands twice on {topic}");
}

/// Of a compacted topic the last record of each key, in the order of the oracle's file.
fn last_of_each_key(records: Vec<Value>) -> Vec<Value> {
    let last: BTreeMap<String, usize> =
        records.iter().enumerate().map(|(place, line)| (line["key"].to_string(), place)).collect();
    let kept: BTreeSet<usize> = last.into_values().collect();
    records.into_iter().enumerate().filter(|(place, _)| kept.contains(place)).map(|(_, line)| line).collect()
}

#[test]
#[ignore = "minutes; `make drill` runs it"]
fn in_event_time_order_every_record_is_the_oracles_whatever_happens() {
    let Some(cluster) = kafka() else { return };
    let oracle = Oracle::new();
    for (round, events) in rounds().into_iter().enumerate() {
        let world = drill(&cluster, &oracle, "event-time", round as u64, events);
        for topic in oracle.topics() {
            let (mut found, wanted) = (export(&cluster, &world, &topic), lines(&oracle.out(), &topic));
            each_id_once(&world, &topic, &found);
            if topic == "flight.state" {
                found = last_of_each_key(found);
            }
            let strange = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
            assert_eq!(strange, None, "{world}: {topic}");
            assert_eq!(found.len(), wanted.len(), "{world}: {topic}");
        }
    }
}

/// What happened to each leg, and when.
fn outcomes(events: &[Value]) -> BTreeSet<(String, String, String)> {
    let ends = events.iter().filter(|line| OUTCOMES.contains(&line["value"]["kind"].as_str().unwrap()));
    ends.map(|line| (line["key"].to_string(), line["value"]["kind"].to_string(), line["value"]["at"].to_string())).collect()
}

#[test]
#[ignore = "minutes; `make drill` runs it"]
fn in_arrival_order_nothing_is_lost_or_doubled_whatever_happens() {
    let Some(cluster) = kafka() else { return };
    let oracle = Oracle::new();
    for (round, events) in rounds().into_iter().enumerate() {
        let world = drill(&cluster, &oracle, "arrival", round as u64, events);
        for topic in oracle.topics() {
            each_id_once(&world, &topic, &export(&cluster, &world, &topic));
        }
        let of = |topic: &str| (export(&cluster, &world, topic), lines(&oracle.out(), topic));
        let (observed, wanted) = of("flight.observations");
        assert_eq!(observed, wanted, "{world}: what came in");
        let (events, wanted) = of("flight.events");
        assert_eq!(outcomes(&events), outcomes(&wanted), "{world}");
        assert_eq!(export(&cluster, &world, "dead.letter.queue"), Vec::<Value>::new(), "{world}");
    }
}
