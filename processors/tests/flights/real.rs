//! A real day and a real month: every leg has one outcome, and the turns give the published figures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use slipstream_schemas::ids::{Airport, Carrier, Date, Leg};
use slipstream_schemas::records::{FlightEvent, FlightKind, RotationSignal};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use slipstream_streams::reference::{Sink, Source, SourceError};

use super::fleets::{as_turn, oracle};
use super::recorded::{self, Row};
use super::support::{HOUR, pipeline};

/// Counts what passes and keeps the last signal and the schedule of each leg.
#[derive(Default)]
struct Tally {
    topics: BTreeMap<&'static str, (u64, u64)>,
    kinds: BTreeMap<FlightKind, u64>,
    signals: BTreeMap<Box<str>, RotationSignal>,
    events: BTreeMap<Box<str>, FlightEvent>,
}

impl Sink for Tally {
    fn instant(&mut self, _at: i64, mut records: Vec<Arc<Record>>) -> std::io::Result<()> {
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        for record in records {
            let body = record.body.as_deref().unwrap_or_default();
            let count = self.topics.entry(record.topic).or_default();
            (count.0, count.1) = (count.0 + 1, count.1 + body.len() as u64);
            if record.topic == t::ROTATION_SIGNALS {
                self.signals.insert(record.key.clone(), RotationSignal::from_bytes(body).unwrap());
            } else if record.topic == t::FLIGHT_EVENTS {
                let event = FlightEvent::from_bytes(body).unwrap();
                *self.kinds.entry(event.kind).or_default() += 1;
                self.events.insert(record.key.clone(), event);
            } else if record.topic == t::DEAD_LETTER_QUEUE {
                panic!("dead letter: {:?}", slipstream_schemas::records::DeadLetter::from_bytes(body));
            }
        }
        Ok(())
    }
}

/// Days one after the other, each loaded when its schedule is published.
struct Days {
    paths: std::vec::IntoIter<std::path::PathBuf>,
    ahead: Vec<Record>,
    rows: Vec<Row>,
    loaded_until: i64,
    only: fn(&Row) -> bool,
}

impl Days {
    fn new(mut paths: Vec<std::path::PathBuf>) -> Self {
        paths.sort();
        Self { paths: paths.into_iter(), ahead: Vec::new(), rows: Vec::new(), loaded_until: i64::MIN, only: |_| true }
    }
}

impl Source for Days {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        while self.ahead.last().is_none_or(|next| next.timestamp >= self.loaded_until) {
            let Some(path) = self.paths.next() else {
                break;
            };
            let mut rows = recorded::day(&path);
            rows.retain(self.only);
            let first = rows.iter().map(|row| row.sd).min().unwrap_or_default();
            recorded::observations(&rows, &mut self.ahead);
            self.ahead.sort_by_key(|record| std::cmp::Reverse(record.timestamp));
            self.rows.extend(rows);
            self.loaded_until = first - HOUR; // the next day's schedule comes 24 h before its first departure
        }
        Ok(self.ahead.pop())
    }
}

/// The published figures of January 2008, in the order in which they are checked.
const PUBLISHED: [(&str, f64); 11] = [
    ("linked turnarounds", 446_500.0),
    ("of them after an inbound at least 15 min late", 103_556.0),
    ("share of late minutes that is reactionary, linked", 0.481),
    ("share of late minutes that is reactionary, after a late inbound", 0.661),
    ("chains of at least 2 legs", 32_353.0),
    ("chains of at least 3 legs", 12_646.0),
    ("chains of at least 4 legs", 5_772.0),
    ("chains of at least 5 legs", 2_557.0),
    ("chains of at least 6 legs", 1_009.0),
    ("longest chain", 12.0),
    ("legs in chains of at least 3", 47_870.0),
];

type Identity = (Carrier, i32, Date, Airport, i32);

fn figures(tally: &Tally) -> [f64; 11] {
    let identity = |leg: &Leg| (leg.carrier, leg.number, leg.date, leg.origin, leg.repeat);
    let inbound =
        |signal: &RotationSignal| signal.inbound.as_ref().map(|leg| (leg.carrier, leg.number, leg.date, leg.origin, leg.repeat));
    let delays: BTreeMap<Identity, Option<i32>> =
        tally.events.values().map(|event| (identity(&event.leg), event.arrival_delay_min)).collect();
    let linked: Vec<&RotationSignal> = tally.signals.values().filter(|signal| signal.linked).collect();
    let is_late = |signal: &&RotationSignal| inbound(signal).and_then(|leg| delays.get(&leg).copied().flatten()) >= Some(15);
    let after_late: Vec<&RotationSignal> = linked.iter().copied().filter(is_late).collect();
    let share = |signals: &[&RotationSignal]| {
        let late: i64 = signals.iter().map(|s| i64::from(s.reactionary_min + s.primary_min)).sum();
        signals.iter().map(|s| i64::from(s.reactionary_min)).sum::<i64>() as f64 / late as f64
    };
    let continued: BTreeSet<Identity> =
        tally.signals.values().filter(|signal| signal.chain_length > 1).filter_map(inbound).collect();
    let ends = tally.signals.values().filter(|signal| !continued.contains(&identity(&signal.leg)));
    let lengths: Vec<i32> = ends.map(|signal| signal.chain_length).collect();
    let at_least = |legs: i32| lengths.iter().filter(|length| **length >= legs).count() as f64;
    let longest = lengths.iter().max().copied().unwrap_or_default();
    let in_threes: i32 = lengths.iter().filter(|length| **length >= 3).sum();
    [
        linked.len() as f64,
        after_late.len() as f64,
        share(&linked),
        share(&after_late),
        at_least(2),
        at_least(3),
        at_least(4),
        at_least(5),
        at_least(6),
        f64::from(longest),
        f64::from(in_threes),
    ]
}

fn play(mut days: Days) -> (Tally, Vec<Row>) {
    let mut tally = Tally::default();
    let mut pipeline = pipeline(&[t::FLIGHT_EVENTS, t::ROTATION_SIGNALS]);
    pipeline.run(&mut days, &mut tally).unwrap();
    for (stage, counts) in pipeline.counts() {
        println!("{stage}: {counts:?}, rows left {}", pipeline.rows());
    }
    (tally, days.rows)
}

/// `SLIPSTREAM_DATA=… cargo test --release -p slipstream-processors --test flights month -- --ignored --nocapture`
#[test]
#[ignore = "a minute or two in release, and the month's files"]
fn a_month_gives_the_published_figures() {
    let folder = std::env::var("SLIPSTREAM_DATA").unwrap();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let started = std::time::Instant::now();
    let (tally, rows) = play(Days::new(files.filter(|path| path.extension().is_some_and(|ext| ext == "gz")).collect()));
    println!("{} legs in {:?}; {:?} {:?}", rows.len(), started.elapsed(), tally.topics, tally.kinds);
    for ((name, published), found) in PUBLISHED.into_iter().zip(figures(&tally)) {
        println!("{name}: {found} (published {published})");
        let tolerance = if name == "longest chain" { 0.0 } else { 0.02 * published };
        assert!((found - published).abs() <= tolerance, "{name}: {found}, published {published}");
    }
    check_against_oracle(&tally, &rows);
}

/// Every leg with a tail reads as the oracle says; minutes add up for every leg.
fn check_against_oracle(tally: &Tally, rows: &[Row]) {
    let turns = oracle(rows);
    let differing =
        tally.signals.iter().filter(|(leg, signal)| turns.get(&***leg).is_some_and(|turn| *turn != as_turn(signal))).count();
    let repeats = tally.signals.keys().filter(|leg| !turns.contains_key(&***leg)).count();
    println!("{} legs with a tail; {differing} read otherwise than the oracle; {repeats} repeats", tally.signals.len());
    assert!(differing + repeats <= rows.len() / 100_000, "{differing} differ, {repeats} are unknown to the oracle");
    for signal in tally.signals.values() {
        assert!(signal.is_final, "{}", signal.leg);
        assert_eq!(signal.reactionary_min + signal.primary_min, signal.departure_delay_min.unwrap_or(0).max(0), "{}", signal.leg);
    }
}

/// Every leg of every fourth tail of the day in the repository; legs without a tail too.
// contract: S2-13, S2-19
#[test]
fn a_real_day_reads_as_the_oracle_says() {
    let mut days = Days::new(vec![recorded::sample()]);
    days.only = |row| row.tail.is_none_or(|tail| tail.as_str().bytes().map(u32::from).sum::<u32>().is_multiple_of(4));
    let (tally, rows) = play(days);
    check_against_oracle(&tally, &rows);
    let counts = |kind| tally.kinds.get(&kind).copied().unwrap_or_default() as usize;
    let flown = rows.iter().filter(|row| row.arrived.is_some()).count();
    assert_eq!([FlightKind::On, FlightKind::In].map(counts), [flown, flown]);
    assert_eq!(counts(FlightKind::Cancelled), rows.iter().filter(|row| row.cancelled).count());
    assert_eq!(counts(FlightKind::Diverted), rows.iter().filter(|row| row.diverted).count());
    assert_eq!(tally.events.len(), rows.len());
}
