//! What airlines change before the day begins to hurt: cancellations decided ahead, and retimings.
//!
//! Round trips are cancelled whole, so aircraft stay in rotation. Every decision has the instant at which it
//! became known: on a forecast or an announced strike hours ahead, on a sudden failure not before the failure.

use jiff::tz::TimeZone;
use slipstream_schemas::ids::Airport;
use slipstream_schemas::wire::WireError;

use super::MINUTE;
use super::dice::Dice;
use super::network::{airline, zone_of};
use super::scenario::{Scenario, Trouble};
use super::sky::Span;
use super::timetable::{Flight, Timetable};

/// Round trips in a thousand whose times the airline moves on the day before.
const RETIMED_PERMILLE: i64 = 15;

/// A decision on one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Will not operate; delay code as stated.
    Cancel(String),
    /// Times move by so many minutes.
    Retime(i64),
}

/// A decision with its leg and the instant at which it becomes known.
pub(super) struct Decision {
    /// Index of the leg.
    pub(super) flight: usize,
    /// Epoch ms.
    pub(super) known_at: i64,
    /// What.
    pub(super) change: Change,
}

/// Every decision made ahead: at most one retiming and one cancellation per leg, in this order.
///
/// # Errors
/// Never for a scenario that was parsed.
pub(super) fn decide(scenario: &Scenario, timetable: &Timetable, seed: u64) -> Result<Vec<Decision>, WireError> {
    let causes = causes(scenario)?;
    let mut decisions = Vec::new();
    for line in &timetable.lines {
        for (nth, pair) in line.flights.chunks_exact(2).enumerate() {
            let [out, back] = [&timetable.flights[pair[0]], &timetable.flights[pair[1]]];
            let slack = slack_after(timetable, &line.flights, nth, line.airline.turn_min);
            if let Some((minutes, known_at)) = retiming(out, slack, seed) {
                decisions.extend(pair.iter().map(|flight| Decision {
                    flight: *flight,
                    known_at,
                    change: Change::Retime(minutes),
                }));
            }
            let mut dice = Dice::new(seed, &format!("programme/{}", out.leg));
            if let Some((cause, lead)) = causes.iter().find_map(|cause| Some((cause, cause.strikes(out, back, &mut dice)?))) {
                let known_at = cause.known(out.departure - lead * MINUTE);
                let change = |flight| Change::Cancel(cause.reason(flight));
                decisions.push(Decision { flight: pair[0], known_at, change: change(out) });
                decisions.push(Decision { flight: pair[1], known_at, change: change(back) });
            }
        }
    }
    Ok(decisions)
}

/// By how many minutes, and when, a round trip is retimed on the day before; a cancellation may still follow.
fn retiming(out: &Flight, slack: i64, seed: u64) -> Option<(i64, i64)> {
    let mut dice = Dice::new(seed, &format!("retiming/{}", out.leg));
    let minutes = (5 * dice.between(2, 8)).min(slack / 5 * 5);
    let known_at = out.departure - dice.between(14 * 60, 20 * 60) * MINUTE;
    (dice.permille(RETIMED_PERMILLE) && minutes >= 10).then_some((minutes, known_at))
}

/// Minutes by which the `nth` round trip of a line may move without touching the next.
fn slack_after(timetable: &Timetable, line: &[usize], nth: usize, turn_min: i64) -> i64 {
    let next = line.get(2 * nth + 2).map(|f| timetable.flights[*f].departure);
    let back = timetable.flights[line[2 * nth + 1]].arrival;
    next.map_or(30, |next| (next - back) / MINUTE - turn_min)
}

/// Why round trips are cancelled ahead.
enum Cause {
    /// Weather or a restriction at an airport.
    Airport { airport: Airport, span: Span, percent: i64, stated: Option<String> },
    /// Trouble of the airline itself.
    Airline { carrier: String, span: Span, percent: i64, stated: String, announced: bool },
}

fn causes(scenario: &Scenario) -> Result<Vec<Cause>, WireError> {
    let mut causes = Vec::new();
    for event in &scenario.weather {
        let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
        causes.push(Cause::Airport { airport: event.airport, span, percent: event.cancel_percent.into(), stated: None });
    }
    for event in &scenario.restriction {
        let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
        let stated = Some(event.reason.clone());
        causes.push(Cause::Airport { airport: event.airport, span, percent: event.cancel_percent.into(), stated });
    }
    for event in &scenario.trouble {
        causes.push(Cause::Airline {
            carrier: event.airline.to_string(),
            span: trouble_span(scenario, event)?,
            percent: event.cancel_percent.into(),
            stated: event.reason.clone(),
            announced: matches!(event.reason.as_str(), "97" | "98"),
        });
    }
    Ok(causes)
}

/// When an airline's trouble lasts: its window is local at its first hub.
///
/// # Errors
/// Never for a scenario that was parsed.
pub(super) fn trouble_span(scenario: &Scenario, trouble: &Trouble) -> Result<Span, WireError> {
    let hub = airline(trouble.airline).and_then(|one| one.hubs.first()).and_then(|hub| hub.parse().ok());
    Span::of(scenario, &trouble.window, &hub.map_or(TimeZone::UTC, zone_of))
}

impl Cause {
    /// Minutes of notice if this cause cancels the round trip.
    fn strikes(&self, out: &Flight, back: &Flight, dice: &mut Dice) -> Option<i64> {
        let (touched, percent, lead) = match self {
            Self::Airport { airport, span, percent, stated } => {
                let touches = |flight: &Flight| {
                    (flight.leg.origin == *airport && span.holds(flight.departure))
                        || (flight.leg.destination == *airport && span.holds(flight.arrival))
                };
                (touches(out) || touches(back), *percent, if stated.is_none() { (150, 540) } else { (90, 300) })
            }
            Self::Airline { carrier, span, percent, announced, .. } => {
                let touched = out.leg.carrier.as_str() == carrier && span.holds(out.departure);
                (touched, *percent, if *announced { (240, 540) } else { (20, 180) })
            }
        };
        (touched && dice.permille(percent * 10)).then(|| dice.between(lead.0, lead.1))
    }

    /// Not before a sudden failure has happened.
    fn known(&self, wished: i64) -> i64 {
        match self {
            Self::Airline { span, announced: false, .. } => wished.max(span.from + 5 * MINUTE),
            _ => wished,
        }
    }

    /// Delay code for one leg of the round trip.
    fn reason(&self, flight: &Flight) -> String {
        match self {
            Self::Airport { stated: Some(reason), .. } | Self::Airline { stated: reason, .. } => reason.clone(),
            Self::Airport { airport, .. } => if flight.leg.origin == *airport { "71" } else { "72" }.to_owned(),
        }
    }
}
