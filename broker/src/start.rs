//! Starting and stopping the broker inside a running tokio runtime.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    model::{Files, Limits, Model},
    registry::{self, Registry},
    wire::{self, Cluster},
};

/// Longest wait for requests in progress when stopping.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// How to start. The default keeps everything in a temporary folder, on free ports.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to keep records, offsets and schemas from one run to the next; `None`: nowhere.
    pub data: Option<PathBuf>,
    /// Port for Kafka clients; `None`: any free one.
    pub port: Option<u16>,
    /// Port for Schema Registry clients; `None`: any free one.
    pub registry_port: Option<u16>,
}

/// Why the broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port cannot be listened on, mostly because something else does.
    #[error("the dev broker's {what} port {port} on 127.0.0.1 cannot be used: {source}")]
    Port {
        /// `Kafka` or `Schema Registry`.
        what: &'static str,
        /// Which; 0 for any.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What was kept from an earlier run cannot be read.
    #[error("the dev broker's data in {} cannot be read: {reason}", path.display())]
    Data {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A running broker. Dropping it stops it without waiting; [`DevBroker::shutdown`] waits.
pub struct DevBroker {
    address: SocketAddr,
    registry: SocketAddr,
    cluster: Arc<Cluster>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
}

impl DevBroker {
    /// Starts on loopback.
    ///
    /// # Errors
    /// [`StartError`], which names the port or the folder.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let (listener, address) = listen("Kafka", options.port).await?;
        let (registry_listener, registry) = listen("Schema Registry", options.registry_port).await?;
        let schemas = open_registry(options.data.as_deref())?;
        let model = open_model(options.data.as_deref())?;
        let cluster = Arc::new(Cluster::new(model, address));
        let stop = CancellationToken::new();
        let servers = vec![
            tokio::spawn(wire::serve(listener, Arc::clone(&cluster), stop.clone())),
            tokio::spawn(registry::serve(registry_listener, schemas, stop.clone())),
        ];
        tracing::warn!(kafka = %address, schemas = %registry, "dev broker: one node, no replication, no access control; not a Kafka");
        Ok(Self { address, registry, cluster, stop, servers })
    }

    /// What Kafka clients take as `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    /// Where Schema Registry clients go.
    #[must_use]
    pub fn registry_url(&self) -> String {
        format!("http://{}", self.registry)
    }

    /// Why nothing more is accepted, if the disk failed; the broker should then be stopped.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.cluster.failure()
    }

    /// Stops accepting and ends every connection; takes 5 s at most for each of the two servers.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for mut server in std::mem::take(&mut self.servers) {
            // Everything is on disk already; a request that never ends must not hold the program up.
            if tokio::time::timeout(SHUTDOWN_MAX, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

impl Drop for DevBroker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn open_model(data: Option<&Path>) -> Result<Model, StartError> {
    let (now, limits) = (wire::now_ms(), Limits::default());
    let opened = match data {
        Some(root) => Model::open(now, limits, root),
        None => Files::temporary().map(|files| Model::new(now, limits, Box::new(files))),
    };
    let path = || data.map_or_else(std::env::temp_dir, Path::to_owned);
    opened.map_err(|error| StartError::Data { path: path(), reason: error.to_string() })
}

fn open_registry(data: Option<&Path>) -> Result<Registry, StartError> {
    let file = data.map(|data| data.join("schemas.json"));
    let path = file.clone().unwrap_or_default();
    Registry::open(file).map_err(|error| StartError::Data { path, reason: error.to_string() })
}

async fn listen(what: &'static str, port: Option<u16>) -> Result<(TcpListener, SocketAddr), StartError> {
    let port = port.unwrap_or(0);
    let failed = |source| StartError::Port { what, port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
