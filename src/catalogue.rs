//! The topic catalogue as the program uses it: `topics.yaml`, or another file of that form.

use std::collections::BTreeMap;

use slipstream_schemas::topics::{self, Catalogue};

use crate::failure::Failure;

/// The catalogue in force: `SLIPSTREAM_TOPICS` names a file, otherwise the one of this version.
///
/// # Errors
/// The file cannot be read or is wrong.
pub(crate) fn load() -> Result<Catalogue, Failure> {
    match std::env::var("SLIPSTREAM_TOPICS") {
        Ok(path) => {
            let text =
                std::fs::read_to_string(&path).map_err(|e| Failure::usage(format_args!("SLIPSTREAM_TOPICS: {path}: {e}")))?;
            Catalogue::parse(&text).map_err(|e| Failure::usage(format_args!("{path}: {e}")))
        }
        Err(_) => Catalogue::of_this_version().map_err(Failure::bug),
    }
}

/// Partition count of every topic.
pub(crate) fn partitions(catalogue: &Catalogue) -> BTreeMap<&'static str, i32> {
    let count = |name: &'static str| catalogue.topic(name).map(|topic| (name, topic.partitions));
    topics::ALL.iter().copied().filter_map(count).collect()
}
