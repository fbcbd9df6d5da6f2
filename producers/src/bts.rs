//! `bts:` the on-time records of the US Bureau of Transportation Statistics.
//!
//!     flight_date + crs_dep_time in the origin's zone = scheduled departure
//!       + dep_delay = OUT + taxi_out = OFF + air_time = ON + taxi_in = IN
//!       + crs_elapsed = scheduled arrival (some rows lack it)
//!
//! The recorded wall times of the actual movements are not read: they have no date. Neither are the cause
//! codes, which nobody knew on the day. A row whose origin is not in the airport table has a schedule that
//! cannot be placed in time; it is handed on without one, and the stage that reconciles refuses it by name.

use slipstream_schemas::ids::{Airport, Date, Tail};
use slipstream_schemas::reference::airport;
use slipstream_streams::record::Ts;

use crate::facts::{LegFacts, Outcome};
use crate::local_time::MINUTE;
use crate::refusals::Fault;
use crate::table::{Cells, Layout};

/// Delays that are believed, in minutes: a day early to a week late.
const DELAY_MIN: std::ops::RangeInclusive<i32> = -1440..=10_080;
/// Taxi and air times that are believed, in minutes. A few rows say 0.
const PHASE_MIN: std::ops::RangeInclusive<i32> = 0..=1440;
/// Scheduled block times that are believed, in minutes.
const BLOCK_MIN: std::ops::RangeInclusive<i32> = 1..=1440;

/// The columns that are read; see `data/README.md`.
pub(crate) const LAYOUT: Layout = Layout {
    columns: &[
        "flight_date",
        "carrier",
        "flight_num",
        "tail_num",
        "origin",
        "dest",
        "crs_dep_time",
        "crs_arr_time",
        "dep_delay",
        "taxi_out",
        "air_time",
        "taxi_in",
        "crs_elapsed",
        "cancelled",
        "diverted",
    ],
    ordered: true,
    read,
};

fn read(cells: &Cells<'_>) -> Result<LegFacts, Fault> {
    let identity = cells.identity("flight_num", "crs_dep_time")?;
    let date: Date = cells.required("flight_date")?;
    let outcome = outcome(cells)?;
    let block = cells.within("crs_elapsed", BLOCK_MIN)?;
    let mut facts = LegFacts {
        identity,
        date,
        ordinal: 0,
        scheduled_departure: None,
        scheduled_arrival: None,
        due: None,
        tail: tail(cells)?,
        outcome,
        out: None,
        off: None,
        on: None,
        arrived: None,
    };
    let phases = Phases::read(cells, outcome)?;
    let Some(origin) = airport(identity.origin) else {
        return Ok(facts);
    };
    let departs = identity.departs.on(date.civil(), &origin.zone);
    let departs = departs.ok_or_else(|| Fault::new("flight_date", "beyond the end of the calendar"))?;
    facts.scheduled_departure = Some(departs);
    facts.scheduled_arrival = block.map(|block| departs + Ts::from(block) * MINUTE);
    facts.due = match facts.scheduled_arrival {
        None => due(cells, departs, identity.destination)?,
        known => known,
    };
    phases.place(departs, &mut facts);
    Ok(facts)
}

fn flag(cells: &Cells<'_>, name: &'static str) -> Result<bool, Fault> {
    cells.within(name, 0..=1)?.map(|flag| flag == 1).ok_or_else(|| Fault::new(name, "missing"))
}

fn outcome(cells: &Cells<'_>) -> Result<Outcome, Fault> {
    match (flag(cells, "cancelled")?, flag(cells, "diverted")?) {
        (false, false) => Ok(Outcome::Flown),
        (true, false) => Ok(Outcome::Cancelled),
        (false, true) => Ok(Outcome::Diverted),
        (true, true) => Err(Fault::new("diverted", "the leg is cancelled as well")),
    }
}

/// Registrations have capital letters; one in the set has been typed with a small one.
fn tail(cells: &Cells<'_>) -> Result<Option<Tail>, Fault> {
    let Some(text) = cells.optional::<String>("tail_num")? else {
        return Ok(None);
    };
    text.to_ascii_uppercase().parse().map(Some).map_err(|e| Fault::new("tail_num", e))
}

/// When a leg without a block time was due: the next such wall time at its destination.
fn due(cells: &Cells<'_>, departs: Ts, destination: Airport) -> Result<Option<Ts>, Fault> {
    let arrives = cells.wall_time("crs_arr_time")?;
    Ok(arrives.zip(airport(destination)).and_then(|(time, there)| time.first_from(departs, &there.zone)))
}

/// How long each phase of the flight took, in minutes.
struct Phases {
    delay: Option<i32>,
    taxi_out: Option<i32>,
    air: Option<i32>,
    taxi_in: Option<i32>,
}

impl Phases {
    /// Of a flown leg every phase is needed, of a diverted one the departure, of a cancelled one nothing.
    fn read(cells: &Cells<'_>, outcome: Outcome) -> Result<Self, Fault> {
        let needed = |name, value: Option<i32>, whose: &str| match value {
            None => Err(Fault::new(name, format_args!("missing, but the leg is {whose}"))),
            known => Ok(known),
        };
        let delay = cells.within("dep_delay", DELAY_MIN)?;
        let taxi_out = cells.within("taxi_out", PHASE_MIN)?;
        let air = cells.within("air_time", PHASE_MIN)?;
        let taxi_in = cells.within("taxi_in", PHASE_MIN)?;
        match outcome {
            Outcome::Flown => Ok(Self {
                delay: needed("dep_delay", delay, "flown")?,
                taxi_out: needed("taxi_out", taxi_out, "flown")?,
                air: needed("air_time", air, "flown")?,
                taxi_in: needed("taxi_in", taxi_in, "flown")?,
            }),
            Outcome::Diverted => Ok(Self { delay: needed("dep_delay", delay, "diverted")?, taxi_out, air: None, taxi_in: None }),
            Outcome::Cancelled => Ok(Self { delay, taxi_out, air: None, taxi_in: None }),
        }
    }

    fn place(&self, departs: Ts, facts: &mut LegFacts) {
        let after = |start: Option<Ts>, minutes: Option<i32>| Some(start? + Ts::from(minutes?) * MINUTE);
        facts.out = after(Some(departs), self.delay);
        facts.off = after(facts.out, self.taxi_out);
        facts.on = after(facts.off, self.air);
        facts.arrived = after(facts.on, self.taxi_in);
    }
}
