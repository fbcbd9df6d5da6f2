//! What disruption may cost by law, for each operating carrier and for the whole network.
//!
//! ```text
//! liability.by-scope (carrier; network) ─► difference to the leg's last reading ─► sums, cliffs by hour
//!                                                        └─► every TELL_MS at most ─► liability.totals
//! ```
//!
//! Keeps the last reading of each leg, the running sums, and what the cliffs of each coming hour add. Each leg's reading takes
//! back its last one, so a total costs what changed, whatever the size of the network. One key holds the whole network: what
//! it takes in is a reading a leg and instant, not a record a passenger. A leg that its stage has forgotten leaves the totals:
//! they cover the days that are remembered, not a year.

use slipstream_schemas::ids::Carrier;
use slipstream_schemas::record;
use slipstream_schemas::records::{Cliff, CliffKind, Exposure, Stake};
use slipstream_schemas::topics::LIABILITY_TOTALS;
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use super::expose::{CLIFFS_MAX, NETWORK, merged};
use crate::context::{Typed, read};
use crate::journey::{HOUR, MINUTE};
use crate::liability::{accumulate, add, steps};

/// Shortest time between two readings of one scope, ms.
const TELL_MS: i64 = 5 * MINUTE;

const LEGS: usize = 0;
const SUMS: usize = 1;
/// Row of the running sums; the hours have their own rows under `h`.
const RUNNING: &[u8] = b"r";
const HOURS: &[u8] = b"h";
const TELL: u8 = 0;

record! {
    /// What a scope's cliffs of one kind and hour add.
    pub(crate) struct Hour {
        /// How many legs have one.
        legs: i32,
        /// The hour and its sums, as one cliff.
        step: Cliff,
    }
}

/// The stage.
#[derive(Debug, Default)]
pub struct Total;

impl Processor for Total {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let reading: Exposure = read(record)?;
        let scope = cx.key().to_owned();
        if scope != NETWORK && scope.parse::<Carrier>().is_err() {
            return Err(Poison::new("misplaced key", format_args!("`{scope}` is no carrier and not `{NETWORK}`")));
        }
        let sub = reading.subject.as_bytes();
        let mut running = cx.load(SUMS, RUNNING)?.unwrap_or_else(|| nothing(&scope));
        if let Some(before) = cx.load::<Exposure>(LEGS, sub)? {
            count(cx, &mut running, &before, -1)?;
        }
        count(cx, &mut running, &reading, 1)?;
        cx.save(SUMS, RUNNING, &running);
        if reading.bookings > 0 {
            cx.save(LEGS, sub, &reading)
        } else {
            cx.delete(LEGS, sub)
        }
        cx.set_timer(TELL, b"", (cx.now().div_euclid(TELL_MS) + 1) * TELL_MS);
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, _timer: &Timer) -> Result<(), Poison> {
        let Some(mut total) = cx.load::<Exposure>(SUMS, RUNNING)? else {
            return Ok(());
        };
        let hours = cx.load_all::<Hour>(SUMS, HOURS)?.into_iter().map(|(_, hour)| hour.step);
        let ahead: Vec<Cliff> = hours.filter(|step| step.at + HOUR > cx.now()).collect();
        total.cliffs = merged(ahead);
        accumulate(&total.stakes, &mut total.cliffs);
        total.cliffs.truncate(CLIFFS_MAX);
        total.as_of = cx.now();
        cx.send(LIABILITY_TOTALS, &total.subject.clone(), &total);
        Ok(())
    }
}

fn nothing(scope: &str) -> Exposure {
    Exposure {
        scope: if scope == NETWORK { NETWORK } else { "carrier" }.to_owned(),
        subject: scope.to_owned(),
        as_of: 0,
        legs: 0,
        bookings: 0,
        passengers: 0,
        stakes: Vec::new(),
        cliffs: Vec::new(),
    }
}

/// Adds a leg's reading to the sums, or takes it back.
fn count(cx: &mut Cx<'_>, running: &mut Exposure, reading: &Exposure, sign: i32) -> Result<(), Poison> {
    running.legs += sign * reading.legs;
    running.bookings += sign * reading.bookings;
    running.passengers += sign * reading.passengers;
    add(&mut running.stakes, &reading.stakes, i64::from(sign));
    for (cliff, step) in reading.cliffs.iter().zip(steps(&reading.stakes, &reading.cliffs)) {
        count_hour(cx, cliff, &step, sign)?;
    }
    Ok(())
}

/// The hour that a cliff lies in, in its own row.
fn count_hour(cx: &mut Cx<'_>, cliff: &Cliff, step: &[Stake], sign: i32) -> Result<(), Poison> {
    let at = cliff.at.div_euclid(HOUR) * HOUR;
    let sub = [HOURS, &at.to_be_bytes(), &[cliff.kind as u8], &cliff.threshold_min.to_be_bytes()].concat();
    let mut hour = cx.load(SUMS, &sub)?.unwrap_or_else(|| empty(cliff.kind, at, cliff.threshold_min));
    hour.legs += sign;
    hour.step.passengers += sign * cliff.passengers;
    add(&mut hour.step.stakes, step, i64::from(sign));
    if hour.legs > 0 {
        cx.save(SUMS, &sub, &hour)
    } else {
        cx.delete(SUMS, &sub)
    }
    Ok(())
}

fn empty(kind: CliffKind, at: i64, threshold_min: i32) -> Hour {
    Hour { legs: 0, step: Cliff { kind, at, threshold_min, passengers: 0, stakes: Vec::new() } }
}
