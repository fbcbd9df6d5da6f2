//! Follows every aircraft through its day: what each turn brings along and what it adds.
//!
//! ```text
//! flight.events.by-aircraft ─► the tail's legs in order of scheduled off-block ─► read every turn ─► rotation.signals (leg)
//!         (tail)                                                                  the changed ones
//! ```
//!
//! Keeps one row a leg ([`turn::Turn`]) until [`KEEP_MS`] after its scheduled off-block; a leg whose facts have not come by
//! then is closed without them. One leg's news reaches all legs after it on the tail at once. A leg has at most
//! one signal an instant, so the last is well defined: a second reading in the same millisecond is written one
//! later. A leg that goes to another tail is signalled by that one. Does not guess tails or positioning flights.

mod reading;
mod turn;
mod turnaround;

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{FlightEvent, RotationSignal};
use slipstream_schemas::topics::ROTATION_SIGNALS;
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use self::reading::{read_turns, without_tail};
use self::turn::{Reading, Turn};
use crate::context::{Typed, forgotten_at, read};
use crate::journey::HOUR;

/// How long a leg is kept after its scheduled off-block, ms: a leg that it can be the inbound of has had 12 h to leave.
pub const KEEP_MS: i64 = 36 * HOUR;
/// How much longer a leg is kept while the leg after it is not final, ms at a time.
const KEEP_ON_MS: i64 = 24 * HOUR;
/// Most legs of one tail.
const LEGS_MAX: usize = 400;

const LEGS: usize = 0;
const CLOSE: u8 = 1;
const SETTLE: u8 = 2;

/// The stage.
#[derive(Debug, Default)]
pub struct Rotate;

/// The tail's legs in order of scheduled off-block, with the keys of their rows.
type Chain = Vec<(Vec<u8>, Turn)>;

impl Processor for Rotate {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let event: FlightEvent = read(record)?;
        let mut chain: Chain = cx.load_all(LEGS, b"")?;
        let place = chain.iter().position(|(_, turn)| turn.leg == event.leg);
        if place.is_some_and(|place| chain[place].1.revision >= event.revision) {
            return Ok(());
        }
        if event.tail.is_none_or(|tail| tail.as_str() != cx.key()) {
            let Some(place) = place else {
                return Ok(());
            };
            let (sub, turn) = chain.remove(place);
            let_go(cx, &sub, &turn, event.tail.is_none());
        } else if !take(cx, &mut chain, place, &event)? {
            cx.late();
            return Ok(());
        }
        settle(cx, &mut chain);
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let mut chain: Chain = cx.load_all(LEGS, b"")?;
        if timer.kind == CLOSE {
            close(cx, &mut chain, &timer.sub);
        }
        settle(cx, &mut chain);
        Ok(())
    }
}

/// Row key of a leg: its scheduled off-block, order-preserving, then the leg.
fn row(turn: &Turn) -> Vec<u8> {
    let mut row = (turn.scheduled_departure ^ i64::MIN).to_be_bytes().to_vec();
    row.extend_from_slice(turn.leg.to_string().as_bytes());
    row
}

/// Takes a leg's news into the chain. False when the leg is long gone.
fn take(cx: &mut Cx<'_>, chain: &mut Chain, place: Option<usize>, event: &FlightEvent) -> Result<bool, Poison> {
    let turn = match place {
        Some(place) => {
            let (sub, mut turn) = chain.remove(place);
            if turn.scheduled_departure != event.scheduled_departure {
                cx.delete(LEGS, &sub);
            }
            turn.learn(event);
            turn
        }
        None => {
            let until = forgotten_at(event.scheduled_departure.saturating_add(KEEP_MS));
            if until <= cx.now() {
                return Ok(false);
            }
            if chain.len() >= LEGS_MAX {
                return Err(Poison::resource("too many legs", format_args!("tail: {} has {LEGS_MAX} legs", cx.key())));
            }
            cx.set_timer(CLOSE, event.leg.to_string().as_bytes(), until);
            Turn::of(event)
        }
    };
    let sub = row(&turn);
    cx.save(LEGS, &sub, &turn);
    let place = chain.partition_point(|(other, _)| *other < sub);
    chain.insert(place, (sub, turn));
    Ok(true)
}

/// Forgets a leg that flies with another tail, or with none that is known.
fn let_go(cx: &mut Cx<'_>, sub: &[u8], turn: &Turn, to_none: bool) {
    cx.delete(LEGS, sub);
    cx.cancel_timer(CLOSE, turn.leg.to_string().as_bytes());
    if to_none {
        let reading = without_tail(turn, cx.now());
        send(cx, &turn.leg, &reading, false);
    }
}

/// Closes a leg whose time is up; forgets it once the leg after it does not need it any more.
fn close(cx: &mut Cx<'_>, chain: &mut Chain, leg: &[u8]) {
    let Some(place) = chain.iter().position(|(_, turn)| turn.leg.to_string().as_bytes() == leg) else {
        return;
    };
    let until = forgotten_at(chain[place].1.scheduled_departure.saturating_add(KEEP_MS));
    let waits = chain.get(place + 1).is_some_and(|(_, next)| !next.is_final() && !next.closed);
    if until > cx.now() {
        cx.set_timer(CLOSE, leg, until); // retimed since
    } else if !chain[place].1.closed && !chain[place].1.is_final() || waits {
        chain[place].1.closed = true;
        cx.save(LEGS, &chain[place].0, &chain[place].1);
        cx.set_timer(CLOSE, leg, forgotten_at(cx.now().saturating_add(KEEP_ON_MS)));
    } else {
        let (sub, _) = chain.remove(place);
        cx.delete(LEGS, &sub);
        if let Some((sub, next)) = chain.get_mut(place) {
            next.orphan = true;
            cx.save(LEGS, sub, next);
        }
    }
}

/// Reads every turn anew and writes what has changed.
fn settle(cx: &mut Cx<'_>, chain: &mut Chain) {
    let now = cx.now();
    read_turns(chain, now, |sub, turn, reading| match &turn.told {
        Some(told) if told.as_of >= now => cx.set_timer(SETTLE, b"", now.saturating_add(1)),
        _ => {
            send(cx, &turn.leg, &reading, true);
            turn.told = Some(reading);
            cx.save(LEGS, sub, turn);
        }
    });
}

fn send(cx: &mut Cx<'_>, leg: &Leg, reading: &Reading, with_tail: bool) {
    let signal = RotationSignal {
        leg: *leg,
        tail: if with_tail { cx.key().parse().ok() } else { None },
        inbound: reading.inbound.clone(),
        turn_min: reading.turn_min,
        push_min: reading.push_min,
        reactionary_min: reading.reactionary_min,
        primary_min: reading.primary_min,
        departure_delay_min: reading.departure_delay_min,
        expected_departure: reading.expected_departure,
        expected_arrival: reading.expected_arrival,
        chain_length: reading.chain_length,
        as_of: reading.as_of,
        is_final: reading.is_final,
        linked: reading.linked,
        conflict: reading.conflict.clone(),
    };
    cx.send(ROTATION_SIGNALS, &leg.to_string(), &signal);
}
