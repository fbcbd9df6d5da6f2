//! What the tests of the program share: running it, reading its files, and an independent reading of the data.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests use parts of it and may stop at the first surprise"
)]

pub(crate) mod cluster;
pub(crate) mod live;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The recorded day of the repository.
pub(crate) const DAY: &str = "data/bts-2008-01-31.csv.gz";

/// The program with arguments, and no settings from outside.
pub(crate) fn slipstream(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLIPSTREAM_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    slipstream(arguments).output().expect("the program starts")
}

/// Runs the program, which must end well.
pub(crate) fn run_clean(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every file of a directory with its content, timings aside.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name != "timing.json" {
            files.insert(name, std::fs::read(path).expect("readable"));
        }
    }
    files
}

/// Asserts that two output directories hold the same bytes; names the first difference.
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        if *bytes == other[name] {
            continue;
        }
        let (a, b) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&other[name]));
        let lines = a.lines().zip(b.lines()).enumerate().find(|(_, (a, b))| a != b);
        panic!("{name} differs ({} and {} lines), first at {lines:?}", a.lines().count(), b.lines().count());
    }
}

/// The lines of one topic of an output directory.
pub(crate) fn lines(directory: &Path, topic: &str) -> Vec<Value> {
    let path = directory.join(format!("{topic}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A fresh directory that goes away with the value.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// An empty directory for what all tests of a binary read. It stays, because nothing drops what a static holds, until the next
/// run empties it; in the build's own directory, so that it goes with that.
pub(crate) fn kept(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path).expect("what an earlier run left");
    }
    std::fs::create_dir_all(&path).expect("a directory");
    path
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// The rows of a gzipped CSV file, by column name; plain splitting, as the data has no quotes.
pub(crate) fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut content = String::new();
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    flate2::read::GzDecoder::new(file).read_to_string(&mut content).expect("gzip");
    let mut lines = content.lines();
    let names: Vec<_> = lines.next().expect("a header").split(',').map(str::to_owned).collect();
    lines.map(|line| names.iter().cloned().zip(line.split(',').map(str::to_owned)).collect()).collect()
}

/// A running program that ends with the value.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The large recordings, where they are at hand.
pub(crate) fn large_data() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("SLIPSTREAM_DATA")?);
    path.is_dir().then_some(path)
}
