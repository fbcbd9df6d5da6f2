//! Topics on a cluster: what is there, and the calls that change it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use slipstream_schemas::topics::{Change, Existing, Wanted};
use slipstream_streams::kafka::Connection;

use crate::failure::Failure;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long more nodes than there are for a topic's replicas are waited for.
const NODES_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before the cluster is asked for new topics again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Administers one cluster.
pub(crate) struct Admin {
    client: AdminClient<DefaultClientContext>,
    connection: Connection,
}

impl Admin {
    /// A client; connects with the first call.
    ///
    /// # Errors
    /// The connection settings make no sense.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        let client = connection.client().create().map_err(Failure::usage)?;
        Ok(Self { client, connection: connection.clone() })
    }

    fn unreachable(&self, error: impl std::fmt::Display) -> Failure {
        Failure::dependency(format_args!("{}: {}", self.connection.bootstrap(), self.connection.explain(error)))
    }

    /// Brokers that answer.
    ///
    /// # Errors
    /// None does.
    pub(crate) fn brokers(&self) -> Result<i16, Failure> {
        let metadata = self.client.inner().fetch_metadata(None, TIMEOUT).map_err(|e| self.unreachable(e))?;
        Ok(i16::try_from(metadata.brokers().len()).unwrap_or(i16::MAX))
    }

    /// Every topic with its settings.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub(crate) async fn existing(&self) -> Result<Vec<Existing>, Failure> {
        let metadata = self.client.inner().fetch_metadata(None, TIMEOUT).map_err(|e| self.unreachable(e))?;
        let mut topics = Vec::new();
        for topic in metadata.topics() {
            let replicas = topic.partitions().first().map_or(0, |p| p.replicas().len());
            topics.push(Existing {
                name: topic.name().to_owned(),
                partitions: i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX),
                replication: i16::try_from(replicas).unwrap_or(i16::MAX),
                configs: self.settings(topic.name(), |_| true).await?,
            });
        }
        Ok(topics)
    }

    async fn settings(
        &self,
        topic: &str,
        keep: impl Fn(&rdkafka::admin::ConfigEntry) -> bool,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let asked = self.client.describe_configs(&[ResourceSpecifier::Topic(topic)], &options()).await;
        let mut settings = BTreeMap::new();
        for resource in asked.map_err(|e| self.unreachable(e))? {
            let resource = resource.map_err(|e| self.unreachable(e))?;
            let kept = resource.entries.into_iter().filter(|entry| keep(entry));
            settings.extend(kept.filter_map(|entry| Some((entry.name, entry.value?))));
        }
        Ok(settings)
    }

    /// Makes topics; those that exist already are left as they are. Once it returns, who asks the cluster hears of all of them.
    ///
    /// # Errors
    /// The cluster refuses one, or does not know it in time; the message names it.
    pub(crate) async fn create(&self, wanted: &[Wanted]) -> Result<(), Failure> {
        let new = wanted.iter().map(|topic| {
            let start = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(i32::from(topic.replication)));
            topic.configs.iter().fold(start, |new, (name, value)| new.set(name, value))
        });
        let new: Vec<_> = new.collect();
        let deadline = Instant::now() + NODES_TIMEOUT;
        while let Some((topic, error)) = self.not_made(&new).await? {
            // Also the answer while a node is out for a moment.
            if error != RDKafkaErrorCode::InvalidReplicationFactor || Instant::now() > deadline {
                return Err(Failure::dependency(format_args!("topic `{topic}`: {error}")));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        self.known(wanted).await
    }

    /// The first of these topics that is not there after it was asked for, and why.
    async fn not_made(&self, new: &[NewTopic<'_>]) -> Result<Option<(String, RDKafkaErrorCode)>, Failure> {
        let results = self.client.create_topics(new, &options()).await.map_err(|e| self.unreachable(e))?;
        Ok(results.into_iter().filter_map(Result::err).find(|(_, error)| *error != RDKafkaErrorCode::TopicAlreadyExists))
    }

    /// Waits until the cluster knows topics: the one that makes them answers before those that tell of them have heard.
    async fn known(&self, wanted: &[Wanted]) -> Result<(), Failure> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let metadata = self.client.inner().fetch_metadata(None, TIMEOUT).map_err(|e| self.unreachable(e))?;
            let known: BTreeSet<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
            match wanted.iter().find(|topic| !known.contains(topic.name.as_str())) {
                None => return Ok(()),
                Some(_) if Instant::now() < deadline => tokio::time::sleep(ASK_AGAIN).await,
                Some(topic) => return Err(Failure::dependency(format_args!("topic `{}` was made and is not known", topic.name))),
            }
        }
    }

    /// Carries out one change of a plan; refused and extra ones are left alone.
    ///
    /// # Errors
    /// The cluster refuses it.
    pub(crate) async fn carry_out(&self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Create(wanted) => self.create(std::slice::from_ref(wanted)).await,
            Change::Set { topic, name, to, .. } => self.set(topic, name, to).await,
            Change::Refused { .. } | Change::Extra(_) => Ok(()),
        }
    }

    /// The call replaces every setting of the topic, so those set before go along.
    async fn set(&self, topic: &str, name: &str, value: &str) -> Result<(), Failure> {
        let mut settings =
            self.settings(topic, |entry| !entry.is_default && !entry.is_read_only && is_own(&entry.source)).await?;
        settings.insert(name.to_owned(), value.to_owned());
        let start = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let alter = settings.iter().fold(start, |alter, (name, value)| alter.set(name, value));
        for result in self.client.alter_configs(&[alter], &options()).await.map_err(|e| self.unreachable(e))? {
            result.map_err(|(_, error)| Failure::dependency(format_args!("topic `{topic}`, {name}: {error}")))?;
        }
        Ok(())
    }

    /// Deletes topics; those that are gone already are no fault.
    ///
    /// # Errors
    /// The cluster refuses one.
    pub(crate) async fn delete(&self, topics: &[&str]) -> Result<(), Failure> {
        for result in self.client.delete_topics(topics, &options()).await.map_err(|e| self.unreachable(e))? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, error)) => return Err(Failure::dependency(format_args!("topic `{topic}`: {error}"))),
            }
        }
        Ok(())
    }
}

/// A setting made on the topic itself.
fn is_own(source: &rdkafka::admin::ConfigSource) -> bool {
    matches!(source, rdkafka::admin::ConfigSource::DynamicTopic)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}
