//! The seven scenarios of the simulator, from flights and bookings to notices, held to what must be true of any day.
//!
//! ```text
//! simulate NAME --seed 1 ─► topics as files ─► golden counts
//!                                          └─► a second reading: who was placed where, seats, notices
//! ```
//!
//! The second reading ([`Ledger`]) knows the files only: bookings, the PSS's count of free seats, and what was said of each
//! party. It follows the seats by itself, and its search for a way on is plain. That search is cautious where the program
//! knows more (connecting times, late flights): it may miss a way, and never finds one that there is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;
use support::{lines, run_clean, scratch, text};

const SCENARIOS: [&str; 7] =
    ["normal", "technical", "airline", "cascading", "airport-congestion", "weather-at-hub", "network-wide"];
const HOUR: i64 = 3_600_000;
/// Longer than any airport's minimum connecting time.
const CONNECTION: i64 = 3 * HOUR;

/// One run of each scenario that all tests read.
fn runs() -> &'static BTreeMap<&'static str, tempfile::TempDir> {
    static RUNS: OnceLock<BTreeMap<&'static str, tempfile::TempDir>> = OnceLock::new();
    RUNS.get_or_init(|| {
        std::thread::scope(|scope| {
            let start = |name: &'static str| {
                scope.spawn(move || {
                    let out = scratch();
                    run_clean(&["simulate", name, "--seed", "1", "--out", &text(out.path())]);
                    (name, out)
                })
            };
            let running: Vec<_> = SCENARIOS.into_iter().map(start).collect();
            running.into_iter().map(|run| run.join().expect("a clean run")).collect()
        })
    })
}

fn each(check: impl Fn(&str, &Path)) {
    runs().iter().for_each(|(name, out)| check(name, out.path()));
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn passengers(booking: &Value) -> BTreeSet<String> {
    booking["passengers"].as_array().unwrap().iter().map(|person| string(&person["passenger"])).collect()
}

/// Counts by topic and type, and the last outcome of each journey by reason.
fn summary(out: &Path) -> String {
    let text = std::fs::read_to_string(out.join("summary.json")).unwrap();
    let counts: Value = serde_json::from_str(&text).unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines(out, "reaccommodation") {
        let value = &line["value"];
        let reason = if value["arrived_at"].is_null() { string(&value["reason"]) } else { "arrived".to_owned() };
        *outcomes.entry(format!("{}: {reason}", string(&value["outcome"]))).or_default() += 1;
    }
    let mut notices: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines(out, "notifications") {
        *notices.entry(string(&line["value"]["template"])).or_default() += 1;
    }
    let whole = serde_json::json!({ "topics": counts["topics"], "outcomes": outcomes, "notices": notices });
    serde_json::to_string_pretty(&whole).unwrap()
}

/// A change of these numbers is a change of behaviour: look at it, then `INSTA_UPDATE=always`.
#[test]
fn each_scenario_counts_what_it_counted() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("goldens/scenarios");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| each(|name, out| insta::assert_snapshot!(name, summary(out))));
}

#[test]
fn nothing_is_refused_and_nothing_is_late() {
    each(|name, out| {
        for topic in ["dead.letter.queue", "late.records"] {
            let refused = lines(out, topic);
            assert!(refused.is_empty(), "{name}: {} on {topic}, first {}", refused.len(), refused[0]);
        }
    });
}

// contract: S2-23
#[test]
fn every_party_of_a_cancelled_leg_has_one_outcome() {
    each(|name, out| {
        let mut ways: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for line in lines(out, "reaccommodation") {
            ways.entry(string(&line["key"])).or_default().push(line);
        }
        let events = lines(out, "passenger.events");
        let told: BTreeSet<_> = events.iter().map(|line| (string(&line["key"]), string(&line["value"]["kind"]))).collect();
        for (pnr, said) in &ways {
            for outcome in said.iter().map(|line| string(&line["value"]["outcome"])) {
                let heard = told.contains(&(pnr.clone(), outcome.clone())) || ["REFUNDED", "KEPT"].contains(&outcome.as_str());
                assert!(heard, "{name}: nobody of {pnr} heard {outcome}");
            }
            let when = |line: &Value| (line["timestamp"].as_i64(), line["value"]["segment"].as_i64());
            let at_once: BTreeSet<_> = said.iter().map(when).collect();
            assert_eq!(at_once.len(), said.len(), "{name}: {pnr} has two outcomes at once");
        }
        let hit = lines(out, "disruption.by-pnr").into_iter().filter(|line| line["value"]["pattern"] == "CANCELLATION");
        for line in hit {
            let pnr = string(&line["key"]);
            let said = ways.get(&pnr).unwrap_or_else(|| panic!("{name}: nothing for {pnr}: {line}"));
            let last = &said.last().expect("never empty")["value"];
            let known = ["REBOOKED", "REFUNDED", "UNPLACEABLE", "KEPT"].iter().any(|outcome| last["outcome"] == *outcome);
            assert!(known && last["reason"] != "", "{name}: {last}");
        }
    });
}

#[test]
fn parties_stay_whole() {
    each(|name, out| {
        let mut bookings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let said = lines(out, "reaccommodation").into_iter().chain(lines(out, "booking.events"));
        let mut said: Vec<Value> = said.collect();
        said.sort_by_key(|line| (line["timestamp"].as_i64(), line["type"] == "booking.reaccommodated"));
        for line in said {
            let (pnr, value) = (string(&line["key"]), &line["value"]);
            if line["type"] != "booking.reaccommodated" {
                let people = passengers(value);
                bookings
                    .entry(pnr)
                    .and_modify(|known| {
                        if !people.is_empty() {
                            known.clone_from(&people)
                        }
                    })
                    .or_insert(people);
                continue;
            }
            let moved: BTreeSet<String> = value["passengers"].as_array().unwrap().iter().map(string).collect();
            assert_eq!(Some(&moved), bookings.get(&pnr), "{name}: {line}");
        }
        let mut told: BTreeMap<(String, i64, String), BTreeSet<String>> = BTreeMap::new();
        for line in lines(out, "passenger.events").iter().filter(|line| line["type"] == "passenger.rebooked") {
            let (value, at) = (&line["value"], line["timestamp"].as_i64().unwrap());
            let key = (string(&line["key"]), at, value["segments"].to_string());
            assert!(told.entry(key).or_default().insert(string(&value["passenger"])), "{name}: twice {line}");
        }
        for ((pnr, ..), people) in told {
            assert_eq!(Some(&people), bookings.get(&pnr), "{name}: only some of {pnr} were told of the new way");
        }
    });
}

#[test]
fn nobody_is_told_one_thing_twice() {
    each(|name, out| {
        let mut told = BTreeSet::new();
        for line in lines(out, "notifications") {
            let value = &line["value"];
            let fact = (string(&line["key"]), string(&value["pnr"]), string(&value["template"]), string(&value["reason"]));
            assert!(told.insert(fact), "{name}: {line}");
        }
    });
}

/// Decision and status of each revision, by case and passenger; whether half of a sum was taken off.
fn decisions(out: &Path) -> BTreeMap<String, Vec<(String, String, bool)>> {
    let mut cases: BTreeMap<String, Vec<(String, String, bool)>> = BTreeMap::new();
    for line in lines(out, "passenger.events").into_iter().filter(|line| line["type"] == "passenger.rights.decided") {
        let value = &line["value"];
        let halved = value["eligible"] == true && value["reduction_percent"] == 50;
        let told = cases.entry(format!("{} {}", string(&value["id"]), string(&value["disruption"]))).or_default();
        told.push((string(&value["decision"]), string(&value["status"]), halved));
    }
    cases
}

/// The scenarios show decisions of every kind that flights and bookings alone can bring about, and their events; nothing
/// undetermined is ever called final.
// contract: S2-28 (in the pipeline)
#[test]
fn decisions_of_every_kind_are_shown() {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    each(|name, out| {
        for (case, told) in decisions(out) {
            let is_open = |(decision, ..): &&(String, String, bool)| decision == "undetermined";
            for (decision, status, halved) in &told {
                assert!(!(decision == "undetermined" && status == "final"), "{name}: {case}");
                seen.borrow_mut().insert(format!("{decision} {status}"));
                seen.borrow_mut().extend(halved.then(|| "reduced".to_owned()));
            }
            let settled = told.first().filter(is_open).and(told.last()).is_some_and(|(_, status, _)| status == "final");
            seen.borrow_mut().extend(settled.then(|| "undetermined, then final".to_owned()));
        }
        for line in lines(out, "passenger.events") {
            let value = &line["value"];
            let kind = string(&value["kind"]);
            let what = match kind.as_str() {
                "CARE_DUE" | "CHOICE_OFFERED" => string(&value["reason"]),
                "PAYMENT_DUE" => string(&value["claim"]),
                _ => continue,
            };
            seen.borrow_mut().insert(format!("{kind} {what}"));
        }
        for line in lines(out, "liability.legs") {
            let cliffs = line["value"]["cliffs"].as_array().unwrap().clone();
            seen.borrow_mut().extend(cliffs.iter().map(|cliff| format!("cliff {}", string(&cliff["kind"]))));
        }
    });
    let seen = seen.into_inner();
    let expected = [
        "CARE_DUE hotel, transport",
        "CARE_DUE meals, communications",
        "CHOICE_OFFERED refund",
        "CHOICE_OFFERED refund or re-routing",
        "PAYMENT_DUE COMPENSATION",
        "PAYMENT_DUE REFUND",
        "cliff CARE",
        "cliff COMPENSATION",
        "cliff LARGER_SUM",
        "cliff OVERNIGHT",
        "cliff REFUND",
        "eligible final",
        "eligible provisional",
        "not_eligible final",
        "not_eligible provisional",
        "reduced",
        "undetermined provisional",
        "undetermined, then final",
    ];
    let missing: Vec<&str> = expected.into_iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "not shown: {missing:?} in {seen:#?}");
}

/// What the network may lose is what its carriers may lose, and at the end what was decided.
#[test]
fn the_network_is_the_sum_of_its_carriers() {
    let minor = |value: &Value, field: &str| {
        let stakes = value["stakes"].as_array().unwrap().iter();
        stakes.map(|stake| (string(&stake["currency"]), stake[field].as_i64().unwrap())).collect::<BTreeMap<_, _>>()
    };
    each(|name, out| {
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for line in lines(out, "liability.totals") {
            last.insert(string(&line["key"]), line["value"].clone());
            let Some(network) = last.get("network").filter(|network| network["as_of"] == line["value"]["as_of"]) else {
                continue;
            };
            let mut sums: BTreeMap<String, i64> = BTreeMap::new();
            let carriers = last.iter().filter(|(scope, _)| *scope != "network");
            for (currency, sum) in carriers.flat_map(|(_, value)| minor(value, "due_minor")) {
                *sums.entry(currency).or_default() += sum;
            }
            let known = last.len() > 1 && line["key"] == "network";
            let network = minor(network, "due_minor");
            assert!(
                !known || network.iter().all(|(currency, sum)| sums.get(currency) == Some(sum)),
                "{name}: {line} is not {sums:?}"
            );
        }
        assert!(last.contains_key("network"), "{name}: no total");
    });
}

/// A leg and a cabin of it.
type Place = (String, String);

#[derive(Debug, Clone, PartialEq)]
struct Segment {
    leg: String,
    origin: String,
    destination: String,
    cabin: String,
    departure: i64,
    arrival: i64,
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

    fn place(&self) -> Place {
        (self.leg.clone(), self.cabin.clone())
    }
}

fn segments(value: &Value) -> Vec<Segment> {
    value["segments"].as_array().unwrap().iter().map(Segment::read).collect()
}

/// A booking, with the ways on that stand instead of parts of it, by the last booked segment that they replace.
#[derive(Debug, Default, Clone)]
struct Party {
    seats: i64,
    booked: Vec<Segment>,
    ways: BTreeMap<usize, (usize, Vec<Segment>)>,
}

impl Party {
    /// Seats beyond the PSS's count: taken on new legs, given back on those that were left.
    fn beyond(&self) -> BTreeMap<Place, i64> {
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
struct Ledger {
    parties: BTreeMap<String, Party>,
    /// Free by the PSS, the segment it is, and whose to give.
    free: BTreeMap<Place, (i64, Segment, String)>,
    /// Legs of which anything but the timetable was heard.
    troubled: BTreeSet<String>,
    /// When those legs are, or were, at their gate; none for one that was diverted.
    arrivals: BTreeMap<String, Option<i64>>,
    cancelled: BTreeSet<String>,
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
    fn now_free(&self) -> BTreeMap<Place, i64> {
        let mut free: BTreeMap<Place, i64> = self.free.iter().map(|(place, (count, ..))| (place.clone(), *count)).collect();
        for (place, seats) in self.parties.values().flat_map(Party::beyond) {
            *free.entry(place).or_default() -= seats;
        }
        free
    }

    /// An organisation's legs by airport of departure that fly by the timetable, with the most seats that any of their cabins
    /// has.
    fn offers(&self, free: &BTreeMap<Place, i64>, organisation: &str) -> BTreeMap<&str, Vec<(&Segment, i64)>> {
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
fn walk(out: &Path, check: impl Fn(i64, &Ledger, &[Value])) {
    let mut ledger = Ledger::default();
    for (at, (news, decided)) in instants(out) {
        news.iter().chain(&decided).for_each(|line| ledger.take(line));
        if !decided.is_empty() {
            check(at, &ledger, &decided);
        }
    }
}

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
