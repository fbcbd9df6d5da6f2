//! `--out DIR`: what a read_committed consumer sees, one file a topic, byte for byte comparable.
//!
//!     instants ─► bounded queue ─► writer thread: sort by (timestamp, rank, key, id), format, append
//!
//! Streams instant by instant; only compacted topics are held back, as their last record per key is known at
//! the end. A file is made for every selected topic, so that an empty one says so.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use slipstream_schemas::records::{self, DeadLetter, TYPES};
use slipstream_schemas::topics::{self, Catalogue, Cleanup};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::Sink;

/// Instants that wait for the writer at most; a slow disk then holds the pipeline back.
const QUEUE_INSTANTS: usize = 1024;
/// Buffer of one file, bytes.
const FILE_BUFFER: usize = 256 << 10;
/// Topics that show how a run went, not what it decided.
const PHYSICAL: &[&str] = &[topics::CLOCK, topics::PROGRESS, topics::SYSTEM_METRICS];

/// Which topics are written, and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// These only; all if empty.
    pub(crate) topics: Vec<String>,
    /// Also what depends on partitions, offsets and wall time.
    pub(crate) physical: bool,
}

impl Selection {
    /// The topics to write, in name order.
    pub(crate) fn topics(&self) -> Vec<&'static str> {
        let wanted = |t: &&str| self.topics.is_empty() || self.topics.iter().any(|w| w == t);
        let shown = |t: &&str| self.physical || !PHYSICAL.contains(t);
        let mut all: Vec<_> = topics::ALL.iter().copied().filter(wanted).filter(shown).collect();
        all.sort_unstable();
        all
    }

    /// The first named topic that does not exist.
    pub(crate) fn unknown(&self) -> Option<&str> {
        self.topics.iter().map(String::as_str).find(|name| !topics::ALL.contains(name))
    }
}

/// Counts of what stands in the files: topic -> type -> records.
pub(crate) type Counts = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// The writer of a directory.
pub(crate) struct OutDir {
    queue: Option<SyncSender<Vec<Arc<Record>>>>,
    writer: Option<JoinHandle<std::io::Result<Counts>>>,
}

impl OutDir {
    /// Makes the directory and its files, replacing earlier ones of the same names. Without a directory only counts.
    ///
    /// # Errors
    /// The directory or a file cannot be made.
    pub(crate) fn create(directory: Option<&Path>, selection: &Selection) -> std::io::Result<Self> {
        let catalogue = Catalogue::of_this_version().map_err(std::io::Error::other)?;
        // Of a compacted topic the last record per key counts.
        let is_compacted = |topic| catalogue.topic(topic).is_some_and(|topic| topic.cleanup == Cleanup::Compact);
        let mut files = BTreeMap::new();
        for topic in selection.topics() {
            let file = directory.map(|d| open(d, topic)).transpose()?;
            files.insert(topic, TopicFile { file, held: BTreeMap::new(), compacted: is_compacted(topic) });
        }
        let (queue, instants) = sync_channel::<Vec<Arc<Record>>>(QUEUE_INSTANTS);
        let mut files = Files { files, counts: Counts::new(), physical: selection.physical, line: Vec::new() };
        let writer = std::thread::Builder::new().name("out".to_owned()).spawn(move || {
            for records in instants {
                files.write(records)?;
            }
            files.finish()
        })?;
        Ok(Self { queue: Some(queue), writer: Some(writer) })
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// The first write that failed.
    pub(crate) fn finish(&mut self) -> std::io::Result<Counts> {
        drop(self.queue.take());
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(std::io::Error::other("the writer thread died")),
            None => Err(std::io::Error::other("already finished")),
        }
    }
}

impl Sink for OutDir {
    fn instant(&mut self, _at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        if self.queue.as_ref().is_some_and(|queue| queue.send(records).is_ok()) {
            return Ok(());
        }
        // The writer ended early: its error is the reason.
        self.finish().map(|_| ())
    }
}

fn open(directory: &Path, topic: &str) -> std::io::Result<BufWriter<File>> {
    std::fs::create_dir_all(directory)?;
    let path: PathBuf = directory.join(format!("{topic}.jsonl"));
    let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    File::create(&path).map(|file| BufWriter::with_capacity(FILE_BUFFER, file)).map_err(named)
}

struct TopicFile {
    file: Option<BufWriter<File>>,
    held: BTreeMap<Box<str>, Arc<Record>>,
    compacted: bool,
}

struct Files {
    files: BTreeMap<&'static str, TopicFile>,
    counts: Counts,
    physical: bool,
    line: Vec<u8>,
}

impl Files {
    fn write(&mut self, mut records: Vec<Arc<Record>>) -> std::io::Result<()> {
        records.sort_by(|a, b| file_order(a).cmp(&file_order(b)));
        for record in records {
            let Some(topic) = self.files.get_mut(record.topic) else { continue };
            if topic.compacted {
                match record.body {
                    Some(_) => topic.held.insert(record.key.clone(), record),
                    None => topic.held.remove(&record.key),
                };
                continue;
            }
            count(&mut self.counts, &record);
            if let Some(file) = &mut topic.file {
                line(&record, self.physical, &mut self.line)?;
                file.write_all(&self.line)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> std::io::Result<Counts> {
        for topic in self.files.values_mut() {
            let mut held: Vec<_> = std::mem::take(&mut topic.held).into_values().collect();
            held.sort_by(|a, b| file_order(a).cmp(&file_order(b)));
            held.iter().for_each(|record| count(&mut self.counts, record));
            let Some(file) = &mut topic.file else { continue };
            for record in held {
                line(&record, self.physical, &mut self.line)?;
                file.write_all(&self.line)?;
            }
            file.flush()?;
        }
        Ok(self.counts)
    }
}

fn count(counts: &mut Counts, record: &Record) {
    *counts.entry(record.topic).or_default().entry(type_name(record.rank)).or_default() += 1;
}

fn file_order(record: &Record) -> (Ts, u16, &str, uuid::Uuid) {
    (record.timestamp, record.rank, &record.key, record.event.id)
}

fn type_name(rank: u16) -> &'static str {
    TYPES.get(usize::from(rank)).map_or("unknown", |spec| spec.name)
}

/// One line of a file: the record as JSON, with a line feed.
///
/// # Errors
/// The value is not of its type's schema.
pub(crate) fn line(record: &Record, physical: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
    out.clear();
    let name = type_name(record.rank);
    write!(out, "{{\"key\":{},\"timestamp\":{},\"type\":\"{name}\",", json!(&*record.key), record.timestamp)?;
    write!(out, "\"id\":\"{}\",\"headers\":{{", record.event.id)?;
    for (place, (header, value)) in record.headers(name).into_iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, "{comma}\"{header}\":{}", json!(value))?;
    }
    out.extend_from_slice(b"},\"value\":");
    write_value(record, physical, out)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn write_value(record: &Record, physical: bool, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(body) = record.body.as_deref() else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    let schema = TYPES.get(usize::from(record.rank)).map_or("", |spec| spec.schema);
    let invalid =
        |e| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("{} of {}: {e}", record.event.id, record.topic));
    if schema == "DeadLetter" && !physical {
        let letter = DeadLetter::from_bytes(body).map_err(invalid)?;
        let mut value = serde_json::to_value(letter)?;
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, _| name != "partition" && name != "offset");
        }
        return serde_json::to_writer(out, &value).map_err(Into::into);
    }
    records::write_json(schema, body, out).map_err(invalid)
}
