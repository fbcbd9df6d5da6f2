//! Surface wind: `31018G32KT`, `VRB02KT`, `00000MPS`, `ABV49MPS`, `/////KT`, and its variation `280V350`.
//!
//! Directions are degrees true, speeds become whole knots. A speed "above" what the instrument shows (`P99KT`) is that bound.

use serde::Serialize;

use super::groups::{leading, number};

/// Knots in one metre a second.
const KT_PER_MPS: f64 = 1.943_844;
/// Knots in one kilometre an hour.
const KT_PER_KMH: f64 = 0.539_957;
/// Strongest wind that is believed, in knots; the record gust (Barrow Island 1996) is 220.
const SPEED_KT_MAX: f64 = 250.0;

/// Where the wind comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// Degrees true, 0 to 360; 0 with speed 0 is calm.
    Degrees(u32),
    /// No prevailing direction.
    Variable,
    /// Not measured.
    Unknown,
}

/// Mean wind of ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Wind {
    /// Where it comes from.
    pub direction: Direction,
    /// Knots; none where the instrument failed.
    pub speed_kt: Option<u32>,
    /// Gusts in knots, where they stand out.
    pub gust_kt: Option<u32>,
}

impl Wind {
    /// Degrees true, where there are any.
    #[must_use]
    pub fn degrees(&self) -> Option<u32> {
        match self.direction {
            Direction::Degrees(degrees) => Some(degrees),
            Direction::Variable | Direction::Unknown => None,
        }
    }
}

/// Reads a wind group.
pub(super) fn read(group: &str) -> Option<Wind> {
    if group == "/////" {
        return Some(Wind { direction: Direction::Unknown, speed_kt: None, gust_kt: None });
    }
    let (figures, factor) = unit(group)?;
    let (direction, speeds) = direction(figures)?;
    let (mean, gust) = match speeds.split_once('G') {
        Some((mean, gust)) => (mean, Some(gust)),
        None => (speeds, None),
    };
    let speed_kt = speed(mean, factor)?;
    let gust_kt = gust.map_or(Some(None), |gust| speed(gust, factor))?;
    Some(Wind { direction, speed_kt, gust_kt })
}

/// The figures of the group and the knots in one of its units. A gust without a unit (`20010G19`) is in knots: seen in
/// corrections typed by hand, and nothing else has that form.
fn unit(group: &str) -> Option<(&str, f64)> {
    const UNITS: [(&str, f64); 4] = [("KTS", 1.0), ("KT", 1.0), ("MPS", KT_PER_MPS), ("KMH", KT_PER_KMH)];
    let named = UNITS.iter().find_map(|(unit, factor)| Some((group.strip_suffix(unit)?, *factor)));
    named.or_else(|| (group.len() == 8 && group.as_bytes().get(5) == Some(&b'G')).then_some((group, 1.0)))
}

fn direction(figures: &str) -> Option<(Direction, &str)> {
    let (text, rest) = figures.split_at_checked(3)?;
    let direction = match text {
        "VRB" => Direction::Variable,
        "///" => Direction::Unknown,
        "ABV" => return Some((Direction::Unknown, rest)),
        degrees => Direction::Degrees(number(degrees).filter(|degrees| *degrees <= 360)?),
    };
    Some((direction, rest))
}

/// Knots of two or three figures; the outer none: no speed at all.
fn speed(text: &str, factor: f64) -> Option<Option<u32>> {
    if text == "//" {
        return Some(None);
    }
    let figures = text.strip_prefix('P').unwrap_or(text);
    let speed = number(figures).filter(|_| matches!(figures.len(), 2 | 3))?;
    let knots = (f64::from(speed) * factor).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to SPEED_KT_MAX")]
    (knots <= SPEED_KT_MAX).then_some(Some(knots as u32))
}

/// Reads the bounds between which the direction varies: `280V350`, degrees true, clockwise.
pub(super) fn variation(group: &str) -> Option<(u32, u32)> {
    let (from, rest) = leading(group, 3)?;
    let to = number(rest.strip_prefix('V')?).filter(|_| rest.len() == 4)?;
    (from <= 360 && to <= 360).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wind(direction: Direction, speed: Option<u32>, gust: Option<u32>) -> Option<Wind> {
        Some(Wind { direction, speed_kt: speed, gust_kt: gust })
    }

    #[test]
    fn winds_of_the_world() {
        use Direction::{Degrees, Unknown, Variable};
        let cases = [
            ("31018G32KT", wind(Degrees(310), Some(18), Some(32))),
            ("00000KT", wind(Degrees(0), Some(0), None)),
            ("VRB02KT", wind(Variable, Some(2), None)),
            ("280100G120KT", wind(Degrees(280), Some(100), Some(120))),
            ("18008G11MPS", wind(Degrees(180), Some(16), Some(21))),
            ("27036KMH", wind(Degrees(270), Some(19), None)),
            ("240P99KT", wind(Degrees(240), Some(99), None)),
            ("ABV49MPS", wind(Unknown, Some(95), None)),
            ("/////KT", wind(Unknown, None, None)),
            ("/////", wind(Unknown, None, None)),
            ("///05KT", wind(Unknown, Some(5), None)),
            ("350//KT", wind(Degrees(350), None, None)),
            ("20010G19", wind(Degrees(200), Some(10), Some(19))),
            ("36110KT", None),
            ("0909KT", None),
            ("9.99999KT", None),
            ("CALMKT", None),
            ("090999KT", None),
            ("KT", None),
            ("ÄÖ010KT", None),
        ];
        for (group, expected) in cases {
            assert_eq!(read(group), expected, "{group}");
        }
    }

    #[test]
    fn a_variation_has_two_bounds() {
        assert_eq!(variation("280V350"), Some((280, 350)));
        assert_eq!(variation("280V3500"), None);
        assert_eq!(variation("400V010"), None);
        assert_eq!(variation("280350"), None);
    }
}
