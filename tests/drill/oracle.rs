//! What a world must end as: the scenario without a cluster, and the comparison of a world's topics with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::support::cluster::Cluster;
use crate::support::{lines, run_clean, scratch, text};

/// What is played: a part of a scenario with people in it.
const SCENARIO: [&str; 4] = ["simulate", "weather-at-hub", "--seed", "7"];
const HOUR_MS: i64 = 3_600_000;
/// The day before the flights, on which almost only bookings are made, is squeezed so much.
const SQUEEZED: i64 = 48;
/// When the flights begin, from the scenario's first record on.
const FLIGHTS_MS: i64 = 24 * HOUR_MS;
/// Legs that are to arrive this long after that are played, and the journeys on them alone.
const ARRIVALS_MS: i64 = 4 * HOUR_MS;
/// How much of their day is played. Nobody goes further than half an hour ahead of the slowest, and a promise takes its time
/// from stage to stage: the length of a world is what it costs.
const PLAYED_MS: i64 = 6 * HOUR_MS;
/// Event time of the world, in seconds.
pub(crate) const WORLD_S: u64 = ((FLIGHTS_MS / SQUEEZED + PLAYED_MS) / 1_000) as u64;
/// Where the chain of stages ends that every leg goes through.
const END: &str = "rotation.signals";
/// What happens to a leg in the end.
const OUTCOMES: [&str; 6] = ["OUT", "OFF", "ON", "IN", "CANCELLED", "DIVERTED"];

/// The scenario without a cluster: its recording, and what must come of it.
pub(crate) struct Oracle {
    folder: tempfile::TempDir,
}

/// What is missing in a world, and what stands there twice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Losses {
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
}

/// A topic as any subscriber reads it; none while the cluster does not answer.
fn export(cluster: &Cluster, world: &str, topic: &str) -> Result<Vec<Value>, String> {
    let output = cluster.command(world, &["export", topic, "--format", "jsonl"]).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let folder = scratch();
        let whole = folder.path().join("whole.jsonl");
        run_clean(&[&SCENARIO[..], &["--record", &text(&whole)]].concat());
        std::fs::write(folder.path().join("day.jsonl"), shortened(&std::fs::read_to_string(whole).unwrap())).unwrap();
        let oracle = Self { folder };
        run_clean(&["replay", &oracle.recording(), "--out", &text(&oracle.out())]);
        oracle
    }

    pub(crate) fn recording(&self) -> String {
        format!("recording:{}", text(&self.folder.path().join("day.jsonl")))
    }

    fn lines(&self, topic: &str) -> Vec<Value> {
        lines(&self.out(), topic)
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Topics with their files.
    fn topics(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.out()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut topics: Vec<_> = files.filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned)).collect();
        topics.sort_unstable();
        topics
    }

    /// What a world still lacks, if anything; more than the oracle has would show in the comparison.
    pub(crate) fn lacking(&self, cluster: &Cluster, world: &str, order: &str) -> Option<String> {
        let lacks = |topic: &str| match export(cluster, world, topic) {
            Err(error) => Some(format!("{topic}: {error}")),
            Ok(found) if order == "arrival" => {
                let ended = finals(&found);
                let mut open = finals(&self.lines(topic)).into_iter().filter(|(leg, end)| ended.get(leg) != Some(end));
                open.next().map(|(leg, end)| format!("{topic}: {leg} does not end as {end}"))
            }
            Ok(found) => {
                let wanted = self.lines(topic);
                let open = ids(&wanted).difference(&ids(&found)).count();
                (open > 0).then(|| format!("{topic}: {open} of {} records", wanted.len()))
            }
        };
        if order == "arrival" {
            return lacks(END);
        }
        // The end of a long chain first: most looks end there.
        [END.to_owned()].into_iter().chain(self.topics()).find_map(|topic| lacks(&topic))
    }

    /// Every topic of the world against the oracle's, in the order's own terms. Panics at the first record that differs.
    pub(crate) fn compare(&self, cluster: &Cluster, world: &str, order: &str) -> Losses {
        let mut losses = Losses::default();
        for topic in self.topics() {
            let found = export(cluster, world, &topic).unwrap_or_else(|error| panic!("{world}: {topic}: {error}"));
            let wanted = self.lines(&topic);
            losses.doubled += found.len() - ids(&found).len();
            losses.lost += match order {
                "arrival" => lost_in_arrival_order(&topic, &found, &wanted),
                _ => ids(&wanted).difference(&ids(&found)).count(),
            };
            if order == "event-time" && losses == Losses::default() {
                assert_same_records(world, &topic, found, &wanted);
            }
        }
        losses
    }
}

/// A part of a recording, which is as good a world: its long beginning squeezed, its first flights, its end cut off.
fn shortened(recording: &str) -> String {
    let mut shortened = String::new();
    let mut first = None;
    for line in recording.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let at = record["timestamp"].as_i64().unwrap();
        let flights = *first.get_or_insert(at) + FLIGHTS_MS;
        if at >= flights + PLAYED_MS {
            break;
        }
        if arrivals(&record["value"]).any(|arrival| arrival >= flights + ARRIVALS_MS) {
            continue;
        }
        record["timestamp"] = Value::from(if at < flights { flights - (flights - at) / SQUEEZED } else { at });
        shortened += &(record.to_string() + "\n");
    }
    shortened
}

/// When the legs of a record are to arrive: its own, or those of a booking.
fn arrivals(value: &Value) -> impl Iterator<Item = i64> {
    let segments = value["segments"].as_array().into_iter().flatten();
    segments.chain([value]).filter_map(|leg| leg["scheduled_arrival"].as_i64())
}

fn ids(records: &[Value]) -> BTreeSet<&str> {
    records.iter().map(|line| line["id"].as_str().unwrap()).collect()
}

fn assert_same_records(world: &str, topic: &str, mut found: Vec<Value>, wanted: &[Value]) {
    if topic == "flight.state" {
        found = last_of_each_key(found);
    }
    let strange = found.iter().zip(wanted).find(|(found, wanted)| found != wanted);
    assert_eq!(strange, None, "{world}: {topic}");
    assert_eq!(found.len(), wanted.len(), "{world}: {topic}");
}

/// Observations, outcomes of legs and last signals that are not the oracle's; dead letters that should not be.
fn lost_in_arrival_order(topic: &str, found: &[Value], wanted: &[Value]) -> usize {
    match topic {
        "flight.observations" => wanted.iter().filter(|line| !found.contains(line)).count(),
        "flight.events" => outcomes(wanted).symmetric_difference(&outcomes(found)).count(),
        "rotation.signals" => {
            let found = finals(found);
            finals(wanted).iter().filter(|(leg, end)| found.get(*leg) != Some(*end)).count()
        }
        "dead.letter.queue" => found.len(),
        _ => 0,
    }
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

/// Of a compacted topic the last record of each key, in the order of the oracle's file.
fn last_of_each_key(records: Vec<Value>) -> Vec<Value> {
    let last: BTreeMap<String, usize> =
        records.iter().enumerate().map(|(place, line)| (line["key"].to_string(), place)).collect();
    let kept: BTreeSet<usize> = last.into_values().collect();
    records.into_iter().enumerate().filter(|(place, _)| kept.contains(place)).map(|(_, line)| line).collect()
}

/// What happened to each leg, and when.
fn outcomes(events: &[Value]) -> BTreeSet<(String, String, String)> {
    let ends = events.iter().filter(|line| OUTCOMES.contains(&line["value"]["kind"].as_str().unwrap()));
    ends.map(|line| (line["key"].to_string(), line["value"]["kind"].to_string(), line["value"]["at"].to_string())).collect()
}
