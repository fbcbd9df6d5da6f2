//! The commands, one file each.

pub(crate) mod broker;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod project;
pub(crate) mod providers;
pub(crate) mod replay;
pub(crate) mod rights;
pub(crate) mod run;
pub(crate) mod schemas;
pub(crate) mod simulate;
pub(crate) mod sources;
pub(crate) mod tail;
pub(crate) mod topics;

use crate::failure::Failure;

/// The topic of that name.
///
/// # Errors
/// There is none; the message lists those there are.
pub(crate) fn topic_name(name: &str) -> Result<&'static str, Failure> {
    let all = slipstream_schemas::topics::ALL;
    all.iter()
        .copied()
        .find(|topic| *topic == name)
        .ok_or_else(|| Failure::usage(format_args!("there is no topic `{name}`; there are: {}", all.join(", "))))
}
