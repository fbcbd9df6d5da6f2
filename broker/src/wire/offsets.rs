//! OffsetCommit and OffsetFetch.

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::{
    messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_fetch_request::OffsetFetchRequestTopic,
        offset_fetch_response::{OffsetFetchResponsePartition, OffsetFetchResponseTopic},
    },
    protocol::StrBytes,
};

use super::{Cluster, cluster::text};
use crate::model::{Code, Committed, Group, METADATA_MAX, Model, Speaker, Tp};

/// An offset as a request gives it, or why it is refused, with its place.
pub(super) type Offer = (Tp, Result<Committed, Code>);

/// Commits what may be committed; each partition is told its own outcome.
pub(super) fn commit(cluster: &Cluster, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let speaker = Speaker {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
    };
    let topics = cluster.with(|model| {
        let mut offers = Vec::new();
        for topic in &request.topics {
            let name: Arc<str> = topic.name.as_str().into();
            offers.extend(topic.partitions.iter().map(|p| {
                let tp = (Arc::clone(&name), p.partition_index);
                offer(model, tp, p.committed_offset, p.committed_leader_epoch, p.committed_metadata.as_ref())
            }));
        }
        settle(offers, |offsets| model.commit_offsets(&request.group_id, speaker, offsets))
    });
    let topic = |(name, partitions): (Arc<str>, Vec<(i32, i16)>)| {
        let partition =
            |(index, code)| OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(code);
        let partitions = partitions.into_iter().map(partition).collect();
        OffsetCommitResponseTopic::default().with_name(TopicName(text(&name))).with_partitions(partitions)
    };
    OffsetCommitResponse::default().with_topics(topics.into_iter().map(topic).collect())
}

/// Checks one offset against its topic.
pub(super) fn offer(model: &Model, tp: Tp, offset: i64, leader_epoch: i32, metadata: Option<&StrBytes>) -> Offer {
    let metadata = metadata.map(ToString::to_string).unwrap_or_default();
    let checked = match model.watermarks(&tp.0, tp.1) {
        Err(code) => Err(code),
        Ok(_) if metadata.len() > METADATA_MAX => Err(Code::OffsetMetadataTooLarge),
        Ok(_) => Ok(Committed { offset, leader_epoch, metadata }),
    };
    (tp, checked)
}

/// Commits the good offers; returns the error code of every partition, by topic.
pub(super) fn settle(
    offers: Vec<Offer>,
    commit: impl FnOnce(Vec<(Tp, Committed)>) -> Result<(), Code>,
) -> BTreeMap<Arc<str>, Vec<(i32, i16)>> {
    let good = offers.iter().filter_map(|(tp, offer)| Some((tp.clone(), offer.clone().ok()?))).collect();
    let outcome = commit(good);
    let mut answers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((topic, partition), offer) in offers {
        let code = offer.map(|_| ()).and(outcome).map_or_else(|code| code.code(), |()| 0);
        answers.entry(topic).or_default().push((partition, code));
    }
    answers
}

/// Committed offsets; -1 where there is none.
pub(super) fn fetch(cluster: &Cluster, version: i16, request: OffsetFetchRequest) -> OffsetFetchResponse {
    // Null asks for everything that is committed; versions before 2 cannot ask that.
    let topics = cluster.with(|model| {
        let group = model.group(&request.group_id);
        match request.topics.filter(|topics| version >= 2 || !topics.is_empty()) {
            Some(topics) => topics.into_iter().map(|topic| asked(group, topic, request.require_stable)).collect(),
            None => group.map(|group| everything(group, request.require_stable)).unwrap_or_default(),
        }
    });
    OffsetFetchResponse::default().with_topics(topics)
}

fn asked(group: Option<&Group>, topic: OffsetFetchRequestTopic, stable: bool) -> OffsetFetchResponseTopic {
    let name: Arc<str> = topic.name.as_str().into();
    let partitions = topic.partition_indexes.into_iter().map(|index| partition(group, &(Arc::clone(&name), index), stable));
    OffsetFetchResponseTopic::default().with_name(topic.name).with_partitions(partitions.collect())
}

fn everything(group: &Group, stable: bool) -> Vec<OffsetFetchResponseTopic> {
    let mut topics: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (tp, _) in group.offsets.iter() {
        topics.entry(&tp.0).or_default().push(partition(Some(group), tp, stable));
    }
    let topic =
        |(name, partitions)| OffsetFetchResponseTopic::default().with_name(TopicName(text(name))).with_partitions(partitions);
    topics.into_iter().map(topic).collect()
}

fn partition(group: Option<&Group>, tp: &Tp, stable: bool) -> OffsetFetchResponsePartition {
    let none = OffsetFetchResponsePartition::default()
        .with_partition_index(tp.1)
        .with_committed_offset(-1)
        .with_committed_leader_epoch(-1)
        .with_metadata(Some(text("")));
    if stable && group.is_some_and(|group| group.offsets.is_pending(tp)) {
        return none.with_error_code(Code::UnstableOffsetCommit.code());
    }
    match group.and_then(|group| group.offsets.get(tp)) {
        None => none,
        Some(committed) => none
            .with_committed_offset(committed.offset)
            .with_committed_leader_epoch(committed.leader_epoch)
            .with_metadata(Some(text(&committed.metadata))),
    }
}
