//! Reads a case into what is known and, for each fact that is not, everything that it may be.
//!
//! An unknown fact is a list of edits to a world, one for each value that some article tells apart from the others.

use serde_json::Value;

use super::articles::Ruling;
use super::atlas::{Day, Place, place};
use super::causes::EXTRAORDINARY;
use super::licences::licences;
use super::world::{Event, Flown, Nature, Offer, Part, Passenger, World};

/// Sets one fact of a world.
type Edit = Box<dyn Fn(&mut World)>;

/// A fact that the case leaves open.
struct Open {
    key: &'static str,
    values: Vec<Edit>,
}

/// A case: the frame holds what is known, the rest is open.
pub(super) struct Story {
    frame: World,
    open: Vec<Open>,
}

/// Reading helpers: absent and null are the same.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.0[key].as_i64()
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.0[key].as_bool()
    }

    fn is(&self, key: &str) -> bool {
        self.flag(key) == Some(true)
    }

    fn day(&self) -> Option<Day> {
        self.text("as_of").map(|date| date.replace('-', "").parse().unwrap())
    }

    fn event(&self) -> Option<Event> {
        Some(match self.text("event")? {
            "delay" => Event::Delay,
            "cancellation" if self.is("flight_operated") => Event::DeniedBoarding,
            "cancellation" => Event::Cancellation,
            "denied_boarding" => Event::DeniedBoarding,
            "downgrade" if self.text("direction") == Some("upgrade") => Event::Upgrade,
            "downgrade" => Event::Downgrade,
            "diversion" => Event::Diversion,
            "advance" => Event::Advance,
            other => panic!("the oracle knows no event {other}"),
        })
    }

    /// Minutes after the booked arrival: as said, or by the door, or by the sum over a retiming.
    fn arrival_delay(&self) -> Option<i64> {
        let instant = |key: &str| self.0["times"][key].as_str().map(|text| text.parse::<jiff::Timestamp>().unwrap().as_second());
        let by_the_door = || Some((instant("door_open")? - instant("sched_arr")?).div_euclid(60));
        let over_a_retiming = || Some(self.number("retimed_by_min")? + self.number("delay_vs_retimed_schedule_min")?);
        self.number("arr_delay_min_final").or_else(by_the_door).or_else(over_a_retiming)
    }

    /// The agent's knowledge is not the passenger's (C-302/16).
    fn notice(&self) -> Option<i64> {
        self.number("notice_days").or_else(|| self.number("notice_to_agent_days").map(|_| 0))
    }

    fn passenger(&self) -> Passenger {
        let said = Case(&self.0["passenger"]);
        let fare = said.text("fare").unwrap_or("public");
        Passenger {
            pays_a_public_fare: !["staff_id", "free"].contains(&fare),
            confirmed: said.flag("confirmed_reservation") != Some(false),
            presented: said.flag("presented_on_time") != Some(false),
            volunteered: said.is("volunteered"),
            documents_valid: said.flag("documents_valid") != Some(false),
            rebooked_in_time: said.is("self_rebooked") && said.number("own_arrival_delay_min").is_some_and(|late| late < 180),
            tour_called_off: fare == "package" && self.text("cause") == Some("tour_cancelled_for_other_reason"),
        }
    }
}

impl Story {
    pub(super) fn read(case: &Value) -> Self {
        let case = Case(case);
        let mut open = Vec::new();
        let parts = causes(&case, &mut open);
        let frame = World {
            day: case.day().unwrap_or_default(),
            origin: case.text("origin").and_then(place).unwrap_or(anywhere()),
            destination: case.text("destination").and_then(place).unwrap_or(anywhere()),
            direct: case.0["via"].as_array().is_none_or(Vec::is_empty) && case.0["legs"].is_null(),
            flown: Vec::new(),
            fixed_wing: case.text("aircraft_type") != Some("helicopter"),
            benefits_abroad: case.is("third_country_compensation_and_assistance_received"),
            event: case.event().unwrap_or(Event::Delay),
            arrival_delay: case.arrival_delay().unwrap_or_default(),
            actual_arrival: case.arrival_delay(),
            advanced_by: case.number("advance_min").unwrap_or_default(),
            notice_days: case.notice().unwrap_or_default(),
            offer: offer(&case.0["reroute"]),
            ground: case.text("cause").unwrap_or_default().to_owned(),
            parts,
            measures_proved: case.is("reasonable_measures_proved"),
            link_proved: case.is("direct_causal_link_proved"),
            earlier_rotation: case.is("prior_rotation"),
            passenger: case.passenger(),
            price_cents: cents(&case.0["segment_price"]),
            departure_delay: case.number("dep_delay_min"),
            overnight: case.flag("overnight_wait"),
            other_region: case.flag("same_city_region") == Some(false),
            took_refund: case.text("passenger_choice") == Some("refund"),
        };
        let mut story = Self { frame, open };
        story.fly(&case);
        story.leave_open(&case);
        story
    }

    /// Who flew what: each leg by its own carrier, else everything by the one at the top.
    fn fly(&mut self, case: &Case<'_>) {
        let at = |code: &Value| code.as_str().and_then(place);
        let mut stretches: Vec<(Vec<&'static Place>, Vec<_>)> = Vec::new();
        if let Some(legs) = case.0["legs"].as_array() {
            stretches.extend(legs.iter().map(|leg| (at(&leg["to"]).into_iter().collect(), licences(leg))));
        } else {
            let via = case.0["via"].as_array().into_iter().flatten().filter_map(at);
            stretches.push((via.chain(at(&case.0["destination"])).collect(), licences(case.0)));
        }
        for (number, (landed, possible)) in stretches.into_iter().enumerate() {
            self.frame.flown.push(Flown { landed, licence: possible[0] });
            if possible.len() > 1 {
                let set = |licence| -> Edit { Box::new(move |world| world.flown[number].licence = licence) };
                self.open.push(Open { key: "carrier_licence_country", values: possible.into_iter().map(set).collect() });
            }
        }
    }

    /// Everything that is not known, and what it may be.
    fn leave_open(&mut self, case: &Case<'_>) {
        let event = case.event();
        let of = |events: &[Event]| event.is_none_or(|event| events.contains(&event));
        let (late, gone) = (of(&[Event::Delay, Event::Diversion]), of(&[Event::Cancellation, Event::DeniedBoarding]));
        if case.0["origin"].is_null() {
            self.leave("origin", [anywhere(), known("LHR"), known("JFK")], |world, at| world.origin = at);
        }
        if case.0["destination"].is_null() {
            self.leave("destination", [anywhere(), known("LHR"), known("JFK")], set_destination);
        }
        if case.day().is_none() {
            self.leave("as_of", [20_040_601, 20_100_601, 20_240_601, 20_280_601], |world, day| world.day = day);
        }
        if event.is_none() {
            let events = [Event::Delay, Event::Cancellation, Event::DeniedBoarding, Event::Downgrade];
            self.leave("event", events, |world, event| world.event = event);
        }
        if late && case.arrival_delay().is_none() {
            self.leave("arr_delay_min_final", [0, 180, 240, 600, 100_000], |world, late| world.arrival_delay = late);
        }
        if of(&[Event::Cancellation, Event::Advance]) && case.notice().is_none() {
            self.leave("notice_days", [0, 7, 14], |world, days| world.notice_days = days);
        }
        if gone && case.0["reroute"].is_null() {
            self.leave("reroute", every_offer(), |world, offer| world.offer = offer);
        }
        self.leave_the_proofs(case);
    }

    fn leave_the_proofs(&mut self, case: &Case<'_>) {
        let passenger = Case(&case.0["passenger"]);
        let event = case.event();
        if case.flag("reasonable_measures_proved").is_none() {
            self.leave("reasonable_measures_proved", [true, false], |world, proved| world.measures_proved = proved);
        }
        if case.is("prior_rotation") && case.flag("direct_causal_link_proved").is_none() {
            self.leave("direct_causal_link_proved", [true, false], |world, proved| world.link_proved = proved);
        }
        if passenger.flag("confirmed_reservation").is_none() {
            self.leave("passenger.confirmed_reservation", [true, false], |world, is| world.passenger.confirmed = is);
        }
        if event.is_none_or(|event| event == Event::DeniedBoarding) && passenger.flag("presented_on_time").is_none() {
            self.leave("passenger.presented_on_time", [true, false], |world, is| world.passenger.presented = is);
        }
        if event == Some(Event::Downgrade) && case.0["segment_price"].is_null() {
            self.leave("segment_price", [10_000, 20_000], |world, cents| world.price_cents = cents);
        }
    }

    fn leave<T: Copy + 'static>(&mut self, key: &'static str, values: impl IntoIterator<Item = T>, set: fn(&mut World, T)) {
        let edit = |value: T| -> Edit { Box::new(move |world| set(world, value)) };
        self.open.push(Open { key, values: values.into_iter().map(edit).collect() });
    }

    /// Both ends, and what happened between them.
    pub(super) fn knows_the_journey(&self) -> bool {
        !self.open.iter().any(|open| ["origin", "destination", "event"].contains(&open.key))
    }

    pub(super) fn knows_the_carrier(&self) -> bool {
        !self.open.iter().any(|open| open.key == "carrier_licence_country")
    }

    /// Every combination of the open facts, the first fact turning fastest.
    pub(super) fn picks(&self) -> Vec<Vec<usize>> {
        let mut picks = vec![Vec::new()];
        for open in &self.open {
            let longer =
                |value| picks.iter().map(move |pick: &Vec<usize>| pick.iter().copied().chain([value]).collect::<Vec<_>>());
            picks = (0..open.values.len()).flat_map(longer).collect();
        }
        picks
    }

    pub(super) fn world(&self, pick: &[usize]) -> World {
        let mut world = self.frame.clone();
        for (open, value) in self.open.iter().zip(pick) {
            open.values[*value](&mut world);
        }
        world
    }

    /// The keys of the facts that decide: two worlds that differ in this fact alone are ruled differently.
    pub(super) fn deciding(&self, picks: &[Vec<usize>], rulings: &[Ruling]) -> Vec<&'static str> {
        let mut stride = 1;
        let mut keys = Vec::new();
        for (fact, open) in self.open.iter().enumerate() {
            let first = |index: &usize| index - picks[*index][fact] * stride;
            if (0..picks.len()).any(|index| !rulings[index].same_answer(&rulings[first(&index)])) {
                keys.push(open.key);
            }
            stride *= open.values.len();
        }
        keys.sort_unstable();
        keys.dedup();
        let dated = !self.open.iter().any(|open| open.key == "as_of");
        if dated && rulings.iter().any(Ruling::lacks_a_text) {
            keys.push("ruleset EU261@2027-10-23");
        }
        keys
    }
}

fn anywhere() -> &'static Place {
    known("BRU")
}

fn known(code: &str) -> &'static Place {
    place(code).unwrap()
}

fn set_destination(world: &mut World, at: &'static Place) {
    world.destination = at;
    if let Some(last) = world.flown.last_mut() {
        last.landed.push(at);
    }
}

fn cents(price: &Value) -> i64 {
    let Some(units) = price.as_f64() else { return 0 };
    (units * 100.0).round() as i64
}

fn offer(said: &Value) -> Offer {
    let minutes = |key: &str| said[key].as_i64();
    match (said["offered"].as_bool(), minutes("dep_offset_min"), minutes("arr_delay_min")) {
        (Some(true), Some(departs), Some(arrives)) => Offer::Flight { departs, arrives },
        _ => Offer::Nothing,
    }
}

/// One offer for each cell of the tables of Articles 5 and 7(2).
fn every_offer() -> Vec<Offer> {
    let flights = [0, -90, -180]
        .into_iter()
        .flat_map(|departs| [60, 120, 150, 200, 240, 300].into_iter().map(move |arrives| Offer::Flight { departs, arrives }));
    flights.chain([Offer::Nothing]).collect()
}

/// The parts of the delay with the nature of each; what has no settled nature is left open.
fn causes(case: &Case<'_>, open: &mut Vec<Open>) -> Vec<Part> {
    let breakdown = case.0["delay_breakdown"].as_array().filter(|parts| !parts.is_empty());
    let whole = vec![(case.text("cause"), None)];
    let named =
        breakdown.map_or(whole, |parts| parts.iter().map(|part| (part["cause"].as_str(), part["minutes"].as_i64())).collect());
    let mut parts = Vec::new();
    for (number, (cause, minutes)) in named.into_iter().enumerate() {
        let settled = if case.is("carrier_contributed_to_event") { Ok(Nature::Inherent) } else { nature(case, cause) };
        if let Err(key) = settled {
            // Of a part it is the breakdown that is not complete.
            let key = if minutes.is_some() && key == "cause" { "delay_breakdown" } else { key };
            let set = |nature| -> Edit { Box::new(move |world| world.parts[number].nature = nature) };
            open.push(Open { key, values: [Nature::Inherent, Nature::Extraordinary].map(set).into() });
        }
        parts.push(Part { nature: settled.unwrap_or(Nature::Inherent), minutes });
    }
    parts
}

/// The nature of a cause by itself, or the key of the fact that would settle it.
fn nature(case: &Case<'_>, cause: Option<&str>) -> Result<Nature, &'static str> {
    match cause {
        Some("mixed") if matches!(case.event(), None | Some(Event::Delay | Event::Diversion)) => Err("delay_breakdown"),
        None | Some("unknown" | "airport_curfew" | "mixed") => Err("cause"),
        Some("hidden_manufacturing_defect") => match case.flag("defect_confirmed_by_manufacturer_or_authority") {
            Some(true) => Ok(Nature::Extraordinary),
            Some(false) => Ok(Nature::Inherent),
            None => Err("defect_confirmed_by_manufacturer_or_authority"),
        },
        Some(cause) if EXTRAORDINARY.contains(&cause) => Ok(Nature::Extraordinary),
        Some(_) => Ok(Nature::Inherent),
    }
}
