//! The audit door: one case a line in, one decision or `error` a line out. Keeps nothing from line to line.

use serde_json::json;

use super::decision::decide;
use super::law::Law;
use super::read::read_case;
use super::write::to_json;

/// What one line gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The decision, or `{"line":n,"error":"…"}`; one line of JSON without its end.
    pub json: String,
    /// What was passed over, such as unknown keys; for a person.
    pub warnings: Vec<String>,
    /// The line was refused: `json` is an error.
    pub refused: bool,
}

/// Decides one case under the law as it is enabled by itself.
///
/// `number` is the line's number, from 1; it names the line in an error.
#[must_use]
pub fn decide_line(line: &str, number: u64) -> Answer {
    decide_line_under(&Law::default(), line, number)
}

/// Decides one case under the law as the caller wants it asked.
#[must_use]
pub fn decide_line_under(law: &Law, line: &str, number: u64) -> Answer {
    match read_case(line) {
        Ok((case, warnings)) => Answer { json: to_json(&decide(law, &case)), warnings, refused: false },
        Err(refusal) => Answer {
            json: json!({ "line": number, "error": refusal.to_string() }).to_string(),
            warnings: Vec::new(),
            refused: true,
        },
    }
}
