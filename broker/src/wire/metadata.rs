//! Who and what is here: Metadata, DescribeCluster, FindCoordinator. One node is everything.

use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
    MetadataResponse, TopicName,
    describe_cluster_response::DescribeClusterBroker,
    metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
};

use super::{Cluster, cluster::text};
use crate::model::{Code, Model};

/// The one node.
const NODE: BrokerId = BrokerId(1);
/// Name of the cluster.
const CLUSTER: &str = "slipstream-dev-broker";

/// Topics are never created by asking for them.
pub(super) fn metadata(cluster: &Cluster, version: i16, request: MetadataRequest) -> MetadataResponse {
    // In version 0 an empty list asks for all topics, later null does.
    let all = |names: &Vec<_>| version == 0 && names.is_empty();
    let topics = cluster.with(|model| match request.topics.filter(|names| !all(names)) {
        None => model.topics().map(|(name, topic)| known(name, topic.partitions())).collect(),
        Some(names) => names.into_iter().filter_map(|topic| topic.name).map(|name| one(model, &name)).collect(),
    });
    let broker = MetadataResponseBroker::default().with_node_id(NODE).with_host(cluster.host()).with_port(cluster.port());
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(CLUSTER)))
        .with_controller_id(NODE)
        .with_topics(topics)
}

fn one(model: &Model, name: &str) -> MetadataResponseTopic {
    match model.topic(name) {
        Some(topic) => known(name, topic.partitions()),
        None => MetadataResponseTopic::default()
            .with_name(Some(TopicName(text(name))))
            .with_error_code(Code::UnknownTopicOrPartition.code()),
    }
}

fn known(name: &str, partitions: i32) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_partitions((0..partitions).map(partition).collect())
}

/// The cluster's only broker.
pub(super) fn describe_cluster(cluster: &Cluster, _request: DescribeClusterRequest) -> DescribeClusterResponse {
    let broker = DescribeClusterBroker::default().with_broker_id(NODE).with_host(cluster.host()).with_port(cluster.port());
    DescribeClusterResponse::default().with_cluster_id(text(CLUSTER)).with_controller_id(NODE).with_brokers(vec![broker])
}

/// Every group and transactional id is coordinated here.
pub(super) fn find_coordinator(cluster: &Cluster, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let answer = FindCoordinatorResponse::default();
    if !matches!(request.key_type, 0 | 1) || request.key.is_empty() {
        let code = if request.key_type == 0 { Code::InvalidGroupId } else { Code::InvalidRequest };
        return answer.with_error_code(code.code()).with_node_id(BrokerId(-1)).with_port(-1);
    }
    answer.with_node_id(NODE).with_host(cluster.host()).with_port(cluster.port()).with_error_message(None)
}
