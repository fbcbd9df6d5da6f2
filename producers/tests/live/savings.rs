//! What the cache saves (S0-23): the legs of 31 January 2008, asked for by users in the 24 h before they depart, beside the scheduler.
//!
//! Twenty looks a leg on the mean, by Zipf's law with exponent 1 over the legs: a few are asked for all the time, most hardly ever. Looks
//! come in visits, spread evenly over the day: who looks, looks again a minute later on the mean. All of it from one seed. The provider
//! tells one leg a call, or the departures of an airport from an instant on, as many as a page has.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use slipstream_producers::live::boards::Departures;
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
use slipstream_schemas::ids::{Airport, Leg};
use slipstream_streams::record::Record;
use tokio::time::Instant;

use crate::support::{card, said};
use crate::sync::{MINUTE, state};

const HOUR: i64 = 60 * MINUTE;
/// Looks a leg gets on the mean.
const LOOKS: usize = 20;
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
    /// The legs again, by where and when they depart.
    departures: BTreeMap<(Airport, i64), Vec<LegQuery>>,
    /// Legs of a board.
    page: usize,
    calls: AtomicU64,
}

impl Timetable {
    fn new(legs: &[(Leg, i64)], page: usize) -> Self {
        let card = Card { name: "timetable".to_owned(), boards: page > 0, ..card() };
        let mut departures: BTreeMap<_, Vec<_>> = BTreeMap::new();
        legs.iter().for_each(|(leg, at)| departures.entry((leg.origin, *at)).or_default().push(query(leg)));
        let legs = legs.iter().map(|one| (query(&one.0), *one)).collect();
        Self { card, legs, departures, page, calls: AtomicU64::new(0) }
    }

    fn word(&self, query: LegQuery) -> Option<FlightStatusData> {
        let (leg, departs) = self.legs.get(&query)?;
        let end = |airport, at| LegEnd { airport: Some(airport), scheduled: Some(at), ..LegEnd::default() };
        Some(FlightStatusData {
            designator: Designator::of(query.carrier.as_str(), &query.number.to_string(), Role::Operating)?,
            date: Some(StatedDate { date: leg.date, meaning: DateMeaning::LegLocal }),
            departure: end(leg.origin, *departs),
            arrival: end(leg.destination, departs + 2 * HOUR),
            ..said("timetable", query)
        })
    }
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
        Box::pin(std::future::ready(self.word(query).ok_or(ProviderError::NotFound)))
    }

    fn departures(&self, board: Departures) -> Answer<'_, Vec<FlightStatusData>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let there = self.departures.range((board.airport, board.from)..=(board.airport, i64::MAX)).flat_map(|(_, legs)| legs);
        Box::pin(std::future::ready(Ok(there.take(self.page).filter_map(|query| self.word(*query)).collect())))
    }
}

/// Publishes to nobody.
struct Nowhere;

impl Publisher for Nowhere {
    fn publish(&self, _: Vec<Record>) -> Publishing<'_> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Calls to the provider, as a share of the looks: of so many looks a visit, and boards of so many legs; none are no boards.
async fn played(visit: usize, page: usize) -> f64 {
    let legs = day();
    let looks = looks(&legs, visit);
    let first = looks[0].0 - HOUR;
    let begun = Instant::now();
    let clock: Clock = Arc::new(move || first + i64::try_from(begun.elapsed().as_millis()).unwrap());
    let provider = Arc::new(Timetable::new(&legs, page));
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
    let (stats, calls) = (scheduler.status().stats, provider.calls.load(Ordering::Relaxed));
    assert!(looks.len() > 400_000 && stats.total_flights_synced > 1_000, "the scheduler runs beside: {stats:?}");
    println!(
        "{visit} looks a visit, boards of {page}: {calls} calls for {} looks, {} legs scheduled",
        looks.len(),
        stats.total_flights_synced
    );
    calls as f64 / looks.len() as f64
}

// contract: S0-23
#[tokio::test(start_paused = true)]
async fn seven_of_ten_calls_are_saved_by_boards_and_nothing_unmarked_is_older_than_it_may_be() {
    // As many legs as Lufthansa tells in a call.
    let share = played(1, 80).await;
    assert!(share <= 0.3, "{share}");
}

/// Without boards they are saved only of users who look three times in a visit: of looks that know nothing of each other half
/// (docs/providers.md), whatever the cache.
#[tokio::test(start_paused = true)]
async fn without_boards_it_takes_users_who_look_again() {
    let share = played(3, 0).await;
    assert!(share <= 0.3, "{share}");
}

#[tokio::test(start_paused = true)]
#[ignore = "a measurement, not a check: the table of docs/providers.md"]
async fn calls_by_looks_and_boards() {
    for visit in [1, 3] {
        for page in [0, 15, 80] {
            println!("{:.0} of 1,000", played(visit, page).await * 1000.0);
        }
    }
}
