//! Who is on one flight by its passenger list, as far as the pipeline may know it.
//!
//!     name items ─► one seat a passenger: cabin, destination, services, age group ─► Traveller, under a pseudonym
//!
//! Names live here only, in memory, to match a change with whom it changes; they are in no record, message or `Debug`. Of the elements only
//! service codes of [`SERVICES`] leave this file: a code that is not among them could be anything, a part of a name too.
//! A pseudonym is made of the locator and the place at which a name first came up under it: it says nothing of the name.

use std::collections::BTreeMap;

use slipstream_schemas::ids::{Airport, Organisation, Passenger, Pnr};
use slipstream_schemas::records::{AgeGroup, Cabin, Tier, Traveller};
use slipstream_streams::record::derive_id;

use crate::messages::pnl::{Action, Name, Part, Total};
use crate::refusals::Fault;

/// IATA SSR codes of services: assistance, company, animals, seats, meals.
const SERVICES: &[&str] = &[
    "WCHR", "WCHS", "WCHC", "WCOB", "WCMP", "WCBD", "WCBW", "BLND", "DEAF", "DPNA", "MAAS", "MEDA", "STCR", "UMNR", "YPTA",
    "PETC", "AVIH", "SVAN", "ESAN", "EXST", "BSCT", "CBBG", "AVML", "BBML", "BLML", "CHML", "DBML", "FPML", "GFML", "HNML",
    "KSML", "LCML", "LFML", "LSML", "MOML", "NLML", "SFML", "SPML", "VGML", "VJML", "VLML", "VOML",
];

/// One passenger of a flight.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seat {
    /// Told apart from others under the same locator; never leaves this module.
    name: String,
    pub(super) to: Airport,
    pub(super) cabin: Cabin,
    age_group: AgeGroup,
    services: Vec<String>,
    infants: u32,
}

/// The passengers of one flight by locator.
#[derive(Clone, Default)]
pub(super) struct Roster(pub(super) BTreeMap<Pnr, Vec<Seat>>);

impl Roster {
    /// Takes in one part of a list. What cannot be used is said by its number, without a word of it.
    pub(super) fn take(&mut self, part: &Part) -> Vec<Fault> {
        let mut wrong = Wrong::default();
        for total in &part.totals {
            let Ok(to) = total.to.parse::<Airport>() else { continue };
            let cabin = cabin(total, &part.headings);
            for name in &total.names {
                match name.locator.as_deref().and_then(|locator| locator.parse::<Pnr>().ok()) {
                    Some(pnr) => self.change(pnr, name, to, cabin, &mut wrong),
                    None => wrong.locators += 1,
                }
            }
        }
        wrong.faults()
    }

    fn change(&mut self, pnr: Pnr, name: &Name, to: Airport, cabin: Cabin, wrong: &mut Wrong) {
        let held = self.0.entry(pnr).or_default();
        let known = |seat: &Seat, held: &[Seat]| held.iter().position(|other| other.name == seat.name);
        for seat in seats(name, to, cabin) {
            match (name.action, known(&seat, held)) {
                (Some(Action::Del), Some(at)) => drop(held.remove(at)),
                (Some(Action::Del), None) => wrong.strangers += 1,
                (Some(Action::Chg | Action::Add), Some(at)) => held[at] = seat,
                (None, Some(_)) => held.push(Seat { name: format!("{}/{}", seat.name, held.len()), ..seat }),
                (_, None) => held.push(seat),
            }
        }
        self.0.retain(|_, seats| !seats.is_empty());
    }
}

/// What of a part could not be used.
#[derive(Default)]
struct Wrong {
    locators: u32,
    strangers: u32,
}

impl Wrong {
    fn faults(self) -> Vec<Fault> {
        let count = |field, count: u32, what: &str| (count > 0).then(|| Fault::new(field, format_args!("{count} {what}")));
        let locators = count("locator", self.locators, "names without a locator of six letters or digits; they are left out");
        let strangers = count("DEL", self.strangers, "names to be taken off that are not on the list");
        locators.into_iter().chain(strangers).collect()
    }
}

/// One seat for each passenger of a name item.
fn seats(name: &Name, to: Airport, cabin: Cabin) -> Vec<Seat> {
    let passengers = usize::try_from(name.count).unwrap_or(usize::MAX);
    let one = |nth: usize| Seat {
        name: format!("{}/{}", name.surname, name.given.get(nth).map_or_else(|| format!("/{nth}"), Clone::clone)),
        to,
        cabin,
        age_group: AgeGroup::Adult,
        services: Vec::new(),
        infants: 0,
    };
    let mut seats: Vec<Seat> = (0..passengers).map(one).collect();
    for element in name.elements.iter().filter(|element| element.code == "R") {
        serve(&mut seats, &element.text);
    }
    seats
}

/// An SSR element, such as `WCHR HK1` or `WCHR HK1-1NOWAK/JANMR`: for the passenger it names, else for as many as it counts.
fn serve(seats: &mut [Seat], text: &str) {
    let (service, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (status, whom) = rest.split_once('-').unwrap_or((rest, ""));
    let count = status.trim().trim_start_matches(|c: char| c.is_ascii_uppercase()).parse().unwrap_or(1);
    let whom = whom.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
    let named = seats.iter().position(|seat| !whom.is_empty() && seat.name == whom);
    let first = named.unwrap_or(0);
    let count: usize = if named.is_some() { 1 } else { count };
    for seat in seats.iter_mut().skip(first).take(count) {
        match service {
            "CHLD" => seat.age_group = AgeGroup::Child,
            "INFT" => seat.infants = 1,
            known if SERVICES.contains(&known) && !seat.services.iter().any(|other| other == known) => {
                seat.services.push(known.to_owned());
            }
            _ => {}
        }
        if service == "UMNR" {
            seat.age_group = AgeGroup::Child;
        }
    }
}

/// The cabin of a class, by the list's own table of booking classes (`RBD C/CDZ Y/YBMHQK`) where it has one.
fn cabin(total: &Total, headings: &[String]) -> Cabin {
    let tables = headings.iter().filter_map(|line| line.strip_prefix("RBD "));
    let mut rows = tables.flat_map(str::split_ascii_whitespace).filter_map(|row| row.split_once('/'));
    let compartment = rows.find(|(_, classes)| classes.contains(total.class)).and_then(|(cabin, _)| cabin.chars().next());
    match compartment.unwrap_or(total.class) {
        'F' | 'A' | 'P' => Cabin::First,
        'C' | 'J' | 'D' | 'Z' | 'I' => Cabin::Business,
        'W' => Cabin::PremiumEconomy,
        _ => Cabin::Economy,
    }
}

/// The names that have come up under each locator, in order.
#[derive(Default)]
pub(super) struct People(BTreeMap<Pnr, Vec<String>>);

impl People {
    /// The passengers of a booking: each who sits on one of its flights, once, and the infants on their laps.
    pub(super) fn travellers(&mut self, organisation: Organisation, pnr: Pnr, flights: &[&[Seat]]) -> Vec<Traveller> {
        let names = self.0.entry(pnr).or_default();
        let mut found: BTreeMap<usize, Traveller> = BTreeMap::new();
        for seat in flights.iter().flat_map(|seats| seats.iter()) {
            let nth = ordinal(names, &seat.name);
            found.extend(traveller(organisation, pnr, nth, seat.age_group, &seat.services));
            if seat.infants > 0 {
                let lap = ordinal(names, &format!("{}/INF", seat.name));
                found.extend(traveller(organisation, pnr, lap, AgeGroup::Infant, &[]));
            }
        }
        found.into_values().collect()
    }

    /// Forgets a booking.
    pub(super) fn forget(&mut self, pnr: Pnr) {
        self.0.remove(&pnr);
    }
}

fn ordinal(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

fn traveller(
    organisation: Organisation,
    pnr: Pnr,
    nth: usize,
    age_group: AgeGroup,
    services: &[String],
) -> Option<(usize, Traveller)> {
    let parts: [&[u8]; 4] = [b"list", organisation.as_str().as_bytes(), pnr.as_str().as_bytes(), &nth.to_be_bytes()];
    let passenger = derive_id(&parts).to_string().parse::<Passenger>().ok()?;
    let traveller = Traveller {
        passenger,
        age_group,
        tier: Tier::None,
        ssr: services.to_vec(),
        language: "en".to_owned(),
        channel: "email".to_owned(),
        contact: None,
    };
    Some((nth, traveller))
}
