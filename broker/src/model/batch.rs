//! One record batch of Kafka's log: its 61-byte header read, checked and rewritten; the records behind it stay as they came.
//!
//!     bytes of a Produce request ─► Batch::split ─► checks ─► stamped(base offset, …) ─► log
//!
//! Keeps nothing. Does not promise that the records behind a header make sense: their checksum is right, no more; whoever
//! opens them (`record`) meets whatever the client wrote.

use bytes::{BufMut, Bytes, BytesMut};

use super::Code;

/// Bytes in front of the records of a batch (message format 2).
pub(crate) const HEADER_LEN: usize = 61;
/// Bytes in front of what `batchLength` counts.
const LENGTH_PREFIX: usize = 12;
/// The checksum covers everything from here.
const CHECKED_FROM: usize = 21;

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// How a transaction ended, as its control marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Ending {
    /// Its records count.
    Commit,
    /// Its records never happened.
    Abort,
}

/// The header fields that the log needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Offset of the first record.
    pub(crate) base: i64,
    /// Bytes of the whole batch.
    pub(crate) len: usize,
    /// Codec and flags.
    pub(crate) attributes: i16,
    /// Offset of the last record minus `base`.
    pub(crate) last_delta: i32,
    /// Timestamp of the first record, epoch ms.
    pub(crate) base_timestamp: i64,
    /// Largest timestamp, epoch ms.
    pub(crate) max_timestamp: i64,
    /// -1 when the producer is not idempotent.
    pub(crate) producer: i64,
    /// Epoch of that producer.
    pub(crate) epoch: i16,
    /// Sequence number of the first record.
    pub(crate) sequence: i32,
    /// Records in the batch.
    pub(crate) count: i32,
}

impl Header {
    /// Reads a header; `None` if `bytes` cannot hold the batch that it announces.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let counted = usize::try_from(i32_at(bytes, 8)?).ok()?;
        let len = LENGTH_PREFIX.checked_add(counted)?;
        if len < HEADER_LEN || bytes.len() < len || *bytes.get(16)? != 2 {
            return None;
        }
        Some(Self {
            base: i64_at(bytes, 0)?,
            len,
            attributes: i16_at(bytes, 21)?,
            last_delta: i32_at(bytes, 23)?,
            base_timestamp: i64_at(bytes, 27)?,
            max_timestamp: i64_at(bytes, 35)?,
            producer: i64_at(bytes, 43)?,
            epoch: i16_at(bytes, 51)?,
            sequence: i32_at(bytes, 53)?,
            count: i32_at(bytes, 57)?,
        })
    }

    /// Offset of the last record.
    pub(crate) fn last(&self) -> i64 {
        self.base + i64::from(self.last_delta)
    }

    /// Number of the compression codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub(crate) fn codec(&self) -> i16 {
        self.attributes & CODEC_MASK
    }

    /// Part of a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// A marker, not data.
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Every record of the batch bears `max_timestamp`.
    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Sequence number of the last record; sequences wrap from `i32::MAX` to 0.
    pub(crate) fn last_sequence(&self) -> i32 {
        wrapping_sequence(self.sequence, self.last_delta)
    }
}

/// `sequence` moved on by `by`, as producers count: 0 follows `i32::MAX`.
pub(crate) fn wrapping_sequence(sequence: i32, by: i32) -> i32 {
    sequence.wrapping_add(by) & i32::MAX
}

/// A batch with its header.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// What the header says.
    pub(crate) header: Header,
    /// Header and records.
    pub(crate) bytes: Bytes,
}

impl Batch {
    /// A batch out of the log: nothing but its header is looked at.
    pub(crate) fn read(bytes: &Bytes) -> Option<Self> {
        Some(Self { header: Header::read(bytes)?, bytes: bytes.clone() })
    }

    /// Cuts `records` into its batches and checks each: format 2, length, checksum, counts.
    ///
    /// # Errors
    /// `CorruptMessage` where the bytes are not whole, well-formed batches; `InvalidRecord` for an empty or control batch.
    pub(crate) fn split(mut records: Bytes) -> Result<Vec<Self>, Code> {
        let mut batches = Vec::new();
        while !records.is_empty() {
            let header = Header::read(&records).ok_or(Code::CorruptMessage)?;
            let batch = Self { header, bytes: records.split_to(header.len) };
            batch.check()?;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The checksum is right.
    pub(crate) fn is_intact(&self) -> bool {
        let whole = self.bytes.get(..self.header.len).unwrap_or_default();
        let stored = field(whole, 17).map(u32::from_be_bytes);
        stored.is_some() && stored == whole.get(CHECKED_FROM..).map(crc32c::crc32c)
    }

    fn check(&self) -> Result<(), Code> {
        if !self.is_intact() {
            return Err(Code::CorruptMessage);
        }
        let header = &self.header;
        if header.count <= 0 || header.last_delta != header.count - 1 || header.is_control() || header.codec() > 4 {
            return Err(Code::InvalidRecord);
        }
        Ok(())
    }

    /// The batch at `base`, with its own copy of the bytes; `appended` set: its records take that time.
    pub(crate) fn stamped(&self, base: i64, appended: Option<i64>) -> Self {
        let mut bytes = BytesMut::from(self.bytes.as_ref());
        put(&mut bytes, 0, &base.to_be_bytes());
        put(&mut bytes, LENGTH_PREFIX, &0_i32.to_be_bytes());
        let mut header = Header { base, ..self.header };
        if let Some(now) = appended {
            header.attributes |= LOG_APPEND_TIME;
            header.max_timestamp = now;
            put(&mut bytes, 21, &header.attributes.to_be_bytes());
            put(&mut bytes, 35, &now.to_be_bytes());
            seal(&mut bytes);
        }
        Self { header, bytes: bytes.freeze() }
    }

    /// The control batch that ends a transaction.
    pub(crate) fn marker(producer: i64, epoch: i16, ending: Ending, now: i64) -> Self {
        let kind: i16 = if ending == Ending::Commit { 1 } else { 0 };
        let mut record = BytesMut::new();
        // length 16, attributes, timestamp and offset delta 0; key: version 0 and kind; value: version 0, coordinator epoch 0
        record.put_slice(&[32, 0, 0, 0, 8]);
        record.put_i16(0);
        record.put_i16(kind);
        record.put_slice(&[12, 0, 0, 0, 0, 0, 0, 0]);
        let shape = Header {
            base: 0,
            len: 0,
            attributes: TRANSACTIONAL | CONTROL,
            last_delta: 0,
            base_timestamp: now,
            max_timestamp: now,
            producer,
            epoch,
            sequence: -1,
            count: 1,
        };
        Self::assemble(shape, &record)
    }

    /// A batch of already encoded, uncompressed `records` under `header` (its length is computed).
    pub(crate) fn assemble(mut header: Header, records: &[u8]) -> Self {
        header.len = HEADER_LEN + records.len();
        let mut bytes = BytesMut::with_capacity(header.len);
        bytes.put_i64(header.base);
        bytes.put_i32(i32::try_from(header.len - LENGTH_PREFIX).unwrap_or(i32::MAX));
        bytes.put_i32(0);
        bytes.put_u8(2);
        bytes.put_u32(0);
        bytes.put_i16(header.attributes);
        bytes.put_i32(header.last_delta);
        bytes.put_i64(header.base_timestamp);
        bytes.put_i64(header.max_timestamp);
        bytes.put_i64(header.producer);
        bytes.put_i16(header.epoch);
        bytes.put_i32(header.sequence);
        bytes.put_i32(header.count);
        bytes.put_slice(records);
        seal(&mut bytes);
        Self { header, bytes: bytes.freeze() }
    }

    /// What a control batch says; `None` for data.
    pub(crate) fn ending(&self) -> Option<Ending> {
        // The key of the only record follows five one-byte fields; its second half is the kind.
        let kind = self.header.is_control().then(|| i16_at(&self.bytes, HEADER_LEN + 7))??;
        Some(if kind == 1 { Ending::Commit } else { Ending::Abort })
    }

    /// The records behind the header, maybe compressed.
    pub(crate) fn body(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN.min(self.bytes.len())..)
    }
}

/// Attribute bits of a data batch without compression.
pub(crate) fn plain_attributes(transactional: bool) -> i16 {
    if transactional { TRANSACTIONAL } else { 0 }
}

/// `attributes` with the codec set to none.
pub(crate) fn without_codec(attributes: i16) -> i16 {
    attributes & !CODEC_MASK
}

fn seal(bytes: &mut BytesMut) {
    let sum = bytes.get(CHECKED_FROM..).map_or(0, crc32c::crc32c);
    put(bytes, 17, &sum.to_be_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(field) = bytes.get_mut(at..at + value.len()) {
        field.copy_from_slice(value);
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn i16_at(bytes: &[u8], at: usize) -> Option<i16> {
    field(bytes, at).map(i16::from_be_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    field(bytes, at).map(i32::from_be_bytes)
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    field(bytes, at).map(i64::from_be_bytes)
}
