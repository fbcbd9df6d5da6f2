//! Webhooks on the running program: every kind of request has its answer; and while posts of every kind come in and the broker
//! is killed, what was answered 2xx is committed, what was not valid is nowhere, and nothing of a body is in a log.
//!
//! Needs the scripts of `deploy/local` and a machine on which `SLIPSTREAM_TEST_KAFKA` is set; without it the test says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use sha2::Sha256;
use support::cluster::{dev_broker, kafka, signal};
use support::{Running, scratch, slipstream};

/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "a secret of this test";
const PREVIOUS: &str = "the secret before it";
const TOKEN: &str = "9f2c1d7b8e6a4c3f";
/// Stands in every body, and must stand in no log.
const MARKER: &str = "Ottilie-Mustermann-4711";
const CALLBACK: &str = "/webhooks/flight-status";
/// Posts of the load, and those who post at once.
const POSTS: usize = 6_000;
const SENDERS: usize = 24;

/// A node of Kafka of this test's own, so that it may be killed.
struct Node {
    folder: tempfile::TempDir,
    bootstrap: String,
}

impl Node {
    fn script(folder: &Path, word: &str) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/local/kafka.sh"));
        command.arg(word).arg(folder).stdin(Stdio::null());
        command
    }

    fn start() -> Self {
        let folder = scratch();
        let started = Self::script(folder.path(), "start").output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self { bootstrap: String::from_utf8(started.stdout).unwrap().trim().to_owned(), folder }
    }

    fn kill(&self) {
        signal("KILL", std::fs::read_to_string(self.folder.path().join("pid")).unwrap().trim());
    }

    fn again(&self) {
        assert!(Self::script(self.folder.path(), "again").status().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = Self::script(self.folder.path(), "stop").status();
    }
}

/// The program in the live world of the node, and where it listens.
struct Program {
    _process: Running,
    address: String,
    log: std::path::PathBuf,
}

fn live(node: &Node, registry: &str, arguments: &[&str]) -> Command {
    let mut command = slipstream(arguments);
    command.args(["--bootstrap", &node.bootstrap, "--registry", registry]);
    command
}

fn start(node: &Node, registry: &str) -> Program {
    for arguments in [["topics", "apply"], ["schemas", "register"]] {
        let done = live(node, registry, &arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let log = node.folder.path().join("slipstream.log");
    let mut command = live(node, registry, &["run", "--stages", "flights"]);
    command.env("WEBHOOK_SIGNATURE_SECRET", SECRET).env("WEBHOOK_SIGNATURE_SECRET_PREVIOUS", PREVIOUS);
    command.env("FLIGHTAWARE_WEBHOOK_TOKEN", TOKEN).env("SLIPSTREAM_LOG", "debug");
    let process = command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let process = Running(process);
    let address = wait_for("address", || {
        let text = std::fs::read_to_string(&log).unwrap();
        Some(text.split("http://").nth(1)?.split_whitespace().next()?.to_owned())
    });
    Program { _process: process, address, log }
}

fn wait_for<T>(what: &str, fact: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = fact() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn seconds() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

fn tag(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("v1=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// A request and what it should be answered.
#[derive(Clone)]
struct Post {
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Post {
    /// A callback, signed now.
    fn signed(body: &[u8]) -> Self {
        Self::signed_by(SECRET, seconds(), body)
    }

    fn signed_by(secret: &str, at: i64, body: &[u8]) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-webhook-timestamp", at.to_string()),
            ("x-webhook-signature", tag(secret, at, body)),
        ];
        Self { path: CALLBACK.to_owned(), headers, body: body.to_vec() }
    }

    fn to(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    async fn send(self, client: &reqwest::Client, address: &str) -> Option<(u16, Value, bool)> {
        let mut request = client.post(format!("http://{address}{}", self.path)).body(self.body);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.ok()?;
        let (status, again) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        Some((status, answer.json().await.unwrap_or_default(), again))
    }
}

fn flight(number: usize, event: &str) -> Value {
    json!({
        "eventId": event, "note": MARKER,
        "flight": {
            "id": event, "flightNumber": format!("LH{}", 1 + number % 400), "origin": "FRA", "destination": "JFK",
            "date": "2026-11-22", "scheduledDeparture": "2026-11-22T09:00:00Z", "delayMinutes": number % 60,
        }
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Name, request, status, and what its answer names.
fn gates() -> Vec<(&'static str, Post, u16, &'static str)> {
    let good = bytes(&flight(1, "gate"));
    let signed = || Post::signed(&good);
    let json = |body: Value| Post::signed(&bytes(&body));
    let alert = |token: &str| {
        Post::signed(include_bytes!("../src/webhook/alert.json"))
            .to(&format!("{CALLBACK}/{token}"))
            .with("x-webhook-signature", None)
    };
    let large = vec![b' '; 70_000];
    vec![
        ("committed", signed(), 202, ""),
        ("again", signed(), 200, ""),
        ("under the other path", json(flight(2, "other path")).to("/api/webhooks/flight-status"), 202, ""),
        ("under the secret before", Post::signed_by(PREVIOUS, seconds(), &bytes(&flight(3, "before"))), 202, ""),
        ("too large, whatever else", Post::signed_by("wrong", 0, &large).with("content-type", None), 413, "body"),
        ("no JSON by its head", signed().with("content-type", Some("text/plain")), 415, "content-type"),
        (
            "no type before no signature",
            signed().with("content-type", None).with("x-webhook-signature", None),
            415,
            "content-type",
        ),
        ("no signature", signed().with("x-webhook-signature", None), 401, "x-webhook-signature"),
        ("no signature before no JSON", Post::signed_by("wrong", seconds(), b"{"), 401, "x-webhook-signature"),
        ("no time", signed().with("x-webhook-timestamp", None), 401, "x-webhook-timestamp"),
        ("replayed later", Post::signed_by(SECRET, seconds() - 400, &good), 401, "x-webhook-timestamp"),
        ("no JSON", Post::signed(b"{\"flight\":"), 400, "body"),
        ("no UTF-8", Post::signed(b"{\"eventId\":\"\xff\"}"), 400, "body"),
        ("no flight", json(json!({})), 422, "flight"),
        ("no airport", json(json!({"flight": {"flightNumber": "LH1", "origin": "FRA"}})), 422, "flight.destination"),
        ("an alert", alert(TOKEN), 200, ""),
        ("an alert again", alert(TOKEN), 200, ""),
        ("an alert by a wrong path", alert("0000000000000000"), 404, "path"),
        ("an alert that is none", Post::signed(b"{}").to(&format!("{CALLBACK}/{TOKEN}")), 422, "flight"),
    ]
}

async fn check_gates(address: &str) {
    let client = reqwest::Client::new();
    for (name, post, expected, named) in gates() {
        let (status, answer, _) = post.send(&client, address).await.unwrap();
        assert_eq!(status, expected, "{name}: {answer}");
        assert_eq!(answer["processed"], status < 300, "{name}");
        let says = ["place", "field"].iter().any(|field| answer[field] == named);
        assert!(named.is_empty() || says, "{name}: {answer}");
        assert_eq!(answer["duplicate"] == true, name.ends_with("again"), "{name}: {answer}");
        assert!(!answer.to_string().contains(MARKER), "{name}");
    }
    let get = client.get(format!("http://{address}{CALLBACK}")).send().await.unwrap();
    assert_eq!(get.status().as_u16(), 405);
}

/// Every third post is wrong in one of several ways.
fn of_load(n: usize) -> (bool, Post) {
    let (valid, wrong) = (format!("valid-{n}"), format!("invalid-{n}"));
    let body = bytes(&flight(n, &wrong));
    match n % 12 {
        2 => (false, Post::signed_by("wrong", seconds(), &body)),
        5 => (false, Post::signed(&body[..body.len() - 1])),
        8 => (false, Post::signed_by(SECRET, seconds() - 1_000, &body)),
        11 => {
            let mut body = flight(n, &wrong);
            body["flight"]["origin"] = json!(MARKER);
            (false, Post::signed(&bytes(&body)))
        }
        _ => (true, Post::signed(&bytes(&flight(n, &valid)))),
    }
}

/// What the load was answered.
#[derive(Default)]
struct Answered {
    ids: BTreeSet<String>,
    statuses: BTreeMap<u16, usize>,
}

async fn load(address: &str, sent: &Arc<AtomicUsize>) -> Answered {
    let client = reqwest::Client::new();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..SENDERS {
        let (client, address, sent) = (client.clone(), address.to_owned(), Arc::clone(sent));
        senders.spawn(async move {
            let mut answered = Answered::default();
            loop {
                let n = sent.fetch_add(1, Ordering::Relaxed);
                if n >= POSTS {
                    return answered;
                }
                let (is_valid, post) = of_load(n);
                let (status, answer, again) = post.send(&client, &address).await.unwrap();
                *answered.statuses.entry(status).or_default() += 1;
                assert_eq!(again, [429, 503].contains(&status), "{n}: {answer}");
                assert!(is_valid || (400..429).contains(&status), "{n}: {status} {answer}");
                if status < 300 {
                    answered.ids.insert(answer["id"].as_str().unwrap().to_owned());
                }
            }
        });
    }
    let mut all = Answered::default();
    while let Some(answered) = senders.join_next().await {
        let Answered { ids, statuses } = answered.unwrap();
        all.ids.extend(ids);
        statuses.into_iter().for_each(|(status, count)| *all.statuses.entry(status).or_default() += count);
    }
    all
}

/// Ids and values of everything committed on a topic.
fn committed(node: &Node, topic: &str) -> Vec<(String, Vec<u8>)> {
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
            Err(rdkafka::error::KafkaError::PartitionEOF(partition)) => _ = ended.insert(partition),
            Err(error) => panic!("{error}"),
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

// contract: S0-05 (the part that comes in), S0-28 (webhook HMAC-SHA256)
#[test]
fn what_is_answered_2xx_is_committed_though_the_broker_is_killed_and_what_is_not_valid_is_nowhere() {
    if kafka().is_none() {
        return;
    }
    let (node, registry) = (Node::start(), dev_broker());
    let program = start(&node, &registry.registry);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(check_gates(&program.address));
    let sent = Arc::new(AtomicUsize::new(0));
    let loaded = {
        let (address, sent) = (program.address.clone(), Arc::clone(&sent));
        runtime.spawn(async move { load(&address, &sent).await })
    };
    for share in [3, 2] {
        wait_for("posts", || (sent.load(Ordering::Relaxed) > POSTS / share).then_some(()));
        node.kill();
        node.again();
    }
    let Answered { ids, statuses } = runtime.block_on(loaded).unwrap();
    eprintln!("answered {statuses:?}");
    assert!(ids.len() > POSTS / 3, "{statuses:?}");

    let observations = committed(&node, "flight.observations");
    let found: BTreeSet<&str> = observations.iter().map(|(id, _)| id.as_str()).collect();
    let lost: Vec<&String> = ids.iter().filter(|id| !found.contains(id.as_str())).collect();
    assert_eq!(lost, Vec::<&String>::new(), "answered 2xx and not committed");
    assert!(!observations.iter().any(|(_, value)| holds(value, "invalid-") || holds(value, MARKER)), "an invalid body");
    let log = std::fs::read(&program.log).unwrap();
    for secret in [MARKER, SECRET, PREVIOUS, TOKEN] {
        assert!(!holds(&log, secret), "`{secret}` is in the log");
    }
}
