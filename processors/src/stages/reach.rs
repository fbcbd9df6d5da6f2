//! Finds the bookings that a disruption touches, and the connections that it puts at risk.
//!
//! ```text
//! booking.by-leg ────┐             ┌─► disruption.by-pnr, disruption.by-organisation   one a touched booking
//! disruption.by-leg ─┼─► reach ────┼─► disruption.events                               one a broken pair of legs
//! carrier.proofs ────┘             └─► disruption.by-pnr                               a carrier's defence, to all on the leg
//! ```
//!
//! Keeps, for each leg, the bookings that fly it, its disruption and its carrier's latest defence, until [`KEEP_MS`] after the
//! scheduled departure. Whichever comes first waits for the others. An update is passed on only when it changes something
//! that a later stage acts on ([`matters`]); the connection records are in [`connections`], the defences in [`proof`].

mod connections;
mod proof;

use slipstream_schemas::ids::{Leg, Organisation, Pnr};
use slipstream_schemas::record;
use slipstream_schemas::records::{Booking, BookingDisruption, BookingKind, Disruption, Pattern, Phase, Segment};
use slipstream_schemas::topics::{BOOKING_BY_LEG, CARRIER_PROOFS, DISRUPTION_BY_ORGANISATION, DISRUPTION_BY_PNR};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use crate::context::{Typed, forgotten_at, read};
use crate::journey::{HOUR, MINUTE, connects, min_connection};

/// How long a leg is remembered after its scheduled departure, ms.
const KEEP_MS: i64 = 96 * HOUR;
/// A shift of an expected instant below this is not passed on, ms.
const SHIFT_MS: i64 = 5 * MINUTE;

const BOOKINGS: usize = 0;
const DISRUPTIONS: usize = 1;
/// Row of the leg's disruption in the store of disruptions; connections have their own rows under `c`.
const CURRENT: &[u8] = b"d";
const FORGET: u8 = 1;

record! {
    /// One booking on this leg, as the stage keeps it.
    pub(crate) struct Rider {
        /// PNR locator.
        pnr: Pnr,
        /// Whose booking it is.
        organisation: Organisation,
        /// Index of this leg in the booking.
        segment: i32,
        /// People on the booking.
        passengers: i32,
        /// The leg that they connect to; none when the journey ends or rests here.
        onward: Vec<Segment>,
        /// What was last passed on for it; empty before the first.
        told: Vec<BookingDisruption>,
    }
}

/// The stage.
#[derive(Debug, Default)]
pub struct Reach;

impl Processor for Reach {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let leg: Leg = cx.key().parse().map_err(|e| Poison::new("misplaced key", e))?;
        if record.topic == CARRIER_PROOFS {
            return proof::take(cx, leg, read(record)?);
        }
        let disruption = if record.topic == BOOKING_BY_LEG {
            let disruption = cx.load(DISRUPTIONS, CURRENT)?;
            take_booking(cx, leg, read(record)?, disruption.as_ref())?;
            disruption
        } else {
            let disruption: Disruption = read(record)?;
            keep_until(cx, disruption.scheduled_departure);
            cx.save(DISRUPTIONS, CURRENT, &disruption);
            for (sub, rider) in cx.load_all::<Rider>(BOOKINGS, b"")? {
                tell(cx, &sub, rider, &disruption);
            }
            Some(disruption)
        };
        disruption.map_or(Ok(()), |disruption| connections::follow(cx, &disruption))
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, _timer: &Timer) -> Result<(), Poison> {
        for store in [BOOKINGS, DISRUPTIONS] {
            for (sub, _) in cx.scan(store, b"") {
                cx.delete(store, &sub);
            }
        }
        Ok(())
    }
}

fn take_booking(cx: &mut Cx<'_>, leg: Leg, booking: Booking, disruption: Option<&Disruption>) -> Result<(), Poison> {
    let sub = booking.pnr.as_str().as_bytes();
    let place = booking.segments.iter().position(|segment| segment.leg == leg);
    let Some(index) = place.filter(|_| booking.kind != BookingKind::Cancelled) else {
        cx.delete(BOOKINGS, sub);
        return Ok(());
    };
    let segment = &booking.segments[index];
    let onward = booking.segments.get(index + 1).filter(|next| connects(segment, next));
    let known = cx.load::<Rider>(BOOKINGS, sub)?;
    let is_new = known.is_none();
    let rider = Rider {
        pnr: booking.pnr,
        organisation: booking.organisation,
        segment: index as i32,
        passengers: booking.passengers.len() as i32,
        onward: onward.cloned().into_iter().collect(),
        told: known.map(|rider| rider.told).unwrap_or_default(),
    };
    keep_until(cx, segment.scheduled_departure);
    if is_new {
        proof::tell_newcomer(cx, &rider)?;
    }
    match disruption {
        Some(disruption) => tell(cx, sub, rider, disruption),
        None => cx.save(BOOKINGS, sub, &rider),
    }
    Ok(())
}

fn keep_until(cx: &mut Cx<'_>, scheduled_departure: i64) {
    cx.set_timer(FORGET, b"", forgotten_at(scheduled_departure.max(cx.now()).saturating_add(KEEP_MS)));
}

/// Passes the disruption on to one booking, unless it knows all of it already.
fn tell(cx: &mut Cx<'_>, sub: &[u8], mut rider: Rider, disruption: &Disruption) {
    let message = BookingDisruption {
        pnr: rider.pnr,
        organisation: rider.organisation,
        what: disruption.clone(),
        segment: rider.segment,
        connection_at_risk: rider.onward.first().is_some_and(|onward| breaks(disruption, onward)),
    };
    if matters(rider.told.first(), &message) {
        cx.set_organisation(rider.organisation.as_str());
        cx.send(DISRUPTION_BY_PNR, rider.pnr.as_str(), &message);
        cx.send(DISRUPTION_BY_ORGANISATION, rider.organisation.as_str(), &message);
        rider.told = vec![message];
    }
    cx.save(BOOKINGS, sub, &rider);
}

/// Whether the leg is expected too late for the onward one. A cancelled leg breaks more than its connection.
fn breaks(disruption: &Disruption, onward: &Segment) -> bool {
    let flies = disruption.pattern != Pattern::Cancellation;
    let arrival = disruption.expected_arrival.filter(|_| flies);
    arrival.is_some_and(|at| at + min_connection(onward.leg.origin) > onward.scheduled_departure)
}

/// Whether a later stage would act otherwise on `new` than on what it was `told`.
fn matters(told: Option<&BookingDisruption>, new: &BookingDisruption) -> bool {
    let Some(old) = told else {
        // A disruption that was over before the booking came touches it only through its outcome.
        return new.what.phase != Phase::Resolved || new.what.arrived || new.what.pattern == Pattern::Cancellation;
    };
    let exact = |d: &BookingDisruption| {
        let causes: Vec<String> = d.what.causes.iter().map(|cause| cause.kind.clone()).collect();
        let what =
            (d.what.pattern, d.what.phase == Phase::Resolved, d.what.severity, d.what.arrived, d.what.reason.clone(), causes);
        (d.segment, d.organisation, d.connection_at_risk, d.what.disruption.clone(), what)
    };
    let settled = new.what.arrived && old.what.expected_arrival != new.what.expected_arrival;
    exact(old) != exact(new)
        || settled
        || shifted(old.what.expected_departure, new.what.expected_departure)
        || shifted(old.what.expected_arrival, new.what.expected_arrival)
}

fn shifted(old: Option<i64>, new: Option<i64>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => (old - new).abs() >= SHIFT_MS,
        (old, new) => old.is_some() != new.is_some(),
    }
}
