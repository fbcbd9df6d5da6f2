//! What each disrupted leg may cost by law: now, and at each legal cliff ahead.
//!
//! ```text
//! liability.by-leg (leg) ─► journeys of the leg ─► at the end of the instant ─┬─► liability.legs      (leg)
//!                                                                             └─► liability.by-scope  (carrier; network)
//! ```
//!
//! Keeps what each journey adds until [`KEEP_MS`] after the last word, and the last reading. Journeys are added up by the
//! instant of their cliffs: those of one leg lie apart where its passengers go on to different places. Reads no clock: a
//! reading is as of the last word, and whoever reads it compares the cliffs with their own time.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{BookingLiability, Cliff, Exposure};
use slipstream_schemas::topics::{LIABILITY_BY_SCOPE, LIABILITY_LEGS};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use crate::context::{Typed, forgotten_at, read};
use crate::journey::HOUR;
use crate::liability::{accumulate, add, steps};

/// The scope of everything.
pub(crate) const NETWORK: &str = "network";
/// Most cliffs in a reading, the soonest; a leg whose passengers go on to dozens of places has more.
pub const CLIFFS_MAX: usize = 48;
/// How long a leg is remembered after the last word, ms.
const KEEP_MS: i64 = 168 * HOUR;

const JOURNEYS: usize = 0;
const TOLD: usize = 1;
const TELL: u8 = 0;
const FORGET: u8 = 1;

/// The stage.
#[derive(Debug, Default)]
pub struct Expose;

impl Processor for Expose {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let journey: BookingLiability = read(record)?;
        if journey.leg.to_string() != cx.key() {
            return Err(Poison::new("misplaced key", format_args!("leg: {} under the key {}", journey.leg, cx.key())));
        }
        let sub = [journey.pnr.as_str(), &journey.case].concat().into_bytes();
        if journey.passengers > 0 {
            cx.save(JOURNEYS, &sub, &journey);
        } else {
            cx.delete(JOURNEYS, &sub);
        }
        cx.set_timer(TELL, b"", cx.now());
        cx.set_timer(FORGET, b"", forgotten_at(cx.now() + KEEP_MS));
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let leg: Leg = cx.key().parse().map_err(|e| Poison::new("misplaced key", e))?;
        if timer.kind == FORGET {
            for (sub, _) in cx.scan(JOURNEYS, b"") {
                cx.delete(JOURNEYS, &sub);
            }
        }
        let journeys: Vec<BookingLiability> = cx.load_all(JOURNEYS, b"")?.into_iter().map(|(_, journey)| journey).collect();
        tell(cx, &leg, reading(&leg, &journeys, cx.now()))?;
        if timer.kind == FORGET {
            cx.delete(TOLD, b"");
        }
        Ok(())
    }
}

/// Says a reading, unless it is the one that was said last but for its instant.
fn tell(cx: &mut Cx<'_>, leg: &Leg, reading: Exposure) -> Result<(), Poison> {
    let told: Option<Exposure> = cx.load(TOLD, b"")?;
    let same = |told: &Exposure| Exposure { as_of: reading.as_of, ..told.clone() } == reading;
    if told.as_ref().is_some_and(same) || (told.is_none() && reading.bookings == 0) {
        return Ok(());
    }
    cx.send(LIABILITY_LEGS, &reading.subject, &reading);
    for scope in [leg.carrier.as_str(), NETWORK] {
        cx.send(LIABILITY_BY_SCOPE, scope, &reading);
    }
    cx.save(TOLD, b"", &reading);
    Ok(())
}

/// All journeys of the leg together.
fn reading(leg: &Leg, journeys: &[BookingLiability], as_of: i64) -> Exposure {
    let mut stakes = Vec::new();
    let mut cliffs: Vec<Cliff> = Vec::new();
    for journey in journeys {
        add(&mut stakes, &journey.stakes, 1);
        let added = steps(&journey.stakes, &journey.cliffs);
        cliffs.extend(journey.cliffs.iter().zip(added).map(|(cliff, stakes)| Cliff { stakes, ..cliff.clone() }));
    }
    let mut cliffs = merged(cliffs);
    accumulate(&stakes, &mut cliffs);
    cliffs.truncate(CLIFFS_MAX);
    Exposure {
        scope: "leg".to_owned(),
        subject: leg.to_string(),
        as_of,
        legs: i32::from(!journeys.is_empty()),
        bookings: journeys.len() as i32,
        passengers: journeys.iter().map(|journey| journey.passengers).sum(),
        stakes,
        cliffs,
    }
}

/// Cliffs in order of time, those of one kind, instant and threshold as one.
pub(crate) fn merged(mut cliffs: Vec<Cliff>) -> Vec<Cliff> {
    cliffs.sort_by_key(|cliff| (cliff.at, cliff.kind, cliff.threshold_min));
    let mut merged: Vec<Cliff> = Vec::new();
    for cliff in cliffs {
        let same = |last: &&mut Cliff| (last.at, last.kind, last.threshold_min) == (cliff.at, cliff.kind, cliff.threshold_min);
        match merged.last_mut().filter(same) {
            Some(last) => {
                last.passengers += cliff.passengers;
                add(&mut last.stakes, &cliff.stakes, 1);
            }
            None => merged.push(cliff),
        }
    }
    merged
}
