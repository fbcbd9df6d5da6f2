//! The breaker against what is promised of it, over any order of calls, answers, probes and waiting.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use slipstream_producers::live::breaker::{Breaker, Permit, Settings, State};
use slipstream_producers::live::error::Verdict;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Ask,
    /// The oldest call under way ends.
    End(Verdict),
    Probe(Verdict),
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Healthy), 4 => Just(Verdict::Failed), 1 => Just(Verdict::LockedOut), 1 => Just(Verdict::Silent)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_u64..40).prop_map(Step::Wait),
        4 => Just(Step::Ask),
        4 => verdict().prop_map(Step::End),
        1 => verdict().prop_map(Step::Probe),
    ]
}

const SETTINGS: Settings = Settings { failures: 2, open_for: Duration::from_secs(30), successes: 3 };

struct Run {
    breaker: Breaker,
    now: Duration,
    under_way: VecDeque<(Permit, u64)>,
    /// What was heard since the last change of state.
    heard: Vec<Verdict>,
    opened: Duration,
    generation: u64,
}

impl Run {
    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let before = self.breaker.state();
        match step {
            Step::Wait(seconds) => self.now += Duration::from_secs(seconds),
            Step::Ask => self.ask(before)?,
            Step::End(verdict) => {
                if let Some((permit, generation)) = self.under_way.pop_front() {
                    self.heard.extend((generation == self.breaker.transitions()).then_some(verdict));
                    self.breaker.settle(&permit, verdict, self.now);
                }
            }
            Step::Probe(verdict) => {
                self.heard.extend((before != State::Closed).then_some(verdict));
                self.breaker.probed(verdict, self.now);
            }
        }
        self.check(before)
    }

    fn ask(&mut self, before: State) -> Result<(), TestCaseError> {
        let elapsed = self.now - self.opened;
        match self.breaker.admit(self.now) {
            Ok(permit) => {
                prop_assert!(before != State::Open || elapsed >= SETTINGS.open_for, "open for {elapsed:?} only");
                self.under_way.push_back((permit, self.breaker.transitions()));
            }
            Err(left) => {
                prop_assert_ne!(before, State::Closed, "a closed breaker holds nobody back");
                prop_assert!(before == State::HalfOpen || elapsed + left == SETTINGS.open_for);
            }
        }
        Ok(())
    }

    fn check(&mut self, before: State) -> Result<(), TestCaseError> {
        let after = self.breaker.state();
        if after == State::HalfOpen {
            let current = self.breaker.transitions();
            let trials = self.under_way.iter().filter(|(_, generation)| *generation == current).count();
            prop_assert!(trials <= 3, "{trials} trials");
        }
        if self.breaker.transitions() == self.generation {
            prop_assert_eq!(before, after);
            return Ok(());
        }
        let last = self.heard.last().copied();
        let row =
            |wanted: Verdict| self.heard.iter().rev().filter(|v| **v != Verdict::Silent).take_while(|v| **v == wanted).count();
        match (before, after) {
            (State::Closed, State::Open) => prop_assert!(row(Verdict::Failed) >= 2 || last == Some(Verdict::LockedOut)),
            (State::HalfOpen, State::Open) => prop_assert!(matches!(last, Some(Verdict::Failed | Verdict::LockedOut))),
            (State::HalfOpen, State::Closed) => prop_assert!(row(Verdict::Healthy) >= 3, "{:?}", self.heard),
            (State::Open, State::HalfOpen) => {}
            other => prop_assert!(false, "{other:?}"),
        }
        // A probe that half opens it is the first of the successes.
        self.heard.retain(|_| after == State::HalfOpen && last == Some(Verdict::Healthy));
        self.heard.drain(..self.heard.len().saturating_sub(1));
        self.generation = self.breaker.transitions();
        if after == State::Open {
            self.opened = self.now;
        }
        Ok(())
    }
}

proptest! {
    // contract: S0-13
    #[test]
    fn no_order_of_events_breaks_its_promises(steps in prop::collection::vec(step(), 1..200)) {
        let mut run = Run {
            breaker: Breaker::new(SETTINGS),
            now: Duration::ZERO,
            under_way: VecDeque::new(),
            heard: Vec::new(),
            opened: Duration::ZERO,
            generation: 0,
        };
        for step in steps {
            run.take(step)?;
        }
    }
}

fn told(breaker: &mut Breaker, verdict: Verdict, now: Duration) {
    let permit = breaker.admit(now).unwrap();
    breaker.settle(&permit, verdict, now);
}

// contract: S0-13, S0-26 (breaker transitions)
#[test]
fn two_failures_open_thirty_seconds_half_open_three_successes_close() {
    let at = Duration::from_secs;
    let mut breaker = Breaker::new(SETTINGS);
    told(&mut breaker, Verdict::Failed, at(0));
    told(&mut breaker, Verdict::Healthy, at(1));
    told(&mut breaker, Verdict::Failed, at(2));
    assert_eq!((breaker.state(), breaker.failures()), (State::Closed, 1), "not in a row");
    told(&mut breaker, Verdict::Failed, at(3));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.admit(at(32)), Err(at(1)));
    told(&mut breaker, Verdict::Healthy, at(33));
    told(&mut breaker, Verdict::Healthy, at(33));
    assert_eq!(breaker.state(), State::HalfOpen);
    told(&mut breaker, Verdict::Healthy, at(34));
    assert_eq!(breaker.state(), State::Closed);
    told(&mut breaker, Verdict::LockedOut, at(35));
    assert_eq!(breaker.state(), State::Open, "a refused key opens at once");
    told(&mut breaker, Verdict::Failed, at(65));
    assert_eq!(breaker.admit(at(94)), Err(at(1)), "a failed trial opens for the whole time again");
}

#[test]
fn probes_alone_close_it() {
    let at = Duration::from_secs;
    let mut breaker = Breaker::new(SETTINGS);
    told(&mut breaker, Verdict::LockedOut, at(0));
    breaker.probed(Verdict::Failed, at(5));
    breaker.probed(Verdict::Healthy, at(10));
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.probed(Verdict::Healthy, at(15));
    breaker.probed(Verdict::Healthy, at(20));
    assert_eq!(breaker.state(), State::Closed);
}
