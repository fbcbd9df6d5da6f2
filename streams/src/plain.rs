//! Stages on topics of others: no envelope, any bytes as keys, in arrival order.
//!
//!     key bytes ─► text (what is not text is escaped) ─► Processor ─► text ─► the same bytes
//!
//! Each output keeps its cause's timestamp. Refused and late records go to the topic `NAME.refused`: one line that
//! says why and where from, then the value. Nobody promises anything here, so timers never fire.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{Codec, Encoded, Envelope, Poison, Promise, Refused};
use crate::processor::Processor;
use crate::record::Topic;
use crate::topology::{Stage, Topology};

/// The character that stands for the byte 0xFF that is no text; the 255 before it stand for the other bytes.
const ESCAPED_LAST: u32 = 0x0010_FFFF;
/// The one that stands for the byte 0.
const ESCAPED_FIRST: u32 = ESCAPED_LAST - 0xFF;
/// What every escaped character begins with in UTF-8.
const ESCAPED_LEAD: u8 = 0xF4;

/// A stage that reads one topic and writes another; the processors learn the output's name.
///
/// `name` is also the group's, and what its changelogs begin with. The names are kept as long as the program runs.
#[must_use]
pub fn stage<P: Processor + 'static>(
    name: &str,
    input: &str,
    output: &str,
    stores: &'static [&'static str],
    make: impl Fn(Topic) -> P + Send + Sync + 'static,
) -> Stage {
    let (name, input, output) = (kept(name), kept(input), kept(output));
    let make = Arc::new(move || Box::new(make(output)) as Box<dyn Processor>);
    Stage { name, unit: name, reads: Vec::leak(vec![input]), writes: Vec::leak(vec![output]), stores, make }
}

/// A topology of one such stage, on topics with these partition counts.
#[must_use]
pub fn topology(stage: Stage, inputs: i32, outputs: i32) -> Topology {
    let refused = kept(&format!("{}.refused", stage.name));
    let counts = stage.reads.iter().map(|topic| (*topic, inputs)).chain(stage.writes.iter().map(|topic| (*topic, outputs)));
    let partitions = BTreeMap::from_iter(counts.chain([(refused, 1)]));
    Topology { stages: vec![stage], partitions, dead_letters: refused, late: refused, progress: "" }
}

fn kept(name: &str) -> &'static str {
    String::leak(name.to_owned())
}

/// Values as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Codec for Plain {
    fn envelope(&self) -> Envelope {
        Envelope::None
    }

    fn decode(&self, _topic: &str, _type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison> {
        Ok(Encoded { rank: 0, body: value.to_vec() })
    }

    fn encode(&self, _topic: &str, _rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(body);
        Ok(())
    }

    fn type_name(&self, _rank: u16) -> &'static str {
        ""
    }

    fn refused(&self, refused: &Refused<'_>) -> Encoded {
        let Refused { stage, poison, record, .. } = refused;
        let origin = record.map(|record| format!("{}/{} offset {}", record.topic, record.partition, record.offset));
        let mut body = format!("{}, refused by {stage}: {poison}\n", origin.as_deref().unwrap_or("a timer")).into_bytes();
        body.extend_from_slice(record.and_then(|record| record.body.as_deref()).unwrap_or_default());
        Encoded { rank: 0, body }
    }

    fn promise(&self, _promise: &Promise) -> Encoded {
        Encoded { rank: 0, body: Vec::new() }
    }

    fn read_promise(&self, _body: &[u8]) -> Result<Promise, Poison> {
        Err(Poison::new("no promise", "without an envelope nobody promises"))
    }
}

/// A key's bytes as text. Bytes that are no UTF-8, and NUL, become characters at the end of the last private-use plane.
#[must_use]
pub(crate) fn text_of(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) if !key.iter().any(|byte| *byte == 0 || *byte == ESCAPED_LEAD) => text.into(),
        _ => escape(key).into(),
    }
}

fn escape(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len() * 4);
    let mut escaped = |byte: &u8| char::from_u32(ESCAPED_FIRST + u32::from(*byte)).unwrap_or_default();
    for chunk in key.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char == '\0' || u32::from(char) >= ESCAPED_FIRST {
                text.extend(char.encode_utf8(&mut [0; 4]).as_bytes().iter().map(&mut escaped));
            } else {
                text.push(char);
            }
        }
        text.extend(chunk.invalid().iter().map(&mut escaped));
    }
    text
}

/// The bytes of a key that [`text_of`] made text, or of any other text.
#[cfg(any(test, feature = "kafka", feature = "model"))]
#[must_use]
pub(crate) fn bytes_of(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&ESCAPED_LEAD) {
        return text.as_bytes().into();
    }
    let mut key = Vec::with_capacity(text.len());
    for char in text.chars() {
        match u8::try_from(u32::from(char).wrapping_sub(ESCAPED_FIRST)) {
            Ok(byte) => key.push(byte),
            Err(_) => key.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_text() {
        for key in ["", "LH400", "Zürich", "\u{10_0000}"] {
            assert_eq!(text_of(key.as_bytes()), key);
        }
    }

    #[test]
    fn a_key_never_holds_the_separator_of_rows() {
        assert!(!text_of(&7_u64.to_be_bytes()).contains('\0'));
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xF4), Just(0x8F), Just(0xBF)], 0..24)) {
            let text = text_of(&key);
            prop_assert_eq!(&*bytes_of(&text), &key[..]);
        }

        #[test]
        fn characters_that_stand_for_bytes_come_back_as_themselves(key in proptest::collection::vec(ESCAPED_FIRST..=ESCAPED_LAST, 0..6)) {
            let key: String = key.into_iter().filter_map(char::from_u32).collect();
            let text = text_of(key.as_bytes());
            prop_assert_eq!(&*bytes_of(&text), key.as_bytes());
        }
    }
}
