//! `slipstream broker`: the dev broker and registry alone, on loopback, until Ctrl-C.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use slipstream_broker::{DevBroker, Options};
use slipstream_schemas::topics::World;
use slipstream_streams::kafka::Connection;

use crate::cluster;
use crate::failure::{Done, Failure};
use crate::say;
use crate::settings::RegistryAccess;

/// How often the broker is asked whether it can go on.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs the dev broker and its schema registry on loopback until Ctrl-C.
///
/// Example: slipstream broker --port 9092 --registry-port 8081
#[derive(Debug, Args)]
pub(crate) struct Broker {
    /// Port of the Kafka protocol; a free one if not given
    #[arg(long)]
    port: Option<u16>,
    /// Port of the schema registry; a free one if not given
    #[arg(long)]
    registry_port: Option<u16>,
    /// Keep topics, offsets and schemas here; without it they end with the process
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Make the topics of topics.yaml and register our schemas
    #[arg(long)]
    topics: bool,
}

/// Runs the command.
///
/// # Errors
/// A port is taken, or the directory cannot be used.
pub(crate) fn run(args: &Broker) -> Result<Done, Failure> {
    let runtime = cluster::tokio()?;
    runtime.block_on(async {
        let options = Options { data: args.data.clone(), port: args.port, registry_port: args.registry_port };
        let broker = DevBroker::start(options).await.map_err(Failure::dependency)?;
        say!("bootstrap {}", broker.bootstrap());
        say!("registry  {}", broker.registry_url());
        eprintln!("dev broker: one node, no replication, no TLS, no ACL; for demo and tests only. Ctrl-C ends it.");
        if args.topics {
            cluster::prepare(
                &Connection::plain(&broker.bootstrap()),
                &RegistryAccess::open(&broker.registry_url()),
                World::Recorded(None),
            )
            .await?;
        }
        let failed = until_failure(&broker);
        let ended = tokio::select! {
            () = cluster::stopped() => Ok(Done::Clean),
            why = failed => Err(Failure::dependency(why)),
        };
        broker.shutdown().await;
        ended
    })
}

/// Waits for a failure that the broker cannot go on after, such as a full disk.
async fn until_failure(broker: &DevBroker) -> String {
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        if let Some(why) = broker.failure() {
            return why;
        }
    }
}
