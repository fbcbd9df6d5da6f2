//! `ldm:` logs of load messages (AHM 583) as a stream of who and what leaves with a leg.
//!
//! | element | becomes |
//! |---|---|
//! | registration | ASSIGNED, with the tail |
//! | passengers to every destination, infants too | `passengers`: how many are on board as the leg leaves; NIL is nobody |
//! | crew, seats, dead load, bags | nothing: the pipeline has no field for them |
//! | SI | nothing: free text goes nowhere |
//!
//! Known at the instant of receipt. A load message names where its load goes and not where it comes from, so its leg is the one in the
//! schedule files beside it from which the flight goes on to exactly the airports of the message; a message without such a leg is
//! refused, and so is one that several fit. Sums that do not agree and parts that are not understood are refused by themselves, the rest
//! of the message is used. Keeps nothing from one message to the next: a correction is a later word.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date as Civil;
use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_streams::record::Ts;

use super::instants::{date_near, date_of};
use super::log::Received;
use super::timetable::{Flight, Instance, Leg, Timetable};
use super::{named, observed, registration};
use crate::feed::ReadWhole;
use crate::inputs::Kind;
use crate::messages::ldm::{Destination, Load};
use crate::refusals::{Fault, Refused};

/// The source's name.
pub(crate) const NAME: &str = "LDM";

/// Reads the messages in order of receipt.
pub(crate) fn read(mut messages: Vec<Received>, timetable: &Timetable, mut refused: Refused) -> ReadWhole {
    messages.sort_by_key(|message| message.at);
    let (envelope, mut records) = (Arc::from("/producers/ldm"), Vec::new());
    for message in &messages {
        match word(message, timetable) {
            Ok((said, doubts)) => {
                records.push(observed(&envelope, &said, message.at));
                doubts.iter().for_each(|fault| message.refuse(fault, &mut refused));
            }
            Err(fault) => message.refuse(&fault, &mut refused),
        }
    }
    ReadWhole::new(Kind::Ldm, records, refused)
}

/// What a message says, and what of it could not be used.
fn word(message: &Received, timetable: &Timetable) -> Result<(FlightObservation, Vec<Fault>), Fault> {
    let load = Load::read(&message.telex).map_err(|problem| Fault::new("message", problem))?;
    let number = i32::try_from(load.number).map_err(|problem| Fault::new("flight", problem))?;
    let carrier = load.carrier.parse().map_err(|problem| Fault::new("flight", problem))?;
    let suffix = load.suffix.map(|suffix| suffix.to_string().parse()).transpose();
    let suffix = suffix.map_err(|problem| Fault::new("flight", problem))?;
    let (carrier, designator) = named(carrier, number);
    let day = date_near(load.day, message.at).ok_or_else(|| Fault::new("day", "not within three days of the message"))?;
    let (leg, one) = leg(timetable, ((carrier, number, suffix), day), &ahead(&load)?, message.at)?;
    let written = suffix.map_or_else(String::new, |suffix| suffix.to_string());
    let said = FlightObservation {
        source_leg: Some(format!("{carrier}{number}{written}/{day}/{}-{}", leg.origin, leg.destination)),
        suffix,
        date: Some(one.date),
        date_meaning: DateMeaning::LegLocal,
        tail: Some(registration(&load.registration)?),
        designator,
        role: DesignatorRole::Operating,
        passengers: aboard(&load.destinations),
        ..FlightObservation::of(NAME, FlightKind::Assigned, (carrier, number), (leg.origin, leg.destination))
    };
    Ok((said, doubts(&load)))
}

/// The airports to which there is a load.
fn ahead(load: &Load) -> Result<BTreeSet<Airport>, Fault> {
    let codes = load.destinations.iter().map(|destination| destination.airport.parse());
    codes.collect::<Result<_, _>>().map_err(|problem| Fault::new("destination", problem))
}

/// The leg from which a flight goes on to exactly these airports. The day is UTC's; the origin's where that leaves none.
fn leg<'t>(
    timetable: &'t Timetable,
    (flight, day): (Flight, Civil),
    ahead: &BTreeSet<Airport>,
    received: Ts,
) -> Result<(&'t Leg, Instance), Fault> {
    let legs = timetable.departing(flight, day, received);
    if legs.is_empty() {
        return Err(Fault::new("schedule", "no schedule file (ssim:) has the flight on that day"));
    }
    let goes_there = |(leg, one): &(&Leg, Instance)| {
        let all = timetable.legs_on(flight, one.flight_date, received).into_iter();
        let onward: BTreeSet<Airport> =
            all.filter(|(other, _)| other.sequence >= leg.sequence).map(|(other, _)| other.destination).collect();
        onward == *ahead
    };
    let mut fitting: Vec<_> = legs.into_iter().filter(goes_there).collect();
    if fitting.iter().any(|(_, one)| date_of(one.departs) == Some(day)) {
        fitting.retain(|(_, one)| date_of(one.departs) == Some(day));
    }
    match fitting[..] {
        [found] => Ok(found),
        [] => Err(Fault::new("destination", "from no leg of that day does the flight go on to exactly these airports")),
        _ => Err(Fault::new("destination", "the flight has several such legs on that day")),
    }
}

/// How many are on board; unknown where one destination does not say.
fn aboard(destinations: &[Destination]) -> Option<i32> {
    let to = |one: &Destination| match one.passengers[..] {
        [] => one.nil.then_some(0),
        ref figures => figures.iter().try_fold(0_i32, |sum, figure| sum.checked_add_unsigned(*figure)),
    };
    destinations.iter().try_fold(0_i32, |sum, one| sum.checked_add(to(one)?))
}

/// Sums that do not agree, and what was not understood: how much of it, never what.
fn doubts(load: &Load) -> Vec<Fault> {
    let unread = load.unread.len() + load.destinations.iter().map(|one| one.unread.len()).sum::<usize>();
    let unread = (unread > 0).then(|| Fault::new("elements", format_args!("{unread} not understood; the others were used")));
    load.warnings.iter().map(|warning| Fault::new("totals", warning)).chain(unread).collect()
}
