//! `aidx:` flight leg notifications as a stream of observations; one XML document a file.
//!
//! | says | becomes |
//! |---|---|
//! | ACT of OFB, TKO, TDN, ONB | OUT, OFF, ON, IN |
//! | status DX, DV, RT | CANCELLED, DIVERTED, RETURNED (at the message's own time) |
//! | EST of OFB and ONB, else TDN | the estimates of every word, or ESTIMATED by themselves |
//! | SCT of OFB and ONB | the schedule of every word, or SCHEDULED by itself |
//! | gates, terminals, registration, delay codes | with every word; the code of the longest delay |
//! | codeshares | pairs, on `flight.unmatched` |
//!
//! Known at the message's TimeStamp. The leg is the operating airline's; OriginDate is that of the flight's first departure, and the scheduled
//! off-block tells which leg is meant. An airport system and an airline both send this; so does British Airways, which has no other
//! public feed (`docs/providers.md`). A document that is no notification, and a leg of one, are refused by place.

use std::path::PathBuf;
use std::sync::Arc;

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::{DateMeaning, DesignatorRole, FlightKind, FlightObservation};
use slipstream_schemas::reference;
use slipstream_streams::record::{Record, Ts};

use super::{named, observed, sold};
use crate::feed::ReadWhole;
use crate::inputs::Kind;
use crate::messages::aidx::{FlightLeg, Misread, Notification};
use crate::messages::xml::DOCUMENT_BYTES_MAX;
use crate::refusals::{Fault, Refused};
use crate::table::TableError;
use crate::text_file;

/// The source's name.
pub(crate) const NAME: &str = "AIDX";

/// Reads the files whole.
///
/// # Errors
/// One cannot be read.
pub(crate) fn read(files: &[PathBuf], mut refused: Refused) -> Result<ReadWhole, TableError> {
    let mut records = Vec::new();
    let envelope = Arc::from("/producers/aidx");
    for document in text_file::documents(files, DOCUMENT_BYTES_MAX + 1) {
        let (file, bytes) = document?;
        let mut refuse = |line, fault| refused.withhold(&file, line, fault, &bytes);
        match Notification::read(&bytes) {
            Ok(document) => {
                document.refused.iter().for_each(|leg| refuse(1, Fault::new("FlightLeg", leg)));
                for (at, leg) in document.legs.iter().enumerate() {
                    match words(&envelope, leg, document.time_stamp) {
                        Ok(words) => records.extend(words),
                        Err(fault) => {
                            refuse(1, Fault::new(fault.field, format_args!("leg {}: {}", at + 1, fault.problem)));
                        }
                    }
                }
            }
            Err(Misread::Xml(problem)) => {
                let (line, fault) = problem.fault();
                refuse(line, fault);
            }
            Err(problem) => refuse(1, Fault::new("document", problem)),
        }
    }
    records.sort_by_key(|record: &Record| record.timestamp);
    Ok(ReadWhole::new(Kind::Aidx, records, refused))
}

/// Everything that a leg's notification makes known.
fn words(envelope: &Arc<str>, leg: &FlightLeg, at: Ts) -> Result<Vec<Record>, Fault> {
    let said = word(leg)?;
    let mut words: Vec<Record> = facts(leg, at)
        .into_iter()
        .map(|(kind, happened)| observed(envelope, &FlightObservation { kind, at: happened, ..said.clone() }, at))
        .collect();
    // OriginDate is that of the flight's first departure.
    let local = said.scheduled_departure.and_then(|at| reference::airport(said.origin)?.local_date(at));
    for (airline, number) in &leg.codeshares {
        let carrier = airline.parse().map_err(|problem| Fault::new("CodeShareInfo", problem))?;
        let number = i32::try_from(*number).map_err(|problem| Fault::new("CodeShareInfo", problem))?;
        words.push(sold(envelope, &said, (named(carrier, number).0, number), local.or(said.date), at));
    }
    Ok(words)
}

/// What is said with every fact.
fn word(leg: &FlightLeg) -> Result<FlightObservation, Fault> {
    let parse = |field, text: &str| text.parse::<Airport>().map_err(|problem| Fault::new(field, problem));
    let carrier = leg.airline.parse().map_err(|problem| Fault::new("Airline", problem))?;
    let number = i32::try_from(leg.number).map_err(|problem| Fault::new("FlightNumber", problem))?;
    let route = (parse("DepartureAirport", &leg.departure)?, parse("ArrivalAirport", &leg.arrival)?);
    let (carrier, designator) = named(carrier, number);
    let suffix = leg.suffix.map(|suffix| suffix.to_string().parse()).transpose();
    let tail = leg.registration.as_deref().map(str::parse).transpose();
    let place = |departure: bool, gate: bool| {
        // An actual place comes after the planned one.
        let there = leg.resources.iter().rev().filter(|resource| resource.departure == departure);
        there.filter_map(|resource| if gate { resource.gate.clone() } else { resource.terminal.clone() }).next()
    };
    Ok(FlightObservation {
        source_leg: Some(source_leg(leg)),
        suffix: suffix.map_err(|problem| Fault::new("OperationalSuffix", problem))?,
        date: Some(leg.origin_date.parse().map_err(|problem| Fault::new("OriginDate", problem))?),
        date_meaning: DateMeaning::FlightLocal,
        scheduled_departure: time(leg, "OFB", "SCT"),
        scheduled_arrival: time(leg, "ONB", "SCT"),
        estimated_departure: time(leg, "OFB", "EST"),
        estimated_arrival: time(leg, "ONB", "EST").or(time(leg, "TDN", "EST")),
        tail: tail.map_err(|problem| Fault::new("Registration", problem))?,
        reason: leg.delays.iter().rev().max_by_key(|(_, minutes)| *minutes).map(|(code, _)| code.clone()),
        designator,
        role: DesignatorRole::Operating,
        departure_gate: place(true, true),
        departure_terminal: place(true, false),
        arrival_gate: place(false, true),
        arrival_terminal: place(false, false),
        ..FlightObservation::of(NAME, FlightKind::Scheduled, (carrier, number), route)
    })
}

/// The facts of a leg; an expectation or a plan where there is none.
fn facts(leg: &FlightLeg, at: Ts) -> Vec<(FlightKind, Option<Ts>)> {
    let moves = [("OFB", FlightKind::Out), ("TKO", FlightKind::Off), ("TDN", FlightKind::On), ("ONB", FlightKind::In)];
    let mut facts: Vec<(FlightKind, Option<Ts>)> = Vec::new();
    match leg.status.as_deref() {
        Some("DX") => facts.push((FlightKind::Cancelled, Some(at))),
        Some("DV") => facts.push((FlightKind::Diverted, Some(at))),
        Some("RT") => facts.push((FlightKind::Returned, Some(at))),
        _ => {}
    }
    // A diverted leg ends elsewhere: what is said of touchdown and blocks is said of that airport.
    let ends = leg.status.as_deref() != Some("DV");
    let moved = moves.into_iter().filter(|(qualifier, _)| ends || matches!(*qualifier, "OFB" | "TKO"));
    facts.extend(moved.filter_map(|(qualifier, kind)| Some((kind, Some(time(leg, qualifier, "ACT")?)))));
    if facts.is_empty() {
        let expects = leg.times.iter().any(|time| time.time_type == "EST") || time(leg, "OFB", "SCT").is_none();
        facts.push((if expects { FlightKind::Estimated } else { FlightKind::Scheduled }, None));
    }
    facts
}

fn time(leg: &FlightLeg, qualifier: &str, time_type: &str) -> Option<Ts> {
    leg.times.iter().rev().find(|time| time.qualifier == qualifier && time.time_type == time_type).map(|time| time.at)
}

fn source_leg(leg: &FlightLeg) -> String {
    let suffix = leg.suffix.map(String::from).unwrap_or_default();
    let FlightLeg { airline, number, origin_date, departure, arrival, repeat, .. } = leg;
    format!("{airline}{number}{suffix}/{origin_date}/{departure}-{arrival}/{repeat}")
}
