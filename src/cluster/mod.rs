//! A configured cluster: Kafka, schema registry, and the world in it.

pub(crate) mod admin;
pub(crate) mod reader;
pub(crate) mod world;

use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use slipstream_processors::edge::Edge;
use slipstream_schemas::registry::Registered;
use slipstream_schemas::topics;
use slipstream_streams::codec::Codec;
use slipstream_streams::kafka::Connection;
use slipstream_streams::world::World;
use tokio::runtime::Runtime;

use crate::catalogue;
use crate::failure::Failure;
use crate::settings::{Flags, RegistryAccess};

/// A cluster and a world in it.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// How to reach Kafka.
    pub(crate) connection: Connection,
    /// How to reach the registry.
    pub(crate) registry: RegistryAccess,
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
        let connection = flags.connection()?;
        let world = World::new(flags.world.as_deref()).map_err(Failure::usage)?;
        let registry = flags.registry_access()?;
        let codec = slipstream_schemas::codec::Codec::new(Arc::new(registry.client())).map_err(Failure::bug)?;
        Ok(Self { connection, registry, world, edge: Arc::new(Edge::new(codec)) })
    }

    /// The codec of this cluster's topics.
    pub(crate) fn codec(&self) -> Arc<dyn Codec> {
        Arc::clone(&self.edge)
    }

    /// A member of a group that reads one topic's committed records, from its end on where the group has no offsets. It commits
    /// when it is told to.
    ///
    /// # Errors
    /// The client cannot be made.
    pub(crate) fn member(&self, group: &str, topic: &str) -> Result<BaseConsumer, Failure> {
        let consumer: BaseConsumer = self
            .connection
            .client()
            .set("group.id", self.world.group(group))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "latest")
            .set("isolation.level", "read_committed")
            .set("session.timeout.ms", "10000")
            .create()
            .map_err(Failure::usage)?;
        consumer.subscribe(&[&self.topic(topic)]).map_err(Failure::dependency)?;
        Ok(consumer)
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
pub(crate) fn register(registry: &RegistryAccess) -> Result<Vec<Registered>, Failure> {
    let subjects = subjects()?;
    let pairs: Vec<_> = subjects.iter().map(|(topic, record)| (topic.as_str(), record.as_str())).collect();
    registry.client().register(&pairs).map_err(Failure::dependency)
}

/// Makes a world's topics and registers our schemas: what an embedded broker and a recorded world need.
///
/// # Errors
/// The cluster or the registry refuses.
pub(crate) async fn prepare(connection: &Connection, registry: &RegistryAccess, world: topics::World<'_>) -> Result<(), Failure> {
    let admin = admin::Admin::new(connection)?;
    let wanted = catalogue::load()?.wanted(world, admin.brokers()?);
    admin.create(&wanted).await?;
    register(registry).map(|_| ())
}

/// Waits for Ctrl-C or SIGTERM, from this call on: neither ends the process by itself any more. Wants a runtime around it.
pub(crate) fn stopped() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn heard(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }
    let (interrupted, terminated) = (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok());
    async {
        tokio::select! {
            () = heard(interrupted) => {}
            () = heard(terminated) => {}
        }
    }
}
