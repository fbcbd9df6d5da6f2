//! The rights module against `cases/people-rights.csv`, a row a case, each with its source.

use proptest::prelude::*;
use slipstream_processors::rights::{
    Arrival, Case, Event, Law, Leg, Licence, Passenger, Reroute, cause, decide, decide_line, distance,
};
use slipstream_schemas::records::Rights;

/// The decision under the law as it is, as the pipeline keeps it.
fn decided(case: &Case) -> Rights {
    decide(&Law::default(), case).to_record(true)
}

fn leg(origin: &str, destination: &str, licence: Option<&str>) -> Leg {
    let country = licence.map(|country| country.as_bytes().try_into().unwrap());
    let licence = Licence { country, ..Licence::default() };
    let (from, to) = (origin.parse().unwrap(), destination.parse().unwrap());
    Leg { from, to, operating_carrier: None, licence, arr_delay_min: None }
}

fn booked() -> Passenger {
    Passenger { confirmed: Some(true), ..Passenger::default() }
}

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

fn facts(row: &csv::StringRecord, at: impl Fn(&str) -> usize) -> Case {
    let get = |name: &str| &row[at(name)];
    let arrival = match get("arrival").split_once(' ') {
        Some(("door", minutes)) => Arrival::DoorOpen(minutes.parse().unwrap()),
        Some(("block", minutes)) => Arrival::InBlock(minutes.parse().unwrap()),
        _ => Arrival::Unknown,
    };
    let reroute = match (get("offer"), get("offer").split_once('/')) {
        ("none", _) => Reroute { offered: Some(false), ..Reroute::default() },
        (_, Some((early, late))) => {
            Reroute { offered: Some(true), dep_offset_min: early.parse().ok(), arr_delay_min: late.parse().ok() }
        }
        _ => Reroute::default(),
    };
    let mut case = Case {
        id: Some(get("case").to_owned()),
        as_of: cell(get("date")),
        origin: cell(get("origin")),
        destination: cell(get("destination")),
        operating_carrier: cell(get("carrier")),
        legs: vec![leg(get("origin"), get("destination"), Some(get("licence")).filter(|licence| !licence.is_empty()))],
        event: match get("event") {
            "delay" => Some(Event::Delay),
            "cancellation" => Some(Event::Cancellation),
            _ => Some(Event::Diversion),
        },
        dep_delay_min: cell(get("dep_delay")),
        arrival,
        notice_min: cell(get("notice_min")),
        reroute,
        cause: cause(get("cause")),
        overnight_wait: yes(get("overnight")),
        passenger: booked(),
        ..Case::default()
    };
    case.defence.measures_proved = yes(get("measures"));
    case
}

// contract: S2-28 (delay, cancellation, bands, notice, re-routing windows, care, extraordinary circumstances)
#[test]
fn every_row_of_the_table_is_decided_as_its_source_says() {
    let mut table = csv::Reader::from_reader(include_str!("../cases/people-rights.csv").as_bytes());
    let header = table.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("column {name}"));
    let (mut rows, mut wrong) = (0, Vec::new());
    for row in table.records() {
        let row = row.unwrap();
        let get = |name: &str| &row[at(name)];
        let rights = decided(&facts(&row, at));
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
            if found != get(column) {
                wrong.push(format!("{}: {column} is `{found}`, not `{}`", get("case"), get(column)));
            }
        }
        assert!(!get("source").is_empty() && (!rights.rules.is_empty() || get("origin") == "QQQ"), "{}", get("case"));
        rows += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows > 50);
}

#[test]
fn distances_are_those_of_the_rule_book() {
    let table = [("BRU", "NCE", 797), ("ARN", "AGP", 3016), ("LYS", "PTP", 6916), ("WAW", "YYZ", 6935), ("LHR", "CPT", 9647)];
    for (from, to, km) in table {
        // The book's figures are spherical for some pairs and ellipsoidal for others.
        let found = distance(from.parse().unwrap(), to.parse().unwrap()).unwrap();
        let off = (found.km - f64::from(km)).abs().min((found.sphere_km() - f64::from(km)).abs());
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

/// A tier, an offer or a history of no-shows has no key: the line is decided as if they were not there.
#[test]
fn money_comes_from_the_law_alone() {
    let facts = r#""id":"m","as_of":"2026-03-02","origin":"FRA","destination":"JFK","operating_carrier":"LH","event":"delay",
        "arr_delay_min_final":300,"cause":"technical_fault","passenger":{"confirmed_reservation":true}"#;
    let plain = decide_line(&format!("{{{facts}}}"), 1);
    assert!(plain.json.contains(r#""amount":600"#) && plain.warnings.is_empty(), "{plain:?}");
    for other in [r#""loyalty_tier":"gold""#, r#""no_show_count":9"#, r#""voucher_offered":50"#, r#""fare_paid":9.99"#] {
        let told = decide_line(&format!("{{{facts},{other}}}"), 1);
        assert_eq!((told.json == plain.json, told.warnings.len()), (true, 1), "{told:?}");
    }
}

fn on_time() -> Case {
    Case {
        id: Some("x".to_owned()),
        as_of: "2026-03-02".parse().ok(),
        origin: "FRA".parse().ok(),
        destination: "JFK".parse().ok(),
        operating_carrier: Some("LH".to_owned()),
        event: Some(Event::Delay),
        dep_delay_min: Some(0),
        arrival: Arrival::DoorOpen(0),
        cause: cause("technical_fault"),
        overnight_wait: Some(false),
        passenger: booked(),
        ..Case::default()
    }
}

fn any_facts() -> impl Strategy<Value = Case> {
    let airport = prop::sample::select(vec!["FRA", "LHR", "JFK", "NCE", "PTP", "GRU", "ZRH", "QQQ"]);
    let licence = prop::sample::select(vec![None, Some("DE"), Some("GB"), Some("US"), Some("CH")]);
    let names = prop::sample::select(vec![None, Some("technical_fault"), Some("bird_strike"), Some("weather"), Some("nonsense")]);
    let arrival = prop_oneof![
        Just(Arrival::Unknown),
        Just(Arrival::Never),
        (-60..600).prop_map(Arrival::Expected),
        (-60..600).prop_map(Arrival::InBlock),
        (-60..600).prop_map(Arrival::DoorOpen),
    ];
    let offer = prop_oneof![
        Just(Reroute::default()),
        Just(Reroute { offered: Some(false), ..Reroute::default() }),
        (-300..300, -60..600).prop_map(|(early, late)| Reroute {
            offered: Some(true),
            dep_offset_min: Some(early),
            arr_delay_min: Some(late)
        }),
    ];
    let notice = prop::option::of(-600i64..30_000);
    let event = prop::sample::select(vec![Event::Delay, Event::Cancellation, Event::Diversion]);
    let places = (airport.clone(), airport, licence);
    let rest = (event, prop::option::of(0..600), arrival, notice, offer, names, any::<Option<bool>>(), any::<Option<bool>>());
    (places, rest).prop_map(
        |((from, to, licence), (event, dep_delay_min, arrival, notice_min, reroute, cause_name, measures, overnight_wait))| {
            let mut case = Case {
                origin: from.parse().ok(),
                destination: to.parse().ok(),
                legs: vec![leg(from, to, licence)],
                event: Some(event),
                dep_delay_min,
                arrival,
                notice_min,
                reroute,
                cause: cause_name.and_then(cause),
                overnight_wait,
                ..on_time()
            };
            case.defence.measures_proved = measures;
            case
        },
    )
}

proptest! {
    /// A decision is whole: a sum and a yes or no unless a fact is named as missing, sums only of the law, and a
    /// sum only with the rule that gives it.
    #[test]
    fn every_decision_is_whole(facts in any_facts()) {
        let rights = decided(&facts);
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
        let mut other = Case { cause: cause("bird_strike"), ..facts.clone() };
        other.defence.measures_proved = proved;
        let (a, b) = (decided(&facts), decided(&other));
        prop_assert_eq!((a.care, a.refund_right, a.reroute_right), (b.care, b.refund_right, b.reroute_right));
    }

    /// A fact that becomes known closes a question; it never turns a yes or no into another one.
    #[test]
    fn what_is_not_known_is_never_assumed(facts in any_facts(), proved in any::<bool>()) {
        let (mut unknown, mut known) = (facts.clone(), facts);
        unknown.defence.measures_proved = None;
        known.defence.measures_proved = Some(proved);
        let (before, after) = (decided(&unknown), decided(&known));
        prop_assert!(before.eligible.is_none() || before.eligible == after.eligible);
    }
}
