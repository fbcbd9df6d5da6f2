//! Load message, IATA AHM 583: who and what is on board, by destination.
//!
//!     LO335/21.SPLVA.C12Y174.2/4                   flight / day . registration . configuration . crew
//!     -CDG.142/8/3.T2310.1/900.3/820.PAX/10/140    destination . passengers . total load . compartment / kg . by class
//!     SI CDG B/98/1650 C/660 M/NIL                 remarks, to the end
//!
//! A line that begins with a full stop continues the destination before it. Sums that do not agree are said in `warnings`: the
//! message is still what was sent. A load that is read writes the same message again, continued lines joined.

use std::fmt;

use serde::Serialize;

use super::telex::{Envelope, LINES_MAX, Telex, designator, is_airport};
use crate::weather::groups::number;

/// Why a message is no load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// The message does not begin with LDM.
    #[error("line 1: no LDM")]
    Identifier,
    /// More lines than any load message.
    #[error("more than {LINES_MAX} lines")]
    TooLong,
    /// The line that names the flight is not of its form.
    #[error("flight line: {0} is missing or not of its form (LO335/21.SPLVA.C12Y174.2/4)")]
    Flight(&'static str),
    /// A destination whose code is none.
    #[error("destination line {0}: no IATA airport code")]
    Airport(usize),
    /// No destination at all.
    #[error("no destination line (-CDG.142/8/3…)")]
    Empty,
}

/// A load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Who sent it to whom.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Carrier designator, IATA or ICAO.
    pub carrier: String,
    /// Flight number, 1 to 9999.
    pub number: u32,
    /// Operational suffix.
    pub suffix: Option<char>,
    /// Day of the month of the flight, UTC.
    pub day: u32,
    /// Registration without dash.
    pub registration: String,
    /// Seats by class, such as `C12Y174`.
    pub configuration: Option<String>,
    /// Crew in the cockpit, in the cabin, and further ones.
    pub crew: Vec<u32>,
    /// What is on board, by destination.
    pub destinations: Vec<Destination>,
    /// Remarks (SI).
    pub remarks: Vec<String>,
    /// Sums that do not agree.
    pub warnings: Vec<String>,
    /// Lines that were not understood.
    pub unread: Vec<String>,
}

/// What is on board for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Destination {
    /// IATA code.
    pub airport: String,
    /// NIL: nothing.
    pub nil: bool,
    /// Adults, children, infants; or males, females, children, infants.
    pub passengers: Vec<u32>,
    /// Pieces of cabin baggage.
    pub cabin_bags: Option<u32>,
    /// Dead load in kilograms.
    pub total_kg: Option<u32>,
    /// Dead load by compartment.
    pub compartments: Vec<Compartment>,
    /// Passengers by class, infants not counted (PAX).
    pub by_class: Vec<u32>,
    /// Passengers who may be offloaded, by class (PAD).
    pub offloadable: Vec<u32>,
    /// Parts that were not understood.
    pub unread: Vec<String>,
}

/// One compartment's load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Compartment {
    /// Number of the compartment.
    pub number: u32,
    /// Kilograms.
    pub kg: u32,
}

impl Load {
    /// Reads one message.
    ///
    /// # Errors
    /// It is no load message, its flight line is not of its form, or it has no destination.
    pub fn read(telex: &Telex) -> Result<Self, Misread> {
        let (identifier, lines) = telex.lines.split_first().ok_or(Misread::Identifier)?;
        if identifier != "LDM" {
            return Err(Misread::Identifier);
        }
        if lines.len() >= LINES_MAX {
            return Err(Misread::TooLong);
        }
        let (flight, lines) = lines.split_first().ok_or(Misread::Flight("flight"))?;
        let mut load = Self { envelope: telex.envelope.clone(), ..flight_line(flight)? };
        let mut lines = lines.iter().enumerate();
        while let Some((at, line)) = lines.next() {
            if let Some(remark) = line.strip_prefix("SI").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
                load.remarks.push(remark.trim_start().to_owned());
                load.remarks.extend(lines.by_ref().map(|(_, line)| line.clone()));
            } else {
                load.line(line, at + 3)?;
            }
        }
        load.warnings = load.destinations.iter().flat_map(Destination::disagreements).collect();
        if load.destinations.is_empty() { Err(Misread::Empty) } else { Ok(load) }
    }

    fn line(&mut self, line: &str, number: usize) -> Result<(), Misread> {
        match (line.strip_prefix('-'), line.strip_prefix('.'), self.destinations.last_mut()) {
            (Some(destination), _, _) => {
                let mut parts = destination.split('.');
                let airport = parts.next().filter(|code| is_airport(code)).ok_or(Misread::Airport(number))?.to_owned();
                let mut destination = Destination { airport, ..Destination::default() };
                parts.for_each(|part| destination.part(part));
                self.destinations.push(destination);
            }
            (None, Some(more), Some(destination)) => more.split('.').for_each(|part| destination.part(part)),
            (None, _, _) => self.unread.push(line.to_owned()),
        }
        Ok(())
    }
}

/// `LO335/21.SPLVA.C12Y174.2/4`.
fn flight_line(line: &str) -> Result<Load, Misread> {
    let mut parts = line.split('.');
    let (flight, day) = parts.next().and_then(|part| part.split_once('/')).ok_or(Misread::Flight("flight"))?;
    let day = number(day).filter(|day| matches!(day, 1..=31)).ok_or(Misread::Flight("day"))?;
    let (carrier, flight, suffix) = designator(flight).ok_or(Misread::Flight("flight"))?;
    let registration =
        parts.next().filter(|text| matches!(text.len(), 2..=10) && text.bytes().all(|b| b.is_ascii_alphanumeric()));
    let configuration = parts.next().filter(|text| !text.is_empty()).map(str::to_owned);
    let crew = parts.next().map_or(Some(Vec::new()), numbers).ok_or(Misread::Flight("crew"))?;
    Ok(Load {
        envelope: Envelope::default(),
        carrier: carrier.to_owned(),
        number: flight,
        suffix,
        day,
        registration: registration.ok_or(Misread::Flight("registration"))?.to_owned(),
        configuration,
        crew,
        destinations: Vec::new(),
        remarks: Vec::new(),
        warnings: Vec::new(),
        unread: Vec::new(),
    })
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('/').map(number).collect()
}

impl Destination {
    fn part(&mut self, part: &str) {
        if !self.known(part) && !part.is_empty() {
            self.unread.push(part.to_owned());
        }
    }

    fn known(&mut self, part: &str) -> bool {
        if part == "NIL" {
            self.nil = true;
            return true;
        }
        if let Some(total) = part.strip_prefix('T').and_then(number) {
            self.total_kg = Some(total);
            return true;
        }
        for (name, classes) in [("PAX/", &mut self.by_class), ("PAD/", &mut self.offloadable)] {
            if let Some(counts) = part.strip_prefix(name).and_then(numbers) {
                *classes = counts;
                return true;
            }
        }
        self.figures(part)
    }

    /// Three or four figures are passengers, the one after them cabin bags, two a compartment.
    fn figures(&mut self, part: &str) -> bool {
        match numbers(part).as_deref() {
            Some([bags]) if !self.passengers.is_empty() && self.cabin_bags.is_none() => self.cabin_bags = Some(*bags),
            Some([number, kg]) => self.compartments.push(Compartment { number: *number, kg: *kg }),
            Some(passengers @ ([_, _, _] | [_, _, _, _])) if self.passengers.is_empty() => self.passengers = passengers.to_vec(),
            _ => return false,
        }
        true
    }

    fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        let load: u32 = self.compartments.iter().map(|compartment| compartment.kg).sum();
        if let Some(total) = self.total_kg.filter(|total| !self.compartments.is_empty() && *total != load) {
            found.push(format!("{}: the compartments hold {load} kg, the total says {total}", self.airport));
        }
        // The last figure is infants, who have no seat.
        let seated: u32 = self.passengers.split_last().map_or(0, |(_, seated)| seated.iter().sum());
        let by_class: u32 = self.by_class.iter().sum();
        if !self.by_class.is_empty() && !self.passengers.is_empty() && by_class != seated {
            found.push(format!("{}: {by_class} passengers by class, {seated} adults and children", self.airport));
        }
        found
    }
}

/// The message as it is sent, without what was not understood.
impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envelope, carrier, number, day, registration, .. } = self;
        let suffix = self.suffix.map(String::from).unwrap_or_default();
        write!(f, "{envelope}LDM\n{carrier}{number}{suffix}/{day:02}.{registration}")?;
        if self.configuration.is_some() || !self.crew.is_empty() {
            write!(f, ".{}", self.configuration.as_deref().unwrap_or_default())?;
        }
        if !self.crew.is_empty() {
            write!(f, ".{}", slashed(&self.crew))?;
        }
        self.destinations.iter().try_for_each(|destination| write!(f, "\n{destination}"))?;
        let mut remarks = self.remarks.iter();
        if let Some(first) = remarks.next() {
            write!(f, "\n{}", format!("SI {first}").trim_end())?;
        }
        remarks.try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![format!("-{}", self.airport)];
        parts.extend((!self.passengers.is_empty()).then(|| slashed(&self.passengers)));
        parts.extend(self.cabin_bags.map(|bags| bags.to_string()));
        parts.extend(self.total_kg.map(|total| format!("T{total}")));
        parts.extend(self.compartments.iter().map(|Compartment { number, kg }| format!("{number}/{kg}")));
        parts.extend((!self.by_class.is_empty()).then(|| format!("PAX/{}", slashed(&self.by_class))));
        parts.extend((!self.offloadable.is_empty()).then(|| format!("PAD/{}", slashed(&self.offloadable))));
        parts.extend(self.nil.then(|| "NIL".to_owned()));
        f.write_str(&parts.join("."))
    }
}

fn slashed(figures: &[u32]) -> String {
    figures.iter().map(u32::to_string).collect::<Vec<_>>().join("/")
}
