//! Random fleets against a brute-force oracle; order, repetition, hostile input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use slipstream_schemas::ids::Tail;
use slipstream_schemas::records::{FlightKind, RotationSignal};
use slipstream_schemas::topics as t;
use slipstream_streams::record::Record;

use super::recorded::{Row, observations};
use super::support::{DAY, HOUR, MINUTE, Written, record, run, said};

/// What the rules make of a leg once everything is known: push, reactionary, primary, chain.
pub type Turn = (Option<i32>, i32, i32, i32);

fn turnaround(row: &Row) -> i64 {
    let table = [
        ("AA", 34),
        ("WN", 19),
        ("UA", 31),
        ("DL", 33),
        ("US", 29),
        ("CO", 34),
        ("NW", 27),
        ("B6", 30),
        ("AS", 28),
        ("FL", 24),
        ("F9", 29),
        ("XE", 21),
        ("OO", 17),
        ("MQ", 19),
        ("9E", 19),
        ("OH", 19),
        ("EV", 22),
        ("YV", 18),
    ];
    table.iter().find(|(carrier, _)| *carrier == row.carrier.as_str()).map_or(20, |(_, minutes)| *minutes)
}

fn key(row: &Row) -> String {
    format!("{}{}/{}/{}-{}", row.carrier, row.number, row.date, row.origin, row.destination)
}

/// Every leg with a tail, by key; written down from the definitions, with everything known and nothing kept.
pub fn oracle(rows: &[Row]) -> BTreeMap<String, Turn> {
    let mut tails: BTreeMap<Tail, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(tail) = row.tail {
            tails.entry(tail).or_default().push(row);
        }
    }
    let mut turns = BTreeMap::new();
    for legs in tails.values_mut() {
        legs.sort_by_key(|row| (row.sd, key(row)));
        let mut chain = 1;
        for (place, leg) in legs.iter().enumerate() {
            let inbound = place.checked_sub(1).map(|before| legs[before]);
            let inbound = inbound.filter(|before| before.destination == leg.origin && leg.sd - before.sd <= 24 * HOUR);
            let turn = judge(leg, inbound, chain);
            chain = turn.3;
            turns.insert(key(leg), turn);
        }
    }
    turns
}

fn judge(leg: &Row, inbound: Option<&Row>, chain: i32) -> Turn {
    let minutes = |ms: i64| (ms / MINUTE) as i32;
    let dep = leg.out.map(|out| minutes(out - leg.sd));
    let late = dep.unwrap_or(0).max(0);
    let Some(inbound) = inbound else {
        return (None, 0, late, 1);
    };
    let push = inbound.arrived.map(|arrived| minutes(arrived - leg.sd + turnaround(leg) * MINUTE));
    let slack = inbound.sa.map(|due| minutes(leg.sd - due));
    let arr = inbound.arrived.zip(inbound.sa).map(|(arrived, due)| minutes(arrived - due));
    let linked = dep.is_some() && arr.is_some() && slack.is_some_and(|slack| (15..=360).contains(&slack));
    let reactionary = if linked { late.min(push.unwrap_or(0).max(0)) } else { 0 };
    let continues = linked && late >= 15 && arr >= Some(15) && (reactionary >= 15 || 2 * reactionary >= late);
    (push, reactionary, late - reactionary, if continues { chain + 1 } else { 1 })
}

/// The last signal of every leg.
pub fn last_signals(written: &Written) -> BTreeMap<String, RotationSignal> {
    written.all(t::ROTATION_SIGNALS).into_iter().collect()
}

pub fn as_turn(signal: &RotationSignal) -> Turn {
    (signal.push_min, signal.reactionary_min, signal.primary_min, signal.chain_length)
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Flown,
    Cancelled,
    Diverted,
    /// Its in-block is never heard of.
    Lost,
    /// Nothing is ever heard of it.
    Silent,
}

prop_compose! {
    fn any_leg()(
        tail in 0..3usize,
        gap in 25..420i64,
        block in 45..200i64,
        delay in prop_oneof![3 => -10..30i64, 1 => 30..200i64],
        to in 0..4usize,
        jumps in prop::bool::weighted(0.1),
        carrier in 0..3usize,
        fate in prop_oneof![12 => Just(Fate::Flown), 1 => Just(Fate::Cancelled), 1 => Just(Fate::Diverted), 1 => Just(Fate::Lost), 1 => Just(Fate::Silent)],
        airborne in -15..40i64,
    ) -> (usize, i64, i64, i64, usize, bool, usize, Fate, i64) {
        (tail, gap, block, delay, to, jumps, carrier, fate, airborne)
    }
}

fn fleet() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any_leg(), 1..25).prop_map(|legs| {
        const PLACES: [&str; 4] = ["JFK", "LAX", "ORD", "DFW"];
        let mut tails = [(DAY, 0usize), (DAY, 1), (DAY, 2)];
        let place = |(number, (tail, gap, block, delay, to, jumps, carrier, fate, airborne)): (usize, _)| {
            let (free, here): &mut (i64, usize) = &mut tails[tail];
            let from = if jumps { (*here + 1) % 4 } else { *here };
            let to = if to == from { (to + 1) % 4 } else { to };
            let sd = *free + gap * MINUTE;
            let sa = sd + block * MINUTE;
            (*free, *here) = (sa, to);
            leg(number, tail, ["AA", "WN", "HA"][carrier], (PLACES[from], PLACES[to]), (sd, sa), delay, airborne, fate)
        };
        legs.into_iter().enumerate().map(place).collect()
    })
}

#[expect(clippy::too_many_arguments, reason = "one random leg has that many parts")]
fn leg(
    number: usize,
    tail: usize,
    carrier: &str,
    (from, to): (&str, &str),
    (sd, sa): (i64, i64),
    delay: i64,
    airborne: i64,
    fate: Fate,
) -> Row {
    let out = Some(sd + delay * MINUTE).filter(|_| !matches!(fate, Fate::Cancelled | Fate::Silent));
    let off = out.map(|out| out + 12 * MINUTE);
    let on = off.map(|off| off + (sa - sd - 20 * MINUTE + airborne * MINUTE).max(10 * MINUTE));
    let on = on.filter(|_| matches!(fate, Fate::Flown));
    let date = slipstream_schemas::reference::airport(from.parse().unwrap()).unwrap().local_date(sd).unwrap();
    Row {
        id: format!("leg {number}"),
        carrier: carrier.parse().unwrap(),
        number: number as i32 + 1,
        date,
        origin: from.parse().unwrap(),
        destination: to.parse().unwrap(),
        tail: format!("N{tail}XX").parse().ok(),
        sd,
        sa: Some(sa),
        out,
        off,
        on,
        arrived: on.map(|on| on + 5 * MINUTE),
        cancelled: matches!(fate, Fate::Cancelled),
        diverted: matches!(fate, Fate::Diverted),
    }
}

fn records(rows: &[Row]) -> Vec<Record> {
    let mut records = Vec::new();
    observations(rows, &mut records);
    records
}

/// What the stages wrote, as comparable lines.
fn lines(written: &Written) -> Vec<String> {
    let own = written.0.iter().filter(|record| record.topic != t::FLIGHT_OBSERVATIONS);
    own.map(|record| format!("{record:?}")).collect()
}

const ALL: [&str; 2] = [t::ROTATION_SIGNALS, t::DISRUPTION_EVENTS];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    // contract: S2-13, S2-19
    #[test]
    fn the_last_signal_of_every_leg_is_what_the_rules_say(rows in fleet()) {
        let written = run(&ALL, records(&rows));
        prop_assert_eq!(written.refused(), vec![]);
        let signals = last_signals(&written);
        let turns: BTreeMap<String, Turn> = signals.iter().map(|(leg, signal)| (leg.clone(), as_turn(signal))).collect();
        prop_assert_eq!(turns, oracle(&rows));
        prop_assert!(signals.values().all(|signal| signal.is_final));
    }

    #[test]
    fn minutes_add_up_and_a_leg_has_one_signal_an_instant(rows in fleet()) {
        let written = run(&ALL, records(&rows));
        let mut seen = std::collections::BTreeSet::new();
        for (leg, signal) in written.all::<RotationSignal>(t::ROTATION_SIGNALS) {
            prop_assert_eq!(signal.reactionary_min + signal.primary_min, signal.departure_delay_min.unwrap_or(0).max(0));
            prop_assert!(seen.insert((leg, signal.as_of)));
        }
    }

    #[test]
    fn the_order_within_an_instant_is_not_seen(rows in fleet()) {
        let (forwards, mut backwards) = (records(&rows), records(&rows));
        backwards.reverse();
        prop_assert_eq!(lines(&run(&ALL, forwards)), lines(&run(&ALL, backwards)));
    }

    #[test]
    fn a_repeated_stream_says_nothing_new(rows in fleet()) {
        let once = records(&rows);
        let again = once.iter().map(|record| Record { timestamp: record.timestamp + 3 * MINUTE, ..record.clone() });
        let twice = once.iter().cloned().chain(again).collect();
        prop_assert_eq!(lines(&run(&[t::FLIGHT_EVENTS], once)), lines(&run(&[t::FLIGHT_EVENTS], twice)));
    }

    #[test]
    fn one_tail_is_read_without_looking_at_the_others(rows in fleet()) {
        let first = rows[0].tail;
        let alone: Vec<Row> = rows.iter().filter(|row| row.tail == first).cloned().collect();
        let of_first = |written: &Written| {
            let signals = written.0.iter().filter(|record| record.topic == t::ROTATION_SIGNALS);
            let own = signals.filter(|record| alone.iter().any(|row| key(row) == *record.key));
            own.map(|record| (record.timestamp, record.key.clone(), record.body.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(of_first(&run(&ALL, records(&rows))), of_first(&run(&ALL, records(&alone))));
    }

    #[test]
    fn no_observation_makes_a_stage_panic(
        parts in prop::collection::vec((0..15usize, prop::option::of(any::<i64>()), prop::option::of(-10_000_000_000..10_000_000_000i64), 0..4usize, any::<i64>(), "[0-9A-Zé]{0,6}"), 1..20),
    ) {
        let mut hostile = Vec::new();
        for (place, (kind, wild, near, flight, known_at, reason)) in parts.into_iter().enumerate() {
            let kind = FlightKind::ALL[kind % FlightKind::ALL.len()];
            let mut said = said("bts", ["AA1 JFK-LAX", "AA1 LAX-JFK", "AA1 JFK-JFK", "WN2 ORD-DFW"][flight], kind);
            let near = near.map(|near| DAY + near);
            said.scheduled_departure = near.or(wild);
            said.scheduled_arrival = near.map(|near| near + 2 * HOUR);
            said.at = wild.or(near);
            said.estimated_departure = near.map(|near| near + i64::from(place as i32) * HOUR);
            said.tail = near.and_then(|_| ["N1", "N2"][place % 2].parse().ok());
            said.reason = Some(reason);
            let known_at = if place % 3 == 0 { known_at } else { DAY + known_at % (30 * 24 * HOUR) };
            hostile.push(record(&said, known_at, place));
        }
        run(&ALL, hostile);
    }
}

/// A leg that changes its aircraft leaves the old tail's chain; the new tail's signal is the only one.
#[test]
fn a_tail_swap_moves_the_turn() {
    let leg = |number: usize, tail, pair, sd, sa, delay| leg(number, tail, "AA", pair, (sd, sa), delay, 0, Fate::Flown);
    let late = leg(0, 0, ("JFK", "ORD"), DAY + 10 * HOUR, DAY + 12 * HOUR, 100);
    let fresh = leg(1, 1, ("LAX", "ORD"), DAY + 8 * HOUR, DAY + 12 * HOUR, 0);
    let onward = leg(2, 0, ("ORD", "DFW"), DAY + 13 * HOUR, DAY + 15 * HOUR, 0);
    let mut all = records(&[late, fresh, onward.clone()]);
    let mut swap = said("bts", "AA3 ORD-DFW", FlightKind::Assigned);
    (swap.source_leg, swap.date, swap.tail) = (Some(onward.id.clone()), Some(onward.date), "N1XX".parse().ok());
    all.push(record(&swap, DAY + 12 * HOUR + 30 * MINUTE, 0));
    let written = run(&ALL, all);
    let own: Vec<RotationSignal> =
        written.all(t::ROTATION_SIGNALS).into_iter().filter(|(leg, _)| *leg == key(&onward)).map(|(_, signal)| signal).collect();
    let tails: Vec<String> = own.iter().map(|signal| signal.tail.map(|tail| tail.to_string()).unwrap_or_default()).collect();
    assert!(tails.iter().all(|tail| !tail.is_empty()), "{tails:?}");
    let last = own.last().unwrap_or_else(|| panic!("no signal: {:?}", written.refused()));
    assert_eq!(last.inbound.as_ref().map(|leg| leg.number), Some(2), "{own:#?}");
    assert_eq!((last.tail.unwrap().as_str(), last.inbound.as_ref().unwrap().number, last.reactionary_min), ("N1XX", 2, 0));
    assert!(
        own.iter().any(|signal| signal.tail.unwrap().as_str() == "N0XX" && signal.reactionary_min > 0),
        "the late aircraft pushed it before"
    );
}

/// One aircraft at two places at once is a data error: named, and the day goes on.
#[test]
fn two_places_at_once_are_named() {
    let one = leg(0, 0, "AA", ("JFK", "LAX"), (DAY + 10 * HOUR, DAY + 16 * HOUR), 0, 0, Fate::Flown);
    let other = leg(1, 0, "AA", ("ORD", "DFW"), (DAY + 12 * HOUR, DAY + 14 * HOUR), 0, 0, Fate::Flown);
    let written = run(&ALL, records(&[one.clone(), other.clone()]));
    assert_eq!(written.refused(), []);
    assert_eq!(last_signals(&written)[&key(&other)].conflict, Some(key(&one)));
    assert_eq!(last_signals(&written)[&key(&one)].conflict, None);
}
