//! A server on loopback that plays a provider's API: it answers as told, and remembers who asked for what.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// `GET /path?query`.
    pub(crate) line: String,
    /// Headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Hit {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Status, headers and body of an answer.
pub(crate) struct Said(pub(crate) u16, pub(crate) Vec<(&'static str, &'static str)>, pub(crate) String);

/// An answer with status 200.
pub(crate) fn ok(body: impl Into<String>) -> Said {
    Said(200, Vec::new(), body.into())
}

type Script = Arc<Mutex<dyn FnMut(&Hit) -> Said + Send>>;

#[derive(Clone)]
struct Shared {
    script: Script,
    hits: Arc<Mutex<Vec<Hit>>>,
}

/// The server; it ends with the test.
pub(crate) struct Stub {
    pub(crate) base: String,
    shared: Shared,
    server: JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(script: impl FnMut(&Hit) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared { script: Arc::new(Mutex::new(script)), hits: Arc::default() };
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, shared, server }
    }

    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.shared.hits.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = String::from_utf8(to_bytes(body, 65536).await.unwrap().to_vec()).unwrap();
    let hit = Hit { line: format!("{} {}", parts.method, parts.uri), headers, body };
    let Said(status, headers, body) = (shared.script.lock().unwrap())(&hit);
    shared.hits.lock().unwrap().push(hit);
    let builder =
        headers.into_iter().fold(Response::builder().status(status), |builder, (name, value)| builder.header(name, value));
    builder.body(Body::from(body)).unwrap()
}

/// A server that sends these bytes to whoever connects, whatever was asked, and hangs up.
pub(crate) async fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(bytes).await;
        }
    });
    base
}
