//! Which law is asked: rule sets switched on by name, and how contested questions are read.

use super::contested::Question;
use super::elsewhere::{Regime, regimes};
use super::ruleset::{RuleSet, rulesets};

/// The law as a caller wants it asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Law {
    /// Sets and regimes that decide though they are off by themselves.
    on: Vec<&'static str>,
    /// Questions that are read the other way.
    other: Vec<Question>,
}

/// A name that no rule set and no regime has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no rule set or regime `{0}`; there are: {1}")]
pub struct UnknownRegime(String, String);

impl Law {
    /// The law with sets or regimes switched on by name.
    ///
    /// # Errors
    /// A name is none; the message lists those there are.
    pub fn with_regimes<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownRegime> {
        let mut law = Self::default();
        for name in names {
            let known = known_names().into_iter().find(|known| known.eq_ignore_ascii_case(name));
            law.on.push(known.ok_or_else(|| UnknownRegime(name.to_owned(), known_names().join(", ")))?);
        }
        Ok(law)
    }

    /// The same law with one contested question read the other way.
    #[must_use]
    pub fn reading_otherwise(&self, question: Question) -> Self {
        let mut law = self.clone();
        law.other.push(question);
        law
    }

    /// Whether a question is read the other way.
    pub(super) fn other(&self, question: Question) -> bool {
        !self.other.is_empty() && self.other.contains(&question)
    }

    /// Regimes beyond the Regulation that were switched on.
    pub(super) fn others(&self) -> impl Iterator<Item = &'static Regime> {
        regimes().iter().filter(|regime| self.on.contains(&regime.name.as_str()))
    }

    /// Whether a set decides.
    pub(super) fn enables(&self, set: &RuleSet) -> bool {
        set.enabled || self.on.contains(&set.name.as_str())
    }
}

/// Names that can be switched on.
fn known_names() -> Vec<&'static str> {
    let others = regimes().iter().map(|regime| regime.name.as_str());
    rulesets().iter().map(|set| set.name.as_str()).chain(others).collect()
}
