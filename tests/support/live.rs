//! The whole program in the live world, as a test meets it: by what it logs, and over HTTP.
//!
//!     prepare (topics, schemas) ─► run ─► Program, once it has said where it listens ─► http, wait_for

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Running, slipstream};

/// Longest wait for a fact.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Pause before a fact is looked for again.
const AGAIN: Duration = Duration::from_millis(20);

/// The program in the live world of a cluster.
pub(crate) fn live((bootstrap, registry): (&str, &str), arguments: &[&str]) -> Command {
    let mut command = slipstream(arguments);
    command.args(["--bootstrap", bootstrap, "--registry", registry]);
    command
}

/// Makes topics and schemas.
pub(crate) fn prepare(cluster: (&str, &str)) {
    for arguments in [["topics", "apply"], ["schemas", "register"]] {
        let done = live(cluster, &arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A program that serves, and ends with the value.
pub(crate) struct Program {
    process: Running,
    /// Where it listens.
    pub(crate) address: String,
    /// What it logs.
    pub(crate) log: PathBuf,
}

impl Program {
    /// Starts what serves, and waits until it says where.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
        let process = Running(command.spawn().unwrap());
        let address = wait_or_say("address", || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).map(str::to_owned).ok_or(text)
        });
        Self { process, address, log }
    }

    /// How it ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("end", || self.process.0.try_wait().unwrap())
    }

    /// The answer to `GET PATH`, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        http(&self.address, &format!("GET {path}"), "", "")
    }

    /// The answer to a post of JSON, with headers of the caller's, each ended.
    pub(crate) fn post(&self, path: &str, headers: &str, body: &str) -> String {
        http(&self.address, &format!("POST {path}"), &format!("content-type: application/json\r\n{headers}"), body)
    }
}

/// One request on a connection of its own; the whole answer.
fn http(address: &str, request: &str, headers: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n", body.len());
    write!(connection, "{head}{body}").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// Looks for a fact until it is there.
pub(crate) fn wait_for<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    wait_or_say(what, || fact().ok_or_else(|| format!("not after {PATIENCE:?}")))
}

/// Looks for a fact until it is there; `fact` says why it is not.
pub(crate) fn wait_or_say<T>(what: &str, mut fact: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match fact() {
            Ok(found) => return found,
            Err(why) => assert!(began.elapsed() < PATIENCE, "no {what}: {why}"),
        }
        std::thread::sleep(AGAIN);
    }
}
