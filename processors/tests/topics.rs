//! `topics.yaml` and the PIPELINE table say the same about who writes and reads what.

#![allow(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use slipstream_processors::pipeline::{self, PIPELINE};
use slipstream_schemas::topics::{self, Catalogue};
use slipstream_streams::topology::Topology;

/// (topic, stage) pairs of the pipeline's own stages, sorted.
fn pairs<'n>(rows: impl IntoIterator<Item = (&'n str, &'n str)>) -> Vec<(&'n str, &'n str)> {
    let mut pairs: Vec<_> = rows.into_iter().filter(|(_, stage)| PIPELINE.iter().any(|row| row.name == *stage)).collect();
    pairs.sort_unstable();
    pairs
}

/// The pipeline, with the partition counts of the file.
fn topology() -> Topology {
    let catalogue = Catalogue::of_this_version().unwrap();
    let count = |name: &'static str| (name, catalogue.topic(name).unwrap().partitions);
    pipeline::topology(topics::ALL.iter().copied().map(count).collect())
}

#[test]
fn writers_and_readers_are_the_pipelines() {
    let catalogue = Catalogue::of_this_version().unwrap();
    let of_file = |names: fn(&slipstream_schemas::topics::Topic) -> &[String]| {
        catalogue.topics.iter().flat_map(move |topic| names(topic).iter().map(|stage| (topic.name.as_str(), stage.as_str())))
    };
    let written = PIPELINE.iter().flat_map(|row| row.writes.iter().map(|topic| (*topic, row.name)));
    let topology = topology();
    let read = topology.stages.iter().flat_map(|stage| topology.inputs(stage).map(|topic| (topic, stage.name)));
    assert_eq!(pairs(of_file(|topic| &topic.writers)), pairs(written));
    assert_eq!(pairs(of_file(|topic| &topic.readers)), pairs(read));
}

/// What a stage refused can be handed to it again: every record that it reads, under its own key.
#[test]
fn every_stage_has_a_retry_topic_for_all_that_it_reads() {
    let (catalogue, topology) = (Catalogue::of_this_version().unwrap(), topology());
    for (row, stage) in PIPELINE.iter().zip(&topology.stages) {
        let retry = catalogue.topic(topology.retry(stage).unwrap()).unwrap();
        let read: BTreeSet<&String> = row.reads.iter().flat_map(|topic| &catalogue.topic(topic).unwrap().schemas).collect();
        assert_eq!((&*retry.key, retry.schemas.iter().collect()), (row.key, read), "{}", row.name);
    }
}

/// All inputs of a stage have its key, and so one partition count.
#[test]
fn a_stage_reads_only_topics_of_its_key() {
    let catalogue = Catalogue::of_this_version().unwrap();
    let keys: BTreeMap<&str, &str> = catalogue.topics.iter().map(|topic| (topic.name.as_str(), topic.key.as_str())).collect();
    for row in PIPELINE {
        for topic in row.reads {
            assert_eq!(keys[topic], row.key, "{} reads {topic}", row.name);
            assert!(!catalogue.topic(topic).unwrap().outlet, "{} reads the outlet {topic}", row.name);
        }
    }
}
