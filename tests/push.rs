//! An airline's push in the running program: what is told is asked for and committed, and its users see how it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

#[path = "../producers/tests/live/push/broker.rs"]
mod broker;
#[path = "webhooks/program.rs"]
mod program;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use broker::{Broker, CLIENT_ID, TOKEN, USERNAME, certificate};
use program::committed_at;
use serde_json::Value;
use support::cluster::dev_broker;
use support::live::{Program, live, prepare, wait_for};
use support::{scratch, text};

/// What the provider says of LH400.
const FLIGHT: &str = include_str!("../producers/tests/cases/live/lufthansa-flight.json");

/// A provider that says this of every flight, and gives a token to everybody.
fn provider(flight: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(|connection| _ = answer(connection.unwrap(), &flight)));
    address
}

fn answer(connection: TcpStream, flight: &str) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let (mut first, mut length) = (String::new(), 0);
    connection.read_line(&mut first)?;
    loop {
        let mut header = String::new();
        if connection.read_line(&mut header)? <= 2 {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    connection.by_ref().take(length).read_to_end(&mut Vec::new())?;
    let token = r#"{"access_token":"token","token_type":"bearer","expires_in":1799}"#;
    let body = if first.starts_with("POST") { token } else { flight };
    write!(connection.get_mut(), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn settings(folder: &Path, provider: &str, broker: &Broker) -> PathBuf {
    let path = folder.join("slipstream.toml");
    let push =
        format!("{{ carriers = [\"LH\"], host = \"localhost\", port = {}, ca = {:?} }}", broker.port, certificate("ca.pem"));
    std::fs::write(&path, format!("[[sources.providers]]\nkind = \"lufthansa\"\nurl = \"{provider}\"\npush = {push}\n")).unwrap();
    path
}

fn start(cluster: (&str, &str), settings: &Path, token: &str, log: PathBuf) -> Program {
    let mut command = live(cluster, &["run", "--stages", "flights", "--config", &text(settings)]);
    command.env("LUFTHANSA_CLIENT_ID", "id").env("LUFTHANSA_CLIENT_SECRET", "secret");
    command
        .env("LUFTHANSA_PUSH_CLIENT_ID", CLIENT_ID)
        .env("LUFTHANSA_PUSH_USERNAME", USERNAME)
        .env("LUFTHANSA_PUSH_TOKEN", token);
    Program::start(command, log)
}

/// What `/health/push` says, once its phase is this one.
fn health(program: &Program, phase: &str) -> (String, Value) {
    wait_for(phase, || {
        let answer = program.get("/health/push");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        (body["push"]["phase"] == phase).then(|| (head.to_owned(), body))
    })
}

#[test]
fn what_an_airline_tells_is_asked_for_and_committed() {
    let Some(broker) = Broker::start() else { return };
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (cluster, folder) = (dev_broker(), scratch());
    let at = (cluster.bootstrap.as_str(), cluster.registry.as_str());
    prepare(at);
    let provider = provider(FLIGHT.replace("2026-11-21", &today.to_string()));
    let settings = settings(folder.path(), &provider, &broker);

    let program = start(at, &settings, TOKEN, folder.path().join("log"));
    let (head, body) = health(&program, "STREAMING");
    assert!(head.starts_with("HTTP/1.1 200") && body["healthy"] == true, "{body}");
    broker.say(&format!("prd/FlightUpdate/LH/LH400/{today}"), br#"{"Update":{"Code":"MVT ED"}}"#);
    broker.say("prd/FlightUpdate/LH", b"unreadable");
    wait_for("what the provider says", || (!committed_at(at.0, "flight.observations").is_empty()).then_some(()));
    let letter = |(_, body): &(String, Vec<u8>)| String::from_utf8_lossy(body).contains("source:lufthansa-push");
    wait_for("dead letter", || committed_at(at.0, "dead.letter.queue").iter().any(letter).then_some(()));
    wait_for("metrics", || {
        let metrics = program.get("/metrics");
        let wanted = [
            "slipstream_push_messages_total{provider=\"lufthansa-push\",result=\"queued\"} 1",
            "slipstream_push_messages_total{provider=\"lufthansa-push\",result=\"unreadable_topic\"} 1",
            "slipstream_push_codes_total{code=\"MVT ED\",provider=\"lufthansa-push\"} 1",
            "slipstream_push_legs_total{provider=\"lufthansa-push\",result=\"synced\"} 1",
            "slipstream_push_connected 1",
            "slipstream_provider_breaker_state{provider=\"lufthansa-push\"} 0",
        ];
        wanted.iter().all(|line| metrics.contains(line)).then_some(())
    });
    drop(program);

    let program = start(at, &settings, "hush-hush.wrong", folder.path().join("wrong"));
    let (head, body) = health(&program, "LOCKED_OUT");
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body["push"]["lastError"], "not let in: not authorised");
    for log in ["log", "wrong"] {
        let log = std::fs::read_to_string(folder.path().join(log)).unwrap();
        assert!(!log.contains("hush") && !log.contains(CLIENT_ID), "{log}");
    }
}
