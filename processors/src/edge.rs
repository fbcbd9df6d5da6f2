//! Where bytes meet records: the runtime's codec on our schemas.
//!
//! Joins `slipstream-schemas` (Avro, framing) to the codec trait of `slipstream-streams`, and turns the
//! runtime's own records, dead letters and promises, into messages.

use std::sync::Arc;

use slipstream_schemas::codec::DecodeError;
use slipstream_schemas::records::{DeadLetter, Message, Position, Progress, TYPES, World, rank_of};
use slipstream_schemas::schema_ids::LocalIds;
use slipstream_schemas::wire::Wire;
use slipstream_streams::codec::{Codec, Encoded, Poison, Promise, Refused};
use slipstream_streams::world::Declaration;

/// A world's kind of time in its declaration.
const LIVE: &str = "live";
/// Calls to a registry that does not answer, each with its own pauses of about 3 s, before a record is refused: 2 minutes,
/// well within what a consumer group waits for a member.
const REGISTRY_TRIES: u32 = 40;

/// The codec of every task.
pub struct Edge(slipstream_schemas::codec::Codec);

impl Edge {
    /// The runtime's view of a codec.
    #[must_use]
    pub fn new(codec: slipstream_schemas::codec::Codec) -> Self {
        Self(codec)
    }

    /// An edge whose schema ids are derived, not registered: for runs without a cluster.
    ///
    /// # Errors
    /// Two schemas of ours have one id, or one is not Avro; a test excludes both.
    pub fn local() -> Result<Self, DecodeError> {
        let ids = LocalIds::of_ours().map_err(DecodeError::Id)?;
        slipstream_schemas::codec::Codec::new(Arc::new(ids)).map(Self)
    }
}

impl Codec for Edge {
    /// A registry that does not answer makes no record bad: it is asked again before the record is refused.
    fn decode(&self, _topic: &str, type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison> {
        let mut tries = 1;
        loop {
            match self.0.decode(type_name, value) {
                Ok(decoded) => return Ok(Encoded { rank: decoded.rank, body: decoded.body.into_owned() }),
                Err(error) if error.is_transient() && tries < REGISTRY_TRIES => tries += 1,
                Err(error) => return Err(Poison::new(error.reason(), error)),
            }
        }
    }

    fn encode(&self, topic: &str, rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.0.encode(topic, rank, body, out).map_err(|error| error.to_string())
    }

    fn type_name(&self, rank: u16) -> &'static str {
        TYPES.get(usize::from(rank)).map_or("unknown", |spec| spec.name)
    }

    fn refused(&self, refused: &Refused<'_>) -> Encoded {
        encoded(&DeadLetter {
            reason: refused.poison.reason.to_owned(),
            stage: refused.stage.to_owned(),
            topic: refused.topic.to_owned(),
            partition: refused.partition,
            offset: refused.offset,
            error: refused.poison.error.clone(),
            value: refused.value.map(base64),
            record_type: refused.rank.map(|rank| self.type_name(rank).to_owned()),
            redeliveries: 0,
        })
    }

    fn promise(&self, promise: &Promise) -> Encoded {
        encoded(&Progress {
            writer: promise.writer.clone(),
            partition: promise.partition,
            progress: promise.progress,
            written: positions(&promise.written),
            read: positions(&promise.read),
            position: promise.position,
        })
    }

    fn read_promise(&self, body: &[u8]) -> Result<Promise, Poison> {
        let progress = Progress::from_bytes(body).map_err(|e| Poison::new("unreadable promise", e))?;
        let offsets = |list: Vec<Position>| list.into_iter().map(|p| (p.topic, p.partition, p.offset)).collect();
        Ok(Promise {
            writer: progress.writer,
            partition: progress.partition,
            progress: progress.progress,
            written: offsets(progress.written),
            read: offsets(progress.read),
            position: progress.position,
        })
    }

    fn rank(&self, type_name: &str) -> Option<u16> {
        rank_of(type_name)
    }

    fn declaration(&self, declaration: &Declaration) -> Encoded {
        let time = if declaration.live { LIVE } else { "recorded" };
        encoded(&World { sources: declaration.sources.clone(), start: declaration.start, time: time.to_owned() })
    }

    fn read_declaration(&self, body: &[u8]) -> Result<Declaration, Poison> {
        let world = World::from_bytes(body).map_err(|e| Poison::new("unreadable declaration", e))?;
        Ok(Declaration { sources: world.sources, start: world.start, live: world.time == LIVE })
    }
}

fn encoded<M: Message>(message: &M) -> Encoded {
    Encoded { rank: message.rank(), body: message.to_bytes() }
}

fn positions(list: &[(String, i32, i64)]) -> Vec<Position> {
    let position = |(topic, partition, offset): &(String, i32, i64)| Position {
        topic: topic.clone(),
        partition: *partition,
        offset: *offset,
    };
    list.iter().map(position).collect()
}

/// RFC 4648 base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_rfc_4648() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in cases {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
