//! Conflicts of sources that wait for a reviewer, as `flight.state` tells of them; and what was decided of late.
//!
//!     flight.state ─► by leg: what is under review ─► listed, decided on over HTTP ─► review.decisions ─► reconcile ─► flight.state
//!
//! Holds the legs with an open conflict and the newest decided ones, so that who decides can see what came of it. Decides
//! nothing: reconcile does, and refuses a decision on a conflict that has changed.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{ConflictState, FlightConflict, FlightState};

/// Most legs with open conflicts that are listed; further ones are counted.
const LEGS_MAX: usize = 10_000;
/// Most decided conflicts that are remembered.
const DECIDED_MAX: usize = 1_000;

/// One conflict of one leg.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Open {
    /// The leg.
    pub(crate) leg: Leg,
    /// What the sources say, and since when.
    pub(crate) conflict: FlightConflict,
}

/// Conflicts, open and decided.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    open: BTreeMap<Leg, Vec<FlightConflict>>,
    decided: VecDeque<Open>,
    /// Legs with open conflicts beyond [`LEGS_MAX`].
    left_out: u64,
}

impl Conflicts {
    /// Takes a leg's newest state.
    pub(crate) fn take(&mut self, state: &FlightState) {
        let leg = state.last.leg;
        let is_open = |conflict: &&FlightConflict| conflict.state == ConflictState::UnderReview;
        for before in self.open.remove(&leg).unwrap_or_default() {
            let now = state.conflicts.iter().find(|now| now.id == before.id && now.state != ConflictState::UnderReview);
            self.decided.extend(now.map(|conflict| Open { leg, conflict: conflict.clone() }));
        }
        while self.decided.len() > DECIDED_MAX {
            self.decided.pop_front();
        }
        let open: Vec<_> = state.conflicts.iter().filter(is_open).cloned().collect();
        if open.is_empty() {
            return;
        }
        if self.open.len() < LEGS_MAX {
            self.open.insert(leg, open);
        } else {
            self.left_out += 1;
        }
    }

    /// Every open conflict, by leg; and how many legs could not be kept.
    pub(crate) fn open(&self) -> (Vec<Open>, u64) {
        let of_leg = |(leg, open): (&Leg, &Vec<FlightConflict>)| {
            open.iter().map(|conflict| Open { leg: *leg, conflict: conflict.clone() }).collect::<Vec<_>>()
        };
        (self.open.iter().flat_map(of_leg).collect(), self.left_out)
    }

    /// An open conflict.
    pub(crate) fn find(&self, id: &str) -> Option<Open> {
        let found = |(leg, open): (&Leg, &Vec<FlightConflict>)| {
            open.iter().find(|conflict| conflict.id == id).map(|conflict| Open { leg: *leg, conflict: conflict.clone() })
        };
        self.open.iter().find_map(found)
    }

    /// What became of a conflict that was open.
    pub(crate) fn decided(&self, id: &str) -> Option<&Open> {
        self.decided.iter().rev().find(|decided| decided.conflict.id == id)
    }
}

#[cfg(test)]
mod tests {
    use slipstream_schemas::records::{FlightEvent, FlightKind, FlightStatus, SyncStatus};

    use super::*;

    fn conflict(id: &str, state: ConflictState) -> FlightConflict {
        FlightConflict {
            id: id.to_owned(),
            field: "departure_gate".to_owned(),
            state,
            detected_at: 1,
            selected: None,
            rule: String::new(),
            candidates: Vec::new(),
        }
    }

    fn state(leg: &str, conflicts: Vec<FlightConflict>) -> FlightState {
        let last = FlightEvent {
            leg: leg.parse().unwrap(),
            kind: FlightKind::Scheduled,
            status: FlightStatus::Scheduled,
            scheduled_departure: 0,
            scheduled_arrival: None,
            at: None,
            tail: None,
            departure_delay_min: None,
            arrival_delay_min: None,
            estimated_departure: None,
            estimated_arrival: None,
            out_at: None,
            off_at: None,
            on_at: None,
            in_at: None,
            diverted_to: None,
            reason: None,
            source: String::new(),
            assumed: false,
            revision: 1,
            superseded_by: None,
        };
        FlightState {
            last,
            sources: Vec::new(),
            last_synced_at: 0,
            sync_status: SyncStatus::Conflict,
            departure_terminal: None,
            departure_gate: None,
            arrival_terminal: None,
            arrival_gate: None,
            passengers: None,
            provisional: false,
            provenance: Vec::new(),
            conflicts,
        }
    }

    const LEG: &str = "LH400/2026-11-21/FRA-JFK";

    #[test]
    fn a_conflict_is_open_until_it_is_decided_and_then_remembered() {
        let mut conflicts = Conflicts::default();
        conflicts.take(&state(LEG, vec![conflict("a", ConflictState::UnderReview), conflict("b", ConflictState::Disputed)]));
        let listed: Vec<String> = conflicts.open().0.into_iter().map(|open| open.conflict.id).collect();
        assert_eq!(listed, ["a"]);
        assert!(conflicts.find("a").is_some() && conflicts.find("b").is_none() && conflicts.decided("a").is_none());
        conflicts.take(&state(LEG, vec![conflict("a", ConflictState::Approved), conflict("c", ConflictState::UnderReview)]));
        assert!(conflicts.find("a").is_none() && conflicts.find("c").is_some());
        assert_eq!(conflicts.decided("a").map(|open| open.conflict.state), Some(ConflictState::Approved));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut conflicts = Conflicts::default();
        let leg = |n: usize| format!("LH{}/2026-11-{:02}/FRA-JFK", 1 + n % 5_000, 1 + n / 5_000);
        for n in 0..LEGS_MAX + 7 {
            conflicts.take(&state(&leg(n), vec![conflict(&n.to_string(), ConflictState::UnderReview)]));
        }
        assert_eq!((conflicts.open().0.len(), conflicts.open().1), (LEGS_MAX, 7));
        for n in 0..LEGS_MAX {
            conflicts.take(&state(&leg(n), vec![conflict(&n.to_string(), ConflictState::Expired)]));
        }
        assert_eq!((conflicts.open().0.len(), conflicts.decided.len()), (0, DECIDED_MAX));
    }
}
