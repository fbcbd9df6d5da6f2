//! The rights module against `cases/people-rights.csv`, a row a case, each with its source.

use proptest::prelude::*;
use slipstream_processors::rights::{Arrival, Event, Facts, LegFacts, Notice, Offer, decide, distance};

/// A cell that may be empty.
fn cell<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() { None } else { Some(text.parse().unwrap_or_else(|_| panic!("cell `{text}`"))) }
}

fn yes(text: &str) -> Option<bool> {
    match text {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        other => panic!("cell `{other}`"),
    }
}

fn facts(row: &csv::StringRecord, at: impl Fn(&str) -> usize) -> Facts {
    let get = |name: &str| &row[at(name)];
    let (origin, destination) = (get("origin").parse().unwrap(), get("destination").parse().unwrap());
    let arrival = match get("arrival").split_once(' ') {
        Some(("door", minutes)) => Arrival::DoorOpen(minutes.parse().unwrap()),
        Some(("block", minutes)) => Arrival::InBlock(minutes.parse().unwrap()),
        _ => Arrival::Unknown,
    };
    let offer = match (get("offer"), get("offer").split_once('/')) {
        ("none", _) => Offer::None,
        (_, Some((early, late))) => {
            Offer::Made { departure_offset_min: early.parse().unwrap(), arrival_delay_min: late.parse().unwrap() }
        }
        _ => Offer::Unknown,
    };
    Facts {
        id: get("case").to_owned(),
        date: cell(get("date")),
        origin,
        destination,
        carrier: get("carrier").parse().unwrap(),
        legs: vec![LegFacts { from: origin, to: destination, licence: cell(get("licence")) }],
        event: match get("event") {
            "delay" => Event::Delay,
            "cancellation" => Event::Cancellation,
            _ => Event::Diversion,
        },
        departure_delay_min: cell(get("dep_delay")),
        arrival,
        notice: cell(get("notice_min")).map_or(Notice::Unknown, Notice::Minutes),
        offer,
        cause: cell(get("cause")),
        measures_proved: yes(get("measures")),
        overnight: yes(get("overnight")),
        closed: true,
    }
}

// contract: S2-28 (delay, cancellation, bands, notice, re-routing windows, care, extraordinary circumstances)
#[test]
fn every_row_of_the_table_is_decided_as_its_source_says() {
    let mut table = csv::Reader::from_reader(include_str!("../cases/people-rights.csv").as_bytes());
    let header = table.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("column {name}"));
    let mut rows = 0;
    for row in table.records() {
        let row = row.unwrap();
        let get = |name: &str| &row[at(name)];
        let rights = decide(&facts(&row, at));
        let text = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
        let flag = |value: Option<bool>| value.map_or("", |value| if value { "yes" } else { "no" });
        let found = [
            ("decision", rights.decision.clone()),
            ("regime", rights.regime.clone()),
            ("amount", text(rights.amount)),
            ("currency", rights.currency.clone().unwrap_or_default()),
            ("reduction", text(rights.reduction_percent.map(i64::from))),
            ("refund", flag(rights.refund_right).to_owned()),
            ("meals", flag(rights.care.meals).to_owned()),
            ("hotel", flag(rights.care.hotel).to_owned()),
            ("missing", rights.missing.join(" ")),
        ];
        for (column, found) in found {
            assert_eq!(found, get(column), "{}: {column} of {rights:#?}", get("case"));
        }
        assert!(!get("source").is_empty() && (!rights.rules.is_empty() || get("origin") == "QQQ"), "{}", get("case"));
        rows += 1;
    }
    assert!(rows > 50);
}

#[test]
fn distances_are_those_of_the_rule_book() {
    let table = [("BRU", "NCE", 797), ("ARN", "AGP", 3016), ("LYS", "PTP", 6916), ("WAW", "YYZ", 6935), ("LHR", "CPT", 9647)];
    for (from, to, km) in table {
        // The book's figures are spherical for some pairs and ellipsoidal for others.
        let found = distance(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        let off = (found.km - f64::from(km)).abs().min((found.sphere_km - f64::from(km)).abs());
        assert!(off < 2.0, "{from}-{to}: {found:?}, not {km}");
    }
}

/// Pairs where ellipsoid and sphere fall into different bands, or nearly so (rule DIST-4).
#[test]
fn a_distance_near_the_end_of_a_band_is_marked() {
    for (from, to) in [("LGW", "CAI"), ("BCN", "DKR"), ("DUB", "KEF"), ("MRS", "SKG")] {
        let distance = distance(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        assert!(distance.ambiguous([1500, 3500]), "{from}-{to}: {distance:?}");
    }
    assert!(!distance("BRU".parse().unwrap(), "NCE".parse().unwrap()).unwrap().ambiguous([1500, 3500]));
}

/// Everything that can move money, named: a tier, a fare, an offer of miles or a no-show that found its way into the
/// facts would not compile here, and would have to be defended.
#[test]
fn money_comes_from_the_law_alone() {
    let Facts {
        id: _,
        date: _,
        origin: _,
        destination: _,
        carrier: _,
        legs: _,
        event: _,
        departure_delay_min: _,
        arrival: _,
        notice: _,
        offer: _,
        cause: _,
        measures_proved: _,
        overnight: _,
        closed: _,
    } = on_time();
    let judge: fn(&Facts) -> slipstream_schemas::records::Rights = decide;
    assert_eq!(judge(&on_time()).amount, Some(0));
}

fn on_time() -> Facts {
    let (origin, destination) = ("FRA".parse().unwrap(), "JFK".parse().unwrap());
    Facts {
        id: "x".to_owned(),
        date: "2026-03-02".parse().ok(),
        origin,
        destination,
        carrier: "LH".parse().unwrap(),
        legs: vec![LegFacts { from: origin, to: destination, licence: Some("DE".to_owned()) }],
        event: Event::Delay,
        departure_delay_min: Some(0),
        arrival: Arrival::DoorOpen(0),
        notice: Notice::Unknown,
        offer: Offer::Unknown,
        cause: Some("technical_fault".to_owned()),
        measures_proved: None,
        overnight: Some(false),
        closed: false,
    }
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let airport = prop::sample::select(vec!["FRA", "LHR", "JFK", "NCE", "PTP", "GRU", "ZRH", "QQQ"]);
    let licence = prop::sample::select(vec![None, Some("DE"), Some("GB"), Some("US"), Some("CH")]);
    let cause = prop::sample::select(vec![None, Some("technical_fault"), Some("bird_strike"), Some("weather"), Some("nonsense")]);
    let arrival = prop_oneof![
        Just(Arrival::Unknown),
        Just(Arrival::Never),
        (-60..600).prop_map(Arrival::Expected),
        (-60..600).prop_map(Arrival::InBlock),
        (-60..600).prop_map(Arrival::DoorOpen),
    ];
    let offer = prop_oneof![
        Just(Offer::Unknown),
        Just(Offer::None),
        (-300..300, -60..600)
            .prop_map(|(departure_offset_min, arrival_delay_min)| Offer::Made { departure_offset_min, arrival_delay_min }),
    ];
    let notice = prop_oneof![Just(Notice::Unknown), (-600i64..30_000).prop_map(Notice::Minutes)];
    let event = prop::sample::select(vec![Event::Delay, Event::Cancellation, Event::Diversion]);
    let places = (airport.clone(), airport, licence);
    let rest = (event, prop::option::of(0..600), arrival, notice, offer, cause, any::<Option<bool>>(), any::<Option<bool>>());
    (places, rest).prop_map(
        |((from, to, licence), (event, departure_delay_min, arrival, notice, offer, cause, measures_proved, overnight))| {
            let (origin, destination) = (from.parse().unwrap(), to.parse().unwrap());
            let legs = vec![LegFacts { from: origin, to: destination, licence: licence.map(str::to_owned) }];
            let cause = cause.map(str::to_owned);
            Facts {
                origin,
                destination,
                legs,
                event,
                departure_delay_min,
                arrival,
                notice,
                offer,
                cause,
                measures_proved,
                overnight,
                ..on_time()
            }
        },
    )
}

proptest! {
    /// A decision is whole: a sum and a yes or no unless a fact is named as missing, sums only of the law, and a
    /// sum only with the rule that gives it.
    #[test]
    fn every_decision_is_whole(facts in any_facts()) {
        let rights = decide(&facts);
        let open = rights.decision == "undetermined";
        prop_assert_eq!(rights.eligible.is_none(), open);
        prop_assert_eq!(rights.amount.is_none(), open);
        prop_assert!(!open || !rights.missing.is_empty());
        let sums = [0, 110, 125, 175, 200, 220, 250, 260, 300, 350, 400, 520, 600];
        prop_assert!(rights.amount.is_none_or(|amount| sums.contains(&amount)), "{:?}", rights.amount);
        prop_assert_eq!(rights.amount.is_some_and(|amount| amount > 0), rights.rules.iter().any(|rule| rule.id == "ART7-1"));
    }

    /// Extraordinary circumstances take the sum, never care, refund or re-routing (C-12/11).
    #[test]
    fn a_cause_never_touches_care_or_refund(facts in any_facts(), proved in any::<Option<bool>>()) {
        let other = Facts { cause: Some("bird_strike".to_owned()), measures_proved: proved, ..facts.clone() };
        let (a, b) = (decide(&facts), decide(&other));
        prop_assert_eq!((a.care, a.refund_right, a.reroute_right), (b.care, b.refund_right, b.reroute_right));
    }

    /// A fact that becomes known closes a question; it never turns a yes or no into another one.
    #[test]
    fn what_is_not_known_is_never_assumed(facts in any_facts(), proved in any::<bool>()) {
        let before = decide(&Facts { measures_proved: None, ..facts.clone() });
        let after = decide(&Facts { measures_proved: Some(proved), ..facts });
        prop_assert!(before.eligible.is_none() || before.eligible == after.eligible);
    }
}
