//! `slipstream rights`: the audit door of the rights engine. One case a line in, one decision a line out.
//!
//!     standard input ─► line, bounded ─► decide ─► standard output        warnings, summary ─► standard error
//!
//! Streams in constant memory: nothing is kept from line to line. A line that is refused gives an `error` line in its
//! place, and exit status 1 at the end.

use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use slipstream_processors::rights::{Answer, Law, decide_line_under, explain_line};

use crate::failure::{Done, Failure};
use crate::lines::{bounded, take_line};

/// Most bytes of a line that are kept; the rest of a longer one is passed over, and the engine refuses it.
const LINE_BYTES_MAX: u64 = (1 << 20) + 1;
/// Most bytes that are read of a file of rule sets.
const SETS_BYTES_MAX: u64 = 1 << 20;
/// Bytes held for reading and for writing, each.
const BUFFER_BYTES: usize = 1 << 16;

/// Applies passenger rights law to cases: one JSON object a line on standard input, one answer each.
///
/// Example: slipstream rights decide < cases.jsonl
#[derive(Debug, Args)]
pub(crate) struct Rights {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// One decision a line, with its proof
    Decide(Door),
    /// Each decision as a lawyer would read it
    Explain(Door),
}

#[derive(Debug, Clone, Args)]
struct Door {
    /// Rule sets or regimes to switch on, such as EU261@2027-10-23
    #[arg(long, value_name = "NAME", num_args = 1..)]
    regime: Vec<String>,
    /// Rule sets to decide by in place of those of this version: a file in the form of rulesets.toml
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// There is no such regime; standard input or output fails.
pub(crate) fn run(args: &Rights) -> Result<Done, Failure> {
    let (door, answer): (_, fn(&Law, &str, u64) -> Answer) = match &args.action {
        Action::Decide(door) => (door, decide_line_under),
        Action::Explain(door) => (door, explain_line),
    };
    let law = law(door)?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, std::io::stdin().lock());
    let mut output = BufWriter::with_capacity(BUFFER_BYTES, std::io::stdout().lock());
    match pump(&mut input, &mut output, |line, number| answer(&law, line, number)) {
        Ok(refused) => Ok(Done::with_refused(refused)),
        // Nobody reads any more: in peace.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Done::Clean),
        Err(error) => Err(Failure::dependency(format_args!("standard input or output: {error}"))),
    }
}

/// The law to ask: that of this version or of the file that the caller names, with what is switched on.
fn law(door: &Door) -> Result<Law, Failure> {
    let law = match &door.sets {
        None => Law::default(),
        Some(path) => {
            let refused = |why: &dyn std::fmt::Display| Failure::usage(format_args!("--sets {}: {why}", path.display()));
            let text = bounded(path, SETS_BYTES_MAX).map_err(|error| refused(&error))?;
            Law::of_rulesets(&text).map_err(|error| refused(&error))?
        }
    };
    law.switching_on(door.regime.iter().map(String::as_str)).map_err(Failure::usage)
}

/// Answers every line; the count of those refused. A line that is empty but for blanks is none.
fn pump(
    input: &mut BufReader<impl Read>,
    output: &mut impl Write,
    mut answer: impl FnMut(&str, u64) -> Answer,
) -> std::io::Result<u64> {
    let (mut refused, mut number, mut bytes) = (0, 0, Vec::new());
    loop {
        // Who asks one question at a time has its answer before the next.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        if !take_line(input, &mut bytes, LINE_BYTES_MAX)? {
            return Ok(refused);
        }
        number += 1;
        let line = String::from_utf8_lossy(&bytes);
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(line.trim(), number);
        answer.warnings.iter().for_each(|warning| eprintln!("line {number}: {warning}"));
        refused += u64::from(answer.refused);
        output.write_all(answer.json.as_bytes())?;
        output.write_all(b"\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &str) -> (Vec<String>, u64) {
        let mut output = Vec::new();
        let law = Law::default();
        let refused =
            pump(&mut BufReader::new(text.as_bytes()), &mut output, |line, number| decide_line_under(&law, line, number))
                .unwrap();
        (String::from_utf8(output).unwrap().lines().map(str::to_owned).collect(), refused)
    }

    #[test]
    fn every_line_has_its_answer_and_a_bad_one_stops_nothing() {
        let (lines, refused) = through("{\"id\":\"a\"}\nnonsense\n\n{\"id\":\"b\"}");
        assert_eq!((lines.len(), refused), (3, 1));
        assert!(lines[0].contains("\"id\":\"a\"") && lines[2].contains("\"id\":\"b\""));
        assert!(lines[1].starts_with("{\"line\":2,\"error\":"));
    }

    #[test]
    fn a_line_without_end_is_refused_and_the_next_one_is_read() {
        let long = "x".repeat(3 << 20);
        let (lines, refused) = through(&format!("{long}\n{{\"id\":\"after\"}}\n"));
        assert_eq!((lines.len(), refused), (2, 1));
        assert!(lines[0].contains("bytes") && lines[1].contains("after"));
    }
}
