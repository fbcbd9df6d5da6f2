//! A stretch of a partition's log: an index of its batches in memory, and their bytes in memory or on the shelf.
//!
//!     open (a list of batches) ─► close ─► cached (one slice) ◄─► shelved
//!
//! An open segment grows; a closed one never changes, except that cleaning replaces it whole. The index stays in memory
//! for good: 40 bytes a batch.

use bytes::{Bytes, BytesMut};

use super::{
    Code,
    batch::{Batch, Header},
    shelf::{Store, Tp},
};

/// Where one batch is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Offset of its first record.
    pub(crate) base: i64,
    /// Offset of its last record.
    pub(crate) last: i64,
    /// Its largest timestamp.
    pub(crate) max_timestamp: i64,
    position: usize,
    len: usize,
}

enum Content {
    Open(Vec<Bytes>),
    Cached(Bytes),
    Shelved,
}

/// See the module.
pub(crate) struct Segment {
    /// Offset that it begins at.
    pub(crate) base: i64,
    /// Model time of its first batch.
    pub(crate) opened_ms: i64,
    /// When it was last read or closed, by the store's count of such uses.
    pub(crate) used: u64,
    /// Largest timestamp of its records; `i64::MIN` when empty.
    pub(crate) max_timestamp: i64,
    entries: Vec<Entry>,
    bytes: usize,
    content: Content,
}

impl Segment {
    /// An empty, open segment.
    pub(crate) fn open(base: i64) -> Self {
        let content = Content::Open(Vec::new());
        Self { base, opened_ms: 0, used: 0, max_timestamp: i64::MIN, entries: Vec::new(), bytes: 0, content }
    }

    /// A closed segment from its bytes, as read back after a restart or written by cleaning.
    pub(crate) fn closed(base: i64, content: Bytes) -> Self {
        let mut segment = Self::open(base);
        let mut rest: &[u8] = &content;
        while let Some(header) = Header::read(rest) {
            segment.index(&header);
            rest = rest.get(header.len..).unwrap_or_default();
        }
        segment.content = Content::Cached(content);
        segment
    }

    /// Bytes of its batches.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of its batches that are in memory.
    pub(crate) fn resident(&self) -> usize {
        if matches!(self.content, Content::Shelved) { 0 } else { self.bytes }
    }

    /// No batch.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Its batches, in order of offset.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a batch to an open segment.
    pub(crate) fn push(&mut self, batch: &Batch, now: i64) {
        if self.entries.is_empty() {
            self.opened_ms = now;
        }
        self.index(&batch.header);
        if let Content::Open(batches) = &mut self.content {
            batches.push(batch.bytes.clone());
        }
    }

    fn index(&mut self, header: &Header) {
        let entry = Entry {
            base: header.base,
            last: header.last(),
            max_timestamp: header.max_timestamp,
            position: self.bytes,
            len: header.len,
        };
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        self.bytes += header.len;
        self.entries.push(entry);
    }

    /// Closes it: its bytes become one slice, and go to the shelf.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn close(&mut self, log: &Tp, store: &mut Store) -> Result<(), Code> {
        let Content::Open(batches) = &self.content else { return Ok(()) };
        let mut joined = BytesMut::with_capacity(self.bytes);
        batches.iter().for_each(|batch| joined.extend_from_slice(batch));
        let joined = joined.freeze();
        store.keep("write a segment", |shelf| shelf.close(log, self.base, &joined))?;
        self.content = Content::Cached(joined);
        self.used = store.next_use();
        Ok(())
    }

    /// Lets go of the bytes of a closed segment; the shelf must hold them.
    pub(crate) fn shelve(&mut self) {
        if matches!(self.content, Content::Cached(_)) {
            self.content = Content::Shelved;
        }
    }

    /// The bytes of a closed segment, read back if need be.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn load(&mut self, log: &Tp, store: &mut Store) -> Result<(), Code> {
        self.used = store.next_use();
        if matches!(self.content, Content::Shelved) {
            let content = store.keep("read a segment", |shelf| shelf.read(log, self.base))?;
            self.content = Content::Cached(content);
        }
        Ok(())
    }

    /// Position of the first batch that reaches `offset`.
    pub(crate) fn seek(&self, offset: i64) -> usize {
        self.entries.partition_point(|entry| entry.last < offset)
    }

    /// The bytes of the batch at `index`; `None` past the end, or when not loaded.
    pub(crate) fn batch(&self, index: usize) -> Option<Bytes> {
        let entry = self.entries.get(index)?;
        match &self.content {
            Content::Open(batches) => batches.get(index).cloned(),
            Content::Cached(bytes) if entry.position + entry.len <= bytes.len() => {
                Some(bytes.slice(entry.position..entry.position + entry.len))
            }
            Content::Cached(_) | Content::Shelved => None,
        }
    }
}
