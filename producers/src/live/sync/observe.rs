//! One provider's word becomes records: pure.
//!
//! ```text
//! plans, estimates, gates ─► SCHEDULED (ESTIMATED without a schedule)
//! nothing of these        ─► no such record
//! times                   ─► OUT, OFF, ON, IN
//! end                     ─► CANCELLED, DIVERTED; REINSTATED when the same source takes it back
//! designators             ─► a pair of marketing and operating number each
//! ```
//!
//! A record's id follows from its content and the quarter of an hour: the same word said again is the same record, and a word
//! that a source still stands by is repeated while reconcile takes it for fresh. Designators are as stated. Who flies is what
//! this source says, else what another source of the same sync or the reconciled leg says; otherwise the word goes to
//! `flight.unmatched`, and stage identify decides.

use slipstream_schemas::ids::{Airport, Carrier, Leg, Suffix, flight_key};
use slipstream_schemas::records::{
    Codeshare, DateMeaning as Meaning, DesignatorRole, FlightKind, FlightObservation, FlightStatus, Message,
};
use slipstream_schemas::{reference, topics};
use slipstream_streams::record::{Record, Topic, Ts, derive_id};

use super::super::provider::LegQuery;
use super::super::status::{DateMeaning, Designator, FlightStatusData, LegEnd, Role};
use crate::local_time::MINUTE;

/// How often a word that has not changed is said again, ms: reconcile takes words for fresh for twice as long.
pub const CONFIRM_EVERY: Ts = 15 * MINUTE;

/// Providers that are an airline's own feed, and of which operating carriers: on those legs the source is the carrier.
const OWN_FEEDS: &[(&str, &[&str])] = &[("lufthansa", &["LH"]), ("airfranceklm", &["AF", "KL"]), ("britishairways", &["BA"])];

/// A flight under the number of the carrier that flies it.
pub type Flight = (Carrier, u16, Option<Suffix>);

/// Who flies what the sources of one sync speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operator {
    /// The flight; none when nobody says so, or two differ.
    flight: Option<Flight>,
    /// Numbers, carrier and number, that are said to mean it.
    aliases: Vec<(Carrier, u16)>,
}

impl Operator {
    /// What the sources state, else what is reconciled.
    #[must_use]
    pub fn of(said: &[&FlightStatusData], reconciled: Option<Leg>) -> Self {
        let mut stated: Vec<Flight> = said.iter().filter_map(|word| word.operating()).map(flight).collect();
        stated.sort_unstable();
        stated.dedup();
        match stated[..] {
            [one] => {
                let telling = said.iter().filter(|word| word.operating().is_some());
                let named = telling.flat_map(|word| std::iter::once(&word.designator).chain(&word.also));
                Self { flight: Some(one), aliases: named.map(named_by).collect() }
            }
            [] => {
                let flight = reconciled.and_then(|leg| Some((leg.carrier, u16::try_from(leg.number).ok()?, leg.suffix)));
                Self { flight, aliases: flight.map(|(carrier, number, _)| (carrier, number)).into_iter().collect() }
            }
            _ => Self::default(),
        }
    }

    /// The leg asked for, under the number of the carrier that flies it.
    #[must_use]
    pub fn query(&self, asked: LegQuery) -> LegQuery {
        self.flight.map_or(asked, |(carrier, number, suffix)| LegQuery { carrier, number, suffix, ..asked })
    }

    fn of_word(&self, said: &FlightStatusData) -> Option<Flight> {
        let known = || self.flight.filter(|_| self.aliases.contains(&named_by(&said.designator)));
        said.operating().map(flight).or_else(known)
    }
}

fn flight(designator: &Designator) -> Flight {
    (reference::designator(designator.carrier), designator.number, designator.suffix)
}

fn named_by(designator: &Designator) -> (Carrier, u16) {
    (reference::designator(designator.carrier), designator.number)
}

/// A word that cannot be published: the provider does not say between which airports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}: no IATA code")]
pub struct NoRoute(&'static str);

/// What is to be published of one word.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The records.
    pub records: Vec<Record>,
    /// Name of the source in them.
    pub source: String,
}

/// The records of one word, heard at `heard_at`. `ended` is how the same source last said that the leg has ended.
///
/// # Errors
/// It names no airport of departure or arrival, and the question does not either.
pub fn observe(
    query: &LegQuery,
    said: &FlightStatusData,
    heard_at: Ts,
    operator: &Operator,
    ended: Option<FlightStatus>,
) -> Result<Observed, NoRoute> {
    let route =
        (said.departure.airport.or(query.origin).ok_or(NoRoute("origin"))?, said.arrival.airport.ok_or(NoRoute("destination"))?);
    let flown = operator.of_word(said);
    let source = source(&said.source, flown);
    let (topic, base) = placed(said, &source, flown, route);
    let key = flight_key(base.carrier, base.number);
    let stamp = Stamp { source: &source, heard_at };
    let mut records: Vec<Record> = words(said, base, ended).map(|word| stamp.record(topic, &key, &word, true)).collect();
    for pair in pairs(said, &source, route) {
        records.push(stamp.record(topics::FLIGHT_UNMATCHED, &flight_key(pair.carrier, pair.number), &pair, false));
    }
    Ok(Observed { records, source })
}

/// What a word says of a leg whose operating designator it states, under that designator. `ended` as in [`observe`].
///
/// # Errors
/// It names no airport of departure or arrival.
pub(crate) fn observations(said: &FlightStatusData, ended: Option<FlightStatus>) -> Result<Vec<FlightObservation>, NoRoute> {
    let route = (said.departure.airport.ok_or(NoRoute("origin"))?, said.arrival.airport.ok_or(NoRoute("destination"))?);
    let flown = said.operating().map(flight);
    let (_, base) = placed(said, &source(&said.source, flown), flown, route);
    Ok(words(said, base, ended).collect())
}

/// The provider's name, or that of the airline whose own feed it is.
fn source(provider: &str, flown: Option<Flight>) -> String {
    let carrier = flown.map(|(carrier, ..)| carrier);
    let own = OWN_FEEDS
        .iter()
        .find(|(name, _)| *name == provider)
        .and_then(|(_, carriers)| carrier.filter(|carrier| carriers.contains(&carrier.as_str())));
    own.map_or_else(|| provider.to_owned(), |carrier| carrier.to_string())
}

/// The topic, and what all records of the word say.
fn placed(said: &FlightStatusData, source: &str, flown: Option<Flight>, route: (Airport, Airport)) -> (Topic, FlightObservation) {
    let named = &said.designator;
    let (topic, (carrier, number, suffix)) = match flown {
        Some(flight) => (topics::FLIGHT_OBSERVATIONS, flight),
        None => (topics::FLIGHT_UNMATCHED, flight(named)),
    };
    let other = flown.is_some_and(|(carrier, number, _)| named_by(named) != (carrier, number));
    let base = FlightObservation {
        source_leg: said.flight_id.clone(),
        suffix,
        date: said.date.map(|stated| stated.date),
        date_meaning: said.date.map_or(Meaning::Unknown, |stated| meaning(stated.meaning)),
        scheduled_departure: said.departure.scheduled,
        scheduled_arrival: said.arrival.scheduled,
        tail: said.tail,
        designator: Some(named.received.clone()).filter(|_| other || flown.is_none()),
        role: if other { DesignatorRole::Marketing } else { role(named.role) },
        departure_terminal: said.departure.terminal.clone(),
        departure_gate: said.departure.gate.clone(),
        arrival_terminal: said.arrival.terminal.clone(),
        arrival_gate: said.arrival.gate.clone(),
        ..FlightObservation::of(source, FlightKind::Scheduled, (carrier, i32::from(number)), route)
    };
    (topic, base)
}

fn role(role: Role) -> DesignatorRole {
    match role {
        Role::Operating => DesignatorRole::Operating,
        Role::Marketing => DesignatorRole::Marketing,
        Role::Unstated => DesignatorRole::Unknown,
    }
}

fn meaning(meaning: DateMeaning) -> Meaning {
    match meaning {
        DateMeaning::LegLocal => Meaning::LegLocal,
        DateMeaning::LegUtc => Meaning::LegUtc,
        DateMeaning::FlightLocal => Meaning::FlightLocal,
        DateMeaning::FlightUtc => Meaning::FlightUtc,
    }
}

/// The plan first, then what happened in the order in which it can, then how it ended.
fn words(
    said: &FlightStatusData,
    base: FlightObservation,
    ended: Option<FlightStatus>,
) -> impl Iterator<Item = FlightObservation> {
    let plan = if said.departure.scheduled.is_some() { FlightKind::Scheduled } else { FlightKind::Estimated };
    let expected = FlightObservation {
        kind: plan,
        estimated_departure: said.departure.estimated,
        estimated_arrival: said.arrival.estimated,
        ..base.clone()
    };
    let times = [
        (FlightKind::Out, said.departure.actual),
        (FlightKind::Off, said.departure.runway),
        (FlightKind::On, said.arrival.runway),
        (FlightKind::In, said.arrival.actual),
    ];
    let end = match said.status {
        FlightStatus::Cancelled => Some(FlightKind::Cancelled),
        FlightStatus::Diverted => Some(FlightKind::Diverted),
        _ => ended.map(|_| FlightKind::Reinstated),
    };
    let moved = times.into_iter().filter_map(|(kind, at)| at.map(|at| (kind, Some(at))));
    let later = moved.chain(end.map(|kind| (kind, None)));
    let later = later.map(move |(kind, at)| FlightObservation { kind, at, ..base.clone() });
    plans(said).then_some(expected).into_iter().chain(later)
}

/// Whether a word holds more than movements and an end.
fn plans(said: &FlightStatusData) -> bool {
    let of_end =
        |end: &LegEnd| end.scheduled.is_some() || end.estimated.is_some() || end.terminal.is_some() || end.gate.is_some();
    said.tail.is_some() || of_end(&said.departure) || of_end(&said.arrival)
}

/// The marketing numbers that a source states beside the operating one.
fn pairs(said: &FlightStatusData, source: &str, (origin, destination): (Airport, Airport)) -> Vec<Codeshare> {
    let Some((operating_carrier, operating_number, operating_suffix)) = said.operating().map(flight) else {
        return Vec::new();
    };
    let local = |stated: &super::super::status::StatedDate| stated.meaning == DateMeaning::LegLocal;
    let all = std::iter::once(&said.designator).chain(&said.also);
    let marketing = all.filter(|designator| designator.role == Role::Marketing).map(named_by);
    marketing
        .map(|(carrier, number)| Codeshare {
            source: source.to_owned(),
            carrier,
            number: number.into(),
            operating_carrier,
            operating_number: operating_number.into(),
            operating_suffix,
            date: said.date.filter(local).map(|stated| stated.date),
            origin,
            destination,
        })
        .collect()
}

struct Stamp<'a> {
    source: &'a str,
    heard_at: Ts,
}

impl Stamp<'_> {
    fn record<M: Message>(&self, topic: Topic, key: &str, message: &M, is_confirmed: bool) -> Record {
        let body = message.to_bytes();
        let quarter = if is_confirmed { self.heard_at.div_euclid(CONFIRM_EVERY) } else { 0 };
        let id = derive_id(&[self.source.as_bytes(), key.as_bytes(), &quarter.to_be_bytes(), &body]);
        let envelope = format!("/producers/{}", self.source).into();
        Record::said(topic, key, self.heard_at, (&envelope, id), (message.rank(), body))
    }
}
