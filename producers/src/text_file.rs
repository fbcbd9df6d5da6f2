//! Opens a text file, packed or not, and bounds its lines.
//!
//!     file ──► gunzip (name ends in .gz) ──► Bounded: no line longer than LINE_BYTES_MAX
//!
//! A hostile file without a line break would otherwise be read into memory whole. What stands beyond the
//! bound is dropped up to the next line break, so the line is refused as malformed and the next one is read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::table::TableError;

/// Longest line that is read, line break not counted: 256 KiB, a thousand times what recordings hold.
pub(crate) const LINE_BYTES_MAX: usize = 256 << 10;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A file's text with bounded lines.
pub(crate) type Text = Bounded<Box<dyn Read + Send>>;

/// Opens `path`; gzip when its name ends in `.gz`.
///
/// # Errors
/// The file cannot be opened. Damage inside is found on reading.
pub(crate) fn open(path: &Path) -> io::Result<Text> {
    Ok(Bounded { inner: unpacked(path)?, run: 0 })
}

/// Name and first `bytes_max` bytes of each file, for documents that have no lines; gzip when its name ends in `.gz`.
///
/// # Errors
/// A file cannot be opened or read.
pub(crate) fn documents(
    files: &[PathBuf],
    bytes_max: usize,
) -> impl Iterator<Item = Result<(Arc<str>, Vec<u8>), TableError>> + '_ {
    files.iter().map(move |path| {
        let mut bytes = Vec::new();
        let read = unpacked(path).and_then(|file| file.take(bytes_max as u64).read_to_end(&mut bytes));
        read.map_err(|source| TableError::Io { path: path.clone(), source })?;
        Ok((path.display().to_string().into(), bytes))
    })
}

fn unpacked(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(CHUNK_BYTES, File::open(path)?);
    let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    Ok(if packed { Box::new(flate2::bufread::MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// A reader that drops what a line holds beyond [`LINE_BYTES_MAX`].
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    inner: R,
    /// Bytes of the current line so far.
    run: usize,
}

impl<R: Read> Bounded<R> {
    #[cfg(test)]
    fn new(inner: R) -> Self {
        Self { inner, run: 0 }
    }

    /// Moves the bytes to keep to the front; returns how many they are.
    fn keep(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for at in 0..bytes.len() {
            self.run = if bytes[at] == b'\n' { 0 } else { self.run + 1 };
            if self.run <= LINE_BYTES_MAX {
                bytes[kept] = bytes[at];
                kept += 1;
            }
        }
        kept
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(out)?;
            let kept = self.keep(&mut out[..read]);
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_the_bound_is_cut_and_the_next_one_is_whole() {
        let mut input = vec![b'x'; LINE_BYTES_MAX + 70_000];
        input.extend_from_slice(b"\nnext\n");
        let mut text = String::new();
        Bounded::new(input.as_slice()).read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0].len(), lines[1], lines.len()), (LINE_BYTES_MAX, "next", 2));
    }

    #[test]
    fn a_line_at_the_bound_is_kept() {
        let input = vec![b'x'; LINE_BYTES_MAX];
        let mut text = Vec::new();
        Bounded::new(input.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text.len(), LINE_BYTES_MAX);
    }
}
