//! One story a test, from booking to notice.

use slipstream_schemas::records::{
    AgeGroup, Audit, BookingKind, Cabin, DeadLetter, Disruption, FlightStatus, Notification, Outcome, PassengerEvent, Pattern,
    Phase, Reaccommodation, RightsDecision, Segment, Tier, Traveller,
};
use slipstream_schemas::topics as t;

use super::world::{self, News, World, at, flight, segment};

fn outcomes(run: &world::Outcome) -> Vec<(String, Outcome, Vec<String>)> {
    let all = run.all::<Reaccommodation>(t::REACCOMMODATION).into_iter();
    all.map(|(_, r)| (r.pnr.to_string(), r.outcome, r.segments.iter().map(|s| s.leg.carrier_number()).collect())).collect()
}

fn decisions(run: &world::Outcome) -> Vec<(String, Option<i64>, String)> {
    let all = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter();
    all.map(|(_, d)| (d.rights.decision, d.rights.amount, d.rights.status)).collect()
}

fn kinds(run: &world::Outcome) -> Vec<String> {
    run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter().map(|(_, event)| event.kind.to_string()).collect()
}

fn told(run: &world::Outcome) -> Vec<String> {
    run.all::<Notification>(t::NOTIFICATIONS).into_iter().map(|(_, notice)| notice.template).collect()
}

/// Cancelled at its departure; a later flight has seats; it lands more than three hours late.
#[test]
fn a_cancelled_flight_from_booking_to_compensation() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH16 FRA-HAM 13:00 14:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 2, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 100, 5);
    world.cancel(at("07:30"), &lost);
    world.flown(at("14:20"), &next, FlightStatus::Arrived, at("13:05"), at("14:20"), None);
    let run = world.run();
    run.assert_clean();
    assert_eq!(
        outcomes(&run),
        [
            ("AAAAAA".to_owned(), Outcome::Rebooked, vec!["LH16".to_owned()]),
            ("AAAAAA".to_owned(), Outcome::Rebooked, vec!["LH16".to_owned()]),
        ]
    );
    let eligible = |status: &str| ("eligible".to_owned(), Some(250), status.to_owned());
    let open = ("undetermined".to_owned(), None, "provisional".to_owned());
    let decisions = decisions(&run);
    assert!(!decisions.contains(&open), "{decisions:?}");
    assert_eq!(decisions.len(), 4);
    assert_eq!(decisions.first(), Some(&eligible("provisional")));
    assert_eq!(decisions.last(), Some(&eligible("final")));
    assert_eq!(kinds(&run).iter().filter(|kind| *kind == "REBOOKED").count(), 2);
    let mut told = told(&run);
    told.sort();
    let expected = ["cancelled", "care", "choice", "compensation", "rebooked"];
    assert_eq!(told, expected.iter().flat_map(|name| [*name, *name]).collect::<Vec<_>>());
    assert!(run.all::<Audit>(t::DECISION_AUDIT).iter().any(|(_, audit)| audit.stage == "recover"));
}

/// A late inbound: the booked onward flight is missed, the next one has seats; the first one stays held by nobody.
#[test]
fn a_broken_connection_is_rebooked_from_the_hub_and_is_a_disruption_of_its_own() {
    let (inbound, onward) = (flight("LH20 BRE-FRA 07:00 08:00"), flight("LH30 FRA-VIE 09:00 10:30"));
    let later = flight("LH32 FRA-VIE 12:00 13:30");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&inbound, &onward]);
    world.seats(at("-1 09:00"), &later, Cabin::Economy, 100, 5);
    let late = News::Late { departs: at("08:10"), arrives: at("09:10") };
    world.disruption(at("06:50"), &inbound, Phase::Opened, late, "late_inbound");
    let arrived = News::In { departed: at("08:10"), arrived: at("09:12") };
    world.disruption(at("09:12"), &inbound, Phase::Resolved, arrived, "late_inbound");
    world.flown(at("13:40"), &later, FlightStatus::Arrived, at("12:00"), at("13:40"), None);
    let run = world.run();
    run.assert_clean();
    assert_eq!(outcomes(&run)[0], ("AAAAAA".to_owned(), Outcome::Rebooked, vec!["LH32".to_owned()]));
    let pairs: Vec<(Phase, Option<i32>)> = run
        .all::<Disruption>(t::DISRUPTION_EVENTS)
        .into_iter()
        .filter(|(_, d)| d.scope == "connection" && d.pattern == Pattern::MissedConnection)
        .map(|(_, d)| (d.phase, d.passengers))
        .collect();
    assert_eq!(pairs, [(Phase::Opened, Some(1)), (Phase::Resolved, Some(1))]);
    assert_eq!(decisions(&run).last(), Some(&("eligible".to_owned(), Some(250), "final".to_owned())), "3 h 10 late");
}

/// The onward flight is late as well: the connection works, nobody is moved.
#[test]
fn a_connection_that_waits_is_kept() {
    let (inbound, onward) = (flight("LH20 BRE-FRA 07:00 08:00"), flight("LH30 FRA-VIE 09:00 10:30"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&inbound, &onward]);
    world.seats(at("-1 09:00"), &flight("LH32 FRA-VIE 12:00 13:30"), Cabin::Economy, 100, 5);
    world.flown(at("06:00"), &onward, FlightStatus::Scheduled, at("10:30"), at("12:00"), None);
    let late = News::Late { departs: at("08:10"), arrives: at("09:10") };
    world.disruption(at("06:50"), &inbound, Phase::Opened, late, "late_inbound");
    let run = world.run();
    run.assert_clean();
    assert_eq!(outcomes(&run), [("AAAAAA".to_owned(), Outcome::Kept, vec!["LH20".to_owned(), "LH30".to_owned()])]);
}

/// The new flight is cancelled too; nobody else has to say so but the flight's own events.
#[test]
fn a_further_cancellation_of_the_new_leg_moves_the_party_again() {
    let lost = flight("LH10 FRA-HAM 08:00 09:00");
    let (second, third) = (flight("LH12 FRA-HAM 10:00 11:00"), flight("LH14 FRA-HAM 16:00 17:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.seats(at("-1 09:00"), &second, Cabin::Economy, 1, 1);
    world.seats(at("-1 09:00"), &third, Cabin::Economy, 1, 1);
    world.cancel(at("07:30"), &lost);
    world.flown(at("09:30"), &second, FlightStatus::Cancelled, second.departure, second.arrival, None);
    let run = world.run();
    run.assert_clean();
    let legs: Vec<Vec<String>> = outcomes(&run).into_iter().map(|(_, _, legs)| legs).collect();
    assert_eq!(legs, [["LH12"], ["LH14"]]);
}

/// One seat for two parties: the second is unplaceable until a seat comes free, then is placed.
#[test]
fn who_found_no_seat_gets_the_one_that_comes_free() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH12 FRA-HAM 10:00 11:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.book(at("-1 10:00"), "BBBBBB", 1, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 10, 1);
    world.cancel(at("07:30"), &lost);
    world.seats(at("08:30"), &next, Cabin::Economy, 10, 2);
    let run = world.run();
    run.assert_clean();
    let seen: Vec<(String, Outcome)> = outcomes(&run).into_iter().map(|(pnr, outcome, _)| (pnr, outcome)).collect();
    let expect = |pnr: &str, outcome| (pnr.to_owned(), outcome);
    assert_eq!(
        seen,
        [expect("AAAAAA", Outcome::Rebooked), expect("BBBBBB", Outcome::Unplaceable), expect("BBBBBB", Outcome::Rebooked),]
    );
    let templates = told(&run);
    assert_eq!(templates.iter().filter(|name| *name == "unplaceable").count(), 1);
}

/// A diversion: on from where it landed.
#[test]
fn a_diverted_party_goes_on_from_where_it_landed() {
    let (lost, on) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH90 BRE-HAM 12:00 12:40"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.seats(at("-1 09:00"), &on, Cabin::Economy, 10, 1);
    world.flown(at("08:40"), &lost, FlightStatus::Diverted, at("08:00"), at("09:10"), Some("BRE"));
    world.disruption(at("08:40"), &lost, Phase::Opened, News::Diverted, "weather");
    let run = world.run();
    run.assert_clean();
    assert_eq!(outcomes(&run), [("AAAAAA".to_owned(), Outcome::Rebooked, vec!["LH90".to_owned()])]);
}

/// A cancelled booking ends its case with the fare, and gives its new seats back.
#[test]
fn a_booking_that_is_cancelled_after_the_disruption_is_refunded_and_frees_its_seats() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH12 FRA-HAM 10:00 11:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.book(at("-1 10:00"), "BBBBBB", 1, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 10, 1);
    world.cancel(at("07:30"), &lost);
    world.booking(at("08:30"), BookingKind::Cancelled, "AAAAAA", Vec::new(), Vec::new());
    let run = world.run();
    run.assert_clean();
    let last = |pnr: &str| outcomes(&run).into_iter().rfind(|(p, ..)| p == pnr).map(|(_, outcome, _)| outcome);
    assert_eq!(last("AAAAAA"), Some(Outcome::Refunded));
    assert_eq!(last("BBBBBB"), Some(Outcome::Rebooked));
}

/// What the PSS confirms is no second claim on the seat.
#[test]
fn a_confirmation_by_the_pss_is_not_counted_twice() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH12 FRA-HAM 10:00 11:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.book(at("-1 10:00"), "BBBBBB", 1, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 2, 1);
    world.cancel(at("07:30"), &lost);
    let confirmed = vec![segment(&next, Cabin::Economy)];
    world.booking(at("08:00"), BookingKind::Modified, "AAAAAA", world::party("AAAAAA", 1), confirmed);
    world.seats(at("08:00"), &next, Cabin::Economy, 2, 0);
    world.seats(at("08:20"), &next, Cabin::Economy, 2, 1);
    let run = world.run();
    run.assert_clean();
    let last = |pnr: &str| outcomes(&run).into_iter().rfind(|(p, ..)| p == pnr).map(|(_, outcome, _)| outcome);
    assert_eq!(last("AAAAAA"), Some(Outcome::Rebooked));
    assert_eq!(last("BBBBBB"), Some(Outcome::Rebooked), "the seat that came free at 08:20 is theirs");
    let placed = outcomes(&run).iter().filter(|(pnr, ..)| pnr == "AAAAAA").count();
    assert_eq!(placed, 1, "the confirmation changes nothing");
}

/// A delay without anything else: care when it is due, no sum below three hours.
#[test]
fn a_delay_of_two_and_a_half_hours_is_care_and_no_sum() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    let news = News::Late { departs: at("10:30"), arrives: at("11:30") };
    world.disruption(at("07:30"), &late, Phase::Opened, news, "airline");
    let arrived = News::In { departed: at("10:30"), arrived: at("11:30") };
    world.disruption(at("11:30"), &late, Phase::Resolved, arrived, "airline");
    let run = world.run();
    run.assert_clean();
    assert_eq!(kinds(&run), ["DISRUPTED", "CARE_DUE", "RESOLVED"]);
    let not = |status: &str| ("not_eligible".to_owned(), Some(0), status.to_owned());
    assert_eq!(decisions(&run), [not("provisional"), not("final")]);
    assert_eq!(told(&run), ["delayed", "care", "no_compensation"]);
}

/// Children alone, then reduced mobility, then infants, then those who connect, then cabin, tier and size of the party; the
/// locators stand in the opposite order.
// contract: S2-29 (order of passengers)
#[test]
fn seats_are_given_in_the_order_of_law_then_policy() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH12 FRA-HAM 10:00 11:00"));
    let onward = flight("LH50 HAM-ARN 12:00 13:30");
    let mut world = World::default();
    for cabin in [Cabin::Economy, Cabin::Business] {
        world.seats(at("-1 09:00"), &next, cabin, 50, 50);
    }
    let people = |pnr: &str, size: usize, change: &dyn Fn(&mut Traveller)| {
        let mut people = world::party(pnr, size);
        people.iter_mut().take(1).for_each(change);
        people
    };
    let queue: [(&str, Vec<Traveller>, Cabin, bool); 8] = [
        ("ZZZZZZ", people("Z", 1, &|p| p.ssr = vec!["UMNR".to_owned()]), Cabin::Economy, false),
        ("YYYYYY", people("Y", 2, &|p| p.ssr = vec!["WCHC".to_owned()]), Cabin::Economy, false),
        ("XXXXXX", people("X", 2, &|p| p.age_group = AgeGroup::Infant), Cabin::Economy, false),
        ("WWWWWW", people("W", 1, &|_| ()), Cabin::Economy, true),
        ("VVVVVV", people("V", 1, &|_| ()), Cabin::Business, false),
        ("UUUUUU", people("U", 1, &|p| p.tier = Tier::Gold), Cabin::Economy, false),
        ("TTTTTT", people("T", 3, &|_| ()), Cabin::Economy, false),
        ("SSSSSS", people("S", 1, &|_| ()), Cabin::Economy, false),
    ];
    for (pnr, people, cabin, connects) in &queue {
        let flights = [&lost, &onward];
        let segments = flights.iter().take(if *connects { 2 } else { 1 }).map(|flight| segment(flight, *cabin)).collect();
        world.booking(at("-1 10:00"), BookingKind::Created, pnr, people.clone(), segments);
    }
    world.cancel(at("07:30"), &lost);
    let run = world.run();
    run.assert_clean();
    let order: Vec<String> = outcomes(&run).into_iter().map(|(pnr, ..)| pnr).collect();
    assert_eq!(order, queue.iter().map(|(pnr, ..)| (*pnr).to_owned()).collect::<Vec<_>>());
}

/// Tier, fare and an unaccompanied child's code move nothing that the law owes.
#[test]
fn the_sum_is_the_same_for_every_tier_and_fare() {
    let lost = flight("LH10 FRA-HAM 08:00 09:00");
    let sums = |tier: Tier, cabin: Cabin| {
        let mut world = World::default();
        let mut people = world::party("AAAAAA", 1);
        people[0].tier = tier;
        world.booking(at("-1 10:00"), BookingKind::Created, "AAAAAA", people, vec![segment(&lost, cabin)]);
        world.cancel(at("07:30"), &lost);
        decisions(&world.run())
    };
    let plain = sums(Tier::None, Cabin::Economy);
    assert_eq!(plain.last(), Some(&("eligible".to_owned(), Some(250), "final".to_owned())), "no seat, no offer: the whole sum");
    for tier in [Tier::Silver, Tier::Gold, Tier::Platinum] {
        assert_eq!(sums(tier, Cabin::First), plain);
    }
}

/// Nobody says when the flight will leave: what falls due, falls due by the clock of the pipeline.
#[test]
fn care_and_choice_fall_due_while_nobody_knows_when_the_flight_leaves() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    world.disruption(at("08:20"), &late, Phase::Opened, News::Silent, "airline");
    let run = world.run();
    run.assert_clean();
    let due: Vec<(i64, String)> =
        run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter().map(|(when, event)| (when, event.kind.to_string())).collect();
    assert!(due.contains(&(at("10:00"), "CARE_DUE".to_owned())), "{due:?}");
    assert!(due.contains(&(at("13:00"), "CHOICE_OFFERED".to_owned())), "{due:?}");
}

/// Bad bookings are refused with the field; the good ones beside them go on.
#[test]
fn a_booking_that_makes_no_sense_is_refused_by_name() {
    let (one, two) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH50 HAM-ARN 08:30 10:00"));
    let mut world = World::default();
    world.book(at("05:00"), "AAAAAA", 0, &[&one]);
    world.book(at("05:00"), "BBBBBB", 1, &[]);
    world.book(at("05:00"), "CCCCCC", 1, &[&one, &two]);
    world.book(at("05:00"), "DDDDDD", 100, &[&one]);
    world.book(at("05:00"), "EEEEEE", 1, &[&one]);
    world.cancel(at("07:30"), &one);
    let run = world.run();
    let letters: Vec<String> = run.all::<DeadLetter>(t::DEAD_LETTER_QUEUE).into_iter().map(|(_, letter)| letter.error).collect();
    assert_eq!(letters.len(), 4, "{letters:?}");
    for field in ["passengers: 0", "segments: 0", "segments[1]: departs before", "passengers: 100"] {
        assert!(letters.iter().any(|error| error.contains(field)), "{field} in {letters:?}");
    }
    assert_eq!(outcomes(&run).len(), 1);
}

/// Fourteen minutes are no disruption, and yet the connection is gone: the way on is all that is heard of it.
#[test]
fn a_way_on_without_a_disruption_opens_the_case_by_itself() {
    let (inbound, onward) = (flight("LH20 BRE-FRA 07:00 08:00"), flight("LH30 FRA-VIE 09:00 10:30"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 2, &[&inbound, &onward]);
    let later = flight("LH32 FRA-VIE 14:00 15:30");
    let news = way("AAAAAA", 1, Outcome::Rebooked, vec![segment(&later, Cabin::Economy)]);
    world.push(at("08:20"), t::REACCOMMODATION, "AAAAAA", &news);
    let home = Reaccommodation { arrived_at: Some(at("15:40")), arrival_delay_min: Some(310), ..news };
    world.push(at("15:40"), t::REACCOMMODATION, "AAAAAA", &home);
    let run = world.run();
    run.assert_clean();
    assert_eq!(told(&run).iter().filter(|name| *name == "rebooked").count(), 2, "{:?}", told(&run));
    let last = decisions(&run).pop().unwrap();
    assert_eq!((last.0.as_str(), last.2.as_str()), ("undetermined", "provisional"), "five hours late, and nobody knows why");
}

/// Live, topics race: the way on can be here before the booking, and before the disruption that it answers.
#[test]
fn a_way_on_that_comes_first_waits_for_the_booking() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH16 FRA-HAM 13:00 14:00"));
    let mut world = World::default();
    let news = way("AAAAAA", 0, Outcome::Rebooked, vec![segment(&next, Cabin::Economy)]);
    world.push(at("07:00"), t::REACCOMMODATION, "AAAAAA", &news);
    world.book(at("07:10"), "AAAAAA", 1, &[&lost]);
    world.cancel(at("07:20"), &lost);
    let run = world.run();
    run.assert_clean();
    assert_eq!(kinds(&run).iter().filter(|kind| *kind == "REBOOKED").count(), 1);
    assert_eq!(kinds(&run).iter().filter(|kind| *kind == "DISRUPTED").count(), 1);
}

/// The return journey has a case of its own, whatever stands of the outbound one.
#[test]
fn a_way_on_for_the_return_is_not_taken_for_one_of_the_outbound_journey() {
    let (out, back) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH11 HAM-FRA +2 08:00 +2 09:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&out, &back]);
    world.cancel(at("07:30"), &out);
    let news = way("AAAAAA", 1, Outcome::Unplaceable, Vec::new());
    world.push(at("+1 10:00"), t::REACCOMMODATION, "AAAAAA", &news);
    let run = world.run();
    run.assert_clean();
    let said = run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter();
    let stranded: Vec<String> = said
        .filter(|(_, event)| event.kind.to_string() == "UNPLACEABLE" && event.reason == "by hand")
        .map(|(_, event)| event.leg)
        .collect();
    assert_eq!(stranded, [back.leg.to_string()]);
}

/// That a cancelled flight is no longer watched, days later, is no news and not late.
#[test]
fn what_is_over_may_be_resolved_again_and_again() {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH16 FRA-HAM 13:00 14:00"));
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 100, 5);
    world.cancel(at("07:30"), &lost);
    world.flown(at("14:20"), &next, FlightStatus::Arrived, at("13:05"), at("14:20"), None);
    let before = world.run();
    world.disruption(at("+2 08:00"), &lost, Phase::Resolved, News::Cancelled, "airline");
    world.disruption(at("+5 08:00"), &lost, Phase::Resolved, News::Cancelled, "airline");
    let after = world.run();
    after.assert_clean();
    assert_eq!(after.late(), 0);
    assert_eq!((kinds(&after), decisions(&after)), (kinds(&before), decisions(&before)));
}

/// A cause that is corrected after the arrival revises the decision; the passengers hear nothing of the leg again.
#[test]
fn a_correction_after_the_end_revises_the_decision() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    let arrived = News::In { departed: at("12:00"), arrived: at("13:00") };
    // Opened and over at one instant: nothing was known before it was in.
    world.disruption(at("13:00"), &late, Phase::Opened, arrived, "airline");
    world.disruption(at("13:00"), &late, Phase::Resolved, arrived, "airline");
    world.disruption(at("13:30"), &late, Phase::Resolved, arrived, "weather");
    let run = world.run();
    run.assert_clean();
    assert_eq!(run.late(), 0);
    let decisions: Vec<(String, String)> = decisions(&run).into_iter().map(|(decision, _, status)| (decision, status)).collect();
    let pair = |decision: &str| (decision.to_owned(), "final".to_owned());
    assert_eq!(decisions.first(), Some(&pair("eligible")));
    assert_ne!(decisions.last(), Some(&pair("eligible")), "weather may excuse");
    assert!(!kinds(&run).contains(&"DISRUPTED".to_owned()), "they sat in it: {:?}", kinds(&run));
}

/// A journey that was travelled days ago is not planned anew when the next one is in trouble.
#[test]
fn a_journey_that_is_over_is_left_alone() {
    let (first, second) = (flight("LH20 BRE-FRA -2 07:00 -2 08:00"), flight("LH30 FRA-VIE -2 09:00 -2 10:30"));
    let (back, again) = (flight("LH31 VIE-FRA 12:00 13:30"), flight("LH33 FRA-VIE 09:00 10:30"));
    let mut world = World::default();
    world.book(at("-3 10:00"), "AAAAAA", 1, &[&first, &second, &back]);
    world.seats(at("-3 09:00"), &first, Cabin::Economy, 100, 5);
    world.seats(at("-3 09:00"), &again, Cabin::Economy, 100, 5);
    world.flown(at("-2 08:14"), &first, FlightStatus::Arrived, at("-2 07:30"), at("-2 08:40"), None);
    world.cancel(at("06:00"), &back);
    let run = world.run();
    run.assert_clean();
    assert_eq!(outcomes(&run), [("AAAAAA".to_owned(), Outcome::Unplaceable, Vec::new())]);
}

/// What `recover` says, by hand.
fn way(pnr: &str, segment: i32, outcome: Outcome, segments: Vec<Segment>) -> Reaccommodation {
    let offset = (!segments.is_empty()).then_some(300);
    Reaccommodation {
        pnr: pnr.parse().unwrap(),
        organisation: world::ORGANISATION.parse().unwrap(),
        disruption: format!("by-hand-{segment}"),
        outcome,
        reason: "by hand".to_owned(),
        segments,
        passengers: world::party(pnr, 1).iter().map(|person| person.passenger).collect(),
        arrival_delay_min: offset,
        departure_offset_min: offset,
        segment,
        arrived_at: None,
    }
}
