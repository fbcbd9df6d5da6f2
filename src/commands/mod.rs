//! The commands, one file each.

pub mod broker;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod feed;
pub mod replay;
pub mod run;
pub mod schemas;
pub mod simulate;
pub mod tail;
pub mod topics;

use crate::failure::Failure;

/// The topic of that name.
///
/// # Errors
/// There is none; the message lists those there are.
pub fn topic_name(name: &str) -> Result<&'static str, Failure> {
    let all = slipstream_schemas::topics::ALL;
    all.iter()
        .copied()
        .find(|topic| *topic == name)
        .ok_or_else(|| Failure::usage(format_args!("there is no topic `{name}`; there are: {}", all.join(", "))))
}
