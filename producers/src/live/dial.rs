//! The connection of what sends by itself: TCP, TLS 1.2 or 1.3, and the server's certificate checked.
//!
//! The authorities are the system's, or those of one file. Nothing connects without TLS. Whoever speaks over it is said by `firehose` and
//! `push`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::ProviderError;
use super::http::Unusable;

/// For a connection to come about, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Most certificates of a file of authorities.
const AUTHORITIES_MAX: usize = 1_000;

/// The way to a server.
pub(super) struct Dial {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Dial {
    /// The way to the server that the settings of `table` name, trusted by the authorities of `ca`, else by the system's.
    ///
    /// # Errors
    /// The host is no name, or the file holds no authority; the message names the field.
    pub(super) fn new(table: &str, (host, port): (&str, u16), ca: Option<&Path>) -> Result<Self, Unusable> {
        let host = host.to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|e| Unusable(format!("{table}.host: `{host}`: {e}")))?;
        let builder = ClientConfig::builder_with_protocol_versions(&[&TLS13, &TLS12]);
        let builder = match ca {
            Some(path) => builder.with_root_certificates(authorities(table, path)?),
            None => builder.with_platform_verifier().map_err(|e| Unusable(format!("the system's authorities: {e}")))?,
        };
        let tls = TlsConnector::from(Arc::new(builder.with_no_client_auth()));
        Ok(Self { host, port, name, tls })
    }

    /// Server and port, as they are shown.
    pub(super) fn origin(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects.
    ///
    /// # Errors
    /// Nobody is there, not within [`CONNECT`], or it is somebody else.
    pub(super) async fn open(&self) -> Result<TlsStream<TcpStream>, ProviderError> {
        let opened = async {
            let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| broken("no connection", &e))?;
            self.tls.connect(self.name.clone(), tcp).await.map_err(|e| broken("no TLS", &e))
        };
        tokio::time::timeout(CONNECT, opened).await.map_err(|_| ProviderError::Timeout { after: CONNECT })?
    }
}

/// A connection that did not come about or broke, in the system's words.
pub(super) fn broken(what: &str, error: &std::io::Error) -> ProviderError {
    ProviderError::Unavailable { reason: format!("{what}: {error}") }
}

fn authorities(table: &str, path: &Path) -> Result<RootCertStore, Unusable> {
    let refuse = |error: String| Unusable(format!("{table}.ca: {}: {error}", path.display()));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| refuse(e.to_string()))?.take(AUTHORITIES_MAX) {
        let certificate = certificate.map_err(|e| refuse(e.to_string()))?;
        store.add(certificate).map_err(|e| refuse(e.to_string()))?;
    }
    if store.is_empty() { Err(refuse("no certificate".to_owned())) } else { Ok(store) }
}
