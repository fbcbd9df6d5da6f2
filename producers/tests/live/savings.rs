//! What the cache saves (S0-23): the legs of 31 January 2008, asked for by users in the 24 h before they depart, beside the scheduler.
//!
//! Twenty looks a leg on the mean, by Zipf's law with exponent 1 over the legs: a few are asked for all the time, most hardly ever. Looks
//! come in visits, spread evenly over the day: who looks, looks again a minute later on the mean. All of it from one seed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Answer, Card, Clock, FlightDataProvider, LegQuery, Provider};
use slipstream_producers::live::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, StatedDate};
use slipstream_producers::live::sync::flight::Syncer;
use slipstream_producers::live::sync::scheduler::{ScheduleSettings, Scheduler};
use slipstream_producers::live::sync::truth::Truth;
use slipstream_producers::live::sync::{Publisher, Publishing};
use slipstream_schemas::ids::Leg;
use slipstream_streams::record::Record;
use tokio::time::Instant;

use crate::support::{card, said};
use crate::sync::{MINUTE, state};

const HOUR: i64 = 60 * MINUTE;
/// Looks a leg gets on the mean.
const LOOKS: usize = 20;
/// Looks of a visit.
const VISIT: usize = 3;
/// Mean time between two looks of a visit, ms.
const AGAIN: f64 = 60_000.0;
const SEED: u64 = 31;

/// Every leg of the day with its scheduled departure, epoch ms: wall times are taken as UTC, since only their distances count.
fn day() -> Vec<(Leg, i64)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/bts-2008-01-31.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let [date, carrier, number, origin, dest, departs] =
        ["flight_date", "carrier", "flight_num", "origin", "dest", "crs_dep_time"].map(place);
    let legs = lines.filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let leg = format!("{}{}/{}/{}-{}", cells[carrier], cells[number], cells[date], cells[origin], cells[dest]);
        let wall: i64 = cells[departs].parse().ok()?;
        let midnight: jiff::Timestamp = format!("{}T00:00:00Z", cells[date]).parse().ok()?;
        Some((leg.parse().ok()?, midnight.as_millisecond() + (wall / 100 * 60 + wall % 100) * MINUTE))
    });
    legs.collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn query(leg: &Leg) -> LegQuery {
    let number = u16::try_from(leg.number).unwrap();
    LegQuery { carrier: leg.carrier, number, suffix: None, date: leg.date, origin: Some(leg.origin) }
}

/// When which leg is looked at, in order.
fn looks(legs: &[(Leg, i64)], visit: usize) -> Vec<(i64, usize)> {
    let mut dice = ChaCha8Rng::seed_from_u64(SEED);
    let mut ranked: Vec<usize> = (0..legs.len()).collect();
    ranked.shuffle(&mut dice);
    let harmonic: f64 = (1..=legs.len()).map(|rank| 1.0 / rank as f64).sum();
    let mut looks = Vec::new();
    for (rank, place) in ranked.into_iter().enumerate() {
        let expected = (legs.len() * LOOKS) as f64 / ((rank + 1) as f64 * harmonic);
        let mut left = expected as usize + usize::from(dice.random_bool(expected.fract()));
        let departs = legs[place].1;
        while left > 0 {
            let mut at = departs - dice.random_range(0..24 * HOUR);
            for _ in 0..visit.min(left) {
                looks.push((at.min(departs), place));
                at += (-dice.random_range(f64::MIN_POSITIVE..1.0).ln() * AGAIN) as i64;
            }
            left -= visit.min(left);
        }
    }
    looks.sort_unstable();
    looks
}

/// A provider that knows when the legs of the day depart, and counts.
struct Timetable {
    card: Card,
    legs: BTreeMap<LegQuery, (Leg, i64)>,
    calls: AtomicU64,
}

impl Provider for Timetable {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl FlightDataProvider for Timetable {
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let end = |airport, at| LegEnd { airport: Some(airport), scheduled: Some(at), ..LegEnd::default() };
        let designator = Designator::of(query.carrier.as_str(), &query.number.to_string(), Role::Operating).unwrap();
        let word = |(leg, departs): &(Leg, i64)| FlightStatusData {
            designator,
            date: Some(StatedDate { date: leg.date, meaning: DateMeaning::LegLocal }),
            departure: end(leg.origin, *departs),
            arrival: end(leg.destination, departs + 2 * HOUR),
            ..said("timetable", query)
        };
        Box::pin(std::future::ready(self.legs.get(&query).map(word).ok_or(ProviderError::NotFound)))
    }
}

/// Publishes to nobody.
struct Nowhere;

impl Publisher for Nowhere {
    fn publish(&self, _: Vec<Record>) -> Publishing<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Calls to the provider for so many looks, as a share of the looks; of these, the scheduler's.
async fn played(visit: usize) -> (usize, f64, f64) {
    let legs = day();
    let looks = looks(&legs, visit);
    let first = looks[0].0 - HOUR;
    let begun = Instant::now();
    let clock: Clock = Arc::new(move || first + i64::try_from(begun.elapsed().as_millis()).unwrap());
    let known = legs.iter().map(|one| (query(&one.0), *one)).collect();
    let card = Card { name: "timetable".to_owned(), ..card() };
    let provider = Arc::new(Timetable { card, legs: known, calls: AtomicU64::new(0) });
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
    fleet.add(Arc::clone(&provider) as Arc<Flights>);
    let desk = Desk::new(fleet, Freshness::default(), Arc::clone(&clock));
    let truth = Arc::new(Truth::default());
    legs.iter().for_each(|(leg, departs)| truth.hear(*leg, Some(state(*leg, *departs, vec!["x".to_owned()])), first));
    let syncer = Syncer::new(desk.clone(), Arc::new(Nowhere), truth, Arc::default(), Arc::clone(&clock));
    let scheduler = Scheduler::new(syncer, ScheduleSettings::default(), Freshness::default(), Arc::new(|| true)).unwrap();
    scheduler.start();

    for (at, place) in &looks {
        if let Ok(ahead @ 1..) = u64::try_from(at - clock()) {
            tokio::time::sleep(Duration::from_millis(ahead)).await;
        }
        let (leg, departs) = &legs[*place];
        let served = desk.status(query(leg)).await.unwrap();
        let (age, left) = (clock() - served.fetched_at, departs - clock());
        let allowed = if left <= 2 * HOUR { 2 * MINUTE } else { 5 * MINUTE };
        assert!(!served.stale && age < allowed, "{leg}: {age} ms old, {left} ms before departure");
    }
    let scheduled = scheduler.status().stats.total_flights_synced as f64;
    assert!(scheduled > 1_000.0, "the scheduler runs beside: {:?}", scheduler.status());
    (looks.len(), provider.calls.load(Ordering::Relaxed) as f64 / looks.len() as f64, scheduled / looks.len() as f64)
}

/// Of users who look three times in a visit, which is what S0-23 hopes for; of looks that know nothing of each other it saves half
/// (docs/providers.md), so the row is not named here.
#[tokio::test(start_paused = true)]
async fn seven_of_ten_calls_are_saved_and_nothing_unmarked_is_older_than_it_may_be() {
    let (looks, share, scheduled) = played(VISIT).await;
    println!("{looks} looks, calls {:.1} %, of which scheduled at most {:.1} %", share * 100.0, scheduled * 100.0);
    assert!(looks > 400_000 && share <= 0.3, "{share}");
}
