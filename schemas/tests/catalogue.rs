//! `topics.yaml`: what the contract fixes, what is refused, and how a plan reads.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use slipstream_schemas::topics::{ALL, Catalogue, Change, Existing, Wanted, World, plan, verify};

fn catalogue() -> Catalogue {
    Catalogue::of_this_version().unwrap()
}

#[test]
fn what_the_contract_fixes_stands_in_the_file() {
    let catalogue = catalogue();
    for line in include_str!("cases/topics.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let topic = catalogue.topic(cells[0]).unwrap();
        assert_eq!(topic.partitions.to_string(), cells[1], "{line}");
        assert_eq!(topic.retention_days.map(|days| days.to_string()).unwrap_or_default(), cells[2], "{line}");
        assert_eq!((topic.compression.as_str(), topic.max_message_mb.to_string().as_str()), (cells[3], cells[4]), "{line}");
    }
}

/// Two topics of the shape of the real ones.
const SMALL: &str = r#"keys:
  leg: {partitions: 6, example: a, meaning: b}
  tick: {partitions: 1, example: a, meaning: b}
topics:
  - name: flight.state
    key: leg
    partitions: 6
    replication: 2
    compression: gzip
    max_message_mb: 5
    cleanup: compact
    visibility: public
    schemas: [FlightState]
    writers: [reconcile]
    readers: []
    description: d
  - name: clock
    key: tick
    partitions: 1
    outlet: true
    retention_days: 1
    replication: 3
    compression: lz4
    max_message_mb: 1
    cleanup: delete
    visibility: internal
    schemas: [Tick]
    writers: [runtime]
    readers: [runtime]
    description: d
"#;

#[test]
fn every_fault_is_named_with_its_topic_and_field() {
    assert_eq!(Catalogue::parse(SMALL).unwrap().topics.len(), 2);
    for line in include_str!("cases/catalogue_faults.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split('|').collect();
        assert_eq!(SMALL.matches(cells[1]).count(), 1, "{line}");
        let error = Catalogue::parse(&SMALL.replace(cells[1], &cells[2].replace("\\n", "\n"))).expect_err(line).to_string();
        assert!(error.starts_with(cells[3]), "{}: {error}", cells[0]);
        assert!(error == cells[3] || cells[3].ends_with(": "), "{}: {error}", cells[0]);
    }
}

#[test]
fn a_recorded_world_keeps_everything_and_takes_any_time() {
    let catalogue = Catalogue::parse(SMALL).unwrap();
    let live = catalogue.topics[1].wanted(World::Live, 3);
    let recorded = catalogue.topics[1].wanted(World::Recorded(Some("storm")), 1);
    assert_eq!((live.name.as_str(), live.replication), ("clock", 3));
    assert_eq!((recorded.name.as_str(), recorded.replication), ("storm.clock", 1));
    assert_eq!((live.configs["retention.ms"].as_str(), recorded.configs["retention.ms"].as_str()), ("86400000", "-1"));
    assert_eq!((live.configs["min.insync.replicas"].as_str(), recorded.configs["min.insync.replicas"].as_str()), ("2", "1"));
    assert_eq!(live.configs.get("message.timestamp.after.max.ms"), None);
    assert_eq!(recorded.configs["message.timestamp.after.max.ms"], "9223372036854775807");
    assert_eq!(World::Recorded(None).name_of("clock"), "clock");
}

/// A cluster that is as wanted, with a setting that is none of ours.
fn as_wanted(wanted: &[Wanted]) -> Vec<Existing> {
    let exists = |topic: &Wanted| {
        let mut configs: BTreeMap<String, String> =
            topic.configs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        configs.insert("segment.bytes".to_owned(), "1073741824".to_owned());
        Existing { name: topic.name.clone(), partitions: topic.partitions, replication: topic.replication, configs }
    };
    wanted.iter().map(exists).collect()
}

#[test]
fn a_plan_names_each_difference_and_nothing_else() {
    let wanted = Catalogue::parse(SMALL).unwrap().wanted(World::Live, 3);
    assert_eq!(plan(&wanted, &as_wanted(&wanted)), vec![]);
    let text = |existing: &[Existing]| plan(&wanted, existing).iter().map(ToString::to_string).collect::<Vec<_>>();

    let mut cluster = as_wanted(&wanted);
    cluster[0].partitions = 4;
    cluster[0].configs.insert("retention.ms".to_owned(), "1".to_owned());
    cluster[0].configs.remove("cleanup.policy");
    cluster[1].partitions = 2;
    cluster[1].replication = 1;
    for name in ["other.team", "__consumer_offsets", "_schemas", "flights.reconcile.legs.changelog", "disrupt.retry"] {
        cluster.push(Existing { name: name.to_owned(), partitions: 1, replication: 1, configs: BTreeMap::new() });
    }
    let lines = text(&cluster);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(
        lines[0].starts_with("! flight.state: partitions 4, wanted 6: a key's partition follows from the count"),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1], "~ flight.state: cleanup.policy (not told) -> compact");
    assert_eq!(lines[2], "~ flight.state: retention.ms 1 -> -1");
    assert!(lines[3].starts_with("! clock: partitions 2, wanted 1: Kafka cannot take partitions away"), "{}", lines[3]);
    assert!(lines[4].starts_with("! clock: replicas 1, wanted 3: "), "{}", lines[4]);
    assert_eq!(lines[5], "? other.team: not in topics.yaml, left alone");

    assert!(text(&[])[1].starts_with("+ clock: create with 1 partitions, 3 replicas, cleanup.policy=delete, "));
    assert!(verify(&wanted, &as_wanted(&wanted)).is_ok());
    assert_eq!(verify(&wanted, &cluster).unwrap_err().len(), 5, "another team's topic is no fault");
}

/// Carries out what can be carried out.
fn apply(changes: Vec<Change>, cluster: &mut Vec<Existing>) {
    for change in changes {
        match change {
            Change::Create(topic) => cluster.extend(as_wanted(&[topic])),
            Change::Set { topic, name, to, .. } => {
                let there = cluster.iter_mut().find(|there| there.name == topic).unwrap();
                there.configs.insert(name.to_owned(), to);
            }
            Change::Refused { .. } | Change::Extra(_) => {}
        }
    }
}

proptest! {
    /// From any cluster, applying a plan once leaves what was refused and what is not ours, and nothing more to do.
    #[test]
    fn applying_a_plan_leaves_nothing_to_apply(
        there in prop::collection::vec((any::<bool>(), 1..9_i32, prop::option::of("[0-9]{1,3}")), ALL.len()),
    ) {
        let wanted = catalogue().wanted(World::Live, 3);
        let mut cluster = Vec::new();
        for (topic, (exists, partitions, retention)) in as_wanted(&wanted).into_iter().zip(there) {
            if exists {
                let mut topic = Existing { partitions, ..topic };
                match retention {
                    Some(value) => topic.configs.insert("retention.ms".to_owned(), value),
                    None => topic.configs.remove("retention.ms"),
                };
                cluster.push(topic);
            }
        }
        let before: BTreeMap<String, i32> = cluster.iter().map(|topic| (topic.name.clone(), topic.partitions)).collect();
        apply(plan(&wanted, &cluster), &mut cluster);
        prop_assert!(plan(&wanted, &cluster).iter().all(Change::is_refused));
        for (name, partitions) in before {
            prop_assert_eq!(cluster.iter().find(|topic| topic.name == name).unwrap().partitions, partitions, "{} lost its order", name);
        }
    }
}
