//! What a carrier submits (Article 5(3)) as facts that the law asks for.
//!
//! ```text
//! causes and shares ─► one cause for the whole, or minutes of each (C-315/15), or not known well enough
//! measures, finding ─► proved, not proved, open        left undone: no reserve (C-294/10), seats of others (C-74/19)
//! ```
//!
//! A submission stands in place of what a delay code presumes. Its shares are of the leg's delay. They become minutes only
//! where that delay is the journey's own; where a connection was missed nobody has said how much of the final delay a part
//! of the first one made, and the law module asks for it. Fractions of a minute are the carrier's own.

use slipstream_schemas::records::{CarrierProof, Finding, MeasureKind};

use crate::rights::{self, Case, Cause, Defence, Event};

/// What no submission names is the carrier's own.
const OWN: &str = "airline";

/// Puts a submission into the facts; `ends_here`: the journey ends with its leg.
pub(super) fn submit(proof: &CarrierProof, ends_here: bool, facts: &mut Case) {
    facts.defence = defence(proof);
    let named = proof.causes.iter().filter_map(|claimed| Some((rights::cause(&claimed.cause)?, claimed.share)));
    let named: Vec<(Cause, i32)> = named.collect();
    if let [(only, 100)] = named[..] {
        facts.cause = Some(only);
        return;
    }
    facts.cause = rights::cause("mixed");
    facts.delay_breakdown = match facts.event {
        Some(Event::Delay | Event::Diversion) => {
            let late = facts.arrival.minutes().filter(|late| ends_here && *late > 0);
            late.map(|late| parts(&named, late)).unwrap_or_default()
        }
        _ => parts(&named, 0),
    };
}

/// Each cause with its minutes of `late`, and the rest as the carrier's own.
fn parts(named: &[(Cause, i32)], late: i32) -> Vec<(Cause, i32)> {
    let minutes = |share: i32| i64::from(late) * i64::from(share) / 100;
    let mut parts: Vec<(Cause, i32)> = named.iter().map(|(cause, share)| (*cause, minutes(*share) as i32)).collect();
    let explained: i32 = parts.iter().map(|(_, minutes)| minutes).sum();
    let whole = named.iter().map(|(_, share)| share).sum::<i32>() >= 100;
    parts.extend(rights::cause(OWN).filter(|_| !whole || explained < late).map(|own| (own, late - explained)));
    parts
}

fn defence(proof: &CarrierProof) -> Defence {
    let undone = |kind: MeasureKind| proof.measures.iter().any(|measure| measure.kind == kind && !measure.taken);
    Defence {
        measures_proved: match proof.finding {
            Finding::Proved => Some(true),
            Finding::NotProved => Some(false),
            Finding::Submitted | Finding::Unknown => None,
        },
        prior_rotation: proof.earlier_leg.is_some(),
        causal_link_proved: proof.direct_link,
        defect_confirmed: proof.defect_confirmed,
        buffer_planned: !undone(MeasureKind::ReserveTime),
        other_seats: undone(MeasureKind::SeatsOfOthers),
        ..Defence::default()
    }
}

/// A submission in one line, for the audit.
pub(super) fn summary(proof: &CarrierProof) -> String {
    let causes = proof.causes.iter().map(|claimed| format!("{} {} %", claimed.cause, claimed.share));
    let measures = proof.measures.iter().map(|measure| {
        let done = if measure.taken { "taken" } else { "left undone" };
        format!("{} {done} by {} ({})", measure.kind, measure.by, measure.evidence)
    });
    let what: Vec<String> = causes.chain(measures).collect();
    let CarrierProof { submission, finding, reviewed_by, evidence, .. } = proof;
    format!("submission={submission} {finding} by {reviewed_by} ({evidence}): {}", what.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::Arrival;
    use slipstream_schemas::records::{ClaimedCause, Measure};

    fn proof(causes: &[(&str, i32)]) -> CarrierProof {
        CarrierProof {
            submission: "S1".to_owned(),
            leg: "LH1/2026-03-02/FRA-HAM".parse().unwrap(),
            causes: causes.iter().map(|(cause, share)| ClaimedCause { cause: (*cause).to_owned(), share: *share }).collect(),
            earlier_leg: None,
            direct_link: None,
            defect_confirmed: None,
            measures: Vec::new(),
            finding: Finding::Proved,
            reviewed_by: "claims".to_owned(),
            evidence: "file".to_owned(),
        }
    }

    /// Causes and shares, event, whether the journey ends there, minutes late: cause, parts.
    #[test]
    fn shares_become_minutes_only_where_they_are_the_journeys() {
        let late = Arrival::InBlock(201);
        type Parts = &'static [(&'static str, i32)];
        let table: [(&str, Parts, Event, bool, Arrival, &str, Parts); 7] = [
            ("one for the whole", &[("bird_strike", 100)], Event::Delay, false, late, "bird_strike", &[]),
            (
                "two parts",
                &[("bird_strike", 60), ("technical_fault", 40)],
                Event::Delay,
                true,
                late,
                "mixed",
                &[("bird_strike", 120), ("technical_fault", 80), (OWN, 1)],
            ),
            (
                "one part and the rest",
                &[("bird_strike", 60)],
                Event::Delay,
                true,
                late,
                "mixed",
                &[("bird_strike", 120), (OWN, 81)],
            ),
            ("a missed connection", &[("bird_strike", 60), ("technical_fault", 40)], Event::Delay, false, late, "mixed", &[]),
            ("arrival not known", &[("bird_strike", 60)], Event::Delay, true, Arrival::Unknown, "mixed", &[]),
            ("early after all", &[("bird_strike", 60)], Event::Delay, true, Arrival::InBlock(-3), "mixed", &[]),
            (
                "a cancellation",
                &[("bird_strike", 60)],
                Event::Cancellation,
                true,
                Arrival::Unknown,
                "mixed",
                &[("bird_strike", 0), (OWN, 0)],
            ),
        ];
        for (name, causes, event, ends_here, arrival, cause, parts) in table {
            let mut facts = Case { event: Some(event), arrival, cause: rights::cause("unknown"), ..Case::default() };
            submit(&proof(causes), ends_here, &mut facts);
            let found: Vec<(&str, i32)> = facts.delay_breakdown.iter().map(|(cause, minutes)| (cause.name, *minutes)).collect();
            assert_eq!((facts.cause.map(|cause| cause.name), &*found), (Some(cause), parts), "{name}");
        }
    }

    #[test]
    fn what_was_left_undone_is_a_fact_of_its_own() {
        let measure = |kind, taken| Measure { kind, taken, by: "ops".to_owned(), evidence: "log".to_owned() };
        let with = |measures| defence(&CarrierProof { measures, ..proof(&[("bird_strike", 100)]) });
        assert_eq!(with(vec![]), Defence { measures_proved: Some(true), ..Defence::default() });
        assert!(with(vec![measure(MeasureKind::SeatsOfOthers, false)]).other_seats);
        assert!(!with(vec![measure(MeasureKind::SeatsOfOthers, true)]).other_seats);
        assert!(!with(vec![measure(MeasureKind::ReserveTime, false)]).buffer_planned);
    }
}
