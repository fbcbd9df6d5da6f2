//! House rules that no linter knows, checked on every file of the repository.
//!
//! A rule answers with the places that break it, as `path:line: what`; a test fails with all of them at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use slipstream_schemas::topics;

/// Folders whose content nobody here wrote.
const FOREIGN: &[&str] = &[".git", "target", "node_modules"];

/// Every text file of the repository as (path from the root, content), sorted.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        fs::read_to_string(&path).ok().map(|content| (name, content))
    };
    paths.into_iter().filter_map(text).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && !FOREIGN.contains(&name.as_str()) && !name.starts_with("target") {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

/// The places in `content` where a line satisfies `broken`.
fn lines(path: &str, content: &str, broken: impl Fn(&str) -> bool) -> Vec<String> {
    let places = content.lines().enumerate().filter(|(_, line)| broken(line));
    places.map(|(n, line)| format!("{path}:{}: {}", n + 1, line.trim())).collect()
}

fn assert_none<T: Display>(rule: &str, broken: impl IntoIterator<Item = T>) {
    let places: Vec<String> = broken.into_iter().map(|place| place.to_string()).collect();
    assert!(places.is_empty(), "{rule}:\n  {}", places.join("\n  "));
}

#[test]
fn the_walk_sees_the_repository() {
    let paths: Vec<String> = files().into_iter().map(|(path, _)| path).collect();
    for known in ["Cargo.toml", "tests/tidy.rs", "schemas/src/lib.rs", ".ci/run", "deploy/local/kafka.sh", "topics.yaml"] {
        assert!(paths.iter().any(|path| path == known), "{known} was not visited");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = rust_files().filter(|(_, content)| !content.starts_with("//! "));
    assert_none("the first line is a module comment (`//! …`)", silent.map(|(path, _)| path));
}

#[test]
fn names_say_something() {
    let empty = |path: &str| {
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        ["util", "utils", "helper", "helpers", "misc", "common"].contains(&stem) || is_second_version(stem)
    };
    assert_none("a file is named for what it holds", files().into_iter().map(|(path, _)| path).filter(|path| empty(path)));

    // Built from halves, so that this file passes its own rule.
    let suffix = ["_", "v2"].concat();
    let versioned = |line: &str| line.contains(&suffix);
    assert_none("replace the old one", rust_files().flat_map(|(path, content)| lines(&path, &content, versioned)));
}

fn is_second_version(stem: &str) -> bool {
    stem.rsplit_once("_v").is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Where the repository was made is nobody's business, and a package comes by its name, from the registry the machine is set to.
#[test]
fn nothing_names_a_place_outside() {
    let hosts = [
        ["crates", "io"].as_slice(),
        &["pypi", "org"],
        &["pythonhosted", "org"],
        &["repo1", "maven", "org"],
        &["repo", "maven", "apache", "org"],
        &["npmjs", "org"],
        &["proxy", "golang", "org"],
        &["deb", "debian", "org"],
    ]
    .map(|parts| parts.join("."));
    let folders = [["..", "shared"].join("/"), ["", "work", "shared"].join("/"), ["", "work", "main"].join("/")];

    let outside = |path: &str, line: &str| {
        let names_a_host = hosts.iter().any(|host| line.contains(host.as_str()));
        let names_a_folder = path != ".ci/run" && folders.iter().any(|folder| line.contains(folder.as_str()));
        names_a_host || names_a_folder
    };
    // Cargo writes its lock file itself, registry included.
    let ours = files().into_iter().filter(|(path, _)| !path.ends_with("Cargo.lock"));
    assert_none("a place outside", ours.flat_map(|(path, content)| lines(&path, &content, |line| outside(&path, line))));
}

/// Nobody sees a marker in a list of issues; what is left to do is written where the owner looks.
#[test]
fn no_half_done_markers() {
    let markers = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat(), ["to", "do!"].concat()];
    let marked = |line: &str| {
        // In quotes three X are ISO 4217's word for no currency.
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '!' && c != '"');
        words.any(|word| markers.iter().any(|marker| word == marker))
    };
    assert_none("half done", rust_files().flat_map(|(path, content)| lines(&path, &content, marked)));
}

#[test]
fn every_topic_constant_is_declared() {
    let declared: serde_yaml_ng::Value = serde_yaml_ng::from_str(topics::TOPICS_YAML).unwrap();
    let names: Vec<&str> =
        declared["topics"].as_sequence().unwrap().iter().map(|topic| topic["name"].as_str().unwrap()).collect();
    assert!(topics::ALL.len() > 20, "the list of constants was read");
    assert_none("not in topics.yaml", topics::ALL.iter().filter(|constant| !names.contains(*constant)));
    assert_none("no constant in schemas/src/topics.rs", names.iter().filter(|name| !topics::ALL.contains(*name)));
}

/// Domain words outside tests and comments: the runtime and the broker serve any domain.
#[test]
fn the_runtime_and_the_broker_name_no_flight() {
    const DOMAIN: &[&str] = &["aircraft", "airline", "airport", "passenger", "booking", "disruption", "itinerary", "flight"];
    let domain = |line: &str| {
        let code = line.split("//").next().unwrap_or_default().to_lowercase();
        // The transport's own word: a request that is not yet answered.
        let code = code.replace("in_flight", "").replace("in.flight", "").replace("inflight", "");
        DOMAIN.iter().any(|word| code.contains(word))
    };
    let of_any_domain = rust_files().filter(|(path, _)| path.starts_with("streams/src/") || path.starts_with("broker/src/"));
    let without_tests = of_any_domain.map(|(path, content)| {
        let code = content.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        (path, code)
    });
    assert_none("a word of the domain", without_tests.flat_map(|(path, content)| lines(&path, &content, domain)));
}

/// The modules of `streams` that exist only under its feature `kafka`, read from the crate's own list.
fn kafka_modules(lib: &str) -> Vec<String> {
    let gated = lib.split("#[cfg(feature = \"kafka\")]").skip(1);
    let name = |rest: &str| rest.trim_start().split(';').next()?.rsplit_once("mod ").map(|(_, name)| name.to_owned());
    gated.filter_map(name).collect()
}

/// What the simulation drives must have no time of its own: the runtime's core, and the broker's model with its direct face.
#[test]
fn the_simulated_parts_have_no_clock() {
    const CLOCKS: &[&str] =
        &["SystemTime::now", "Instant::now", "std::thread", "thread::spawn", "tokio::", "Uuid::new_v4", "env::var", "rand::"];
    let all: Vec<(String, String)> = rust_files().collect();
    let lib = &all.iter().find(|(path, _)| path == "streams/src/lib.rs").unwrap().1;
    let live = kafka_modules(lib);
    assert!(live.iter().any(|module| module == "kafka"), "the list of modules was read: {live:?}");

    let simulated = |path: &str| {
        let module = path.strip_prefix("streams/src/").and_then(|rest| rest.split(['/', '.']).next());
        let of_the_core = module.is_some_and(|module| !live.iter().any(|name| name == module));
        of_the_core || path.starts_with("broker/src/model/") || path.starts_with("broker/src/direct")
    };
    let has_clock = |line: &str| CLOCKS.iter().any(|clock| line.split("//").next().unwrap_or_default().contains(clock));
    let parts = all.iter().filter(|(path, _)| simulated(path));
    let code = parts.map(|(path, content)| (path, content.split("#[cfg(test)]").next().unwrap_or_default()));
    assert_none("a clock, a thread or chance", code.flat_map(|(path, content)| lines(path, content, has_clock)));
}
