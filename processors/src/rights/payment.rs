//! When and how money is to be paid, as the law fixes it: `data/rights/payments.csv`, a line a rule set and claim.

use std::sync::LazyLock;

use super::case::Event;
use super::decision::Verdict;

/// The terms of one claim under one rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    ruleset: &'static str,
    claim: &'static str,
    /// Days from the instant at which it is due, 0: at once; none: no period is fixed.
    pub days: Option<i64>,
    /// How it may be paid (Article 7(3)).
    pub forms: Vec<&'static str>,
    /// What fixes the period, or that nothing does.
    pub basis: &'static str,
}

/// A claim as the table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// The fixed sum.
    Compensation,
    /// The same after denied boarding.
    DeniedBoarding,
    /// The price of what was not flown.
    Refund,
    /// A share of the price for a lower class.
    ClassRefund,
}

impl Owed {
    /// Its name in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compensation => "COMPENSATION",
            Self::DeniedBoarding => "DENIED_BOARDING",
            Self::Refund => "REFUND",
            Self::ClassRefund => "DOWNGRADE_REFUND",
        }
    }

    /// The claim that an answer gives at once; none where it gives no money by itself.
    #[must_use]
    pub fn by(verdict: Verdict, event: Option<Event>) -> Option<Self> {
        match (verdict, event) {
            (Verdict::DowngradeRefund, _) => Some(Self::ClassRefund),
            (Verdict::Eligible, Some(Event::DeniedBoarding)) => Some(Self::DeniedBoarding),
            (Verdict::Eligible, _) => Some(Self::Compensation),
            _ => None,
        }
    }
}

static TERMS: LazyLock<Vec<Terms>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(5, ',');
        let (ruleset, claim, days, forms) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        Some(Terms { ruleset, claim, days: days.parse().ok(), forms: forms.split('|').collect(), basis: cells.next()? })
    };
    include_str!("../../data/rights/payments.csv").lines().skip(1).filter_map(row).collect()
});

/// The terms of a claim under a rule set, name@effective date; none where the table has none.
#[must_use]
pub fn terms(ruleset: &str, owed: Owed) -> Option<&'static Terms> {
    TERMS.iter().find(|terms| terms.ruleset == ruleset && terms.claim == owed.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::rulesets;

    #[test]
    fn every_set_that_decides_has_its_terms_and_every_line_counts() {
        let expected =
            [(Owed::Compensation, None), (Owed::DeniedBoarding, Some(0)), (Owed::Refund, Some(7)), (Owed::ClassRefund, Some(7))];
        for set in rulesets().iter().filter(|set| set.enabled) {
            for (owed, days) in expected {
                let terms = terms(&set.name, owed).unwrap_or_else(|| panic!("{} {owed:?}", set.name));
                assert!(terms.basis.starts_with("Article ") && terms.forms.len() == 5, "{terms:?}");
                assert_eq!(terms.days, days, "{} {owed:?}", set.name);
            }
        }
        assert_eq!(TERMS.len(), include_str!("../../data/rights/payments.csv").lines().count() - 1);
    }
}
