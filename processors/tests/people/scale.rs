//! Ten thousand passengers of a closed hub: how much work the whole chain takes, and that everybody is provided for.

use std::collections::BTreeMap;

use slipstream_schemas::records::{Cabin, Notification, Outcome, Reaccommodation};
use slipstream_schemas::topics as t;

use super::world::{Flight, HOUR, MINUTE, World, at, flight};

const SPOKES: [&str; 10] = ["HAM", "BER", "VIE", "CDG", "LHR", "MAD", "FCO", "ARN", "WAW", "AMS"];
const PARTY: usize = 2;
const PARTIES: usize = 5000;
/// Processor time of an unoptimised build; a search that looks at every flight for every party takes far longer.
const PROCESSOR_SECONDS_MAX: u64 = 90;

fn spoke_flight(number: usize, spoke: &str, departure: i64) -> Flight {
    let text = format!("LH{number} FRA-{spoke} 00:00 01:00");
    let mut flight = flight(&text);
    flight.leg.date = slipstream_streams::record::rfc3339(departure)[..10].parse().unwrap();
    (flight.departure, flight.arrival) = (departure, departure + 90 * MINUTE);
    flight
}

/// Every morning flight of a hub is cancelled at once; the two days after have seats for most, not all.
#[test]
fn ten_thousand_passengers_of_a_closed_hub_are_provided_for_within_seconds() {
    let mut world = World::default();
    let mut lost = Vec::new();
    for (index, spoke) in SPOKES.into_iter().enumerate() {
        for wave in 0..4 {
            lost.push(spoke_flight(100 + index * 10 + wave, spoke, at("06:00") + wave as i64 * 30 * MINUTE));
        }
        for later in 0..24i64 {
            let on = spoke_flight(1000 + index * 100 + later as usize, spoke, at("09:00") + later * HOUR);
            world.seats(at("-1 08:00"), &on, Cabin::Economy, 180, 39);
        }
    }
    for number in 0..PARTIES {
        world.book(at("-1 10:00"), &format!("P{number:05}"), PARTY, &[&lost[number % lost.len()]]);
    }
    lost.iter().for_each(|flight| world.cancel(at("05:00"), flight));
    let before = processor_seconds();
    let run = world.run();
    let took = before.zip(processor_seconds()).map_or(0, |(before, after)| after - before);
    run.assert_clean();
    let mut last: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut first_instant = 0;
    for (when, message) in run.all::<Reaccommodation>(t::REACCOMMODATION) {
        first_instant += usize::from(when == at("05:00"));
        last.insert(message.pnr.to_string(), message.outcome);
    }
    assert_eq!(last.len(), PARTIES, "one outcome for every booking");
    assert_eq!(first_instant, PARTIES, "all of them at the instant of the closure");
    let rebooked = last.values().filter(|outcome| **outcome == Outcome::Rebooked).count();
    // 39 free seats are 19 parties of two on each of 24 flights to each of ten airports.
    assert_eq!(rebooked, 19 * 24 * SPOKES.len());
    let notices = run.all::<Notification>(t::NOTIFICATIONS).len();
    eprintln!("{} passengers, {} records, {notices} notices: {took} s of one processor", PARTIES * PARTY, run.records.len());
    assert!(took < PROCESSOR_SECONDS_MAX, "far slower than it was: {took} s");
}

/// Seconds that this thread has really run, whatever else the machine does; none where the kernel does not count them.
#[expect(clippy::disallowed_methods, reason = "what the kernel counted is no input of the run")]
fn processor_seconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<u64>().ok()? / 1_000_000_000)
}
