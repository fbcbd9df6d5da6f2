//! What happens at the gate, from `boarding.events` to decision, money, notice and audit.

use std::collections::BTreeSet;

use slipstream_schemas::records::{
    Boarding, BoardingKind, Cabin, Claim, DeadLetter, Exposure, Notification, PassengerEvent, PassengerKind, PaymentDue, Phase,
    RightsDecision,
};
use slipstream_schemas::topics as t;

use super::owed::what_was_audited_is_answered_again;
use super::world::{Flight, HOUR, MINUTE, News, ORGANISATION, Outcome, World, at, flight};

fn booked() -> Flight {
    flight("LH10 FRA-HAM 08:00 09:00")
}

/// A party of two, on one flight.
fn party_of_two() -> World {
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 2, &[&booked()]);
    world
}

/// Something at the gate to both of them.
fn boarding(kind: BoardingKind) -> Boarding {
    Boarding {
        pnr: "AAAAAA".parse().unwrap(),
        organisation: ORGANISATION.parse().unwrap(),
        leg: booked().leg,
        passengers: ["AAAAAA-1", "AAAAAA-2"].map(|id| id.parse().unwrap()).into(),
        kind,
        volunteered: false,
        standby: false,
        benefit: String::new(),
        cause: "overbooking".to_owned(),
        cabin_paid: Cabin::Economy,
        cabin_flown: Cabin::Economy,
        segment_price_minor: None,
        currency: None,
        reroute_offered: None,
        reroute_departure_offset_min: None,
        reroute_arrival_delay_min: None,
        arrived_at: None,
    }
}

/// Refused, with the offer of another flight so many minutes later.
fn refused(later_min: i32) -> Boarding {
    let offer = Some(later_min);
    Boarding {
        reroute_offered: Some(true),
        reroute_departure_offset_min: offer,
        reroute_arrival_delay_min: offer,
        ..boarding(BoardingKind::Refused)
    }
}

fn seated_lower(price_minor: Option<i64>) -> Boarding {
    Boarding {
        cause: "equipment_change".to_owned(),
        cabin_paid: Cabin::Business,
        segment_price_minor: price_minor,
        currency: price_minor.map(|_| "EUR".parse().unwrap()),
        ..boarding(BoardingKind::Downgraded)
    }
}

fn say(world: &mut World, when: i64, boarding: &Boarding) {
    world.push(when, t::BOARDING_EVENTS, boarding.pnr.as_str(), boarding);
}

/// Decision, sum and status of the first passenger's revisions.
fn decisions(run: &Outcome) -> Vec<(String, Option<i64>, String)> {
    let all = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter();
    let first = all.filter(|(_, decision)| decision.passenger.as_str() == "AAAAAA-1");
    first.map(|(_, d)| (d.rights.decision, d.rights.amount, d.rights.status)).collect()
}

fn row(decision: &str, sum: i64, status: &str) -> (String, Option<i64>, String) {
    (decision.to_owned(), Some(sum), status.to_owned())
}

/// What the first passenger is to be paid: claim, minor units, days.
fn payments(run: &Outcome) -> Vec<(Claim, Option<i64>, Option<i64>)> {
    let all = run.all::<PaymentDue>(t::PASSENGER_EVENTS).into_iter();
    let first = all.filter(|(_, payment)| payment.passenger.as_str() == "AAAAAA-1");
    first.map(|(when, p)| (p.claim, p.amount_minor, p.due_by.map(|by| (by - when) / (24 * HOUR)))).collect()
}

fn said(run: &Outcome, kind: PassengerKind) -> Vec<String> {
    let all = run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter();
    all.filter(|(_, e)| e.kind == kind && e.passenger.as_str() == "AAAAAA-1").map(|(_, event)| event.reason).collect()
}

/// What was offered, how late they arrived, and what that gives on a flight of less than 1,500 km.
// contract: S2-28 (denied boarding in the pipeline)
#[test]
fn who_is_refused_is_paid_at_once_and_again_if_the_arrival_says_otherwise() {
    let sum = |minor| (Claim::Compensation, Some(minor), Some(0));
    let half = row("eligible", 125, "provisional");
    let cases = [
        ("within two hours, as offered", 100, 100, vec![half.clone(), row("eligible", 125, "final")], vec![sum(12_500)]),
        (
            "three hours, as offered",
            180,
            175,
            vec![row("eligible", 250, "provisional"), row("eligible", 250, "final")],
            vec![sum(25_000)],
        ),
        ("later than offered", 100, 200, vec![half, row("eligible", 250, "final")], vec![sum(12_500), sum(25_000)]),
    ];
    for (name, offered, arrived, expected, paid) in cases {
        let mut world = party_of_two();
        say(&mut world, at("07:40"), &refused(offered));
        let arrived_at = booked().arrival + arrived * MINUTE;
        say(&mut world, arrived_at, &Boarding { arrived_at: Some(arrived_at), ..refused(offered) });
        let run = world.run();
        run.assert_clean();
        assert_eq!(decisions(&run), expected, "{name}");
        assert_eq!(payments(&run), paid, "{name}");
        assert_eq!(said(&run, PassengerKind::CareDue), ["meals, communications"], "{name}");
        assert_eq!(said(&run, PassengerKind::ChoiceOffered), ["refund or re-routing"], "{name}");
        what_was_audited_is_answered_again(&run);
    }
}

/// Nobody says that they arrived, nobody offered anything, or the reason was their own.
#[test]
fn a_refusal_without_an_arrival_ends_all_the_same() {
    let none = Boarding { reroute_offered: Some(false), ..boarding(BoardingKind::Refused) };
    let late = Boarding { cause: "late_at_gate".to_owned(), ..boarding(BoardingKind::Refused) };
    let weather = Boarding { cause: "weather_below_minima".to_owned(), ..none.clone() };
    let standby = Boarding { standby: true, ..none.clone() };
    let cases = [
        ("without a confirmed reservation: Article 3(2)(a)", standby, row("out_of_scope", 0, "final")),
        ("as offered", refused(100), row("eligible", 125, "final")),
        ("nothing offered", none, row("eligible", 250, "final")),
        ("no defence of circumstances (C-22/11)", weather, row("eligible", 250, "final")),
        ("too late at the gate", late, row("not_eligible", 0, "final")),
    ];
    for (name, boarding, expected) in cases {
        let mut world = party_of_two();
        say(&mut world, at("07:40"), &boarding);
        let run = world.run();
        run.assert_clean();
        assert_eq!(decisions(&run).last(), Some(&expected), "{name}");
        what_was_audited_is_answered_again(&run);
    }
}

/// Article 4(1): benefits as agreed, beside them the choice; no sum and no care.
#[test]
fn a_volunteer_has_what_was_agreed_and_the_choice() {
    let mut world = party_of_two();
    let agreed = Boarding { volunteered: true, benefit: "300 EUR".to_owned(), ..refused(100) };
    say(&mut world, at("07:40"), &agreed);
    let run = world.run();
    run.assert_clean();
    assert_eq!(decisions(&run), [row("not_eligible", 0, "final")]);
    assert!(payments(&run).is_empty() && said(&run, PassengerKind::CareDue).is_empty());
    assert_eq!(said(&run, PassengerKind::ChoiceOffered), ["refund or re-routing"]);
    let audits = run.all::<slipstream_schemas::records::Audit>(t::DECISION_AUDIT);
    let told = |audit: &slipstream_schemas::records::Audit| {
        audit.inputs.iter().any(|input| input.contains("volunteered, agreed: 300 EUR"))
    };
    assert!(audits.iter().filter(|(_, audit)| audit.stage == "entitle").all(|(_, audit)| told(audit)));
    what_was_audited_is_answered_again(&run);
}

/// One of two was refused, the other flew four hours late: each has one sum, by what happened to them.
#[test]
fn a_party_that_was_parted_is_judged_apart_and_nobody_twice() {
    let alone = |boarding: Boarding| Boarding { passengers: vec!["AAAAAA-1".parse().unwrap()], ..boarding };
    for order in [["07:40", "07:30"], ["07:30", "07:40"], ["07:30", "07:30"]] {
        let [gate, news] = order.map(at);
        let mut world = party_of_two();
        let late = News::Late { departs: at("12:00"), arrives: at("13:00") };
        world.disruption(news, &booked(), Phase::Opened, late, "airline");
        say(&mut world, gate, &alone(refused(100)));
        say(&mut world, at("10:40"), &alone(Boarding { arrived_at: Some(at("10:40")), ..refused(100) }));
        let arrived = News::In { departed: at("12:00"), arrived: at("13:00") };
        world.disruption(at("13:00"), &booked(), Phase::Resolved, arrived, "airline");
        let run = world.run();
        run.assert_clean();
        let mut last = std::collections::BTreeMap::new();
        for (_, payment) in run.all::<PaymentDue>(t::PASSENGER_EVENTS) {
            last.insert(payment.passenger.to_string(), payment.amount_minor);
        }
        let expected = [("AAAAAA-1".to_owned(), Some(12_500)), ("AAAAAA-2".to_owned(), Some(25_000))];
        assert_eq!(last, expected.into(), "{order:?}");
        let exposed = run.all::<Exposure>(t::LIABILITY_LEGS).into_iter().map(|(_, exposed)| exposed);
        let settled = exposed.map(|exposed| exposed.stakes.iter().map(|stake| stake.settled_minor).sum::<i64>()).max();
        assert_eq!(settled, Some(37_500), "both cases of the booking count: {order:?}");
    }
}

/// All were refused: the flight that leaves without them is none of their business.
#[test]
fn who_was_refused_is_told_nothing_of_the_flight_that_left() {
    let mut world = party_of_two();
    say(&mut world, at("07:40"), &refused(100));
    world.disruption(at("08:30"), &booked(), Phase::Opened, News::Late { departs: at("12:00"), arrives: at("13:00") }, "airline");
    let run = world.run();
    run.assert_clean();
    assert!(said(&run, PassengerKind::Disrupted).is_empty());
    let legs: BTreeSet<String> =
        run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter().map(|(_, decision)| decision.disruption).collect();
    assert_eq!(legs.into_iter().collect::<Vec<_>>(), ["LH10/2026-03-02/FRA-HAM REFUSED"]);
}

/// Article 10: a share of the price within seven days, whatever the cause, beside the sum for a delay.
// contract: S2-28 (downgrade in the pipeline)
#[test]
fn a_lower_class_gives_a_share_of_the_price_back() {
    let mut world = party_of_two();
    say(&mut world, at("07:20"), &seated_lower(Some(20_050)));
    let arrived = News::In { departed: at("12:00"), arrived: at("13:00") };
    world.disruption(at("13:00"), &booked(), Phase::Opened, arrived, "airline");
    let run = world.run();
    run.assert_clean();
    assert_eq!(decisions(&run), [row("downgrade_refund", 0, "final"), row("eligible", 250, "final")]);
    let refund = (Claim::DowngradeRefund, Some(6_015), Some(7));
    assert_eq!(payments(&run), [refund, (Claim::Compensation, Some(25_000), None)]);
    let notices = run.all::<Notification>(t::NOTIFICATIONS);
    let told = |(_, notice): &(i64, Notification)| notice.template == "class_refund" && notice.text.contains("60.15 EUR");
    assert_eq!(notices.iter().filter(|notice| told(notice)).count(), 2);
    what_was_audited_is_answered_again(&run);
}

/// A price that nobody knows leaves it open; a price that comes later settles it, another one corrects it.
#[test]
fn the_price_settles_what_a_lower_class_gives() {
    let mut world = party_of_two();
    for (when, price) in [("07:20", None), ("09:30", Some(20_000)), ("10:30", Some(30_000))] {
        say(&mut world, at(when), &seated_lower(price));
    }
    let run = world.run();
    run.assert_clean();
    assert_eq!(decisions(&run)[0].0, "undetermined");
    let refund = |minor| (Claim::DowngradeRefund, Some(minor), Some(7));
    assert_eq!(payments(&run), [refund(6_000), refund(9_000)]);
    let mut world = party_of_two();
    say(&mut world, at("07:20"), &boarding(BoardingKind::Upgraded));
    let run = world.run();
    assert!(payments(&run).is_empty() && decisions(&run)[0].0 == "not_eligible", "no supplement: {:?}", decisions(&run));
}

/// What came before the booking waits for it; the same again is silent.
#[test]
fn a_word_from_the_gate_waits_for_its_booking_and_is_taken_once() {
    let mut world = World::default();
    for when in ["07:00", "07:40", "07:50"] {
        say(&mut world, at(when), &refused(100));
    }
    world.book(at("07:10"), "AAAAAA", 2, &[&booked()]);
    let run = world.run();
    run.assert_clean();
    assert_eq!(payments(&run).len(), 1);
    assert_eq!(said(&run, PassengerKind::CareDue).len(), 1);
}

/// What the gate cannot say, by field.
#[test]
fn a_word_from_the_gate_that_makes_no_sense_is_refused_by_name() {
    let table = [
        (boarding(BoardingKind::Unknown), "kind: not known"),
        (Boarding { passengers: Vec::new(), ..refused(10) }, "passengers: empty"),
        (Boarding { passengers: vec!["ZZ".parse().unwrap()], ..refused(10) }, "passengers: ZZ is not on AAAAAA"),
        (
            Boarding { leg: "LH9/2026-03-02/FRA-HAM".parse().unwrap(), ..refused(10) },
            "leg: LH9/2026-03-02/FRA-HAM is not on AAAAAA",
        ),
        (Boarding { cause: "bad mood".to_owned(), ..refused(10) }, "cause: `bad mood` is no cause"),
        (seated_lower(Some(-1)), "segment_price_minor: -1 is below 0"),
        (Boarding { currency: None, ..seated_lower(Some(1)) }, "currency: missing"),
    ];
    for (wrong, expected) in table {
        let mut world = party_of_two();
        say(&mut world, at("07:40"), &wrong);
        let run = world.run();
        let letters = run.all::<DeadLetter>(t::DEAD_LETTER_QUEUE);
        let [(_, letter)] = &letters[..] else { panic!("{expected}: {letters:?}") };
        assert!(letter.reason == "invalid boarding" && letter.error.contains(expected), "{letter:?}");
        assert!(decisions(&run).is_empty());
    }
}
