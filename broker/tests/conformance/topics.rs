//! Topics: made, described, altered, grown, trimmed, deleted; and what is said of one that does not exist.

use rdkafka::admin::{AlterConfig, ConfigResource, NewPartitions, ResourceSpecifier};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;

use crate::Check;
use crate::kit::{PATIENCE, Site, at, eventually, offsets, options, put, wait};

pub(crate) const CHECKS: &[Check] = &[
    ("topic settings are kept and altered", settings),
    ("topic creation is refused with the reason", refusals),
    ("topic partitions grow and never shrink", growth),
    ("records below an offset are deleted", trimming),
    ("topic deletion forgets everything", deletion),
    ("unknown topic is named as unknown", unknown),
];

fn setting(resource: &ConfigResource, name: &str) -> Option<String> {
    resource.get(name).and_then(|entry| entry.value.clone())
}

fn described(site: &Site, topic: &str) -> Result<ConfigResource, Code> {
    let asked = [ResourceSpecifier::Topic(topic)];
    wait(site.admin().describe_configs(&asked, &options())).unwrap().pop().unwrap()
}

/// Asks for these settings and for the defaults of all others. rdkafka keeps a refusal of the broker to itself, so that
/// only a description tells what came of it.
fn alter(site: &Site, topic: &str, settings: &[(&str, &str)]) {
    let change =
        settings.iter().fold(AlterConfig::new(ResourceSpecifier::Topic(topic)), |change, (key, value)| change.set(key, value));
    wait(site.admin().alter_configs([&change], &options())).unwrap();
}

fn settings(site: &Site) {
    let topic = site.topic("t", 3, &[("cleanup.policy", "compact"), ("retention.ms", "123456")]);
    let before = described(site, &topic).unwrap();
    assert_eq!(setting(&before, "cleanup.policy").as_deref(), Some("compact"));
    assert_eq!(setting(&before, "retention.ms").as_deref(), Some("123456"));
    assert_eq!(setting(&before, "message.timestamp.type").as_deref(), Some("CreateTime"), "defaults are described too");

    alter(site, &topic, &[("cleanup.policy", "compact"), ("retention.ms", "654321")]);
    let becomes = |name: &'static str, value: &'static str| {
        eventually(value, || (setting(&described(site, &topic).unwrap(), name).as_deref() == Some(value)).then_some(()));
    };
    becomes("retention.ms", "654321");
    let fence = site.topic("fence", 1, &[]);
    alter(site, &topic, &[("retention.ms", "soon")]);
    alter(site, &fence, &[("retention.ms", "7")]);
    eventually("a later change", || {
        (setting(&described(site, &fence).unwrap(), "retention.ms").as_deref() == Some("7")).then_some(())
    });
    becomes("retention.ms", "654321");
    becomes("cleanup.policy", "compact");
    alter(site, &topic, &[("retention.ms", "77777")]);
    becomes("retention.ms", "77777");
    becomes("cleanup.policy", "delete");
}

fn refusals(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    assert_eq!(site.create(&topic, 1, &[]), Err(Code::TopicAlreadyExists));
    for name in ["a topic", "..", "so/me"] {
        assert_eq!(site.create(name, 1, &[]), Err(Code::InvalidTopic), "{name:?}");
    }
    for setting in [("retention.ms", "soon"), ("cleanup.policy", "burn"), ("no.such.setting", "1")] {
        assert_eq!(site.create(&site.name("setting"), 1, &[setting]), Err(Code::InvalidConfig), "{setting:?}");
    }
}

fn growth(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let grow = |count| {
        let wanted = NewPartitions::new(&topic, count);
        let answer = wait(site.admin().create_partitions([&wanted], &options())).unwrap().pop().unwrap();
        answer.map(drop).map_err(|(_, code)| code)
    };
    assert_eq!(grow(4), Ok(()));
    let reader = site.consumer("g", &[]);
    eventually("four partitions", || {
        let metadata = reader.fetch_metadata(Some(&topic), PATIENCE).unwrap();
        (metadata.topics()[0].partitions().len() == 4).then_some(())
    });
    assert_eq!(put(&site.producer(&[]), &topic, 3, &["a"]), [0]);
    assert_eq!(grow(3), Err(Code::InvalidPartitions));
    assert_eq!(grow(4), Err(Code::InvalidPartitions));
}

fn trimming(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let all: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    put(&site.producer(&[]), &topic, 0, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let delete = |below| wait(site.admin().delete_records(&at(&topic, 0, below), &options())).unwrap();

    delete(4);
    let reader = site.consumer("g", &[]);
    assert_eq!(reader.fetch_watermarks(&topic, 0, PATIENCE).unwrap(), (4, 10));
    assert_eq!(offsets(&site.read(&topic, "read_committed")), [4, 5, 6, 7, 8, 9]);

    let refused = delete(11);
    assert!(refused.find_partition(&topic, 0).unwrap().error().is_err(), "an offset past the end");
    assert_eq!(reader.fetch_watermarks(&topic, 0, PATIENCE).unwrap(), (4, 10));
}

fn deletion(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    put(&site.producer(&[]), &topic, 0, &["a", "b"]);
    let delete = |name: &str| {
        let answer = wait(site.admin().delete_topics(&[name], &options())).unwrap().pop().unwrap();
        answer.map(drop).map_err(|(_, code)| code)
    };
    assert_eq!(delete(&topic), Ok(()));
    assert_eq!(delete(&site.name("nobody")), Err(Code::UnknownTopicOrPartition));
    eventually("the name is free again", || site.create(&topic, 1, &[]).ok());
    let again = site.producer(&[]);
    eventually("the new topic starts at 0", || {
        // The client may still hold the old topic's leader and learn of the new one by a refusal.
        let record = rdkafka::producer::BaseRecord::<str, str>::to(&topic).partition(0).payload("c");
        crate::kit::send(&again, record).ok().map(|(_, offset)| assert_eq!(offset, 0))
    });
    assert_eq!(crate::kit::values(&site.read(&topic, "read_uncommitted")), ["c"]);
}

fn unknown(site: &Site) {
    let reader = site.consumer("g", &[]);
    let metadata = reader.fetch_metadata(Some(&site.name("nobody")), PATIENCE).unwrap();
    let error = metadata.topics()[0].error().map(Code::from);
    assert_eq!(error, Some(Code::UnknownTopicOrPartition));

    let topic = site.topic("t", 1, &[]);
    let everything = reader.fetch_metadata(None, PATIENCE).unwrap();
    let names: Vec<&str> = everything.topics().iter().map(|topic| topic.name()).collect();
    assert!(names.contains(&topic.as_str()), "{names:?}");
    assert!(!names.contains(&site.name("nobody").as_str()), "asking must not create");
}
