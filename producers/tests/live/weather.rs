//! Clients of weather reports against servers that play their documents, and who is asked when one is down.

use std::sync::Arc;

use slipstream_producers::live::briefing::{Briefing, published};
use slipstream_producers::live::checkwx::CheckWx;
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::open_meteo::OpenMeteo;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, Provider};
use slipstream_producers::live::secret::Secret;
use slipstream_producers::live::weather::{AviationWeather, Kind, WeatherProvider};

use crate::stub::{Said, Stub, ok};
use crate::support::{BEGUN, card};

const METARS: &str = include_str!("../cases/live/aviationweather-metar.json");
const TAFS: &str = include_str!("../cases/live/aviationweather-taf.json");

fn weather(base: &str) -> AviationWeather {
    AviationWeather::new(Card { name: "aviationweather".to_owned(), ..card() }, base).unwrap()
}

#[tokio::test]
async fn reports_are_read_from_their_text_and_a_bad_one_fails_alone() {
    let stub = Stub::start(|_| ok(METARS)).await;
    let stations = ["EPWA", "KJFK", "XXXX"].map(str::to_owned);
    let found = weather(&stub.base).reports(Kind::Metar, &stations).await.unwrap();
    let [report] = &found.read[..] else { panic!("{found:?}") };
    assert_eq!((report.station.as_str(), report.airport.unwrap().as_str(), report.observed_at), ("EPWA", "WAW", BEGUN));
    assert_eq!((report.category.as_deref(), report.visibility_m, report.ceiling_ft), (Some("LIFR"), Some(1400), Some(600)));
    assert_eq!(report.band, "SEVERE");
    let unread: Vec<_> = found.unread.iter().map(|unread| unread.station.as_str()).collect();
    assert_eq!(unread, ["KJFK", "EGLL"], "no instant; another station's text");
    assert_eq!(stub.hits()[0].line, "GET /api/data/metar?ids=EPWA%2CKJFK%2CXXXX&format=json");
    assert!(stub.hits()[0].header("user-agent").unwrap().starts_with("slipstream/"));

    let stub = Stub::start(|_| ok(TAFS)).await;
    let found = weather(&stub.base).reports(Kind::Taf, &stations).await.unwrap();
    assert_eq!((found.read.len(), found.unread.len(), found.read[0].kind.as_str()), (1, 0, "TAF"));

    let stub = Stub::start(|_| Said(204, vec![], String::new())).await;
    assert_eq!(weather(&stub.base).reports(Kind::Metar, &stations).await.unwrap().read, []);
    weather(&stub.base).health().await.unwrap();
}

const CHECKWX: &str = r#"{"results":2,"data":[{"icao":"EPWA","raw_text":"METAR EPWA 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998","observed":"2026-11-21T06:00:00Z"},
    {"icao":"KJFK","raw_text":"KJFK nonsense","observed":"2026-11-21T06:00:00"}]}"#;
const OPEN_METEO: &str = r#"{"latitude":52.16,"longitude":20.96,"hourly":{"time":[1795240800],"temperature_2m":[-2.1],"dew_point_2m":[-3.2],"visibility":[1400.0],
    "cloud_cover_low":[95],"wind_speed_10m":[18.2],"wind_direction_10m":[312],"wind_gusts_10m":[31.6],"weather_code":[75],"pressure_msl":[998.2]}}"#;

fn named(name: &str, priority: u8) -> Card {
    Card { name: name.to_owned(), priority, ..card() }
}

#[tokio::test]
async fn the_second_provider_has_the_same_texts() {
    let stub = Stub::start(|_| ok(CHECKWX)).await;
    let client = CheckWx::new(named("checkwx", 5), &stub.base, Secret::new("hush")).unwrap();
    let stations: Vec<String> = ["EPWA", "KJFK"].map(str::to_owned).into();
    let found = client.reports(Kind::Metar, &stations).await.unwrap();
    assert_eq!((found.read.len(), found.unread[0].station.as_str()), (1, "KJFK"));
    assert_eq!((found.read[0].observed_at, found.read[0].category.as_deref()), (BEGUN, Some("LIFR")));
    let many: Vec<String> = (0..60).map(|n| format!("K{n:03}")).collect();
    client.reports(Kind::Metar, &many).await.unwrap();
    let hits = stub.hits();
    assert_eq!(
        (hits.len(), hits[0].line.as_str(), hits[0].header("x-api-key")),
        (3, "GET /metar/EPWA,KJFK/decoded", Some("hush"))
    );
    let stub =
        Stub::start(|_| Said(401, vec![], r#"{"statusCode":401,"error":"Unauthorized","message":"bad key"}"#.to_owned())).await;
    let refused = CheckWx::new(named("checkwx", 5), &stub.base, Secret::new("hush")).unwrap().health().await;
    assert!(matches!(refused, Err(ProviderError::Authentication { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_models_hour_is_read_as_a_report_and_says_that_it_is_none() {
    let stub = Stub::start(|_| ok(OPEN_METEO)).await;
    let client = OpenMeteo::new(named("openmeteo", 1), &stub.base).unwrap();
    let found = client.reports(Kind::Metar, &["EPWA".to_owned(), "XXXX".to_owned()]).await.unwrap();
    let [report] = &found.read[..] else { panic!("{found:?}") };
    assert_eq!(
        (report.kind.as_str(), report.raw.as_str()),
        ("MODEL", "EPWA 210600Z AUTO 31018G32KT 1400 +SN BKN004 M02/M03 Q0998")
    );
    assert_eq!((report.observed_at, report.band.as_str(), report.ceiling_ft), (BEGUN, "SEVERE", Some(400)));
    assert!(stub.hits()[0].line.contains("latitude=52.1") && stub.hits()[0].line.contains("wind_speed_unit=kn"));
    assert!(matches!(client.reports(Kind::Taf, &["EPWA".to_owned()]).await, Err(ProviderError::NotOffered)));
    for body in ["{}", r#"{"hourly":{}}"#, r#"{"hourly":{"time":[1795240800]}}"#, "[]"] {
        let stub = Stub::start(move |_| ok(body)).await;
        let found = OpenMeteo::new(named("openmeteo", 1), &stub.base).unwrap().reports(Kind::Metar, &["EPWA".to_owned()]).await;
        assert!(found.as_ref().map_or(true, |found| found.read.is_empty()), "{body}: {found:?}");
    }
}

#[tokio::test]
async fn the_next_provider_answers_when_the_first_is_down() {
    let down = Stub::start(|_| Said(503, vec![], String::new())).await;
    let (second, third) = (Stub::start(|_| ok(CHECKWX)).await, Stub::start(|_| ok(OPEN_METEO)).await);
    let profile = Profile::of(Use::Monitor);
    let fleet = Fleet::new(profile);
    let add = |provider: Arc<dyn WeatherProvider>| fleet.add(provider);
    add(Arc::new(OpenMeteo::new(named("openmeteo", 1), &third.base).unwrap()));
    add(Arc::new(CheckWx::new(named("checkwx", 5), &second.base, Secret::new("hush")).unwrap()));
    add(Arc::new(AviationWeather::new(named("aviationweather", 9), &down.base).unwrap()));
    let briefing = Briefing::new(fleet);
    let (who, found) = briefing.reports(Kind::Metar, &["EPWA".to_owned()]).await.unwrap();
    assert_eq!((who.as_str(), third.hits().len()), ("checkwx", 0));
    let record = published(&found.read[0], BEGUN + 1);
    assert_eq!((record.topic, &*record.key, record.timestamp), ("external.data", "WAW", BEGUN + 1));
    drop((second, down));
}
