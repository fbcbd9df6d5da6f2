//! The law's numbers as data, in dated sets: `data/rights/rulesets.toml`. A set is never applied past its end.
//!
//! A new set, or a changed sum, is a change of that file and its tests, not of the engine: the engine reads every number from
//! the set that governs the day. What a set must be to be read is checked here, for this version's file and for a caller's.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};
use slipstream_schemas::ids::Date;

use super::explain::rule_id;
use super::scope::{EU, UK};

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
    /// Duties and periods beside the sums, where the text fixes any.
    pub duties: Option<Duties>,
}

/// What a text fixes about claims and offers beyond sums and care. All of it is told to people; no sum depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duties {
    /// The carrier tells passengers of their rights so soon after the arrival, hours.
    pub inform_within_hours: i32,
    /// The passenger claims within, months.
    pub claim_within_months: i32,
    /// The carrier pays or refuses with reasons within, days.
    pub answer_within_days: i32,
    /// Re-routing is offered within, minutes.
    pub offer_within_min: i32,
    /// Who then finds the way alone is paid back at most this share of the ticket's price, percent.
    pub own_way_up_to_percent: i32,
}

/// An id of `rules.csv`; a name of its own, because serde would borrow a plain reference from the text.
type RuleId = &'static str;

/// A re-routing that is near enough to the booked times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Rule id, one of `rules.csv`.
    #[serde(deserialize_with = "known_rule")]
    pub id: RuleId,
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

/// Why a text gives no rule sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRuleSets {
    /// Not of the form.
    #[error("rule sets: {0}")]
    Form(String),
    /// A set that cannot decide.
    #[error("rule set `{set}`: {why}")]
    Set {
        /// Its name.
        set: String,
        /// What is wrong.
        why: &'static str,
    },
}

fn known_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let id = String::deserialize(deserializer)?;
    rule_id(&id).ok_or_else(|| serde::de::Error::custom(format!("no rule has the id `{id}`")))
}

/// The sets of a text in the form of `rulesets.toml`.
///
/// # Errors
/// Another form; a set that contradicts itself, or the one before it of its regime.
pub(super) fn parse(text: &str) -> Result<Vec<RuleSet>, BadRuleSets> {
    let file: File = toml::from_str(text).map_err(|error| BadRuleSets::Form(error.to_string()))?;
    let bad = |set: &RuleSet, why| Err(BadRuleSets::Set { set: set.name.clone(), why });
    if let Some((set, why)) = file.set.iter().find_map(|set| Some((set, set.flaw()?))) {
        return bad(set, why);
    }
    for (place, set) in file.set.iter().enumerate() {
        let before = file.set[..place].iter().rfind(|before| before.regime == set.regime);
        if before.is_some_and(|before| before.until.is_none_or(|until| until >= set.from)) {
            return bad(set, "begins before the set before it has ended");
        }
    }
    Ok(file.set)
}

/// The sets of this version. That its file is whole, a test holds.
static RULESETS: LazyLock<Vec<RuleSet>> =
    LazyLock::new(|| parse(include_str!("../../data/rights/rulesets.toml")).unwrap_or_default());

/// Every set of this version, each regime's in order of time.
#[must_use]
pub fn rulesets() -> &'static [RuleSet] {
    &RULESETS
}

/// Longest threshold that a set may have, minutes: a year.
const MINUTES_MAX: i32 = 366 * 24 * 60;

impl RuleSet {
    /// Whether it governs a departure on a date.
    pub(super) fn governs(&self, date: Date) -> bool {
        self.from <= date && self.until.is_none_or(|until| date <= until)
    }

    /// Band 0, 1 or 2 of a distance; `inside`: both ends lie in the regime's territory.
    #[must_use]
    pub fn band(&self, km: f64, inside: bool) -> usize {
        let band = self.bands_km.iter().filter(|end| km > f64::from(**end)).count();
        if self.caps_inside && inside { band.min(1) } else { band }
    }

    /// What makes the set one that cannot decide.
    fn flaw(&self) -> Option<&'static str> {
        let minutes = [self.delay_min, self.halved_delay_below_min, self.advance_over_min, self.refund_min];
        let doors = [self.door_after_block_min, self.door_margin_min];
        let minutes = minutes.iter().chain(&doors).chain(&self.halved_offer_until_min).chain(&self.care_min);
        let checks = [
            ([EU, UK].contains(&self.regime.as_str()), "`regime` is neither EU261 nor UK261"),
            (self.name == format!("{}@{}", self.regime, self.from), "`name` is not regime@from"),
            (self.until.is_none_or(|until| self.from <= until), "`until` lies before `from`"),
            (self.bands_km.is_sorted() && self.bands_km[0] > 0, "`bands_km` do not rise"),
            (self.sums.is_sorted() && self.sums[0] >= 0, "`sums` fall with the distance"),
            (self.sums.iter().all(|sum| sum % 2 == 0), "half of one of the `sums` is no whole number"),
            (self.downgrade_percent.iter().all(|percent| (0..=100).contains(percent)), "`downgrade_percent` beyond 100"),
            (minutes.into_iter().all(|minutes| (0..=MINUTES_MAX).contains(minutes)), "minutes below 0 or beyond a year"),
            (!self.window.is_empty() && self.window.is_sorted_by(|a, b| a.notice_min > b.notice_min), "`window` without order"),
        ];
        checks.into_iter().find(|(holds, _)| !holds).map(|(_, why)| why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file of this version becomes with one thing in it changed.
    fn changed(from: &str, to: &str) -> Result<Vec<RuleSet>, String> {
        let text = include_str!("../../data/rights/rulesets.toml");
        assert!(text.contains(from), "{from}");
        parse(&text.replacen(from, to, 1)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_of_this_version_is_whole() {
        let sets = parse(include_str!("../../data/rights/rulesets.toml")).unwrap();
        assert_eq!((sets.as_slice(), sets.len()), (rulesets(), 3));
    }

    #[test]
    fn a_set_that_cannot_decide_is_refused_by_name() {
        let table = [
            ("sums = [250, 400, 600]", "sums = [250, 400]", "invalid length"),
            ("sums = [250, 400, 600]", "sums = [400, 250, 600]", "fall with the distance"),
            ("sums = [250, 400, 600]", "sums = [251, 400, 600]", "no whole number"),
            ("bands_km = [1500, 3500]", "bands_km = [3500, 1500]", "do not rise"),
            ("from = \"2005-02-17\"", "from = \"2005-02-18\"", "regime@from"),
            ("until = \"2027-10-22\"", "until = \"2004-10-22\"", "before `from`"),
            ("until = \"2027-10-22\"", "until = \"2027-10-23\"", "`EU261@2027-10-23`: begins before"),
            ("regime = \"UK261\"", "regime = \"XX261\"", "neither EU261"),
            ("delay_min = 180", "delay_min = -1", "minutes below 0"),
            ("id = \"CX-2\"", "id = \"CX-99\"", "no rule has the id `CX-99`"),
            ("delay_min = 180", "delay_minutes = 180", "delay_minutes"),
        ];
        for (from, to, why) in table {
            let refused = changed(from, to).unwrap_err();
            assert!(refused.contains(why), "{to}: {refused}");
        }
        assert_eq!(changed("sums = [250, 400, 600]", "sums = [300, 400, 500]").unwrap()[0].sums, [300, 400, 500]);
    }
}
