//! What separates a cluster from `topics.yaml`.
//!
//!     wanted ─┐
//!             ├─► plan ─► create, set │ refused, with the reason │ extra topics, never touched
//!     there ──┘
//!
//! Pure: the caller asks the cluster and carries out the changes. What a plan refuses no `apply` does.

use std::collections::BTreeMap;
use std::fmt;

use super::catalogue::Wanted;

/// A topic as a cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Name.
    pub name: String,
    /// Partitions.
    pub partitions: i32,
    /// Copies of its first partition.
    pub replication: i16,
    /// Its settings, defaults included.
    pub configs: BTreeMap<String, String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The topic does not exist.
    Create(Wanted),
    /// A setting differs.
    Set {
        /// Topic.
        topic: String,
        /// Setting.
        name: &'static str,
        /// Value there; none if the cluster did not tell.
        from: Option<String>,
        /// Value wanted.
        to: String,
    },
    /// A difference that cannot be removed while the topic has records.
    Refused {
        /// Topic.
        topic: String,
        /// What differs.
        what: &'static str,
        /// Value there.
        from: i32,
        /// Value wanted.
        to: i32,
        /// Why, and what to do.
        why: &'static str,
    },
    /// A topic that is not in the catalogue; named, never touched.
    Extra(String),
}

const KEYED: &str = "a key's partition follows from the count, so its order would break; \
    make a topic of another name, copy, and switch, or set the count in topics.yaml to what is there";
const FEWER: &str =
    "Kafka cannot take partitions away; delete and create the topic, or set the count in topics.yaml to what is there";
const REPLICAS: &str = "a replica assignment is the cluster operator's: kafka-reassign-partitions, or the Strimzi resource";

impl Change {
    /// True if the cluster is not as wanted because of it.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Extra(_))
    }

    /// True if no call can carry it out.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(wanted) => {
                write!(f, "+ {}: create with {} partitions, {} replicas", wanted.name, wanted.partitions, wanted.replication)?;
                wanted.configs.iter().try_for_each(|(name, value)| write!(f, ", {name}={value}"))
            }
            Self::Set { topic, name, from, to } => {
                write!(f, "~ {topic}: {name} {} -> {to}", from.as_deref().unwrap_or("(not told)"))
            }
            Self::Refused { topic, what, from, to, why } => write!(f, "! {topic}: {what} {from}, wanted {to}: {why}"),
            Self::Extra(topic) => write!(f, "? {topic}: not in topics.yaml, left alone"),
        }
    }
}

/// Every difference, in the order of the catalogue, extra topics last.
///
/// Topics of Kafka and of the runtime itself (`__…`, `_schemas`, `….changelog`, `….retry`) are not extra.
#[must_use]
pub fn plan(wanted: &[Wanted], existing: &[Existing]) -> Vec<Change> {
    let there: BTreeMap<&str, &Existing> = existing.iter().map(|topic| (topic.name.as_str(), topic)).collect();
    let mut changes = Vec::new();
    for topic in wanted {
        match there.get(topic.name.as_str()) {
            None => changes.push(Change::Create(topic.clone())),
            Some(found) => compare(topic, found, &mut changes),
        }
    }
    let declared = |name: &str| wanted.iter().any(|topic| topic.name == name);
    let extra = there.keys().filter(|name| !declared(name) && !belongs_to_a_system(name));
    changes.extend(extra.map(|name| Change::Extra((*name).to_owned())));
    changes
}

/// Checks that a cluster is as wanted.
///
/// # Errors
/// The differences that make it otherwise; extra topics are none.
pub fn verify(wanted: &[Wanted], existing: &[Existing]) -> Result<(), Vec<Change>> {
    let mut faults = plan(wanted, existing);
    faults.retain(Change::is_fault);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn compare(wanted: &Wanted, found: &Existing, changes: &mut Vec<Change>) {
    let mut refuse = |what, from: i32, to: i32, why| {
        if from != to {
            changes.push(Change::Refused { topic: wanted.name.clone(), what, from, to, why });
        }
    };
    let why = if found.partitions > wanted.partitions { FEWER } else { KEYED };
    refuse("partitions", found.partitions, wanted.partitions, why);
    refuse("replicas", found.replication.into(), wanted.replication.into(), REPLICAS);
    for (name, value) in &wanted.configs {
        let from = found.configs.get(*name);
        if from != Some(value) {
            changes.push(Change::Set { topic: wanted.name.clone(), name, from: from.cloned(), to: value.clone() });
        }
    }
}

fn belongs_to_a_system(name: &str) -> bool {
    name.starts_with("__") || name == "_schemas" || name.ends_with(".changelog") || name.ends_with(".retry")
}
