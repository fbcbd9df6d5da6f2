//! `slipstream project`: the state of every leg as a table of PostgreSQL or SQLite.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;

use crate::cluster::{self, Cluster};
use crate::failure::{Done, Failure};
use crate::http::{self, Face};
use crate::projection::store::Store;
use crate::projection::{Projection, failure};
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
    /// Serves /health and /metrics of the projection there
    #[arg(long, value_name = "ADDR", conflicts_with = "report")]
    metrics: Option<SocketAddr>,
}

/// Runs the command.
///
/// # Errors
/// The cluster does not answer, the database has not for minutes, or another projection writes the same database.
pub(crate) fn run(args: &Project, flags: &Flags) -> Result<Done, Failure> {
    let runtime = cluster::tokio()?;
    let mut store = runtime.block_on(Store::open(&args.database)).map_err(failure)?;
    if args.report {
        let now = jiff::Timestamp::now().as_millisecond();
        say!("{}", runtime.block_on(store.report(now, now - DAY_MS)).map_err(failure)?);
        return Ok(Done::Clean);
    }
    let face = Arc::new(Face::default());
    if args.metrics.is_some() {
        let address = runtime.block_on(http::serve(args.metrics, Arc::clone(&face)))?;
        eprintln!("projecting; http://{address}");
    }
    let cluster = Cluster::connect(flags)?;
    let taken = Projection::new(&cluster, &mut store, &runtime, &face).run(args.until_end)?;
    eprintln!("{taken} records taken");
    Ok(Done::Clean)
}
