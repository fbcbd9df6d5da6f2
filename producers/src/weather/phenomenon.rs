//! Present, recent and forecast weather: `-SHRA`, `+TSRAGR`, `FZFG`, `VCTS`, `RERA`.
//!
//!     intensity or vicinity │ descriptor │ one to three phenomena
//!
//! Writing a group that was read gives the same characters again.

use std::fmt;

use serde::{Serialize, Serializer};

/// Descriptors of WMO code table 4678.
const DESCRIPTORS: [&str; 8] = ["MI", "BC", "PR", "DR", "BL", "SH", "TS", "FZ"];
/// Precipitation. `PE` is how some stations still write ice pellets.
const PRECIPITATION: [&str; 10] = ["DZ", "RA", "SN", "SG", "IC", "PL", "PE", "GR", "GS", "UP"];
/// Obscuration and the rest.
const OTHERS: [&str; 13] = ["BR", "FG", "FU", "VA", "DU", "SA", "HZ", "PY", "PO", "SQ", "FC", "SS", "DS"];
/// Most phenomena in one group.
const PHENOMENA_MAX: usize = 3;

/// How strong, or how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intensity {
    /// `-`
    Light,
    /// No sign.
    Moderate,
    /// `+`; with `FC`: a tornado or waterspout.
    Heavy,
    /// `VC`: within 8 km of the aerodrome, not on it.
    Vicinity,
}

impl Intensity {
    const SIGNS: [(&'static str, Self); 3] = [("-", Self::Light), ("+", Self::Heavy), ("VC", Self::Vicinity)];

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, intensity)| *intensity == self).map_or("", |(sign, _)| sign)
    }
}

/// One weather group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// How strong, or how far.
    pub intensity: Intensity,
    /// Two letters of code table 4678, such as `SH`.
    pub descriptor: Option<&'static str>,
    /// Two letters each, in the order reported; none after a lone descriptor (`TS`, `VCSH`).
    pub phenomena: Vec<&'static str>,
}

impl Weather {
    /// True where the descriptor or one of the phenomena has this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.descriptor == Some(code) || self.phenomena.contains(&code)
    }

    /// True where anything falls.
    #[must_use]
    pub fn precipitates(&self) -> bool {
        self.phenomena.iter().any(|code| PRECIPITATION.contains(code))
    }

    /// One group for each kind of precipitation, as the Aviation Weather Center writes mixtures (`-RADZ` is `-RA -DZ`); a
    /// thunderstorm's and a freezing mixture stay together.
    pub(super) fn apart(&self) -> Vec<Self> {
        let mixed = self.phenomena.len() > 1 && self.precipitates() && matches!(self.descriptor, None | Some("SH"));
        if !mixed {
            return vec![self.clone()];
        }
        self.phenomena.iter().map(|code| Self { phenomena: vec![code], ..*self }).collect()
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.intensity.sign())?;
        f.write_str(self.descriptor.unwrap_or_default())?;
        self.phenomena.iter().try_for_each(|code| f.write_str(code))
    }
}

impl Serialize for Weather {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a weather group.
pub(super) fn read(group: &str) -> Option<Weather> {
    let signed = Intensity::SIGNS.iter().find_map(|(sign, intensity)| Some((*intensity, group.strip_prefix(sign)?)));
    let (intensity, codes) = signed.unwrap_or((Intensity::Moderate, group));
    let (descriptor, mut rest) = match known(codes, &DESCRIPTORS) {
        Some((descriptor, rest)) => (Some(descriptor), rest),
        None => (None, codes),
    };
    let mut phenomena = Vec::with_capacity(1);
    while !rest.is_empty() && phenomena.len() < PHENOMENA_MAX {
        let (code, after) = known(rest, &PRECIPITATION).or_else(|| known(rest, &OTHERS))?;
        phenomena.push(code);
        rest = after;
    }
    let alone = matches!(descriptor, Some("TS" | "SH"));
    (rest.is_empty() && (alone || !phenomena.is_empty())).then_some(Weather { intensity, descriptor, phenomena })
}

/// Reads weather of the last hour: `RERA`, `RETS`.
pub(super) fn recent(group: &str) -> Option<Weather> {
    read(group.strip_prefix("RE")?)
}

fn known<'a>(text: &'a str, table: &[&'static str]) -> Option<(&'static str, &'a str)> {
    table.iter().find_map(|code| Some((*code, text.strip_prefix(code)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_they_were_read() {
        for group in
            ["-SHRA", "+TSRAGR", "FZFG", "VCTS", "VCSH", "TS", "-RADZ", "BCFG", "DRSN", "+FC", "SHSNRA", "IC", "-FZDZ", "PO"]
        {
            assert_eq!(read(group).map(|weather| weather.to_string()).as_deref(), Some(group));
        }
    }

    #[test]
    fn other_groups_are_no_weather() {
        for group in ["", "-", "VC", "FZ", "BKN", "RARASNSN", "RAX", "NSW", "BLU", "RMK", "+", "TSTS", "Ré"] {
            assert_eq!(read(group), None, "{group}");
        }
    }

    #[test]
    fn mixtures_fall_apart_but_storms_do_not() {
        let apart = |group: &str| read(group).unwrap().apart().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(apart("-RADZ"), ["-RA", "-DZ"]);
        assert_eq!(apart("-SHSNRA"), ["-SHSN", "-SHRA"]);
        assert_eq!(apart("+TSRAGR"), ["+TSRAGR"]);
        assert_eq!(apart("BR"), ["BR"]);
    }
}
