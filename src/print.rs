//! Standard output carries data only, and its reader may leave at any time.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes one line; ends the program in peace when nobody reads any more.
pub(crate) fn line(text: Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("slipstream: standard output: {error}");
            std::process::exit(3);
        }
    }
}

/// `println!` for data.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::print::line(format_args!($($text)*)) };
}
