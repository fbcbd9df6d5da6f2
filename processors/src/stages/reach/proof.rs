//! A carrier's defence for a leg, checked and handed to every booking on it.
//!
//! ```text
//! carrier.proofs ─► sound? ─► kept with the leg ─► each booking on it ─► disruption.by-pnr
//!                     └ no ─► dead letter, by field
//! ```
//!
//! Keeps the latest defence of the leg; a booking that comes later is told it then. The same submission again says nothing
//! new. Whether the defence frees anybody is the law's to say, not this stage's: here it is only held to what it claims.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{BookingProof, CarrierProof, Finding, Measure};
use slipstream_schemas::topics::DISRUPTION_BY_PNR;
use slipstream_streams::processor::{Cx, Poison};

use super::{BOOKINGS, DISRUPTIONS, KEEP_MS, Rider, keep_until};
use crate::context::Typed;
use crate::journey::HOUR;
use crate::rights::{Nature, cause};

/// Row of the leg's defence in the store of disruptions.
const DEFENCE: &[u8] = b"p";
/// From the midnight (UTC) with which a local date begins to the end of that date anywhere on earth, ms.
const DATE_MS: i64 = 36 * HOUR;
/// Most causes that one submission may name.
const CAUSES_MAX: usize = 8;
/// Most measures that it may name.
const MEASURES_MAX: usize = 32;

/// Takes a submission: too late once the leg's bookings are forgotten, else kept and passed on.
pub(super) fn take(cx: &mut Cx<'_>, leg: Leg, proof: CarrierProof) -> Result<(), Poison> {
    check(&leg, &proof)?;
    let departs_by = departs_by(&leg);
    if departs_by.saturating_add(KEEP_MS) < cx.now() {
        cx.late();
        return Ok(());
    }
    if cx.load::<CarrierProof>(DISRUPTIONS, DEFENCE)?.is_some_and(|known| known == proof) {
        return Ok(());
    }
    keep_until(cx, departs_by);
    cx.save(DISRUPTIONS, DEFENCE, &proof);
    for (_, rider) in cx.load_all::<Rider>(BOOKINGS, b"")? {
        tell(cx, &rider, &proof);
    }
    Ok(())
}

/// The latest instant at which a leg of that local date can be scheduled to leave, epoch ms.
fn departs_by(leg: &Leg) -> i64 {
    let midnight = leg.date.civil().to_zoned(jiff::tz::TimeZone::UTC);
    midnight.map_or(i64::MAX, |midnight| midnight.timestamp().as_millisecond().saturating_add(DATE_MS))
}

/// Tells a booking that comes after the submission.
pub(super) fn tell_newcomer(cx: &mut Cx<'_>, rider: &Rider) -> Result<(), Poison> {
    if let Some(proof) = cx.load::<CarrierProof>(DISRUPTIONS, DEFENCE)? {
        tell(cx, rider, &proof);
    }
    Ok(())
}

fn tell(cx: &mut Cx<'_>, rider: &Rider, proof: &CarrierProof) {
    let message = BookingProof { pnr: rider.pnr, organisation: rider.organisation, proof: proof.clone() };
    cx.set_organisation(rider.organisation.as_str());
    cx.send(DISRUPTION_BY_PNR, rider.pnr.as_str(), &message);
}

fn invalid(problem: impl std::fmt::Display) -> Poison {
    Poison::new("invalid proof", problem)
}

/// Whether a submission can be what it says.
fn check(leg: &Leg, proof: &CarrierProof) -> Result<(), Poison> {
    if proof.leg != *leg {
        return Err(Poison::new("misplaced key", format_args!("leg: {} under the key {leg}", proof.leg)));
    }
    if proof.submission.is_empty() {
        return Err(invalid("submission: empty"));
    }
    check_causes(proof)?;
    let earlier = proof.earlier_leg.as_deref().map(str::parse::<Leg>).transpose();
    let earlier = earlier.map_err(|error| invalid(format_args!("earlier_leg: {error}")))?;
    if earlier == Some(*leg) {
        return Err(invalid(format_args!("earlier_leg: {leg} is the leg itself")));
    }
    check_measures(proof)
}

fn check_causes(proof: &CarrierProof) -> Result<(), Poison> {
    if !(1..=CAUSES_MAX).contains(&proof.causes.len()) {
        return Err(invalid(format_args!("causes: {} of them, not 1 to {CAUSES_MAX}", proof.causes.len())));
    }
    for (nth, claimed) in proof.causes.iter().enumerate() {
        let known = cause(&claimed.cause).filter(|known| !matches!(known.nature, Nature::Ground | Nature::Tour));
        if known.is_none() {
            return Err(invalid(format_args!("causes[{nth}].cause: `{}` is no cause of a disruption", claimed.cause)));
        }
        if !(1..=100).contains(&claimed.share) {
            return Err(invalid(format_args!("causes[{nth}].share: {} is outside 1 to 100", claimed.share)));
        }
    }
    let whole: i32 = proof.causes.iter().map(|claimed| claimed.share).sum();
    if whole > 100 {
        return Err(invalid(format_args!("causes: the shares add up to {whole}")));
    }
    Ok(())
}

/// What is found proved names what was done, and where that can be read.
fn check_measures(proof: &CarrierProof) -> Result<(), Poison> {
    if proof.measures.len() > MEASURES_MAX {
        return Err(invalid(format_args!("measures: more than {MEASURES_MAX}")));
    }
    if matches!(proof.finding, Finding::Proved | Finding::NotProved) && proof.reviewed_by.is_empty() {
        return Err(invalid(format_args!("reviewed_by: empty, but the finding is {}", proof.finding)));
    }
    if proof.finding != Finding::Proved {
        return Ok(());
    }
    let taken = || proof.measures.iter().enumerate().filter(|(_, measure)| measure.taken);
    let bare = |(_, measure): &(usize, &Measure)| measure.evidence.is_empty();
    match (taken().next(), taken().find(bare)) {
        (None, _) => Err(invalid("measures: none was taken, but the finding is PROVED")),
        (_, Some((nth, _))) => Err(invalid(format_args!("measures[{nth}].evidence: empty, but the finding is PROVED"))),
        _ => Ok(()),
    }
}
