//! Makes the trust table from closed days: what was each source's word worth at fixed leads before departure?
//!
//! ```text
//! observations in order of time ─► by leg ─► a day after the departure: truth of each field ─► score of each source
//!                                              times   movement messages, else the operating carrier, else two that agree
//!                                              places  the airport or the operating carrier, nearest before OUT (IN), and who confirms it
//!                                              cancellation  said and never followed by a movement, or no OFF within a day
//! ```
//!
//! A source never counts in the truth that it is scored with; where there is no independent truth there is no score. Airport and carrier
//! have each only the other for a judge of their places, and each would be blamed for what the other got wrong: where a third source has
//! named one, it has to be the same. Keeps the words on the legs of about two days; the leg is taken from route, number and local date, as
//! the source states them.

use std::collections::{BTreeMap, BTreeSet};

use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix};
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_schemas::reference;

use super::field::{Field, Value};
use super::sources::{Class, Sources};
use super::trust::{LEADS_MIN, Score, TrustTable};
use crate::journey::{HOUR, MINUTE};

/// A leg is closed this long after its scheduled departure, ms.
pub const CLOSED_MS: i64 = 24 * HOUR;
/// Two sources within this agree on when something happened, ms.
pub const AGREED_MS: i64 = 2 * MINUTE;
/// An estimate within this of what happened was right, ms: what counts as punctual.
pub const RIGHT_MS: i64 = 15 * MINUTE;
/// Most words on one leg that are kept; later ones are not scored.
const WORDS_MAX: usize = 4_096;

/// The fields that are scored; the cancellation stands as `outcome`.
pub const SCORED: [Field; 7] = [
    Field::EstimatedDeparture,
    Field::EstimatedArrival,
    Field::DepartureTerminal,
    Field::DepartureGate,
    Field::ArrivalTerminal,
    Field::ArrivalGate,
    Field::Outcome,
];

/// Which leg, as far as every source states it.
type Leg = (Carrier, i32, Option<Suffix>, Date, Airport, Airport);

/// What one source said of one field, and when.
#[derive(Debug)]
struct Word {
    source: String,
    field: Field,
    value: Value,
    known_at: i64,
}

#[derive(Debug)]
struct Log {
    departure: i64,
    words: Vec<Word>,
}

/// Scores sources while days pass.
#[derive(Debug)]
pub struct Learner {
    sources: Sources,
    open: BTreeMap<Leg, Log>,
    closing: BTreeSet<(i64, Leg)>,
    scores: BTreeMap<(String, Field, i64), Score>,
    /// Sources that report take-offs: only their silence says that there was none.
    movers: BTreeSet<String>,
    evidence_until: i64,
}

impl Learner {
    /// Nothing scored yet.
    #[must_use]
    pub fn new(sources: Sources) -> Self {
        let (open, scores) = (BTreeMap::new(), BTreeMap::new());
        Self { sources, open, closing: BTreeSet::new(), scores, movers: BTreeSet::new(), evidence_until: i64::MIN }
    }

    /// Takes in what became known at an instant; instants do not fall. Legs closed by then are scored.
    pub fn hear(&mut self, said: &FlightObservation, known_at: i64) {
        self.close(known_at);
        self.evidence_until = self.evidence_until.max(known_at);
        if said.kind == FlightKind::Off && !self.movers.contains(&said.source) {
            self.movers.insert(said.source.clone());
        }
        let Some(leg) = leg_of(said) else { return };
        let departs = said.scheduled_departure;
        let log = match (self.open.get_mut(&leg), departs) {
            (Some(log), _) => log,
            (None, Some(departure)) if departure + CLOSED_MS > known_at => {
                self.closing.insert((departure, leg));
                self.open.entry(leg).or_insert(Log { departure, words: Vec::new() })
            }
            _ => return,
        };
        for (field, value) in words(said) {
            if log.words.len() < WORDS_MAX {
                log.words.push(Word { source: said.source.clone(), field, value, known_at });
            }
        }
    }

    /// The table of all legs closed so far, which takes effect at `effective`, or right after the evidence if that is later.
    #[must_use]
    pub fn table(mut self, version: &str, effective: i64) -> TrustTable {
        self.close(self.evidence_until);
        let (evidence_until, effective) = (self.evidence_until, effective.max(self.evidence_until.saturating_add(1)));
        TrustTable { version: version.to_owned(), effective, evidence_until, scores: self.scores }
    }

    fn close(&mut self, now: i64) {
        while let Some((departure, leg)) = self.closing.first().copied().filter(|(departure, _)| departure + CLOSED_MS <= now) {
            self.closing.remove(&(departure, leg));
            if let Some(log) = self.open.remove(&leg) {
                self.score(leg.0, &log);
            }
        }
    }

    fn score(&mut self, operator: Carrier, log: &Log) {
        let bench = Bench { sources: &self.sources, movers: &self.movers, operator, log };
        let speakers: BTreeSet<&str> = log.words.iter().map(|word| word.source.as_str()).collect();
        for source in speakers {
            for field in SCORED {
                let Some(truth) = bench.truth(field, source) else { continue };
                for lead in LEADS_MIN {
                    if let Some(value) = bench.stood(field, source, log.departure - lead * MINUTE) {
                        self.scores.entry((source.to_owned(), field, lead)).or_default().add(is_right(field, &value, &truth));
                    }
                }
            }
        }
    }
}

/// The leg an observation speaks of, if it states enough.
fn leg_of(said: &FlightObservation) -> Option<Leg> {
    let local = || reference::airport(said.origin)?.local_date(said.scheduled_departure?);
    Some((said.carrier, said.number, said.suffix, said.date.or_else(local)?, said.origin, said.destination))
}

/// What an observation says, field by field; any word of a leg says whether it flies.
fn words(said: &FlightObservation) -> Vec<(Field, Value)> {
    let stated = SCORED.into_iter().filter_map(|field| Some((field, field.stated(said)?)));
    let moved = Field::of_movement(said.kind).zip(said.at).map(|(field, at)| (field, Value::instant(at)));
    let cancelled = said.kind == FlightKind::Cancelled;
    let outcome = (Field::Outcome, Value::instant(i64::from(cancelled)));
    stated.chain(moved).chain([outcome]).collect()
}

/// Whether a value was right.
#[must_use]
pub fn is_right(field: Field, value: &Value, truth: &Value) -> bool {
    match (value.number.zip(truth.number), field.is_estimate()) {
        (Some((said, true_at)), true) => (said - true_at).abs() <= RIGHT_MS,
        _ => value == truth,
    }
}

/// One closed leg.
struct Bench<'a> {
    sources: &'a Sources,
    movers: &'a BTreeSet<String>,
    operator: Carrier,
    log: &'a Log,
}

impl Bench<'_> {
    /// What stood of a source's words at an instant.
    fn stood(&self, field: Field, source: &str, at: i64) -> Option<Value> {
        let own = self.log.words.iter().filter(|word| word.field == field && word.source == source && word.known_at <= at);
        own.max_by_key(|word| word.known_at).map(|word| word.value.clone())
    }

    /// The truth of a field without the words of `scored`.
    fn truth(&self, field: Field, scored: &str) -> Option<Value> {
        match field {
            Field::EstimatedDeparture => self.moved(Field::Out, scored).map(Value::instant),
            Field::EstimatedArrival => self.moved(Field::In, scored).map(Value::instant),
            Field::DepartureTerminal | Field::DepartureGate => self.place(field, Field::Out, scored),
            Field::ArrivalTerminal | Field::ArrivalGate => self.place(field, Field::In, scored),
            _ => self.cancelled(scored).map(|cancelled| Value::instant(i64::from(cancelled))),
        }
    }

    fn others(&self, field: Field, scored: &str) -> impl Iterator<Item = &Word> {
        self.log.words.iter().filter(move |word| word.field == field && word.source != scored)
    }

    fn class(&self, word: &Word) -> Class {
        self.sources.class(&word.source, self.operator)
    }

    /// When something happened.
    fn moved(&self, field: Field, scored: &str) -> Option<i64> {
        let of_class = |class| {
            let first_hand = self.others(field, scored).filter(|word| self.class(word) == class);
            first_hand.max_by_key(|word| word.known_at).and_then(|word| word.value.number)
        };
        of_class(Class::Telex).or_else(|| of_class(Class::Carrier)).or_else(|| self.agreed(field, scored))
    }

    /// The earliest instant on which two sources agree.
    fn agreed(&self, field: Field, scored: &str) -> Option<i64> {
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for word in self.others(field, scored) {
            last.extend(word.value.number.map(|at| (word.source.as_str(), at)));
        }
        let mut instants: Vec<i64> = last.into_values().collect();
        instants.sort_unstable();
        instants.windows(2).find(|pair| pair[1] - pair[0] <= AGREED_MS).map(|pair| pair[0])
    }

    /// The place named nearest before the passengers needed it; none where others have named places too, and nobody this one.
    fn place(&self, field: Field, until: Field, scored: &str) -> Option<Value> {
        let until = self.moved(until, scored)?;
        let by_then = self.others(field, scored).filter(|word| word.known_at <= until);
        // Words stand in order of time: of each source the last one stays.
        let last: BTreeMap<&str, &Word> = by_then.map(|word| (word.source.as_str(), word)).collect();
        let first_hand = last.values().filter(|word| matches!(self.class(word), Class::Board | Class::Carrier));
        let named = *first_hand.max_by_key(|word| word.known_at)?;
        let mut third = last.values().filter(|word| word.source != named.source).peekable();
        let is_confirmed = third.peek().is_none() || third.any(|word| word.value == named.value);
        is_confirmed.then(|| named.value.clone())
    }

    /// Whether the leg was cancelled; none where nobody else who would know has spoken.
    fn cancelled(&self, scored: &str) -> Option<bool> {
        let moved = self.others(Field::Off, scored).chain(self.others(Field::Out, scored)).map(|word| word.known_at).max();
        let said =
            self.others(Field::Outcome, scored).filter(|word| word.value.number == Some(1)).map(|word| word.known_at).max();
        let off = self.others(Field::Off, scored).next().is_some();
        let knows = self.others(Field::Outcome, scored).any(|word| self.movers.contains(&word.source));
        match (off, said) {
            (true, None) => Some(false),
            (true, Some(said)) => Some(moved < Some(said)),
            (false, Some(_)) => Some(true),
            (false, None) => knows.then_some(true),
        }
    }
}
