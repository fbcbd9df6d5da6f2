//! What a leg, a carrier and the network may cost by law, and the cliffs ahead.

use slipstream_schemas::records::{CliffKind, Exposure, Phase, Stake};
use slipstream_schemas::topics as t;

use super::world::{HOUR, MINUTE, News, Outcome, World, at, flight};

fn legs(run: &Outcome) -> Vec<(i64, Exposure)> {
    run.all(t::LIABILITY_LEGS)
}

/// The last total of a scope.
fn total(run: &Outcome, scope: &str) -> Exposure {
    let all = run.all::<Exposure>(t::LIABILITY_TOTALS).into_iter();
    all.map(|(_, exposure)| exposure).rfind(|exposure| exposure.subject == scope).unwrap()
}

fn sum(stakes: &[Stake], currency: &str) -> (i64, i64, i64) {
    let stake = stakes.iter().find(|stake| stake.currency == currency);
    stake.map_or((0, 0, 0), |stake| (stake.settled_minor / 100, stake.due_minor / 100, stake.open_minor / 100))
}

/// Kind, instant, threshold, passengers, and euros due once it is passed.
fn cliffs(exposure: &Exposure) -> Vec<(CliffKind, i64, i32, i32, i64)> {
    let cliff = |c: &slipstream_schemas::records::Cliff| (c.kind, c.at, c.threshold_min, c.passengers, sum(&c.stakes, "EUR").1);
    exposure.cliffs.iter().map(cliff).collect()
}

/// An hour late to New York: care at four hours, half the sum at three, the whole at four, and a night ahead.
#[test]
fn every_cliff_ahead_of_a_late_leg_is_seen_with_what_it_costs() {
    let late = flight("LH400 FRA-JFK 08:00 16:30");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 2, &[&late]);
    let news = News::Late { departs: at("09:00"), arrives: at("17:30") };
    world.disruption(at("07:00"), &late, Phase::Opened, news, "airline");
    let run = world.run();
    run.assert_clean();
    let (told, first) = &legs(&run)[0];
    assert_eq!((*told, first.as_of, first.bookings, first.passengers), (at("07:00"), at("07:00"), 1, 2));
    assert!(first.stakes.is_empty(), "{first:?}");
    let expected = [
        (CliffKind::Care, at("12:00"), 240, 2, 0),
        (CliffKind::Refund, at("13:00"), 300, 2, 0),
        (CliffKind::Compensation, at("19:30"), 180, 2, 600),
        (CliffKind::LargerSum, at("20:30"), 240, 2, 1200),
        // Midnight in Frankfurt.
        (CliffKind::Overnight, at("23:00"), 900, 2, 1200),
    ];
    assert_eq!(cliffs(first), expected);
}

/// The reading follows the facts: at stake as expected, open while the cause is unclear, settled at the end.
#[test]
fn what_is_at_stake_builds_up_and_is_settled() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let story = |cause: &str| {
        let mut world = World::default();
        world.book(at("-1 10:00"), "AAAAAA", 3, &[&late]);
        for (now, hours, phase) in [("07:00", 1, Phase::Opened), ("08:00", 4, Phase::Updated)] {
            let news = News::Late { departs: late.departure + hours * HOUR, arrives: late.arrival + hours * HOUR };
            world.disruption(at(now), &late, phase, news, cause);
        }
        let arrived = News::In { departed: at("12:00"), arrived: at("13:00") };
        world.disruption(at("13:00"), &late, Phase::Resolved, arrived, cause);
        let run = world.run();
        run.assert_clean();
        legs(&run).into_iter().map(|(at, e)| (at, sum(&e.stakes, "EUR"), e.cliffs.len())).collect::<Vec<_>>()
    };
    let (opened, grown, over) = (at("07:00"), at("08:00"), at("13:00"));
    let airline = story("airline");
    let sums: Vec<_> = airline.iter().map(|(at, sums, _)| (*at, *sums)).collect();
    // A week later the leg is forgotten.
    assert_eq!(sums[..3], [(opened, (0, 0, 0)), (grown, (0, 750, 0)), (over, (750, 0, 0))]);
    assert_eq!(airline[2].2, 0, "nothing lies ahead of what is over");
    let weather: Vec<_> = story("weather").into_iter().map(|(at, sums, _)| (at, sums)).collect();
    assert_eq!(weather[..2], [(opened, (0, 0, 0)), (grown, (0, 0, 750))], "open: the carrier has yet to prove its measures");
}

/// Passengers who go on to other places have cliffs of their own on the leg that is late.
#[test]
fn the_cliffs_of_a_leg_are_those_of_all_its_journeys() {
    let late = flight("LH10 FRA-MUC 08:00 09:00");
    let onward = flight("LH20 MUC-ATH 12:00 14:30");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    world.book(at("-1 10:00"), "BBBBBB", 2, &[&late, &onward]);
    let news = News::Late { departs: at("09:00"), arrives: at("10:00") };
    world.disruption(at("07:00"), &late, Phase::Opened, news, "airline");
    let run = world.run();
    run.assert_clean();
    let last = legs(&run).into_iter().rfind(|(now, _)| *now == at("07:00")).unwrap().1;
    assert_eq!((last.bookings, last.passengers), (2, 3));
    let sums: Vec<_> = cliffs(&last).into_iter().filter(|cliff| cliff.0 == CliffKind::Compensation).collect();
    let expected =
        [(CliffKind::Compensation, at("12:00"), 180, 1, 250), (CliffKind::Compensation, at("17:30"), 180, 2, 250 + 2 * 400)];
    assert_eq!(sums, expected);
}

/// A flight that is retimed weeks ahead: cancelling it is free until the fourteenth day.
#[test]
fn the_days_of_notice_are_cliffs_too() {
    let late = flight("LH10 FRA-HAM +20 08:00 +20 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    let news = News::Late { departs: at("+20 09:00"), arrives: at("+20 10:00") };
    world.disruption(at("00:00"), &late, Phase::Opened, news, "airline");
    let run = world.run();
    run.assert_clean();
    let notices: Vec<_> = cliffs(&legs(&run)[0].1).into_iter().filter(|cliff| cliff.0 == CliffKind::Notice).collect();
    let expected = [(CliffKind::Notice, at("+6 08:00"), 20_160, 1, 250), (CliffKind::Notice, at("+13 08:00"), 10_080, 1, 125)];
    assert_eq!(notices, expected, "with a way on that arrives two hours late, half of it from the seventh day on");
}

/// The network is the sum of its carriers, a carrier the sum of its legs; currencies are never mixed.
#[test]
fn totals_are_the_sums_of_their_legs() {
    let mut world = World::default();
    let flights = ["LH10 FRA-HAM 08:00 09:00", "LH12 FRA-CDG 08:00 09:10", "BA90 LHR-DUB 08:00 09:20"];
    for (number, text) in flights.into_iter().enumerate() {
        let late = flight(text);
        world.book(at("-1 10:00"), ["AAAAAA", "BBBBBB", "CCCCCC"][number], number + 1, &[&late]);
        let hours = 4 + number as i64;
        let (departs, arrives) = (late.departure + hours * HOUR, late.arrival + hours * HOUR);
        world.disruption(at("07:00") + number as i64 * MINUTE, &late, Phase::Opened, News::Late { departs, arrives }, "airline");
        world.disruption(arrives, &late, Phase::Resolved, News::In { departed: departs, arrived: arrives }, "airline");
    }
    let run = world.run();
    run.assert_clean();
    let during = |scope: &str| {
        let all = run.all::<Exposure>(t::LIABILITY_TOTALS).into_iter().filter(|(_, e)| e.subject == scope);
        let all = all.map(|(now, e)| (now, e.legs, e.passengers, sum(&e.stakes, "EUR"), sum(&e.stakes, "GBP")));
        all.collect::<Vec<_>>()
    };
    assert_eq!(during("network")[0], (at("07:05"), 3, 6, (0, 250 + 2 * 250, 0), (0, 3 * 220, 0)));
    assert_eq!(during("LH")[0], (at("07:05"), 2, 3, (0, 750, 0), (0, 0, 0)));
    assert_eq!(during("BA")[0], (at("07:05"), 1, 3, (0, 0, 0), (0, 660, 0)));
    let evening = during("network").into_iter().rfind(|row| row.0 < at("+1 00:00")).unwrap();
    assert_eq!(evening, (at("15:25"), 3, 6, (750, 0, 0), (660, 0, 0)));
    let forgotten = total(&run, "network");
    assert_eq!((forgotten.legs, forgotten.stakes.len(), forgotten.cliffs.len()), (0, 0, 0), "a week later");
}

/// However the records of an instant come in, and whatever the partitions, the bytes are the same.
#[test]
fn a_reading_does_not_depend_on_the_order_of_arrival() {
    let mut world = World::default();
    for number in 0..12 {
        let late = flight(&format!("LH{} FRA-HAM 08:00 09:00", 10 + number));
        world.book(at("-1 10:00"), &format!("AAAA{number:02}"), 1 + number % 3, &[&late]);
        let hours = 1 + number as i64 % 5;
        let news = News::Late { departs: late.departure + hours * HOUR, arrives: late.arrival + hours * HOUR };
        world.disruption(at("07:00"), &late, Phase::Opened, news, "airline");
    }
    let plain = world.run();
    let turned = world.run_in_order(|record| u64::MAX - record.offset as u64);
    assert!(plain.all::<Exposure>(t::LIABILITY_TOTALS).len() > 1);
    assert_eq!(plain.bytes(), turned.bytes());
}
