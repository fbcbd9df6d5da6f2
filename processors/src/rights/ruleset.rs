//! The law's numbers as data, in dated sets: `data/rights/rulesets.toml`. A set is never applied past its end.
//!
//! A new set, or a changed sum, is a change of that file and its tests, not of the engine.

use std::sync::LazyLock;

use serde::Deserialize;
use slipstream_schemas::ids::Date;

/// One regime's numbers during one period.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Name of the regime.
    pub regime: String,
    /// Name in decisions: regime@effective date.
    pub name: String,
    /// The text, as a lawyer cites it.
    pub title: String,
    /// First date of departure that it governs.
    pub from: Date,
    /// Last date; none: open.
    pub until: Option<Date>,
    /// Decides without being switched on by name.
    pub enabled: bool,
    /// Currency of the sums.
    pub currency: String,
    /// Sums of the bands a, b, c in whole currency units (Article 7(1)).
    pub sums: [i64; 3],
    /// Upper ends of the bands a and b, kilometres.
    pub bands_km: [i32; 2],
    /// Flights within the territory are never above band b.
    pub caps_inside: bool,
    /// Delay at the final destination from which a sum is due, minutes (C-402/07).
    pub delay_min: i32,
    /// In band c a delay below this halves the sum, minutes (C-402/07 para 63).
    pub halved_delay_below_min: i32,
    /// Re-routing that arrives at most this late halves the sum of the band, minutes (Article 7(2)).
    pub halved_offer_until_min: [i32; 3],
    /// Notice from which nothing is due, minutes (Article 5(1)(c)(i)).
    pub notice_free_min: i64,
    /// Departure brought forward by more than this is a cancellation, minutes.
    pub advance_over_min: i32,
    /// Offers that free the carrier at shorter notice (Article 5(1)(c)(ii), (iii)), longest notice first.
    pub window: Vec<Window>,
    /// Departure delay from which care is due, by band, minutes (Article 6(1)).
    pub care_min: [i32; 3],
    /// Departure delay from which a refund may be chosen, minutes (Article 6(1)(iii)).
    pub refund_min: i32,
    /// Refund for a lower class by band, percent of the flight's price (Article 10(2)).
    pub downgrade_percent: [i32; 3],
    /// An in-block time is this long before a door opens, minutes: an assumption, marked in the proof.
    pub door_after_block_min: i32,
    /// So near to a threshold an in-block time does not decide, minutes.
    pub door_margin_min: i32,
}

/// A re-routing that is near enough to the booked times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Rule id.
    pub id: String,
    /// Shortest notice, minutes.
    pub notice_min: i64,
    /// Departs at most this much before, minutes.
    pub early_max_min: i32,
    /// Arrives less than this late, minutes.
    pub late_below_min: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    set: Vec<RuleSet>,
}

/// Every set, each regime's in order of time. That the file is whole, a test holds.
static RULESETS: LazyLock<Vec<RuleSet>> = LazyLock::new(|| {
    let file: Result<File, _> = toml::from_str(include_str!("../../data/rights/rulesets.toml"));
    file.map(|file| file.set).unwrap_or_default()
});

/// Every set, each regime's in order of time.
#[must_use]
pub fn rulesets() -> &'static [RuleSet] {
    &RULESETS
}

impl RuleSet {
    /// The set of a regime that governs a departure on a date.
    #[must_use]
    pub fn in_force(regime: &str, date: Date) -> Option<&'static Self> {
        rulesets().iter().find(|set| set.regime == regime && set.governs(date))
    }

    fn governs(&self, date: Date) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }

    /// Band 0, 1 or 2 of a distance; `inside`: both ends lie in the regime's territory.
    #[must_use]
    pub fn band(&self, km: f64, inside: bool) -> usize {
        let band = self.bands_km.iter().filter(|end| km > f64::from(**end)).count();
        if self.caps_inside && inside { band.min(1) } else { band }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_and_each_regimes_sets_follow_without_overlap() {
        let file: File = toml::from_str(include_str!("../../data/rights/rulesets.toml")).unwrap();
        assert_eq!(file.set, rulesets());
        for set in rulesets() {
            assert_eq!(set.name, format!("{}@{}", set.regime, set.from));
            assert!(set.until.is_none_or(|until| set.from <= until), "{}", set.name);
            assert!(set.sums.is_sorted() && set.bands_km.is_sorted() && set.window.len() == 2, "{}", set.name);
            assert!(set.window.is_sorted_by(|a, b| a.notice_min > b.notice_min), "{}", set.name);
            assert!(set.sums.iter().all(|sum| sum % 2 == 0), "{}: half a sum is whole", set.name);
        }
        for pair in rulesets().windows(2).filter(|pair| pair[0].regime == pair[1].regime) {
            assert!(pair[0].until.is_some_and(|until| until < pair[1].from), "{} and {}", pair[0].name, pair[1].name);
        }
    }
}
