//! The registry over HTTP: a table of calls in order, each with the status and the answer that Confluent's gives.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use slipstream_broker::Options;

use crate::kit::Bench;

const TABLE: &str = include_str!("registry.csv");

/// One call; (status, body).
fn call(url: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let length = body.len();
    write!(socket, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// Names in the table that stand for schemas.
fn schema(name: &str) -> String {
    let text = match name {
        "A" => r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":0}]}"#,
        "A-spaced" => r#"{ "type":"record", "name":"R", "fields":[ {"name":"a","type":"int","default":0} ] }"#,
        "AB" => {
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":0},{"name":"b","type":"string","default":""}]}"#
        }
        "A+must" => {
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":0},{"name":"c","type":"string"}]}"#
        }
        "A-text" => r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string","default":""}]}"#,
        "garbage" => "{no schema",
        other => return other.to_owned(),
    };
    serde_json::json!({"schema": text}).to_string()
}

#[test]
fn the_table_of_calls_holds() {
    let bench = Bench::new();
    let url = bench.broker.as_ref().unwrap().registry_url();
    for (index, line) in TABLE.lines().enumerate().skip(1) {
        let mut cells = line.splitn(5, ';').map(str::trim);
        let mut cell = || cells.next().unwrap();
        let (method, path, body, status, part) = (cell(), cell(), cell(), cell(), cell());
        let (got, answer) = call(&url, method, path, &schema(body));
        assert_eq!(got.to_string(), status, "line {}: {line}: {answer}", index + 1);
        assert!(answer.contains(part), "line {}: {line}: {answer}", index + 1);
    }
}

#[test]
fn schemas_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().to_owned()), ..Options::default() };
    let mut bench = Bench::with(options());
    let url = bench.broker.as_ref().unwrap().registry_url();
    assert_eq!(call(&url, "POST", "/subjects/s/versions", &schema("A")), (200, r#"{"id":1}"#.to_owned()));
    bench.stop();
    let bench = Bench::with(options());
    let url = bench.broker.as_ref().unwrap().registry_url();
    assert_eq!(call(&url, "POST", "/subjects/s/versions", &schema("A")), (200, r#"{"id":1}"#.to_owned()));
    assert_eq!(call(&url, "GET", "/subjects/s/versions", ""), (200, "[1]".to_owned()));
}
