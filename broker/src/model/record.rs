//! The records inside a batch, for the few who must look: cleaning, search by time, the direct face.
//!
//!     batch ─► unpack (none, gzip, lz4) ─► records          records ─► pack (no compression) ─► batch
//!
//! A batch packed with snappy or zstd is not opened here (`UnsupportedCompressionType`); its readers are served all the
//! same, because they get the bytes as they came.

use std::io::Read;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    Code,
    batch::{Batch, Header, plain_attributes, without_codec},
};

/// A batch that unpacks to more than this is refused.
const UNPACKED_MAX: u64 = 64 << 20;

/// One record of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition; chosen by the log when produced.
    pub offset: i64,
    /// Epoch milliseconds.
    pub timestamp: i64,
    /// Key.
    pub key: Option<Bytes>,
    /// Value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers, in order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// The records of a batch.
///
/// # Errors
/// `UnsupportedCompressionType`; `CorruptMessage` where they do not parse.
pub(crate) fn unpack(batch: &Batch) -> Result<Vec<Record>, Code> {
    let mut body = inflate(batch)?;
    let mut records = Vec::new();
    for _ in 0..batch.header.count {
        records.push(read_record(&mut body, &batch.header).ok_or(Code::CorruptMessage)?);
    }
    Ok(records)
}

fn inflate(batch: &Batch) -> Result<Bytes, Code> {
    let body = batch.body();
    let mut plain = Vec::new();
    let read = match batch.header.codec() {
        0 => return Ok(body),
        1 => flate2::read::MultiGzDecoder::new(body.as_ref()).take(UNPACKED_MAX).read_to_end(&mut plain),
        3 => lz4_flex::frame::FrameDecoder::new(body.as_ref()).take(UNPACKED_MAX).read_to_end(&mut plain),
        _ => return Err(Code::UnsupportedCompressionType),
    };
    read.map_err(|_| Code::CorruptMessage)?;
    Ok(plain.into())
}

fn read_record(body: &mut Bytes, header: &Header) -> Option<Record> {
    let len = read_len(body)?;
    let mut body = (len <= body.len()).then(|| body.split_to(len))?;
    body.try_get_i8().ok()?;
    let timestamp = header.base_timestamp.checked_add(read_varint(&mut body)?)?;
    let offset = header.base.checked_add(read_varint(&mut body)?)?;
    let key = read_bytes(&mut body)?;
    let value = read_bytes(&mut body)?;
    let mut headers = Vec::new();
    for _ in 0..read_len(&mut body)? {
        let name = String::from_utf8(read_bytes(&mut body)??.to_vec()).ok()?;
        headers.push((name, read_bytes(&mut body)?));
    }
    let timestamp = if header.is_log_append_time() { header.max_timestamp } else { timestamp };
    Some(Record { offset, timestamp, key, value, headers })
}

/// A zigzag varint, as the record format writes every number.
fn read_varint(body: &mut Bytes) -> Option<i64> {
    let mut raw = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = body.try_get_u8().ok()?;
        raw |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
        }
    }
    None
}

fn read_len(body: &mut Bytes) -> Option<usize> {
    usize::try_from(read_varint(body)?).ok()
}

/// Outer `None`: malformed; inner: null.
fn read_bytes(body: &mut Bytes) -> Option<Option<Bytes>> {
    let len = read_varint(body)?;
    if len < 0 {
        return Some(None);
    }
    let len = usize::try_from(len).ok()?;
    (len <= body.len()).then(|| Some(body.split_to(len)))
}

/// Who writes a batch: producer id, epoch and first sequence number (-1 each for nobody in particular).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) transactional: bool,
}

/// A new batch of `records`, at offset 0; `None` if there is none.
pub(crate) fn pack(records: &[Record], author: Author) -> Option<Batch> {
    let base_timestamp = records.first()?.timestamp;
    let count = i32::try_from(records.len()).ok()?;
    let header = Header {
        base: 0,
        len: 0,
        attributes: plain_attributes(author.transactional),
        last_delta: count - 1,
        base_timestamp,
        max_timestamp: records.iter().map(|r| r.timestamp).max().unwrap_or(base_timestamp),
        producer: author.producer,
        epoch: author.epoch,
        sequence: author.sequence,
        count,
    };
    let mut body = BytesMut::new();
    for (delta, record) in (0..).zip(records) {
        write_record(&mut body, record, record.timestamp - base_timestamp, delta);
    }
    Some(Batch::assemble(header, &body))
}

/// `batch` with only the `kept` of its records, at their offsets, not compressed.
pub(crate) fn repack(batch: &Header, kept: &[Record]) -> Batch {
    let mut body = BytesMut::new();
    for record in kept {
        write_record(&mut body, record, record.timestamp - batch.base_timestamp, record.offset - batch.base);
    }
    let count = i32::try_from(kept.len()).unwrap_or(batch.count);
    Batch::assemble(Header { count, attributes: without_codec(batch.attributes), ..*batch }, &body)
}

fn write_record(out: &mut BytesMut, record: &Record, timestamp_delta: i64, offset_delta: i64) {
    let mut body = BytesMut::new();
    body.put_i8(0);
    write_varint(&mut body, timestamp_delta);
    write_varint(&mut body, offset_delta);
    write_bytes(&mut body, record.key.as_deref());
    write_bytes(&mut body, record.value.as_deref());
    write_varint(&mut body, len_of(record.headers.len()));
    for (name, value) in &record.headers {
        write_bytes(&mut body, Some(name.as_bytes()));
        write_bytes(&mut body, value.as_deref());
    }
    write_varint(out, len_of(body.len()));
    out.extend_from_slice(&body);
}

fn write_varint(out: &mut BytesMut, value: i64) {
    let mut raw = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    while raw >= 0x80 {
        out.put_u8(u8::try_from(raw & 0x7f).unwrap_or(0) | 0x80);
        raw >>= 7;
    }
    out.put_u8(u8::try_from(raw).unwrap_or(0));
}

fn write_bytes(out: &mut BytesMut, value: Option<&[u8]>) {
    write_varint(out, value.map_or(-1, |v| len_of(v.len())));
    out.extend_from_slice(value.unwrap_or_default());
}

fn len_of(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// The first record of a batch stamped at or after `time` with an offset of at least `start`: (timestamp, offset).
/// Of a batch that cannot be opened, its first offset.
pub(crate) fn first_at(bytes: &Bytes, time: i64, start: i64) -> Option<(i64, i64)> {
    let header = Header::read(bytes)?;
    let whole = || Some((header.max_timestamp, header.base.max(start)));
    let Ok(records) = unpack(&Batch { header, bytes: bytes.clone() }) else { return whole() };
    let found = records.iter().find(|r| r.timestamp >= time && r.offset >= start);
    found.map(|r| (r.timestamp, r.offset)).or_else(whole)
}
