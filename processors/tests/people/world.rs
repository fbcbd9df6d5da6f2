//! Hand-made input for the people stages, and what comes out of them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{
    AgeGroup, Booking, BookingKind, Cabin, Cause, DeadLetter, Disruption, FlightEvent, FlightKind, FlightStatus, Inventory,
    Message, Pattern, Phase, Segment, Severity, Tier, Traveller,
};
use slipstream_schemas::topics as t;
use slipstream_streams::codec::Codec;
use slipstream_streams::record::{Event, Record, Topic, derive_id};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// 2026-03-02T00:00Z, a Monday.
pub(crate) const DAY: i64 = 1_772_409_600_000;
pub(crate) const ORGANISATION: &str = "LH";

/// An instant of the day, `HH:MM` UTC; `+1 HH:MM` on the next.
pub(crate) fn at(clock: &str) -> i64 {
    let (days, clock) = clock.split_once(' ').map_or((0, clock), |(days, clock)| (days.parse::<i64>().unwrap(), clock));
    let (hours, minutes) = clock.split_once(':').unwrap();
    DAY + days * 24 * HOUR + hours.parse::<i64>().unwrap() * HOUR + minutes.parse::<i64>().unwrap() * MINUTE
}

/// A flight of the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flight {
    pub(crate) leg: Leg,
    pub(crate) departure: i64,
    pub(crate) arrival: i64,
}

/// `LH400 FRA-JFK 10:00 18:30`.
pub(crate) fn flight(text: &str) -> Flight {
    let mut words = text.splitn(3, ' ');
    let (number, pair, times) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let split = times.find(':').unwrap() + 3;
    let (departure, arrival) = (at(&times[..split]), at(times[split..].trim()));
    let date = &slipstream_streams::record::rfc3339(departure)[..10];
    Flight { leg: format!("{number}/{date}/{pair}").parse().unwrap(), departure, arrival }
}

pub(crate) fn segment(flight: &Flight, cabin: Cabin) -> Segment {
    Segment { leg: flight.leg, cabin, scheduled_departure: flight.departure, scheduled_arrival: flight.arrival }
}

pub(crate) fn adult(name: &str) -> Traveller {
    Traveller {
        passenger: name.parse().unwrap(),
        age_group: AgeGroup::Adult,
        tier: Tier::None,
        ssr: Vec::new(),
        language: "de".to_owned(),
        channel: "email".to_owned(),
        contact: None,
    }
}

pub(crate) fn party(pnr: &str, size: usize) -> Vec<Traveller> {
    (1..=size).map(|number| adult(&format!("{pnr}-{number}"))).collect()
}

/// What a disruption says of a flight.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    Late {
        departs: i64,
        arrives: i64,
    },
    In {
        departed: i64,
        arrived: i64,
    },
    Cancelled,
    Diverted,
    /// Late, and nobody says until when.
    Silent,
}

/// Source records in the making.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    records: Vec<Record>,
}

impl World {
    pub(crate) fn push<M: Message>(&mut self, at: i64, topic: Topic, key: &str, message: &M) {
        let body = message.to_bytes();
        let id = derive_id(&[b"test", topic.as_bytes(), key.as_bytes(), &at.to_be_bytes(), &body]);
        self.records.push(Record {
            topic,
            partition: 0,
            offset: self.records.len() as i64,
            timestamp: at,
            key: key.into(),
            rank: message.rank(),
            event: Event { id, source: "/test".into(), correlation: id, causation: None, organisation: None },
            body: Some(body.into_boxed_slice()),
        });
    }

    pub(crate) fn booking(&mut self, at: i64, kind: BookingKind, pnr: &str, passengers: Vec<Traveller>, segments: Vec<Segment>) {
        let booking = Booking {
            pnr: pnr.parse().unwrap(),
            organisation: ORGANISATION.parse().unwrap(),
            kind,
            segments,
            passengers,
            total_minor: 10_000,
            currency: "EUR".parse().unwrap(),
        };
        self.push(at, t::BOOKING_EVENTS, pnr, &booking);
    }

    pub(crate) fn book(&mut self, at: i64, pnr: &str, size: usize, flights: &[&Flight]) {
        let segments = flights.iter().map(|flight| segment(flight, Cabin::Economy)).collect();
        self.booking(at, BookingKind::Created, pnr, party(pnr, size), segments);
    }

    pub(crate) fn seats(&mut self, at: i64, flight: &Flight, cabin: Cabin, capacity: i32, available: i32) {
        let inventory = Inventory {
            organisation: ORGANISATION.parse().unwrap(),
            leg: flight.leg,
            cabin,
            scheduled_departure: flight.departure,
            scheduled_arrival: flight.arrival,
            capacity,
            previous_available: available,
            current_available: available,
            reason: "ADJUSTMENT".to_owned(),
        };
        self.push(at, t::INVENTORY_EVENTS, ORGANISATION, &inventory);
    }

    pub(crate) fn disruption(&mut self, at: i64, flight: &Flight, phase: Phase, news: News, cause: &str) {
        let (pattern, times, severity) = match news {
            News::Late { departs, arrives } => (Pattern::Delay, Some((departs, arrives)), Severity::High),
            News::In { departed, arrived } => (Pattern::Delay, Some((departed, arrived)), Severity::High),
            News::Silent => (Pattern::Delay, None, Severity::Low),
            News::Cancelled => (Pattern::Cancellation, None, Severity::Critical),
            News::Diverted => (Pattern::Diversion, Some((flight.departure, flight.arrival)), Severity::Critical),
        };
        let disruption = Disruption {
            disruption: format!("d-{}", flight.leg),
            scope: "leg".to_owned(),
            leg: flight.leg,
            pattern,
            phase,
            severity,
            causes: vec![Cause { kind: cause.to_owned(), share: 100, minutes: None, evidence: Vec::new() }],
            confidence: 100,
            reason: None,
            scheduled_departure: flight.departure,
            scheduled_arrival: Some(flight.arrival),
            expected_departure: times.map(|times| times.0),
            expected_arrival: times.map(|times| times.1),
            arrived: matches!(news, News::In { .. }),
            onward: None,
            passengers: None,
        };
        self.push(at, t::DISRUPTION_BY_LEG, &flight.leg.to_string(), &disruption);
    }

    pub(crate) fn cancel(&mut self, at: i64, flight: &Flight) {
        self.disruption(at, flight, Phase::Opened, News::Cancelled, "airline");
    }

    /// What reconcile tells the organisation of a leg.
    pub(crate) fn flown(
        &mut self,
        at: i64,
        flight: &Flight,
        status: FlightStatus,
        departs: i64,
        arrives: i64,
        diverted_to: Option<&str>,
    ) {
        let flew = matches!(status, FlightStatus::Arrived);
        let event = FlightEvent {
            leg: flight.leg,
            kind: match status {
                FlightStatus::Cancelled => FlightKind::Cancelled,
                FlightStatus::Diverted => FlightKind::Diverted,
                FlightStatus::Arrived => FlightKind::In,
                _ => FlightKind::Estimated,
            },
            status,
            scheduled_departure: flight.departure,
            scheduled_arrival: Some(flight.arrival),
            at: None,
            tail: None,
            departure_delay_min: None,
            arrival_delay_min: None,
            estimated_departure: Some(departs),
            estimated_arrival: Some(arrives),
            out_at: flew.then_some(departs),
            off_at: None,
            on_at: None,
            in_at: flew.then_some(arrives),
            diverted_to: diverted_to.map(|airport| airport.parse().unwrap()),
            reason: None,
            source: "test".to_owned(),
            assumed: false,
            revision: 0,
            superseded_by: None,
        };
        self.push(at, t::FLIGHT_EVENTS_BY_ORGANISATION, ORGANISATION, &event);
    }

    /// Runs everything through the people stages.
    pub(crate) fn run(&self) -> Outcome {
        self.run_in_order(|_| 0)
    }

    /// Runs with the records of one instant handed in by `order`.
    pub(crate) fn run_in_order(&self, order: impl Fn(&Record) -> u64) -> Outcome {
        let mut records = self.records.clone();
        records.sort_by_key(|record| (record.timestamp, order(record)));
        let partitions = t::ALL.iter().map(|topic| (*topic, 4)).collect();
        let mut topology = pipeline::topology(partitions);
        topology.stages.retain(|stage| stage.unit == "people");
        let mut reference = Reference::new(topology, &CODEC).unwrap();
        let mut outcome = Outcome::default();
        reference.run(&mut Recording(records.into_iter()), &mut outcome).unwrap();
        outcome
    }
}

/// Made once: reading every schema takes longer than a small world.
static CODEC: LazyLock<Arc<dyn Codec>> = LazyLock::new(|| Arc::new(Edge::local().unwrap()));

struct Recording(std::vec::IntoIter<Record>);

impl Source for Recording {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next())
    }
}

/// Timestamp, rank, topic, key, id, body.
type Row<'a> = (i64, u16, &'a str, String, String, Vec<u8>);

/// Everything that was on a topic, in order.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) records: Vec<Arc<Record>>,
}

impl Sink for Outcome {
    fn instant(&mut self, _at: i64, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.records.extend(records);
        Ok(())
    }
}

impl Outcome {
    /// Messages of one type on a topic, with their instants.
    pub(crate) fn all<M: Message>(&self, topic: &str) -> Vec<(i64, M)> {
        let ranks = slipstream_schemas::records::TYPES;
        let wanted = self.records.iter().filter(|r| r.topic == topic && ranks[usize::from(r.rank)].schema == M::SCHEMA);
        wanted.map(|record| (record.timestamp, M::from_bytes(record.body.as_deref().unwrap()).unwrap())).collect()
    }

    /// The bytes of everything that the stages wrote, in order of (timestamp, rank, topic, key, id).
    pub(crate) fn bytes(&self) -> Vec<Row<'_>> {
        let derived = self.records.iter().filter(|record| record.event.causation.is_some());
        let mut rows: Vec<_> = derived
            .map(|r| {
                let body = r.body.as_deref().unwrap_or_default().to_vec();
                (r.timestamp, r.rank, r.topic, r.key.to_string(), r.event.id.to_string(), body)
            })
            .collect();
        rows.sort();
        rows
    }

    /// Nothing was refused.
    pub(crate) fn assert_clean(&self) {
        let letters = self.all::<DeadLetter>(t::DEAD_LETTER_QUEUE);
        assert!(letters.is_empty(), "{letters:#?}");
    }

    /// How many records came too late for somebody.
    pub(crate) fn late(&self) -> usize {
        self.records.iter().filter(|record| record.topic == t::LATE_RECORDS).count()
    }

    /// How many messages of a kind, by its name.
    pub(crate) fn counts<M: Message>(&self, topic: &str, name: impl Fn(&M) -> String) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, message) in self.all::<M>(topic) {
            *counts.entry(name(&message)).or_default() += 1;
        }
        counts
    }
}
