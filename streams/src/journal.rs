//! Committed transactions of the reference schedule on disk, so that a killed run resumes.
//!
//!     header line, then frames: length u32, FNV-1a u32, lz4 block of (taken, rows, records)
//!
//! A frame is whole or it is not there: a torn tail is cut off at open, with everything after it. The file
//! grows with the run and is deleted by its owner. It does not promise to survive a power cut.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::record::{Event, Record, Topic};
use crate::store::Rows;

const HEADER: &[u8] = b"slipstream journal 1\n";
/// Largest frame, uncompressed: a bound against damaged lengths, far above what a transaction holds.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses, for example because it is full.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a journal, or one of another format.
    #[error("{0}: not a journal of this version; delete the directory to start anew")]
    Foreign(PathBuf),
    /// It belongs to another input or another setting.
    #[error("{path}: written for `{found}`, not `{wanted}`; use another --data directory")]
    Other {
        /// The file.
        path: PathBuf,
        /// What it was written for.
        found: String,
        /// What is asked for now.
        wanted: String,
    },
}

/// One transaction.
#[derive(Debug, Default)]
pub struct Commit {
    /// Source records taken so far.
    pub taken: u64,
    /// State rows written: (task, store, rows).
    pub rows: Vec<(usize, usize, Rows)>,
    /// Records written, in order.
    pub records: Vec<Arc<Record>>,
    /// About how many bytes the records hold.
    pub bytes: usize,
}

impl Commit {
    /// Adds records.
    pub fn add(&mut self, records: &[Arc<Record>]) {
        self.records.extend(records.iter().cloned());
        self.bytes += records.iter().map(|r| 96 + r.key.len() + r.body.as_ref().map_or(0, |b| b.len())).sum::<usize>();
    }
}

/// An open journal.
pub struct Journal {
    path: PathBuf,
    file: BufReader<File>,
    topics: Vec<Topic>,
    whole: u64,
}

impl Journal {
    /// Opens or makes `directory/journal` for a run that is described by `identity` (inputs and settings).
    ///
    /// # Errors
    /// The directory cannot be written, or holds the journal of another run.
    pub fn open(directory: &Path, identity: &str, topics: Vec<Topic>) -> Result<Self, JournalError> {
        let path = directory.join("journal");
        let io = |source| JournalError::Io { path: path.clone(), source };
        std::fs::create_dir_all(directory).map_err(io)?;
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        if file.metadata().map_err(io)?.len() == 0 {
            let mut head = HEADER.to_vec();
            put_bytes(&mut head, identity.as_bytes());
            file.write_all(&head).map_err(io)?;
            file.seek(SeekFrom::Start(0)).map_err(io)?;
        }
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut header = vec![0; HEADER.len()];
        let mut length = [0; 4];
        let found = file
            .read_exact(&mut header)
            .and_then(|()| file.read_exact(&mut length))
            .ok()
            .filter(|()| header == HEADER)
            .map(|()| u32::from_le_bytes(length) as usize)
            .filter(|length| *length < 1 << 20)
            .and_then(|length| {
                let mut found = vec![0; length];
                file.read_exact(&mut found).ok().map(|()| found)
            })
            .ok_or_else(|| JournalError::Foreign(path.clone()))?;
        if found != identity.as_bytes() {
            let found = String::from_utf8_lossy(&found).into_owned();
            return Err(JournalError::Other { path, found, wanted: identity.to_owned() });
        }
        let whole = file.stream_position().map_err(io)?;
        Ok(Self { path, file, topics, whole })
    }

    fn io(&self, source: std::io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }

    /// The next whole transaction; after the last one the torn tail, if any, is cut off.
    ///
    /// # Errors
    /// The file cannot be read, or a whole frame does not hold a transaction.
    pub fn next_commit(&mut self) -> Result<Option<Commit>, JournalError> {
        if let Some(payload) = self.frame()? {
            let commit = self.read(&payload).ok_or_else(|| JournalError::Foreign(self.path.clone()))?;
            return Ok(Some(commit));
        }
        let end = self.whole;
        let file = self.file.get_mut();
        let cut = file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)));
        cut.map_err(|e| self.io(e))?;
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        let mut head = [0; 8];
        match self.file.read_exact(&mut head) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(self.io(e)),
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let checksum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if length > FRAME_BYTES_MAX {
            return Ok(None);
        }
        let mut block = Vec::new();
        let read = self.file.by_ref().take(length as u64).read_to_end(&mut block).map_err(|e| self.io(e))?;
        if read < length || fnv(&block) != checksum {
            return Ok(None);
        }
        let size = block.first_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
        if size > FRAME_BYTES_MAX {
            return Ok(None);
        }
        let payload = lz4_flex::block::decompress_size_prepended(&block).ok();
        if payload.is_some() {
            self.whole += 8 + length as u64;
        }
        Ok(payload)
    }

    /// Appends a transaction. Call only after [`Journal::next`] has returned `None`.
    ///
    /// # Errors
    /// The disk refuses; the file then ends with the last whole frame once it is opened again.
    pub fn append(&mut self, commit: &Commit) -> Result<(), JournalError> {
        let mut payload = Vec::with_capacity(commit.bytes + commit.bytes / 2);
        payload.extend_from_slice(&commit.taken.to_le_bytes());
        put_count(&mut payload, commit.rows.len());
        for (task, store, rows) in &commit.rows {
            put_count(&mut payload, *task);
            put_count(&mut payload, *store);
            put_count(&mut payload, rows.len());
            for (key, value) in rows {
                put_bytes(&mut payload, key);
                put_optional(&mut payload, value.as_deref());
            }
        }
        put_count(&mut payload, commit.records.len());
        commit.records.iter().for_each(|record| self.put_record(&mut payload, record));
        let block = lz4_flex::block::compress_prepend_size(&payload);
        let mut frame = (block.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(&fnv(&block).to_le_bytes());
        frame.extend_from_slice(&block);
        self.file.get_mut().write_all(&frame).map_err(|e| self.io(e))?;
        self.whole += frame.len() as u64;
        Ok(())
    }

    fn put_record(&self, out: &mut Vec<u8>, record: &Record) {
        let topic = self.topics.iter().position(|t| *t == record.topic).unwrap_or(usize::MAX);
        put_count(out, topic);
        out.extend_from_slice(&record.timestamp.to_le_bytes());
        out.extend_from_slice(&record.rank.to_le_bytes());
        put_bytes(out, record.key.as_bytes());
        out.extend_from_slice(record.event.id.as_bytes());
        out.extend_from_slice(record.event.correlation.as_bytes());
        put_optional(out, record.event.causation.as_ref().map(|id| id.as_bytes().as_slice()));
        put_bytes(out, record.event.source.as_bytes());
        put_optional(out, record.event.organisation.as_ref().map(|o| o.as_bytes()));
        put_optional(out, record.body.as_deref());
    }

    fn read(&self, payload: &[u8]) -> Option<Commit> {
        let mut input = Input(payload);
        let mut commit = Commit { taken: u64::from_le_bytes(input.array()?), ..Commit::default() };
        for _ in 0..input.count()? {
            let (task, store) = (input.count()?, input.count()?);
            let mut rows = Rows::new();
            for _ in 0..input.count()? {
                let key = input.bytes()?.into();
                rows.push((key, input.optional()?.map(Into::into)));
            }
            commit.rows.push((task, store, rows));
        }
        for _ in 0..input.count()? {
            commit.records.push(Arc::new(self.read_record(&mut input)?));
        }
        Some(commit)
    }

    fn read_record(&self, input: &mut Input<'_>) -> Option<Record> {
        let topic = *self.topics.get(input.count()?)?;
        let timestamp = i64::from_le_bytes(input.array()?);
        let rank = u16::from_le_bytes(input.array()?);
        let key = input.text()?.into();
        let id = Uuid::from_bytes(input.array()?);
        let correlation = Uuid::from_bytes(input.array()?);
        let causation = match input.optional()? {
            Some(id) => Some(Uuid::from_slice(id).ok()?),
            None => None,
        };
        let source = input.text()?.into();
        let organisation = match input.optional()? {
            Some(text) => Some(std::str::from_utf8(text).ok()?.into()),
            None => None,
        };
        let body = input.optional()?.map(Into::into);
        let event = Event { id, source, correlation, causation, organisation };
        Some(Record { topic, partition: -1, offset: -1, timestamp, key, rank, event, body })
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(out, bytes);
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }
    fn count(&mut self) -> Option<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
    fn optional(&mut self) -> Option<Option<&'a [u8]>> {
        match self.array::<1>()? {
            [0] => Some(None),
            [1] => self.bytes().map(Some),
            _ => None,
        }
    }
}

/// FNV-1a: finds a torn frame; damage by intent is not its business.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
