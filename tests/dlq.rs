//! Dead letters handed in again: a record that came before its leg was known passes once the leg is, one that stays wrong is
//! refused again, and nothing happens twice, whatever is called twice or killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::cluster::{Cluster, dev_broker, kafka};
use support::live::{Program, wait_for};
use support::scratch;

/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(60);
/// The aircraft that is assigned.
const TAIL: &str = "N1AA";
/// When it is known.
const KNOWN_AT: i64 = 1_201_784_700_000;

/// One line of a recording.
fn observed(kind: &str, carrier: &str, timestamp: i64, id: u128, schedule: Option<i64>, at: Option<i64>) -> Value {
    json!({
        "topic": "flight.observations", "key": format!("{carrier}1"), "timestamp": timestamp,
        "type": format!("flight.observed.{}", kind.to_lowercase()), "id": uuid::Uuid::from_u128(id).to_string(),
        "headers": {"ce_source": "/producers/test"},
        "value": {
            "source": "test", "source_leg": null, "kind": kind, "carrier": carrier, "number": 1, "suffix": null, "date": null,
            "origin": "JFK", "destination": "LAX", "scheduled_departure": schedule,
            "scheduled_arrival": schedule.map(|at| at + 6 * 3_600_000), "at": at, "estimated_departure": null,
            "estimated_arrival": null, "tail": if kind == "ASSIGNED" { Some(TAIL) } else { None }, "diverted_to": null, "reason": null, "assumed": false
        }
    })
}

/// An assignment before its schedule, and a carrier that nobody knows; hours later one more, so that the day is not over yet.
fn recording() -> String {
    let lines = [
        observed("ASSIGNED", "AA", KNOWN_AT, 1, None, None),
        observed("SCHEDULED", "AA", KNOWN_AT + 1_000, 2, Some(KNOWN_AT - 300_000), None),
        observed("SCHEDULED", "X9", KNOWN_AT + 2_000, 3, Some(KNOWN_AT), None),
        observed("SCHEDULED", "AA", KNOWN_AT + 40_000_000, 4, Some(KNOWN_AT + 80_000_000), None),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A world with its topics.
struct World<'c> {
    cluster: &'c Cluster,
    name: String,
}

impl World<'_> {
    fn lines(&self, topic: &str) -> Vec<Value> {
        let read = self.cluster.command(&self.name, &["export", topic, "--format", "jsonl"]).output().unwrap();
        let text = String::from_utf8(read.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn wait_for(&self, topic: &str, what: &str, fact: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let lines = self.lines(topic);
            if fact(&lines) {
                return lines;
            }
            assert!(began.elapsed() < PATIENCE, "no {what} on {topic}: {lines:#?}");
        }
    }

    /// What a command prints.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.cluster.command(&self.name, arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `dlq` says on standard error.
    fn replay(&self, arguments: &[&str]) -> String {
        let output = self.cluster.command(&self.name, &[&["dlq", "replay"], arguments].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    }
}

fn letters_of<'l>(letters: &'l [Value], reason: &str) -> Vec<&'l Value> {
    letters.iter().filter(|letter| letter["value"]["reason"] == reason).collect()
}

// contract: S2-22 (validation and processing in dead letters and counts; replay of one class)
fn check(cluster: &Cluster, order: &str) {
    let directory = scratch();
    let path = directory.path().join("r.jsonl");
    std::fs::write(&path, recording()).unwrap();
    let world = World { cluster, name: format!("dlq-{order}-{}", std::process::id()) };
    let input = format!("recording:{}", path.display());
    let _feed = cluster.start(&world.name, &["feed", &input, "--speed", "60x"], None);
    world.wait_for("flight.observations", "three observations", |observations| observations.len() == 3);
    let worker = Program::start(cluster.command(&world.name, &["run", "--order", order]), directory.path().join("log"));

    let letters = world.wait_for("dead.letter.queue", "two letters", |letters| letters.len() == 2);
    for (reason, class, severity) in [("unmatched leg", "processing", "MEDIUM"), ("unknown carrier", "validation", "LOW")] {
        let letter = letters_of(&letters, reason)[0];
        let value = &letter["value"];
        assert_eq!((&value["error_class"], &value["severity"]), (&json!(class), &json!(severity)), "{letter}");
        assert_eq!(value["redeliveries"], 0);
        let said = world.said(&["dlq", "show", letter["id"].as_str().unwrap()]);
        assert!(said.contains(&format!("class       {class}, severity {severity}, recovery: ")), "{said}");
        let sample =
            format!("slipstream_errors_total{{class=\"{class}\",component=\"stage:reconcile\",severity=\"{severity}\"}} 1");
        wait_for(class, || worker.get("/metrics").contains(&sample).then_some(()));
    }
    let groups = world.said(&["dlq", "list", "--json"]);
    assert!(groups.contains(r#""class":"processing""#) && groups.contains(r#""class":"validation""#), "{groups}");
    world.wait_for("flight.events", "schedule", |events| events.len() == 1);

    let said = world.replay(&["--class", "processing"]);
    assert!(said.starts_with("1 handed in again, 0 had been already, 0 cannot be"), "{said}");
    let events = world.wait_for("flight.events", "assignment", |events| events.len() == 2);
    assert_eq!((&events[1]["value"]["kind"], &events[1]["value"]["tail"]), (&json!("ASSIGNED"), &json!(TAIL)));
    let said = world.replay(&["--class", "validation"]);
    assert!(said.starts_with("1 handed in again, 0 had been already, 0 cannot be"), "{said}");
    let letters = world.wait_for("dead.letter.queue", "a third letter", |letters| letters.len() == 3);
    let again = letters_of(&letters, "unknown carrier");
    assert_eq!(again.iter().map(|letter| letter["value"]["redeliveries"].as_i64().unwrap()).max(), Some(1));
    assert_ne!(again[0]["id"], again[1]["id"]);
    assert_eq!(again[0]["value"]["record_id"], again[1]["value"]["record_id"]);
    assert_eq!(again[0]["value"]["topic"], "flight.observations", "the origin, not the retry topic");

    drop(worker); // kill -9
    let said = world.replay(&["--all"]);
    assert!(said.starts_with("1 handed in again, 2 had been already"), "{said}");
    let _worker = cluster.start(&world.name, &["run", "--order", order], None);
    world.wait_for("dead.letter.queue", "a fourth letter", |letters| letters.len() == 4);
    assert_eq!(world.lines("flight.events").len(), 2, "nothing twice");
    untouched(&world);
}

/// What was handed in has the identity of what was refused; the origin topic is as it was.
fn untouched(world: &World<'_>) {
    let origin = world.lines("flight.observations");
    assert_eq!(origin.len(), 3);
    let handed = world.lines("reconcile.retry");
    assert_eq!(handed.len(), 3);
    for line in &handed {
        let first = origin.iter().find(|first| first["id"] == line["id"]).expect("the same id");
        for field in ["key", "timestamp", "type", "value"] {
            assert_eq!(first[field], line[field], "{field}");
        }
    }
}

#[test]
fn a_refused_record_passes_once_its_cause_is_mended_in_arrival_order() {
    check(&dev_broker(), "arrival");
}

#[test]
fn a_refused_record_passes_once_its_cause_is_mended_in_event_time_order() {
    check(&dev_broker(), "event-time");
}

#[test]
fn a_refused_record_passes_once_its_cause_is_mended_on_apache_kafka() {
    let Some(kafka) = kafka() else { return };
    check(&kafka, "arrival");
}

/// A recording with a line that nobody can use, and a telex that names somebody: both are listed, and neither can be handed in.
#[test]
fn what_an_input_holds_that_is_no_record_is_listed_and_cannot_be_handed_in() {
    let (cluster, directory) = (dev_broker(), scratch());
    let (day, moves) = (directory.path().join("day.jsonl"), directory.path().join("moves.txt"));
    std::fs::write(&day, recording() + "nonsense\n").unwrap();
    std::fs::write(&moves, "2008-01-31T12:00:00Z\nMVT\nMRS QWERTOWSKA\nAD1025/1038\n").unwrap();
    let world = World { cluster: &cluster, name: format!("dlq-inputs-{}", std::process::id()) };
    let inputs = [format!("recording:{}", day.display()), format!("mvt:{}", moves.display())];
    let played = cluster.command(&world.name, &["replay", &inputs[0], &inputs[1]]).output().unwrap();
    assert_eq!(played.status.code(), Some(1), "{}", String::from_utf8_lossy(&played.stderr));

    let said = |arguments: &[&str]| {
        let output = cluster.command(&world.name, &[&["dlq"], arguments].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let list = said(&["list", "--json"]);
    let groups: Vec<Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |stage: &str| groups.iter().find(|group| group["stage"] == stage).unwrap_or_else(|| panic!("{list}"));
    assert_eq!((&of("source:recording")["reason"], &of("source:recording")["count"]), (&json!("unusable line"), &json!(1)));
    assert_eq!(of("source:mvt")["reason"], "unusable message");
    let shown = said(&["show", of("source:mvt")["example"].as_str().unwrap()]);
    assert!(shown.contains(&format!("from        line 2 of {}", inputs[1])), "{shown}");
    let handed = said(&["replay", "--stage", "source:recording"]);
    assert!(handed.contains(&format!("mend line 5 of {}", inputs[0])) && handed.contains("1 cannot be"), "{handed}");
    assert!(world.lines("dead.letter.queue").iter().all(|line| !line.to_string().contains("QWERTOWSKA")));
}
