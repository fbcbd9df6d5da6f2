//! Foreign clients on the dev broker: kcat (librdkafka 2.0, Debian's), Python, and Apache Kafka's own Java tools.
//!
//!     rdkafka ─(transactions)─► dev broker ─► kcat, Python, Java      committed records seen, aborted ones not
//!     kcat, Java ─► dev broker ─► our partition function              a key lands where our stages look for it
//!
//! deploy/local/with-services.sh says where Python and the jars are. Outside of it a client that is missing is passed over,
//! and said to be; on the build machine (CI) it must be there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use slipstream_broker::{DevBroker, Options};
use slipstream_streams::partition;
use tokio::runtime::Runtime;

const PARTITIONS: i32 = 4;
const TOPIC: &str = "flights";
const PATIENCE: Duration = Duration::from_secs(40);
/// Keys of every length class of the hash: whole words, and one, two and three bytes beyond.
const KEYS: [&str; 6] = ["LH40", "LH400", "BA1234", "AF66789", "AA1234/2008-01-31/JFK-LAX", "ÅÄÖ"];

/// A dev broker with one empty topic; it ends with the value.
struct Broker {
    runtime: Runtime,
    broker: Option<DevBroker>,
    bootstrap: String,
}

impl Broker {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let broker = runtime.block_on(DevBroker::start(Options::default())).unwrap();
        let bootstrap = broker.bootstrap();
        let admin: AdminClient<DefaultClientContext> = config(&bootstrap).create().unwrap();
        let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        assert_eq!(runtime.block_on(admin.create_topics([&topic], &options)).unwrap(), [Ok(TOPIC.to_owned())]);
        Self { runtime, broker: Some(broker), bootstrap }
    }

    /// Two committed transactions with an aborted one between them, each over all keys.
    fn write_transactions(&self) {
        let mut config = config(&self.bootstrap);
        config.set("transactional.id", "writer").set("partitioner", "murmur2_random").set("compression.type", "lz4");
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        for (value, commits) in [("first", true), ("never", false), ("second", true)] {
            producer.begin_transaction().unwrap();
            for key in KEYS {
                producer.send(BaseRecord::to(TOPIC).key(key).payload(value)).map_err(|(error, _)| error).unwrap();
            }
            producer.flush(PATIENCE).unwrap();
            let ended = if commits { producer.commit_transaction(PATIENCE) } else { producer.abort_transaction(PATIENCE) };
            ended.unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(broker) = self.broker.take() {
            self.runtime.block_on(broker.shutdown());
        }
    }
}

fn config(bootstrap: &str) -> ClientConfig {
    [("bootstrap.servers", bootstrap)].into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// `partition key=value` of these values for every key, sorted: what a reader must have seen.
fn expected(values: &[&str]) -> Vec<String> {
    let place = |key: &str| partition::of_key(key.as_bytes(), PARTITIONS);
    let lines = KEYS.iter().flat_map(|key| values.iter().map(move |value| format!("{} {key}={value}", place(key))));
    sorted(lines.collect())
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Runs a client to its end and returns the lines of its standard output, sorted.
fn output(command: &mut Command, input: &str) -> Vec<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let finished = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "{command:?}: {}\n{errors}", finished.status);
    sorted(String::from_utf8(finished.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// What with-services.sh says of a client; `None` where it may be missing and is.
fn setting(name: &str) -> Option<String> {
    let found = std::env::var(name).ok();
    must_be_there(name, found.is_some());
    found
}

fn must_be_there(what: &str, there: bool) {
    assert!(there || std::env::var("CI").is_err(), "{what} is missing: run `make test`");
    if !there {
        println!("passed over: {what} is missing; `make test` brings it");
    }
}

fn kcat() -> Option<Command> {
    let there = Command::new("kcat").arg("-V").output().is_ok_and(|version| version.status.success());
    must_be_there("kcat", there);
    there.then(|| Command::new("kcat"))
}

fn java(class: &str) -> Option<Command> {
    let jars = setting("SLIPSTREAM_TEST_KAFKA_JARS")?;
    let mut java = Command::new("java");
    java.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dlvl=ERROR", "-cp", &format!("{jars}/*")]);
    java.arg(concat!("-Dlog4j2.configurationFile=", env!("CARGO_MANIFEST_DIR"), "/deploy/local/log4j2.yaml")).arg(class);
    Some(java)
}

#[test]
fn kcat_sees_what_was_committed() {
    let Some(mut kcat) = kcat() else { return };
    let broker = Broker::start();
    broker.write_transactions();
    kcat.args(["-b", &broker.bootstrap, "-C", "-t", TOPIC, "-o", "beginning", "-e", "-q", "-f", "%p %k=%s\\n"]);
    let read = |isolation: &str| {
        let mut again = Command::new(kcat.get_program());
        again.args(kcat.get_args()).args(["-X", &format!("isolation.level={isolation}")]);
        output(&mut again, "")
    };
    assert_eq!(read("read_committed"), expected(&["first", "second"]));
    assert_eq!(read("read_uncommitted"), expected(&["first", "never", "second"]));
}

#[test]
fn python_sees_what_was_committed() {
    let Some(python) = setting("SLIPSTREAM_TEST_PYTHON") else { return };
    let broker = Broker::start();
    broker.write_transactions();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/read.py");
    let read = |isolation| output(Command::new(&python).args([script, &broker.bootstrap, TOPIC, isolation]), "");
    assert_eq!(read("read_committed"), expected(&["first", "second"]));
    assert_eq!(read("read_uncommitted"), expected(&["first", "never", "second"]));
}

/// The console consumer ends after a number of records: had it seen an aborted one, a committed one would be missing.
#[test]
fn java_sees_what_was_committed() {
    let Some(mut consumer) = java("org.apache.kafka.tools.consumer.ConsoleConsumer") else { return };
    let broker = Broker::start();
    broker.write_transactions();
    consumer.args(["--bootstrap-server", &broker.bootstrap, "--topic", TOPIC, "--from-beginning"]);
    consumer.args(["--isolation-level", "read_committed", "--timeout-ms", "120000"]);
    consumer.args(["--max-messages", &(2 * KEYS.len()).to_string()]);
    for property in ["print.key=true", "print.partition=true", "key.separator=="] {
        consumer.args(["--formatter-property", property]);
    }
    // `Partition:0=LH400=first`: the tool sets its one separator everywhere.
    let seen = output(&mut consumer, "").into_iter().map(|line| line.replace("Partition:", "").replacen('=', " ", 1));
    assert_eq!(sorted(seen.collect()), expected(&["first", "second"]));
}

/// Writes `key=value` lines with `producer`, and reads with kcat where they came to lie.
fn lands_where_we_look(broker: &Broker, mut producer: Command, mut kcat: Command) {
    let lines: String = KEYS.iter().map(|key| format!("{key}=x\n")).collect();
    output(&mut producer, &lines);
    kcat.args(["-b", &broker.bootstrap, "-C", "-t", TOPIC, "-o", "beginning", "-e", "-q", "-f", "%p %k=%s\\n"]);
    assert_eq!(output(&mut kcat, ""), expected(&["x"]));
}

#[test]
fn a_java_producers_key_lands_where_we_look() {
    let (Some(mut java), Some(kcat)) = (java("org.apache.kafka.tools.ConsoleProducer"), kcat()) else { return };
    let broker = Broker::start();
    java.args(["--bootstrap-server", &broker.bootstrap, "--topic", TOPIC]);
    java.args(["--reader-property", "parse.key=true", "--reader-property", "key.separator=="]);
    // The tool gives a record up after 1.5 s by itself, and still ends well.
    java.args(["--request-timeout-ms", "60000"]);
    lands_where_we_look(&broker, java, kcat);
}

#[test]
fn a_kcat_producers_key_lands_where_we_look() {
    let (Some(mut producer), Some(kcat)) = (kcat(), kcat()) else { return };
    let broker = Broker::start();
    producer.args(["-b", &broker.bootstrap, "-P", "-t", TOPIC, "-K", "=", "-X", "partitioner=murmur2_random"]);
    lands_where_we_look(&broker, producer, kcat);
}
