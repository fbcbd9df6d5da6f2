//! The arrows between the crates, and what the pure ones must not reach.
//!
//!     schemas   streams ─(model)─► broker
//!        ▲  ▲   ▲  ▲
//!        │  └───┼──┤
//!      processors  producers        the program: all of them
//!
//! Asked of cargo itself, so that a dependency of a dependency counts, and so does a feature somebody switched on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::collections::BTreeSet;
use std::process::Command;

/// Every crate that a normal build of `package` links, itself included, with the package's own default features.
fn linked(package: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).unwrap();
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// What is linked of `wanted`, from a package whose tree was really read.
fn reached<'a>(package: &str, wanted: &[&'a str]) -> Vec<&'a str> {
    let tree = linked(package);
    assert!(tree.contains(package), "{package} is not in its own tree: {tree:?}");
    wanted.iter().copied().filter(|name| tree.contains(*name)).collect()
}

/// The crates through which a program meets the world, chance or a clock of its own.
const WORLD: &[&str] =
    &["rdkafka", "rdkafka-sys", "tokio", "sqlx", "reqwest", "hyper", "axum", "rand", "mio", "socket2", "kafka-protocol"];

#[test]
fn processors_reach_no_world() {
    assert_eq!(reached("slipstream-processors", WORLD), [""; 0]);
}

#[test]
fn schemas_without_the_registry_reach_no_client() {
    // apache-avro draws random schema markers of its own, which our codec does not use.
    let client: Vec<&str> = WORLD.iter().copied().filter(|name| *name != "rand").collect();
    assert_eq!(reached("slipstream-schemas", &client), [""; 0]);
}

#[test]
fn streams_without_features_reaches_no_kafka() {
    assert_eq!(reached("slipstream-streams", WORLD), [""; 0]);
}

#[test]
fn producers_reach_no_client() {
    let client: Vec<&str> = WORLD.iter().copied().filter(|name| *name != "rand").collect();
    assert_eq!(reached("slipstream-producers", &client), [""; 0]);
}

/// The table of arrows, whole: a crate that is not named in a row is not linked by it.
#[test]
fn arrows_run_one_way() {
    const ALL: &[&str] =
        &["slipstream-broker", "slipstream-processors", "slipstream-producers", "slipstream-schemas", "slipstream-streams"];
    let arrows: &[(&str, &[&str])] = &[
        ("slipstream-schemas", &["slipstream-schemas"]),
        ("slipstream-streams", &["slipstream-streams"]),
        ("slipstream-broker", &["slipstream-broker"]),
        ("slipstream-processors", &["slipstream-processors", "slipstream-schemas", "slipstream-streams"]),
        ("slipstream-producers", &["slipstream-producers", "slipstream-schemas", "slipstream-streams"]),
        ("slipstream", ALL),
    ];
    for (package, may_reach) in arrows {
        assert_eq!(reached(package, ALL), *may_reach, "{package}");
    }
}
