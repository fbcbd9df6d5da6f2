//! The program on clusters as they are run in earnest: one that asks who it is (TLS, SCRAM, ACLs), one of three brokers;
//! both with a real schema registry.
//!
//! The clusters live as long as their test. Where no services were started (`SLIPSTREAM_TEST_REGISTRY` is not set) the
//! tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::live::{Program, wait_for};
use support::{DAY, assert_same, run_clean, scratch, slipstream, text};
use tempfile::TempDir;

/// Small enough to be played in seconds, with people in it.
const SCENARIO: [&str; 4] = ["simulate", "weather-at-hub", "--seed", "7"];

/// Kafka from one of the scripts, ended with the value.
struct Kafka {
    script: PathBuf,
    folder: TempDir,
    bootstrap: String,
    registry: String,
}

impl Kafka {
    fn start(script: &str) -> Option<Self> {
        let Ok(registry) = std::env::var("SLIPSTREAM_TEST_REGISTRY") else {
            assert!(std::env::var_os("CI").is_none(), "CI must run this on real services");
            eprintln!("skipped: SLIPSTREAM_TEST_REGISTRY is not set; deploy/local/with-services.sh sets it");
            return None;
        };
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/local").join(script);
        // From here on a panic ends what the script has started.
        let mut kafka = Self { script, folder: scratch(), bootstrap: String::new(), registry };
        let output = kafka.script("start").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        kafka.bootstrap = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Some(kafka)
    }

    fn script(&self, action: &str) -> Command {
        let mut command = Command::new(&self.script);
        command.arg(action).arg(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// The program in a world of this cluster.
    fn command(&self, world: &str, arguments: &[&str]) -> Command {
        let mut command = slipstream(arguments);
        command.args(["--world", world, "--bootstrap", &self.bootstrap, "--registry", &self.registry]);
        command
    }

    /// The program as this user.
    fn as_user(&self, world: &str, arguments: &[&str], user: &str, password: &str) -> Command {
        let mut command = self.command(world, arguments);
        command.env("SLIPSTREAM_KAFKA_SECURITY_PROTOCOL", "SASL_SSL").env("SLIPSTREAM_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512");
        command.env("SLIPSTREAM_KAFKA_SASL_USERNAME", user).env("SLIPSTREAM_KAFKA_SASL_PASSWORD", password);
        command.env("SLIPSTREAM_KAFKA_SSL_CA_LOCATION", self.folder.path().join("ca.pem"));
        command
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let ended = self.script("stop").status();
        assert!(ended.is_ok_and(|status| status.success()) || std::thread::panicking(), "the cluster did not end");
    }
}

/// What a command says when it cannot reach its cluster.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!said.contains("-secret"), "a password: {said}");
    said
}

fn assert_plays(mut replay: Command, out: &TempDir) {
    let played = replay.output().unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let alone = scratch();
    run_clean(&[&SCENARIO[..], &["--out", &text(alone.path())]].concat());
    assert_same(alone.path(), out.path());
}

/// Also: every schema is registered at, and read from, a registry that is not ours.
#[test]
fn a_cluster_that_asks_who_you_are() {
    let Some(kafka) = Kafka::start("secure.sh") else { return };
    let out = scratch();
    let into = text(out.path());
    let replay = [&SCENARIO[..], &["--out", &into]].concat();
    assert_plays(kafka.as_user("allowed", &replay, "app", "app-secret"), &out);

    let list = |user, password| kafka.as_user("allowed", &["topics", "list"], user, password);
    let said = refusal(&list("app", "wrong-secret").output().unwrap());
    assert!(said.contains("uthentication") && said.contains("check sasl.mechanism, sasl.username and sasl.password"), "{said}");

    let said = refusal(&list("app", "app-secret").env_remove("SLIPSTREAM_KAFKA_SSL_CA_LOCATION").output().unwrap());
    assert!(said.contains("ssl.ca.location"), "{said}");

    // Known, but allowed nothing.
    let said = refusal(&kafka.as_user("allowed", &["topics", "apply"], "nobody", "nobody-secret").output().unwrap());
    assert!(said.to_lowercase().contains("authorization"), "{said}");
    // Allowed, but not here.
    let said = refusal(&kafka.as_user("elsewhere", &["topics", "apply"], "app", "app-secret").output().unwrap());
    assert!(said.to_lowercase().contains("authorization"), "{said}");
}

// contract: S2-22 (auth)
/// A password changed in flight makes it wait and say so until it is right again; rights taken away end it with the cure.
#[test]
fn who_is_no_longer_let_in_waits_and_who_may_no_longer_ends() {
    let Some(kafka) = Kafka::start("secure.sh") else { return };
    let app = |arguments: &[&str]| kafka.as_user("allowed", arguments, "app", "app-secret");
    for arguments in [["topics", "apply"], ["schemas", "register"]] {
        let done = app(&arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let mut program = Program::start(app(&["run"]), kafka.folder.path().join("program.log"));
    let runs = |program: &Program| {
        let metrics = program.get("/metrics");
        ["flights", "people"]
            .iter()
            .all(|unit| metrics.contains(&format!("{{phase=\"running\",unit=\"{unit}\"}} 1")))
            .then_some(())
    };
    wait_for("both units", || runs(&program));

    assert!(kafka.script("password").arg("another-secret").status().unwrap().success());
    let said = wait_for("the word that nobody is let in", || Some(program.get("/health")).filter(|said| said.contains(" 503 ")));
    assert!(said.contains("uthentication") && said.contains("check sasl.mechanism, sasl.username and sasl.password"), "{said}");
    let refused = |line: &str| {
        let of_unit = line.starts_with("slipstream_errors_total{class=\"auth\",component=\"unit:");
        of_unit && line.contains("severity=\"CRITICAL\"") && !line.ends_with(" 0")
    };
    wait_for("the count of refusals", || program.get("/metrics").lines().any(refused).then_some(()));
    assert!(kafka.script("password").arg("app-secret").status().unwrap().success());
    wait_for("both units again", || runs(&program).filter(|()| program.get("/health").contains(" 200 ")));
    // The board is read by a client of its own: it must have come back as well.
    let day = kafka.folder.path().join("day.csv");
    std::fs::write(&day, first_lines(DAY, 3)).unwrap();
    let fed = app(&["feed", &format!("bts:{}", day.display()), "--speed", "max"]).output().unwrap();
    assert!(fed.status.success(), "{}", String::from_utf8_lossy(&fed.stderr));
    wait_for("flights on the board", || program.get("/api/board").contains("\"flown\":2").then_some(()));

    assert!(kafka.script("revoke").stdout(Stdio::null()).status().unwrap().success());
    assert_eq!(program.ended().code(), Some(2));
    let log = std::fs::read_to_string(&program.log).unwrap();
    assert!(log.contains("give this user back the rights") && !log.contains("-secret"), "{log}");
}

fn first_lines(packed: &str, count: usize) -> String {
    let file = std::fs::File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(packed)).unwrap();
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    lines.take(count).map(|line| line.unwrap() + "\n").collect()
}

#[test]
fn three_brokers_give_the_bytes_of_the_replay_alone() {
    let Some(kafka) = Kafka::start("three.sh") else { return };
    let out = scratch();
    assert_plays(kafka.command("three", &[&SCENARIO[..], &["--out", &text(out.path())]].concat()), &out);
    let described = kafka.command("three", &["topics", "describe", "flight.events"]).output().unwrap();
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(described.contains("min.insync.replicas"), "{described}");
}
