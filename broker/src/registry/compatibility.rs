//! May a schema follow those already at a subject?

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use serde::{Deserialize, Serialize};

/// Which earlier versions a new schema is held against, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Level {
    /// Anything goes.
    None,
    /// Reads what the last version wrote.
    Backward,
    /// Reads what any version wrote.
    BackwardTransitive,
    /// Is read by the last version.
    Forward,
    /// Is read by every version.
    ForwardTransitive,
    /// Both, with the last version.
    Full,
    /// Both, with every version.
    FullTransitive,
}

impl Level {
    fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    fn looks_back(self) -> bool {
        matches!(self, Self::Backward | Self::BackwardTransitive | Self::Full | Self::FullTransitive)
    }

    fn looks_forward(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTransitive | Self::Full | Self::FullTransitive)
    }
}

/// What speaks against `new` after `old` (oldest first); empty if nothing does.
pub(super) fn faults(new: &Schema, old: &[Schema], level: Level) -> Vec<String> {
    let held_against = if level.is_transitive() { old } else { old.get(old.len().saturating_sub(1)..).unwrap_or_default() };
    let mut faults = Vec::new();
    for old in held_against {
        if level.looks_back() {
            faults.extend(unreadable(old, new).map(|why| format!("the new schema cannot read data of an earlier one: {why}")));
        }
        if level.looks_forward() {
            faults.extend(unreadable(new, old).map(|why| format!("an earlier schema cannot read data of the new one: {why}")));
        }
    }
    faults
}

/// Why data of `writer` may not be readable with `reader`. What can be read in part only is not good enough.
fn unreadable(writer: &Schema, reader: &Schema) -> Option<String> {
    match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => None,
        Ok(Compatibility::Partial) => {
            Some("some enum symbols or union branches of the writer are unknown to the reader".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}
