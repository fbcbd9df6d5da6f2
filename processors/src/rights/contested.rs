//! Questions on which courts or texts differ: `data/rights/contested.csv`. Each has a choice; each can be read the other way.
//!
//! A decision that meets one is for a person to look at. `explain` decides it again under the other reading.

use std::sync::LazyLock;

macro_rules! questions {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {
        /// A contested question, numbered as in `docs/rights.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Question { $($(#[$meta])* $name),* }

        const ALL: &[Question] = &[$(Question::$name),*];
    };
}

questions! {
    /// Long-haul delay of three to four hours.
    Q1,
    /// Long-haul delay of exactly four hours.
    Q2,
    /// A re-routing that leaves well before.
    Q3,
    /// Switzerland to third countries.
    Q4,
    /// Associated states as inside.
    Q5,
    /// Infants at a small fare.
    Q6,
    /// Sphere or ellipsoid.
    Q7,
    /// Diversion to another region.
    Q8,
    /// Medical emergency.
    Q9,
    /// Flow measure.
    Q12,
    /// Refund taken, no journey.
    Q13,
    /// Community carrier on the last leg only.
    Q14,
    /// Benefits in a third country.
    Q15,
    /// Care on connections.
    Q16,
    /// Two regimes.
    Q18,
    /// Crown dependencies.
    Q22,
    /// Offered or actual arrival.
    Q23,
    /// Saint-Martin.
    Q24,
    /// Associated carriers into the United Kingdom.
    Q25,
}

/// What the table says of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contested {
    /// `Q1` and so on.
    pub id: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// What is chosen here.
    pub choice: &'static str,
    /// and why.
    pub reason: &'static str,
}

const UNNAMED: Contested = Contested { id: "Q", question: "", choice: "", reason: "" };

static ROWS: LazyLock<Vec<Contested>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(4, '|');
        Some(Contested { id: cells.next()?, question: cells.next()?, choice: cells.next()?, reason: cells.next()? })
    };
    include_str!("../../data/rights/contested.csv").lines().skip(1).filter_map(row).collect()
});

impl Question {
    /// Its row of the table.
    #[must_use]
    pub fn row(self) -> &'static Contested {
        ROWS.get(self as usize).unwrap_or(&UNNAMED)
    }

    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_its_own_row() {
        assert_eq!(ROWS.len(), ALL.len());
        for question in ALL {
            let row = question.row();
            assert_eq!(row.id, format!("{question:?}"));
            let documented = format!("| {} | {} | {} | {} |", row.id, row.question, row.choice, row.reason);
            assert!(include_str!("../../../docs/rights.md").contains(&documented), "docs/rights.md: {documented}");
        }
        let documented = |number: &u32| {
            let page = include_str!("../../../docs/rights.md");
            page.contains(&format!("\n| Q{number} | ")) || page.contains(&format!("\n| {number} | "))
        };
        assert_eq!((1..=25).find(|number| !documented(number)), None, "a question without its choice");
    }
}
