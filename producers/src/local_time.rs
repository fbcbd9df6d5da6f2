//! Local wall time to UTC, at the edge where a feed is read.
//!
//! A feed writes hhmm as a number without leading zeros; 2400 is midnight at the end of the day. A wall
//! time that summer time skips is read with the offset in force before the change (02:30 becomes 03:30); one
//! that occurs twice is the first of the two. Both are RFC 5545's rule, and what the airlines' clocks show.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use slipstream_streams::record::Ts;

/// One minute, in milliseconds.
pub const MINUTE: Ts = 60_000;
/// One hour, in milliseconds.
pub const HOUR: Ts = 60 * MINUTE;
/// One day of 24 hours, in milliseconds.
pub const DAY: Ts = 24 * HOUR;

/// A wall time of day to the minute, 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u16);

impl WallTime {
    /// Reads hhmm written as a number: 5 is 00:05, 2400 the end of the day. None for 2401, 1260 and the like.
    #[must_use]
    pub fn from_hhmm(hhmm: i32) -> Option<Self> {
        let valid = (0..=2400).contains(&hhmm) && hhmm % 100 < 60;
        if valid { u16::try_from(hhmm).ok().map(Self) } else { None }
    }

    /// The number as the feed writes it.
    #[must_use]
    pub fn hhmm(self) -> u16 {
        self.0
    }

    /// The instant of this wall time on `date` in `zone`; none beyond the calendar's end (year 9999).
    #[must_use]
    pub fn on(self, date: Date, zone: &TimeZone) -> Option<Ts> {
        let (date, hhmm) = if self.0 == 2400 { (date.tomorrow().ok()?, 0) } else { (date, self.0) };
        let (hour, minute) = (i8::try_from(hhmm / 100).ok()?, i8::try_from(hhmm % 100).ok()?);
        let wall = date.to_datetime(Time::new(hour, minute, 0, 0).ok()?);
        zone.to_ambiguous_timestamp(wall).compatible().ok().map(jiff::Timestamp::as_millisecond)
    }

    /// The first instant with this wall time in `zone` at or after `start`.
    #[must_use]
    pub fn first_from(self, start: Ts, zone: &TimeZone) -> Option<Ts> {
        let mut date = jiff::Timestamp::from_millisecond(start).ok()?.to_zoned(zone.clone()).date();
        if self.0 == 2400 {
            date = date.yesterday().ok()?;
        }
        for _ in 0..3 {
            match self.on(date, zone)? {
                at if at >= start => return Some(at),
                _ => date = date.tomorrow().ok()?,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipstream_streams::record::rfc3339;

    /// Wall times around the changes of 2008 and where zones do not follow their neighbours.
    #[test]
    fn wall_times_become_the_right_instants() {
        for line in include_str!("../tests/cases/wall_times.csv").lines().skip(1) {
            let cell: Vec<&str> = line.split(',').map(str::trim).collect();
            let [case, zone, date, hhmm, expect] = cell[..] else { unreachable!("{line}") };
            let zone = TimeZone::get(zone).unwrap();
            let time = WallTime::from_hhmm(hhmm.parse().unwrap()).unwrap();
            let at = time.on(date.parse().unwrap(), &zone).unwrap();
            assert_eq!(rfc3339(at), format!("{expect}:00.000Z"), "{case}");
        }
    }

    #[test]
    fn what_is_no_wall_time_is_refused() {
        for hhmm in [-1, 60, 199, 1260, 2360, 2401, 9999, i32::MIN, i32::MAX] {
            assert_eq!(WallTime::from_hhmm(hhmm), None, "{hhmm}");
        }
        for hhmm in [0, 5, 59, 100, 2359, 2400] {
            assert!(WallTime::from_hhmm(hhmm).is_some(), "{hhmm}");
        }
    }

    #[test]
    fn an_arrival_is_the_next_such_wall_time() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let departs = WallTime(2300).on("2008-01-31".parse().unwrap(), &zone).unwrap();
        let after = |hhmm| WallTime(hhmm).first_from(departs, &zone).unwrap() - departs;
        assert_eq!(
            [after(2300), after(2315), after(2400), after(0), after(2245)],
            [0, 15 * MINUTE, HOUR, HOUR, DAY - 15 * MINUTE]
        );
    }
}
