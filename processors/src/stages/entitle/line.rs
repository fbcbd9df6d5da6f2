//! The case as the law was asked it, as a line that `slipstream rights decide` answers again.
//!
//! Holds every fact that this stage can know; a fact it does not give is not in the line either, and so not known. What was
//! in-block stays in-block: as two instants, because the format has no other words for it.

use serde_json::{Map, Value, json};
use slipstream_streams::record::rfc3339;

use crate::journey::MINUTE;
use crate::rights::{Arrival, Case, Choice, Event};

/// Parts of a currency unit in which prices are kept.
const PRICE_PARTS: f64 = 10_000.0;
/// Minutes of a day, as a fraction of days is written.
const DAY_MIN: f64 = 24.0 * 60.0;

/// One line of the rights case format, without its end; in-block is counted from the booked arrival, epoch ms.
pub(super) fn case_line(facts: &Case, scheduled_arrival: i64) -> String {
    let mut line = Map::new();
    journey(facts, &mut line);
    happened(facts, &mut line);
    circumstances(facts, &mut line);
    arrival(facts.arrival, scheduled_arrival, &mut line);
    seat(facts, &mut line);
    line.insert("passenger".to_owned(), passenger(facts));
    line.retain(|_, value| !value.is_null());
    Value::Object(line).to_string()
}

fn journey(facts: &Case, line: &mut Map<String, Value>) {
    let legs = facts
        .legs
        .iter()
        .map(|leg| json!({"from": leg.from.as_str(), "to": leg.to.as_str(), "operating_carrier": leg.operating_carrier}));
    line.insert("as_of".to_owned(), json!(facts.as_of.map(|date| date.to_string())));
    line.insert("origin".to_owned(), json!(facts.origin.map(|airport| airport.to_string())));
    line.insert("destination".to_owned(), json!(facts.destination.map(|airport| airport.to_string())));
    line.insert("operating_carrier".to_owned(), json!(facts.operating_carrier));
    line.insert("legs".to_owned(), legs.collect());
}

fn happened(facts: &Case, line: &mut Map<String, Value>) {
    let event = facts.event.map(|event| match event {
        Event::Delay => "delay",
        Event::Cancellation => "cancellation",
        Event::DeniedBoarding => "denied_boarding",
        Event::Downgrade => "downgrade",
        Event::Diversion => "diversion",
        Event::Advance => "advance",
    });
    let choice = facts.choice.map(|choice| if choice == Choice::Refund { "refund" } else { "reroute" });
    let offer = facts.reroute.offered.map(|offered| {
        json!({"offered": offered, "dep_offset_min": facts.reroute.dep_offset_min, "arr_delay_min": facts.reroute.arr_delay_min})
    });
    line.insert("event".to_owned(), json!(event));
    line.insert("dep_delay_min".to_owned(), json!(facts.dep_delay_min));
    line.insert("notice_days".to_owned(), json!(facts.notice_min.map(|minutes| minutes as f64 / DAY_MIN)));
    line.insert("reroute".to_owned(), json!(offer));
    line.insert("passenger_choice".to_owned(), json!(choice));
    line.insert("overnight_wait".to_owned(), json!(facts.overnight_wait));
}

/// Cause and defence; what stands as in the ordinary case is left out.
fn circumstances(facts: &Case, line: &mut Map<String, Value>) {
    let defence = &facts.defence;
    let parts = facts.delay_breakdown.iter().map(|(cause, minutes)| json!({"cause": cause.name, "minutes": minutes}));
    let parts: Vec<Value> = parts.collect();
    line.insert("cause".to_owned(), json!(facts.cause.map(|cause| cause.name)));
    line.insert("delay_breakdown".to_owned(), if parts.is_empty() { Value::Null } else { Value::Array(parts) });
    line.insert("reasonable_measures_proved".to_owned(), json!(defence.measures_proved));
    line.insert("prior_rotation".to_owned(), json!(defence.prior_rotation.then_some(true)));
    line.insert("direct_causal_link_proved".to_owned(), json!(defence.causal_link_proved));
    line.insert("defect_confirmed_by_manufacturer_or_authority".to_owned(), json!(defence.defect_confirmed));
    line.insert("buffer_time_planned".to_owned(), json!((!defence.buffer_planned).then_some(false)));
    line.insert("earlier_seats_available_on_other_carriers".to_owned(), json!(defence.other_seats.then_some(true)));
}

fn arrival(arrival: Arrival, scheduled: i64, line: &mut Map<String, Value>) {
    match arrival {
        Arrival::Unknown | Arrival::Never => {}
        Arrival::InBlock(minutes) => {
            let times = json!({"sched_arr": rfc3339(scheduled), "on_block": rfc3339(scheduled + i64::from(minutes) * MINUTE)});
            line.insert("times".to_owned(), times);
        }
        Arrival::Expected(minutes) | Arrival::DoorOpen(minutes) => {
            line.insert("arr_delay_min_final".to_owned(), json!(minutes));
        }
    }
}

/// Seat and price where another class was flown.
fn seat(facts: &Case, line: &mut Map<String, Value>) {
    let seat = &facts.seat;
    let direction = if seat.upgraded { "upgrade" } else { "downgrade" };
    line.insert("direction".to_owned(), json!((facts.event == Some(Event::Downgrade)).then_some(direction)));
    line.insert("segment_price".to_owned(), json!(seat.segment_price.map(|price| price as f64 / PRICE_PARTS)));
    line.insert("segment_price_currency".to_owned(), json!(seat.currency));
}

/// Who never reached the destination did not travel.
fn passenger(facts: &Case) -> Value {
    let mut person = json!({"confirmed_reservation": facts.passenger.confirmed});
    if let Some(presented) = facts.passenger.presented {
        person["presented_on_time"] = json!(presented);
    }
    if facts.passenger.volunteered {
        person["volunteered"] = json!(true);
    }
    if facts.arrival == Arrival::Never {
        person["travelled"] = json!(false);
        person["presented_on_time"] = json!(true);
    }
    person
}
