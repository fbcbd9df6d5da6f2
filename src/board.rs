//! The state of the day as a dispatcher sees it: one fold over committed records.
//!
//!     flight.events, rotation.signals, disruption.events, passenger.events, liability.totals, notifications
//!                                                                         └─► Board ─► terminal, console
//!
//! Holds counts, the worst chains by tail, the open disruptions and the newest lines. Reads what every
//! subscriber reads and decides nothing.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use slipstream_schemas::ids::{Currency, Tail};
use slipstream_schemas::records::{
    Disruption, Exposure, FlightEvent, FlightKind, PassengerEvent, PassengerKind, Phase, RightsDecision, RotationSignal, Severity,
};
use slipstream_schemas::topics;
use slipstream_schemas::wire::{Wire, WireError};

/// Lines of the feed that are kept.
const FEED_LINES: usize = 40;
/// Tails shown among the worst chains.
const CHAINS_SHOWN: usize = 8;
/// Delay from which a departure counts as late, minutes (the industry's D15).
const LATE_MIN: i32 = 15;
/// Delay from which it counts as very late, minutes.
const VERY_LATE_MIN: i32 = 60;

/// Counts of flights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Flights {
    /// In the schedule.
    pub(crate) scheduled: u64,
    /// Off blocks so far.
    pub(crate) departed: u64,
    /// In blocks.
    pub(crate) flown: u64,
    /// Departed 15 minutes late or more.
    pub(crate) late: u64,
    /// Departed 60 minutes late or more.
    pub(crate) very_late: u64,
    /// Cancelled.
    pub(crate) cancelled: u64,
    /// Diverted.
    pub(crate) diverted: u64,
}

/// Counts of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct People {
    /// Passengers of disrupted flights.
    pub(crate) affected: u64,
    /// Passengers with a new itinerary.
    pub(crate) rebooked: u64,
    /// Passengers for whom no seat was found.
    pub(crate) unplaceable: u64,
    /// Passengers to whom care is due.
    pub(crate) care: u64,
    /// Passengers to whom a sum is owed, by the newest decision.
    pub(crate) owed: u64,
    /// Passengers whose newest decision is final.
    pub(crate) decided: u64,
    /// Notices sent.
    pub(crate) told: u64,
    /// Sums owed by currency, whole units.
    pub(crate) sums: BTreeMap<String, i64>,
}

/// The longest chain of one tail so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Chain {
    /// The aircraft.
    pub(crate) tail: Tail,
    /// Legs in the chain.
    pub(crate) legs: i32,
    /// Its last leg.
    pub(crate) leg: String,
    /// Departure delay of that leg, minutes.
    pub(crate) delay_min: i32,
    /// How much of it the aircraft brought along, minutes.
    pub(crate) reactionary_min: i32,
}

/// One line of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// When it became known, epoch ms.
    pub(crate) at: i64,
    /// How bad.
    pub(crate) severity: Severity,
    /// What.
    pub(crate) text: String,
    /// What to hand to `slipstream explain`.
    pub(crate) subject: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Owed {
    amount: i64,
    currency: Option<Currency>,
    last: bool,
}

/// The state of the day.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Board {
    /// Event time, epoch ms.
    pub(crate) at: i64,
    /// Flights.
    pub(crate) flights: Flights,
    /// People.
    pub(crate) people: People,
    /// Open disruptions by pattern.
    pub(crate) open: BTreeMap<&'static str, u64>,
    /// Disruptions opened so far.
    pub(crate) disruptions: u64,
    /// What the network may owe by law, by the last reading.
    pub(crate) at_stake: Option<Exposure>,
    /// Newest last.
    pub(crate) feed: VecDeque<Line>,
    /// Records refused so far.
    pub(crate) dead_letters: u64,
    #[serde(skip)]
    chains: BTreeMap<Tail, Chain>,
    #[serde(skip)]
    patterns: BTreeMap<String, &'static str>,
    #[serde(skip)]
    owed: BTreeMap<String, Owed>,
    #[serde(skip)]
    seen: BTreeMap<(String, &'static str), ()>,
}

impl Board {
    /// Takes one record. Topics that the board does not show are ignored.
    ///
    /// # Errors
    /// The body is not of the topic's schema.
    pub(crate) fn take(&mut self, topic: &str, type_name: &str, timestamp: i64, body: &[u8]) -> Result<(), WireError> {
        match topic {
            topics::FLIGHT_EVENTS => self.flight(&FlightEvent::from_bytes(body)?),
            topics::ROTATION_SIGNALS => self.rotation(&RotationSignal::from_bytes(body)?),
            topics::DISRUPTION_EVENTS => self.disruption(timestamp, &Disruption::from_bytes(body)?),
            topics::PASSENGER_EVENTS if type_name == "passenger.rights.decided" => {
                self.rights(timestamp, RightsDecision::from_bytes(body)?);
            }
            // The decision behind it is counted.
            topics::PASSENGER_EVENTS if type_name == "passenger.payment.due" => {}
            topics::PASSENGER_EVENTS => self.passenger(timestamp, &PassengerEvent::from_bytes(body)?),
            topics::LIABILITY_TOTALS => {
                let total = Exposure::from_bytes(body)?;
                self.at_stake = if total.scope == "network" { Some(total) } else { self.at_stake.take() };
            }
            topics::NOTIFICATIONS => self.people.told += 1,
            topics::DEAD_LETTER_QUEUE => self.dead_letters += 1,
            _ => return Ok(()),
        }
        self.at = self.at.max(timestamp);
        Ok(())
    }

    /// The worst chains of the day, longest first.
    #[must_use]
    pub(crate) fn worst_chains(&self) -> Vec<&Chain> {
        let mut chains: Vec<_> = self.chains.values().filter(|c| c.legs > 1).collect();
        chains.sort_by_key(|c| std::cmp::Reverse((c.legs, c.delay_min, c.tail)));
        chains.truncate(CHAINS_SHOWN);
        chains
    }

    fn flight(&mut self, event: &FlightEvent) {
        let flights = &mut self.flights;
        match event.kind {
            FlightKind::Scheduled => flights.scheduled += 1,
            FlightKind::Out => {
                flights.departed += 1;
                let delay = event.departure_delay_min.unwrap_or(0);
                flights.late += u64::from(delay >= LATE_MIN);
                flights.very_late += u64::from(delay >= VERY_LATE_MIN);
            }
            FlightKind::In => flights.flown += 1,
            FlightKind::Cancelled => flights.cancelled += 1,
            FlightKind::Reinstated => flights.cancelled = flights.cancelled.saturating_sub(1),
            FlightKind::Diverted => flights.diverted += 1,
            FlightKind::Unknown
            | FlightKind::Assigned
            | FlightKind::Estimated
            | FlightKind::Off
            | FlightKind::On
            | FlightKind::Delayed
            | FlightKind::Retimed
            | FlightKind::Returned
            | FlightKind::Merged => {}
        }
    }

    fn rotation(&mut self, signal: &RotationSignal) {
        let Some(tail) = signal.tail else { return };
        let chain = Chain {
            tail,
            legs: signal.chain_length,
            leg: signal.leg.to_string(),
            delay_min: signal.departure_delay_min.unwrap_or(0),
            reactionary_min: signal.reactionary_min,
        };
        let worse = self.chains.get(&tail).is_none_or(|held| (held.legs, held.delay_min) <= (chain.legs, chain.delay_min));
        if signal.is_final && worse {
            self.chains.insert(tail, chain);
        }
    }

    fn disruption(&mut self, at: i64, event: &Disruption) {
        if let Some(pattern) = self.patterns.remove(&event.disruption) {
            let open = self.open.entry(pattern).or_default();
            *open = open.saturating_sub(1);
        }
        self.disruptions += u64::from(event.phase == Phase::Opened);
        if event.phase != Phase::Resolved {
            *self.open.entry(event.pattern.as_str()).or_default() += 1;
            self.patterns.insert(event.disruption.clone(), event.pattern.as_str());
        }
        if event.phase == Phase::Opened && event.severity >= Severity::High {
            let cause = event.causes.first().map_or("unknown", |c| c.kind.as_str());
            let late = event.expected_departure.map(|e| (e - event.scheduled_departure) / 60_000);
            let delay = late.filter(|m| *m > 0).map(|m| format!(" +{m} min")).unwrap_or_default();
            let pattern = event.pattern.as_str().to_lowercase().replace('_', " ");
            self.say(at, event.severity, format!("{} {pattern}{delay} ({cause})", event.leg), event.leg.to_string());
        }
    }

    fn passenger(&mut self, at: i64, event: &PassengerEvent) {
        let first = self.seen.insert((event.passenger.to_string(), event.kind.as_str()), ()).is_none();
        let people = &mut self.people;
        match event.kind {
            PassengerKind::Disrupted => people.affected += u64::from(first),
            PassengerKind::Rebooked => people.rebooked += u64::from(first),
            PassengerKind::CareDue => people.care += u64::from(first),
            PassengerKind::Unplaceable => {
                people.unplaceable += u64::from(first);
                let text = format!("{} no seat found for {}: {}", event.pnr, event.leg, event.reason);
                self.say(at, Severity::High, text, event.pnr.to_string());
            }
            PassengerKind::Unknown
            | PassengerKind::RightsDecision
            | PassengerKind::PaymentDue
            | PassengerKind::ChoiceOffered
            | PassengerKind::Resolved => {}
        }
    }

    /// The newest decision of a passenger's case replaces the one before.
    fn rights(&mut self, at: i64, decision: RightsDecision) {
        let rights = decision.rights;
        let due = rights.eligible == Some(true);
        let owed = Owed {
            amount: if due { rights.amount.unwrap_or(0) } else { 0 },
            currency: rights.currency.as_deref().and_then(|c| c.parse().ok()),
            last: rights.status == "final",
        };
        if owed.last && due {
            let sum = format!("{} {}", owed.amount, rights.currency.as_deref().unwrap_or(""));
            let text = format!("{} {} owed {sum} under {}", decision.pnr, decision.leg, rights.regime);
            self.say(at, Severity::Low, text, decision.pnr.to_string());
        }
        if let Some(before) = self.owed.insert(rights.id, owed.clone()) {
            self.count_owed(&before, -1);
        }
        self.count_owed(&owed, 1);
    }

    fn count_owed(&mut self, owed: &Owed, sign: i64) {
        let people = &mut self.people;
        people.decided = people.decided.saturating_add_signed(if owed.last { sign } else { 0 });
        if let (Some(currency), true) = (owed.currency, owed.amount > 0) {
            people.owed = people.owed.saturating_add_signed(sign);
            *people.sums.entry(currency.to_string()).or_default() += sign * owed.amount;
        }
    }

    fn say(&mut self, at: i64, severity: Severity, text: String, subject: String) {
        if self.feed.len() == FEED_LINES {
            self.feed.pop_front();
        }
        self.feed.push_back(Line { at, severity, text, subject });
    }
}
