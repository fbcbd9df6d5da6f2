//! What airlines submit to be freed from the sum: for some of the legs that a scenario disrupts, with what came of it.
//!
//!     [[submission]] of the scenario + fates of the legs ─► cause, measures, finding ─► carrier.proofs
//!
//! Legs are taken in order of departure; one that an earlier table of the file took is not taken again. A submission comes so
//! many hours after the scheduled arrival, so that it can find its journeys under way, over, or decided for good. Functions
//! stand where persons would be named, and references where documents would be.

use std::collections::BTreeSet;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Carrier};
use slipstream_schemas::records::{CarrierProof, ClaimedCause, Finding, Measure, MeasureKind};
use slipstream_schemas::topics;
use slipstream_schemas::wire::WireError;
use slipstream_streams::record::Record;

use super::network::zone_of;
use super::operations::{Day, Fate};
use super::scenario::{Scenario, Window};
use super::sky::Span;
use super::{HOUR, MINUTE, record};

/// What comes of the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// All reasonable measures are proved.
    Proved,
    /// Something that was open to the airline was left undone.
    NotProved,
    /// Nobody has reviewed it yet.
    Pending,
}

/// An airline's defence for some of its disrupted legs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Whose.
    pub airline: Carrier,
    /// Where the legs start or end.
    pub airport: Airport,
    /// When they were to leave, local there.
    pub window: Window,
    /// Most legs, in order of departure.
    pub legs: u32,
    /// Minutes late at the gate from which a leg counts; cancelled and diverted ones always do.
    pub late_min: u32,
    /// Cause, by its name in the rights engine's table.
    pub cause: String,
    /// Share of the delay that it explains.
    pub share_percent: u32,
    /// Manufacturer or authority confirmed a hidden defect.
    #[serde(default)]
    pub defect_confirmed: bool,
    /// What comes of it.
    pub review: Review,
    /// Hours after the scheduled arrival at which it is submitted.
    pub after_hours: u32,
}

/// Appends a record for each leg that a submission is for.
///
/// # Errors
/// Never for a scenario that was parsed.
pub(super) fn records(scenario: &Scenario, day: &Day, records: &mut Vec<Record>) -> Result<(), WireError> {
    let mut taken = BTreeSet::new();
    for submission in &scenario.submission {
        let span = Span::of(scenario, &submission.window, &zone_of(submission.airport))?;
        let mut legs: Vec<usize> = (0..day.planned).filter(|leg| submission.meets(day, *leg, &span)).collect();
        legs.retain(|leg| !taken.contains(leg));
        legs.sort_by_key(|leg| (day.flights[*leg].departure, *leg));
        for leg in legs.into_iter().take(submission.legs as usize) {
            taken.insert(leg);
            let flight = &day.flights[leg];
            let at = flight.arrival + i64::from(submission.after_hours) * HOUR;
            let proof = submission.proof(flight.leg);
            let organisation = Some(flight.leg.carrier.as_str());
            let key = flight.leg.to_string();
            records.push(record(topics::CARRIER_PROOFS, at, &key, &proof.submission, &proof, organisation));
        }
    }
    Ok(())
}

impl Submission {
    /// Whether a leg is one that it is for.
    fn meets(&self, day: &Day, index: usize, span: &Span) -> bool {
        let flight = &day.flights[index];
        let late = |in_block: i64| in_block - flight.arrival >= i64::from(self.late_min) * MINUTE;
        let disrupted = match &day.fates[index].0 {
            Fate::Flown([.., in_block]) => late(*in_block),
            Fate::Diverted(..) | Fate::Cancelled(_) => true,
        };
        let here = [flight.leg.origin, flight.leg.destination].contains(&self.airport);
        disrupted && here && flight.leg.carrier == self.airline && span.holds(flight.departure)
    }

    fn proof(&self, leg: slipstream_schemas::ids::Leg) -> CarrierProof {
        let submission = format!("submission/{leg}");
        let finding = match self.review {
            Review::Proved => Finding::Proved,
            Review::NotProved => Finding::NotProved,
            Review::Pending => Finding::Submitted,
        };
        CarrierProof {
            causes: vec![ClaimedCause { cause: self.cause.clone(), share: self.share_percent as i32 }],
            earlier_leg: None,
            direct_link: None,
            defect_confirmed: self.defect_confirmed.then_some(true),
            measures: self.measures(&submission),
            finding,
            reviewed_by: if self.review == Review::Pending { String::new() } else { "passenger claims review".to_owned() },
            evidence: format!("{submission}/file"),
            submission,
            leg,
        }
    }

    /// What was done, and where that stands.
    fn measures(&self, submission: &str) -> Vec<Measure> {
        let all = [
            (MeasureKind::SpareAircraft, "operations control"),
            (MeasureKind::ReserveTime, "network planning"),
            (MeasureKind::SeatsOfOthers, "re-accommodation desk"),
        ];
        let measure = |(kind, by): (MeasureKind, &str)| {
            let taken = self.review != Review::NotProved || kind != MeasureKind::SeatsOfOthers;
            let evidence = if taken { format!("{submission}/{kind}") } else { String::new() };
            Measure { kind, taken, by: by.to_owned(), evidence }
        };
        all.map(measure).into()
    }
}
