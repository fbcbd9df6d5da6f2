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

/// Every crate that a normal build of `package` links with the package's own default features, itself included; with a
/// depth of 1 only those it names itself.
fn linked(package: &str, depth: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--depth", depth, "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).unwrap();
    let names: BTreeSet<String> = names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(names.contains(package), "{package} is not in its own tree: {names:?}");
    names
}

/// What of `wanted` the package links, however far down.
fn reached<'a>(package: &str, wanted: &[&'a str]) -> Vec<&'a str> {
    let tree = linked(package, "99");
    wanted.iter().copied().filter(|name| tree.contains(*name)).collect()
}

/// The crates through which a program meets the world.
const WORLD: &[&str] =
    &["rdkafka", "rdkafka-sys", "tokio", "sqlx", "reqwest", "hyper", "axum", "mio", "socket2", "kafka-protocol"];

#[test]
fn the_pure_crates_reach_no_world() {
    for package in ["slipstream-processors", "slipstream-schemas", "slipstream-streams", "slipstream-producers"] {
        assert_eq!(reached(package, WORLD), [""; 0], "{package}");
    }
}

/// apache-avro links a source of chance for the markers of its container files, which nobody here writes; what counts is
/// that these crates cannot name one.
#[test]
fn outputs_meet_no_chance() {
    for package in ["slipstream-processors", "slipstream-schemas", "slipstream-streams"] {
        let named = linked(package, "1");
        let chance: Vec<&String> = named.iter().filter(|name| name.starts_with("rand") || *name == "getrandom").collect();
        assert!(chance.is_empty(), "{package} names {chance:?}");
    }
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
