//! The whole graph as text, compared with `goldens/pipeline.txt`: a change of the graph is seen in review.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::fmt::Write;

use slipstream_processors::pipeline::{PIPELINE, topology};
use slipstream_schemas::topics::{ALL, Catalogue};

fn described() -> String {
    let mut text = String::new();
    for row in PIPELINE {
        writeln!(text, "{} ({}, key {})", row.name, row.unit, row.key).unwrap();
        writeln!(text, "    reads  {}", row.reads.join(", ")).unwrap();
        writeln!(text, "    writes {}", row.writes.join(", ")).unwrap();
        writeln!(text, "    stores {}", row.stores.join(", ")).unwrap();
    }
    text
}

#[test]
fn the_graph_is_the_golden_one() {
    assert_eq!(described(), include_str!("goldens/pipeline.txt"), "if this is meant, the left side is the new file");
}

#[test]
fn the_graph_can_run_with_the_catalogues_partitions() {
    let catalogue = Catalogue::of_this_version().unwrap();
    let partitions = ALL.iter().map(|topic| (*topic, catalogue.topic(topic).expect(topic).partitions)).collect();
    topology(partitions).check().unwrap();
}
