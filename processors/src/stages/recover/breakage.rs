//! Where a standing itinerary breaks, and from where the party has to go on.
//!
//! ```text
//! segment 1 ─► segment 2 ─► segment 3        cancelled: from its origin      diverted: from where it landed
//!           connecting time kept?            broken connection: from the airport between
//! ```

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::Segment;

use super::network::Network;
use super::rows::LegNow;
use super::search::{Goal, Onward};
use crate::journey::{HOUR, MINUTE, min_connection};

/// Shortest time between a decision and a new departure: the check-in deadline that holds without another
/// agreement (Article 3(2)(a) of Regulation 261/2004), ms.
pub(super) const LEAD: i64 = 45 * MINUTE;
/// A new departure may lie at most this much before the booked one (Article 5(1)(c)(iii)), ms.
pub(super) const EARLY_MAX: i64 = HOUR;

/// A break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Break {
    /// Segments of the standing itinerary that are flown before it.
    pub(super) flown: usize,
    /// Where the party has to go on from; none while a diverted leg's airport is not known.
    pub(super) from: Option<Airport>,
    /// Earliest departure from there, ms.
    pub(super) ready: i64,
    /// Why, for people.
    pub(super) reason: &'static str,
}

/// A segment with the times that are now expected.
struct Flown<'a> {
    segment: &'a Segment,
    now: Option<&'a LegNow>,
}

impl Flown<'_> {
    fn departure(&self) -> i64 {
        self.now.map_or(self.segment.scheduled_departure, |leg| leg.departure)
    }

    fn arrival(&self) -> i64 {
        self.now.map_or(self.segment.scheduled_arrival, |leg| leg.arrival)
    }
}

fn flown<'a>(network: &'a Network, segment: &'a Segment) -> Flown<'a> {
    Flown { segment, now: network.get(&segment.leg) }
}

/// The first break, if the itinerary does not stand; the airports of departure must have been loaded.
///
/// `before` is the segment of an earlier journey that this one follows without a rest.
pub(super) fn first_break(network: &Network, itinerary: &[Segment], before: Option<&Segment>, now: i64) -> Option<Break> {
    let mut inbound = before.map(|segment| flown(network, segment)).filter(|leg| leg.now.is_none_or(LegNow::flies));
    for (index, segment) in itinerary.iter().enumerate() {
        let leg = flown(network, segment);
        let from = leg.now.and_then(|leg| leg.diverted_to);
        if leg.now.is_some_and(|leg| leg.diverted) && !goes_on_from(from, segment, itinerary.get(index + 1)) {
            let ready = leg.arrival().max(now) + LEAD;
            return Some(Break { flown: index + 1, from, ready, reason: "diverted" });
        }
        let missed = inbound.as_ref().is_some_and(|inbound| misses(inbound, &leg));
        let cancelled = leg.now.is_some_and(|leg| leg.cancelled);
        if missed || cancelled {
            let reason = if cancelled { "flight cancelled" } else { "connection missed" };
            let ready = ready(inbound.as_ref(), segment, now);
            return Some(Break { flown: index, from: Some(segment.leg.origin), ready, reason });
        }
        inbound = Some(leg);
    }
    None
}

/// Whether the itinerary already takes the diversion of `leg` into account.
fn goes_on_from(landed: Option<Airport>, leg: &Segment, next: Option<&Segment>) -> bool {
    landed.is_some_and(|landed| landed == next.map_or(leg.leg.destination, |next| next.leg.origin))
}

/// A connection that was sold below the airport's minimum is held to the time that was sold.
fn misses(inbound: &Flown<'_>, next: &Flown<'_>) -> bool {
    let sold = next.segment.scheduled_departure - inbound.segment.scheduled_arrival;
    inbound.arrival() + min_connection(next.segment.leg.origin).min(sold.max(0)) > next.departure()
}

fn ready(inbound: Option<&Flown<'_>>, broken: &Segment, now: i64) -> i64 {
    let there = match inbound {
        Some(inbound) => inbound.arrival() + min_connection(broken.leg.origin),
        None => broken.scheduled_departure - EARLY_MAX,
    };
    there.max(now + LEAD)
}

/// Where a party may go from a break: its final destination, or any later leg of its own that still works from there on.
pub(super) fn goals(network: &Network, itinerary: &[Segment], broken: &Break) -> Vec<Goal> {
    let Some(last) = itinerary.last() else {
        return Vec::new();
    };
    let mut goals = vec![Goal { airport: last.leg.destination, onward: None, kept: 0 }];
    let arrival = flown(network, last).arrival();
    let resume = broken.flown + usize::from(broken.reason != "diverted");
    for index in (resume..itinerary.len()).rev() {
        let leg = flown(network, &itinerary[index]);
        let works = leg.now.is_none_or(LegNow::flies);
        let connects = itinerary.get(index + 1).is_none_or(|next| !misses(&leg, &flown(network, next)));
        if !works || !connects {
            break;
        }
        let onward = Some(Onward { departure: leg.departure(), arrival });
        goals.push(Goal { airport: leg.segment.leg.origin, onward, kept: itinerary.len() - index });
    }
    goals
}
