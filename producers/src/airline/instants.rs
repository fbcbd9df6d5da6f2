//! Telexes write a day of the month and a time of day, UTC, or the time alone; which instant that is follows from when it was said.
//!
//! What has happened is the latest such time before the message, what is expected the next one after the movement before it,
//! what has neither anchor the nearest. A day that is written lies within [`DAYS_NEAR`] of the message, or it is none.

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz};
use slipstream_streams::record::Ts;

use crate::local_time::{DAY, HOUR, MINUTE};
use crate::weather::period::Clock;

/// How far a day of the month may lie from the day on which it is written.
pub(crate) const DAYS_NEAR: i32 = 3;

/// The date nearest to an instant that falls on this day of the month; none within [`DAYS_NEAR`].
pub(crate) fn date_near(day: u32, near: Ts) -> Option<Date> {
    let today = date_of(near)?;
    let away = (0..=DAYS_NEAR).flat_map(|days| [-days, days]);
    away.filter_map(|days| today.checked_add(Span::new().days(days)).ok()).find(|date| u32::try_from(date.day()) == Ok(day))
}

/// The UTC date of an instant; none outside the calendar.
pub(crate) fn date_of(at: Ts) -> Option<Date> {
    Some(Timestamp::from_millisecond(at).ok()?.to_zoned(tz::TimeZone::UTC).date())
}

/// Midnight UTC at which a date begins.
pub(crate) fn midnight(date: Date) -> Ts {
    let days = jiff::civil::date(1970, 1, 1).until(date).map_or(0, |span| span.get_days());
    Ts::from(days) * DAY
}

/// The latest instant up to `limit` that the clock shows.
pub(crate) fn latest(clock: Clock, limit: Ts) -> Option<Ts> {
    anchored(clock, limit, |time| limit - (limit - time).rem_euclid(DAY))
}

/// The first instant from `start` on that the clock shows.
pub(crate) fn earliest(clock: Clock, start: Ts) -> Option<Ts> {
    anchored(clock, start, |time| start + (time - start).rem_euclid(DAY))
}

/// The instant nearest to `near` that the clock shows.
pub(crate) fn nearest(clock: Clock, near: Ts) -> Option<Ts> {
    latest(clock, near + 12 * HOUR)
}

fn anchored(clock: Clock, near: Ts, without_day: impl Fn(Ts) -> Ts) -> Option<Ts> {
    let time = Ts::from(clock.hour * 60 + clock.minute) * MINUTE;
    match clock.day {
        Some(day) => date_near(day, near).map(|date| midnight(date) + time),
        None => Some(without_day(time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipstream_streams::record::rfc3339;

    /// Times around midnight, around the turn of a month and of a year.
    #[test]
    fn a_time_of_day_becomes_the_instant_that_is_meant() {
        for line in include_str!("../../tests/cases/telex_instants.csv").lines().skip(1) {
            let cell: Vec<&str> = line.split(',').map(str::trim).collect();
            let [case, rule, near, written, expect] = cell[..] else { unreachable!("{line}") };
            let near = format!("{near}:00Z").parse::<Timestamp>().unwrap().as_millisecond();
            let (day, time) = written.split_at(written.len() - 4);
            let clock = Clock { day: day.parse().ok(), hour: time[..2].parse().unwrap(), minute: time[2..].parse().unwrap() };
            let found = match rule {
                "latest" => latest(clock, near),
                "earliest" => earliest(clock, near),
                "nearest" => nearest(clock, near),
                rule => unreachable!("{rule}"),
            };
            let found = found.map_or_else(|| "none".to_owned(), |at| rfc3339(at)[..16].to_owned());
            assert_eq!(found, expect, "{case}");
        }
    }
}
