//! The whole graph as text, compared with `goldens/pipeline.txt`: a change of the graph is seen in review.
//!
//! Remake it with `UPDATE_GOLDENS=1 cargo test -p slipstream-processors --test pipeline`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::fmt::Write;
use std::path::Path;

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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/pipeline.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, described()).unwrap();
    }
    assert_eq!(described(), std::fs::read_to_string(&path).unwrap(), "remake it with UPDATE_GOLDENS=1 if this is meant");
}

#[test]
fn the_graph_can_run_with_the_catalogues_partitions() {
    let catalogue = Catalogue::of_this_version().unwrap();
    let partitions = ALL.iter().map(|topic| (*topic, catalogue.topic(topic).expect(topic).partitions)).collect();
    topology(partitions).check().unwrap();
}
