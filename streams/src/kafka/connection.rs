//! How to reach a cluster, and the settings of librdkafka that exactly-once needs.

use std::time::Duration;

use rdkafka::ClientConfig;

/// Age at which the coordinator aborts the transaction of a dead owner.
pub(super) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// What only this module decides, because exactly once depends on it.
const OWNED: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "partition.assignment.strategy",
    "partitioner",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Other names that librdkafka has for a setting (`CONFIGURATION.md`, "Alias for"), before the one that is used here. Of two names
/// with two values the last one set would count, and a configuration has no order.
const ALIASES: &[(&str, &str)] = &[
    ("auto.commit.enable", "enable.auto.commit"),
    ("compression.codec", "compression.type"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
];

/// How to reach a cluster, and as whom. Shown without the values of its properties: passwords are among them.
#[derive(Clone, Default)]
pub struct Connection {
    bootstrap: String,
    properties: Vec<(String, String)>,
}

/// A property that is not anybody's to choose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is decided by the runtime, because exactly once depends on it")]
pub struct OwnedProperty(String);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Connection").field("bootstrap", &self.bootstrap).field("properties", &names).finish()
    }
}

impl Connection {
    /// A cluster without encryption.
    #[must_use]
    pub fn plain(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), properties: Vec::new() }
    }

    /// With a further setting of librdkafka by any of its names, such as those of TLS, SASL and compression; the last value counts.
    ///
    /// # Errors
    /// Exactly once depends on it, so it is not free.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, OwnedProperty> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, used)| used);
        if OWNED.contains(&name) {
            return Err(OwnedProperty(name.to_owned()));
        }
        self.properties.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// `host:port[,…]`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Settings that every client of this cluster shares.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.nagle.disable", "true")
            .set("allow.auto.create.topics", "false")
            .set("log.connection.close", "false")
            // How long partitions may be added, a topic made anew, or a leader moved, before it is noticed; by default 5 minutes.
            .set("topic.metadata.refresh.interval.ms", "10000");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "range")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error");
        self.prefer(
            config,
            &[
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "500"),
                // The longest call takes 40 s, a restore polls; for so long, too, a group waits for a member that does not join
                // again. By default 5 minutes.
                ("max.poll.interval.ms", "60000"),
                ("fetch.queue.backoff.ms", "5"),
                ("fetch.wait.max.ms", "100"),
                // What is read ahead: 70 ms of a full core at 1 KiB. What is queued is counted without librdkafka's 0.5 KiB a record, so
                // records are counted, too, and an answer is half as long: as fast, and with small records a seventh less memory.
                ("queued.max.messages.kbytes", "8192"),
                ("queued.min.messages", "20000"),
                ("max.partition.fetch.bytes", "524288"),
            ],
        )
    }

    pub(super) fn producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string())
            .set("acks", "all")
            .set("partitioner", "murmur2_random");
        self.prefer(
            config,
            &[
                ("linger.ms", "0.3"),
                ("compression.type", "lz4"),
                // Above every limit of a topic: the broker knows those, and says which record it does not take.
                ("message.max.bytes", "6291456"),
                ("queue.buffering.max.messages", "1000000"),
                ("queue.buffering.max.kbytes", "262144"),
            ],
        )
    }

    /// Sets what the properties leave open.
    fn prefer(&self, mut config: ClientConfig, settings: &[(&str, &str)]) -> ClientConfig {
        for (name, value) in settings {
            if !self.properties.iter().any(|(set, _)| set == name) {
                config.set(*name, *value);
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exactly_once_needs_is_not_free_and_the_rest_is() {
        let connection = Connection::plain("a:1");
        assert_eq!(connection.clone().with("isolation.level", "x").unwrap_err(), OwnedProperty("isolation.level".to_owned()));
        let connection = connection.with("compression.type", "none").unwrap();
        assert_eq!(connection.producer("id").get("compression.type"), Some("none"));
        assert_eq!(connection.producer("id").get("linger.ms"), Some("0.3"));
    }

    #[test]
    fn a_setting_by_its_other_name_is_the_same_setting() {
        for (alias, name) in ALIASES {
            let value = if name.ends_with("commit") { "false" } else { "1" };
            match Connection::plain("a:1").with(alias, value) {
                Ok(connection) => {
                    let set = [connection.consumer("group"), connection.producer("id")].map(|c| c.get(name) == Some(value));
                    assert_eq!(set, [true, true], "{alias}");
                }
                Err(owned) => assert_eq!(owned, OwnedProperty((*name).to_owned())),
            }
        }
        assert!(Connection::plain("a:1").with("metadata.broker.list", "b:1").is_err());
    }

    #[test]
    fn the_other_names_are_those_of_librdkafka() {
        for (alias, name) in ALIASES.iter().filter(|(_, name)| *name != "enable.auto.commit") {
            let value = if *name == "compression.type" { "gzip" } else { "7" };
            let native = ClientConfig::new().set(*alias, value).create_native_config().unwrap();
            assert!(native.get(name).unwrap().starts_with(value), "{alias} is not {name}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let connection = Connection::plain("a:1").with("sasl.password", "hush-hush").unwrap();
        let shown = format!("{connection:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hush"), "{shown}");
    }
}
