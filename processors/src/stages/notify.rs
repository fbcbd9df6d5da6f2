//! Tells each passenger each fact once, in their language.
//!
//! ```text
//! passenger.events (PNR) ─► which template? ─► told before? ─► text ─► notifications (passenger)
//! ```
//!
//! Keeps one row for each passenger and fact, until [`KEEP_MS`] after the last one of the booking. The text carries flight,
//! airports and times, never who the passenger is; the sealed address passes through unopened. Whether the message
//! arrives is not known here.

mod templates;

use std::collections::BTreeMap;

use slipstream_schemas::ids::{Airport, Leg, Passenger, Pnr};
use slipstream_schemas::records::{Notification, PassengerEvent, PassengerKind, RightsDecision, Segment, rank_of};
use slipstream_schemas::reference;
use slipstream_schemas::topics::NOTIFICATIONS;
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::Record;

use crate::context::{Typed, forgotten_at, read};
use crate::journey::HOUR;

/// How long it is remembered what a booking's passengers were told, ms.
const KEEP_MS: i64 = 30 * 24 * HOUR;

const TOLD: usize = 0;
const FORGET: u8 = 1;

/// The stage.
#[derive(Debug, Default)]
pub struct Notify;

/// A text to be written: whom to, which, about what.
struct Notice<'a> {
    passenger: Passenger,
    pnr: Pnr,
    template: &'static str,
    /// What makes it the same as one before, besides passenger and template.
    fact: String,
    values: BTreeMap<&'static str, String>,
    language: &'a str,
    channel: &'a str,
    contact: &'a Option<String>,
}

impl Processor for Notify {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        if Some(record.rank) == const { rank_of("passenger.payment.due") } {
            Ok(()) // the decision behind it is told, with its sum
        } else if Some(record.rank) == const { rank_of("passenger.rights.decided") } {
            let decision: RightsDecision = read(record)?;
            decided(&decision)?.map_or(Ok(()), |notice| tell(cx, notice))
        } else {
            let event: PassengerEvent = read(record)?;
            happened(&event)?.map_or(Ok(()), |notice| tell(cx, notice))
        }
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, _timer: &Timer) -> Result<(), Poison> {
        for (sub, _) in cx.scan(TOLD, b"") {
            cx.delete(TOLD, &sub);
        }
        Ok(())
    }
}

/// What an event is worth telling; none for what the passenger sees for themselves.
fn happened(event: &PassengerEvent) -> Result<Option<Notice<'_>>, Poison> {
    let leg = leg(&event.leg)?;
    let Some(template) = template(event) else {
        return Ok(None);
    };
    let mut values = about(&leg);
    let (from, departure) = match event.segments.first() {
        Some(first) => (first.leg.origin, Some(first.scheduled_departure)),
        None => (leg.origin, event.expected_departure),
    };
    values.insert("departure", departure.and_then(|at| local_time(from, at)).unwrap_or_default());
    values.insert("journey", journey(&event.segments));
    let fact = match event.kind {
        PassengerKind::Rebooked => journey(&event.segments),
        _ => event.disruption.clone(),
    };
    Ok(Some(Notice {
        passenger: event.passenger,
        pnr: event.pnr,
        template,
        fact,
        values,
        language: &event.language,
        channel: &event.channel,
        contact: &event.contact,
    }))
}

fn template(event: &PassengerEvent) -> Option<&'static str> {
    Some(match (event.kind, event.reason.as_str()) {
        (PassengerKind::Disrupted, "CANCELLATION") => "cancelled",
        (PassengerKind::Disrupted, "DIVERSION") => "diverted",
        (PassengerKind::Disrupted, _) if event.expected_departure.is_some() => "delayed",
        (PassengerKind::Disrupted, _) => "disrupted",
        (PassengerKind::Rebooked, _) if !event.segments.is_empty() => "rebooked",
        (PassengerKind::Unplaceable, _) => "unplaceable",
        (PassengerKind::ChoiceOffered, "refund") => "refund",
        (PassengerKind::ChoiceOffered, _) => "choice",
        (PassengerKind::CareDue, _) if event.care.as_ref().is_some_and(|care| care.hotel == Some(true)) => "care_night",
        (PassengerKind::CareDue, _) => "care",
        (PassengerKind::Resolved, reason) if reason != "arrived" => "kept",
        _ => return None,
    })
}

/// What a decision is worth telling: a final one, or that it stays open though the journey is over.
fn decided(decision: &RightsDecision) -> Result<Option<Notice<'_>>, Poison> {
    let rights = &decision.rights;
    let template = match (rights.status.as_str(), rights.decision.as_str()) {
        ("final", "eligible") => "compensation",
        ("final", "downgrade_refund") => "class_refund",
        ("final", "not_eligible") => "no_compensation",
        (_, "undetermined") if decision.closed => "compensation_open",
        _ => return Ok(None),
    };
    let mut values = about(&leg(&decision.leg)?);
    let class_refund = rights.downgrade_refund_minor.map(|minor| format!("{}.{:02}", minor / 100, minor % 100));
    let sum = rights.amount.unwrap_or_default().to_string();
    values.insert("amount", class_refund.filter(|_| template == "class_refund").unwrap_or(sum));
    values.insert("currency", rights.currency.clone().unwrap_or_default());
    values.insert("regime", rights.regime.clone());
    Ok(Some(Notice {
        passenger: decision.passenger,
        pnr: decision.pnr,
        template,
        fact: decision.disruption.clone(),
        values,
        language: &decision.language,
        channel: &decision.channel,
        contact: &decision.contact,
    }))
}

fn tell(cx: &mut Cx<'_>, notice: Notice<'_>) -> Result<(), Poison> {
    let reason = format!("{} {}", notice.template, notice.fact);
    let sub = format!("{} {reason}", notice.passenger).into_bytes();
    if cx.get(TOLD, &sub).is_some() {
        return Ok(());
    }
    cx.put(TOLD, &sub, Vec::new());
    cx.set_timer(FORGET, b"", forgotten_at(cx.now() + KEEP_MS));
    let (language, text) = templates::text(notice.template, notice.language, &notice.values)
        .ok_or_else(|| Poison::new("unknown template", notice.template))?;
    let message = Notification {
        passenger: notice.passenger,
        pnr: notice.pnr,
        channel: notice.channel.to_owned(),
        template: notice.template.to_owned(),
        language: language.to_owned(),
        reason,
        text,
        contact: notice.contact.clone(),
    };
    cx.send(NOTIFICATIONS, notice.passenger.as_str(), &message);
    Ok(())
}

fn leg(text: &str) -> Result<Leg, Poison> {
    text.parse().map_err(|e| Poison::new("invalid passenger event", format_args!("leg: {e}")))
}

fn about(leg: &Leg) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("flight", leg.carrier_number()),
        ("from", leg.origin.to_string()),
        ("to", leg.destination.to_string()),
        ("date", leg.date.to_string()),
    ])
}

/// `LH400 FRA-JFK, UA12 JFK-BOS`.
fn journey(segments: &[Segment]) -> String {
    let segments = segments.iter().map(|s| format!("{} {}-{}", s.leg.carrier_number(), s.leg.origin, s.leg.destination));
    segments.collect::<Vec<_>>().join(", ")
}

/// Date and time on the airport's own clock.
fn local_time(airport: Airport, at: i64) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(at).ok()?;
    let local = reference::airport(airport)?.zone.to_datetime(instant);
    Some(format!("{} {:02}:{:02}", local.date(), local.hour(), local.minute()))
}
