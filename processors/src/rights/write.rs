//! A decision as a line of JSON, with the keys of the rights case format in their order; and as the pipeline's record.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use slipstream_schemas::records::{Care, Rights, RuleApplied};

use super::decision::Decision;
use super::proof::Step;

#[derive(Serialize)]
struct Line<'a> {
    id: Option<&'a str>,
    decision: &'a str,
    regime: &'a str,
    also_applicable: &'a [&'static str],
    ruleset: &'a str,
    eligible: Option<bool>,
    amount: Option<i64>,
    currency: Option<&'a str>,
    reduction_percent: Option<i32>,
    arr_delay_min: Option<i32>,
    distance_km: Option<i32>,
    care: &'a Care,
    refund_right: Option<bool>,
    reroute_right: Option<bool>,
    transfer_cost_reimbursable: Option<bool>,
    downgrade_refund_percent: Option<i32>,
    #[serde(serialize_with = "units")]
    downgrade_refund: Option<i64>,
    supplement_allowed: Option<bool>,
    liable_carrier: Option<&'a str>,
    missing: &'a [Cow<'static, str>],
    rules: Vec<Rule<'a>>,
    status: &'a str,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    fact: &'a str,
    effect: &'a str,
}

impl<'a> From<&'a Step> for Rule<'a> {
    fn from(step: &'a Step) -> Self {
        Self { id: step.id, fact: &step.fact, effect: &step.effect }
    }
}

/// Hundredths as units with at most two decimals.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn units<S: Serializer>(cents: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match cents {
        None => serializer.serialize_none(),
        Some(cents) if cents % 100 == 0 => serializer.serialize_i64(cents / 100),
        Some(cents) => serializer.serialize_f64(*cents as f64 / 100.0),
    }
}

/// One line of JSON, without its end.
pub(super) fn to_json(decision: &Decision<'_>) -> String {
    let line = Line {
        id: decision.id,
        decision: decision.verdict.as_str(),
        regime: decision.regime,
        also_applicable: &decision.also_applicable,
        ruleset: decision.ruleset,
        eligible: decision.eligible,
        amount: decision.amount,
        currency: decision.currency.as_deref(),
        reduction_percent: decision.reduction_percent,
        arr_delay_min: decision.arr_delay_min,
        distance_km: decision.distance_km,
        care: &decision.care,
        refund_right: decision.refund_right,
        reroute_right: decision.reroute_right,
        transfer_cost_reimbursable: decision.transfer_cost_reimbursable,
        downgrade_refund_percent: decision.downgrade_refund_percent,
        downgrade_refund: decision.downgrade_refund_cents,
        supplement_allowed: decision.supplement_allowed,
        liable_carrier: decision.liable_carrier,
        missing: &decision.missing,
        rules: decision.rules.iter().map(Rule::from).collect(),
        status: status(decision.is_final),
    };
    // Strings and numbers always serialise; an empty line would be refused by whoever reads it.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Its name in decisions.
fn status(is_final: bool) -> &'static str {
    if is_final { "final" } else { "provisional" }
}

impl Decision<'_> {
    /// The record that the pipeline keeps; `is_over`: no further fact of the journey is expected.
    #[must_use]
    pub fn to_record(&self, is_over: bool) -> Rights {
        let rule =
            |step: &Step| RuleApplied { id: step.id.to_owned(), fact: step.fact.to_string(), effect: step.effect.to_string() };
        Rights {
            id: self.id.unwrap_or_default().to_owned(),
            decision: self.verdict.as_str().to_owned(),
            regime: self.regime.to_owned(),
            also_applicable: self.also_applicable.iter().map(|&regime| regime.to_owned()).collect(),
            ruleset: self.ruleset.to_owned(),
            eligible: self.eligible,
            amount: self.amount,
            currency: self.currency.as_deref().map(str::to_owned),
            reduction_percent: self.reduction_percent,
            arr_delay_min: self.arr_delay_min,
            distance_km: self.distance_km,
            care: self.care.clone(),
            downgrade_refund_percent: self.downgrade_refund_percent,
            downgrade_refund_minor: self.downgrade_refund_cents,
            refund_right: self.refund_right,
            reroute_right: self.reroute_right,
            liable_carrier: self.liable_carrier.map(str::to_owned),
            missing: self.missing.iter().map(|fact| fact.to_string()).collect(),
            rules: self.rules.iter().map(rule).collect(),
            status: status(is_over).to_owned(),
        }
    }
}
