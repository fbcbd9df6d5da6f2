-- Flights as they are sold: one row a leg. Instants are epoch milliseconds UTC; capacity and price are filled by who knows them.
CREATE TABLE flights (
    id TEXT NOT NULL PRIMARY KEY,
    flight_number TEXT NOT NULL,
    departure_time BIGINT,
    arrival_time BIGINT,
    from_airport TEXT NOT NULL,
    to_airport TEXT NOT NULL,
    capacity INTEGER,
    price_minor BIGINT,
    price_currency TEXT
);
CREATE INDEX flights_by_departure ON flights (departure_time);
