//! Text that comes from outside, bounded: lines of standard input, files that a command names.

use std::fs::File;
use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::path::Path;

/// The text of a file of at most `bytes_max`.
///
/// # Errors
/// It cannot be read, is longer, or is not UTF-8.
pub(crate) fn bounded(path: &Path, bytes_max: u64) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    let is_whole = text.len() as u64 <= bytes_max;
    if is_whole { Ok(text) } else { Err(Error::new(ErrorKind::FileTooLarge, format!("longer than {bytes_max} bytes"))) }
}

/// Takes the next line, without its end, into `bytes`; false at the end of the input. Of a longer line than `bytes_max` the
/// first `bytes_max` are kept and the rest is passed over: let that be one more than a reader accepts, so that it can refuse it.
///
/// # Errors
/// The input fails.
pub(crate) fn take_line(input: &mut impl BufRead, bytes: &mut Vec<u8>, bytes_max: u64) -> Result<bool> {
    bytes.clear();
    let read = input.by_ref().take(bytes_max).read_until(b'\n', bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if read as u64 == bytes_max {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}
