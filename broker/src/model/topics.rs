//! Topics: names, partition counts, settings.
//!
//! Settings are Kafka's topic configs by their Kafka names. Those that mean nothing on one node (flush, index, replication)
//! are kept and shown, so that a client finds what it set; an unknown name or an ill-typed value is refused.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Code, log::Log};

/// Partitions that one topic may have.
pub(crate) const PARTITIONS_MAX: i32 = 1_000;
/// Longest topic name.
const NAME_MAX: usize = 249;

/// A topic and its logs.
pub(crate) struct Topic {
    /// Settings that differ from the defaults.
    pub(crate) settings: Settings,
    /// One log a partition.
    pub(crate) logs: Vec<Log>,
}

impl Topic {
    /// An empty topic.
    pub(crate) fn new(name: &Arc<str>, partitions: i32, settings: Settings) -> Self {
        Self { settings, logs: (0..partitions).map(|partition| Log::new((Arc::clone(name), partition))).collect() }
    }

    /// The number of partitions.
    pub(crate) fn partitions(&self) -> i32 {
        i32::try_from(self.logs.len()).unwrap_or(i32::MAX)
    }

    /// The log of a partition.
    ///
    /// # Errors
    /// `UnknownTopicOrPartition`.
    pub(crate) fn log(&mut self, partition: i32) -> Result<(&mut Log, &Settings), Code> {
        let log = usize::try_from(partition).ok().and_then(|index| self.logs.get_mut(index));
        Ok((log.ok_or(Code::UnknownTopicOrPartition)?, &self.settings))
    }
}

/// Whether Kafka takes `name` for a topic.
pub(crate) fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= NAME_MAX && name != "." && name != ".." && name.chars().all(legal)
}

#[derive(Clone, Copy)]
enum Kind {
    Bool,
    /// A number not below.
    Int(i64),
    Ratio,
    /// A comma-separated list of these.
    List(&'static [&'static str]),
    /// One of these.
    Enum(&'static [&'static str]),
    Text,
}

/// A setting that topics have.
pub(crate) struct Known {
    /// Kafka's name.
    pub(crate) name: &'static str,
    /// Value where none is set.
    pub(crate) default: &'static str,
    kind: Kind,
}

const fn known(name: &'static str, default: &'static str, kind: Kind) -> Known {
    Known { name, default, kind }
}

const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

/// Every topic setting of Kafka 4. `segment.bytes` is 16 MiB here (Kafka: 1 GiB): closed segments are what memory lets go of.
pub(crate) const KNOWN: &[Known] = &[
    known("cleanup.policy", "delete", Kind::List(&["delete", "compact"])),
    known("compression.gzip.level", "-1", Kind::Int(-1)),
    known("compression.lz4.level", "9", Kind::Int(1)),
    known("compression.type", "producer", Kind::Enum(CODECS)),
    known("compression.zstd.level", "3", Kind::Int(-131_072)),
    known("delete.retention.ms", "86400000", Kind::Int(0)),
    known("file.delete.delay.ms", "60000", Kind::Int(0)),
    known("flush.messages", "9223372036854775807", Kind::Int(1)),
    known("flush.ms", "9223372036854775807", Kind::Int(0)),
    known("follower.replication.throttled.replicas", "", Kind::Text),
    known("index.interval.bytes", "4096", Kind::Int(0)),
    known("leader.replication.throttled.replicas", "", Kind::Text),
    known("max.compaction.lag.ms", "9223372036854775807", Kind::Int(1)),
    known("max.message.bytes", "1048588", Kind::Int(0)),
    known("message.timestamp.after.max.ms", "3600000", Kind::Int(0)),
    known("message.timestamp.before.max.ms", "9223372036854775807", Kind::Int(0)),
    known("message.timestamp.type", "CreateTime", Kind::Enum(&["CreateTime", "LogAppendTime"])),
    known("min.cleanable.dirty.ratio", "0.5", Kind::Ratio),
    known("min.compaction.lag.ms", "0", Kind::Int(0)),
    known("min.insync.replicas", "1", Kind::Int(1)),
    known("preallocate", "false", Kind::Bool),
    known("retention.bytes", "-1", Kind::Int(-1)),
    known("retention.ms", "604800000", Kind::Int(-1)),
    known("segment.bytes", "16777216", Kind::Int(14)),
    known("segment.index.bytes", "10485760", Kind::Int(4)),
    known("segment.jitter.ms", "0", Kind::Int(0)),
    known("segment.ms", "604800000", Kind::Int(1)),
    known("unclean.leader.election.enable", "false", Kind::Bool),
];

/// The settings of a topic that differ from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets a value.
    ///
    /// # Errors
    /// A sentence that names the setting and what it takes.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let known = KNOWN.iter().find(|k| k.name == name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
        if !known.kind.takes(value) {
            return Err(format!("Invalid value {value} for configuration {name}"));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Back to the default.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Whether the value was set, not defaulted.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value in force; empty for an unknown name.
    pub(crate) fn get(&self, name: &str) -> &str {
        let default = || KNOWN.iter().find(|k| k.name == name).map_or("", |k| k.default);
        self.0.get(name).map_or_else(default, String::as_str)
    }

    fn number(&self, name: &str) -> i64 {
        self.get(name).trim().parse().unwrap_or(i64::MAX)
    }

    /// A segment is closed before it grows past this.
    pub(crate) fn segment_bytes(&self) -> usize {
        usize::try_from(self.number("segment.bytes")).unwrap_or(usize::MAX)
    }

    /// A segment older than this is closed.
    pub(crate) fn segment_ms(&self) -> i64 {
        self.number("segment.ms")
    }

    /// The largest batch taken.
    pub(crate) fn max_message_bytes(&self) -> usize {
        usize::try_from(self.number("max.message.bytes")).unwrap_or(usize::MAX)
    }

    /// Records bear the time of their append.
    pub(crate) fn is_log_append_time(&self) -> bool {
        self.get("message.timestamp.type") == "LogAppendTime"
    }

    /// Whether a record stamped `timestamp` is taken at `now`.
    pub(crate) fn takes_timestamp(&self, timestamp: i64, now: i64) -> bool {
        let early = now.saturating_sub(timestamp) > self.number("message.timestamp.before.max.ms");
        let late = timestamp.saturating_sub(now) > self.number("message.timestamp.after.max.ms");
        self.is_log_append_time() || !(early || late)
    }

    /// Superseded records are cleaned away.
    pub(crate) fn is_compacted(&self) -> bool {
        self.get("cleanup.policy").contains("compact")
    }

    /// How long a record is safe from cleaning, ms.
    pub(crate) fn min_compaction_lag_ms(&self) -> i64 {
        self.number("min.compaction.lag.ms")
    }

    /// How long a tombstone stays, ms.
    pub(crate) fn delete_retention_ms(&self) -> i64 {
        self.number("delete.retention.ms")
    }

    /// How long records stay: (ms, bytes), each `None` for ever; nothing is deleted from a compact-only topic.
    pub(crate) fn retention(&self) -> (Option<i64>, Option<usize>) {
        if !self.get("cleanup.policy").contains("delete") {
            return (None, None);
        }
        let ms = Some(self.number("retention.ms")).filter(|ms| *ms >= 0);
        (ms, usize::try_from(self.number("retention.bytes")).ok())
    }
}

impl Kind {
    fn takes(self, value: &str) -> bool {
        let value = value.trim();
        match self {
            Self::Bool => matches!(value, "true" | "false"),
            Self::Int(min) => value.parse::<i64>().is_ok_and(|n| n >= min),
            Self::Ratio => value.parse::<f64>().is_ok_and(|r| (0.0..=1.0).contains(&r)),
            Self::List(names) => value.split(',').all(|item| names.contains(&item.trim())),
            Self::Enum(names) => names.contains(&value),
            Self::Text => true,
        }
    }

    /// The protocol's number for the type, as DescribeConfigs gives it.
    fn code(self) -> i8 {
        match self {
            Self::Bool => 1,
            Self::Text | Self::Enum(_) => 2,
            Self::Int(_) => 5,
            Self::Ratio => 6,
            Self::List(_) => 7,
        }
    }
}

impl Known {
    /// The protocol's number for the type of its value.
    pub(crate) fn type_code(&self) -> i8 {
        self.kind.code()
    }
}
