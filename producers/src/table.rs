//! Rows of a recording in CSV: cells by column name, a fault that names the column, one row ahead.
//!
//!     text_file ──► csv records ──► Layout::read ──► LegFacts
//!                        └── a line that does not do ──► Refused
//!
//! Cells are not quoted, so a stray quotation mark spoils its own line only. Columns may stand in any order
//! and further ones are ignored. Lines are ordered by date: a line of an earlier day than the one before it
//! is refused, because the stream may have passed that day already. A layout whose files are not ordered is read whole, at most
//! [`ROWS_MAX`] rows, and sorted.

use std::collections::VecDeque;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use csv::ByteRecord;

use crate::facts::{Identity, LegFacts};
use crate::local_time::WallTime;
use crate::refusals::{Fault, Refusal, Refused};
use crate::text_file::{self, Text};

/// Most rows of a file that is read whole.
const ROWS_MAX: usize = 2_000_000;
/// Longest part of a bad cell that a message repeats, in characters.
const SHOWN_MAX: usize = 40;

/// How the columns of one kind of recording are read.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// The columns that are needed.
    pub(crate) columns: &'static [&'static str],
    /// Its files are ordered by date.
    pub(crate) ordered: bool,
    /// Reads one row.
    pub(crate) read: fn(&Cells<'_>) -> Result<LegFacts, Fault>,
}

/// Why a table cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The header lacks a column.
    #[error("{path}:1: no column `{column}`; this is not a recording of that kind")]
    Column {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
    },
    /// A part of the file cannot be read: truncated or damaged gzip, a disk error.
    #[error("{file}:{line}: cannot be read any further: {problem}")]
    Damaged {
        /// The file.
        file: Arc<str>,
        /// Last line that was whole.
        line: u64,
        /// What the decoder says.
        problem: String,
    },
}

/// The cells of one row.
pub(crate) struct Cells<'a> {
    names: &'static [&'static str],
    places: &'a [usize],
    record: &'a ByteRecord,
}

impl<'a> Cells<'a> {
    /// The cell of a column of the layout; none when it is empty or `NA`.
    fn cell(&self, name: &'static str) -> Result<Option<&'a str>, Fault> {
        let place = self.names.iter().position(|n| *n == name).and_then(|at| self.places.get(at));
        let bytes = place.and_then(|place| self.record.get(*place)).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(name, "not UTF-8"))?.trim();
        Ok(if text.is_empty() || text == "NA" { None } else { Some(text) })
    }

    /// A value that may be missing.
    pub(crate) fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, Fault> {
        let parse = |text: &str| text.parse().map_err(|e: T::Err| Fault::new(name, format_args!("`{}`: {e}", shown(text))));
        self.cell(name)?.map(parse).transpose()
    }

    /// A value that must be there.
    pub(crate) fn required<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, Fault> {
        self.optional(name)?.ok_or_else(|| Fault::new(name, "missing"))
    }

    /// Whole numbers within `range` that may be missing.
    pub(crate) fn within(&self, name: &'static str, range: std::ops::RangeInclusive<i32>) -> Result<Option<i32>, Fault> {
        match self.optional::<i32>(name)? {
            Some(value) if !range.contains(&value) => {
                Err(Fault::new(name, format_args!("{value} is not within {} and {}", range.start(), range.end())))
            }
            value => Ok(value),
        }
    }

    /// A local time of day, written as a number: 5 is 00:05.
    pub(crate) fn wall_time(&self, name: &'static str) -> Result<Option<WallTime>, Fault> {
        let read = |hhmm| WallTime::from_hhmm(hhmm).ok_or_else(|| Fault::new(name, format_args!("{hhmm} is no time of day")));
        self.optional(name)?.map(read).transpose()
    }

    /// What identifies a leg; these columns have the flight number and the scheduled local time of departure.
    pub(crate) fn identity(&self, flight: &'static str, departs: &'static str) -> Result<Identity, Fault> {
        let number = self.within(flight, 1..=9999)?.ok_or_else(|| Fault::new(flight, "missing"))?;
        Ok(Identity {
            carrier: self.required("carrier")?,
            number,
            origin: self.required("origin")?,
            destination: self.required("dest")?,
            departs: self.wall_time(departs)?.ok_or_else(|| Fault::new(departs, "missing"))?,
        })
    }
}

/// As much of a cell as a message repeats.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

/// The lines of one file.
struct Lines {
    names: &'static [&'static str],
    file: Arc<str>,
    reader: csv::Reader<Text>,
    places: Vec<usize>,
    width: usize,
    record: ByteRecord,
}

impl Lines {
    fn open(path: &Path, names: &'static [&'static str]) -> Result<Self, TableError> {
        let io = |source| TableError::Io { path: path.to_owned(), source };
        let text = text_file::open(path).map_err(io)?;
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).quoting(false).terminator(csv::Terminator::Any(b'\n')).from_reader(text);
        let header = reader.byte_headers().map_err(|e| io(std::io::Error::other(e)))?;
        let place = |name: &&'static str| {
            let found = header.iter().position(|cell| cell.trim_ascii() == name.as_bytes());
            found.ok_or_else(|| TableError::Column { path: path.to_owned(), column: name })
        };
        let places = names.iter().map(place).collect::<Result<_, _>>()?;
        let width = header.len();
        Ok(Self { names, file: path.display().to_string().into(), reader, places, width, record: ByteRecord::new() })
    }

    /// What `read` makes of the next line for which it makes anything, with the line's number; the lines before it are refused.
    fn next<T>(
        &mut self,
        refused: &mut Refused,
        mut read: impl FnMut(&Cells<'_>) -> Result<T, Fault>,
    ) -> Result<Option<(T, u64)>, TableError> {
        while self.reader.read_byte_record(&mut self.record).map_err(|e| self.damaged(&e))? {
            if self.record.as_slice().trim_ascii().is_empty() && self.record.len() == 1 {
                continue;
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            match self.cells().and_then(|cells| read(&cells)) {
                Ok(row) => return Ok(Some((row, line))),
                Err(fault) => refused.add(Refusal::with_text(&self.file, line, fault, &self.text())),
            }
        }
        Ok(None)
    }

    fn cells(&self) -> Result<Cells<'_>, Fault> {
        let cells = self.record.len();
        if cells != self.width {
            return Err(Fault::new("line", format_args!("{cells} cells, the header has {}", self.width)));
        }
        Ok(Cells { names: self.names, places: &self.places, record: &self.record })
    }

    /// The line as it stands in the file.
    fn text(&self) -> Vec<u8> {
        self.record.iter().collect::<Vec<_>>().join(&b',')
    }

    fn damaged(&self, problem: &csv::Error) -> TableError {
        let line = self.reader.position().line().saturating_sub(1);
        TableError::Damaged { file: Arc::clone(&self.file), line, problem: problem.to_string() }
    }
}

/// Every row of a file, at most [`ROWS_MAX`], as `take` has it; what it refuses is refused by its line.
///
/// # Errors
/// The file cannot be read, or its header lacks a column.
pub(crate) fn each<T>(
    path: &Path,
    columns: &'static [&'static str],
    refused: &mut Refused,
    mut take: impl FnMut(&Cells<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, TableError> {
    let (mut lines, mut rows) = (Lines::open(path, columns)?, Vec::new());
    while let Some((row, _)) = lines.next(refused, |cells| if rows.len() < ROWS_MAX { take(cells) } else { Err(too_many()) })? {
        rows.push(row);
    }
    Ok(rows)
}

fn too_many() -> Fault {
    Fault::new("line", format_args!("more than {ROWS_MAX} rows in one file"))
}

/// One file, one row ahead.
pub(crate) struct Table {
    layout: Layout,
    lines: Lines,
    /// The rows after `head` of a file that was read whole.
    sorted: VecDeque<Row>,
    head: Option<Row>,
}

/// One row with its place.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) facts: LegFacts,
    pub(crate) file: Arc<str>,
    pub(crate) line: u64,
}

impl Table {
    /// Opens a file and reads up to its first good row.
    pub(crate) fn open(path: &Path, layout: Layout, refused: &mut Refused) -> Result<Self, TableError> {
        let lines = Lines::open(path, layout.columns)?;
        let mut table = Self { layout, lines, sorted: VecDeque::new(), head: None };
        if !layout.ordered {
            table.sort(refused)?;
        }
        table.head = table.next(refused)?;
        Ok(table)
    }

    /// The next row, not yet taken.
    pub(crate) fn head(&self) -> Option<&Row> {
        self.head.as_ref()
    }

    /// Takes the next row.
    pub(crate) fn take(&mut self, refused: &mut Refused) -> Result<Option<Row>, TableError> {
        let next = if self.head.is_some() { self.next(refused)? } else { None };
        Ok(std::mem::replace(&mut self.head, next))
    }

    fn next(&mut self, refused: &mut Refused) -> Result<Option<Row>, TableError> {
        if self.layout.ordered { self.read(refused) } else { Ok(self.sorted.pop_front()) }
    }

    /// Reads everything; rows of one date stay in their order.
    fn sort(&mut self, refused: &mut Refused) -> Result<(), TableError> {
        while let Some(row) = self.read(refused)? {
            if self.sorted.len() < ROWS_MAX {
                self.sorted.push_back(row);
            } else {
                refused.add(Refusal::of(&row.file, row.line, too_many(), row.facts.source_leg().as_bytes()));
            }
        }
        self.sorted.make_contiguous().sort_by_key(|row| row.facts.date);
        Ok(())
    }

    fn read(&mut self, refused: &mut Refused) -> Result<Option<Row>, TableError> {
        let (read, before) = (self.layout.read, self.head.as_ref().map(|head| head.facts.date));
        let in_order = |facts: LegFacts| match before {
            Some(before) if facts.date < before => {
                let problem = format_args!("{} comes after {before}: lines must be in order of date", facts.date);
                Err(Fault::new("flight_date", problem))
            }
            _ => Ok(facts),
        };
        let row = self.lines.next(refused, |cells| read(cells).and_then(in_order))?;
        Ok(row.map(|(facts, line)| Row { facts, file: Arc::clone(&self.lines.file), line }))
    }
}
