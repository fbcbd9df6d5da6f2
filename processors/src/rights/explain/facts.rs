//! The facts of a case in words, the first part of the page: what was said, and of what matters what was not.

use std::fmt::Write;

use crate::rights::case::{Arrival, Case, Event, Fare, Leg, Licence};
use crate::rights::passenger::DAY_MIN;

/// A line each for the journey, who flew it, what happened, what was offered, the cause and the passenger.
pub(super) fn facts(case: &Case) -> Vec<String> {
    let mut lines = vec![journey(case), carriers(case), happened(case)];
    lines.extend(told(case));
    lines.extend(cause(case));
    lines.push(passenger(case));
    lines
}

/// What is known, or that it is not.
fn known<T: ToString>(fact: Option<T>) -> String {
    fact.map_or_else(|| "not known".to_owned(), |fact| fact.to_string())
}

fn journey(case: &Case) -> String {
    let mut text = format!("{} to {}", known(case.origin), known(case.destination));
    for (number, change) in case.via.iter().enumerate() {
        let _ = write!(text, "{}{change}", if number == 0 { ", changing at " } else { " and " });
    }
    let _ = write!(text, "; departure {}", known(case.as_of));
    if case.separate_bookings {
        text.push_str("; booked separately");
    }
    text
}

fn country(code: [u8; 2]) -> String {
    String::from_utf8_lossy(&code).into_owned()
}

fn licence(licence: Licence) -> String {
    match licence {
        Licence { country: Some(code), .. } => format!(" (licence {})", country(code)),
        Licence { is_community: Some(true), .. } => " (Community licence)".to_owned(),
        Licence { is_kingdom: Some(true), .. } => " (licence of the United Kingdom)".to_owned(),
        Licence { is_community: Some(false), is_kingdom: Some(false), .. } => " (licence of another state)".to_owned(),
        _ => String::new(),
    }
}

fn carriers(case: &Case) -> String {
    let carrier = known(case.operating_carrier.as_deref());
    let mut text = format!("operating carrier {carrier}{}", licence(case.licence));
    let leg = |leg: &Leg| format!("{}-{} {}{}", leg.from, leg.to, known(leg.operating_carrier.as_deref()), licence(leg.licence));
    if !case.legs.is_empty() {
        let _ = write!(text, "; legs {}", case.legs.iter().map(leg).collect::<Vec<_>>().join(", "));
    }
    if let Some(seller) = case.marketing_carrier.as_deref() {
        let _ = write!(text, "; sold by {seller}");
    }
    if case.wet_lease {
        let _ = write!(text, "; aircraft and crew of {}", known(case.wet_lessor.as_deref()));
    }
    text
}

fn happened(case: &Case) -> String {
    let mut text = match case.event {
        None => "what happened is not known".to_owned(),
        Some(Event::Delay) => "delay".to_owned(),
        Some(Event::Cancellation) => "cancellation".to_owned(),
        Some(Event::DeniedBoarding) => "denied boarding".to_owned(),
        Some(Event::Downgrade) if case.seat.upgraded => "carried in a higher class".to_owned(),
        Some(Event::Downgrade) => "carried in a lower class".to_owned(),
        Some(Event::Diversion) => format!("diversion to {}", known(case.diverted_to)),
        Some(Event::Advance) => format!("departure brought forward by {} min", case.advance_min),
    };
    if let Some(late) = case.dep_delay_min {
        let _ = write!(text, "; departure {late} min late");
    }
    text.push_str(&match case.arrival {
        Arrival::Unknown => String::new(),
        Arrival::Never => "; the destination was not reached".to_owned(),
        Arrival::Expected(late) => format!("; arrival expected {late} min late"),
        Arrival::InBlock(late) => format!("; in-block {late} min late"),
        Arrival::DoorOpen(late) => format!("; arrival {late} min late"),
    });
    text
}

/// Notice and offer, where the event asks for them.
fn told(case: &Case) -> Option<String> {
    if !matches!(case.event, Some(Event::Cancellation | Event::Advance | Event::DeniedBoarding)) {
        return None;
    }
    let days = |minutes: i64| {
        let (days, hours) = (minutes.div_euclid(DAY_MIN), minutes.rem_euclid(DAY_MIN) / 60);
        if hours == 0 { format!("told {days} days before") } else { format!("told {days} days {hours} h before") }
    };
    let notice = case.notice_min.map_or_else(|| "notice not known".to_owned(), days);
    let offer = match (case.reroute.offered, case.reroute.dep_offset_min, case.reroute.arr_delay_min) {
        (None, ..) => "offer of re-routing not known".to_owned(),
        (Some(false), ..) => "no re-routing offered".to_owned(),
        (Some(true), departs, arrives) => format!("re-routing offered: departs {}, arrives {}", shift(departs), shift(arrives)),
    };
    Some(format!("{notice}; {offer}"))
}

/// Minutes before or after the booked time, in words.
fn shift(minutes: Option<i32>) -> String {
    match minutes {
        None => "at a time not known".to_owned(),
        Some(0) => "as booked".to_owned(),
        Some(minutes) if minutes < 0 => format!("{} min early", minutes.unsigned_abs()),
        Some(minutes) => format!("{minutes} min late"),
    }
}

fn cause(case: &Case) -> Option<String> {
    if case.event == Some(Event::Downgrade) {
        return None;
    }
    let mut text = format!("cause {}", known(case.cause.map(|cause| cause.name)));
    for (cause, minutes) in &case.delay_breakdown {
        let _ = write!(text, "; {minutes} min {}", cause.name);
    }
    text.push_str(match case.defence.measures_proved {
        Some(true) => "; reasonable measures proved",
        Some(false) => "; reasonable measures not proved",
        None => "; nothing submitted on measures",
    });
    Some(text)
}

fn passenger(case: &Case) -> String {
    let passenger = &case.passenger;
    let fare = match passenger.fare {
        Fare::Public => "public fare",
        Fare::Award => "award ticket",
        Fare::Child => "child's fare",
        Fare::InfantPublic => "infant's public fare",
        Fare::Package => "package",
        Fare::TaxesOnlyPromotion => "promotion, taxes paid",
        Fare::Staff => "staff fare",
        Fare::Free => "free of charge",
    };
    let yes = |fact: Option<bool>| {
        if fact == Some(true) {
            "yes"
        } else if fact.is_some() {
            "no"
        } else {
            "not known"
        }
    };
    let (booked, present) = (yes(passenger.confirmed), yes(passenger.presented));
    format!("{fare}; reservation confirmed: {booked}; presented on time: {present}")
}
