//! Firehose in the running program: killed in the middle again and again, it has each message on the topic once; and its users see how it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

#[path = "webhooks/program.rs"]
mod program;
#[path = "../producers/tests/live/firehose/server.rs"]
mod server;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{Node, committed_at, seconds};
use serde_json::{Value, json};
use server::{Script, Sent, Server, file};
use support::cluster::{dev_broker, kafka};
use support::live::{Program, live, prepare, wait_for};
use support::{scratch, slipstream, text};

/// Messages of the stream, each of a leg of its own; and how often the program is killed before it has them all.
const MESSAGES: usize = 3_000;
const KILLS: usize = 2;
const PASSWORD: &str = "hush-hush-4711";

/// Departures of the last minutes, a hundred to a second, and a line in their middle that nobody can read.
fn messages() -> Vec<Sent> {
    let first = seconds() - 600;
    let departure = |n: usize| {
        let pitr = first + n as i64 / 100;
        let line = json!({"type": "departure", "pitr": pitr.to_string(), "id": format!("DLH{}-{n}", 1 + n % 900),
            "ident": format!("DLH{}", 1 + n % 900), "orig": "EDDF", "dest": "KJFK", "adt": pitr.to_string()});
        Sent { pitr, line: line.to_string().into_bytes() }
    };
    let mut messages: Vec<Sent> = (0..MESSAGES).map(departure).collect();
    let pitr = messages[MESSAGES / 2].pitr;
    messages.insert(MESSAGES / 2, Sent { pitr, line: b"{\"type\":\"unreadable\"".to_vec() });
    messages
}

fn settings(folder: &Path, server: &Server) -> PathBuf {
    let path = folder.join("slipstream.toml");
    let stream = format!("{{ host = \"localhost\", port = {}, keepalive_s = 2, ca = {:?} }}", server.port, file("ca.pem"));
    std::fs::write(&path, format!("[[sources.providers]]\nkind = \"firehose\"\nfirehose = {stream}\n")).unwrap();
    path
}

fn with_login(command: &mut Command) -> &mut Command {
    command.env("FLIGHTAWARE_FIREHOSE_USERNAME", "ops").env("FLIGHTAWARE_FIREHOSE_PASSWORD", PASSWORD)
}

/// Kills the program at each part of the stream, and looks at what is committed in the end.
fn killed(cluster: (&str, &str)) {
    prepare(cluster);
    let (server, folder) = (Server::start(messages(), vec![Script::Drip]), scratch());
    let settings = settings(folder.path(), &server);
    let start = |log: &str| {
        let mut command = live(cluster, &["run", "--stages", "flights", "--config", &text(&settings)]);
        with_login(&mut command);
        Program::start(command, folder.path().join(log))
    };
    let observed = || committed_at(cluster.0, "flight.observations");
    for kill in 0..KILLS {
        let program = start(&format!("{kill}.log"));
        let part = MESSAGES * kill / KILLS;
        wait_for("part of the stream", || (observed().len() > part).then_some(()));
        drop(program); // kill -9
    }
    let program = start("last.log");
    wait_for("all of the stream", || (observed().len() >= MESSAGES).then_some(()));
    let health = wait_for("the end of the stream", || {
        let health = program.get("/health/firehose");
        let body: Value = serde_json::from_str(health.rsplit("\r\n\r\n").next().unwrap()).unwrap();
        (body["stream"]["behindS"].as_i64()? < 575).then_some(body)
    });
    let ids: BTreeSet<String> = observed().into_iter().map(|(id, _)| id).collect();
    assert_eq!((observed().len(), ids.len()), (MESSAGES, MESSAGES), "each once");
    let unreadable = |(_, body): &(String, Vec<u8>)| body.windows(12).any(|part| part == b"line: no JSO");
    assert_eq!(committed_at(cluster.0, "dead.letter.queue").iter().filter(|letter| unreadable(letter)).count(), 1);
    assert_eq!((&health["healthy"], &health["stream"]["phase"]), (&json!(true), &json!("STREAMING")), "{health}");
    check_metrics(&program);
    let initiations = server.initiations();
    assert!(
        initiations[0].starts_with("live ") && initiations[1..].iter().all(|line| line.starts_with("pitr ")),
        "{initiations:?}"
    );
    let logs = (0..KILLS).map(|kill| format!("{kill}.log")).chain(["last.log".to_owned()]);
    for log in logs {
        let log = std::fs::read_to_string(folder.path().join(log)).unwrap();
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

fn check_metrics(program: &Program) {
    let metrics = program.get("/metrics");
    for line in [
        "slipstream_firehose_messages_total{provider=\"firehose\",result=\"unreadable\"}",
        "slipstream_firehose_messages_total{provider=\"firehose\",result=\"aside_airline\"} 0",
        "slipstream_firehose_gaps_total{provider=\"firehose\"} 0",
        "slipstream_firehose_streaming 1",
        "slipstream_firehose_behind_seconds ",
        "slipstream_provider_breaker_state{provider=\"firehose\"} 0",
        "slipstream_provider_errors_total{class=\"authentication\",provider=\"firehose\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn a_killed_stream_is_taken_up_once() {
    let cluster = dev_broker();
    killed((&cluster.bootstrap, &cluster.registry));
}

#[test]
fn so_it_is_on_apache_kafka() {
    let Some(beside) = kafka() else { return };
    let node = Node::start();
    killed((&node.bootstrap, &beside.registry));
}

#[test]
fn the_list_has_the_stream_and_its_status_says_whether_it_lets_us_in() {
    let folder = scratch();
    for (script, status, health) in
        [(Script::All, 0, "answers"), (Script::Refuses(0, "bad password"), 3, "not let in: bad password")]
    {
        let server = Server::start(messages(), vec![script]);
        let settings = text(&settings(folder.path(), &server));
        let asked = |word: &str| {
            let mut command = slipstream(&["sources", word, "--config", &settings]);
            let output = with_login(&mut command).output().unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
        };
        let (listed, list) = asked("list");
        assert!(listed == 0 && list.contains("firehose") && list.contains("not asked"), "{list}");
        assert!(server.initiations().is_empty(), "nobody was asked");
        let (ended, table) = asked("status");
        assert!(ended == status && table.contains(health), "{ended} {table}");
    }
}
