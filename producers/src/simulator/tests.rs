//! What every generated scenario must hold, judged from its records alone, as a consumer sees them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use slipstream_schemas::ids::{Airport, Leg, Tail};
use slipstream_schemas::records::{
    AgeGroup, Boarding, Booking, BookingKind, Cabin, CarrierProof, FlightKind, FlightObservation, Inventory, WeatherReport,
};
use slipstream_schemas::wire::Wire;

use super::network::{airline, station};
use super::*;

/// The records of a scenario, decoded.
struct World {
    records: Vec<Record>,
    summary: Summary,
    /// Observations of each leg with their stamps, in order.
    legs: BTreeMap<Leg, Vec<(i64, FlightObservation)>>,
    bookings: Vec<(i64, Booking)>,
    inventory: Vec<(i64, Inventory)>,
    weather: Vec<(i64, WeatherReport)>,
}

fn drain(scenario: &Scenario, seed: u64) -> (Vec<Record>, Summary) {
    let mut simulator = Simulator::new(scenario, seed).unwrap();
    let summary = simulator.summary().clone();
    let mut records = Vec::new();
    while let Some(record) = simulator.next().unwrap() {
        records.push(record);
    }
    (records, summary)
}

fn simulate(scenario: &Scenario, seed: u64) -> World {
    let (records, summary) = drain(scenario, seed);
    let mut world =
        World { summary, legs: BTreeMap::new(), bookings: vec![], inventory: vec![], weather: vec![], records: vec![] };
    for record in &records {
        let body = record.body.as_deref().unwrap();
        match record.topic {
            topics::FLIGHT_OBSERVATIONS => {
                let seen = FlightObservation::from_bytes(body).unwrap();
                assert_eq!(&*record.key, format!("{}{}", seen.carrier, seen.number));
                world.legs.entry(leg_of(&seen)).or_default().push((record.timestamp, seen));
            }
            topics::BOOKING_EVENTS => {
                let booking = Booking::from_bytes(body).unwrap();
                assert_eq!(&*record.key, booking.pnr.as_str());
                world.bookings.push((record.timestamp, booking));
            }
            topics::INVENTORY_EVENTS => {
                let inventory = Inventory::from_bytes(body).unwrap();
                assert_eq!(&*record.key, inventory.organisation.as_str());
                world.inventory.push((record.timestamp, inventory));
            }
            topics::EXTERNAL_DATA => {
                let report = WeatherReport::from_bytes(body).unwrap();
                assert_eq!(&*record.key, report.airport.as_str());
                world.weather.push((record.timestamp, report));
            }
            topics::BOARDING_EVENTS => boarding_is_sound(&world, record, &Boarding::from_bytes(body).unwrap()),
            topics::CARRIER_PROOFS => assert_eq!(&*record.key, CarrierProof::from_bytes(body).unwrap().leg.to_string()),
            other => panic!("a record on {other}"),
        }
    }
    world.records = records;
    world
}

/// Whole parties give way, on legs that they booked.
fn boarding_is_sound(world: &World, record: &Record, boarding: &Boarding) {
    assert_eq!(&*record.key, boarding.pnr.as_str());
    let (_, booking) = world.bookings.iter().find(|(_, booking)| booking.pnr == boarding.pnr).unwrap();
    assert!(booking.segments.iter().any(|segment| segment.leg == boarding.leg), "{boarding:?}");
    assert_eq!(booking.passengers.len(), boarding.passengers.len(), "{boarding:?}");
}

fn leg_of(seen: &FlightObservation) -> Leg {
    Leg {
        carrier: seen.carrier,
        number: seen.number,
        suffix: seen.suffix,
        date: seen.date.unwrap(),
        origin: seen.origin,
        destination: seen.destination,
        repeat: 0,
    }
}

fn small(name: &str) -> Scenario {
    Scenario { passengers: 600, ..Scenario::load(name).unwrap() }
}

fn find(seen: &[(i64, FlightObservation)], kind: FlightKind) -> Option<&(i64, FlightObservation)> {
    seen.iter().find(|(_, one)| one.kind == kind)
}

fn at(seen: &[(i64, FlightObservation)], kind: FlightKind) -> Option<i64> {
    find(seen, kind).and_then(|(_, one)| one.at)
}

fn happens(kind: FlightKind) -> bool {
    use FlightKind as K;
    matches!(kind, K::Out | K::Off | K::On | K::In | K::Cancelled | K::Diverted)
}

fn positioning(leg: &Leg) -> bool {
    leg.number >= 8000
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    // contract: S2-24
    #[test]
    fn any_seed_of_any_scenario_is_consistent(seed in any::<u64>(), name in proptest::sample::select(Scenario::names().collect::<Vec<_>>())) {
        let world = simulate(&small(name), seed);
        envelopes_are_sound(&world);
        world.legs.iter().for_each(|(leg, seen)| leg_is_sound(leg, seen));
        aircraft_never_jump(&world);
        seats_add_up(&world);
        bookings_can_be_travelled(&world);
        weather_is_regular(&world);
    }
}

/// A slot that passes before the aircraft is there.
#[test]
fn nobody_estimates_the_past() {
    let world = simulate(&small("airport-congestion"), 15_358_404_998_567_965_130);
    world.legs.iter().for_each(|(leg, seen)| leg_is_sound(leg, seen));
}

fn envelopes_are_sound(world: &World) {
    assert!(world.records.is_sorted_by(|a, b| a.order() < b.order()), "records out of order, or two of one order");
    let ids: BTreeSet<_> = world.records.iter().map(|r| r.event.id).collect();
    assert_eq!(ids.len(), world.records.len(), "an id stands twice");
}

/// One leg's life: scheduled first, one outcome, nothing known before it happened.
fn leg_is_sound(leg: &Leg, seen: &[(i64, FlightObservation)]) {
    let count = |kind| seen.iter().filter(|(_, one)| one.kind == kind).count();
    assert_eq!(seen[0].1.kind, FlightKind::Scheduled, "{leg}: known before it was scheduled");
    let outcomes = [FlightKind::In, FlightKind::Cancelled, FlightKind::Diverted].map(count);
    assert_eq!(outcomes.iter().sum::<usize>(), 1, "{leg}: outcomes {outcomes:?}");
    for (stamp, one) in seen {
        assert!(one.at.is_none_or(|at| at <= *stamp), "{leg}: {} known before it happened", one.kind);
        assert!(one.estimated_departure.is_none_or(|estimate| estimate >= *stamp), "{leg}: an estimate in the past");
        assert_eq!(one.at.is_some(), happens(one.kind), "{leg}: {}", one.kind);
        assert!(one.scheduled_departure < one.scheduled_arrival);
    }
    let times: Vec<i64> =
        [FlightKind::Out, FlightKind::Off, FlightKind::On, FlightKind::In].iter().filter_map(|kind| at(seen, *kind)).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{leg}: {times:?}");
    match outcomes {
        [1, 0, 0] => assert_eq!(times.len(), 4, "{leg}: a flown leg has four times"),
        [0, 1, 0] => {
            assert!(times.is_empty() && seen.last().unwrap().1.kind == FlightKind::Cancelled, "{leg}: life after cancellation")
        }
        _ => assert!(times.len() == 2 && at(seen, FlightKind::Diverted).unwrap() > times[1], "{leg}: diverted"),
    }
    if let Some((_, out)) = find(seen, FlightKind::Out) {
        let assigned = seen.iter().rev().find(|(_, one)| one.kind == FlightKind::Assigned).unwrap();
        assert_eq!(assigned.1.tail, out.tail, "{leg}: flown by another aircraft than assigned");
        assert!(out.at >= Some(seen.iter().filter_map(|(_, one)| one.scheduled_departure).max().unwrap()), "{leg}: left early");
    }
    let reason = |kind| find(seen, kind).is_none_or(|(_, one)| one.reason.as_ref().is_some_and(|r| r.len() == 2));
    assert!(reason(FlightKind::Cancelled) && reason(FlightKind::Diverted), "{leg}: no reason stated");
}

/// Every leg of an aircraft starts where the one before ended, after the minimum turnaround.
fn aircraft_never_jump(world: &World) {
    let mut flown: BTreeMap<Tail, Vec<(i64, i64, Leg, Airport)>> = BTreeMap::new();
    for (leg, seen) in &world.legs {
        if let Some((out, tail)) = find(seen, FlightKind::Out).and_then(|(_, one)| one.at.zip(one.tail)) {
            let diverted = find(seen, FlightKind::Diverted).and_then(|(_, one)| one.at.zip(one.diverted_to));
            let (end, place) = diverted.unwrap_or_else(|| (at(seen, FlightKind::In).unwrap(), leg.destination));
            flown.entry(tail).or_default().push((out, end, *leg, place));
        }
    }
    for (tail, mut legs) in flown {
        legs.sort();
        for pair in legs.windows(2) {
            let ((_, end, before, place), (out, _, after, _)) = (&pair[0], &pair[1]);
            assert_eq!(*place, after.origin, "{tail} jumps between {before} and {after}");
            let turn = airline(after.carrier).unwrap().turn_min * MINUTE;
            assert!(out - end >= turn, "{tail}: {after} leaves {} min after {before}", (out - end) / MINUTE);
        }
    }
}

fn seats(booking: &Booking) -> i32 {
    booking.passengers.iter().filter(|p| p.age_group != AgeGroup::Infant).count() as i32
}

/// Seats form an unbroken account: capacity - held elsewhere - booked = free, never below zero.
fn seats_add_up(world: &World) {
    let mut free: BTreeMap<(Leg, Cabin), i32> = BTreeMap::new();
    let mut held: BTreeMap<(Leg, Cabin), i32> = BTreeMap::new();
    for (_, row) in &world.inventory {
        let place = (row.leg, row.cabin);
        assert_eq!(row.previous_available, *free.get(&place).unwrap_or(&row.capacity), "{}: a change was lost", row.leg);
        assert!((0..=row.capacity).contains(&row.current_available), "{}: {} free", row.leg, row.current_available);
        if row.reason == "ADJUSTMENT" {
            assert_eq!(held.insert(place, row.previous_available - row.current_available), None);
        }
        free.insert(place, row.current_available);
    }
    let mut booked: BTreeMap<(Leg, Cabin), i32> = BTreeMap::new();
    for (_, booking) in &world.bookings {
        let sign = match booking.kind {
            BookingKind::Created => 1,
            BookingKind::Cancelled => -1,
            _ => 0,
        };
        for segment in &booking.segments {
            *booked.entry((segment.leg, segment.cabin)).or_default() += sign * seats(booking);
        }
    }
    for (_, row) in &world.inventory {
        let place = (row.leg, row.cabin);
        assert_eq!(row.capacity - held[&place] - booked.get(&place).unwrap_or(&0), free[&place], "{} {}", row.leg, row.cabin);
    }
    let planned = world.legs.keys().filter(|leg| !positioning(leg)).count();
    assert_eq!(free.len(), 2 * planned, "every planned leg has seats in both cabins, and no other has");
}

/// Every itinerary hangs together, in place, time and airline, and was sold before it began.
fn bookings_can_be_travelled(world: &World) {
    let mut passengers = BTreeSet::new();
    let mut created = BTreeMap::new();
    for (stamp, booking) in &world.bookings {
        if booking.kind == BookingKind::Created {
            assert_eq!(created.insert(booking.pnr, *stamp), None, "{} twice", booking.pnr);
            assert!(booking.passengers.iter().all(|p| passengers.insert(p.passenger)), "{}: a passenger twice", booking.pnr);
        }
        assert!(created[&booking.pnr] <= *stamp && *stamp < booking.segments[0].scheduled_departure - 30 * MINUTE);
        assert!((1..=6).contains(&booking.passengers.len()) && (1..=4).contains(&booking.segments.len()));
        assert!(booking.passengers.iter().all(|p| p.contact.is_none()));
        for segment in &booking.segments {
            let scheduled = &world.legs[&segment.leg][0].1;
            assert_eq!(scheduled.scheduled_departure, Some(segment.scheduled_departure));
            assert_eq!(scheduled.scheduled_arrival, Some(segment.scheduled_arrival));
            assert_eq!(booking.organisation.as_str(), segment.leg.carrier.as_str());
        }
        for pair in booking.segments.windows(2) {
            let stay = (pair[1].scheduled_departure - pair[0].scheduled_arrival) / MINUTE;
            let connection = station(pair[0].leg.destination).unwrap().connection_min;
            assert_eq!(pair[0].leg.destination, pair[1].leg.origin, "{}", booking.pnr);
            assert!(stay >= connection, "{}: {stay} min at {}", booking.pnr, pair[1].leg.origin);
        }
    }
    assert_eq!(passengers.len(), world.summary.passengers);
}

fn weather_is_regular(world: &World) {
    let airports: BTreeSet<_> = world.weather.iter().map(|(_, report)| report.airport).collect();
    assert_eq!(airports.len(), 11);
    for airport in airports {
        let icao = station(airport).unwrap().icao;
        let mut last = None;
        for (stamp, report) in world.weather.iter().filter(|(_, r)| r.airport == airport) {
            assert!(report.raw.starts_with(&format!("METAR {icao} ")) && *stamp == report.observed_at + 5 * MINUTE);
            assert!(last.is_none_or(|last| report.observed_at - last == 30 * MINUTE), "a gap at {airport}");
            last = Some(report.observed_at);
        }
    }
}

// contract: S2-23
#[test]
fn each_scenario_has_its_summary() {
    for name in Scenario::names() {
        let (_, summary) = drain(&Scenario::load(name).unwrap(), 1);
        insta::assert_json_snapshot!(name, summary);
    }
}

#[test]
fn same_seed_same_bytes_and_another_seed_other_bytes() {
    let scenario = small("weather-at-hub");
    let (once, again, other) = (drain(&scenario, 7).0, drain(&scenario, 7).0, drain(&scenario, 8).0);
    assert!(once == again, "two runs of one seed differ");
    let differing = once.iter().zip(&other).filter(|(a, b)| a.body != b.body).count();
    assert!(differing > once.len() / 10, "{differing} records differ between two seeds");
}

/// A scenario's event touches what it names: everything else is as it would have been.
#[test]
fn an_event_changes_only_what_it_reaches() {
    let snow = small("weather-at-hub");
    let calm = Scenario { weather: Vec::new(), ..snow.clone() };
    let (snow, calm) = (simulate(&snow, 3), simulate(&calm, 3));
    assert_eq!(
        snow.bookings.iter().map(|b| &b.1.pnr).collect::<Vec<_>>(),
        calm.bookings.iter().map(|b| &b.1.pnr).collect::<Vec<_>>()
    );
    let cancelled = |world: &World, carrier: &str| {
        let lost = |(leg, seen): &(&Leg, &Vec<_>)| leg.carrier.as_str() == carrier && find(seen, FlightKind::Cancelled).is_some();
        world.legs.iter().filter(lost).count()
    };
    assert!(cancelled(&snow, "LH") >= cancelled(&calm, "LH") + 15, "snow cancels at the hub");
    assert!(cancelled(&snow, "SK") <= cancelled(&calm, "SK") + 10, "and hardly elsewhere");
    let kept = snow.legs.iter().filter(|(leg, seen)| calm.legs.get(leg) == Some(seen)).count();
    assert!(kept > calm.legs.len() / 2, "{kept} of {} legs untouched", calm.legs.len());
}

#[test]
fn scenarios_reach_more_than_ten_thousand_passengers() {
    let scenario = Scenario { passengers: 12_000, ..Scenario::load("network-wide").unwrap() };
    let world = simulate(&scenario, 1);
    assert_eq!(world.summary.passengers, 12_000);
    seats_add_up(&world);
}

// contract: S2-24
#[test]
fn the_network_is_european_and_its_passengers_are_varied() {
    let world = simulate(&Scenario::load("normal").unwrap(), 1);
    let airports: BTreeSet<_> = world.legs.keys().flat_map(|leg| [leg.origin, leg.destination]).collect();
    let airlines: BTreeSet<_> = world.legs.keys().map(|leg| leg.carrier).collect();
    assert_eq!((airports.len(), airlines.len()), (11, 6));
    let people = || world.bookings.iter().flat_map(|(_, b)| b.passengers.iter().map(move |p| (b, p)));
    let distinct = |of: &dyn Fn(&(&Booking, &slipstream_schemas::records::Traveller)) -> String| {
        people().map(|p| of(&p)).collect::<BTreeSet<_>>()
    };
    assert_eq!(distinct(&|(_, p)| p.tier.to_string()).len(), 4);
    assert_eq!(distinct(&|(_, p)| p.age_group.to_string()).len(), 3);
    assert_eq!(distinct(&|(b, _)| b.passengers.len().to_string()).len(), 6);
    assert_eq!(distinct(&|(b, _)| b.segments.len().to_string()).len(), 3);
    assert_eq!(distinct(&|(b, _)| b.segments[0].cabin.to_string()).len(), 2);
    assert_eq!(distinct(&|(_, p)| p.channel.clone()).len(), 2);
    assert!(
        distinct(&|(_, p)| p.language.clone())
            .is_superset(&["da", "de", "en", "es", "fr", "it", "nl", "sv"].map(str::to_owned).into())
    );
    assert!(distinct(&|(_, p)| p.ssr.join(" ")).len() > 8);
}

/// What happens later leaves no trace in what was known before: the same scenario without a sudden event is the same until then.
#[test]
fn the_future_does_not_leak_into_the_past() {
    let technical = small("technical");
    let airline = small("airline");
    let without_defects = Scenario { grounding: technical.grounding[..1].to_vec(), ..technical.clone() };
    let without_walkout = Scenario { trouble: airline.trouble[1..].to_vec(), ..airline.clone() };
    // Midday at Paris (UTC+1), and 05:30 in London (UTC+1); flow management announces slots an hour and a half ahead.
    let table = [(technical, without_defects, "2026-03-10T05:00:00Z"), (airline, without_walkout, "2026-06-09T04:30:00Z")];
    for (with, without, from) in table {
        let horizon = from.parse::<jiff::Timestamp>().unwrap().as_millisecond() - 2 * HOUR;
        let before = |scenario: &Scenario, seed| -> Vec<Record> {
            drain(scenario, seed).0.into_iter().filter(|r| r.timestamp < horizon).collect()
        };
        for seed in 0..5 {
            assert!(before(&with, seed) == before(&without, seed), "{}, seed {seed}: known before it happened", with.name);
            assert!(drain(&with, seed).0 != drain(&without, seed).0, "{}: the event changes nothing", with.name);
        }
    }
}

#[test]
fn more_passengers_than_seats_are_refused() {
    let airlines = Some(vec!["LX".parse().unwrap()]);
    let scenario = Scenario { passengers: 60_000, days: 1, airlines, ..Scenario::load("normal").unwrap() };
    let error = Simulator::new(&scenario, 1).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("scenario `normal`: `passengers`: only ") && error.contains("of 60000 find seats"), "{error}");
}

/// The kinds of trouble that later stages must be exercised with; see [`trouble`].
#[test]
fn the_scenarios_hold_every_kind_of_trouble() {
    let worlds: Vec<World> = Scenario::names().map(|name| simulate(&Scenario::load(name).unwrap(), 1)).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for world in &worlds {
        for (leg, seen) in &world.legs {
            trouble(leg, seen).into_iter().for_each(|kind| *kinds.entry(kind).or_default() += 1);
        }
        for (_, booking) in world.bookings.iter().filter(|(_, b)| b.kind == BookingKind::Created) {
            booking_trouble(world, booking).into_iter().for_each(|kind| *kinds.entry(kind).or_default() += 1);
        }
    }
    let wanted = [
        "cancelled by weather",
        "cancelled by defect",
        "cancelled by airline",
        "cancelled short",
        "cancelled medium",
        "cancelled from GB",
        "late 3 h",
        "diverted",
        "retimed",
        "missed connection",
        "alternative",
        "no alternative",
    ];
    for kind in wanted {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 3), "too little `{kind}`: {kinds:?}");
    }
}

fn trouble(leg: &Leg, seen: &[(i64, FlightObservation)]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    if let Some((_, cancelled)) = find(seen, FlightKind::Cancelled) {
        kinds.push(match cancelled.reason.as_deref() {
            Some("71" | "72") => "cancelled by weather",
            Some("41") => "cancelled by defect",
            Some("55" | "64" | "97") => "cancelled by airline",
            _ => "cancelled otherwise",
        });
        let [from, to] = [leg.origin, leg.destination].map(|code| station(code).unwrap());
        kinds.push(if network::distance_km(from, to) <= 1500 { "cancelled short" } else { "cancelled medium" });
        kinds.extend((leg.origin.as_str() == "LHR").then_some("cancelled from GB"));
    }
    let late = at(seen, FlightKind::In).zip(seen[0].1.scheduled_arrival).is_some_and(|(at, due)| at - due >= 3 * HOUR);
    kinds.extend(late.then_some("late 3 h"));
    kinds.extend(find(seen, FlightKind::Diverted).map(|_| "diverted"));
    kinds.extend(find(seen, FlightKind::Retimed).map(|_| "retimed"));
    kinds
}

fn booking_trouble(world: &World, booking: &Booking) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for pair in booking.segments.windows(2) {
        let arrived = at(&world.legs[&pair[0].leg], FlightKind::In);
        let left = at(&world.legs[&pair[1].leg], FlightKind::Out);
        let missed = arrived.zip(left).is_some_and(|(arrived, left)| left < arrived + 20 * MINUTE);
        kinds.extend(missed.then_some("missed connection"));
    }
    for segment in &booking.segments {
        if let Some((stamp, _)) = find(&world.legs[&segment.leg], FlightKind::Cancelled) {
            kinds.push(if direct_alternative(world, booking, segment.leg, *stamp) { "alternative" } else { "no alternative" });
        }
    }
    kinds
}

/// A later leg of the same airline and route with seats left for the whole party.
fn direct_alternative(world: &World, booking: &Booking, lost: Leg, known_at: i64) -> bool {
    world.legs.iter().any(|(leg, seen)| {
        let same = (leg.carrier, leg.origin, leg.destination) == (lost.carrier, lost.origin, lost.destination);
        let later = seen[0].1.scheduled_departure > Some(known_at) && find(seen, FlightKind::Cancelled).is_none();
        let free = || world.inventory.iter().rev().find(|(_, row)| row.leg == *leg && row.cabin == Cabin::Economy);
        same && later && free().is_some_and(|(_, row)| row.current_available >= seats(booking))
    })
}
