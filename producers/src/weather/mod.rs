//! Aerodrome weather as stations write it: METAR and TAF texts become values.
//!
//!     line ──► groups ──► wind │ visibility │ phenomenon │ sky │ air ──► metar::Report ──► row::Row (JSON)
//!                     └────────────────────────────────────────────────► taf::Forecast (JSON)
//!     many lines ──► bulletin ──► one TAF after the other
//!
//! | module | reads |
//! |---|---|
//! | [`metar`] | one routine or special report |
//! | [`taf`], [`period`] | one forecast and its periods; [`bulletin`] cuts collectives into forecasts |
//! | [`impact`] | how much it hinders an aerodrome, 0 to 1, and why; [`aerodromes`] has the runways |
//! | [`row`] | a report as the row that the Aviation Weather Center publishes |
//!
//! Sources: WMO No. 306 (FM 15 METAR, FM 16 SPECI, FM 51 TAF), ICAO Annex 3 appendix 3 and 5, the US Federal Meteorological
//! Handbook No. 1. Stations deviate; a group that nobody here knows is passed over, never guessed at.
//!
//! Pure and bounded: no text longer than [`groups::TEXT_BYTES_MAX`], no clock. Month and year are not in these texts and are
//! not made up.

pub mod aerodromes;
mod air;
pub mod bulletin;
pub mod groups;
pub mod impact;
pub mod metar;
pub mod period;
pub mod phenomenon;
pub mod row;
pub mod sky;
pub mod taf;
pub mod visibility;
pub mod wind;

use serde::Serialize;

/// Flight category of the US National Weather Service, from ceiling and visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Category {
    /// Ceiling under 500 ft or visibility under 1 statute mile.
    Lifr,
    /// Ceiling 500 to under 1,000 ft or visibility 1 to under 3 miles.
    Ifr,
    /// Ceiling 1,000 to 3,000 ft or visibility 3 to 5 miles.
    Mvfr,
    /// Everything better.
    Vfr,
}

impl Category {
    /// The worse of what visibility (statute miles) and ceiling (ft above ground; none: no ceiling) give.
    #[must_use]
    pub fn of(visibility_mi: f64, ceiling_ft: Option<u32>) -> Self {
        let by_visibility = match visibility_mi {
            mi if mi < 1.0 => Self::Lifr,
            mi if mi < 3.0 => Self::Ifr,
            mi if mi <= 5.0 => Self::Mvfr,
            _ => Self::Vfr,
        };
        let by_ceiling = match ceiling_ft {
            Some(..500) => Self::Lifr,
            Some(500..1000) => Self::Ifr,
            Some(1000..=3000) => Self::Mvfr,
            Some(3001..) | None => Self::Vfr,
        };
        by_visibility.min(by_ceiling)
    }
}

/// `value` with two decimals: what the Aviation Weather Center publishes.
pub(crate) fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::Category;

    #[test]
    fn the_category_changes_exactly_at_its_bounds() {
        use Category::{Ifr, Lifr, Mvfr, Vfr};
        let cases = [
            (10.0, None, Vfr),
            (5.01, Some(3001), Vfr),
            (5.0, None, Mvfr),
            (3.0, None, Mvfr),
            (2.99, None, Ifr),
            (1.0, None, Ifr),
            (0.99, None, Lifr),
            (10.0, Some(3000), Mvfr),
            (10.0, Some(1000), Mvfr),
            (10.0, Some(999), Ifr),
            (10.0, Some(500), Ifr),
            (10.0, Some(499), Lifr),
            (0.5, Some(800), Lifr),
        ];
        for (visibility, ceiling, expected) in cases {
            assert_eq!(Category::of(visibility, ceiling), expected, "{visibility} mi, {ceiling:?} ft");
        }
    }
}
