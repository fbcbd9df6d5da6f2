//! A way to a server that can be shut: connections are closed as soon as they are made.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The way; it lasts as long as the test.
pub(crate) struct Gate {
    /// The server's URL by this way.
    pub(crate) url: String,
    open: Arc<AtomicBool>,
}

impl Gate {
    /// A shut gate before `http://HOST:PORT/PATH`.
    pub(crate) fn before(url: &str) -> Self {
        let (server, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let (server, listener) = (server.to_owned(), TcpListener::bind("127.0.0.1:0").unwrap());
        let gate =
            Self { url: format!("http://{}/{path}", listener.local_addr().unwrap()), open: Arc::new(AtomicBool::new(false)) };
        let open = Arc::clone(&gate.open);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten().filter(|_| open.load(Ordering::Relaxed)) {
                let server = TcpStream::connect(&server).unwrap();
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to));
                std::thread::spawn(move || pass(server, client));
            }
        });
        gate
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let ended = io::copy(&mut from, &mut to);
    // The other side is told that nothing more comes; it may be gone already.
    let told = to.shutdown(Shutdown::Write);
    drop((ended, told));
}
