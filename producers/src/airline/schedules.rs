//! `ssim:` schedule files, IATA SSIM chapter 7, as a stream: what will fly, a day at a time.
//!
//!     timetable ─► the legs whose period holds the day ─► SCHEDULED ─► flight.observations
//!                                                     └─► codeshares ─► flight.unmatched
//!
//! A day's schedule is published 24 h before its first departure, like every recorded schedule, though not before the file was
//! made. A number that only sells another's flight is no flight of its own: it becomes a pair. Keeps the records of
//! the days under way. The source is named `SSIM` and is believed after everybody who speaks on the day: a schedule is a promise of long ago.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::civil::Date as Civil;
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Source, SourceError};

use super::instants::midnight;
use super::timetable::{Instance, Leg, Timetable};
use super::{observed, sold};
use crate::Recorded;
use crate::event_model::PUBLISHED_AHEAD;
use crate::inputs::Kind;
use crate::local_time::{DAY, HOUR};
use crate::refusals::Refused;

/// The source's name.
pub(crate) const NAME: &str = "SSIM";
/// No leg of a date departs earlier than this before its midnight UTC: clocks up to 14 h ahead, and a day of variation.
const EARLIEST: Ts = 14 * HOUR + DAY;

/// The schedule files of one run.
pub(crate) struct Schedules {
    envelope: Arc<str>,
    /// Legs whose period has not begun, the first one last.
    ahead: Vec<Arc<Leg>>,
    /// Legs whose period holds `date`.
    active: Vec<Arc<Leg>>,
    /// The next day to be loaded.
    date: Option<Civil>,
    agenda: BTreeMap<Ts, VecDeque<Record>>,
    refused: Refused,
}

impl Schedules {
    /// A stream of everything in the table; `refused` is what its files held besides.
    pub(crate) fn new(timetable: &Timetable, refused: Refused) -> Self {
        let mut ahead = timetable.legs().to_vec();
        ahead.sort_by_key(|leg| Reverse(leg.period.0));
        let date = ahead.last().map(|leg| leg.period.0);
        Self { envelope: "/producers/ssim".into(), ahead, active: Vec::new(), date, agenda: BTreeMap::new(), refused }
    }

    /// Loads every day that may have a record at or before the first one waiting.
    fn load(&mut self) {
        while let Some(date) = self.date {
            let head = self.agenda.first_key_value().map(|(at, _)| *at);
            if head.is_some_and(|head| head < midnight(date) - EARLIEST - PUBLISHED_AHEAD) {
                return;
            }
            while let Some(leg) = self.ahead.pop_if(|leg| leg.period.0 <= date) {
                self.active.push(leg);
            }
            self.active.retain(|leg| leg.period.1 >= date);
            self.publish(date);
            let next = if self.active.is_empty() { self.ahead.last().map(|leg| leg.period.0) } else { date.tomorrow().ok() };
            self.date = next;
        }
    }

    fn publish(&mut self, date: Civil) {
        let flying: Vec<(&Arc<Leg>, Instance)> = self.active.iter().filter_map(|leg| Some((leg, leg.on(date)?))).collect();
        let Some(first) = flying.iter().map(|(_, one)| one.departs).min() else { return };
        let mut records = Vec::with_capacity(flying.len());
        for (leg, one) in flying {
            let at = leg.known_at.max(first - PUBLISHED_AHEAD);
            records.extend(words(&self.envelope, leg, one, at));
        }
        for record in records {
            self.agenda.entry(record.timestamp).or_default().push_back(record);
        }
    }
}

impl Source for Schedules {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        self.load();
        let Some(mut first) = self.agenda.first_entry() else { return Ok(None) };
        let next = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        Ok(next)
    }
}

impl Recorded for Schedules {
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        to(Kind::Ssim, &mut self.refused);
    }
}

/// What a leg's day makes known.
fn words(envelope: &Arc<str>, leg: &Leg, one: Instance, at: Ts) -> Vec<Record> {
    let said = scheduled(leg, one);
    if let Some((carrier, number)) = leg.operated_as {
        let flown = FlightObservation { carrier, number, suffix: None, ..said.clone() };
        return vec![sold(envelope, &flown, (said.carrier, said.number), said.date, at)];
    }
    let pairs = leg.sold_as.iter().map(|marketing| sold(envelope, &said, *marketing, said.date, at));
    std::iter::once(observed(envelope, &said, at)).chain(pairs).collect()
}

fn scheduled(leg: &Leg, one: Instance) -> FlightObservation {
    let (carrier, number, suffix) = leg.flight;
    let [departure_terminal, arrival_terminal] = leg.terminals.clone();
    FlightObservation {
        source_leg: Some(source_leg(leg, one)),
        suffix,
        date: Some(one.date),
        date_meaning: DateMeaning::LegLocal,
        scheduled_departure: Some(one.departs),
        scheduled_arrival: Some(one.arrives),
        designator: leg.designator.clone(),
        role: DesignatorRole::Operating,
        departure_terminal,
        arrival_terminal,
        ..FlightObservation::of(NAME, FlightKind::Scheduled, (carrier, number), (leg.origin, leg.destination))
    }
}

/// The source's own id of a leg: a flight that comes by twice on one date departs at another time.
fn source_leg(leg: &Leg, one: Instance) -> String {
    let (carrier, number, suffix) = leg.flight;
    let suffix = suffix.map_or_else(String::new, |suffix| suffix.to_string());
    format!("{carrier}{number}{suffix}/{}/{}/{}-{}", one.flight_date, leg.sequence, leg.origin, leg.destination)
}
