//! What each passenger of a disrupted journey gets: the way on, the law, care, a choice; and when it is over.
//!
//! ```text
//! booking.events ────┐
//! disruption.by-pnr ─┼─► case of the journey ─► assess ─► rights ─► passenger.events, decision.audit, liability.by-leg
//! boarding.events ───┤        ▲
//! reaccommodation ───┘        │ timers: care falls due, the journey should be over
//!                             └ what the carrier submits to be freed, by way of disruption.by-pnr
//! ```
//!
//! Keeps the booking, and one [`Case`] for each disrupted journey until [`KEEP_MS`] after it is closed: longer than a
//! disruption can still change; what happens to some passengers at the gate is a case of theirs ([`gate`]). With it, what the carrier submitted for its legs. Whatever comes in updates the case, and what has happened is said, once. At the end of
//! the instant the case is put to the law. A decision is final when the journey, as it was really travelled, has ended and
//! nothing that matters is unknown, or before that when nothing still open can change it ([`finality`]); until then it is
//! provisional. Each revision has its own record with its cause, and so has a revision that a correction forces after the
//! end, or a defence that the carrier submits only then: the law sets it no time limit. Every choice made here has an audit: the case as the law was asked it, the rule set, the outcome. Either the
//! disruption or the way on may come first, and the way on may come alone; what comes before the booking waits for it.
//! Does not promise the moment a door opened: in-block stands in for it, and near a threshold the law module says so.

mod assess;
mod case;
mod defence;
mod finality;
mod gate;
mod line;
mod owe;
mod say;
mod stake;

use slipstream_schemas::records::{
    Boarding, Booking, BookingDisruption, BookingKind, BookingProof, CarrierProof, Outcome, Phase, Reaccommodation, rank_of,
};
use slipstream_schemas::topics::{BOARDING_EVENTS, BOOKING_EVENTS, DISRUPTION_BY_PNR};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use self::case::{BOOKINGS, CASES, Case};
use crate::context::{Typed, forgotten_at, read};
use crate::journey::{HOUR, MINUTE};
use crate::rights::Law;

/// How long after the journey should have ended its end is waited for, ms.
const END_GRACE_MS: i64 = 3 * HOUR;
/// The same for a journey whose end nobody knows, ms: longer than seats are looked for and legs are watched.
const OPEN_GRACE_MS: i64 = 72 * HOUR;
/// How long a closed case is remembered, ms.
const KEEP_MS: i64 = 168 * HOUR;

/// All that came in at this instant is known: decide.
const DECIDE: u8 = 0;
/// Care or a choice may have fallen due.
const DUE: u8 = 1;
/// The journey should be over.
const END: u8 = 2;
/// The case may be forgotten.
const FORGET: u8 = 3;

/// The stage.
#[derive(Debug, Default)]
pub struct Entitle;

impl Processor for Entitle {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        match record.topic {
            BOOKING_EVENTS => take_booking(cx, &read(record)?),
            BOARDING_EVENTS => gate::take(cx, read(record)?),
            DISRUPTION_BY_PNR if Some(record.rank) == const { rank_of("booking.proof.submitted") } => {
                take_proof(cx, &read(record)?)
            }
            DISRUPTION_BY_PNR => take_disruption(cx, read(record)?),
            _ => take_reaccommodation(cx, read(record)?),
        }
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let Some(case) = cx.load::<Case>(CASES, &timer.sub)? else {
            return Ok(());
        };
        match timer.kind {
            FORGET => {
                case.booked.iter().for_each(|segment| cx.delete(BOOKINGS, &case::submitted(&segment.leg)));
                cx.delete(CASES, &timer.sub);
                return Ok(());
            }
            DECIDE => return decide(cx, case, &timer.sub),
            _ => {}
        }
        let is_over = timer.kind == END && assess::is_over(&case, cx.now());
        advance(cx, case, is_over);
        Ok(())
    }
}

fn take_booking(cx: &mut Cx<'_>, booking: &Booking) -> Result<(), Poison> {
    if booking.pnr.as_str() != cx.key() {
        return Err(Poison::new("misplaced key", format_args!("pnr: {} under the key {}", booking.pnr, cx.key())));
    }
    cx.save(BOOKINGS, b"", booking);
    for (sub, early) in cx.load_all::<BookingDisruption>(BOOKINGS, case::EARLY)? {
        cx.delete(BOOKINGS, &sub);
        take_disruption(cx, early)?;
    }
    for (sub, early) in cx.load_all::<Reaccommodation>(BOOKINGS, case::EARLY_WAY)? {
        cx.delete(BOOKINGS, &sub);
        take_reaccommodation(cx, early)?;
    }
    for (sub, early) in cx.load_all::<Boarding>(BOOKINGS, case::EARLY_GATE)? {
        cx.delete(BOOKINGS, &sub);
        gate::take(cx, early)?;
    }
    for (sub, mut case) in cx.load_all::<Case>(CASES, b"")? {
        let first = case::start(&case, booking).unwrap_or(case.first);
        if first != case.first {
            case.first = first;
            cx.save(CASES, &sub, &case);
        }
        let gone = booking.kind == BookingKind::Cancelled;
        let carried = gate::carried(cx, &case.booked, &booking.passengers)?;
        let others = !booking.passengers.is_empty() && case.passengers != carried;
        // At the gate it was those passengers, whatever becomes of the booking.
        if case.closed || !case.gate.is_empty() || !(gone || others) {
            continue;
        }
        case.refunded = gone;
        if others && !gone {
            case.passengers = carried;
        }
        advance(cx, case, false);
    }
    Ok(())
}

fn take_disruption(cx: &mut Cx<'_>, news: BookingDisruption) -> Result<(), Poison> {
    let Some(mut case) = case::find(cx, &news.what.leg)? else {
        // Live, topics race: what is said of a booking may be here before the booking.
        let sub = [case::EARLY, news.what.leg.to_string().as_bytes()].concat();
        cx.save(BOOKINGS, &sub, &news);
        return Ok(());
    };
    if forgotten(&case, cx.now()) {
        cx.late();
        return Ok(());
    }
    // That a leg is no longer watched changes nothing in a case that is over.
    let given_up = news.what.phase == Phase::Resolved && !news.what.arrived;
    if case.refunded || (case.closed && given_up) {
        return Ok(());
    }
    if assess::cancelled(&news) && case.told_at.is_none() {
        case.told_at = Some(cx.now());
    }
    match case.disruptions.iter_mut().find(|known| known.what.leg == news.what.leg) {
        // Opened and over at one instant: the two may come in either order.
        Some(known) if known.what.arrived && news.what.arrived && news.what.phase != Phase::Resolved => return Ok(()),
        Some(known) => *known = news,
        None => case.disruptions.push(news),
    }
    advance(cx, case, false);
    Ok(())
}

fn take_reaccommodation(cx: &mut Cx<'_>, news: Reaccommodation) -> Result<(), Poison> {
    let Some(mut case) = case::find_segment(cx, news.segment)? else {
        let sub = [case::EARLY_WAY, &news.segment.to_be_bytes()].concat();
        cx.save(BOOKINGS, &sub, &news);
        return Ok(());
    };
    if forgotten(&case, cx.now()) {
        cx.late();
        return Ok(());
    }
    if case.refunded || (case.closed && news.outcome == Outcome::Refunded) {
        return Ok(());
    }
    match news.outcome {
        Outcome::Refunded => case.refunded = true,
        _ => case.way = vec![news],
    }
    advance(cx, case, false);
    Ok(())
}

/// Keeps what a carrier submits, and puts the journey to the law again if it has been there. Nothing happens by it.
fn take_proof(cx: &mut Cx<'_>, news: &BookingProof) -> Result<(), Poison> {
    let (leg, row) = (news.proof.leg, case::submitted(&news.proof.leg));
    if cx.load::<CarrierProof>(BOOKINGS, &row)?.is_some_and(|known| known == news.proof) {
        return Ok(());
    }
    cx.save(BOOKINGS, &row, &news.proof);
    if let Some(case) = case::known(cx, &leg)? {
        case::ask_again(cx, case);
    }
    Ok(())
}

/// Whether a case opened just now was closed, and forgotten, long ago.
fn forgotten(case: &Case, now: i64) -> bool {
    let is_new = case.disruptions.is_empty() && case.way.is_empty();
    is_new && case.booked.last().is_none_or(|last| last.scheduled_arrival + OPEN_GRACE_MS + KEEP_MS < now)
}

/// Says what has happened, and sets the timers: for the decision, and for what may become true by time alone.
fn advance(cx: &mut Cx<'_>, mut case: Case, is_over: bool) {
    cx.set_organisation(case.organisation.clone().as_str());
    let was_closed = case.closed;
    case.hear(cx.cause().to_string());
    case.closed = is_over || case.refunded || assess::arrived(&case);
    if !(was_closed && case.closed) {
        say::news(cx, &mut case);
    }
    let sub = case.sub();
    cx.set_timer(DECIDE, &sub, cx.now());
    if case.closed {
        cx.cancel_timer(DUE, &sub);
        cx.cancel_timer(END, &sub);
        cx.set_timer(FORGET, &sub, forgotten_at(cx.now() + KEEP_MS));
    } else {
        cx.set_timer(END, &sub, end(&case).max(cx.now() + HOUR));
        if let Some(due) = assess::next_due(&case, cx.now()) {
            cx.set_timer(DUE, &sub, due);
        }
    }
    cx.save(CASES, &sub, &case);
}

/// Puts the case to the law, once for all that came in at this instant: a way on found at the instant of a
/// cancellation is part of the first decision.
fn decide(cx: &mut Cx<'_>, mut case: Case, sub: &[u8]) -> Result<(), Poison> {
    cx.set_organisation(case.organisation.clone().as_str());
    if case.passengers.is_empty() {
        // All were refused at the gate.
        say::stakes(cx, &mut case, None);
        cx.save(CASES, sub, &case);
        return Ok(());
    }
    let proof = match assess::main(&case) {
        Some((leg, _)) => cx.load::<CarrierProof>(BOOKINGS, &case::submitted(&leg))?,
        None => None,
    };
    if let Some(facts) = assess::facts(&case, proof.as_ref(), cx.now()) {
        let law = Law::default();
        let decision = crate::rights::decide(&law, &facts);
        let rights = decision.to_record(finality::is_final(&law, case.closed, &facts, &decision));
        let staked = stake::liability(&law, &case, &facts, &rights, cx.now());
        say::stakes(cx, &mut case, staked);
        owe::entitlements(cx, &mut case, &facts, proof.as_ref(), rights);
        cx.save(CASES, sub, &case);
    }
    Ok(())
}

/// When the journey should be over at the latest.
fn end(case: &Case) -> i64 {
    let booked = case.booked.last().map_or(0, |last| last.scheduled_arrival);
    let planned = case.travelled().last().map_or(booked, |last| last.scheduled_arrival);
    let offered = case.gate.first().and_then(|gate| gate.reroute_arrival_delay_min);
    let planned = planned + offered.map_or(0, |late| i64::from(late) * MINUTE);
    let stranded = case.way.first().is_some_and(|way| way.outcome == Outcome::Unplaceable);
    let grace = if stranded || !case.gate.is_empty() || assess::is_open(case) { OPEN_GRACE_MS } else { END_GRACE_MS };
    planned.max(booked) + grace
}
