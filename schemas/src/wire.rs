//! The Avro binary encoding of our own records, written once as traits and two macros.
//!
//!     record! / symbols!  ──►  struct + encode + decode + the Avro schema that describes it
//!
//! This is the fast route (writer schema = ours): no intermediate value, no allocation beyond the fields,
//! no panic on any input. A test compares every generated schema with the file under `avro/`, which is
//! what the outside reads. Bytes of a foreign writer schema never come here: `codec` resolves them first.
//!
//! Encoding: Avro 1.12 specification, "Binary encoding".

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Longest string or byte sequence that is decoded: 4 MiB, above every topic's `max.message.bytes` in use.
pub const TEXT_BYTES_MAX: usize = 4 << 20;
/// Most elements of one array that are decoded.
pub const ARRAY_ITEMS_MAX: usize = 65_536;

/// Why bytes are not a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The input ended inside a value.
    #[error("truncated: {0} more bytes needed")]
    Truncated(usize),
    /// A variable-length integer of more than ten bytes, or out of its type's range.
    #[error("integer out of range")]
    Integer,
    /// A length beyond the named limits of this module, or negative.
    #[error("length {0} is out of bounds")]
    Length(i64),
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A union branch or enum symbol that the schema does not have.
    #[error("branch {0} is not in the schema")]
    Branch(i64),
    /// A value that its newtype refuses.
    #[error("`{0}` is not a valid {1}")]
    Invalid(String, &'static str),
    /// Bytes after the end of the record.
    #[error("{0} bytes after the end of the record")]
    Trailing(usize),
}

/// A cursor over the bytes of one record.
#[derive(Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`WireError::Truncated`] if there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(WireError::Truncated(count - self.0.len().min(count)))?;
        self.0 = tail;
        Ok(head)
    }

    /// A zigzag variable-length `long`.
    ///
    /// # Errors
    /// Truncated input, or more than 64 bits.
    pub fn long(&mut self) -> Result<i64, WireError> {
        let mut bits: u64 = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                return Err(WireError::Integer);
            }
            bits |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(WireError::Integer)
    }

    fn length(&mut self) -> Result<usize, WireError> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= TEXT_BYTES_MAX => Ok(length),
            _ => Err(WireError::Length(length)),
        }
    }

    /// A string, borrowed.
    ///
    /// # Errors
    /// Truncated, too long, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| WireError::Utf8)
    }
}

/// Appends a zigzag variable-length `long`.
pub fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut bits = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while bits >= 0x80 {
        out.push((bits as u8 & 0x7f) | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

/// Appends a string.
pub fn put_text(value: &str, out: &mut Vec<u8>) {
    put_long(value.len() as i64, out);
    out.extend_from_slice(value.as_bytes());
}

/// A value with an Avro schema and its binary encoding.
pub trait Wire: Sized {
    /// True for a record whose fields stand flat among its container's, as a leg's seven do.
    const FLAT: bool = false;

    /// Appends the encoding.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads one value.
    ///
    /// # Errors
    /// Any [`WireError`]; the reader's position is then undefined.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError>;

    /// The Avro schema; a named type is written in full the first time and by name afterwards.
    fn schema(named: &mut BTreeSet<&'static str>) -> Value;

    /// The default that makes a field removable and addable (FULL_TRANSITIVE).
    fn default_json() -> Value;

    /// The fields of a record, for [`Wire::FLAT`] types.
    fn fields(_named: &mut BTreeSet<&'static str>) -> Vec<Value> {
        Vec::new()
    }

    /// The bytes of one whole value.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.encode(&mut out);
        out
    }

    /// One whole value from bytes.
    ///
    /// # Errors
    /// Any [`WireError`], also for bytes left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        let value = Self::decode(&mut reader)?;
        if reader.0.is_empty() { Ok(value) } else { Err(WireError::Trailing(reader.0.len())) }
    }
}

impl Wire for i64 {
    fn encode(&self, out: &mut Vec<u8>) {
        put_long(*self, out);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.long()
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("long")
    }
    fn default_json() -> Value {
        json!(0)
    }
}

impl Wire for i32 {
    fn encode(&self, out: &mut Vec<u8>) {
        put_long(i64::from(*self), out);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.long()?.try_into().map_err(|_| WireError::Integer)
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("int")
    }
    fn default_json() -> Value {
        json!(0)
    }
}

impl Wire for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError::Branch(i64::from(other))),
        }
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("boolean")
    }
    fn default_json() -> Value {
        json!(false)
    }
}

impl Wire for f64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(input.take(8)?);
        Ok(Self::from_le_bytes(bytes))
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("double")
    }
    fn default_json() -> Value {
        json!(0.0)
    }
}

impl Wire for String {
    fn encode(&self, out: &mut Vec<u8>) {
        put_text(self, out);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.text().map(str::to_owned)
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("string")
    }
    fn default_json() -> Value {
        json!("")
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(2);
                value.encode(out);
            }
        }
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.long()? {
            0 => Ok(None),
            1 => T::decode(input).map(Some),
            other => Err(WireError::Branch(other)),
        }
    }
    fn schema(named: &mut BTreeSet<&'static str>) -> Value {
        json!(["null", T::schema(named)])
    }
    fn default_json() -> Value {
        Value::Null
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        if !self.is_empty() {
            put_long(self.len() as i64, out);
            self.iter().for_each(|item| item.encode(out));
        }
        out.push(0);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut items = Self::new();
        loop {
            let mut count = input.long()?;
            if count == 0 {
                return Ok(items);
            }
            if count < 0 {
                input.long()?; // the block's size in bytes, for readers that skip
                count = count.checked_neg().ok_or(WireError::Length(count))?;
            }
            if count as u64 > (ARRAY_ITEMS_MAX - items.len()) as u64 {
                return Err(WireError::Length(count));
            }
            for _ in 0..count {
                items.push(T::decode(input)?);
            }
        }
    }
    fn schema(named: &mut BTreeSet<&'static str>) -> Value {
        json!({"type": "array", "items": T::schema(named)})
    }
    fn default_json() -> Value {
        json!([])
    }
}

/// The lines of a doc comment as one line, for the schema.
#[doc(hidden)]
#[must_use]
pub fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Declares a record: the struct, its encoding and its Avro schema in namespace `slipstream`.
///
/// `struct Name @flat` makes the record's fields stand among its container's where it is embedded; the
/// embedding field then carries `#[serde(flatten)]`, so that Avro and JSON show the same names.
#[macro_export]
macro_rules! record {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident $(@ $flat:ident)? { $($(#[doc = $doc:literal])* $(#[serde($($serde:tt)*)])* $field:ident $(as $wire:literal)? : $type:ty),* $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        $vis struct $name { $($(#[doc = $doc])* $(#[serde($($serde)*)])* $(#[serde(rename = $wire)])? pub $field: $type),* }

        impl $crate::wire::Wire for $name {
            const FLAT: bool = !concat!($(stringify!($flat))?).is_empty();

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::wire::Wire::encode(&self.$field, out);)*
            }
            fn decode(input: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                Ok(Self { $($field: $crate::wire::Wire::decode(input)?),* })
            }
            fn schema(named: &mut std::collections::BTreeSet<&'static str>) -> serde_json::Value {
                if !named.insert(stringify!($name)) {
                    return serde_json::json!(concat!("slipstream.", stringify!($name)));
                }
                let fields = <Self as $crate::wire::Wire>::fields(named);
                serde_json::json!({
                    "type": "record", "name": stringify!($name), "namespace": "slipstream",
                    "doc": $crate::wire::joined(&[$($about),*]), "fields": fields,
                })
            }
            fn default_json() -> serde_json::Value {
                let mut named = std::collections::BTreeSet::new();
                let fields = <Self as $crate::wire::Wire>::fields(&mut named);
                fields.into_iter().map(|f| (f["name"].as_str().unwrap_or_default().to_owned(), f["default"].clone())).collect::<serde_json::Map<_, _>>().into()
            }
            fn fields(named: &mut std::collections::BTreeSet<&'static str>) -> Vec<serde_json::Value> {
                let mut fields = Vec::new();
                $(
                    if <$type as $crate::wire::Wire>::FLAT {
                        fields.extend(<$type as $crate::wire::Wire>::fields(named));
                    } else {
                        let name = [$($wire,)? stringify!($field)][0];
                        fields.push(serde_json::json!({
                            "name": name,
                            "type": <$type as $crate::wire::Wire>::schema(named),
                            "default": <$type as $crate::wire::Wire>::default_json(),
                            "doc": $crate::wire::joined(&[$($doc),*]),
                        }));
                    }
                )*
                fields
            }
        }
    };
}

/// Declares an Avro enum whose first symbol, and default, is `UNKNOWN`.
#[macro_export]
macro_rules! symbols {
    ($(#[doc = $about:literal])* $vis:vis enum $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $symbol:literal),* $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        $vis enum $name {
            /// A symbol that this version does not know.
            #[default]
            Unknown,
            $($(#[doc = $doc])* $variant),*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            /// Unknown symbols become `Unknown`, as Avro resolves them.
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(text.parse().unwrap_or_default())
            }
        }

        impl $name {
            /// Every symbol, in schema order.
            pub const ALL: &[Self] = &[Self::Unknown, $(Self::$variant),*];

            /// The symbol as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { Self::Unknown => "UNKNOWN", $(Self::$variant => $symbol),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::wire::WireError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|s| s.as_str() == text)
                    .ok_or_else(|| $crate::wire::WireError::Invalid(text.to_owned(), stringify!($name)))
            }
        }

        impl $crate::wire::Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $crate::wire::put_long(*self as i64, out);
            }
            fn decode(input: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                let index = input.long()?;
                usize::try_from(index).ok().and_then(|i| Self::ALL.get(i)).copied().ok_or($crate::wire::WireError::Branch(index))
            }
            fn schema(named: &mut std::collections::BTreeSet<&'static str>) -> serde_json::Value {
                if !named.insert(stringify!($name)) {
                    return serde_json::json!(concat!("slipstream.", stringify!($name)));
                }
                let symbols: Vec<&str> = Self::ALL.iter().map(|s| s.as_str()).collect();
                serde_json::json!({
                    "type": "enum", "name": stringify!($name), "namespace": "slipstream",
                    "doc": $crate::wire::joined(&[$($about),*]), "symbols": symbols, "default": "UNKNOWN",
                })
            }
            fn default_json() -> serde_json::Value {
                serde_json::json!("UNKNOWN")
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Avro 1.12 specification, "Primitive types": the examples of variable-length zigzag, and the ends of the range.
    #[test]
    fn longs_are_zigzag_as_in_the_specification() {
        let cases: [(i64, &[u8]); 10] = [
            (0, &[0x00]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (-2, &[0x03]),
            (2, &[0x04]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (8192, &[0x80, 0x80, 0x01]),
            (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ];
        for (value, bytes) in cases {
            assert_eq!(value.to_bytes(), bytes, "{value}");
            assert_eq!(i64::from_bytes(bytes), Ok(value));
        }
    }

    #[test]
    fn what_is_no_value_is_named() {
        let nine = [0xff; 9];
        let cases: [(&str, Result<(), WireError>, WireError); 7] = [
            ("66 bits", i64::from_bytes(&[&nine[..], &[2]].concat()).map(drop), WireError::Integer),
            ("eleven bytes", i64::from_bytes(&[0x80; 11]).map(drop), WireError::Integer),
            ("long as int", i32::from_bytes(&(1_i64 << 40).to_bytes()).map(drop), WireError::Integer),
            ("two as boolean", bool::from_bytes(&[2]).map(drop), WireError::Branch(2)),
            ("third branch", Option::<i32>::from_bytes(&[4]).map(drop), WireError::Branch(2)),
            ("negative length", String::from_bytes(&[1]).map(drop), WireError::Length(-1)),
            ("half a text", String::from_bytes(&[8, b'a']).map(drop), WireError::Truncated(3)),
        ];
        for (case, found, expect) in cases {
            assert_eq!(found, Err(expect), "{case}");
        }
        assert_eq!(String::from_bytes(&[2, 0xff]), Err(WireError::Utf8));
        assert_eq!(bool::from_bytes(&[1, 1]), Err(WireError::Trailing(1)));
    }

    /// Another writer may cut an array into blocks, with or without their size in bytes.
    #[test]
    fn arrays_are_read_in_any_blocks() {
        for bytes in [&[6, 2, 4, 6, 0][..], &[2, 2, 4, 4, 6, 0], &[5, 6, 2, 4, 6, 0], &[1, 2, 2, 3, 4, 4, 6, 0]] {
            assert_eq!(Vec::<i64>::from_bytes(bytes), Ok(vec![1, 2, 3]), "{bytes:?}");
        }
        let mut bomb = (ARRAY_ITEMS_MAX as i64 + 1).to_bytes();
        bomb.resize(bomb.len() + ARRAY_ITEMS_MAX + 2, 0);
        assert_eq!(Vec::<i64>::from_bytes(&bomb), Err(WireError::Length(ARRAY_ITEMS_MAX as i64 + 1)));
    }
}
