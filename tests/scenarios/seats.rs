//! Seats: none is given twice, and who got none could not be given any.
//!
//! The search for a way on is plain, and cautious where the program knows more (connecting times, late flights): it may miss a
//! way, and never finds one that there is not.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::ledger::{Ledger, Party, Segment, segments, walk};
use super::{HOUR, each, string};

/// Longer than any airport's minimum connecting time.
const CONNECTION: i64 = 3 * HOUR;

// contract: S2-23
#[test]
fn no_seat_is_given_twice() {
    each(|name, out| {
        walk(out, |at, ledger, decided| {
            let free = ledger.now_free();
            for line in
                decided.iter().filter(|line| line["value"]["outcome"] == "REBOOKED" && line["value"]["arrived_at"].is_null())
            {
                for segment in segments(&line["value"]) {
                    let booked = &ledger.parties[&string(&line["key"])].booked;
                    let left = free.get(&segment.place()).copied();
                    let own = booked.iter().any(|own| own.place() == segment.place());
                    assert!(
                        own || left.is_some_and(|left| left >= 0),
                        "{name} at {at}: {left:?} seats left on {segment:?}: {line}"
                    );
                }
            }
        });
    });
}

// contract: S2-23
#[test]
fn who_is_without_seats_could_not_be_given_any() {
    let searched = Cell::new(0);
    each(|name, out| {
        walk(out, |at, ledger, decided| {
            let stranded = decided.iter().filter(|line| line["value"]["outcome"] == "UNPLACEABLE");
            let free = ledger.now_free();
            for line in stranded {
                let party = &ledger.parties[&string(&line["key"])];
                if let Some(wish) = wish(ledger, party, &line["value"], at) {
                    let said = usize::try_from(line["value"]["segment"].as_i64().unwrap()).unwrap();
                    assert!(ledger.troubled.contains(&party.booked[said].leg), "{name}: not the broken segment: {line}");
                    let offers = ledger.offers(&free, &string(&line["value"]["organisation"]));
                    let way = find(&offers, party.seats, &wish);
                    assert!(way.is_none(), "{name} at {at}: {way:?} for {line}");
                    searched.set(searched.get() + 1);
                }
            }
        });
    });
    assert!(searched.get() > 0, "nobody was searched for");
    eprintln!("searched again for {} parties", searched.get());
}

/// From where to where, and when.
struct Wish<'a> {
    origin: &'a str,
    destination: &'a str,
    ready: i64,
    latest: i64,
}

/// What a party wants of which it is sure where it stands: a leg of its journey is cancelled, nothing else was given to it, and
/// what brings it to that leg, if anything does, was not diverted. A journey ends where the next leg flies back.
fn wish<'a>(ledger: &Ledger, party: &'a Party, value: &Value, at: i64) -> Option<Wish<'a>> {
    if !party.ways.is_empty() || !value["reason"].as_str().is_some_and(|why| why.contains("free seats")) {
        return None;
    }
    let is_turn = |index: usize| party.booked.get(index + 1).is_none_or(|next| next.destination == party.booked[index].origin);
    let inside = usize::try_from(value["segment"].as_i64()?).ok()?;
    let first = (0..=inside).rev().find(|index| *index == 0 || is_turn(index - 1))?;
    let last = (inside..party.booked.len()).find(|index| is_turn(*index))?;
    let place = (first..=last).find(|index| ledger.cancelled.contains(&party.booked[*index].leg))?;
    let (lost, destination) = (&party.booked[place], &party.booked[last].destination);
    let (ready, from) = if place == first {
        (lost.departure, lost.departure)
    } else {
        let inbound = &party.booked[place - 1];
        let arrival = ledger.arrivals.get(&inbound.leg).copied().unwrap_or(Some(inbound.arrival))?;
        (lost.departure.max(arrival + CONNECTION), arrival)
    };
    Some(Wish { origin: &lost.origin, destination, ready: ready.max(at + HOUR), latest: from.max(at) + 46 * HOUR })
}

/// One leg or two, by the timetable, with seats for all.
fn find<'a>(offers: &BTreeMap<&str, Vec<(&'a Segment, i64)>>, seats: i64, wish: &Wish<'_>) -> Option<Vec<&'a Segment>> {
    let leaving = |airport: &str, ready: i64| {
        let all = offers.get(airport).map_or(&[][..], Vec::as_slice).iter().copied();
        all.filter(move |(leg, free)| *free >= seats && (ready..=wish.latest).contains(&leg.departure))
            .map(|(leg, _)| leg)
            .collect::<Vec<_>>()
    };
    for first in leaving(wish.origin, wish.ready) {
        if first.destination == wish.destination {
            return Some(vec![first]);
        }
        let onward = leaving(&first.destination, first.arrival + CONNECTION);
        if let Some(second) = onward.into_iter().find(|second| second.destination == wish.destination) {
            return Some(vec![first, second]);
        }
    }
    None
}
