//! Compaction and retention: what may disappear does, what may not stays, and offsets never move.
//!
//! Segments of 1 MiB, the smallest Kafka allows; only closed ones are cleaned, so each check writes past a few of them.

use rdkafka::consumer::Consumer;
use rdkafka::producer::BaseRecord;

use crate::Check;
use crate::kit::{PATIENCE, Producer, Seen, Site, answers, eventually, offsets};

pub(crate) const CHECKS: &[Check] = &[
    ("compaction keeps the last value of each key", compaction),
    ("retention by time removes whole segments", by_time),
    ("retention by size removes the oldest segments", by_size),
];

const SEGMENT: (&str, &str) = ("segment.bytes", "1048576");
/// An hour and a bit before any clock the suite will ever run on.
const LONG_AGO_MS: i64 = 1_201_737_600_000;
/// Records of a little under 64 KiB: seventeen of them do not fit into one segment.
const FILL: usize = 64_000;

/// Closes the active segment by writing past its size, under a key nobody else uses.
fn fill(producer: &Producer, topic: &str, key: &str, count: usize, stamp: i64) {
    let body = "f".repeat(FILL);
    for n in 0..count {
        let key = format!("{key}{n}");
        producer
            .send(BaseRecord::to(topic).partition(0).key(&key).payload(&body).timestamp(stamp))
            .map_err(|(error, _)| error)
            .unwrap();
        assert!(answers(producer).iter().all(Result::is_ok));
    }
}

fn of_key<'a>(seen: &'a [Seen], key: &str) -> Vec<(i64, Option<&'a str>)> {
    let there = seen.iter().filter(|record| record.key.as_deref() == Some(key));
    there.map(|record| (record.offset, record.value.as_deref())).collect()
}

fn compaction(site: &Site) {
    let settings =
        [("cleanup.policy", "compact"), SEGMENT, ("min.cleanable.dirty.ratio", "0.01"), ("delete.retention.ms", "100")];
    let topic = site.topic("t", 1, &settings);
    let producer = site.producer(&[]);
    let put = |key: &str, value: Option<&str>| {
        let record = BaseRecord::to(&topic).partition(0).key(key);
        let record = if let Some(value) = value { record.payload(value) } else { record };
        crate::kit::send(&producer, record).unwrap().1
    };
    put("a", Some("a1"));
    put("gone", Some("g1"));
    put("b", Some("b1"));
    let last_a = put("a", Some("a2"));
    put("gone", None);
    fill(&producer, &topic, "first", 18, LONG_AGO_MS);
    let last_b = put("b", Some("b2"));

    let mut round = 0;
    eventually("only last values, and no trace of the deleted key", || {
        let seen = site.read(&topic, "read_committed");
        let clean = of_key(&seen, "a") == [(last_a, Some("a2"))] && of_key(&seen, "gone").is_empty();
        // A tombstone leaves in a later pass than the one that first met it, and a pass needs something new to clean.
        if !clean {
            round += 1;
            fill(&producer, &topic, "again", 18, LONG_AGO_MS + round);
        }
        (clean && of_key(&seen, "b").last() == Some(&(last_b, Some("b2")))).then_some(())
    });
}

/// The lowest offset that is left.
fn low(site: &Site, topic: &str) -> i64 {
    site.consumer("low", &[]).fetch_watermarks(topic, 0, PATIENCE).unwrap().0
}

fn by_time(site: &Site) {
    let brief = site.topic("brief", 1, &[("retention.ms", "3600000"), SEGMENT]);
    let kept = site.topic("kept", 1, &[("retention.ms", "-1"), SEGMENT]);
    let producer = site.producer(&[]);
    for topic in [&kept, &brief] {
        fill(&producer, topic, "old", 40, LONG_AGO_MS);
    }
    let first = eventually("the oldest segments go", || Some(low(site, &brief)).filter(|low| *low > 0));
    let left = offsets(&site.read(&brief, "read_committed"));
    assert!(left.iter().all(|offset| *offset >= first), "nothing below {first}: {left:?}");
    assert_eq!(site.consumer("high", &[]).fetch_watermarks(&brief, 0, PATIENCE).unwrap().1, 40, "the end stays where it was");
    assert_eq!(offsets(&site.read(&kept, "read_committed")), (0..40).collect::<Vec<_>>(), "retention.ms -1 keeps everything");
}

fn by_size(site: &Site) {
    let topic = site.topic("t", 1, &[("retention.bytes", "2097152"), ("retention.ms", "-1"), SEGMENT]);
    fill(&site.producer(&[]), &topic, "k", 80, LONG_AGO_MS);
    let first = eventually("the oldest segments go", || Some(low(site, &topic)).filter(|low| *low >= 16));
    let left = offsets(&site.read(&topic, "read_committed"));
    assert_eq!(left.last(), Some(&79));
    assert!(left.len() >= 2_097_152 / FILL, "no more than it must: {first} is the first of {}", left.len());
}
