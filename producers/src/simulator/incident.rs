//! What goes wrong at a gate: the primary delay of one departure.
//!
//! Most departures are on time; the rest follow a skewed distribution (median 9 minutes, one in ten over 45), with
//! causes as ground handling knows them. Scenario groundings and airline trouble come before chance.

use slipstream_schemas::ids::{Airport, Carrier};
use slipstream_schemas::wire::WireError;

use super::MINUTE;
use super::dice::Dice;
use super::network::zone_of;
use super::programme::trouble_span;
use super::scenario::Scenario;
use super::sky::Span;
use super::timetable::Flight;

/// Departures in a thousand that have some primary delay.
const DELAYED_PERMILLE: i64 = 420;
/// Departures in a thousand whose aircraft has a defect.
const DEFECT_PERMILLE: i64 = 6;
/// Deciles of an ordinary primary delay, minutes.
const ORDINARY_MIN: &[i64] = &[1, 2, 3, 5, 7, 9, 12, 16, 24, 40, 80];
/// Quantiles of the delay by a defect, minutes.
const DEFECT_MIN: &[i64] = &[45, 60, 80, 110, 150, 210, 330, 480];
/// Quantiles of the queue for de-icing, minutes.
const DEICING_MIN: &[i64] = &[10, 15, 20, 28, 40, 65];
/// Ordinary causes (AHM 730) with weights: boarding, baggage, loading, fuelling, crew, security, start-up.
const ORDINARY_CODES: &[(&str, i64)] = &[("15", 25), ("18", 15), ("32", 15), ("36", 10), ("63", 15), ("85", 8), ("89", 12)];

/// A primary delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incident {
    /// Minutes lost.
    pub(super) minutes: i64,
    /// Delay code.
    pub(super) reason: String,
    /// The aircraft is unserviceable: another one would help.
    pub(super) defect: bool,
}

struct Grounded {
    carrier: Carrier,
    airport: Airport,
    span: Span,
    left: u32,
    minutes: i64,
    reason: String,
}

struct Troubled {
    carrier: Carrier,
    span: Span,
    percent: i64,
    minutes: i64,
    reason: String,
}

/// Where primary delays come from.
pub(super) struct Incidents {
    seed: u64,
    grounded: Vec<Grounded>,
    troubled: Vec<Troubled>,
}

impl Incidents {
    /// The scenario's, and chance's.
    ///
    /// # Errors
    /// Never for a scenario that was parsed.
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Result<Self, WireError> {
        let mut grounded = Vec::new();
        for event in &scenario.grounding {
            grounded.push(Grounded {
                carrier: event.airline,
                airport: event.airport,
                span: Span::of(scenario, &event.window, &zone_of(event.airport))?,
                left: event.aircraft,
                minutes: event.repair_min.into(),
                reason: event.reason.clone(),
            });
        }
        let mut troubled = Vec::new();
        for event in &scenario.trouble {
            troubled.push(Troubled {
                carrier: event.airline,
                span: trouble_span(scenario, event)?,
                percent: event.delay_percent.into(),
                minutes: event.delay_min.into(),
                reason: event.reason.clone(),
            });
        }
        Ok(Self { seed, grounded, troubled })
    }

    /// What befalls a departure planned for `departure`, under snow if `icy`.
    pub(super) fn befall(&mut self, flight: &Flight, departure: i64, icy: bool) -> Option<Incident> {
        let mut dice = Dice::new(self.seed, &format!("incident/{}", flight.leg));
        self.grounding(flight, departure).or_else(|| self.trouble(flight, departure, &mut dice)).or_else(|| {
            let (ordinary, deicing) = (chance(&mut dice), deicing(&mut dice));
            if icy && ordinary.as_ref().is_none_or(|one| one.minutes < deicing.minutes) { Some(deicing) } else { ordinary }
        })
    }

    fn grounding(&mut self, flight: &Flight, departure: i64) -> Option<Incident> {
        let hit = |g: &&mut Grounded| {
            g.left > 0 && g.carrier == flight.leg.carrier && g.airport == flight.leg.origin && g.span.holds(departure)
        };
        let grounded = self.grounded.iter_mut().find(hit)?;
        grounded.left -= 1;
        Some(Incident { minutes: grounded.minutes, reason: grounded.reason.clone(), defect: true })
    }

    fn trouble(&self, flight: &Flight, departure: i64, dice: &mut Dice) -> Option<Incident> {
        let hit = |t: &&Troubled| t.carrier == flight.leg.carrier && t.span.holds(departure);
        let trouble = self.troubled.iter().find(hit)?;
        let minutes = trouble.minutes * dice.between(40, 170) / 100;
        dice.permille(trouble.percent * 10).then(|| Incident { minutes, reason: trouble.reason.clone(), defect: false })
    }
}

fn chance(dice: &mut Dice) -> Option<Incident> {
    if dice.permille(DEFECT_PERMILLE) {
        return Some(Incident { minutes: dice.quantile(DEFECT_MIN), reason: "41".to_owned(), defect: true });
    }
    let minutes = dice.quantile(ORDINARY_MIN);
    let reason = dice.weighted(ORDINARY_CODES, "15").to_owned();
    dice.permille(DELAYED_PERMILLE).then_some(Incident { minutes, reason, defect: false })
}

fn deicing(dice: &mut Dice) -> Incident {
    Incident { minutes: dice.quantile(DEICING_MIN), reason: "75".to_owned(), defect: false }
}

/// Minutes before the planned departure at which an incident shows.
pub(super) fn shows_at(flight: &Flight, ready: i64, seed: u64) -> i64 {
    ready - Dice::new(seed, &format!("shows/{}", flight.leg)).between(5, 30) * MINUTE
}
