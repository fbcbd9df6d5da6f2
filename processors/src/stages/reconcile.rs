//! Makes one truth of each leg from what one or several sources say of it.
//!
//! ```text
//! flight.observations ────────────┬─► check ─► find the leg ─► weigh each field ─► reconcile ─┬─► flight.events                  (leg)
//! flight.observations.identified ─┘   refuse     or open it      by its mode                  ├─► flight.state                   (leg)
//! review.decisions ─────────────────► the field under review ───────────────────────────────┤─► flight.events.by-aircraft      (tail)
//!   (carrier + number)                                                                       ├─► flight.events.by-organisation  (organisation)
//!                                                                                            └─► decision.audit                 (leg)
//! ```
//!
//! Keeps one row a leg ([`known::Known`]) until [`KEEP_MS`] after its departure and its last news; what is said
//! of it later is late. Every event carries the whole leg, numbered by `revision`. A repetition changes nothing: it is
//! only counted, and a record that comes again under its id within seven days is not looked at ([`seen`]). A leg ends in
//! one way: flown, cancelled or diverted. What cannot be true beside what is known is held for [`HOLD_MS`], in case its
//! explanation is under way; then a movement beats a status, and the loser stays among the leg's conflicts. A movement of a leg that nobody has scheduled waits [`WAIT_MS`], then opens a provisional leg; when a
//! source shows that this is another leg, the two are merged. What this stage does not do: guess facts that no source
//! has stated.

mod held;
mod identity;
mod known;
mod ledger;
mod plausible;
mod seen;
mod weigh;

use std::sync::Arc;

use slipstream_schemas::ids::{Leg, Tail};
use slipstream_schemas::records::{FlightEvent, FlightKind, FlightObservation, ReviewDecision};
use slipstream_schemas::topics::{
    DECISION_AUDIT, FLIGHT_EVENTS, FLIGHT_EVENTS_BY_AIRCRAFT, FLIGHT_EVENTS_BY_ORGANISATION, FLIGHT_STATE, REVIEW_DECISIONS,
};
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use self::identity::Found;
use self::known::Known;
use self::ledger::REVIEW_MS;
use self::weigh::{CONTRADICTION, Change, IMPOSSIBLE, Weight};
use crate::context::{Typed, forgotten_at, read};
use crate::journey::{HOUR, MINUTE};
use crate::truth::rules::Rules;

/// How long a leg is kept after its scheduled departure and after the last word on it, ms.
pub const KEEP_MS: i64 = 72 * HOUR;
/// How long a word that cannot be true beside others is held, ms.
pub const HOLD_MS: i64 = 15 * MINUTE;
/// How long a movement of an unscheduled leg waits for a schedule, ms.
pub const WAIT_MS: i64 = 24 * HOUR;
/// Most legs have had their last word this long after their scheduled departure, ms; saves setting the timer twice.
const FLOWN_MS: i64 = 12 * HOUR;
/// A departure expected or known to be late by this is DELAYED, minutes (S2-10).
pub const DELAYED_MIN: i32 = 15;

const LEGS: usize = 0;
const HELD: usize = 1;
const SEEN: usize = 2;
const FORGET: u8 = 1;
const HOLD: u8 = 2;
const WAIT: u8 = 3;
const REVIEW: u8 = 4;

/// The stage.
#[derive(Debug, Default)]
pub struct Reconcile {
    rules: Arc<Rules>,
}

impl Reconcile {
    /// The stage under other rules than those of this version.
    #[must_use]
    pub fn by(rules: Arc<Rules>) -> Self {
        Self { rules }
    }
}

impl Processor for Reconcile {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        if seen::again(cx)? {
            cx.repeated();
            return Ok(());
        }
        if record.topic == REVIEW_DECISIONS {
            return self.decide(cx, &read(record)?);
        }
        let said: FlightObservation = read(record)?;
        plausible::check(&said, record.timestamp, cx.key())?;
        match identity::find(cx, &said, record.timestamp)? {
            Found::Known(sub, known) => self.hear(cx, &sub, *known, &said),
            Found::New(leg, departure) => self.open(cx, &said, leg, departure, false),
            Found::Unscheduled => held::wait(cx, &said),
            Found::Forgotten => {
                cx.late();
                Ok(())
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        match timer.kind {
            HOLD => self.last_word(cx, &timer.sub),
            WAIT => self.provisional(cx, &timer.sub),
            REVIEW => self.end_reviews(cx, &timer.sub),
            _ => forget(cx, timer),
        }
    }
}

impl Reconcile {
    /// Opens a leg, and hears what has waited for it.
    fn open(&self, cx: &mut Cx<'_>, said: &FlightObservation, leg: Leg, departure: i64, provisional: bool) -> Result<(), Poison> {
        let (sub, mut known) = (identity::row(&leg), Known::open(leg, departure, provisional));
        let mut changes = Vec::from_iter(weigh::apply(&mut known, said, &self.rules, cx.now(), Weight::Usual)?);
        let from = known.last.scheduled_departure.max(cx.now());
        cx.set_timer(FORGET, &sub, forgotten_at(from.saturating_add(KEEP_MS + FLOWN_MS)));
        cx.save(LEGS, &sub, &known);
        for (place, word, heard_at) in held::waiting(cx)? {
            let meant = identity::find(cx, &word, heard_at);
            if meant.is_ok_and(|found| matches!(found, Found::Known(found, _) if found == sub)) {
                held::forget(cx, &place);
                changes.extend(self.weighed(cx, &sub, &mut known, &word)?);
            }
        }
        publish(cx, &sub, &mut known, &changes);
        Ok(())
    }

    /// Weighs a word on a leg; one that cannot be true beside what is known is held.
    fn weighed(
        &self,
        cx: &mut Cx<'_>,
        sub: &[u8],
        known: &mut Known,
        said: &FlightObservation,
    ) -> Result<Option<Change>, Poison> {
        let mut heard = known.clone();
        match weigh::apply(&mut heard, said, &self.rules, cx.now(), Weight::Usual) {
            Err(poison) if [IMPOSSIBLE, CONTRADICTION].contains(&poison.reason) => {
                held::hold(cx, sub, said)?;
                Ok(None)
            }
            outcome => {
                *known = heard;
                outcome
            }
        }
    }

    /// Takes in what is said of a known leg.
    fn hear(&self, cx: &mut Cx<'_>, sub: &[u8], mut known: Known, said: &FlightObservation) -> Result<(), Poison> {
        if known.provisional
            && let Some((other, twin)) = identity::twin(cx, sub, said, cx.now())?
        {
            return self.merge(cx, (sub, known), (&other, twin), said);
        }
        match self.weighed(cx, sub, &mut known, said)? {
            Some(change) => publish(cx, sub, &mut known, &[change]),
            None => {
                cx.save(LEGS, sub, &known); // the source has confirmed its word
                cx.repeated();
            }
        }
        Ok(())
    }

    /// A held word once more: now it counts, or it has lost.
    fn last_word(&self, cx: &mut Cx<'_>, place: &[u8]) -> Result<(), Poison> {
        let Some((sub, said, heard_at)) = held::release(cx, place)? else {
            return Ok(());
        };
        let Some(known) = cx.load::<Known>(LEGS, &sub)? else {
            return Ok(());
        };
        let mut heard = known.clone();
        let outcome = weigh::apply(&mut heard, &said, &self.rules, cx.now(), Weight::Last);
        let change = match outcome {
            Ok(change) => change,
            Err(poison) => {
                heard = known;
                let (field, value) = held::claimed(&said);
                weigh::through(&mut heard, &self.rules, cx.now(), |ledger| {
                    ledger.lost(field, &said.source, &value, heard_at, &poison.error);
                    Ok(())
                })?
            }
        };
        if let Some(change) = change {
            publish(cx, &sub, &mut heard, &[change]);
        }
        Ok(())
    }

    /// Nobody has scheduled what moved: it is a leg all the same.
    fn provisional(&self, cx: &mut Cx<'_>, place: &[u8]) -> Result<(), Poison> {
        let Some((_, said, _)) = held::release(cx, place)? else {
            return Ok(());
        };
        match identity::find(cx, &said, cx.now())? {
            Found::Known(sub, known) => self.hear(cx, &sub, *known, &said),
            _ => {
                let departure = said.estimated_departure.or(said.at).unwrap_or(cx.now());
                self.open(cx, &said, identity::minted(&said, departure, &[])?, departure, true)
            }
        }
    }

    /// A provisional leg is another one: that one takes over what moved, and the provisional one ends.
    fn merge(
        &self,
        cx: &mut Cx<'_>,
        (sub, mut gone): (&[u8], Known),
        (other, mut kept): (&[u8], Known),
        said: &FlightObservation,
    ) -> Result<(), Poison> {
        let key = gone.last.leg.to_string();
        gone.last.superseded_by = Some(kept.last.leg.to_string());
        gone.last.revision += 1;
        (gone.last.kind, gone.last.at) = (FlightKind::Merged, None);
        send(cx, &key, &gone.last, None);
        cx.emit(FLIGHT_STATE, &key, slipstream_schemas::records::STATE_RANK, None);
        cx.delete(LEGS, sub);
        cx.cancel_timer(FORGET, sub);
        let mut changes = Vec::new();
        for word in held::movements(&gone).iter().chain([said]) {
            changes.extend(self.weighed(cx, other, &mut kept, word)?);
        }
        publish(cx, other, &mut kept, &changes);
        Ok(())
    }

    fn decide(&self, cx: &mut Cx<'_>, decision: &ReviewDecision) -> Result<(), Poison> {
        let sub = identity::row(&decision.leg);
        let known = cx.load::<Known>(LEGS, &sub)?;
        let mut known =
            known.ok_or_else(|| Poison::processing("refused decision", format_args!("leg: {} is not known", decision.leg)))?;
        if let Some(change) = weigh::through(&mut known, &self.rules, cx.now(), |ledger| ledger.approve(decision))? {
            publish(cx, &sub, &mut known, &[change]);
        }
        Ok(())
    }

    fn end_reviews(&self, cx: &mut Cx<'_>, sub: &[u8]) -> Result<(), Poison> {
        let Some(mut known) = cx.load::<Known>(LEGS, sub)? else {
            return Ok(());
        };
        let ends = known.last.scheduled_departure.saturating_add(REVIEW_MS);
        if ends > cx.now() {
            cx.set_timer(REVIEW, sub, ends); // the leg was retimed
            return Ok(());
        }
        let change = weigh::through(&mut known, &self.rules, cx.now(), |ledger| {
            ledger.expire_all();
            Ok(())
        })?;
        if let Some(change) = change {
            publish(cx, sub, &mut known, &[change]);
        }
        Ok(())
    }
}

fn forget(cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
    let Some(known) = cx.load::<Known>(LEGS, &timer.sub)? else {
        return Ok(());
    };
    let until = forgotten_at(known.last_synced_at.max(known.last.scheduled_departure).saturating_add(KEEP_MS));
    if until > cx.now() {
        cx.set_timer(FORGET, &timer.sub, until);
    } else {
        cx.delete(LEGS, &timer.sub);
    }
    Ok(())
}

/// Keeps a leg that has changed, and tells of it.
fn publish(cx: &mut Cx<'_>, sub: &[u8], known: &mut Known, changes: &[Change]) {
    known.last_synced_at = cx.now();
    if known.is_under_review() {
        cx.set_timer(REVIEW, sub, known.last.scheduled_departure.saturating_add(REVIEW_MS));
    }
    announce(cx, known, changes);
    cx.save(LEGS, sub, known);
}

/// Writes one event for each kind of change, all with the same snapshot, the state, and the choices made.
fn announce(cx: &mut Cx<'_>, known: &mut Known, changes: &[Change]) {
    let key = known.last.leg.to_string();
    for change in changes {
        if !change.kinds.is_empty() {
            known.last.revision += 1;
        }
        for kind in &change.kinds {
            known.last.kind = *kind;
            known.last.at = change.at.filter(|_| happens(*kind));
            send(cx, &key, &known.last, change.left);
        }
    }
    cx.send(FLIGHT_STATE, &key, &known.state());
    for audit in changes.iter().flat_map(|change| &change.audits) {
        cx.send(DECISION_AUDIT, &key, audit);
    }
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
