//! OpenSky against a server that plays its documents: what is told of a leg, what never is, and what its credits allow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::oauth::Credentials;
use slipstream_producers::live::opensky::{OpenSky, Watched};
use slipstream_producers::live::profile::{Profile, RateLimit, Use};
use slipstream_producers::live::provider::{Card, FlightDataProvider, LegQuery, Provider};
use slipstream_producers::live::status::FlightStatusData;
use slipstream_producers::live::sync::flight::Syncer;
use slipstream_producers::live::sync::ledger::Ledger;
use slipstream_producers::live::sync::truth::Truth;
use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{FlightKind, FlightStatus};
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;

use crate::clients::{credentials, with_tokens};
use crate::stub::{Said, Stub, ok, raw};
use crate::support::{BEGUN, card, clock};
use crate::sync::{Log, MINUTE, observation, state};

const STATES: &str = include_str!("../cases/live/opensky-states.json");
const WAW: (f64, f64) = (52.1672, 20.9679);
const CDG: (f64, f64) = (49.0097, 2.5478);
const OVER_THE_RHINE: (f64, f64) = (50.0, 8.2);

/// The vector of LOT335, so many seconds after [`BEGUN`].
fn vector(at_s: i64, (latitude, longitude): (f64, f64), on_ground: bool) -> String {
    let at = BEGUN / 1000 + at_s;
    format!(
        r#"["48ad01","LOT335  ","Poland",{at},{at},{longitude},{latitude},null,{on_ground},97.4,113.2,null,null,null,"2201",false,0]"#
    )
}

fn page(vectors: &[String]) -> String {
    format!(r#"{{"time":{},"states":[{}]}}"#, BEGUN / 1000 + 10_000, vectors.join(","))
}

/// Answers with one page after the other; the last one stays.
async fn sky(pages: Vec<String>) -> Stub {
    let mut pages = pages.into_iter().peekable();
    let mut current = String::new();
    Stub::start(move |_| {
        current = pages.next().unwrap_or_else(|| current.clone());
        ok(current.clone())
    })
    .await
}

/// A client with so many credits that only the network's resolution of 10 s holds it back.
fn client(base: &str, login: Option<Credentials>, watched: Watched) -> OpenSky {
    let limit = Some(RateLimit::window(14_400.try_into().unwrap(), Duration::from_hours(1)));
    OpenSky::new(Card { name: "opensky".to_owned(), limit, ..card() }, base, login, watched, clock()).unwrap()
}

fn truth(legs: &[(&str, i64)]) -> Arc<Truth> {
    let truth = Arc::new(Truth::default());
    for (leg, departs_min) in legs {
        let leg: Leg = leg.parse().unwrap();
        let mut state = state(leg, BEGUN + departs_min * MINUTE, vec!["x".to_owned()]);
        state.last.scheduled_arrival = Some(BEGUN + (departs_min + 145) * MINUTE);
        truth.hear(leg, Some(state), BEGUN);
    }
    truth
}

fn lot335() -> LegQuery {
    "LO335/2026-11-21".parse().unwrap()
}

/// As if so much time had passed; sockets go on in real time.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What is told after each of the pages in turn.
async fn told(truth: &Arc<Truth>, query: LegQuery, pages: Vec<String>) -> Vec<Result<FlightStatusData, ProviderError>> {
    let count = pages.len();
    let stub = sky(pages).await;
    let client = client(&stub.base, None, Watched::default());
    client.acquaint(truth);
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(client.flight_status(query).await);
        later(Duration::from_secs(11)).await;
    }
    assert_eq!(stub.hits().len(), count, "one call for each");
    told
}

#[tokio::test]
async fn a_flight_is_told_as_far_as_its_contacts_prove_it() {
    let truth = truth(&[("LO335/2026-11-21/WAW-CDG", -10), ("LO335/2026-11-22/WAW-CDG", 24 * 60 - 10)]);
    let pages = [
        vector(0, WAW, true),
        vector(40, WAW, false),
        vector(3_600, OVER_THE_RHINE, false),
        vector(7_000, CDG, false),
        vector(7_060, CDG, true),
    ];
    let told = told(&truth, lot335(), pages.map(|vector| page(&[vector])).into()).await;
    assert_eq!(told[0], Err(ProviderError::NotFound), "on the ground where it leaves: that says nothing of its blocks");
    let words: Vec<_> = told[1..]
        .iter()
        .map(|word| word.as_ref().unwrap())
        .map(|word| (word.status, word.departure.runway, word.arrival.runway))
        .collect();
    let (off, on) = (Some(BEGUN + 40_000), Some(BEGUN + 7_060_000));
    let airborne = (FlightStatus::Airborne, off, None);
    assert_eq!(words, [airborne, airborne, airborne, (FlightStatus::Landed, off, on)]);
    let last = told[4].as_ref().unwrap();
    assert_eq!((last.designator.received.as_str(), last.date.unwrap().date.to_string()), ("LOT335", "2026-11-21".to_owned()));
    assert_eq!((last.departure.scheduled, last.departure.actual, last.tail, last.delay_minutes), (None, None, None, None));
}

#[tokio::test]
async fn nothing_is_guessed() {
    let one = truth(&[("LO335/2026-11-21/WAW-CDG", -10)]);
    let two = truth(&[("LO335/2026-11-21/WAW-CDG", -10), ("LO335/2026-11-20/WAW-CDG", -600)]);
    let diverted = truth(&[]);
    let mut state = state("LO335/2026-11-21/WAW-CDG".parse().unwrap(), BEGUN - 10 * MINUTE, vec!["x".to_owned()]);
    state.last.status = FlightStatus::Diverted;
    diverted.hear(state.last.leg, Some(state), BEGUN);
    let off = [page(&[vector(0, WAW, true)]), page(&[vector(40, WAW, false)])];
    let other = vector(40, WAW, false).replace("48ad01", "48ad02");
    let cases = [
        ("another day", &one, "LO335/2026-11-22", off.clone()),
        ("another leg of the day", &one, "LO335/2026-11-21/CDG", off.clone()),
        ("a number that nobody has scheduled", &one, "LO336/2026-11-21", off.clone()),
        ("a carrier without an ICAO designator that is known", &one, "ZZZ335/2026-11-21", off.clone()),
        ("yesterday's leg may still be under way", &two, "LO335/2026-11-21", off.clone()),
        ("and today's may have begun", &two, "LO335/2026-11-20", off.clone()),
        ("it goes elsewhere", &diverted, "LO335/2026-11-21", off.clone()),
        ("two aircraft say they are it", &one, "LO335/2026-11-21", [off[0].clone(), page(&[vector(40, WAW, false), other])]),
        ("no such aircraft any more", &one, "LO335/2026-11-21", ["{\"time\":1,\"states\":null}".to_owned(), page(&[])]),
    ];
    for (case, truth, query, pages) in cases {
        let told = told(truth, query.parse().unwrap(), pages.into()).await;
        assert_eq!(told[1], Err(ProviderError::NotFound), "{case}");
    }
    // In the air: yes. Where it took off, and when: not from here, and not within two minutes.
    let vague = [
        ("it left from elsewhere", [vector(0, OVER_THE_RHINE, true), vector(40, OVER_THE_RHINE, false)]),
        ("nobody heard it for three minutes", [vector(0, WAW, true), vector(180, WAW, false)]),
        ("before it could be this leg", [vector(-3_000, WAW, true), vector(-2_950, WAW, false)]),
    ];
    for (case, vectors) in vague {
        let told = told(&one, lot335(), vectors.map(|vector| page(&[vector])).into()).await;
        let runway = told[1].as_ref().ok().map(|word| (word.status, word.departure.runway));
        let expected = (case != "before it could be this leg").then_some((FlightStatus::Airborne, None));
        assert_eq!(runway, expected, "{case}");
    }
}

#[tokio::test]
async fn one_call_serves_all_questions_and_the_health_check() {
    let stub = Stub::start(|_| ok(STATES)).await;
    let watched = Watched { bbox: Some([45.8, 5.9, 54.5, 24.0]), icao24: vec!["48AD01".to_owned()], token_url: None };
    let client = Arc::new(client(&stub.base, None, watched));
    assert_eq!(client.flight_status(lot335()).await, Err(ProviderError::NotOffered), "nobody has said which legs there are");
    client.acquaint(&truth(&[("LO335/2026-11-21/WAW-CDG", -10)]));
    let ask = |client: Arc<OpenSky>| tokio::spawn(async move { client.flight_status(lot335()).await });
    for caller in (0..20).map(|_| ask(Arc::clone(&client))).collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), Err(ProviderError::NotFound));
    }
    client.health().await.unwrap();
    let hits = stub.hits();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].line, "GET /states/all?lamin=45.8&lomin=5.9&lamax=54.5&lomax=24&icao24=48ad01");
    assert_eq!(hits[0].header("authorization"), None);
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_once() {
    let stub = with_tokens(|bearer| bearer != "Bearer token-1", STATES).await;
    let token_url = Some(format!("{}/auth/token", stub.base));
    let client = client(&stub.base, Some(credentials()), Watched { token_url, ..Watched::default() });
    client.health().await.unwrap();
    let lines: Vec<String> = stub.hits().into_iter().map(|hit| hit.line).collect();
    assert_eq!(lines, ["POST /auth/token", "GET /states/all", "POST /auth/token", "GET /states/all"]);
    assert_eq!(stub.hits()[0].body, "grant_type=client_credentials&client_id=the-id&client_secret=the%26secret");
    assert_eq!(stub.hits()[3].header("authorization"), Some("Bearer token-2"));
}

#[tokio::test]
async fn every_fault_becomes_what_is_to_be_done() {
    let limited = |seconds: Option<u64>| ProviderError::RateLimited { retry_after: seconds.map(Duration::from_secs) };
    let cases = [
        (429, vec![("x-rate-limit-retry-after-seconds", "3600")], limited(Some(3600))),
        (429, vec![("retry-after", "17")], limited(Some(17))),
        (429, vec![("x-rate-limit-retry-after-seconds", "soon")], limited(None)),
        (401, vec![], ProviderError::Authentication { reason: "HTTP 401".to_owned() }),
        (403, vec![], ProviderError::Authentication { reason: "HTTP 403".to_owned() }),
        (400, vec![], ProviderError::Refused { reason: "HTTP 400".to_owned() }),
        (502, vec![], ProviderError::Unavailable { reason: "HTTP 502".to_owned() }),
    ];
    for (status, headers, expected) in cases {
        let stub = Stub::start(move |_| Said(status, headers.clone(), String::new())).await;
        assert_eq!(client(&stub.base, None, Watched::default()).health().await, Err(expected), "{status}");
    }
    let half = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"time\":1,\"states\":[[").await;
    let broken = client(&half, None, Watched::default()).health().await;
    assert_eq!(broken, Err(ProviderError::Unavailable { reason: "answer broke off".to_owned() }));
    let short = page(&[vector(0, WAW, true), vector(0, WAW, true).replace(",false,0]", "]")]);
    for body in ["", "[]", "{}", "{\"time\":1,\"states\":[1]}", "{\"time\":1,\"states\":[[", &short] {
        let body = body.to_owned();
        let stub = Stub::start(move |_| ok(body.clone())).await;
        let error = client(&stub.base, None, Watched::default()).health().await.unwrap_err();
        assert!(matches!(error, ProviderError::Malformed { .. }), "{error}");
    }
}

/// How often the whole sky, or a part of it, can be asked for all day long.
#[tokio::test]
async fn the_pace_follows_from_the_credits() {
    let small = Some([46.0, 6.0, 51.0, 11.0]);
    let limit = |units: u32, per| Some(RateLimit::window(units.try_into().unwrap(), per));
    let (hour, day) = (Duration::from_hours(1), Duration::from_hours(24));
    let cases = [
        (false, None, None, 864_000),
        (false, None, small, 216_000),
        (true, None, None, 86_400),
        (true, None, small, 21_600),
        (true, limit(8_000, day), None, 43_200),
        (true, limit(14_400, hour), None, 10_000),
    ];
    for (login, limit, bbox, pace_ms) in cases {
        let login = login.then(credentials);
        let watched = Watched { bbox, ..Watched::default() };
        let client = OpenSky::new(Card { limit, ..card() }, "http://127.0.0.1:1", login, watched, clock()).unwrap();
        assert_eq!(client.check_every(), Duration::from_millis(pace_ms));
    }
}

#[tokio::test]
async fn credits_that_pay_no_further_call_are_not_asked_for_more() {
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let stub = Stub::start(move |_| {
        *count.lock().unwrap() += 1;
        Said(200, vec![("x-rate-limit-remaining", "3")], STATES.to_owned())
    })
    .await;
    let client = client(&stub.base, None, Watched::default());
    for (after_s, expected) in [(0, 1), (11, 1), (880, 1), (10, 2)] {
        later(Duration::from_secs(after_s)).await;
        client.health().await.unwrap();
        assert_eq!(*calls.lock().unwrap(), expected, "{after_s} s later");
    }
}

/// In the sync, beside nobody else: the take-off is published, and no plan that nobody has stated.
#[tokio::test]
async fn the_sync_publishes_the_take_off_and_nothing_else() {
    let stub = sky([vector(0, WAW, true), vector(40, WAW, false)].map(|vector| page(&[vector])).into()).await;
    let client = Arc::new(client(&stub.base, None, Watched::default()));
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Sync));
    fleet.add(Arc::clone(&client) as Arc<Flights>);
    let (log, truth) = (Arc::new(Log::default()), truth(&[("LO335/2026-11-21/WAW-CDG", -10)]));
    let desk = Desk::new(fleet, Freshness::default(), clock());
    let syncer = Syncer::new(desk, Arc::clone(&log) as _, truth, Arc::new(Ledger::default()), clock());
    client.health().await.unwrap();
    later(Duration::from_secs(11)).await;
    let request = serde_json::json!({"flightNumber": "335", "airline": "LO", "departureDate": "2026-11-21"}).to_string();
    let result = syncer.sync(&serde_json::from_str(&request).unwrap()).await;
    assert!(result.success, "{result:?}");
    let [off] = &log.on(FLIGHT_OBSERVATIONS)[..] else { panic!("{:?}", log.records()) };
    assert_eq!(&*off.key, "LO335");
    let said = observation(off);
    assert_eq!((said.source.as_str(), said.kind, said.at), ("opensky", FlightKind::Off, Some(BEGUN + 40_000)));
    assert_eq!((said.origin.as_str(), said.destination.as_str(), said.scheduled_departure), ("WAW", "CDG", None));
}
