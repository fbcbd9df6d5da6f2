//! In what the words of several sources differ significantly (S0-09): said in the log while they are published. What becomes of it
//! is reconcile's.

use slipstream_schemas::records::FlightStatus;
use slipstream_streams::record::Ts;

use super::super::status::FlightStatusData;
use crate::local_time::{HOUR, MINUTE};

/// Estimates or delays further apart than this differ, minutes.
pub const DELAY_APART_MIN: i32 = 30;
/// Gates and terminals count from so long before the departure on, ms.
pub const GATES_FROM: Ts = HOUR;

/// The fields in which the words differ at `now`, by name.
#[must_use]
pub fn fields(said: &[&FlightStatusData], now: Ts) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let cancelled = said.iter().filter(|word| word.status == FlightStatus::Cancelled).count();
    if (1..said.len()).contains(&cancelled) {
        fields.push("status");
    }
    let late = said.iter().filter(|word| word.status != FlightStatus::Cancelled).filter_map(|word| word.delay_minutes);
    if spread(late).is_some_and(|apart| apart > DELAY_APART_MIN) {
        fields.push("delayMinutes");
    }
    let scheduled = said.iter().filter_map(|word| word.departure.scheduled).map(|at| (at / MINUTE) as i32);
    if spread(scheduled).is_some_and(|apart| apart > 0) {
        fields.push("departureTime");
    }
    let soon = said.iter().filter_map(|word| word.departure.expected()).min().is_some_and(|at| at - now <= GATES_FROM);
    if soon {
        fields.extend(differ(said, |word| word.departure.gate.as_deref()).then_some("gate"));
        fields.extend(differ(said, |word| word.departure.terminal.as_deref()).then_some("terminal"));
    }
    fields
}

fn spread(values: impl Iterator<Item = i32>) -> Option<i32> {
    let (least, most) = values.fold(None, |seen: Option<(i32, i32)>, value| {
        Some(seen.map_or((value, value), |(least, most)| (least.min(value), most.max(value))))
    })?;
    most.checked_sub(least)
}

fn differ<'a>(said: &[&'a FlightStatusData], part: impl Fn(&'a FlightStatusData) -> Option<&'a str>) -> bool {
    let mut stated = said.iter().filter_map(|word| part(word));
    stated.next().is_some_and(|first| stated.any(|other| other != first))
}
