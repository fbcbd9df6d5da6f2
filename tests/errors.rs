//! Each class of errors on the running program: somebody fails in its way, and `slipstream_errors_total` says where, of what kind
//! and how bad; a projection outlives its database's refusals.
//!
//! Dead letters by class: `tests/dlq.rs`. Rights and passwords on a real cluster: `tests/services.rs`. Full disks and gone topics:
//! `streams/tests/days.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use slipstream_streams::errors::ErrorClass;
use sqlx::{AnyPool, AssertSqlSafe, Row};
use support::cluster::dev_broker;
use support::live::{Program, live, prepare, wait_or_say};
use support::{DAY, scratch};

/// What is counted of a class at a component; none where the program has no such sample.
fn counted(program: &Program, component: &str, class: ErrorClass) -> Option<u64> {
    let labels = format!("class=\"{class}\",component=\"{component}\",severity=\"{}\"", class.severity().name());
    let sample = format!("slipstream_errors_total{{{labels}}} ");
    program.get("/metrics").lines().find_map(|line| line.strip_prefix(&sample)?.parse().ok())
}

/// Waits until a component has met an error of a class.
fn wait_met(program: &Program, component: &str, class: ErrorClass) {
    wait_or_say(&format!("{class} of {component}"), || match counted(program, component, class) {
        Some(1..) => Ok(()),
        _ => Err(program.get("/metrics").lines().filter(|line| line.contains("slipstream_errors_total{")).collect()),
    });
}

/// A server of providers, who fail each in its way: the first folder of a path is the status that it answers with; none answers to 0.
fn failing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for connection in listener.incoming() {
            let mut connection = BufReader::new(connection.unwrap());
            let mut line = String::new();
            connection.read_line(&mut line).unwrap();
            let status = line.split('/').nth(1).unwrap_or_default().to_owned();
            while !matches!(line.as_str(), "\r\n" | "") {
                line.clear();
                connection.read_line(&mut line).unwrap();
            }
            if status == "0" {
                silent.push(connection);
                continue;
            }
            let answer = format!("HTTP/1.1 {status} So\r\nconnection: close\r\ncontent-length: 7\r\n\r\nno JSON");
            // Who does not wait for it has gone.
            let _ = connection.get_mut().write_all(answer.as_bytes());
        }
    });
    base
}

/// The providers, by what they answer and of which class that is.
const PROVIDERS: [(&str, u16, ErrorClass); 5] = [
    ("locked", 401, ErrorClass::Auth),
    ("spent", 429, ErrorClass::Resource),
    ("garbled", 200, ErrorClass::Validation),
    ("away", 503, ErrorClass::Network),
    ("silent", 0, ErrorClass::Timeout),
];

fn settings() -> String {
    let base = failing();
    let entry = |(name, status, _): &(&str, u16, ErrorClass)| {
        format!("[[sources.providers]]\nkind = \"flightaware\"\nname = \"{name}\"\nurl = \"{base}/{status}\"\ntimeout_s = 1\n")
    };
    let use_api = "[sources]\nuse = \"api\"\n";
    use_api.to_owned() + &PROVIDERS.iter().map(entry).collect::<String>()
}

// contract: S2-22 (network, validation, API timeout, auth, resource: classified and counted with their severity)
#[test]
fn whoever_fails_is_counted_by_the_way_in_which_it_fails() {
    let (cluster, folder) = (dev_broker(), scratch());
    let at = (cluster.bootstrap.as_str(), cluster.registry.as_str());
    prepare(at);
    let file = folder.path().join("slipstream.toml");
    std::fs::write(&file, settings()).unwrap();
    let mut command = live(at, &["run", "--stages", "flights", "--config", file.to_str().unwrap()]);
    command.env("FLIGHTAWARE_API_KEY", "key");
    let program = Program::start(command, folder.path().join("log"));
    let tomorrow = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    for (name, _, class) in PROVIDERS {
        let component = format!("provider:{name}");
        wait_or_say(&format!("{class} of {name}"), || {
            program.get(&format!("/api/flights/LH400/{tomorrow}"));
            match counted(&program, &component, class) {
                Some(1..) => Ok(()),
                _ => Err(program.get("/metrics").lines().filter(|line| line.contains(&component)).collect()),
            }
        });
    }
    for class in ErrorClass::ALL {
        assert_eq!(counted(&program, "stage:reconcile", class), Some(0), "{class} can be seen to rise the first time");
    }
    drop(cluster); // kill -9
    wait_met(&program, "unit:flights", ErrorClass::Network);
}

/// The rows of a query on a database, as text; of a statement none.
fn ask(url: &str, sql: &str) -> Vec<String> {
    sqlx::any::install_default_drivers();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let pool = AnyPool::connect(url).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows.iter().map(|row| row.try_get(0).unwrap()).collect()
    })
}

/// The beginning of a packed file.
fn first_lines(packed: &str, count: usize) -> String {
    let file = std::fs::File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(packed)).unwrap();
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    lines.take(count).map(|line| line.unwrap() + "\n").collect()
}

// contract: S2-22 (database: counted, and resumed from the offsets in it)
#[test]
fn a_projection_outlives_what_its_database_refuses() {
    let (cluster, folder) = (dev_broker(), scratch());
    let world = format!("errors-{}", std::process::id());
    let day = folder.path().join("day.csv");
    std::fs::write(&day, first_lines(DAY, 40)).unwrap();
    let played = cluster.command(&world, &["replay", &format!("bts:{}", day.display())]).output().unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let url = |name: &str| format!("sqlite:{}/{name}.db?mode=rwc", folder.path().display());
    let (alone, refusing) = (url("alone"), url("refusing"));
    let project = |url: &str, more: &[&str]| cluster.command(&world, &[&["project", "--database", url], more].concat());
    assert!(project(&alone, &["--until-end"]).status().unwrap().success());
    assert!(project(&refusing, &["--report"]).output().unwrap().status.success(), "its tables are made");

    ask(&refusing, "ALTER TABLE flights RENAME TO elsewhere");
    let program = Program::start(project(&refusing, &["--metrics", "127.0.0.1:0"]), folder.path().join("log"));
    wait_met(&program, "projection", ErrorClass::Database);
    let health = program.get("/health");
    assert!(health.contains(" 503 ") && health.contains("projection: database: "), "{health}");
    ask(&refusing, "ALTER TABLE elsewhere RENAME TO flights");
    let rows = "SELECT id || ';' || COALESCE(status, '-') || ';' || COALESCE(raw_data, '-') FROM flights ORDER BY id";
    let wanted = ask(&alone, rows);
    assert!(wanted.len() > 30, "{} rows", wanted.len());
    let offsets = "SELECT topic || '/' || topic_partition || '/' || next_offset FROM projection_offsets ORDER BY 1";
    wait_or_say("every record", || {
        let (found, all) = (ask(&refusing, offsets), ask(&alone, offsets));
        if found == all { Ok(()) } else { Err(format!("{found:?} of {all:?}")) }
    });
    assert_eq!(ask(&refusing, rows), wanted);
    wait_or_say("health", || Some(program.get("/health")).filter(|said| said.contains(" 200 ")).ok_or_else(String::new));
}
