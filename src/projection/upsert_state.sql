-- A leg as reconciled. The facts of the calls are left as they are; the stamps do not depend on what was read first.
INSERT INTO flights (
    id, flight_number, departure_time, arrival_time, from_airport, to_airport, airline_code, departure_date, status, leg_status,
    delay_minutes, gate, terminal, arrival_gate, arrival_terminal, tail, cancellation_reason, data_source, source, sync_status,
    conflict_data, raw_data, last_heard_at, created_at, updated_at
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $24
)
ON CONFLICT (id) DO UPDATE SET
    airline_code = excluded.airline_code, departure_date = excluded.departure_date,
    departure_time = excluded.departure_time, arrival_time = excluded.arrival_time, status = excluded.status,
    leg_status = excluded.leg_status, delay_minutes = excluded.delay_minutes, gate = excluded.gate, terminal = excluded.terminal,
    arrival_gate = excluded.arrival_gate, arrival_terminal = excluded.arrival_terminal, tail = excluded.tail,
    cancellation_reason = excluded.cancellation_reason, data_source = excluded.data_source, source = excluded.source,
    sync_status = excluded.sync_status, conflict_data = excluded.conflict_data, raw_data = excluded.raw_data,
    last_heard_at = excluded.last_heard_at,
    created_at = CASE WHEN flights.created_at < excluded.created_at THEN flights.created_at ELSE excluded.created_at END,
    updated_at = CASE WHEN flights.updated_at > excluded.updated_at THEN flights.updated_at ELSE excluded.updated_at END
