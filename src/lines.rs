//! Lines of standard input, each bounded: what `decode` and `rights` read.

use std::io::{BufRead, Read, Result};

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
