//! The tables under `cases/`, each row a case with its citation; the words of their columns are read here and nowhere else.
//!
//! Left of `=>` stand facts, right of it what is owed. An empty cell says nothing: the key is absent, or the answer is not
//! looked at. `?` is null, "not known". A column that a table does not have stands at its ordinary value: a flight of
//! 2026-03-02 from Budapest to Lisbon on a Hungarian carrier, five hours late by a technical fault, no night, a passenger
//! with a reservation who was there in time; for a cancellation or a refusal no notice and no offer.

use csv::StringRecord;
use serde_json::{Map, Value, json};

use crate::ask::ask;
use crate::oracle::atlas::{is_plain, place};
use crate::oracle::judge;
use crate::second_reading::{OF_CARE_ALONE, spoken};

macro_rules! tables {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("cases/", $name, ".csv")))),*] };
}

const TABLES: &[(&str, &str)] = tables![
    "advance" "booking_ended" "breakdown" "cancellation" "cancellation_notice" "care" "care_whatever_the_cause" "carriers"
    "causes" "connections" "delay" "denied_boarding" "distance" "diversion" "downgrade" "downgrade_causes" "downgrade_price"
    "liability" "measures" "open_questions" "partial_offers" "passenger" "regimes" "retiming" "rule_sets" "scope"
    "second_compensation" "separate_tickets" "territory" "times_dst" "unknowns" "unscheduled_stop" "worked_examples"
];

/// One row, with the names of its columns.
struct Row<'a> {
    table: &'a str,
    header: &'a StringRecord,
    cells: StringRecord,
}

impl Row<'_> {
    /// The columns right of `=>`.
    fn owed(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.header.iter().zip(self.cells.iter());
        columns.skip_while(|(name, _)| *name != "=>").skip(1).filter(|(name, cell)| *name != "source" && !cell.is_empty())
    }

    fn facts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.iter().zip(self.cells.iter()).skip(1).take_while(|(name, _)| *name != "=>")
    }

    fn has(&self, column: &str) -> bool {
        self.facts().any(|(name, _)| name == column)
    }

    fn name(&self) -> String {
        format!("{}: {}", self.table, &self.cells[0])
    }
}

/// Every row of every table.
fn each(mut check: impl FnMut(&Row<'_>)) -> usize {
    let mut rows = 0;
    for (table, text) in TABLES {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        for cells in reader.records() {
            check(&Row { table, header: &header, cells: cells.unwrap() });
            rows += 1;
        }
    }
    rows
}

/// The facts that a table may leave unsaid.
fn ordinary(row: &Row<'_>, event: &str) -> Vec<(&'static str, &'static str)> {
    let of_all = [
        ("date", "2026-03-02"),
        ("origin", "BUD"),
        ("destination", "LIS"),
        ("cause", "technical_fault"),
        ("overnight", "no"),
        ("reserved", "yes"),
        ("presented", "yes"),
        ("event", "delay"),
    ];
    let late: &[_] = if ["delay", "diversion"].contains(&event) { &[("dep", "300"), ("arr", "300")] } else { &[] };
    let gone: &[_] =
        if ["cancellation", "denied_boarding"].contains(&event) { &[("notice", "0"), ("offer", "none")] } else { &[] };
    let offered = row.has("reroute_departs");
    // Journeys of a carrier's own table name it; everything else flies on a Hungarian licence.
    let carrier: &[_] = if row.has("carrier") || row.has("licence") { &[] } else { &[("licence", "HU")] };
    let all = of_all.iter().chain(late).chain(gone).chain(carrier).copied();
    all.filter(|(column, _)| !(row.has(column) || offered && *column == "offer")).collect()
}

/// What a table is about, where its rows do not say.
fn event_of<'a>(row: &'a Row<'_>) -> &'a str {
    let said = row.facts().find(|(name, _)| *name == "event").map(|(_, cell)| cell);
    said.unwrap_or(match row.table {
        "advance" => "advance",
        "cancellation" | "cancellation_notice" => "cancellation",
        "denied_boarding" => "denied_boarding",
        "diversion" => "diversion",
        "downgrade" | "downgrade_causes" | "downgrade_price" => "downgrade",
        _ => "delay",
    })
}

/// The row as the line that the engine reads.
fn case(row: &Row<'_>) -> Value {
    let mut case = Map::new();
    case.insert("id".to_owned(), json!(row.name()));
    let event = event_of(row);
    put(&mut case, "event", event);
    for (column, cell) in ordinary(row, event).into_iter().filter(|(column, _)| *column != "event").chain(row.facts()) {
        if !cell.is_empty() {
            put(&mut case, column, cell);
        }
    }
    Value::Object(case)
}

/// Columns whose key in the format has another name.
const KEYS: &[(&str, &str)] = &[
    ("date", "as_of"),
    ("carrier", "operating_carrier"),
    ("marketing", "marketing_carrier"),
    ("licence", "carrier_licence_country"),
    ("eu", "carrier_is_eu"),
    ("uk", "carrier_is_uk"),
    ("dep", "dep_delay_min"),
    ("arr", "arr_delay_min_final"),
    ("advance", "advance_min"),
    ("notice", "notice_days"),
    ("agent_notice", "notice_to_agent_days"),
    ("choice", "passenger_choice"),
    ("measures", "reasonable_measures_proved"),
    ("link", "direct_causal_link_proved"),
    ("contributed", "carrier_contributed_to_event"),
    ("confirmed", "defect_confirmed_by_manufacturer_or_authority"),
    ("overnight", "overnight_wait"),
    ("same_region", "same_city_region"),
    ("transfer", "transfer_provided"),
    ("operated", "flight_operated"),
    ("return_of", "is_return_of_round_trip_from"),
    ("is_reroute", "is_reroute_flight"),
    ("first_paid", "first_disruption_compensated"),
    ("lessor", "aircraft_operator_wet_lessor"),
    ("aircraft", "aircraft_type"),
    ("benefits", "third_country_compensation_and_assistance_received"),
    ("price", "segment_price"),
    ("currency", "segment_price_currency"),
    ("stop", "unscheduled_stopover"),
    ("retimed_by", "retimed_by_min"),
    ("after_retiming", "delay_vs_retimed_schedule_min"),
    ("ticket", "ticket_price"),
];

/// Columns about the passenger, and their keys there.
const OF_PASSENGER: &[(&str, &str)] = &[
    ("fare", "fare"),
    ("age", "age_group"),
    ("reserved", "confirmed_reservation"),
    ("presented", "presented_on_time"),
    ("volunteered", "volunteered"),
    ("documents", "documents_valid"),
    ("own_seat", "own_seat"),
    ("travelled", "travelled"),
    ("rebooked", "self_rebooked"),
    ("own_arrival", "own_arrival_delay_min"),
    ("boarding_pass", "boarding_pass_available"),
];

fn key<'a>(keys: &[(&str, &'a str)], column: &'a str) -> Option<&'a str> {
    keys.iter().find(|(name, _)| *name == column).map(|(_, key)| *key)
}

fn put(case: &mut Map<String, Value>, column: &str, cell: &str) {
    if let Some(key) = key(OF_PASSENGER, column) {
        case.entry("passenger").or_insert_with(|| json!({}))[key] = value(cell);
        return;
    }
    if let Some(key) = column.strip_prefix("reroute_") {
        let key = if key == "departs" { "dep_offset_min" } else { "arr_delay_min" };
        let offer = case.entry("reroute").or_insert_with(|| json!({}));
        offer["offered"] = json!(true);
        offer[key] = value(cell);
        return;
    }
    if ["sched_arr", "touchdown", "on_block", "door_open"].contains(&column) {
        case.entry("times").or_insert_with(|| json!({}))[column] = json!(cell);
        return;
    }
    let value = match column {
        "via" => json!(cell.split(' ').collect::<Vec<_>>()),
        "offer" => offer(cell),
        "legs" => cell.split("; ").map(leg).collect(),
        "breakdown" => cell.split("; ").map(part).collect(),
        "onward" => onward(cell),
        _ => value(cell),
    };
    let key = match column {
        "offer" => "reroute",
        "breakdown" => "delay_breakdown",
        "onward" => "onward_separate_ticket",
        other => key(KEYS, other).unwrap_or(other),
    };
    case.insert(key.to_owned(), value);
    if column == "breakdown" {
        case.insert("cause".to_owned(), json!("mixed"));
    }
}

/// `?`, `yes`, `no`, a number, or a word.
fn value(cell: &str) -> Value {
    match cell {
        "?" => Value::Null,
        "yes" => json!(true),
        "no" => json!(false),
        // `0Z` and dates are words, so the whole cell must be a number.
        _ => serde_json::from_str(cell).ok().filter(Value::is_number).unwrap_or_else(|| json!(cell)),
    }
}

/// `none`, `?`, or departure and arrival against the booked times: `-30/+125`.
fn offer(cell: &str) -> Value {
    match cell.split_once('/') {
        None if cell == "none" => json!({"offered": false}),
        None => value(cell),
        Some((departs, arrives)) => {
            let [departs, arrives] = [departs, arrives].map(|text| text.parse::<i64>().unwrap());
            json!({"offered": true, "dep_offset_min": departs, "arr_delay_min": arrives})
        }
    }
}

/// `JFK-AMS DL US`: from, to, carrier, licence.
fn leg(text: &str) -> Value {
    let words: Vec<&str> = text.split([' ', '-']).collect();
    json!({"from": words[0], "to": words[1], "operating_carrier": words[2], "licence": words[3]})
}

/// `atc_strike 120`.
fn part(text: &str) -> Value {
    let (cause, minutes) = text.split_once(' ').unwrap();
    json!({"cause": cause, "minutes": value(minutes)})
}

/// `JFK 900`: where the other ticket led, and how late that was.
fn onward(cell: &str) -> Value {
    let (to, late) = cell.split_once(' ').unwrap();
    json!({"to": to, "carrier": "LH", "arr_delay_min": value(late)})
}

/// What the answer says in the words of the column.
fn found(column: &str, answer: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::Null => "?".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list = |value: &Value| {
        let mut names: Vec<String> = value.as_array().into_iter().flatten().map(plain).collect();
        names.sort();
        if names.is_empty() { "-".to_owned() } else { names.join(" ") }
    };
    match column {
        "amount" if answer["amount"].as_f64().is_some_and(|sum| sum > 0.0) => {
            format!("{} {}", answer["amount"], plain(&answer["currency"]))
        }
        "also" => list(&answer["also_applicable"]),
        "missing" => list(&answer["missing"]),
        "meals" | "hotel" => plain(&answer["care"][column]),
        _ => plain(
            &answer[match column {
                "reduction" => "reduction_percent",
                "refund" => "refund_right",
                "reroute" => "reroute_right",
                "transfer_cost" => "transfer_cost_reimbursable",
                "percent" => "downgrade_refund_percent",
                "refund_sum" => "downgrade_refund",
                "supplement" => "supplement_allowed",
                "liable" => "liable_carrier",
                "late" => "arr_delay_min",
                "km" => "distance_km",
                other => other,
            }],
        ),
    }
}

/// The book's kilometres are spherical for some pairs and ellipsoidal for others, which is at most 0.4 percent.
fn agrees(column: &str, owed: &str, found: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    match (column, number(owed), number(found)) {
        ("km", Some(owed), Some(found)) => (owed - found).abs() <= 0.004 * owed,
        ("refund_sum" | "percent", Some(owed), Some(found)) => (owed - found).abs() < 0.001,
        ("missing", ..) if owed != "-" => {
            let mut words: Vec<&str> = owed.split("; ").flat_map(|text| text.split(' ')).collect();
            words.sort_unstable();
            words.join(" ") == found.split(' ').collect::<Vec<_>>().join(" ") || owed == found
        }
        _ => owed == found,
    }
}

// contract: S2-28
#[test]
fn every_row_is_decided_as_its_source_says() {
    let mut wrong = Vec::new();
    let rows = each(|row| {
        let case = case(row);
        let answer = ask(&case);
        let differing = row.owed().map(|(column, owed)| (column, owed, found(column, &answer)));
        let differing: Vec<String> = differing
            .filter(|(column, owed, found)| !agrees(column, owed, found))
            .map(|(column, owed, found)| format!("{column} {found} where {owed} is owed"))
            .collect();
        if !differing.is_empty() {
            let source = &row.cells[row.cells.len() - 1];
            wrong.push(format!("{} ({source}): {}\n    {case}\n    {answer}", row.name(), differing.join(", ")));
        }
    });
    assert!(rows >= 500, "{rows} rows");
    assert!(wrong.is_empty(), "{} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_names_its_source_and_what_is_owed() {
    let mut names = std::collections::BTreeSet::new();
    each(|row| {
        assert!(!row.cells[row.cells.len() - 1].is_empty(), "{} has no source", row.name());
        assert!(row.owed().any(|(column, _)| ["decision", "meals", "amount"].contains(&column)), "{}", row.name());
        assert!(names.insert(row.name()), "{} stands twice", row.name());
    });
}

/// Whether the oracle reads everything that this case says.
fn is_within_the_oracle(row: &Row<'_>, case: &Value) -> bool {
    let known = |key: &str| case[key].as_str().is_none_or(|code| place(code).is_some());
    let no_table_has = |change: &Value| change.as_str().is_some_and(|code| code.starts_with("QJ"));
    let changes_known = !case["via"].as_array().into_iter().flatten().any(no_table_has);
    let ends = ["origin", "destination"].map(|key| case[key].as_str().and_then(place));
    let far_from_a_band = !matches!(ends, [Some(from), Some(to)] if !is_plain(from, to));
    let by_the_door = case["times"].is_null() || !case["times"]["door_open"].is_null();
    let contested = case["passenger"]["travelled"] == json!(false);
    // Parts of an offer, prices by distance, facts about measures, hours of notice.
    let finer = ["reroute_departs", "whole_journey_destination", "buffer_time_planned"].iter().any(|column| row.has(column));
    let finer = finer || !(case["notice_days"].is_null() || case["notice_days"].is_i64());
    !finer && changes_known && known("origin") && known("destination") && far_from_a_band && by_the_door && !contested
}

/// The tables judge the oracle as well, so that it is no second opinion without a first.
#[test]
fn the_oracle_reads_the_tables_alike() {
    let (mut wrong, mut judged) = (Vec::new(), 0);
    each(|row| {
        let case = case(row);
        if !is_within_the_oracle(row, &case) {
            return;
        }
        judged += 1;
        let verdict = judge(&case);
        // The row as an answer: what it says, and for the rest what the oracle says of itself.
        for (column, owed) in row.owed() {
            let owed = owed.split(' ').filter(|word| !OF_CARE_ALONE.contains(word)).collect::<Vec<_>>().join(" ");
            if let Some(found) = spoken(column, &verdict)
                && !agrees(column, &owed, &found)
            {
                wrong.push(format!("{}: {column} {found} where {owed} is owed\n    {case}", row.name()));
            }
        }
    });
    assert!(judged >= 500, "{judged} rows");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
