//! The topic catalogue as the program uses it: `topics.yaml`, or another file of that form.

use std::collections::BTreeMap;

use slipstream_processors::pipeline;
use slipstream_schemas::topics::{self, Catalogue};
use slipstream_streams::topology::Topology;

use crate::failure::Failure;
use crate::settings::Flags;

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

/// The pipeline under the rules that are set, with the partition counts of the catalogue.
///
/// # Errors
/// The catalogue, a trust table or the table of modes cannot be read.
pub(crate) fn topology(flags: &Flags) -> Result<Topology, Failure> {
    Ok(pipeline::topology_by(&flags.rules()?.shared(), partitions(&load()?)))
}

/// Partition count of every topic.
pub(crate) fn partitions(catalogue: &Catalogue) -> BTreeMap<&'static str, i32> {
    let count = |name: &'static str| catalogue.topic(name).map(|topic| (name, topic.partitions));
    topics::ALL.iter().copied().filter_map(count).collect()
}
