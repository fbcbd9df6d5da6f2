//! What happens at the gate: more passengers than seats, or fewer premium seats than were sold.
//!
//!     [[overbooking]], [[downsizing]] of the scenario + fates of the legs + bookings ─► who gives way ─► boarding.events
//!
//! Parties are never split. Volunteers are found first, then some are refused against their will, and who flies standby stays
//! behind. All go on by the airline's next flight on the route, if there is one: the offer is known at the gate, the arrival
//! when it is a fact. Only parties whose journey ends with the leg give way, as a gate agent would choose. Passengers and seats
//! of other sellers are not modelled.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Carrier, Leg, Pnr};
use slipstream_schemas::records::{Boarding, BoardingKind, Booking, BookingKind, Cabin};
use slipstream_schemas::topics;
use slipstream_schemas::wire::WireError;
use slipstream_streams::record::Record;

use super::demand::Market;
use super::network::zone_of;
use super::operations::{Day, Fate};
use super::scenario::{Scenario, Window};
use super::sky::Span;
use super::{HOUR, MINUTE, record};

/// Minutes before off-block at which seats turn out too few.
const CLOSING_MIN: i64 = 25;
/// Shortest time from one flight to the next, minutes.
const NEXT_MIN: i64 = 45;

/// Flights with more passengers than seats.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overbooking {
    /// Whose.
    pub airline: Carrier,
    /// Where they leave from.
    pub airport: Airport,
    /// When they were to leave, local there.
    pub window: Window,
    /// Most legs, the fullest first.
    pub legs: u32,
    /// Most people on each who give up their seat.
    pub volunteers: u32,
    /// What volunteers get for it, in words.
    pub benefit: String,
    /// Most people on each who are refused against their will.
    pub refused: u32,
    /// Most people on each who fly standby, without a confirmed reservation, and stay behind.
    #[serde(default)]
    pub standby: u32,
}

/// Flights with a smaller premium cabin than was sold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Downsizing {
    /// Whose.
    pub airline: Carrier,
    /// Where they leave from.
    pub airport: Airport,
    /// When they were to leave, local there.
    pub window: Window,
    /// Most legs, the fullest first.
    pub legs: u32,
    /// Most people on each who fly in economy instead.
    pub passengers: u32,
}

/// Appends a record for each party and fact.
///
/// # Errors
/// Never for a scenario that was parsed.
pub(super) fn records(scenario: &Scenario, day: &Day, market: &Market, records: &mut Vec<Record>) -> Result<(), WireError> {
    let gate = Gate::new(day, market);
    for event in &scenario.overbooking {
        let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
        let ends = |booking: &Booking, leg| ends_with(booking, leg).is_some();
        let full = gate.fullest((event.airline, event.airport), &span, ends);
        full.into_iter().take(event.legs as usize).for_each(|full| gate.overbooked(event, full, records));
    }
    for event in &scenario.downsizing {
        let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
        let full = gate.fullest((event.airline, event.airport), &span, in_business);
        full.into_iter().take(event.legs as usize).for_each(|full| gate.downsized(event, full, records));
    }
    Ok(())
}

/// A leg that flew, and parties that it carries.
struct Full<'a> {
    /// Its place among the day's flights.
    index: usize,
    /// Epoch ms.
    off_block: i64,
    parties: Vec<&'a Booking>,
}

/// The day and the bookings that stand.
struct Gate<'a> {
    day: &'a Day,
    bookings: Vec<&'a Booking>,
}

impl<'a> Gate<'a> {
    fn new(day: &'a Day, market: &'a Market) -> Self {
        let of_kind = |kind| market.bookings.iter().map(|(_, booking)| booking).filter(move |booking| booking.kind == kind);
        let gone: BTreeSet<Pnr> = of_kind(BookingKind::Cancelled).map(|booking| booking.pnr).collect();
        let bookings = of_kind(BookingKind::Created).filter(|booking| !gone.contains(&booking.pnr)).collect();
        Self { day, bookings }
    }

    /// Legs that flew and carry parties of some sort: the most parties first, of equals the first to depart.
    fn fullest(&self, (carrier, origin): (Carrier, Airport), span: &Span, sort: impl Fn(&Booking, Leg) -> bool) -> Vec<Full<'a>> {
        let flown = |index: usize| match &self.day.fates[index].0 {
            Fate::Flown([off_block, ..]) => Some((index, *off_block)),
            _ => None,
        };
        let full = |(index, off_block): (usize, i64)| {
            let flight = &self.day.flights[index];
            if (flight.leg.carrier, flight.leg.origin) != (carrier, origin) || !span.holds(flight.departure) {
                return None;
            }
            let parties: Vec<_> = self.bookings.iter().copied().filter(|booking| sort(booking, flight.leg)).collect();
            (!parties.is_empty()).then_some(Full { index, off_block, parties })
        };
        let mut legs: Vec<Full<'_>> = (0..self.day.planned).filter_map(flown).filter_map(full).collect();
        legs.sort_by_key(|full| (Reverse(full.parties.len()), self.day.flights[full.index].departure, full.index));
        legs
    }

    fn overbooked(&self, event: &Overbooking, full: Full<'_>, records: &mut Vec<Record>) {
        let Full { index, off_block, parties: mut flying } = full;
        let next = self.next(index, off_block);
        let ways = [(event.volunteers, true, false), (event.refused, false, false), (event.standby, false, true)];
        for (people, volunteered, standby) in ways {
            let benefit = if volunteered { event.benefit.as_str() } else { "" };
            for party in give_way(&mut flying, people as usize) {
                let refused = Boarding { volunteered, standby, benefit: benefit.to_owned(), ..self.refused(party, index, next) };
                push(off_block - CLOSING_MIN * MINUTE, &refused, records);
                if let Some((_, arrived_at)) = next {
                    push(arrived_at, &Boarding { arrived_at: Some(arrived_at), ..refused }, records);
                }
            }
        }
    }

    /// The airline's next flight on the route that flew, with its in-block.
    fn next(&self, index: usize, off_block: i64) -> Option<(usize, i64)> {
        let leg = self.day.flights[index].leg;
        let flown = |other: usize| match &self.day.fates[other].0 {
            Fate::Flown([.., in_block]) => Some((other, *in_block)),
            _ => None,
        };
        let same = |(other, _): &(usize, i64)| {
            let flight = &self.day.flights[*other];
            let route = |leg: &Leg| (leg.carrier, leg.origin, leg.destination);
            route(&flight.leg) == route(&leg) && flight.departure >= off_block + NEXT_MIN * MINUTE
        };
        (0..self.day.planned).filter_map(flown).filter(same).min_by_key(|(other, _)| (self.day.flights[*other].departure, *other))
    }

    fn refused(&self, party: &Booking, index: usize, next: Option<(usize, i64)>) -> Boarding {
        let booked = &self.day.flights[index];
        let minutes = |later: i64, booked: i64| ((later - booked) / MINUTE) as i32;
        let next = next.map(|(other, _)| &self.day.flights[other]);
        Boarding {
            reroute_offered: Some(next.is_some()),
            reroute_departure_offset_min: next.map(|next| minutes(next.departure, booked.departure)),
            reroute_arrival_delay_min: next.map(|next| minutes(next.arrival, booked.arrival)),
            ..boarding(party, booked.leg, BoardingKind::Refused, "overbooking")
        }
    }

    fn downsized(&self, event: &Downsizing, mut full: Full<'_>, records: &mut Vec<Record>) {
        let leg = self.day.flights[full.index].leg;
        for party in give_way(&mut full.parties, event.passengers as usize) {
            let flights = (party.segments.len() * party.passengers.len()).max(1) as i64;
            let lower = Boarding {
                cabin_paid: Cabin::Business,
                cabin_flown: Cabin::Economy,
                segment_price_minor: Some(party.total_minor / flights),
                currency: Some(party.currency),
                ..boarding(party, leg, BoardingKind::Downgraded, "equipment_change")
            };
            push(full.off_block - CLOSING_MIN * MINUTE, &lower, records);
        }
    }
}

/// Takes the first parties that fit among so many people out of those who would fly.
fn give_way<'b>(flying: &mut Vec<&'b Booking>, people: usize) -> Vec<&'b Booking> {
    let mut left = people;
    let fits = |party: &mut &Booking| {
        let fits = party.passengers.len() <= left;
        left -= if fits { party.passengers.len() } else { 0 };
        fits
    };
    flying.extract_if(.., fits).collect()
}

/// The place of a leg in a booking whose journey ends with it: nothing follows within a day but the way back.
fn ends_with(booking: &Booking, leg: Leg) -> Option<usize> {
    let place = booking.segments.iter().position(|segment| segment.leg == leg)?;
    let own = &booking.segments[place];
    let ends = booking.segments.get(place + 1).is_none_or(|next| {
        next.leg.destination == own.leg.origin || next.scheduled_departure - own.scheduled_arrival >= 24 * HOUR
    });
    ends.then_some(place)
}

fn in_business(booking: &Booking, leg: Leg) -> bool {
    booking.segments.iter().any(|segment| segment.leg == leg && segment.cabin == Cabin::Business)
}

/// Something that happened to a whole party.
fn boarding(party: &Booking, leg: Leg, kind: BoardingKind, cause: &str) -> Boarding {
    let cabin = party.segments.iter().find(|segment| segment.leg == leg).map_or(Cabin::Unknown, |segment| segment.cabin);
    Boarding {
        pnr: party.pnr,
        organisation: party.organisation,
        leg,
        passengers: party.passengers.iter().map(|person| person.passenger).collect(),
        kind,
        volunteered: false,
        standby: false,
        benefit: String::new(),
        cause: cause.to_owned(),
        cabin_paid: cabin,
        cabin_flown: cabin,
        segment_price_minor: None,
        currency: None,
        reroute_offered: None,
        reroute_departure_offset_min: None,
        reroute_arrival_delay_min: None,
        arrived_at: None,
    }
}

fn push(at: i64, boarding: &Boarding, records: &mut Vec<Record>) {
    let own_id = format!("{}/{}/{at}", boarding.pnr, boarding.leg);
    let organisation = Some(boarding.organisation.as_str());
    records.push(record(topics::BOARDING_EVENTS, at, boarding.pnr.as_str(), &own_id, boarding, organisation));
}

#[cfg(test)]
mod tests {
    use slipstream_schemas::wire::Wire;
    use slipstream_streams::reference::Source;

    use super::super::Simulator;
    use super::*;

    /// What the gate says in a scenario with these tables added.
    fn said(name: &str, tables: &str) -> Vec<(i64, Boarding)> {
        let added: Added = toml::from_str(tables).unwrap();
        let scenario = Scenario { overbooking: added.overbooking, downsizing: added.downsizing, ..Scenario::load(name).unwrap() };
        let mut simulator = Simulator::new(&scenario, 1).unwrap();
        let records = std::iter::from_fn(|| simulator.next().unwrap());
        let at_gate = records.filter(|record| record.topic == topics::BOARDING_EVENTS);
        at_gate.map(|record| (record.timestamp, Boarding::from_bytes(record.body.as_deref().unwrap()).unwrap())).collect()
    }

    #[derive(Deserialize)]
    struct Added {
        #[serde(default)]
        overbooking: Vec<Overbooking>,
        #[serde(default)]
        downsizing: Vec<Downsizing>,
    }

    #[test]
    fn volunteers_come_first_and_all_go_on_by_the_next_flight() {
        let said = said(
            "network-wide",
            r#"
            [[overbooking]]
            airline = "KL"
            airport = "AMS"
            window = { day = 2, from = "06:00", until = "16:00" }
            legs = 3
            volunteers = 2
            benefit = "300 EUR"
            refused = 3
            standby = 2
            "#,
        );
        let (arrived, gate): (Vec<_>, Vec<_>) = said.iter().partition(|(_, boarding)| boarding.arrived_at.is_some());
        assert!(!gate.is_empty() && gate.len() >= arrived.len());
        for way in [(true, false), (false, false), (false, true)] {
            let people =
                gate.iter().filter(|(_, one)| (one.volunteered, one.standby) == way).map(|(_, one)| one.passengers.len());
            assert!((1..=9).contains(&people.sum::<usize>()), "volunteers, standby: {way:?}");
        }
        for (at, boarding) in &said {
            assert_eq!((boarding.kind, boarding.volunteered), (BoardingKind::Refused, boarding.benefit == "300 EUR"));
            assert!(boarding.arrived_at.is_none_or(|arrived| arrived == *at), "known when it is a fact");
            assert!(boarding.reroute_arrival_delay_min.is_none_or(|late| late > 0), "{boarding:?}");
        }
    }

    #[test]
    fn who_sits_lower_paid_for_more() {
        let tables = r#"
            [[downsizing]]
            airline = "AF"
            airport = "CDG"
            window = { day = 2, from = "06:00", until = "20:00" }
            legs = 3
            passengers = 3
            "#;
        let said = said("technical", tables);
        assert!(!said.is_empty());
        for (_, boarding) in said {
            assert_eq!((boarding.cabin_paid, boarding.cabin_flown), (Cabin::Business, Cabin::Economy));
            assert!(boarding.segment_price_minor.is_some_and(|price| price > 0) && boarding.currency.is_some());
        }
    }
}
