//! A cluster for tests of the program: the dev broker in a process of its own, or the Apache Kafka that was started for them.

#![allow(dead_code, clippy::unwrap_used, reason = "tests use parts of it and may stop at the first surprise")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Running, slipstream};

/// A cluster to play on: addresses of Kafka and registry, and what keeps them alive.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) registry: String,
    _broker: Option<Running>,
}

pub(crate) fn dev_broker() -> Cluster {
    let mut child = slipstream(&["broker"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = || lines.next().unwrap().unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let (bootstrap, registry) = (address(), address());
    Cluster { bootstrap, registry, _broker: Some(Running(child)) }
}

/// Apache Kafka, with the registry of a dev broker beside it; none where no Kafka was started for the tests.
pub(crate) fn kafka() -> Option<Cluster> {
    let Ok(bootstrap) = std::env::var("SLIPSTREAM_TEST_KAFKA") else {
        assert!(std::env::var_os("CI").is_none(), "CI must run this on Apache Kafka: SLIPSTREAM_TEST_KAFKA is not set");
        eprintln!("skipped: SLIPSTREAM_TEST_KAFKA is not set; deploy/local/with-services.sh sets it");
        return None;
    };
    Some(Cluster { bootstrap, ..dev_broker() })
}

impl Cluster {
    /// Servers that somebody else keeps alive.
    pub(crate) fn at(bootstrap: String, registry: String) -> Self {
        Self { bootstrap, registry, _broker: None }
    }

    pub(crate) fn command(&self, world: &str, arguments: &[&str]) -> Command {
        let mut command = slipstream(arguments);
        command.args(["--world", world, "--bootstrap", &self.bootstrap, "--registry", &self.registry]);
        command
    }

    pub(crate) fn start(&self, world: &str, arguments: &[&str], topics: Option<&Path>) -> Running {
        let mut command = self.command(world, arguments);
        if let Some(path) = topics {
            command.env("SLIPSTREAM_TOPICS", path);
        }
        Running(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
    }
}
