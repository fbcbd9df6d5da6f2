//! Deliveries that this process has committed, so that a repeat can be told so.
//!
//! Keeps the newest [`KNOWN_MAX`] and forgets the oldest first. Another process, or this one after a restart, does not know
//! them: `reconcile` does, by the ids of the records, and drops the repeat there.

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

/// Most deliveries that are remembered; about 5 MB.
const KNOWN_MAX: usize = 100_000;

/// Deliveries by id.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    order: VecDeque<Uuid>,
    known: HashSet<Uuid>,
}

impl Seen {
    /// Whether a delivery was committed.
    pub(crate) fn has(&self, id: Uuid) -> bool {
        self.known.contains(&id)
    }

    /// Notes a delivery that was committed.
    pub(crate) fn note(&mut self, id: Uuid) {
        if !self.known.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_the_oldest_forgotten() {
        let mut seen = Seen::default();
        (0..=KNOWN_MAX as u128).for_each(|n| seen.note(Uuid::from_u128(n)));
        assert!(!seen.has(Uuid::from_u128(0)) && seen.has(Uuid::from_u128(1)) && seen.has(Uuid::from_u128(KNOWN_MAX as u128)));
        seen.note(Uuid::from_u128(1));
        assert_eq!((seen.order.len(), seen.known.len()), (KNOWN_MAX, KNOWN_MAX));
    }
}
