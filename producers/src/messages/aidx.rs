//! Flight leg notifications, IATA AIDX: `IATA_AIDX_FlightLegNotifRQ` and the legs of an `IATA_AIDX_FlightLegRS`.
//!
//! ```text
//! root: TimeStamp, TransactionIdentifier, SequenceNmbr, Target ─► Originator ─► FlightLeg, …
//!   LegIdentifier   airline, number, suffix, airports, OriginDate (of the flight's first departure), RepeatNumber
//!   LegData         status, OperationTime by qualifier and type, AirportResources, AircraftInfo, DelayCode, codeshares
//! ```
//!
//! What is absent is unchanged; elements that are not listed are not read. A leg that is wrong fails alone, by its place among
//! the legs. What is read is written again with the same meaning. Read in public samples and schema excerpts of AIDX 16.1 to 22.1; the
//! status codes beside `DX`, and how delays are written, are from memory of the guide.

use std::fmt::{self, Write};

use quick_xml::escape::escape;
use serde::Serialize;
use slipstream_streams::record::{Ts, rfc3339};

use super::xml::{self, Element, Malformed};

/// Namespace of the messages.
const NAMESPACE: &str = "http://www.iata.org/IATA/2007/00";
/// Root elements that carry legs.
const ROOTS: [&str; 2] = ["IATA_AIDX_FlightLegNotifRQ", "IATA_AIDX_FlightLegRS"];
/// Most characters of a text that is kept; longer is cut off.
const TEXT_MAX: usize = 64;

/// Why a document is no notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// No document at all.
    #[error(transparent)]
    Xml(#[from] Malformed),
    /// Another message.
    #[error("the root element is no IATA_AIDX_FlightLegNotifRQ or IATA_AIDX_FlightLegRS")]
    Root,
    /// An attribute of the message that is missing or no value.
    #[error("{0}: missing, or not of its form")]
    Head(&'static str),
}

/// A leg that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("leg {leg}: {field}: missing, or not of its form")]
pub struct LegMisread {
    /// Its place among the legs, from 1.
    pub leg: usize,
    /// The element at fault.
    pub field: &'static str,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// When the sender made it, epoch ms.
    pub time_stamp: Ts,
    /// The sender's id of the exchange.
    pub transaction: Option<String>,
    /// Its number within the exchange.
    pub sequence: Option<String>,
    /// `Production` or `Test`.
    pub target: Option<String>,
    /// Who sent it.
    pub originator: Option<String>,
    /// What it says.
    pub legs: Vec<FlightLeg>,
    /// Legs that could not be read.
    pub refused: Vec<LegMisread>,
}

/// What is said of one leg.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FlightLeg {
    /// Designator of the airline that operates it.
    pub airline: String,
    /// Flight number, 1 to 9999.
    pub number: u32,
    /// Operational suffix.
    pub suffix: Option<char>,
    /// IATA code of the airport of departure.
    pub departure: String,
    /// IATA code of the airport of arrival.
    pub arrival: String,
    /// Date of the flight's first departure, ISO 8601.
    pub origin_date: String,
    /// How often the same identifier has been used before on that date.
    pub repeat: u32,
    /// Operational status, such as `DX` for cancelled.
    pub status: Option<String>,
    /// Service type, such as `J`.
    pub service_type: Option<String>,
    /// Other numbers under which it is sold.
    pub codeshares: Vec<(String, u32)>,
    /// Gates, stands and terminals.
    pub resources: Vec<Resource>,
    /// Instants.
    pub times: Vec<OperationTime>,
    /// IATA aircraft type.
    pub aircraft_type: Option<String>,
    /// Registration without hyphen.
    pub registration: Option<String>,
    /// Delay codes with minutes where given.
    pub delays: Vec<(String, Option<u32>)>,
}

/// Where a leg is handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// At the airport of departure, else of arrival.
    pub departure: bool,
    /// `Planned` or `Actual`.
    pub usage: Option<String>,
    /// Passenger gate.
    pub gate: Option<String>,
    /// Aircraft or public terminal.
    pub terminal: Option<String>,
    /// Parking position.
    pub stand: Option<String>,
}

/// An instant of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationTime {
    /// OFB off-block, TKO take-off, TDN touchdown, ONB on-block, and others.
    pub qualifier: String,
    /// SCT scheduled, EST estimated, ACT actual, and others.
    pub time_type: String,
    /// The instant, epoch ms.
    pub at: Ts,
}

impl Notification {
    /// Reads one document.
    ///
    /// # Errors
    /// It is no XML that is read here, another message, or without a time stamp.
    pub fn read(bytes: &[u8]) -> Result<Self, Misread> {
        let root = xml::read(bytes)?;
        if !ROOTS.contains(&root.name.as_str()) {
            return Err(Misread::Root);
        }
        let attribute = |name: &str| root.attribute(name).map(kept);
        let mut read = Self {
            time_stamp: root.attribute("TimeStamp").and_then(instant).ok_or(Misread::Head("TimeStamp"))?,
            transaction: attribute("TransactionIdentifier"),
            sequence: attribute("SequenceNmbr"),
            target: attribute("Target"),
            originator: root.child("Originator").and_then(|sender| sender.attribute("CompanyShortName")).map(kept),
            legs: Vec::new(),
            refused: Vec::new(),
        };
        for (at, leg) in root.all("FlightLeg").enumerate() {
            match FlightLeg::read(leg) {
                Ok(leg) => read.legs.push(leg),
                Err(field) => read.refused.push(LegMisread { leg: at + 1, field }),
            }
        }
        Ok(read)
    }
}

impl FlightLeg {
    fn read(leg: &Element) -> Result<Self, &'static str> {
        let identifier = leg.child("LegIdentifier").ok_or("LegIdentifier")?;
        let text = |name: &'static str| identifier.text_at(&[name]).ok_or(name);
        let code = |name: &'static str| text(name).ok().filter(|code| super::telex::is_airport(code)).map(kept).ok_or(name);
        let mut read = Self {
            airline: kept(text("Airline")?),
            number: flight_number(text("FlightNumber")?).ok_or("FlightNumber")?,
            suffix: identifier.text_at(&["OperationalSuffix"]).map(|text| letter(text).ok_or("OperationalSuffix")).transpose()?,
            departure: code("DepartureAirport")?,
            arrival: code("ArrivalAirport")?,
            origin_date: date(text("OriginDate")?).ok_or("OriginDate")?,
            repeat: identifier.text_at(&["RepeatNumber"]).map_or(Some(0), |text| text.parse().ok()).ok_or("RepeatNumber")?,
            ..Self::default()
        };
        if let Some(data) = leg.child("LegData") {
            read.take(data)?;
        }
        Ok(read)
    }

    fn take(&mut self, data: &Element) -> Result<(), &'static str> {
        self.status = data.text_at(&["OperationalStatus"]).or(data.text_at(&["PublicStatus"])).map(kept);
        self.service_type = data.text_at(&["ServiceType"]).map(kept);
        self.aircraft_type = data.text_at(&["AircraftInfo", "AircraftType"]).map(kept);
        let registration = data.text_at(&["AircraftInfo", "Registration"]).or(data.text_at(&["AircraftInfo", "TailNumber"]));
        self.registration = registration.map(|text| kept(&text.replace('-', "")));
        for share in data.all("CodeShareInfo") {
            let airline = share.text_at(&["Airline"]).ok_or("CodeShareInfo")?;
            let number = share.text_at(&["FlightNumber"]).and_then(flight_number).ok_or("CodeShareInfo")?;
            self.codeshares.push((kept(airline), number));
        }
        for time in data.all("OperationTime") {
            let attribute = |name| time.attribute(name).map(kept).ok_or("OperationTime");
            let at = instant(&time.text).ok_or("OperationTime")?;
            self.times.push(OperationTime { qualifier: attribute("OperationQualifier")?, time_type: attribute("TimeType")?, at });
        }
        for resources in data.all("AirportResources") {
            let usage = resources.attribute("Usage").map(kept);
            self.resources.extend(resources.all("Resource").filter_map(|resource| Resource::read(resource, usage.clone())));
        }
        for delay in data.all("DelayCode") {
            let minutes = delay.attribute("Duration").map(|text| minutes(text).ok_or("DelayCode")).transpose()?;
            self.delays.push((kept(&delay.text), minutes));
        }
        Ok(())
    }
}

impl Resource {
    fn read(resource: &Element, usage: Option<String>) -> Option<Self> {
        let departure = match resource.attribute("DepartureOrArrival")? {
            "Departure" => true,
            "Arrival" => false,
            _ => return None,
        };
        let text = |name: &str| resource.text_at(&[name]).map(kept);
        let terminal = text("PublicTerminal").or_else(|| text("AircraftTerminal"));
        Some(Self { departure, usage, gate: text("PassengerGate"), terminal, stand: text("AircraftParkingPosition") })
    }
}

fn kept(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect::<String>().trim().to_owned()
}

fn flight_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| matches!(number, 1..=9999))
}

fn letter(text: &str) -> Option<char> {
    text.chars().next().filter(|c| c.is_ascii_uppercase() && text.len() == 1)
}

fn date(text: &str) -> Option<String> {
    text.parse::<slipstream_schemas::ids::Date>().ok().map(|date| date.to_string())
}

/// An instant with its zone; milliseconds are kept.
fn instant(text: &str) -> Option<Ts> {
    text.parse().ok().map(jiff::Timestamp::as_millisecond)
}

/// `PT19M`, `PT1H19M`, or `HHMM`.
fn minutes(text: &str) -> Option<u32> {
    if let Some(span) = text.strip_prefix("PT") {
        let (hours, rest) = span.split_once('H').unwrap_or(("0", span));
        let minutes = if rest.is_empty() { "0" } else { rest.strip_suffix('M')? };
        return hours.parse::<u32>().ok()?.checked_mul(60)?.checked_add(minutes.parse().ok()?);
    }
    let (hours, minutes) = text.split_at_checked(2).filter(|(_, minutes)| minutes.len() == 2)?;
    Some(hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok().filter(|minutes| *minutes < 60)?)
}

/// The notification as it is sent.
impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = rfc3339(self.time_stamp);
        write!(f, "<IATA_AIDX_FlightLegNotifRQ xmlns=\"{NAMESPACE}\" Version=\"16.1\" TimeStamp=\"{stamp}\"")?;
        let named = [("TransactionIdentifier", &self.transaction), ("SequenceNmbr", &self.sequence), ("Target", &self.target)];
        for (name, value) in named {
            attribute(f, name, value.as_deref())?;
        }
        f.write_char('>')?;
        if let Some(originator) = &self.originator {
            write!(f, "<Originator CompanyShortName=\"{}\"/>", escape(originator))?;
        }
        self.legs.iter().try_for_each(|leg| write!(f, "{leg}"))?;
        f.write_str("</IATA_AIDX_FlightLegNotifRQ>")
    }
}

impl fmt::Display for FlightLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, departure, arrival, origin_date, repeat, .. } = self;
        write!(f, "<FlightLeg><LegIdentifier><Airline CodeContext=\"3\">{}</Airline>", escape(&self.airline))?;
        write!(f, "<FlightNumber>{number}</FlightNumber>")?;
        element(f, "OperationalSuffix", self.suffix.map(String::from).as_deref())?;
        write!(f, "<DepartureAirport CodeContext=\"3\">{departure}</DepartureAirport>")?;
        write!(f, "<ArrivalAirport CodeContext=\"3\">{arrival}</ArrivalAirport><OriginDate>{origin_date}</OriginDate>")?;
        element(f, "RepeatNumber", (*repeat > 0).then(|| repeat.to_string()).as_deref())?;
        f.write_str("</LegIdentifier><LegData>")?;
        element(f, "OperationalStatus", self.status.as_deref())?;
        element(f, "ServiceType", self.service_type.as_deref())?;
        self.write_details(f)?;
        f.write_str("</LegData></FlightLeg>")
    }
}

impl FlightLeg {
    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (airline, number) in &self.codeshares {
            let airline = escape(airline);
            write!(f, "<CodeShareInfo><Airline>{airline}</Airline><FlightNumber>{number}</FlightNumber></CodeShareInfo>")?;
        }
        for (code, minutes) in &self.delays {
            f.write_str("<DelayCode")?;
            attribute(f, "Duration", minutes.map(|minutes| format!("PT{minutes}M")).as_deref())?;
            write!(f, ">{}</DelayCode>", escape(code))?;
        }
        self.resources.iter().try_for_each(|resource| write!(f, "{resource}"))?;
        for OperationTime { qualifier, time_type, at } in &self.times {
            let (qualifier, time_type) = (escape(qualifier), escape(time_type));
            write!(f, "<OperationTime OperationQualifier=\"{qualifier}\" CodeContext=\"9750\" TimeType=\"{time_type}\">")?;
            write!(f, "{}</OperationTime>", rfc3339(*at))?;
        }
        f.write_str("<AircraftInfo>")?;
        element(f, "AircraftType", self.aircraft_type.as_deref())?;
        element(f, "Registration", self.registration.as_deref())?;
        f.write_str("</AircraftInfo>")
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<AirportResources")?;
        attribute(f, "Usage", self.usage.as_deref())?;
        write!(f, "><Resource DepartureOrArrival=\"{}\">", if self.departure { "Departure" } else { "Arrival" })?;
        element(f, "AircraftParkingPosition", self.stand.as_deref())?;
        element(f, "PassengerGate", self.gate.as_deref())?;
        element(f, "PublicTerminal", self.terminal.as_deref())?;
        f.write_str("</Resource></AirportResources>")
    }
}

fn element(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, "<{name}>{}</{name}>", escape(value)))
}

fn attribute(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {name}=\"{}\"", escape(value)))
}
