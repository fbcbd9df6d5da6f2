//! How many posts a second become committed records: valid and invalid ones mixed, offered at a fixed rate whatever is answered.
//!
//! ```sh
//! deploy/local/with-services.sh cargo bench --bench webhooks              # 10,000 posts/s for 60 s
//! RATE=4000 FOR_S=10 deploy/local/with-services.sh cargo bench --bench webhooks
//! ```
//!
//! The generator, the program and the broker share the machine. Latency is counted from the instant at which a post was due,
//! so that a generator that waits for answers does not hide a queue. Every sixth post is not valid. At the end every
//! id that was answered 2xx is looked for by a read_committed consumer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench may stop at the first surprise")]

#[path = "../tests/webhooks/program.rs"]
mod program;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use program::{CALLBACK, Node, SECRET, committed, seconds, start, tag};
use support::cluster::{dev_broker, kafka};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Connections of the generator: more than the program lets wait.
const CONNECTIONS: u64 = 1_600;

/// What the posts of one connection were answered.
#[derive(Default)]
struct Answered {
    /// Milliseconds from due to answered, by status.
    times: BTreeMap<u16, Vec<f64>>,
    ids: Vec<String>,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The bytes of a post; every sixth has a wrong signature.
fn post(n: u64) -> Vec<u8> {
    let body = format!(
        r#"{{"eventId":"bench-{n}","flight":{{"flightNumber":"LH{}","origin":"FRA","destination":"JFK","date":"2026-11-22","scheduledDeparture":"2026-11-22T09:00:00Z","delayMinutes":{}}}}}"#,
        1 + n % 900,
        n % 600
    );
    let at = seconds();
    let tag = if n % 6 == 5 { format!("v1={:064}", 0) } else { tag(SECRET, at, body.as_bytes()) };
    let length = body.len();
    format!(
        "POST {CALLBACK} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         x-webhook-timestamp: {at}\r\nx-webhook-signature: {tag}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Status and body of the next answer.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(u16, String)> {
    buffer.clear();
    loop {
        let text = String::from_utf8_lossy(buffer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
            if body.len() >= length {
                return Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn connection(address: String, next: Arc<AtomicU64>, (rate, total): (u64, u64), began: Instant) -> Answered {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut answered, mut buffer) = (Answered::default(), Vec::new());
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= total {
            return answered;
        }
        let due = began + Duration::from_secs_f64(n as f64 / rate as f64);
        tokio::time::sleep_until(due).await;
        stream.write_all(&post(n)).await.unwrap();
        let Some((status, body)) = answer(&mut stream, &mut buffer).await else { return answered };
        answered.times.entry(status).or_default().push(due.elapsed().as_secs_f64() * 1e3);
        if status < 300 {
            let id = body.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();
            answered.ids.push(id.to_owned());
        }
    }
}

async fn generate(address: &str, rate: u64, total: u64) -> Answered {
    let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now() + Duration::from_millis(500));
    let mut connections = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn(connection(address.to_owned(), Arc::clone(&next), (rate, total), began));
    }
    let mut all = Answered::default();
    for answered in connections.join_all().await {
        all.ids.extend(answered.ids);
        answered.times.into_iter().for_each(|(status, times)| all.times.entry(status).or_default().extend(times));
    }
    all
}

fn main() {
    if kafka().is_none() {
        return;
    }
    let (rate, span) = (setting("RATE", 10_000), setting("FOR_S", 60));
    let (node, registry) = (Node::start(), dev_broker());
    let program = start(&node, &registry.registry, "warn", "");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut all = runtime.block_on(generate(&program.address, rate, rate * span));
    println!("{rate} posts/s for {span} s, 5 of 6 valid");
    println!("status     posts   a second   p50 ms   p90 ms   p99 ms");
    for (status, times) in &mut all.times {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let a_second = times.len() as f64 / span as f64;
        println!("{status:>6} {:>9} {a_second:>10.0} {:>8.1} {:>8.1} {:>8.1}", times.len(), at(0.5), at(0.9), at(0.99));
    }
    let found: BTreeSet<String> = committed(&node, "flight.observations").into_iter().map(|(id, _)| id).collect();
    let lost = all.ids.iter().filter(|id| !found.contains(*id)).count();
    println!("{} answered 2xx, {lost} of them not committed", all.ids.len());
    assert_eq!(lost, 0);
}
