//! Sync on the running program: providers' words become the reconciled leg and its row; and a projection that is killed again and
//! again has the rows of one that was left alone; and the weather of the legs that are known is fetched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use sqlx::{AnyPool, AssertSqlSafe, Row};
use support::cluster::{Cluster, dev_broker, kafka};
use support::live::{Program, live, prepare, wait_for};
use support::{Running, run_clean, scratch};

const SECRET: &str = "a secret of this test";
/// Kills of one projection.
const KILLS: i64 = 5;

/// Every row of a query as text, columns apart by `;`.
fn query(url: &str, sql: &str) -> Option<Vec<String>> {
    sqlx::any::install_default_drivers();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let pool = AnyPool::connect(url).await.ok()?;
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&pool).await.ok()?;
        pool.close().await;
        Some(rows.iter().map(|row| row.try_get(0).unwrap()).collect())
    })
}

const ROWS: &str = "SELECT id || ';' || status || ';' || leg_status || ';' || departure_time || ';' || COALESCE(gate, '-') || ';' || \
    COALESCE(tail, '-') || ';' || COALESCE(delay_minutes, -999) || ';' || source || ';' || raw_data || ';' || last_heard_at || ';' || \
    created_at || ';' || updated_at FROM flights ORDER BY id";

fn rows(url: &str) -> Vec<String> {
    query(url, ROWS).unwrap()
}

/// Records taken so far.
fn taken(url: &str) -> i64 {
    let sum = query(url, "SELECT CAST(COALESCE(SUM(next_offset), 0) AS TEXT) FROM projection_offsets");
    sum.and_then(|rows| rows[0].parse().ok()).unwrap_or(0)
}

fn project(cluster: &Cluster, world: &str, url: &str) -> Command {
    let mut command = cluster.command(world, &["project", "--until-end", "--database", url]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn killed_projection(cluster: &Cluster, name: &str, urls: [&str; 2]) {
    let world = format!("{name}-{}", std::process::id());
    let played = cluster.command(&world, &["simulate", "weather-at-hub", "--seed", "7"]).output().unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let [alone, killed] = urls;
    assert!(project(cluster, &world, alone).status().unwrap().success());
    let all = taken(alone);
    assert!(rows(alone).len() > 50, "{} rows", rows(alone).len());

    let mut kills = 0;
    for kill in 0..KILLS {
        let mut running = Running(project(cluster, &world, killed).spawn().unwrap());
        let part = all * kill / KILLS;
        wait_for("progress", || (taken(killed) > part || running.0.try_wait().unwrap().is_some()).then_some(()));
        kills += i64::from(running.0.try_wait().unwrap().is_none());
        drop(running); // kill -9
    }
    assert!(project(cluster, &world, killed).status().unwrap().success());
    assert_eq!(taken(killed), all);
    assert_eq!(rows(killed), rows(alone), "after {kills} kills");
    eprintln!("{name}: {} rows of {all} records, {kills} kills", rows(alone).len());
}

#[test]
fn a_killed_projection_goes_on_and_has_the_same_rows() {
    let folder = scratch();
    let urls = ["alone", "killed"].map(|name| format!("sqlite:{}/{name}.db?mode=rwc", folder.path().display()));
    killed_projection(&dev_broker(), "sqlite", [&urls[0], &urls[1]]);
}

// contract: S0-28 (change feed: a table that follows the topic, each change once)
#[test]
fn so_it_does_on_apache_kafka_and_postgresql() {
    let (Some(cluster), Ok(server)) = (kafka(), std::env::var("SLIPSTREAM_TEST_POSTGRES")) else {
        assert!(std::env::var_os("CI").is_none(), "CI must run this on Apache Kafka and PostgreSQL");
        return eprintln!("skipped: SLIPSTREAM_TEST_POSTGRES is not set; deploy/local/with-services.sh sets it");
    };
    let urls = ["alone", "killed"].map(|name| {
        let database = format!("{name}_{}", std::process::id());
        assert!(query(&server, &format!("CREATE DATABASE {database}")).is_some());
        format!("{}/{database}", server.rsplit_once('/').unwrap().0)
    });
    killed_projection(&cluster, "postgres", [&urls[0], &urls[1]]);
}

/// Two mocks that differ, asked for every second.
const SETTINGS: &str = r#"
[sources]
use = "sync"
[sources.sync]
off_peak = [0, 24]
[[sources.providers]]
kind = "flightaware"
priority = 10
mock = { delay_ms = 5, legs = [{ flight = "LH400", delay_min = 95, gate = "Z54", from = "FRA", to = "JFK" }] }
[[sources.providers]]
kind = "lufthansa"
priority = 5
mock = { delay_ms = 5, legs = [{ flight = "LH400", cancelled = true, from = "FRA", to = "JFK" }] }
"#;

fn at(cluster: &Cluster) -> (&str, &str) {
    (&cluster.bootstrap, &cluster.registry)
}

/// The program in the live world of a cluster, with these settings.
fn program(cluster: &Cluster, folder: &Path, content: &str) -> Program {
    prepare(at(cluster));
    let settings = folder.join("slipstream.toml");
    std::fs::write(&settings, content).unwrap();
    let mut command = live(at(cluster), &["run", "--stages", "flights", "--log-json", "--config", settings.to_str().unwrap()]);
    // A Redis that is not there: breakers are this process's own, and nothing else is different.
    command.env("REDIS_URL", "redis://127.0.0.1:1");
    command.env("WEBHOOK_SIGNATURE_SECRET", SECRET).env("SLIPSTREAM_LOG", "info").env("FLIGHT_SYNC_CRON_INTERVAL", "* * * * * *");
    Program::start(command, folder.join("log"))
}

/// A leg is heard of: a partner tells it by a signed callback.
fn told(program: &Program, body: &str) -> String {
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let tag = mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let headers = format!("x-webhook-timestamp: {at}\r\nx-webhook-signature: v1={tag}\r\n");
    program.post("/webhooks/flight-status", &headers, body)
}

// contract: S0-16, S0-18, S0-19, S0-20
#[test]
fn what_providers_say_is_reconciled_projected_and_logged() {
    let (cluster, folder) = (dev_broker(), scratch());
    let program = program(&cluster, folder.path(), SETTINGS);
    let tomorrow = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let body = format!(
        r#"{{"eventId":"e1","flight":{{"flightNumber":"LH400","origin":"FRA","destination":"JFK","scheduledDeparture":"{tomorrow}T12:00:00Z"}}}}"#
    );
    wait_for("the first word", || told(&program, &body).contains(" 202 ").then_some(()));
    let health = wait_for("a scheduled sync", || {
        let answer = program.get("/health/flight-sync");
        let health: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1)?).ok()?;
        (health["scheduler"]["stats"]["totalFlightsSynced"].as_u64()? > 0).then_some(health)
    });
    let scheduler = &health["scheduler"];
    assert!(scheduler["isRunning"] == true && scheduler["isLeader"] == true && scheduler["nextRun"].is_string(), "{health}");
    assert!(health["lastSync"]["totalSyncs"].as_u64() > Some(0) && health["healthy"] == true, "{health}");
    assert!(health["lastSync"]["lastSyncedAt"].as_i64() > Some(1_700_000_000_000), "{health}");
    for provider in ["flightaware-mock", "lufthansa-mock"] {
        let breaker = &health["circuitBreaker"][provider];
        assert!(breaker["state"] == "CLOSED" && breaker["failureCount"] == 0, "{health}");
    }
    wait_for("the word that Redis is away", || program.get("/health/flight-sync").contains(r#""degraded":true"#).then_some(()));
    let hit_rate = health["cache"]["hitRate"].as_f64();
    assert!(hit_rate.is_some_and(|rate| (0.0..=1.0).contains(&rate)) && health["cache"]["totalEntries"] == 2, "{health}");
    assert!(program.get("/metrics").contains("slipstream_sync_leader{kind=\"scheduled\"} 1"));

    let url = format!("sqlite:{}/flights.db?mode=rwc", folder.path().display());
    let row = wait_for("a row of both sources", || {
        let mut project = live(at(&cluster), &["project", "--until-end", "--database", &url]);
        assert!(project.output().unwrap().status.success());
        let columns = "SELECT id || ';' || sync_status || ';' || sync_attempts || ';' || conflict_data FROM flights \
                       WHERE last_synced_at IS NOT NULL AND conflict_data LIKE '%lufthansa-mock%'";
        query(&url, columns)?.pop()
    });
    assert!(row.starts_with(&format!("LH400/{tomorrow}/FRA-JFK;CONFLICT;")), "{row}");
    let report: Value = serde_json::from_str(&run_clean(&["project", "--report", "--database", &url])).unwrap();
    assert_eq!(report["successRate"], 1.0, "{report}");

    let flight = format!(r#"{{"flightNumber":"400","airline":"LH","departureDate":"{tomorrow}"}}"#);
    let one = program.post("/api/flights/sync", "", &flight);
    assert!(one.contains(" 200 ") && one.contains(r#""success":true"#) && one.contains(r#""syncStatus":"CONFLICT""#), "{one}");
    let many = program.post("/api/flights/sync/batch", "", &format!(r#"{{"flights":[{flight}]}}"#));
    assert!(many.contains(r#""failed":[]"#) && many.contains("FRA-JFK"), "{many}");
    assert!(program.post("/api/flights/sync", "", "{}").contains(" 422 "));

    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let fields = |message: &str| lines.iter().map(|line| &line["fields"]).find(|fields| fields["message"] == message).unwrap();
    let started = fields("sync_started");
    assert!(started["flightNumber"] == "LH400" && started["sources"].as_str().unwrap().contains("lufthansa-mock"), "{started}");
    assert!(fields("conflict_detected")["conflictingFields"].as_str().unwrap().contains("status"));
}

/// A server that has a report of every station asked for, and a TAF of none; the first answers are 503.
fn weather_center() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let (mut connection, mut request) = (connection.unwrap(), [0; 4096]);
            let read = connection.read(&mut request).unwrap();
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let ids = line.split("ids=").nth(1).and_then(|ids| ids.split(['&', ' ']).next()).unwrap_or_default();
            let row = |id: &str| {
                format!(
                    r#"{{"icaoId":"{id}","obsTime":1795240800,"rawOb":"{id} 210600Z 31018G32KT 1400 SN OVC006 M02/M03 Q0998"}}"#
                )
            };
            let (status, body) = match (number, line.contains("/taf")) {
                (0, _) => ("503 Busy", String::new()),
                (_, true) => ("200 OK", "[]".to_owned()),
                _ => ("200 OK", format!("[{}]", ids.split("%2C").map(row).collect::<Vec<_>>().join(","))),
            };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    base
}

// contract: S2-09 (aviation weather with impact score)
#[test]
fn the_weather_at_the_airports_of_known_legs_is_fetched() {
    let (cluster, folder) = (dev_broker(), scratch());
    let settings = format!("[[weather.providers]]\nkind = \"aviationweather\"\nurl = \"{}\"\n", weather_center());
    let begun = jiff::Timestamp::now();
    let departs = begun + jiff::SignedDuration::from_hours(3);
    let body = format!(
        r#"{{"eventId":"e1","flight":{{"flightNumber":"LH400","origin":"FRA","destination":"JFK","scheduledDeparture":"{departs:.0}"}}}}"#
    );
    // The leg is there before who asks for weather begins: its first round finds it.
    let first = program(&cluster, folder.path(), "");
    wait_for("the first word", || told(&first, &body).contains(" 202 ").then_some(()));
    let export = |topic: &str| {
        let output = live(at(&cluster), &["export", topic, "--format", "jsonl"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    wait_for("the leg", || export("flight.state").pop());
    drop(first);
    let _program = program(&cluster, folder.path(), &settings);
    let reports = wait_for("reports of both airports", || Some(export("external.data")).filter(|found| found.len() >= 2));
    for (report, (key, station)) in reports.iter().zip([("FRA", "EDDF"), ("JFK", "KJFK")]) {
        assert!(reports.iter().any(|report| report["key"] == key && report["value"]["station"] == station), "{reports:?}");
        assert_eq!((&report["value"]["kind"], &report["value"]["band"]), (&"METAR".into(), &"SEVERE".into()), "{report}");
        assert!(report["value"]["impact_percent"].as_i64().is_some_and(|impact| (70..=99).contains(&impact)), "{report}");
        assert!(report["timestamp"].as_i64().unwrap() >= begun.as_millisecond(), "known when it was fetched");
    }
}
