//! The journey, its carriers and when it ended.

use jiff::Timestamp;

use super::Refusal;
use super::fields::Fields;
use crate::rights::case::{Arrival, Case, Leg, Licence};
use crate::rights::territory::is_country;

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// Airports, and what became of them on the way.
pub(super) fn read(fields: &mut Fields, case: &mut Case) -> Result<(), Refusal> {
    (case.origin, case.destination) = (fields.airport("origin")?, fields.airport("destination")?);
    case.via = fields.airports("via")?;
    case.separate_bookings = fields.flag("single_booking")? == Some(false);
    (case.diverted_to, case.unscheduled_stopover) = (fields.airport("diverted_to")?, fields.airport("unscheduled_stopover")?);
    case.other_region = fields.flag("same_city_region")? == Some(false);
    case.transfer_provided = fields.flag("transfer_provided")?;
    case.is_return = fields.airport("is_return_of_round_trip_from")?.is_some();
    if let Some(mut onward) = fields.object("onward_separate_ticket")? {
        case.onward_separate_ticket = onward.airport("to")?;
        onward.text("carrier")?;
        onward.minutes("arr_delay_min")?;
        fields.absorb(onward);
    }
    Ok(())
}

/// Who operates, sells and lends; the legs.
pub(super) fn carriers(fields: &mut Fields, case: &mut Case) -> Result<(), Refusal> {
    case.operating_carrier = fields.text("operating_carrier")?;
    case.marketing_carrier = fields.text("marketing_carrier")?;
    case.licence = Licence {
        country: country(fields, "carrier_licence_country")?,
        is_community: fields.flag("carrier_is_eu")?,
        is_kingdom: fields.flag("carrier_is_uk")?,
    };
    case.wet_lease = fields.flag("wet_lease")?.unwrap_or(false);
    case.wet_lessor = fields.text("aircraft_operator_wet_lessor")?;
    let aircraft = fields.text("aircraft_type")?;
    case.helicopter = aircraft.is_some_and(|aircraft| aircraft.to_ascii_lowercase().contains("helicopter"));
    case.third_country_benefits = fields.flag("third_country_compensation_and_assistance_received")?.unwrap_or(false);
    fields.text("third_country_regime")?;
    for mut leg in fields.objects("legs")? {
        case.legs.push(one_leg(&mut leg)?);
        fields.absorb(leg);
    }
    Ok(())
}

fn one_leg(leg: &mut Fields) -> Result<Leg, Refusal> {
    let (from, to) = (leg.airport("from")?, leg.airport("to")?);
    Ok(Leg {
        from: from.ok_or_else(|| leg.wrong("from", "a leg needs both airports"))?,
        to: to.ok_or_else(|| leg.wrong("to", "a leg needs both airports"))?,
        operating_carrier: leg.text("operating_carrier")?,
        licence: Licence { country: country(leg, "licence")?, ..Licence::default() },
        arr_delay_min: leg.minutes("arr_delay_min")?,
    })
}

fn country(fields: &mut Fields, key: &'static str) -> Result<Option<[u8; 2]>, Refusal> {
    let Some(text) = fields.text(key)? else {
        return Ok(None);
    };
    let code = <[u8; 2]>::try_from(text.to_ascii_uppercase().as_bytes()).ok().filter(|code| is_country(*code));
    code.map(Some).ok_or_else(|| fields.wrong(key, "no ISO 3166-1 alpha-2 country code"))
}

/// Minutes late: as stated, or else from instants.
pub(super) fn arrival(fields: &mut Fields) -> Result<Arrival, Refusal> {
    let stated = fields.minutes("arr_delay_min_final")?;
    let from_times = match fields.object("times")? {
        Some(mut times) => {
            let arrival = instants(&mut times)?;
            fields.absorb(times);
            arrival
        }
        None => Arrival::Unknown,
    };
    Ok(stated.map_or(from_times, Arrival::DoorOpen))
}

/// From the door, or else the block; a touchdown is no arrival (C-452/13).
fn instants(times: &mut Fields) -> Result<Arrival, Refusal> {
    let scheduled = instant(times, "sched_arr")?;
    let touchdown = instant(times, "touchdown")?;
    let (block, door) = (instant(times, "on_block")?, instant(times, "door_open")?);
    if touchdown.zip(door).is_some_and(|(touchdown, door)| door < touchdown) {
        return Err(Refusal::Impossible("`times.door_open` lies before `times.touchdown`"));
    }
    if touchdown.zip(block).is_some_and(|(touchdown, block)| block < touchdown) {
        return Err(Refusal::Impossible("`times.on_block` lies before `times.touchdown`"));
    }
    let late = |at: i64| scheduled.and_then(|scheduled| i32::try_from((at - scheduled).div_euclid(MINUTE_MS)).ok());
    let arrival = door.and_then(late).map(Arrival::DoorOpen).or(block.and_then(late).map(Arrival::InBlock));
    Ok(arrival.unwrap_or(Arrival::Unknown))
}

/// An instant, epoch ms: RFC 3339 with its offset.
fn instant(times: &mut Fields, key: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(text) = times.text(key)? else {
        return Ok(None);
    };
    let instant: Result<Timestamp, _> = text.parse();
    let at = instant.map_err(|_| times.wrong(key, "not an RFC 3339 instant with its offset"))?;
    Ok(Some(at.as_millisecond()))
}
