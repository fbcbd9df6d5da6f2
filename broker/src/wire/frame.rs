//! Frames: a length, then a request; and back, a length, then an answer.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, RequestHeader},
    protocol::{Decodable, Encodable},
};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{
    apis::{self, Api},
    shape,
};

/// Largest Produce request (Kafka: socket.request.max.bytes, 100 MiB).
pub(super) const PRODUCE_MAX: usize = 100 << 20;
/// Largest request of any other kind.
pub(super) const OTHER_MAX: usize = 4 << 20;
/// Bytes that every request begins with: key, version, correlation id.
const HEAD: usize = 8;
/// Room made for a frame before its bytes have come.
const CHUNK: usize = 1 << 20;

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Hostile {
    #[error("frame of {0} bytes")]
    Length(i32),
    #[error("unknown request {0}")]
    Key(i16),
    #[error("request does not parse: {0}")]
    Body(String),
    #[error("answer does not encode: {0}")]
    Answer(String),
    #[error("nothing happened for too long")]
    Idle(#[from] tokio::time::error::Elapsed),
    #[error(transparent)]
    Socket(#[from] std::io::Error),
}

/// What a request says about itself.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) key: ApiKey,
    pub(super) version: i16,
    pub(super) correlation: i32,
    /// The client's own name.
    pub(super) client: String,
    /// Where it connects from.
    pub(super) host: String,
    /// The version is one that `ApiVersions` lists.
    pub(super) supported: bool,
}

/// Reads one frame; `None` when the client is done.
pub(super) async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Result<Option<Bytes>, Hostile> {
    let Ok(announced) = socket.read_i32().await else { return Ok(None) };
    let len = usize::try_from(announced).ok().filter(|len| (HEAD..=PRODUCE_MAX).contains(len));
    let len = len.ok_or(Hostile::Length(announced))?;
    let mut frame = BytesMut::with_capacity(len.min(CHUNK));
    while frame.len() < len {
        let missing = len - frame.len();
        frame.reserve(missing.min(CHUNK.max(frame.len())));
        if (&mut *socket).take(missing as u64).read_buf(&mut frame).await? == 0 {
            return Ok(None);
        }
        let produce = frame.get(..2).is_none_or(|key| key == [0, 0]);
        if !produce && len > OTHER_MAX {
            return Err(Hostile::Length(announced));
        }
    }
    Ok(Some(frame.freeze()))
}

/// Splits a frame into its header and the body, and checks the body's shape.
pub(super) fn open(mut frame: Bytes, host: &str) -> Result<(Call, Bytes), Hostile> {
    let key = frame.get(..2).map_or(0, |mut key| key.get_i16());
    let api = apis::find(key).ok_or(Hostile::Key(key))?;
    let version = frame.get(2..4).map_or(0, |mut version| version.get_i16());
    let supported = (api.min..=api.max).contains(&version);
    let header_version = if supported { api.key.request_header_version(version) } else { 1 };
    let header = header(&mut frame, header_version)?;
    if supported {
        check(api, &frame, version, header_version)?;
    } else if api.key != ApiKey::ApiVersions {
        return Err(Hostile::Body(format!("{:?} has no version {version} here", api.key)));
    }
    let call = Call {
        key: api.key,
        version,
        correlation: header.correlation_id,
        client: header.client_id.as_deref().unwrap_or_default().to_owned(),
        host: host.to_owned(),
        supported,
    };
    Ok((call, frame))
}

fn header(frame: &mut Bytes, version: i16) -> Result<RequestHeader, Hostile> {
    if version >= 2 {
        let client = frame.get(HEAD..HEAD + 2).map_or(0, |mut len| usize::try_from(len.get_i16()).unwrap_or(0));
        let tags = frame.get(HEAD + 2 + client..).unwrap_or_default();
        shape::check_tags(tags).map_err(|_| Hostile::Body("header".to_owned()))?;
    }
    RequestHeader::decode(frame, version).map_err(body_error)
}

fn check(api: &Api, body: &[u8], version: i16, header_version: i16) -> Result<(), Hostile> {
    let misshapen = |_| Hostile::Body(format!("{:?} {version}", api.key));
    shape::check(body, api.shape, version, header_version >= 2).map_err(misshapen)
}

/// Decodes a request.
pub(super) fn decode<T: Decodable>(mut body: Bytes, version: i16) -> Result<T, Hostile> {
    T::decode(&mut body, version).map_err(body_error)
}

fn body_error(error: impl std::fmt::Display) -> Hostile {
    Hostile::Body(error.to_string())
}

/// Frames an answer.
pub(super) fn encode(call: &Call, version: i16, answer: &impl Encodable) -> Result<BytesMut, Hostile> {
    let unfit = |error: &dyn std::fmt::Display| Hostile::Answer(format!("{:?} {version}: {error}", call.key));
    let size = answer.compute_size(version).map_err(|error| unfit(&error))?;
    let mut out = BytesMut::with_capacity(size + 16);
    out.put_i32(0);
    out.put_i32(call.correlation);
    if call.key.response_header_version(version) >= 1 {
        out.put_u8(0);
    }
    answer.encode(&mut out, version).map_err(|error| unfit(&error))?;
    let len = i32::try_from(out.len() - 4).map_err(|error| unfit(&error))?;
    if let Some(head) = out.get_mut(..4) {
        head.copy_from_slice(&len.to_be_bytes());
    }
    Ok(out)
}
