//! The program in a live world of its own, and what was committed there: shared by the tests and the bench of webhooks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]
#![allow(dead_code, reason = "each binary uses its part")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sha2::Sha256;

use crate::support::cluster::signal;
use crate::support::{Running, scratch, slipstream};

/// Longest wait for a fact.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SECRET: &str = "a secret of this test";
pub(crate) const PREVIOUS: &str = "the secret before it";
/// Signs what is posted to those who have registered.
pub(crate) const OUT_SECRET: &str = "the secret of what goes out";
pub(crate) const TOKEN: &str = "9f2c1d7b8e6a4c3f";
pub(crate) const CALLBACK: &str = "/webhooks/flight-status";

/// A node of Kafka of this test's own, so that it may be killed.
pub(crate) struct Node {
    folder: tempfile::TempDir,
    pub(crate) bootstrap: String,
}

impl Node {
    fn script(folder: &Path, word: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/local/kafka.sh"));
        command.arg(word).arg(folder).stdin(Stdio::null());
        command
    }

    pub(crate) fn start() -> Self {
        let folder = scratch();
        let started = Self::script(folder.path(), "start").output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { bootstrap: String::from_utf8(started.stdout).unwrap().trim().to_owned(), folder }
    }

    pub(crate) fn kill(&self) {
        signal("KILL", std::fs::read_to_string(self.folder.path().join("pid")).unwrap().trim());
    }

    pub(crate) fn again(&self) {
        assert!(Self::script(self.folder.path(), "again").status().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = Self::script(self.folder.path(), "stop").status();
    }
}

/// The program in the live world of the node, and where it listens.
pub(crate) struct Program {
    _process: Running,
    pub(crate) address: String,
    pub(crate) log: PathBuf,
}

fn live(node: &Node, registry: &str, arguments: &[&str]) -> Command {
    let mut command = slipstream(arguments);
    command.args(["--bootstrap", &node.bootstrap, "--registry", registry]);
    command
}

/// Makes topics and schemas, and runs the flights unit with these settings, logging what `filter` lets through.
pub(crate) fn start(node: &Node, registry: &str, filter: &str, settings: &str) -> Program {
    for arguments in [["topics", "apply"], ["schemas", "register"]] {
        let done = live(node, registry, &arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let log = node.folder.path().join("slipstream.log");
    let (file, modes) = (node.folder.path().join("slipstream.toml"), node.folder.path().join("modes.csv"));
    std::fs::write(&file, settings).unwrap();
    std::fs::write(&modes, "field,mode\ndeparture_gate,MANUAL\n").unwrap();
    let mut command = live(node, registry, &["run", "--stages", "flights"]);
    command.arg("--config").arg(&file).arg("--modes").arg(&modes);
    command.env("WEBHOOK_CALLBACK_SECRET", OUT_SECRET);
    command.env("WEBHOOK_SIGNATURE_SECRET", SECRET).env("WEBHOOK_SIGNATURE_SECRET_PREVIOUS", PREVIOUS);
    command.env("FLIGHTAWARE_WEBHOOK_TOKEN", TOKEN).env("SLIPSTREAM_LOG", filter);
    let process = command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let process = Running(process);
    let address = wait_for("address", || {
        let text = std::fs::read_to_string(&log).unwrap();
        Some(text.split("http://").nth(1)?.split_whitespace().next()?.to_owned())
    });
    Program { _process: process, address, log }
}

pub(crate) fn wait_for<T>(what: &str, fact: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn seconds() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

pub(crate) fn tag(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("v1=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Ids and values of everything committed on a topic.
pub(crate) fn committed(node: &Node, topic: &str) -> Vec<(String, Vec<u8>)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &node.bootstrap).set("group.id", "audit").set("isolation.level", "read_committed");
    let consumer: BaseConsumer = config.set("enable.auto.commit", "false").set("enable.partition.eof", "true").create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut found, mut ended) = (Vec::new(), BTreeSet::new());
    while ended.len() < list.count() {
        match consumer.poll(PATIENCE).expect("a record or an end") {
            Ok(message) => {
                let headers = message.headers().unwrap();
                let id = headers.iter().find(|header| header.key == "ce_id").unwrap().value.unwrap();
                found.push((String::from_utf8(id.to_vec()).unwrap(), message.payload().unwrap_or_default().to_vec()));
            }
            Err(KafkaError::PartitionEOF(partition)) => _ = ended.insert(partition),
            Err(error) => panic!("{error}"),
        }
    }
    found
}
