//! Real departures and arrivals: every passenger flight of a board, in or out of scope, by its operating carrier.
//!
//! Reads `$SLIPSTREAM_DATA/yyz-2024` (Toronto Pearson, 70 days of 2024) and passes over where that is not at hand. The board
//! gives one row a flight, with the numbers it is also sold under in a column: those are counted and never decided twice.
//! What the law says of each row is worked out a second time from the country and a list of carriers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::ask::ask;

/// Countries and overseas regions of the territory, as the board writes them.
const TERRITORY: &str = "AUT BEL BGR HRV CYP CZE DNK EST FIN FRA DEU GRC HUN IRL ITA LVA LTU LUX MLT NLD POL PRT ROU SVK SVN ESP \
                         SWE NOR ISL LIE CHE GLP MTQ GUF REU MYT MAF";
/// Carriers on the board with a licence of the EU, the EEA or Switzerland: TAP, KLM, LOT, Air France, Lufthansa, Icelandair,
/// Azores Airlines, Aer Lingus, Condor, ITA, Swiss, SAS, Neos, TUI fly Netherlands, Smartwings.
const COMMUNITY: &str = "TP KL LO AF LH FI S4 EI DE AZ LX SK NO TF QS";
/// And the one with a licence of the United Kingdom.
const BRITISH: &str = "BA";

/// One flight of the board.
struct Movement {
    key: String,
    arrives: bool,
    day: String,
    carrier: String,
    codeshares: BTreeSet<String>,
    number: String,
    /// The other airports in the order they are flown.
    others: Vec<String>,
    /// Where the far end lies.
    country: String,
}

impl Movement {
    fn case(&self) -> Value {
        let mut route: Vec<&str> = self.others.iter().map(String::as_str).collect();
        route.insert(if self.arrives { route.len() } else { 0 }, "YYZ");
        json!({
            "id": self.key, "as_of": self.day, "origin": route[0], "destination": route[route.len() - 1],
            "via": route[1..route.len() - 1], "operating_carrier": self.carrier, "event": "delay", "dep_delay_min": 300,
            "arr_delay_min_final": 300, "cause": "technical_fault", "overnight_wait": false,
            "passenger": {"confirmed_reservation": true, "presented_on_time": true},
        })
    }

    /// The regimes by hand: from the territory always, into it on its carriers; the other end is what counts.
    fn regimes(&self) -> BTreeSet<&'static str> {
        let (european, british) = (holds(TERRITORY, &self.country), self.country == "GBR");
        let (own, uk) = (holds(COMMUNITY, &self.carrier), holds(BRITISH, &self.carrier));
        let eu = european && (self.arrives || own);
        // The United Kingdom counts licences of the Union alone, and its own carriers into the Union too.
        let of_union = own && !holds("FI LX", &self.carrier);
        let into_union = european && !holds("NOR ISL LIE CHE", &self.country);
        let kingdom = (british && (self.arrives || uk || of_union)) || (into_union && !self.arrives && uk);
        [(eu, "EU261"), (kingdom, "UK261")].into_iter().filter(|(covers, _)| *covers).map(|(_, name)| name).collect()
    }
}

fn holds(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|entry| entry == word)
}

/// The board's file, where it is at hand.
#[expect(clippy::disallowed_methods, reason = "an evaluation on data that is not ours to keep")]
fn board() -> Option<String> {
    let folder = std::env::var_os("SLIPSTREAM_DATA")?;
    let path = std::path::Path::new(&folder).join("yyz-2024/movements-2024-08-12--2024-10-20.csv.gz");
    let mut text = String::new();
    GzDecoder::new(&*std::fs::read(path).ok()?).read_to_string(&mut text).ok().map(|_| text)
}

/// The flights that carry passengers (service types J and C).
fn movements(text: &str) -> Vec<Movement> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let passengers = rows.iter().filter(|row| ["J", "C"].contains(&row["service_type"].as_str()));
    let by_itself = |row: &&BTreeMap<String, String>| !row["other_airports"].contains(' ');
    let country = |row: &BTreeMap<String, String>| (row["other_airports"].clone(), row["other_country"].clone());
    let countries: BTreeMap<String, String> = rows.iter().filter(by_itself).map(country).collect();
    // The board names the country of the first airport, which on a departure with stops is not the far end.
    let far = |row: &BTreeMap<String, String>| row["other_airports"].split(' ').next_back().unwrap_or_default().to_owned();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let movement = |row: &BTreeMap<String, String>| Movement {
        key: row["source_key"].clone(),
        arrives: row["direction"] == "ARR",
        day: row["sched_local"][..10].to_owned(),
        carrier: row["flight_iata"][..2].to_owned(),
        codeshares: words(&row["codeshares"]).into_iter().collect(),
        number: row["flight_iata"].clone(),
        others: words(&row["other_airports"]),
        country: match countries.get(&far(row)) {
            Some(country) if row["direction"] == "DEP" => country.clone(),
            _ => row["other_country"].clone(),
        },
    };
    passengers.map(movement).collect()
}

#[derive(Debug, Default)]
struct Tally {
    regimes: BTreeMap<String, usize>,
    in_scope_by_carrier: BTreeMap<String, usize>,
    unknown_carriers: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

fn classify(movements: &[Movement]) -> Tally {
    let mut tally = Tally::default();
    for movement in movements {
        let answer = ask(&movement.case());
        let word = |value: &Value| value.as_str().unwrap_or("NONE").to_owned();
        let primary = word(&answer["regime"]);
        let also = answer["also_applicable"].as_array().into_iter().flatten().map(word);
        let found: BTreeSet<String> = also.chain([primary.clone()]).filter(|name| name != "NONE").collect();
        let open = answer["decision"] == "undetermined";
        if open {
            *tally.unknown_carriers.entry(movement.carrier.clone()).or_default() += 1;
        } else if !movement.regimes().iter().eq(&found) {
            tally.wrong.push(format!("{} {}: {found:?}, by hand {:?}", movement.key, movement.carrier, movement.regimes()));
        }
        if primary != "NONE" {
            *tally.in_scope_by_carrier.entry(movement.carrier.clone()).or_default() += 1;
        }
        *tally.regimes.entry(if open { "undetermined".to_owned() } else { primary }).or_default() += 1;
    }
    tally
}

#[test]
fn every_flight_of_a_real_board_is_in_or_out_of_scope_once() {
    let Some(text) = board() else {
        eprintln!("passed over: SLIPSTREAM_DATA does not name the folder that holds yyz-2024/");
        return;
    };
    let movements = movements(&text);
    let keys: BTreeSet<&str> = movements.iter().map(|movement| &*movement.key).collect();
    assert_eq!(keys.len(), movements.len(), "each flight stands once");
    let sold_as: usize = movements.iter().map(|movement| movement.codeshares.len()).sum();
    assert!(movements.iter().all(|movement| !movement.codeshares.contains(&movement.number)), "no flight shares its own code");

    let tally = classify(&movements);
    println!("{} flights, also sold under {sold_as} other numbers: {:?}", movements.len(), tally.regimes);
    println!("in scope by operating carrier: {:?}", tally.in_scope_by_carrier);
    println!("carriers whose licence is not known, where it decides: {:?}", tally.unknown_carriers);
    assert_eq!(tally.regimes.values().sum::<usize>(), movements.len(), "each flight is classified once");
    let shown = tally.wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(tally.wrong.is_empty(), "{} flights differ:\n{shown}", tally.wrong.len());
}
