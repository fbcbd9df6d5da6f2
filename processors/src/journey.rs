//! What a booking's segments mean to the person who flies them: journeys, connections, connecting times.
//!
//! ```text
//! segments ─► journeys (out, back, a stop of a day or more) ─► final destination of each
//!          └► onward segment of each, with the minimum connecting time of the airport between
//! ```
//!
//! Keeps nothing. The table of connecting times is station standards, without terminals and carrier pairs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::Segment;

/// Milliseconds of a minute.
pub const MINUTE: i64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// A stop of this length or more ends a journey, ms.
pub const STOPOVER: i64 = 24 * HOUR;
/// Minimum connecting time of an airport that the table does not name, minutes.
pub const CONNECTION_DEFAULT_MIN: i64 = 45;

static CONNECTION_MIN: LazyLock<BTreeMap<&'static str, i64>> = LazyLock::new(|| {
    let lines = include_str!("../data/connection-times.csv").lines().skip(1);
    lines.filter_map(|line| line.split_once(',')).filter_map(|(airport, min)| Some((airport, min.parse().ok()?))).collect()
});

/// Minimum connecting time of an airport, ms.
#[must_use]
pub fn min_connection(airport: Airport) -> i64 {
    CONNECTION_MIN.get(airport.as_str()).copied().unwrap_or(CONNECTION_DEFAULT_MIN) * MINUTE
}

/// Whether `next` is flown straight after `before`: the same airport, and no stop of a day.
#[must_use]
pub fn connects(before: &Segment, next: &Segment) -> bool {
    before.leg.destination == next.leg.origin && next.scheduled_departure - before.scheduled_arrival < STOPOVER
}

/// The segments that make up each journey, in order. Outbound and return are two, also on one booking (C-173/07).
#[must_use]
pub fn journeys(segments: &[Segment]) -> Vec<Range<usize>> {
    let mut journeys: Vec<Range<usize>> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        match journeys.last_mut() {
            Some(journey) if continues(&segments[journey.clone()], segment) => journey.end = index + 1,
            _ => journeys.push(index..index + 1),
        }
    }
    journeys
}

/// A journey goes on until it stops for a day, jumps to another airport or turns back to where it has been.
fn continues(journey: &[Segment], next: &Segment) -> bool {
    let been = |airport: Airport| journey.iter().any(|s| s.leg.origin == airport || s.leg.destination == airport);
    journey.last().is_some_and(|last| connects(last, next)) && !been(next.leg.destination)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipstream_schemas::records::Cabin;

    fn segment(pair: &str, departs_h: i64, arrives_h: i64) -> Segment {
        let leg = format!("LH1/2026-03-01/{pair}").parse().unwrap();
        Segment { leg, cabin: Cabin::Economy, scheduled_departure: departs_h * HOUR, scheduled_arrival: arrives_h * HOUR }
    }

    #[test]
    fn a_journey_ends_where_the_traveller_stays_jumps_or_turns_back() {
        // A journey is written as the number of its segments.
        let cases = [
            ("one flight", vec![segment("FRA-JFK", 8, 16)], vec![1]),
            ("connection", vec![segment("BRE-FRA", 6, 7), segment("FRA-JFK", 8, 16)], vec![2]),
            ("same-day return", vec![segment("FRA-CDG", 6, 7), segment("CDG-FRA", 18, 19)], vec![1, 1]),
            ("stop of a day", vec![segment("FRA-CDG", 6, 7), segment("CDG-JFK", 31, 39)], vec![1, 1]),
            ("just under a day", vec![segment("FRA-CDG", 6, 7), segment("CDG-JFK", 30, 39)], vec![2]),
            ("open jaw", vec![segment("FRA-CDG", 6, 7), segment("ORY-JFK", 10, 18)], vec![1, 1]),
            (
                "back through the hub",
                vec![segment("BRE-FRA", 6, 7), segment("FRA-JFK", 8, 16), segment("JFK-FRA", 20, 28), segment("FRA-BRE", 30, 31)],
                vec![2, 2],
            ),
        ];
        for (name, segments, expected) in cases {
            let lengths: Vec<usize> = journeys(&segments).into_iter().map(|journey| journey.len()).collect();
            assert_eq!(lengths, expected, "{name}");
        }
        assert!(journeys(&[]).is_empty());
    }

    #[test]
    fn every_line_of_the_connection_table_counts() {
        let lines = include_str!("../data/connection-times.csv").lines().count() - 1;
        assert_eq!(CONNECTION_MIN.len(), lines);
        assert_eq!(min_connection("MUC".parse().unwrap()), 35 * MINUTE);
        assert_eq!(min_connection("BRE".parse().unwrap()), 45 * MINUTE);
    }
}
