//! Identifiers: parse once, then trust the type.
//!
//! `FromStr` is the only way in, serde and Avro enter by the same door. A [`Leg`] is AIDX's leg identifier
//! (IATA AIDX implementation guide): operating carrier, number, operational suffix, local date first
//! scheduled at origin, origin, scheduled destination, repeat number. It survives retiming and codeshare.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::wire::{Reader, Wire, WireError, put_text};

/// Declares a short text identifier that is stored in place.
macro_rules! code {
    ($(#[$meta:meta])* $name:ident, $size:literal, $what:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $size]);

        impl $name {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                let end = self.0.iter().position(|b| *b == 0).unwrap_or($size);
                std::str::from_utf8(&self.0[..end]).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = WireError;
            fn from_str(text: &str) -> Result<Self, WireError> {
                let bytes = text.as_bytes();
                let check: fn(&[u8]) -> bool = $check;
                if bytes.len() > $size || !check(bytes) {
                    return Err(WireError::Invalid(text.chars().take(40).collect(), $what));
                }
                let mut code = [0; $size];
                code[..bytes.len()].copy_from_slice(bytes);
                Ok(Self(code))
            }
        }

        text_identifier!($name);
    };
}

/// Gives an identifier with `as_str` and `FromStr` its display, serde and Avro sides.
macro_rules! text_identifier {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl TryFrom<String> for $name {
            type Error = WireError;
            fn try_from(text: String) -> Result<Self, WireError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
        impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                put_text(self.as_str(), out);
            }
            fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
                input.text()?.parse()
            }
            fn schema(_: &mut BTreeSet<&'static str>) -> Value {
                json!("string")
            }
            fn default_json() -> Value {
                json!("")
            }
        }
    };
}

code! {
    /// IATA airport code: three capital letters.
    Airport, 3, "IATA airport code", |code| code.len() == 3 && code.iter().all(u8::is_ascii_uppercase)
}
code! {
    /// Airline designator: two capital letters or digits, at least one letter (IATA), or these and a third letter (ICAO).
    Carrier, 3, "airline designator", |code| (2..=3).contains(&code.len())
        && code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && code[..2].iter().any(u8::is_ascii_uppercase)
        && code.get(2).is_none_or(u8::is_ascii_uppercase)
}
code! {
    /// Aircraft registration, as painted: capital letters, digits, hyphen; 2 to 10 characters.
    Tail, 10, "aircraft registration", |code| (2..=10).contains(&code.len())
        && code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'-')
}
code! {
    /// PNR locator: six capital letters or digits (S3-06).
    Pnr, 6, "PNR locator", |code| code.len() == 6 && code.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
code! {
    /// The tenant that sells, carries and answers for a booking: an airline or an airline group.
    Organisation, 16, "organisation", |code| (2..=16).contains(&code.len())
        && code.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}
code! {
    /// Pseudonymous passenger id: letters, digits, hyphen; 1 to 36 characters. Never a name.
    Passenger, 36, "passenger id", |code| (1..=36).contains(&code.len())
        && code.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}
code! {
    /// ISO 4217 currency code.
    Currency, 3, "currency", |code| code.len() == 3 && code.iter().all(u8::is_ascii_uppercase)
}

/// A calendar date, local to the airport it belongs to. ISO 8601 on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The calendar date.
    #[must_use]
    pub fn civil(self) -> jiff::civil::Date {
        self.0
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
}

impl FromStr for Date {
    type Err = WireError;
    fn from_str(text: &str) -> Result<Self, WireError> {
        let invalid = || WireError::Invalid(text.chars().take(40).collect(), "date");
        if text.len() != 10 {
            return Err(invalid()); // jiff would also read a date with a time
        }
        text.parse().map(Self).map_err(|_| invalid())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Date {
    type Error = WireError;
    fn try_from(text: String) -> Result<Self, WireError> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl Wire for Date {
    fn encode(&self, out: &mut Vec<u8>) {
        let (year, month, day) = (self.0.year(), self.0.month(), self.0.day());
        if !(0..=9999).contains(&year) {
            return put_text(&self.to_string(), out);
        }
        let digit = |n: i16, unit: i16| b'0' + ((n / unit) % 10) as u8;
        let (month, day) = (i16::from(month), i16::from(day));
        out.push(20); // ten characters, zigzag
        out.extend_from_slice(&[
            digit(year, 1000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            b'-',
            digit(month, 10),
            digit(month, 1),
            b'-',
            digit(day, 10),
            digit(day, 1),
        ]);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.text()?.parse()
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        json!("string")
    }
    fn default_json() -> Value {
        json!("1970-01-01")
    }
}

/// One flight leg: what flies from one airport to the next under one number on one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Leg {
    /// Operating carrier.
    pub carrier: Carrier,
    /// Flight number, 0 to 9999.
    #[serde(deserialize_with = "flight_number")]
    pub number: i32,
    /// Operational suffix, one capital letter.
    pub suffix: Option<Suffix>,
    /// Local date at origin for which the leg was first scheduled.
    pub date: Date,
    /// Airport of departure.
    pub origin: Airport,
    /// Scheduled airport of arrival; a diversion does not change it.
    pub destination: Airport,
    /// 0, or the count of earlier legs with the same six parts.
    #[serde(deserialize_with = "repeat")]
    pub repeat: i32,
}

code! {
    /// Operational suffix of a flight number: one capital letter.
    Suffix, 1, "operational suffix", |code| code.len() == 1 && code[0].is_ascii_uppercase()
}

impl Leg {
    /// `LH400`, see [`flight_key`].
    #[must_use]
    pub fn carrier_number(&self) -> String {
        flight_key(self.carrier, self.number)
    }

    /// The legs of one flight number on one date, as a stretch of the order of legs.
    #[must_use]
    pub fn of_flight(carrier: Carrier, number: i32, suffix: Option<Suffix>, date: Date) -> RangeInclusive<Self> {
        let end = |code: &[u8; 3], repeat| {
            let airport = Airport(*code);
            Self { carrier, number, suffix, date, origin: airport, destination: airport, repeat }
        };
        end(b"AAA", 0)..=end(b"ZZZ", i32::MAX)
    }
}

/// `LH400`: the key of topics that know a flight by its designator, without suffix.
#[must_use]
pub fn flight_key(carrier: Carrier, number: i32) -> String {
    format!("{carrier}{number}")
}

/// The record key: `AA1234/2008-01-31/JFK-LAX`, suffix after the number, `/1` appended for a repeat.
impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.carrier, self.number)?;
        if let Some(suffix) = self.suffix {
            write!(f, "{suffix}")?;
        }
        write!(f, "/{}/{}-{}", self.date, self.origin, self.destination)?;
        if self.repeat > 0 { write!(f, "/{}", self.repeat) } else { Ok(()) }
    }
}

/// Reads what `Display` writes, and nothing else: no leading zeros, no signs.
impl FromStr for Leg {
    type Err = WireError;
    fn from_str(text: &str) -> Result<Self, WireError> {
        let invalid = || WireError::Invalid(text.chars().take(60).collect(), "leg");
        let parts: Vec<&str> = text.splitn(5, '/').collect();
        let (designator, date, pair, repeat) = match parts[..] {
            [designator, date, pair] => (designator, date, pair, 0),
            [designator, date, pair, repeat] => (designator, date, pair, repeat.parse().map_err(|_| invalid())?),
            _ => return Err(invalid()),
        };
        let (carrier, number, suffix) = split_designator(designator).ok_or_else(invalid)?;
        let (origin, destination) = pair.split_once('-').ok_or_else(invalid)?;
        let leg = Self {
            carrier: carrier.parse()?,
            number: number.parse().ok().filter(|number| NUMBERS.contains(number)).ok_or_else(invalid)?,
            suffix: suffix.map(str::parse).transpose()?,
            date: date.parse()?,
            origin: origin.parse()?,
            destination: destination.parse()?,
            repeat,
        };
        if leg.to_string() == text { Ok(leg) } else { Err(invalid()) }
    }
}

/// Flight numbers have at most four digits.
const NUMBERS: RangeInclusive<i32> = 0..=9999;

/// `LH400A` as `LH`, `400`, `A`. A designator's third character is a letter, a number's first is not.
fn split_designator(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let is_letter = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_uppercase);
    let split = if is_letter(2) && text.len() > 3 { 3 } else { 2 };
    let (carrier, rest) = text.split_at_checked(split)?;
    match rest.len().checked_sub(1)? {
        last if is_letter(split + last) => {
            let (number, suffix) = rest.split_at_checked(last)?;
            Some((carrier, number, Some(suffix)))
        }
        _ => Some((carrier, rest, None)),
    }
}

/// The fields of a leg that have a range and no type of their own.
fn in_range(number: i32, repeat: i32) -> Result<(), WireError> {
    match (NUMBERS.contains(&number), repeat >= 0) {
        (true, true) => Ok(()),
        (false, _) => Err(WireError::Invalid(number.to_string(), "flight number")),
        (true, false) => Err(WireError::Invalid(repeat.to_string(), "repeat number")),
    }
}

fn flight_number<'de, D: serde::Deserializer<'de>>(input: D) -> Result<i32, D::Error> {
    let number = i32::deserialize(input)?;
    in_range(number, 0).map_err(serde::de::Error::custom)?;
    Ok(number)
}

fn repeat<'de, D: serde::Deserializer<'de>>(input: D) -> Result<i32, D::Error> {
    let repeat = i32::deserialize(input)?;
    in_range(0, repeat).map_err(serde::de::Error::custom)?;
    Ok(repeat)
}

impl Wire for Leg {
    const FLAT: bool = true;

    fn encode(&self, out: &mut Vec<u8>) {
        self.carrier.encode(out);
        self.number.encode(out);
        self.suffix.encode(out);
        self.date.encode(out);
        self.origin.encode(out);
        self.destination.encode(out);
        self.repeat.encode(out);
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let leg = Self {
            carrier: Wire::decode(input)?,
            number: Wire::decode(input)?,
            suffix: Wire::decode(input)?,
            date: Wire::decode(input)?,
            origin: Wire::decode(input)?,
            destination: Wire::decode(input)?,
            repeat: Wire::decode(input)?,
        };
        in_range(leg.number, leg.repeat).map(|()| leg)
    }
    fn schema(_: &mut BTreeSet<&'static str>) -> Value {
        Value::Null // flat: never a type of its own
    }
    fn default_json() -> Value {
        Value::Null
    }
    fn fields(_: &mut BTreeSet<&'static str>) -> Vec<Value> {
        vec![
            json!({"name": "carrier", "type": "string", "default": "", "doc": "Operating carrier, IATA or ICAO designator."}),
            json!({"name": "number", "type": "int", "default": 0, "doc": "Flight number without leading zeros."}),
            json!({"name": "suffix", "type": ["null", "string"], "default": null, "doc": "Operational suffix."}),
            json!({"name": "date", "type": "string", "default": "1970-01-01", "doc": "Local date at origin for which the leg was first scheduled, ISO 8601."}),
            json!({"name": "origin", "type": "string", "default": "", "doc": "IATA airport of departure."}),
            json!({"name": "destination", "type": "string", "default": "", "doc": "IATA airport of scheduled arrival."}),
            json!({"name": "repeat", "type": "int", "default": 0, "doc": "0, or 1 for the second leg of the same identity."}),
        ]
    }
}
