//! `slipstream project`: the state of every leg as a table of PostgreSQL or SQLite.

use clap::Args;

use crate::cluster::{self, Cluster};
use crate::failure::{Done, Failure};
use crate::projection::store::Store;
use crate::projection::{failure, project};
use crate::say;
use crate::settings::Flags;

/// What `--report` looks back over, ms.
const DAY_MS: i64 = 24 * 3_600_000;

/// Keeps the table `flights` of a database current from flight.state and sync.status, until SIGTERM.
///
/// Example: slipstream project --database sqlite:flights.db --bootstrap localhost:9092 --registry http://localhost:8081
#[derive(Debug, Args)]
pub(crate) struct Project {
    /// postgres://… or sqlite:FILE, which is made if need be
    #[arg(long, value_name = "URL", env = "SLIPSTREAM_DATABASE")]
    database: String,
    /// End once everything that is there now is in the table
    #[arg(long)]
    until_end: bool,
    /// Only print how sync has fared in the last 24 hours, one JSON object, from the table as it is
    #[arg(long, conflicts_with = "until_end")]
    report: bool,
}

/// Runs the command.
///
/// # Errors
/// Database or cluster do not answer, or another projection writes the same database.
pub(crate) fn run(args: &Project, flags: &Flags) -> Result<Done, Failure> {
    let runtime = cluster::tokio()?;
    let mut store = runtime.block_on(Store::open(&args.database)).map_err(failure)?;
    if args.report {
        let now = jiff::Timestamp::now().as_millisecond();
        say!("{}", runtime.block_on(store.report(now, now - DAY_MS)).map_err(failure)?);
        return Ok(Done::Clean);
    }
    let taken = project(&Cluster::connect(flags)?, &mut store, &runtime, args.until_end)?;
    eprintln!("{taken} records taken");
    Ok(Done::Clean)
}
