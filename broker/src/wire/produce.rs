//! Produce.

use kafka_protocol::messages::{
    ProduceRequest, ProduceResponse,
    produce_request::TopicProduceData,
    produce_response::{PartitionProduceResponse, TopicProduceResponse},
};

use super::Cluster;
use crate::model::{Code, Model, Tp};

/// `None` when the client wants no answer (acks 0).
pub(super) fn produce(cluster: &Cluster, request: ProduceRequest) -> Option<ProduceResponse> {
    let (id, acks) = (request.transactional_id.as_ref().map(|id| id.to_string()), request.acks);
    let topics = cluster
        .with(|model| request.topic_data.into_iter().map(|topic| produce_topic(model, id.as_deref(), acks, topic)).collect());
    (acks != 0).then(|| ProduceResponse::default().with_responses(topics))
}

fn produce_topic(model: &mut Model, id: Option<&str>, acks: i16, topic: TopicProduceData) -> TopicProduceResponse {
    let mut answers = Vec::with_capacity(topic.partition_data.len());
    for data in topic.partition_data {
        let tp: Tp = (topic.name.as_str().into(), data.index);
        let appended = match data.records {
            _ if !matches!(acks, -1..=1) => Err(Code::InvalidRequiredAcks),
            Some(records) => model.produce(id, &tp, records),
            None => Err(Code::InvalidRecord),
        };
        answers.push(partition(model, &tp, appended));
    }
    TopicProduceResponse::default().with_name(topic.name).with_partition_responses(answers)
}

fn partition(model: &Model, tp: &Tp, appended: Result<i64, Code>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(tp.1).with_log_append_time_ms(-1).with_base_offset(-1);
    match appended {
        Ok(offset) => {
            let append_time = model.topic(&tp.0).is_some_and(|topic| topic.settings.is_log_append_time());
            let start = model.watermarks(&tp.0, tp.1).map_or(-1, |marks| marks.start);
            let time = if append_time { model.now() } else { -1 };
            answer.with_base_offset(offset).with_log_append_time_ms(time).with_log_start_offset(start)
        }
        Err(code) => answer.with_error_code(code.code()).with_log_start_offset(-1),
    }
}
