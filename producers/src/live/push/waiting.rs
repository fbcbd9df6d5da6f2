//! Flights that wait to be asked for, in the order of their messages: pure.
//!
//! Keeps at most [`WAITING_MAX`] of them, each once: what is said of one that waits already is answered by the same question.

use std::collections::{BTreeSet, VecDeque};

use super::super::provider::LegQuery;

/// Flights that may wait; of those beyond, the scheduler asks.
pub const WAITING_MAX: usize = 1_000;

/// What became of a flight that was to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits.
    New,
    /// It waited already.
    Again,
    /// There is no room.
    Full,
}

/// The flights.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    order: VecDeque<LegQuery>,
    flights: BTreeSet<LegQuery>,
}

impl Waiting {
    /// Puts a flight last.
    pub(super) fn put(&mut self, flight: LegQuery) -> Put {
        if self.flights.contains(&flight) {
            return Put::Again;
        }
        if self.order.len() >= WAITING_MAX {
            return Put::Full;
        }
        self.flights.insert(flight);
        self.order.push_back(flight);
        Put::New
    }

    /// Takes the one that waits longest.
    pub(super) fn take(&mut self) -> Option<LegQuery> {
        let flight = self.order.pop_front()?;
        self.flights.remove(&flight);
        Some(flight)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(number: u16) -> LegQuery {
        LegQuery { number, ..("LH1/2026-11-21".parse().unwrap()) }
    }

    #[test]
    fn each_waits_once_and_in_its_order() {
        let mut waiting = Waiting::default();
        assert_eq!([1, 2, 1].map(|number| waiting.put(flight(number))), [Put::New, Put::New, Put::Again]);
        assert_eq!(waiting.take(), Some(flight(1)));
        assert_eq!(waiting.put(flight(1)), Put::New, "said after the question was begun");
        let rest: Vec<LegQuery> = std::iter::from_fn(|| waiting.take()).collect();
        assert_eq!((rest, waiting.len()), (vec![flight(2), flight(1)], 0));
    }

    #[test]
    fn there_is_room_for_so_many() {
        let mut waiting = Waiting::default();
        let numbers = 0..u16::try_from(WAITING_MAX).unwrap();
        assert!(numbers.clone().all(|number| waiting.put(flight(number)) == Put::New));
        assert_eq!((waiting.put(flight(numbers.end)), waiting.put(flight(0))), (Put::Full, Put::Again));
        waiting.take();
        assert_eq!((waiting.put(flight(numbers.end)), waiting.len()), (Put::New, WAITING_MAX));
    }
}
