//! `pnl:` logs of passenger lists and their changes (RP 1708) as a stream of bookings.
//!
//! ```text
//! part, part, … ─► the list whole ─► roster of the flight ─► the bookings it touches ─► booking.events
//!                   (else refused)    PNL: in place of the one before   CREATED, MODIFIED, CANCELLED
//!                                     ADL: DEL, ADD, CHG
//! ```
//!
//! A list counts once all its parts are there, at the receipt of the last; a part that comes twice counts once. One locator
//! on several flights is one booking. A list has no times and no fares: the times are those of the schedule files given beside it, the
//! total is 0, in no currency. A list for a leg that no schedule has is refused. Keeps [`FLIGHTS_MAX`] flights and [`LISTS_MAX`] unfinished
//! lists; the oldest give way. Personal data: [`super::roster`] says what of it is kept, and that none of it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date as Civil;
use slipstream_schemas::ids::{Airport, Leg as LegId, Organisation, Pnr};
use slipstream_schemas::records::{Booking, BookingKind, Segment};
use slipstream_schemas::topics::BOOKING_EVENTS;
use slipstream_streams::record::{Record, Ts};

use super::instants::{date_of, midnight};
use super::log::Received;
use super::named;
use super::roster::{People, Roster, Seat};
use super::timetable::{Flight, Instance, Leg, Timetable};
use crate::feed::{ReadWhole, record};
use crate::inputs::Kind;
use crate::messages::pnl::Part;
use crate::refusals::{Fault, Refused};

/// Most flights whose lists are kept.
const FLIGHTS_MAX: usize = 50_000;
/// Most lists of which parts are missing.
const LISTS_MAX: usize = 10_000;
/// Most parts of one list.
const PARTS_MAX: u32 = 200;

/// Reads the messages in order of receipt.
pub(crate) fn read(mut messages: Vec<Received>, timetable: &Timetable, refused: Refused) -> ReadWhole {
    messages.sort_by_key(|message| message.at);
    let mut desk = Desk::new(timetable, refused);
    for message in &messages {
        if let Err(fault) = desk.take(message) {
            message.refuse(&fault, &mut desk.refused);
        }
    }
    for list in desk.pending.values() {
        list.first.refuse(&list.incomplete(), &mut desk.refused);
    }
    ReadWhole::new(Kind::Pnl, desk.records, desk.refused)
}

/// A flight as a list names it: local date of departure first, so that the oldest give way.
type Departure = (Civil, Flight, Airport);

/// A list of which parts are missing.
struct Pending<'m> {
    /// The message that began it.
    first: &'m Received,
    parts: BTreeMap<u32, Part>,
}

impl Pending<'_> {
    /// Whether the last part is there and all before it are.
    fn is_whole(&self) -> bool {
        self.parts.last_key_value().is_some_and(|(number, part)| part.last && self.parts.len() == *number as usize)
    }

    fn incomplete(&self) -> Fault {
        let have: Vec<String> = self.parts.keys().map(u32::to_string).collect();
        Fault::new("part", format_args!("of the list only parts {} have come", have.join(", ")))
    }
}

/// Everything that the lists have said so far.
struct Desk<'m> {
    timetable: &'m Timetable,
    envelope: Arc<str>,
    pending: BTreeMap<(Departure, bool), Pending<'m>>,
    flights: BTreeMap<Departure, Roster>,
    /// The flights of each locator.
    journeys: BTreeMap<Pnr, BTreeSet<Departure>>,
    told: BTreeMap<Pnr, Booking>,
    people: People,
    records: Vec<Record>,
    refused: Refused,
}

impl<'m> Desk<'m> {
    fn new(timetable: &'m Timetable, refused: Refused) -> Self {
        Self {
            timetable,
            envelope: "/producers/pnl".into(),
            pending: BTreeMap::new(),
            flights: BTreeMap::new(),
            journeys: BTreeMap::new(),
            told: BTreeMap::new(),
            people: People::default(),
            records: Vec::new(),
            refused,
        }
    }

    /// Takes in one part; a list that it completes is applied.
    fn take(&mut self, message: &'m Received) -> Result<(), Fault> {
        let part = Part::read(&message.telex).map_err(|problem| Fault::new("message", problem))?;
        let departure = departure(&part, message.at)?;
        if part.part > PARTS_MAX {
            return Err(Fault::new("part", format_args!("more than {PARTS_MAX}")));
        }
        self.boarding(departure, message.at)?;
        let key = (departure, part.changes);
        let list = self.pending.entry(key).or_insert_with(|| Pending { first: message, parts: BTreeMap::new() });
        match list.parts.get(&part.part) {
            Some(same) if same.totals == part.totals => return Ok(()), // sent twice
            Some(_) => return Err(Fault::new("part", format_args!("part {} has come before with another text", part.part))),
            None => drop(list.parts.insert(part.part, part)),
        }
        if list.is_whole()
            && let Some(list) = self.pending.remove(&key)
        {
            self.apply(departure, &list, message);
        } else if self.pending.len() > LISTS_MAX
            && let Some((_, oldest)) = self.pending.pop_first()
        {
            oldest.first.refuse(&oldest.incomplete(), &mut self.refused);
        }
        Ok(())
    }

    fn apply(&mut self, departure: Departure, list: &Pending<'_>, message: &Received) {
        let before = self.flights.remove(&departure).unwrap_or_default();
        let whole = list.parts.values().any(|part| !part.changes);
        let mut roster = if whole { Roster::default() } else { before.clone() };
        for part in list.parts.values() {
            let notes = part.warnings.iter().map(|warning| Fault::new("totals", warning)).collect::<Vec<_>>();
            for fault in roster.take(part).into_iter().chain(notes) {
                message.refuse(&fault, &mut self.refused);
            }
        }
        let touched: BTreeSet<Pnr> = before.0.keys().chain(roster.0.keys()).copied().collect();
        self.flights.insert(departure, roster);
        for pnr in touched {
            let aboard = self.flights[&departure].0.contains_key(&pnr);
            let journey = self.journeys.entry(pnr).or_default();
            if aboard {
                journey.insert(departure)
            } else {
                journey.remove(&departure)
            };
            if let Err(fault) = self.tell(pnr, departure.1, message.at) {
                message.refuse(&fault, &mut self.refused);
            }
        }
        self.forget_oldest();
    }

    /// Publishes a booking as it now stands, where that is news.
    fn tell(&mut self, pnr: Pnr, flight: Flight, at: Ts) -> Result<(), Fault> {
        let booking = self.booking(pnr, flight, at)?;
        let before = self.told.get(&pnr);
        let cancelled = before.is_none_or(|before| before.kind == BookingKind::Cancelled);
        let booking = match (before, booking) {
            (_, None) if cancelled => return Ok(()),
            (Some(before), None) => Booking { kind: BookingKind::Cancelled, ..before.clone() },
            (Some(before), Some(booking)) if !cancelled => {
                if (Booking { kind: booking.kind, ..before.clone() }) == booking {
                    return Ok(());
                }
                Booking { kind: BookingKind::Modified, ..booking }
            }
            (_, Some(booking)) => booking,
            (None, None) => return Ok(()),
        };
        self.records.push(record(&self.envelope, BOOKING_EVENTS, pnr.as_str(), &booking, at));
        self.told.insert(pnr, booking);
        Ok(())
    }

    /// The booking of a locator; none when it is on no flight.
    fn booking(&mut self, pnr: Pnr, flight: Flight, at: Ts) -> Result<Option<Booking>, Fault> {
        let journey = self.journeys.get(&pnr).into_iter().flatten();
        let flights: Vec<(Departure, &[Seat])> =
            journey.filter_map(|departure| Some((*departure, self.flights.get(departure)?.0.get(&pnr)?.as_slice()))).collect();
        let mut segments = Vec::new();
        for (departure, seats) in &flights {
            if let Some(seat) = seats.first() {
                segments.extend(self.way(*departure, seat, at)?);
            }
        }
        if segments.is_empty() {
            return Ok(None);
        }
        segments.sort_by_key(|segment| segment.scheduled_departure);
        let carrier = self.told.get(&pnr).map_or_else(|| flight.0.to_string(), |before| before.organisation.to_string());
        let organisation: Organisation = carrier.parse().map_err(|problem| Fault::new("flight", problem))?;
        let currency = "XXX".parse().map_err(|problem| Fault::new("currency", problem))?;
        let seats: Vec<&[Seat]> = flights.iter().map(|(_, seats)| *seats).collect();
        let passengers = self.people.travellers(organisation, pnr, &seats);
        let kind = BookingKind::Created;
        Ok(Some(Booking { pnr, organisation, kind, segments, passengers, total_minor: 0, currency }))
    }

    /// The leg that a list is for.
    fn boarding(&self, (date, flight, from): Departure, at: Ts) -> Result<(&'m Leg, Instance), Fault> {
        let legs = self.timetable.departing(flight, date, at);
        let found = legs.into_iter().find(|(leg, one)| leg.origin == from && one.date.civil() == date);
        let (carrier, number, _) = flight;
        found.ok_or_else(|| {
            Fault::new("schedule", format_args!("no schedule file (ssim:) has {carrier}{number} from {from} on {date}"))
        })
    }

    /// The legs of a flight from its list's airport to a seat's destination.
    fn way(&self, departure: Departure, seat: &Seat, at: Ts) -> Result<Vec<Segment>, Fault> {
        let (first, day) = self.boarding(departure, at)?;
        let mut way = vec![segment(first, day, seat)];
        let mut last = first;
        while last.destination != seat.to {
            let legs = self.timetable.legs_on(departure.1, day.flight_date, at);
            let next = legs.into_iter().find(|(leg, _)| leg.sequence > last.sequence && leg.origin == last.destination);
            let (leg, one) = next.ok_or_else(|| Fault::new("destination", "no schedule file has the flight going there"))?;
            way.push(segment(leg, one, seat));
            last = leg;
        }
        Ok(way)
    }

    fn forget_oldest(&mut self) {
        if self.flights.len() <= FLIGHTS_MAX {
            return;
        }
        let Some((departure, roster)) = self.flights.pop_first() else { return };
        for pnr in roster.0.keys() {
            if let Some(journey) = self.journeys.get_mut(pnr) {
                journey.remove(&departure);
                if journey.is_empty() {
                    self.journeys.remove(pnr);
                    self.told.remove(pnr);
                    self.people.forget(*pnr);
                }
            }
        }
    }
}

/// The leg that flies, also where the list is of a number that only sells it.
fn segment(leg: &Leg, one: Instance, seat: &Seat) -> Segment {
    let (carrier, number, suffix) = leg.operated_as.map_or(leg.flight, |(carrier, number)| (carrier, number, None));
    let (origin, destination) = (leg.origin, leg.destination);
    Segment {
        leg: LegId { carrier, number, suffix, date: one.date, origin, destination, repeat: 0 },
        cabin: seat.cabin,
        scheduled_departure: one.departs,
        scheduled_arrival: one.arrives,
    }
}

/// The flight of a list. The year is that which brings its day nearest to the receipt.
fn departure(part: &Part, received: Ts) -> Result<Departure, Fault> {
    let carrier = part.carrier.parse().map_err(|problem| Fault::new("flight", problem))?;
    let number = i32::try_from(part.number).map_err(|problem| Fault::new("flight", problem))?;
    let suffix = part.suffix.map(|suffix| suffix.to_string().parse()).transpose();
    let suffix = suffix.map_err(|problem| Fault::new("flight", problem))?;
    let from = part.from.parse().map_err(|problem| Fault::new("airport", problem))?;
    let nearest = || {
        let year = date_of(received)?.year();
        let (month, day) = (i8::try_from(part.month).ok()?, i8::try_from(part.day).ok()?);
        let years = (year - 1..=year + 1).filter_map(|year| Civil::new(year, month, day).ok());
        years.min_by_key(|date| midnight(*date).abs_diff(received))
    };
    let date = nearest().ok_or_else(|| Fault::new("date", "no such day"))?;
    Ok((date, (named(carrier, number).0, number, suffix), from))
}
