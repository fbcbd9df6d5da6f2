//! Random cases over all keys of the format: nulls, edges of every threshold, every cause, every kind of place and carrier.
//!
//! Left out is what the rule book gives to a person (section 20) or does not decide; each such case is a row of a table.

use serde_json::{Map, Value, json};

use crate::dice::Dice;
use crate::oracle::atlas::{codes, is_plain, kilometres, place};
use crate::oracle::causes::{EXTRAORDINARY, GROUNDS, INHERENT, UNSETTLED};
use crate::oracle::licences::carriers;

const DELAYS: &[i64] = &[-15, 0, 59, 119, 120, 121, 179, 180, 181, 239, 240, 241, 299, 300, 301, 420, 600];
const ARRIVALS: &[i64] = &[-30, 0, 60, 119, 120, 121, 179, 180, 181, 239, 240, 241, 400];
const OFFSETS: &[i64] = &[-200, -121, -120, -119, -61, -60, -59, 0, 45, 200];
const NOTICE: &[i64] = &[0, 1, 6, 7, 8, 13, 14, 15, 60];
const DATES: &[&str] = &[
    "2005-02-16",
    "2007-01-01",
    "2011-12-31",
    "2012-01-01",
    "2020-12-31",
    "2021-01-01",
    "2023-12-31",
    "2025-07-01",
    "2027-10-22",
];
const COUNTRIES: &[&str] = &["DE", "FR", "MT", "IE", "NO", "IS", "CH", "GB", "GB", "US", "AE", "TR", "BR"];
const OVERSEAS: &[&str] = &["PTP", "FDF", "CAY", "RUN", "DZA", "SFG", "SBH"];
/// Whether these are "European territory" towards the overseas departments is nowhere settled.
const HALF_EUROPEAN: &[&str] =
    &["OSL", "KEF", "BGO", "ZRH", "GVA", "LPA", "TFS", "FNC", "PDL", "LHR", "EDI", "BFS", "MAN", "LGW"];

/// The next case of these dice.
pub(crate) fn case(dice: &mut Dice) -> Value {
    loop {
        let case = draft(dice);
        if is_settled(&case) {
            return case;
        }
    }
}

fn draft(dice: &mut Dice) -> Value {
    let mut case = Map::new();
    journey(dice, &mut case);
    carrier(dice, &mut case);
    passenger(dice, &mut case);
    cause(dice, &mut case);
    let event = dice.pick(&[
        "delay",
        "delay",
        "delay",
        "cancellation",
        "cancellation",
        "denied_boarding",
        "downgrade",
        "diversion",
        "advance",
    ]);
    set(&mut case, "event", event);
    match event {
        "delay" => delay(dice, &mut case),
        "cancellation" => cancellation(dice, &mut case),
        "denied_boarding" => denied_boarding(dice, &mut case),
        "downgrade" => downgrade(dice, &mut case),
        "diversion" => diversion(dice, &mut case),
        _ => advance(dice, &mut case),
    }
    if !dice.percent(10) {
        set(&mut case, "overnight_wait", dice.percent(30));
    }
    if dice.percent(2) && event == "delay" {
        case.insert("event".to_owned(), Value::Null);
    }
    extras(dice, &mut case);
    Value::Object(case)
}

fn set(case: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    case.insert(key.to_owned(), value.into());
}

/// Mostly a known value, now and then null or nothing at all.
fn maybe(dice: &mut Dice, case: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    match dice.below(20) {
        0 => set(case, key, Value::Null),
        1 => {}
        _ => set(case, key, value),
    }
}

fn journey(dice: &mut Dice, case: &mut Map<String, Value>) {
    let codes = codes();
    let (origin, destination) = (dice.pick(&codes), dice.pick(&codes));
    set(case, "id", format!("{origin}-{destination}"));
    set(case, "origin", origin);
    set(case, "destination", destination);
    match dice.below(100) {
        0 => {}
        1..=15 => set(case, "as_of", dice.pick(DATES)),
        16 => set(case, "as_of", "2027-10-23"),
        _ => set(case, "as_of", "2026-03-02"),
    }
    if dice.percent(25) {
        set(case, "via", json!([dice.pick(&codes)]));
    }
    if dice.percent(20) {
        set(case, "single_booking", true);
    }
}

fn carrier(dice: &mut Dice, case: &mut Map<String, Value>) {
    let (country, eu) = (dice.pick(COUNTRIES), dice.percent(50));
    if case.contains_key("via") && dice.percent(50) {
        legs(dice, case);
        return;
    }
    set(case, "operating_carrier", "??");
    match dice.below(10) {
        0 => {}
        1 => set(case, "carrier_is_eu", true),
        2 => {
            set(case, "carrier_is_eu", eu);
            set(case, "carrier_is_uk", !eu && dice.percent(50));
        }
        3 => set(case, "operating_carrier", dice.pick(&carriers().collect::<Vec<_>>())),
        _ => set(case, "carrier_licence_country", country),
    }
}

/// Two legs; a foreign first carrier beside any second one, or one carrier for both.
fn legs(dice: &mut Dice, case: &mut Map<String, Value>) {
    let second = dice.pick(COUNTRIES);
    let first = if dice.percent(50) { second } else { "US" };
    let leg =
        |from: &Value, to: &Value, licence: &str| json!({"from": from, "to": to, "operating_carrier": "??", "licence": licence});
    let via = case["via"][0].clone();
    let legs = json!([leg(&case["origin"], &via, first), leg(&via, &case["destination"], second)]);
    set(case, "legs", legs);
    set(case, "operating_carrier", "??");
}

fn passenger(dice: &mut Dice, case: &mut Map<String, Value>) {
    let mut passenger = Map::new();
    maybe(dice, &mut passenger, "confirmed_reservation", true);
    set(&mut passenger, "presented_on_time", true);
    if dice.percent(30) {
        let fares = [
            "public",
            "frequent_flyer_award",
            "child_public",
            "infant_public_10pct",
            "package",
            "promo_taxes_only_professional_group",
            "staff_id",
            "free",
        ];
        set(&mut passenger, "fare", dice.pick(&fares));
        set(&mut passenger, "age_group", dice.pick(&["adult", "child", "infant"]));
    }
    if dice.percent(3) {
        set(&mut passenger, "boarding_pass_available", false);
    }
    set(case, "passenger", passenger);
}

fn cause(dice: &mut Dice, case: &mut Map<String, Value>) {
    let cause = match dice.below(10) {
        0..=3 => dice.pick(INHERENT),
        4..=8 => dice.pick(EXTRAORDINARY),
        _ => dice.pick(UNSETTLED),
    };
    maybe(dice, case, "cause", cause);
    let measures = dice.percent(70);
    maybe(dice, case, "reasonable_measures_proved", measures);
    if cause == "hidden_manufacturing_defect" {
        let confirmed = dice.percent(60);
        maybe(dice, case, "defect_confirmed_by_manufacturer_or_authority", confirmed);
    }
    if dice.percent(15) {
        set(case, "prior_rotation", true);
        let linked = dice.percent(60);
        maybe(dice, case, "direct_causal_link_proved", linked);
    }
    if dice.percent(5) {
        set(case, "carrier_contributed_to_event", dice.percent(70));
    }
}

fn delay(dice: &mut Dice, case: &mut Map<String, Value>) {
    let (departs, arrives) = (dice.pick(DELAYS), dice.pick(DELAYS));
    maybe(dice, case, "dep_delay_min", departs);
    match dice.below(10) {
        0 => set(case, "times", door(arrives)),
        1 => {
            set(case, "announced_retiming", true);
            set(case, "retimed_by_min", 100);
            set(case, "delay_vs_retimed_schedule_min", arrives - 100);
        }
        2 | 3 => breakdown(dice, case),
        4 => {
            set(case, "arr_delay_min_final", arrives);
            case["passenger"]["self_rebooked"] = Value::Bool(true);
            case["passenger"]["own_arrival_delay_min"] = json!(dice.pick(&[60, 179]));
        }
        _ => maybe(dice, case, "arr_delay_min_final", arrives),
    }
}

/// A door that opened so late, written with the offsets of two zones.
fn door(late: i64) -> Value {
    let scheduled: jiff::Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let opened = scheduled + jiff::SignedDuration::from_secs(late * 60 + 59);
    json!({"sched_arr": "2026-03-02T14:00:00+02:00", "door_open": opened.to_string()})
}

/// Two parts, of which at most one has no settled nature.
fn breakdown(dice: &mut Dice, case: &mut Map<String, Value>) {
    let (own, foreign) = (dice.pick(&[30, 60, 179, 180, 181]), dice.pick(&[20, 59, 60, 61, 180]));
    let other = if dice.percent(15) { "unknown" } else { dice.pick(EXTRAORDINARY) };
    let parts = json!([{"cause": dice.pick(INHERENT), "minutes": own}, {"cause": other, "minutes": foreign}]);
    set(case, "cause", "mixed");
    set(case, "delay_breakdown", parts);
    set(case, "arr_delay_min_final", own + foreign);
    case.remove("prior_rotation");
    case.remove("direct_causal_link_proved");
}

fn reroute(dice: &mut Dice, case: &mut Map<String, Value>) {
    if dice.percent(15) {
        set(case, "reroute", json!({"offered": false}));
        return;
    }
    let offer = json!({"offered": true, "dep_offset_min": dice.pick(OFFSETS), "arr_delay_min": dice.pick(ARRIVALS)});
    maybe(dice, case, "reroute", offer);
}

fn cancellation(dice: &mut Dice, case: &mut Map<String, Value>) {
    let notice = dice.pick(NOTICE);
    if dice.percent(5) {
        set(case, "notice_to_agent_days", notice);
    } else {
        maybe(dice, case, "notice_days", notice);
    }
    reroute(dice, case);
    let choice = dice.pick(&["reroute", "refund", ""]);
    if !choice.is_empty() {
        set(case, "passenger_choice", choice);
    }
    if dice.percent(15) && choice != "refund" {
        set(case, "arr_delay_min_final", dice.pick(ARRIVALS));
    }
    if dice.percent(5) {
        called_off(dice, case);
    }
}

/// The booking ended while the flight flew.
fn called_off(dice: &mut Dice, case: &mut Map<String, Value>) {
    set(case, "flight_operated", true);
    set(case, "cause", "reservation_blocked_by_carrier");
    if dice.percent(50) {
        set(case, "cause", "tour_cancelled_for_other_reason");
        case["passenger"]["fare"] = json!("package");
    }
}

fn denied_boarding(dice: &mut Dice, case: &mut Map<String, Value>) {
    reroute(dice, case);
    let announced = dice.percent(30);
    set(case, "notice_days", if announced { dice.pick(&[1, 6, 20]) } else { 0 });
    if announced {
        case["passenger"]["presented_on_time"] = dice.pick(&[Some(true), Some(false), None]).into();
    }
    match dice.below(10) {
        0 | 1 => set(case, "cause", dice.pick(GROUNDS)),
        2 | 3 => set(case, "cause", dice.pick(EXTRAORDINARY)),
        _ => set(case, "cause", dice.pick(INHERENT)),
    }
    if dice.percent(8) {
        case["passenger"]["volunteered"] = Value::Bool(true);
    }
}

fn downgrade(dice: &mut Dice, case: &mut Map<String, Value>) {
    // Cents whose percentages end in a half now and then.
    let cents = dice.below(200_000) as u32;
    maybe(dice, case, "segment_price", f64::from(cents) / 100.0);
    set(case, "segment_price_currency", "EUR");
    if dice.percent(15) {
        set(case, "direction", "upgrade");
    } else if dice.percent(50) {
        set(case, "direction", "downgrade");
    }
}

fn diversion(dice: &mut Dice, case: &mut Map<String, Value>) {
    let (departs, arrives) = (dice.pick(DELAYS), dice.pick(DELAYS));
    maybe(dice, case, "dep_delay_min", departs);
    maybe(dice, case, "arr_delay_min_final", arrives);
    set(case, "diverted_to", "CGN");
    set(case, "same_city_region", dice.percent(50));
    set(case, "transfer_provided", dice.percent(50));
}

fn advance(dice: &mut Dice, case: &mut Map<String, Value>) {
    set(case, "advance_min", dice.pick(&[30, 60, 61, 90, 120, 121, 300]));
    let notice = dice.pick(NOTICE);
    maybe(dice, case, "notice_days", notice);
}

/// Facts that the law reads seldom, or never.
fn extras(dice: &mut Dice, case: &mut Map<String, Value>) {
    let codes = codes();
    match dice.below(30) {
        0 => set(case, "aircraft_type", "helicopter"),
        1 => set(case, "aircraft_type", "A320"),
        2 | 3 => set(case, "third_country_compensation_and_assistance_received", true),
        4 => set(case, "is_return_of_round_trip_from", dice.pick(&codes)),
        5 => set(case, "onward_separate_ticket", json!({"to": dice.pick(&codes), "carrier": "LH", "arr_delay_min": 500})),
        6 => {
            set(case, "wet_lease", true);
            set(case, "aircraft_operator_wet_lessor", "BTI");
        }
        7 => {
            set(case, "is_reroute_flight", true);
            set(case, "first_disruption_compensated", dice.percent(50));
        }
        8 => set(case, "marketing_carrier", "AA"),
        _ => {}
    }
}

/// Whether the rule book itself decides the case.
fn is_settled(case: &Value) -> bool {
    let end = |key: &str| case[key].as_str().and_then(place);
    let (Some(origin), Some(destination)) = (end("origin"), end("destination")) else {
        // What every possible end has in common is for the table of unknowns: three of them cannot stand for all.
        return false;
    };
    let stops = || case["via"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let apart = origin.code != destination.code && stops().all(|stop| stop != origin.code && stop != destination.code);
    let day = case["as_of"].as_str();
    // Which journeys the text of 2027 covers is for that text to say; those that begin in the territory it surely does.
    let text_is_sure = !matches!(day, None | Some("2027-10-23")) || in_the_territory(&origin.code);
    // Reference tables are asked for the present.
    let table_is_sure = !case["carrier_licence_country"].is_null()
        || !case["legs"].is_null()
        || case["operating_carrier"] == "??"
        || day.is_some_and(|day| day > "2021");
    apart
        && is_plain(origin, destination)
        && text_is_sure
        && table_is_sure
        && class_is_settled(case)
        && (kilometres(origin, destination) < 3500.0 || halving_is_settled(case))
}

fn in_the_territory(code: &str) -> bool {
    ["CDG", "FRA", "AMS", "MAD", "ATH", "HEL", "OSL", "ZRH", "PTP", "RUN", "LPA", "BSL"].contains(&code)
}

/// Article 10 between a half-European place and a French department is open.
fn class_is_settled(case: &Value) -> bool {
    let ends = [&case["origin"], &case["destination"]].map(|end| end.as_str().unwrap_or_default());
    let both = |one: &str, other: &str| OVERSEAS.contains(&one) && HALF_EUROPEAN.contains(&other);
    // So is whether Saint-Barthélemy was one before 2012.
    let open = both(ends[0], ends[1]) || both(ends[1], ends[0]) || ends.contains(&"SBH");
    case["event"] != "downgrade" || !open
}

/// Whether the four hours of a long flight are counted before or after the excused minutes is open.
fn halving_is_settled(case: &Value) -> bool {
    let Some(parts) = case["delay_breakdown"].as_array() else { return true };
    let minutes: Vec<i64> = parts.iter().filter_map(|part| part["minutes"].as_i64()).collect();
    minutes.iter().sum::<i64>() < 240 || minutes[0] >= 240
}
