//! Webhooks on the running program: every kind of request has its answer; and while posts of every kind come in and the broker
//! is killed, what was answered 2xx is committed, what was not valid is nowhere, and nothing of a body is in a log.
//!
//! Needs the scripts of `deploy/local` and a machine on which `SLIPSTREAM_TEST_KAFKA` is set; without it the test says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod program;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use program::{CALLBACK, Node, OUT_SECRET, PREVIOUS, SECRET, TOKEN, committed, seconds, start, tag};
use serde_json::{Value, json};
use slipstream_streams::record::rfc3339;
use support::cluster::{dev_broker, kafka};
use support::live::{Program, wait_for};

/// Stands in every body, and must stand in no log.
const MARKER: &str = "Ottilie-Mustermann-4711";
/// Posts of the load, and those who post at once.
const POSTS: usize = 3_000;
const SENDERS: usize = 24;

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
        Post::signed(include_bytes!("../../src/webhook/alert.json"))
            .to(&format!("{CALLBACK}/{token}"))
            .with("x-webhook-signature", None)
    };
    vec![
        ("committed", signed(), 202, ""),
        ("again", signed(), 200, ""),
        ("under the other path", json(flight(2, "other path")).to("/api/webhooks/flight-status"), 202, ""),
        ("under the secret before", Post::signed_by(PREVIOUS, seconds(), &bytes(&flight(3, "before"))), 202, ""),
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
    assert!(refused_by_its_head(address).starts_with("HTTP/1.1 413 "), "before its type and its sender are looked at");
    let get = client.get(format!("http://{address}{CALLBACK}")).send().await.unwrap();
    assert_eq!(get.status().as_u16(), 405);
}

/// The answer to a head that announces a body which is too large, and which never comes.
fn refused_by_its_head(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST {CALLBACK} HTTP/1.1\r\nhost: test\r\ncontent-length: 70000\r\n\r\n").unwrap();
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
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

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A receiver of callbacks: refuses the first post of each event, and keeps what it takes, with its two headers.
async fn receiver() -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, String, Vec<u8>)>) {
    let (told, taken) = tokio::sync::mpsc::unbounded_channel();
    let refused = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let take = move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let status = if refused.lock().unwrap().insert(body.to_vec()) {
            axum::http::StatusCode::SERVICE_UNAVAILABLE
        } else {
            told.send((text("x-webhook-timestamp"), text("x-webhook-signature"), body.to_vec())).unwrap();
            axum::http::StatusCode::NO_CONTENT
        };
        std::future::ready(status)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = axum::Router::new().route("/hook", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, taken)
}

/// A leg of today, at a gate.
fn at_gate(event: &str, number: u16, delay_min: i64, gate: &str) -> Value {
    let departs = (seconds() / 60 + 40) * 60_000;
    json!({"eventId": event, "flight": {
        "flightNumber": format!("LO{number}"), "origin": "WAW", "destination": "CDG", "scheduledDeparture": rfc3339(departs),
        "delayMinutes": delay_min, "departureGate": gate,
    }})
}

async fn ask(client: &reqwest::Client, program: &Program, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("http://{}{path}", program.address);
    let request = match body {
        Some(body) => client.post(url).json(&body),
        None => client.get(url),
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Two sources name two gates of a leg, on which somebody has to decide: the conflict's id.
async fn two_gates(client: &reqwest::Client, program: &Program, number: u16) -> String {
    let said = at_gate(&format!("gate-{number}"), number, 45, "12");
    assert_eq!(Post::signed(&bytes(&said)).send(client, &program.address).await.unwrap().0, 202);
    let alert = json!({"flight": {
        "fa_flight_id": format!("LOT{number}-1"), "ident_icao": format!("LOT{number}"), "origin_iata": "WAW", "destination_iata": "CDG",
        "scheduled_out": said["flight"]["scheduledDeparture"], "gate_origin": "36",
    }});
    let alert = Post::signed(&bytes(&alert)).to(&format!("{CALLBACK}/{TOKEN}"));
    assert_eq!(alert.send(client, &program.address).await.unwrap().0, 200);
    loop {
        let (_, listed) = ask(client, program, "/api/conflicts", None).await;
        if let Some(open) = listed["open"].as_array().and_then(|open| open.first()) {
            return open["conflict"]["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A reviewer chooses one of two gates, or leaves it to PRIORITY.
async fn check_review(program: &Program) {
    let client = reqwest::Client::new();
    let resolve = |body: Value| ask(&client, program, "/api/conflicts/resolve", Some(body));
    let decided = async |id: &str| loop {
        let (_, answer) = resolve(json!({"conflictId": id})).await;
        if answer["resolved"] == true {
            return (answer["selectedData"]["source"].clone(), answer["selectedData"]["value"].clone());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let id = two_gates(&client, program, 335).await;
    for mode in ["MANUAL", "AUTOMATIC"] {
        let (status, answer) = resolve(json!({"conflictId": id, "mode": mode, "reviewer": "u-17"})).await;
        assert_eq!((status, &answer["resolved"], &answer["conflictId"]), (200, &json!(false), &json!(id)));
    }
    let refused = [
        (json!({"conflictId": "another", "approved": "flightaware", "reviewer": "u-17"}), 409),
        (json!({"conflictId": id, "approved": "amadeus", "reviewer": "u-17"}), 422),
        (json!({"conflictId": id, "approved": "flightaware"}), 422),
        (json!({"conflictId": id, "mode": "PRIORITY"}), 422),
        (json!({"conflictId": id, "mode": "PRIORITY", "approved": "flightaware", "reviewer": "u-17"}), 422),
        (json!({"conflictId": id, "mode": "OFTEN"}), 422),
        (json!({}), 422),
    ];
    for (body, expected) in refused {
        let (status, answer) = resolve(body.clone()).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    let (status, answer) = resolve(json!({"conflictId": id, "approved": "webhook", "reviewer": "u-17"})).await;
    assert!([200, 202].contains(&status), "{answer}");
    assert_eq!(decided(&id).await, (json!("webhook"), json!("12")));
    let late = json!({"conflictId": id, "approved": "flightaware", "reviewer": "u-18"});
    assert_eq!(resolve(late).await.0, 409, "decided");

    let id = two_gates(&client, program, 337).await;
    let (status, answer) = resolve(json!({"conflictId": id, "mode": "PRIORITY", "reviewer": "u-17"})).await;
    assert!([200, 202].contains(&status), "{answer}");
    assert_eq!(decided(&id).await, (json!("flightaware"), json!("36")));
}

// contract: S0-04, S0-05, S0-10, S0-26 (callback)
#[test]
fn a_callback_is_reconciled_reviewed_and_told_to_who_has_registered() {
    if kafka().is_none() {
        return;
    }
    let (node, registry) = (Node::start(), dev_broker());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (receiver, mut taken) = runtime.block_on(receiver());
    let settings = format!(
        "[webhooks]\ncallbacks = [\n{{ event = \"FLIGHT_DELAYED\", url = \"http://{receiver}/hook\" }},\n\
         {{ event = \"FLIGHT_CANCELLED\", url = \"http://127.0.0.1:1/secret-path\" }},\n]\n\
         callbacks_may = {{ allow_http = true, allow_private = true }}\n"
    );
    let program = start(&node, &registry.registry, "warn", &settings);
    runtime.block_on(check_review(&program));
    // The group tells what happens from its first assignment on: one leg after the other is late until one is told of.
    let (at, signature, body) = runtime.block_on(async {
        let client = reqwest::Client::new();
        for number in 400.. {
            let late = at_gate(&format!("late-{number}"), number, 45, "12");
            assert_eq!(Post::signed(&bytes(&late)).send(&client, &program.address).await.unwrap().0, 202);
            if let Ok(told) = tokio::time::timeout(Duration::from_millis(500), taken.recv()).await {
                return told.unwrap();
            }
            assert!(number < 520, "nobody was told");
        }
        unreachable!("numbers do not end")
    });
    assert_eq!(signature, tag(OUT_SECRET, at.parse().unwrap(), &body));
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&told["eventType"], &told["flight"]["origin"]), (&json!("FLIGHT_DELAYED"), &json!("WAW")));
    assert_eq!((&told["flight"]["delayMinutes"], &told["flight"]["status"]), (&json!(45), &json!("SCHEDULED")));

    let cancelled = json!({"flight": {"flightNumber": "LO400", "origin": "WAW", "destination": "CDG", "status": "CANCELLED",
        "scheduledDeparture": at_gate("", 400, 0, "12")["flight"]["scheduledDeparture"]}});
    let answer = runtime.block_on(Post::signed(&bytes(&cancelled)).send(&reqwest::Client::new(), &program.address));
    assert_eq!(answer.unwrap().0, 202);
    let letter = wait_for("dead letter", || {
        let letters = committed(&node, "dead.letter.queue").into_iter();
        letters.map(|(_, value)| value).find(|value| holds(value, "callback not delivered"))
    });
    assert!(holds(&letter, "127.0.0.1: no connection") && !holds(&letter, "secret-path"));
}

/// While no commit can be confirmed the sender is told to come again; then the same post is taken. Gives its id.
async fn check_timeout(node: &Node, address: &str) -> String {
    let client = reqwest::Client::new();
    let body = bytes(&flight(POSTS, "valid-late"));
    node.kill();
    let (status, answer, again) = Post::signed(&body).send(&client, address).await.unwrap();
    assert_eq!((status, again), (503, true), "{answer}");
    node.again();
    loop {
        let (status, answer, again) = Post::signed(&body).send(&client, address).await.unwrap();
        if status < 300 {
            return answer["id"].as_str().unwrap().to_owned();
        }
        assert!(again, "{status} {answer}");
    }
}

// contract: S0-05 (the part that comes in), S0-21 (webhook timeout: to be sent again), S0-28 (webhook HMAC-SHA256)
#[test]
fn what_is_answered_2xx_is_committed_though_the_broker_is_killed_and_what_is_not_valid_is_nowhere() {
    if kafka().is_none() {
        return;
    }
    let (node, registry) = (Node::start(), dev_broker());
    let program = start(&node, &registry.registry, "debug", "");
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
    let Answered { mut ids, statuses } = runtime.block_on(loaded).unwrap();
    eprintln!("answered {statuses:?}");
    assert!(ids.len() > POSTS / 3, "{statuses:?}");
    ids.insert(runtime.block_on(check_timeout(&node, &program.address)));

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
