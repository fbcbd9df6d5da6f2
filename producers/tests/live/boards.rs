//! Boards in virtual time: which questions one call answers, and which legs are asked for by themselves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipstream_producers::live::boards::Departures;
use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Answer, Card, FlightDataProvider, LegQuery, Provider};
use slipstream_producers::live::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, StatedDate};
use slipstream_schemas::ids::Airport;

use crate::support::{BEGUN, card, clock, down, leg, said};
use crate::sync::MINUTE;

/// Numbers whose legs have left Frankfurt, and that of a leg of the day after tomorrow.
const LEFT: u16 = 90;
const FAR: u16 = 91;
/// What LH7 is sold as.
const SOLD: (&str, u16) = ("UA", 8007);

/// Flies LH1, LH2, … from Frankfurt, ten minutes apart from 12:00Z on, and tells on its board who is listed there.
struct Frankfurt {
    card: Card,
    listed: Mutex<Result<Vec<u16>, ProviderError>>,
    boards: Mutex<Vec<Departures>>,
    singles: AtomicU64,
}

fn frankfurt() -> Airport {
    "FRA".parse().unwrap()
}

fn departs(number: u16) -> i64 {
    match number {
        FAR => BEGUN + 48 * 60 * MINUTE,
        _ => BEGUN + (6 * 60 + 10 * i64::from(number)) * MINUTE,
    }
}

fn word(number: u16) -> FlightStatusData {
    let actual = (number == LEFT).then_some(BEGUN);
    let sold = Designator::of(SOLD.0, &SOLD.1.to_string(), Role::Marketing).filter(|_| number == 7);
    FlightStatusData {
        date: Some(StatedDate { date: leg(number).date, meaning: DateMeaning::LegLocal }),
        departure: LegEnd { airport: Some(frankfurt()), scheduled: Some(departs(number)), actual, ..LegEnd::default() },
        also: sold.into_iter().collect(),
        ..said("frankfurt", leg(number))
    }
}

impl Frankfurt {
    fn listing(listed: &[u16]) -> Arc<Self> {
        let card = Card { name: "frankfurt".to_owned(), boards: true, ..card() };
        Arc::new(Self { card, listed: Mutex::new(Ok(listed.to_vec())), boards: Mutex::default(), singles: AtomicU64::new(0) })
    }

    fn lists(&self, listed: Result<Vec<u16>, ProviderError>) {
        *self.listed.lock().unwrap() = listed;
    }

    /// Calls for boards and for single legs so far.
    fn calls(&self) -> (usize, u64) {
        (self.boards.lock().unwrap().len(), self.singles.load(Ordering::SeqCst))
    }
}

impl Provider for Frankfurt {
    fn card(&self) -> &Card {
        &self.card
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl FlightDataProvider for Frankfurt {
    fn flight_status(&self, query: LegQuery) -> Answer<'_, FlightStatusData> {
        self.singles.fetch_add(1, Ordering::SeqCst);
        let number = if query.carrier.as_str() == SOLD.0 { 7 } else { query.number };
        Box::pin(std::future::ready(Ok(word(number))))
    }

    fn departures(&self, board: Departures) -> Answer<'_, Vec<FlightStatusData>> {
        self.boards.lock().unwrap().push(board);
        let listed = self.listed.lock().unwrap().clone();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(listed?.into_iter().map(word).collect())
        })
    }
}

fn desk(provider: &Arc<Frankfurt>) -> Desk {
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Monitor));
    fleet.add(Arc::clone(provider) as Arc<Flights>);
    Desk::new(fleet, Freshness::default(), clock())
}

async fn six_minutes() {
    tokio::time::advance(Duration::from_mins(6)).await;
}

fn named(number: u16) -> LegQuery {
    LegQuery { origin: Some(frankfurt()), ..leg(number) }
}

/// Asks, and says whether the answer was kept.
async fn asked(desk: &Desk, query: LegQuery) -> bool {
    let served = desk.status(query).await.unwrap();
    assert!(!served.stale, "{query}");
    served.from_cache
}

#[tokio::test(start_paused = true)]
async fn one_call_answers_for_all_who_depart_there() {
    let provider = Frankfurt::listing(&[1, 2, 3, 7]);
    let desk = desk(&provider);
    let sold = LegQuery { carrier: SOLD.0.parse().unwrap(), number: SOLD.1, ..leg(7) };
    for query in [named(1), leg(2), sold] {
        assert!(!asked(&desk, query).await);
    }
    assert_eq!(provider.calls(), (0, 3), "nobody knows yet when they depart");
    six_minutes().await;
    assert!(!asked(&desk, named(1)).await, "fetched for this question");
    assert_eq!(*provider.boards.lock().unwrap(), [Departures { airport: frankfurt(), from: departs(1) - MINUTE }]);
    // As it was asked for before, by the number it is sold as, and one that nobody has asked for.
    for query in [named(1), leg(2), named(2), sold, named(3)] {
        assert!(asked(&desk, query).await, "{query}");
    }
    assert_eq!(provider.calls(), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_no_board_has_is_asked_for_by_itself_until_one_has_it() {
    let provider = Frankfurt::listing(&[1]);
    let desk = desk(&provider);
    asked(&desk, leg(2)).await;
    for calls in [(1, 2), (1, 3), (1, 4)] {
        six_minutes().await;
        asked(&desk, leg(2)).await;
        assert_eq!(provider.calls(), calls);
    }
    provider.lists(Ok(vec![1, 2]));
    asked(&desk, leg(1)).await;
    six_minutes().await;
    asked(&desk, leg(1)).await;
    assert!(asked(&desk, leg(2)).await, "told by the board of another");
    six_minutes().await;
    asked(&desk, leg(2)).await;
    assert_eq!(provider.calls(), (3, 5));
}

#[tokio::test(start_paused = true)]
async fn legs_that_have_left_or_depart_another_day_are_on_no_board() {
    let provider = Frankfurt::listing(&[LEFT, FAR]);
    let desk = desk(&provider);
    for _ in 0..2 {
        asked(&desk, leg(LEFT)).await;
        asked(&desk, leg(FAR)).await;
        tokio::time::advance(Duration::from_hours(2)).await;
    }
    assert_eq!(provider.calls(), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_board_that_fails_is_the_failure_of_the_question_and_no_further_call() {
    let provider = Frankfurt::listing(&[1]);
    let desk = desk(&provider);
    asked(&desk, leg(1)).await;
    provider.lists(Err(down()));
    six_minutes().await;
    let served = desk.status(leg(1)).await.unwrap();
    assert!(served.stale && served.from_cache);
    let (boards, singles) = provider.calls();
    assert!((1..=3).contains(&boards) && singles == 1, "one and two retries: {boards}, {singles}");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_before_one_board_is_one_call() {
    let provider = Frankfurt::listing(&[1]);
    let desk = desk(&provider);
    asked(&desk, leg(1)).await;
    asked(&desk, named(1)).await;
    six_minutes().await;
    let crowd = [leg(1), named(1)].repeat(50).into_iter().map(|query| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.status(query).await.unwrap().stale })
    });
    for one in crowd.collect::<Vec<_>>() {
        assert!(!one.await.unwrap());
    }
    assert_eq!(provider.calls(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_plan_has_no_boards_is_asked_for_none() {
    let provider = Frankfurt::listing(&[1]);
    let without =
        Arc::new(Frankfurt { card: Card { boards: false, ..provider.card.clone() }, ..Arc::into_inner(provider).unwrap() });
    let desk = desk(&without);
    asked(&desk, leg(1)).await;
    six_minutes().await;
    asked(&desk, leg(1)).await;
    assert_eq!(without.calls(), (0, 2));
}
