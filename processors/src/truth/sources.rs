//! How much each source is trusted before anything was learned, and what kind of source it is: `data/sources.csv`.

use std::collections::BTreeMap;

use slipstream_schemas::ids::Carrier;

/// What kind of source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Entered by staff.
    Manual,
    /// The operating carrier's own feed.
    Carrier,
    /// Movement messages: MVT, AIDX, ACARS.
    Telex,
    /// The airport's display.
    Board,
    /// One who collects from others.
    Aggregator,
    /// Receivers of aircraft positions.
    Position,
}

impl Class {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "manual" => Self::Manual,
            "carrier" => Self::Carrier,
            "telex" => Self::Telex,
            "board" => Self::Board,
            "aggregator" => Self::Aggregator,
            "position" => Self::Position,
            _ => return None,
        })
    }
}

/// Name in the table of whoever operates the leg.
const OPERATOR: &str = "airline";
/// Name in the table of any other source.
const OTHERS: &str = "*";

/// The table.
#[derive(Debug, Clone)]
pub struct Sources(BTreeMap<String, (i32, Class)>);

impl Sources {
    /// The table of this version.
    #[must_use]
    pub fn standard() -> Self {
        Self::parse(include_str!("../../data/sources.csv"))
    }

    /// A table: `source,priority,class`; rows that are none are left out, which a test excludes for ours.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        let row = |line: &str| {
            let mut cells = line.split(',').map(str::trim);
            let (name, priority, class) = (cells.next()?, cells.next()?.parse().ok()?, Class::parse(cells.next()?)?);
            Some((name.to_ascii_uppercase(), (priority, class)))
        };
        Self(rows.filter_map(row).collect())
    }

    fn entry(&self, source: &str, operator: Carrier) -> (i32, Class) {
        let named = self.0.get(source).or_else(|| self.0.get(&source.to_ascii_uppercase()));
        let own = || if source == operator.as_str() { self.0.get(&OPERATOR.to_ascii_uppercase()) } else { None };
        named.or_else(own).or_else(|| self.0.get(OTHERS)).copied().unwrap_or((0, Class::Aggregator))
    }

    /// Priority of a source on a leg of `operator`, 0 to 100.
    #[must_use]
    pub fn priority(&self, source: &str, operator: Carrier) -> i32 {
        self.entry(source, operator).0
    }

    /// What kind of source it is on a leg of `operator`: a carrier's feed about another carrier's leg is hearsay.
    #[must_use]
    pub fn class(&self, source: &str, operator: Carrier) -> Class {
        match self.entry(source, operator).1 {
            Class::Carrier if source != operator.as_str() && !source.eq_ignore_ascii_case(OPERATOR) => Class::Aggregator,
            class => class,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_the_order_is_that_of_operations() {
        let sources = Sources::standard();
        let rows = include_str!("../../data/sources.csv").lines().filter(|line| !line.starts_with('#')).count() - 1;
        assert_eq!(sources.0.len(), rows);
        let of = |source: &str| sources.priority(source, "UA".parse().unwrap());
        let order = ["MANUAL", "LH", "AF", "BA", "UA", "MVT", "BOARD", "FLIGHTAWARE", "AMADEUS", "OPENSKY", "nobody"].map(of);
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
        assert_eq!((of("flightaware"), of("AA")), (of("FLIGHTAWARE"), of("nobody")), "another carrier is anybody");
    }

    #[test]
    fn a_carrier_is_first_hand_only_on_its_own_legs() {
        let class = |source: &str, operator: &str| Sources::standard().class(source, operator.parse().unwrap());
        assert_eq!(
            [class("LH", "LH"), class("LH", "UA"), class("UA", "UA")],
            [Class::Carrier, Class::Aggregator, Class::Carrier]
        );
    }
}
