//! From a line of JSON to a [`Case`]: every key taken once, by type; what is left over is unknown and named.
//!
//! Refuses what is no case: another type than the key's, a name that its list does not have, and facts that cannot be
//! ([`impossible`]). Never panics, keeps nothing.

mod fields;
mod impossible;
mod journey;

use slipstream_schemas::ids::Date;

use self::fields::Fields;
use super::case::{Arrival, Case, Choice, Defence, Event, Fare, Passenger, Reroute, Seat};
use super::cause::{Cause, cause};

/// Longest line that is read, bytes.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Most legs, changes or parts of a delay: no journey has more.
const LIST_MAX: usize = 64;

/// Why a line is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("a case is a JSON object")]
    NotAnObject,
    /// Too long to be a case.
    #[error("the line has {0} bytes; at most {LINE_BYTES_MAX} are read")]
    TooLong(usize),
    /// A key has a value that is none.
    #[error("`{key}`: {why}")]
    Field {
        /// Its place, such as `legs[1].from`.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// Facts that cannot be together.
    #[error("impossible: {0}")]
    Impossible(&'static str),
}

/// The case of a line, and warnings about keys that are not read.
///
/// # Errors
/// The line is no case, or its facts cannot be.
pub fn read_case(line: &str) -> Result<(Case, Vec<String>), Refusal> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Refusal::TooLong(line.len()));
    }
    let value = serde_json::from_str(line).map_err(|error| Refusal::NotJson(error.to_string()))?;
    let mut fields = Fields::of(value, "")?;
    let case = case(&mut fields)?;
    impossible::check(&case)?;
    Ok((case, fields.warnings()))
}

fn case(fields: &mut Fields) -> Result<Case, Refusal> {
    let mut case = Case { id: fields.text("id")?, as_of: date(fields)?, ..Case::default() };
    journey::read(fields, &mut case)?;
    journey::carriers(fields, &mut case)?;
    case.event = fields.name("event", EVENTS)?;
    case.dep_delay_min = fields.minutes("dep_delay_min")?;
    case.arrival = journey::arrival(fields)?;
    case.advance_min = advance(fields, case.event)?;
    told(fields, &mut case)?;
    (case.cause, case.delay_breakdown) = (named_cause(fields, "cause")?, breakdown(fields)?);
    case.defence = defence(fields)?;
    (case.seat, case.passenger) = (seat(fields)?, passenger(fields)?);
    Ok(case)
}

const EVENTS: &[(&str, Event)] = &[
    ("delay", Event::Delay),
    ("cancellation", Event::Cancellation),
    ("denied_boarding", Event::DeniedBoarding),
    ("downgrade", Event::Downgrade),
    ("diversion", Event::Diversion),
    ("advance", Event::Advance),
];

const FARES: &[(&str, Fare)] = &[
    ("public", Fare::Public),
    ("frequent_flyer_award", Fare::Award),
    ("child_public", Fare::Child),
    ("infant_public_10pct", Fare::InfantPublic),
    ("package", Fare::Package),
    ("promo_taxes_only_professional_group", Fare::TaxesOnlyPromotion),
    ("staff_id", Fare::Staff),
    ("free", Fare::Free),
];

fn date(fields: &mut Fields) -> Result<Option<Date>, Refusal> {
    let Some(text) = fields.text("as_of")? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| fields.wrong("as_of", "not a date such as 2026-03-29"))
}

/// An advance without minutes is the ordinary case, which is none; that is worth a warning.
fn advance(fields: &mut Fields, event: Option<Event>) -> Result<i32, Refusal> {
    let minutes = fields.minutes("advance_min")?;
    if minutes.is_none() && event == Some(Event::Advance) {
        fields.warn("`advance_min` is not given: the flight counts as not brought forward");
    }
    Ok(minutes.unwrap_or(0))
}

/// What was told, offered and chosen.
fn told(fields: &mut Fields, case: &mut Case) -> Result<(), Refusal> {
    retimed(fields, case)?;
    case.notice_min = fields.days("notice_days")?;
    case.only_agent_told = fields.days("notice_to_agent_days")?.is_some();
    case.reroute = reroute(fields)?;
    case.is_reroute_flight = fields.flag("is_reroute_flight")?.unwrap_or(false);
    fields.flag("first_disruption_compensated")?;
    case.choice = fields.name("passenger_choice", &[("reroute", Choice::Reroute), ("refund", Choice::Refund)])?;
    case.overnight_wait = fields.flag("overnight_wait")?;
    case.flight_operated = fields.flag("flight_operated")?.unwrap_or(false);
    Ok(())
}

/// An earlier retiming; over it the two parts add up to the delay against the first booking (C-558/24).
fn retimed(fields: &mut Fields, case: &mut Case) -> Result<(), Refusal> {
    let before = fields.minutes("retimed_by_min")?;
    let since = fields.minutes("delay_vs_retimed_schedule_min")?;
    if let (Arrival::Unknown, Some(before), Some(since)) = (case.arrival, before, since) {
        case.arrival = Arrival::DoorOpen(before.saturating_add(since));
    }
    let announced = fields.flag("announced_retiming")?;
    case.retimed_by_min = before.filter(|_| announced != Some(false));
    Ok(())
}

/// An offer with times is one, whether or not it says so.
fn reroute(fields: &mut Fields) -> Result<Reroute, Refusal> {
    let Some(mut offer) = fields.object("reroute")? else {
        return Ok(Reroute::default());
    };
    let offered = offer.flag("offered")?;
    let (dep_offset_min, arr_delay_min) = (offer.minutes("dep_offset_min")?, offer.minutes("arr_delay_min")?);
    fields.absorb(offer);
    let timed = dep_offset_min.is_some() || arr_delay_min.is_some();
    let offered = offered.or(timed.then_some(true));
    if offered == Some(false) {
        return Ok(Reroute { offered, ..Reroute::default() });
    }
    Ok(Reroute { offered, dep_offset_min, arr_delay_min })
}

fn named_cause(fields: &mut Fields, key: &'static str) -> Result<Option<Cause>, Refusal> {
    let Some(name) = fields.text(key)? else {
        return Ok(None);
    };
    cause(&name).map(Some).ok_or_else(|| fields.wrong(key, "no cause of that name"))
}

fn breakdown(fields: &mut Fields) -> Result<Vec<(Cause, i32)>, Refusal> {
    let mut parts = Vec::new();
    for mut part in fields.objects("delay_breakdown")? {
        let cause = named_cause(&mut part, "cause")?.ok_or_else(|| part.wrong("cause", "each part needs one"))?;
        let minutes = part.minutes("minutes")?.filter(|minutes| *minutes >= 0);
        let minutes = minutes.ok_or_else(|| part.wrong("minutes", "each part needs minutes, 0 or more"))?;
        parts.push((cause, minutes));
        fields.absorb(part);
    }
    Ok(parts)
}

fn defence(fields: &mut Fields) -> Result<Defence, Refusal> {
    Ok(Defence {
        measures_proved: fields.flag("reasonable_measures_proved")?,
        prior_rotation: fields.flag("prior_rotation")?.unwrap_or(false),
        causal_link_proved: fields.flag("direct_causal_link_proved")?,
        carrier_contributed: fields.flag("carrier_contributed_to_event")?.unwrap_or(false),
        defect_confirmed: fields.flag("defect_confirmed_by_manufacturer_or_authority")?,
        buffer_planned: fields.flag("buffer_time_planned")?.unwrap_or(true),
        other_seats: fields.flag("earlier_seats_available_on_other_carriers")?.unwrap_or(false),
    })
}

fn seat(fields: &mut Fields) -> Result<Seat, Refusal> {
    Ok(Seat {
        upgraded: fields.name("direction", &[("upgrade", true), ("downgrade", false)])?.unwrap_or(false),
        segment_price: fields.price("segment_price")?,
        ticket_price: fields.price("ticket_price")?,
        currency: fields.currency("segment_price_currency")?,
        journey_destination: fields.airport("whole_journey_destination")?,
    })
}

fn passenger(fields: &mut Fields) -> Result<Passenger, Refusal> {
    let Some(mut person) = fields.object("passenger")? else {
        return Ok(Passenger::default());
    };
    let age = [("adult", false), ("child", false), ("infant", true)];
    person.flag("own_seat")?;
    person.flag("boarding_pass_available")?;
    let passenger = Passenger {
        fare: person.name("fare", FARES)?.unwrap_or(Fare::Public),
        confirmed: person.flag("confirmed_reservation")?,
        presented: person.flag("presented_on_time")?,
        infant: person.name("age_group", &age)?.unwrap_or(false),
        volunteered: person.flag("volunteered")?.unwrap_or(false),
        documents_valid: person.flag("documents_valid")?.unwrap_or(true),
        travelled: person.flag("travelled")?,
        self_rebooked: person.flag("self_rebooked")?.unwrap_or(false),
        own_arrival_delay_min: person.minutes("own_arrival_delay_min")?,
    };
    fields.absorb(person);
    Ok(passenger)
}
