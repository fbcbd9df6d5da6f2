//! What a carrier submits to be freed from the sum, from `carrier.proofs` to decision, money and audit.

use slipstream_schemas::records::{
    Audit, BookingProof, Cabin, CarrierProof, ClaimedCause, DeadLetter, Finding, FlightStatus, Measure, MeasureKind, PaymentDue,
    Phase, RightsDecision,
};
use slipstream_schemas::topics as t;

use super::owed::{late_by, what_was_audited_is_answered_again};
use super::world::{Flight, HOUR, News, Outcome, World, at, flight};

/// The flight of [`late_by`].
fn late_flight() -> Flight {
    flight("LH10 FRA-HAM 08:00 09:00")
}

/// A submission for a leg with one cause, a spare aircraft and seats on others.
fn proof(flight: &Flight, cause: &str, share: i32, finding: Finding) -> CarrierProof {
    let measure = |kind, taken| Measure { kind, taken, by: "operations control".to_owned(), evidence: format!("log/{kind}") };
    CarrierProof {
        submission: format!("{cause}/{share}/{finding}"),
        leg: flight.leg,
        causes: vec![ClaimedCause { cause: cause.to_owned(), share }],
        earlier_leg: None,
        direct_link: None,
        defect_confirmed: None,
        measures: vec![measure(MeasureKind::SpareAircraft, true), measure(MeasureKind::SeatsOfOthers, true)],
        finding,
        reviewed_by: "claims review".to_owned(),
        evidence: "file 17".to_owned(),
    }
}

fn submit(world: &mut World, when: i64, proof: &CarrierProof) {
    world.push(when, t::CARRIER_PROOFS, &proof.leg.to_string(), proof);
}

/// Decision, status and revision of each record.
fn decisions(run: &Outcome) -> Vec<(String, String, i32)> {
    let all = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter();
    all.map(|(_, d)| (d.rights.decision, d.rights.status, d.revision)).collect()
}

fn last(run: &Outcome) -> RightsDecision {
    run.all::<RightsDecision>(t::PASSENGER_EVENTS).pop().unwrap().1
}

fn sums(run: &Outcome) -> Vec<Option<i64>> {
    run.all::<PaymentDue>(t::PASSENGER_EVENTS).into_iter().map(|(_, payment)| payment.amount_minor).collect()
}

/// Four hours late at the journey's end, presumed weather; what is submitted the day after, and what comes of it.
// contract: S2-28 (extraordinary circumstances in the pipeline)
#[test]
fn a_submission_settles_what_waited_for_it() {
    let undone = |mut proof: CarrierProof, kind: MeasureKind| {
        proof.measures.push(Measure { kind, taken: false, by: "nobody".to_owned(), evidence: String::new() });
        proof
    };
    let leg = late_flight();
    let full = |finding| proof(&leg, "weather_below_minima", 100, finding);
    let earlier = |direct_link| CarrierProof {
        earlier_leg: Some("LH9/2026-03-02/HAM-FRA".to_owned()),
        direct_link,
        ..full(Finding::Proved)
    };
    let defect =
        |defect_confirmed| CarrierProof { defect_confirmed, ..proof(&leg, "hidden_manufacturing_defect", 100, Finding::Proved) };
    let table = [
        ("proved", full(Finding::Proved), "not_eligible", "final"),
        ("not proved", full(Finding::NotProved), "eligible", "final"),
        ("not reviewed", full(Finding::Submitted), "undetermined", "provisional"),
        ("own fault", proof(&leg, "technical_fault", 100, Finding::Proved), "eligible", "final"),
        ("seats of others left (C-74/19)", undone(full(Finding::Proved), MeasureKind::SeatsOfOthers), "eligible", "final"),
        ("no reserve (C-294/10)", undone(full(Finding::Proved), MeasureKind::ReserveTime), "eligible", "final"),
        ("an earlier leg, directly", earlier(Some(true)), "not_eligible", "final"),
        ("an earlier leg, not directly", earlier(Some(false)), "eligible", "final"),
        ("an earlier leg, nothing on the link", earlier(None), "undetermined", "provisional"),
        ("a hidden defect, confirmed", defect(Some(true)), "not_eligible", "final"),
        ("a hidden defect, not confirmed", defect(Some(false)), "eligible", "final"),
        ("most of the minutes (C-315/15)", proof(&leg, "bird_strike", 60, Finding::Proved), "not_eligible", "final"),
        ("too few minutes (C-315/15)", proof(&leg, "bird_strike", 20, Finding::Proved), "eligible", "final"),
    ];
    for (name, proof, decision, status) in table {
        let mut world = late_by(4, "weather");
        submit(&mut world, at("+1 10:00"), &proof);
        let run = world.run();
        run.assert_clean();
        let last = last(&run);
        assert_eq!((&*last.rights.decision, &*last.rights.status), (decision, status), "{name}: {last:?}");
        let paid = if decision == "eligible" { vec![Some(25_000)] } else { vec![] };
        assert_eq!(sums(&run), paid, "{name}");
        what_was_audited_is_answered_again(&run);
    }
}

/// The revision says what made it, names the submission's record, and its audit what was submitted.
#[test]
fn a_revision_by_a_submission_names_it() {
    let mut world = late_by(4, "weather");
    submit(&mut world, at("+1 10:00"), &proof(&late_flight(), "weather_below_minima", 100, Finding::Proved));
    let run = world.run();
    let last = last(&run);
    assert!(last.because.contains("reasonable measures proved"), "{}", last.because);
    let is_cause = |record: &&std::sync::Arc<slipstream_streams::record::Record>| {
        record.topic == t::DISRUPTION_BY_PNR && last.evidence.contains(&record.event.id.to_string())
    };
    assert!(run.records.iter().any(|record| is_cause(&record)), "{:?}", last.evidence);
    let audit = run.all::<Audit>(t::DECISION_AUDIT).into_iter().rfind(|(_, audit)| audit.stage == "entitle").unwrap().1;
    let submitted = audit.inputs.iter().find(|input| input.starts_with("submission=")).unwrap();
    for part in ["PROVED by claims review (file 17)", "SPARE_AIRCRAFT taken by operations control (log/SPARE_AIRCRAFT)"] {
        assert!(submitted.contains(part), "{submitted}");
    }
}

/// The law sets a carrier no time limit: a defence after a final decision is a revision of its own, and takes back the sum.
#[test]
fn a_submission_after_the_final_decision_revises_it() {
    let mut world = late_by(4, "airline");
    submit(&mut world, at("+2 10:00"), &proof(&late_flight(), "bird_strike", 100, Finding::Proved));
    let run = world.run();
    run.assert_clean();
    let row = |decision: &str, status: &str, revision| (decision.to_owned(), status.to_owned(), revision);
    let expected = [row("eligible", "provisional", 1), row("eligible", "final", 2), row("not_eligible", "final", 3)];
    assert_eq!(decisions(&run), expected);
    assert_eq!(sums(&run), [Some(25_000), Some(0)]);
    assert!(last(&run).closed, "nothing of the journey is reopened");
}

/// It may come before the booking, before the disruption, or in mid-flight: the end is the same.
#[test]
fn the_end_does_not_depend_on_when_it_was_submitted() {
    let submitted = proof(&late_flight(), "weather_below_minima", 100, Finding::Proved);
    for when in ["-1 09:00", "-1 12:00", "07:30", "10:00", "13:00", "+3 10:00"] {
        let mut world = late_by(4, "weather");
        submit(&mut world, at(when), &submitted);
        let run = world.run();
        run.assert_clean();
        let last = last(&run);
        assert_eq!((&*last.rights.decision, &*last.rights.status), ("not_eligible", "final"), "{when}");
    }
}

/// The same again says nothing; a later one replaces the earlier.
#[test]
fn the_last_word_counts_and_the_same_word_twice_is_one() {
    let (pending, proved) = (Finding::Submitted, Finding::Proved);
    let of = |finding| proof(&late_flight(), "weather_below_minima", 100, finding);
    let mut world = late_by(4, "weather");
    for (when, finding) in [("+1 10:00", pending), ("+1 11:00", pending), ("+1 12:00", proved), ("+1 13:00", proved)] {
        submit(&mut world, at(when), &of(finding));
    }
    let run = world.run();
    assert_eq!(run.all::<BookingProof>(t::DISRUPTION_BY_PNR).len(), 2);
    assert_eq!(last(&run).rights.decision, "not_eligible");
    let changed = run.all::<RightsDecision>(t::PASSENGER_EVENTS).into_iter().filter(|(when, _)| *when > at("+1 11:00"));
    assert_eq!(changed.count(), 1);
}

/// A leg whose bookings are forgotten, and one that nobody flies.
#[test]
fn what_nobody_can_use_any_more_is_late_and_what_nobody_needs_is_silent() {
    let mut world = late_by(4, "weather");
    submit(&mut world, at("09:00") + 7 * 24 * HOUR, &proof(&late_flight(), "bird_strike", 100, Finding::Proved));
    let run = world.run();
    run.assert_clean();
    assert_eq!((run.late(), &*last(&run).rights.decision), (1, "undetermined"));
    let mut world = World::default();
    let quiet = flight("LH12 FRA-HAM 08:00 09:00");
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&quiet]);
    submit(&mut world, at("12:00"), &proof(&quiet, "bird_strike", 100, Finding::Proved));
    let run = world.run();
    run.assert_clean();
    assert!(decisions(&run).is_empty() && run.late() == 0);
}

/// Half of a first leg's delay was extraordinary, and the connection was missed: nobody said how much of the end that made.
#[test]
fn a_part_of_a_missed_connection_is_asked_for() {
    let (first, second) = (flight("LH20 BRE-FRA 07:00 08:00"), flight("LH30 FRA-VIE 09:00 10:30"));
    let next = flight("LH32 FRA-VIE 15:00 16:30");
    let mut world = World::default();
    world.book(at("-1 10:00"), "AAAAAA", 1, &[&first, &second]);
    world.seats(at("-1 09:00"), &next, Cabin::Economy, 100, 5);
    let news = News::Late { departs: at("08:30"), arrives: at("09:30") };
    world.disruption(at("06:30"), &first, Phase::Opened, news, "weather");
    world.disruption(at("09:30"), &first, Phase::Resolved, News::In { departed: at("08:30"), arrived: at("09:30") }, "weather");
    world.flown(at("16:40"), &next, FlightStatus::Arrived, at("15:05"), at("16:40"), None);
    submit(&mut world, at("+1 10:00"), &proof(&first, "weather_below_minima", 50, Finding::Proved));
    let run = world.run();
    run.assert_clean();
    assert_eq!(last(&run).rights.missing, ["delay_breakdown"]);
}

/// What a submission cannot be, by field.
#[test]
fn a_submission_that_makes_no_sense_is_refused_by_name() {
    let leg = late_flight();
    let sound = proof(&leg, "bird_strike", 60, Finding::Proved);
    let causes = |causes: &[(&str, i32)]| {
        let claimed = |(cause, share): &(&str, i32)| ClaimedCause { cause: (*cause).to_owned(), share: *share };
        CarrierProof { causes: causes.iter().map(claimed).collect(), ..sound.clone() }
    };
    let mut bare = sound.clone();
    bare.measures[1].evidence.clear();
    let table = [
        (CarrierProof { submission: String::new(), ..sound.clone() }, "submission: empty"),
        (causes(&[]), "causes: 0 of them"),
        (causes(&[("aliens", 10)]), "causes[0].cause: `aliens`"),
        (causes(&[("bird_strike", 10), ("late_at_gate", 10)]), "causes[1].cause: `late_at_gate`"),
        (causes(&[("bird_strike", 0)]), "causes[0].share: 0 is outside"),
        (causes(&[("bird_strike", 101)]), "causes[0].share: 101 is outside"),
        (causes(&[("bird_strike", 60), ("atc_strike", 41)]), "causes: the shares add up to 101"),
        (CarrierProof { earlier_leg: Some("LH9".to_owned()), ..sound.clone() }, "earlier_leg: "),
        (CarrierProof { earlier_leg: Some(leg.leg.to_string()), ..sound.clone() }, "is the leg itself"),
        (CarrierProof { reviewed_by: String::new(), ..sound.clone() }, "reviewed_by: empty"),
        (CarrierProof { measures: Vec::new(), ..sound.clone() }, "measures: none was taken"),
        (bare, "measures[1].evidence: empty"),
        (CarrierProof { measures: vec![sound.measures[0].clone(); 33], ..sound.clone() }, "measures: more than 32"),
    ];
    for (wrong, expected) in table {
        let mut world = late_by(4, "weather");
        submit(&mut world, at("+1 10:00"), &wrong);
        let run = world.run();
        let letters = run.all::<DeadLetter>(t::DEAD_LETTER_QUEUE);
        let [(_, letter)] = &letters[..] else { panic!("{expected}: {letters:?}") };
        assert!(letter.reason == "invalid proof" && letter.error.contains(expected), "{letter:?}");
        assert_eq!(last(&run).rights.decision, "undetermined");
    }
    let mut world = late_by(4, "weather");
    world.push(at("+1 10:00"), t::CARRIER_PROOFS, "LH10/2026-03-03/FRA-HAM", &sound);
    assert_eq!(world.run().all::<DeadLetter>(t::DEAD_LETTER_QUEUE)[0].1.reason, "misplaced key");
}

/// Many on one leg, told in any order of one instant: the same bytes.
#[test]
fn the_order_within_an_instant_changes_nothing() {
    let mut world = late_by(4, "weather");
    for number in 0..5 {
        world.book(at("-1 10:00"), &format!("BBBB{number:02}"), 2, &[&late_flight()]);
    }
    let when = at("13:00");
    submit(&mut world, when, &proof(&late_flight(), "bird_strike", 100, Finding::Proved));
    let forward = world.run();
    let backward = world.run_in_order(|record| u64::MAX - u64::from(record.rank));
    assert!(forward.bytes() == backward.bytes());
    assert_eq!(sums(&forward), Vec::<Option<i64>>::new());
}
