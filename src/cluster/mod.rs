//! A configured cluster: Kafka, schema registry, and the world in it.

pub(crate) mod admin;
pub(crate) mod reader;
pub(crate) mod world;

use std::sync::Arc;

use slipstream_processors::edge::Edge;
use slipstream_schemas::registry::{Registered, Registry};
use slipstream_schemas::topics;
use slipstream_streams::codec::Codec;
use slipstream_streams::world::World;
use tokio::runtime::Runtime;

use crate::catalogue;
use crate::failure::Failure;
use crate::settings::Flags;

/// A cluster and a world in it.
pub(crate) struct Cluster {
    /// Kafka bootstrap servers.
    pub(crate) bootstrap: String,
    /// The world.
    pub(crate) world: World,
    edge: Arc<dyn Codec>,
}

impl Cluster {
    /// What the flags name. Connects lazily: the first call that needs a server says if it is not there.
    ///
    /// # Errors
    /// No cluster or registry is configured.
    pub(crate) fn connect(flags: &Flags) -> Result<Self, Failure> {
        let bootstrap = flags.required_bootstrap()?.to_owned();
        let world = World::new(flags.world.as_deref()).map_err(Failure::usage)?;
        let registry = flags.registry.as_deref().ok_or_else(|| {
            Failure::usage("no schema registry: give --registry URL or set SLIPSTREAM_REGISTRY; `slipstream broker` starts one")
        })?;
        Ok(Self { bootstrap, world, edge: edge(registry)? })
    }

    /// The codec of this cluster's topics.
    pub(crate) fn codec(&self) -> Arc<dyn Codec> {
        Arc::clone(&self.edge)
    }

    /// The cluster's name of a topic.
    pub(crate) fn topic(&self, topic: &str) -> String {
        self.world.topic(topic)
    }
}

/// A runtime for clients and servers; stages never run on it.
///
/// # Errors
/// The system refuses threads.
pub(crate) fn tokio() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|e| Failure::dependency(format_args!("cannot start threads: {e}")))
}

/// The codec over a registry.
fn edge(registry: &str) -> Result<Arc<dyn Codec>, Failure> {
    let codec = slipstream_schemas::codec::Codec::new(Arc::new(Registry::new(registry))).map_err(Failure::bug)?;
    Ok(Arc::new(Edge::new(codec)))
}

/// (topic, record) of everything that may stand on a topic.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn subjects() -> Result<Vec<(String, String)>, Failure> {
    let catalogue = catalogue::load()?;
    let pairs = catalogue.topics.iter().flat_map(|t| t.schemas.iter().map(move |s| (t.name.clone(), s.clone())));
    Ok(pairs.collect())
}

/// Puts our schemas at their subjects.
///
/// # Errors
/// The registry refuses one or does not answer.
pub(crate) fn register(registry: &str) -> Result<Vec<Registered>, Failure> {
    let subjects = subjects()?;
    let pairs: Vec<_> = subjects.iter().map(|(topic, record)| (topic.as_str(), record.as_str())).collect();
    Registry::new(registry).register(&pairs).map_err(Failure::dependency)
}

/// Makes a world's topics and registers our schemas: what an embedded broker and a recorded world need.
///
/// # Errors
/// The cluster or the registry refuses.
pub(crate) async fn prepare(bootstrap: &str, registry: &str, world: topics::World<'_>) -> Result<(), Failure> {
    let admin = admin::Admin::new(bootstrap)?;
    let wanted = catalogue::load()?.wanted(world, admin.brokers()?);
    admin.create(&wanted).await?;
    register(registry).map(|_| ())
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
