//! How long a claim may wait: the law of the court seised (C-139/11), so a table of states, `data/rights/limitation.csv`.
//!
//! Where courts of a state differ the shorter period stands. The last column says how far a line was checked: a `judgment` that
//! applies the period to these claims, a `statute` that sets it, or no more than `lists` that firms and authorities publish. Told to people, never a reason to decide: a claim that is
//! barred is still owed until the carrier says so.

use std::sync::LazyLock;

/// The period of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limitation {
    /// ISO 3166-1 alpha-2 code.
    pub state: &'static str,
    /// Years; none: not established.
    pub years: Option<u8>,
    /// What else a claimant has to know.
    pub note: &'static str,
    /// Act or judgment; of lists, that the provision is not confirmed.
    pub source: &'static str,
    /// What was found to confirm it.
    pub checked: Checked,
}

/// How far a period was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// A court applied it to claims under the Regulation.
    Judgment,
    /// The text of the act; nothing on these claims.
    Statute,
    /// Published lists of periods alone.
    Lists,
}

static ROWS: LazyLock<Vec<Limitation>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(5, '|');
        let (state, years) = (cells.next()?, cells.next()?);
        let years = if years.is_empty() { None } else { Some(years.parse().ok()?) };
        let (note, source) = (cells.next()?, cells.next()?);
        let checked = match cells.next()? {
            "judgment" => Checked::Judgment,
            "statute" => Checked::Statute,
            "lists" => Checked::Lists,
            _ => return None,
        };
        Some(Limitation { state, years, note, source, checked })
    };
    include_str!("../../data/rights/limitation.csv").lines().skip(1).filter_map(row).collect()
});

/// The period before the courts of a state; none where the table has no such state.
#[must_use]
pub fn limitation(state: &str) -> Option<&'static Limitation> {
    ROWS.iter().find(|row| row.state == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::territory::{Territory, of_country};

    #[test]
    fn every_line_counts_once_and_every_state_of_the_two_regimes_has_one() {
        let lines = include_str!("../../data/rights/limitation.csv");
        assert_eq!(ROWS.len(), lines.lines().count() - 1);
        let today = "2026-11-21".parse().ok();
        let territory = include_str!("../../data/rights/territory.csv");
        let states = territory.lines().skip(1).filter_map(|line| line.split(',').next());
        // Åland and Liechtenstein have no airport of their own; a Crown dependency is the court of neither regime.
        let asked = states
            .filter(|state| !["AX", "LI"].contains(state))
            .filter(|state| !matches!(of_country(state, today), Territory::Outside | Territory::Crown));
        for state in asked {
            assert!(limitation(state).is_some(), "{state} has no line");
        }
        assert!(ROWS.iter().all(|row| !row.source.is_empty() && row.years.is_none_or(|years| years > 0)));
        assert_eq!(limitation("PL").and_then(|row| row.years), Some(1));
        assert_eq!(limitation("MT").and_then(|row| row.years), None);
        for row in ROWS.iter() {
            // What rests on lists alone cites nothing that nobody has read.
            assert_eq!(row.checked == Checked::Lists, row.source == "provision not confirmed", "{row:?}");
        }
    }
}
