//! The shape of every request, walked over a frame before the codec sees it.
//!
//! The codec makes room for as many elements as a list announces before it reads the first one; a hostile count would end
//! the process. After this walk every list, text and byte string is known to lie within the frame, so what the codec
//! allocates is bounded by what was received.

use bytes::{Buf, TryGetError};

/// A frame that does not have its request's shape.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misshapen;

impl From<TryGetError> for Misshapen {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

/// A field, and the versions of the request that have it.
pub(super) struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

enum Kind {
    Fixed(usize),
    Text,
    Bytes,
    Numbers,
    Texts,
    List(&'static [Field]),
}

impl Field {
    const fn new(kind: Kind) -> Self {
        Self { kind, since: 0, until: i16::MAX }
    }

    /// A number of so many bytes.
    pub(super) const fn fixed(bytes: usize) -> Self {
        Self::new(Kind::Fixed(bytes))
    }

    /// A text, maybe null.
    pub(super) const fn text() -> Self {
        Self::new(Kind::Text)
    }

    /// A byte string, maybe null.
    pub(super) const fn bytes() -> Self {
        Self::new(Kind::Bytes)
    }

    /// A list of 4-byte numbers, maybe null.
    pub(super) const fn numbers() -> Self {
        Self::new(Kind::Numbers)
    }

    /// A list of texts, maybe null.
    pub(super) const fn texts() -> Self {
        Self::new(Kind::Texts)
    }

    /// A list of structures, maybe null.
    pub(super) const fn list(fields: &'static [Self]) -> Self {
        Self::new(Kind::List(fields))
    }

    /// Only from this version on.
    pub(super) const fn since(self, version: i16) -> Self {
        Self { since: version, ..self }
    }

    /// Only up to this version.
    pub(super) const fn until(self, version: i16) -> Self {
        Self { until: version, ..self }
    }
}

/// Walks the body of a request; `flexible` versions write compact lengths and tagged fields. What follows the request is let
/// be, as Kafka does: librdkafka 2.12 sends a byte too many when it asks for the metadata of all topics.
///
/// # Errors
/// [`Misshapen`] when a length does not fit the frame.
pub(super) fn check(mut body: &[u8], fields: &[Field], version: i16, flexible: bool) -> Result<(), Misshapen> {
    Walk { version, flexible }.fields(&mut body, fields)
}

/// Walks over the tagged fields at the end of a flexible header.
///
/// # Errors
/// [`Misshapen`].
pub(super) fn check_tags(mut tags: &[u8]) -> Result<(), Misshapen> {
    skip_tags(&mut tags)
}

struct Walk {
    version: i16,
    flexible: bool,
}

impl Walk {
    fn fields(&self, body: &mut &[u8], fields: &[Field]) -> Result<(), Misshapen> {
        for field in fields.iter().filter(|f| (f.since..=f.until).contains(&self.version)) {
            match field.kind {
                Kind::Fixed(bytes) => skip(body, bytes)?,
                Kind::Text => self.run(body, false)?,
                Kind::Bytes => self.run(body, true)?,
                Kind::Numbers => {
                    let count = self.length(body)?;
                    skip(body, count.checked_mul(4).ok_or(Misshapen)?)?;
                }
                Kind::Texts => (0..self.count(body)?).try_for_each(|_| self.run(body, false))?,
                Kind::List(fields) => (0..self.count(body)?).try_for_each(|_| self.fields(body, fields))?,
            }
        }
        if self.flexible { skip_tags(body) } else { Ok(()) }
    }

    fn run(&self, body: &mut &[u8], wide: bool) -> Result<(), Misshapen> {
        let len = if wide || self.flexible { self.length(body)? } else { positive(i32::from(body.try_get_i16()?)) };
        skip(body, len)
    }

    /// A list's count; every element takes a byte at least.
    fn count(&self, body: &mut &[u8]) -> Result<usize, Misshapen> {
        let count = self.length(body)?;
        if count > body.len() { Err(Misshapen) } else { Ok(count) }
    }

    /// A list's or byte string's length, 0 for null.
    fn length(&self, body: &mut &[u8]) -> Result<usize, Misshapen> {
        if self.flexible { Ok((varint(body)? as usize).saturating_sub(1)) } else { Ok(positive(body.try_get_i32()?)) }
    }
}

fn positive(len: i32) -> usize {
    usize::try_from(len).unwrap_or(0)
}

fn skip(body: &mut &[u8], len: usize) -> Result<(), Misshapen> {
    *body = body.get(len..).ok_or(Misshapen)?;
    Ok(())
}

fn skip_tags(body: &mut &[u8]) -> Result<(), Misshapen> {
    for _ in 0..varint(body)? {
        varint(body)?;
        let len = varint(body)? as usize;
        skip(body, len)?;
    }
    Ok(())
}

fn varint(body: &mut &[u8]) -> Result<u32, Misshapen> {
    let mut value = 0_u32;
    for shift in (0..35).step_by(7) {
        let byte = body.try_get_u8()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Misshapen)
}
