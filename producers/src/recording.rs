//! `recording:` our own recordings: one source record a line, as JSON, packed when the name ends in `.gz`.
//!
//!     {"topic":…,"key":…,"timestamp":epoch-ms,"type":…,"id":…,"headers":{…},"value":{…}}
//!
//! The line format of `--out` with the topic in front. Of the headers only those are written that do not
//! follow from the rest; any may be there when a line is read. Reading a recording and writing it again gives
//! the same bytes. Lines stand in order of timestamp; one that does not is refused like any other bad line.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use slipstream_schemas::records::{TYPES, from_json, rank_of, write_json};
use slipstream_schemas::topics;
use slipstream_streams::record::{Event, Record, Topic, Ts, header};
use slipstream_streams::reference::{Source, SourceError};
use uuid::Uuid;

use crate::Recorded;
use crate::inputs::Kind;
use crate::refusals::{Fault, Refused};
use crate::table::{TableError, shown};
use crate::text_file::{self, Text};

/// Topics that sources write; the others are written by stages, from these.
const SOURCE_TOPICS: &[Topic] = &[
    topics::FLIGHT_OBSERVATIONS,
    topics::FLIGHT_UNMATCHED,
    topics::EXTERNAL_DATA,
    topics::BOOKING_EVENTS,
    topics::INVENTORY_EVENTS,
    topics::BOARDING_EVENTS,
    topics::CARRIER_PROOFS,
];

/// Instants that a recording may hold: the years 1970 to 9999.
const TIMESTAMPS: std::ops::RangeInclusive<Ts> = 0..=253_402_300_799_999;

/// Source of records that do not name one.
const SOURCE: &str = "/producers/recording";

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    timestamp: Ts,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    id: Uuid,
    #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// A recording being read.
pub(crate) struct Recording {
    file: Arc<str>,
    text: BufReader<Text>,
    line: u64,
    bytes: Vec<u8>,
    latest: Ts,
    refused: Refused,
}

impl Recording {
    /// Opens a recording.
    pub(crate) fn open(path: &Path, refused: Refused) -> Result<Self, TableError> {
        let text = text_file::open(path).map_err(|source| TableError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            file: path.display().to_string().into(),
            text: BufReader::new(text),
            line: 0,
            bytes: Vec::new(),
            latest: *TIMESTAMPS.start(),
            refused,
        })
    }

    /// Reads a line; false at the end.
    fn advance(&mut self) -> Result<bool, SourceError> {
        self.bytes.clear();
        let read = self.text.read_until(b'\n', &mut self.bytes).map_err(|problem| {
            let (file, line) = (Arc::clone(&self.file), self.line);
            SourceError(TableError::Damaged { file, line, problem: problem.to_string() }.to_string())
        })?;
        self.line += 1;
        Ok(read > 0)
    }

    fn record(&self) -> Result<Record, Fault> {
        let text = std::str::from_utf8(self.bytes.trim_ascii_end()).map_err(|_| Fault::new("line", "not UTF-8"))?;
        let line: Line<'_> =
            serde_json::from_str(text).map_err(|e| Fault::new("line", format_args!("{} (column {})", reason(&e), e.column())))?;
        if !TIMESTAMPS.contains(&line.timestamp) {
            return Err(Fault::new("timestamp", format_args!("{} is not within the years 1970 to 9999", line.timestamp)));
        }
        if line.timestamp < self.latest {
            let late =
                format_args!("{} comes after {}: lines must be in order of timestamp", line.timestamp, self.latest).to_string();
            return Err(Fault::new("timestamp", late));
        }
        read(&line)
    }
}

impl Source for Recording {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        while self.advance()? {
            if self.bytes.trim_ascii().is_empty() {
                continue;
            }
            match self.record() {
                Ok(record) => {
                    self.latest = record.timestamp;
                    return Ok(Some(record));
                }
                Err(fault) => self.refused.withhold(&self.file, self.line, fault, self.bytes.trim_ascii_end()),
            }
        }
        Ok(None)
    }
}

impl Recorded for Recording {
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        to(Kind::Recording, &mut self.refused);
    }
}

fn read(line: &Line<'_>) -> Result<Record, Fault> {
    let rank =
        rank_of(&line.kind).ok_or_else(|| Fault::new("type", format_args!("`{}` is no record type", shown(&line.kind))))?;
    if line.key.is_empty() {
        return Err(Fault::new("key", "empty"));
    }
    let body = line.value.map(|value| body(rank, &line.kind, value.get())).transpose()?;
    Ok(Record {
        topic: source_topic(&line.topic)?,
        partition: -1,
        offset: -1,
        timestamp: line.timestamp,
        key: line.key.as_ref().into(),
        rank,
        event: event(line)?,
        body,
    })
}

fn source_topic(name: &str) -> Result<Topic, Fault> {
    if let Some(topic) = SOURCE_TOPICS.iter().find(|topic| **topic == name) {
        return Ok(topic);
    }
    let problem = if topics::ALL.contains(&name) { "is written by the pipeline, not by a source" } else { "is no topic" };
    Err(Fault::new("topic", format_args!("`{}` {problem}; sources write {}", shown(name), SOURCE_TOPICS.join(", "))))
}

fn event(line: &Line<'_>) -> Result<Event, Fault> {
    let text = |name: &str| line.headers.get(name).map(AsRef::as_ref);
    let id = |name: &'static str| {
        let parse = |text: &str| text.parse::<Uuid>().map_err(|e| Fault::new(format!("headers.{name}"), e));
        text(name).map(parse).transpose()
    };
    Ok(Event {
        id: line.id,
        source: text(header::SOURCE).unwrap_or(SOURCE).into(),
        correlation: id(header::CORRELATION)?.unwrap_or(line.id),
        causation: id(header::CAUSATION)?,
        organisation: text(header::ORGANISATION).map(Into::into),
    })
}

fn body(rank: u16, kind: &str, json: &str) -> Result<Box<[u8]>, Fault> {
    let schema = TYPES.get(usize::from(rank)).map_or("", |spec| spec.schema);
    match from_json(schema, json) {
        Ok((found, body)) if found == rank => Ok(body.into()),
        Ok((found, _)) => {
            let found = TYPES.get(usize::from(found)).map_or("", |spec| spec.name);
            Err(Fault::new("type", format_args!("{kind}, but the value is a {found}")))
        }
        Err(error) => {
            let field = culprit(schema, json, &reason(&error)).map_or("value".to_owned(), |field| format!("value.{field}"));
            Err(Fault::new(field, reason(&error)))
        }
    }
}

/// What is wrong, without the position inside the value.
fn reason(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The field whose value is at fault: the one without which the error is another.
fn culprit(schema: &str, json: &str, wrong: &str) -> Option<String> {
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let changes = |field: &&String| {
        let mut without = value.clone();
        without.shift_remove(*field);
        let text = serde_json::Value::Object(without).to_string();
        from_json(schema, &text).map_or_else(|error| reason(&error) != wrong, |_| true)
    };
    value.keys().find(changes).cloned()
}

/// A recording being written.
pub struct Writer {
    out: Packing,
    line: Vec<u8>,
}

enum Packing {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl Writer {
    /// Makes the file, in place of an earlier one; gzip when its name ends in `.gz`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
        let out = if packed { Packing::Gzip(GzEncoder::new(file, Compression::default())) } else { Packing::Plain(file) };
        Ok(Self { out, line: Vec::new() })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// The disk refuses, or the body is not of its type's schema.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        put_line(record, &mut self.line)?;
        match &mut self.out {
            Packing::Plain(file) => file.write_all(&self.line),
            Packing::Gzip(file) => file.write_all(&self.line),
        }
    }

    /// Writes out what is buffered and closes the file.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self) -> io::Result<()> {
        match self.out {
            Packing::Plain(mut file) => file.flush(),
            Packing::Gzip(file) => file.finish()?.flush(),
        }
    }
}

/// Appends a record's line with its line break.
fn put_line(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let spec = TYPES.get(usize::from(record.rank)).ok_or_else(|| invalid(format!("rank {} is no record type", record.rank)))?;
    let value = match record.body.as_deref() {
        None => None,
        Some(body) => {
            let mut json = Vec::with_capacity(body.len() * 4);
            write_json(spec.schema, body, &mut json).map_err(|e| invalid(e.to_string()))?;
            let json = String::from_utf8(json).map_err(|e| invalid(e.to_string()))?;
            Some(RawValue::from_string(json)?)
        }
    };
    let line = Line {
        topic: record.topic.into(),
        key: (&*record.key).into(),
        timestamp: record.timestamp,
        kind: spec.name.into(),
        id: record.event.id,
        headers: headers(&record.event),
        value: value.as_deref(),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

/// What does not follow from the rest of the line.
fn headers(event: &Event) -> BTreeMap<Cow<'static, str>, Cow<'_, str>> {
    let correlation = (event.correlation != event.id).then(|| event.correlation.to_string());
    let causation = event.causation.map(|id| id.to_string());
    let source = (*event.source != *SOURCE).then(|| Cow::Borrowed(&*event.source));
    let all = [
        (header::SOURCE, source),
        (header::CORRELATION, correlation.map(Cow::Owned)),
        (header::CAUSATION, causation.map(Cow::Owned)),
        (header::ORGANISATION, event.organisation.as_deref().map(Cow::Borrowed)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), value?))).collect()
}

/// A source whose records are recorded as they pass (`--record FILE`).
pub struct Recorder<S> {
    source: S,
    writer: Option<Writer>,
}

impl<S: Source> Recorder<S> {
    /// Records everything that `source` gives.
    pub fn new(source: S, writer: Writer) -> Self {
        Self { source, writer: Some(writer) }
    }

    /// The recorded source.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<S: Source> Source for Recorder<S> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let record = self.source.next()?;
        let written = match (&record, &mut self.writer) {
            (Some(record), Some(writer)) => writer.write(record),
            (None, writer) => writer.take().map_or(Ok(()), Writer::finish),
            (Some(_), None) => Ok(()),
        };
        written.map_err(|e| SourceError(format!("the recording cannot be written: {e}")))?;
        Ok(record)
    }
}
