//! Type B traffic: one message after the other, each with its address and origin lines.
//!
//!     QU HDQOOLO WAWKZLO   priority and addresses ┐
//!     .WAWOPLO 210717      sender, day and time   ├─► Telex { envelope, lines }
//!     COR                  repeats another        │
//!     MVT …                                       ┘
//!
//! A message ends at an empty line, at the next address line, or where a second message identifier begins. Holds one message.

use serde::Serialize;

use crate::weather::groups::{DayTime, number};

/// Most lines of one message; the longest passenger list part has 60.
pub const LINES_MAX: usize = 200;

/// Who sent a message to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Envelope {
    /// Priority code, such as `QU`.
    pub priority: Option<String>,
    /// Seven-letter addresses.
    pub addresses: Vec<String>,
    /// Seven-letter address of the sender.
    pub sender: Option<String>,
    /// When it was sent, UTC.
    pub sent: Option<DayTime>,
    /// Repeats an earlier message, corrected.
    pub correction: bool,
}

/// One message, cut out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telex {
    /// The line of the input on which it begins, from 1.
    pub line: u64,
    /// Who sent it to whom.
    pub envelope: Envelope,
    /// Its text, from the identifier on; at most [`LINES_MAX`] + 1, one of which tells a message that is too long.
    pub lines: Vec<String>,
}

/// Messages being cut out of lines.
#[derive(Debug, Default)]
pub struct Traffic {
    line: u64,
    open: Option<Telex>,
}

impl Traffic {
    /// Takes the next line; answers the message that it ends.
    pub fn push(&mut self, line: &str) -> Option<Telex> {
        self.line += 1;
        let text = line.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        let begins = address(text).is_some() || is_identifier(text) || text == "COR";
        let begun = self.open.as_ref().is_some_and(|telex| !telex.lines.is_empty());
        let ended = if text.is_empty() || begins && begun { self.open.take() } else { None };
        if !text.is_empty() {
            let line = self.line;
            self.open.get_or_insert_with(|| Telex { line, ..Telex::default() }).add(text);
        }
        ended
    }

    /// What is left at the end of the input.
    pub fn finish(&mut self) -> Option<Telex> {
        self.open.take()
    }
}

impl Telex {
    /// A message given whole.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut telex = Self { line: 1, ..Self::default() };
        text.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| telex.add(line));
        telex
    }

    fn add(&mut self, text: &str) {
        let envelope = &mut self.envelope;
        if !self.lines.is_empty() {
            if self.lines.len() <= LINES_MAX {
                self.lines.push(text.to_owned());
            }
        } else if let Some((priority, addresses)) = address(text) {
            envelope.priority = Some(priority.to_owned());
            envelope.addresses = addresses;
        } else if let Some((sender, sent)) = origin(text) {
            (envelope.sender, envelope.sent) = (Some(sender.to_owned()), sent);
        } else if text == "COR" {
            envelope.correction = true;
        } else {
            self.lines.push(text.to_owned());
        }
    }
}

/// IATA airport code.
pub(super) fn is_airport(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Carrier of two or three characters, number, suffix. Two characters first: `U21234` is U2 1234.
pub(crate) fn designator(text: &str) -> Option<(&str, u32, Option<char>)> {
    [2, 3].into_iter().find_map(|width| {
        let (carrier, rest) = text.split_at_checked(width)?;
        let last = rest.chars().last().filter(char::is_ascii_uppercase);
        let figures = rest.trim_end_matches(|c: char| Some(c) == last);
        let letters = carrier.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let one_suffix = rest.len() - figures.len() <= 1;
        let flight = number(figures).filter(|flight| matches!(flight, 1..=9999))?;
        (letters && one_suffix && carrier.bytes().any(|byte| byte.is_ascii_uppercase())).then_some((carrier, flight, last))
    })
}

fn is_identifier(text: &str) -> bool {
    matches!(text, "MVT" | "MVA" | "DIV" | "LDM" | "PNL" | "ADL")
}

fn is_address(text: &str) -> bool {
    text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// `QU HDQOOLO WAWKZLO`.
fn address(text: &str) -> Option<(&str, Vec<String>)> {
    let mut words = text.split_ascii_whitespace();
    let priority = words.next().filter(|word| word.len() == 2 && word.starts_with('Q'))?;
    let addresses: Vec<String> = words.map(str::to_owned).collect();
    let all = !addresses.is_empty() && addresses.iter().all(|word| is_address(word));
    all.then_some((priority, addresses))
}

/// `.WAWOPLO 210717`.
fn origin(text: &str) -> Option<(&str, Option<DayTime>)> {
    let mut words = text.strip_prefix('.')?.split_ascii_whitespace();
    let sender = words.next().filter(|word| is_address(word))?;
    Some((sender, words.next().and_then(DayTime::from_ddhhmm)))
}

/// The lines in front of the text, each with its line break.
impl std::fmt::Display for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(priority) = &self.priority {
            writeln!(f, "{priority} {}", self.addresses.join(" "))?;
        }
        if let Some(sender) = &self.sender {
            write!(f, ".{sender}")?;
            if let Some(DayTime { day, hour, minute }) = self.sent {
                write!(f, " {day:02}{hour:02}{minute:02}")?;
            }
            writeln!(f)?;
        }
        if self.correction { writeln!(f, "COR") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_cut_at_addresses_identifiers_and_empty_lines() {
        let text = "QU HDQOOLO WAWKZLO\n.WAWOPLO 210717\nMVT\nLO335/21.SPLVA.WAW\nAD0704\nQU HDQOOLO\nCOR\nMVT\nLO1/21.SPLVA.WAW\n\nMVT\nX";
        let (mut traffic, mut found) = (Traffic::default(), Vec::new());
        text.lines().for_each(|line| found.extend(traffic.push(line)));
        found.extend(traffic.finish());
        let places: Vec<_> = found.iter().map(|telex| (telex.line, telex.lines.len(), telex.envelope.correction)).collect();
        assert_eq!(places, [(1, 3, false), (6, 2, true), (11, 2, false)]);
        assert_eq!(found[0].envelope.sent, DayTime::new(21, 7, 17));
        assert_eq!(found[0].envelope.to_string(), "QU HDQOOLO WAWKZLO\n.WAWOPLO 210717\n");
    }

    #[test]
    fn an_endless_message_stays_bounded() {
        let mut traffic = Traffic::default();
        assert!((0..10_000).all(|_| traffic.push("SI X").is_none()));
        assert_eq!(traffic.finish().unwrap().lines.len(), LINES_MAX + 1);
    }
}
