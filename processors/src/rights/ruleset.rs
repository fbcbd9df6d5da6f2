//! The law's numbers as data, in dated sets. A set is never applied past its end.
//!
//! Regulation (EC) 261/2004, Articles 5, 6, 7; UK: as assimilated, SI 2019/278 and SI 2023/1370. Its successor,
//! Regulation (EU) 2026/2202, is named so that flights it will govern are left undetermined, not judged by old law.

use slipstream_schemas::ids::Date;

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// One regime's numbers during one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    /// `EU261` or `UK261`.
    pub regime: &'static str,
    /// Name in decisions: regime@effective date.
    pub name: &'static str,
    /// First date of departure that it governs, ISO 8601.
    pub from: &'static str,
    /// Its text has been taken over; otherwise flights of its period are undetermined.
    pub enabled: bool,
    /// Currency of the sums.
    pub currency: &'static str,
    /// Sums of the bands a, b, c in whole currency units (Article 7(1)).
    pub sums: [i64; 3],
    /// Upper ends of the bands a and b, kilometres.
    pub bands_km: [i32; 2],
    /// Flights within the territory are never above band b.
    pub caps_inside: bool,
    /// Delay at the final destination from which a sum is due, minutes (C-402/07).
    pub delay_min: i32,
    /// A delay below this halves the sum of the band, minutes (C-402/07 para 63).
    pub delay_halved_below_min: [Option<i32>; 3],
    /// Re-routing that arrives at most this late halves the sum of the band, minutes (Article 7(2)).
    pub offer_halved_until_min: [i32; 3],
    /// Notice from which nothing is due, minutes (Article 5(1)(c)(i)).
    pub notice_free_min: i64,
    /// Offers that free the carrier at shorter notice (Article 5(1)(c)(ii), (iii)), longest notice first.
    pub windows: [Window; 2],
    /// Departure delay from which care is due, by band, minutes (Article 6(1)).
    pub care_min: [i32; 3],
    /// Departure delay from which a refund may be chosen, minutes (Article 6(1)(iii)).
    pub refund_min: i32,
}

/// A re-routing that is near enough to the booked times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rule id.
    pub id: &'static str,
    /// Shortest notice, minutes.
    pub notice_min: i64,
    /// Departs at most this much before, minutes.
    pub early_max_min: i32,
    /// Arrives less than this late, minutes.
    pub late_below_min: i32,
}

const WINDOWS: [Window; 2] = [
    Window { id: "CX-2", notice_min: 7 * DAY, early_max_min: 120, late_below_min: 240 },
    Window { id: "CX-3", notice_min: i64::MIN, early_max_min: 60, late_below_min: 120 },
];

const EU261: RuleSet = RuleSet {
    regime: "EU261",
    name: "EU261@2005-02-17",
    from: "2005-02-17",
    enabled: true,
    currency: "EUR",
    sums: [250, 400, 600],
    bands_km: [1500, 3500],
    caps_inside: true,
    delay_min: 180,
    delay_halved_below_min: [None, None, Some(240)],
    offer_halved_until_min: [120, 180, 240],
    notice_free_min: 14 * DAY,
    windows: WINDOWS,
    care_min: [120, 180, 240],
    refund_min: 300,
};

/// Every set, each regime's in order of time.
pub const RULESETS: &[RuleSet] = &[
    EU261,
    RuleSet { name: "EU261@2027-10-23", from: "2027-10-23", enabled: false, ..EU261 },
    RuleSet {
        regime: "UK261",
        name: "UK261@2021-01-01",
        from: "2021-01-01",
        currency: "GBP",
        sums: [220, 350, 520],
        caps_inside: false,
        ..EU261
    },
];

impl RuleSet {
    /// The set of a regime that governs a departure on a date; none before the first.
    #[must_use]
    pub fn in_force(regime: &str, date: Date) -> Option<&'static Self> {
        let date = date.to_string();
        RULESETS.iter().rfind(|set| set.regime == regime && *set.from <= *date)
    }

    /// Band 0, 1 or 2 of a distance; `inside`: both ends lie in the regime's territory.
    #[must_use]
    pub fn band(&self, km: f64, inside: bool) -> usize {
        let band = self.bands_km.iter().filter(|end| km > f64::from(**end)).count();
        if self.caps_inside && inside { band.min(1) } else { band }
    }

    /// The window that governs a notice shorter than [`RuleSet::notice_free_min`].
    #[must_use]
    pub fn window(&self, notice_min: i64) -> &Window {
        self.windows.iter().find(|window| notice_min >= window.notice_min).unwrap_or(&self.windows[1])
    }
}
