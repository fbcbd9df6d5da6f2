//! Weighs what is said of a leg against what is known of it, field by field.
//!
//! Each word is a claim of its source on a field; the ledger settles what the claims come to. Within one leg the instants
//! stand in order (OUT, OFF, ON, IN) and it ends in one way only; a word against that is no claim yet: the stage holds it
//! for a while, and weighs it once more with [`Weight::Last`].

use slipstream_schemas::ids::Tail;
use slipstream_schemas::records::{Audit, FlightEvent, FlightKind, FlightObservation, FlightStatus};
use slipstream_streams::processor::Poison;

use super::DELAYED_MIN;
use super::known::Known;
use super::ledger::Ledger;
use crate::journey::MINUTE;
use crate::truth::field::{Field, Value};
use crate::truth::rules::Rules;

/// Most sources of one leg.
const SPEAKERS_MAX: usize = 32;
/// Reason of a word that cannot be true beside others.
pub(super) const IMPOSSIBLE: &str = "impossible";
/// Reason of a word against how a leg has ended.
pub(super) const CONTRADICTION: &str = "contradiction";

/// How much an observation weighs against what it contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// As any word.
    Usual,
    /// It was held and nothing came to explain it: a movement now beats a status.
    Last,
}

/// What an observation changed.
#[derive(Debug)]
pub(super) struct Change {
    /// Kinds to announce, in order; empty when only the state changed.
    pub(super) kinds: Vec<FlightKind>,
    /// When it happened.
    pub(super) at: Option<i64>,
    /// The tail that the leg has left.
    pub(super) left: Option<Tail>,
    /// Choices between sources.
    pub(super) audits: Vec<Audit>,
}

/// Changes a leg through its ledger. None when nothing that anyone sees has changed.
///
/// # Errors
/// What `change` refuses; the leg is then to be thrown away.
pub(super) fn through(
    known: &mut Known,
    rules: &Rules,
    now: i64,
    change: impl FnOnce(&mut Ledger<'_>) -> Result<(), Poison>,
) -> Result<Option<Change>, Poison> {
    let (before, tail) = (known.shown(), known.last.tail);
    let mut ledger = Ledger::new(known, rules, now);
    change(&mut ledger)?;
    delays(&mut ledger);
    let Ledger { kinds, audits, .. } = ledger;
    if kinds.is_empty() && audits.is_empty() && before == known.shown() {
        return Ok(None);
    }
    let left = tail.filter(|tail| known.last.tail != Some(*tail));
    Ok(Some(Change { kinds, at: None, left, audits }))
}

/// Takes in an observation. None when it changes nothing.
///
/// # Errors
/// [`IMPOSSIBLE`] or [`CONTRADICTION`], to be held; or more sources than a leg may have.
pub(super) fn apply(
    known: &mut Known,
    said: &FlightObservation,
    rules: &Rules,
    now: i64,
    weight: Weight,
) -> Result<Option<Change>, Poison> {
    if known.speakers.len() >= SPEAKERS_MAX && !known.has_heard(&said.source) {
        return Err(Poison::resource("too many sources", format_args!("source: {} and {SPEAKERS_MAX} others", said.source)));
    }
    let change = through(known, rules, now, |ledger| {
        let speaker = ledger.known.speaker(&said.source, said.source_leg.as_deref(), now);
        if !ledger.known.is_told() {
            ledger.announce(FlightKind::Scheduled);
        }
        Weigh { ledger, said, speaker, weight }.all()
    })?;
    if let Some(Change { kinds, .. }) = &change
        && !kinds.is_empty()
    {
        known.last.source.clone_from(&said.source);
    }
    Ok(change.map(|change| Change { at: said.at, ..change }))
}

struct Weigh<'a, 'l> {
    ledger: &'a mut Ledger<'l>,
    said: &'a FlightObservation,
    speaker: usize,
    weight: Weight,
}

impl Weigh<'_, '_> {
    fn all(mut self) -> Result<(), Poison> {
        self.schedule();
        self.tail();
        self.kind()?;
        self.expectations();
        self.reason();
        Ok(())
    }

    fn last(&mut self) -> &mut FlightEvent {
        &mut self.ledger.known.last
    }

    fn announce(&mut self, kind: FlightKind) {
        self.ledger.announce(kind);
    }

    /// Claims a value. What the claims on the field come to.
    fn claim(&mut self, field: Field, value: Value) -> Option<Value> {
        self.ledger.known.claim(field, self.speaker, value, self.ledger.now);
        self.ledger.settle(field)
    }

    /// Claims a value of a plan or an expectation, and publishes what the claims come to. Whether it is news.
    fn propose(&mut self, field: Field, value: Value) -> bool {
        self.claim(field, value).is_some_and(|value| self.ledger.take(field, &value))
    }

    /// Claims a fact. Whether this source is believed.
    fn is_believed(&mut self, field: Field, value: &Value) -> bool {
        self.claim(field, value.clone()).as_ref() == Some(value) || self.weight == Weight::Last
    }

    /// Only the schedule itself moves the schedule; the other kinds repeat it, perhaps as it once was.
    fn schedule(&mut self) {
        let (said, known) = (self.said, &*self.ledger.known);
        let moves = match said.kind {
            FlightKind::Retimed => true,
            FlightKind::Scheduled => !known.retimed,
            _ => {
                known.provisional
                    || known.last.scheduled_arrival.is_none() && said.scheduled_departure == Some(known.last.scheduled_departure)
            }
        };
        let Some(departure) = said.scheduled_departure.filter(|_| moves) else {
            return;
        };
        let old = known.last.scheduled_arrival;
        let arrival = said.scheduled_arrival.or(old.filter(|arrival| *arrival > departure));
        if self.propose(Field::Schedule, Value::plan(departure, arrival)) {
            self.ledger.known.retimed |= said.kind == FlightKind::Retimed;
        }
    }

    fn tail(&mut self) {
        let (new, old) = (self.said.tail, self.ledger.known.last.tail);
        let says = new.is_some() || self.said.kind == FlightKind::Assigned && old.is_some();
        if says {
            self.propose(Field::Tail, new.map_or_else(Value::none, |tail| Value::text(tail.as_str())));
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
        if leaves && self.ledger.known.returned_at.is_some_and(|back| at <= back) {
            return Ok(());
        }
        if self.ledger.known.last.status == FlightStatus::Diverted && !leaves {
            return Err(contradiction(self.said, "the leg was diverted"));
        }
        let value = Value::instant(at);
        if *instant(self.last(), field) == Some(at) {
            self.claim(field, value);
            return Ok(());
        }
        if self.ledger.known.last.status == FlightStatus::Cancelled {
            self.flies_after_all(field, at, leaves)?;
        }
        in_order(&self.ledger.known.last, field, at)?;
        if self.is_believed(field, &value) {
            *instant(self.last(), field) = Some(at);
            self.announce(self.said.kind);
            self.stand();
        }
        Ok(())
    }

    /// A movement of a cancelled leg: it happened before, or it shows that the leg flies. A less trusted source is not
    /// believed at once.
    fn flies_after_all(&mut self, field: Field, at: i64, leaves: bool) -> Result<(), Poison> {
        if leaves && self.ledger.known.outcome_at.is_some_and(|cancelled| at <= cancelled) {
            return Ok(());
        }
        in_order(&self.ledger.known.last, field, at)?;
        if !self.is_believed(Field::Outcome, &Value::text(FLIES)) {
            return Err(contradiction(self.said, "the leg was cancelled by a more trusted source"));
        }
        let last = self.last();
        (last.status, last.assumed) = (FlightStatus::Scheduled, false);
        self.ledger.known.outcome_at = Some(at);
        self.announce(FlightKind::Reinstated);
        Ok(())
    }

    fn ended(&mut self, outcome: FlightStatus) -> Result<(), Poison> {
        let last = &self.ledger.known.last;
        let (status, landed) = (last.status, last.in_at.or(last.on_at).is_some());
        let other = match outcome {
            FlightStatus::Cancelled => FlightStatus::Diverted,
            _ => FlightStatus::Cancelled,
        };
        let ended = status == FlightStatus::Arrived || landed && outcome == FlightStatus::Cancelled;
        if ended || status == other {
            return Err(contradiction(
                self.said,
                if status == other { "the leg ended otherwise" } else { "the leg has arrived" },
            ));
        }
        let (old, new) = (last.diverted_to, self.said.diverted_to.or(last.diverted_to));
        let known_already = status == outcome && last.assumed <= self.said.assumed && old == new;
        let place = new.map(|airport| format!(" {airport}")).unwrap_or_default();
        let believed = self.is_believed(Field::Outcome, &Value::text(&format!("{outcome}{place}")));
        if believed && !known_already {
            self.ledger.known.outcome_at = self.said.at.or(self.ledger.known.outcome_at);
            let assumed = self.said.assumed;
            let last = self.last();
            (last.status, last.assumed, last.diverted_to) = (outcome, assumed, new);
            self.announce(self.said.kind);
        }
        Ok(())
    }

    fn reinstated(&mut self) {
        let ended = matches!(self.ledger.known.last.status, FlightStatus::Cancelled | FlightStatus::Diverted);
        if ended && self.is_believed(Field::Outcome, &Value::text(FLIES)) {
            self.ledger.known.outcome_at = self.said.at.or(self.ledger.known.outcome_at);
            let last = self.last();
            (last.status, last.assumed, last.diverted_to) = (FlightStatus::Scheduled, false, None);
            self.announce(FlightKind::Reinstated);
            self.stand();
        }
    }

    fn returned(&mut self) -> Result<(), Poison> {
        let last = &self.ledger.known.last;
        if last.on_at.is_some() || last.in_at.is_some() {
            return Err(contradiction(self.said, "the leg has landed"));
        }
        if last.out_at.is_none() && last.off_at.is_none() || self.said.at <= self.ledger.known.returned_at {
            return Ok(());
        }
        if self.outranks(Field::Out) {
            for field in [Field::Out, Field::Off, Field::EstimatedDeparture] {
                self.ledger.known.forget(field);
            }
            self.ledger.known.returned_at = self.said.at;
            let last = self.last();
            (last.out_at, last.off_at, last.estimated_departure) = (None, None, None);
            self.announce(FlightKind::Returned);
            self.stand();
        }
        Ok(())
    }

    /// Whether nobody more trusted has spoken of a field.
    fn outranks(&self, field: Field) -> bool {
        let (rules, known) = (self.ledger.rules, &*self.ledger.known);
        let priority = |source: &str| rules.sources().priority(source, known.last.leg.carrier);
        let own = priority(&self.said.source);
        known.claimed(field).iter().all(|claim| priority(claim.source) <= own)
    }

    /// What the facts make of a leg that has neither been cancelled nor diverted.
    fn stand(&mut self) {
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

    /// Estimates, gates, terminals and the head count; an estimate of what is already a fact is not looked at.
    fn expectations(&mut self) {
        let last = &self.ledger.known.last;
        let arrived = last.in_at.is_some();
        let left = arrived || last.out_at.or(last.off_at).is_some();
        for field in Field::ALL.iter().copied() {
            let past = field == Field::EstimatedDeparture && left || field == Field::EstimatedArrival && arrived;
            if let Some(value) = field.stated(self.said).filter(|_| !past) {
                self.propose(field, value);
            }
        }
    }

    /// The code of the last believed word; by itself it is news of an expectation.
    fn reason(&mut self) {
        if self.said.reason.is_some() && self.said.reason != self.ledger.known.last.reason {
            self.ledger.known.last.reason.clone_from(&self.said.reason);
            if self.ledger.kinds.is_empty() {
                self.announce(FlightKind::Estimated);
            }
        }
    }
}

/// How late the leg is, by what is now known of it.
fn delays(ledger: &mut Ledger<'_>) {
    let last = &mut ledger.known.last;
    let late = |at: Option<i64>, planned: i64| at.map(|at| ((at - planned).div_euclid(MINUTE)) as i32);
    last.departure_delay_min = late(last.out_at.or(last.estimated_departure), last.scheduled_departure);
    last.arrival_delay_min = last.scheduled_arrival.and_then(|planned| late(last.in_at.or(last.estimated_arrival), planned));
    let delayed = last.departure_delay_min >= Some(DELAYED_MIN) && last.status != FlightStatus::Cancelled;
    if delayed && !ledger.known.told_delayed {
        ledger.known.told_delayed = true;
        ledger.announce(FlightKind::Delayed);
    }
}

/// The outcome of a leg that is neither cancelled nor diverted.
const FLIES: &str = "FLIES";

fn contradiction(said: &FlightObservation, why: &str) -> Poison {
    Poison::new(CONTRADICTION, format_args!("kind: {} of {}, but {why}", said.kind, said.source))
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
            return Err(Poison::new(IMPOSSIBLE, format_args!("at: {field:?} at {at}, but {other:?} at {known}")));
        }
    }
    Ok(())
}
