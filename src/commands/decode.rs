//! `slipstream decode`: raw texts of aviation from standard input, JSON lines out.
//!
//!     a line in ──► the format's reader ──► {…} │ {"line":n,"error":"…"} ──► a line out, same order
//!
//! An XML document is the whole input, read at once up to its limit. Otherwise streams: holds one text at a time, and writes what it has whenever the input pauses. A text that cannot be read is an
//! error line and the next one is read; the exit status is then 1.

use std::fmt::Display;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, StdinLock, StdoutLock, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;
use slipstream_producers::messages::aidx::Notification;
use slipstream_producers::messages::bcbp::Pass;
use slipstream_producers::messages::ldm::Load;
use slipstream_producers::messages::mvt::Movement;
use slipstream_producers::messages::nas::Status;
use slipstream_producers::messages::pnl::Part;
use slipstream_producers::messages::regulation::Regulations;
use slipstream_producers::messages::ssim::Record;
use slipstream_producers::messages::telex::{Telex, Traffic};
use slipstream_producers::messages::xml::DOCUMENT_BYTES_MAX;
use slipstream_producers::weather::bulletin::Bulletin;
use slipstream_producers::weather::groups::TEXT_BYTES_MAX;
use slipstream_producers::weather::metar::Report;
use slipstream_producers::weather::row::Row;
use slipstream_producers::weather::taf::Forecast;

use crate::failure::{Done, Failure};
use crate::lines::take_line;

/// Bytes of a line that are read; one more tells a line that is too long.
const LINE_BYTES_READ: u64 = TEXT_BYTES_MAX as u64 + 1;

/// Raw aviation texts from standard input as JSON lines.
///
/// Example: echo 'EPWA 210600Z 31018G32KT 1400 SN OVC006 M02/M03 Q0998' | slipstream decode metar
#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// What the lines are
    #[arg(value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// METAR and SPECI reports, as the rows of the Aviation Weather Center
    Metar,
    /// Forecasts, one a line or in the bulletins that weather services send, one object for each forecast
    Taf,
    /// Bar-coded boarding passes (IATA Resolution 792), one a line
    Bcbp,
    /// Aircraft movement messages (IATA AHM 780), one object for each message
    Mvt,
    /// Load messages (IATA AHM 583), one object for each message
    Ldm,
    /// Passenger name lists and their changes (IATA RP 1708), one object for each part
    Pnl,
    /// Records of a schedule file (IATA SSIM chapter 7), one a line of 200 characters
    Ssim,
    /// A flight leg notification (IATA AIDX), one XML document, one object for each leg
    Aidx,
    /// The FAA's airport status, one XML document, one object for each programme
    Nas,
    /// A list of regulations of EUROCONTROL's Network Manager, one XML document, one object for each regulation
    Regulation,
}

/// A text that could not be read.
#[derive(Serialize)]
struct Refusal {
    line: u64,
    error: String,
}

/// Runs the command.
///
/// # Errors
/// Standard input or output fails.
pub(crate) fn run(args: &Decode) -> Result<Done, Failure> {
    let mut exchange = Exchange::open();
    match args.format {
        Format::Metar => lines(&mut exchange, |text| Report::read(text).map(|report| Row::from(&report)))?,
        Format::Bcbp => lines(&mut exchange, Pass::read)?,
        Format::Ssim => lines(&mut exchange, Record::read)?,
        Format::Mvt => telexes(&mut exchange, Movement::read)?,
        Format::Ldm => telexes(&mut exchange, Load::read)?,
        Format::Pnl => telexes(&mut exchange, Part::read)?,
        Format::Taf => taf(&mut exchange)?,
        Format::Aidx => document(&mut exchange, |bytes| Notification::read(bytes).map(|found| (found.legs, found.refused)))?,
        Format::Nas => document(&mut exchange, |bytes| Status::read(bytes).map(|found| (found.programmes, found.refused)))?,
        Format::Regulation => {
            document(&mut exchange, |bytes| Regulations::read(bytes).map(|reply| (reply.found, reply.refused)))?;
        }
    }
    exchange.finish()
}

/// A text a line.
fn lines<T: Serialize, E: Display>(exchange: &mut Exchange, read: impl Fn(&str) -> Result<T, E>) -> Result<(), Failure> {
    let mut text = String::new();
    while exchange.read(&mut text)? {
        exchange.answer(exchange.line, read(&text))?;
    }
    Ok(())
}

/// Messages of several lines.
fn telexes<T: Serialize, E: Display>(exchange: &mut Exchange, read: impl Fn(&Telex) -> Result<T, E>) -> Result<(), Failure> {
    let (mut text, mut traffic) = (String::new(), Traffic::default());
    while exchange.read(&mut text)? {
        if let Some(telex) = traffic.push(&text) {
            exchange.answer(telex.line, read(&telex))?;
        }
    }
    traffic.finish().map_or(Ok(()), |telex| exchange.answer(telex.line, read(&telex)))
}

fn taf(exchange: &mut Exchange) -> Result<(), Failure> {
    let (mut text, mut bulletin, mut cuts) = (String::new(), Bulletin::default(), Vec::new());
    while exchange.read(&mut text)? {
        bulletin.push(&text, &mut cuts);
        for cut in cuts.drain(..) {
            exchange.answer(cut.line, Forecast::read(&cut.text))?;
        }
    }
    bulletin.finish().map_or(Ok(()), |cut| exchange.answer(cut.line, Forecast::read(&cut.text)))
}

/// One document: what it holds, then what of it could not be read.
fn document<T: Serialize, R: Display, E: Display>(
    exchange: &mut Exchange,
    read: impl Fn(&[u8]) -> Result<(Vec<T>, Vec<R>), E>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    exchange.input.by_ref().take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    match read(&bytes) {
        Ok((found, refused)) => {
            found.into_iter().try_for_each(|one| exchange.answer(1, Ok::<_, E>(one)))?;
            refused.into_iter().try_for_each(|problem| exchange.answer(1, Err::<T, _>(problem)))
        }
        Err(problem) => exchange.answer(1, Err::<T, _>(problem)),
    }
}

/// Standard input and output, and what has been refused between them.
struct Exchange {
    input: BufReader<StdinLock<'static>>,
    output: BufWriter<StdoutLock<'static>>,
    bytes: Vec<u8>,
    line: u64,
    refused: u64,
}

impl Exchange {
    fn open() -> Self {
        let input = BufReader::new(io::stdin().lock());
        let output = BufWriter::new(io::stdout().lock());
        Self { input, output, bytes: Vec::new(), line: 0, refused: 0 }
    }

    /// Reads the next line that is text; false at the end. Bytes that are no UTF-8 are shown as such to the format's reader,
    /// which finds them no part of any group.
    fn read(&mut self, text: &mut String) -> Result<bool, Failure> {
        if self.input.buffer().is_empty() {
            self.output.flush().map_err(written)?;
        }
        let more = take_line(&mut self.input, &mut self.bytes, LINE_BYTES_READ).map_err(unread)?;
        self.line += 1;
        text.clear();
        text.push_str(String::from_utf8_lossy(&self.bytes).trim_end_matches(['\r', '\n']));
        Ok(more)
    }

    /// Writes one answer, to the text that began on `line`.
    fn answer<T: Serialize, E: Display>(&mut self, line: u64, read: Result<T, E>) -> Result<(), Failure> {
        let written_line = match read {
            Ok(value) => serde_json::to_writer(&mut self.output, &value),
            Err(error) => {
                self.refused += 1;
                serde_json::to_writer(&mut self.output, &Refusal { line, error: error.to_string() })
            }
        };
        written_line.map_err(io::Error::from).and_then(|()| self.output.write_all(b"\n")).map_err(written)
    }

    fn finish(mut self) -> Result<Done, Failure> {
        self.output.flush().map_err(written)?;
        Ok(Done::with_refused(self.refused))
    }
}

fn unread(error: io::Error) -> Failure {
    Failure::dependency(format_args!("standard input: {error}"))
}

/// A reader that has left has had enough: that ends the program in peace.
fn written(error: io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Failure::dependency(format_args!("standard output: {error}"))
}
