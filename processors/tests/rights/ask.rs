//! The one door between these tests and the engine: a line in, a line out.

use serde_json::Value;
use slipstream_processors::rights::decide_line;

/// The engine's answer to a case.
pub(crate) fn ask(case: &Value) -> Value {
    answer(&case.to_string(), 1)
}

/// The engine's answer to a line as it stands.
pub(crate) fn answer(line: &str, number: u64) -> Value {
    let answer = decide_line(line, number);
    assert!(!answer.json.contains('\n'), "one line out: {}", answer.json);
    serde_json::from_str(&answer.json).unwrap_or_else(|error| panic!("{error}: {}", answer.json))
}
