//! Broken connections as disruptions of their own: one for each pair of legs, with a life cycle.
//!
//! Opened when the first booking is expected to miss its onward leg, updated when the number of people or the
//! arrival changes, resolved when none is expected to miss it any more or the late leg is in.

use std::collections::BTreeMap;

use slipstream_schemas::records::{Disruption, Pattern, Phase, Severity};
use slipstream_schemas::topics::DISRUPTION_EVENTS;
use slipstream_streams::processor::{Cx, Poison};
use slipstream_streams::record::derive_id;

use super::{BOOKINGS, DISRUPTIONS, Rider, breaks, shifted};
use crate::context::Typed;

/// Prefix of the rows that hold what was last said of a pair.
const PAIR: u8 = b'c';

/// Brings the records of all pairs that start with this leg up to date.
pub(super) fn follow(cx: &mut Cx<'_>, disruption: &Disruption) -> Result<(), Poison> {
    let mut missing: BTreeMap<String, i32> = BTreeMap::new();
    for (_, rider) in cx.load_all::<Rider>(BOOKINGS, b"")? {
        if let Some(onward) = rider.onward.first().filter(|onward| breaks(disruption, onward)) {
            *missing.entry(onward.leg.to_string()).or_default() += rider.passengers;
        }
    }
    let known: BTreeMap<String, Disruption> = pairs(cx)?;
    for onward in missing.keys().chain(known.keys().filter(|onward| !missing.contains_key(*onward))) {
        let people = missing.get(onward).copied().unwrap_or(0);
        if let Some(next) = next(disruption, onward, people, known.get(onward)) {
            let sub = [&[PAIR], onward.as_bytes()].concat();
            let key = cx.key().to_owned();
            cx.send(DISRUPTION_EVENTS, &key, &next);
            cx.save(DISRUPTIONS, &sub, &next);
        }
    }
    Ok(())
}

fn pairs(cx: &Cx<'_>) -> Result<BTreeMap<String, Disruption>, Poison> {
    let rows = cx.load_all::<Disruption>(DISRUPTIONS, &[PAIR])?;
    Ok(rows.into_iter().filter_map(|(_, pair)| Some((pair.onward.clone()?, pair))).collect())
}

/// What is to be said of a pair now, if anything.
fn next(leg: &Disruption, onward: &str, people: i32, known: Option<&Disruption>) -> Option<Disruption> {
    let over = people == 0 || leg.arrived;
    let phase = match known {
        None if people == 0 => return None,
        Some(known) if known.phase == Phase::Resolved && over => return None,
        Some(known) if known.phase == Phase::Resolved => Phase::Opened,
        None if over => Phase::Resolved,
        None => Phase::Opened,
        Some(_) if over => Phase::Resolved,
        Some(known) if known.passengers == Some(people) && !shifted(known.expected_arrival, leg.expected_arrival) => return None,
        Some(_) => Phase::Updated,
    };
    Some(Disruption {
        disruption: derive_id(&[b"connection", leg.leg.to_string().as_bytes(), onward.as_bytes()]).to_string(),
        scope: "connection".to_owned(),
        pattern: Pattern::MissedConnection,
        phase,
        severity: Severity::High,
        onward: Some(onward.to_owned()),
        passengers: Some(people),
        ..leg.clone()
    })
}
