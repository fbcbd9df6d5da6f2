//! What is let in, what it becomes, and what is named when it is not.

use slipstream_schemas::records::FlightObservation;
use slipstream_schemas::wire::Wire;

use super::*;

const NOW: Ts = 1_795_243_200_000;
const SECRET: &str = "whsec_test_only";
const TOKEN: &str = "9f2c1d7b8e6a4c3f";

fn webhooks() -> Webhooks {
    let environment = |name: &str| match name {
        "WEBHOOK_SIGNATURE_SECRET" => Some(SECRET.to_owned()),
        "FLIGHTAWARE_WEBHOOK_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    };
    let from = vec!["192.0.2.0/24".parse().unwrap()];
    Webhooks::new(Settings { flightaware_from: from, ..Settings::default() }, &environment).unwrap()
}

fn callback(body: &str) -> Result<Delivery, Refusal> {
    let at = (NOW / 1000).to_string();
    let tag = Key::new(SECRET).unwrap().sign(&at, body.as_bytes());
    webhooks().callback((Some(&at), Some(&tag)), body.as_bytes(), NOW)
}

/// Kinds and instants of what a body says.
fn said(delivery: &Delivery) -> Vec<String> {
    let said = delivery.records.iter().map(|record| FlightObservation::from_bytes(record.body.as_deref().unwrap()).unwrap());
    said.map(|said| said.at.map_or(said.kind.to_string(), |at| format!("{} {at}", said.kind))).collect()
}

const FLIGHT: &str = r#""flightNumber":"LH400","origin":"FRA","destination":"JFK""#;

/// Rows: what follows the identity of the leg, and the observations or the field at fault.
#[test]
fn a_callback_becomes_observations_or_names_its_field() {
    let table = include_str!("cases.csv");
    for row in table.lines().skip(1) {
        let [name, more, expected] = row.split(';').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let body = format!(r#"{{"flight":{{{FLIGHT}{more}}}}}"#);
        let found = match callback(&body) {
            Ok(delivery) => said(&delivery).join(" "),
            Err(Refusal::Body(fault)) => fault.field,
            Err(other) => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn what_is_no_callback_names_its_place() {
    let faults = [
        ("[]", ""),
        ("{}", "flight"),
        (r#"{"flight":7}"#, "flight"),
        (r#"{"flight":{"origin":"FRA","destination":"JFK","status":"CANCELLED"}}"#, "flight.flightNumber"),
        (r#"{"flight":{"flightNumber":"LH400","destination":"JFK","status":"CANCELLED"}}"#, "flight.origin"),
        (r#"{"flight":{"flightNumber":"LH400","origin":"FR","destination":"JFK"}}"#, "flight.origin"),
        (r#"{"flight":{"flightNumber":"X9400","origin":"FRA","destination":"JFK"}}"#, "flight.flightNumber"),
        (r#"{"eventId":[],"flight":{}}"#, "eventId"),
    ];
    for (body, field) in faults {
        assert!(matches!(callback(body), Err(Refusal::Body(fault)) if fault.field == field), "{body}");
    }
    for body in ["", "{", "{\"flight\":{\"origin\":\"\u{0}\"}}", &"[".repeat(10_000)] {
        assert!(matches!(callback(body), Err(Refusal::Syntax(..))), "{body:.20}");
    }
}

#[test]
fn the_id_follows_from_the_event_or_the_body_and_each_record_has_its_own() {
    let body = |event: &str, delay| {
        format!(
            r#"{{{event}"flight":{{{FLIGHT},"scheduledDeparture":"2026-11-21T09:00:00Z","delayMinutes":{delay},"out":"2026-11-21T06:00:00Z"}}}}"#
        )
    };
    let id = |event, delay| callback(&body(event, delay)).unwrap().id;
    assert_eq!(id("", 5), id("", 5));
    assert_ne!(id("", 5), id("", 6));
    assert_eq!(id(r#""eventId":"e1","#, 5), id(r#""eventId":"e1","#, 6));
    assert_ne!(id(r#""eventId":"e1","#, 5), id(r#""eventId":"e2","#, 5));
    let delivery = callback(&body("", 5)).unwrap();
    let ids: std::collections::BTreeSet<_> = delivery.records.iter().map(|record| record.event.id).collect();
    assert_eq!((ids.len(), delivery.records[0].event.id), (2, delivery.id));
    assert!(delivery.records.iter().all(|record| &*record.key == "LH400" && record.timestamp == NOW));
}

#[test]
fn a_delivery_is_known_once_it_was_committed() {
    let (webhooks, body) = (webhooks(), include_bytes!("alert.json"));
    let first = webhooks.alert(body, NOW).unwrap();
    assert!(!first.is_known && !webhooks.alert(body, NOW).unwrap().is_known, "not before");
    webhooks.note(first.id);
    assert!(webhooks.alert(body, NOW).unwrap().is_known);
}

/// The example of feeds' documentation, in its own form.
#[test]
fn an_alert_of_flightaware_becomes_observations() {
    let delivery = webhooks().alert(include_bytes!("alert.json"), NOW).unwrap();
    assert_eq!(said(&delivery), ["SCHEDULED"]);
    let said = FlightObservation::from_bytes(delivery.records[0].body.as_deref().unwrap()).unwrap();
    assert_eq!((said.source.as_str(), said.carrier.as_str(), said.number), ("flightaware", "LO", 335));
    assert_eq!(said.source_leg.as_deref(), Some("LOT335-1795000000-schedule-0421p"));
    assert_eq!(said.estimated_departure.zip(said.scheduled_departure).map(|(e, s)| (e - s) / 60_000), Some(39));
    assert_eq!((said.departure_gate.as_deref(), said.departure_terminal.as_deref()), (Some("36"), Some("A")));
}

#[test]
fn an_alert_comes_by_its_path_and_from_its_network() {
    let admit = |token: &str, from: &str| webhooks().admit(token, from.parse().unwrap());
    assert_eq!(admit(TOKEN, "192.0.2.9"), Ok(()));
    assert_eq!(admit(TOKEN, "192.0.3.9"), Err(Refusal::Network));
    assert_eq!(admit("9f2c1d7b8e6a4c3e", "192.0.2.9"), Err(Refusal::Path));
    assert_eq!(admit("", "192.0.2.9"), Err(Refusal::Path));
    let closed = Webhooks::new(Settings::default(), &|_| None).unwrap();
    assert_eq!(closed.admit("", "192.0.2.9".parse().unwrap()), Err(Refusal::Closed("FLIGHTAWARE_WEBHOOK_TOKEN")));
    assert!(matches!(closed.callback((None, None), b"{}", NOW), Err(Refusal::Closed("WEBHOOK_SIGNATURE_SECRET"))));
}

#[test]
fn secrets_are_shown_nowhere_and_poor_settings_are_refused() {
    let shown = format!("{:?}", webhooks());
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
    let with = |name: &'static str, value: &'static str| {
        Webhooks::new(Settings::default(), &move |asked: &str| (asked == name).then(|| value.to_owned()))
    };
    let refused = with("FLIGHTAWARE_WEBHOOK_TOKEN", "short-token").unwrap_err().to_string();
    assert!(refused.contains("FLIGHTAWARE_WEBHOOK_TOKEN") && !refused.contains("short-token"), "{refused}");
    assert!(with("WEBHOOK_TIMEOUT_MS", "soon").is_err() && with("WEBHOOK_TIMEOUT_MS", "0").is_err());
    assert_eq!(with("WEBHOOK_TIMEOUT_MS", "2500").unwrap().timeout, Duration::from_millis(2_500));
}
