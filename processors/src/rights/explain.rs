//! A decision as a lawyer reads it: facts, rule, source, conclusion, what would change it, and what is contested.
//!
//! What would change it is found by asking the law again with one fact otherwise; a contested question is decided again
//! under the other reading, so that a person sees what hangs on the choice. A page keeps nothing and promises no layout.

mod facts;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use serde_json::json;

use self::facts::facts;
use super::carrier::operating;
use super::case::Case;
use super::decision::{Decision, Verdict, decide, decide_unproved};
use super::door::Answer;
use super::law::Law;
use super::limitation::{Checked, limitation};
use super::outlook::{Outlook, otherwise, possible_outcomes};
use super::payment::{Owed, terms};
use super::read::read_case;
use super::ruleset::Duties;
use super::territory::{licence_of, place};

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
    let _ = head(law, case, &decision, &mut text);
    let _ = reasons(&decision, &mut text);
    let _ = rights(&decision, &mut text);
    let _ = periods(law, case, &decision, &mut text);
    let _ = outlook(law, case, &decision, &mut text);
    let _ = contested(law, case, &decision, &mut text);
    let status = if decision.is_final { "final" } else { "provisional" };
    let _ = writeln!(text, "  status      {status}");
    text
}

/// A heading with its lines beneath one another; nothing where there are none.
fn section<T: AsRef<str>>(text: &mut String, heading: &str, lines: &[T]) -> std::fmt::Result {
    for (number, line) in lines.iter().enumerate() {
        writeln!(text, "  {:<12}{}", if number == 0 { heading } else { "" }, line.as_ref())?;
    }
    Ok(())
}

fn head(law: &Law, case: &Case, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    writeln!(text, "CASE {}: {}", decision.id.unwrap_or("without id"), conclusion(decision))?;
    section(text, "facts", &facts(case))?;
    let set = law.sets().iter().find(|set| set.name == decision.ruleset);
    let mut laws: Vec<String> = set.map(|set| format!("{} ({})", set.title, set.name)).into_iter().collect();
    laws.extend(decision.also_applicable.iter().map(|other| format!("{other} applies too; the passenger is paid once")));
    section(text, "law", &laws)?;
    section(text, "owed by", decision.liable_carrier.as_slice())
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
    if !decision.rules.is_empty() {
        writeln!(text, "  because")?;
    }
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
    let is_open = decision.verdict == Verdict::Undetermined;
    if !due.is_empty() {
        section(text, "due", &[due.join(", ")])?;
    } else if !is_open {
        section(text, "due", &["nothing beside"])?;
    }
    if !not.is_empty() {
        section(text, "not due", &[not.join(", ")])?;
    }
    // Of the last two there is often no question at all, which is no open one.
    let open: Vec<&str> = all[..all.len() - 2].iter().filter(|(_, due)| due.is_none()).map(|(name, _)| *name).collect();
    if open.is_empty() { Ok(()) } else { section(text, "not known", &[open.join(", ")]) }
}

/// When it is to be paid, and how long it may be claimed.
fn periods(law: &Law, case: &Case, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(Owed::by(decision.verdict, case.event).and_then(|owed| payable("the sum", decision, owed)));
    if decision.refund_right == Some(true) {
        lines.extend(payable("a refund that is chosen", decision, Owed::Refund));
    }
    let set = law.sets().iter().find(|set| set.name == decision.ruleset);
    lines.extend(set.and_then(|set| set.duties).iter().flat_map(duties));
    section(text, "deadline", &lines)?;
    if matches!(decision.verdict, Verdict::Eligible | Verdict::DowngradeRefund | Verdict::Undetermined) {
        section(text, "limitation", &limitations(case))?;
    }
    Ok(())
}

/// When money is to be paid and how, as the table of payments has it.
fn payable(what: &str, decision: &Decision<'_>, owed: Owed) -> Option<String> {
    let terms = terms(decision.ruleset, owed)?;
    let by = match terms.days {
        None => String::new(),
        Some(0) => " at once".to_owned(),
        Some(days) => format!(" within {days} days"),
    };
    Some(format!("{what}:{by} ({}); by {}", terms.basis, terms.forms.join(", or ")))
}

fn duties(duties: &Duties) -> [String; 3] {
    let Duties { inform_within_hours, claim_within_months, answer_within_days, offer_within_min, own_way_up_to_percent } = duties;
    [
        format!("the carrier informs within {inform_within_hours} h, and answers a claim within {answer_within_days} days"),
        format!("the passenger claims within {claim_within_months} months"),
        format!("without an offer within {offer_within_min} min: one's own way, up to {own_way_up_to_percent} % of the ticket"),
    ]
}

/// Before the courts of departure, of arrival (C-204/08) and of the carrier's state.
fn limitations(case: &Case) -> Vec<String> {
    let at = [case.origin, case.destination].into_iter().flatten().filter_map(|airport| Some(place(airport)?.country));
    let table = || operating(case).and_then(|carrier| licence_of(carrier, case.as_of));
    let seat = case.licence.country.or_else(table).map(|code| String::from_utf8_lossy(&code).into_owned());
    let mut states: Vec<String> = at.map(str::to_owned).chain(seat).collect();
    let mut seen = std::collections::BTreeSet::new();
    states.retain(|state| seen.insert(state.clone()));
    let line = |state: &String| {
        let row = limitation(state)?;
        let years = row
            .years
            .map_or_else(|| "not established".to_owned(), |years| format!("{years} year{}", if years == 1 { "" } else { "s" }));
        let note = if row.note.is_empty() { String::new() } else { format!(", {}", row.note) };
        let lists = if row.checked == Checked::Lists { ", by published lists only" } else { "" };
        Some(format!("courts of {state}: {years}{note} ({}{lists})", row.source))
    };
    states.iter().filter_map(line).collect()
}

/// What would change it: of an open answer the facts it waits for and where they lead, of a settled one each fact alone.
fn outlook(law: &Law, case: &Case, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    section(text, "missing", &decision.missing)?;
    if decision.verdict == Verdict::Undetermined {
        return section(text, "may become", &[may_become(law, case)]);
    }
    let lines: Vec<String> =
        otherwise(law, case).into_iter().map(|other| format!("{}: {}", other.supposed, other.outcome)).collect();
    section(text, "changed by", &lines)
}

/// The outcomes of an open answer.
fn may_become(law: &Law, case: &Case) -> String {
    let Outlook { outcomes, is_exact } = possible_outcomes(law, case);
    let most = if is_exact { "" } else { "at most " };
    format!("{most}{}", outcomes.into_iter().collect::<Vec<_>>().join(", or "))
}

/// How the contested questions would come out the other way.
fn contested(law: &Law, case: &Case, decision: &Decision<'_>, text: &mut String) -> std::fmt::Result {
    for question in &decision.contested {
        let row = question.row();
        let otherwise = law.reading_otherwise(*question);
        let other = decide_unproved(&otherwise, case);
        let other = match other.verdict {
            Verdict::Undetermined => format!("undetermined; {}", may_become(&otherwise, case)),
            _ => conclusion(&other),
        };
        let lines = [
            format!("{}: {}", row.id, row.question),
            format!("chosen: {}; {}", row.choice, row.reason),
            format!("read the other way: {other}"),
        ];
        section(text, "a person", &lines)?;
    }
    Ok(())
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
    fn an_open_case_shows_where_it_can_lead() {
        let line = r#"{"as_of":"2026-03-02","origin":"BUD","destination":"LIS","operating_carrier":"W6","event":"cancellation",
            "notice_days":5,"reroute":{"offered":true,"dep_offset_min":-30,"arr_delay_min":125},"cause":"atc_strike",
            "overnight_wait":false,"passenger":{"confirmed_reservation":true,"presented_on_time":true}}"#;
        let page = explain_line(&Law::default(), line, 1).json;
        assert!(page.contains("re-routing offered: departs 30 min early, arrives 125 min late"), "{page}");
        assert!(page.contains("missing     reasonable_measures_proved\n  may become  200 EUR, or no sum\n"), "{page}");
        assert!(!page.contains("supplement"), "no question of a supplement: {page}");
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
