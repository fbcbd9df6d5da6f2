//! Tells every leg, and the organisation, which bookings fly on it.
//!
//! ```text
//! booking.events (PNR) ─► index ─┬─► booking.by-leg           one for each leg touched now or before
//!                                └─► booking.by-organisation  one
//! ```
//!
//! Keeps the booking as last told, until [`KEEP_MS`] after its last arrival. A leg that the booking has left is
//! sent the booking without that leg, so absence is the message. Says nothing when nothing changed.

use std::collections::BTreeSet;

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{Booking, BookingKind, Segment};
use slipstream_schemas::topics::{BOOKING_BY_LEG, BOOKING_BY_ORGANISATION};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use crate::context::{Typed, forgotten_at, read};
use crate::journey::HOUR;

/// Most segments of a booking.
pub const SEGMENTS_MAX: usize = 8;
/// Most passengers of a booking.
pub const PASSENGERS_MAX: usize = 99;
/// How long a booking is remembered after its last arrival, ms.
const KEEP_MS: i64 = 72 * HOUR;

const BOOKINGS: usize = 0;
const FORGET: u8 = 1;

/// The stage.
#[derive(Debug, Default)]
pub struct Index;

impl Processor for Index {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let mut booking: Booking = read(record)?;
        check(&booking, cx.key())?;
        if booking.kind == BookingKind::Cancelled {
            booking.segments.clear();
        }
        let before: Option<Booking> = cx.load(BOOKINGS, b"")?;
        if before.as_ref() == Some(&booking) {
            return Ok(());
        }
        cx.set_organisation(booking.organisation.as_str());
        for leg in legs(&before).union(&legs_of(&booking.segments)) {
            cx.send(BOOKING_BY_LEG, &leg.to_string(), &booking);
        }
        leave_organisation(cx, before, &booking);
        cx.send(BOOKING_BY_ORGANISATION, booking.organisation.as_str(), &booking);
        let last = booking.segments.last().map_or(cx.now(), |segment| segment.scheduled_arrival);
        cx.set_timer(FORGET, b"", forgotten_at(last.max(cx.now()).saturating_add(KEEP_MS)));
        cx.save(BOOKINGS, b"", &booking);
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, _timer: &Timer) -> Result<(), Poison> {
        cx.delete(BOOKINGS, b"");
        Ok(())
    }
}

/// A booking that moved to another organisation is cancelled with the one it left.
fn leave_organisation(cx: &mut Cx<'_>, before: Option<Booking>, booking: &Booking) {
    if let Some(mut left) = before.filter(|before| before.organisation != booking.organisation) {
        left.kind = BookingKind::Cancelled;
        left.segments.clear();
        cx.send(BOOKING_BY_ORGANISATION, left.organisation.as_str(), &left);
    }
}

fn legs(booking: &Option<Booking>) -> BTreeSet<Leg> {
    booking.as_ref().map(|booking| legs_of(&booking.segments)).unwrap_or_default()
}

fn legs_of(segments: &[Segment]) -> BTreeSet<Leg> {
    segments.iter().map(|segment| segment.leg).collect()
}

/// Refuses a booking that no later stage could make sense of.
fn check(booking: &Booking, key: &str) -> Result<(), Poison> {
    let refuse = |error: String| Err(Poison::new("invalid booking", error));
    let (segments, passengers) = (booking.segments.len(), booking.passengers.len());
    if booking.pnr.as_str() != key {
        return Err(Poison::new("misplaced key", format_args!("pnr: {} under the key {key}", booking.pnr)));
    }
    if booking.kind == BookingKind::Cancelled {
        return Ok(());
    }
    if booking.kind == BookingKind::Unknown {
        return refuse("kind: unknown symbol".to_owned());
    }
    if segments == 0 || segments > SEGMENTS_MAX {
        return refuse(format!("segments: {segments}, must be 1 to {SEGMENTS_MAX}"));
    }
    if passengers == 0 || passengers > PASSENGERS_MAX {
        return refuse(format!("passengers: {passengers}, must be 1 to {PASSENGERS_MAX}"));
    }
    if let Some(late) = booking.segments.iter().position(|s| s.scheduled_arrival <= s.scheduled_departure) {
        return refuse(format!("segments[{late}]: arrives before it departs"));
    }
    if let Some(at) = booking.segments.windows(2).position(|pair| pair[1].scheduled_departure < pair[0].scheduled_arrival) {
        return refuse(format!("segments[{}]: departs before the segment before it arrives", at + 1));
    }
    Ok(())
}
