//! How much each source is trusted: `data/sources.csv`, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

static PRIORITY: LazyLock<BTreeMap<&'static str, i32>> = LazyLock::new(|| {
    let rows = include_str!("../../../data/sources.csv").lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.filter_map(|row| row.split_once(',')).filter_map(|(source, priority)| Some((source, priority.parse().ok()?))).collect()
});

/// Priority of a source, 0 to 100; of one that the table does not name, the table's `*`.
pub(super) fn priority(source: &str) -> i32 {
    PRIORITY.get(source).or_else(|| PRIORITY.get("*")).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    // S0-08 names the order of three airlines.
    #[test]
    fn lufthansa_before_air_france_before_british_airways_before_anyone() {
        let order = ["LH", "AF", "BA", "airline", "bts", "AMADEUS", "a source nobody named"].map(priority);
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
    }
}
