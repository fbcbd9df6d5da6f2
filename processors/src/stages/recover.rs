//! Gives every party whose journey is broken the earliest way that still has seats for all of it.
//!
//! ```text
//! booking.by-organisation ────────┐
//! inventory.events ───────────────┤ rows ─► pending ─(timer: end of the instant)─► placing ─► reaccommodation (PNR)
//! flight.events.by-organisation ──┤                        ▲                                └► decision.audit
//! disruption.by-organisation ─────┘                        └── seats come free, retries: those without seats again
//! ```
//!
//! All records of one instant are taken in first; then one batch looks at every pending booking in order of
//! [`priority`], so nothing depends on which topic came first. One organisation's seats are given by one task: what it
//! placed is its truth, and the PSS's count of free seats, which knows nothing of that, is only ever an addend.
//!
//! Keeps bookings until [`KEEP_MS`] after their last arrival and legs as long. A party without seats is looked at again
//! whenever a seat may have come free and every [`RETRY_MS`], at most [`RETRIES_MAX`] times. Does not promise the
//! cheapest way, only the earliest; parties placed earlier are not moved to make room.

mod breakage;
mod intake;
mod network;
mod placing;
mod priority;
mod rows;
mod search;

use slipstream_schemas::records::{Booking, BookingDisruption, FlightEvent, Inventory};
use slipstream_schemas::topics::{BOOKING_BY_ORGANISATION, DISRUPTION_BY_ORGANISATION, INVENTORY_EVENTS};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use self::rows::{BOOKINGS, Held, LEGS, LegNow, PENDING, Pending};
use crate::context::{Typed, forgotten_at, read};
use crate::journey::{HOUR, MINUTE};

/// Time between two looks at the parties without seats, ms.
const RETRY_MS: i64 = 3 * HOUR;
/// Looks at a party without seats that only time has caused; 48 hours in all.
const RETRIES_MAX: u8 = 16;
/// How long bookings and legs are remembered after their last arrival, ms.
const KEEP_MS: i64 = 72 * HOUR;

/// Looks at what is pending, at the end of the instant.
const PLACE: u8 = 1;
/// Looks again at those without seats.
const RETRY: u8 = 2;
/// Clears old rows.
const SWEEP: u8 = 3;

/// List of bookings to look at.
const WAITING: u8 = b'w';
/// List of bookings without seats.
const UNPLACED: u8 = b'u';
/// Row that says that the bookings without seats are to be looked at too.
const SEATS_MAY_BE_FREE: &[u8] = b"f";
/// Row that counts the looks left that only time causes.
const RETRIES_LEFT: &[u8] = b"r";
/// Row that says that the clearing of old rows is set.
const SWEEPING: &[u8] = b"s";

/// The stage.
#[derive(Debug, Default)]
pub struct Recover;

impl Processor for Recover {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        match record.topic {
            BOOKING_BY_ORGANISATION => intake::booking(cx, &read::<Booking>(record)?),
            INVENTORY_EVENTS => intake::inventory(cx, &read::<Inventory>(record)?),
            DISRUPTION_BY_ORGANISATION => intake::disruption(cx, &read::<BookingDisruption>(record)?),
            _ => intake::flight(cx, &read::<FlightEvent>(record)?),
        }
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        match timer.kind {
            PLACE => placing::batch(cx),
            RETRY => {
                seats_may_be_free(cx);
                count_retry(cx);
                Ok(())
            }
            _ => sweep(cx),
        }
    }
}

/// Puts a booking on the list that the end of the instant looks at.
fn look_at(cx: &mut Cx<'_>, held: &Held, pending: &Pending) {
    let Some(trip) = held.trips.iter().rev().find(|trip| trip.first <= pending.segment) else {
        return;
    };
    let order = priority::order(held, trip);
    let known: Option<Pending> = cx.load(PENDING, &sub(WAITING, &order)).ok().flatten();
    let alarmed = pending.alarmed || known.is_some_and(|known| known.alarmed);
    cx.save(PENDING, &sub(WAITING, &order), &Pending { alarmed, ..pending.clone() });
    cx.set_timer(PLACE, b"", cx.now());
}

/// Has the parties without seats, if there are any, looked at again in this instant.
fn seats_may_be_free(cx: &mut Cx<'_>) {
    if cx.get(PENDING, SEATS_MAY_BE_FREE).is_none() && !cx.scan(PENDING, &[UNPLACED]).is_empty() {
        cx.put(PENDING, SEATS_MAY_BE_FREE, Vec::new());
        cx.set_timer(PLACE, b"", cx.now());
    }
}

/// Starts, or prolongs, the looks that only time causes; the horizon moves with them.
fn keep_retrying(cx: &mut Cx<'_>) {
    if cx.get(PENDING, RETRIES_LEFT).is_none() {
        cx.set_timer(RETRY, b"", cx.now() + RETRY_MS);
    }
    cx.put(PENDING, RETRIES_LEFT, vec![RETRIES_MAX]);
}

fn count_retry(cx: &mut Cx<'_>) {
    let left = cx.get(PENDING, RETRIES_LEFT).and_then(|row| row.first().copied()).unwrap_or(0);
    if left > 1 && !cx.scan(PENDING, &[UNPLACED]).is_empty() {
        cx.put(PENDING, RETRIES_LEFT, vec![left - 1]);
        cx.set_timer(RETRY, b"", cx.now() + RETRY_MS);
    } else {
        cx.delete(PENDING, RETRIES_LEFT);
    }
}

fn sub(list: u8, order: &[u8]) -> Vec<u8> {
    [&[list], order].concat()
}

/// Keeps the clearing of old rows going while there are rows.
fn keep_clean(cx: &mut Cx<'_>) {
    if cx.get(PENDING, SWEEPING).is_none() {
        cx.put(PENDING, SWEEPING, Vec::new());
        cx.set_timer(SWEEP, b"", forgotten_at(cx.now() + 1));
    }
}

fn sweep(cx: &mut Cx<'_>) -> Result<(), Poison> {
    let old = cx.now() - KEEP_MS;
    let mut left = 0;
    for (sub, held) in cx.load_all::<Held>(BOOKINGS, b"")? {
        if held.trips.last().and_then(|trip| trip.current.last()).is_none_or(|last| last.scheduled_arrival < old) {
            placing::forget(cx, &held);
            cx.delete(BOOKINGS, &sub);
        } else {
            left += 1;
        }
    }
    for (sub, leg) in cx.load_all::<LegNow>(LEGS, b"")? {
        if leg.arrival < old {
            cx.delete(LEGS, &sub);
        } else {
            left += 1;
        }
    }
    cx.delete(PENDING, SWEEPING);
    if left > 0 {
        keep_clean(cx);
    }
    Ok(())
}

/// Minutes from `earlier` to `later`, towards zero.
fn minutes(later: i64, earlier: i64) -> Option<i32> {
    i32::try_from((later - earlier) / MINUTE).ok()
}
