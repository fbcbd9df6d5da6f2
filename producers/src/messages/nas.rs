//! Airport status of the US National Airspace System: the FAA's `AIRPORT_STATUS_INFORMATION`.
//!
//! ```text
//! Update_Time ─► Delay_type, …: Name, one list ─► Ground_Stop, Ground_Delay, Arrival_Departure_Delay, Airport_Closure ─► Programme
//! ```
//!
//! Codes are the FAA's three letters. Ends are local times with the zone's abbreviation, which stands for more than one
//! offset: they are kept as written. Airspace flow programmes are of no airport and are left out by name. Read in the FAA's DTD and the
//! replies that public clients keep; the FAA publishes no contract.

use serde::Serialize;

use super::xml::{self, Element, Malformed};

/// Most characters of a text that is kept.
const TEXT_MAX: usize = 200;

/// Why a document is no airport status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// No document at all.
    #[error(transparent)]
    Xml(#[from] Malformed),
    /// Another document.
    #[error("the root element is no AIRPORT_STATUS_INFORMATION")]
    Root,
    /// No instant.
    #[error("Update_Time: missing, or not of its form (Sat Nov 21 06:00:00 2026 GMT)")]
    UpdateTime,
}

/// What is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Nothing departs for the airport.
    GroundStop,
    /// Departures for the airport are metered.
    GroundDelay,
    /// Delays of arrivals or departures without a programme.
    GeneralDelay,
    /// The airport is closed.
    Closure,
}

/// One programme at one airport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Programme {
    /// When the status was made, RFC 3339.
    pub updated: String,
    /// FAA code of the airport.
    pub airport: String,
    /// What is in force.
    pub kind: Kind,
    /// `ARRIVAL` or `DEPARTURE`, of a general delay.
    pub direction: Option<String>,
    /// Why, as written.
    pub reason: Option<String>,
    /// Why, in one of the pipeline's words.
    pub category: &'static str,
    /// Average delay, minutes.
    pub average_min: Option<u32>,
    /// Shortest delay, minutes.
    pub shortest_min: Option<u32>,
    /// Longest delay, minutes.
    pub longest_min: Option<u32>,
    /// `Increasing` or `Decreasing`.
    pub trend: Option<String>,
    /// Begin, as written.
    pub from: Option<String>,
    /// End, as written.
    pub until: Option<String>,
}

/// A status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When it was made, RFC 3339.
    pub updated: String,
    /// What is in force.
    pub programmes: Vec<Programme>,
    /// What could not be read, by the place of its element among those of its list.
    pub refused: Vec<String>,
}

/// List, item and kind.
const LISTS: [(&str, &str, Kind); 4] = [
    ("Ground_Stop_List", "Program", Kind::GroundStop),
    ("Ground_Delay_List", "Ground_Delay", Kind::GroundDelay),
    ("Arrival_Departure_Delay_List", "Delay", Kind::GeneralDelay),
    ("Airport_Closure_List", "Airport", Kind::Closure),
];

impl Status {
    /// Reads one document.
    ///
    /// # Errors
    /// It is no XML that is read here, another document, or without an instant.
    pub fn read(bytes: &[u8]) -> Result<Self, Misread> {
        let root = xml::read(bytes)?;
        if root.name != "AIRPORT_STATUS_INFORMATION" {
            return Err(Misread::Root);
        }
        let updated = root.text_at(&["Update_Time"]).and_then(instant).ok_or(Misread::UpdateTime)?;
        let mut status = Self { updated: updated.clone(), programmes: Vec::new(), refused: Vec::new() };
        for list in root.all("Delay_type").flat_map(|delays| &delays.children).filter(|list| list.name.ends_with("_List")) {
            let Some((_, item, kind)) = LISTS.iter().find(|(name, ..)| *name == list.name) else {
                status.refused.push(format!("{}: no programme of an airport", kept(&list.name)));
                continue;
            };
            for (at, programme) in list.all(item).enumerate() {
                match read(programme, *kind, &updated) {
                    Ok(found) => status.programmes.extend(found),
                    Err(field) => status.refused.push(format!("{} {}: {field}: missing, or not of its form", list.name, at + 1)),
                }
            }
        }
        Ok(status)
    }
}

fn read(item: &Element, kind: Kind, updated: &str) -> Result<Vec<Programme>, &'static str> {
    let code =
        item.text_at(&["ARPT"]).filter(|code| matches!(code.len(), 3..=4) && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let text = |name: &str| item.text_at(&[name]).map(kept);
    let reason = text("Reason");
    let programme = Programme {
        updated: updated.to_owned(),
        airport: code.ok_or("ARPT")?.to_ascii_uppercase(),
        kind,
        direction: None,
        category: category(reason.as_deref().unwrap_or_default()),
        reason,
        average_min: span(item, "Avg")?,
        shortest_min: None,
        longest_min: span(item, "Max")?,
        trend: None,
        from: text("Start"),
        until: text("End_Time").or_else(|| text("Reopen")),
    };
    if kind != Kind::GeneralDelay {
        return Ok(vec![programme]);
    }
    let one = |way: &Element| {
        let direction = match way.attribute("Type") {
            Some("Arrival") => "ARRIVAL",
            Some("Departure") => "DEPARTURE",
            _ => return Err("Arrival_Departure"),
        };
        Ok(Programme {
            direction: Some(direction.to_owned()),
            shortest_min: span(way, "Min")?,
            longest_min: span(way, "Max")?,
            trend: way.text_at(&["Trend"]).map(kept),
            ..programme.clone()
        })
    };
    item.all("Arrival_Departure").map(one).collect()
}

fn kept(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
}

/// `1 hour and 28 minutes`.
fn span(item: &Element, name: &'static str) -> Result<Option<u32>, &'static str> {
    item.text_at(&[name]).map(|text| minutes(text).ok_or(name)).transpose()
}

fn minutes(text: &str) -> Option<u32> {
    let words: Vec<&str> = text.split_ascii_whitespace().filter(|word| *word != "and").collect();
    let mut total = 0u32;
    for pair in words.chunks(2) {
        let [count, unit] = pair else { return None };
        let unit = match *unit {
            "hour" | "hours" => 60,
            "minute" | "minutes" => 1,
            _ => return None,
        };
        total = total.checked_add(count.parse::<u32>().ok()?.checked_mul(unit)?)?;
    }
    (!words.is_empty()).then_some(total)
}

/// `Sat Nov 21 06:00:00 2026 GMT` as RFC 3339.
fn instant(text: &str) -> Option<String> {
    let civil = jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", text.strip_suffix(" GMT")?).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string())
}

fn category(reason: &str) -> &'static str {
    let reason = reason.to_ascii_uppercase();
    let begins = [("WX", "WEATHER"), ("VOL", "CAPACITY"), ("RWY", "AIRPORT"), ("EQ", "EQUIPMENT"), ("STAFF", "STAFFING")];
    let holds = ["CEILING", "WIND", "SNOW", "THUNDER", "VISIBILITY", "FOG", "ICE"];
    match begins.into_iter().find(|(begin, _)| reason.starts_with(begin)) {
        Some((_, category)) => category,
        None if holds.iter().any(|word| reason.contains(word)) => "WEATHER",
        None => "OTHER",
    }
}
