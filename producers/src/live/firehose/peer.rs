//! Who sends: the server, over TLS, or the stage in this process that a mock is.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::dial::Dial;
use super::super::error::ProviderError;
use super::stage::Stage;

/// What bytes go over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// The one at the other end.
pub(super) enum Peer {
    /// Over the network.
    Server(Dial),
    /// In this process.
    Stage(Arc<Stage>),
}

impl Peer {
    /// Server and port, as they are shown.
    pub(super) fn origin(&self) -> String {
        match self {
            Self::Server(dial) => dial.origin(),
            Self::Stage(_) => "mock".to_owned(),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// Nobody is there, not in time, or it is somebody else.
    pub(super) async fn open(&self) -> Result<Box<dyn Wire>, ProviderError> {
        Ok(match self {
            Self::Server(dial) => Box::new(dial.open().await?),
            Self::Stage(stage) => Box::new(stage.open().await?),
        })
    }
}
