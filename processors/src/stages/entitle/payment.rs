//! When and how money is to be paid, as the law fixes it: `data/rights/payments.csv`, a line a rule set and claim.

use std::sync::LazyLock;

use slipstream_schemas::records::Claim;

use crate::journey::HOUR;

/// The terms of one claim under one rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    ruleset: &'static str,
    claim: &'static str,
    /// Days from the instant at which it is due; none: no period is fixed.
    days: Option<i64>,
    /// How it may be paid (Article 7(3)).
    pub(super) forms: Vec<&'static str>,
    /// What fixes the period.
    pub(super) basis: &'static str,
}

static TERMS: LazyLock<Vec<Terms>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(5, ',');
        let (ruleset, claim, days, forms) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        Some(Terms { ruleset, claim, days: days.parse().ok(), forms: forms.split('|').collect(), basis: cells.next()? })
    };
    include_str!("../../../data/rights/payments.csv").lines().skip(1).filter_map(row).collect()
});

/// The terms of a claim; none where the table has none.
pub(super) fn terms(ruleset: &str, claim: Claim) -> Option<&'static Terms> {
    TERMS.iter().find(|terms| terms.ruleset == ruleset && terms.claim == claim.as_str())
}

impl Terms {
    /// The instant by which it has to be paid, epoch ms; none where no period is fixed.
    pub(super) fn due_by(&self, from: i64) -> Option<i64> {
        Some(from + self.days? * 24 * HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::rulesets;

    #[test]
    fn every_set_that_decides_has_its_terms_and_every_line_counts() {
        for set in rulesets().iter().filter(|set| set.enabled) {
            for claim in [Claim::Compensation, Claim::Refund] {
                let terms = terms(&set.name, claim).unwrap_or_else(|| panic!("{} {claim}", set.name));
                assert!(terms.basis.starts_with("Article ") && terms.forms.len() == 5, "{terms:?}");
            }
            assert_eq!(terms(&set.name, Claim::Refund).and_then(|terms| terms.due_by(0)), Some(7 * 24 * HOUR));
            assert_eq!(terms(&set.name, Claim::Compensation).and_then(|terms| terms.due_by(0)), None);
        }
        assert_eq!(TERMS.len(), include_str!("../../../data/rights/payments.csv").lines().count() - 1);
    }
}
