//! Measures how well the modes of `reconcile` find the truth, on sources of known quality.
//!
//! ```text
//! days to learn ─► Learner ─► trust table ───────────────┐
//! days to judge ─► reconcile, once a mode ─► flight.state ┴─► as it stood at each lead ─┐
//!             └──► each source alone ─► its last word at each lead ────────────────────┴─► share that was right, by field
//! ```
//!
//! A value that was never given is wrong, for a source as for a mode; judged are the leads, from the instant on at which the trust table is in
//! force, at which at least one source had spoken of the field. The stage that runs is the pipeline's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_processors::truth::field::{Field, Value};
use slipstream_processors::truth::learn::{SCORED, is_right};
use slipstream_processors::truth::rules::Rules;
use slipstream_processors::truth::trust::{LEADS_MIN, Score};
use slipstream_producers::witnesses::{Testimony, Truth};
use slipstream_schemas::records::{FlightKind, FlightObservation, FlightState, FlightStatus};
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::codec::Codec;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};

use crate::catalogue;
use crate::failure::Failure;

const MINUTE: Ts = 60_000;

/// Who is judged: a mode or a source, by name; fields with their scores.
pub(crate) type Scores = BTreeMap<String, BTreeMap<Field, Score>>;

/// Runs `reconcile` under some rules, and scores what it made of the testimony from an instant on as `name`; each source beside it.
///
/// # Errors
/// The pipeline cannot run.
pub(crate) fn judge(name: &str, rules: Rules, testimony: &Testimony, from: Ts) -> Result<Scores, Failure> {
    let topology = pipeline::topology_by(&rules.shared(), catalogue::partitions(&catalogue::load()?));
    let topology = topology.upstream_of(&[topics::FLIGHT_STATE]);
    let codec: Arc<dyn Codec> = Arc::new(Edge::local().map_err(Failure::bug)?);
    let mut reference = Reference::new(topology, &codec).map_err(Failure::bug)?;
    let mut court = Court::new(name, &testimony.truths, from);
    reference.run(&mut Told(testimony.records.iter()), &mut court).map_err(Failure::bug)?;
    court.until(Ts::MAX);
    Ok(court.scores)
}

struct Told<'a>(std::slice::Iter<'a, Record>);

impl Source for Told<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next().cloned())
    }
}

/// Looks at every leg at every lead.
struct Court<'a> {
    name: &'a str,
    truths: BTreeMap<String, &'a Truth>,
    due: BTreeSet<(Ts, String)>,
    /// What stands, by leg and who says it.
    standing: BTreeMap<String, BTreeMap<String, BTreeMap<Field, Value>>>,
    scores: Scores,
}

impl<'a> Court<'a> {
    fn new(name: &'a str, truths: &'a [Truth], from: Ts) -> Self {
        let keyed = || truths.iter().map(|truth| (truth.leg.to_string(), truth));
        let looks = keyed().flat_map(|(key, truth)| LEADS_MIN.map(|lead| (truth.departure - lead * MINUTE, key.clone())));
        let due = looks.filter(|(due, _)| *due >= from).collect();
        Self { name, truths: keyed().collect(), due, standing: BTreeMap::new(), scores: Scores::new() }
    }

    /// Takes the looks that are due before an instant.
    fn until(&mut self, at: Ts) {
        while let Some((due, key)) = self.due.first().cloned().filter(|(due, _)| *due < at) {
            self.due.remove(&(due, key.clone()));
            let (Some(truth), Some(standing)) = (self.truths.get(&key), self.standing.get(&key)) else { continue };
            for field in SCORED {
                let Some(expect) = truly(truth, field) else { continue };
                let spoken = standing.iter().any(|(who, fields)| who != self.name && fields.contains_key(&field));
                for (who, fields) in standing.iter().filter(|_| spoken) {
                    let right = fields.get(&field).is_some_and(|value| is_right(field, value, &expect));
                    self.scores.entry(who.clone()).or_default().entry(field).or_default().add(right);
                }
            }
        }
    }

    fn observed(&mut self, said: &FlightObservation) {
        let date = said.date.map(|date| date.to_string()).unwrap_or_default();
        let key = format!("{}{}/{date}/{}-{}", said.carrier, said.number, said.origin, said.destination);
        let own = self.standing.entry(key).or_default().entry(said.source.clone()).or_default();
        for field in SCORED {
            own.extend(field.stated(said).map(|value| (field, value)));
        }
        own.insert(Field::Outcome, Value::instant(i64::from(said.kind == FlightKind::Cancelled)));
    }

    fn reconciled(&mut self, state: &FlightState) {
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let cancelled = state.last.status == FlightStatus::Cancelled;
        let all = [
            (Field::EstimatedDeparture, state.last.estimated_departure.map(Value::instant)),
            (Field::EstimatedArrival, state.last.estimated_arrival.map(Value::instant)),
            (Field::DepartureTerminal, text(&state.departure_terminal)),
            (Field::DepartureGate, text(&state.departure_gate)),
            (Field::ArrivalTerminal, text(&state.arrival_terminal)),
            (Field::ArrivalGate, text(&state.arrival_gate)),
            (Field::Outcome, Some(Value::instant(i64::from(cancelled)))),
        ];
        let own = self.standing.entry(state.last.leg.to_string()).or_default().entry(self.name.to_owned()).or_default();
        *own = all.into_iter().filter_map(|(field, value)| Some((field, value?))).collect();
    }
}

/// What was true of a field; of the times of a cancelled leg nothing is.
fn truly(truth: &Truth, field: Field) -> Option<Value> {
    match field {
        Field::EstimatedDeparture => truth.out.map(Value::instant),
        Field::EstimatedArrival => truth.arrived.map(Value::instant),
        Field::Outcome => Some(Value::instant(i64::from(truth.out.is_none()))),
        Field::DepartureTerminal => truth.out.map(|_| Value::text(&truth.leaves_from.0)),
        Field::DepartureGate => truth.out.map(|_| Value::text(&truth.leaves_from.1)),
        Field::ArrivalTerminal => truth.arrived.map(|_| Value::text(&truth.arrives_at.0)),
        _ => truth.arrived.map(|_| Value::text(&truth.arrives_at.1)),
    }
}

impl Sink for Court<'_> {
    fn instant(&mut self, at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.until(at);
        for record in records {
            let Some(body) = record.body.as_deref() else { continue };
            match record.topic {
                topics::FLIGHT_OBSERVATIONS => {
                    self.observed(&FlightObservation::from_bytes(body).map_err(std::io::Error::other)?)
                }
                topics::FLIGHT_STATE => self.reconciled(&FlightState::from_bytes(body).map_err(std::io::Error::other)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The share of right values over all fields with one weight each, in percent.
pub(crate) fn mean(scores: &BTreeMap<Field, Score>) -> f64 {
    scores.values().map(|score| percent(*score)).sum::<f64>() / scores.len().max(1) as f64
}

/// In percent.
pub(crate) fn percent(score: Score) -> f64 {
    score.right as f64 * 100.0 / score.scored.max(1) as f64
}
