//! Aircraft movement message, IATA AHM 780: `MVT`, or `MVA` where the aircraft itself sent it; diversion message, AHM 781: `DIV`.
//!
//!     LO335/21.SPLVA.WAW           flight / day . registration . airport of the movement
//!     AD0704/0716 EA0913 CDG       off-block / airborne, estimated arrival and where
//!     DL93/75/0019/0020            delay codes, then their durations
//!     DR72                         why it is diverted
//!     PX153                        passengers on board
//!     SI DEICING                   remarks, to the end
//!
//! All times are UTC, `HHMM` or `DDHHMM`; a day that is not written is none. A movement that is read writes the same message
//! again. What is not understood is kept in `unread`.

use std::fmt;

use serde::Serialize;

use super::telex::{Envelope, LINES_MAX, Telex, designator, is_airport};
use crate::weather::groups::{DayTime, leading, number};
use crate::weather::period::Clock;

/// Why a message is no movement. Names the line and the element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// The message does not begin with MVT, MVA or DIV.
    #[error("line 1: no MVT, MVA or DIV")]
    Identifier,
    /// More lines than any movement message.
    #[error("more than {LINES_MAX} lines")]
    TooLong,
    /// The line that names the flight is not of its form.
    #[error("flight line: {0} is missing or not of its form (LO335/21.SPLVA.WAW)")]
    Flight(&'static str),
    /// An element with a time or figure that is none.
    #[error("element {element}: {problem}")]
    Element {
        /// Its two or three letters.
        element: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// Nothing moved, nothing is expected to.
    #[error("no element that says anything of the movement")]
    Empty,
}

/// One delay: a code and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delay {
    /// AHM 730 code as written, such as `93`; kept as text, because newer schemes are letters.
    pub code: String,
    /// Minutes, where given.
    pub minutes: Option<u32>,
}

/// An estimated time of arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// When.
    pub at: Clock,
    /// IATA code, where said.
    pub airport: Option<String>,
}

/// A movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Movement {
    /// Who sent it to whom.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// MVA: the aircraft sent it.
    pub by_aircraft: bool,
    /// DIV: the flight goes elsewhere, to the airport of its estimated arrival.
    pub diversion: bool,
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
    /// IATA code of the airport of the movement.
    pub airport: String,
    /// Off-block (AD).
    pub off_block: Option<Clock>,
    /// Airborne (AD).
    pub airborne: Option<Clock>,
    /// Estimated departure (ED).
    pub estimated_departure: Option<Clock>,
    /// Estimated take-off (EO).
    pub estimated_takeoff: Option<Clock>,
    /// Touchdown (AA).
    pub touchdown: Option<Clock>,
    /// On-block (AA).
    pub on_block: Option<Clock>,
    /// Estimated arrivals (EA), one for each stop ahead.
    pub estimated_arrivals: Vec<Arrival>,
    /// Estimated on-block (EB).
    pub estimated_on_block: Option<Clock>,
    /// When more will be known (NI).
    pub next_information: Option<Clock>,
    /// Back at the ramp (RR).
    pub returned_to_ramp: Option<Clock>,
    /// Back from the air (FR): touchdown.
    pub returned_touchdown: Option<Clock>,
    /// Back from the air (FR): on-block.
    pub returned_on_block: Option<Clock>,
    /// Delays (DL, EDL).
    pub delays: Vec<Delay>,
    /// Delay sub-codes (DLA), as written.
    pub delay_subcodes: Vec<String>,
    /// Reason of a diversion (DR), a code of AHM 730.
    pub diversion_reason: Option<String>,
    /// Passengers on board by class or as one sum (PX).
    pub passengers: Vec<u32>,
    /// Remarks (SI).
    pub remarks: Vec<String>,
    /// Lines and words that were not understood.
    pub unread: Vec<String>,
}

impl Movement {
    /// Reads one message.
    ///
    /// # Errors
    /// It is no movement message, its flight line or an element is not of its form, or it says nothing.
    pub fn read(telex: &Telex) -> Result<Self, Misread> {
        let (identifier, lines) = telex.lines.split_first().ok_or(Misread::Identifier)?;
        if !matches!(identifier.as_str(), "MVT" | "MVA" | "DIV") {
            return Err(Misread::Identifier);
        }
        if lines.len() >= LINES_MAX {
            return Err(Misread::TooLong);
        }
        let (flight, elements) = lines.split_first().ok_or(Misread::Flight("flight"))?;
        let mut movement = flight_line(flight)?;
        (movement.by_aircraft, movement.diversion) = (identifier == "MVA", identifier == "DIV");
        movement.envelope = telex.envelope.clone();
        let mut elements = elements.iter();
        while let Some(line) = elements.next() {
            if let Some(remark) = line.strip_prefix("SI").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
                movement.remarks.push(remark.trim_start().to_owned());
                movement.remarks.extend(elements.by_ref().cloned());
            } else {
                movement.line(line)?;
            }
        }
        if movement.says_nothing() { Err(Misread::Empty) } else { Ok(movement) }
    }

    fn says_nothing(&self) -> bool {
        let times = [
            self.off_block,
            self.airborne,
            self.estimated_departure,
            self.estimated_takeoff,
            self.touchdown,
            self.on_block,
            self.estimated_on_block,
            self.next_information,
            self.returned_to_ramp,
            self.returned_touchdown,
            self.returned_on_block,
        ];
        times.iter().all(Option::is_none)
            && self.estimated_arrivals.is_empty()
            && self.delays.is_empty()
            && self.diversion_reason.is_none()
    }

    /// One line of elements, blank separated.
    fn line(&mut self, line: &str) -> Result<(), Misread> {
        let mut words = line.split_ascii_whitespace().peekable();
        while let Some(word) = words.next() {
            if let Some(at) = word.strip_prefix("EA").filter(|rest| begins_with_figure(rest)) {
                let at = time(at, "EA")?;
                let airport = words.next_if(|next| is_airport(next)).map(str::to_owned);
                self.estimated_arrivals.push(Arrival { at, airport });
            } else if !self.time_element(word)? && !self.count_element(word)? {
                self.unread.push(word.to_owned());
            }
        }
        Ok(())
    }

    fn time_element(&mut self, word: &str) -> Result<bool, Misread> {
        let Some((element, value)) = word.split_at_checked(2).filter(|(_, value)| begins_with_figure(value)) else {
            return Ok(false);
        };
        match element {
            "AD" => (self.off_block, self.airborne) = pair(value, "AD")?,
            "AA" => (self.touchdown, self.on_block) = last_of_pair(value, "AA")?,
            "FR" => (self.returned_touchdown, self.returned_on_block) = last_of_pair(value, "FR")?,
            "ED" => self.estimated_departure = Some(time(value, "ED")?),
            "EO" => self.estimated_takeoff = Some(time(value, "EO")?),
            "EB" => self.estimated_on_block = Some(time(value, "EB")?),
            "NI" => self.next_information = Some(time(value, "NI")?),
            "RR" => self.returned_to_ramp = Some(time(value, "RR")?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn count_element(&mut self, word: &str) -> Result<bool, Misread> {
        if let Some(codes) = word.strip_prefix("DLA") {
            self.delay_subcodes.extend(codes.split('/').map(str::to_owned));
        } else if let Some(value) = word.strip_prefix("EDL") {
            self.delays.extend(delays(value, "EDL")?);
        } else if let Some(value) = word.strip_prefix("DL") {
            self.delays.extend(delays(value, "DL")?);
        } else if let Some(code) = word.strip_prefix("DR").filter(|rest| begins_with_figure(rest)) {
            let problem = Misread::Element { element: "DR", problem: "not a reason code of two figures" };
            self.diversion_reason = Some(number(code).filter(|_| code.len() == 2).map(|_| code.to_owned()).ok_or(problem)?);
        } else if let Some(value) = word.strip_prefix("PX").filter(|rest| begins_with_figure(rest)) {
            let problem = Misread::Element { element: "PX", problem: "not a count of passengers" };
            self.passengers = value
                .split('/')
                .map(|count| number(count).filter(|count| *count <= 999))
                .collect::<Option<_>>()
                .ok_or(problem)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn begins_with_figure(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// `LO335A/21.SPLVA.WAW`.
fn flight_line(line: &str) -> Result<Movement, Misread> {
    let mut parts = line.split('.');
    let (flight, day) = parts.next().and_then(|part| part.split_once('/')).ok_or(Misread::Flight("flight"))?;
    let day = number(day).filter(|day| matches!(day, 1..=31)).ok_or(Misread::Flight("day"))?;
    let registration =
        parts.next().filter(|text| matches!(text.len(), 2..=10) && text.bytes().all(|b| b.is_ascii_alphanumeric()));
    let airport = parts.next().map(str::trim_end).filter(|text| is_airport(text)).ok_or(Misread::Flight("airport"))?;
    let (carrier, number, suffix) = designator(flight).ok_or(Misread::Flight("flight"))?;
    Ok(Movement {
        envelope: Envelope::default(),
        by_aircraft: false,
        diversion: false,
        carrier: carrier.to_owned(),
        number,
        suffix,
        day,
        registration: registration.ok_or(Misread::Flight("registration"))?.to_owned(),
        airport: airport.to_owned(),
        off_block: None,
        airborne: None,
        estimated_departure: None,
        estimated_takeoff: None,
        touchdown: None,
        on_block: None,
        estimated_arrivals: Vec::new(),
        estimated_on_block: None,
        next_information: None,
        returned_to_ramp: None,
        returned_touchdown: None,
        returned_on_block: None,
        delays: Vec::new(),
        delay_subcodes: Vec::new(),
        diversion_reason: None,
        passengers: Vec::new(),
        remarks: Vec::new(),
        unread: Vec::new(),
    })
}

/// `HHMM` or `DDHHMM`.
fn time(text: &str, element: &'static str) -> Result<Clock, Misread> {
    let with_day = DayTime::from_ddhhmm(text).map(Clock::from);
    let without = || {
        let (hour, rest) = leading(text, 2)?;
        let (minute, rest) = leading(rest, 2)?;
        DayTime::new(1, hour, minute).filter(|_| rest.is_empty()).map(|time| Clock { day: None, ..Clock::from(time) })
    };
    with_day.or_else(without).ok_or(Misread::Element { element, problem: "not a time (HHMM or DDHHMM)" })
}

/// Two times, the second of which may be missing.
fn pair(text: &str, element: &'static str) -> Result<(Option<Clock>, Option<Clock>), Misread> {
    match text.split_once('/') {
        Some((first, second)) => Ok((Some(time(first, element)?), Some(time(second, element)?))),
        None => Ok((Some(time(text, element)?), None)),
    }
}

/// Two times; one alone is the second of them.
fn last_of_pair(text: &str, element: &'static str) -> Result<(Option<Clock>, Option<Clock>), Misread> {
    pair(text, element).map(|(first, second)| if second.is_none() { (None, first) } else { (first, second) })
}

/// `93/75/0019/0020`: codes of up to three characters, then as many durations `HHMM`, or none.
fn delays(text: &str, element: &'static str) -> Result<Vec<Delay>, Misread> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let codes = parts.iter().take_while(|part| part.len() <= 3).count();
    let (codes, durations) = parts.split_at(codes);
    let fits = matches!(codes.len(), 1..=2) && (durations.is_empty() || durations.len() == codes.len());
    if !fits {
        return Err(Misread::Element { element, problem: "not one or two codes, then as many durations" });
    }
    let minutes = |text: &&str| {
        let (hours, rest) = leading(text, 2)?;
        number(rest).filter(|minutes| rest.len() == 2 && *minutes < 60).map(|minutes| hours * 60 + minutes)
    };
    let problem = Misread::Element { element, problem: "not a duration (HHMM)" };
    let durations: Option<Vec<u32>> = durations.iter().map(minutes).collect();
    let mut durations = durations.ok_or(problem)?.into_iter();
    Ok(codes.iter().map(|code| Delay { code: (*code).to_owned(), minutes: durations.next() }).collect())
}

/// The message as it is sent, without what was not understood.
impl fmt::Display for Movement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identifier = match self {
            Self { diversion: true, .. } => "DIV",
            Self { by_aircraft: true, .. } => "MVA",
            _ => "MVT",
        };
        let suffix = self.suffix.map(String::from).unwrap_or_default();
        let Self { carrier, number, day, registration, airport, .. } = self;
        write!(f, "{}{identifier}\n{carrier}{number}{suffix}/{day:02}.{registration}.{airport}", self.envelope)?;
        self.movements(f)?;
        self.write_delays(f)?;
        self.diversion_reason.as_ref().map_or(Ok(()), |code| write!(f, "\nDR{code}"))?;
        if !self.passengers.is_empty() {
            let counts: Vec<String> = self.passengers.iter().map(u32::to_string).collect();
            write!(f, "\nPX{}", counts.join("/"))?;
        }
        let mut remarks = self.remarks.iter();
        if let Some(first) = remarks.next() {
            write!(f, "\n{}", format!("SI {first}").trim_end())?;
        }
        remarks.try_for_each(|line| write!(f, "\n{line}"))
    }
}

impl Movement {
    fn movements(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arrivals = String::new();
        for Arrival { at, airport } in &self.estimated_arrivals {
            let airport = airport.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
            arrivals.push_str(&format!(" EA{}{airport}", Hhmm(*at)));
        }
        let mut elements = vec![format!("{}{arrivals}", times("AD", &[self.off_block, self.airborne]))];
        elements.push(times("ED", &[self.estimated_departure]));
        elements.push(times("EO", &[self.estimated_takeoff]));
        elements.push(times("AA", &[self.touchdown, self.on_block]));
        elements.push(times("EB", &[self.estimated_on_block]));
        elements.push(times("NI", &[self.next_information]));
        elements.push(times("RR", &[self.returned_to_ramp]));
        elements.push(times("FR", &[self.returned_touchdown, self.returned_on_block]));
        elements.iter().filter(|text| !text.is_empty()).try_for_each(|text| write!(f, "\n{}", text.trim_start()))
    }

    fn write_delays(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, delays) in self.delays.chunks(2).enumerate() {
            let codes: Vec<&str> = delays.iter().map(|delay| delay.code.as_str()).collect();
            let durations = delays.iter().filter_map(|delay| delay.minutes);
            let durations: String = durations.map(|minutes| format!("/{:02}{:02}", minutes / 60, minutes % 60)).collect();
            write!(f, "\n{}{}{durations}", if at == 0 { "DL" } else { "EDL" }, codes.join("/"))?;
        }
        if self.delay_subcodes.is_empty() { Ok(()) } else { write!(f, "\nDLA{}", self.delay_subcodes.join("/")) }
    }
}

/// An element of times; empty where there is none.
fn times(element: &str, of: &[Option<Clock>]) -> String {
    let written: Vec<String> = of.iter().flatten().map(|at| Hhmm(*at).to_string()).collect();
    if written.is_empty() { String::new() } else { format!("{element}{}", written.join("/")) }
}

/// A time as these messages write it.
struct Hhmm(Clock);

impl fmt::Display for Hhmm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Clock { day, hour, minute } = self.0;
        let day = day.map(|day| format!("{day:02}")).unwrap_or_default();
        write!(f, "{day}{hour:02}{minute:02}")
    }
}
