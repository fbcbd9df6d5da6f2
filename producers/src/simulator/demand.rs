//! Who is booked on what: bookings, and the seats that they leave.
//!
//!     seats of a leg ─ held by other sellers ─► offered ─ booked ─► free, never below zero
//!
//! A part of each leg's passengers is modelled, the rest is held as sold elsewhere, so that legs are as full as the
//! scenario says at any number of modelled passengers. Itineraries stay within one airline: direct, or by its
//! hub with its minimum connection time; some return the same day or the next. All bookings exist, and the seats
//! with them, within hours of the schedule's publication; what changes later frees seats and never takes any, so a seat that somebody
//! else gives away in the meantime is not sold twice.

use std::collections::{BTreeMap, BTreeSet};

use slipstream_schemas::ids::{Airport, Carrier, Organisation, Pnr};
use slipstream_schemas::records::{Booking, BookingKind, Cabin, Inventory, Segment};
use slipstream_schemas::topics;
use slipstream_schemas::wire::WireError;
use slipstream_streams::record::Record;

use super::dice::Dice;
use super::network::{AIRLINES, airline, station};
use super::passengers::Party;
use super::scenario::Scenario;
use super::timetable::{Flight, Timetable};
use super::{HOUR, MINUTE, SimulatorError, record};

/// Longest connection that is sold.
const CONNECTION_MAX_MIN: i64 = 240;
/// Shortest stay between the two directions of a return trip.
const STAY_MIN: i64 = 150;
/// Hours after publication within which everything is sold.
const SALE_HOURS: i64 = 6;
/// Draws without a seat after which the market counts as sold out.
const REFUSALS_MAX: u32 = 20_000;
/// Bookings in a thousand that are cancelled, and that change, before departure.
const CANCELLED_PERMILLE: i64 = 12;
/// See [`CANCELLED_PERMILLE`].
const MODIFIED_PERMILLE: i64 = 15;

/// Cabins sold, in the order in which their seats are counted.
const CABINS: [Cabin; 2] = [Cabin::Economy, Cabin::Business];

/// Everything sold.
pub(super) struct Market {
    /// Bookings with the instant at which each became known, in that order.
    pub(super) bookings: Vec<(i64, Booking)>,
    /// Seats with the instant at which their number changed, in that order.
    pub(super) inventory: Vec<(i64, Inventory)>,
}

/// One travel wish that found seats.
struct Sale {
    legs: Vec<usize>,
    cabin: usize,
    party: Party,
}

/// Legs by where they lead, and the seats still to sell.
struct Shelf<'a> {
    flights: &'a [Flight],
    from: BTreeMap<(Carrier, Airport), Vec<usize>>,
    left: Vec<[i32; 2]>,
}

/// Sells the scenario's seats.
///
/// # Errors
/// There are fewer seats than the scenario has passengers.
pub(super) fn sell(scenario: &Scenario, timetable: &Timetable, seed: u64, published: i64) -> Result<Market, SimulatorError> {
    let flights = &timetable.flights;
    let mut shelf = Shelf::new(flights);
    let mut dice = Dice::new(seed, "demand");
    let (mut sales, mut placed, mut refusals) = (Vec::new(), 0, 0);
    while placed < scenario.passengers {
        if let Some(sale) = shelf.draw(&mut dice, scenario.passengers - placed) {
            placed += sale.party.size() as u32;
            sales.push(sale);
        } else {
            refusals += 1;
        }
        if refusals > REFUSALS_MAX {
            return Err(SimulatorError::TooManyPassengers {
                scenario: scenario.name.clone(),
                placed,
                wanted: scenario.passengers,
            });
        }
    }
    let left = shelf.left.clone();
    let mut ledger = Ledger::open(scenario, flights, &left, seed, published)?;
    let mut pnrs = BTreeSet::new();
    let count = sales.len().max(1) as i64;
    for (nth, sale) in sales.iter().enumerate() {
        let at = published + 5 * MINUTE + nth as i64 * SALE_HOURS * HOUR / count;
        ledger.book(sale, at, locator(&mut dice, &mut pnrs)?, seed, &mut dice)?;
    }
    Ok(ledger.close()?)
}

/// A locator that no booking has yet: six characters without those that are misread.
fn locator(dice: &mut Dice, taken: &mut BTreeSet<Pnr>) -> Result<Pnr, WireError> {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    loop {
        let text: String = (0..6).filter_map(|_| dice.pick(LETTERS).copied().map(char::from)).collect();
        let pnr: Pnr = text.parse()?;
        if taken.insert(pnr) {
            return Ok(pnr);
        }
    }
}

impl<'a> Shelf<'a> {
    fn new(flights: &'a [Flight]) -> Self {
        let mut from: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, flight) in flights.iter().enumerate() {
            from.entry((flight.leg.carrier, flight.leg.origin)).or_default().push(index);
        }
        from.values_mut().for_each(|legs| legs.sort_by_key(|leg| (flights[*leg].departure, *leg)));
        let left = flights.iter().map(|f| [f.kind.economy, f.kind.business]).collect();
        Self { flights, from, left }
    }

    /// A party with an itinerary that has seats for it; none if chance asked for what is sold out or too large.
    fn draw(&mut self, dice: &mut Dice, room: u32) -> Option<Sale> {
        // The earlier of two, so that most have days left to be rebooked to.
        let drawn = [0, 1].map(|_| dice.below(self.flights.len() as u64) as usize);
        let first = drawn.into_iter().min_by_key(|leg| self.flights[*leg].departure)?;
        let cabin = usize::from(dice.permille(110));
        let mut legs = vec![first];
        if dice.permille(420) {
            legs.extend(self.onward(dice, first));
        }
        let languages = [self.language(legs[0], true), self.language(*legs.last()?, false)];
        let party = Party::draw(dice, CABINS[cabin], languages);
        if dice.permille(300) {
            legs.extend(self.homeward(dice, &legs).into_iter().flatten());
        }
        let free = legs.iter().all(|leg| self.left[*leg][cabin] >= party.seats());
        if !free || party.size() > room as usize {
            return None;
        }
        legs.iter().for_each(|leg| self.left[*leg][cabin] -= party.seats());
        Some(Sale { legs, cabin, party })
    }

    fn language(&self, leg: usize, at_origin: bool) -> &'static str {
        let leg = &self.flights[leg].leg;
        station(if at_origin { leg.origin } else { leg.destination }).map_or("en", |s| s.language)
    }

    /// A connection onward from a leg into a hub, not back to where it came from.
    fn onward(&self, dice: &mut Dice, first: usize) -> Option<usize> {
        let flight = &self.flights[first];
        let hub = station(flight.leg.destination).filter(|_| !flight.outbound)?;
        let window = flight.arrival + hub.connection_min * MINUTE..=flight.arrival + CONNECTION_MAX_MIN * MINUTE;
        let candidates: Vec<usize> = self
            .departures(flight.leg.carrier, flight.leg.destination)
            .filter(|leg| {
                window.contains(&self.flights[*leg].departure) && self.flights[*leg].leg.destination != flight.leg.origin
            })
            .collect();
        dice.pick(&candidates).copied()
    }

    /// The way back by the same airline, by the same hub if there was one.
    fn homeward(&self, dice: &mut Dice, legs: &[usize]) -> Option<Vec<usize>> {
        let (first, last) = (&self.flights[*legs.first()?].leg, &self.flights[*legs.last()?]);
        let earliest = last.arrival + STAY_MIN * MINUTE;
        let via = if legs.len() > 1 { first.destination } else { first.origin };
        let candidates: Vec<usize> = self
            .departures(first.carrier, last.leg.destination)
            .filter(|leg| self.flights[*leg].departure >= earliest && self.flights[*leg].leg.destination == via)
            .collect();
        let back = dice.pick(&candidates).copied()?;
        if via == first.origin {
            return Some(vec![back]);
        }
        let ready = self.flights[back].arrival + station(via)?.connection_min * MINUTE;
        let latest = self.flights[back].arrival + CONNECTION_MAX_MIN * MINUTE;
        let mut home = self.departures(first.carrier, via).filter(|leg| self.flights[*leg].leg.destination == first.origin);
        home.find(|leg| (ready..=latest).contains(&self.flights[*leg].departure)).map(|home| vec![back, home])
    }

    fn departures(&self, carrier: Carrier, origin: Airport) -> impl Iterator<Item = usize> + '_ {
        self.from.get(&(carrier, origin)).into_iter().flatten().copied()
    }
}

/// Seats and bookings as they change.
struct Ledger<'a> {
    flights: &'a [Flight],
    available: Vec<[i32; 2]>,
    bookings: Vec<(i64, Booking)>,
    inventory: Vec<(i64, Inventory)>,
    /// Changes after the sale, to be applied in order of time: when, nth booking, what.
    later: Vec<(i64, usize, Later)>,
    sold: Vec<(Vec<usize>, usize, i32)>,
}

#[derive(Clone)]
enum Later {
    Cancel,
    Modify(Box<Booking>),
}

impl<'a> Ledger<'a> {
    /// Opens sale: what other sellers hold goes off first.
    fn open(scenario: &Scenario, flights: &'a [Flight], left: &[[i32; 2]], seed: u64, at: i64) -> Result<Self, WireError> {
        let mut ledger = Self {
            flights,
            available: flights.iter().map(|f| [f.kind.economy, f.kind.business]).collect(),
            bookings: Vec::new(),
            inventory: Vec::new(),
            later: Vec::new(),
            sold: Vec::new(),
        };
        for (index, flight) in flights.iter().enumerate() {
            let mut dice = Dice::new(seed, &format!("load/{}", flight.leg));
            let load = (i64::from(scenario.load_percent) + dice.quantile(&[-25, -12, -6, -2, 2, 6, 10, 14, 18])).clamp(0, 100);
            for (cabin, left) in left[index].iter().enumerate() {
                let seats = ledger.available[index][cabin];
                let booked = seats - left;
                let held = (i64::from(seats) * load / 100) as i32 - booked;
                ledger.change(index, cabin, -held.clamp(0, *left), at, "ADJUSTMENT")?;
            }
        }
        Ok(ledger)
    }

    fn book(&mut self, sale: &Sale, at: i64, pnr: Pnr, seed: u64, dice: &mut Dice) -> Result<(), WireError> {
        let carrier = self.flights[sale.legs[0]].leg.carrier;
        let (total_minor, currency) = fare(self.flights, sale, dice);
        let booking = Booking {
            pnr,
            organisation: carrier.as_str().parse()?,
            kind: BookingKind::Created,
            segments: sale.legs.iter().map(|leg| segment(&self.flights[*leg], CABINS[sale.cabin])).collect(),
            passengers: sale.party.travellers(seed, pnr)?,
            total_minor,
            currency: currency.parse()?,
        };
        for leg in &sale.legs {
            self.change(*leg, sale.cabin, -sale.party.seats(), at, "BOOKING")?;
        }
        self.plan_change(sale, &booking, seed, dice)?;
        self.sold.push((sale.legs.clone(), sale.cabin, sale.party.seats()));
        self.bookings.push((at, booking));
        Ok(())
    }

    /// A few bookings change on the eve of departure, at least an hour before it.
    fn plan_change(&mut self, sale: &Sale, booking: &Booking, seed: u64, dice: &mut Dice) -> Result<(), WireError> {
        let nth = self.sold.len();
        // A millisecond each, so that no two changes of one leg's seats fall into one instant, where their order is lost.
        let at = self.flights[sale.legs[0]].departure - dice.between(60, 12 * 60) * MINUTE + nth as i64;
        if dice.permille(CANCELLED_PERMILLE) {
            self.later.push((at, nth, Later::Cancel));
        } else if dice.permille(MODIFIED_PERMILLE)
            && let Some(party) = sale.party.with_wheelchair()
        {
            let passengers = party.travellers(seed, booking.pnr)?;
            let modified = Booking { kind: BookingKind::Modified, passengers, ..booking.clone() };
            self.later.push((at, nth, Later::Modify(Box::new(modified))));
        }
        Ok(())
    }

    fn change(&mut self, leg: usize, cabin: usize, seats: i32, at: i64, reason: &str) -> Result<(), WireError> {
        let flight = &self.flights[leg];
        let previous = self.available[leg][cabin];
        self.available[leg][cabin] += seats;
        let organisation: Organisation = flight.leg.carrier.as_str().parse()?;
        let inventory = Inventory {
            organisation,
            leg: flight.leg,
            cabin: CABINS[cabin],
            scheduled_departure: flight.departure,
            scheduled_arrival: flight.arrival,
            capacity: [flight.kind.economy, flight.kind.business][cabin],
            previous_available: previous,
            current_available: previous + seats,
            reason: reason.to_owned(),
        };
        self.inventory.push((at, inventory));
        Ok(())
    }

    /// Applies the later changes in order of time.
    fn close(mut self) -> Result<Market, WireError> {
        let mut later = std::mem::take(&mut self.later);
        later.sort_by_key(|(at, nth, _)| (*at, *nth));
        for (at, nth, change) in later {
            match change {
                Later::Modify(booking) => self.bookings.push((at, *booking)),
                Later::Cancel => {
                    let booking = Booking { kind: BookingKind::Cancelled, ..self.bookings[nth].1.clone() };
                    self.bookings.push((at, booking));
                    let (legs, cabin, seats) = self.sold[nth].clone();
                    for leg in legs {
                        self.change(leg, cabin, seats, at, "CANCELLATION")?;
                    }
                }
            }
        }
        Ok(Market { bookings: self.bookings, inventory: self.inventory })
    }
}

fn segment(flight: &Flight, cabin: Cabin) -> Segment {
    Segment { leg: flight.leg, cabin, scheduled_departure: flight.departure, scheduled_arrival: flight.arrival }
}

/// Total price and currency: a base and a rate per kilometre for each seat and leg, three times that in business.
fn fare(flights: &[Flight], sale: &Sale, dice: &mut Dice) -> (i64, &'static str) {
    let seller = airline(flights[sale.legs[0]].leg.carrier).unwrap_or(&AIRLINES[0]);
    let per_seat: i64 = sale.legs.iter().map(|leg| 2500 + flights[*leg].distance_km * dice.between(5, 14)).sum();
    let euro_cents = per_seat * i64::from(sale.party.seats()) * if sale.cabin == 1 { 3 } else { 1 };
    (euro_cents * seller.euro_percent / 100, seller.currency)
}

/// Appends a record for every booking and every change of seats.
pub(super) fn records(market: &Market, records: &mut Vec<Record>) {
    for (at, booking) in &market.bookings {
        let own_id = format!("{}/{}", booking.pnr, booking.kind);
        let organisation = Some(booking.organisation.as_str());
        records.push(record(topics::BOOKING_EVENTS, *at, booking.pnr.as_str(), &own_id, booking, organisation));
    }
    for (nth, (at, inventory)) in market.inventory.iter().enumerate() {
        let own_id = format!("{}/{}/{nth}", inventory.leg, inventory.cabin);
        let organisation = inventory.organisation.as_str();
        records.push(record(topics::INVENTORY_EVENTS, *at, organisation, &own_id, inventory, Some(organisation)));
    }
}
