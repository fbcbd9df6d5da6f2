//! Makes one truth of each leg from what one or several sources say of it.
//!
//! ```text
//! flight.observations ─► check ─► find the leg ─► weigh each field ─► reconcile ─┬─► flight.events                  (leg)
//!   (carrier + number)   refuse     or open it      by source, then recency      ├─► flight.state                   (leg)
//!                                                                                ├─► flight.events.by-aircraft      (tail)
//!                                                                                └─► flight.events.by-organisation  (organisation)
//! ```
//!
//! Keeps one row a leg ([`known::Known`]) until [`KEEP_MS`] after its departure and its last news; what is said
//! of it later is late. Every event carries the whole leg, numbered by `revision`. A repetition, or a word of a
//! less trusted source, changes nothing: it is only counted. A leg ends in one way: flown, cancelled or diverted; a
//! word against that end is refused. What this stage does not do: guess facts that no source has stated.

mod identity;
mod known;
mod plausible;
mod sources;
mod weigh;

use slipstream_schemas::ids::{Leg, Tail};
use slipstream_schemas::records::{FlightEvent, FlightKind, FlightObservation, FlightState};
use slipstream_schemas::topics::{FLIGHT_EVENTS, FLIGHT_EVENTS_BY_AIRCRAFT, FLIGHT_EVENTS_BY_ORGANISATION, FLIGHT_STATE};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use self::identity::Found;
use self::known::Known;
use self::weigh::Change;
use crate::context::{Typed, read};
use crate::journey::HOUR;

/// How long a leg is kept after its scheduled departure and after the last word on it, ms.
pub const KEEP_MS: i64 = 72 * HOUR;
/// Most legs have had their last word this long after their scheduled departure, ms; saves setting the timer twice.
const FLOWN_MS: i64 = 12 * HOUR;
/// A departure expected or known to be late by this is DELAYED, minutes (S2-10).
pub const DELAYED_MIN: i32 = 15;

const LEGS: usize = 0;
const FORGET: u8 = 1;

/// The stage.
#[derive(Debug, Default)]
pub struct Reconcile;

impl Processor for Reconcile {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let said: FlightObservation = read(record)?;
        plausible::check(&said, record.timestamp, cx.key())?;
        let (sub, mut known) = match identity::find(cx, &said, record.timestamp)? {
            Found::Known(sub, known) => (sub, *known),
            Found::New(leg, departure) => (identity::row(&leg), Known::open(leg, departure)),
            Found::Forgotten => {
                cx.late();
                return Ok(());
            }
        };
        let opened = known.last.revision == 0;
        let Some(change) = weigh::apply(&mut known, &said)? else {
            cx.repeated();
            return Ok(());
        };
        if opened {
            cx.set_timer(FORGET, &sub, known.last.scheduled_departure.max(cx.now()).saturating_add(KEEP_MS + FLOWN_MS));
        }
        known.last_synced_at = cx.now();
        announce(cx, &mut known, &change);
        cx.save(LEGS, &sub, &known);
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let Some(known) = cx.load::<Known>(LEGS, &timer.sub)? else {
            return Ok(());
        };
        let until = known.last_synced_at.max(known.last.scheduled_departure).saturating_add(KEEP_MS);
        if until > cx.now() {
            cx.set_timer(FORGET, &timer.sub, until);
        } else {
            cx.delete(LEGS, &timer.sub);
        }
        Ok(())
    }
}

/// Writes one event for each kind of change, all with the same snapshot, and the state.
fn announce(cx: &mut Cx<'_>, known: &mut Known, change: &Change) {
    let key = known.last.leg.to_string();
    if !change.kinds.is_empty() {
        known.last.revision += 1;
    }
    for kind in &change.kinds {
        known.last.kind = *kind;
        known.last.at = change.at.filter(|_| happens(*kind));
        send(cx, &key, &known.last, change.left);
    }
    let state = FlightState {
        last: known.last.clone(),
        sources: known.names(),
        last_synced_at: known.last_synced_at,
        sync_status: known.sync_status(),
    };
    cx.send(FLIGHT_STATE, &key, &state);
}

fn send(cx: &mut Cx<'_>, key: &str, event: &FlightEvent, left: Option<Tail>) {
    cx.send(FLIGHT_EVENTS, key, event);
    for tail in event.tail.into_iter().chain(left) {
        cx.send(FLIGHT_EVENTS_BY_AIRCRAFT, tail.as_str(), event);
    }
    if concerns_organisation(event.kind) {
        cx.send(FLIGHT_EVENTS_BY_ORGANISATION, organisation(&event.leg), event);
    }
}

/// The operating carrier answers for its legs under its own designator.
fn organisation(leg: &Leg) -> &str {
    leg.carrier.as_str()
}

/// Kinds that change what can be promised to a passenger, and the arrival that settles what is owed.
fn concerns_organisation(kind: FlightKind) -> bool {
    use FlightKind as K;
    matches!(kind, K::Estimated | K::Delayed | K::Cancelled | K::Reinstated | K::Diverted | K::Retimed | K::Returned | K::In)
}

/// Kinds that happen at an instant; the others are plans and expectations.
fn happens(kind: FlightKind) -> bool {
    use FlightKind as K;
    matches!(kind, K::Out | K::Off | K::On | K::In | K::Cancelled | K::Reinstated | K::Diverted | K::Returned)
}
