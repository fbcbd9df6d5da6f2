//! `--speed 60x|max`: when, on the wall clock, a record of an instant is due.
//!
//! Pure arithmetic: the program that sleeps owns the clock. The first instant is due at once, every later
//! one as much later as event time has gone on, divided by the speed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use slipstream_streams::record::Ts;

/// Highest speed that is not `max`.
pub const TIMES_MAX: u32 = 1_000_000;

/// How much faster than it happened a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// This many times faster, 1 to [`TIMES_MAX`].
    Times(u32),
    /// Without waiting.
    #[default]
    Max,
}

/// A text that is no speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: write it as 60x (1x to {TIMES_MAX}x) or max")]
pub struct InvalidSpeed(String);

impl FromStr for Speed {
    type Err = InvalidSpeed;

    fn from_str(text: &str) -> Result<Self, InvalidSpeed> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let digits = text.strip_suffix('x').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let times = digits.and_then(|digits| digits.parse().ok()).filter(|times| (1..=TIMES_MAX).contains(times));
        times.map(Self::Times).ok_or_else(|| InvalidSpeed(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// A speed and the instant at which playing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    speed: Speed,
    start: Ts,
}

impl Pace {
    /// Playing begins at event time `start`.
    #[must_use]
    pub fn new(speed: Speed, start: Ts) -> Self {
        Self { speed, start }
    }

    /// How long after the beginning, on the wall clock, the instant `at` is due; zero for what lies before it.
    #[must_use]
    pub fn due(&self, at: Ts) -> Duration {
        let elapsed_ms = u64::try_from(at.saturating_sub(self.start)).unwrap_or(0);
        match self.speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => Duration::from_millis(elapsed_ms) / times,
        }
    }

    /// The event time that is due after `elapsed` of wall time: what a display shows between two records.
    #[must_use]
    pub fn reached(&self, elapsed: Duration) -> Option<Ts> {
        match self.speed {
            Speed::Max => None,
            Speed::Times(times) => {
                let elapsed_ms = elapsed.as_millis().saturating_mul(u128::from(times));
                Some(self.start.saturating_add(Ts::try_from(elapsed_ms).unwrap_or(Ts::MAX)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_and_shown() {
        for (text, speed) in
            [("1x", Speed::Times(1)), ("60x", Speed::Times(60)), ("1000000x", Speed::Times(1_000_000)), ("max", Speed::Max)]
        {
            assert_eq!(text.parse(), Ok(speed));
            assert_eq!(speed.to_string(), text);
        }
        for text in ["", "x", "60", "0x", "-1x", "+2x", "1.5x", "1000001x", "99999999999x", "MAX", "60X", " 60x"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_hour_at_sixty_times_takes_a_minute() {
        let pace = Pace::new("60x".parse().unwrap(), 1_000);
        assert_eq!(pace.due(1_000 + 3_600_000), Duration::from_secs(60));
        assert_eq!(pace.reached(Duration::from_secs(60)), Some(1_000 + 3_600_000));
        assert_eq!(pace.due(1_001), Duration::from_millis(1) / 60);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let pace = Pace::new(Speed::Times(1), Ts::MIN);
        assert!(pace.due(Ts::MAX) > Duration::from_secs(1 << 40));
        assert_eq!(Pace::new(Speed::Times(1), Ts::MAX).due(0), Duration::ZERO);
        assert_eq!(Pace::new(Speed::Times(1_000_000), Ts::MAX).reached(Duration::MAX), Some(Ts::MAX));
        assert_eq!(Pace::new(Speed::Max, 0).due(Ts::MAX), Duration::ZERO);
        assert_eq!(Pace::new(Speed::Max, 0).reached(Duration::MAX), None);
    }
}
