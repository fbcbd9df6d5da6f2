//! Schedule file, IATA SSIM chapter 7: one record a line of 200 characters.
//!
//!     1 header │ 2 carrier and season │ 3 leg and the days it flies │ 4 more of a leg │ 5 trailer │ zeros: padding
//!
//! Each kind of record has a table of fields: name, first and last position from 1, form. A field that is blank is none; what
//! stands outside the fields is kept with its position. A record that is read writes the same 200 characters again.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use slipstream_schemas::ids::Carrier;

use super::month_number;
use crate::weather::groups::{leading, number};

/// Characters of a record.
pub const RECORD_BYTES: usize = 200;

/// Why a line is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Not 200 characters.
    #[error("{0} characters; a record has {RECORD_BYTES}")]
    Length(usize),
    /// A character outside ASCII.
    #[error("position {0}: not ASCII")]
    Character(usize),
    /// A first character that is no kind of record.
    #[error("position 1: record type `{0}` is none of 1 to 5 or padding")]
    Kind(char),
    /// A field that is not of its form.
    #[error("positions {from} to {to}: {field}: {problem}")]
    Field {
        /// First position.
        from: usize,
        /// Last position.
        to: usize,
        /// Its name.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Any characters.
    Text,
    /// Figures, leading zeros or blanks.
    Number,
    /// `25OCT26`; `00XXX00` is open.
    Date,
    /// `0725`.
    Time,
    /// `+0100`.
    Offset,
    /// `1234567`, blank where it does not fly.
    Days,
}

/// Name, first position, last position, form.
type Field = (&'static str, usize, usize, Form);

const HEADER: &[Field] =
    &[("title", 2, 35, Form::Text), ("seasons", 41, 41, Form::Text), ("record_number", 195, 200, Form::Number)];

const CARRIER: &[Field] = &[
    ("time_mode", 2, 2, Form::Text),
    ("airline", 3, 5, Form::Text),
    ("season", 11, 13, Form::Text),
    ("valid_from", 15, 21, Form::Date),
    ("valid_to", 22, 28, Form::Date),
    ("created", 29, 35, Form::Date),
    ("title", 36, 64, Form::Text),
    ("released", 65, 71, Form::Date),
    ("status", 72, 72, Form::Text),
    ("duplicate_marker", 108, 108, Form::Text),
    ("general", 109, 169, Form::Text),
    ("in_flight_services", 170, 188, Form::Text),
    ("electronic_ticket", 189, 190, Form::Text),
    ("created_time", 191, 194, Form::Time),
    ("record_number", 195, 200, Form::Number),
];

const LEG: &[Field] = &[
    ("suffix", 2, 2, Form::Text),
    ("airline", 3, 5, Form::Text),
    ("flight_number", 6, 9, Form::Number),
    ("variation", 10, 11, Form::Number),
    ("leg_sequence", 12, 13, Form::Number),
    ("service_type", 14, 14, Form::Text),
    ("from_date", 15, 21, Form::Date),
    ("to_date", 22, 28, Form::Date),
    ("days", 29, 35, Form::Days),
    ("frequency", 36, 36, Form::Text),
    ("departure_station", 37, 39, Form::Text),
    ("passenger_departure", 40, 43, Form::Time),
    ("aircraft_departure", 44, 47, Form::Time),
    ("departure_utc_offset_min", 48, 52, Form::Offset),
    ("departure_terminal", 53, 54, Form::Text),
    ("arrival_station", 55, 57, Form::Text),
    ("aircraft_arrival", 58, 61, Form::Time),
    ("passenger_arrival", 62, 65, Form::Time),
    ("arrival_utc_offset_min", 66, 70, Form::Offset),
    ("arrival_terminal", 71, 72, Form::Text),
    ("aircraft_type", 73, 75, Form::Text),
    ("booking_classes", 76, 95, Form::Text),
    ("booking_modifiers", 96, 100, Form::Text),
    ("meals", 101, 110, Form::Text),
    ("joint_operation", 111, 119, Form::Text),
    ("minimum_connecting_time", 120, 121, Form::Text),
    ("secure_flight", 122, 122, Form::Text),
    ("variation_overflow", 128, 128, Form::Text),
    ("aircraft_owner", 129, 131, Form::Text),
    ("cockpit_employer", 132, 134, Form::Text),
    ("cabin_employer", 135, 137, Form::Text),
    ("onward_airline", 138, 140, Form::Text),
    ("onward_flight", 141, 144, Form::Number),
    ("onward_layover", 145, 145, Form::Text),
    ("onward_suffix", 146, 146, Form::Text),
    ("transit_layover", 148, 148, Form::Text),
    ("operating_disclosure", 149, 149, Form::Text),
    ("traffic_restriction", 150, 160, Form::Text),
    ("restriction_overflow", 161, 161, Form::Text),
    ("configuration", 173, 192, Form::Text),
    ("departure_day", 193, 193, Form::Text),
    ("arrival_day", 194, 194, Form::Text),
    ("record_number", 195, 200, Form::Number),
];

const SEGMENT: &[Field] = &[
    ("suffix", 2, 2, Form::Text),
    ("airline", 3, 5, Form::Text),
    ("flight_number", 6, 9, Form::Number),
    ("variation", 10, 11, Form::Number),
    ("leg_sequence", 12, 13, Form::Number),
    ("service_type", 14, 14, Form::Text),
    ("variation_overflow", 28, 28, Form::Text),
    ("board_indicator", 29, 29, Form::Text),
    ("off_indicator", 30, 30, Form::Text),
    ("data_element", 31, 33, Form::Number),
    ("board_station", 34, 36, Form::Text),
    ("off_station", 37, 39, Form::Text),
    ("data", 40, 194, Form::Text),
    ("record_number", 195, 200, Form::Number),
];

const TRAILER: &[Field] = &[
    ("airline", 3, 5, Form::Text),
    ("released", 6, 12, Form::Date),
    ("check_number", 188, 193, Form::Number),
    ("continuation", 194, 194, Form::Text),
    ("record_number", 195, 200, Form::Number),
];

/// First character, name and fields of each kind of record.
const KINDS: [(char, &str, &[Field]); 6] = [
    ('1', "header", HEADER),
    ('2', "carrier", CARRIER),
    ('3', "leg", LEG),
    ('4', "segment", SEGMENT),
    ('5', "trailer", TRAILER),
    ('0', "padding", &[]),
];

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    kind: usize,
    /// The 200 characters.
    text: String,
}

impl Record {
    /// Reads one line.
    ///
    /// # Errors
    /// It has not 200 ASCII characters, is of no known kind, or a field is not of its form.
    pub fn read(line: &str) -> Result<Self, Misread> {
        if let Some(at) = line.bytes().position(|byte| !byte.is_ascii()) {
            return Err(Misread::Character(at + 1));
        }
        if line.len() != RECORD_BYTES {
            return Err(Misread::Length(line.len()));
        }
        let first = line.chars().next().unwrap_or_default();
        let kind = KINDS.iter().position(|(character, ..)| *character == first).ok_or(Misread::Kind(first))?;
        let record = Self { kind, text: line.to_owned() };
        let fields = KINDS[kind].2;
        match fields.iter().find(|field| !valid(record.part(field), field.3)) {
            Some((field, from, to, form)) => Err(Misread::Field { from: *from, to: *to, field, problem: problem(*form) }),
            None => Ok(record),
        }
    }

    /// `header`, `carrier`, `leg`, `segment`, `trailer` or `padding`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        KINDS[self.kind].1
    }

    fn part(&self, (_, from, to, _): &Field) -> &str {
        self.text.get(from - 1..*to).unwrap_or_default()
    }

    /// A field as written, without blanks at its end; empty where this kind of record has none of that name.
    pub(crate) fn text(&self, field: &str) -> &str {
        KINDS[self.kind].2.iter().find(|(name, ..)| *name == field).map_or("", |field| self.part(field).trim_end())
    }

    /// A date field; none where it is blank or open.
    pub(crate) fn date(&self, field: &str) -> Option<jiff::civil::Date> {
        date(self.text(field).trim())?.parse().ok()
    }

    /// A time field, minutes after midnight.
    pub(crate) fn minutes(&self, field: &str) -> Option<i64> {
        hours_and_minutes(self.text(field).trim()).map(|(hours, minutes)| i64::from(hours * 60 + minutes))
    }

    /// A difference from UTC, minutes ahead.
    pub(crate) fn offset(&self, field: &str) -> Option<i64> {
        offset(self.text(field).trim())
    }

    /// A number field.
    pub(crate) fn count(&self, field: &str) -> Option<u64> {
        number(self.text(field).trim()).map(u64::from)
    }

    /// The days of the week of a leg, 1 Monday to 7 Sunday.
    pub(crate) fn days(&self) -> Vec<u32> {
        days(self.text("days")).unwrap_or_default()
    }

    /// What stands outside the fields, as (position, text).
    fn outside(&self) -> Map<String, Value> {
        let fields = KINDS[self.kind].2;
        let covered =
            |at: usize| at == 1 || self.kind() == "padding" || fields.iter().any(|(_, from, to, _)| (*from..=*to).contains(&at));
        let stray = self.text.chars().enumerate().filter(|(at, c)| *c != ' ' && !covered(at + 1));
        stray.map(|(at, c)| ((at + 1).to_string(), Value::from(c.to_string()))).collect()
    }
}

/// The 200 characters.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Map::new();
        object.insert("record".to_owned(), self.kind().into());
        for field in KINDS[self.kind].2 {
            object.insert(field.0.to_owned(), value(self.part(field), field.3));
        }
        let outside = self.outside();
        if !outside.is_empty() {
            object.insert("outside".to_owned(), outside.into());
        }
        object.serialize(serializer)
    }
}

/// Flight designators of a codeshare element: three places of airline, then the number, with strokes between them.
pub(crate) fn designators(text: &str) -> Option<Vec<(Carrier, i32)>> {
    let one = |text: &str| {
        let (carrier, rest) = text.split_at_checked(3)?;
        let flight = i32::try_from(number(rest.trim())?).ok().filter(|flight| matches!(flight, 1..=9999))?;
        Some((carrier.trim_end().parse().ok()?, flight))
    };
    text.trim().split('/').filter(|part| !part.trim().is_empty()).map(one).collect()
}

fn problem(form: Form) -> &'static str {
    match form {
        Form::Text => "not text",
        Form::Number => "not a number",
        Form::Date => "not a date (DDMMMYY)",
        Form::Time => "not a time (HHMM)",
        Form::Offset => "not a difference from UTC (+HHMM)",
        Form::Days => "not days of the week (1234567, blank where it does not fly)",
    }
}

fn valid(part: &str, form: Form) -> bool {
    part.trim().is_empty() || form == Form::Text || !value(part, form).is_null()
}

/// A field's value; null where it is blank or not of its form.
fn value(part: &str, form: Form) -> Value {
    let text = part.trim();
    match form {
        _ if text.is_empty() => Value::Null,
        Form::Text => part.trim_end().into(),
        Form::Number => number(text).into(),
        Form::Date => date(text).into(),
        Form::Time => hours_and_minutes(text).map(|(hours, minutes)| format!("{hours:02}:{minutes:02}")).into(),
        Form::Offset => offset(text).into(),
        Form::Days => days(part).into(),
    }
}

/// `25OCT26` as 2026-10-25. Two figures of a year are of this century: the format is younger than it.
fn date(text: &str) -> Option<String> {
    if text == "00XXX00" {
        return Some("open".to_owned());
    }
    let (day, rest) = leading(text, 2)?;
    let (month, year) = rest.split_at_checked(3)?;
    let (month, year) = (month_number(month)?, number(year).filter(|_| year.len() == 2)?);
    let date = jiff::civil::Date::new(i16::try_from(2000 + year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    date.ok().map(|date| date.to_string())
}

fn hours_and_minutes(text: &str) -> Option<(u32, u32)> {
    let (hours, rest) = leading(text, 2)?;
    let minutes = number(rest).filter(|_| rest.len() == 2)?;
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some((hours, minutes))
}

/// Minutes ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = hours_and_minutes(rest)?;
    let ahead = i64::from(hours * 60 + minutes);
    match sign {
        "+" => Some(ahead),
        "-" => Some(-ahead),
        _ => None,
    }
}

/// The days on which it flies, 1 Monday to 7 Sunday.
fn days(part: &str) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for (at, c) in (1u32..).zip(part.chars()) {
        match c.to_digit(10) {
            Some(day) if day == at => found.push(day),
            None if c == ' ' => {}
            Some(_) | None => return None,
        }
    }
    Some(found)
}
