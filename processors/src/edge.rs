//! Where bytes meet records: the runtime's codec on our schemas.
//!
//! Joins `slipstream-schemas` (Avro, framing) to the codec trait of `slipstream-streams`, and turns the
//! runtime's own records, dead letters and promises, into messages.

use std::sync::Arc;

use slipstream_schemas::codec::DecodeError;
use slipstream_schemas::records::{DeadLetter, Message, Position, Progress, TYPES, Tick, World, rank_of};
use slipstream_schemas::schema_ids::LocalIds;
use slipstream_schemas::wire::Wire;
use slipstream_streams::buffer::Redelivery;
use slipstream_streams::codec::{Codec, Encoded, Poison, Promise, Refused};
use slipstream_streams::errors::ErrorClass;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::world::Declaration;

use crate::dead_letter;

/// A world's kind of time in its declaration.
const LIVE: &str = "live";
/// Reason of what could not be read because the registry did not answer.
const REGISTRY_AWAY: &str = "registry does not answer";

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

    /// What `dead`, a dead letter, holds, to be handed to its stage once more.
    ///
    /// # Errors
    /// Why it cannot be handed in: a timer was refused, or the letter is of another version.
    pub fn redelivery(&self, dead: &Record, content: &DeadLetter) -> Result<Redelivery, String> {
        dead_letter::redelivery(dead, content, |rank| self.0.fingerprint(rank))
    }
}

impl Codec for Edge {
    fn decode(&self, _topic: &str, type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison> {
        match self.0.decode(type_name, value) {
            Ok(decoded) => Ok(Encoded { rank: decoded.rank, body: decoded.body.into_owned() }),
            Err(error) if error.is_transient() => Err(Poison { class: ErrorClass::Network, ..Poison::new(REGISTRY_AWAY, error) }),
            Err(error) => Err(Poison::new(error.reason(), error)),
        }
    }

    /// A registry that does not answer makes no record bad.
    fn is_passing(&self, poison: &Poison) -> bool {
        poison.reason == REGISTRY_AWAY
    }

    fn encode(&self, topic: &str, rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        self.0.encode(topic, rank, body, out).map_err(|error| error.to_string())
    }

    fn type_name(&self, rank: u16) -> &'static str {
        TYPES.get(usize::from(rank)).map_or("unknown", |spec| spec.name)
    }

    fn refused(&self, refused: &Refused<'_>) -> Encoded {
        let rank = refused.record.map(|record| record.rank);
        let schema = rank.and_then(|rank| self.0.fingerprint(rank));
        encoded(&dead_letter::write(refused, rank.map(|rank| self.type_name(rank)), schema))
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

    fn tick(&self, at: Ts) -> Encoded {
        encoded(&Tick { at })
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
