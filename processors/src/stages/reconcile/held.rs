//! Words that cannot be taken in yet: held until they can, or until their time is over.
//!
//! | kind | why | until |
//! |---|---|---|
//! | `h` | cannot be true beside what is known of its leg | [`HOLD_MS`] |
//! | `w` | a movement of a leg that nobody has scheduled | its schedule, or [`WAIT_MS`] |
//!
//! One row a word, found by what it says: the same word again is the same row.

use slipstream_schemas::record;
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_schemas::wire::Wire;
use slipstream_streams::processor::{Cx, Poison};
use slipstream_streams::record::derive_id;

use super::known::Known;
use super::{HELD, HOLD, HOLD_MS, WAIT, WAIT_MS};
use crate::context::Typed;
use crate::truth::field::{Field, Value};

/// Most words of one carrier and number that are held at once.
const HELD_MAX: usize = 1_000;

record! {
    /// One held word.
    pub(crate) struct Held {
        /// Text of the row of its leg; empty while it has none.
        leg: String,
        /// What was said.
        said: FlightObservation,
        /// When, epoch ms.
        heard_at: i64,
    }
}

/// Row, word, and when it was heard.
pub(super) type Waiting = (Vec<u8>, FlightObservation, i64);

/// Holds a word on a leg that contradicts it.
///
/// # Errors
/// Too many are held.
pub(super) fn hold(cx: &mut Cx<'_>, leg: &[u8], said: &FlightObservation) -> Result<(), Poison> {
    keep(cx, b"h", &String::from_utf8_lossy(leg), said, HOLD, HOLD_MS)
}

/// Lets a movement wait for the schedule of its leg.
///
/// # Errors
/// Too many wait.
pub(super) fn wait(cx: &mut Cx<'_>, said: &FlightObservation) -> Result<(), Poison> {
    keep(cx, b"w", "", said, WAIT, WAIT_MS)
}

fn keep(cx: &mut Cx<'_>, kind: &[u8], leg: &str, said: &FlightObservation, timer: u8, span: i64) -> Result<(), Poison> {
    let mut place = kind.to_vec();
    place.extend_from_slice(derive_id(&[b"held", leg.as_bytes(), &said.to_bytes()]).as_bytes());
    if cx.get(HELD, &place).is_some() {
        cx.repeated();
        return Ok(());
    }
    if cx.scan(HELD, b"").len() >= HELD_MAX {
        return Err(Poison::resource("too many held", format_args!("{HELD_MAX} words of {} wait already", cx.key())));
    }
    let (leg, heard_at) = (leg.to_owned(), cx.now());
    cx.save(HELD, &place, &Held { leg, said: said.clone(), heard_at });
    cx.set_timer(timer, &place, heard_at.saturating_add(span));
    Ok(())
}

/// Takes a word out: row of its leg, the word, when it was heard.
///
/// # Errors
/// A state row that cannot be read.
pub(super) fn release(cx: &mut Cx<'_>, place: &[u8]) -> Result<Option<Waiting>, Poison> {
    let held = cx.load::<Held>(HELD, place)?;
    cx.delete(HELD, place);
    Ok(held.map(|held| (held.leg.into_bytes(), held.said, held.heard_at)))
}

/// The movements that wait for a schedule.
///
/// # Errors
/// A state row that cannot be read.
pub(super) fn waiting(cx: &Cx<'_>) -> Result<Vec<Waiting>, Poison> {
    let rows = cx.load_all::<Held>(HELD, b"w")?;
    Ok(rows.into_iter().map(|(place, held)| (place, held.said, held.heard_at)).collect())
}

/// A waiting movement has found its leg.
pub(super) fn forget(cx: &mut Cx<'_>, place: &[u8]) {
    cx.delete(HELD, place);
    cx.cancel_timer(WAIT, place);
}

/// What a word claims that lost.
pub(super) fn claimed(said: &FlightObservation) -> (Field, Value) {
    match Field::of_movement(said.kind) {
        Some(field) => (field, said.at.map_or_else(Value::none, Value::instant)),
        None => (Field::Outcome, Value::text(said.kind.as_str())),
    }
}

/// What has moved on a leg, as its sources said it, in order.
pub(super) fn movements(known: &Known) -> Vec<FlightObservation> {
    const MOVEMENTS: [(Field, FlightKind); 4] =
        [(Field::Out, FlightKind::Out), (Field::Off, FlightKind::Off), (Field::On, FlightKind::On), (Field::In, FlightKind::In)];
    let leg = known.last.leg;
    let word = |source: &str, kind, at| FlightObservation {
        suffix: leg.suffix,
        at,
        ..FlightObservation::of(source, kind, (leg.carrier, leg.number), (leg.origin, leg.destination))
    };
    let of_field = |(field, kind)| {
        let claimed = known.claimed(field).into_iter();
        claimed.map(|claim| word(claim.source, kind, claim.value.number)).collect::<Vec<_>>()
    };
    MOVEMENTS.into_iter().flat_map(of_field).collect()
}
