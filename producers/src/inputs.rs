//! `INPUT` = `kind:path`, globs allowed: from what the user types to one stream of records.
//!
//!     bts:january/*.csv.gz  metar:*.csv.gz  recording:storm.jsonl  ──►  Input, …  ──► open ──►  Feed
//!
//! What cannot be a stream at all (an unknown kind, no such file, a file of another kind) is an error before
//! anything runs. What is wrong inside a file is counted and named while it runs: see [`crate::refusals`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Recorded;
use crate::airline::schedules::Schedules;
use crate::airline::timetable::Timetable;
use crate::airline::{loads, log, manifests, movements, notifications};
use crate::board;
use crate::bts;
use crate::days::Days;
use crate::disturb::Disturbance;
use crate::event_model::Model;
use crate::feed::Feed;
use crate::flights::Flights;
use crate::nyc;
use crate::quarantine::Quarantine;
use crate::recording::Recording;
use crate::refusals::Refused;
use crate::reports;
use crate::restrictions;
pub use crate::table::TableError;
use crate::table::{Layout, Table};

/// Most files of one run: they are open side by side.
pub const FILES_MAX: usize = 800;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// On-time records of the US Bureau of Transportation Statistics.
    Bts,
    /// Departures from New York, in the columns of nycflights13.
    Nyc,
    /// The flight information display of Toronto Pearson.
    Yyz,
    /// Our own JSON lines, as `--record` writes them.
    Recording,
    /// METAR and SPECI reports in the form of the Aviation Weather Center's cache files.
    Metar,
    /// TAF forecasts in the same form.
    Taf,
    /// Schedule files, IATA SSIM chapter 7.
    Ssim,
    /// Logs of movement messages, IATA AHM 780.
    Mvt,
    /// Logs of load messages, IATA AHM 583.
    Ldm,
    /// Logs of passenger name lists and their changes, IATA RP 1708.
    Pnl,
    /// Flight leg notifications, IATA AIDX, one document a file.
    Aidx,
    /// Airport status of the FAA, one document a file.
    Nas,
    /// Regulations of EUROCONTROL's Network Manager, one reply a file.
    Regulation,
}

impl Kind {
    const ALL: [(&'static str, Self); 13] = [
        ("bts", Self::Bts),
        ("nyc", Self::Nyc),
        ("yyz", Self::Yyz),
        ("recording", Self::Recording),
        ("metar", Self::Metar),
        ("taf", Self::Taf),
        ("ssim", Self::Ssim),
        ("mvt", Self::Mvt),
        ("ldm", Self::Ldm),
        ("pnl", Self::Pnl),
        ("aidx", Self::Aidx),
        ("nas", Self::Nas),
        ("regulation", Self::Regulation),
    ];

    /// As it is typed before the colon; also the name of the source.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether what is refused of it may name somebody: then its text goes further sealed, or not at all. Passenger lists do; free text and
    /// foreign records may.
    #[must_use]
    pub(crate) fn names_people(self) -> bool {
        matches!(self, Self::Pnl | Self::Mvt | Self::Ldm | Self::Aidx | Self::Recording)
    }
}

/// The files of one `INPUT`, at least one, in order of name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What they hold.
    pub kind: Kind,
    /// Where they are.
    pub files: Vec<PathBuf>,
}

/// Why inputs cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// No `kind:` in front.
    #[error("`{0}`: an input is KIND:PATH, for example bts:data/bts-2008-01-31.csv.gz; kinds are {KINDS}")]
    NoKind(String),
    /// A kind that nobody knows.
    #[error("`{input}`: `{kind}` is no kind of input; kinds are {KINDS}")]
    UnknownKind {
        /// What was typed.
        input: String,
        /// The part before the colon.
        kind: String,
    },
    /// The path is no valid glob.
    #[error("`{input}`: {source}")]
    Pattern {
        /// What was typed.
        input: String,
        /// What is wrong with the pattern.
        source: glob::PatternError,
    },
    /// A directory that cannot be listed.
    #[error("`{input}`: {source}")]
    Listing {
        /// What was typed.
        input: String,
        /// What the system says.
        source: glob::GlobError,
    },
    /// Nothing there.
    #[error("`{0}`: no such file")]
    NoFile(String),
    /// More files than may be open at once.
    #[error("{0} files; at most {FILES_MAX} in one run")]
    TooMany(usize),
    /// A file that cannot be read, or is of another kind.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The kinds, for messages.
const KINDS: Kinds = Kinds;

struct Kinds;

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
        f.write_str(&names.join(", "))
    }
}

impl FromStr for Input {
    type Err = InputError;

    /// Reads `kind:path` and finds the files; a path with `*`, `?` or `[` is a glob.
    fn from_str(text: &str) -> Result<Self, InputError> {
        let (kind, path) = text.split_once(':').ok_or_else(|| InputError::NoKind(text.to_owned()))?;
        let kind = kind_of(kind, text)?;
        let literal = Path::new(path);
        if literal.is_file() {
            return Ok(Self { kind, files: vec![literal.to_owned()] });
        }
        let found = glob::glob(path).map_err(|source| InputError::Pattern { input: text.to_owned(), source })?;
        let found: Result<Vec<_>, _> = found.filter(|entry| !matches!(entry, Ok(path) if path.is_dir())).collect();
        let files = found.map_err(|source| InputError::Listing { input: text.to_owned(), source })?;
        if files.is_empty() { Err(InputError::NoFile(text.to_owned())) } else { Ok(Self { kind, files }) }
    }
}

fn kind_of(kind: &str, input: &str) -> Result<Kind, InputError> {
    let known = Kind::ALL.iter().find(|(name, _)| *name == kind);
    known.map(|(_, kind)| *kind).ok_or_else(|| InputError::UnknownKind { input: input.to_owned(), kind: kind.to_owned() })
}

/// How inputs are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Playback {
    /// What was known when.
    pub model: Model,
    /// Disturbance, for tests.
    pub disturbance: Disturbance,
}

/// Opens every input as one stream; a file that is named twice is read once.
///
/// # Errors
/// A file cannot be opened or is not of its kind.
pub fn open(inputs: &[Input], playback: Playback) -> Result<Feed, InputError> {
    open_with(inputs, playback, None)
}

/// The same, with a quarantine for refused text that may name somebody.
///
/// # Errors
/// A file cannot be opened or is not of its kind.
pub fn open_with(inputs: &[Input], playback: Playback, quarantine: Option<&Quarantine>) -> Result<Feed, InputError> {
    let mut sources: Vec<Box<dyn Recorded + Send>> = Vec::new();
    for (kind, layout) in [(Kind::Bts, bts::LAYOUT), (Kind::Nyc, nyc::LAYOUT)] {
        let tables = files(inputs, kind)?;
        if !tables.is_empty() {
            let days = open_days(&tables, layout)?;
            sources.push(Box::new(Flights::new(kind, playback.model, days)));
        }
    }
    let boards = files(inputs, Kind::Yyz)?;
    if !boards.is_empty() {
        sources.push(Box::new(board::read(&boards, playback.model)?));
    }
    for file in files(inputs, Kind::Recording)? {
        sources.push(Box::new(Recording::open(&file, Refused::with(quarantine))?));
    }
    for (kind, form) in [(Kind::Metar, reports::METAR), (Kind::Taf, reports::TAF)] {
        for file in files(inputs, kind)? {
            sources.push(Box::new(reports::open(&file, form)?));
        }
    }
    for kind in [Kind::Nas, Kind::Regulation] {
        let documents = files(inputs, kind)?;
        if !documents.is_empty() {
            sources.push(Box::new(restrictions::read(kind, &documents)?));
        }
    }
    airline(inputs, quarantine, &mut sources)?;
    Ok(Feed::new(sources, playback.disturbance))
}

/// What airlines write: schedule files, and telexes that are read against them.
fn airline(
    inputs: &[Input],
    quarantine: Option<&Quarantine>,
    sources: &mut Vec<Box<dyn Recorded + Send>>,
) -> Result<(), InputError> {
    let schedules = files(inputs, Kind::Ssim)?;
    let mut refused = Refused::default();
    let timetable = Timetable::read(&schedules, &mut refused)?;
    if !schedules.is_empty() {
        sources.push(Box::new(Schedules::new(&timetable, refused)));
    }
    let documents = files(inputs, Kind::Aidx)?;
    if !documents.is_empty() {
        sources.push(Box::new(notifications::read(&documents, Refused::with(quarantine))?));
    }
    let (telexes, lists) = (files(inputs, Kind::Mvt)?, files(inputs, Kind::Pnl)?);
    if !telexes.is_empty() {
        let (messages, refused) = messages(&telexes, quarantine)?;
        sources.push(Box::new(movements::read(messages, &timetable, refused)));
    }
    let loads = files(inputs, Kind::Ldm)?;
    if !loads.is_empty() {
        let (messages, refused) = messages(&loads, quarantine)?;
        sources.push(Box::new(loads::read(messages, &timetable, refused)));
    }
    if !lists.is_empty() {
        let (messages, refused) = messages(&lists, quarantine)?;
        sources.push(Box::new(manifests::read(messages, &timetable, refused)));
    }
    Ok(())
}

/// The messages of logs, and what of them was refused.
fn messages(files: &[PathBuf], quarantine: Option<&Quarantine>) -> Result<(Vec<log::Received>, Refused), InputError> {
    let (mut messages, mut refused) = (Vec::new(), Refused::with(quarantine));
    for file in files {
        messages.extend(log::read(file, &mut refused)?);
    }
    Ok((messages, refused))
}

/// Every leg of the inputs that record flights, for those who learn from whole days.
pub(crate) fn open_legs(inputs: &[Input]) -> Result<Days, InputError> {
    open_days(&files(inputs, Kind::Bts)?, bts::LAYOUT)
}

fn open_days(files: &[PathBuf], layout: Layout) -> Result<Days, InputError> {
    let mut refused = Refused::default();
    let tables = files.iter().map(|file| Table::open(file, layout, &mut refused));
    let tables = tables.collect::<Result<_, _>>()?;
    Ok(Days::new(tables, refused))
}

/// The files of one kind, each once, in order of name.
fn files(inputs: &[Input], kind: Kind) -> Result<Vec<PathBuf>, InputError> {
    let mut files: Vec<PathBuf> = inputs.iter().filter(|i| i.kind == kind).flat_map(|i| i.files.clone()).collect();
    files.sort();
    files.dedup();
    if files.len() > FILES_MAX { Err(InputError::TooMany(files.len())) } else { Ok(files) }
}
