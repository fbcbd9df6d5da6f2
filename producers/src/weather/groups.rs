//! A report as blank-separated groups, and the few ways to take a group apart.
//!
//!     "SPECI EPWA 210600Z 31018KT … Q0998=" ──► SPECI │ EPWA │ 210600Z │ 31018KT │ … │ Q0998
//!
//! Nothing here panics on any text: pieces are cut at character boundaries only, numbers are ASCII digits only.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Longest text of one report or forecast, in bytes; a long TAF with remarks is under 2 KiB.
pub const TEXT_BYTES_MAX: usize = 8 << 10;

/// Why a text is no report. Each names the group that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing there.
    #[error("empty")]
    Empty,
    /// Longer than any report.
    #[error("{0} bytes; a report has at most {TEXT_BYTES_MAX}")]
    TooLong(usize),
    /// No ICAO location indicator where one must stand.
    #[error("station: `{0}` is no ICAO location indicator (four letters or digits)")]
    Station(String),
    /// No time where one must stand.
    #[error("time: `{0}` is no ddhhmmZ")]
    Time(String),
    /// A forecast without a period of validity.
    #[error("validity: `{0}` is no ddhh/ddhh or ddhhhh")]
    Validity(String),
    /// A forecast's change group with a time that does not exist.
    #[error("change group `{group}`: {problem}")]
    Change {
        /// The group.
        group: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The groups of `text`, its end sign (`=`) removed.
///
/// # Errors
/// The text is empty or too long.
pub(super) fn split(text: &str) -> Result<Vec<&str>, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Unreadable::TooLong(text.len()));
    }
    let ended = text.split('=').next().unwrap_or_default();
    let groups: Vec<&str> = ended.split_ascii_whitespace().collect();
    if groups.is_empty() { Err(Unreadable::Empty) } else { Ok(groups) }
}

/// What of a group a message repeats: its first characters.
pub(super) fn shown(group: Option<&&str>) -> String {
    const SHOWN_MAX: usize = 20;
    group.map_or_else(|| "(end of text)".to_owned(), |group| group.chars().take(SHOWN_MAX).collect())
}

/// The number that one to six ASCII digits write; no sign, no blank.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = matches!(text.len(), 1..=6) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The number that the first `width` characters write, and what follows.
pub(crate) fn leading(text: &str, width: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(width)?;
    Some((number(digits)?, rest))
}

/// ICAO location indicator, such as `EPWA`; US stations have digits in theirs (`K5SM`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Station([u8; 4]);

impl Station {
    /// The four characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Station {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let allowed = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        match <[u8; 4]>::try_from(text.as_bytes()) {
            Ok(code) if code[0].is_ascii_uppercase() && code.iter().all(allowed) => Ok(Self(code)),
            _ => Err(Unreadable::Station(shown(Some(&text)))),
        }
    }
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Station {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Day of the month and time of day, UTC. Hour 24 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DayTime {
    /// 1 to 31.
    pub day: u32,
    /// 0 to 24.
    pub hour: u32,
    /// 0 to 59; 0 at hour 24.
    pub minute: u32,
}

impl DayTime {
    /// The time, where it exists on a clock.
    #[must_use]
    pub fn new(day: u32, hour: u32, minute: u32) -> Option<Self> {
        let exists = matches!(day, 1..=31) && (hour < 24 && minute < 60 || hour == 24 && minute == 0);
        exists.then_some(Self { day, hour, minute })
    }

    /// `ddhhmm`.
    pub(crate) fn from_ddhhmm(text: &str) -> Option<Self> {
        let (day, rest) = leading(text, 2)?;
        let (hour, rest) = leading(rest, 2)?;
        let (minute, rest) = leading(rest, 2)?;
        if rest.is_empty() { Self::new(day, hour, minute) } else { None }
    }
}
