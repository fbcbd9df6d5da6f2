//! What `topics.yaml` becomes: the table of the docs, the AsyncAPI document, the Strimzi resources.

use serde_json::{Map, Value, json};
use slipstream_schemas::records::{self, TYPES};
use slipstream_schemas::topics::{Catalogue, Key, Topic, Visibility, World};

const MADE: &str = "Made from topics.yaml by schemas/tests/generated; do not edit.";
/// Brokers of the clusters that the documents describe.
const BROKERS: i16 = 3;

/// `docs/topics.md`
pub(crate) fn markdown(catalogue: &Catalogue) -> String {
    let mut text = format!(
        "# Topics\n\n<!-- {MADE} -->\n\nKeys are UTF-8 text, values Confluent-framed Avro (`schemas/avro/`), \
        the envelope CloudEvents in headers. Partition = Kafka's murmur2 of the key.\n\n\
        Topics with one key have one partition count, so that they can be joined; an outlet is read alone and has its own.\n\n"
    );
    text +=
        "| topic | key | partitions | kept | replicas | compression | message, MiB | records | written by | read by | holds |\n";
    text += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for topic in &catalogue.topics {
        text += &row(topic);
    }
    text += "\n## Keys\n\n| key | partitions | is | example |\n|---|---|---|---|\n";
    for Key { name, partitions, example, meaning } in &catalogue.keys {
        text += &format!("| {name} | {partitions} | {meaning} | `{example}` |\n");
    }
    text
}

fn row(topic: &Topic) -> String {
    let kept = topic.retention_days.map_or_else(|| "last of each key".to_owned(), |days| format!("{days} d"));
    let outlet = if topic.outlet { ", outlet" } else { "" };
    let internal = if topic.visibility == Visibility::Internal { "Internal. " } else { "" };
    let list = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
    format!(
        "| `{}` | {} | {}{outlet} | {kept} | {} | {} | {} | {} | {} | {} | {internal}{} |\n",
        topic.name,
        topic.key,
        topic.partitions,
        topic.replication,
        topic.compression,
        topic.max_message_mb,
        list(&topic.schemas),
        list(&topic.writers),
        list(&topic.readers),
        topic.description,
    )
}

/// `deploy/kubernetes/topics/NAME.yaml`
pub(crate) fn strimzi(topic: &Topic) -> String {
    let wanted = topic.wanted(World::Live, BROKERS);
    let resource = json!({
        "apiVersion": "kafka.strimzi.io/v1beta2",
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": "slipstream"}},
        "spec": {
            "topicName": wanted.name, "partitions": wanted.partitions, "replicas": wanted.replication, "config": wanted.configs,
        },
    });
    yaml(&resource)
}

/// `docs/asyncapi.yaml`
pub(crate) fn asyncapi(catalogue: &Catalogue) -> String {
    let channels: Map<String, Value> =
        catalogue.topics.iter().map(|topic| (topic.name.clone(), channel(catalogue, topic))).collect();
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Slipstream",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Flight disruption as streams. Read with isolation level read_committed. \
                Topics tagged `internal` belong to the pipeline and may change.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "servers": {"kafka": {
            "host": "localhost:9092", "protocol": "kafka",
            "bindings": {"kafka": {
                "schemaRegistryUrl": "http://localhost:8081", "schemaRegistryVendor": "confluent", "bindingVersion": "0.5.0",
            }},
        }},
        "channels": channels,
        "operations": operations(catalogue),
        "components": {"schemas": {"Envelope": envelope()}, "messages": messages()},
    });
    yaml(&document)
}

fn channel(catalogue: &Catalogue, topic: &Topic) -> Value {
    let wanted = topic.wanted(World::Live, BROKERS);
    let messages: Map<String, Value> =
        topic.schemas.iter().map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")}))).collect();
    let key = catalogue.keys.iter().find(|key| key.name == topic.key).map_or("", |key| &key.meaning);
    let number = |name: &str| wanted.configs[name].parse::<i64>().unwrap();
    json!({
        "address": topic.name,
        "description": format!("{} Key: {key}.", topic.description),
        "messages": messages,
        "tags": [{"name": topic.visibility.to_string()}],
        "bindings": {"kafka": {
            "topic": topic.name,
            "partitions": wanted.partitions,
            "replicas": wanted.replication,
            "topicConfiguration": {
                "cleanup.policy": [wanted.configs["cleanup.policy"]],
                "retention.ms": number("retention.ms"),
                "max.message.bytes": number("max.message.bytes"),
            },
            "bindingVersion": "0.5.0",
        }},
    })
}

/// One operation a topic and direction, seen from the pipeline: it sends what its stages write, receives what they read.
fn operations(catalogue: &Catalogue) -> Value {
    let mut operations = Map::new();
    for topic in catalogue.topics.iter().filter(|topic| !topic.schemas.is_empty()) {
        let channel = format!("#/channels/{}", topic.name);
        let messages: Vec<Value> =
            topic.schemas.iter().map(|name| json!({"$ref": format!("{channel}/messages/{name}")})).collect();
        let mut add = |action: &str, who: &[String]| {
            if !who.is_empty() {
                let summary = format!("{action} by {}", who.join(", "));
                let operation = json!({"action": action, "channel": {"$ref": channel}, "summary": summary, "messages": messages});
                operations.insert(format!("{action}.{}", topic.name), operation);
            }
        };
        add("send", &topic.writers);
        add("receive", &topic.readers);
    }
    operations.into()
}

fn messages() -> Map<String, Value> {
    let message = |name: &'static str| {
        let types: Vec<&str> = TYPES.iter().filter(|spec| spec.schema == name).map(|spec| spec.name).collect();
        json!({
            "name": format!("slipstream.{name}"),
            "contentType": "application/vnd.apache.avro",
            "headers": {"allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {"type": "object", "properties": {"ce_type": {"type": "string", "enum": types}}},
            ]},
            "payload": {
                "schemaFormat": "application/vnd.apache.avro;version=1.9.0",
                "schema": {"$ref": format!("../schemas/avro/{name}.avsc")},
            },
            "bindings": {"kafka": {
                "key": {"type": "string"}, "schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent", "bindingVersion": "0.5.0",
            }},
        })
    };
    records::schemas().into_iter().map(|(name, _)| (name.to_owned(), message(name))).collect()
}

/// CloudEvents 1.0, Kafka binding, binary mode, with W3C trace context.
fn envelope() -> Value {
    let uuid = json!({"type": "string", "format": "uuid"});
    json!({
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_correlationid", "content-type", "traceparent"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_id": uuid,
            "ce_source": {"type": "string", "format": "uri-reference"},
            "ce_type": {"type": "string"},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_subject": {"type": "string", "description": "the record's key"},
            "ce_correlationid": uuid,
            "ce_causationid": uuid,
            "ce_organizationid": {"type": "string"},
            "content-type": {"const": "application/vnd.apache.avro"},
            "traceparent": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
        },
    })
}

fn yaml(document: &Value) -> String {
    format!("# {MADE}\n{}", serde_yaml_ng::to_string(document).unwrap())
}
