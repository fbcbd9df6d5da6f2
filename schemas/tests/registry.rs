//! The registry client against a registry of a few lines, which can be made to fail.
//!
//! What a real registry does, `make test` finds out; here it is the client's patience and its words.

#![cfg(feature = "registry")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use slipstream_schemas::codec::Codec;
use slipstream_schemas::records::{Tick, rank_of};
use slipstream_schemas::registry::{LAG_ATTEMPTS, Registry};
use slipstream_schemas::schema_ids::{IdError, SchemaIds};
use slipstream_schemas::wire::Wire;

/// What the fake holds, and what it was asked.
#[derive(Default)]
struct Held {
    schemas: Vec<String>,
    subjects: BTreeMap<String, u32>,
    compatibility: BTreeMap<String, String>,
    /// Answers still to be refused with HTTP 503.
    down_for: u32,
    requests: Vec<String>,
}

/// A registry on a free port, until the test ends.
fn registry() -> (Registry, Arc<Mutex<Held>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = Arc::new(Mutex::new(Held::default()));
    let shared = Arc::clone(&held);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(&stream, &shared));
        }
    });
    (Registry::new(&url), held)
}

/// Answers every request of one connection.
fn serve(mut stream: &TcpStream, held: &Mutex<Held>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            match header.to_lowercase().trim().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, answer) = answer(&mut held.lock().unwrap(), line.trim(), &body);
        let text = answer.to_string();
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}", text.len())
            .ok()?;
    }
}

fn answer(held: &mut Held, request: &str, body: &[u8]) -> (u16, Value) {
    held.requests.push(request.to_owned());
    if held.down_for > 0 {
        held.down_for -= 1;
        return (503, json!({"error_code": 50_004, "message": "no leader"}));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap().split('?').next().unwrap());
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("PUT", ["config", subject]) => {
            held.compatibility.insert((*subject).to_owned(), body["compatibility"].as_str().unwrap().to_owned());
            (200, body)
        }
        ("POST", ["subjects", "refused-slipstream.Tick", "versions"]) => {
            (409, json!({"error_code": 409, "message": "incompatible"}))
        }
        ("POST", ["subjects", subject, "versions"]) => {
            let text = body["schema"].as_str().unwrap().to_owned();
            let at = held.schemas.iter().position(|held| *held == text).unwrap_or_else(|| {
                held.schemas.push(text);
                held.schemas.len() - 1
            });
            held.subjects.insert((*subject).to_owned(), at as u32 + 1);
            (200, json!({"id": at + 1}))
        }
        ("POST", ["subjects", subject]) => match held.subjects.get(*subject) {
            Some(id) if held.schemas[*id as usize - 1] == body["schema"] => {
                (200, json!({"id": id, "version": 1, "schema": body["schema"]}))
            }
            Some(_) => (404, json!({"error_code": 40_403, "message": "schema not found"})),
            None => (404, json!({"error_code": 40_401, "message": "subject not found"})),
        },
        ("GET", ["schemas", "ids", id]) => match id.parse::<usize>().ok().and_then(|id| held.schemas.get(id.wrapping_sub(1))) {
            Some(schema) => (200, json!({"schema": schema})),
            None => (404, json!({"error_code": 40_403, "message": "schema not found"})),
        },
        _ => (404, json!({"error_code": 404, "message": "no such path"})),
    }
}

#[test]
fn registering_sets_the_rule_first_and_twice_is_once() {
    let (registry, held) = registry();
    let pairs = [("clock", "Tick"), ("progress", "World"), ("other", "Tick")];
    let first = registry.register(&pairs).unwrap();
    assert_eq!(
        first.iter().map(|r| (r.subject.as_str(), r.id)).collect::<Vec<_>>(),
        [("clock-slipstream.Tick", 1), ("progress-slipstream.World", 2), ("other-slipstream.Tick", 1),]
    );
    assert_eq!(registry.register(&pairs).unwrap(), first);
    let held = held.lock().unwrap();
    assert!(held.requests[0].starts_with("PUT /config/clock-slipstream.Tick"), "{:?}", held.requests);
    assert!(held.compatibility.len() == 3 && held.compatibility.values().all(|mode| mode == "FULL_TRANSITIVE"));
}

#[test]
fn looking_up_adds_nothing_and_says_what_to_do() {
    let (registry, held) = registry();
    let codec = Codec::new(Arc::new(registry)).unwrap();
    let error = codec.prepare("clock", "Tick").unwrap_err();
    assert_eq!(error, IdError::NotRegistered("clock-slipstream.Tick".to_owned()));
    assert!(error.to_string().contains("slipstream schemas register"));
    assert!(held.lock().unwrap().schemas.is_empty());
}

#[test]
fn a_refusal_is_final_and_in_the_registrys_words() {
    let (registry, held) = registry();
    let error = registry.register(&[("refused", "Tick")]).unwrap_err();
    assert!(matches!(&error, IdError::Refused { why, .. } if why.contains("incompatible")), "{error}");
    assert_eq!(held.lock().unwrap().requests.len(), 3, "the rule, one try, and a look at what stands there");
}

/// A value goes through two codecs that know each other only by the registry, also from inside an async runtime.
#[test]
fn a_value_is_read_by_another_process_under_the_registrys_id() {
    let (registry, held) = registry();
    registry.register(&[("clock", "Tick")]).unwrap();
    let codec = Arc::new(Codec::new(Arc::new(registry)).unwrap());
    let value = {
        let mut value = Vec::new();
        codec.encode("clock", rank_of("clock.tick").unwrap(), &Tick { at: 42 }.to_bytes(), &mut value).unwrap();
        value
    };
    assert_eq!(value, [0, 0, 0, 0, 1, 84]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let decoded = runtime.block_on(async { codec.decode(None, &value).map(|decoded| decoded.rank) });
    assert_eq!(decoded.unwrap(), rank_of("clock.tick").unwrap());
    let asked = held.lock().unwrap().requests.len();
    codec.decode(None, &value).unwrap();
    assert_eq!(held.lock().unwrap().requests.len(), asked, "known for ever");
}

#[test]
fn a_registry_that_comes_back_in_time_is_waited_for() {
    let (registry, held) = registry();
    registry.register(&[("clock", "Tick")]).unwrap();
    held.lock().unwrap().down_for = 2;
    assert!(registry.schema(1).unwrap().contains("Tick"));
    assert_eq!(held.lock().unwrap().requests.len(), 2 + 3);
}

#[test]
fn a_registry_that_is_down_is_named_after_all_tries() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Registry::new(&format!("http://{closed}/")).schema(1).unwrap_err();
    assert!(matches!(&error, IdError::Unreachable { url, .. } if *url == format!("http://{closed}")), "{error}");
}

#[test]
fn an_unknown_id_is_asked_for_once_a_minute_however_often_it_comes() {
    let (registry, held) = registry();
    for _ in 0..3 {
        assert_eq!(registry.schema(99), Err(IdError::UnknownId(99)));
    }
    assert_eq!(held.lock().unwrap().requests.len(), LAG_ATTEMPTS as usize, "one question, repeated for a replica that lags");
}
