//! The client of the Aviation Weather Center against a server that plays its documents.

use slipstream_producers::live::provider::{Card, Provider};
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
