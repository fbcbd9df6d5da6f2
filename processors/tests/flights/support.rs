//! Hand-made observations, the run, typed output.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_schemas::records::{DeadLetter, FlightKind, FlightObservation, Message};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::codec::Codec;
use slipstream_streams::record::{Event, Record, Topic, derive_id};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
/// 2026-03-02T00:00Z, a Monday.
pub const DAY: i64 = 1_772_409_600_000;

/// An instant of the day, `HH:MM` UTC; `+1 HH:MM` on the next, `-1 HH:MM` on the one before.
pub fn at(clock: &str) -> i64 {
    let (days, clock) = clock.split_once(' ').map_or((0, clock), |(days, clock)| (days.parse::<i64>().unwrap(), clock));
    let (hours, minutes) = clock.split_once(':').unwrap_or_else(|| panic!("no time of day: {clock}"));
    DAY + days * 24 * HOUR + hours.parse::<i64>().unwrap() * HOUR + minutes.parse::<i64>().unwrap() * MINUTE
}

/// A record of `flight.observations`; its id follows from its content and `place`.
pub fn record(said: &FlightObservation, known_at: i64, place: usize) -> Record {
    let body = said.to_bytes();
    let id = derive_id(&[b"test", &body, place.to_string().as_bytes()]);
    Record {
        topic: t::FLIGHT_OBSERVATIONS,
        partition: -1,
        offset: -1,
        timestamp: known_at,
        key: format!("{}{}", said.carrier, said.number).into(),
        rank: said.rank(),
        event: Event { id, source: "/test".into(), correlation: id, causation: None, organisation: None },
        body: Some(body.into()),
    }
}

/// An observation that says nothing yet: `AA100 JFK-LAX` of `source`.
pub fn said(source: &str, flight: &str, kind: FlightKind) -> FlightObservation {
    let (number, pair) = flight.split_once(' ').unwrap();
    let (origin, destination) = pair.split_once('-').unwrap();
    let designator = (number[..2].parse().unwrap(), number[2..].parse().unwrap());
    FlightObservation::of(source, kind, designator, (origin.parse().unwrap(), destination.parse().unwrap()))
}

/// Records in order of time.
pub struct Vector(std::vec::IntoIter<Record>);

impl Vector {
    pub fn new(mut records: Vec<Record>) -> Self {
        records.sort_by_key(|record| record.timestamp);
        Self(records.into_iter())
    }
}

impl Source for Vector {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next())
    }
}

/// Everything that was written.
#[derive(Default)]
pub struct Written(pub Vec<Arc<Record>>);

impl Sink for Written {
    fn instant(&mut self, _at: i64, mut records: Vec<Arc<Record>>) -> std::io::Result<()> {
        records.sort_by(|a, b| a.order().cmp(&b.order())); // as `--out` shows them
        self.0.extend(records);
        Ok(())
    }
}

impl Written {
    /// The messages of a topic: (key, message).
    pub fn all<M: Message>(&self, topic: &str) -> Vec<(String, M)> {
        let records = self.0.iter().filter(|record| record.topic == topic);
        records.map(|record| (record.key.to_string(), M::from_bytes(record.body.as_ref().unwrap()).unwrap())).collect()
    }

    /// The dead letters: (reason, error).
    pub fn refused(&self) -> Vec<(String, String)> {
        let letters = self.all::<DeadLetter>(t::DEAD_LETTER_QUEUE).into_iter();
        letters.map(|(_, letter)| (letter.reason, letter.error)).collect()
    }
}

/// Made once: it reads every schema.
static CODEC: LazyLock<Arc<dyn Codec>> = LazyLock::new(|| Arc::new(Edge::local().unwrap()));

/// The stages that `topics` need, on the reference schedule.
pub fn pipeline(topics: &[Topic]) -> Reference {
    let partitions: BTreeMap<Topic, i32> = t::ALL.iter().map(|topic| (*topic, 1)).collect();
    Reference::new(pipeline::topology(partitions).upstream_of(topics), &CODEC).unwrap()
}

/// What the stages up to `topics` write for these records.
pub fn run(topics: &[Topic], records: Vec<Record>) -> Written {
    let mut written = Written::default();
    pipeline(topics).run(&mut Vector::new(records), &mut written).unwrap();
    written
}
