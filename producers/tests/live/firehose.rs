//! Firehose against a server that plays it over TLS: what messages say, and that each is published once, whatever breaks.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use slipstream_producers::live::breaker::State;
use slipstream_producers::live::config::Sources;
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::firehose::message::{Says, read};
use slipstream_producers::live::firehose::settings::{Login, StreamSettings};
use slipstream_producers::live::firehose::stream::{Finding, Way};
use slipstream_producers::live::firehose::{Firehose, LINE_BYTES_MAX, Phase, Positions, SOURCE};
use slipstream_producers::live::provider::Clock;
use slipstream_producers::live::secret::Secret;
use slipstream_producers::live::sync::{Publisher, Publishing, Unpublished};
use slipstream_schemas::records::{DeadLetter, DesignatorRole, FlightObservation, SourcePosition};
use slipstream_schemas::topics::{DEAD_LETTER_QUEUE, FLIGHT_OBSERVATIONS, SOURCE_POSITIONS};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, rfc3339};

use self::server::{Script, Sent, Server, file};
use crate::support::BEGUN;

const MESSAGES: &str = include_str!("../cases/live/firehose.jsonl");
/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first second of the stream, an hour before the clock.
const FIRST: i64 = BEGUN / 1000 - 3_600;

fn cases() -> impl Iterator<Item = Value> {
    MESSAGES.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn time(at: i64) -> String {
    format!("{}Z", &rfc3339(at)[11..16])
}

/// An observation as the table has it.
fn told(said: &FlightObservation) -> String {
    let suffix = said.suffix.map_or_else(String::new, |suffix| suffix.to_string());
    let kind = serde_json::to_value(said.kind).unwrap();
    let (from, to) = (said.origin, said.destination);
    let day = said.date.map_or_else(String::new, |date| format!(" on {date}"));
    let mut text = format!("{} {}{}{suffix} {from}-{to}{day}", kind.as_str().unwrap(), said.carrier, said.number);
    let optional = |at: Option<i64>| at.map_or_else(String::new, time);
    for (name, out, back) in [
        ("planned", said.scheduled_departure, said.scheduled_arrival),
        ("expected", said.estimated_departure, said.estimated_arrival),
    ] {
        if out.or(back).is_some() {
            text += &format!(", {name} {}-{}", optional(out), optional(back));
        }
    }
    text += &said.at.map_or_else(String::new, |at| format!(", at {}", time(at)));
    text += &said.tail.map_or_else(String::new, |tail| format!(", {tail}"));
    let place = |terminal: &Option<String>, gate: &Option<String>| {
        let name = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        terminal.as_ref().or(gate.as_ref()).map(|_| format!("{}/{}", name(terminal), name(gate)))
    };
    let from = place(&said.departure_terminal, &said.departure_gate).map(|place| format!("from {place}"));
    let to = place(&said.arrival_terminal, &said.arrival_gate).map(|place| format!("to {place}"));
    let places: Vec<String> = [from, to].into_iter().flatten().collect();
    if !places.is_empty() {
        text += &format!(", {}", places.join(" "));
    }
    if said.assumed { text + ", assumed" } else { text }
}

fn said(line: &[u8]) -> Value {
    match read(line, SOURCE) {
        Ok(message) => match message.says {
            Says::Observed(said) => json!(said.iter().map(told).collect::<Vec<_>>()),
            Says::Aside(why) => json!(format!("aside: {}", why.name())),
            Says::Alive => json!("alive"),
            Says::Refused(words) => json!(format!("refused: {words}")),
        },
        Err(fault) => json!(format!("unusable: {fault}")),
    }
}

#[test]
fn documented_messages_become_observations() {
    let mut count = 0;
    for case in cases() {
        assert_eq!(said(case["line"].to_string().as_bytes()), case["says"], "{}", case["case"]);
        count += 1;
    }
    assert!(count > 30, "{count} cases");
}

#[test]
fn all_say_whose_word_it_is_and_of_which_leg() {
    for case in cases() {
        let Ok(message) = read(case["line"].to_string().as_bytes(), SOURCE) else { continue };
        let Says::Observed(said) = message.says else { continue };
        for said in said {
            assert_eq!((said.source.as_str(), said.source_leg.as_deref()), ("flightaware", case["line"]["id"].as_str()));
            assert_eq!((said.designator, said.role), (None, DesignatorRole::Operating));
        }
    }
}

#[test]
fn lines_that_are_no_text_say_where() {
    let cases: [(&[u8], &str); 4] = [
        (b"{\"type\":\"keep\xff\"}", "line: no UTF-8 from byte 13 on"),
        (b"{\"type\":\"keepalive\",", "line: no JSON at column 20"),
        (b"not at all", "line: no JSON at column 2"),
        (b"\"keepalive\"", "line: no JSON object"),
    ];
    for (line, expected) in cases {
        assert_eq!(said(line), json!(format!("unusable: {expected}")));
    }
    assert!(said("[".repeat(100_000).as_bytes()).as_str().unwrap().starts_with("unusable: line: no JSON"));
}

#[test]
fn an_id_follows_from_the_content_and_not_from_its_order() {
    let id = |line: &str| read(line.as_bytes(), SOURCE).unwrap().id;
    let one = r#"{"type":"keepalive","pitr":"1795246000","serverTime":"1795246001"}"#;
    assert_eq!(id(one), id(r#"{ "serverTime":"1795246001","pitr":"1795246000", "type":"keepalive"}"#));
    assert_ne!(id(one), id(&one.replace("6001", "6002")));
}

proptest! {
    #[test]
    fn any_line_is_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&line, SOURCE);
    }

    #[test]
    fn any_value_of_a_field_is_read_or_refused(place in 0..33_usize, field in "[a-z_]{2,8}|adt|aat|clock|ident|orig|dest|fdt|reg|pitr|scheduled_out", value in "\\PC{0,30}") {
        let mut line = cases().nth(place).unwrap()["line"].clone();
        if let Value::Object(fields) = &mut line {
            fields.insert(field, value.into());
        }
        if let Err(fault) = read(line.to_string().as_bytes(), SOURCE) {
            prop_assert!(!fault.to_string().is_empty());
        }
    }
}

/// Takes parcels in, and knows the position of the last one, as the topics do.
#[derive(Default)]
struct Log {
    parcels: Mutex<Vec<Vec<Record>>>,
    /// Parcels from this one on fail twice: one is not written, the other is and its answer is lost.
    fails_at: Option<usize>,
    calls: AtomicUsize,
}

impl Publisher for Log {
    fn publish(&self, records: Vec<Record>) -> Publishing<'_> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let place = self.fails_at.map(|at| call.wrapping_sub(at));
        if place != Some(0) {
            self.parcels.lock().unwrap().push(records);
        }
        let lost = Err(Unpublished("as the test wants".to_owned()));
        Box::pin(std::future::ready(if matches!(place, Some(0 | 1)) { lost } else { Ok(()) }))
    }
}

impl Positions for Log {
    fn last<'a>(&'a self, source: &'a str) -> Finding<'a> {
        let positions = self.on(SOURCE_POSITIONS).into_iter().filter(|record| &*record.key == source);
        let last = positions.last().map(|record| SourcePosition::from_bytes(record.body.as_deref().unwrap()).unwrap());
        Box::pin(std::future::ready(Ok(last)))
    }
}

impl Log {
    fn on(&self, topic: &str) -> Vec<Record> {
        let all = self.parcels.lock().unwrap().concat();
        all.into_iter().filter(|record| record.topic == topic).collect()
    }

    fn letters(&self) -> Vec<DeadLetter> {
        self.on(DEAD_LETTER_QUEUE).iter().map(|record| DeadLetter::from_bytes(record.body.as_deref().unwrap()).unwrap()).collect()
    }

    /// How often each leg's departure stands there.
    fn flights(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for record in self.on(FLIGHT_OBSERVATIONS) {
            let said = FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap();
            *counts.entry(said.source_leg.unwrap()).or_default() += 1;
        }
        counts
    }
}

fn clock() -> Clock {
    Arc::new(|| BEGUN)
}

fn settings(port: u16) -> StreamSettings {
    StreamSettings { host: "localhost".to_owned(), port, keepalive_s: 1, ca: Some(file("ca.pem")), ..StreamSettings::default() }
}

fn firehose(settings: StreamSettings) -> Firehose {
    let login = Login::new(Secret::new("ops-user"), Secret::new("hush-hush")).unwrap();
    Firehose::new("firehose".to_owned(), settings, login, clock()).unwrap()
}

fn way(log: &Arc<Log>) -> Way {
    let (publisher, positions) = (Arc::clone(log), Arc::clone(log));
    Way { leads: Arc::new(|| true), publisher, positions }
}

/// A departure of a leg of its own, three to a second.
fn departure(n: usize) -> Sent {
    let pitr = FIRST + n as i64 / 3;
    let line = json!({"type": "departure", "pitr": pitr.to_string(), "id": format!("DLH{}-{n}", 1 + n % 900),
        "ident": format!("DLH{}", 1 + n % 900), "orig": "EDDF", "dest": "KJFK", "adt": pitr.to_string()});
    Sent { pitr, line: line.to_string().into_bytes() }
}

fn departures(count: usize) -> Vec<Sent> {
    (0..count).map(departure).collect()
}

fn line(text: &[u8]) -> Sent {
    Sent { pitr: FIRST, line: text.to_vec() }
}

/// Keeps the stream until `fact` holds.
async fn until(firehose: &Firehose, log: &Arc<Log>, fact: impl Fn() -> bool) {
    let way = way(log);
    let looked = async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = firehose.keep(&way) => panic!("it ended: {:?}", firehose.report()),
        held = tokio::time::timeout(PATIENCE, looked) => held.unwrap_or_else(|_| panic!("{:?}", firehose.report())),
    }
}

fn once(count: usize) -> BTreeMap<String, usize> {
    (0..count).map(|n| (format!("DLH{}-{n}", 1 + n % 900), 1)).collect()
}

#[tokio::test]
async fn a_stream_that_breaks_again_and_again_is_taken_up_once() {
    let server = Server::start(departures(600), vec![Script::Half(100), Script::Half(0), Script::Half(251), Script::All]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    until(&firehose, &log, || log.flights().len() == 600).await;
    assert_eq!(log.flights(), once(600));
    let from: Vec<String> = server.initiations().iter().map(|line| line.split(" username").next().unwrap().to_owned()).collect();
    // 100 messages end within second 33, whose first is known; the third connection sends 251 more, from 99 on.
    let at = |n: usize| format!("pitr {}", FIRST + n as i64 / 3);
    assert_eq!(from, ["live".to_owned(), at(99), at(99), at(99 + 250)]);
    let ids: BTreeSet<_> = log.on(FLIGHT_OBSERVATIONS).iter().map(|record| record.event.id).collect();
    assert_eq!(ids.len(), 600, "each has an id of its own");
    assert!(
        log.on(FLIGHT_OBSERVATIONS).iter().all(|record| record.timestamp < BEGUN && record.timestamp % 1000 == 0),
        "stamped as known"
    );
    assert!(log.letters().is_empty(), "half a line is sent again");
    let report = firehose.report();
    assert_eq!((report.tally.observed, report.phase, report.gaps, report.connections), (600, Phase::Streaming, 0, 4));
    assert!(report.tally.repeated >= 3, "{report:?}");
}

#[tokio::test]
async fn a_process_that_is_gone_is_followed_by_one_that_goes_on() {
    let server = Server::start(departures(300), vec![Script::Silent(100), Script::Silent(100), Script::All]);
    let log = Arc::new(Log::default());
    for reached in [100, 199, 300] {
        // Its memory goes with it.
        until(&firehose(settings(server.port)), &log, || log.flights().len() == reached).await;
    }
    assert_eq!(log.flights(), once(300));
    assert!(server.initiations()[2].starts_with(&format!("pitr {} ", FIRST + 66)), "{:?}", server.initiations());
}

#[tokio::test]
async fn what_could_not_be_published_is_said_again_and_what_was_is_not() {
    let server = Server::start(departures(400), vec![Script::All]);
    let log = Arc::new(Log { fails_at: Some(0), ..Log::default() });
    let firehose = firehose(settings(server.port));
    until(&firehose, &log, || log.flights().len() == 400 && server.initiations().len() == 3).await;
    assert_eq!((log.flights(), server.initiations().len()), (once(400), 3), "one was lost, of one the answer");
    assert_eq!(firehose.as_provider().errors, BTreeMap::new(), "no fault of the server's");
}

#[tokio::test]
async fn bad_lines_are_letters_and_the_stream_goes_on() {
    let long = [&b"{\"type\":\""[..], &vec![b'x'; LINE_BYTES_MAX], b"\"}"].concat();
    let bad: [&[u8]; 5] = [b"{\"type\":", b"\xff\xfe", b"[]", b"{\"type\":\"teleport\",\"pitr\":\"1795237200\"}", &long];
    let mut messages = vec![departure(0), line(b""), line(b"\r")];
    messages.extend(bad.map(line));
    messages.push(departure(1));
    // All of them twice: the second connection begins in the same second.
    let server = Server::start(messages, vec![Script::Half(9), Script::All]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    until(&firehose, &log, || server.initiations().len() == 2 && firehose.report().tally.repeated >= 7).await;
    assert_eq!(log.flights(), once(2));
    let letters = log.letters();
    let errors: Vec<&str> = letters.iter().map(|letter| letter.error.as_str()).collect();
    let expected = [
        "line: no JSON at column 8",
        "line: no UTF-8 from byte 0 on",
        "line: no JSON object",
        "type: none that the documents name",
        "line: 262155 bytes, more than 262144",
    ];
    assert_eq!(errors, expected);
    for (letter, line) in letters.iter().zip(bad) {
        let origin = format!("firehose:localhost:{}", server.port);
        assert_eq!((&letter.topic, letter.offset, letter.reason.as_str()), (&origin, FIRST, "unusable message"));
        let value = letter.value.as_deref().map(|text| base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap());
        assert_eq!(
            value.as_deref(),
            Some(line).filter(|line| line.len() <= LINE_BYTES_MAX),
            "the line as it came, if it is not too long"
        );
    }
    assert_eq!(firehose.report().tally.unreadable, 5);
}

#[tokio::test]
async fn who_is_not_let_in_stops_and_says_so_without_the_password() {
    let server = Server::start(departures(9), vec![Script::Refuses(3, "Incorrect password hush-hush for ops-user")]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    tokio::time::timeout(PATIENCE, firehose.keep(&way(&log))).await.expect("it stops");
    assert_eq!(log.flights(), once(3), "what came before is published");
    let (report, provider) = (firehose.report(), firehose.as_provider());
    assert_eq!((report.phase, provider.breaker, firehose.is_healthy()), (Phase::LockedOut, State::Open, false));
    assert_eq!(provider.errors, BTreeMap::from([("authentication", 1)]), "what alerts stand on");
    assert_eq!(server.initiations().len(), 1, "nothing is tried again");
    let shown = format!("{report:?} {provider:?} {:?}", firehose.check().await);
    assert!(shown.contains("[secret]") && !shown.contains("hush") && !shown.contains("ops-user"), "{shown}");
    assert!(server.initiations()[0].contains(" username ops-user password hush-hush "), "the server is told");
}

#[tokio::test]
async fn another_error_of_the_server_is_no_end() {
    let server = Server::start(departures(30), vec![Script::Refuses(10, "internal trouble"), Script::All]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    until(&firehose, &log, || log.flights().len() == 30).await;
    assert_eq!(log.flights(), once(30));
    assert_eq!((firehose.as_provider().errors, firehose.is_healthy()), (BTreeMap::from([("unavailable", 1)]), true));
    assert_eq!(firehose.report().last_error.as_deref(), Some("unavailable: internal trouble"));
}

#[tokio::test]
async fn silence_and_standing_still_end_a_connection() {
    let server = Server::start(departures(30), vec![Script::Silent(10), Script::Silent(0), Script::Frozen, Script::All]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    until(&firehose, &log, || log.flights().len() == 30).await;
    let errors = firehose.as_provider().errors;
    assert_eq!(errors, BTreeMap::from([("timeout", 2), ("unavailable", 1)]));
    let initiations = server.initiations();
    // What stood still named an earlier second than the messages: never back.
    assert!(initiations[3].starts_with("pitr 1795237203 "), "{initiations:?}");
    assert_eq!(log.flights(), once(30));
}

#[tokio::test]
async fn a_position_of_long_ago_is_a_gap_that_is_counted() {
    let server = Server::start(departures(6), vec![Script::All]);
    let log = Arc::new(Log::default());
    let resumes = |hours| StreamSettings { resume_max_h: hours, ..settings(server.port) };
    until(&firehose(resumes(1)), &log, || log.flights().len() == 6).await;
    // The stream's last second is an hour old by two seconds less.
    let later = |resume_max_h| {
        let login = Login::new(Secret::new("u"), Secret::new("p")).unwrap();
        Firehose::new("firehose".to_owned(), resumes(resume_max_h), login, Arc::new(|| BEGUN + 7_200_000)).unwrap()
    };
    for (hours, gaps, start) in [(1, 1, "live "), (168, 0, "pitr ")] {
        let (stream, before) = (later(hours), server.initiations().len());
        until(&stream, &log, || server.initiations().len() > before).await;
        assert_eq!((stream.report().gaps, server.initiations()[before].starts_with(start)), (gaps, true), "{hours} h");
    }
}

#[tokio::test]
async fn nobody_but_the_server_is_spoken_to() {
    let server = Server::start(departures(3), vec![Script::All]);
    let other = firehose(StreamSettings { ca: Some(file("other.pem")), ..settings(server.port) });
    let stranger = firehose(StreamSettings { host: "127.0.0.2".to_owned(), ..settings(server.port) });
    for client in [other, stranger] {
        let error = client.check().await.unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
        assert_eq!(client.as_provider().healthy, Some(false));
    }
    assert!(server.initiations().is_empty(), "no password has left");
    let ours = firehose(settings(server.port));
    assert_eq!(ours.check().await, Ok(()));
    assert_eq!((ours.as_provider().healthy, server.initiations().len()), (Some(true), 1));
}

#[tokio::test]
async fn who_follows_does_not_connect() {
    let server = Server::start(departures(3), vec![Script::All]);
    let (firehose, log) = (firehose(settings(server.port)), Arc::new(Log::default()));
    let looked = Arc::new(AtomicUsize::new(0));
    let looks = Arc::clone(&looked);
    let follows = Way { leads: Arc::new(move || looks.fetch_add(1, Ordering::SeqCst) > 2), ..way(&log) };
    let led = async {
        while log.flights().len() < 3 {
            assert!(looked.load(Ordering::SeqCst) > 2 || server.initiations().is_empty());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = firehose.keep(&follows) => panic!("it ended"),
        led = tokio::time::timeout(PATIENCE, led) => led.unwrap(),
    }
}

#[test]
fn entries_name_what_is_wrong_with_them() {
    let firehose = |text: &str, login: bool| {
        let sources: Sources = toml::from_str(text).unwrap();
        let environment = |name: &str| (login && name.starts_with("FLIGHTAWARE_FIREHOSE_")).then(|| "x".to_owned());
        sources.firehose(&environment, &clock()).map(|stream| stream.is_some()).map_err(|error| error.to_string())
    };
    let entry = "[[providers]]\nkind = \"firehose\"\n";
    let with = |line: &str| format!("{entry}{line}\n");
    assert_eq!(firehose("", true), Ok(false));
    let ours = format!("firehose = {{ host = \"localhost\", ca = {:?} }}", file("ca.pem"));
    assert_eq!(firehose(&with(&ours), true), Ok(true));
    assert_eq!(firehose(&with("mock = { delay_ms = 1 }"), false), Ok(true), "a mock needs no login");
    for (text, login, named) in [
        (with(""), false, "FLIGHTAWARE_FIREHOSE_USERNAME is not set"),
        (with("url = \"https://example.org\""), true, "url"),
        (with("firehose = { ca = \"nowhere.pem\" }"), true, "firehose.ca: nowhere.pem"),
        (with("firehose = { host = \"no host\" }"), true, "firehose.host"),
        (with("firehose = { keepalive_s = 0 }"), true, "firehose.keepalive_s"),
        ([entry, entry].concat(), true, "one firehose is enough"),
    ] {
        let error = firehose(&text, login).unwrap_err();
        assert!(error.contains(named), "{text}: {error}");
    }
    let desk = |text: &str| toml::from_str::<Sources>(text).unwrap().desk(&|_: &str| None, &clock()).map(|_| ());
    assert_eq!(desk(entry), Ok(()), "nobody asks it");
    let misplaced = desk("[[providers]]\nkind = \"mock\"\nfirehose = { }\n").unwrap_err();
    assert!(misplaced.0.contains("only an entry of that kind"), "{misplaced}");
}

/// A mock of two flights, whose fates are fixed.
fn staged(faults: &str) -> Firehose {
    let entry = format!(
        "[[providers]]\nkind = \"firehose\"\nfirehose = {{ keepalive_s = 30 }}\n[providers.mock]\nrandom = false\n{faults}\n\
         legs = [{{ flight = \"LH400\", delay_min = 45, gate = \"B46\", from = \"FRA\", to = \"JFK\" }}, {{ flight = \"AF7\", cancelled = true }}]"
    );
    let sources: Sources = toml::from_str(&entry).unwrap();
    sources.firehose(&|_: &str| None, &crate::support::clock()).unwrap().unwrap()
}

/// What the mock's stream says of a flight of the 22nd, in order.
fn words(log: &Log, flight: &str) -> Vec<String> {
    let said = log.on(FLIGHT_OBSERVATIONS).into_iter();
    let said = said.map(|record| FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap());
    let of_day =
        said.filter(|said| said.source_leg.as_ref().is_some_and(|leg| leg.starts_with(&format!("mock-{flight}/2026-11-22"))));
    of_day.map(|said| format!("{} {}{} {}", said.source, said.carrier, said.number, said.kind)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_mock_is_named_so_and_tells_of_its_flights_as_they_go() {
    let (firehose, log) = (staged(""), Arc::new(Log::default()));
    until_virtually(&firehose, &log, |log| words(log, "LH400").len() == 5 && words(log, "AF7").len() == 2).await;
    let expected = ["SCHEDULED", "OUT", "OFF", "ON", "IN"].map(|kind| format!("flightaware-mock LH400 {kind}"));
    assert_eq!(words(&log, "LH400"), expected);
    assert_eq!(words(&log, "AF7"), ["SCHEDULED", "CANCELLED"].map(|kind| format!("flightaware-mock AF7 {kind}")));
    let all = log.on(FLIGHT_OBSERVATIONS).into_iter();
    let all: Vec<_> = all.map(|record| FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap()).collect();
    let of = |kind: &str| all.iter().rfind(|said| said.number == 400 && said.kind.to_string() == kind).unwrap();
    let late = of("OUT").at.unwrap() - of("SCHEDULED").scheduled_departure.unwrap();
    assert_eq!((late, of("OUT").origin.as_str(), of("OUT").destination.as_str()), (45 * 60_000, "FRA", "JFK"));
    assert!(log.letters().is_empty());
    assert_eq!((firehose.report().provider.as_str(), firehose.report().phase), ("firehose-mock", Phase::Streaming));
}

#[tokio::test(start_paused = true)]
async fn a_mock_that_breaks_off_is_resumed_like_a_server() {
    let (firehose, log) = (staged("error_rate = 0.3"), Arc::new(Log::default()));
    until_virtually(&firehose, &log, |log| words(log, "LH400").len() >= 5 && words(log, "AF7").len() >= 2).await;
    assert_eq!((words(&log, "LH400").len(), words(&log, "AF7").len()), (5, 2), "each once");
    let report = firehose.report();
    assert!(report.connections > 10 && report.gaps == 0, "{report:?}");
}

/// Keeps the stream until `fact` holds, looking every minute of virtual time, for three days of it.
async fn until_virtually(firehose: &Firehose, log: &Arc<Log>, fact: impl Fn(&Log) -> bool) {
    let way = way(log);
    let looked = async {
        while !fact(log) {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
    };
    tokio::select! {
        () = firehose.keep(&way) => panic!("it ended: {:?}", firehose.report()),
        held = tokio::time::timeout(Duration::from_hours(72), looked) => held.unwrap_or_else(|_| panic!("{:?}", firehose.report())),
    }
}
