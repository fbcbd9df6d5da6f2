//! Regulations of EUROCONTROL's Network Manager: the reply `RegulationListReply` of its B2B services, bare or in a SOAP envelope.
//!
//! ```text
//! status ─► OK? ─► data/regulations/item, …: id, applicability, reason, aerodrome, rates, state ─► Regulation
//! ```
//!
//! Business errors come with HTTP 200, so the status is read first. Times are UTC without a zone. The reason's delay code is the usual
//! one for an airport of departure and of arrival; a flight's own `RegulationCause` is better where there is one. The element names follow
//! public clients of version 27; the order in the reply was not compared with the schema, and nothing here depends on it.

use serde::Serialize;

use super::xml::{self, Element, Malformed};

/// Most characters of a text that is kept.
const TEXT_MAX: usize = 200;

/// Why a document is no list of regulations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// No document at all.
    #[error(transparent)]
    Xml(#[from] Malformed),
    /// Another document.
    #[error("no RegulationListReply")]
    Root,
    /// The service refused, or did not understand.
    #[error("status: {0}")]
    Status(String),
}

/// One regulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Regulation {
    /// Its id, such as `EPWAA21`.
    pub id: String,
    /// APPLIED, APPLYING, CANCELLED, CANCELLING or TERMINATED.
    pub state: Option<String>,
    /// Begin, RFC 3339.
    pub from: String,
    /// End, RFC 3339.
    pub until: String,
    /// The traffic volume.
    pub location: Option<String>,
    /// ICAO code of the aerodrome that it is for; none where it is for airspace.
    pub aerodrome: Option<String>,
    /// Why, as the service names it.
    pub reason: Option<String>,
    /// Why, in one of the pipeline's words.
    pub category: &'static str,
    /// Delay codes (AHM 730) of a departure from and an arrival at the place.
    pub delay_codes: [Option<&'static str>; 2],
    /// Periods with the flights an hour that may enter.
    pub rates: Vec<Rate>,
}

/// A rate while it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Begin, RFC 3339.
    pub from: String,
    /// End, RFC 3339.
    pub until: String,
    /// Flights an hour.
    pub per_hour: u32,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regulations {
    /// When it was sent, RFC 3339, where it says so.
    pub sent: Option<String>,
    /// What is regulated.
    pub found: Vec<Regulation>,
    /// Items that could not be read, by place and field.
    pub refused: Vec<String>,
}

impl Regulations {
    /// Reads one reply.
    ///
    /// # Errors
    /// It is no XML that is read here, another message, or a refusal.
    pub fn read(bytes: &[u8]) -> Result<Self, Misread> {
        let root = xml::read(bytes)?;
        let reply = if root.name == "RegulationListReply" {
            &root
        } else {
            root.descendants("RegulationListReply").into_iter().next().ok_or(Misread::Root)?
        };
        match reply.text_at(&["status"]) {
            Some("OK") => {}
            other => return Err(Misread::Status(kept(other.unwrap_or("missing")))),
        }
        let sent = reply.text_at(&["sendTime"]).and_then(instant);
        let mut read = Self { sent, found: Vec::new(), refused: Vec::new() };
        let list = reply.child("data").and_then(|data| data.child("regulations"));
        for (at, item) in list.iter().flat_map(|list| list.all("item")).enumerate() {
            match Regulation::read(item) {
                Ok(regulation) => read.found.push(regulation),
                Err(field) => read.refused.push(format!("item {}: {field}: missing, or not of its form", at + 1)),
            }
        }
        Ok(read)
    }
}

impl Regulation {
    fn read(item: &Element) -> Result<Self, &'static str> {
        let (from, until) = item.child("applicability").and_then(period).ok_or("applicability")?;
        let reason = item.text_at(&["reason"]).map(kept);
        let (category, delay_codes) = meaning(reason.as_deref().unwrap_or_default());
        let aerodrome = item.text_at(&["location", "referenceLocation-ReferenceLocationAerodrome", "id"]);
        Ok(Self {
            id: item.text_at(&["regulationId"]).map(kept).ok_or("regulationId")?,
            state: item.text_at(&["regulationState"]).map(kept),
            from,
            until,
            location: item.text_at(&["location", "id"]).map(kept),
            aerodrome: aerodrome.map(kept),
            reason,
            category,
            delay_codes,
            rates: item
                .all("initialConstraints")
                .map(|rate| Rate::read(rate).ok_or("initialConstraints"))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Rate {
    fn read(rate: &Element) -> Option<Self> {
        let (from, until) = period(rate.child("constraintPeriod")?)?;
        Some(Self { from, until, per_hour: rate.text_at(&["normalRate"])?.parse().ok()? })
    }
}

fn kept(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

fn period(element: &Element) -> Option<(String, String)> {
    let (from, until) = (instant(element.text_at(&["wef"])?)?, instant(element.text_at(&["unt"])?)?);
    (from < until).then_some((from, until))
}

/// `2026-11-21 05:40`, seconds if there are any, UTC; as RFC 3339.
fn instant(text: &str) -> Option<String> {
    let form = if text.len() == 16 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    let civil = jiff::civil::DateTime::strptime(form, text).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string())
}

/// Category, and the delay codes of a departure and of an arrival.
fn meaning(reason: &str) -> (&'static str, [Option<&'static str>; 2]) {
    match reason {
        "ATC_CAPACITY" => ("CAPACITY", [Some("89"), Some("83")]),
        "ATC_ROUTINGS" => ("CAPACITY", [None, None]),
        "ATC_STAFFING" => ("STAFFING", [Some("89"), Some("83")]),
        "ATC_EQUIPMENT" => ("EQUIPMENT", [Some("89"), Some("83")]),
        "ATC_INDUSTRIAL_ACTION" => ("STRIKE", [Some("89"), Some("83")]),
        "NON_ATC_INDUSTRIAL_ACTION" => ("STRIKE", [Some("98"), Some("98")]),
        "AERODROME_CAPACITY" | "AERODROME_SERVICES" => ("AIRPORT", [Some("87"), Some("87")]),
        "ACCIDENT_INCIDENT" => ("INCIDENT", [Some("89"), Some("83")]),
        "WEATHER" => ("WEATHER", [Some("89"), Some("84")]),
        _ => ("OTHER", [Some("89"), Some("83")]),
    }
}
