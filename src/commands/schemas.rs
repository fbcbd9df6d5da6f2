//! `slipstream schemas`: our Avro schemas against every released version, and in the registry.

use clap::{Args, Subcommand};
use slipstream_schemas::{compatibility, records};

use crate::cluster;
use crate::failure::{Done, Failure};
use crate::say;
use crate::settings::Flags;

/// Checks, registers or lists the Avro schemas of this version.
///
/// Example: slipstream schemas check
#[derive(Debug, Args)]
pub(crate) struct Schemas {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Exit with 1 unless every schema is FULL_TRANSITIVE compatible with every released version
    Check,
    /// Put every schema at its subjects in the registry
    Register,
    /// Records, and the topics on which they stand
    List,
}

/// Runs the command.
///
/// # Errors
/// The registry refuses or does not answer.
pub(crate) fn run(args: &Schemas, flags: &Flags) -> Result<Done, Failure> {
    match args.action {
        Action::Check => Ok(check()),
        Action::Register => register(flags),
        Action::List => list(),
    }
}

fn check() -> Done {
    match compatibility::check_released() {
        Ok(count) => {
            eprintln!("{count} released schemas: compatible both ways");
            Done::Clean
        }
        Err(faults) => {
            faults.iter().for_each(|fault| say!("{fault}"));
            Done::Refused
        }
    }
}

fn register(flags: &Flags) -> Result<Done, Failure> {
    for registered in cluster::register(&flags.registry_access()?)? {
        say!("{:>6}  {}", registered.id, registered.subject);
    }
    Ok(Done::Clean)
}

fn list() -> Result<Done, Failure> {
    let subjects = cluster::subjects()?;
    for (record, _) in records::schemas() {
        let topics: Vec<_> = subjects.iter().filter(|(_, r)| r == record).map(|(topic, _)| topic.as_str()).collect();
        say!("{record:<20} {}", topics.join(" "));
    }
    Ok(Done::Clean)
}
