//! Plays recorded legs as a stream of `flight.observations`, in order of time.
//!
//!     Days ──► a day is loaded before the first instant that any record of it may have
//!       └──► agenda: every moment ahead, by (instant, rank) ──► FlightObservation
//!
//! Keeps the legs of the days under way (about three) and of each tail the legs of the last days for strict
//! assignment. A day is let go with its last moment. Delays are bounded by the layout, so the agenda is too.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use slipstream_schemas::ids::{Date, Tail, flight_key};
use slipstream_schemas::records::FlightKind;
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Source, SourceError};

use crate::Recorded;
use crate::days::{Day, Days};
use crate::event_model::{Ending, Model, Moment, PUBLISHED_AHEAD, Tails};
use crate::facts::LegFacts;
use crate::feed;
use crate::inputs::Kind;
use crate::local_time::{DAY, HOUR};
use crate::refusals::Refused;

/// Local midnight comes first where the clock is furthest ahead: UTC+14.
const EARLIEST_MIDNIGHT: Ts = 14 * HOUR;
/// How long a tail's past legs are remembered for strict assignment.
const FLEET_MEMORY: Ts = 8 * DAY;

/// Recorded legs of one kind of input.
pub(crate) struct Flights {
    kind: Kind,
    envelope: Arc<str>,
    model: Model,
    days: Days,
    underway: VecDeque<Underway>,
    /// Number of the first day in `underway`.
    base: usize,
    agenda: BinaryHeap<Reverse<Entry>>,
    fleet: Fleet,
}

struct Underway {
    legs: Vec<LegFacts>,
    moments_left: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Ts,
    kind: FlightKind,
    day: usize,
    leg: usize,
    /// The instant is final; a strict assignment is looked at once more when its earliest instant has come.
    settled: bool,
}

impl Flights {
    /// Legs of `days`, as the source of this kind's name (in the priority table) says them.
    pub(crate) fn new(kind: Kind, model: Model, days: Days) -> Self {
        Self {
            kind,
            envelope: format!("/producers/{}", kind.name()).into(),
            model,
            days,
            underway: VecDeque::new(),
            base: 0,
            agenda: BinaryHeap::new(),
            fleet: Fleet::default(),
        }
    }

    /// Loads every day that may have a record at or before the head of the agenda.
    fn load(&mut self) -> Result<(), SourceError> {
        while let Some(date) = self.days.next_date() {
            let head = self.agenda.peek().map(|Reverse(entry)| entry.at);
            if head.is_some_and(|head| head < earliest_record(date)) {
                return Ok(());
            }
            if let Some(day) = self.days.next()? {
                self.open(day);
            }
        }
        Ok(())
    }

    fn open(&mut self, day: Day) {
        let published = day.first_departure().unwrap_or_else(|| midnight_utc(day.date)) - PUBLISHED_AHEAD;
        let (number, strict) = (self.base + self.underway.len(), self.model.tails == Tails::Strict);
        let before = self.agenda.len();
        for (index, leg) in day.legs.iter().enumerate() {
            if strict {
                self.fleet.add(leg, self.model.ending(leg));
            }
            let entries = self.model.moments(leg, published).into_iter().map(|Moment { at, kind }| {
                let settled = !strict || kind != FlightKind::Assigned;
                Reverse(Entry { at, kind, day: number, leg: index, settled })
            });
            self.agenda.extend(entries);
        }
        let moments_left = self.agenda.len() - before;
        self.underway.push_back(Underway { legs: day.legs, moments_left });
        self.fleet.forget(published - FLEET_MEMORY);
    }

    /// Counts a moment of a day as past and lets go of days without any left.
    fn pass(&mut self, day: usize) {
        if let Some(underway) = self.underway.get_mut(day - self.base) {
            underway.moments_left -= 1;
        }
        while self.underway.front().is_some_and(|day| day.moments_left == 0) {
            self.underway.pop_front();
            self.base += 1;
        }
    }

    fn record(&self, leg: &LegFacts, moment: Moment) -> Record {
        let observation = self.model.observation(self.kind.name(), leg, moment);
        let key = flight_key(leg.identity.carrier, leg.identity.number);
        feed::record(&self.envelope, FLIGHT_OBSERVATIONS, &key, &observation, moment.at)
    }
}

impl Source for Flights {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            self.load()?;
            let Some(Reverse(mut entry)) = self.agenda.pop() else {
                return Ok(None);
            };
            let Some(leg) = self.underway.get(entry.day - self.base).and_then(|day| day.legs.get(entry.leg)) else {
                return Err(SourceError("a leg was let go before its last moment".to_owned()));
            };
            if !entry.settled {
                entry.at = self.model.strictly(leg, entry.at, self.fleet.inbound_ended(leg));
                entry.settled = true;
                self.agenda.push(Reverse(entry));
                continue;
            }
            let record = self.record(leg, Moment { at: entry.at, kind: entry.kind });
            self.pass(entry.day);
            return Ok(Some(record));
        }
    }
}

impl Recorded for Flights {
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        to(self.kind, self.days.refused());
    }
}

/// No record of a local date is stamped before this: its first departure is not before midnight.
fn earliest_record(date: Date) -> Ts {
    midnight_utc(date) - EARLIEST_MIDNIGHT - PUBLISHED_AHEAD
}

fn midnight_utc(date: Date) -> Ts {
    let days = jiff::civil::date(1970, 1, 1).until(date.civil()).map_or(0, |span| span.get_days());
    Ts::from(days) * DAY
}

/// Where each tail has been: how its past legs ended, by scheduled departure.
///
/// When a leg's assignment is due, 24 h before its departure, every day that may hold a leg before it has
/// been loaded, because no local date begins more than 14 h before UTC's.
#[derive(Default)]
struct Fleet(BTreeMap<Tail, BTreeMap<(Ts, String), Option<Ending>>>);

impl Fleet {
    fn add(&mut self, leg: &LegFacts, ending: Option<Ending>) {
        if let (Some(tail), Some(departs)) = (leg.tail, leg.scheduled_departure) {
            self.0.entry(tail).or_default().insert((departs, leg.source_leg()), ending);
        }
    }

    /// When it is known where the aircraft of a leg comes from: the leg before has ended, and if that one was
    /// cancelled, the ones before it down to one that moved. An assignment as soon as the leg that moved has
    /// ended would tell that those after it are going to be cancelled.
    fn inbound_ended(&self, leg: &LegFacts) -> Option<Ts> {
        let past = self.0.get(&leg.tail?)?;
        let mut known = None;
        for ending in past.range(..(leg.scheduled_departure?, leg.source_leg())).rev().filter_map(|(_, ending)| *ending) {
            known = known.max(Some(ending.at));
            if ending.moved {
                break;
            }
        }
        known
    }

    fn forget(&mut self, before: Ts) {
        for past in self.0.values_mut() {
            *past = past.split_off(&(before, String::new()));
        }
        self.0.retain(|_, past| !past.is_empty());
    }
}
