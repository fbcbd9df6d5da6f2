//! What everybody in a simulation shares: the broker, the dice, what is going wrong at the moment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use slipstream_broker::direct::{Direct, Producer};

use super::dice::Dice;
use super::faults::{Fault, Faults};
use crate::log::Place;

/// Longest time for which a coordinator moves, in ms: shorter than a session.
const MOVE_MS: u64 = 3_000;
/// Longest time by which the end of a transaction comes late, in ms: after others have taken over.
const LATE_MS: u64 = 12_000;

/// The broker with what everybody shares.
pub(super) struct Cluster {
    pub direct: Direct,
    pub dice: Dice,
    pub faults: Faults,
    pub started: i64,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<Fault, u64>,
    /// Records written, aborted ones included.
    pub written: u64,
    /// Until when the coordinators answer nobody.
    pub coordinator_back: i64,
    /// Lets the other processes go on until an instant.
    pub meanwhile: Rc<dyn Fn(i64)>,
    /// A call stalls; others that stall meanwhile only take their time.
    pub is_stalled: bool,
    slow: BTreeMap<Place, i64>,
    late: Vec<(i64, Producer)>,
}

pub(super) type Shared = Rc<RefCell<Cluster>>;

impl Cluster {
    /// An empty broker at `now` where nothing goes wrong yet.
    pub(super) fn new(now: i64, seed: u64, faults: Faults) -> Self {
        Self {
            direct: Direct::new(now),
            dice: Dice::new(seed),
            faults,
            started: now,
            struck: BTreeMap::new(),
            written: 0,
            coordinator_back: now,
            meanwhile: Rc::new(|_| {}),
            is_stalled: false,
            slow: BTreeMap::new(),
            late: Vec::new(),
        }
    }

    /// Whether a fault strikes now. Without odds no dice are thrown, so that a run without it stays the same.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let odds = self.faults.odds(fault);
        let strikes = odds > 0 && self.dice.below(1_000_000) < odds;
        if strikes {
            *self.struck.entry(fault).or_default() += 1;
        }
        strikes
    }

    /// Whether the coordinators are away.
    pub(super) fn coordinator_moves(&mut self) -> bool {
        let now = self.direct.now();
        if self.strikes(Fault::Move) {
            self.coordinator_back = now + self.dice.below(MOVE_MS).cast_signed();
        }
        now < self.coordinator_back
    }

    /// Whether a partition gives nothing at the moment; it may begin to be slow now, for at most `longest` ms.
    pub(super) fn is_slow(&mut self, place: &Place, longest: u64) -> bool {
        let now = self.direct.now();
        if self.strikes(Fault::SlowPartition) {
            let until = now + self.dice.below(longest).cast_signed();
            self.slow.insert(place.clone(), until);
        }
        self.slow.get(place).is_some_and(|until| now < *until)
    }

    /// The end of this producer's transaction is on its way, and will be for a while.
    pub(super) fn delay_commit(&mut self, producer: Producer) {
        let due = self.direct.now() + self.dice.below(LATE_MS).cast_signed();
        self.late.push((due, producer));
    }

    /// What was on its way arrives. Nobody waits for the answer.
    pub(super) fn deliver_late(&mut self) {
        let now = self.direct.now();
        let (arrived, late): (Vec<_>, _) = std::mem::take(&mut self.late).into_iter().partition(|(due, _)| *due <= now);
        self.late = late;
        for (_, producer) in arrived {
            // Whoever was fenced or timed out meanwhile is refused, which is the point.
            let _ = self.direct.end_transaction(&producer, true);
        }
    }
}
