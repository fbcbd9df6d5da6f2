//! A Firehose server of the tests: TLS, one initiation line, then what the script of the connection says.
//!
//! It has messages with their seconds. `live` begins with all of them, as if they came now; `pitr N` with those of N and after. Each connection
//! follows the next script, the last one for all that come after. Used by the tests of the client and by those of the program. The
//! certificates beside it are of no other use: `server.pem` is for localhost, under `ca.pem`, until 2126; `other.pem` is somebody else's.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "each suite uses its part; a server of its own thread; tests may stop at the first surprise"
)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const CERTIFICATE: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server-key.pem");
/// How often a connection that has sent everything says that it lives.
const ALIVE_EVERY: Duration = Duration::from_millis(100);

/// A message, or what stands in place of one, and its second.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) pitr: i64,
    pub(crate) line: Vec<u8>,
}

/// What a connection does.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Sends everything, then signs of life for as long as the client stays.
    All,
    /// As `All`, twenty messages at a time.
    Drip,
    /// Sends so many messages, half of the next, and is gone.
    Half(usize),
    /// Sends so many messages and nothing more, without leaving.
    Silent(usize),
    /// Sends so many messages, an error of these words, and leaves.
    Refuses(usize, &'static str),
    /// Sends signs of life that all name the same second.
    Frozen,
}

/// The server; it ends with the value.
pub(crate) struct Server {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    messages: Vec<Sent>,
    scripts: Vec<Script>,
    /// The initiation lines so far.
    initiations: Mutex<Vec<String>>,
    ended: AtomicBool,
    config: Arc<ServerConfig>,
}

/// Where the files beside this one are.
pub(crate) fn file(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = root.join("tests/live/firehose").join(name);
    if beside.exists() { beside } else { root.join("producers/tests/live/firehose").join(name) }
}

impl Server {
    pub(crate) fn start(messages: Vec<Sent>, scripts: Vec<Script>) -> Self {
        let chain = CertificateDer::pem_slice_iter(CERTIFICATE).collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (initiations, ended) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { messages, scripts, initiations, ended, config: Arc::new(config) });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || _ = shared.serve(connection.unwrap()));
            }
        });
        Self { port, shared }
    }

    /// The initiation lines so far.
    pub(crate) fn initiations(&self) -> Vec<String> {
        self.shared.initiations.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port)); // wakes the listener
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) -> std::io::Result<()> {
        let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(std::io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(tls, connection));
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let script = {
            let mut initiations = self.initiations.lock().unwrap();
            initiations.push(line.clone());
            self.scripts.get(initiations.len() - 1).or(self.scripts.last()).cloned().unwrap_or(Script::All)
        };
        let from = line.strip_prefix("pitr ").and_then(|rest| rest.split(' ').next()).map_or(0, |second| second.parse().unwrap());
        let due: Vec<&Sent> = self.messages.iter().filter(|sent| sent.pitr >= from).collect();
        let stream = stream.get_mut();
        match script {
            Script::All => {
                send(stream, &due)?;
                self.live_on(stream, due.last().map_or(from, |sent| sent.pitr), 1)
            }
            Script::Drip => {
                for some in due.chunks(20) {
                    send(stream, some)?;
                    std::thread::sleep(Duration::from_millis(5));
                }
                self.live_on(stream, due.last().map_or(from, |sent| sent.pitr), 1)
            }
            Script::Half(count) => {
                send(stream, due.get(..count).unwrap_or(&due))?;
                let next = due.get(count).map_or(&b"{\"type\":"[..], |sent| &sent.line);
                stream.write_all(&next[..next.len() / 2])?;
                stream.flush()
            }
            Script::Silent(count) => {
                send(stream, due.get(..count).unwrap_or(&due))?;
                while !self.ended.load(Ordering::Relaxed) {
                    std::thread::sleep(ALIVE_EVERY);
                }
                Ok(())
            }
            Script::Refuses(count, words) => {
                send(stream, due.get(..count).unwrap_or(&due))?;
                writeln!(stream, "{{\"type\":\"error\",\"error_msg\":\"{words}\",\"pitr\":\"{}\"}}", from.max(1_000_000_000))?;
                stream.conn.send_close_notify();
                stream.flush()
            }
            Script::Frozen => self.live_on(stream, 1_795_000_000, 0),
        }
    }

    fn live_on(&self, stream: &mut impl Write, mut second: i64, step: i64) -> std::io::Result<()> {
        while !self.ended.load(Ordering::Relaxed) {
            let at = second.max(1_000_000_000);
            writeln!(stream, "{{\"type\":\"keepalive\",\"serverTime\":\"{at}\",\"pitr\":\"{at}\"}}")?;
            stream.flush()?;
            std::thread::sleep(ALIVE_EVERY);
            second += step;
        }
        Ok(())
    }
}

fn send(stream: &mut impl Write, messages: &[&Sent]) -> std::io::Result<()> {
    for sent in messages {
        stream.write_all(&sent.line)?;
        stream.write_all(b"\n")?;
    }
    stream.flush()
}
