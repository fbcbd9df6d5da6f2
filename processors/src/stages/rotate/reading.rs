//! Reads a tail's turns: which leg is the inbound, how far it pushes, what of a late departure it explains.
//!
//! ```text
//! push        = inbound's in-block, expected or actual, + minimum turnaround - scheduled off-block
//! linked      = inbound is due 15 to 360 min before the scheduled off-block, and its in-block and the off-block can be told
//! reactionary = min(late departure, push) of a linked leg          primary = late departure - reactionary
//! chain       = inbound's + 1 where both are 15 min late and the push explains 15 min or half of it
//! ```
//!
//! One pass in order of scheduled off-block, so that each leg sees the expectation of the one before it. Minutes are
//! whole, cut towards the past. Expectations are of the instant `now`; they age only when the tail is read again.

use super::turn::{Reading, Turn};
use super::turnaround;
use crate::journey::{HOUR, MINUTE};

/// The leg before is the inbound only if it was scheduled to leave at most this much earlier, ms.
const INBOUND_MAX_MS: i64 = 24 * HOUR;
/// A turn counts when the inbound is due this many minutes before the scheduled off-block.
const LINKED_MIN: std::ops::RangeInclusive<i32> = 15..=360;
/// Late, for a chain, minutes.
const LATE_MIN: i32 = 15;
/// From landing to in-block, ms.
const TAXI_IN_MS: i64 = 6 * MINUTE;
/// Scheduled time from block to block is longer than what is left of it at take-off, ms.
const AIRBORNE_GAIN_MS: i64 = 18 * MINUTE;
/// An aircraft in the air is not in blocks before this, ms from now.
const AIRBORNE_LEFT_MS: i64 = 8 * MINUTE;
/// Scheduled time from block to block is longer than what is flown, ms.
const BLOCK_GAIN_MS: i64 = 3 * MINUTE;

/// What the leg after needs to know of a leg.
struct Before {
    in_block: Option<i64>,
    arrival_late_min: Option<i32>,
    chain_length: i32,
    is_final: bool,
}

/// Reads every turn of a tail in order and hands over the ones that read differently from what was told.
pub(super) fn read_turns(chain: &mut [(Vec<u8>, Turn)], now: i64, mut changed: impl FnMut(&[u8], &mut Turn, Reading)) {
    let mut before: Option<Before> = None;
    for place in 0..chain.len() {
        let (head, rest) = chain.split_at_mut(place);
        let (sub, turn) = &mut rest[0];
        let previous = head.last().map(|(_, previous)| previous).zip(before.as_ref());
        let inbound = previous.filter(|(previous, _)| is_inbound(previous, turn));
        let reading = match &turn.told {
            Some(told) if turn.orphan => frozen(turn, told, now),
            _ => Reading { conflict: head.last().and_then(|(_, previous)| overlap(previous, turn)), ..read(turn, inbound, now) },
        };
        before = Some(Before {
            in_block: reading.expected_arrival,
            arrival_late_min: reading.expected_arrival.zip(turn.scheduled_arrival).map(|(at, planned)| minutes(at - planned)),
            chain_length: reading.chain_length,
            is_final: reading.is_final,
        });
        if turn.told.as_ref().is_none_or(|told| differs(told, &reading)) {
            changed(sub, turn, reading);
        }
    }
}

/// How a leg without an aircraft reads: whatever it is late is its own.
pub(super) fn without_tail(turn: &Turn, now: i64) -> Reading {
    read(turn, None, now)
}

fn differs(told: &Reading, new: &Reading) -> bool {
    Reading { as_of: new.as_of, ..told.clone() } != *new
}

fn minutes(ms: i64) -> i32 {
    i32::try_from(ms.div_euclid(MINUTE)).unwrap_or(if ms < 0 { i32::MIN } else { i32::MAX })
}

/// It ends where the leg starts, and was scheduled at most a day before.
fn is_inbound(previous: &Turn, turn: &Turn) -> bool {
    previous.leg.destination == turn.leg.origin && turn.scheduled_departure - previous.scheduled_departure <= INBOUND_MAX_MS
}

/// Two places at once: the leg before was not in blocks yet when this one left them.
fn overlap(previous: &Turn, turn: &Turn) -> Option<String> {
    let left = turn.out_at?;
    let underway = previous.out_at.is_some_and(|out| out <= left) && !previous.cancelled();
    let still = previous.in_at.map_or(!previous.ended(), |in_at| in_at > left);
    (underway && still).then(|| previous.leg.to_string())
}

fn read(turn: &Turn, inbound: Option<(&Turn, &Before)>, now: i64) -> Reading {
    let turn_min = turnaround::minutes(turn.leg.carrier);
    let free = inbound.and_then(|(_, before)| before.in_block).map(|in_block| in_block + i64::from(turn_min) * MINUTE);
    let push_min = free.map(|free| minutes(free - turn.scheduled_departure));
    let expected_departure = departure(turn, free, now);
    let delay = expected_departure.map(|at| minutes(at - turn.scheduled_departure));
    let slack = inbound.and_then(|(previous, _)| previous.scheduled_arrival).map(|due| minutes(turn.scheduled_departure - due));
    let linked = delay.is_some() && push_min.is_some() && slack.is_some_and(|slack| LINKED_MIN.contains(&slack));
    let (reactionary_min, primary_min) = split(delay, push_min.filter(|_| linked));
    let continues = linked
        && delay >= Some(LATE_MIN)
        && inbound.is_some_and(|(_, before)| before.arrival_late_min >= Some(LATE_MIN))
        && (reactionary_min >= LATE_MIN || reactionary_min >= primary_min);
    let chain_length = inbound.filter(|_| continues).map_or(1, |(_, before)| before.chain_length.saturating_add(1));
    Reading {
        inbound: inbound.map(|(previous, _)| previous.as_inbound()),
        turn_min,
        push_min,
        reactionary_min,
        primary_min,
        departure_delay_min: delay,
        expected_departure,
        expected_arrival: arrival(turn, expected_departure, now),
        chain_length,
        is_final: turn.ended() && inbound.is_none_or(|(_, before)| before.is_final),
        linked,
        conflict: None,
        as_of: now,
    }
}

/// A late departure in minutes: what the push explains, and the rest. They always add up.
fn split(delay: Option<i32>, push: Option<i32>) -> (i32, i32) {
    let late = delay.unwrap_or_default().max(0);
    let reactionary = push.unwrap_or_default().clamp(0, late);
    (reactionary, late - reactionary)
}

/// The turn stands as it was told; only the leg's own facts may still move.
fn frozen(turn: &Turn, told: &Reading, now: i64) -> Reading {
    let fresh = read(turn, None, now);
    let (reactionary_min, primary_min) = split(fresh.departure_delay_min, told.push_min.filter(|_| told.linked));
    Reading {
        inbound: told.inbound.clone(),
        push_min: told.push_min,
        linked: told.linked,
        chain_length: told.chain_length,
        conflict: told.conflict.clone(),
        reactionary_min,
        primary_min,
        ..fresh
    }
}

/// Off-block: the fact, or the latest of the schedule, the estimate, the aircraft and now.
fn departure(turn: &Turn, free: Option<i64>, now: i64) -> Option<i64> {
    let planned = turn.scheduled_departure;
    let expected = planned.max(turn.estimated_departure.unwrap_or(planned)).max(free.unwrap_or(planned)).max(now);
    turn.out_at.or((!turn.ended()).then_some(expected))
}

/// In-block: the fact, or what is left of the scheduled time from block to block.
fn arrival(turn: &Turn, departure: Option<i64>, now: i64) -> Option<i64> {
    if turn.ended() {
        return turn.in_at.filter(|_| !turn.cancelled());
    }
    let elapsed = turn.scheduled_arrival.map(|planned| planned - turn.scheduled_departure);
    let underway = |from: i64, gain: i64| {
        let flown = elapsed.map(|elapsed| from + elapsed - gain);
        turn.estimated_arrival.or(flown).map(|at| at.max(now + AIRBORNE_LEFT_MS))
    };
    match (turn.on_at, turn.off_at, turn.out_at) {
        (Some(on), _, _) => Some(on + TAXI_IN_MS),
        (None, Some(off), _) => underway(off, AIRBORNE_GAIN_MS),
        (None, None, Some(out)) => underway(out, BLOCK_GAIN_MS),
        (None, None, None) => departure.zip(elapsed).map(|(departure, elapsed)| departure + elapsed - BLOCK_GAIN_MS),
    }
}
