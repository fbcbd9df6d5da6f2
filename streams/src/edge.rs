//! Between the log's bytes and our records: keys, envelope, framing.
//!
//! A record that breaks a rule of the log (no key, a key that is not UTF-8, a key in a partition that is not
//! its own, a value that does not decode) is still a record: it is handed on with the reason, so that its
//! dead letter takes its place in the order.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use crate::buffer::{Arrived, Redelivery};
use crate::codec::{Codec, Envelope, Poison};
use crate::log::Raw;
use crate::partition::of_key;
use crate::plain;
use crate::record::{Event, Record, Topic, derive_id, header};

/// Rank of what could not be read: after everything else of its instant.
pub const UNREADABLE: u16 = u16::MAX;

/// A record's type and its value.
type Decoded = (u16, Option<Box<[u8]>>);

/// Reads a record of `topic`, which has `partitions` partitions.
#[must_use]
pub fn read(raw: &Raw<'_>, topic: Topic, partitions: i32, codec: &dyn Codec) -> Arrived {
    let envelope = codec.envelope();
    let key = readable_key(raw, envelope, partitions);
    let decoded = key.and_then(|key| decode(raw, topic, codec).map(|(rank, body)| (key, rank, body)));
    let (key, rank, body, poison) = match decoded {
        Ok((key, rank, body)) => (Box::from(key), rank, body, None),
        Err(poison) => {
            let key = String::from_utf8_lossy(raw.key.unwrap_or_default()).into();
            (key, UNREADABLE, raw.value.map(Into::into), Some(Arc::new(poison)))
        }
    };
    let event = match envelope {
        Envelope::CloudEvents => event(raw, topic),
        Envelope::None => event_of_place(raw),
    };
    let record = Record { topic, partition: raw.partition, offset: raw.offset, timestamp: raw.timestamp, key, rank, event, body };
    Arrived { record: Arc::new(record), poison, redelivery: None }
}

/// Reads a record of a stage's retry topic. `reads` are the stage's own inputs: a redelivery comes from one of them.
#[must_use]
pub fn read_again(raw: &Raw<'_>, topic: Topic, reads: &[Topic], partitions: i32, codec: &dyn Codec) -> Arrived {
    let mut arrived = read(raw, topic, partitions, codec);
    match redelivery(raw, reads, &arrived.record) {
        Ok(redelivery) => arrived.redelivery = Some(Arc::new(redelivery)),
        Err(poison) => arrived.poison = Some(Arc::new(poison)),
    }
    arrived
}

fn redelivery(raw: &Raw<'_>, reads: &[Topic], record: &Record) -> Result<Redelivery, Poison> {
    let header = |name| text(raw, name).ok_or_else(|| not_again(format_args!("there is no header `{name}`")));
    let times = header(header::REDELIVERY)?;
    let number = times.parse::<u32>().ok().filter(|times| *times > 0);
    let times = number.ok_or_else(|| not_again(format_args!("`{times}` in `{}` is no count", header::REDELIVERY)))?;
    let origin = header(header::ORIGIN)?;
    let (topic, partition, offset) =
        place(origin, reads).ok_or_else(|| not_again(format_args!("`{origin}` is no place in an input of the stage")))?;
    Ok(Redelivery { times, record: Record { topic, partition, offset, ..record.clone() } })
}

fn not_again(error: std::fmt::Arguments<'_>) -> Poison {
    Poison::new("not a redelivery", error)
}

/// Reads `topic/partition/offset`.
fn place(text: &str, reads: &[Topic]) -> Option<(Topic, i32, i64)> {
    let mut parts = text.rsplitn(3, '/');
    let (offset, partition, topic) = (parts.next()?, parts.next()?, parts.next()?);
    let topic = reads.iter().find(|read| **read == topic)?;
    Some((topic, partition.parse().ok()?, offset.parse().ok()?))
}

fn readable_key<'a>(raw: &Raw<'a>, envelope: Envelope, partitions: i32) -> Result<Cow<'a, str>, Poison> {
    if envelope == Envelope::None {
        return Ok(plain::text_of(raw.key.unwrap_or_default()));
    }
    let key = raw.key.ok_or_else(|| Poison::new("null key", "a record without a key belongs to no partition"))?;
    let text = std::str::from_utf8(key).map_err(|e| Poison::new("key is not UTF-8", e))?;
    match of_key(key, partitions) {
        home if home == raw.partition => Ok(text.into()),
        home => Err(Poison::new("misplaced key", format_args!("`{text}` belongs to partition {home}, not {}", raw.partition))),
    }
}

fn decode(raw: &Raw<'_>, topic: Topic, codec: &dyn Codec) -> Result<Decoded, Poison> {
    let type_name = text(raw, header::TYPE);
    match raw.value {
        Some(value) => {
            let encoded = codec.decode(topic, type_name, value)?;
            Ok((encoded.rank, Some(encoded.body.into_boxed_slice())))
        }
        None => Ok((type_name.and_then(|name| codec.rank(name)).unwrap_or_default(), None)),
    }
}

/// The envelope from the headers; the id of a record without one is derived from where it lies.
fn event(raw: &Raw<'_>, topic: Topic) -> Event {
    let uuid = |name| text(raw, name).and_then(|text| Uuid::try_parse(text).ok());
    let place = || derive_id(&[topic.as_bytes(), raw.partition.to_string().as_bytes(), raw.offset.to_string().as_bytes()]);
    let id = uuid(header::ID).unwrap_or_else(place);
    Event {
        id,
        source: text(raw, header::SOURCE).unwrap_or_default().into(),
        correlation: uuid(header::CORRELATION).unwrap_or(id),
        causation: uuid(header::CAUSATION),
        organisation: text(raw, header::ORGANISATION).map(Into::into),
    }
}

/// Without an envelope a record is known by where it lies; nobody sees this id.
fn event_of_place(raw: &Raw<'_>) -> Event {
    let id = Uuid::from_u64_pair(raw.partition.unsigned_abs().into(), raw.offset.unsigned_abs());
    Event { id, source: Arc::default(), correlation: id, causation: None, organisation: None }
}

/// A header's text; nothing where it is missing or no UTF-8.
pub(crate) fn text<'a>(raw: &Raw<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = raw.headers.iter().find(|(header, _)| *header == name)?;
    std::str::from_utf8(value).ok()
}
