//! What of a recording was known when: facts of the day after become the stream of the day itself.
//!
//! | kind | becomes known |
//! |---|---|
//! | SCHEDULED | 24 h before the first departure of its local day, all legs of the day at once; carries no tail |
//! | ASSIGNED | 24 h before departure; strictly: when the tail's leg before has ended, if one is recorded; or never |
//! | OUT, OFF, ON, IN | as flown |
//! | CANCELLED | at the scheduled departure, or a lead before it (then `assumed`); after the movement of a leg that had left its gate |
//! | DIVERTED | at the scheduled arrival + 30 min, though not before the leg had left; no ON, no IN |
//!
//! Nothing is known before the schedule is. Within one instant the rank of the kinds decides, which is the
//! order of this table. No record depends on what happened after its stamp: neither its bytes, nor its id,
//! nor that it exists at all; a property test holds that.

use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_streams::record::Ts;

use crate::facts::{LegFacts, Outcome};
use crate::local_time::{DAY, MINUTE};

/// How long before a day's first departure its schedule is published, and before a departure its tail.
pub const PUBLISHED_AHEAD: Ts = DAY;
/// How long after the scheduled arrival a diversion is known.
pub const DIVERSION_KNOWN_AFTER: Ts = 30 * MINUTE;

/// When the tail of a leg is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tails {
    /// 24 h before departure.
    #[default]
    Planned,
    /// Not before the tail's leg before has ended (`--strict-tails`).
    Strict,
    /// Never (`--no-tails`).
    Never,
}

/// The choices that the event model leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Model {
    /// When tails are known.
    pub tails: Tails,
    /// How long before the scheduled departure a cancellation is known, in milliseconds, at most 24 h;
    /// 0 or less means at the scheduled departure.
    pub cancel_lead: Ts,
}

/// One thing that becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Ts,
    /// What.
    pub kind: FlightKind,
}

/// When the fate of a leg is known, and whether its aircraft went anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// In-block, or the stamp of the cancellation or diversion.
    pub at: Ts,
    /// False for a cancelled leg: the aircraft comes from the leg before it.
    pub moved: bool,
}

impl Model {
    /// Everything that becomes known of a leg, its schedule being published at `published`, in order of kind.
    /// A strict ASSIGNED stands here at its earliest; [`Model::strictly`] moves it.
    #[must_use]
    pub fn moments(&self, leg: &LegFacts, published: Ts) -> Vec<Moment> {
        let mut moments = vec![Moment { at: published, kind: FlightKind::Scheduled }];
        let Some(departs) = leg.scheduled_departure else {
            return moments;
        };
        let mut known = |at: Option<Ts>, kind| moments.extend(at.map(|at| Moment { at, kind }));
        if self.tails != Tails::Never && leg.tail.is_some() {
            known(Some(departs - PUBLISHED_AHEAD), FlightKind::Assigned);
        }
        known(leg.out, FlightKind::Out);
        known(leg.off, FlightKind::Off);
        if leg.outcome == Outcome::Flown {
            known(leg.on, FlightKind::On);
            known(leg.arrived, FlightKind::In);
        }
        known(self.cancelled_at(leg, departs), FlightKind::Cancelled);
        known(diverted_at(leg, departs), FlightKind::Diverted);
        moments
    }

    fn cancelled_at(&self, leg: &LegFacts, departs: Ts) -> Option<Ts> {
        match (leg.outcome, last_movement(leg)) {
            (Outcome::Cancelled, None) => Some(departs - self.cancel_lead.clamp(0, PUBLISHED_AHEAD)),
            (Outcome::Cancelled, Some(moved)) => Some(departs.max(moved)),
            (Outcome::Flown | Outcome::Diverted, _) => None,
        }
    }

    /// How a leg ended for its aircraft, as the stream shows it.
    #[must_use]
    pub fn ending(&self, leg: &LegFacts) -> Option<Ending> {
        let departs = leg.scheduled_departure?;
        match leg.outcome {
            Outcome::Flown => leg.arrived.map(|at| Ending { at, moved: true }),
            Outcome::Cancelled => self.cancelled_at(leg, departs).map(|at| Ending { at, moved: false }),
            Outcome::Diverted => diverted_at(leg, departs).map(|at| Ending { at, moved: true }),
        }
    }

    /// When a strict ASSIGNED that could be known at `earliest` is known, the tail's leg before having ended
    /// at `inbound_ended`: not before that end, and not after what shows the tail anyway or ends the matter.
    #[must_use]
    pub fn strictly(&self, leg: &LegFacts, earliest: Ts, inbound_ended: Option<Ts>) -> Ts {
        let departs = leg.scheduled_departure.unwrap_or(earliest);
        let shown = leg.out.or_else(|| self.cancelled_at(leg, departs)).unwrap_or(departs);
        inbound_ended.map_or(earliest, |ended| ended.clamp(earliest, shown.max(earliest)))
    }

    /// The record of one moment.
    #[must_use]
    pub fn observation(&self, source: &str, leg: &LegFacts, moment: Moment) -> FlightObservation {
        let is_plan = matches!(moment.kind, FlightKind::Scheduled | FlightKind::Assigned);
        let identity = leg.identity;
        let led = moment.kind == FlightKind::Cancelled && self.cancel_lead > 0 && leg.out.is_none();
        FlightObservation {
            source_leg: Some(leg.source_leg()),
            date: Some(leg.date),
            scheduled_departure: leg.scheduled_departure,
            scheduled_arrival: leg.scheduled_arrival,
            at: if is_plan { None } else { Some(moment.at) },
            tail: if moment.kind == FlightKind::Assigned { leg.tail } else { None },
            assumed: led,
            ..FlightObservation::of(
                source,
                moment.kind,
                (identity.carrier, identity.number),
                (identity.origin, identity.destination),
            )
        }
    }
}

fn diverted_at(leg: &LegFacts, departs: Ts) -> Option<Ts> {
    let due = leg.due.unwrap_or(departs) + DIVERSION_KNOWN_AFTER;
    (leg.outcome == Outcome::Diverted).then(|| last_movement(leg).map_or(due, |moved| due.max(moved)))
}

fn last_movement(leg: &LegFacts) -> Option<Ts> {
    leg.off.or(leg.out)
}
