//! The tables: PostgreSQL or SQLite, by the same statements.
//!
//! Everything that a batch of records changes, and the offsets behind it, is one SQL transaction. An offset is moved only from where
//! this process last left it: of two projections into one database one stops, and no record is applied twice.

use std::collections::BTreeMap;

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{FlightState, LegSync};
use slipstream_schemas::topics::{FLIGHT_STATE, SYNC_STATUS};
use slipstream_schemas::wire::Wire;
use slipstream_streams::errors::ErrorClass;
use slipstream_streams::record::Record;
use sqlx::any::{AnyPoolOptions, AnyQueryResult};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyConnection, AnyPool, Row as _, SqlSafeStr, Transaction};

use super::row::{Row, flight_number};

/// Migrations by number; the gaps are the numbers of other parts.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "create flights", include_str!("../../migrations/001_create_flights.sql")),
    (2, "create projection offsets", include_str!("../../migrations/002_create_projection_offsets.sql")),
    (14, "add flight sync fields", include_str!("../../migrations/014_add_flight_sync_fields.sql")),
];

const UPSERT_STATE: &str = include_str!("upsert_state.sql");
const UPSERT_SYNC: &str = include_str!("upsert_sync.sql");
const CLEAR_SYNC: &str =
    "UPDATE flights SET last_synced_at = NULL, last_attempt_at = NULL, sync_attempts = 0, last_sync_error = NULL WHERE id = $1";
const DELETE: &str = "DELETE FROM flights WHERE id = $1";
const MOVE_OFFSET: &str =
    "UPDATE projection_offsets SET next_offset = $1 WHERE topic = $2 AND topic_partition = $3 AND next_offset = $4";
const FIRST_OFFSET: &str = "INSERT INTO projection_offsets (next_offset, topic, topic_partition) VALUES ($1, $2, $3)";

/// Why the tables are not as they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database refuses or is away.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// It cannot be brought to this version.
    #[error("database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Somebody else projects into it.
    #[error("{topic}/{partition}: another projection has moved on from offset {at}; run one for each database")]
    Shared {
        /// Topic, as the cluster names it.
        topic: String,
        /// Partition.
        partition: i32,
        /// Where this process left it.
        at: i64,
    },
    /// A record that is none.
    #[error("{topic}/{partition}/{offset}: {error}")]
    Unreadable {
        /// Topic.
        topic: &'static str,
        /// Partition.
        partition: i32,
        /// Offset.
        offset: i64,
        /// What is wrong.
        error: String,
    },
}

impl StoreError {
    /// The class of the error.
    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            Self::Database(_) | Self::Migration(_) => ErrorClass::Database,
            Self::Shared { .. } => ErrorClass::Processing,
            Self::Unreadable { .. } => ErrorClass::Validation,
        }
    }
}

/// The next offset of each partition, by the cluster's name of its topic.
pub(crate) type Offsets = BTreeMap<(String, i32), i64>;

/// A database with the tables in it.
pub(crate) struct Store {
    pool: AnyPool,
    offsets: Offsets,
}

impl Store {
    /// Opens the database at `url` (`postgres:` or `sqlite:`) and brings it to this version.
    ///
    /// # Errors
    /// It does not answer, or its tables are of another kind.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let made = if url.starts_with("sqlite:") && !url.contains('?') { format!("{url}?mode=rwc") } else { url.to_owned() };
        // One writer: what is read in a transaction is what it writes on.
        let pool = AnyPoolOptions::new().max_connections(1).connect(&made).await?;
        migrator(i64::MAX).run(&pool).await?;
        let mut store = Self { pool, offsets: Offsets::new() };
        store.resume().await?;
        Ok(store)
    }

    /// Goes on behind what the database says is in its tables: a commit of which the answer was lost may have been one.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) async fn resume(&mut self) -> Result<(), StoreError> {
        let known = sqlx::query("SELECT topic, topic_partition, next_offset FROM projection_offsets");
        let offset = |row: &sqlx::any::AnyRow| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
        let rows = known.fetch_all(&self.pool).await?;
        self.offsets = rows.iter().map(offset).collect::<Result<_, sqlx::Error>>()?;
        Ok(())
    }

    /// Up to where everything is in the tables.
    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// Takes in records; `named` gives the cluster's name of a topic.
    ///
    /// # Errors
    /// Nothing of them is in the tables then.
    pub(crate) async fn apply(&mut self, records: &[Record], named: impl Fn(&str) -> String) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let mut moved = Offsets::new();
        for record in records {
            take(&mut transaction, record).await?;
            moved.insert((named(record.topic), record.partition), record.offset + 1);
        }
        for ((topic, partition), next) in &moved {
            self.advance(&mut transaction, topic, *partition, *next).await?;
        }
        transaction.commit().await?;
        self.offsets.append(&mut moved);
        Ok(())
    }

    async fn advance(&self, to: &mut Transaction<'_, Any>, topic: &str, partition: i32, next: i64) -> Result<(), StoreError> {
        let at = self.offsets.get(&(topic.to_owned(), partition)).copied();
        let shared = || StoreError::Shared { topic: topic.to_owned(), partition, at: at.unwrap_or_default() };
        let Some(at) = at else {
            let inserted = sqlx::query(FIRST_OFFSET).bind(next).bind(topic).bind(partition).execute(&mut **to).await;
            return match inserted {
                Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => Err(shared()),
                outcome => Ok(outcome.map(drop)?),
            };
        };
        let moved: AnyQueryResult =
            sqlx::query(MOVE_OFFSET).bind(next).bind(topic).bind(partition).bind(at).execute(&mut **to).await?;
        if moved.rows_affected() == 1 { Ok(()) } else { Err(shared()) }
    }

    /// The three questions of operations (S0-25) at `now`, over the `since` before it.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn report(&self, now: i64, since: i64) -> Result<serde_json::Value, StoreError> {
        let rate = sqlx::query(include_str!("success_rate.sql")).bind(since).fetch_one(&self.pool).await?;
        let (attempted, succeeded): (i64, i64) = (rate.try_get(0)?, rate.try_get(1)?);
        let age = sqlx::query(include_str!("sync_age.sql")).bind(now).fetch_one(&self.pool).await?;
        let (mean_ms, max_ms): (Option<f64>, Option<i64>) = (age.try_get(0)?, age.try_get(1)?);
        let rows = sqlx::query(include_str!("source_distribution.sql")).bind(since).fetch_all(&self.pool).await?;
        let source = |row: &sqlx::any::AnyRow| -> Result<serde_json::Value, sqlx::Error> {
            let (data_source, source): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            Ok(serde_json::json!({"dataSource": data_source, "source": source, "legs": row.try_get::<i64, _>(2)?}))
        };
        let sources = rows.iter().map(source).collect::<Result<Vec<_>, _>>()?;
        let success_rate = (attempted > 0).then(|| succeeded as f64 / attempted as f64);
        Ok(serde_json::json!({
            "attempted": attempted, "succeeded": succeeded, "successRate": success_rate,
            "syncAgeMeanMs": mean_ms, "syncAgeMaxMs": max_ms, "sources": sources,
        }))
    }
}

/// The migrations up to a number.
fn migrator(last: i64) -> Migrator {
    let migration = |(number, about, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*number, (*about).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    let mut migrator =
        Migrator::with_migrations(MIGRATIONS.iter().filter(|(number, ..)| *number <= last).map(migration).collect());
    // Other parts of the product keep tables in the same database.
    migrator.set_ignore_missing(true);
    migrator
}

async fn take(to: &mut AnyConnection, record: &Record) -> Result<(), StoreError> {
    let unreadable = |error: String| {
        let Record { topic, partition, offset, .. } = *record;
        StoreError::Unreadable { topic, partition, offset, error }
    };
    match (record.topic, record.body.as_deref()) {
        (FLIGHT_STATE, None) => _ = sqlx::query(DELETE).bind(&*record.key).execute(to).await?,
        (FLIGHT_STATE, Some(body)) => {
            let state = FlightState::from_bytes(body).map_err(|error| unreadable(error.to_string()))?;
            upsert_state(to, record, &state).await?;
        }
        (SYNC_STATUS, None) => _ = sqlx::query(CLEAR_SYNC).bind(&*record.key).execute(to).await?,
        (SYNC_STATUS, Some(body)) => {
            let sync = LegSync::from_bytes(body).map_err(|error| unreadable(error.to_string()))?;
            upsert_sync(to, record, &sync).await?;
        }
        (other, _) => return Err(unreadable(format!("{other} is in no table"))),
    }
    Ok(())
}

async fn upsert_state(to: &mut AnyConnection, record: &Record, state: &FlightState) -> Result<(), sqlx::Error> {
    let (row, last) = (Row::of(state, record.event.causation), &state.last);
    sqlx::query(UPSERT_STATE)
        .bind(row.id)
        .bind(row.flight_number)
        .bind(last.scheduled_departure)
        .bind(last.scheduled_arrival)
        .bind(last.leg.origin.to_string())
        .bind(last.leg.destination.to_string())
        .bind(last.leg.carrier.to_string())
        .bind(last.leg.date.to_string())
        .bind(row.status)
        .bind(last.status.to_string())
        .bind(row.delay_minutes)
        .bind(state.departure_gate.clone())
        .bind(state.departure_terminal.clone())
        .bind(state.arrival_gate.clone())
        .bind(state.arrival_terminal.clone())
        .bind(last.tail.map(|tail| tail.to_string()))
        .bind(row.cancellation_reason)
        .bind(row.data_source)
        .bind(last.source.clone())
        .bind(sync_status(state))
        .bind(row.conflict_data)
        .bind(row.raw_data)
        .bind(state.last_synced_at)
        .bind(record.timestamp)
        .execute(to)
        .await
        .map(drop)
}

/// A symbol that this version does not know is nobody's confirmation.
fn sync_status(state: &FlightState) -> String {
    use slipstream_schemas::records::SyncStatus;
    let known = if state.sync_status == SyncStatus::Unknown { SyncStatus::Unverified } else { state.sync_status };
    known.to_string()
}

async fn upsert_sync(to: &mut AnyConnection, record: &Record, sync: &LegSync) -> Result<(), sqlx::Error> {
    let leg: &Leg = &sync.leg;
    sqlx::query(UPSERT_SYNC)
        .bind(leg.to_string())
        .bind(flight_number(leg))
        .bind(leg.origin.to_string())
        .bind(leg.destination.to_string())
        .bind(leg.carrier.to_string())
        .bind(leg.date.to_string())
        .bind(sync.last_synced_at)
        .bind(sync.attempted_at)
        .bind(sync.sync_attempts)
        .bind(sync.last_sync_error.clone())
        .bind(record.timestamp)
        .execute(to)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests;
