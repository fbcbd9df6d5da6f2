//! Fetch, which may wait, and ListOffsets.

use std::{collections::BTreeSet, time::Duration};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, ProducerId,
    fetch_request::FetchPartition,
    fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData},
    list_offsets_request::ListOffsetsPartition,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};
use tokio::time::{Instant, timeout_at};

use super::Cluster;
use crate::model::{Code, Isolation, Model, ReadLimits, Slice, Tp, Watermarks};

/// Longest wait, whatever the client asks.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Most bytes of one answer, whatever the client asks.
const ANSWER_MAX: i32 = 64 << 20;

/// What was found: topic and partition by position in the request.
type Found = Vec<Vec<Result<(Slice, Watermarks), Code>>>;

/// Answers at once when there are `min_bytes` or an error, else when there are or `max_wait_ms` is over.
pub(super) async fn fetch(cluster: &Cluster, request: FetchRequest) -> FetchResponse {
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let deadline = Instant::now() + wait;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    let mut found = cluster.with(|model| look(model, &request));
    if !enough(&found, min_bytes) && !wait.is_zero() {
        let listener = cluster.listen(wanted(&request));
        loop {
            found = cluster.with(|model| look(model, &request));
            if enough(&found, min_bytes) || timeout_at(deadline, listener.heard()).await.is_err() {
                break;
            }
        }
    }
    response(&request, found)
}

fn wanted(request: &FetchRequest) -> BTreeSet<Tp> {
    let partitions = |topic: &kafka_protocol::messages::fetch_request::FetchTopic| -> Vec<Tp> {
        topic.partitions.iter().map(|p| (topic.topic.as_str().into(), p.partition)).collect()
    };
    request.topics.iter().flat_map(partitions).collect()
}

fn enough(found: &Found, min_bytes: usize) -> bool {
    let all = || found.iter().flatten();
    all().any(Result::is_err) || all().flatten().map(|(slice, _)| slice.bytes).sum::<usize>() >= min_bytes
}

fn look(model: &mut Model, request: &FetchRequest) -> Found {
    let mut room = usize::try_from(request.max_bytes.min(ANSWER_MAX)).unwrap_or(0);
    let isolation = isolation(request.isolation_level);
    let mut first = true;
    let mut found = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for wanted in &topic.partitions {
            let limits = ReadLimits { max_bytes: room.min(wanted_bytes(wanted)), at_least_one: first, isolation };
            let read = model.fetch(&topic.topic, wanted.partition, wanted.fetch_offset, limits);
            let bytes = read.as_ref().map_or(0, |(slice, _)| slice.bytes);
            first &= bytes == 0;
            room = room.saturating_sub(bytes);
            partitions.push(read);
        }
        found.push(partitions);
    }
    found
}

fn wanted_bytes(partition: &FetchPartition) -> usize {
    usize::try_from(partition.partition_max_bytes).unwrap_or(0)
}

fn isolation(level: i8) -> Isolation {
    if level == 1 { Isolation::Committed } else { Isolation::Uncommitted }
}

fn response(request: &FetchRequest, found: Found) -> FetchResponse {
    let committed = isolation(request.isolation_level) == Isolation::Committed;
    let topics = request.topics.iter().zip(found).map(|(topic, found)| {
        let partitions = topic.partitions.iter().zip(found).map(|(wanted, found)| partition(wanted.partition, committed, found));
        FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn partition(index: i32, committed: bool, found: Result<(Slice, Watermarks), Code>) -> PartitionData {
    let answer = PartitionData::default().with_partition_index(index);
    match found {
        Err(code) => answer
            .with_error_code(code.code())
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_aborted_transactions(None)
            .with_records(Some(Bytes::new())),
        Ok((slice, marks)) => answer
            .with_high_watermark(marks.end)
            .with_last_stable_offset(marks.stable)
            .with_log_start_offset(marks.start)
            .with_aborted_transactions(committed.then(|| aborted(&slice)))
            .with_records(Some(join(slice))),
    }
}

fn aborted(slice: &Slice) -> Vec<AbortedTransaction> {
    let named = |a: &crate::model::Aborted| {
        AbortedTransaction::default().with_producer_id(ProducerId(a.producer)).with_first_offset(a.first)
    };
    slice.aborted.iter().map(named).collect()
}

fn join(slice: Slice) -> Bytes {
    if let [only] = slice.batches.as_slice() {
        return only.clone();
    }
    let mut joined = BytesMut::with_capacity(slice.bytes);
    slice.batches.iter().for_each(|batch| joined.extend_from_slice(batch));
    joined.freeze()
}

/// Offsets by time; -1 is the end, -2 the start.
pub(super) fn list_offsets(cluster: &Cluster, version: i16, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let isolation = isolation(request.isolation_level);
    // Older versions have no place for an epoch.
    let epoch = if version >= 4 { 0 } else { -1 };
    let topics = cluster.with(|model| {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic
                .partitions
                .iter()
                .map(|wanted| offset(model, &topic.name, wanted, isolation).with_leader_epoch(epoch))
                .collect();
            ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
        });
        topics.collect()
    });
    ListOffsetsResponse::default().with_topics(topics)
}

fn offset(model: &mut Model, topic: &str, wanted: &ListOffsetsPartition, isolation: Isolation) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse::default().with_partition_index(wanted.partition_index);
    match find(model, topic, wanted, isolation) {
        Ok((timestamp, offset)) => answer.with_timestamp(timestamp).with_offset(offset),
        Err(code) => answer.with_error_code(code.code()).with_timestamp(-1).with_offset(-1),
    }
}

fn find(model: &mut Model, topic: &str, wanted: &ListOffsetsPartition, isolation: Isolation) -> Result<(i64, i64), Code> {
    let marks = model.watermarks(topic, wanted.partition_index)?;
    let end = if isolation == Isolation::Committed { marks.stable } else { marks.end };
    Ok(match wanted.timestamp {
        -1 => (-1, end),
        -2 => (-1, marks.start),
        time if time < 0 => return Err(Code::UnsupportedForMessageFormat),
        time => model.find_time(topic, wanted.partition_index, time, isolation)?.unwrap_or((-1, -1)),
    })
}
