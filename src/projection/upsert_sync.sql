-- The facts of the calls for a leg; a leg that reconcile has not told of yet has nothing else but its name.
INSERT INTO flights (
    id, flight_number, from_airport, to_airport, airline_code, departure_date, last_synced_at, last_attempt_at, sync_attempts,
    last_sync_error, created_at, updated_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT (id) DO UPDATE SET
    airline_code = excluded.airline_code, departure_date = excluded.departure_date,
    last_synced_at = excluded.last_synced_at, last_attempt_at = excluded.last_attempt_at, sync_attempts = excluded.sync_attempts,
    last_sync_error = excluded.last_sync_error,
    created_at = CASE WHEN flights.created_at < excluded.created_at THEN flights.created_at ELSE excluded.created_at END,
    updated_at = CASE WHEN flights.updated_at > excluded.updated_at THEN flights.updated_at ELSE excluded.updated_at END
