//! Sources of different quality, made from recorded days: what each would have said of a leg, and the truth beside it.
//!
//! ```text
//! bts days ─► a share of the legs ─► truth: the recorded times, places from a seeded assignment
//!                                └─► each source of a mix: its polls, delays, gaps, repetitions, errors ─► observations
//! ```
//!
//! A mix is a file of `witnesses/`. All that is drawn follows from the seed, the source and the leg. Sources look at fixed
//! minutes before departure, each a little early: the more is known, the nearer the departure. Diverted legs and second
//! legs of one identity are left out: what would be right of them is a matter of opinion.

use std::sync::Arc;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Date, Leg, flight_key};
use slipstream_schemas::records::{FlightKind, FlightObservation, Message};
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, Ts, derive_id};
use slipstream_streams::reference::SourceError;

use crate::disturb::Draws;
use crate::facts::{LegFacts, Outcome};
use crate::inputs::{Input, InputError, open_legs};
use crate::local_time::MINUTE;

/// Most legs of one testimony: all of them are in memory.
pub const LEGS_MAX: usize = 400_000;
/// Minutes before departure at which sources look; the first look states the schedule.
const LOOKS_MIN: [Ts; 10] = [1560, 1445, 1080, 725, 365, 245, 125, 65, 35, 12];
/// A source looks up to this much earlier, minutes.
const EARLY_MIN: Ts = 4;
/// Gates move with this probability, percent, and become known this long before the departure or arrival, minutes.
const MOVED: (Ts, Ts) = (15, 180);
/// A cancellation is decided up to this long before the departure, minutes.
const DECIDED_MIN: Ts = 240;

/// Several sources that speak of the same legs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Seed of the days that trust is learned on.
    pub learn_seed: u64,
    /// Seed of the days that it is judged on.
    pub judge_seed: u64,
    /// The sources.
    source: Vec<Witness>,
}

/// How good a source is. Percents are of looks or of legs, each drawn by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Witness {
    name: String,
    /// Share of the coming delay that it foresees a day, six hours, two hours and half an hour ahead.
    insight_percent: [Ts; 4],
    /// Spread of its estimates, minutes (standard deviation).
    noise_min: Ts,
    /// What it adds to every estimate, minutes.
    bias_min: Ts,
    /// Looks that it misses.
    gap_percent: Ts,
    /// Looks at which it repeats its last word.
    repeat_percent: Ts,
    /// It names terminals and gates.
    #[serde(default = "yes")]
    places: bool,
    /// Legs on which it names wrong ones throughout.
    wrong_place_percent: Ts,
    /// Looks at which it names some other gate.
    flap_percent: Ts,
    /// How much later than the airport it learns of a gate that moved, minutes.
    place_lag_min: Ts,
    /// Cancellations that it never hears of.
    cancel_missed_percent: Ts,
    /// How much later than decided it says so, minutes.
    cancel_lag_min: Ts,
    /// It reports OUT, OFF, ON and IN.
    moves: bool,
}

fn yes() -> bool {
    true
}

impl Mix {
    /// A mix from its text.
    ///
    /// # Errors
    /// What of it is no mix, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mix: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        let percent = |name: &str, value: Ts| {
            if (0..=100).contains(&value) { Ok(()) } else { Err(format!("{name}: {value} is no percentage")) }
        };
        for source in &mix.source {
            source.insight_percent.iter().try_for_each(|value| percent("insight_percent", *value))?;
            let shares = [
                ("gap_percent", source.gap_percent),
                ("repeat_percent", source.repeat_percent),
                ("wrong_place_percent", source.wrong_place_percent),
                ("flap_percent", source.flap_percent),
                ("cancel_missed_percent", source.cancel_missed_percent),
            ];
            shares.into_iter().try_for_each(|(name, value)| percent(name, value))?;
        }
        if (2..=5).contains(&mix.source.len()) { Ok(mix) } else { Err("source: want two to five".to_owned()) }
    }

    /// Names of the sources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.source.iter().map(|source| source.name.as_str())
    }
}

/// What was true of a leg.
#[derive(Debug, Clone)]
pub struct Truth {
    /// The leg.
    pub leg: Leg,
    /// Scheduled off-block.
    pub departure: Ts,
    /// Off-block; none where the leg was cancelled.
    pub out: Option<Ts>,
    /// In-block.
    pub arrived: Option<Ts>,
    /// Terminal and gate of departure, as they were when it left.
    pub leaves_from: (String, String),
    /// Terminal and gate of arrival.
    pub arrives_at: (String, String),
}

/// What the sources said, in order of time, and what was true.
#[derive(Debug, Default)]
pub struct Testimony {
    /// Observations.
    pub records: Vec<Record>,
    /// One a leg.
    pub truths: Vec<Truth>,
}

/// Lets a mix speak of every `one_in`-th leg of the days from `first` to `last`.
///
/// # Errors
/// An input cannot be read, or there are more than [`LEGS_MAX`] legs.
pub fn testify(inputs: &[Input], mix: &Mix, seed: u64, one_in: Ts, days: (Date, Date)) -> Result<Testimony, WitnessError> {
    let mut testimony = Testimony::default();
    let mut recorded = open_legs(inputs)?;
    while let Some(day) = recorded.next()? {
        let wanted = (days.0..=days.1).contains(&day.date);
        for leg in day.legs.iter().filter(|leg| wanted && is_taken(leg, one_in)) {
            testimony.add(mix, seed, leg);
        }
        if testimony.truths.len() > LEGS_MAX {
            return Err(WitnessError::TooMany);
        }
    }
    testimony.records.sort_by_key(|a| (a.timestamp, a.event.id));
    Ok(testimony)
}

/// Why nobody can testify.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The recordings cannot be opened.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Or not be read to their end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Too many legs.
    #[error("more than {LEGS_MAX} legs: take fewer days, or a smaller share")]
    TooMany,
}

/// A flight number is taken on every day or on none, so that the same legs are learned from and judged.
fn is_taken(leg: &LegFacts, one_in: Ts) -> bool {
    let number = flight_key(leg.identity.carrier, leg.identity.number);
    let drawn = Draws::new(0, derive_id(&[b"share", number.as_bytes()])).below(one_in) == 0;
    drawn
        && leg.ordinal == 0
        && leg.outcome != Outcome::Diverted
        && leg.scheduled_departure.is_some()
        && leg.scheduled_arrival.is_some()
}

impl Testimony {
    fn add(&mut self, mix: &Mix, seed: u64, facts: &LegFacts) {
        let Some(scene) = Scene::of(facts, seed) else { return };
        for witness in &mix.source {
            Voice::new(&scene, witness, seed).speak(&mut self.records);
        }
        self.truths.push(scene.truth);
    }
}

/// One leg with all that will happen to it.
struct Scene<'a> {
    facts: &'a LegFacts,
    truth: Truth,
    due: Ts,
    /// Places before they moved.
    planned: [(String, String); 2],
    /// When a cancellation was decided.
    decided: Option<Ts>,
}

impl<'a> Scene<'a> {
    fn of(facts: &'a LegFacts, seed: u64) -> Option<Self> {
        let (departure, due) = (facts.scheduled_departure?, facts.scheduled_arrival?);
        let identity = facts.identity;
        let mut draws = Draws::new(seed, derive_id(&[b"scene", facts.source_leg().as_bytes()]));
        let planned = [identity.origin, identity.destination].map(|airport| place(airport, &mut draws));
        let [leaves_from, arrives_at] = planned.clone().map(|old| {
            let moves = draws.below(100) < MOVED.0;
            if moves { (old.0, gate(&mut draws)) } else { old }
        });
        let cancelled = facts.outcome == Outcome::Cancelled;
        let decided = cancelled.then(|| departure - draws.below(DECIDED_MIN) * MINUTE);
        let leg = Leg {
            carrier: identity.carrier,
            number: identity.number,
            suffix: None,
            date: facts.date,
            origin: identity.origin,
            destination: identity.destination,
            repeat: 0,
        };
        let (out, arrived) = if cancelled { (None, None) } else { (facts.out, facts.arrived) };
        let truth = Truth { leg, departure, out, arrived, leaves_from, arrives_at };
        Some(Self { facts, truth, due, planned, decided })
    }
}

/// Terminal by airport, gate by chance.
fn place(airport: Airport, draws: &mut Draws) -> (String, String) {
    let terminal = i64::from(airport.as_str().bytes().map(u16::from).sum::<u16>() % 3) + draws.below(2) + 1;
    (terminal.to_string(), gate(draws))
}

fn gate(draws: &mut Draws) -> String {
    let pier = ["A", "B", "C", "D"][draws.below(4).unsigned_abs() as usize % 4];
    format!("{pier}{}", draws.below(40) + 1)
}

/// One source, speaking of one leg.
struct Voice<'a> {
    scene: &'a Scene<'a>,
    witness: &'a Witness,
    draws: Draws,
    /// Wrong places that it holds to throughout.
    mistaken: Option<[(String, String); 2]>,
    last: Option<FlightObservation>,
}

impl<'a> Voice<'a> {
    fn new(scene: &'a Scene<'a>, witness: &'a Witness, seed: u64) -> Self {
        let leg = scene.facts.source_leg();
        let mut draws = Draws::new(seed, derive_id(&[b"witness", witness.name.as_bytes(), leg.as_bytes()]));
        let airports = [scene.truth.leg.origin, scene.truth.leg.destination];
        let wrong = draws.below(100) < witness.wrong_place_percent;
        let mistaken = wrong.then(|| airports.map(|airport| place(airport, &mut draws)));
        Self { scene, witness, draws, mistaken, last: None }
    }

    fn speak(mut self, records: &mut Vec<Record>) {
        let cancelled = self.hears_of_cancellation();
        for before in LOOKS_MIN {
            let known_at = self.scene.truth.departure - (before + self.draws.below(EARLY_MIN)) * MINUTE;
            let misses = self.draws.below(100) < self.witness.gap_percent;
            if cancelled.is_some_and(|at| at <= known_at) || misses && before != LOOKS_MIN[0] {
                continue;
            }
            let said = self.looks(before, known_at);
            records.push(self.record(&said, known_at));
            self.last = Some(said);
        }
        if let Some(at) = cancelled {
            let said = FlightObservation { at: Some(at), ..self.of(FlightKind::Cancelled) };
            records.push(self.record(&said, at));
        }
        self.movements(records);
    }

    fn hears_of_cancellation(&mut self) -> Option<Ts> {
        let missed = self.draws.below(100) < self.witness.cancel_missed_percent;
        let lag = self.draws.below(self.witness.cancel_lag_min + 1) * MINUTE;
        self.scene.decided.filter(|_| !missed).map(|decided| decided + lag)
    }

    fn movements(&mut self, records: &mut Vec<Record>) {
        let facts = self.scene.facts;
        if !self.witness.moves || self.scene.decided.is_some() {
            return;
        }
        let all = [
            (FlightKind::Out, facts.out),
            (FlightKind::Off, facts.off),
            (FlightKind::On, facts.on),
            (FlightKind::In, facts.arrived),
        ];
        for (kind, at) in all {
            let Some(at) = at else { continue };
            let said = FlightObservation { at: Some(at), ..self.of(kind) };
            let known_at = at + (1 + self.draws.below(3)) * MINUTE;
            records.push(self.record(&said, known_at));
        }
    }

    fn of(&self, kind: FlightKind) -> FlightObservation {
        let (truth, leg) = (&self.scene.truth, self.scene.truth.leg);
        FlightObservation {
            source_leg: Some(self.scene.facts.source_leg()),
            date: Some(leg.date),
            scheduled_departure: Some(truth.departure),
            scheduled_arrival: Some(self.scene.due),
            ..FlightObservation::of(&self.witness.name, kind, (leg.carrier, leg.number), (leg.origin, leg.destination))
        }
    }

    /// What the source sees when it looks.
    fn looks(&mut self, before: Ts, known_at: Ts) -> FlightObservation {
        let repeats = self.draws.below(100) < self.witness.repeat_percent;
        if let Some(last) = self.last.clone().filter(|_| repeats) {
            return FlightObservation { kind: FlightKind::Estimated, ..last };
        }
        let kind = if before == LOOKS_MIN[0] { FlightKind::Scheduled } else { FlightKind::Estimated };
        let (truth, insight) = (&self.scene.truth, self.insight(before));
        let noise = self.noise();
        let expected = |planned: Ts, actual: Option<Ts>| {
            let delay = actual.map_or(0, |actual| actual - planned) * insight / 100;
            let minutes = (delay.div_euclid(MINUTE) + noise) * MINUTE;
            Some(planned + minutes)
        };
        let (departure, arrival) = (expected(truth.departure, truth.out), expected(self.scene.due, truth.arrived));
        let mut said = self.of(kind);
        if kind == FlightKind::Estimated {
            (said.estimated_departure, said.estimated_arrival) = (departure, arrival.filter(|at| Some(*at) > departure));
        }
        if self.witness.places {
            let [from, to] = self.places(known_at);
            (said.departure_terminal, said.departure_gate) = (Some(from.0), Some(from.1));
            (said.arrival_terminal, said.arrival_gate) = (Some(to.0), Some(to.1));
        }
        said
    }

    fn insight(&self, before: Ts) -> Ts {
        let lead = [1440, 360, 120].iter().position(|lead| before >= *lead).unwrap_or(3);
        self.witness.insight_percent[lead]
    }

    /// Roughly normal: the mean of twelve even draws, spread as the witness is (Irwin-Hall).
    fn noise(&mut self) -> Ts {
        let sum: Ts = (0..12).map(|_| self.draws.below(1001)).sum();
        self.witness.bias_min + ((sum - 6000) * self.witness.noise_min).div_euclid(1000)
    }

    fn places(&mut self, known_at: Ts) -> [(String, String); 2] {
        let truth = &self.scene.truth;
        let known = |from: Ts, old: &(String, String), new: &(String, String)| {
            let told = from - (MOVED.1 - self.witness.place_lag_min) * MINUTE;
            if known_at >= told { new.clone() } else { old.clone() }
        };
        let [from, to] = &self.scene.planned;
        let right = [known(truth.departure, from, &truth.leaves_from), known(self.scene.due, to, &truth.arrives_at)];
        let [mut from, mut to] = self.mistaken.clone().unwrap_or(right);
        if self.draws.below(100) < self.witness.flap_percent {
            (from.1, to.1) = (gate(&mut self.draws), gate(&mut self.draws));
        }
        [from, to]
    }

    fn record(&self, said: &FlightObservation, known_at: Ts) -> Record {
        let body = said.to_bytes();
        let source: Arc<str> = format!("/producers/{}", self.witness.name).into();
        let id = derive_id(&[source.as_bytes(), &body, known_at.to_string().as_bytes()]);
        let key = flight_key(said.carrier, said.number);
        Record::said(FLIGHT_OBSERVATIONS, &key, known_at, (&source, id), (said.rank(), body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_of_the_repository_is_one_and_faults_are_named() {
        let mixes = [
            include_str!("../witnesses/airline-best.toml"),
            include_str!("../witnesses/airline-degraded.toml"),
            include_str!("../witnesses/five-sources.toml"),
            include_str!("../witnesses/no-airline.toml"),
            include_str!("../witnesses/two-sources.toml"),
        ];
        for text in mixes {
            let mix = Mix::parse(text).unwrap();
            assert!(mix.learn_seed != mix.judge_seed, "learned and judged with one seed");
            assert!(Mix::parse(&text.replacen("gap_percent = ", "gap_percent = 1000", 1)).unwrap_err().contains("gap_percent"));
            assert!(Mix::parse(&text.replacen("gap_percent", "gaps", 1)).unwrap_err().contains("gaps"));
        }
    }
}
