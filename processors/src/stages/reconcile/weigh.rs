//! Weighs what is said of a leg against what is known of it, field by field.
//!
//! Between sources the more trusted one is believed, between equals the newer word. Within one leg the instants
//! stand in order (OUT, OFF, ON, IN) and it ends in one way only; a word against that is refused.

use slipstream_schemas::ids::Tail;
use slipstream_schemas::records::{FlightEvent, FlightKind, FlightObservation, FlightStatus};
use slipstream_streams::processor::Poison;

use super::DELAYED_MIN;
use super::known::{Field, Known};
use crate::journey::MINUTE;

/// Most sources of one leg.
const SPEAKERS_MAX: usize = 32;

/// What an observation changed.
#[derive(Debug)]
pub(super) struct Change {
    /// Kinds to announce, in order; empty when only the agreement of the sources changed.
    pub(super) kinds: Vec<FlightKind>,
    /// When it happened.
    pub(super) at: Option<i64>,
    /// The tail that the leg has left.
    pub(super) left: Option<Tail>,
}

/// Takes in an observation. None when it changes nothing.
pub(super) fn apply(known: &mut Known, said: &FlightObservation) -> Result<Option<Change>, Poison> {
    let agreement = (known.speakers.len(), known.differing);
    let opened = known.last.revision == 0;
    if known.speakers.len() >= SPEAKERS_MAX && !known.has_heard(&said.source) {
        return Err(Poison::new("too many sources", format_args!("source: {} and {SPEAKERS_MAX} others", said.source)));
    }
    let speaker = known.speaker(&said.source, said.source_leg.as_deref());
    let mut weigh = Weigh { known, said, speaker, kinds: Vec::with_capacity(3) };
    let tail_before = weigh.known.last.tail;
    if opened {
        weigh.kinds.push(FlightKind::Scheduled);
    }
    weigh.schedule();
    weigh.tail();
    weigh.kind()?;
    weigh.estimates();
    weigh.reason();
    weigh.delays();
    let kinds = weigh.kinds;
    if kinds.is_empty() && agreement == (known.speakers.len(), known.differing) {
        return Ok(None);
    }
    if !kinds.is_empty() {
        known.last.source.clone_from(&said.source);
    }
    let left = tail_before.filter(|tail| known.last.tail != Some(*tail));
    Ok(Some(Change { kinds, at: said.at, left }))
}

struct Weigh<'a> {
    known: &'a mut Known,
    said: &'a FlightObservation,
    speaker: usize,
    kinds: Vec<FlightKind>,
}

impl Weigh<'_> {
    fn last(&mut self) -> &mut FlightEvent {
        &mut self.known.last
    }

    fn announce(&mut self, kind: FlightKind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// Weighs one value. Whether it is news that is believed.
    fn news<T: PartialEq>(&mut self, field: Field, old: Option<&T>, new: &T) -> bool {
        if old == Some(new) {
            self.known.agree(field, self.speaker);
            return false;
        }
        self.known.contradict(field, self.speaker)
    }

    /// Only the schedule itself moves the schedule; the other kinds repeat it, perhaps as it once was.
    fn schedule(&mut self) {
        let said = self.said;
        let moves = match said.kind {
            FlightKind::Retimed => true,
            FlightKind::Scheduled => !self.known.retimed,
            _ => {
                self.known.last.scheduled_arrival.is_none()
                    && said.scheduled_departure == Some(self.known.last.scheduled_departure)
            }
        };
        let Some(departure) = said.scheduled_departure.filter(|_| moves) else {
            return;
        };
        let old = (self.known.last.scheduled_departure, self.known.last.scheduled_arrival);
        let new = (departure, said.scheduled_arrival.or(old.1.filter(|arrival| *arrival > departure)));
        if !self.news(Field::Schedule, Some(&old), &new) {
            return;
        }
        (self.last().scheduled_departure, self.last().scheduled_arrival) = new;
        let moved = old.0 != new.0 || old.1.is_some();
        self.known.retimed |= said.kind == FlightKind::Retimed;
        if self.known.last.revision > 0 {
            self.announce(if moved { FlightKind::Retimed } else { FlightKind::Scheduled });
        }
    }

    fn tail(&mut self) {
        let said = self.said;
        if said.tail.is_none() && said.kind != FlightKind::Assigned {
            return;
        }
        let old = self.known.last.tail;
        let first = old.is_none() && said.tail.is_none();
        if !first && self.news(Field::Tail, Some(&old), &said.tail) {
            self.last().tail = said.tail;
            self.announce(FlightKind::Assigned);
        }
    }

    fn kind(&mut self) -> Result<(), Poison> {
        match self.said.kind {
            FlightKind::Out => self.movement(Field::Out),
            FlightKind::Off => self.movement(Field::Off),
            FlightKind::On => self.movement(Field::On),
            FlightKind::In => self.movement(Field::In),
            FlightKind::Cancelled => self.ended(FlightStatus::Cancelled),
            FlightKind::Diverted => self.ended(FlightStatus::Diverted),
            FlightKind::Reinstated => {
                self.reinstated();
                Ok(())
            }
            FlightKind::Returned => self.returned(),
            FlightKind::Scheduled | FlightKind::Assigned | FlightKind::Estimated | FlightKind::Delayed => Ok(()),
            FlightKind::Retimed | FlightKind::Merged | FlightKind::Unknown => Ok(()),
        }
    }

    fn movement(&mut self, field: Field) -> Result<(), Poison> {
        let Some(at) = self.said.at else {
            return Ok(()); // refused before
        };
        let leaves = matches!(field, Field::Out | Field::Off);
        if leaves && self.known.returned_at.is_some_and(|back| at <= back) {
            return Ok(());
        }
        if self.known.last.status == FlightStatus::Diverted && !leaves {
            return Err(contradiction(self.said, "the leg was diverted"));
        }
        let old = *instant(self.last(), field);
        if old == Some(at) {
            self.known.agree(field, self.speaker);
            return Ok(());
        }
        if self.known.last.status == FlightStatus::Cancelled && !self.flies_after_all(at, leaves)? {
            return Ok(());
        }
        in_order(&self.known.last, field, at)?;
        if self.known.contradict(field, self.speaker) {
            *instant(self.last(), field) = Some(at);
            self.announce(self.said.kind);
            self.settle();
        }
        Ok(())
    }

    /// Whether a movement of a cancelled leg counts: it happened before, or it shows that the leg flies.
    fn flies_after_all(&mut self, at: i64, leaves: bool) -> Result<bool, Poison> {
        if leaves && self.known.outcome_at.is_some_and(|cancelled| at <= cancelled) {
            return Ok(true);
        }
        in_order(&self.known.last, field_of(self.said.kind), at)?;
        let believed = self.known.contradict(Field::Outcome, self.speaker);
        if believed {
            self.last().status = FlightStatus::Scheduled;
            self.last().assumed = false;
            self.known.outcome_at = Some(at);
            self.announce(FlightKind::Reinstated);
        }
        Ok(believed)
    }

    fn ended(&mut self, outcome: FlightStatus) -> Result<(), Poison> {
        let status = self.known.last.status;
        let other = match outcome {
            FlightStatus::Cancelled => FlightStatus::Diverted,
            _ => FlightStatus::Cancelled,
        };
        if status == FlightStatus::Arrived || status == other {
            return Err(contradiction(
                self.said,
                if status == other { "the leg ended otherwise" } else { "the leg has arrived" },
            ));
        }
        let (old, new) = (self.known.last.diverted_to, self.said.diverted_to.or(self.known.last.diverted_to));
        if status == outcome && self.known.last.assumed <= self.said.assumed && old == new {
            self.known.agree(Field::Outcome, self.speaker);
            return Ok(());
        }
        if self.known.contradict(Field::Outcome, self.speaker) {
            self.known.outcome_at = self.said.at.or(self.known.outcome_at);
            let assumed = self.said.assumed;
            let last = self.last();
            (last.status, last.assumed, last.diverted_to) = (outcome, assumed, new);
            self.announce(self.said.kind);
        }
        Ok(())
    }

    fn reinstated(&mut self) {
        let ended = matches!(self.known.last.status, FlightStatus::Cancelled | FlightStatus::Diverted);
        if ended && self.known.contradict(Field::Outcome, self.speaker) {
            self.known.outcome_at = self.said.at.or(self.known.outcome_at);
            let last = self.last();
            (last.status, last.assumed, last.diverted_to) = (FlightStatus::Scheduled, false, None);
            self.announce(FlightKind::Reinstated);
            self.settle();
        }
    }

    fn returned(&mut self) -> Result<(), Poison> {
        let last = &self.known.last;
        if last.on_at.is_some() || last.in_at.is_some() {
            return Err(contradiction(self.said, "the leg has landed"));
        }
        if last.out_at.is_none() && last.off_at.is_none() || self.said.at <= self.known.returned_at {
            return Ok(());
        }
        if self.known.believes(Field::Out, self.speaker) {
            for field in [Field::Out, Field::Off, Field::EstimatedDeparture] {
                self.known.forget(field);
            }
            self.known.returned_at = self.said.at;
            let last = self.last();
            (last.out_at, last.off_at, last.estimated_departure) = (None, None, None);
            self.announce(FlightKind::Returned);
            self.settle();
        }
        Ok(())
    }

    /// What the facts make of a leg that has neither been cancelled nor diverted.
    fn settle(&mut self) {
        let last = self.last();
        if !matches!(last.status, FlightStatus::Cancelled | FlightStatus::Diverted) {
            last.status = match last {
                FlightEvent { in_at: Some(_), .. } => FlightStatus::Arrived,
                FlightEvent { on_at: Some(_), .. } => FlightStatus::Landed,
                FlightEvent { off_at: Some(_), .. } => FlightStatus::Airborne,
                FlightEvent { out_at: Some(_), .. } => FlightStatus::Departed,
                _ => FlightStatus::Scheduled,
            };
        }
    }

    /// An estimate of what is already a fact is not looked at.
    fn estimates(&mut self) {
        let (departure, arrival) = (self.said.estimated_departure, self.said.estimated_arrival);
        let last = &self.known.last;
        let (left, arrived) = (last.out_at.or(last.off_at).is_some(), last.in_at.is_some());
        let (old_departure, old_arrival) = (last.estimated_departure, last.estimated_arrival);
        if let Some(new) = departure.filter(|_| !left && !arrived)
            && self.news(Field::EstimatedDeparture, old_departure.as_ref(), &new)
        {
            self.last().estimated_departure = Some(new);
            self.announce(FlightKind::Estimated);
        }
        if let Some(new) = arrival.filter(|_| !arrived)
            && self.news(Field::EstimatedArrival, old_arrival.as_ref(), &new)
        {
            self.last().estimated_arrival = Some(new);
            self.announce(FlightKind::Estimated);
        }
    }

    /// The code of the last believed word; by itself it is news of an expectation.
    fn reason(&mut self) {
        if self.said.reason.is_some() && self.said.reason != self.known.last.reason {
            self.known.last.reason.clone_from(&self.said.reason);
            if self.kinds.is_empty() {
                self.announce(FlightKind::Estimated);
            }
        }
    }

    fn delays(&mut self) {
        let last = &mut self.known.last;
        let late = |at: Option<i64>, planned: i64| at.map(|at| ((at - planned).div_euclid(MINUTE)) as i32);
        last.departure_delay_min = late(last.out_at.or(last.estimated_departure), last.scheduled_departure);
        last.arrival_delay_min = last.scheduled_arrival.and_then(|planned| late(last.in_at.or(last.estimated_arrival), planned));
        let delayed = last.departure_delay_min >= Some(DELAYED_MIN) && last.status != FlightStatus::Cancelled;
        if delayed && !self.known.told_delayed {
            self.known.told_delayed = true;
            self.announce(FlightKind::Delayed);
        }
    }
}

fn contradiction(said: &FlightObservation, why: &str) -> Poison {
    Poison::new("contradiction", format_args!("kind: {} of {}, but {why}", said.kind, said.source))
}

fn field_of(kind: FlightKind) -> Field {
    match kind {
        FlightKind::Off => Field::Off,
        FlightKind::On => Field::On,
        FlightKind::In => Field::In,
        _ => Field::Out,
    }
}

fn instant(last: &mut FlightEvent, field: Field) -> &mut Option<i64> {
    match field {
        Field::Off => &mut last.off_at,
        Field::On => &mut last.on_at,
        Field::In => &mut last.in_at,
        _ => &mut last.out_at,
    }
}

/// Refuses an instant that would stand before what comes before it, or after what comes after.
fn in_order(last: &FlightEvent, field: Field, at: i64) -> Result<(), Poison> {
    let all = [(Field::Out, last.out_at), (Field::Off, last.off_at), (Field::On, last.on_at), (Field::In, last.in_at)];
    for (other, known) in all {
        let Some(known) = known.filter(|_| other != field) else {
            continue;
        };
        let wrong = if (other as i32) < field as i32 { known > at } else { known < at };
        if wrong {
            return Err(Poison::new("impossible", format_args!("at: {field:?} at {at}, but {other:?} at {known}")));
        }
    }
    Ok(())
}
