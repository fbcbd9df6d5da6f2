//! Settings: flags over environment over `slipstream.toml` over defaults.
//!
//! The flags here mean the same in every command. Unknown keys in the file are errors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use slipstream_streams::world::{InvalidName, World};

use crate::failure::Failure;

/// File that is read when `--config` names none.
const DEFAULT_FILE: &str = "slipstream.toml";

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
    /// Log lines as JSON instead of text
    #[arg(long, global = true, env = "SLIPSTREAM_LOG_JSON")]
    pub(crate) log_json: bool,
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
        Ok(self)
    }

    /// The bootstrap servers, which the command at hand cannot do without.
    ///
    /// # Errors
    /// None is configured.
    pub(crate) fn required_bootstrap(&self) -> Result<&str, Failure> {
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
    fn world_names_are_safe_in_topic_names() {
        assert!(world_name("jan-2008").is_ok());
        for bad in ["", "a.b", "a b", "ü", &"x".repeat(61)] {
            assert!(world_name(bad).is_err(), "{bad}");
        }
    }
}
