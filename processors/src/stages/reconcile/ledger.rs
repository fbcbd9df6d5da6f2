//! Settles one field of a leg: asks the rules, and keeps what came of it.
//!
//! ```text
//! claims ─► verdict ─┬─ one value ─► taken; where sources differ: provenance, conflict, audit
//!                    └─ review ────► the last approved value stays, the conflict is UNDER_REVIEW until
//!                                      approved by its id, or agreed on, or departure + 2 h: by PRIORITY
//! ```

use slipstream_schemas::records::{Audit, ConflictState, FlightConflict, FlightKind, ResolutionMode, ReviewDecision};
use slipstream_streams::processor::Poison;

use super::known::{Known, candidates};
use crate::journey::HOUR;
use crate::truth::field::{Field, Value};
use crate::truth::rules::{Rules, Verdict};

/// A review that is open this long after the scheduled departure ends by priority, ms.
pub(super) const REVIEW_MS: i64 = 2 * HOUR;

/// One leg, while something is decided on it.
pub(super) struct Ledger<'a> {
    pub(super) known: &'a mut Known,
    pub(super) rules: &'a Rules,
    pub(super) now: i64,
    /// Kinds to announce, in order.
    pub(super) kinds: Vec<FlightKind>,
    /// Choices between sources, for the audit.
    pub(super) audits: Vec<Audit>,
}

/// A verdict with what it was made of, free of the leg it was made on.
struct Settled {
    verdict: Verdict,
    source: String,
    heard_at: i64,
    conflict: FlightConflict,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(known: &'a mut Known, rules: &'a Rules, now: i64) -> Self {
        Self { known, rules, now, kinds: Vec::with_capacity(3), audits: Vec::new() }
    }

    pub(super) fn announce(&mut self, kind: FlightKind) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    /// The value that stands after the last claim on a field; none while a reviewer is asked.
    pub(super) fn settle(&mut self, field: Field) -> Option<Value> {
        let claimed = self.known.claimed(field);
        if let [only] = claimed[..] {
            let value = only.value.clone();
            self.known.differ(field, false);
            return Some(value);
        }
        let verdict = self.rules.resolve(field, &claimed, self.known.setting(self.now))?;
        let settled = self.described(field, verdict)?;
        self.known.differ(field, settled.verdict.differ);
        match settled.verdict.value.clone() {
            Some(value) if settled.verdict.differ => Some(self.chosen(field, settled, value)),
            Some(value) => {
                self.known.settle_conflict(field, ConflictState::Resolved, "the sources agree");
                self.known.explain(field, &settled.source, settled.heard_at, settled.verdict.mode, &settled.verdict.rule);
                Some(value)
            }
            None => self.reviewed(field, settled),
        }
    }

    fn described(&self, field: Field, verdict: Verdict) -> Option<Settled> {
        let claimed = self.known.claimed(field);
        let winner = claimed.get(verdict.winner)?;
        let counted: Vec<_> = verdict.counted.iter().filter_map(|place| claimed.get(*place).copied()).collect();
        let conflict = FlightConflict {
            id: if verdict.differ { self.known.conflict_id(field, &counted) } else { String::new() },
            field: field.name().to_owned(),
            state: ConflictState::Resolved,
            detected_at: self.now,
            selected: Some(winner.source.to_owned()),
            rule: verdict.rule.clone(),
            candidates: candidates(field, &counted),
        };
        Some(Settled { source: winner.source.to_owned(), heard_at: winner.heard_at, conflict, verdict })
    }

    /// Sources differ, and a rule has chosen.
    fn chosen(&mut self, field: Field, settled: Settled, value: Value) -> Value {
        let Settled { verdict, source, heard_at, mut conflict } = settled;
        conflict.state = if field.is_fact() { ConflictState::Disputed } else { ConflictState::Resolved };
        self.known.explain(field, &source, heard_at, verdict.mode, &verdict.rule);
        self.known.settle_conflict(field, ConflictState::Resolved, "other values have come");
        if self.known.conflict(&conflict.id).is_none() {
            self.audit(&conflict, &value.shown(field));
            self.known.add_conflict(conflict);
        } else if field.is_fact() {
            self.known.add_conflict(conflict);
        }
        value
    }

    /// A reviewer is wanted, or has been asked about the very same conflict before.
    fn reviewed(&mut self, field: Field, settled: Settled) -> Option<Value> {
        let mut conflict = settled.conflict;
        match self.known.conflict(&conflict.id).map(|known| (known.state, known.selected.clone())) {
            Some((ConflictState::Approved | ConflictState::Expired, Some(source))) => return self.said_by(field, &source),
            Some((ConflictState::UnderReview, _)) => return None,
            _ => {}
        }
        self.known.settle_conflict(field, ConflictState::Resolved, "other values have come");
        (conflict.state, conflict.selected) = (ConflictState::UnderReview, None);
        self.audit(&conflict, "under review");
        self.known.add_conflict(conflict);
        if self.now >= self.review_ends() { self.expire(field) } else { None }
    }

    /// When reviews of this leg end by priority.
    pub(super) fn review_ends(&self) -> i64 {
        self.known.last.scheduled_departure.saturating_add(REVIEW_MS)
    }

    fn said_by(&self, field: Field, source: &str) -> Option<Value> {
        self.known.claimed(field).into_iter().find(|claim| claim.source == source).map(|claim| claim.value.clone())
    }

    /// Ends a field's review by priority.
    fn expire(&mut self, field: Field) -> Option<Value> {
        let verdict = {
            let claimed = self.known.claimed(field);
            self.rules.resolve_by(ResolutionMode::Priority, field, &claimed, self.known.setting(self.now))?
        };
        let (value, rule) = (verdict.value.clone(), format!("nobody decided in time: {}", verdict.rule));
        self.close(field, verdict, ConflictState::Expired, &rule);
        value
    }

    fn close(&mut self, field: Field, verdict: Verdict, state: ConflictState, rule: &str) {
        let Some(settled) = self.described(field, verdict) else { return };
        self.known.explain(field, &settled.source, settled.heard_at, settled.verdict.mode, rule);
        let Some(conflict) = self.known.open_conflict(field) else { return };
        (conflict.state, conflict.selected, conflict.rule) = (state, Some(settled.source), rule.to_owned());
        let conflict = conflict.clone();
        let outcome = settled.verdict.value.map(|value| value.shown(field)).unwrap_or_default();
        self.audit(&conflict, &outcome);
    }

    /// Ends every open review of the leg.
    pub(super) fn expire_all(&mut self) {
        for field in Field::ALL.iter().copied().filter(|field| !field.is_fact()) {
            let open = self.known.open_conflict(field).is_some_and(|conflict| conflict.state == ConflictState::UnderReview);
            if let Some(value) = open.then(|| self.expire(field)).flatten() {
                self.take(field, &value);
            }
        }
    }

    /// A reviewer approves what one source says.
    ///
    /// # Errors
    /// The conflict is not under review, has changed since, or the source has no part in it.
    pub(super) fn approve(&mut self, decision: &ReviewDecision) -> Result<(), Poison> {
        let refused = |what: String| Poison::processing("refused decision", what);
        let conflict = self.known.conflict(&decision.conflict).filter(|conflict| conflict.state == ConflictState::UnderReview);
        let conflict =
            conflict.ok_or_else(|| refused(format!("conflict: {} is not under review, or has changed", decision.conflict)))?;
        let field: Field = conflict.field.parse().map_err(|e| refused(format!("conflict: {e}")))?;
        let claimed = self.known.claimed(field);
        let winner = claimed.iter().position(|claim| claim.source == decision.approved);
        let winner = winner.filter(|_| conflict.candidates.iter().any(|candidate| candidate.source == decision.approved));
        let winner = winner.ok_or_else(|| refused(format!("approved: {} has said nothing of it", decision.approved)))?;
        let value = claimed[winner].value.clone();
        let rule = format!("approved by {}", decision.reviewer);
        let counted = (0..claimed.len()).collect();
        let (mode, shown) = (ResolutionMode::Manual, Some(value.clone()));
        let verdict = Verdict { value: shown, winner, mode, rule: rule.clone(), differ: true, counted };
        self.close(field, verdict, ConflictState::Approved, &rule);
        self.take(field, &value);
        Ok(())
    }

    /// Publishes a plan, an expectation, a place or the head count. Whether it is news.
    pub(super) fn take(&mut self, field: Field, value: &Value) -> bool {
        match field {
            Field::Schedule => self.take_schedule(value),
            Field::Tail => self.take_tail(value),
            field if field.is_estimate() => self.take_estimate(field, value),
            field if field.is_fact() => false,
            field => {
                let news = self.known.detail(field) != Some(value);
                if news {
                    self.known.set_detail(field, value.clone());
                }
                news
            }
        }
    }

    fn take_schedule(&mut self, value: &Value) -> bool {
        let last = &mut self.known.last;
        let old = (last.scheduled_departure, last.scheduled_arrival);
        let new = (value.number.unwrap_or(old.0), value.until);
        if new == old && !self.known.provisional {
            return false;
        }
        (last.scheduled_departure, last.scheduled_arrival) = new;
        let moved = (old.0 != new.0 || old.1.is_some()) && !self.known.provisional;
        self.known.departs(new.0);
        self.known.provisional = false;
        if self.known.is_told() {
            self.announce(if moved { FlightKind::Retimed } else { FlightKind::Scheduled });
        }
        true
    }

    fn take_tail(&mut self, value: &Value) -> bool {
        let tail = value.text.as_deref().and_then(|tail| tail.parse().ok());
        let news = self.known.last.tail != tail;
        if news {
            self.known.last.tail = tail;
            self.announce(FlightKind::Assigned);
        }
        news
    }

    fn take_estimate(&mut self, field: Field, value: &Value) -> bool {
        let last = &mut self.known.last;
        let left = last.out_at.or(last.off_at).is_some();
        let (place, past) = match field {
            Field::EstimatedDeparture => (&mut last.estimated_departure, left || last.in_at.is_some()),
            _ => (&mut last.estimated_arrival, last.in_at.is_some()),
        };
        let news = !past && *place != value.number;
        if news {
            *place = value.number;
            self.announce(FlightKind::Estimated);
        }
        news
    }

    /// What was said and lost because it cannot be true.
    pub(super) fn lost(&mut self, field: Field, source: &str, value: &Value, heard_at: i64, why: &str) {
        let claim = crate::truth::rules::Claimed { source, value, heard_at };
        let conflict = FlightConflict {
            id: self.known.conflict_id(field, &[claim]),
            field: field.name().to_owned(),
            state: ConflictState::Impossible,
            detected_at: heard_at,
            selected: None,
            rule: why.to_owned(),
            candidates: candidates(field, &[claim]),
        };
        self.audit(&conflict, "impossible, set aside");
        self.known.add_conflict(conflict);
    }

    fn audit(&mut self, conflict: &FlightConflict, outcome: &str) {
        let said = |of: &slipstream_schemas::records::Candidate| {
            format!("{} said {} at {}", of.source, of.value, slipstream_streams::record::rfc3339(of.heard_at))
        };
        let is_selected = |of: &&slipstream_schemas::records::Candidate| Some(&of.source) == conflict.selected.as_ref();
        let mut inputs = vec![format!("field={}", conflict.field), format!("conflict={}", conflict.id)];
        inputs.extend(conflict.candidates.iter().map(said));
        self.audits.push(Audit {
            subject: self.known.last.leg.to_string(),
            stage: "reconcile".to_owned(),
            decision: format!("{}: {outcome}", conflict.field),
            rule: conflict.rule.clone(),
            inputs,
            alternatives: conflict.candidates.iter().filter(|of| !is_selected(of)).map(said).collect(),
        });
    }
}
