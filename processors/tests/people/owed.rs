//! What is said of care, choice, decision and money; the audit of each, asked again; what money never comes from.

use std::collections::BTreeSet;

use proptest::prelude::*;
use slipstream_processors::rights::{self, decide_line};
use slipstream_schemas::records::{
    Audit, BookingKind, Cabin, Claim, PassengerEvent, PassengerKind, PaymentDue, Phase, RightsDecision, Tier,
};
use slipstream_schemas::topics as t;
use slipstream_schemas::wire::Wire;

use super::world::{self, HOUR, News, Outcome, World, at, flight, segment};

/// Instant, decision, sum and status of each revision.
fn decisions(run: &Outcome) -> Vec<(i64, String, Option<i64>, String)> {
    let all = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter();
    all.map(|(at, d)| (at, d.rights.decision, d.rights.amount, d.rights.status)).collect()
}

fn payments(run: &Outcome) -> Vec<(i64, PaymentDue)> {
    run.all(t::PASSENGER_EVENTS)
}

/// Instant and reason of each event of a kind.
fn said(run: &Outcome, kind: PassengerKind) -> Vec<(i64, String)> {
    let all = run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter();
    all.filter(|(_, event)| event.kind == kind).map(|(at, event)| (at, event.reason)).collect()
}

fn templates(run: &Outcome) -> Vec<String> {
    let all = run.all::<slipstream_schemas::records::Notification>(t::NOTIFICATIONS).into_iter();
    all.map(|(_, notice)| notice.template).collect()
}

/// One flight, `arrives` late for a cause.
pub(super) fn late_by(hours: i64, cause: &str) -> World {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let (departed, arrived) = (late.departure + hours * HOUR, late.arrival + hours * HOUR);
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    world.disruption(at("07:30"), &late, Phase::Opened, News::Late { departs: departed, arrives: arrived }, cause);
    world.disruption(arrived, &late, Phase::Resolved, News::In { departed, arrived }, cause);
    world
}

/// In block and the cause known: final, and the money is due in the terms of Article 7(3).
// contract: S2-28 (the decision in the pipeline)
#[test]
fn a_sum_is_due_when_arrival_and_cause_are_known() {
    let run = late_by(4, "airline").run();
    run.assert_clean();
    let (news, arrival) = (at("07:30"), at("13:00"));
    let eligible = |at: i64, status: &str| (at, "eligible".to_owned(), Some(250), status.to_owned());
    assert_eq!(decisions(&run), [eligible(news, "provisional"), eligible(arrival, "final")]);
    let [(due, payment)] = &payments(&run)[..] else { panic!("{:?}", payments(&run)) };
    assert_eq!((*due, payment.claim, payment.covers), (arrival, Claim::Compensation, 1));
    assert_eq!((payment.amount_minor, payment.currency.as_deref()), (Some(25_000), Some("EUR")));
    assert_eq!((payment.due_by, payment.basis.as_str()), (None, "Article 7(1) and (3): no period is fixed"));
    assert!(payment.forms.iter().any(|form| form == "electronic bank transfer") && payment.forms.len() == 5);
    assert_eq!((payment.liable_carrier.as_deref(), payment.revision), (Some("LH"), 2));
}

/// The journey is over, the measures were never proved or disproved: no final answer, and the passenger hears that.
#[test]
fn what_is_undetermined_is_never_final() {
    let run = late_by(4, "weather").run();
    run.assert_clean();
    let last = run.all::<RightsDecision>(t::PASSENGER_EVENTS).pop().unwrap().1;
    assert_eq!((last.rights.decision.as_str(), last.rights.status.as_str(), last.closed), ("undetermined", "provisional", true));
    assert!(last.rights.missing.contains(&"reasonable_measures_proved".to_owned()), "{last:?}");
    assert!(last.because.contains("reasonable_measures_proved"), "{}", last.because);
    assert!(payments(&run).is_empty());
    assert!(templates(&run).contains(&"compensation_open".to_owned()));
}

/// Nobody ever says that it arrived: whether it was three hours late is not known.
#[test]
fn an_arrival_that_nobody_reports_leaves_the_decision_open() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    let news = News::Late { departs: at("12:00"), arrives: at("13:00") };
    world.disruption(at("07:30"), &late, Phase::Opened, news, "airline");
    world.disruption(at("+2 08:00"), &late, Phase::Resolved, news, "airline");
    let run = world.run();
    run.assert_clean();
    let last = run.all::<RightsDecision>(t::PASSENGER_EVENTS).pop().unwrap().1;
    assert_eq!((last.rights.decision.as_str(), last.rights.status.as_str()), ("undetermined", "provisional"));
    assert_eq!((last.rights.missing, last.closed), (vec!["arr_delay_min_final".to_owned()], true));
}

/// Meals in the morning, the hotel when the night shows; in extraordinary circumstances too (C-12/11).
#[test]
fn each_kind_of_care_is_said_once_whatever_the_cause() {
    let late = flight("LH10 FRA-HAM 16:00 17:00");
    for cause in ["weather", "airline"] {
        let mut world = World::default();
        world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
        let first = News::Late { departs: at("19:00"), arrives: at("20:00") };
        let night = News::Late { departs: at("+1 07:00"), arrives: at("+1 08:00") };
        world.disruption(at("15:00"), &late, Phase::Opened, first, cause);
        world.disruption(at("18:00"), &late, Phase::Updated, night, cause);
        let run = world.run();
        run.assert_clean();
        let care = said(&run, PassengerKind::CareDue);
        let expected = [(at("15:00"), "meals, communications"), (at("18:00"), "hotel, transport")];
        assert_eq!(care, expected.map(|(at, kinds)| (at, kinds.to_owned())), "{cause}");
    }
}

/// Five hours late gives the refund; cancelled after that gives re-routing beside it.
#[test]
fn the_choice_is_offered_again_when_it_becomes_wider() {
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&late]);
    let news = News::Late { departs: at("13:00"), arrives: at("14:00") };
    world.disruption(at("07:30"), &late, Phase::Opened, news, "airline");
    world.disruption(at("12:00"), &late, Phase::Updated, News::Cancelled, "airline");
    let run = world.run();
    run.assert_clean();
    let choices = said(&run, PassengerKind::ChoiceOffered);
    let expected = [(at("07:30"), "refund"), (at("12:00"), "refund or re-routing")];
    assert_eq!(choices, expected.map(|(at, choice)| (at, choice.to_owned())));
}

/// The whole price within seven days, to the party (Article 8(1)(a)).
#[test]
fn a_refund_that_was_chosen_is_due_in_seven_days() {
    let lost = flight("LH10 FRA-HAM 08:00 09:00");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 2, &[&lost]);
    world.cancel(at("07:30"), &lost);
    world.booking(at("08:30"), BookingKind::Cancelled, "AAAAAA", Vec::new(), Vec::new());
    let run = world.run();
    run.assert_clean();
    let refunds: Vec<PaymentDue> = payments(&run).into_iter().map(|(_, p)| p).filter(|p| p.claim == Claim::Refund).collect();
    let [refund] = &refunds[..] else { panic!("{refunds:?}") };
    assert_eq!((refund.amount_minor, refund.covers), (Some(10_000), 2));
    assert_eq!(refund.due_by, Some(at("08:30") + 7 * 24 * HOUR));
}

/// A cause that is corrected takes a sum back until it is clear again.
#[test]
fn a_correction_takes_back_what_was_due() {
    let mut world = late_by(4, "airline");
    let late = flight("LH10 FRA-HAM 08:00 09:00");
    let arrived = News::In { departed: at("12:00"), arrived: at("13:00") };
    world.disruption(at("13:30"), &late, Phase::Resolved, arrived, "weather");
    world.disruption(at("14:00"), &late, Phase::Resolved, arrived, "airline");
    let run = world.run();
    run.assert_clean();
    let sums: Vec<Option<i64>> = payments(&run).into_iter().map(|(_, payment)| payment.amount_minor).collect();
    assert_eq!(sums, [Some(25_000), Some(0), Some(25_000)]);
    let revisions: Vec<i32> = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter().map(|(_, d)| d.revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
}

/// A day with every kind of event: cancelled, rebooked, diverted, long delays of every cause, a refund.
fn mixed_day() -> World {
    let mut world = World::default();
    let causes = ["airline", "weather", "late_inbound", "unknown", "atc"];
    for (number, cause) in causes.into_iter().enumerate() {
        let late = flight(&format!("LH{} FRA-JFK 08:00 16:30", 400 + number));
        let pnr = format!("LATE{number:02}");
        world.book(at("-1 10:00"), &pnr, 2, &[&late]);
        let (departs, arrives) = (late.departure + 5 * HOUR, late.arrival + (2 + number as i64) * HOUR);
        world.disruption(at("07:30"), &late, Phase::Opened, News::Late { departs, arrives }, cause);
        world.disruption(arrives, &late, Phase::Resolved, News::In { departed: departs, arrived: arrives }, cause);
    }
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH16 FRA-HAM 13:00 14:00"));
    world.book(at("-1 10:00"), "CANCEL", 2, &[&lost]);
    world.book(at("-1 10:00"), "REFUND", 1, &[&lost]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 100, 50);
    world.cancel(at("07:30"), &lost);
    world.booking(at("08:30"), BookingKind::Cancelled, "REFUND", Vec::new(), Vec::new());
    world.flown(at("14:20"), &next, slipstream_schemas::records::FlightStatus::Arrived, at("13:05"), at("14:20"), None);
    let abroad = flight("AA100 JFK-LAX 08:00 14:00");
    world.book(at("-1 10:00"), "ABROAD", 1, &[&abroad]);
    world.disruption(at("07:30"), &abroad, Phase::Opened, News::Late { departs: at("14:00"), arrives: at("20:00") }, "airline");
    world
}

/// How many choices were audited, and the first words of each: asked again, each case gives its outcome.
pub(super) fn what_was_audited_is_answered_again(run: &Outcome) -> (usize, BTreeSet<String>) {
    let audits: Vec<Audit> = run.all::<Audit>(t::DECISION_AUDIT).into_iter().map(|(_, audit)| audit).collect();
    let audits: Vec<Audit> = audits.into_iter().filter(|audit| audit.stage == "entitle").collect();
    let mut answered = BTreeSet::new();
    for audit in &audits {
        let line = audit.inputs.iter().find_map(|input| input.strip_prefix("case=")).unwrap();
        let answer = decide_line(line, 1);
        assert!(answer.warnings.is_empty(), "{line}: {:?}", answer.warnings);
        let json: serde_json::Value = serde_json::from_str(&answer.json).unwrap();
        assert_eq!(json["ruleset"].as_str(), Some(audit.rule.as_str()), "{line}");
        let rules = json["rules"].as_array().unwrap().iter().map(|rule| format!("{}={}", rule["id"], rule["fact"]));
        let rules: Vec<String> = rules.map(|rule| rule.replace('"', "")).collect();
        let proof = audit.inputs[2..].iter().filter(|input| !input.starts_with("submission=") && !input.starts_with("boarding="));
        assert_eq!(rules, proof.cloned().collect::<Vec<_>>(), "{line}");
        if audit.decision.ends_with("al)") {
            let sum = match json["amount"].as_i64() {
                Some(amount) => format!("{amount} {}", json["currency"].as_str().unwrap_or("-")),
                None => "open".to_owned(),
            };
            let outcome = format!("{} {sum}", json["decision"].as_str().unwrap());
            assert!(audit.decision.starts_with(&outcome), "{line}: {outcome}, not {}", audit.decision);
        }
        answered.insert(audit.decision.split([' ', ':']).next().unwrap().to_owned());
    }
    (audits.len(), answered)
}

/// Each choice has its audit: the case as it was asked, the rule set and the outcome; and the case, asked again by the door
/// of `slipstream rights`, gives that outcome.
// contract: S2-28 (audit), S2-29 (audit trail), S2-37 (audit of entitlements)
#[test]
fn every_audited_case_gives_its_outcome_again() {
    let run = mixed_day().run();
    run.assert_clean();
    let (audits, answered) = what_was_audited_is_answered_again(&run);
    let kinds: Vec<&str> = answered.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["care", "choice", "eligible", "not_eligible", "out_of_scope", "payment", "undetermined"]);
    let choices = |kind: PassengerKind| said(&run, kind).len();
    let said =
        choices(PassengerKind::CareDue) + choices(PassengerKind::ChoiceOffered) + decisions(&run).len() + payments(&run).len();
    assert!(audits <= said && audits * 2 >= said, "one audit a choice, not a passenger: {audits} of {said}");
}

/// Nothing but the journey, the event, its cause and whether the law protects the passenger: a field that is added has to
/// be added here, with its article.
#[test]
fn the_law_is_asked_nothing_about_loyalty_offers_or_no_shows() {
    let rights::Case {
        id: _, // echoed
        as_of: _,
        origin: _,
        destination: _,
        via: _,
        separate_bookings: _,
        legs: _, // Articles 2(h), 3(1)
        operating_carrier: _,
        marketing_carrier: _,
        licence: _, // Articles 2(b), 3(1)(b), 3(5)
        event: _,
        dep_delay_min: _,
        arrival: _,
        advance_min: _,
        retimed_by_min: _, // Articles 4, 5, 6
        notice_min: _,
        only_agent_told: _,
        reroute: _,
        is_reroute_flight: _, // Article 5(1)(c)
        choice: _,
        overnight_wait: _, // Articles 8, 9
        cause: _,
        delay_breakdown: _,
        defence: _, // Article 5(3)
        diverted_to: _,
        unscheduled_stopover: _,
        other_region: _,
        transfer_provided: _, // Article 8(3)
        flight_operated: _,
        onward_separate_ticket: _,
        is_return: _, // Articles 2(h), 2(j), 2(l)
        wet_lease: _,
        wet_lessor: _,
        helicopter: _,
        third_country_benefits: _, // Articles 2(b), 3(4), 3(1)(b)
        seat,
        passenger,
    } = rights::Case::default();
    let rights::Seat { upgraded: _, segment_price: _, ticket_price: _, currency: _, journey_destination: _ } = seat; // Article 10
    let rights::Passenger {
        fare: _,
        confirmed: _,
        presented: _,
        infant: _,
        volunteered: _,
        documents_valid: _, // Articles 3(2), 3(3), 4
        travelled: _,
        self_rebooked: _,
        own_arrival_delay_min: _, // C-474/22, C-54/23
    } = passenger;
}

/// Bytes of all that was decided of entitlements, with instants.
fn entitlements(run: &Outcome) -> Vec<(i64, Vec<u8>)> {
    let said = run.all::<PassengerEvent>(t::PASSENGER_EVENTS).into_iter().map(|(at, m)| (at, m.to_bytes()));
    let decided = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter().map(|(at, m)| (at, m.to_bytes()));
    let due = payments(run).into_iter().map(|(at, m)| (at, m.to_bytes()));
    let audits = run.all::<Audit>(t::DECISION_AUDIT).into_iter();
    let audits = audits.filter(|(_, audit)| audit.stage == "entitle").map(|(at, m)| (at, m.to_bytes()));
    said.chain(decided).chain(due).chain(audits).collect()
}

/// A flight that is cancelled and one that is late, with the passengers as given.
fn day_of(people: &[(Tier, Vec<String>)]) -> Outcome {
    let (lost, next) = (flight("LH10 FRA-HAM 08:00 09:00"), flight("LH16 FRA-HAM 13:00 14:00"));
    let late = flight("LH20 FRA-CDG 08:00 09:10");
    let mut world = World::default();
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 100, 50);
    for (number, (tier, ssr)) in people.iter().enumerate() {
        let mut party = world::party(&format!("P{number}"), 1);
        party[0].tier = *tier;
        party[0].ssr.clone_from(ssr);
        let pnr = ["AAAAAA", "BBBBBB", "CCCCCC", "DDDDDD"][number];
        let booked = if number % 2 == 0 { &lost } else { &late };
        world.booking(at("-1 10:00"), BookingKind::Created, pnr, party, vec![segment(booked, Cabin::Economy)]);
    }
    world.cancel(at("07:30"), &lost);
    let (departs, arrives) = (at("13:00"), at("14:10"));
    world.disruption(at("07:40"), &late, Phase::Opened, News::Late { departs, arrives }, "airline");
    world.disruption(arrives, &late, Phase::Resolved, News::In { departed: departs, arrived: arrives }, "airline");
    world.flown(at("14:20"), &next, slipstream_schemas::records::FlightStatus::Arrived, at("13:05"), at("14:20"), None);
    let run = world.run();
    run.assert_clean();
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Tier, and whatever else a carrier notes of a customer (a gold card, an offer made, seats missed before), order a
    /// queue for seats; with seats for all, they change no byte of what the law gives.
    // contract: S2-28 (money comes from the law alone)
    #[test]
    fn loyalty_offers_and_no_shows_change_no_byte_of_what_is_owed(
        people in prop::collection::vec(
            (
                prop::sample::select(vec![Tier::None, Tier::Silver, Tier::Gold, Tier::Platinum]),
                prop::collection::vec(prop::sample::select(vec!["VIP", "OTHS NOSHOW 3", "OTHS VOUCHER 100 EUR", "FQTV"]), 0..3),
            ),
            4,
        ),
    ) {
        let people: Vec<(Tier, Vec<String>)> =
            people.into_iter().map(|(tier, notes)| (tier, notes.into_iter().map(str::to_owned).collect())).collect();
        let plain: Vec<(Tier, Vec<String>)> = vec![(Tier::None, Vec::new()); 4];
        let (told, untold) = (entitlements(&day_of(&people)), entitlements(&day_of(&plain)));
        prop_assert!(!untold.is_empty());
        prop_assert_eq!(told, untold);
    }
}
