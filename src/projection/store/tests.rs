//! The tables on SQLite, and on the PostgreSQL that was started for the tests.

use proptest::prelude::*;
use slipstream_schemas::records::{FlightState, FlightStatus, LegSync, Message, SyncStatus};
use slipstream_streams::record::{Event, derive_id};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use super::*;

const NOW: i64 = 1_795_240_800_000;
const HOUR: i64 = 3_600_000;

/// Every column, in the contract's order, then ours.
const COLUMNS: &[&str] = &[
    "id",
    "flight_number",
    "departure_time",
    "arrival_time",
    "from_airport",
    "to_airport",
    "capacity",
    "price_minor",
    "airline_code",
    "status",
    "delay_minutes",
    "gate",
    "terminal",
    "cancellation_reason",
    "data_source",
    "last_synced_at",
    "sync_status",
    "conflict_data",
    "sync_attempts",
    "last_sync_error",
    "raw_data",
    "created_at",
    "updated_at",
    "price_currency",
    "departure_date",
    "leg_status",
    "arrival_gate",
    "arrival_terminal",
    "tail",
    "source",
    "last_heard_at",
    "last_attempt_at",
];

/// A database that goes away with the value.
struct Place {
    url: String,
    _folder: TempDir,
}

/// A fresh SQLite file, and a fresh PostgreSQL database where a server was started.
async fn places(name: &str) -> Vec<Place> {
    let folder = || tempfile::tempdir().unwrap();
    let sqlite = folder();
    let mut places = vec![Place { url: format!("sqlite:{}/{name}.db", sqlite.path().display()), _folder: sqlite }];
    match std::env::var("SLIPSTREAM_TEST_POSTGRES") {
        Ok(server) => {
            sqlx::any::install_default_drivers();
            let admin = AnyPool::connect(&server).await.unwrap();
            let database = format!("{name}_{}", std::process::id());
            let made = AssertSqlSafe(format!("CREATE DATABASE {database}"));
            sqlx::query(made).execute(&admin).await.unwrap();
            let url = server.rsplit_once('/').map(|(host, _)| format!("{host}/{database}")).unwrap();
            places.push(Place { url, _folder: folder() });
        }
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "CI must run this on PostgreSQL");
            eprintln!("SQLite only: SLIPSTREAM_TEST_POSTGRES is not set; deploy/local/with-services.sh sets it");
        }
    }
    places
}

async fn rows(pool: &AnyPool) -> Vec<String> {
    let columns =
        COLUMNS.iter().map(|column| format!("COALESCE(CAST({column} AS TEXT), '-')")).collect::<Vec<_>>().join(" || ';' || ");
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT {columns} FROM flights ORDER BY id"))).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

fn record<M: Message>(topic: &'static str, offset: i64, leg: &Leg, timestamp: i64, message: Option<&M>) -> Record {
    let id = derive_id(&[topic.as_bytes(), &offset.to_be_bytes()]);
    Record {
        topic,
        partition: 0,
        offset,
        timestamp,
        key: leg.to_string().into(),
        rank: message.map_or(0, Message::rank),
        event: Event { id, source: "/test".into(), correlation: id, causation: Some(id), organisation: None },
        body: message.map(|message| message.to_bytes().into()),
    }
}

fn leg(number: i32) -> Leg {
    format!("LH{number}/2026-11-21/FRA-MUC").parse().unwrap()
}

fn state(leg: Leg, status: FlightStatus, source: &str) -> FlightState {
    serde_json::from_value(serde_json::json!({
        "carrier": leg.carrier, "number": leg.number, "suffix": leg.suffix, "date": leg.date, "origin": leg.origin,
        "destination": leg.destination, "repeat": leg.repeat, "kind": "ESTIMATED", "status": status.to_string(),
        "scheduled_departure": NOW, "scheduled_arrival": NOW + HOUR, "departure_delay_min": 20, "tail": "DAIMA", "reason": "93",
        "source": source, "assumed": false, "revision": 1, "sources": [source], "last_synced_at": NOW,
        "sync_status": SyncStatus::Conflict.to_string(), "departure_gate": "A1", "departure_terminal": "1", "provisional": false,
        "provenance": [], "conflicts": [{"id": "c", "field": "gate", "state": "UNDER_REVIEW", "detected_at": 1, "rule": "r", "candidates": []}],
    }))
    .unwrap()
}

fn synced(leg: Leg, error: Option<&str>, ago: i64) -> LegSync {
    let last_sync_error = error.map(str::to_owned);
    LegSync { leg, attempted_at: NOW, last_synced_at: Some(NOW - ago), sync_attempts: 3, last_sync_error }
}

fn plain(topic: &str) -> String {
    topic.to_owned()
}

// contract: S0-11
// contract: S0-12
#[tokio::test]
async fn a_leg_has_every_field_of_the_contract() {
    for place in places("fields").await {
        let mut store = Store::open(&place.url).await.unwrap();
        let (cancelled, fine) = (state(leg(1), FlightStatus::Cancelled, "AMADEUS"), synced(leg(1), None, 5));
        let records = [
            record(FLIGHT_STATE, 0, &leg(1), NOW, Some(&cancelled)),
            record(SYNC_STATUS, 0, &leg(1), NOW + 9, Some(&fine)),
            record(SYNC_STATUS, 1, &leg(2), NOW, Some(&synced(leg(2), Some("one: down"), HOUR))),
        ];
        store.apply(&records, plain).await.unwrap();
        let conflicts = serde_json::to_string(&cancelled.conflicts).unwrap();
        let id = records[0].event.id;
        let first = format!(
            "LH1/2026-11-21/FRA-MUC;LH1;{NOW};{};FRA;MUC;-;-;LH;CANCELLED;20;A1;1;93;AMADEUS;{};CONFLICT;{conflicts};3;-;{id};{NOW};{};\
             -;2026-11-21;CANCELLED;-;-;DAIMA;AMADEUS;{NOW};{NOW}",
            NOW + HOUR,
            NOW - 5,
            NOW + 9
        );
        let second = format!(
            "LH2/2026-11-21/FRA-MUC;LH2;-;-;FRA;MUC;-;-;LH;-;-;-;-;-;-;{};-;-;3;one: down;-;{NOW};{NOW};-;2026-11-21;-;-;-;-;-;-;{NOW}",
            NOW - HOUR
        );
        assert_eq!(rows(&store.pool).await, [first, second], "{}", place.url);

        let gone = [
            record::<FlightState>(FLIGHT_STATE, 1, &leg(1), NOW + 10, None),
            record::<LegSync>(SYNC_STATUS, 2, &leg(2), NOW + 10, None),
        ];
        store.apply(&gone, plain).await.unwrap();
        let left = rows(&store.pool).await;
        assert!(left.len() == 1 && left[0].contains(";0;-;-;"), "{left:?}");
    }
}

// contract: S0-27
#[tokio::test]
async fn the_fourteenth_migration_finds_flights_and_leaves_them() {
    for place in places("migration").await {
        sqlx::any::install_default_drivers();
        let url = if place.url.starts_with("sqlite") { format!("{}?mode=rwc", place.url) } else { place.url.clone() };
        let pool = AnyPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
        migrator(13).run(&pool).await.unwrap();
        let sold = "INSERT INTO flights (id, flight_number, from_airport, to_airport, capacity, price_minor, price_currency) \
                    VALUES ('LH1/2026-11-21/FRA-MUC', 'LH1', 'FRA', 'MUC', 180, 12900, 'EUR')";
        sqlx::query(sold).execute(&pool).await.unwrap();
        pool.close().await;

        let mut store = Store::open(&place.url).await.unwrap();
        let state = state(leg(1), FlightStatus::Scheduled, "LH");
        store.apply(&[record(FLIGHT_STATE, 0, &leg(1), NOW, Some(&state))], plain).await.unwrap();
        let row = &rows(&store.pool).await[0];
        assert!(row.contains(";180;12900;LH;DELAYED;20;A1;1;-;AIRLINE_API;") && row.contains(";EUR;"), "{row}");
        drop(store);
        let again = Store::open(&place.url).await.unwrap();
        assert_eq!(
            again.offsets().get(&(FLIGHT_STATE.to_owned(), 0)),
            Some(&1),
            "migrated once, resumed behind the first record"
        );
    }
}

// contract: S0-25
#[tokio::test]
async fn operations_see_success_age_and_sources() {
    for place in places("report").await {
        let mut store = Store::open(&place.url).await.unwrap();
        let empty = store.report(NOW, NOW - 24 * HOUR).await.unwrap();
        assert_eq!((&empty["successRate"], &empty["syncAgeMaxMs"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        let scheduled = |number, source| state(leg(number), FlightStatus::Scheduled, source);
        let arrived = state(leg(5), FlightStatus::Arrived, "LH");
        let mut records: Vec<Record> = [(1, "LH"), (2, "LH"), (3, "AMADEUS"), (4, "MANUAL")]
            .iter()
            .map(|(number, source)| record(FLIGHT_STATE, (*number).into(), &leg(*number), NOW, Some(&scheduled(*number, source))))
            .collect();
        records.push(record(FLIGHT_STATE, 5, &leg(5), NOW - 25 * HOUR, Some(&arrived)));
        for (number, error, ago) in [(1, None, 1000), (2, None, 3000), (3, Some("down"), 8000)] {
            records.push(record(SYNC_STATUS, number.into(), &leg(number), NOW, Some(&synced(leg(number), error, ago))));
        }
        let old = LegSync { attempted_at: NOW - 25 * HOUR, ..synced(leg(5), Some("long ago"), 26 * HOUR) };
        records.push(record(SYNC_STATUS, 9, &leg(5), NOW - 25 * HOUR, Some(&old)));
        store.apply(&records, plain).await.unwrap();
        let report = store.report(NOW, NOW - 24 * HOUR).await.unwrap();
        assert_eq!((&report["attempted"], &report["succeeded"]), (&3.into(), &2.into()), "{report}");
        assert_eq!((&report["syncAgeMeanMs"], &report["syncAgeMaxMs"]), (&4000.0.into(), &8000.into()), "{report}");
        let sources = serde_json::json!([
            {"dataSource": "AIRLINE_API", "source": "LH", "legs": 2},
            {"dataSource": "AMADEUS", "source": "AMADEUS", "legs": 1},
            {"dataSource": "MANUAL", "source": "MANUAL", "legs": 1},
        ]);
        assert_eq!(report["sources"], sources);
    }
}

#[tokio::test]
async fn of_two_projections_into_one_database_one_stops_and_leaves_nothing() {
    for place in places("shared").await {
        let [mut one, mut other] = [Store::open(&place.url).await.unwrap(), Store::open(&place.url).await.unwrap()];
        let word =
            |number: i32| record(FLIGHT_STATE, 0, &leg(number), NOW, Some(&state(leg(number), FlightStatus::Scheduled, "LH")));
        one.apply(&[word(1)], plain).await.unwrap();
        let first = other.apply(&[word(2)], plain).await.unwrap_err();
        assert!(matches!(first, StoreError::Shared { partition: 0, .. }), "{first}");
        let mut late = Store::open(&place.url).await.unwrap();
        let next = Record { offset: 1, ..word(3) };
        one.apply(std::slice::from_ref(&next), plain).await.unwrap();
        assert!(matches!(late.apply(&[next], plain).await, Err(StoreError::Shared { at: 1, .. })));
        assert_eq!(rows(&one.pool).await.len(), 2, "{}", place.url);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However the records are cut into transactions, whatever is lost with a crash, and whichever topic is ahead: the same rows.
    #[test]
    fn rows_do_not_depend_on_batches_crashes_or_the_order_of_topics(
        stamps in prop::collection::vec((1..4i32, 0..HOUR, prop::bool::ANY), 1..30),
        cuts in prop::collection::vec((1..7usize, prop::bool::ANY), 30),
        syncs_first: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let state_of = |(number, at, arrived): &(i32, i64, bool)| {
                let status = if *arrived { FlightStatus::Arrived } else { FlightStatus::Scheduled };
                (leg(*number), NOW + at, state(leg(*number), status, "LH"))
            };
            let states = stamps.iter().map(state_of).enumerate().map(|(n, (leg, at, state))| record(FLIGHT_STATE, n as i64, &leg, at, Some(&state)));
            let syncs = stamps.iter().enumerate().map(|(n, (number, at, _))| record(SYNC_STATUS, n as i64, &leg(*number), NOW - at, Some(&synced(leg(*number), None, *at))));
            let (states, syncs): (Vec<_>, Vec<_>) = (states.collect(), syncs.collect());
            let folder = tempfile::tempdir().unwrap();
            let url = |name: &str| format!("sqlite:{}/{name}.db", folder.path().display());
            let mut whole = Store::open(&url("whole")).await.unwrap();
            whole.apply(&[states.clone(), syncs.clone()].concat(), plain).await.unwrap();

            let order = if syncs_first { [syncs, states].concat() } else { [states, syncs].concat() };
            let mut store = Store::open(&url("cut")).await.unwrap();
            let (mut at, mut cuts) = (0, cuts.into_iter().cycle());
            while at < order.len() {
                let (length, crashes) = cuts.next().unwrap();
                let batch = &order[at..order.len().min(at + length)];
                if crashes {
                    let mut transaction = store.pool.begin().await.unwrap();
                    for record in batch {
                        take(&mut transaction, record).await.unwrap();
                    }
                    drop(transaction);
                    store.pool.close().await;
                    store = Store::open(&url("cut")).await.unwrap();
                }
                store.apply(batch, plain).await.unwrap();
                at += batch.len();
            }
            assert_eq!(rows(&store.pool).await, rows(&whole.pool).await);
        });
    }
}
