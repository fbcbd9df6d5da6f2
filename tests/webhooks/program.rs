//! The program in a live world of its own, and what was committed there: shared by the tests and the bench of webhooks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]
#![allow(dead_code, reason = "each binary uses its part")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use hmac::{Hmac, KeyInit, Mac};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sha2::Sha256;

use crate::support::cluster::signal;
use crate::support::live::{PATIENCE, Program, live, prepare};
use crate::support::scratch;

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

/// Makes topics and schemas, and runs the flights unit with these settings, logging what `filter` lets through.
pub(crate) fn start(node: &Node, registry: &str, filter: &str, settings: &str) -> Program {
    let cluster = (node.bootstrap.as_str(), registry);
    prepare(cluster);
    let [log, file, modes] = ["slipstream.log", "slipstream.toml", "modes.csv"].map(|name| node.folder.path().join(name));
    std::fs::write(&file, settings).unwrap();
    std::fs::write(&modes, "field,mode\ndeparture_gate,MANUAL\n").unwrap();
    let mut command = live(cluster, &["run", "--stages", "flights"]);
    command.arg("--config").arg(&file).arg("--modes").arg(&modes);
    command.env("WEBHOOK_CALLBACK_SECRET", OUT_SECRET);
    command.env("WEBHOOK_SIGNATURE_SECRET", SECRET).env("WEBHOOK_SIGNATURE_SECRET_PREVIOUS", PREVIOUS);
    command.env("FLIGHTAWARE_WEBHOOK_TOKEN", TOKEN).env("SLIPSTREAM_LOG", filter);
    Program::start(command, log)
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
    committed_at(&node.bootstrap, topic)
}

/// The same of any cluster.
pub(crate) fn committed_at(bootstrap: &str, topic: &str) -> Vec<(String, Vec<u8>)> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "audit").set("isolation.level", "read_committed");
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
