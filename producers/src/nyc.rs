//! `nyc:` departures from New York's three airports, in the columns of the data set nycflights13.
//!
//!     year, month, day + sched_dep_time in the origin's zone = scheduled departure + dep_delay = OUT
//!     the next sched_arr_time at the destination's clock     = scheduled arrival   + arr_delay = IN
//!
//! Take-off and landing are not recorded. Neither is an outcome: a leg without departure was cancelled, one that departed and has
//! no arrival delay did not end where it was going. Recorded wall times of actual movements are not read: they have no date.
//! Only departures from New York are here, so the leg before is never known.

use slipstream_schemas::ids::{Airport, Date, Tail};
use slipstream_schemas::reference::airport;
use slipstream_streams::record::Ts;

use crate::facts::{LegFacts, Outcome};
use crate::local_time::MINUTE;
use crate::refusals::Fault;
use crate::table::{Cells, Layout};

/// Delays that are believed, in minutes: a day early to a week late.
const DELAY_MIN: std::ops::RangeInclusive<i32> = -1440..=10_080;

/// The columns that are read.
pub(crate) const LAYOUT: Layout = Layout {
    columns: &[
        "year",
        "month",
        "day",
        "dep_time",
        "sched_dep_time",
        "dep_delay",
        "sched_arr_time",
        "arr_delay",
        "carrier",
        "flight",
        "tailnum",
        "origin",
        "dest",
    ],
    ordered: false, // by the months as texts: 1, 10, 11, 12, 2
    read,
};

fn read(cells: &Cells<'_>) -> Result<LegFacts, Fault> {
    let identity = cells.identity("flight", "sched_dep_time")?;
    let date = date(cells)?;
    let (delay, arrival_delay) = (cells.within("dep_delay", DELAY_MIN)?, cells.within("arr_delay", DELAY_MIN)?);
    let outcome = match (cells.optional::<i32>("dep_time")?, arrival_delay) {
        (None, _) => Outcome::Cancelled,
        (Some(_), None) => Outcome::Diverted,
        (Some(_), Some(_)) => Outcome::Flown,
    };
    let missing = || Fault::new("dep_delay", "missing, but the leg departed");
    let delay = if outcome == Outcome::Cancelled { None } else { Some(delay.ok_or_else(missing)?) };
    let mut facts = LegFacts {
        identity,
        date,
        ordinal: 0,
        scheduled_departure: None,
        scheduled_arrival: None,
        due: None,
        tail: cells.optional::<Tail>("tailnum")?,
        outcome,
        out: None,
        off: None,
        on: None,
        arrived: None,
    };
    let Some(origin) = airport(identity.origin) else {
        return Ok(facts);
    };
    let departs = identity.departs.on(date.civil(), &origin.zone);
    let departs = departs.ok_or_else(|| Fault::new("day", "beyond the end of the calendar"))?;
    facts.scheduled_departure = Some(departs);
    facts.scheduled_arrival = arrival(cells, departs, identity.destination)?;
    facts.due = facts.scheduled_arrival;
    let late = |planned: Option<Ts>, minutes: Option<i32>| Some(planned? + Ts::from(minutes?) * MINUTE);
    facts.out = late(Some(departs), delay);
    facts.arrived = if outcome == Outcome::Flown { late(facts.scheduled_arrival, arrival_delay) } else { None };
    match (facts.out, facts.arrived) {
        (Some(out), Some(arrived)) if arrived <= out => Err(Fault::new("arr_delay", "the arrival is not after the departure")),
        _ => Ok(facts),
    }
}

fn date(cells: &Cells<'_>) -> Result<Date, Fault> {
    let part = |name| cells.required::<i8>(name);
    let date = jiff::civil::Date::new(cells.required("year")?, part("month")?, part("day")?);
    date.map(Date::from).map_err(|problem| Fault::new("day", problem))
}

/// The scheduled arrival: the next such wall time at the destination.
fn arrival(cells: &Cells<'_>, departs: Ts, destination: Airport) -> Result<Option<Ts>, Fault> {
    let arrives = cells.wall_time("sched_arr_time")?;
    Ok(arrives.zip(airport(destination)).and_then(|(time, there)| time.first_from(departs + MINUTE, &there.zone)))
}
