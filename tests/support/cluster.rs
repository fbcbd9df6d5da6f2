//! A cluster for tests of the program: the dev broker in a process of its own, the Apache Kafka that was started for them, or
//! three nodes of it that a test may end and cut off.

#![allow(dead_code, clippy::unwrap_used, reason = "tests use parts of it and may stop at the first surprise")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Running, scratch, slipstream};

/// A cluster to play on: addresses of Kafka and registry, and what keeps them alive.
pub(crate) struct Cluster {
    pub(crate) bootstrap: String,
    pub(crate) registry: String,
    /// Another catalogue than topics.yaml.
    pub(crate) topics: Option<PathBuf>,
    _broker: Option<Running>,
}

pub(crate) fn dev_broker() -> Cluster {
    let mut child = slipstream(&["broker"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = || lines.next().unwrap().unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let (bootstrap, registry) = (address(), address());
    Cluster { bootstrap, registry, topics: None, _broker: Some(Running(child)) }
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
        Self { bootstrap, registry, topics: None, _broker: None }
    }

    pub(crate) fn command(&self, world: &str, arguments: &[&str]) -> Command {
        self.command_by(&self.bootstrap, world, arguments)
    }

    fn command_by(&self, bootstrap: &str, world: &str, arguments: &[&str]) -> Command {
        let mut command = slipstream(arguments);
        command.args(["--world", world, "--bootstrap", bootstrap, "--registry", &self.registry]);
        command.envs(self.topics.iter().map(|path| ("SLIPSTREAM_TOPICS", path)));
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

/// Three nodes of Apache Kafka, ended with the value. A client may come by a link of its own, which can be cut to each node.
pub(crate) struct Three {
    pub(crate) cluster: Cluster,
    folder: TempDir,
    /// Bootstrap addresses by link.
    links: Vec<String>,
}

/// How many nodes [`Three`] has.
pub(crate) const NODES: usize = 3;

impl Three {
    /// Starts the nodes with so many links; none where no Kafka was started for the tests.
    pub(crate) fn start(links: usize) -> Option<Self> {
        let cluster = kafka()?;
        // From here on a panic ends what the script has started.
        let mut three = Self { cluster, folder: scratch(), links: Vec::new() };
        let output = three.script(&["start"]).env("LINKS", links.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().clone_into(&mut three.cluster.bootstrap);
        let lines = std::fs::read_to_string(three.folder.path().join("links")).unwrap();
        three.cluster.topics = Some(few_partitions(three.folder.path()));
        three.links = lines.lines().map(str::to_owned).collect();
        Some(three)
    }

    fn script(&self, words: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/local/three.sh"));
        command.arg(words[0]).arg(self.folder.path()).args(&words[1..]).stdin(Stdio::null());
        command
    }

    fn of_node(&self, node: usize, file: &str) -> PathBuf {
        self.folder.path().join((node + 1).to_string()).join(file)
    }

    fn pid(&self, node: usize, file: &str) -> String {
        std::fs::read_to_string(self.of_node(node, file)).unwrap().trim().to_owned()
    }

    /// The cluster as a client on this link reaches it.
    pub(crate) fn command(&self, link: usize, world: &str, arguments: &[&str]) -> Command {
        self.cluster.command_by(&self.links[link], world, arguments)
    }

    /// kill -9.
    pub(crate) fn kill_node(&self, node: usize) {
        signal("KILL", &self.pid(node, "pid"));
    }

    /// Starts a node again; it takes seconds until it serves.
    pub(crate) fn start_node(&self, node: usize) {
        assert!(self.script(&["again", &(node + 1).to_string()]).status().unwrap().success(), "node {node} again");
    }

    /// Whether a node that was started again has said that it serves.
    pub(crate) fn serves(&self, node: usize) -> bool {
        std::fs::read_to_string(self.of_node(node, "server.log")).is_ok_and(|log| log.contains("Kafka Server started"))
    }

    /// STOP holds whatever passes on the link, CONT lets it pass, KILL breaks the connections and refuses new ones.
    pub(crate) fn signal_link(&self, node: usize, link: usize, name: &str) {
        signal(name, &format!("-{}", self.pid(node, &format!("link-{}/pid", link + 1))));
    }

    /// Takes up a link that was killed.
    pub(crate) fn start_link(&self, node: usize, link: usize) {
        let (node, link) = ((node + 1).to_string(), (link + 1).to_string());
        assert!(self.script(&["link", &node, &link]).status().unwrap().success(), "link {link} to {node} again");
    }
}

impl Drop for Three {
    fn drop(&mut self) {
        let ended = self.script(&["stop"]).status();
        assert!(ended.is_ok_and(|status| status.success()) || std::thread::panicking(), "the nodes did not end");
    }
}

/// The catalogue with three partitions for most keys: a drill is about processes that come and go, and each partition costs a
/// transaction a marker on three nodes.
fn few_partitions(directory: &Path) -> PathBuf {
    let mut yaml = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("topics.yaml")).unwrap();
    for many in ["8", "6", "4"] {
        yaml = yaml.replace(&format!("partitions: {many}"), "partitions: 3");
    }
    let path = directory.join("topics.yaml");
    std::fs::write(&path, yaml).unwrap();
    path
}

/// Sends a signal to a process, or with a minus to a group.
pub(crate) fn signal(name: &str, to: &str) {
    assert!(Command::new("kill").args(["-s", name, "--", to]).status().unwrap().success(), "{name} to {to}");
}
