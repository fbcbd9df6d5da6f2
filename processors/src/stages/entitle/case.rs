//! The row of one disrupted journey, and how a leg leads to it.

use std::ops::Range;

use slipstream_schemas::ids::{Leg, Organisation, Pnr};
use slipstream_schemas::record;
use slipstream_schemas::records::{
    Boarding, Booking, BookingDisruption, BookingLiability, Outcome, Reaccommodation, Rights, Segment, Traveller,
};
use slipstream_streams::processor::{Cx, Poison};

use super::gate::{self, carried};
use super::{DECIDE, FORGET, KEEP_MS};
use crate::context::{Typed, forgotten_at};
use crate::journey::journeys;

pub(super) const BOOKINGS: usize = 0;
pub(super) const CASES: usize = 1;
/// Prefix, in the store of bookings, of disruptions that came before the booking.
pub(super) const EARLY: &[u8] = b"e";
/// The same for ways on.
pub(super) const EARLY_WAY: &[u8] = b"w";
/// The same for what happened at the gate.
pub(super) const EARLY_GATE: &[u8] = b"g";
/// The same of what carriers submit for its legs: one row a leg, kept as long as the case.
const SUBMITTED: &[u8] = b"p";
/// Most records kept as the evidence of one revision; the newest count.
const HEARD_MAX: usize = 16;

record! {
    /// One disrupted journey of one booking.
    pub(super) struct Case {
        /// PNR locator.
        pnr: Pnr,
        /// Whose booking it is.
        organisation: Organisation,
        /// Index of the journey's first segment in the booking.
        first: i32,
        /// The journey as booked when the case was opened: what every delay is measured against (C-558/24).
        booked: Vec<Segment>,
        /// Who travels.
        passengers: Vec<Traveller>,
        /// What happened to them at the gate; empty for the case of a journey.
        gate: Vec<Boarding>,
        /// The latest of each touched leg, in the order in which they came up.
        disruptions: Vec<BookingDisruption>,
        /// The latest word on the way on; empty before the first.
        way: Vec<Reaccommodation>,
        /// The booking was cancelled after the disruption.
        refunded: bool,
        /// When the passenger was first told of a cancellation, epoch ms.
        told_at: Option<i64>,
        /// What has been said, one text a fact.
        said: Vec<String>,
        /// The decision that was last said; empty before the first.
        decided: Vec<Rights>,
        /// How many decisions were said.
        revision: i32,
        /// Whether the journey was over when the last one was said.
        decided_closed: bool,
        /// Ids of the records heard since then, the newest [`HEARD_MAX`].
        heard: Vec<String>,
        /// The sum of Article 7 that was last said to be payable, minor units and currency; empty before the first.
        due: String,
        /// What was last said to be at stake; empty before the first.
        staked: Vec<BookingLiability>,
        /// Price of the booking, where this journey is all of it, minor units.
        price: Option<i64>,
        /// Its currency.
        currency: String,
        /// No more is expected of the journey.
        closed: bool,
    }
}

impl Case {
    /// The row's sub-key.
    pub(super) fn sub(&self) -> Vec<u8> {
        if let Some(gate) = self.gate.first() {
            return gate::row(gate);
        }
        self.booked.first().map(|first| first.leg.to_string()).unwrap_or_default().into_bytes()
    }

    /// The segments that lead to the final destination, as things stand; the first ones may be missing.
    pub(super) fn travelled(&self) -> &[Segment] {
        let way = self.way.first().filter(|way| way.outcome == Outcome::Rebooked && !way.segments.is_empty());
        way.map_or(&self.booked, |way| &way.segments)
    }

    /// Keeps the id of a record that changed the case.
    pub(super) fn hear(&mut self, id: String) {
        if self.heard.len() == HEARD_MAX {
            self.heard.remove(0);
        }
        self.heard.push(id);
    }

    /// True the first time that it is asked for a fact.
    pub(super) fn is_news(&mut self, fact: String) -> bool {
        let news = !self.said.contains(&fact);
        if news {
            self.said.push(fact);
        }
        news
    }
}

/// The case of the journey that flies a leg, opened when there is none; none without a booking that flies it.
pub(super) fn find(cx: &Cx<'_>, leg: &Leg) -> Result<Option<Case>, Poison> {
    let flies = |segments: &[Segment]| segments.iter().any(|segment| segment.leg == *leg);
    if let Some(case) = of_journeys(cx)?.into_iter().find(|case| flies(&case.booked) || flies(case.travelled())) {
        return Ok(Some(case));
    }
    cx.load::<Booking>(BOOKINGS, b"")?.map_or(Ok(None), |booking| open(cx, &booking, leg))
}

/// The case of the journey that a segment of the booking belongs to, opened when there is none; none without a booking
/// that has it. A case whose legs the booking has changed since is found by its place.
pub(super) fn find_segment(cx: &Cx<'_>, segment: i32) -> Result<Option<Case>, Poison> {
    let Some(booking) = cx.load::<Booking>(BOOKINGS, b"")? else {
        return Ok(None);
    };
    let mut cases = of_journeys(cx)?;
    cases.sort_by_key(|case| case.first);
    let place = usize::try_from(segment).unwrap_or(usize::MAX);
    let journey = journeys(&booking.segments).into_iter().find(|journey| journey.contains(&place));
    let Some(start) = journey.map(|journey| journey.start) else {
        return Ok(cases.into_iter().rfind(|case| case.first <= segment));
    };
    match cases.into_iter().find(|case| case.first == start as i32) {
        Some(known) => Ok(Some(known)),
        None => open(cx, &booking, &booking.segments[start].leg),
    }
}

/// Where what a carrier submits for a leg is kept.
pub(super) fn submitted(leg: &Leg) -> Vec<u8> {
    [SUBMITTED, leg.to_string().as_bytes()].concat()
}

/// The case that a booked leg belongs to; none while nothing happened to its journey.
pub(super) fn known(cx: &Cx<'_>, leg: &Leg) -> Result<Option<Case>, Poison> {
    Ok(of_journeys(cx)?.into_iter().find(|case| case.booked.iter().any(|segment| segment.leg == *leg)))
}

/// The cases of journeys, without those of the gate.
fn of_journeys(cx: &Cx<'_>) -> Result<Vec<Case>, Poison> {
    let cases = cx.load_all::<Case>(CASES, b"")?.into_iter().map(|(_, case)| case);
    Ok(cases.filter(|case| case.gate.is_empty()).collect())
}

/// Puts a case to the law again, though nothing happened to its journey.
pub(super) fn ask_again(cx: &mut Cx<'_>, mut case: Case) {
    case.hear(cx.cause().to_string());
    let sub = case.sub();
    cx.set_timer(DECIDE, &sub, cx.now());
    if case.closed {
        cx.set_timer(FORGET, &sub, forgotten_at(cx.now() + KEEP_MS));
    }
    cx.save(CASES, &sub, &case);
}

/// Where in the booking the case's journey starts as the booking now stands; the legs may be those of its way on.
pub(super) fn start(case: &Case, booking: &Booking) -> Option<i32> {
    let own = |segment: &Segment| case.booked.iter().chain(case.travelled()).any(|known| known.leg == segment.leg);
    let journeys = journeys(&booking.segments).into_iter();
    journeys.filter(|journey| booking.segments[journey.clone()].iter().any(own)).map(|journey| journey.start as i32).next()
}

fn open(cx: &Cx<'_>, booking: &Booking, leg: &Leg) -> Result<Option<Case>, Poison> {
    let place = booking.segments.iter().position(|segment| segment.leg == *leg);
    let journey = place.and_then(|place| journeys(&booking.segments).into_iter().find(|journey| journey.contains(&place)));
    let Some(mut case) = journey.map(|journey| of(booking, journey)) else {
        return Ok(None);
    };
    case.passengers = carried(cx, &case.booked, &case.passengers)?;
    Ok(Some(case))
}

/// A case of some segments of a booking, in which nothing has happened yet.
pub(super) fn of(booking: &Booking, segments: Range<usize>) -> Case {
    Case {
        pnr: booking.pnr,
        organisation: booking.organisation,
        first: segments.start as i32,
        price: (segments.len() == booking.segments.len()).then_some(booking.total_minor),
        currency: booking.currency.to_string(),
        booked: booking.segments[segments].to_vec(),
        passengers: booking.passengers.clone(),
        gate: Vec::new(),
        disruptions: Vec::new(),
        way: Vec::new(),
        refunded: false,
        told_at: None,
        said: Vec::new(),
        decided: Vec::new(),
        revision: 0,
        decided_closed: false,
        heard: Vec::new(),
        due: String::new(),
        staked: Vec::new(),
        closed: false,
    }
}
