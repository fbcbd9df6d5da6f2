//! Fits the minimum turnaround of each carrier from recorded days.
//!
//!     legs by tail and scheduled departure ──► turnarounds after a late inbound ──► 10th percentile
//!
//! How fast a carrier turns an aircraft when it must: of the minutes between the in-block of an inbound leg
//! that was 30 minutes late or more and the next off-block, those between 5 and 300, the 10th percentile. A
//! carrier with fewer than 100 of them gets the figure over all carriers. Fit on earlier days, never on the
//! day that is judged. Keeps about 60 bytes a leg.

use std::collections::BTreeMap;
use std::fmt;

use slipstream_schemas::ids::{Airport, Carrier, Tail};
use slipstream_streams::record::Ts;
use slipstream_streams::reference::SourceError;

use crate::facts::{LegFacts, Outcome};
use crate::inputs::{Input, InputError, open_legs};
use crate::local_time::{DAY, MINUTE};
use crate::refusals::Refused;

/// An inbound that late or later shows how fast the turn can be.
const LATE_MIN: Ts = 30;
/// Turnarounds strictly between these minutes count.
const TURN_MIN: (Ts, Ts) = (5, 300);
/// Fewest turnarounds that give a carrier a figure of its own.
const SAMPLES_MIN: usize = 100;
/// Most legs that are fitted at once: ten years of the US carriers.
pub const LEGS_MAX: usize = 80_000_000;

/// Minimum turnarounds in minutes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Over all carriers; none without any sample.
    pub overall: Option<i32>,
    /// Of carriers with enough samples.
    pub carriers: BTreeMap<Carrier, i32>,
    /// Turnarounds that went into it.
    pub samples: u64,
    /// What of the input was refused.
    pub refused: Refused,
}

/// Why nothing could be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// An input cannot be opened.
    #[error(transparent)]
    Input(#[from] InputError),
    /// An input cannot be read to its end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// More than fits into memory.
    #[error("more than {LEGS_MAX} legs; fit fewer days")]
    TooMany,
}

/// The table file: `carrier,minutes`, `*` for carriers that are not listed.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "carrier,minutes")?;
        if let Some(minutes) = self.overall {
            writeln!(f, "*,{minutes}")?;
        }
        self.carriers.iter().try_for_each(|(carrier, minutes)| writeln!(f, "{carrier},{minutes}"))
    }
}

/// Fits the table from every recorded leg of `inputs`.
///
/// # Errors
/// See [`FitError`]; refused lines are no error.
pub fn fit(inputs: &[Input]) -> Result<Table, FitError> {
    let mut days = open_legs(inputs)?;
    let mut turns: Vec<Turn> = Vec::new();
    while let Some(day) = days.next()? {
        turns.extend(day.legs.iter().filter_map(Turn::of));
        if turns.len() > LEGS_MAX {
            return Err(FitError::TooMany);
        }
    }
    turns.sort_by_key(|turn| (turn.tail, turn.scheduled, turn.carrier));
    let mut samples: BTreeMap<Carrier, Vec<i32>> = BTreeMap::new();
    for pair in turns.windows(2) {
        if let Some(minutes) = sample(&pair[0], &pair[1]) {
            samples.entry(pair[1].carrier).or_default().push(minutes);
        }
    }
    let mut table = table(samples);
    table.refused = std::mem::take(days.refused());
    Ok(table)
}

/// What a leg says of the turn before it and the turn after it.
struct Turn {
    tail: Tail,
    scheduled: Ts,
    carrier: Carrier,
    origin: Airport,
    destination: Airport,
    out: Option<Ts>,
    arrived: Option<Ts>,
    /// Minutes; none unless flown and scheduled to arrive.
    arrival_delay: Option<Ts>,
}

impl Turn {
    fn of(leg: &LegFacts) -> Option<Self> {
        let arrived = leg.arrived.filter(|_| leg.outcome == Outcome::Flown);
        Some(Self {
            tail: leg.tail?,
            scheduled: leg.scheduled_departure?,
            carrier: leg.identity.carrier,
            origin: leg.identity.origin,
            destination: leg.identity.destination,
            out: leg.out,
            arrived,
            arrival_delay: arrived.zip(leg.scheduled_arrival).map(|(actual, planned)| (actual - planned) / MINUTE),
        })
    }
}

/// Minutes of the turn between two legs that follow each other, if it shows how fast the carrier can be.
fn sample(inbound: &Turn, leg: &Turn) -> Option<i32> {
    let linked = inbound.tail == leg.tail && inbound.destination == leg.origin && leg.scheduled - inbound.scheduled <= DAY;
    let late = inbound.arrival_delay? >= LATE_MIN;
    let minutes = (leg.out? - inbound.arrived?) / MINUTE;
    (linked && late && TURN_MIN.0 < minutes && minutes < TURN_MIN.1).then(|| i32::try_from(minutes).ok()).flatten()
}

fn table(mut samples: BTreeMap<Carrier, Vec<i32>>) -> Table {
    let mut all: Vec<i32> = samples.values().flatten().copied().collect();
    let mut table = Table { samples: all.len() as u64, overall: tenth_percentile(&mut all), ..Table::default() };
    samples.retain(|_, turns| turns.len() >= SAMPLES_MIN);
    for (carrier, mut turns) in samples {
        table.carriers.extend(tenth_percentile(&mut turns).map(|minutes| (carrier, minutes)));
    }
    table
}

/// The 10th percentile, between neighbours in proportion, cut to whole minutes.
fn tenth_percentile(values: &mut [i32]) -> Option<i32> {
    values.sort_unstable();
    let tenths = values.len().checked_sub(1)?;
    let (below, part) = (tenths / 10, i32::try_from(tenths % 10).ok()?);
    let (low, high) = (*values.get(below)?, values.get(below + 1).or(values.last()).copied()?);
    Some(low + (high - low) * part / 10)
}
