//! A Mosquitto of the tests: TLS with the certificates beside the Firehose server, a password file, and a port that it keeps.
//!
//! Used by the tests of the client and by those of the program. Its files are in a folder of its own; it is killed with the value.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "each suite uses its part; it waits for a process; tests may stop at the first surprise"
)]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// As whom the client of the tests connects.
pub(crate) const CLIENT_ID: &str = "the-client-id";
pub(crate) const USERNAME: &str = "ops-user";
pub(crate) const TOKEN: &str = "hush-hush.eyJ0ZXN0Ijo0NzExfQ.hush";
/// As whom the airline does.
const AIRLINE: [&str; 2] = ["airline", "the-airlines-own"];
/// Longest wait for the server to listen.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Broker {
    pub(crate) port: u16,
    folder: TempDir,
    server: Mutex<Child>,
}

/// Where the certificates are.
pub(crate) fn certificate(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = root.join("tests/live/firehose").join(name);
    if beside.exists() { beside } else { root.join("producers/tests/live/firehose").join(name) }
}

impl Broker {
    /// None where none is installed.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words = folder.path().join("words");
        std::fs::File::create(&words).unwrap();
        for [name, word] in [[USERNAME, TOKEN], AIRLINE] {
            let added = Command::new("mosquitto_passwd").arg("-b").arg(&words).args([name, word]).status();
            if !added.is_ok_and(|status| status.success()) {
                assert!(std::env::var_os("CI").is_none(), "CI must run this on Mosquitto: install.sh services brings it");
                eprintln!("skipped: there is no mosquitto");
                return None;
            }
        }
        // Started by root it would become somebody who may not read the folder.
        let settings = format!(
            "listener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\nallow_anonymous false\npassword_file {}\npersistence false\nuser root\n",
            certificate("server.pem").display(),
            certificate("server-key.pem").display(),
            words.display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), settings).unwrap();
        let server = Mutex::new(served(folder.path(), port));
        Some(Self { port, folder, server })
    }

    /// Ends it, without a word to its clients.
    pub(crate) fn kill(&self) {
        let mut server = self.server.lock().unwrap();
        let _ = server.kill();
        let _ = server.wait();
    }

    /// Starts it once more, after it was killed, on its port.
    pub(crate) fn again(&self) {
        *self.server.lock().unwrap() = served(self.folder.path(), self.port);
    }

    /// Says something as the airline does, and returns when the server has it.
    pub(crate) fn say(&self, topic: &str, body: &[u8]) {
        let [name, word] = AIRLINE;
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "localhost", "-p", &self.port.to_string(), "-u", name, "-P", word, "-q", "1", "-t", topic, "-s"]);
        let mut said = command.arg("--cafile").arg(certificate("ca.pem")).stdin(Stdio::piped()).spawn().unwrap();
        said.stdin.take().unwrap().write_all(body).unwrap();
        assert!(said.wait().unwrap().success(), "{topic}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian has it where only root looks for programs.
fn served(folder: &Path, port: u16) -> Child {
    let start = |program: &str| {
        let mut command = Command::new(program);
        command.arg("-c").arg(folder.join("mosquitto.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let server = start("mosquitto").or_else(|_| start("/usr/sbin/mosquitto")).unwrap();
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "Mosquitto does not listen on {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
    server
}
