//! Follows each leg's trouble: one disruption, from the first sign of it to its outcome.
//!
//! ```text
//! flight.events ────┐               ┌─► disruption.events   (leg)
//! rotation.signals ─┴─► assess ─────┴─► disruption.by-leg   (leg), the same record
//!                       OPENED ─► UPDATED … ─► RESOLVED
//! ```
//!
//! Keeps for each leg its last snapshot, its last turn and what was last said of it ([`Watched`]), until [`KEEP_MS`] after its
//! scheduled off-block; what is open by then, a cancellation too, is resolved. It opens at an expected or actual
//! delay of 15 minutes, and is over when the leg is in, or when the expectation has fallen away. A leg has one
//! disruption with one id, which may open again. Small shifts are not told; two tellings of one phase never share an
//! instant. What it does not do: judge connections and passengers, who come later.

mod assess;
mod causes;

use slipstream_schemas::ids::Leg;
use slipstream_schemas::record;
use slipstream_schemas::records::{Disruption, FlightEvent, FlightStatus, Phase, RotationSignal};
use slipstream_schemas::topics::{DISRUPTION_BY_LEG, DISRUPTION_EVENTS, ROTATION_SIGNALS};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::{Record, derive_id};

use crate::context::{Typed, forgotten_at, read};
use crate::journey::{HOUR, MINUTE};

/// How long a leg is watched after its scheduled off-block, ms.
pub const KEEP_MS: i64 = 48 * HOUR;
/// An expected instant that moves by less is not told, ms.
pub const SHIFT_MS: i64 = 5 * MINUTE;

const LEGS: usize = 0;
const CLOSE: u8 = 1;
const SETTLE: u8 = 2;

record! {
    /// A leg as this stage keeps it.
    pub(crate) struct Watched {
        /// The last snapshot; none before the first.
        event: Option<FlightEvent>,
        /// Id of the event that brought it.
        event_id: String,
        /// Id of the event that first stated the reason in force.
        reason_id: String,
        /// The last turn; none before the first.
        turn: Option<Brought>,
        /// What was last told.
        told: Option<Disruption>,
        /// When, epoch ms.
        told_at: i64,
    }
}

record! {
    /// What the aircraft brings along.
    pub(crate) struct Brought {
        /// Minutes by which a turn that counts pushes the leg.
        push_min: Option<i32>,
        /// Expected or actual off-block, epoch ms.
        expected_departure: Option<i64>,
        /// Expected or actual in-block, epoch ms.
        expected_arrival: Option<i64>,
        /// Id of the signal.
        signal_id: String,
        /// The instant of its reading, epoch ms.
        as_of: i64,
    }
}

/// The stage.
#[derive(Debug, Default)]
pub struct Disrupt;

impl Processor for Disrupt {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let leg: Leg = cx.key().parse().map_err(|e| Poison::new("misplaced key", e))?;
        let known: Option<Watched> = cx.load(LEGS, b"")?;
        let is_new = known.is_none();
        let mut watched = known.unwrap_or_else(Watched::nothing);
        let learned = if record.topic == ROTATION_SIGNALS {
            watched.learn_turn(&read(record)?, cx)
        } else {
            watched.learn_event(read(record)?, cx)
        };
        if !learned {
            return Ok(());
        }
        let planned = watched.event.as_ref().map_or(cx.now(), |event| event.scheduled_departure.max(cx.now()));
        if is_new {
            cx.set_timer(CLOSE, b"", forgotten_at(planned.saturating_add(KEEP_MS)));
        }
        tell(cx, leg, &mut watched);
        cx.save(LEGS, b"", &watched);
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let leg: Leg = cx.key().parse().map_err(|e| Poison::new("misplaced key", e))?;
        let Some(mut watched) = cx.load::<Watched>(LEGS, b"")? else {
            return Ok(());
        };
        let planned = watched.event.as_ref().map_or(0, |event| event.scheduled_departure);
        let until = forgotten_at(planned.saturating_add(KEEP_MS));
        if timer.kind == SETTLE {
            tell(cx, leg, &mut watched);
            cx.save(LEGS, b"", &watched);
        } else if until > cx.now() {
            cx.set_timer(CLOSE, b"", until); // retimed since
        } else {
            if let Some(told) = watched.told.take().filter(|told| told.phase != Phase::Resolved) {
                send(cx, &Disruption { phase: Phase::Resolved, ..told });
            }
            cx.delete(LEGS, b"");
        }
        Ok(())
    }
}

impl Watched {
    fn nothing() -> Self {
        Self { event: None, event_id: String::new(), reason_id: String::new(), turn: None, told: None, told_at: i64::MIN }
    }

    /// Takes a newer snapshot. False for one that is not.
    fn learn_event(&mut self, event: FlightEvent, cx: &Cx<'_>) -> bool {
        if self.event.as_ref().is_some_and(|known| known.revision >= event.revision) {
            return false;
        }
        self.event_id = cx.cause().to_string();
        if self.event.as_ref().and_then(|known| known.reason.as_ref()) != event.reason.as_ref() {
            self.reason_id.clone_from(&self.event_id);
        }
        self.event = Some(event);
        true
    }

    /// Takes a newer turn. False for one that is not.
    fn learn_turn(&mut self, signal: &RotationSignal, cx: &Cx<'_>) -> bool {
        if self.turn.as_ref().is_some_and(|known| known.as_of > signal.as_of) {
            return false;
        }
        self.turn = Some(Brought {
            push_min: signal.push_min.filter(|_| signal.linked),
            expected_departure: signal.expected_departure,
            expected_arrival: signal.expected_arrival,
            signal_id: cx.cause().to_string(),
            as_of: signal.as_of,
        });
        true
    }
}

/// Says what has changed, if anything has.
fn tell(cx: &mut Cx<'_>, leg: Leg, watched: &mut Watched) {
    let Some(event) = &watched.event else {
        return;
    };
    let ended = event.in_at.is_some() && event.status != FlightStatus::Diverted;
    let open = watched.told.as_ref().filter(|told| told.phase != Phase::Resolved);
    let found = assess::assess(watched, event, open);
    let next = match (open, found) {
        (None, None) => None,
        (None, Some(found)) => opens(watched.told.as_ref(), found, ended),
        (Some(told), None) => Some(Disruption { phase: Phase::Resolved, ..assess::outcome(watched, event, told) }),
        (Some(_), Some(found)) if ended => Some(Disruption { phase: Phase::Resolved, ..found }),
        (Some(told), Some(found)) => differs(told, &found).then_some(Disruption { phase: Phase::Updated, ..found }),
    };
    let Some(next) = next else {
        return;
    };
    if watched.told_at >= cx.now() && watched.told.as_ref().is_some_and(|told| told.phase >= next.phase) {
        return cx.set_timer(SETTLE, b"", cx.now().saturating_add(1));
    }
    let next = Disruption { disruption: id(&leg), leg, ..next };
    let corrects = watched.told.as_ref().is_some_and(|told| told.arrived);
    if open.is_none() && next.phase == Phase::Resolved && !corrects {
        send(cx, &Disruption { phase: Phase::Opened, ..next.clone() });
    }
    send(cx, &next);
    watched.told = Some(next);
    watched.told_at = cx.now();
}

/// A disruption that opens; one that is seen only when the leg is in is over at once, and one that is told is corrected.
fn opens(before: Option<&Disruption>, found: Disruption, ended: bool) -> Option<Disruption> {
    match before {
        Some(told) if ended && told.arrived => differs(told, &found).then_some(Disruption { phase: Phase::Resolved, ..found }),
        _ if ended => Some(Disruption { phase: Phase::Resolved, ..found }),
        _ => Some(Disruption { phase: Phase::Opened, ..found }),
    }
}

/// Whether anyone would act otherwise on the new reading.
fn differs(told: &Disruption, new: &Disruption) -> bool {
    let kinds = |disruption: &Disruption| disruption.causes.iter().map(|cause| cause.kind.clone()).collect::<Vec<_>>();
    (told.pattern, told.severity, told.confidence, told.arrived) != (new.pattern, new.severity, new.confidence, new.arrived)
        || told.reason != new.reason
        || told.scheduled_departure != new.scheduled_departure
        || kinds(told) != kinds(new)
        || shifted(told.expected_departure, new.expected_departure)
        || shifted(told.expected_arrival, new.expected_arrival)
}

fn shifted(told: Option<i64>, new: Option<i64>) -> bool {
    match (told, new) {
        (Some(told), Some(new)) => told.abs_diff(new) >= SHIFT_MS as u64,
        (told, new) => told.is_some() != new.is_some(),
    }
}

/// Id of a leg's disruption: the same on every replay.
fn id(leg: &Leg) -> String {
    derive_id(&[b"disruption", leg.to_string().as_bytes()]).to_string()
}

fn send(cx: &mut Cx<'_>, disruption: &Disruption) {
    let key = cx.key().to_owned();
    cx.send(DISRUPTION_EVENTS, &key, disruption);
    cx.send(DISRUPTION_BY_LEG, &key, disruption);
}
