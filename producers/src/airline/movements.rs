//! `mvt:` logs of movement messages (AHM 780) and diversion messages (AHM 781) as a stream of what happened to flights.
//!
//! | element | becomes |
//! |---|---|
//! | AD | OUT, OFF |
//! | AA | ON, IN; DIVERTED where it is not at the airport that the flight was going to |
//! | RR, FR | RETURNED |
//! | ED, EA, EB | the estimates of every word of the message, or ESTIMATED by themselves; an EB comes before an EA |
//! | NI | DELAYED, with the instant as an estimate that is `assumed`: before it nobody will know more |
//! | DL, EDL | the reason: of several the one that took longest |
//! | PX | passengers |
//!
//! Known at the instant of receipt. The flight's other airport and its local date come from [`super::timetable`], or from earlier
//! messages of the same flight: [`Routes`] remembers those of [`REMEMBERED_MAX`] flights. A message without them is refused, and so is one
//! whose times lie on no day near it. What a message says that has no place in the pipeline is said by its element's name.
//! Free text goes nowhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date as Civil;
use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_streams::record::Ts;

use super::instants::{date_near, earliest, latest, nearest};
use super::log::Received;
use super::timetable::{Flight, Instance, Timetable};
use super::{named, observed, registration};
use crate::feed::ReadWhole;
use crate::inputs::Kind;
use crate::local_time::MINUTE;
use crate::messages::mvt::{Delay, Movement};
use crate::refusals::{Fault, Refused};
use crate::weather::period::Clock;

/// The source's name.
pub(crate) const NAME: &str = "MVT";
/// How far a sender's clock may be ahead of the receiver's.
const CLOCKS_DIFFER: Ts = 5 * MINUTE;
/// Most flights whose route is remembered; the oldest date gives way.
const REMEMBERED_MAX: usize = 200_000;

/// Reads the messages in order of receipt.
pub(crate) fn read(mut messages: Vec<Received>, timetable: &Timetable, mut refused: Refused) -> ReadWhole {
    messages.sort_by_key(|message| message.at);
    let (envelope, mut routes) = (Arc::from("/producers/mvt"), Routes { timetable, heard: BTreeMap::new() });
    let mut records = Vec::new();
    for message in &messages {
        match words(message, &mut routes) {
            Ok(Words { said, unread }) => {
                records.extend(said.iter().map(|said| observed(&envelope, said, message.at)));
                unread.iter().for_each(|fault| message.refuse(fault, &mut refused));
            }
            Err(fault) => message.refuse(&fault, &mut refused),
        }
    }
    ReadWhole::new(Kind::Mvt, records, refused)
}

/// What one message says, and what of it could not be used.
struct Words {
    said: Vec<FlightObservation>,
    unread: Option<Fault>,
}

fn words(message: &Received, routes: &mut Routes<'_>) -> Result<Words, Fault> {
    let movement = Movement::read(&message.telex).map_err(|problem| Fault::new("message", problem))?;
    let times = Times::read(&movement, message.at)?;
    let way = routes.of(&movement, message.at)?;
    let said = Saying { movement: &movement, times, way }.all()?;
    let unread = movement.unread.len();
    let problem = || Fault::new("elements", format_args!("{unread} not understood; the others were used"));
    Ok(Words { said, unread: (unread > 0).then(problem) })
}

/// The instants of a message.
#[derive(Default)]
struct Times {
    off_block: Option<Ts>,
    airborne: Option<Ts>,
    touchdown: Option<Ts>,
    on_block: Option<Ts>,
    returned: Option<Ts>,
    departure: Option<Ts>,
    arrival: Option<Ts>,
    next_information: Option<Ts>,
}

impl Times {
    fn read(said: &Movement, received: Ts) -> Result<Self, Fault> {
        let limit = received + CLOCKS_DIFFER;
        let past = |element, clock: Option<Clock>, limit: Option<Ts>, otherwise: Ts| {
            on_a_day(element, clock, |clock| latest(clock, limit.unwrap_or(otherwise)))
        };
        let airborne = past("AD", said.airborne, None, limit)?;
        let off_block = past("AD", said.off_block, airborne, limit)?;
        let on_block = past("AA", said.on_block, None, limit)?;
        let back = past("FR", said.returned_on_block, None, limit)?;
        let touched = past("FR", said.returned_touchdown, back, limit)?;
        let departure = on_a_day("ED", said.estimated_departure, |clock| nearest(clock, received))?;
        let next = |clock, after: Option<Ts>| after.map_or_else(|| nearest(clock, received), |start| earliest(clock, start));
        let touchdown = past("AA", said.touchdown, on_block, limit)?;
        let left = airborne.or(off_block).or(departure);
        let on_ground = on_a_day("EA", said.estimated_arrivals.first().map(|arrival| arrival.at), |clock| next(clock, left))?;
        let in_block = on_a_day("EB", said.estimated_on_block, |clock| next(clock, touchdown.or(on_ground).or(left)))?;
        Ok(Self {
            off_block,
            airborne,
            touchdown,
            on_block,
            returned: past("RR", said.returned_to_ramp, None, limit)?.or(back).or(touched),
            departure,
            arrival: in_block.or(on_ground),
            next_information: on_a_day("NI", said.next_information, |clock| nearest(clock, received))?,
        })
    }
}

fn on_a_day(element: &'static str, clock: Option<Clock>, place: impl Fn(Clock) -> Option<Ts>) -> Result<Option<Ts>, Fault> {
    let problem = || Fault::new(element, "its day of the month is not within three days of the message");
    clock.map(|clock| place(clock).ok_or_else(problem)).transpose()
}

/// Which leg a message speaks of.
struct Way {
    flight: Flight,
    designator: Option<String>,
    /// The day of the flight line.
    day: Civil,
    origin: Airport,
    destination: Airport,
    /// The leg's day, where a schedule file has it.
    instance: Option<Instance>,
    /// The airport that the message speaks of in place of the destination.
    diverted_to: Option<Airport>,
}

/// Where flights go: schedule files, and what earlier messages have said.
struct Routes<'a> {
    timetable: &'a Timetable,
    heard: BTreeMap<(Civil, Flight), Vec<(Airport, Airport)>>,
}

/// A leg that a flight has on a day.
type Candidate = ((Airport, Airport), Option<Instance>);

impl Routes<'_> {
    /// The leg of a message.
    ///
    /// # Errors
    /// A code that is none, a day that is not near, or an airport that nothing tells.
    fn of(&mut self, said: &Movement, received: Ts) -> Result<Way, Fault> {
        let number = i32::try_from(said.number).map_err(|problem| Fault::new("flight", problem))?;
        let carrier = said.carrier.parse().map_err(|problem| Fault::new("flight", problem))?;
        let suffix = said.suffix.map(|suffix| suffix.to_string().parse()).transpose();
        let (carrier, designator) = named(carrier, number);
        let flight = (carrier, number, suffix.map_err(|problem| Fault::new("flight", problem))?);
        let at = airport("airport", &said.airport)?;
        let day = date_near(said.day, received).ok_or_else(|| Fault::new("day", "not within three days of the message"))?;
        let stated = said.estimated_arrivals.iter().find_map(|arrival| arrival.airport.as_deref());
        let stated = stated.map(|code| airport("EA", code)).transpose()?;
        let known = self.known(flight, day, received);
        let arriving = said.touchdown.or(said.on_block).is_some();
        let ((origin, destination), instance, diverted_to) =
            if arriving { arrived(&known, at)? } else { departed(&known, at, stated, said.diversion)? };
        self.remember((day, flight), (origin, destination));
        Ok(Way { flight, designator, day, origin, destination, instance, diverted_to })
    }

    /// The legs of a flight on a day, in order of departure.
    fn known(&self, flight: Flight, day: Civil, received: Ts) -> Vec<Candidate> {
        let scheduled = self.timetable.departing(flight, day, received).into_iter();
        let mut known: Vec<Candidate> = scheduled.map(|(leg, one)| ((leg.origin, leg.destination), Some(one))).collect();
        for route in self.heard.get(&(day, flight)).into_iter().flatten() {
            if known.iter().all(|(other, _)| other != route) {
                known.push((*route, None));
            }
        }
        known
    }

    fn remember(&mut self, flight: (Civil, Flight), route: (Airport, Airport)) {
        let routes = self.heard.entry(flight).or_default();
        if !routes.contains(&route) {
            routes.push(route);
        }
        if self.heard.len() > REMEMBERED_MAX {
            self.heard.pop_first();
        }
    }
}

/// A leg, and the airport that it goes to instead.
type Found = ((Airport, Airport), Option<Instance>, Option<Airport>);

/// The leg that ends at an airport, or that ends there instead.
fn arrived(known: &[Candidate], at: Airport) -> Result<Found, Fault> {
    let here: Vec<&Candidate> = known.iter().filter(|((_, to), _)| *to == at).collect();
    match (&here[..], known) {
        ([(route, instance)], _) => Ok((*route, *instance, None)),
        ([], [(route, instance)]) => Ok((*route, *instance, Some(at))),
        ([], []) => Err(Fault::new("origin", "no schedule file and no earlier message says where the flight came from")),
        _ => Err(Fault::new("origin", "the flight has several legs on that day that may have ended there")),
    }
}

/// The leg that begins at an airport; one that is said to go elsewhere than known is diverted.
fn departed(known: &[Candidate], at: Airport, stated: Option<Airport>, diversion: bool) -> Result<Found, Fault> {
    let here: Vec<&Candidate> = known.iter().filter(|((from, _), _)| *from == at).collect();
    let same = here.iter().find(|((_, to), _)| Some(*to) == stated);
    match (same, &here[..], stated) {
        (Some(_), ..) if diversion => Err(Fault::new("EA", "a diversion to where the flight was going anyway")),
        (Some((route, instance)), ..) => Ok((*route, *instance, None)),
        (None, [(route, instance)], stated) => Ok((*route, *instance, stated)),
        (None, [], Some(to)) if !diversion => Ok(((at, to), None, None)),
        (None, [], _) => Err(Fault::new("destination", "neither the message nor a schedule file nor an earlier message says it")),
        (None, ..) => Err(Fault::new("destination", "the flight leaves that airport more than once on that day")),
    }
}

fn airport(field: &'static str, code: &str) -> Result<Airport, Fault> {
    code.parse().map_err(|problem| Fault::new(field, problem))
}

/// A message being said.
struct Saying<'a> {
    movement: &'a Movement,
    times: Times,
    way: Way,
}

impl Saying<'_> {
    fn all(&self) -> Result<Vec<FlightObservation>, Fault> {
        let times = &self.times;
        let ended_elsewhere = self.movement.diversion || self.way.diverted_to.is_some();
        let mut said = Vec::new();
        let mut moved = |kind, at: Option<Ts>| said.extend(at.map(|at| (kind, Some(at))));
        moved(FlightKind::Out, times.off_block);
        moved(FlightKind::Off, times.airborne);
        moved(FlightKind::On, times.touchdown.filter(|_| !ended_elsewhere));
        moved(FlightKind::In, times.on_block.filter(|_| !ended_elsewhere));
        moved(FlightKind::Returned, times.returned);
        if ended_elsewhere {
            said.push((FlightKind::Diverted, times.touchdown.or(times.on_block)));
        }
        if said.is_empty() {
            said.extend(self.expected().map(|kind| (kind, None)));
        }
        let nothing = || Fault::new("elements", "EO alone: the pipeline has no field for an estimated take-off");
        if said.is_empty() { Err(nothing()) } else { said.into_iter().map(|(kind, at)| self.word(kind, at)).collect() }
    }

    /// What a message without movements is about.
    fn expected(&self) -> Option<FlightKind> {
        let Times { departure, arrival, next_information, .. } = self.times;
        match (departure.or(arrival), next_information) {
            (Some(_), _) => Some(FlightKind::Estimated),
            (None, Some(_)) => Some(FlightKind::Delayed),
            (None, None) => self.reason().map(|_| FlightKind::Delayed),
        }
    }

    fn word(&self, kind: FlightKind, at: Option<Ts>) -> Result<FlightObservation, Fault> {
        let (way, times) = (&self.way, &self.times);
        let (carrier, number, suffix) = way.flight;
        let tail = registration(&self.movement.registration)?;
        let unknown = times.departure.is_none() && times.off_block.or(times.airborne).is_none();
        let waits = times.next_information.filter(|_| unknown);
        let (date, date_meaning) = match way.instance {
            Some(one) => (one.date, DateMeaning::LegLocal),
            None => (way.day.into(), DateMeaning::DayUtc),
        };
        Ok(FlightObservation {
            source_leg: Some(self.source_leg()),
            suffix,
            date: Some(date),
            date_meaning,
            at,
            estimated_departure: times.departure.or(waits),
            estimated_arrival: times.arrival,
            tail: Some(tail),
            diverted_to: way.diverted_to.filter(|_| kind == FlightKind::Diverted),
            reason: self.reason(),
            assumed: waits.is_some(),
            designator: way.designator.clone(),
            role: DesignatorRole::Operating,
            passengers: i32::try_from(self.movement.passengers.iter().sum::<u32>()).ok().filter(|count| *count > 0),
            ..FlightObservation::of(NAME, kind, (carrier, number), (way.origin, way.destination))
        })
    }

    fn source_leg(&self) -> String {
        let Way { flight: (carrier, number, suffix), day, origin, destination, .. } = &self.way;
        let suffix = suffix.map_or_else(String::new, |suffix| suffix.to_string());
        format!("{carrier}{number}{suffix}/{day}/{origin}-{destination}")
    }

    /// The code of the delay that took longest, of equals the first; of a diversion its own.
    fn reason(&self) -> Option<String> {
        let minutes = |delay: &&Delay| std::cmp::Reverse(delay.minutes.unwrap_or(0));
        let delay = self.movement.delays.iter().min_by_key(minutes).map(|delay| delay.code.clone());
        self.movement.diversion_reason.clone().or(delay)
    }
}
