//! One record as a sentence a dispatcher or a lawyer reads: what was said, decided or owed, and why.

use serde_json::Value;
use slipstream_streams::record::rfc3339;

/// Cliffs ahead that are told of one reading.
const CLIFFS_SHOWN: usize = 4;

/// What a record of this type says; `value` is its plain JSON.
pub(crate) fn tell(type_name: &str, value: &Value) -> Vec<String> {
    match type_name {
        name if name.starts_with("flight.observed.") => vec![format!("{} says: {}", text(value, "source"), flight(value))],
        "flight.state" => believed(value),
        name if name.starts_with("flight.") => vec![flight(value)],
        "rotation.updated" => vec![rotation(value)],
        "disruption.opened" | "disruption.updated" | "disruption.resolved" => disruption(value),
        "booking.created" | "booking.modified" | "booking.cancelled" => vec![itinerary(&value["segments"])],
        "booking.disrupted" => disruption(value),
        "booking.reaccommodated" => {
            vec![format!("{}: {}", text(value, "outcome"), text(value, "reason")), itinerary(&value["segments"])]
        }
        "passenger.rights.decided" => rights(value),
        "passenger.payment.due" => payment(value),
        "liability.estimated" | "liability.exposed" => exposure(value),
        name if name.starts_with("passenger.") => vec![passenger(value)],
        "notification.requested" => vec![format!("by {}: {}", text(value, "channel"), text(value, "text"))],
        "decision.audited" => audit(value),
        _ => vec![value.to_string()],
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or("")
}

/// `16:30 UTC`, or nothing.
fn time(value: &Value) -> Option<String> {
    value.as_i64().map(|at| format!("{} UTC", &rfc3339(at)[11..16]))
}

fn flight(value: &Value) -> String {
    let mut parts = vec![text(value, "kind").to_owned()];
    let mut add = |name: &str, part: Option<String>| parts.extend(part.map(|part| format!("{name} {part}")));
    add("at", time(&value["at"]));
    add("scheduled", time(&value["scheduled_departure"]));
    add("expected off block", time(&value["estimated_departure"]));
    add("departure", value["departure_delay_min"].as_i64().map(|m| format!("{m:+} min")));
    add("arrival", value["arrival_delay_min"].as_i64().map(|m| format!("{m:+} min")));
    add("tail", value["tail"].as_str().map(str::to_owned));
    add("code", value["reason"].as_str().map(str::to_owned));
    parts.join(", ")
}

/// Whom the state of a leg believes and why, and what each source said of what they differ on.
fn believed(value: &Value) -> Vec<String> {
    let list = |field: &str| value[field].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!("{}, {}", flight(value), text(value, "sync_status"))];
    for origin in list("provenance") {
        let heard = time(&origin["heard_at"]).unwrap_or_default();
        let (field, source, rule) = (text(&origin, "field"), text(&origin, "source"), text(&origin, "rule"));
        lines.push(format!("{field}: {source} is believed, heard {heard}: {rule}"));
    }
    for conflict in list("conflicts") {
        lines.push(format!("{} {}: {}", text(&conflict, "field"), text(&conflict, "state"), text(&conflict, "rule")));
        for said in conflict["candidates"].as_array().into_iter().flatten() {
            let heard = time(&said["heard_at"]).unwrap_or_default();
            lines.push(format!("    {} said {}, heard {heard}", text(said, "source"), text(said, "value")));
        }
    }
    lines
}

fn rotation(value: &Value) -> String {
    let inbound = &value["inbound"];
    let before = match inbound["carrier"].as_str() {
        Some(carrier) => format!("arrives as {carrier}{} from {}", inbound["number"], text(inbound, "origin")),
        None => "has no leg before".to_owned(),
    };
    let minutes = |field: &str| value[field].as_i64().unwrap_or(0);
    let push =
        value["push_min"].as_i64().map(|m| format!(", push {m:+} min with a turn of {}", value["turn_min"])).unwrap_or_default();
    format!(
        "aircraft {} {before}{push}; late {} min: {} brought along, {} its own; chain of {}{}",
        text(value, "tail"),
        minutes("departure_delay_min").max(0),
        minutes("reactionary_min"),
        minutes("primary_min"),
        minutes("chain_length"),
        if value["final"] == true { " (final)" } else { "" }
    )
}

fn disruption(value: &Value) -> Vec<String> {
    let phase = text(value, "phase");
    let mut lines =
        vec![format!("{} {phase}, {}, confidence {} %", text(value, "pattern"), text(value, "severity"), value["confidence"])];
    for cause in value["causes"].as_array().into_iter().flatten() {
        let minutes = cause["minutes"].as_i64().map(|m| format!(", {m} min")).unwrap_or_default();
        lines.push(format!("cause: {} {} %{minutes}", text(cause, "kind"), cause["share"]));
    }
    lines
}

fn itinerary(segments: &Value) -> String {
    let leg = |segment: &Value| {
        let departs = time(&segment["scheduled_departure"]).unwrap_or_default();
        let route = format!("{}-{}", text(segment, "origin"), text(segment, "destination"));
        format!("{}{} {route} {} {departs}", text(segment, "carrier"), segment["number"], text(segment, "date"))
    };
    let legs: Vec<_> = segments.as_array().into_iter().flatten().map(leg).collect();
    if legs.is_empty() { "no itinerary".to_owned() } else { legs.join(", then ") }
}

fn passenger(value: &Value) -> String {
    let reason = text(value, "reason");
    let way =
        if value["segments"].as_array().is_some_and(|s| !s.is_empty()) { itinerary(&value["segments"]) } else { String::new() };
    format!("passenger {}: {} {reason} {way}", text(value, "passenger"), text(value, "kind")).trim_end().to_owned()
}

fn rights(value: &Value) -> Vec<String> {
    let sum = match value["amount"].as_i64() {
        Some(amount) => format!(", {amount} {}", text(value, "currency")),
        None => String::new(),
    };
    let head = format!(
        "passenger {}: {}{sum} under {} ({})",
        text(value, "passenger"),
        text(value, "decision"),
        text(value, "ruleset"),
        text(value, "status")
    );
    let why = format!("revision {}, {}", value["revision"], text(value, "because"));
    let rules = value["rules"].as_array().into_iter().flatten();
    let rules = rules.map(|rule| format!("{}: {} -> {}", text(rule, "id"), text(rule, "fact"), text(rule, "effect")));
    let missing =
        value["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|fact| format!("not known yet: {fact}"));
    [head, why].into_iter().chain(rules).chain(missing).collect()
}

fn payment(value: &Value) -> Vec<String> {
    let sum = value["amount_minor"].as_i64().map_or_else(
        || "the price of what was not flown".to_owned(),
        |minor| format!("{}.{:02} {}", minor / 100, minor % 100, text(value, "currency")),
    );
    let by = value["due_by"].as_i64().map(|at| format!(", by {}", &rfc3339(at)[..10])).unwrap_or_default();
    let forms: Vec<&str> = value["forms"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    vec![
        format!("passenger {}: {} of {sum}{by} ({})", text(value, "passenger"), text(value, "claim"), text(value, "basis")),
        format!("owed by {}, payable as {}", text(value, "liable_carrier"), forms.join(", ")),
    ]
}

/// What is at stake now, and the next cliffs with their instants.
fn exposure(value: &Value) -> Vec<String> {
    let head = format!("at stake for {} passengers: {}", value["passengers"], stakes(&value["stakes"]));
    let cliffs = value["cliffs"].as_array().into_iter().flatten().take(CLIFFS_SHOWN);
    let cliff = |cliff: &Value| {
        let day = cliff["at"].as_i64().map(rfc3339).unwrap_or_default();
        let at = format!("{} {} UTC", day.get(..10).unwrap_or_default(), day.get(11..16).unwrap_or_default());
        let (kind, minutes, people) = (text(cliff, "kind"), &cliff["threshold_min"], &cliff["passengers"]);
        format!("from {at}: {kind} at {minutes} min for {people} passengers, then {}", stakes(&cliff["stakes"]))
    };
    std::iter::once(head).chain(cliffs.map(cliff)).collect()
}

/// `1500.00 EUR due, 600.00 EUR open`, or nothing.
fn stakes(value: &Value) -> String {
    let parts = [("settled_minor", "settled"), ("due_minor", "due"), ("open_minor", "open")];
    let stakes = value.as_array().into_iter().flatten();
    let sums = stakes.flat_map(|stake| {
        let sum = |(field, word): (&str, &str)| {
            let minor = stake[field].as_i64().filter(|minor| *minor != 0)?;
            Some(format!("{}.{:02} {} {word}", minor / 100, minor % 100, text(stake, "currency")))
        };
        parts.into_iter().filter_map(sum).collect::<Vec<_>>()
    });
    let sums: Vec<String> = sums.collect();
    if sums.is_empty() { "nothing".to_owned() } else { sums.join(", ") }
}

fn audit(value: &Value) -> Vec<String> {
    let list = |field: &str, word: &str| {
        let items = value[field].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(|item| format!("{word}: {item}")).collect::<Vec<_>>()
    };
    let head = format!("{} decided {} by {}", text(value, "stage"), text(value, "decision"), text(value, "rule"));
    std::iter::once(head).chain(list("inputs", "fact")).chain(list("alternatives", "instead")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_turn_reads_as_minutes_and_where_they_come_from() {
        let value = json!({"tail": "N1", "inbound": {"carrier": "WN", "number": 7, "origin": "DEN"}, "push_min": 21, "turn_min": 19,
            "departure_delay_min": 30, "reactionary_min": 21, "primary_min": 9, "chain_length": 3, "final": true});
        let told = tell("rotation.updated", &value);
        let wanted = "aircraft N1 arrives as WN7 from DEN, push +21 min with a turn of 19; late 30 min: 21 brought along, 9 its own; chain of 3 (final)";
        assert_eq!(told, [wanted]);
    }

    #[test]
    fn an_exposure_reads_as_sums_and_the_cliffs_ahead() {
        let value = json!({"passengers": 9, "stakes": [{"currency": "EUR", "settled_minor": 0, "due_minor": 0, "open_minor": 25_000}],
            "cliffs": [{"kind": "COMPENSATION", "at": 1_772_452_800_000_i64, "threshold_min": 180, "passengers": 8,
                "stakes": [{"currency": "EUR", "settled_minor": 0, "due_minor": 200_000, "open_minor": 25_000}]}]});
        let wanted = [
            "at stake for 9 passengers: 250.00 EUR open",
            "from 2026-03-02 12:00 UTC: COMPENSATION at 180 min for 8 passengers, then 2000.00 EUR due, 250.00 EUR open",
        ];
        assert_eq!(tell("liability.exposed", &value), wanted);
    }

    #[test]
    fn a_record_of_an_unknown_type_is_shown_as_it_is() {
        assert_eq!(tell("other", &json!({"a": 1})), ["{\"a\":1}"]);
    }
}
