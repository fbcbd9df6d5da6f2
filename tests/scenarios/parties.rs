//! What came of each party: one outcome for all of it, told to each passenger once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::support::lines;
use super::{each, string};

fn passengers(booking: &Value) -> BTreeSet<String> {
    booking["passengers"].as_array().unwrap().iter().map(|person| string(&person["passenger"])).collect()
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
