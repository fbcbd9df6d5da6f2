//! Settings: flags over environment over `slipstream.toml` over defaults.
//!
//! The flags here mean the same in every command. Unknown keys in the file are errors. What a client of Kafka can be told
//! goes to it under librdkafka's own names, as `[kafka]` in the file or `SLIPSTREAM_KAFKA_…`:
//!
//! ```toml
//! [kafka]
//! "security.protocol" = "SASL_SSL"
//! "sasl.mechanism" = "SCRAM-SHA-512"
//! "sasl.username" = "app"      # SLIPSTREAM_KAFKA_SASL_USERNAME
//! "ssl.ca.location" = "/etc/kafka/ca.pem"
//! [registry-auth]
//! user = "app"                 # SLIPSTREAM_REGISTRY_USER, SLIPSTREAM_REGISTRY_PASSWORD
//! ```
//!
//! Their values are never shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use slipstream_processors::truth::rules::Rules;
use slipstream_processors::truth::trust::TrustTable;
use slipstream_producers::live::briefing::Briefing;
use slipstream_producers::live::config::Sources;
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::firehose::Firehose;
use slipstream_producers::live::push::Push;
use slipstream_producers::live::shared::{CALL_MAX, Shared};
use slipstream_producers::live::weather_settings::WeatherSettings;
use slipstream_schemas::registry::Registry;
use slipstream_streams::kafka::Connection;
use slipstream_streams::world::{InvalidName, World};

use crate::callbacks::Courier;
use crate::commands::providers::clock;
use crate::failure::Failure;
use crate::http::ApiToken;
use crate::webhook::{self, Webhooks};

/// File that is read when `--config` names none.
const DEFAULT_FILE: &str = "slipstream.toml";

/// What the environment's names of client settings begin with.
const KAFKA_PREFIX: &str = "SLIPSTREAM_KAFKA_";

/// Flags that every command knows.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Flags {
    /// Name of a recorded world; prefixes its topics and groups. Without it: the live world
    #[arg(long, global = true, value_name = "NAME", value_parser = world_name)]
    pub(crate) world: Option<String>,
    /// Kafka bootstrap servers, HOST:PORT[,…]
    #[arg(long, global = true, value_name = "HOST:PORT", env = "SLIPSTREAM_BOOTSTRAP")]
    pub(crate) bootstrap: Option<String>,
    /// Schema registry
    #[arg(long, global = true, value_name = "URL", env = "SLIPSTREAM_REGISTRY")]
    pub(crate) registry: Option<String>,
    /// Directory of local state: stores and the instance's name
    #[arg(long, global = true, value_name = "DIR", env = "SLIPSTREAM_STATE")]
    pub(crate) state: Option<PathBuf>,
    /// Address of API, metrics and console
    #[arg(long, global = true, value_name = "ADDR", env = "SLIPSTREAM_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Settings file
    #[arg(long, global = true, value_name = "FILE", env = "SLIPSTREAM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Trust tables of sources, as `sources learn` makes them; each is read from its effective instant on
    #[arg(long, global = true, value_name = "FILE,…", env = "SLIPSTREAM_TRUST", value_delimiter = ',')]
    pub(crate) trust: Vec<PathBuf>,
    /// How differing sources are reconciled, field by field: a table field,mode (PRIORITY, AUTOMATIC, MANUAL, LEARNED)
    #[arg(long, global = true, value_name = "FILE", env = "SLIPSTREAM_MODES")]
    pub(crate) modes: Option<PathBuf>,
    /// Log lines as JSON instead of text
    #[arg(long, global = true, env = "SLIPSTREAM_LOG_JSON")]
    pub(crate) log_json: bool,
    /// Settings of librdkafka by their own names: from `[kafka]` and `SLIPSTREAM_KAFKA_…`
    #[arg(skip)]
    kafka: Secrets,
    /// `user` and `password` of the registry: from `[registry-auth]` and `SLIPSTREAM_REGISTRY_…`
    #[arg(skip)]
    registry_auth: Secrets,
    /// Providers of flight data: from `[sources]`; their keys come from the environment alone
    #[arg(skip)]
    sources: Sources,
    /// Providers of weather reports: from `[weather]`
    #[arg(skip)]
    weather: WeatherSettings,
    /// The gates of webhooks: from `[webhooks]`; their secrets come from the environment alone
    #[arg(skip)]
    webhooks: webhook::Settings,
}

/// Settings of which only the names are ever shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A schema registry, and as whom to ask it.
#[derive(Debug, Clone)]
pub(crate) struct RegistryAccess {
    url: String,
    auth: Secrets,
}

impl RegistryAccess {
    /// A registry that asks nobody who he is.
    pub(crate) fn open(url: &str) -> Self {
        Self { url: url.to_owned(), auth: Secrets::default() }
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Registry {
        let auth = |name| self.auth.0.get(name).map(String::as_str);
        match auth("user") {
            Some(user) => Registry::new(&self.url).as_user(user, auth("password").unwrap_or_default()),
            None => Registry::new(&self.url),
        }
    }
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    bootstrap: Option<String>,
    registry: Option<String>,
    state: Option<PathBuf>,
    listen: Option<SocketAddr>,
    world: Option<String>,
    trust: Vec<PathBuf>,
    modes: Option<PathBuf>,
    kafka: Secrets,
    #[serde(rename = "registry-auth")]
    registry_auth: Secrets,
    sources: Sources,
    weather: WeatherSettings,
    webhooks: webhook::Settings,
}

impl Flags {
    /// Fills what flags and environment leave open from the settings file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown key.
    pub(crate) fn resolve(mut self) -> Result<Self, Failure> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None if Path::new(DEFAULT_FILE).exists() => read(Path::new(DEFAULT_FILE))?,
            None => File::default(),
        };
        if let Some(world) = &file.world {
            world_name(world).map_err(|e| Failure::usage(format_args!("world: {e}")))?;
        }
        self.bootstrap = self.bootstrap.or(file.bootstrap);
        self.registry = self.registry.or(file.registry);
        self.state = self.state.or(file.state);
        self.listen = self.listen.or(file.listen);
        self.world = self.world.or(file.world);
        self.modes = self.modes.or(file.modes);
        if self.trust.is_empty() {
            self.trust = file.trust;
        }
        self.kafka = file.kafka;
        self.registry_auth = file.registry_auth;
        let environment = |name: &str| std::env::var(name).ok();
        self.sources = file.sources.with_environment(&environment).map_err(Failure::usage)?;
        self.weather = file.weather;
        self.webhooks = file.webhooks;
        if let Some(unknown) = self.registry_auth.0.keys().find(|name| !["user", "password"].contains(&name.as_str())) {
            return Err(Failure::usage(format_args!("registry-auth: `{unknown}` is none of user, password")));
        }
        self.take_environment(std::env::vars());
        Ok(self)
    }

    /// `SLIPSTREAM_KAFKA_SASL_USERNAME` is `sasl.username`; an empty value is none.
    fn take_environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
            if let Some(property) = name.strip_prefix(KAFKA_PREFIX) {
                self.kafka.0.insert(property.to_ascii_lowercase().replace('_', "."), value);
            } else if name == "SLIPSTREAM_REGISTRY_USER" {
                self.registry_auth.0.insert("user".to_owned(), value);
            } else if name == "SLIPSTREAM_REGISTRY_PASSWORD" {
                self.registry_auth.0.insert("password".to_owned(), value);
            }
        }
    }

    /// These flags in the only world of a dev broker, which asks nobody who he is.
    pub(crate) fn on_dev_broker(self, bootstrap: String, registry: String) -> Self {
        let (kafka, registry_auth) = (Secrets::default(), Secrets::default());
        Self { bootstrap: Some(bootstrap), registry: Some(registry), world: None, kafka, registry_auth, ..self }
    }

    /// The files of [`Flags::rules`], for the identity of a run; empty where none is set.
    pub(crate) fn rules_named(&self) -> String {
        if self.trust.is_empty() && self.modes.is_none() {
            return String::new();
        }
        format!(" trust={:?} modes={:?}", self.trust, self.modes)
    }

    /// By what rules sources are reconciled.
    ///
    /// # Errors
    /// A table cannot be read, with its line.
    pub(crate) fn rules(&self) -> Result<Rules, Failure> {
        let text =
            |path: &PathBuf| std::fs::read_to_string(path).map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())));
        let table =
            |path: &PathBuf| TrustTable::parse(&text(path)?).map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())));
        let rules = Rules::default().with_trust(self.trust.iter().map(table).collect::<Result<Vec<_>, _>>()?);
        let Some(path) = &self.modes else { return Ok(rules) };
        let modes = Rules::modes(&text(path)?).map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())))?;
        Ok(rules.with_modes(modes))
    }

    /// How to reach Kafka, which the command at hand cannot do without.
    ///
    /// # Errors
    /// No cluster is configured, or a setting of the client that is not free.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        let plain = Connection::plain(self.required_bootstrap()?);
        let with = |connection: Connection, (name, value): (&String, &String)| connection.with(name, value);
        self.kafka.0.iter().try_fold(plain, with).map_err(|e| Failure::usage(format_args!("kafka: {e}")))
    }

    /// How to reach the registry, which the command at hand cannot do without.
    ///
    /// # Errors
    /// None is configured.
    pub(crate) fn registry_access(&self) -> Result<RegistryAccess, Failure> {
        let url = self.registry.clone().ok_or_else(|| {
            Failure::usage("no schema registry: give --registry URL or set SLIPSTREAM_REGISTRY; `slipstream broker` starts one")
        })?;
        Ok(RegistryAccess { url, auth: self.registry_auth.clone() })
    }

    /// The providers and how they are asked.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// A desk that asks the configured providers; none where none is configured.
    ///
    /// # Errors
    /// One of them lacks its key, or has an address that is none.
    pub(crate) fn desk(&self) -> Result<Option<Desk>, Failure> {
        if self.sources.asked() == 0 {
            return Ok(None);
        }
        let environment = |name: &str| std::env::var(name).ok();
        self.sources.desk(&environment, &clock()).map(Some).map_err(Failure::usage)
    }

    /// The stream among the providers; none where none is configured.
    ///
    /// # Errors
    /// It lacks its login, or has a setting that is none.
    pub(crate) fn firehose(&self) -> Result<Option<Firehose>, Failure> {
        self.sources.firehose(&|name: &str| std::env::var(name).ok(), &clock()).map_err(Failure::usage)
    }

    /// The push among the providers; none where none is configured.
    ///
    /// # Errors
    /// It lacks its login, or has a setting that is none.
    pub(crate) fn push(&self) -> Result<Option<Push>, Failure> {
        self.sources.push(&|name: &str| std::env::var(name).ok(), &clock()).map_err(Failure::usage)
    }

    /// Who is asked for weather; none where nobody is configured.
    ///
    /// # Errors
    /// One of them lacks its key, or has an address that is none.
    pub(crate) fn briefing(&self) -> Result<Option<Briefing>, Failure> {
        self.weather.briefing(&|name: &str| std::env::var(name).ok(), &clock()).map_err(Failure::usage)
    }

    /// Providers shared with other processes through the Redis of `REDIS_URL`; none where it is not set, or nobody is to be asked. Wants
    /// tokio around it.
    ///
    /// # Errors
    /// It is no address of a Redis.
    pub(crate) fn shared(&self) -> Result<Option<Arc<Shared>>, Failure> {
        let is_any = !self.sources.providers.is_empty() || !self.weather.providers.is_empty();
        let url = std::env::var("REDIS_URL").ok().filter(|url| !url.is_empty() && is_any);
        url.map(|url| Shared::new(&url, CALL_MAX).map(Arc::new)).transpose().map_err(Failure::usage)
    }

    /// The gates of webhooks.
    ///
    /// # Errors
    /// A secret is too short to be one.
    pub(crate) fn webhooks(&self) -> Result<Webhooks, Failure> {
        Webhooks::new(self.webhooks.clone(), &|name: &str| std::env::var(name).ok())
    }

    /// Who posts events to those who have registered for them; none where nobody has.
    ///
    /// # Errors
    /// There is no secret to sign with, or an address is not allowed.
    pub(crate) fn courier(&self) -> Result<Option<Courier>, Failure> {
        webhook::courier(&self.webhooks, &|name: &str| std::env::var(name).ok())
    }

    /// Who may decide over HTTP: those on this machine, or who knows the token of `SLIPSTREAM_API_TOKEN`.
    pub(crate) fn api_token(&self) -> ApiToken {
        ApiToken::new(std::env::var("SLIPSTREAM_API_TOKEN").ok())
    }

    /// The bootstrap servers, which the command at hand cannot do without.
    ///
    /// # Errors
    /// None is configured.
    fn required_bootstrap(&self) -> Result<&str, Failure> {
        self.bootstrap.as_deref().ok_or_else(|| {
            Failure::usage("no Kafka cluster: give --bootstrap HOST:PORT or set SLIPSTREAM_BOOTSTRAP; `slipstream broker` starts a dev broker")
        })
    }
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())))?;
    toml::from_str(&text).map_err(|e| Failure::usage(format_args!("{}: {e}", path.display())))
}

/// A world's name, as the runtime allows it.
fn world_name(text: &str) -> Result<String, InvalidName> {
    World::new(Some(text)).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_key_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.toml");
        std::fs::write(&path, "bootstrap = \"a:1\"\nbotstrap = \"b:2\"\n").unwrap();
        let flags = Flags { config: Some(path), ..Flags::default() };
        assert!(flags.resolve().unwrap_err().to_string().contains("botstrap"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.toml");
        std::fs::write(&path, "bootstrap = \"file:1\"\nregistry = \"http://file\"\n").unwrap();
        let flags = Flags { config: Some(path), bootstrap: Some("flag:1".to_owned()), ..Flags::default() };
        let settings = flags.resolve().unwrap();
        assert_eq!(settings.bootstrap.as_deref(), Some("flag:1"));
        assert_eq!(settings.registry.as_deref(), Some("http://file"));
    }

    #[test]
    fn client_settings_come_from_file_and_environment_and_are_not_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.toml");
        std::fs::write(&path, "[kafka]\n\"sasl.username\" = \"file\"\n\"sasl.password\" = \"hush-hush\"\n").unwrap();
        let flags = Flags { config: Some(path), bootstrap: Some("a:1".to_owned()), ..Flags::default() };
        let mut settings = flags.resolve().unwrap();
        let variable = ("SLIPSTREAM_KAFKA_SASL_USERNAME".to_owned(), "environment".to_owned());
        settings.take_environment([variable].into_iter());
        let client = settings.connection().unwrap().client();
        assert_eq!((client.get("sasl.username"), client.get("sasl.password")), (Some("environment"), Some("hush-hush")));
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn a_setting_that_exactly_once_depends_on_is_refused_by_name() {
        let mut settings = Flags { bootstrap: Some("a:1".to_owned()), ..Flags::default() };
        let variable = ("SLIPSTREAM_KAFKA_ISOLATION_LEVEL".to_owned(), "read_uncommitted".to_owned());
        settings.take_environment([variable].into_iter());
        assert!(settings.connection().unwrap_err().to_string().contains("`isolation.level`"));
    }

    #[test]
    fn world_names_are_safe_in_topic_names() {
        assert!(world_name("jan-2008").is_ok());
        for bad in ["", "a.b", "a b", "ü", &"x".repeat(61)] {
            assert!(world_name(bad).is_err(), "{bad}");
        }
    }
}
