//! `slipstream sources list|status|ask` on configured providers, as its users see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::process::{Command, Output};

use serde_json::Value;

const MOCKS: &str = r#"
[sources]
use = "sync"
[[sources.providers]]
kind = "flightaware"
priority = 9
mock = { delay_ms = 5, random = false, legs = [{ flight = "LH400", delay_min = 95 }] }
[[sources.providers]]
kind = "lufthansa"
mock = { delay_ms = 5, random = false, legs = [{ flight = "LH400", cancelled = true }] }
[[sources.providers]]
kind = "amadeus"
mock = { outages = [{ after_s = 0, for_s = 999999 }] }
"#;

fn slipstream(settings: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("slipstream.toml");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
    command.arg("sources").args(arguments).arg("--config").arg(file).env_remove("FLIGHTAWARE_API_KEY").output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"))).collect()
}

#[test]
fn the_list_has_every_provider_by_priority() {
    let listed = lines(&slipstream(MOCKS, &["list", "--json"]));
    let names: Vec<&Value> = listed.iter().map(|line| &line["provider"]).collect();
    assert_eq!(names, ["flightaware-mock", "amadeus-mock", "lufthansa-mock"]);
    assert!(listed.iter().all(|line| line["breaker"] == "CLOSED" && line["attempts"] == 0));
}

#[test]
fn the_status_asks_each_and_says_who_does_not_answer() {
    let output = slipstream(MOCKS, &["status"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!((text.matches("answers").count(), text.matches("outage of the scenario").count()), (2, 1), "{text}");
}

const WEATHER: &str = r#"
[[weather.providers]]
kind = "aviationweather"
priority = 9
mock = { delay_ms = 5 }
[[weather.providers]]
kind = "openmeteo"
mock = { outages = [{ after_s = 0, for_s = 999999 }] }
"#;

#[test]
fn the_providers_of_weather_stand_behind_those_of_flights() {
    let both = format!("{MOCKS}{WEATHER}");
    let listed = lines(&slipstream(&both, &["list", "--json"]));
    let names: Vec<&Value> = listed.iter().map(|line| &line["provider"]).collect();
    assert_eq!(names, ["flightaware-mock", "amadeus-mock", "lufthansa-mock", "aviationweather-mock", "openmeteo-mock"]);
    let alone = slipstream(WEATHER, &["status", "--json"]);
    let said = lines(&alone);
    assert_eq!((alone.status.code(), &said[0]["healthy"], &said[1]["healthy"]), (Some(0), &true.into(), &false.into()));
    assert!(said[0]["last_answer_age_s"].is_number() && said[1]["last_answer_age_s"].is_null(), "{said:?}");
    assert_eq!(slipstream(WEATHER, &["ask", "LH400/2026-11-21"]).status.code(), Some(2), "nobody there knows flights");
}

#[test]
fn each_source_has_its_own_word() {
    let output = slipstream(MOCKS, &["ask", "LH400/2026-11-21"]);
    let said = lines(&output);
    assert_eq!(output.status.code(), Some(0));
    let [flightaware, amadeus, lufthansa] = &said[..] else { panic!("{said:?}") };
    assert_eq!((&flightaware["data"]["delay_minutes"], &flightaware["stale"]), (&Value::from(95), &Value::from(false)));
    assert_eq!(lufthansa["data"]["status"], "CANCELLED");
    assert_eq!(amadeus["error"], "unavailable");
}

#[test]
fn wrong_use_is_told() {
    let key = "[[sources.providers]]\nkind = \"flightaware\"\n";
    let cases = [
        ("", vec!["list"], 2, "[[sources.providers]]"),
        (key, vec!["list"], 2, "FLIGHTAWARE_API_KEY"),
        ("[sources]\nuse = \"often\"\n", vec!["list"], 2, "often"),
        (MOCKS, vec!["ask", "tomorrow"], 2, "LH400/2026-11-21"),
        (MOCKS, vec!["ask", "LH1/2026-11-21"], 3, "nobody knows LH1/2026-11-21"),
    ];
    for (settings, arguments, code, expected) in cases {
        let output = slipstream(settings, &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(expected)), (Some(code), true), "{arguments:?}: {said}");
    }
}
