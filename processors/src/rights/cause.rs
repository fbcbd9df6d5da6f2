//! Whether a cause can free a carrier (Article 5(3)): the nature of every cause, and what a delay code presumes.
//!
//! `data/rights/causes.csv` and `delay-codes.csv`, parsed once. A code is the airline's own statement: it opens a
//! hypothesis and proves nothing.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Whether an event lies in the normal exercise of a carrier's activity (C-549/07), or is no cause at all but a ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// It does: no defence.
    Inherent,
    /// It does not, and is beyond control: a defence if all reasonable measures were taken.
    Extraordinary,
    /// Extraordinary once manufacturer or authority confirms the defect.
    Conditional,
    /// Not known, or courts differ.
    Unclear,
    /// A reasonable ground to refuse carriage (Article 2(j)).
    Ground,
    /// The tour around the flight was cancelled (Article 3(6)).
    Tour,
}

/// A cause of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Name.
    pub name: &'static str,
    /// Its nature.
    pub nature: Nature,
    /// Article or case that says so.
    pub source: &'static str,
}

/// Every cause, by name.
static CAUSES: LazyLock<Vec<Cause>> = LazyLock::new(|| {
    let mut causes: Vec<Cause> = include_str!("../../data/rights/causes.csv").lines().skip(1).filter_map(row).collect();
    causes.sort_unstable_by_key(|cause| cause.name);
    causes
});

fn row(line: &'static str) -> Option<Cause> {
    let mut cells = line.splitn(3, ',');
    let (name, nature, source) = (cells.next()?, cells.next()?, cells.next()?);
    let nature = match nature {
        "inherent" => Nature::Inherent,
        "extraordinary" => Nature::Extraordinary,
        "conditional" => Nature::Conditional,
        "unclear" => Nature::Unclear,
        "ground" => Nature::Ground,
        "tour" => Nature::Tour,
        _ => return None,
    };
    Some(Cause { name, nature, source })
}

/// Every cause of the table, by name.
pub(super) fn causes() -> &'static [Cause] {
    &CAUSES
}

/// The cause of that name; none where the table has none.
#[must_use]
pub fn cause(name: &str) -> Option<Cause> {
    let place = CAUSES.binary_search_by_key(&name, |cause| cause.name).ok()?;
    Some(CAUSES[place])
}

static CODES: LazyLock<Vec<(RangeInclusive<u8>, &'static str)>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(4, ',');
        let range = cells.next()?.parse().ok()?..=cells.next()?.parse().ok()?;
        Some((range, cells.next()?))
    };
    include_str!("../../data/rights/delay-codes.csv").lines().skip(1).filter_map(row).collect()
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
        assert_eq!(CAUSES.len(), include_str!("../../data/rights/causes.csv").lines().count() - 1);
        assert!(CAUSES.windows(2).all(|pair| pair[0].name < pair[1].name), "a cause stands twice");
        assert_eq!(CODES.len(), include_str!("../../data/rights/delay-codes.csv").lines().count() - 1);
        assert!(CODES.iter().all(|(_, name)| cause(name).is_some()));
        assert_eq!(cause_of_code("93"), Some("late_inbound_rotation"));
        assert_eq!(cause_of_code("71"), Some("weather_below_minima"));
        assert_eq!(cause_of_code("9"), None);
        assert_eq!(cause_of_code("A"), None);
        assert_eq!(cause("aliens"), None);
    }
}
