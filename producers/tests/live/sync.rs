//! Sync in virtual time: what is published of each source's word, what is answered, and what is noted of the calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::fleet::Fleet;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::mock::{Mock, MockSettings};
use slipstream_producers::live::profile::{Profile, Use};
use slipstream_producers::live::provider::{Card, LegQuery};
use slipstream_producers::live::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role, StatedDate};
use slipstream_producers::live::sync::flight::{AT_ONCE, BATCH_MAX, PATIENCE, Syncer};
use slipstream_producers::live::sync::ledger::Ledger;
use slipstream_producers::live::sync::observe::{CONFIRM_EVERY, Operator, observe};
use slipstream_producers::live::sync::request::SyncRequest;
use slipstream_producers::live::sync::truth::Truth;
use slipstream_producers::live::sync::{Publisher, Publishing, Unpublished, conflict};
use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{
    Codeshare, DesignatorRole, FlightEvent, FlightKind, FlightObservation, FlightState, FlightStatus, LegSync, SyncStatus,
};
use slipstream_schemas::topics::{FLIGHT_OBSERVATIONS, FLIGHT_UNMATCHED, SYNC_STATUS};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use tokio::time::Instant;

use crate::support::{BEGUN, Scripted, card, clock, desk, leg, said};

pub(crate) const MINUTE: i64 = 60_000;

/// Takes records in, as a transaction that commits after 10 ms; reconcile may be played behind it.
#[derive(Default)]
pub(crate) struct Log {
    transactions: Mutex<Vec<Vec<Record>>>,
    broken: Mutex<bool>,
    reconcile: Option<Arc<Truth>>,
}

impl Log {
    /// With reconcile behind it.
    pub(crate) fn before(truth: &Arc<Truth>) -> Self {
        Self { reconcile: Some(Arc::clone(truth)), ..Self::default() }
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.transactions.lock().unwrap().concat()
    }

    pub(crate) fn on(&self, topic: &str) -> Vec<Record> {
        self.records().into_iter().filter(|record| record.topic == topic).collect()
    }

    fn kinds(&self) -> Vec<(String, FlightKind)> {
        self.on(FLIGHT_OBSERVATIONS).iter().map(observation).map(|said| (said.source, said.kind)).collect()
    }
}

pub(crate) fn observation(record: &Record) -> FlightObservation {
    FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap()
}

impl Publisher for Log {
    fn publish(&self, records: Vec<Record>) -> Publishing<'_> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if *self.broken.lock().unwrap() {
                return Err(Unpublished("fenced".to_owned()));
            }
            if let Some(truth) = &self.reconcile {
                let said: Vec<_> = records.iter().filter(|r| r.topic == FLIGHT_OBSERVATIONS).map(observation).collect();
                if let Some(first) = said.first() {
                    let sources = said.iter().map(|said| said.source.clone()).collect();
                    let state = state(leg_of(first), first.scheduled_departure.unwrap(), sources);
                    truth.hear(state.last.leg, Some(state), BEGUN);
                }
            }
            self.transactions.lock().unwrap().push(records);
            Ok(())
        })
    }
}

fn leg_of(said: &FlightObservation) -> Leg {
    let (carrier, number, suffix) = (said.carrier, said.number, said.suffix);
    Leg { carrier, number, suffix, date: said.date.unwrap(), origin: said.origin, destination: said.destination, repeat: 0 }
}

pub(crate) fn state(leg: Leg, departure: i64, mut sources: Vec<String>) -> FlightState {
    let json = serde_json::json!({
        "carrier": leg.carrier, "number": leg.number, "suffix": leg.suffix, "date": leg.date, "origin": leg.origin,
        "destination": leg.destination, "repeat": leg.repeat, "kind": "SCHEDULED", "status": "SCHEDULED",
        "scheduled_departure": departure, "source": "x", "assumed": false, "revision": 1,
    });
    let last: FlightEvent = serde_json::from_value(json).unwrap();
    sources.sort();
    sources.dedup();
    FlightState {
        last,
        last_synced_at: BEGUN,
        sync_status: if sources.len() > 1 { SyncStatus::ExactMatch } else { SyncStatus::Unverified },
        sources,
        departure_terminal: None,
        departure_gate: None,
        arrival_terminal: None,
        arrival_gate: None,
        passengers: None,
        provisional: false,
        provenance: Vec::new(),
        conflicts: Vec::new(),
    }
}

pub(crate) fn mock(name: &str, settings: &str) -> Arc<Flights> {
    let settings: MockSettings = toml::from_str(settings).unwrap();
    Arc::new(Mock::new(Card { name: name.to_owned(), ..card() }, settings, clock()))
}

pub(crate) fn syncer(providers: &[Arc<Flights>], log: &Arc<Log>) -> Syncer {
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Sync));
    providers.iter().for_each(|provider| fleet.add(Arc::clone(provider)));
    let truth = log.reconcile.clone().unwrap_or_default();
    let publisher: Arc<dyn Publisher> = Arc::clone(log) as _;
    Syncer::new(Desk::new(fleet, Freshness::default(), clock()), publisher, truth, Arc::default(), clock())
}

fn request(number: u16) -> SyncRequest {
    SyncRequest::from(leg(number))
}

const LATE: &str = "[[legs]]\nflight = \"LH1\"\ndelay_min = 95\ngate = \"Z54\"";
const CANCELLED: &str = "[[legs]]\nflight = \"LH1\"\ncancelled = true";

// contract: S0-01
#[tokio::test(start_paused = true)]
async fn every_sources_word_is_published_in_one_transaction_and_a_kept_one_not_again() {
    let log = Arc::new(Log::default());
    let syncer = syncer(&[mock("one", LATE), mock("two", CANCELLED)], &log);
    let begun = Instant::now();
    let first = syncer.sync(&request(1)).await;
    assert!(first.success && first.pending && !first.from_cache, "{first:?}");
    assert_eq!((first.sync_status, first.error), (SyncStatus::Unverified, None));
    let flight = first.flight.unwrap();
    assert_eq!((flight.gate.as_deref(), flight.delay_minutes, flight.id), (Some("Z54"), Some(95), None));
    assert_eq!(begun.elapsed(), Duration::from_millis(50 + 10) + PATIENCE, "all at once, one commit, then nobody answers");
    assert_eq!(log.transactions.lock().unwrap().len(), 1);
    let expected =
        [("one-mock", FlightKind::Scheduled), ("two-mock", FlightKind::Scheduled), ("two-mock", FlightKind::Cancelled)];
    assert_eq!(log.kinds(), expected.map(|(source, kind)| (source.to_owned(), kind)));
    assert!(log.on(FLIGHT_OBSERVATIONS).iter().all(|record| &*record.key == "LH1" && record.timestamp == BEGUN + 50));

    let again = syncer.sync(&request(1)).await;
    assert!(again.success && again.from_cache, "{again:?}");
    assert_eq!(log.transactions.lock().unwrap().len(), 1, "nothing new was said");
}

#[tokio::test(start_paused = true)]
async fn two_who_sync_the_same_leg_publish_the_same_ids() {
    let logs = [Arc::new(Log::default()), Arc::new(Log::default())];
    for log in &logs {
        syncer(&[mock("one", LATE)], log).sync(&request(1)).await;
    }
    let ids = logs.map(|log| log.on(FLIGHT_OBSERVATIONS).iter().map(|record| record.event.id).collect::<Vec<_>>());
    assert!(!ids[0].is_empty() && ids[0] == ids[1]);
}

#[tokio::test(start_paused = true)]
async fn a_word_still_stood_by_is_said_again_while_reconcile_takes_it_for_fresh() {
    let log = Arc::new(Log::default());
    let syncer = syncer(&[mock("one", LATE)], &log);
    for _ in 0..24 {
        syncer.sync(&request(1)).await;
        tokio::time::advance(Duration::from_secs(150)).await;
    }
    let stamps: Vec<i64> = log.on(FLIGHT_OBSERVATIONS).iter().map(|record| record.timestamp).collect();
    assert_eq!(stamps.len(), 4, "an hour has four quarters: {stamps:?}");
    assert!(stamps.windows(2).all(|pair| pair[1] - pair[0] < 2 * CONFIRM_EVERY), "{stamps:?}");
}

// contract: S0-02
#[tokio::test(start_paused = true)]
async fn the_answer_is_the_reconciled_leg_as_soon_as_it_names_everybody() {
    let truth = Arc::new(Truth::default());
    let log = Arc::new(Log::before(&truth));
    let syncer = syncer(&[mock("one", LATE), mock("two", LATE)], &log);
    let begun = Instant::now();
    let synced = syncer.sync(&request(1)).await;
    assert!(synced.success && !synced.pending, "{synced:?}");
    assert_eq!(begun.elapsed(), Duration::from_millis(60), "cache, breakers, both at once, one commit, no waiting");
    assert_eq!((synced.sync_status, synced.error.clone()), (SyncStatus::ExactMatch, None));
    let flight = synced.flight.clone().unwrap();
    assert_eq!(flight.sources, ["one-mock", "two-mock"]);
    assert!(flight.id.unwrap().starts_with("LH1/2026-11-21/"));
    let json = serde_json::to_value(&synced).unwrap();
    for field in ["success", "flight", "fromCache", "syncStatus", "error"] {
        assert!(json.get(field).is_some(), "{field} is not in {json}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_committed_is_a_failure_and_is_published_with_the_next_sync() {
    let log = Arc::new(Log::default());
    let syncer = syncer(&[mock("one", LATE)], &log);
    *log.broken.lock().unwrap() = true;
    let failed = syncer.sync(&request(1)).await;
    assert!(!failed.success && failed.error.unwrap().contains("fenced"));
    *log.broken.lock().unwrap() = false;
    assert!(syncer.sync(&request(1)).await.success);
    assert_eq!(log.on(FLIGHT_OBSERVATIONS).len(), 1);
}

/// A leg of LH1 that departs in ten hours.
fn known(truth: &Truth, from_to: &str) {
    let leg: Leg = format!("LH1/2026-11-21/{from_to}").parse().unwrap();
    truth.hear(leg, Some(state(leg, BEGUN + 600 * MINUTE, vec!["x".to_owned()])), BEGUN);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_has_changed_is_asked_of_one_leg_by_leg_past_what_is_kept() {
    let (one, two) = (Scripted::new("one", 9), Scripted::new("two", 1));
    let (truth, log) = (Arc::new(Truth::default()), Arc::new(Log::default()));
    let desk = desk(Use::Monitor, &[&one, &two]);
    let syncer = Syncer::new(desk.clone(), Arc::clone(&log) as _, Arc::clone(&truth), Arc::default(), clock());
    let calls = || (one.calls(), two.calls());
    let asked = async |origin: Option<&str>| {
        let origin = origin.map(|origin| origin.parse().unwrap());
        desk.status(LegQuery { origin, ..leg(1) }).await.unwrap().from_cache
    };
    known(&truth, "FRA-JFK");
    known(&truth, "JFK-IAH");
    assert!(!asked(None).await && !asked(Some("FRA")).await && asked(Some("FRA")).await);
    assert_eq!(calls(), (2, 0));
    syncer.outdate(leg(1)).await;
    assert!(!asked(None).await && !asked(Some("FRA")).await && asked(Some("FRA")).await, "both forms of the question");
    assert_eq!(calls(), (4, 0));

    let results = syncer.anew(leg(1), "two").await;
    assert_eq!((results.len(), calls()), (2, (4, 2)), "each leg that is known, of one provider alone");
    syncer.anew(leg(2), "two").await;
    assert_eq!(calls(), (4, 3), "as it was named where none is known");
    let nobody = syncer.anew(leg(2), "three").await;
    assert!(!nobody[0].success && nobody[0].error.as_deref() == Some("three: not offered"), "{nobody:?}");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_takes_a_cancellation_back_says_so_once() {
    let log = Arc::new(Log::default());
    let fleet = Fleet::<Flights>::new(Profile::of(Use::Sync));
    fleet.add(mock("one", CANCELLED));
    let publisher: Arc<dyn Publisher> = Arc::clone(&log) as _;
    let desk = Desk::new(fleet, Freshness::default(), clock());
    let syncer = Syncer::new(desk.clone(), publisher, Arc::default(), Arc::default(), clock());
    syncer.sync(&request(1)).await;
    desk.fleet().add(mock("one", LATE));
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(130)).await;
        syncer.sync(&request(1)).await;
    }
    let kinds: Vec<FlightKind> = log.kinds().into_iter().map(|(_, kind)| kind).collect();
    let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
    assert_eq!((count(FlightKind::Cancelled), count(FlightKind::Reinstated)), (1, 1), "{kinds:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_are_noted_and_written_at_most_once_a_minute() {
    let truth = Arc::new(Truth::default());
    let log = Arc::new(Log::before(&truth));
    let flaky = mock("one", &format!("outages = [{{ after_s = 130, for_s = 7000 }}]\n{LATE}"));
    let syncer = syncer(&[flaky], &log);
    for _ in 0..60 {
        syncer.sync(&request(1)).await;
        tokio::time::advance(Duration::from_secs(20)).await;
    }
    let written: Vec<(i64, LegSync)> = log
        .on(SYNC_STATUS)
        .iter()
        .map(|record| (record.timestamp, LegSync::from_bytes(record.body.as_deref().unwrap()).unwrap()))
        .collect();
    assert!(written.windows(2).all(|pair| pair[1].0 - pair[0].0 >= MINUTE), "{written:?}");
    let (_, last) = written.last().unwrap();
    assert!(last.sync_attempts > 5 && last.last_synced_at.is_some_and(|at| at < BEGUN + 140_000), "{last:?}");
    assert_eq!(last.last_sync_error.as_deref(), Some("no provider has a fresh answer"));
    assert!(log.on(SYNC_STATUS).iter().all(|record| record.key.parse() == Ok(last.leg)));
}

// contract: S0-03
#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_and_says_of_each_flight_what_came_of_it() {
    let log = Arc::new(Log { reconcile: Some(Arc::default()), ..Log::default() });
    let syncer = syncer(&[mock("one", "delay_ms = 150")], &log);
    let mut requests: Vec<SyncRequest> = (1..=150).map(request).collect();
    requests[7].flight_number = "none".to_owned();
    let begun = Instant::now();
    let batch = syncer.batch(requests).await;
    assert_eq!((batch.successful.len(), batch.failed.len()), (149, 1));
    assert_eq!(batch.failed[0].flight.flight_number, "none");
    let rounds = u32::try_from(150 / AT_ONCE).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(150) * (rounds - 1), "{AT_ONCE} at once: {:?}", begun.elapsed());
    assert!(begun.elapsed() <= Duration::from_secs(15));
    let numbers: Vec<String> = batch.successful.iter().map(|one| one.flight.clone().unwrap().flight_number).collect();
    assert_eq!((numbers[0].as_str(), numbers[7].as_str()), ("LH1", "LH9"), "in the order of the requests");

    let refused = syncer.batch((0..=BATCH_MAX).map(|_| request(1)).collect()).await;
    assert_eq!((refused.successful.len(), refused.failed.len()), (BATCH_MAX, 1));
}

fn word(role: Role) -> FlightStatusData {
    let at = |code: &str| LegEnd { airport: code.parse().ok(), scheduled: Some(BEGUN), ..LegEnd::default() };
    let date = Some(StatedDate { date: leg(400).date, meaning: DateMeaning::LegLocal });
    let arrival = LegEnd { scheduled: Some(BEGUN + 90 * MINUTE), ..at("MUC") };
    let designator = Designator { role, ..said("one", leg(400)).designator };
    FlightStatusData { designator, date, departure: at("FRA"), arrival, ..said("one", leg(400)) }
}

fn published(query: &LegQuery, said: &FlightStatusData, operator: &Operator) -> Vec<Record> {
    observe(query, said, BEGUN, operator, None).unwrap().records
}

#[test]
fn nobody_guesses_who_flies() {
    let nobody = Operator::default();
    let stated = published(&leg(400), &word(Role::Operating), &nobody);
    assert_eq!((stated[0].topic, &*stated[0].key), (FLIGHT_OBSERVATIONS, "LH400"));
    let unstated = published(&leg(400), &word(Role::Unstated), &nobody);
    assert_eq!((unstated[0].topic, &*unstated[0].key), (FLIGHT_UNMATCHED, "LH400"));
    assert_eq!(observation(&unstated[0]).designator.as_deref(), Some("LH400"));

    // Another source of the same sync says that it flies under this number; or that another one does.
    let (by, other) = (word(Role::Operating), Designator::of("DLH", "401", Role::Operating).unwrap());
    let operator = Operator::of(&[&by, &word(Role::Unstated)], None);
    assert_eq!(published(&leg(400), &word(Role::Unstated), &operator)[0].topic, FLIGHT_OBSERVATIONS);
    let differing = FlightStatusData { designator: other, ..word(Role::Operating) };
    let operator = Operator::of(&[&by, &differing], None);
    assert_eq!(published(&leg(400), &word(Role::Unstated), &operator)[0].topic, FLIGHT_UNMATCHED, "they differ");

    let leg_known: Leg = "LH400/2026-11-21/FRA-MUC".parse().unwrap();
    let operator = Operator::of(&[&word(Role::Unstated)], Some(leg_known));
    assert_eq!(published(&leg(400), &word(Role::Unstated), &operator)[0].topic, FLIGHT_OBSERVATIONS, "reconciled before");
}

#[test]
fn a_marketing_number_is_published_under_the_operating_one_and_as_a_pair() {
    let also = vec![Designator::of("CLH", "1965", Role::Operating).unwrap()];
    let said = FlightStatusData { also, ..word(Role::Marketing) };
    let records = published(&leg(400), &said, &Operator::default());
    let [plan, pair] = &records[..] else { panic!("{records:?}") };
    assert_eq!((plan.topic, &*plan.key), (FLIGHT_OBSERVATIONS, "CL1965"), "an ICAO designator becomes the IATA one");
    let plan = observation(plan);
    assert_eq!((plan.designator.as_deref(), plan.role), (Some("LH400"), DesignatorRole::Marketing));
    assert_eq!((pair.topic, &*pair.key), (FLIGHT_UNMATCHED, "LH400"));
    let pair = Codeshare::from_bytes(pair.body.as_deref().unwrap()).unwrap();
    assert_eq!((pair.operating_carrier.as_str(), pair.operating_number, pair.date), ("CL", 1965, Some(leg(400).date)));
}

#[test]
fn an_airlines_own_feed_is_the_airline_on_its_own_legs_alone() {
    let by = |provider: &str, carrier: &str| {
        let designator = Designator::of(carrier, "400", Role::Operating).unwrap();
        let said = FlightStatusData { source: provider.to_owned(), designator, ..word(Role::Operating) };
        observation(&published(&leg(400), &said, &Operator::default())[0]).source
    };
    assert_eq!([by("lufthansa", "LH"), by("lufthansa", "OS")], ["LH", "lufthansa"]);
    assert_eq!([by("airfranceklm", "AF"), by("airfranceklm", "KL"), by("flightaware", "AF")], ["AF", "KL", "flightaware"]);
    assert_eq!(by("lufthansa-mock", "LH"), "lufthansa-mock", "a mock is never taken for the real one");
}

#[test]
fn a_word_without_airports_is_not_published() {
    let nowhere = FlightStatusData { arrival: LegEnd::default(), ..word(Role::Operating) };
    let error = observe(&leg(400), &nowhere, BEGUN, &Operator::default(), None).unwrap_err();
    assert!(error.to_string().contains("destination"), "{error}");
}

#[test]
fn significant_differences_are_those_of_the_table() {
    for line in include_str!("../cases/sync-conflicts.csv").lines().skip(1) {
        let cell: Vec<&str> = line.split(',').map(str::trim).collect();
        let departs = BEGUN + cell[1].parse::<i64>().unwrap() * MINUTE;
        let words = [cell[2], cell[3]].map(|told| told_word(told, departs));
        let expect: Vec<&str> = cell[4].split(' ').filter(|field| *field != "none").collect();
        assert_eq!(conflict::fields(&[&words[0], &words[1]], BEGUN), expect, "{}", cell[0]);
    }
}

fn told_word(told: &str, departs: i64) -> FlightStatusData {
    let mut word = word(Role::Operating);
    word.departure.scheduled = Some(departs);
    let mut parts = told.split(' ');
    while let Some(what) = parts.next() {
        match what {
            "cancelled" => word.status = FlightStatus::Cancelled,
            "late" => word.delay_minutes = parts.next().unwrap().parse().ok(),
            "gate" => word.departure.gate = parts.next().map(str::to_owned),
            "moved" => word.departure.scheduled = Some(departs + parts.next().unwrap().parse::<i64>().unwrap() * MINUTE),
            other => panic!("{other}"),
        }
    }
    word
}

#[test]
fn the_ledger_hears_what_was_written_before_a_restart() {
    let ledger = Ledger::default();
    let leg: Leg = "LH400/2026-11-21/FRA-MUC".parse().unwrap();
    let before = LegSync { leg, attempted_at: BEGUN, last_synced_at: Some(BEGUN), sync_attempts: 7, last_sync_error: None };
    ledger.hear(before);
    ledger.note(leg, BEGUN + 30_000, Err("down".to_owned()));
    assert!(ledger.due(BEGUN + 30_000, 9).is_empty(), "written less than a minute ago");
    let due = ledger.due(BEGUN + 60_000, 9);
    let sync = LegSync::from_bytes(due[0].body.as_deref().unwrap()).unwrap();
    assert_eq!((sync.sync_attempts, sync.last_synced_at, sync.last_sync_error.as_deref()), (8, Some(BEGUN), Some("down")));
    assert!(ledger.due(BEGUN + 200_000, 9).is_empty(), "nothing has happened since");
    ledger.unpublished(&due);
    assert_eq!(ledger.due(BEGUN + 200_000, 9).len(), 1);
}
