//! Topics and their settings: create, delete, grow, describe, alter; delete records.

use kafka_protocol::{
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
        CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
        DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        alter_configs_request, alter_configs_response,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        delete_topics_response::DeletableTopicResult,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym},
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::{Cluster, cluster::text};
use crate::model::{Code, KNOWN, Model, PARTITIONS_MAX, Settings};

/// The protocol's numbers: resource types, and where a setting comes from.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;

/// A refusal with the sentence that explains it.
type Refusal = (Code, String);

fn message(refusal: &Refusal) -> Option<StrBytes> {
    Some(text(&refusal.1))
}

fn plain(code: Code) -> Refusal {
    (code, code.to_string())
}

/// Creates topics; each has its own outcome.
pub(super) fn create_topics(cluster: &Cluster, version: i16, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let dry = request.validate_only;
    let topics = cluster.with(|model| request.topics.into_iter().map(|topic| created(model, version, topic, dry)).collect());
    CreateTopicsResponse::default().with_topics(topics)
}

fn created(model: &mut Model, version: i16, topic: CreatableTopic, dry: bool) -> CreatableTopicResult {
    let answer = CreatableTopicResult::default().with_name(topic.name.clone());
    match create(model, &topic, dry) {
        Err(refusal) => answer
            .with_error_code(refusal.0.code())
            .with_error_message(message(&refusal))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(None),
        Ok((partitions, settings)) => {
            let shown = (version >= 5).then(|| KNOWN.iter().map(|known| created_config(known.name, &settings)).collect());
            let answer = answer.with_error_message(None).with_configs(shown);
            answer.with_num_partitions(partitions).with_replication_factor(1)
        }
    }
}

fn created_config(name: &str, settings: &Settings) -> CreatableTopicConfigs {
    let source = if settings.is_set(name) { SOURCE_TOPIC } else { SOURCE_DEFAULT };
    CreatableTopicConfigs::default().with_name(text(name)).with_value(Some(text(settings.get(name)))).with_config_source(source)
}

fn create(model: &mut Model, topic: &CreatableTopic, dry: bool) -> Result<(i32, Settings), Refusal> {
    if !matches!(topic.replication_factor, -1 | 1) {
        let text = format!("Replication factor {} is larger than the number of brokers, 1", topic.replication_factor);
        return Err((Code::InvalidReplicationFactor, text));
    }
    let assigned = i32::try_from(topic.assignments.len()).unwrap_or(i32::MAX);
    let partitions = if assigned > 0 { assigned } else { topic.num_partitions };
    let partitions = if partitions == -1 { 1 } else { partitions };
    let mut settings = Settings::default();
    for config in &topic.configs {
        let value = config.value.as_deref().ok_or_else(|| plain(Code::InvalidConfig))?;
        settings.set(&config.name, value).map_err(|why| (Code::InvalidConfig, why))?;
    }
    model.create_topic(&topic.name, partitions, settings.clone(), dry).map_err(|code| explain(code, &topic.name))?;
    Ok((partitions, settings))
}

fn explain(code: Code, topic: &str) -> Refusal {
    let why = match code {
        Code::TopicAlreadyExists => format!("Topic '{topic}' already exists."),
        Code::InvalidTopicException => format!("Topic name '{topic}' is illegal"),
        Code::InvalidPartitions => format!("Number of partitions must be between 1 and {PARTITIONS_MAX}"),
        other => other.to_string(),
    };
    (code, why)
}

/// Deletes topics with their records and offsets.
pub(super) fn delete_topics(cluster: &Cluster, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let results = cluster.with(|model| {
        let one = |name: kafka_protocol::messages::TopicName| {
            let code = model.delete_topic(&name).map_or_else(|code| code.code(), |()| 0);
            DeletableTopicResult::default().with_name(Some(name)).with_error_code(code).with_error_message(None)
        };
        request.topic_names.into_iter().map(one).collect()
    });
    DeleteTopicsResponse::default().with_responses(results)
}

/// Adds partitions.
pub(super) fn create_partitions(cluster: &Cluster, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let dry = request.validate_only;
    let one = |model: &mut Model, topic: CreatePartitionsTopic| {
        let had = model.topic(&topic.name).map_or(0, |topic| topic.partitions());
        let answer = CreatePartitionsTopicResult::default().with_name(topic.name.clone()).with_error_message(None);
        match model.grow_topic(&topic.name, topic.count, dry) {
            Ok(()) => answer,
            Err(Code::InvalidPartitions) => {
                let why = format!("Topic has {had} partitions; it can have more, up to {PARTITIONS_MAX}, not {}", topic.count);
                answer.with_error_code(Code::InvalidPartitions.code()).with_error_message(Some(text(&why)))
            }
            Err(code) => answer.with_error_code(code.code()),
        }
    };
    let results = cluster.with(|model| request.topics.into_iter().map(|topic| one(model, topic)).collect());
    CreatePartitionsResponse::default().with_results(results)
}

/// Deletes records from the front of partitions.
pub(super) fn delete_records(cluster: &Cluster, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let one = |model: &mut Model, topic: &str, index, offset| {
        let answer = DeleteRecordsPartitionResult::default().with_partition_index(index);
        match model.delete_records(topic, index, offset) {
            Ok(low) => answer.with_low_watermark(low),
            Err(code) => answer.with_error_code(code.code()).with_low_watermark(-1),
        }
    };
    let topics = cluster.with(|model| {
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in request.topics {
            let partitions = topic.partitions.iter().map(|p| one(model, &topic.name, p.partition_index, p.offset)).collect();
            topics.push(DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions));
        }
        topics
    });
    DeleteRecordsResponse::default().with_topics(topics)
}

/// A topic's settings. The broker itself has none that can be asked for.
pub(super) fn describe_configs(cluster: &Cluster, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let synonyms = request.include_synonyms;
    let results = cluster.with(|model| request.resources.iter().map(|resource| described(model, resource, synonyms)).collect());
    DescribeConfigsResponse::default().with_results(results)
}

fn described(model: &Model, resource: &DescribeConfigsResource, synonyms: bool) -> DescribeConfigsResult {
    let answer = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone())
        .with_error_message(None);
    let wanted = |name: &str| resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| **key == *name));
    match (resource.resource_type, model.topic(&resource.resource_name)) {
        (TOPIC, Some(topic)) => {
            let names = KNOWN.iter().filter(|known| wanted(known.name));
            answer.with_configs(names.map(|known| config(known, &topic.settings, synonyms)).collect())
        }
        (TOPIC, None) => answer.with_error_code(Code::UnknownTopicOrPartition.code()),
        (BROKER, _) => answer,
        _ => answer.with_error_code(Code::InvalidRequest.code()),
    }
}

fn config(known: &crate::model::Known, settings: &Settings, synonyms: bool) -> DescribeConfigsResourceResult {
    let value = Some(text(settings.get(known.name)));
    let source = if settings.is_set(known.name) { SOURCE_TOPIC } else { SOURCE_DEFAULT };
    let synonym = || DescribeConfigsSynonym::default().with_name(text(known.name)).with_value(value.clone()).with_source(source);
    DescribeConfigsResourceResult::default()
        .with_name(text(known.name))
        .with_synonyms(synonyms.then(synonym).into_iter().collect())
        .with_value(value)
        .with_config_source(source)
        .with_config_type(known.type_code())
        .with_documentation(None)
}

/// Sets, unsets, appends to and subtracts from topic settings; all changes of a topic, or none.
pub(super) fn incremental_alter_configs(
    cluster: &Cluster,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let dry = request.validate_only;
    let one = |model: &mut Model, resource: AlterConfigsResource| {
        let outcome = alter(model, (resource.resource_type, &resource.resource_name), dry, |settings| {
            resource.configs.iter().try_for_each(|config| change(settings, config))
        });
        let (code, why) = outcome.err().map_or((0, None), |refusal| (refusal.0.code(), message(&refusal)));
        AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
            .with_error_code(code)
            .with_error_message(why)
    };
    let responses = cluster.with(|model| request.resources.into_iter().map(|resource| one(model, resource)).collect());
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

/// Replaces all settings of a topic: what is not named goes back to its default. Older clients know no other way.
pub(super) fn alter_configs(cluster: &Cluster, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let dry = request.validate_only;
    let one = |model: &mut Model, resource: alter_configs_request::AlterConfigsResource| {
        let outcome = alter(model, (resource.resource_type, &resource.resource_name), dry, |settings| {
            *settings = Settings::default();
            resource.configs.iter().try_for_each(|config| {
                let value = config.value.as_deref().unwrap_or_default();
                settings.set(&config.name, value).map_err(|why| (Code::InvalidConfig, why))
            })
        });
        let (code, why) = outcome.err().map_or((0, None), |refusal| (refusal.0.code(), message(&refusal)));
        alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
            .with_error_code(code)
            .with_error_message(why)
    };
    let responses = cluster.with(|model| request.resources.into_iter().map(|resource| one(model, resource)).collect());
    AlterConfigsResponse::default().with_responses(responses)
}

/// Changes the settings of a resource, which is its type and its name, unless the run is dry.
fn alter(
    model: &mut Model,
    (kind, name): (i8, &str),
    dry: bool,
    change: impl FnOnce(&mut Settings) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if kind != TOPIC {
        return Err((Code::InvalidRequest, "Only topics have settings here".to_owned()));
    }
    let topic = model.topic(name).ok_or_else(|| plain(Code::UnknownTopicOrPartition))?;
    let mut settings = topic.settings.clone();
    change(&mut settings)?;
    if dry { Ok(()) } else { model.configure_topic(name, settings).map_err(plain) }
}

fn change(settings: &mut Settings, config: &AlterableConfig) -> Result<(), Refusal> {
    let (name, value) = (config.name.as_str(), config.value.as_deref().unwrap_or_default());
    let items = || settings.get(name).split(',').filter(|item| !item.is_empty()).collect::<Vec<_>>();
    let list = match config.config_operation {
        0 => value.to_owned(),
        1 => {
            settings.unset(name);
            return Ok(());
        }
        2 => items().into_iter().filter(|item| *item != value).chain([value]).collect::<Vec<_>>().join(","),
        3 => items().into_iter().filter(|item| *item != value).collect::<Vec<_>>().join(","),
        other => return Err((Code::InvalidRequest, format!("Unknown operation {other}"))),
    };
    settings.set(name, &list).map_err(|why| (Code::InvalidConfig, why))
}
