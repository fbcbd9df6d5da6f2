//! Lufthansa's push through a real MQTT broker: what is told is asked for at once and published once, whatever breaks.

mod broker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipstream_producers::live::breaker::State;
use slipstream_producers::live::config::Sources;
use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::http::Unusable;
use slipstream_producers::live::lufthansa::Lufthansa;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, Clock};
use slipstream_producers::live::push::settings::{Login, PushSettings};
use slipstream_producers::live::push::{MESSAGE_BYTES_MAX, Phase, Push, PushReport, Way};
use slipstream_producers::live::secret::Secret;
use slipstream_producers::live::sync::flight::Syncer;
use slipstream_producers::live::sync::{Publisher, Publishing, Unpublished};
use slipstream_schemas::records::DeadLetter;
use slipstream_schemas::topics::{DEAD_LETTER_QUEUE, FLIGHT_OBSERVATIONS};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use tokio::sync::Semaphore;

use self::broker::{Broker, CLIENT_ID, TOKEN, USERNAME, certificate};
use crate::clients::credentials;
use crate::stub::{Hit, Stub, ok};
use crate::support::{BEGUN, card, leg};

/// What the provider says of LH400; of another number the same under that one.
const FLIGHT: &str = include_str!("../cases/live/lufthansa-flight.json");
const DEPARTURE: &str = r#"{"Update":{"Timestamp":"2026-11-21T05:59:40Z","Message":"New Estimated Departure","Code":"MVT ED"}}"#;
/// Longest wait for a fact.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes records in, each transaction by a permit.
struct Log {
    records: Mutex<Vec<Record>>,
    permits: Semaphore,
    broken: AtomicBool,
}

impl Log {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self { records: Mutex::default(), permits: Semaphore::new(permits), broken: AtomicBool::new(false) })
    }

    fn on(&self, topic: &str) -> Vec<Record> {
        self.records.lock().unwrap().iter().filter(|record| record.topic == topic).cloned().collect()
    }

    /// How often each flight's plan stands there.
    fn flights(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.on(FLIGHT_OBSERVATIONS).iter().for_each(|record| *counts.entry(record.key.to_string()).or_default() += 1);
        counts
    }

    fn letters(&self) -> Vec<DeadLetter> {
        self.on(DEAD_LETTER_QUEUE).iter().map(|record| DeadLetter::from_bytes(record.body.as_deref().unwrap()).unwrap()).collect()
    }
}

impl Publisher for Log {
    fn publish(&self, records: Vec<Record>) -> Publishing<'_> {
        Box::pin(async move {
            self.permits.acquire().await.unwrap().forget();
            if self.broken.load(Ordering::SeqCst) {
                return Err(Unpublished("as the test wants".to_owned()));
            }
            self.records.lock().unwrap().extend(records);
            Ok(())
        })
    }
}

/// A broker, the provider that is asked, and who listens.
struct Scene {
    broker: Broker,
    provider: Stub,
    desk: Desk,
    log: Arc<Log>,
    push: Push,
    leads: Arc<AtomicBool>,
    way: Way,
}

impl Scene {
    /// None where no broker is installed.
    async fn set(permits: usize, token: &str) -> Option<Self> {
        let broker = Broker::start()?;
        let provider = Stub::start(answer).await;
        let clock: Clock = Arc::new(|| BEGUN);
        let client =
            Lufthansa::new(Card { name: "lufthansa".to_owned(), ..card() }, &provider.base, credentials(), clock.clone());
        let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
        fleet.add(Arc::new(client.unwrap()));
        let (desk, log) = (Desk::new(fleet, Freshness::default(), clock.clone()), Log::new(permits));
        let publisher: Arc<dyn Publisher> = Arc::clone(&log) as _;
        let syncer = Syncer::new(desk.clone(), Arc::clone(&publisher), Arc::default(), Arc::default(), clock.clone());
        let leads = Arc::new(AtomicBool::new(true));
        let leading = Arc::clone(&leads);
        let way = Way { leads: Arc::new(move || leading.load(Ordering::SeqCst)), publisher, syncer };
        let push = Push::new("lufthansa".to_owned(), settings(broker.port), login(token), clock).unwrap();
        Some(Self { broker, provider, desk, log, push, leads, way })
    }

    fn say(&self, flight: &str, body: &str) {
        self.broker.say(&format!("prd/FlightUpdate/LH/{flight}/2026-11-21"), body.as_bytes());
    }

    /// The flights that the provider was asked for, in their order.
    fn asked(&self) -> Vec<String> {
        let flight = |hit: &Hit| Some(hit.line.strip_prefix("GET /operations/flightstatus/")?.split('/').next()?.to_owned());
        self.provider.hits().iter().filter_map(flight).collect()
    }

    /// Waits until what the push says of itself is as wanted, while it is kept.
    async fn until(&self, wanted: impl Fn(&PushReport) -> bool) -> PushReport {
        let begun = tokio::time::Instant::now();
        loop {
            let report = self.push.report();
            if wanted(&report) {
                return report;
            }
            assert!(begun.elapsed() < PATIENCE, "{report:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn connected(&self) {
        self.until(|report| report.phase == Phase::Streaming).await;
    }

    /// Keeps the push until `story` is told.
    async fn kept(&self, story: impl Future<Output = ()>) {
        tokio::select! {
            () = self.push.keep(&self.way) => panic!("it ended: {:?}", self.push.report()),
            () = story => {}
        }
    }
}

fn answer(hit: &Hit) -> crate::stub::Said {
    if hit.line.starts_with("POST") {
        return ok(r#"{"access_token":"token","token_type":"bearer","expires_in":1799}"#);
    }
    let number = hit.line.split('/').nth(3).map_or("400", |flight| flight.trim_start_matches("LH"));
    ok(FLIGHT.replace("\"400\"", &format!("\"{number}\"")))
}

fn settings(port: u16) -> PushSettings {
    let (carriers, host) = (vec!["LH".to_owned(), "CL".to_owned()], "localhost".to_owned());
    PushSettings { carriers, host, port, ca: Some(certificate("ca.pem")) }
}

fn login(token: &str) -> Login {
    Login::new(Secret::new(CLIENT_ID), Secret::new(USERNAME), Secret::new(token)).unwrap()
}

#[tokio::test]
async fn an_update_makes_the_flight_be_asked_for_whatever_is_kept_and_published_once() {
    let Some(scene) = Scene::set(Semaphore::MAX_PERMITS, TOKEN).await else { return };
    let looked = async || scene.desk.status(leg(400)).await.unwrap();
    assert!(!looked().await.from_cache && looked().await.from_cache);
    assert_eq!(scene.asked(), ["LH400"]);
    let story = async {
        scene.connected().await;
        scene.say("LH400", DEPARTURE);
        let report = scene.until(|report| report.tally.synced == 1).await;
        assert_eq!((report.tally.queued, report.tally.codes["MVT ED"], report.waiting), (1, 1, 0));
        assert_eq!(scene.asked(), ["LH400", "LH400"], "past what is kept");
        let published = scene.log.flights();
        assert_eq!(published.keys().collect::<Vec<_>>(), ["LH400"]);
        let kept = looked().await;
        assert!(kept.from_cache && !kept.stale, "and kept");

        scene.say("LH400", DEPARTURE);
        scene.until(|report| report.tally.synced == 2).await;
        assert_eq!(scene.asked().len(), 3);
        assert_eq!(scene.log.flights(), published, "the same word is not said twice");
        assert!(scene.log.letters().is_empty() && scene.push.is_healthy());
    };
    scene.kept(story).await;
}

#[tokio::test]
async fn what_waits_already_is_asked_for_once_and_one_at_a_time() {
    let Some(scene) = Scene::set(0, TOKEN).await else { return };
    let story = async {
        scene.connected().await;
        scene.say("LH400", DEPARTURE);
        scene.until(|_| scene.asked().len() == 1).await;
        // Its word is on the way to the topic. Meanwhile: another flight twice, and itself once more.
        for flight in ["LH402", "LH402", "LH400"] {
            scene.say(flight, DEPARTURE);
        }
        let report = scene.until(|report| report.tally.queued == 3).await;
        assert_eq!((report.tally.repeated, report.waiting, scene.asked().len()), (1, 2, 1), "{report:?}");
        scene.log.permits.add_permits(100);
        let report = scene.until(|report| report.tally.synced == 3).await;
        assert_eq!((report.waiting, report.tally.failed), (0, 0));
        assert_eq!(scene.asked(), ["LH400", "LH402", "LH400"]);
        assert_eq!(scene.log.flights().into_keys().collect::<Vec<_>>(), ["LH400", "LH402"]);
    };
    scene.kept(story).await;
}

#[tokio::test]
async fn a_broker_that_is_killed_is_connected_to_again() {
    let Some(scene) = Scene::set(Semaphore::MAX_PERMITS, TOKEN).await else { return };
    let story = async {
        scene.connected().await;
        scene.broker.kill();
        let report = scene.until(|report| report.phase == Phase::Connecting && report.connections > 1).await;
        assert!(report.last_error.is_some(), "{report:?}");
        scene.broker.again();
        scene.connected().await;
        scene.say("LH400", DEPARTURE);
        scene.until(|report| report.tally.synced == 1).await;
        assert!(scene.push.is_healthy() && scene.push.report().connections > 2);
    };
    scene.kept(story).await;
}

#[tokio::test]
async fn who_is_not_let_in_stops_and_says_so_without_the_token() {
    let wrong = "hush-hush.wrong";
    let Some(scene) = Scene::set(Semaphore::MAX_PERMITS, wrong).await else { return };
    tokio::time::timeout(PATIENCE, scene.push.keep(&scene.way)).await.expect("it stops");
    let (report, provider) = (scene.push.report(), scene.push.as_provider());
    assert_eq!((report.phase, provider.breaker, scene.push.is_healthy()), (Phase::LockedOut, State::Open, false));
    assert_eq!(report.last_error.as_deref(), Some("not let in: not authorised"));
    assert_eq!((report.connections, provider.errors["authentication"]), (1, 1), "tried once");
    let shown = format!("{report:?} {provider:?} {:?} {}", login(wrong), serde_json::to_string(&report).unwrap());
    for secret in ["hush", CLIENT_ID, USERNAME] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

#[tokio::test]
async fn garbage_is_counted_and_kept_and_the_rest_goes_on() {
    let Some(scene) = Scene::set(Semaphore::MAX_PERMITS, TOKEN).await else { return };
    let topic = "prd/FlightUpdate/LH/LH400/2026-11-21";
    let long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    let bad: [(&str, &[u8], &str); 6] = [
        ("prd/FlightUpdate/LH/LH400", b"{}", "topic: prd/FlightUpdate/CARRIER/FLIGHT/DATE is expected"),
        ("prd/FlightUpdate/LH/400/2026-11-21", b"{}", "topic: its fourth part is no flight number"),
        ("prd/FlightUpdate/LH/LH400/1999-01-01", b"{}", "topic: a date from 3 days before to 366 after now is expected"),
        (topic, b"\xff\x00{", "body: no JSON at line 1, column 1"),
        (topic, b"{\"Update\":{}}", "Update.Code: a text of 1 to 40 bytes is expected"),
        (topic, &long, "body: 65537 bytes, more than 65536"),
    ];
    let story = async {
        scene.connected().await;
        // The first letter finds the cluster away, and is published with the next connection.
        scene.log.broken.store(true, Ordering::SeqCst);
        scene.broker.say(bad[0].0, bad[0].1);
        scene.until(|report| report.last_error.as_deref() == Some("not published: as the test wants")).await;
        scene.log.broken.store(false, Ordering::SeqCst);
        scene.connected().await;
        bad[1..].iter().for_each(|(topic, body, _)| scene.broker.say(topic, body));
        scene.say("LH402", r#"{"Update":{"Code":"ASM NEW"}}"#);
        let report = scene.until(|report| report.tally.synced == 1).await;
        let unreadable = [("date", 1), ("field", 1), ("json", 1), ("size", 1), ("topic", 2)];
        assert_eq!(report.tally.unreadable, unreadable.into());
        assert_eq!((report.tally.codes["other"], report.tally.other_codes["ASM NEW"]), (1, 1), "kept, and asked for");
        assert_eq!((report.connections, scene.push.as_provider().errors.len()), (2, 0), "no fault of the server's");
    };
    scene.kept(story).await;
    assert_eq!(scene.log.flights().into_keys().collect::<Vec<_>>(), ["LH402"]);
    let letters = scene.log.letters();
    let errors: Vec<&str> = letters.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(errors, bad.map(|(_, _, error)| error));
    let origin = format!("lufthansa-push:localhost:{}", scene.broker.port);
    for (letter, (topic, body, _)) in letters.iter().zip(bad) {
        assert_eq!((letter.stage.as_str(), &letter.topic), ("source:lufthansa-push", &origin));
        let text = [topic.as_bytes(), b"\n", body].concat();
        let value = letter.value.as_deref().map(|text| base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap());
        assert_eq!(value, Some(text).filter(|_| body.len() <= MESSAGE_BYTES_MAX), "as it came, if it is not too long");
    }
}

#[tokio::test]
async fn only_who_leads_listens() {
    let Some(scene) = Scene::set(Semaphore::MAX_PERMITS, TOKEN).await else { return };
    scene.leads.store(false, Ordering::SeqCst);
    let story = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let report = scene.push.report();
        assert_eq!((report.phase, report.connections), (Phase::Standby, 0));
        scene.leads.store(true, Ordering::SeqCst);
        scene.connected().await;
        scene.leads.store(false, Ordering::SeqCst);
        scene.until(|report| report.phase == Phase::Standby).await;
        scene.say("LH400", DEPARTURE);
        scene.leads.store(true, Ordering::SeqCst);
        scene.connected().await;
        let report = scene.push.report();
        assert_eq!((report.tally.queued, report.connections), (0, 2), "what was said meanwhile is not told again");
    };
    scene.kept(story).await;
}

#[test]
fn the_settings_name_the_entry_and_never_a_value() {
    let push = |toml: &str, variables: &[(&str, &str)]| {
        let sources: Sources = toml::from_str(toml).map_err(|e| Unusable(e.to_string()))?;
        let environment = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let clock: Clock = Arc::new(|| BEGUN);
        sources.push(&environment, &clock)
    };
    let all = [("LUFTHANSA_PUSH_CLIENT_ID", "i"), ("LUFTHANSA_PUSH_USERNAME", "u"), ("LUFTHANSA_PUSH_TOKEN", "hush hush")];
    let entry = |push: &str| format!("[[providers]]\nkind = \"lufthansa\"\npush = {{ {push} }}\n");
    let lh = entry("carriers = [\"LH\"]");
    let named = "sources.providers[0] (lufthansa): ";
    for (toml, variables, expected) in [
        (lh.as_str(), &[][..], format!("{named}LUFTHANSA_PUSH_CLIENT_ID")),
        (&lh, &all[..1], format!("{named}LUFTHANSA_PUSH_USERNAME")),
        (&lh, &all[..2], format!("{named}LUFTHANSA_PUSH_TOKEN")),
        (&lh, &all, format!("{named}LUFTHANSA_PUSH_TOKEN: 1 to")),
        (&entry(""), &all, format!("{named}push.carriers")),
        (&format!("{lh}name = \"one\"\n{lh}"), &all, "one push is enough".to_owned()),
        ("[[providers]]\nkind = \"lufthansa\"\nmock = {}\npush = {}", &all, format!("{named}push: a mock")),
        ("[[providers]]\nkind = \"amadeus\"\npush = {}", &all, "(amadeus): push: only an entry of kind".to_owned()),
        ("[[providers]]\nkind = \"firehose\"\npush = {}", &all, "(firehose): push: only an entry of kind".to_owned()),
    ] {
        let error = push(toml, variables).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(&expected) && !error.contains("hush"), "{toml}: {error}");
    }
    let good = [all[0], all[1], ("LUFTHANSA_PUSH_TOKEN", "hush")];
    let bad_host = entry("carriers = [\"LH\"], host = \"not a host\"");
    assert!(push(&bad_host, &good).err().is_some_and(|error| error.to_string().contains("push.host")));
    let no_file = entry("carriers = [\"LH\"], host = \"localhost\", ca = \"/nowhere.pem\"");
    assert!(push(&no_file, &good).err().is_some_and(|error| error.to_string().contains("push.ca")));
    assert!(push("", &[]).is_ok_and(|push| push.is_none()));
}
