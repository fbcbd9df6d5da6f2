//! Whether a cause can free a carrier (Article 5(3)): the nature of every cause, and what a delay code presumes.
//!
//! `data/causes.csv` and `data/delay-codes.csv`, parsed once. A code is the airline's own statement: it opens a
//! hypothesis and proves nothing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Whether an event lies in the normal exercise of a carrier's activity (C-549/07).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It does: no defence.
    Inherent,
    /// It does not, and is beyond control: a defence if all reasonable measures were taken.
    Extraordinary,
    /// Not known, or courts differ.
    Unclear,
}

static NATURES: LazyLock<BTreeMap<&'static str, Nature>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(3, ',');
        let nature = match (cells.next()?, cells.next()?) {
            (cause, "inherent") => (cause, Nature::Inherent),
            (cause, "extraordinary") => (cause, Nature::Extraordinary),
            (cause, _) => (cause, Nature::Unclear),
        };
        Some(nature)
    };
    include_str!("../../data/causes.csv").lines().skip(1).filter_map(row).collect()
});

/// The nature of a cause by name; a name that is not in the table is unclear.
#[must_use]
pub fn nature(cause: &str) -> Nature {
    NATURES.get(cause).copied().unwrap_or(Nature::Unclear)
}

static CODES: LazyLock<Vec<(RangeInclusive<u8>, &'static str)>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(4, ',');
        let range = cells.next()?.parse().ok()?..=cells.next()?.parse().ok()?;
        Some((range, cells.next()?))
    };
    include_str!("../../data/delay-codes.csv").lines().skip(1).filter_map(row).collect()
});

/// The cause that a two-digit IATA delay code (AHM 730) presumes.
#[must_use]
pub fn cause_of_code(code: &str) -> Option<&'static str> {
    let code: u8 = code.parse().ok().filter(|_| code.len() == 2)?;
    CODES.iter().find(|(range, _)| range.contains(&code)).map(|(_, cause)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_both_tables_counts_and_every_code_names_a_known_cause() {
        assert_eq!(NATURES.len(), include_str!("../../data/causes.csv").lines().count() - 1);
        assert_eq!(CODES.len(), include_str!("../../data/delay-codes.csv").lines().count() - 1);
        assert!(CODES.iter().all(|(_, cause)| NATURES.contains_key(cause)));
        assert_eq!(cause_of_code("93"), Some("late_inbound_rotation"));
        assert_eq!(cause_of_code("71"), Some("weather_below_minima"));
        assert_eq!(cause_of_code("9"), None);
        assert_eq!(cause_of_code("A"), None);
        assert_eq!(nature("aliens"), Nature::Unclear);
    }
}
