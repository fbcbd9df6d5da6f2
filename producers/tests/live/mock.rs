//! The mock: as its settings say, and the same every time.

use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::mock::{Mock, MockSettings};
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, FlightDataProvider, LegQuery, Provider, Search};
use slipstream_producers::live::status::{Disruption, FlightStatusData};
use slipstream_schemas::records::FlightStatus;
use tokio::time::Instant;

use crate::support::{card, clock, leg};

fn mock(settings: &str) -> Mock {
    let settings: MockSettings = toml::from_str(settings).unwrap();
    Mock::new(card(), settings, clock())
}

async fn fates(settings: &str) -> Vec<Result<FlightStatusData, ProviderError>> {
    let mock = mock(settings);
    let mut fates = Vec::new();
    for number in 0..500 {
        fates.push(mock.flight_status(leg(number)).await);
    }
    fates
}

// contract: S1-07
#[tokio::test(start_paused = true)]
async fn listed_legs_have_their_fate_and_others_are_made_up_or_unknown() {
    let listed = "[[legs]]\nflight = \"LH1\"\ncancelled = true\n[[legs]]\nflight = \"LH2\"\ndelay_min = 95\ngate = \"Z54\"\n[[legs]]\nflight = \"LH3\"\ndiverted = true\n";
    let mock = mock(&format!("random = false\n{listed}"));
    let word = |number| mock.flight_status(leg(number));
    assert_eq!(word(1).await.unwrap().disruption(), Some(Disruption::Cancelled));
    let late = word(2).await.unwrap();
    assert_eq!(
        (late.delay_minutes, late.departure.delay_min(), late.departure.gate.as_deref()),
        (Some(95), Some(95), Some("Z54"))
    );
    assert_eq!(word(3).await.unwrap().status, FlightStatus::Diverted);
    assert_eq!(word(4).await, Err(ProviderError::NotFound));
    assert_eq!(word(4).await.unwrap_err(), ProviderError::NotFound);
    assert_eq!(mock.card().name, "scripted-mock", "nobody takes it for the real one");
}

#[tokio::test(start_paused = true)]
async fn a_leg_has_one_id_however_it_is_asked_for() {
    let mock = mock("");
    let plain = mock.flight_status(leg(1)).await.unwrap();
    let named = mock.flight_status(LegQuery { origin: plain.departure.airport, ..leg(1) }).await.unwrap();
    assert!(plain.flight_id.is_some() && plain.flight_id == named.flight_id, "{:?}", named.flight_id);
}

// contract: S1-07
#[tokio::test(start_paused = true)]
async fn chance_comes_from_the_seed_alone() {
    let settled = |fates: Vec<Result<FlightStatusData, ProviderError>>| {
        fates.into_iter().map(|fate| fate.map(|word| (word.status, word.departure, word.delay_minutes))).collect::<Vec<_>>()
    };
    let [first, again, other] = ["seed = 1", "seed = 1", "seed = 2"].map(|seed| format!("{seed}\nerror_rate = 0.2"));
    let [first, again, other] = [settled(fates(&first).await), settled(fates(&again).await), settled(fates(&other).await)];
    assert!(first == again && first != other);
    let failed = first.iter().filter(|fate| fate.is_err()).count();
    assert!((60..=140).contains(&failed), "a fifth of 500 calls fail: {failed}");
    let cancelled = first.iter().flatten().filter(|(status, ..)| *status == FlightStatus::Cancelled).count();
    assert!((1..=20).contains(&cancelled), "about one in fifty: {cancelled}");
}

// contract: S1-07
#[tokio::test(start_paused = true)]
async fn a_call_takes_its_time_and_an_outage_comes_and_goes() {
    let mock = mock("delay_ms = 150\noutages = [{ after_s = 10, for_s = 5 }]");
    let begun = Instant::now();
    mock.flight_status(leg(1)).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(150));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert!(mock.flight_status(leg(1)).await.is_err());
    assert!(mock.health().await.is_err());
    tokio::time::advance(Duration::from_secs(5)).await;
    mock.flight_status(leg(1)).await.unwrap();
    assert_eq!(mock.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_outage_may_come_again_and_again() {
    let mock = mock("delay_ms = 0\noutages = [{ after_s = 10, for_s = 5, every_s = 20 }]");
    let mut out = Vec::new();
    for second in 0..60 {
        if mock.health().await.is_err() {
            out.push(second);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(out, [10..15, 30..35, 50..55].map(Vec::from_iter).concat());
}

// contract: S1-01
#[tokio::test(start_paused = true)]
async fn one_interface_has_it_all() {
    let provider: Arc<Flights> = Arc::new(mock(""));
    let Card { priority, timeout, limit, cost, .. } = provider.card().clone();
    assert_eq!((priority, timeout, limit, cost.status), (5, Duration::from_secs(10), None, 1));
    let one = provider.flight_status(leg(1)).await.unwrap();
    let many = provider.multiple_flights(&[leg(2), leg(1)]).await.unwrap();
    let departure = many[1].as_ref().map(|word| &word.departure);
    assert_eq!(departure, Ok(&one.departure), "in the order of the questions");
    provider.health().await.unwrap();
    let search = Search { origin: "FRA".parse().unwrap(), destination: "JFK".parse().unwrap(), date: leg(1).date };
    provider.search(search).await.unwrap();
}

// contract: S1-02
#[tokio::test(start_paused = true)]
async fn an_answer_has_every_field() {
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
    fleet.add(Arc::new(mock("[[legs]]\nflight = \"LH1\"\ndelay_min = 20")) as Arc<Flights>);
    let served = Desk::new(fleet, Freshness::default(), clock()).status(leg(1)).await.unwrap();
    let json = serde_json::to_value(served).unwrap();
    let ends = ["departure", "arrival"]
        .into_iter()
        .flat_map(|end| ["scheduled", "estimated", "actual", "gate", "terminal"].map(|field| format!("/data/{end}/{field}")));
    let own = ["flight_id", "status", "delay_minutes", "last_updated", "source", "confidence_score", "raw_data"];
    for path in own.map(|field| format!("/data/{field}")).into_iter().chain(ends) {
        assert!(json.pointer(&path).is_some(), "{path} is not in {json}");
    }
    assert_eq!((&json["is_disrupted"], &json["disruption_type"]), (&true.into(), &"DELAYED".into()));
}

/// In virtual time: what the stack itself adds is nothing; 150 ms is a provider's answer.
#[tokio::test(start_paused = true)]
async fn the_times_of_the_contract_are_kept() {
    let (settings, ms) = (MockSettings { delay_ms: 150, ..MockSettings::default() }, Duration::from_millis);
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
    fleet.add(Arc::new(Mock::new(card(), settings, clock())) as Arc<Flights>);
    let desk = Desk::new(fleet, Freshness::default(), clock());
    let timed = async |number: u16| {
        let begun = Instant::now();
        desk.status(leg(number)).await.unwrap();
        begun.elapsed()
    };
    assert!(timed(1).await <= ms(500), "fresh");
    assert!(timed(1).await <= ms(25), "cached");
    let begun = Instant::now();
    let legs: Vec<_> = (100..200).map(leg).collect();
    assert!(desk.batch(&legs).await.iter().all(|(_, answer)| answer.is_ok()));
    assert!(begun.elapsed() <= Duration::from_secs(10), "a batch of 100 at 100 ms a flight: {:?}", begun.elapsed());
}
