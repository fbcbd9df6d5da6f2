//! Partitions: what is appended comes back as it was, in order, within the limits both sides set.

use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, OwnedHeaders, Timestamp};
use rdkafka::producer::BaseRecord;
use rdkafka::{Offset, TopicPartitionList};

use crate::Check;
use crate::kit::{GLANCE, PATIENCE, Site, answers, at, eventually, offsets, put, read_all, send, values};

pub(crate) const CHECKS: &[Check] = &[
    ("record comes back as it was sent", record),
    ("null keys and null values stay null", nulls),
    ("LogAppendTime stamps with the broker's clock", append_time),
    ("timestamp of the future is refused", future),
    ("offsets are found by timestamp", times),
    ("watermarks follow the log", watermarks),
    ("every compression comes back", compression),
    ("large records pass and larger ones are refused", large),
    ("fetch keeps to the client's byte limits", limits),
    ("idempotent producer keeps the order", idempotent),
    ("acks 0 and acks 1 append too", acks),
    ("fetch outside the log is refused", outside),
    ("produce to what does not exist is refused", nowhere),
];

/// A record stamped years ago stays: retention goes by the record's own time, and may strike between a write and a read.
const KEPT: &[(&str, &str)] = &[("retention.ms", "-1")];

fn record(site: &Site) {
    let topic = site.topic("t", 2, KEPT);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "ce_id", value: Some("one") })
        .insert(Header { key: "ce_id", value: Some("two") })
        .insert(Header { key: "empty", value: Some("") })
        .insert(Header::<&str> { key: "null", value: None });
    let sent = BaseRecord::to(&topic).partition(1).key("k").payload("v").timestamp(1_201_737_600_123).headers(headers);
    assert_eq!(send(&site.producer(&[]), sent), Ok((1, 0)));

    let seen = site.read(&topic, "read_committed");
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].partition, seen[0].offset), (1, 0));
    assert_eq!((seen[0].key.as_deref(), seen[0].value.as_deref()), (Some("k"), Some("v")));
    assert_eq!(seen[0].timestamp, Timestamp::CreateTime(1_201_737_600_123));
    let names: Vec<(&str, Option<&[u8]>)> = seen[0].headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    let wanted: [(&str, Option<&[u8]>); 4] =
        [("ce_id", Some(b"one")), ("ce_id", Some(b"two")), ("empty", Some(b"")), ("null", None)];
    assert_eq!(names, wanted);
}

fn nulls(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let producer = site.producer(&[]);
    send(&producer, BaseRecord::to(&topic).partition(0).key("tombstone")).unwrap();
    send(&producer, BaseRecord::<str, str>::to(&topic).partition(0).payload("no key")).unwrap();
    send(&producer, BaseRecord::to(&topic).partition(0).key("").payload("")).unwrap();
    let seen = site.read(&topic, "read_committed");
    let pairs: Vec<_> = seen.iter().map(|record| (record.key.as_deref(), record.value.as_deref())).collect();
    assert_eq!(pairs, [(Some("tombstone"), None), (None, Some("no key")), (Some(""), Some(""))]);
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn append_time(site: &Site) {
    let topic = site.topic("t", 1, &[("message.timestamp.type", "LogAppendTime")]);
    let before = now_ms();
    send(&site.producer(&[]), BaseRecord::to(&topic).partition(0).key("k").payload("v").timestamp(1_000)).unwrap();
    let after = now_ms();
    match site.read(&topic, "read_committed")[0].timestamp {
        Timestamp::LogAppendTime(at) => assert!((before..=after).contains(&at), "{before} <= {at} <= {after}"),
        other => panic!("{other:?} is not the broker's stamp"),
    }
}

fn future(site: &Site) {
    const DAY_MS: i64 = 86_400_000;
    let strict = site.topic("strict", 1, &[]);
    let open = site.topic("open", 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]);
    let producer = site.producer(&[]);
    let tomorrow =
        |topic: &str| send(&producer, BaseRecord::to(topic).partition(0).key("k").payload("v").timestamp(now_ms() + DAY_MS));
    assert_eq!(tomorrow(&strict), Err(Code::InvalidTimestamp));
    assert_eq!(tomorrow(&open), Ok((0, 0)));
    assert_eq!(site.read(&strict, "read_committed"), []);
}

fn times(site: &Site) {
    let topic = site.topic("t", 2, KEPT);
    let producer = site.producer(&[]);
    for stamp in [1_000, 2_000, 2_000, 5_000] {
        send(&producer, BaseRecord::to(&topic).partition(0).key("k").payload("v").timestamp(stamp)).unwrap();
    }
    let reader = site.consumer("g", &[]);
    let found = |partition, stamp| {
        let answer = reader.offsets_for_times(at(&topic, partition, stamp), PATIENCE).unwrap();
        answer.find_partition(&topic, partition).unwrap().offset()
    };
    let cases = [(0, Offset::Offset(0)), (1_000, Offset::Offset(0)), (1_001, Offset::Offset(1)), (2_000, Offset::Offset(1))];
    for (stamp, offset) in cases.into_iter().chain([(2_001, Offset::Offset(3)), (5_000, Offset::Offset(3)), (5_001, Offset::End)])
    {
        assert_eq!(found(0, stamp), offset, "at {stamp}");
    }
    assert_eq!(found(1, 0), Offset::End, "nothing in an empty partition");
}

fn watermarks(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let reader = site.consumer("g", &[]);
    assert_eq!(reader.fetch_watermarks(&topic, 0, PATIENCE).unwrap(), (0, 0));
    put(&site.producer(&[]), &topic, 0, &["a", "b", "c"]);
    assert_eq!(reader.fetch_watermarks(&topic, 0, PATIENCE).unwrap(), (0, 3));
    assert_eq!(reader.fetch_watermarks(&topic, 1, PATIENCE).unwrap(), (0, 0));
}

fn compression(site: &Site) {
    let wanted: Vec<String> = (0..300).map(|n| format!("{n} {}", "the same words again ".repeat(10))).collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = site.topic(codec, 1, &[]);
        put(&site.producer(&[("compression.type", codec), ("linger.ms", "5")]), &topic, 0, &wanted);
        assert_eq!(values(&site.read(&topic, "read_committed")), wanted, "{codec}");
    }
}

fn large(site: &Site) {
    let topic = site.topic("t", 1, &[("max.message.bytes", "1000000")]);
    let producer = site.producer(&[]);
    let body = "x".repeat(900_000);
    for n in 0..10 {
        let record = BaseRecord::<str, str>::to(&topic).partition(0).payload(&body);
        assert_eq!(send(&producer, record), Ok((0, n)));
    }
    let too_large = "x".repeat(1_000_001);
    let record = BaseRecord::<str, str>::to(&topic).partition(0).payload(&too_large);
    assert_eq!(send(&producer, record), Err(Code::MessageSizeTooLarge));
    let seen = site.read(&topic, "read_committed");
    assert_eq!(offsets(&seen), (0..10).collect::<Vec<_>>());
    assert!(seen.iter().all(|record| record.value.as_ref().is_some_and(|value| value.len() == 900_000)));
}

/// The client refuses an answer larger than it allowed, so that reading everything is the proof.
fn limits(site: &Site) {
    let topic = site.topic("t", 3, &[]);
    let producer = site.producer(&[("batch.size", "10000")]);
    let body = "x".repeat(4_000);
    for partition in 0..3 {
        put(&producer, &topic, partition, &[body.as_str(); 100]);
    }
    // A first batch larger than the limit must come through all the same, or nobody could ever read it.
    let oversized = "y".repeat(80_000);
    put(&producer, &topic, 0, &[&oversized]);
    let narrow = [
        ("fetch.message.max.bytes", "20000"),
        ("fetch.max.bytes", "50000"),
        ("receive.message.max.bytes", "131072"),
        ("message.max.bytes", "50000"),
    ];
    let seen = read_all(&site.consumer("narrow", &narrow), &topic);
    assert_eq!(seen.len(), 301);
    assert_eq!(seen[100].value.as_deref(), Some(oversized.as_str()));
}

fn idempotent(site: &Site) {
    let topic = site.topic("t", 2, &[]);
    let producer = site.producer(&[("enable.idempotence", "true"), ("batch.num.messages", "7"), ("linger.ms", "1")]);
    let wanted: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
    for (n, value) in wanted.iter().enumerate() {
        let partition = i32::from(n % 3 == 0);
        producer
            .send(BaseRecord::<str, str>::to(&topic).partition(partition).payload(value))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    assert!(answers(&producer).iter().all(Result::is_ok));
    let seen = site.read(&topic, "read_committed");
    let of = |partition| -> Vec<usize> {
        let there = seen.iter().filter(|record| record.partition == partition);
        there.map(|record| record.value.as_ref().unwrap().parse().unwrap()).collect()
    };
    assert_eq!(of(1), (0..2_000).step_by(3).collect::<Vec<_>>());
    assert_eq!(of(0), (0..2_000).filter(|n| n % 3 != 0).collect::<Vec<_>>());
}

fn acks(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    for acks in ["0", "1"] {
        let producer = site.producer(&[("acks", acks)]);
        for value in ["a", "b", "c"] {
            producer.send(BaseRecord::<str, str>::to(&topic).partition(0).payload(value)).map_err(|(error, _)| error).unwrap();
        }
        assert!(answers(&producer).iter().all(Result::is_ok), "acks {acks}");
    }
    // Nobody has promised when a record that was not acknowledged is there.
    eventually("all six", || (values(&site.read(&topic, "read_committed")) == ["a", "b", "c", "a", "b", "c"]).then_some(()));
}

fn outside(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    put(&site.producer(&[]), &topic, 0, &["a", "b", "c"]);

    let strict = site.consumer("strict", &[("auto.offset.reset", "error")]);
    strict.assign(&at(&topic, 0, 100)).unwrap();
    let refusal = eventually("a refusal", || strict.poll(GLANCE).and_then(Result::err));
    assert!(matches!(refusal, KafkaError::MessageConsumption(Code::AutoOffsetReset)), "{refusal}");

    let lenient = site.consumer("lenient", &[("auto.offset.reset", "earliest")]);
    lenient.assign(&at(&topic, 0, 100)).unwrap();
    assert_eq!(values(&crate::kit::read_to_end(&lenient, 1)), ["a", "b", "c"]);

    let mut missing = TopicPartitionList::new();
    missing.add_partition_offset(&topic, 7, Offset::Beginning).unwrap();
    let nowhere = site.consumer("nowhere", &[]);
    nowhere.assign(&missing).unwrap();
    let refusal = eventually("a refusal", || nowhere.poll(GLANCE).and_then(Result::err));
    assert!(matches!(refusal, KafkaError::MessageConsumption(Code::UnknownPartition)), "{refusal}");
}

fn nowhere(site: &Site) {
    let topic = site.topic("t", 1, &[]);
    let producer = site.producer(&[("message.timeout.ms", "3000"), ("topic.metadata.propagation.max.ms", "500")]);
    let to = |topic: &str, partition| {
        let record = BaseRecord::<str, str>::to(topic).partition(partition).payload("v");
        match producer.send(record) {
            Ok(()) => answers(&producer).pop().unwrap().map(drop),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        }
    };
    assert_eq!(to(&topic, 0), Ok(()));
    assert_eq!(to(&topic, 7), Err(Code::UnknownPartition));
    assert_eq!(to(&site.name("nobody"), 0), Err(Code::UnknownTopicOrPartition));
}
