//! A decision as a lawyer reads it: facts, rule, source, conclusion, what would change it, and what is contested.
//!
//! Contested questions are decided again under the other reading, so that a person sees what hangs on the choice.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use serde_json::json;

use super::case::Case;
use super::decision::{Decision, Verdict, decide, decide_unproved};
use super::door::Answer;
use super::law::Law;
use super::read::read_case;

/// What a rule is and where it stands.
#[derive(Debug, Clone, Copy)]
struct RuleText {
    source: &'static str,
    text: &'static str,
}

static RULES: LazyLock<BTreeMap<&'static str, RuleText>> = LazyLock::new(|| {
    let row = |line: &'static str| {
        let mut cells = line.splitn(3, '|');
        Some((cells.next()?, RuleText { source: cells.next()?, text: cells.next()? }))
    };
    include_str!("../../data/rights/rules.csv").lines().skip(1).filter_map(row).collect()
});

/// A rule's id as the table spells it; none where no table has it.
pub(super) fn rule_id(id: &str) -> Option<&'static str> {
    RULES.get_key_value(id).map(|(id, _)| *id)
}

/// Source and text of a rule by its id; none where no table has it.
#[must_use]
pub fn citation(rule: &str) -> Option<(&'static str, &'static str)> {
    RULES.get(rule).map(|rule| (rule.source, rule.text))
}

/// Explains one case: text in place of the decision's JSON; a refused line gives its `error` line.
#[must_use]
pub fn explain_line(law: &Law, line: &str, number: u64) -> Answer {
    match read_case(line) {
        Ok((case, warnings)) => Answer { json: explain(law, &case), warnings, refused: false },
        Err(refusal) => Answer {
            json: json!({ "line": number, "error": refusal.to_string() }).to_string(),
            warnings: Vec::new(),
            refused: true,
        },
    }
}

/// The text of one case.
fn explain(law: &Law, case: &Case) -> String {
    let decision = decide(law, case);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = head(law, &decision, &mut text);
    let _ = reasons(&decision, &mut text);
    let _ = rights(&decision, &mut text);
    let _ = open_ends(law, case, &decision, &mut text);
    text
}

fn head(law: &Law, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    writeln!(text, "CASE {}: {}", decision.id.unwrap_or("without id"), conclusion(decision))?;
    let set = law.sets().iter().find(|set| set.name == decision.ruleset);
    if let Some(set) = set {
        writeln!(text, "  law       {} ({})", set.title, set.name)?;
    }
    for other in &decision.also_applicable {
        writeln!(text, "            {other} applies too; the passenger is paid once")?;
    }
    if let Some(carrier) = decision.liable_carrier {
        writeln!(text, "  owed by   {carrier}")?;
    }
    Ok(())
}

/// One line of what was decided.
fn conclusion(decision: &Decision<'_>) -> String {
    let currency = decision.currency.as_deref().unwrap_or("");
    match decision.verdict {
        Verdict::Eligible => {
            let half = if decision.reduction_percent == Some(50) { ", half of the band's" } else { "" };
            format!("a sum of {} {currency} is due{half}", decision.amount.unwrap_or(0))
        }
        Verdict::NotEligible => "no sum is due".to_owned(),
        Verdict::OutOfScope => "not covered".to_owned(),
        Verdict::DowngradeRefund => {
            let cents = decision.downgrade_refund_cents.unwrap_or(0);
            let percent = decision.downgrade_refund_percent.unwrap_or(0);
            format!("{}.{:02} {currency} of the price is due back ({percent} %)", cents / 100, cents % 100)
        }
        Verdict::Undetermined => "undetermined".to_owned(),
    }
}

fn reasons(decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    writeln!(text, "  because")?;
    for (number, step) in decision.rules.iter().enumerate() {
        writeln!(text, "  {:>3}. {}: {}  [{}]", number + 1, step.fact, step.effect, step.id)?;
        if let Some((source, rule)) = citation(step.id) {
            writeln!(text, "       {rule} ({source})")?;
        }
    }
    Ok(())
}

fn rights(decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    let care = &decision.care;
    let all = [
        ("meals", care.meals),
        ("calls or messages", care.communications),
        ("hotel", care.hotel),
        ("transport to it", care.transport),
        ("refund", decision.refund_right),
        ("re-routing", decision.reroute_right),
        ("cost of the transfer", decision.transfer_cost_reimbursable),
        ("supplement", decision.supplement_allowed),
    ];
    let named = |state: Option<bool>| all.iter().filter(|(_, due)| *due == state).map(|(name, _)| *name).collect::<Vec<_>>();
    let (due, not) = (named(Some(true)), named(Some(false)));
    writeln!(text, "  due       {}", if due.is_empty() { "nothing beside".to_owned() } else { due.join(", ") })?;
    if !not.is_empty() {
        writeln!(text, "  not due   {}", not.join(", "))?;
    }
    if decision.refund_right == Some(true) {
        writeln!(text, "  deadline  a refund that is chosen is paid within 7 days (Article 8(1)(a))")?;
    }
    if decision.verdict == Verdict::DowngradeRefund {
        writeln!(text, "  deadline  paid within 7 days (Article 10(2))")?;
    }
    Ok(())
}

/// What would change it, and how the contested questions would come out the other way.
fn open_ends(law: &Law, case: &Case, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    if !decision.missing.is_empty() {
        writeln!(text, "  would change it   {}", decision.missing.join(", "))?;
    }
    for question in &decision.contested {
        let row = question.row();
        let otherwise = law.reading_otherwise(*question);
        let other = decide_unproved(&otherwise, case);
        writeln!(text, "  for a person      {}: {}", row.id, row.question)?;
        writeln!(text, "                    chosen: {}; {}", row.choice, row.reason)?;
        writeln!(text, "                    read the other way: {}", conclusion(&other))?;
    }
    let status = if decision.is_final { "final" } else { "provisional" };
    writeln!(text, "  status    {status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_the_engine_applies_is_in_the_table_once() {
        let sources = [
            include_str!("carrier.rs"),
            include_str!("care.rs"),
            include_str!("decision.rs"),
            include_str!("downgrade.rs"),
            include_str!("event.rs"),
            include_str!("excuse.rs"),
            include_str!("passenger.rs"),
            include_str!("reduction.rs"),
            include_str!("scope.rs"),
        ];
        let is_id = |word: &&str| {
            let (head, tail) = word.rsplit_once('-').unwrap_or((word, ""));
            !tail.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-') && head.len() > 1
        };
        for word in sources.iter().flat_map(|source| source.split('"')).filter(is_id).filter(|word| !word.starts_with("20")) {
            assert!(citation(word).is_some(), "{word} is in no table");
        }
        assert_eq!(RULES.len(), include_str!("../../data/rights/rules.csv").lines().count() - 1);
    }

    #[test]
    fn a_contested_case_shows_the_other_reading() {
        let line = r#"{"id":"n","as_of":"2026-03-02","origin":"WAW","destination":"YYZ","operating_carrier":"LO","event":"delay",
            "arr_delay_min_final":200,"dep_delay_min":250,"overnight_wait":false,"cause":"technical_fault",
            "passenger":{"confirmed_reservation":true,"presented_on_time":true}}"#;
        let text = explain_line(&Law::default(), line, 1).json;
        assert!(text.contains("a sum of 300 EUR is due, half of the band's"), "{text}");
        assert!(text.contains("read the other way: a sum of 600 EUR is due"), "{text}");
    }
}
