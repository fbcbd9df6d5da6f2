//! Worlds: a name that prefixes everything a pipeline owns on a cluster.
//!
//! A world has one kind of time. The nameless one keeps the plain names; every other prefixes its topics,
//! groups, transactional ids and changelogs, so that it can be dropped as a whole.

use crate::record::Ts;

/// Longest name: a topic name has room for 249 characters.
const NAME_LENGTH_MAX: usize = 60;

/// A world by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    name: Option<String>,
}

/// A name that cannot be part of a topic's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("world name `{0}`: 1 to {NAME_LENGTH_MAX} of a-z, A-Z, 0-9, `-` and `_`")]
pub struct InvalidName(String);

impl World {
    /// The world of this name; none for the one without prefix.
    ///
    /// # Errors
    /// The name cannot be part of a topic's name.
    pub fn new(name: Option<&str>) -> Result<Self, InvalidName> {
        let fits = |name: &str| {
            (1..=NAME_LENGTH_MAX).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        match name {
            Some(name) if !fits(name) => Err(InvalidName(name.to_owned())),
            name => Ok(Self { name: name.map(str::to_owned) }),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The cluster's name of one of the pipeline's topics.
    #[must_use]
    pub fn topic(&self, topic: &str) -> String {
        self.prefixed(topic)
    }

    /// Topic of a store's changelog.
    #[must_use]
    pub fn changelog(&self, stage: &str, store: &str) -> String {
        self.prefixed(&format!("{stage}.{store}.changelog"))
    }

    /// Consumer group of a unit.
    #[must_use]
    pub fn group(&self, unit: &str) -> String {
        self.prefixed(unit)
    }

    /// Transactional id, and group instance id, of one shard.
    #[must_use]
    pub fn member(&self, unit: &str, instance: &str, shard: usize) -> String {
        self.prefixed(&format!("{unit}.{instance}.{shard}"))
    }

    /// Transactional id of a source.
    #[must_use]
    pub fn source(&self, source: &str) -> String {
        self.prefixed(&format!("source.{source}"))
    }

    fn prefixed(&self, name: &str) -> String {
        match &self.name {
            Some(world) => format!("{world}.{name}"),
            None => name.to_owned(),
        }
    }
}

/// Key of the declaration on the progress topic.
pub const DECLARATION_KEY: &str = "world";

/// What a world is made of: who will write, and from when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Names of the sources; until each has promised something, nobody's line moves.
    pub sources: Vec<String>,
    /// No record is stamped before this.
    pub start: Ts,
    /// Whether time is the wall clock.
    pub live: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_prefixes_everything_and_none_nothing() {
        let day = World::new(Some("jan31")).unwrap_or_default();
        assert_eq!(day.topic("flight.events"), "jan31.flight.events");
        assert_eq!(day.changelog("count", "timers"), "jan31.count.timers.changelog");
        assert_eq!(day.group("flights"), "jan31.flights");
        assert_eq!(day.member("flights", "blue", 1), "jan31.flights.blue.1");
        assert_eq!(day.source("bts"), "jan31.source.bts");
        assert_eq!(World::default().topic("flight.events"), "flight.events");
    }

    #[test]
    fn a_name_that_no_topic_can_have_is_refused() {
        for name in ["", "a b", "a.b", "ä", &"x".repeat(61)] {
            assert_eq!(World::new(Some(name)), Err(InvalidName(name.to_owned())));
        }
    }
}
