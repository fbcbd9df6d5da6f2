//! Which law is asked: its dated sets, those switched on by name, and how contested questions are read.

use std::borrow::Cow;

use slipstream_schemas::ids::Date;

use super::contested::Question;
use super::elsewhere::{Regime, regimes};
use super::ruleset::{BadRuleSets, RuleSet, parse, rulesets};

/// The law as a caller wants it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    /// Each regime's in order of time.
    sets: Cow<'static, [RuleSet]>,
    /// Sets and regimes that decide though they are off by themselves.
    on: Vec<String>,
    /// Questions that are read the other way.
    other: Vec<Question>,
    /// Sets decide whether they are on or off.
    every_set: bool,
}

/// A name that no rule set and no regime has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule set or regime `{0}`; there are: {1}")]
pub struct UnknownRegime(String, String);

impl Default for Law {
    /// The law of this version: `rulesets.toml`, each set as it is enabled by itself.
    fn default() -> Self {
        Self { sets: Cow::Borrowed(rulesets()), on: Vec::new(), other: Vec::new(), every_set: false }
    }
}

impl Law {
    /// The law with other dated sets than those of this version, in the form of `rulesets.toml`.
    ///
    /// # Errors
    /// The text is not of that form, or a set contradicts itself or another one.
    pub fn of_rulesets(text: &str) -> Result<Self, BadRuleSets> {
        Ok(Self { sets: Cow::Owned(parse(text)?), ..Self::default() })
    }

    /// The same law with sets or regimes switched on by name.
    ///
    /// # Errors
    /// A name is none; the message lists those there are.
    pub fn switching_on<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownRegime> {
        for name in names {
            let known = self.names().into_iter().find(|known| known.eq_ignore_ascii_case(name)).map(str::to_owned);
            self.on.push(known.ok_or_else(|| UnknownRegime(name.to_owned(), self.names().join(", ")))?);
        }
        Ok(self)
    }

    /// The same law with every set deciding: what a set that is off would say.
    pub(super) fn with_every_set(&self) -> Self {
        Self { every_set: true, ..self.clone() }
    }

    /// The same law with one contested question read the other way.
    #[must_use]
    pub fn reading_otherwise(&self, question: Question) -> Self {
        let mut law = self.clone();
        law.other.push(question);
        law
    }

    /// Every set, each regime's in order of time.
    #[must_use]
    pub fn sets(&self) -> &[RuleSet] {
        &self.sets
    }

    /// The set of a regime that governs a departure on a date.
    #[must_use]
    pub fn in_force(&self, regime: &str, date: Date) -> Option<&RuleSet> {
        self.sets.iter().find(|set| set.governs(date) && set.regime == regime)
    }

    /// The last day of the last set of a regime that ended before a date; none before the first.
    pub(super) fn ended(&self, regime: &str, date: Date) -> Option<Date> {
        self.sets.iter().filter(|set| set.regime == regime).filter_map(|set| set.until).filter(|until| *until < date).max()
    }

    /// Whether a question is read the other way.
    pub(super) fn other(&self, question: Question) -> bool {
        !self.other.is_empty() && self.other.contains(&question)
    }

    /// Regimes beyond the Regulation that were switched on.
    pub(super) fn others(&self) -> impl Iterator<Item = &'static Regime> {
        let all = if self.on.is_empty() { &[] } else { regimes() };
        all.iter().filter(|regime| self.on.contains(&regime.name))
    }

    /// Whether a set decides.
    pub(super) fn enables(&self, set: &RuleSet) -> bool {
        set.enabled || self.every_set || self.on.contains(&set.name)
    }

    /// Names that can be switched on.
    fn names(&self) -> Vec<&str> {
        self.sets.iter().map(|set| set.name.as_str()).chain(regimes().iter().map(|regime| regime.name.as_str())).collect()
    }
}
