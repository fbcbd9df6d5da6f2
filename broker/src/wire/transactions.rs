//! InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn.

use std::sync::Arc;

use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, EndTxnRequest,
    EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId, TopicName, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
    add_partitions_to_txn_response::{AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult},
    txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
};

use super::{Cluster, cluster::text, offsets};
use crate::model::{Code, Ending, Identity, Model, Speaker, Tp};

/// First versions whose clients know the name `ProducerFenced`; earlier ones are told `InvalidProducerEpoch`.
const FENCED_IN_INIT: i16 = 4;
const FENCED_IN_TRANSACTIONS: i16 = 2;

fn code(outcome: Result<(), Code>, version: i16, fenced_since: i16) -> i16 {
    match outcome {
        Ok(()) => 0,
        Err(Code::ProducerFenced) if version < fenced_since => Code::InvalidProducerEpoch.code(),
        Err(code) => code.code(),
    }
}

/// A producer id; with a transactional id, its older holders are fenced.
pub(super) fn init(cluster: &Cluster, version: i16, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let id = request.transactional_id.as_ref().map(|id| id.as_str());
    let claim = Identity { producer: request.producer_id.0, epoch: request.producer_epoch };
    let claim = (claim.producer >= 0).then_some(claim);
    match cluster.with(|model| model.init_producer(id, request.transaction_timeout_ms, claim)) {
        Ok(identity) => {
            InitProducerIdResponse::default().with_producer_id(ProducerId(identity.producer)).with_producer_epoch(identity.epoch)
        }
        Err(refusal) => InitProducerIdResponse::default()
            .with_error_code(code(Err(refusal), version, FENCED_IN_INIT))
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

/// All partitions or none: an unknown one leaves the others not attempted.
pub(super) fn add_partitions(cluster: &Cluster, version: i16, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    let who = Identity { producer: request.v3_and_below_producer_id.0, epoch: request.v3_and_below_producer_epoch };
    let id = request.v3_and_below_transactional_id;
    let topics: Vec<(Arc<str>, Vec<i32>)> =
        request.v3_and_below_topics.into_iter().map(|topic| (topic.name.as_str().into(), topic.partitions)).collect();
    let tps: Vec<Tp> = topics.iter().flat_map(|(name, parts)| parts.iter().map(|p| (Arc::clone(name), *p))).collect();
    let results = cluster.with(|model| {
        let known = tps.iter().all(|tp| model.watermarks(&tp.0, tp.1).is_ok());
        let outcome = if known { model.add_partitions(&id, who, &tps) } else { Err(Code::OperationNotAttempted) };
        let topic = |(name, partitions): (Arc<str>, Vec<i32>)| {
            let partition = |index| added(model, &name, index, code(outcome, version, FENCED_IN_TRANSACTIONS));
            let partitions = partitions.into_iter().map(partition).collect();
            AddPartitionsToTxnTopicResult::default().with_name(TopicName(text(&name))).with_results_by_partition(partitions)
        };
        topics.into_iter().map(topic).collect()
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results)
}

fn added(model: &Model, topic: &str, index: i32, code: i16) -> AddPartitionsToTxnPartitionResult {
    let code = model.watermarks(topic, index).map_or_else(|unknown| unknown.code(), |_| code);
    AddPartitionsToTxnPartitionResult::default().with_partition_index(index).with_partition_error_code(code)
}

/// A group's offsets are going to be part of the transaction.
pub(super) fn add_offsets(cluster: &Cluster, version: i16, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let who = Identity { producer: request.producer_id.0, epoch: request.producer_epoch };
    let outcome = cluster.with(|model| model.add_offsets(&request.transactional_id, who, &request.group_id));
    AddOffsetsToTxnResponse::default().with_error_code(code(outcome, version, FENCED_IN_TRANSACTIONS))
}

/// Offsets that count once the transaction commits.
pub(super) fn commit_offsets(cluster: &Cluster, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let who = Identity { producer: request.producer_id.0, epoch: request.producer_epoch };
    let speaker =
        Speaker { member: &request.member_id, instance: request.group_instance_id.as_deref(), generation: request.generation_id };
    let topics = cluster.with(|model| {
        let mut offers = Vec::new();
        for topic in &request.topics {
            let name: Arc<str> = topic.name.as_str().into();
            offers.extend(topic.partitions.iter().map(|p| {
                let tp = (Arc::clone(&name), p.partition_index);
                offsets::offer(model, tp, p.committed_offset, p.committed_leader_epoch, p.committed_metadata.as_ref())
            }));
        }
        offsets::settle(offers, |offsets| {
            model.commit_offsets_in(&request.transactional_id, who, &request.group_id, speaker, offsets)
        })
    });
    let topic = |(name, partitions): (Arc<str>, Vec<(i32, i16)>)| {
        let partition =
            |(index, code)| TxnOffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code);
        let partitions = partitions.into_iter().map(partition).collect();
        TxnOffsetCommitResponseTopic::default().with_name(TopicName(text(&name))).with_partitions(partitions)
    };
    TxnOffsetCommitResponse::default().with_topics(topics.into_iter().map(topic).collect())
}

/// Commit or abort.
pub(super) fn end(cluster: &Cluster, version: i16, request: EndTxnRequest) -> EndTxnResponse {
    let who = Identity { producer: request.producer_id.0, epoch: request.producer_epoch };
    let ending = if request.committed { Ending::Commit } else { Ending::Abort };
    let outcome = cluster.with(|model| model.end_transaction(&request.transactional_id, who, ending));
    EndTxnResponse::default().with_error_code(code(outcome, version, FENCED_IN_TRANSACTIONS))
}
