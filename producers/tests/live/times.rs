//! The times of the contract, on the wall clock and real sockets, with a provider that takes 150 ms.

use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::flightaware::FlightAware;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, LegQuery};
use slipstream_producers::live::secret::Secret;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::{BEGUN, card};

/// What FlightAware says; of which flight is all the same here.
const FLIGHTS: &str = include_str!("../cases/live/flightaware-flights.json");

/// An API that takes 150 ms and knows one answer.
async fn slow_api() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(|| async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        FLIGHTS
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn client(name: &str, priority: u8, base: &str) -> Arc<Flights> {
    let card = Card { name: name.to_owned(), priority, ..card() };
    Arc::new(FlightAware::new(card, base, Secret::new("key"), Arc::new(|| BEGUN)).unwrap())
}

fn desk(clients: impl IntoIterator<Item = Arc<Flights>>) -> Desk {
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
    clients.into_iter().for_each(|client| fleet.add(client));
    Desk::new(fleet, Freshness::default(), Arc::new(|| BEGUN))
}

fn leg(number: u16) -> LegQuery {
    format!("LO{number}/2026-11-21").parse().unwrap()
}

async fn times(desk: &Desk, legs: impl IntoIterator<Item = u16>) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in legs {
        let begun = Instant::now();
        desk.status(leg(number)).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    times
}

fn p90(times: &[Duration]) -> Duration {
    times[times.len() * 9 / 10]
}

// contract: S1-10
#[tokio::test(flavor = "multi_thread")]
async fn cached_fresh_batched_and_failed_over_in_time() {
    let base = slow_api().await;
    let whole = desk([client("flightaware", 1, &base)]);
    let fresh = times(&whole, 1..21).await;
    assert!(p90(&fresh) <= Duration::from_millis(500), "fresh: {fresh:?}");
    let cached = times(&whole, (1..21).cycle().take(1000)).await;
    let mean = cached.iter().sum::<Duration>() / 1000;
    assert!(p90(&cached) <= Duration::from_millis(25) && mean <= Duration::from_millis(10), "cached: mean {mean:?}");

    let (legs, begun) = ((1000..1100).map(leg).collect::<Vec<_>>(), Instant::now());
    assert!(whole.batch(&legs).await.iter().all(|(_, answer)| answer.is_ok()));
    assert!(begun.elapsed() <= Duration::from_secs(10), "100 legs: {:?}", begun.elapsed());

    let broken = desk([client("broken", 9, "http://127.0.0.1:1"), client("flightaware", 1, &base)]);
    let over = times(&broken, 1..11).await;
    assert!(p90(&over) <= Duration::from_secs(1) && over[9] <= Duration::from_secs(5), "failover: {over:?}");
    println!(
        "fresh p90 {:?}, cached p90 {:?}, 100 legs {:?}, failover p90 {:?}",
        p90(&fresh),
        p90(&cached),
        begun.elapsed(),
        p90(&over)
    );
}
