//! Bytes in and out, as the embedding program defines them.
//!
//! The runtime moves bodies in *our* schema; framing, foreign schemas and the runtime's own records
//! (dead letters, progress) are turned by this trait, so that it needs no schema of its own.

use crate::errors::ErrorClass;
use crate::record::{Record, Ts};
use crate::topology::CLOCK;
use crate::world::{DECLARATION_KEY, Declaration};

/// Record types that are searched for a name.
const TYPES_MAX: u16 = 1024;

/// Why a record cannot be processed. It goes to the dead-letter topic; nothing else happens to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {error}")]
pub struct Poison {
    /// Short machine-readable reason, such as `unknown airport`.
    pub reason: &'static str,
    /// What was wrong, naming the field.
    pub error: String,
    /// Its class.
    pub class: ErrorClass,
}

impl Poison {
    /// What is wrong in itself, with its detail.
    pub fn new(reason: &'static str, error: impl std::fmt::Display) -> Self {
        Self { reason, error: error.to_string(), class: ErrorClass::Validation }
    }

    /// What is sound and cannot be taken up as things stand; handed in again later, it may be.
    pub fn processing(reason: &'static str, error: impl std::fmt::Display) -> Self {
        Self { class: ErrorClass::Processing, ..Self::new(reason, error) }
    }

    /// What goes beyond a limit.
    pub fn resource(reason: &'static str, error: impl std::fmt::Display) -> Self {
        Self { class: ErrorClass::Resource, ..Self::new(reason, error) }
    }
}

/// A record that was refused, for its dead letter.
#[derive(Debug)]
pub struct Refused<'a> {
    /// Stage that refused it.
    pub stage: &'a str,
    /// Why.
    pub poison: &'a Poison,
    /// The record; none where a timer was refused. One that could not be read has the value as it lay in the log, and the
    /// rank [`UNREADABLE`](crate::edge::UNREADABLE).
    pub record: Option<&'a Record>,
    /// Times it had been handed in again.
    pub redeliveries: u32,
}

/// A body in our schema with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Record type.
    pub rank: u16,
    /// Value without framing.
    pub body: Vec<u8>,
}

/// The promise of one writer: everything it will ever write with a timestamp below `progress` is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// Stage name, or `source:NAME`.
    pub writer: String,
    /// The task's input partition; 0 for a source.
    pub partition: i32,
    /// The promised instant.
    pub progress: Ts,
    /// For each partition written, the offset after its last record.
    pub written: Vec<(String, i32, i64)>,
    /// For each partition read, the offset up to which it was read.
    pub read: Vec<(String, i32, i64)>,
    /// A source's position in its input.
    pub position: i64,
}

/// What a codec's topics say of a record beside key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// CloudEvents headers; a key is UTF-8 text and lies in the partition that is its own; writers promise.
    CloudEvents,
    /// Nothing, as on the topics of others: any bytes are a key, its producer chose the partition, nobody promises.
    None,
}

/// Bytes in and out.
pub trait Codec: Send + Sync {
    /// What the topics say of a record beside key and value.
    fn envelope(&self) -> Envelope {
        Envelope::CloudEvents
    }

    /// Reads a framed value: its type and its body in our schema.
    ///
    /// # Errors
    /// Anything that is not a record of the topic.
    fn decode(&self, topic: &str, type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison>;

    /// Whether a value could not be read for a reason that passes, such as a registry that does not answer. It is not
    /// refused then: everything is read again, after a pause, until it can be.
    fn is_passing(&self, _poison: &Poison) -> bool {
        false
    }

    /// Appends a body with its framing.
    ///
    /// # Errors
    /// No schema id could be had for the topic and type; the caller retries.
    fn encode(&self, topic: &str, rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String>;

    /// CloudEvents type of a rank.
    fn type_name(&self, rank: u16) -> &'static str;

    /// A dead letter.
    fn refused(&self, refused: &Refused<'_>) -> Encoded;

    /// A progress record.
    fn promise(&self, promise: &Promise) -> Encoded;

    /// Reads a progress record's body.
    ///
    /// # Errors
    /// A body that is none.
    fn read_promise(&self, body: &[u8]) -> Result<Promise, Poison>;

    /// A tick of the live clock. By default in the shape of a promise, which every codec can write.
    fn tick(&self, at: Ts) -> Encoded {
        let writer = CLOCK.to_owned();
        self.promise(&Promise { writer, partition: 0, progress: at, written: Vec::new(), read: Vec::new(), position: 0 })
    }

    /// Rank of a CloudEvents type, for records without a value.
    fn rank(&self, type_name: &str) -> Option<u16> {
        (0..TYPES_MAX).find(|rank| self.type_name(*rank) == type_name)
    }

    /// A world's declaration. By default in the shape of a promise, which every codec can write.
    fn declaration(&self, declaration: &Declaration) -> Encoded {
        self.promise(&Promise {
            writer: DECLARATION_KEY.to_owned(),
            partition: i32::from(declaration.live),
            progress: declaration.start,
            written: declaration.sources.iter().map(|source| (source.clone(), 0, 0)).collect(),
            read: Vec::new(),
            position: 0,
        })
    }

    /// Reads a declaration's body.
    ///
    /// # Errors
    /// A body that is none.
    fn read_declaration(&self, body: &[u8]) -> Result<Declaration, Poison> {
        let promise = self.read_promise(body)?;
        let sources = promise.written.into_iter().map(|(source, _, _)| source).collect();
        Ok(Declaration { sources, start: promise.progress, live: promise.partition == 1 })
    }
}
