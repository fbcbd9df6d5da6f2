//! Temperature, dew point and pressure: `M02/M03`, `T10221033`, `Q0998`, `A2992`, `QNH2992INS`.
//!
//! Degrees Celsius; inches of mercury with two decimals, which both forms of the pressure carry.

use super::groups::{leading, number};
use super::hundredths;

/// Inches of mercury in one hectopascal.
const IN_HG_PER_HPA: f64 = 0.029_529_98;
/// Pressures that occur at sea level, in inches: the records are 25.7 and 32.0.
const IN_HG: std::ops::RangeInclusive<f64> = 25.0..=32.5;

/// Temperature and dew point in degrees Celsius; either may be missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Temperatures {
    pub(super) air_c: Option<f64>,
    pub(super) dew_point_c: Option<f64>,
}

/// Reads `M02/M03`, `04/`, `14///`, `//`, `/////`.
pub(super) fn temperatures(group: &str) -> Option<Temperatures> {
    if !matches!(group.len(), 3..=7) {
        return None;
    }
    group.match_indices('/').find_map(|(at, slash)| {
        let (air, dew_point) = (group.get(..at)?, group.get(at + slash.len()..)?);
        Some(Temperatures { air_c: whole_degrees(air)?, dew_point_c: whole_degrees(dew_point)? })
    })
}

/// `M02` is -2; the inner none: not measured. -0 does not exist.
pub(super) fn whole_degrees(text: &str) -> Option<Option<f64>> {
    if matches!(text, "" | "//" | "XX" | "MM") {
        return Some(None);
    }
    let (sign, figures) = text.strip_prefix('M').map_or((1.0, text), |figures| (-1.0, figures));
    number(figures).filter(|_| figures.len() == 2).map(|degrees| Some(sign * f64::from(degrees) + 0.0))
}

/// Reads the tenths of a degree of the remarks: `T10221033`, or `T1022` without dew point.
pub(super) fn exact_temperatures(group: &str) -> Option<Temperatures> {
    let figures = group.strip_prefix('T')?;
    let (air, rest) = tenths(figures)?;
    if rest.is_empty() {
        return Some(Temperatures { air_c: Some(air), dew_point_c: None });
    }
    let (dew_point, rest) = tenths(rest)?;
    rest.is_empty().then_some(Temperatures { air_c: Some(air), dew_point_c: Some(dew_point) })
}

fn tenths(text: &str) -> Option<(f64, &str)> {
    let (sign, rest) = leading(text, 1)?;
    let (tenths, rest) = leading(rest, 3)?;
    let degrees = f64::from(tenths) / 10.0;
    match sign {
        0 => Some((degrees, rest)),
        1 => Some((0.0 - degrees, rest)),
        _ => None,
    }
}

/// Reads the altimeter setting in inches of mercury; the inner none: not measured.
pub(super) fn pressure(group: &str) -> Option<Option<f64>> {
    if matches!(group, "Q////" | "A////" | "QNH////" | "Q" | "A") {
        return Some(None);
    }
    let inches = match group.strip_prefix("QNH") {
        Some(figures) => figures.strip_suffix("INS").map_or_else(|| hectopascals(figures), inches)?,
        None => group.strip_prefix('Q').and_then(hectopascals).or_else(|| inches(group.strip_prefix('A')?))?,
    };
    IN_HG.contains(&inches).then_some(Some(hundredths(inches)))
}

fn inches(figures: &str) -> Option<f64> {
    number(figures).filter(|_| figures.len() == 4).map(|hundredths| f64::from(hundredths) / 100.0)
}

/// Whole hectopascals; tenths (`1020.5`) are rounded down, as the code wants them.
fn hectopascals(figures: &str) -> Option<f64> {
    let figures = figures.split('.').next()?;
    number(figures).filter(|_| figures.len() == 4).map(|hpa| f64::from(hpa) * IN_HG_PER_HPA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperatures_of_the_world() {
        let cases = [
            ("M02/M03", Some((Some(-2.0), Some(-3.0)))),
            ("00/M00", Some((Some(0.0), Some(0.0)))),
            ("M22/", Some((Some(-22.0), None))),
            ("14///", Some((Some(14.0), None))),
            ("///10", Some((None, Some(10.0)))),
            ("/////", Some((None, None))),
            ("//", None),
            ("1/2", None),
            ("9999", None),
            ("25/25/25", None),
            ("é/é", None),
        ];
        for (group, expected) in cases {
            assert_eq!(temperatures(group).map(|t| (t.air_c, t.dew_point_c)), expected, "{group}");
        }
        assert!(temperatures("M00/M00").and_then(|t| t.air_c).unwrap().is_sign_positive());
    }

    #[test]
    fn remarks_give_tenths() {
        let read = |group| exact_temperatures(group).map(|t| (t.air_c, t.dew_point_c));
        assert_eq!(read("T10221033"), Some((Some(-2.2), Some(-3.3))));
        assert_eq!(read("T0028"), Some((Some(2.8), None)));
        assert_eq!(read("T20281033"), None);
        assert_eq!(read("T0028103"), None);
        assert_eq!(read("TSNO"), None);
    }

    #[test]
    fn pressures_of_the_world() {
        let cases = [
            ("Q0998", Some(Some(29.47))),
            ("A2992", Some(Some(29.92))),
            ("QNH2960INS", Some(Some(29.6))),
            ("Q////", Some(None)),
            ("Q1020.5", Some(Some(30.12))),
            ("Q2992", None),
            ("A0000", None),
            ("Q998", None),
            ("AUTO", None),
        ];
        for (group, expected) in cases {
            assert_eq!(pressure(group), expected, "{group}");
        }
    }
}
