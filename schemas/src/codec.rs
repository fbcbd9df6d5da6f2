//! Bytes of a topic to bodies in our schema and back: Confluent framing, and schemas of other writers.
//!
//!     00 | id (4 bytes, big-endian) | Avro          id ──► writer schema, asked once, kept for ever
//!                 │
//!                 ├─ writer schema is ours (same canonical form) ──► the bytes behind the header, untouched
//!                 └─ another version ──► full Avro resolution ──► a body in our schema; counted
//!
//! Which record a value is, the writer schema says; its type within that record (the rank), the `ce_type`
//! header says, and the body itself where there is none. On the untouched route the body is not read here:
//! who reads it finds its faults. No input panics, and no length in it is believed before it is checked.

mod foreign;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use apache_avro::Schema;
use apache_avro::rabin::Rabin;

use self::foreign::Foreign;
use crate::records::{self, Rank, TYPES};
use crate::schema_ids::{IdError, SchemaIds, subject};
use crate::wire::WireError;

/// Bytes before the Avro body: magic 0 and the schema id.
pub const HEADER_BYTES: usize = 5;
/// Writer schemas that are remembered; a stream with more of them is an attack, and the rest is refused.
const WRITERS_MAX: usize = 4096;

/// Why a value is not a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too short for the header.
    #[error("{0} bytes are too few for Confluent framing, which has {HEADER_BYTES} before the value")]
    Short(usize),
    /// Another first byte than 0.
    #[error("the first byte is {0:#04x}, not the 0x00 of Confluent framing")]
    Magic(u8),
    /// The registry does not know the schema id, or did not answer.
    #[error("{0}")]
    Id(#[from] IdError),
    /// The writer's schema cannot be used.
    #[error("the schema of id {id} cannot be used: {why}")]
    Schema {
        /// Its id.
        id: u32,
        /// Why not.
        why: String,
    },
    /// The `ce_type` header names no type of ours.
    #[error("`{0}` is no record type")]
    UnknownType(String),
    /// The `ce_type` header names a type of another record.
    #[error("type `{type_name}` is carried by {expected}, the schema is {found}")]
    TypeMismatch {
        /// The header.
        type_name: String,
        /// Record of that type.
        expected: &'static str,
        /// Record of the writer's schema.
        found: &'static str,
    },
    /// Another version's body that does not resolve to our schema.
    #[error("the body of schema id {id} does not resolve to {record}: {why}")]
    Resolution {
        /// Id of the writer's schema.
        id: u32,
        /// Our record.
        record: &'static str,
        /// Why not.
        why: String,
    },
    /// A body that is not of its schema.
    #[error("{record}: {error}")]
    Body {
        /// Our record.
        record: &'static str,
        /// What is wrong with it.
        error: WireError,
    },
}

impl DecodeError {
    /// Short machine-readable reason, for dead letters and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Short(_) | Self::Magic(_) => "bad framing",
            Self::Id(IdError::UnknownId(_)) => "unknown schema id",
            Self::Id(_) => "registry unreachable",
            Self::Schema { .. } => "unusable schema",
            Self::UnknownType(_) => "unknown type",
            Self::TypeMismatch { .. } => "type and schema differ",
            Self::Resolution { .. } => "unresolvable body",
            Self::Body { .. } => "malformed body",
        }
    }

    /// True where the record may be good and only the registry is not: try again, do not dead-letter.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Id(IdError::Unreachable { .. }))
    }
}

/// A value in our schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'v> {
    /// Record type.
    pub rank: Rank,
    /// Avro body in our schema; borrowed where the writer's schema is ours.
    pub body: Cow<'v, [u8]>,
}

/// One of our records as the codec needs it.
#[derive(Debug)]
struct Ours {
    name: &'static str,
    text: String,
    schema: Schema,
    canonical: String,
    fingerprint: String,
}

/// What is known of one schema id.
#[derive(Debug)]
enum Writer {
    /// Our schema: place in [`Codec::ours`].
    Ours(usize),
    /// Another version of the record at that place.
    Foreign(usize, Box<Foreign>),
    /// No record of ours; why.
    Unusable(String),
}

/// Frames and unframes values; shared by all threads.
pub struct Codec {
    ours: Vec<Ours>,
    ids: Arc<dyn SchemaIds>,
    /// By id; schemas never change under one.
    writers: RwLock<BTreeMap<u32, Arc<Writer>>>,
    /// Our schemas' ids by topic, at the places of `ours`.
    own: RwLock<BTreeMap<String, Vec<Option<u32>>>>,
    resolved: AtomicU64,
}

impl Codec {
    /// A codec over a source of ids. Asks it nothing yet.
    ///
    /// # Errors
    /// A schema of ours is not Avro; a test excludes it.
    pub fn new(ids: Arc<dyn SchemaIds>) -> Result<Self, DecodeError> {
        foreign::limit_allocations();
        let ours = records::schemas().into_iter().map(|(name, json)| {
            let text = json.to_string();
            let schema = Schema::parse_str(&text).map_err(|e| DecodeError::Schema { id: 0, why: format!("{name}: {e}") })?;
            let fingerprint = schema.fingerprint::<Rabin>().to_string();
            Ok(Ours { name, text, canonical: schema.canonical_form(), fingerprint, schema })
        });
        Ok(Self {
            ours: ours.collect::<Result<_, DecodeError>>()?,
            ids,
            writers: RwLock::default(),
            own: RwLock::default(),
            resolved: AtomicU64::new(0),
        })
    }

    /// Reads a framed value.
    ///
    /// # Errors
    /// See [`DecodeError`]; only [`DecodeError::is_transient`] ones may go away by themselves.
    pub fn decode<'v>(&self, type_name: Option<&str>, value: &'v [u8]) -> Result<Decoded<'v>, DecodeError> {
        let (id, body) = unframe(value)?;
        let writer = self.writer(id)?;
        match &*writer {
            Writer::Ours(index) => {
                let record = self.ours[*index].name;
                Ok(Decoded { rank: rank(record, type_name, body)?, body: Cow::Borrowed(body) })
            }
            Writer::Foreign(index, foreign) => {
                let ours = &self.ours[*index];
                self.resolved.fetch_add(1, Ordering::Relaxed);
                let unresolved = |why| DecodeError::Resolution { id, record: ours.name, why };
                let body = foreign.resolve(body, &ours.schema).map_err(unresolved)?;
                let own = records::rank_of_body(ours.name, &body).map_err(|e| unresolved(e.to_string()))?;
                let rank = if type_name.is_some() { rank(ours.name, type_name, &body)? } else { own };
                Ok(Decoded { rank, body: Cow::Owned(body) })
            }
            Writer::Unusable(why) => Err(DecodeError::Schema { id, why: why.clone() }),
        }
    }

    /// Appends a body with its framing.
    ///
    /// # Errors
    /// There is no id for the record on that topic, or no type of that rank.
    pub fn encode(&self, topic: &str, rank: Rank, body: &[u8], out: &mut Vec<u8>) -> Result<(), IdError> {
        let unknown = || IdError::NotRegistered(format!("{topic}, rank {rank}"));
        let record = TYPES.get(usize::from(rank)).ok_or_else(unknown)?.schema;
        let id = self.prepare(topic, record)?;
        out.reserve(HEADER_BYTES + body.len());
        out.push(0);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(body);
        Ok(())
    }

    /// The id of a record on a topic, asked for once; called at start, no later record has to wait for it.
    ///
    /// # Errors
    /// The registry has none or did not answer.
    pub fn prepare(&self, topic: &str, record: &str) -> Result<u32, IdError> {
        let subject_of = || subject(topic, record);
        let index = self.ours.iter().position(|ours| ours.name == record).ok_or_else(|| IdError::NotRegistered(subject_of()))?;
        let held = self.own.read().unwrap_or_else(PoisonError::into_inner).get(topic).and_then(|ids| ids[index]);
        if let Some(id) = held {
            return Ok(id);
        }
        let id = self.ids.id(&subject_of(), &self.ours[index].text)?;
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        own.entry(topic.to_owned()).or_insert_with(|| vec![None; self.ours.len()])[index] = Some(id);
        Ok(id)
    }

    /// CRC-64-AVRO of our schema of a type, in hexadecimal: says which version a body without framing is in.
    #[must_use]
    pub fn fingerprint(&self, rank: Rank) -> Option<&str> {
        let record = TYPES.get(usize::from(rank))?.schema;
        self.ours.iter().find(|ours| ours.name == record).map(|ours| &*ours.fingerprint)
    }

    /// Values of other schema versions resolved so far: the slow route, worth a metric.
    #[must_use]
    pub fn resolved(&self) -> u64 {
        self.resolved.load(Ordering::Relaxed)
    }

    fn writer(&self, id: u32) -> Result<Arc<Writer>, DecodeError> {
        if let Some(writer) = self.writers.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(writer));
        }
        let writer = Arc::new(self.classify(&self.ids.schema(id)?));
        let mut writers = self.writers.write().unwrap_or_else(PoisonError::into_inner);
        if writers.len() >= WRITERS_MAX {
            return Err(DecodeError::Schema { id, why: format!("more than {WRITERS_MAX} schema ids in one process") });
        }
        writers.insert(id, Arc::clone(&writer));
        Ok(writer)
    }

    fn classify(&self, text: &str) -> Writer {
        let foreign = match Foreign::parse(text) {
            Ok(foreign) => foreign,
            Err(why) => return Writer::Unusable(why),
        };
        let name = foreign.record().unwrap_or_default();
        let Some(index) = self.ours.iter().position(|ours| name.strip_prefix("slipstream.") == Some(ours.name)) else {
            return Writer::Unusable(format!("`{name}` is no record of ours"));
        };
        if foreign.canonical() == self.ours[index].canonical {
            Writer::Ours(index)
        } else {
            Writer::Foreign(index, Box::new(foreign))
        }
    }
}

fn unframe(value: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    match value {
        [0, a, b, c, d, body @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), body)),
        [magic, ..] if *magic != 0 => Err(DecodeError::Magic(*magic)),
        _ => Err(DecodeError::Short(value.len())),
    }
}

/// The type by its header, which must be one of this record's; without a header, by the body.
fn rank(record: &'static str, type_name: Option<&str>, body: &[u8]) -> Result<Rank, DecodeError> {
    let Some(type_name) = type_name else {
        return records::rank_of_body(record, body).map_err(|error| DecodeError::Body { record, error });
    };
    let rank = records::rank_of(type_name).ok_or_else(|| DecodeError::UnknownType(shortened(type_name)))?;
    let expected = TYPES[usize::from(rank)].schema;
    if expected == record {
        Ok(rank)
    } else {
        Err(DecodeError::TypeMismatch { type_name: type_name.to_owned(), expected, found: record })
    }
}

/// Foreign text for an error message: at most 80 characters.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
