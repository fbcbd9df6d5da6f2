//! Prevailing visibility (`1400`, `9999NDV`, `1 1/2SM`, `M1/4SM`, `P6SM`, `15KM`) and runway visual range (`R29/0550V1200U`).
//!
//! One unit inside: statute miles for visibility, metres for runways. 9999 m means 10 km or more and is read as 10 km.

use serde::Serialize;

use super::groups::number;
use super::hundredths;

/// Metres in a statute mile, as the Aviation Weather Center divides.
pub const METRES_PER_MI: f64 = 1609.34;
/// What 9999 and CAVOK say at least, in metres.
const UNLIMITED_M: f64 = 10_000.0;
/// Farthest visibility that is believed, in statute miles.
const MI_MAX: u32 = 150;
const METRES_PER_FT: f64 = 0.3048;

/// How a figure relates to what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Bound {
    /// As measured.
    Exact,
    /// Less than the figure (`M`).
    Below,
    /// More than the figure (`P`).
    Above,
}

/// Prevailing visibility.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Visibility {
    /// Statute miles, two decimals where metres were reported.
    pub statute_mi: f64,
    /// How the figure is meant.
    pub bound: Bound,
}

impl Visibility {
    /// 10 km or more.
    pub(super) fn unlimited() -> Self {
        Self { statute_mi: hundredths(UNLIMITED_M / METRES_PER_MI), bound: Bound::Exact }
    }

    fn metres(metres: f64, bound: Bound) -> Self {
        Self { statute_mi: hundredths(metres / METRES_PER_MI), bound }
    }
}

/// A visibility group as it stands in a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Read {
    /// What is seen, or that the instrument failed.
    Prevailing(Option<Visibility>),
    /// The lowest, in one direction: `1000NE`.
    Directional(Visibility),
}

/// Reads the visibility at the start of `groups` and says how many groups it takes: `1 1/2SM` takes two.
pub(super) fn read(groups: &[&str]) -> Option<(Read, usize)> {
    let first = *groups.first()?;
    if matches!(first, "////" | "////SM" | "////NDV") {
        return Some((Read::Prevailing(None), 1));
    }
    if let Some(visibility) = miles(first) {
        return Some((Read::Prevailing(Some(visibility)), 1));
    }
    if let Some(visibility) = whole_and_part(first, groups.get(1)) {
        return Some((Read::Prevailing(Some(visibility)), 2));
    }
    metric(first).map(|read| (read, 1))
}

fn bound(text: &str) -> (Bound, &str) {
    match (text.strip_prefix('M'), text.strip_prefix('P')) {
        (Some(rest), _) => (Bound::Below, rest),
        (None, Some(rest)) => (Bound::Above, rest),
        (None, None) => (Bound::Exact, text),
    }
}

/// `10SM`, `1/4SM`, `M1/4SM`, `P6SM`.
fn miles(group: &str) -> Option<Visibility> {
    let (bound, figures) = bound(group.strip_suffix("SM")?);
    let statute_mi = match figures.split_once('/') {
        Some(_) => fraction(figures)?,
        None => f64::from(number(figures).filter(|mi| *mi <= MI_MAX)?),
    };
    Some(Visibility { statute_mi, bound })
}

/// `1` and `1/2SM`.
fn whole_and_part(first: &str, second: Option<&&str>) -> Option<Visibility> {
    let (bound, whole) = bound(first);
    let whole = number(whole).filter(|mi| *mi < 10)?;
    let part = fraction(second?.strip_suffix("SM")?)?;
    Some(Visibility { statute_mi: f64::from(whole) + part, bound })
}

/// `3/4`; also `5/4`, which some stations write.
fn fraction(text: &str) -> Option<f64> {
    let (over, under) = text.split_once('/')?;
    let (over, under) = (number(over)?, number(under)?);
    let sensible = matches!(under, 1..=32) && over < 10 * under;
    sensible.then(|| f64::from(over) / f64::from(under))
}

/// `1400`, `0800N`, `9999NDV`, `2200M`, `P6000`, `15KM`.
fn metric(group: &str) -> Option<Read> {
    let (bound, figures) = bound(group);
    if let Some(km) = figures.strip_suffix("KM") {
        let metres = f64::from(number(km).filter(|km| *km <= MI_MAX)?) * 1000.0;
        return Some(Read::Prevailing(Some(Visibility::metres(metres, bound))));
    }
    let (figures, kind) = figures.split_at_checked(4)?;
    let visibility = match number(figures)? {
        9999 => Visibility { bound, ..Visibility::unlimited() },
        metres => Visibility::metres(f64::from(metres), bound),
    };
    match kind {
        "" | "NDV" | "M" => Some(Read::Prevailing(Some(visibility))),
        "N" | "NE" | "E" | "SE" | "S" | "SW" | "W" | "NW" => Some(Read::Directional(visibility)),
        _ => None,
    }
}

/// Runway visual range of one runway.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunwayRange {
    /// Runway designator, such as `29` or `06L`.
    pub runway: String,
    /// Metres; the lower one where it varies.
    pub metres: f64,
    /// How the figure is meant.
    pub bound: Bound,
}

/// Reads `R29/0550U`, `R06L/P2000N`, `R33/0300V0600D`, `R15/4500VP6000FT`.
pub(super) fn runway_range(group: &str) -> Option<RunwayRange> {
    let (runway, range) = group.strip_prefix('R')?.split_once('/')?;
    let designator =
        matches!(runway.len(), 2 | 3) && runway.is_ascii() && number(runway.trim_end_matches(['L', 'C', 'R'])).is_some();
    if !designator {
        return None;
    }
    let (lowest, rest) = match range.split_once('V') {
        Some((lowest, highest)) => (lowest, highest),
        None => (range, range),
    };
    let (bound, figures) = bound(lowest);
    let figure = f64::from(number(figures.get(..4)?)?);
    let metres = if rest.contains("FT") { (figure * METRES_PER_FT).round() } else { figure };
    let tendency = figures.get(4..)?.trim_start_matches("FT").trim_start_matches('/');
    matches!(tendency, "" | "U" | "D" | "N").then(|| RunwayRange { runway: runway.to_owned(), metres, bound })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statute miles, how they are meant, and how many groups they take.
    type Seen = Option<(f64, Bound, usize)>;

    fn prevailing(groups: &[&str]) -> Seen {
        match read(groups)? {
            (Read::Prevailing(Some(Visibility { statute_mi, bound })), taken) => Some((statute_mi, bound, taken)),
            _ => None,
        }
    }

    #[test]
    fn visibilities_of_the_world() {
        use Bound::{Above, Below, Exact};
        let cases: [(&[&str], Seen); 17] = [
            (&["10SM"], Some((10.0, Exact, 1))),
            (&["1", "1/2SM"], Some((1.5, Exact, 2))),
            (&["M1/4SM"], Some((0.25, Below, 1))),
            (&["P6SM"], Some((6.0, Above, 1))),
            (&["1/16SM"], Some((0.0625, Exact, 1))),
            (&["9999"], Some((6.21, Exact, 1))),
            (&["9999NDV"], Some((6.21, Exact, 1))),
            (&["0000"], Some((0.0, Exact, 1))),
            (&["0050"], Some((0.03, Exact, 1))),
            (&["4000"], Some((2.49, Exact, 1))),
            (&["P6000"], Some((3.73, Above, 1))),
            (&["15KM"], Some((9.32, Exact, 1))),
            (&["2200M"], Some((1.37, Exact, 1))),
            (&["1", "SCT020"], None),
            (&["1/0SM"], None),
            (&["999999SM"], None),
            (&["SM"], None),
        ];
        for (groups, expected) in cases {
            assert_eq!(prevailing(groups), expected, "{groups:?}");
        }
        assert!(matches!(read(&["1000NE"]), Some((Read::Directional(_), 1))));
        assert_eq!(read(&["////"]), Some((Read::Prevailing(None), 1)));
    }

    #[test]
    fn runway_ranges_of_the_world() {
        let read = |group| runway_range(group).map(|range| (range.runway, range.metres, range.bound));
        assert_eq!(read("R29/0550U"), Some(("29".to_owned(), 550.0, Bound::Exact)));
        assert_eq!(read("R06L/P2000N"), Some(("06L".to_owned(), 2000.0, Bound::Above)));
        assert_eq!(read("R27/M0050"), Some(("27".to_owned(), 50.0, Bound::Below)));
        assert_eq!(read("R33/0300V0600D"), Some(("33".to_owned(), 300.0, Bound::Exact)));
        assert_eq!(read("R15/4500VP6000FT"), Some(("15".to_owned(), 1372.0, Bound::Exact)));
        assert_eq!(read("R04R/2000FT/D"), Some(("04R".to_owned(), 610.0, Bound::Exact)));
        for state in ["R24/29//55", "R24/CLRD60", "R08///////", "R/0550", "RMK", "R99/190095"] {
            assert_eq!(read(state), None, "{state}");
        }
    }
}
