//! Which operating flight a marketing number means.
//!
//! ```text
//! flight.unmatched ─► pairs of marketing and operating numbers ─► kept by route and date
//!   (designator)  └─► observations under a marketing number ─► the pair is known ─► flight.observations.identified
//!                                                           └─► not yet: held, at most HOLD_MS, then refused
//! ```
//!
//! A pair for the very date comes before one for every date; two pairs that name different flights tell nothing. What is
//! passed on keeps its id, so that a replay and a repetition are recognised. Keeps the pairs of a designator, the oldest
//! dates giving way, and what waits for one. It guesses nothing: without a pair the record ends as `unknown operator`.

use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix, flight_key};
use slipstream_schemas::record;
use slipstream_schemas::records::{Codeshare, DesignatorRole, FlightObservation, Message, rank_of};
use slipstream_schemas::reference;
use slipstream_schemas::topics::{FLIGHT_OBSERVATIONS_IDENTIFIED, FLIGHT_UNMATCHED};
use slipstream_schemas::wire::Wire;
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;
use uuid::Uuid;

use crate::context::{Typed, read};
use crate::journey::HOUR;

/// How long an observation waits for a pair, ms.
pub const HOLD_MS: i64 = 24 * HOUR;
/// Most pairs kept for one designator.
const PAIRS_MAX: usize = 1_000;
/// Most observations of one designator that wait.
const HELD_MAX: usize = 2_000;
/// Date in the row of a pair that holds on every date; sorts behind all dates.
const EVERY_DATE: &str = "every date";

const PAIRS: usize = 0;
const HELD: usize = 1;
const GIVE_UP: u8 = 1;

record! {
    /// The flight that a marketing number means.
    pub(crate) struct Operating {
        /// Carrier that flies.
        carrier: Carrier,
        /// Flight number.
        number: i32,
        /// Operational suffix.
        suffix: Option<Suffix>,
    }
}

record! {
    /// The flights that a number is said to mean on one route and date.
    pub(crate) struct Pairs {
        /// One, unless sources differ.
        flights: Vec<Operating>,
    }
}

record! {
    /// An observation that waits, with what makes its record.
    pub(crate) struct Waiting {
        /// Id of its record.
        id: String,
        /// Its source.
        source: String,
        /// When it became known, epoch ms.
        timestamp: i64,
        /// What was said.
        said: FlightObservation,
    }
}

/// The stage.
#[derive(Debug, Default)]
pub struct Identify;

impl Processor for Identify {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        if Some(record.rank) == rank_of("flight.codeshare") {
            return learn(cx, &read(record)?);
        }
        let said: FlightObservation = read(record)?;
        placed(cx.key(), said.carrier, said.number)?;
        match operating(cx, &said)? {
            Some(flight) => pass_on(cx, said, &flight, record.event.id),
            None => hold(cx, record, said)?,
        }
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let Some(waiting) = cx.load::<Waiting>(HELD, &timer.sub)? else {
            return Ok(());
        };
        cx.delete(HELD, &timer.sub);
        let said = &waiting.said;
        let what = format!(
            "carrier, number: nobody said who flies {}{} from {} to {}",
            said.carrier, said.number, said.origin, said.destination
        );
        cx.refuse(waiting.record(cx.key())?, Poison::processing("unknown operator", what));
        Ok(())
    }
}

impl Waiting {
    fn id(&self) -> Result<Uuid, Poison> {
        Uuid::try_parse(&self.id).map_err(|e| Poison::processing("state row", e))
    }

    /// The record as it came.
    fn record(&self, key: &str) -> Result<Record, Poison> {
        let id = self.id()?;
        let envelope = (&self.source.as_str().into(), id);
        Ok(Record::said(FLIGHT_UNMATCHED, key, self.timestamp, envelope, (self.said.rank(), self.said.to_bytes())))
    }
}

/// Keeps a pair, and passes on what has waited for it.
fn learn(cx: &mut Cx<'_>, pair: &Codeshare) -> Result<(), Poison> {
    placed(cx.key(), pair.carrier, pair.number)?;
    if reference::carrier(pair.operating_carrier).is_none() {
        return Err(Poison::new("unknown carrier", format_args!("operating_carrier: {}", pair.operating_carrier)));
    }
    let place = row(pair.origin, pair.destination, pair.date);
    let flight = Operating {
        carrier: reference::designator(pair.operating_carrier),
        number: pair.operating_number,
        suffix: pair.operating_suffix,
    };
    let mut known = cx.load::<Pairs>(PAIRS, &place)?.unwrap_or(Pairs { flights: Vec::new() });
    if known.flights.contains(&flight) {
        cx.repeated();
        return Ok(());
    }
    known.flights.push(flight);
    let rows = cx.scan(PAIRS, b"");
    if let Some((oldest, _)) = rows.first().filter(|_| rows.len() >= PAIRS_MAX) {
        cx.delete(PAIRS, oldest);
    }
    cx.save(PAIRS, &place, &known);
    for (held, waiting) in cx.load_all::<Waiting>(HELD, b"")? {
        if let Some(flight) = operating(cx, &waiting.said)? {
            cx.delete(HELD, &held);
            cx.cancel_timer(GIVE_UP, &held);
            let id = waiting.id()?;
            pass_on(cx, waiting.said, &flight, id);
        }
    }
    Ok(())
}

/// The flight that is meant, where exactly one pair for the date, else one for every date, says so.
fn operating(cx: &Cx<'_>, said: &FlightObservation) -> Result<Option<Operating>, Poison> {
    let local = || reference::airport(said.origin)?.local_date(said.scheduled_departure.or(said.at)?);
    for date in [said.date.or_else(local), None] {
        let known = cx.load::<Pairs>(PAIRS, &row(said.origin, said.destination, date))?;
        match known.map(|known| known.flights).as_deref() {
            Some([one]) => return Ok(Some(one.clone())),
            Some([_, ..]) => return Ok(None),
            Some([]) | None => {}
        }
    }
    Ok(None)
}

fn row(origin: Airport, destination: Airport, date: Option<Date>) -> Vec<u8> {
    let date = date.map_or_else(|| EVERY_DATE.to_owned(), |date| date.to_string());
    format!("{date}/{origin}-{destination}").into_bytes()
}

fn pass_on(cx: &mut Cx<'_>, said: FlightObservation, flight: &Operating, id: Uuid) {
    let key = flight_key(flight.carrier, flight.number);
    let designator = said.designator.clone().unwrap_or_else(|| cx.key().to_owned());
    let said = FlightObservation {
        carrier: flight.carrier,
        number: flight.number,
        suffix: flight.suffix,
        designator: Some(designator),
        role: DesignatorRole::Marketing,
        ..said
    };
    cx.pass_on(FLIGHT_OBSERVATIONS_IDENTIFIED, &key, said.rank(), said.to_bytes(), id);
}

fn hold(cx: &mut Cx<'_>, record: &Record, said: FlightObservation) -> Result<(), Poison> {
    let place = record.event.id.as_bytes();
    if cx.get(HELD, place).is_some() {
        cx.repeated();
        return Ok(());
    }
    if cx.scan(HELD, b"").len() >= HELD_MAX {
        return Err(Poison::resource("too many held", format_args!("{HELD_MAX} observations of {} wait already", cx.key())));
    }
    let (id, source) = (record.event.id.to_string(), record.event.source.to_string());
    cx.save(HELD, place, &Waiting { id, source, timestamp: record.timestamp, said });
    cx.set_timer(GIVE_UP, place, cx.now().saturating_add(HOLD_MS));
    Ok(())
}

/// Refuses a record under another key than its own designator.
fn placed(key: &str, carrier: Carrier, number: i32) -> Result<(), Poison> {
    let own = format!("{carrier}{number}");
    let suffixed = key.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.parse::<Suffix>().is_ok());
    if suffixed { Ok(()) } else { Err(Poison::new("misplaced key", format_args!("carrier, number: {own} under the key {key}"))) }
}
