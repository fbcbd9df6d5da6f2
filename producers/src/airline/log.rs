//! A recorded log of Type B traffic: lines that are an instant, each followed by the messages received then.
//!
//! ```text
//! 2026-11-21T07:17:30Z          when the messages below were received
//! QU HDQOOLO                    a message, as in `slipstream decode mvt`
//! .WAWOPLO 210717
//! MVT …
//!                               an empty line ends it, and so does the next instant
//! ```
//!
//! Receipt is what makes a telex known, and its month and year are written nowhere else. A message without it is
//! refused. Reads one file whole, at most [`MESSAGES_MAX`] messages; their order in the file is free.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use slipstream_streams::record::{Ts, derive_id};

use crate::messages::telex::{Telex, Traffic};
use crate::refusals::{Fault, Refused};
use crate::table::TableError;
use crate::text_file;

/// Most messages of one file; a large airline has a tenth of that on a day.
pub(crate) const MESSAGES_MAX: usize = 1_000_000;

/// A message with its place.
pub(crate) struct Received {
    pub(crate) file: Arc<str>,
    /// Line of the file on which it begins.
    pub(crate) line: u64,
    /// When it was received, epoch ms.
    pub(crate) at: Ts,
    pub(crate) telex: Telex,
}

impl Received {
    /// Refuses this message: its place and fingerprint are told, and nothing of its text.
    pub(crate) fn refuse(&self, fault: &Fault, refused: &mut Refused) {
        let text = self.telex.lines.join("\n");
        let id = derive_id(&[text.as_bytes()]);
        let fault = Fault::new(fault.field.clone(), format_args!("{} (message {id})", fault.problem));
        refused.withhold(&self.file, self.line, fault, text.as_bytes());
    }
}

/// The messages of a file, in order of receipt.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(path: &Path, refused: &mut Refused) -> Result<Vec<Received>, TableError> {
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let mut reading = Reading { file: path.display().to_string().into(), at: None, found: Vec::new(), refused };
    let mut traffic = Traffic::default();
    for line in BufReader::new(text_file::open(path).map_err(io)?).split(b'\n') {
        let line = line.map_err(io)?;
        let text = String::from_utf8_lossy(&line);
        match instant(text.trim()) {
            Some(at) => {
                reading.take(traffic.push(""));
                reading.at = Some(at);
            }
            None => reading.take(traffic.push(&text)),
        }
    }
    reading.take(traffic.finish());
    let mut found = reading.found;
    found.sort_by_key(|message| message.at);
    Ok(found)
}

/// A line that is an instant since 1970 and nothing else.
fn instant(line: &str) -> Option<Ts> {
    let written = line.starts_with(|c: char| c.is_ascii_digit()) && line.contains('T');
    let at: jiff::Timestamp = line.parse().ok().filter(|_| written)?;
    Some(at.as_millisecond()).filter(|at| *at >= 0)
}

struct Reading<'a> {
    file: Arc<str>,
    at: Option<Ts>,
    found: Vec<Received>,
    refused: &'a mut Refused,
}

impl Reading<'_> {
    fn take(&mut self, telex: Option<Telex>) {
        let Some(telex) = telex else { return };
        let message = Received { file: Arc::clone(&self.file), line: telex.line, at: self.at.unwrap_or_default(), telex };
        let fault = if self.at.is_none() {
            Some(Fault::new("received", "no line with the instant of receipt before the message (2026-11-21T07:17:30Z)"))
        } else if self.found.len() >= MESSAGES_MAX {
            Some(Fault::new("message", format_args!("more than {MESSAGES_MAX} in one file")))
        } else {
            None
        };
        match fault {
            Some(fault) => message.refuse(&fault, self.refused),
            None => self.found.push(message),
        }
    }
}
