//! `topics.yaml` as values: read, checked, and turned into what a cluster is asked for.
//!
//!     topics.yaml ─► parse (topic and field named in every error) ─► validate ─► Catalogue ─► Wanted, by world
//!
//! The file of this version is compiled in; another can be given, for a cluster with other counts. Knows
//! nothing of who is connected to what: see `plan` for the comparison with a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_yaml_ng::{Mapping, Value};

use crate::records;

/// The catalogue of this version, as it stands in the repository's root.
pub const TOPICS_YAML: &str = include_str!("../../../topics.yaml");

/// Most partitions that a topic may be given.
const PARTITIONS_MAX: i32 = 1000;
/// Longest topic name that Kafka takes, in characters.
const NAME_MAX: usize = 249;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What is wrong in a catalogue, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topics.yaml, {place}, field `{field}`: {problem}")]
pub struct CatalogueError {
    /// ``topic `flight.events` ``, ``key `leg` ``, or the file.
    pub place: String,
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a key means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Name, such as `leg`.
    pub name: String,
    /// Partitions of every joinable topic with this key.
    pub partitions: i32,
    /// One key as it stands on records.
    pub example: String,
    /// What it stands for.
    pub meaning: String,
}

/// How a topic forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// By age.
    Delete,
    /// All but the last record of each key.
    Compact,
}

/// Who may rely on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everyone; it changes only compatibly.
    Public,
    /// The pipeline alone.
    Internal,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Name, without a world's prefix.
    pub name: String,
    /// Name of its [`Key`].
    pub key: String,
    /// Partitions.
    pub partitions: i32,
    /// Read alone, never joined: its count may differ from its key's.
    pub outlet: bool,
    /// Days for which records are kept in the live world; none for a compacted topic.
    pub retention_days: Option<i64>,
    /// Copies of each partition, 2 or 3, where the cluster has as many brokers.
    pub replication: i16,
    /// `lz4` or `gzip`.
    pub compression: String,
    /// Largest batch of records, MiB: 1, 2 or 5.
    pub max_message_mb: i64,
    /// How it forgets.
    pub cleanup: Cleanup,
    /// Who may rely on it.
    pub visibility: Visibility,
    /// Avro records that may stand on it.
    pub schemas: Vec<String>,
    /// Stages, `producers` or `runtime`.
    pub writers: Vec<String>,
    /// Stages or `runtime`.
    pub readers: Vec<String>,
    /// One sentence.
    pub description: String,
}

/// Every topic, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// Keys, in the order of the file.
    pub keys: Vec<Key>,
    /// Topics, in the order of the file.
    pub topics: Vec<Topic>,
}

/// A world, as far as topics differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World<'n> {
    /// Wall time, contract retention, names as in the file.
    Live,
    /// Time comes with the records: nothing expires by it, and names carry the world's, `NAME.topic`, where there is one.
    Recorded(Option<&'n str>),
}

/// A topic as a cluster should have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name on the cluster.
    pub name: String,
    /// Partitions.
    pub partitions: i32,
    /// Copies of each partition.
    pub replication: i16,
    /// Topic settings that differ from a broker's defaults, or must not depend on them.
    pub configs: BTreeMap<&'static str, String>,
}

impl Catalogue {
    /// The catalogue of this version.
    ///
    /// # Errors
    /// The compiled-in file is wrong; a test excludes it.
    pub fn of_this_version() -> Result<Self, CatalogueError> {
        Self::parse(TOPICS_YAML)
    }

    /// Reads and checks a catalogue.
    ///
    /// # Errors
    /// The first fault, with its topic or key and field.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let file: Mapping = serde_yaml_ng::from_str(text).map_err(|e| fault("the file", "", &e.to_string()))?;
        let file = Fields { place: "the file".to_owned(), map: &file };
        file.only(&["keys", "topics"])?;
        let keys = file.get("keys")?.as_mapping().ok_or_else(|| file.wrong("keys", "is not a mapping"))?;
        let topics = file.get("topics")?.as_sequence().ok_or_else(|| file.wrong("topics", "is not a list"))?;
        let catalogue = Self {
            keys: keys.iter().map(|(name, value)| key(name, value)).collect::<Result<_, _>>()?,
            topics: topics.iter().enumerate().map(|(index, value)| topic(index, value)).collect::<Result<_, _>>()?,
        };
        catalogue.validate()?;
        Ok(catalogue)
    }

    /// The topic of that name.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The topics as a cluster of `brokers` brokers should have them.
    #[must_use]
    pub fn wanted(&self, world: World<'_>, brokers: i16) -> Vec<Wanted> {
        self.topics.iter().map(|topic| topic.wanted(world, brokers)).collect()
    }

    fn validate(&self) -> Result<(), CatalogueError> {
        let mut names = BTreeSet::new();
        let known: BTreeSet<&str> = records::schemas().iter().map(|(name, _)| *name).collect();
        for topic in &self.topics {
            let wrong = |field: &str, problem: String| Err(fault(&place(&topic.name), field, &problem));
            if !names.insert(&topic.name) {
                return wrong("name", "stands twice".to_owned());
            }
            let Some(key) = self.keys.iter().find(|key| key.name == topic.key) else {
                return wrong("key", format!("`{}` is not under `keys`", topic.key));
            };
            if !topic.outlet && topic.partitions != key.partitions {
                let (have, want) = (topic.partitions, key.partitions);
                return wrong("partitions", format!("{have}, but joinable topics with key `{}` have {want}", key.name));
            }
            if let Some(unknown) = topic.schemas.iter().find(|schema| !known.contains(schema.as_str())) {
                return wrong("schemas", format!("`{unknown}` is no record of ours"));
            }
            if topic.writers.is_empty() {
                return wrong("writers", "is empty: nothing could ever stand on the topic".to_owned());
            }
            if (topic.cleanup == Cleanup::Delete) != topic.retention_days.is_some() {
                return wrong("retention_days", "is for topics with `cleanup: delete`, and they need it".to_owned());
            }
        }
        Ok(())
    }
}

impl Topic {
    /// As a cluster of `brokers` brokers should have it.
    #[must_use]
    pub fn wanted(&self, world: World<'_>, brokers: i16) -> Wanted {
        let replication = self.replication.min(brokers).max(1);
        let mut configs = BTreeMap::from([
            ("compression.type", self.compression.clone()),
            ("max.message.bytes", (self.max_message_mb << 20).to_string()),
            ("min.insync.replicas", (replication - 1).max(1).to_string()),
            ("message.timestamp.type", "CreateTime".to_owned()),
        ]);
        configs.insert("cleanup.policy", self.cleanup.to_string());
        let retention = self.retention_days.filter(|_| world == World::Live).map_or(-1, |days| days * DAY_MS);
        configs.insert("retention.ms", retention.to_string());
        if world != World::Live {
            // A broker refuses stamps an hour ahead of its own clock; a recorded world has its own time.
            configs.insert("message.timestamp.after.max.ms", i64::MAX.to_string());
        }
        Wanted { name: world.name_of(&self.name), partitions: self.partitions, replication, configs }
    }
}

impl World<'_> {
    /// A topic's name in this world.
    #[must_use]
    pub fn name_of(self, topic: &str) -> String {
        match self {
            Self::Recorded(Some(world)) => format!("{world}.{topic}"),
            Self::Recorded(None) | Self::Live => topic.to_owned(),
        }
    }
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
        })
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Internal => "internal",
        })
    }
}

fn place(topic: &str) -> String {
    format!("topic `{topic}`")
}

fn fault(place: &str, field: &str, problem: &str) -> CatalogueError {
    CatalogueError { place: place.to_owned(), field: field.to_owned(), problem: problem.to_owned() }
}

fn key(name: &Value, value: &Value) -> Result<Key, CatalogueError> {
    let name = name.as_str().ok_or_else(|| fault("the file", "keys", "has a name that is not text"))?;
    let place = format!("key `{name}`");
    let map = value.as_mapping().ok_or_else(|| fault(&place, "", "is not a mapping"))?;
    let fields = Fields { place, map };
    fields.only(&["partitions", "example", "meaning"])?;
    Ok(Key {
        name: name.to_owned(),
        partitions: fields.partitions()?,
        example: fields.text("example")?,
        meaning: fields.text("meaning")?,
    })
}

const TOPIC_FIELDS: &[&str] = &[
    "name",
    "key",
    "partitions",
    "outlet",
    "retention_days",
    "replication",
    "compression",
    "max_message_mb",
    "cleanup",
    "visibility",
    "schemas",
    "writers",
    "readers",
    "description",
];

fn topic(index: usize, value: &Value) -> Result<Topic, CatalogueError> {
    let nth = format!("topic {} of the list", index + 1);
    let map = value.as_mapping().ok_or_else(|| fault(&nth, "", "is not a mapping"))?;
    let name = Fields { place: nth, map }.topic_name()?;
    let fields = Fields { place: place(&name), map };
    fields.only(TOPIC_FIELDS)?;
    Ok(Topic {
        key: fields.text("key")?,
        partitions: fields.partitions()?,
        outlet: fields.flag("outlet")?,
        retention_days: fields.optional_number("retention_days", &(1..=3650))?,
        replication: fields.number("replication", &(2..=3))? as i16,
        compression: (*fields.one_of("compression", &[("lz4", "lz4"), ("gzip", "gzip")])?).to_owned(),
        max_message_mb: *fields.one_of("max_message_mb", &[("1", 1), ("2", 2), ("5", 5)])?,
        cleanup: *fields.one_of("cleanup", &[("delete", Cleanup::Delete), ("compact", Cleanup::Compact)])?,
        visibility: *fields.one_of("visibility", &[("public", Visibility::Public), ("internal", Visibility::Internal)])?,
        schemas: fields.list("schemas")?,
        writers: fields.list("writers")?,
        readers: fields.list("readers")?,
        description: fields.text("description")?,
        name,
    })
}

/// The fields of one mapping, each read with its place for the error.
struct Fields<'y> {
    place: String,
    map: &'y Mapping,
}

impl<'y> Fields<'y> {
    fn wrong(&self, field: &str, problem: &str) -> CatalogueError {
        fault(&self.place, field, problem)
    }

    fn only(&self, known: &[&str]) -> Result<(), CatalogueError> {
        let unknown = self.map.keys().find(|name| !name.as_str().is_some_and(|name| known.contains(&name)));
        match unknown {
            None => Ok(()),
            Some(name) => Err(self.wrong(name.as_str().unwrap_or("?"), &format!("is unknown; known are {}", known.join(", ")))),
        }
    }

    fn get(&self, field: &str) -> Result<&'y Value, CatalogueError> {
        self.map.get(field).ok_or_else(|| self.wrong(field, "is missing"))
    }

    fn text(&self, field: &str) -> Result<String, CatalogueError> {
        match self.get(field)?.as_str() {
            Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
            _ => Err(self.wrong(field, "is not text")),
        }
    }

    fn topic_name(&self) -> Result<String, CatalogueError> {
        let name = self.text("name")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if name.len() <= NAME_MAX && name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_lowercase()) {
            Ok(name)
        } else {
            Err(self.wrong("name", &format!("`{name}` is not lower-case letters, digits, dots and hyphens, at most {NAME_MAX}")))
        }
    }

    fn number(&self, field: &str, range: &std::ops::RangeInclusive<i64>) -> Result<i64, CatalogueError> {
        let value = self.get(field)?.as_i64().filter(|value| range.contains(value));
        value.ok_or_else(|| self.wrong(field, &format!("is not a number from {} to {}", range.start(), range.end())))
    }

    fn optional_number(&self, field: &str, range: &std::ops::RangeInclusive<i64>) -> Result<Option<i64>, CatalogueError> {
        if self.map.contains_key(field) { self.number(field, range).map(Some) } else { Ok(None) }
    }

    fn partitions(&self) -> Result<i32, CatalogueError> {
        Ok(self.number("partitions", &(1..=i64::from(PARTITIONS_MAX)))? as i32)
    }

    fn flag(&self, field: &str) -> Result<bool, CatalogueError> {
        match self.map.get(field) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(field, "is not true or false")),
        }
    }

    fn one_of<'c, T>(&self, field: &str, choices: &'c [(&str, T)]) -> Result<&'c T, CatalogueError> {
        let value = self.get(field)?;
        let text = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()));
        let found = text.and_then(|text| choices.iter().find(|(name, _)| *name == text));
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.map(|(_, choice)| choice).ok_or_else(|| self.wrong(field, &format!("is none of {}", names())))
    }

    fn list(&self, field: &str) -> Result<Vec<String>, CatalogueError> {
        let values = self.get(field)?.as_sequence().ok_or_else(|| self.wrong(field, "is not a list"))?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(field, "has an entry that is not text"));
        values.iter().map(text).collect()
    }
}
