//! The proof that every step adds to, and the facts that were not there.
//!
//! Switched off, it costs nothing: a step's text is only written when somebody will read it.

use std::borrow::Cow;
use std::fmt::Arguments;

use super::contested::Question;

/// One rule as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Rule id (`data/rights/rules.csv`).
    pub id: &'static str,
    /// The fact it read.
    pub fact: Cow<'static, str>,
    /// What followed.
    pub effect: Cow<'static, str>,
}

/// The steps taken so far, and what was not known.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Steps are kept.
    on: bool,
    pub(super) steps: Vec<Step>,
    /// Facts that scope and sum wait for.
    open: Vec<Cow<'static, str>>,
    /// Facts that only care, refund, re-routing or transfer wait for.
    aside: Vec<Cow<'static, str>>,
    /// Contested questions that the decision meets.
    pub(super) contested: Vec<Question>,
}

fn text(arguments: Arguments<'_>) -> Cow<'static, str> {
    match arguments.as_str() {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(arguments.to_string()),
    }
}

impl Proof {
    /// An empty one; `on`: steps are kept.
    pub(super) fn new(on: bool) -> Self {
        let steps = if on { Vec::with_capacity(16) } else { Vec::new() };
        Self { on, steps, ..Self::default() }
    }

    /// A rule, the fact it read, what followed.
    #[inline]
    pub(super) fn note(&mut self, id: &'static str, fact: Arguments<'_>, effect: Arguments<'_>) {
        if self.on {
            self.steps.push(Step { id, fact: text(fact), effect: text(effect) });
        }
    }

    /// The same where the texts take work.
    #[inline]
    pub(super) fn note_with(&mut self, id: &'static str, texts: impl FnOnce() -> (String, String)) {
        if self.on {
            let (fact, effect) = texts();
            self.steps.push(Step { id, fact: fact.into(), effect: effect.into() });
        }
    }

    /// A fact that scope or sum waits for is not there.
    pub(super) fn lacks(&mut self, fact: impl Into<Cow<'static, str>>) {
        let fact = fact.into();
        if !self.open.contains(&fact) {
            self.open.push(fact);
        }
    }

    /// How many facts scope and sum wait for so far.
    pub(super) fn awaited(&self) -> usize {
        self.open.len()
    }

    /// The facts that were found missing since: the answer that waited for them came out without them.
    pub(super) fn waits_no_more(&mut self, since: usize) {
        self.open.truncate(since);
    }

    /// A fact that only care, refund, re-routing or transfer waits for is not there.
    pub(super) fn lacks_aside(&mut self, fact: impl Into<Cow<'static, str>>) {
        let fact = fact.into();
        if !self.aside.contains(&fact) {
            self.aside.push(fact);
        }
    }

    /// The decision turns on a contested question.
    pub(super) fn contested(&mut self, question: Question) {
        if self.contested.contains(&question) {
            return;
        }
        self.contested.push(question);
        if self.on {
            let row = question.row();
            self.steps.push(Step { id: row.id, fact: row.question.into(), effect: row.choice.into() });
        }
    }

    /// Whether scope or sum waits for a fact.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What would change the answer: all that is missing, or with a settled decision what the rest waits for.
    pub(super) fn missing(&mut self, settled: bool) -> Vec<Cow<'static, str>> {
        let mut missing = if settled { Vec::new() } else { std::mem::take(&mut self.open) };
        missing.extend(std::mem::take(&mut self.aside).into_iter().filter(|fact| !missing.contains(fact)).collect::<Vec<_>>());
        missing
    }
}
