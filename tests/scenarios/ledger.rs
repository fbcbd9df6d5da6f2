//! A second reading of a run, from its files only: bookings, the PSS's count of free seats, and what was said of each party.
//!
//! It follows the seats by itself, instant by instant: what came in first, then what was decided on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::string;
use super::support::lines;

/// A leg and a cabin of it.
pub(super) type Place = (String, String);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) leg: String,
    pub(super) origin: String,
    pub(super) destination: String,
    cabin: String,
    pub(super) departure: i64,
    pub(super) arrival: i64,
}

impl Segment {
    fn read(value: &Value) -> Self {
        let part = |name: &str| value[name].as_str().map_or_else(|| value[name].to_string(), str::to_owned);
        let leg = ["carrier", "number", "suffix", "date", "origin", "destination", "repeat"].map(part).join(" ");
        let instant = |name: &str| value[name].as_i64().unwrap_or_default();
        Self {
            leg,
            origin: part("origin"),
            destination: part("destination"),
            cabin: part("cabin"),
            departure: instant("scheduled_departure"),
            arrival: instant("scheduled_arrival"),
        }
    }

    pub(super) fn place(&self) -> Place {
        (self.leg.clone(), self.cabin.clone())
    }
}

pub(super) fn segments(value: &Value) -> Vec<Segment> {
    value["segments"].as_array().unwrap().iter().map(Segment::read).collect()
}

/// A booking, with the ways on that stand instead of parts of it, by the last booked segment that they replace.
#[derive(Debug, Default, Clone)]
pub(super) struct Party {
    pub(super) seats: i64,
    pub(super) booked: Vec<Segment>,
    pub(super) ways: BTreeMap<usize, (usize, Vec<Segment>)>,
}

impl Party {
    /// Seats beyond the PSS's count: taken on new legs, given back on those that were left.
    pub(super) fn beyond(&self) -> BTreeMap<Place, i64> {
        let mut net = BTreeMap::new();
        for (last, (first, way)) in &self.ways {
            let left = &self.booked[*first..=*last];
            for segment in way.iter().filter(|segment| !self.booked.iter().any(|own| own.place() == segment.place())) {
                *net.entry(segment.place()).or_default() += self.seats;
            }
            for segment in left.iter().filter(|segment| !way.iter().any(|own| own.place() == segment.place())) {
                *net.entry(segment.place()).or_default() -= self.seats;
            }
        }
        net
    }

    /// Takes a new way; what of the one before is flown until it starts stays.
    fn rebook(&mut self, segment: usize, way: &[Segment]) {
        let end = &way.last().expect("a way has legs").destination;
        let Some(last) = (segment..self.booked.len()).find(|index| self.booked[*index].destination == *end) else {
            panic!("a way to {end} that was not booked: {:?}", self.booked);
        };
        let before = self.ways.get(&last).map_or(&[][..], |(_, way)| way);
        let joins = |known: &Segment| known.destination == way[0].origin && known.arrival <= way[0].departure;
        let flown = before.iter().rposition(joins).map_or(0, |index| index + 1);
        let whole = before[..flown].iter().chain(way).cloned().collect();
        self.ways.insert(last, (segment, whole));
    }
}

/// What the files say, up to an instant.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) parties: BTreeMap<String, Party>,
    /// Free by the PSS, the segment it is, and whose to give.
    free: BTreeMap<Place, (i64, Segment, String)>,
    /// Legs of which anything but the timetable was heard.
    pub(super) troubled: BTreeSet<String>,
    /// When those legs are, or were, at their gate; none for one that was diverted.
    pub(super) arrivals: BTreeMap<String, Option<i64>>,
    pub(super) cancelled: BTreeSet<String>,
}

impl Ledger {
    fn take(&mut self, line: &Value) {
        let (value, key) = (&line["value"], string(&line["key"]));
        match line["type"].as_str().unwrap() {
            "booking.cancelled" => drop(self.parties.remove(&key)),
            "booking.created" | "booking.modified" => self.book(key, value),
            "inventory.updated" => {
                let segment = Segment::read(value);
                let count = value["current_available"].as_i64().unwrap();
                self.free.insert(segment.place(), (count, segment, string(&value["organisation"])));
            }
            "booking.reaccommodated" if value["outcome"] == "REBOOKED" && value["arrived_at"].is_null() => {
                let segment = usize::try_from(value["segment"].as_i64().unwrap()).unwrap();
                self.parties.get_mut(&key).expect("a booking").rebook(segment, &segments(value));
            }
            "booking.reaccommodated" => {}
            _ => self.hear(value),
        }
    }

    fn hear(&mut self, value: &Value) {
        let leg = Segment::read(value).leg;
        if !value["diverted_to"].is_null() {
            self.arrivals.insert(leg.clone(), None);
        } else if let Some(arrival) = value["in_at"].as_i64().or(value["estimated_arrival"].as_i64()) {
            self.arrivals.insert(leg.clone(), Some(arrival));
        }
        if value["status"] == "CANCELLED" {
            self.cancelled.insert(leg.clone());
        }
        self.troubled.insert(leg);
    }

    fn book(&mut self, pnr: String, value: &Value) {
        let people = value["passengers"].as_array().unwrap();
        let seats = people.iter().filter(|person| person["age_group"] != "INFANT").count() as i64;
        let booked = segments(value);
        let party = self.parties.entry(pnr).or_default();
        if party.booked != booked {
            party.ways.clear();
        }
        (party.seats, party.booked) = (seats, booked);
    }

    /// Free seats of every cabin, less what was placed there beyond the PSS's count.
    pub(super) fn now_free(&self) -> BTreeMap<Place, i64> {
        let mut free: BTreeMap<Place, i64> = self.free.iter().map(|(place, (count, ..))| (place.clone(), *count)).collect();
        for (place, seats) in self.parties.values().flat_map(Party::beyond) {
            *free.entry(place).or_default() -= seats;
        }
        free
    }

    /// An organisation's legs by airport of departure that fly by the timetable, with the most seats that any of their cabins
    /// has.
    pub(super) fn offers(&self, free: &BTreeMap<Place, i64>, organisation: &str) -> BTreeMap<&str, Vec<(&Segment, i64)>> {
        let mut best: BTreeMap<&str, (&Segment, i64)> = BTreeMap::new();
        let theirs = self.free.iter().filter(|(place, (.., owner))| owner == organisation && !self.troubled.contains(&place.0));
        for (place, (_, segment, _)) in theirs {
            let offer = best.entry(&place.0).or_insert((segment, 0));
            offer.1 = offer.1.max(free[place]);
        }
        let mut offers: BTreeMap<&str, Vec<(&Segment, i64)>> = BTreeMap::new();
        best.into_values().for_each(|offer| offers.entry(&offer.0.origin).or_default().push(offer));
        offers
    }
}

/// Everything that the ledger reads, instant by instant: what came in first, then what was decided on it.
fn instants(out: &Path) -> BTreeMap<i64, (Vec<Value>, Vec<Value>)> {
    let mut instants: BTreeMap<i64, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for topic in ["booking.events", "inventory.events", "flight.events.by-organisation", "disruption.by-leg"] {
        for line in lines(out, topic) {
            instants.entry(line["timestamp"].as_i64().unwrap()).or_default().0.push(line);
        }
    }
    for line in lines(out, "reaccommodation") {
        instants.entry(line["timestamp"].as_i64().unwrap()).or_default().1.push(line);
    }
    instants
}

/// Walks a run; `check` sees what was decided at an instant, when all of it has been taken in.
pub(super) fn walk(out: &Path, check: impl Fn(i64, &Ledger, &[Value])) {
    let mut ledger = Ledger::default();
    for (at, (news, decided)) in instants(out) {
        news.iter().chain(&decided).for_each(|line| ledger.take(line));
        if !decided.is_empty() {
            check(at, &ledger, &decided);
        }
    }
}
