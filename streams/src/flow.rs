//! Flow control: a slow task slows its inputs down, and nothing else.
//!
//!     cluster ─► client's queue (bounded) ─► poll ─► task's buffer ─► step ─► client's outgoing queue ─► commit
//!                      ▲                                   │ full                  bounded by the size of a transaction
//!                      └────────── hold ◄──────────────────┘   half empty: read on
//!
//! A turn of work is short, so that the log is polled often enough for the group; after it another task is first. Input of
//! a full task is not read on; what it has not taken stays on the cluster. The exception: what lets the task go on lies in
//! that input, because a promise counts only once it is read up to there. How far that is, the skew bounds.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::buffer::Order;
use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Place};
use crate::plan::Limits;
use crate::record::Ts;
use crate::shard::Shard;

/// Share of a turn that a batch of steps may take; slower steps are counted singly.
const BATCHES_PER_TURN: u32 = 10;

/// When a working shard looks at the clock.
pub(crate) struct Looks {
    batch: u32,
    turn: Duration,
    begun: Duration,
    last: Duration,
    steps: u32,
    /// Steps until the next look.
    wanted: u32,
}

impl Looks {
    /// Looks after the first step, to see how long one takes.
    pub(crate) fn new(now: Duration, limits: &Limits) -> Self {
        let batch = u32::try_from(limits.batch).unwrap_or(u32::MAX).max(1);
        Self { batch, turn: limits.turn, begun: now, last: now, steps: 0, wanted: 1 }
    }

    /// Counts a step; true if it is time to look.
    pub(crate) fn is_due(&mut self) -> bool {
        self.steps += 1;
        self.steps >= self.wanted
    }

    /// A look: whether the turn is over.
    pub(crate) fn is_over(&mut self, now: Duration) -> bool {
        let step = now.saturating_sub(self.last) / self.steps.max(1);
        self.wanted = if step.saturating_mul(self.batch) > self.turn / BATCHES_PER_TURN { 1 } else { self.batch };
        self.last = now;
        self.steps = 0;
        now >= self.begun + self.turn
    }
}

impl Shard {
    /// Lets every task do what it can; true if its time was up before.
    pub(crate) fn work_for_a_turn(&mut self, log: &mut dyn Log) -> Result<bool, LogError> {
        let limit = self.limit();
        let (mut looks, tasks) = (Looks::new(log.now(), &self.plan.limits), self.actives.len());
        let first = self.next;
        for index in (first..first + tasks).map(|index| index % tasks) {
            while self.actives[index].step(self.plan.order, limit, &mut self.out) {
                self.open.since.get_or_insert_with(|| log.now());
                self.send_outputs(log, index)?;
                self.check_refusals(log, index)?;
                if looks.is_due() || self.open.bytes >= self.plan.limits.commit_bytes {
                    let now = log.now();
                    if self.is_full(now) {
                        self.commit(log)?;
                    }
                    if looks.is_over(now) {
                        self.next = (index + 1) % tasks;
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// How far in event time anybody may go now.
    fn limit(&self) -> Ts {
        self.progress.view.slowest().map_or(Ts::MIN, |slowest| slowest.saturating_add(self.plan.limits.skew))
    }

    /// Gives up when a stage refuses most of what it gets; what led there is not committed.
    fn check_refusals(&mut self, log: &mut dyn Log, index: usize) -> Result<(), LogError> {
        let letters_max = self.plan.limits.dead_letters_max;
        match letters_max.and_then(|most| self.actives[index].refuses_too_much(most)) {
            Some(reason) => log.abort().and(Err(LogError::refused(ErrorClass::Processing, reason))),
            None => Ok(()),
        }
    }

    /// Says which inputs are not to be read on for now: those of full tasks that no task here waits for.
    pub(crate) fn hold_back(&mut self, log: &mut dyn Log) -> Result<(), LogError> {
        let mut held = BTreeSet::new();
        for active in &mut self.actives {
            if active.is_full(self.plan.limits.buffer_bytes) {
                let reads = self.plan.topology.stages[active.stage].reads;
                held.extend(reads.iter().map(|topic| self.plan.place(topic, active.partition)));
            }
        }
        if !held.is_empty() && self.plan.order == Order::EventTime {
            for active in &self.actives {
                let waits = active.positions().filter(|(topic, _)| active.waits_for(topic));
                waits.for_each(|(topic, _)| _ = held.remove(&self.plan.place(topic, active.partition)));
            }
        }
        if held != self.held {
            show(&held, &self.held);
            log.hold(&held)?;
            self.held = held;
        }
        Ok(())
    }
}

fn show(now: &BTreeSet<Place>, before: &BTreeSet<Place>) {
    now.difference(before).for_each(|place| tracing::debug!(%place, "held back: its task is full"));
    before.difference(now).for_each(|place| tracing::debug!(%place, "read on"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps until a turn is over, when each takes so long.
    fn steps_of(step: Duration) -> (u32, u32) {
        let mut looks = Looks::new(Duration::ZERO, &Limits::default());
        let (mut now, mut steps, mut seen) = (Duration::ZERO, 0, 0);
        loop {
            now += step;
            steps += 1;
            if looks.is_due() {
                seen += 1;
                if looks.is_over(now) {
                    return (steps, seen);
                }
            }
        }
    }

    #[test]
    fn a_turn_ends_in_time_however_slow_its_steps_and_fast_ones_are_not_counted_singly() {
        assert_eq!(steps_of(Duration::from_micros(10)), (100_001, 1_001));
        assert_eq!(steps_of(Duration::from_millis(20)), (50, 50));
        assert_eq!(steps_of(Duration::from_secs(3)), (1, 1));
    }
}
