//! Each client against a server that answers as its provider's documents say, faults included.

use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::airfrance_klm::AirFranceKlm;
use slipstream_producers::live::amadeus::{AirportDetails, Amadeus, DelayPrediction};
use slipstream_producers::live::boards::Departures;
use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::flightaware::FlightAware;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::lufthansa::Lufthansa;
use slipstream_producers::live::oauth::Credentials;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, Clock, FlightDataProvider, LegQuery, Provider, Search};
use slipstream_producers::live::secret::Secret;
use slipstream_producers::live::status::{DateMeaning, Designator, Disruption, FlightStatusData, Role};
use slipstream_schemas::records::FlightStatus;
use slipstream_streams::record::rfc3339;

use crate::stub::{Hit, Said, Stub, ok, raw};
use crate::support::{BEGUN, card};

const FLIGHTS: &str = include_str!("../cases/live/flightaware-flights.json");
const LH_FLIGHT: &str = include_str!("../cases/live/lufthansa-flight.json");
const KLM_FLIGHT: &str = include_str!("../cases/live/airfrance-klm-flight.json");
const DATED: &str = include_str!("../cases/live/amadeus-dated-flight.json");
const OFFERS: &str = include_str!("../cases/live/amadeus-offers.json");

fn clock() -> Clock {
    Arc::new(|| BEGUN)
}

fn named(name: &str) -> Card {
    Card { name: name.to_owned(), ..card() }
}

fn leg(carrier: &str, number: u16) -> LegQuery {
    LegQuery { carrier: carrier.parse().unwrap(), number, suffix: None, date: "2026-11-21".parse().unwrap(), origin: None }
}

fn route(origin: &str, destination: &str) -> Search {
    Search { origin: origin.parse().unwrap(), destination: destination.parse().unwrap(), date: "2026-11-21".parse().unwrap() }
}

pub(crate) fn credentials() -> Credentials {
    Credentials { id: Secret::new("the-id"), secret: Secret::new("the&secret") }
}

fn flightaware(base: &str) -> FlightAware {
    FlightAware::new(named("flightaware"), base, Secret::new("the-key"), clock()).unwrap()
}

fn lufthansa(base: &str) -> Lufthansa {
    Lufthansa::new(named("lufthansa"), base, credentials(), clock()).unwrap()
}

fn amadeus(base: &str) -> Amadeus {
    Amadeus::new(named("amadeus"), base, credentials(), clock()).unwrap()
}

/// What is compared of a word: everything that a stage would look at, as text.
fn told(word: &FlightStatusData) -> String {
    let at = |at: Option<i64>| at.map_or_else(|| "-".to_owned(), |at| rfc3339(at)[5..16].to_owned());
    let end = |end: &slipstream_producers::live::status::LegEnd| {
        let airport = end.airport.map_or_else(|| "-".to_owned(), |airport| airport.to_string());
        let place = [&end.terminal, &end.gate].map(|text| text.clone().unwrap_or_else(|| "-".to_owned())).join("/");
        format!("{airport} {place} s{} e{} a{} r{}", at(end.scheduled), at(end.estimated), at(end.actual), at(end.runway))
    };
    let tail = word.tail.map_or_else(|| "-".to_owned(), |tail| tail.to_string());
    let late = word.delay_minutes.map_or_else(|| "-".to_owned(), |min| min.to_string());
    format!("{} {tail} {late} | {} | {}", word.status, end(&word.departure), end(&word.arrival))
}

fn designator(designator: &Designator) -> (String, Role) {
    (format!("{}{}", designator.carrier, designator.number), designator.role)
}

#[tokio::test]
async fn flightaware_states_the_operating_designator_and_the_twelve_times() {
    let stub = Stub::start(|_| ok(FLIGHTS)).await;
    let word = flightaware(&stub.base).flight_status(leg("LO", 335)).await.unwrap();
    assert_eq!(
        told(&word),
        "SCHEDULED SPLVA 33 | WAW A/36 s11-21T06:25 e11-21T07:04 a- r- | CDG 2/F41 s11-21T08:50 e11-21T09:23 a- r-"
    );
    assert_eq!(
        (designator(&word.designator), word.designator.received.as_str()),
        (("LO335".to_owned(), Role::Operating), "LOT335")
    );
    assert_eq!(word.also.iter().map(designator).collect::<Vec<_>>(), [("UA7035".to_owned(), Role::Marketing)]);
    assert_eq!(
        word.date.map(|date| (date.date.to_string(), date.meaning)),
        Some(("2026-11-21".to_owned(), DateMeaning::LegLocal))
    );
    assert_eq!((word.disruption(), word.source.as_str(), word.last_updated), (Some(Disruption::Delayed), "flightaware", BEGUN));

    let [hit] = &stub.hits()[..] else { panic!("{:?}", stub.hits()) };
    let window = "start=2026-11-20T10%3A00%3A00Z&end=2026-11-22T14%3A00%3A00Z";
    assert_eq!(
        hit.line,
        format!("GET /flights/LOT335?ident_type=designator&{window}&max_pages=1"),
        "asked by the ICAO designator"
    );
    assert_eq!(hit.header("x-apikey"), Some("the-key"));
}

#[tokio::test]
async fn flightaware_takes_the_leg_of_the_local_day_and_of_a_diversion_the_row_that_says_so() {
    let stub = Stub::start(|_| ok(FLIGHTS)).await;
    let client = flightaware(&stub.base);
    let on = |date: &str| LegQuery { date: date.parse().unwrap(), ..leg("LO", 335) };
    let diverted = client.flight_status(on("2026-11-20")).await.unwrap();
    assert_eq!((diverted.status, diverted.arrival.airport.unwrap().as_str()), (FlightStatus::Diverted, "ORY"));
    assert_eq!(client.flight_status(on("2026-11-22")).await.unwrap().status, FlightStatus::Cancelled);
    assert_eq!(client.flight_status(on("2026-11-19")).await, Err(ProviderError::NotFound));
    assert_eq!(client.flight_status(on("2026-12-21")).await, Err(ProviderError::NotOffered), "beyond two days nothing is known");
    let elsewhere = LegQuery { origin: "KRK".parse().ok(), ..leg("LO", 335) };
    assert_eq!(client.flight_status(elsewhere).await, Err(ProviderError::NotFound));
}

#[tokio::test]
async fn a_board_gives_the_legs_of_a_route() {
    let stub = Stub::start(|_| {
        ok(format!(r#"{{"scheduled_departures":{0},"departures":[],"arrivals":[],"scheduled_arrivals":[]}}"#, list(FLIGHTS)))
    })
    .await;
    let client = flightaware(&stub.base);
    assert_eq!(client.search(route("WAW", "CDG")).await.unwrap().len(), 1);
    assert_eq!(client.search(route("WAW", "LHR")).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_of_departures_gives_what_can_be_read_of_it() {
    let rows = list(FLIGHTS).replacen('[', r#"[{"ident":"?","fa_flight_id":"?","cancelled":false,"diverted":false},"#, 1);
    let stub = Stub::start(move |_| ok(format!(r#"{{"scheduled_departures":{rows},"links":null,"num_pages":1}}"#))).await;
    let board = Departures { airport: "WAW".parse().unwrap(), from: 1_795_240_740_000 };
    let told = flightaware(&stub.base).departures(board).await.unwrap();
    assert!(!told.is_empty() && told.iter().all(|word| word.date.is_some() && word.departure.scheduled.is_some()), "{told:?}");
    let hit = stub.hits().pop().unwrap();
    let path = "/airports/WAW/flights/scheduled_departures?type=Airline&start=2026-11-21T05%3A59%3A00Z&max_pages=1";
    assert_eq!((hit.line.as_str(), hit.header("x-apikey")), (format!("GET {path}").as_str(), Some("the-key")));
}

/// The array inside `{"flights": […], …}`.
fn list(flights: &str) -> String {
    serde_json::from_str::<serde_json::Value>(flights).unwrap()["flights"].to_string()
}

#[tokio::test]
async fn every_documented_fault_becomes_what_is_to_be_done() {
    let fault = r#"{"title":"t","reason":"INVALID_API_KEY","detail":"the-key is bad","status":401}"#;
    let unavailable = |status: u16| ProviderError::Unavailable { reason: format!("HTTP {status}: INVALID_API_KEY") };
    let limited = |seconds: Option<u64>| ProviderError::RateLimited { retry_after: seconds.map(Duration::from_secs) };
    let dated = vec![("retry-after", "Sat, 21 Nov 2026 06:02:00 GMT"), ("date", "Sat, 21 Nov 2026 06:00:30 GMT")];
    let cases = [
        (401, vec![], ProviderError::Authentication { reason: "HTTP 401: INVALID_API_KEY".to_owned() }),
        (400, vec![], ProviderError::Refused { reason: "HTTP 400: INVALID_API_KEY".to_owned() }),
        (404, vec![], ProviderError::NotFound),
        (429, vec![], limited(None)),
        (429, vec![("retry-after", "17")], limited(Some(17))),
        (429, dated, limited(Some(90))),
        (500, vec![], unavailable(500)),
        (503, vec![("retry-after", "5")], unavailable(503)),
        (
            302,
            vec![("location", "http://127.0.0.1:1/")],
            ProviderError::Refused { reason: "HTTP 302: INVALID_API_KEY".to_owned() },
        ),
    ];
    for (status, headers, expected) in cases {
        let said = headers.clone();
        let stub = Stub::start(move |_| Said(status, said.clone(), fault.to_owned())).await;
        assert_eq!(flightaware(&stub.base).flight_status(leg("LO", 335)).await, Err(expected), "{status} {headers:?}");
        assert_eq!(stub.hits().len(), 1, "the client itself tries once");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let unavailable = |reason: &str| ProviderError::Unavailable { reason: reason.to_owned() };
    let cases = [
        (
            "half an answer",
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"flights\":").await,
            unavailable("answer broke off"),
        ),
        ("hung up", raw(b"").await, unavailable("exchange broke off")),
        ("no HTTP", raw(b"SSH-2.0-OpenSSH\r\n\r\n").await, unavailable("exchange broke off")),
        ("nobody there", "http://127.0.0.1:1".to_owned(), unavailable("no connection")),
    ];
    for (case, base, expected) in cases {
        assert_eq!(flightaware(&base).flight_status(leg("LO", 335)).await, Err(expected), "{case}");
    }
    for body in ["", "{", "[]", "{\"flights\":[{}]}", "{\"flights\":null}", "<html>", "\u{feff}{}"] {
        let stub = Stub::start(move |_| ok(body)).await;
        let error = flightaware(&stub.base).flight_status(leg("LO", 335)).await.unwrap_err();
        assert!(matches!(error, ProviderError::Malformed { .. }), "{body}: {error}");
    }
    let huge = Stub::start(|_| ok(" ".repeat(9 << 20))).await;
    let error = flightaware(&huge.base).flight_status(leg("LO", 335)).await.unwrap_err();
    assert!(error.to_string().contains("8388608 bytes"), "{error}");
}

/// A provider with tokens: gives one at each request for one, and lets in whoever `lets_in` says.
pub(crate) async fn with_tokens(lets_in: impl Fn(&str) -> bool + Send + 'static, body: &'static str) -> Stub {
    let mut given = 0;
    Stub::start(move |hit: &Hit| {
        if hit.line.starts_with("POST") {
            given += 1;
            return ok(format!(
                r#"{{"access_token":"token-{given}","token_type":"bearer","expires_in":1799,"state":"approved"}}"#
            ));
        }
        match hit.header("authorization") {
            Some(bearer) if lets_in(bearer) => ok(body),
            _ => Said(401, vec![], r#"{"errors":[{"status":401,"code":"38192","title":"Access token expired"}]}"#.to_owned()),
        }
    })
    .await
}

#[tokio::test]
async fn one_token_serves_all_and_an_expired_one_is_renewed_once() {
    let stub = with_tokens(|bearer| bearer == "Bearer token-1", LH_FLIGHT).await;
    let client = Arc::new(lufthansa(&stub.base));
    let callers: Vec<_> = (0..20)
        .map(|_| Arc::clone(&client))
        .map(|client| tokio::spawn(async move { client.flight_status(leg("LH", 400)).await }))
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    let tokens = |stub: &Stub| stub.hits().iter().filter(|hit| hit.line.starts_with("POST")).count();
    assert_eq!((tokens(&stub), stub.hits().len()), (1, 21));
    assert_eq!(stub.hits()[0].body, "grant_type=client_credentials&client_id=the-id&client_secret=the%26secret");

    let stub = with_tokens(|bearer| bearer != "Bearer token-1", LH_FLIGHT).await;
    let client = lufthansa(&stub.base);
    client.flight_status(leg("LH", 400)).await.unwrap();
    client.flight_status(leg("LH", 400)).await.unwrap();
    assert_eq!((tokens(&stub), stub.hits().len()), (2, 5), "refused, renewed, asked again; then good");

    let stub = with_tokens(|_| false, LH_FLIGHT).await;
    let error = lufthansa(&stub.base).flight_status(leg("LH", 400)).await.unwrap_err();
    assert!(matches!(error, ProviderError::Authentication { .. }), "{error}");
    assert_eq!((tokens(&stub), stub.hits().len()), (2, 4), "and no further");
}

#[tokio::test]
async fn a_token_is_renewed_before_its_time_is_over() {
    let stub = with_tokens(|_| true, LH_FLIGHT).await;
    let client = lufthansa(&stub.base);
    client.flight_status(leg("LH", 400)).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1740)).await;
    tokio::time::resume();
    client.flight_status(leg("LH", 400)).await.unwrap();
    assert_eq!(stub.hits().iter().filter(|hit| hit.line.starts_with("POST")).count(), 2);
}

#[tokio::test]
async fn a_client_id_that_is_not_known_locks_out() {
    for status in [400, 401] {
        let stub = Stub::start(move |_| Said(status, vec![], r#"{"error":"invalid_client"}"#.to_owned())).await;
        let error = amadeus(&stub.base).flight_status(leg("LO", 335)).await.unwrap_err();
        assert_eq!(error, ProviderError::Authentication { reason: format!("HTTP {status}") });
    }
}

#[tokio::test]
async fn lufthansa_reads_one_flight_and_many_and_their_codes() {
    let stub = with_tokens(|_| true, LH_FLIGHT).await;
    let word = lufthansa(&stub.base).flight_status(leg("LH", 400)).await.unwrap();
    assert_eq!(
        told(&word),
        "SCHEDULED DABYA 31 | FRA 1/Z54 s11-21T09:55 e11-21T10:40 a- r- | JFK 1/- s11-21T18:50 e11-21T19:21 a- r-"
    );
    assert_eq!(designator(&word.designator), ("LH400".to_owned(), Role::Operating));
    assert!(word.also.is_empty() && word.confidence_score > 0.8, "{word:?}");
    let hit = stub.hits().pop().unwrap();
    assert_eq!(hit.line, "GET /operations/flightstatus/LH400/2026-11-21");
    assert_eq!((hit.header("authorization"), hit.header("accept")), (Some("Bearer token-1"), Some("application/json")));

    for (code, expected) in [
        ("CD", FlightStatus::Cancelled),
        ("DP", FlightStatus::Departed),
        ("LD", FlightStatus::Landed),
        ("DV", FlightStatus::Diverted),
        ("RT", FlightStatus::Diverted),
        ("??", FlightStatus::Scheduled),
    ] {
        let body: &'static str = LH_FLIGHT.replace("\"NA\"", &format!("\"{code}\"")).leak();
        let stub = with_tokens(|_| true, body).await;
        assert_eq!(lufthansa(&stub.base).flight_status(leg("LH", 400)).await.unwrap().status, expected, "{code}");
    }
    let one =
        serde_json::from_str::<serde_json::Value>(LH_FLIGHT).unwrap()["FlightStatusResource"]["Flights"]["Flight"].to_string();
    let many: &'static str = format!(r#"{{"FlightStatusResource":{{"Flights":{{"Flight":[{one},{one}]}}}}}}"#).leak();
    let stub = with_tokens(|_| true, many).await;
    let client = lufthansa(&stub.base);
    assert_eq!(client.search(route("FRA", "JFK")).await.unwrap().len(), 2);
    let board = Departures { airport: "FRA".parse().unwrap(), from: 1_795_254_840_000 };
    assert_eq!(client.departures(board).await.unwrap().len(), 2);
    assert_eq!(stub.hits().pop().unwrap().line, "GET /operations/flightstatus/departures/FRA/2026-11-21T10:54?limit=100");
    let unknown = Departures { airport: "QQQ".parse().unwrap(), ..board };
    assert_eq!(client.departures(unknown).await, Err(ProviderError::NotFound));
}

#[tokio::test]
async fn the_gateways_403_for_a_limit_is_a_limit() {
    let limit = |code: &'static str| {
        Stub::start(move |hit: &Hit| match hit.line.starts_with("POST") {
            true => ok(r#"{"access_token":"t","expires_in":1799}"#),
            false => Said(403, vec![("x-mashery-error-code", code), ("retry-after", "2")], r#"{"Error":"x"}"#.to_owned()),
        })
    };
    let over = limit("ERR_403_DEVELOPER_OVER_QPS").await;
    let error = lufthansa(&over.base).flight_status(leg("LH", 400)).await.unwrap_err();
    assert_eq!(error, ProviderError::RateLimited { retry_after: Some(Duration::from_secs(2)) });
    let inactive = limit("ERR_403_DEVELOPER_INACTIVE").await;
    let error = lufthansa(&inactive.base).flight_status(leg("LH", 400)).await.unwrap_err();
    assert!(matches!(error, ProviderError::Authentication { .. }), "{error}");
}

// contract: S0-06
#[tokio::test]
async fn amadeus_gives_status_search_and_airport_details() {
    let stub = with_tokens(|_| true, DATED).await;
    let client = amadeus(&stub.base);
    let word = client.flight_status(leg("LO", 335)).await.unwrap();
    assert_eq!(told(&word), "SCHEDULED - 39 | WAW A/36 s11-21T06:25 e11-21T07:04 a- r- | CDG 1/- s11-21T08:50 e- a- r-");
    assert_eq!(designator(&word.designator), ("LO335".to_owned(), Role::Unstated));
    assert_eq!(word.date.unwrap().meaning, DateMeaning::FlightLocal);
    let details = client.airport_details(leg("LO", 335), "WAW".parse().unwrap()).await.unwrap();
    assert_eq!(
        details,
        AirportDetails { airport: "WAW".parse().unwrap(), terminal: Some("A".to_owned()), gate: Some("36".to_owned()) }
    );
    let not_there = client.airport_details(leg("LO", 335), "LHR".parse().unwrap()).await;
    assert_eq!(not_there, Err(ProviderError::NotFound));
    assert_eq!(stub.hits()[1].line, "GET /v2/schedule/flights?carrierCode=LO&flightNumber=335&scheduledDepartureDate=2026-11-21");

    let stub = with_tokens(|_| true, OFFERS).await;
    let found = amadeus(&stub.base).search(route("WAW", "CDG")).await.unwrap();
    let found: Vec<_> = found.iter().map(|word| (designator(&word.designator), told(word))).collect();
    let expected = "SCHEDULED - - | WAW A/- s11-21T10:40 e- a- r- | CDG 1/- s11-21T13:05 e- a- r-";
    assert_eq!(found, [(("LO331".to_owned(), Role::Operating), expected.to_owned())], "two fares of one flight are one flight");

    let none = with_tokens(|_| true, r#"{"meta":{"count":0},"data":[]}"#).await;
    assert_eq!(amadeus(&none.base).flight_status(leg("LO", 335)).await, Err(ProviderError::NotFound));
    amadeus(&none.base).health().await.unwrap();
}

#[tokio::test]
async fn amadeus_predicts_how_late_a_planned_leg_will_be() {
    let said = [
        ("LESS_THAN_30_MINUTES", "0.41"),
        ("BETWEEN_30_AND_60_MINUTES", "0.34"),
        ("BETWEEN_60_AND_120_MINUTES", "0.17"),
        ("OVER_120_MINUTES_OR_CANCELLED", "0.08"),
    ];
    let stub = |bands: &[(&str, &str)]| {
        let rows: Vec<String> =
            bands.iter().map(|(result, share)| format!(r#"{{"result":"{result}","probability":"{share}"}}"#)).collect();
        let predicted = format!(r#"{{"data":[{}]}}"#, rows.join(","));
        Stub::start(move |hit: &Hit| match hit.line.split(['?', ' ']).nth(1) {
            Some("/v2/schedule/flights") => ok(DATED),
            Some("/v1/travel/predictions/flight-delay") => ok(predicted.clone()),
            _ => ok(r#"{"access_token":"t","expires_in":1799}"#),
        })
    };
    let whole = stub(&said).await;
    let prediction = amadeus(&whole.base).delay_prediction(leg("LO", 335)).await.unwrap();
    let expected = DelayPrediction { under_30_min: 0.41, under_60_min: 0.34, under_120_min: 0.17, over_120_min: 0.08 };
    assert_eq!(prediction, expected);
    let asked = "GET /v1/travel/predictions/flight-delay?originLocationCode=WAW&destinationLocationCode=CDG&departureDate=2026-11-21\
                 &departureTime=07%3A25%3A00&arrivalDate=2026-11-21&arrivalTime=09%3A50%3A00&aircraftCode=7M8&carrierCode=LO\
                 &flightNumber=335&duration=PT2H25M";
    assert_eq!(whole.hits().pop().unwrap().line, asked);
    let elsewhere = LegQuery { origin: Some("LHR".parse().unwrap()), ..leg("LO", 335) };
    assert_eq!(amadeus(&whole.base).delay_prediction(elsewhere).await, Err(ProviderError::NotFound));
    for bad in [&said[1..], &[("LESS_THAN_30_MINUTES", "1.5")], &[("LESS_THAN_30_MINUTES", "NaN")]] {
        let error = amadeus(&stub(bad).await.base).delay_prediction(leg("LO", 335)).await.unwrap_err();
        assert_eq!(error.to_string(), "answer cannot be read: data: no probability of LESS_THAN_30_MINUTES");
    }
}

// contract: S0-06
#[tokio::test]
async fn amadeus_codes_become_what_is_to_be_done() {
    let cases = [
        (429, "38194", ProviderError::RateLimited { retry_after: None }),
        (429, "\"38195\"", ProviderError::RateLimited { retry_after: Some(Duration::from_hours(24)) }),
        (400, "477", ProviderError::Refused { reason: "HTTP 400: TITLE".to_owned() }),
        (404, "1797", ProviderError::NotFound),
        (500, "141", ProviderError::Unavailable { reason: "HTTP 500: TITLE".to_owned() }),
        (403, "38197", ProviderError::Authentication { reason: "HTTP 403: TITLE".to_owned() }),
    ];
    for (status, code, expected) in cases {
        let stub = Stub::start(move |hit: &Hit| match hit.line.starts_with("POST") {
            true => ok(r#"{"access_token":"t","expires_in":1799}"#),
            false => Said(status, vec![], format!(r#"{{"errors":[{{"status":{status},"code":{code},"title":"TITLE"}}]}}"#)),
        })
        .await;
        assert_eq!(amadeus(&stub.base).flight_status(leg("LO", 335)).await, Err(expected), "{status} {code}");
    }
}

/// The stack on real sockets: the first provider breaks in every way that a server can, the second answers.
#[tokio::test]
async fn behind_a_broken_api_the_other_one_answers() {
    let good = with_tokens(|_| true, DATED).await;
    let half = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"flights\":").await;
    let limiting = Stub::start(|_| Said(429, vec![("retry-after", "60")], String::new())).await;
    let locked = Stub::start(|_| Said(401, vec![], String::new())).await;
    for bad in [half.as_str(), &limiting.base, &locked.base, "http://127.0.0.1:1"] {
        let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
        fleet.add(Arc::new(
            FlightAware::new(Card { priority: 9, ..named("flightaware") }, bad, Secret::new("the-key"), clock()).unwrap(),
        ) as Arc<Flights>);
        fleet.add(Arc::new(amadeus(&good.base)) as Arc<Flights>);
        let desk = Desk::new(fleet, Freshness::default(), clock());
        let begun = tokio::time::Instant::now();
        assert_eq!(desk.status(leg("LO", 335)).await.unwrap().data.source, "amadeus", "{bad}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{bad}: {:?}", begun.elapsed());
    }
    assert_eq!(limiting.hits().len(), 1);
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let stub = Stub::start(|_| Said(401, vec![], r#"{"error":"x","reason":"bad"}"#.to_owned())).await;
    let secrets = ["the-key", "the-id", "the&secret", "token-1"];
    let shown = [
        format!("{:?} {:?}", Secret::new("the-key"), credentials()),
        format!("{:?}", flightaware(&stub.base).flight_status(leg("LO", 335)).await),
        format!("{:?}", amadeus(&stub.base).flight_status(leg("LO", 335)).await),
        format!("{:?}", flightaware("http://127.0.0.1:1").flight_status(leg("LO", 335)).await),
    ];
    for text in shown {
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

// contract: S1-15 (more providers)
#[tokio::test]
async fn air_france_klm_is_asked_by_the_utc_day_and_the_day_before() {
    let stub = Stub::start(|hit: &Hit| match hit.line.contains("20261121") {
        true => ok(KLM_FLIGHT),
        false => Said(404, vec![], String::new()),
    })
    .await;
    let client = AirFranceKlm::new(named("af-klm"), &stub.base, Secret::new("the-key"), clock()).unwrap();
    let word = client.flight_status(leg("KL", 1887)).await.unwrap();
    assert_eq!(
        told(&word),
        "SCHEDULED PHEXI 32 | AMS 02/B17 s11-21T15:30 e11-21T16:05 a- r- | NUE -/- s11-21T16:40 e11-21T17:12 a- r-"
    );
    assert_eq!(designator(&word.designator), ("KL1887".to_owned(), Role::Operating));
    assert_eq!(word.also.iter().map(designator).collect::<Vec<_>>(), [("EY5836".to_owned(), Role::Marketing)]);
    assert_eq!(word.date.unwrap().meaning, DateMeaning::FlightUtc);
    let hit = stub.hits().pop().unwrap();
    assert_eq!((hit.line.as_str(), hit.header("api-key")), ("GET /flightstatus/20261121%2BKL%2B1887", Some("the-key")));

    let tomorrow = LegQuery { date: "2026-11-22".parse().unwrap(), ..leg("KL", 1887) };
    assert_eq!(
        client.flight_status(tomorrow).await,
        Err(ProviderError::NotFound),
        "the flight of the UTC day before has no leg then"
    );
    let asked: Vec<String> = stub.hits().iter().skip(1).map(|hit| hit.line.clone()).collect();
    assert_eq!(asked, ["GET /flightstatus/20261122%2BKL%2B1887", "GET /flightstatus/20261121%2BKL%2B1887"]);
    client.health().await.unwrap();
}
