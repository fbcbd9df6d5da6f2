//! `nas:`, `regulation:` what holds traffic at an airport up, as a stream of `external.data`; one XML document a file.
//!
//! | document | known | says |
//! |---|---|---|
//! | the FAA's airport status | at its Update_Time | GROUND_STOP, GROUND_DELAY, GENERAL_DELAY, CLOSURE; one that two documents in a row no longer have has ENDED |
//! | the Network Manager's list of regulations | at its sendTime | REGULATION, with the state that it gives itself |
//!
//! Only what is new is said: a document that repeats another says nothing. Times of the FAA other than its Update_Time have a zone's
//! abbreviation, which stands for more than one offset: they are kept as written. A regulation of airspace is of no airport, and is refused by
//! name like everything else that cannot be used. Keeps what is in force.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use slipstream_schemas::ids::Airport;
use slipstream_schemas::records::AirportRestriction;
use slipstream_schemas::reference;
use slipstream_schemas::topics::EXTERNAL_DATA;
use slipstream_streams::record::{Record, Ts};

use crate::feed::{ReadWhole, record};
use crate::inputs::Kind;
use crate::messages::nas::{self, Programme, Status};
use crate::messages::regulation::{self, Regulation, Regulations};
use crate::messages::xml::DOCUMENT_BYTES_MAX;
use crate::refusals::{Fault, Refusal, Refused};
use crate::table::TableError;
use crate::text_file;
use crate::weather::aerodromes;

/// Documents in a row without a programme after which it counts as ended: one alone may be half a reply.
const MISSED_MAX: u32 = 2;

/// What one document says.
struct Document {
    known_at: Ts,
    said: Vec<AirportRestriction>,
    /// What is not there any more has ended.
    is_complete: bool,
}

/// Reads the files of a kind whole.
///
/// # Errors
/// One cannot be read.
pub(crate) fn read(kind: Kind, files: &[PathBuf]) -> Result<ReadWhole, TableError> {
    let (mut documents, mut refused) = (Vec::new(), Refused::default());
    for document in text_file::documents(files, DOCUMENT_BYTES_MAX + 1) {
        let (file, bytes) = document?;
        let mut refuse = |line, fault| refused.add(Refusal::with_text(&file, line, fault, &bytes));
        let read = if kind == Kind::Nas { status(&bytes, &mut refuse) } else { regulations(&bytes, &mut refuse) };
        match read {
            Ok(document) => documents.push(document),
            Err((line, fault)) => refuse(line, fault),
        }
    }
    documents.sort_by_key(|document| document.known_at);
    let envelope = format!("/producers/{}", kind.name()).into();
    let mut board = Board { envelope, in_force: BTreeMap::new(), records: Vec::new() };
    documents.into_iter().for_each(|document| board.take(document));
    Ok(ReadWhole::new(kind, board.records, refused))
}

/// Takes what is refused: the line, and why.
type Refuse<'a> = &'a mut dyn FnMut(u64, Fault);

fn status(bytes: &[u8], refuse: Refuse<'_>) -> Result<Document, (u64, Fault)> {
    let status = Status::read(bytes).map_err(|error| match error {
        nas::Misread::Xml(problem) => problem.fault(),
        other => (1, Fault::new("document", other)),
    })?;
    let known_at = instant("Update_Time", &status.updated)?;
    status.refused.iter().for_each(|problem| refuse(1, Fault::new("programme", problem)));
    let is_complete = status.refused.is_empty();
    let said = status.programmes.iter().map(|programme| of_programme(programme, known_at)).collect();
    Ok(Document { known_at, said, is_complete })
}

fn regulations(bytes: &[u8], refuse: Refuse<'_>) -> Result<Document, (u64, Fault)> {
    let reply = Regulations::read(bytes).map_err(|error| match error {
        regulation::Misread::Xml(problem) => problem.fault(),
        other => (1, Fault::new("document", other)),
    })?;
    let sent = reply.sent.as_deref().ok_or_else(|| (1, Fault::new("sendTime", "missing, or not of its form")))?;
    let known_at = instant("sendTime", sent)?;
    reply.refused.iter().for_each(|problem| refuse(1, Fault::new("regulation", problem)));
    let mut said = Vec::new();
    for regulation in &reply.found {
        match of_regulation(regulation, known_at) {
            Ok(restriction) => said.push(restriction),
            Err(fault) => refuse(1, fault),
        }
    }
    // A reply has what was asked for, so what is missing says nothing.
    Ok(Document { known_at, said, is_complete: false })
}

fn instant(field: &'static str, text: &str) -> Result<Ts, (u64, Fault)> {
    let at = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
    at.ok().filter(|at| *at >= 0).ok_or_else(|| (1, Fault::new(field, "no instant since 1970")))
}

fn of_programme(programme: &Programme, observed_at: Ts) -> AirportRestriction {
    let kind = match programme.kind {
        nas::Kind::GroundStop => "GROUND_STOP",
        nas::Kind::GroundDelay => "GROUND_DELAY",
        nas::Kind::GeneralDelay => "GENERAL_DELAY",
        nas::Kind::Closure => "CLOSURE",
    };
    let minutes = |minutes: Option<u32>| minutes.and_then(|minutes| i32::try_from(minutes).ok());
    let airport = programme.airport.parse::<Airport>().ok().filter(|code| reference::airport(*code).is_some());
    let direction = programme.direction.clone();
    let window: Vec<&str> = [&programme.from, &programme.until].into_iter().flatten().map(String::as_str).collect();
    AirportRestriction {
        source: "NAS".to_owned(),
        programme: [Some(kind), direction.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/"),
        airport,
        location: programme.airport.clone(),
        kind: kind.to_owned(),
        direction,
        state: ACTIVE.to_owned(),
        reason: programme.reason.clone(),
        category: programme.category.to_owned(),
        average_delay_min: minutes(programme.average_min),
        shortest_delay_min: minutes(programme.shortest_min),
        longest_delay_min: minutes(programme.longest_min),
        rate_per_hour: None,
        from: None,
        until: None,
        window: (!window.is_empty()).then(|| window.join(" - ")),
        observed_at,
    }
}

/// States of a restriction.
const ACTIVE: &str = "ACTIVE";
const CANCELLED: &str = "CANCELLED";
const ENDED: &str = "ENDED";

fn of_regulation(regulation: &Regulation, observed_at: Ts) -> Result<AirportRestriction, Fault> {
    let id = &regulation.id;
    let location =
        regulation.aerodrome.clone().ok_or_else(|| Fault::new("aerodrome", format_args!("{id}: it is for airspace")))?;
    let station = location.parse().map_err(|problem| Fault::new("aerodrome", format_args!("{id}: {problem}")))?;
    let state = match regulation.state.as_deref() {
        None | Some("APPLIED" | "APPLYING") => ACTIVE,
        Some("CANCELLED" | "CANCELLING") => CANCELLED,
        Some("TERMINATED") => ENDED,
        Some(other) => return Err(Fault::new("regulationState", format_args!("{id}: `{other}` is none"))),
    };
    let place = |text: &str| instant("applicability", text).map_err(|(_, fault)| fault);
    Ok(AirportRestriction {
        source: "NM".to_owned(),
        programme: id.clone(),
        airport: aerodromes::airport(station),
        location,
        kind: "REGULATION".to_owned(),
        direction: None,
        state: state.to_owned(),
        reason: regulation.reason.clone(),
        category: regulation.category.to_owned(),
        average_delay_min: None,
        shortest_delay_min: None,
        longest_delay_min: None,
        rate_per_hour: regulation.rates.iter().filter_map(|rate| i32::try_from(rate.per_hour).ok()).min(),
        from: Some(place(&regulation.from)?),
        until: Some(place(&regulation.until)?),
        window: None,
        observed_at,
    })
}

/// What is in force, document by document.
struct Board {
    envelope: Arc<str>,
    in_force: BTreeMap<(String, String), Held>,
    records: Vec<Record>,
}

struct Held {
    said: AirportRestriction,
    /// Documents in a row that no longer had it.
    missed: u32,
}

impl Board {
    fn take(&mut self, document: Document) {
        self.in_force.values_mut().for_each(|held| held.missed += u32::from(document.is_complete));
        for said in document.said {
            let key = (said.location.clone(), said.programme.clone());
            let before =
                self.in_force.get(&key).map(|held| AirportRestriction { observed_at: said.observed_at, ..held.said.clone() });
            if before.as_ref() != Some(&said) {
                self.publish(&said, document.known_at);
            }
            self.in_force.insert(key, Held { said, missed: 0 });
        }
        let (ended, left) = std::mem::take(&mut self.in_force).into_iter().partition(|(_, held)| held.missed >= MISSED_MAX);
        self.in_force = left;
        let ended: BTreeMap<_, Held> = ended;
        for held in ended.into_values() {
            let said = AirportRestriction { state: ENDED.to_owned(), observed_at: document.known_at, ..held.said };
            self.publish(&said, document.known_at);
        }
    }

    fn publish(&mut self, said: &AirportRestriction, at: Ts) {
        let key = said.airport.map_or_else(|| said.location.clone(), |airport| airport.to_string());
        self.records.push(record(&self.envelope, EXTERNAL_DATA, &key, said, at));
    }
}
