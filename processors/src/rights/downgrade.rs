//! Another class than booked (Article 10): a share of the flight's price back, or no supplement. No cause excuses it.

use slipstream_schemas::ids::Airport;

use super::contested::Question;
use super::decision::Matter;
use super::distance::distance;
use super::proof::Proof;
use super::scope::{EU, unknown_airport};
use super::territory::{Territory, place};

/// What Article 10 gives. Money in hundredths of a currency unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassRefund {
    pub(super) percent: Option<i32>,
    pub(super) cents: Option<i64>,
}

/// Ten-thousandths of a price times percent, in one hundredth of the unit.
const SCALE: i64 = 10_000;

/// The refund for the flight on which the class was lower.
pub(super) fn refund(matter: &Matter<'_>, proof: &mut Proof) -> ClassRefund {
    let case = matter.case;
    if case.seat.upgraded {
        proof.note("ART10-1", format_args!("higher class"), format_args!("no supplement, no refund"));
        return ClassRefund { percent: Some(0), cents: Some(0) };
    }
    let percent = percent(matter, proof);
    if percent.is_none() {
        let (key, airport) = match case.origin.filter(|origin| place(*origin).is_some()) {
            None => ("origin", case.origin),
            Some(_) => ("destination", case.destination),
        };
        proof.lacks(unknown_airport(airport, key));
    }
    let price = price(matter, proof);
    if price.is_none() {
        proof.lacks("segment_price");
    }
    let cents = percent.zip(price).map(|(percent, price)| (price * i64::from(percent) + SCALE / 2).div_euclid(SCALE));
    ClassRefund { percent, cents }
}

/// Percent by the flight's distance and territory.
fn percent(matter: &Matter<'_>, proof: &mut Proof) -> Option<i32> {
    let (from, to) = (matter.case.origin?, matter.case.destination?);
    let km = distance(from, to)?.km;
    let on = matter.case.as_of;
    let (a, b) = (place(from)?.territory(on), place(to)?.territory(on));
    let inside = a.community() && b.community();
    let overseas = matter.set.regime == EU && (a == Territory::Department) != (b == Territory::Department);
    let band = matter.set.band(km, inside);
    let band = if band > 0 && inside && overseas && is_department(matter, from, to, proof) { 2 } else { band };
    let percent = matter.set.downgrade_percent[band];
    proof.note("ART10-2", format_args!("{from} to {to}, {km:.0} km"), format_args!("{percent} % of the flight's price"));
    Some(percent)
}

/// Whether the overseas end counts as a French overseas department.
fn is_department(matter: &Matter<'_>, from: Airport, to: Airport, proof: &mut Proof) -> bool {
    let saint_martin = [from, to].iter().any(|at| place(*at).is_some_and(|place| place.country == "MF"));
    if saint_martin {
        proof.contested(Question::Q24);
    }
    !(saint_martin && matter.law.other(Question::Q24))
}

/// Price of the flight, ten-thousandths of a unit: as stated, or its share of the ticket by distance (C-255/15).
fn price(matter: &Matter<'_>, proof: &mut Proof) -> Option<i64> {
    let seat = &matter.case.seat;
    if let Some(price) = seat.segment_price {
        return Some(price);
    }
    let ticket = seat.ticket_price?;
    let (from, to) = (matter.case.origin?, matter.case.destination?);
    let Some(beyond) = seat.journey_destination.filter(|beyond| *beyond != to) else {
        return Some(ticket);
    };
    let (own, rest) = (distance(from, to)?.km, distance(to, beyond)?.km);
    let metres = |km: f64| (km * 1000.0).round() as i128;
    proof.note("ART10-3", format_args!("{own:.0} of {:.0} km", own + rest), format_args!("that share of the ticket's price"));
    let (part, whole) = (metres(own), metres(own + rest));
    i64::try_from((i128::from(ticket) * part + whole / 2) / whole.max(1)).ok()
}
