//! Passenger name list and its changes, IATA Recommended Practice 1708: `PNL` and `ADL`.
//!
//!     LO335/21NOV WAW PART1               flight / date, airport of departure, part
//!     CFG/012C174Y  RBD …  AVAIL …        headings, kept as written
//!     -CDG003Y                            destination, how many, class; in an ADL then DEL, ADD or CHG
//!     1KOWALSKA/ANNAMRS .L/X7QK2P         how many, surname, given names with titles, elements
//!     .R/WCHR HK1                         further elements of the name before
//!     ENDPNL │ ENDPART1                   the last part │ more follow
//!
//! One part is read at a time; whoever applies a list must hold all of its parts. Titles are not cut off the names: `ADAMS`
//! would lose its last letters. A part that is read writes a part that reads as the same.
//!
//! Holds personal data: `Debug` shows none of it, and a reason for a refusal names the line only.

use std::fmt;

use serde::Serialize;

use super::telex::{Envelope, LINES_MAX, Telex, designator, is_airport};
use super::{month_name, month_number};
use crate::weather::groups::{leading, number};

/// Most passengers of one name item.
const NAME_PASSENGERS_MAX: u32 = 999;

/// Why a message is no part of a list. Names the line of the message, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// The message does not begin with PNL or ADL.
    #[error("line 1: no PNL or ADL")]
    Identifier,
    /// More lines than any part.
    #[error("more than {LINES_MAX} lines")]
    TooLong,
    /// The line that names the flight is not of its form.
    #[error("line 2: {0} is missing or not of its form (LO335/21NOV WAW PART1)")]
    Flight(&'static str),
    /// A line in the list that is no total, name or element, or stands where it must not.
    #[error("line {line}: {problem}")]
    Line {
        /// Line of the message, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The message stops in the middle.
    #[error("no ENDPNL, ENDADL or ENDPART at the end")]
    Unfinished,
}

/// What an ADL does with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Take it off the list.
    Del,
    /// Put it on.
    Add,
    /// It has changed.
    Chg,
}

impl Action {
    const WORDS: [(&'static str, Self); 3] = [("DEL", Self::Del), ("ADD", Self::Add), ("CHG", Self::Chg)];
}

/// One part of a list.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Who sent it to whom.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// ADL: changes only.
    pub changes: bool,
    /// Carrier designator, IATA or ICAO.
    pub carrier: String,
    /// Flight number, 1 to 9999.
    pub number: u32,
    /// Operational suffix.
    pub suffix: Option<char>,
    /// Day of departure.
    pub day: u32,
    /// Month of departure, 1 to 12; the year is not in the message.
    pub month: u32,
    /// IATA code of the airport of departure.
    pub from: String,
    /// Number of this part, from 1.
    pub part: u32,
    /// No part follows.
    pub last: bool,
    /// Configuration, classes and availability, as written.
    pub headings: Vec<String>,
    /// Passengers by destination and class.
    pub totals: Vec<Total>,
    /// Totals that do not agree with the names, where the list is whole in this part.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} of {}{}, {} totals)", self.part, self.carrier, self.number, self.totals.len())
    }
}

/// The passengers of one destination and class.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// IATA code of the destination.
    pub to: String,
    /// How many there are in all.
    pub count: u32,
    /// Class of booking or service.
    pub class: char,
    /// Name items.
    pub names: Vec<Name>,
}

/// One name item.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// What an ADL does with it.
    pub action: Option<Action>,
    /// How many passengers.
    pub count: u32,
    /// Surname.
    pub surname: String,
    /// Given names with titles, as written; fewer than passengers in a group.
    pub given: Vec<String>,
    /// Record locator, from the element L.
    pub locator: Option<String>,
    /// Elements in order, the locator included.
    pub elements: Vec<Element>,
}

/// One element of a name: `.R/WCHR HK1` is code `R`, text `WCHR HK1`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Letters before the stroke.
    pub code: String,
    /// What follows.
    pub text: String,
}

impl Part {
    /// Reads one part.
    ///
    /// # Errors
    /// It is no PNL or ADL, a line is not of its form, or its end is missing.
    pub fn read(telex: &Telex) -> Result<Self, Misread> {
        let (identifier, lines) = telex.lines.split_first().ok_or(Misread::Identifier)?;
        let changes = match identifier.as_str() {
            "PNL" => false,
            "ADL" => true,
            _ => return Err(Misread::Identifier),
        };
        if lines.len() >= LINES_MAX {
            return Err(Misread::TooLong);
        }
        let (flight, lines) = lines.split_first().ok_or(Misread::Flight("flight"))?;
        let (end, lines) = lines.split_last().ok_or(Misread::Unfinished)?;
        let mut part = Self { envelope: telex.envelope.clone(), changes, ..flight_line(flight)? };
        part.last = part.ends(end).ok_or(Misread::Unfinished)?;
        let mut action = None;
        for (at, line) in lines.iter().enumerate() {
            part.line(line, &mut action).map_err(|problem| Misread::Line { line: at + 3, problem })?;
        }
        if part.last && part.part == 1 && !changes {
            part.warnings = part.totals.iter().filter_map(Total::disagreement).collect();
        }
        Ok(part)
    }

    /// Whether this end line says that no part follows; none where it is no end line.
    fn ends(&self, line: &str) -> Option<bool> {
        match (line, self.changes) {
            ("ENDPNL", false) | ("ENDADL", true) => Some(true),
            (more, _) => more.strip_prefix("ENDPART").and_then(number).map(|_| false),
        }
    }

    fn line(&mut self, line: &str, action: &mut Option<Action>) -> Result<(), &'static str> {
        if let Some(total) = line.strip_prefix('-') {
            self.totals.push(total_line(total).ok_or("no total (-CDG003Y)")?);
            *action = None;
            return Ok(());
        }
        let Some(total) = self.totals.last_mut() else {
            self.headings.push(line.to_owned());
            return Ok(());
        };
        if let Some((_, word)) = Action::WORDS.iter().find(|(word, _)| *word == line) {
            *action = Some(*word);
        } else if line.starts_with('.') {
            let name = total.names.last_mut().ok_or("an element without a name before it")?;
            name.extend(line).ok_or("no element (.R/WCHR HK1)")?;
        } else {
            total.names.push(name_line(line, *action).ok_or("no name (1KOWALSKA/ANNAMRS)")?);
        }
        Ok(())
    }
}

/// `LO335/21NOV WAW PART1`.
fn flight_line(line: &str) -> Result<Part, Misread> {
    let mut words = line.split_ascii_whitespace();
    let (flight, date) = words.next().and_then(|word| word.split_once('/')).ok_or(Misread::Flight("flight"))?;
    let (carrier, flight_number, suffix) = designator(flight).ok_or(Misread::Flight("flight"))?;
    let (day, month) = leading(date, 2).ok_or(Misread::Flight("date"))?;
    let month = month_number(month).ok_or(Misread::Flight("date"))?;
    let from = words.next().filter(|word| is_airport(word)).ok_or(Misread::Flight("airport"))?;
    let part = words.next().and_then(|word| number(word.strip_prefix("PART")?)).filter(|part| *part > 0);
    Ok(Part {
        envelope: Envelope::default(),
        changes: false,
        carrier: carrier.to_owned(),
        number: flight_number,
        suffix,
        day: Some(day).filter(|day| matches!(day, 1..=31)).ok_or(Misread::Flight("date"))?,
        month,
        from: from.to_owned(),
        part: part.ok_or(Misread::Flight("part"))?,
        last: false,
        headings: Vec::new(),
        totals: Vec::new(),
        warnings: Vec::new(),
    })
}

/// `CDG003Y`.
fn total_line(text: &str) -> Option<Total> {
    let (to, rest) = text.split_at_checked(3).filter(|(to, _)| is_airport(to))?;
    let (count, class) = leading(rest, 3)?;
    let mut class = class.chars();
    let letter = class.next().filter(char::is_ascii_uppercase)?;
    class.next().is_none().then(|| Total { to: to.to_owned(), count, class: letter, names: Vec::new() })
}

/// `2NOWAK/JANMR/EWAMRS .L/Q2RR8T`.
fn name_line(line: &str, action: Option<Action>) -> Option<Name> {
    let figures = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, rest) = leading(line, figures)?;
    let (names, elements) = rest.split_once(" .").map_or((rest, None), |(names, elements)| (names, Some(elements)));
    let mut names = names.trim_end().split('/').map(str::to_owned);
    let surname = names.next().filter(|surname| !surname.is_empty() && matches!(count, 1..=NAME_PASSENGERS_MAX))?;
    let mut name = Name { action, count, surname, given: names.collect(), locator: None, elements: Vec::new() };
    match elements {
        Some(elements) => name.extend(&format!(".{elements}")).map(|()| name),
        None => Some(name),
    }
}

impl Name {
    /// Adds the elements of a line: `.L/X7QK2P .R/WCHR HK1`.
    fn extend(&mut self, line: &str) -> Option<()> {
        for element in line.strip_prefix('.')?.split(" .") {
            let (code, text) = element.split_once('/')?;
            let letters = matches!(code.len(), 1..=3) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let element = letters.then(|| Element { code: code.to_owned(), text: text.trim_end().to_owned() })?;
            if element.code == "L" {
                self.locator = element.text.split('/').next().map(str::to_owned);
            }
            self.elements.push(element);
        }
        Some(())
    }
}

impl Total {
    fn disagreement(&self) -> Option<String> {
        let listed: u32 = self.names.iter().map(|name| name.count).sum();
        let Self { to, count, class, .. } = self;
        (listed != *count).then(|| format!("{to} {class}: {count} announced, {listed} listed"))
    }
}

/// The part as it is sent.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.changes { "ADL" } else { "PNL" };
        let Self { envelope, carrier, number, day, from, part, .. } = self;
        let suffix = self.suffix.map(String::from).unwrap_or_default();
        let month = month_name(self.month);
        writeln!(f, "{envelope}{kind}\n{carrier}{number}{suffix}/{day:02}{month} {from} PART{part}")?;
        self.headings.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.totals.iter().try_for_each(|total| write!(f, "{total}"))?;
        if self.last { write!(f, "END{kind}") } else { write!(f, "ENDPART{part}") }
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-{}{:03}{}", self.to, self.count, self.class)?;
        let mut action = None;
        for name in &self.names {
            if name.action != action {
                action = name.action;
                let word = Action::WORDS.iter().find(|(_, word)| Some(*word) == action).map_or("", |(word, _)| word);
                writeln!(f, "{word}")?;
            }
            writeln!(f, "{name}")?;
        }
        Ok(())
    }
}

/// The locator stands behind the name, every other element on its own line.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.surname)?;
        self.given.iter().try_for_each(|given| write!(f, "/{given}"))?;
        for (at, Element { code, text }) in self.elements.iter().enumerate() {
            let gap = if at == 0 && code == "L" { ' ' } else { '\n' };
            write!(f, "{gap}.{code}/{text}")?;
        }
        Ok(())
    }
}
