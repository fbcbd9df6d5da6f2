//! The first thing a newcomer types: the demo plays to its end, and each command that it prints then works.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod support;

use std::process::Command;

use support::{lines, run, scratch, text};

// contract: S2-10, S2-26
#[test]
fn the_demo_plays_to_its_end_and_what_it_prints_works() {
    let folder = scratch();
    let out = folder.path().join("demo"); // one of the commands writes beside it
    let output = run(&["demo", "--out", &text(&out)]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(output.stdout.is_empty(), "standard output carries data only");
    let commands: Vec<Vec<&str>> = told
        .lines()
        .filter(|line| line.starts_with("  ") && line.contains(" --"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(commands.len(), 3, "{told}");
    for command in commands {
        let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(lines(&out, "dead.letter.queue").len(), 0);
    // S2-10: an alert at 15 minutes, a high one at 60, and one for each cancellation.
    let alerts = lines(&out, "disruption.events");
    let opened = |pattern: &str, severity: &str| {
        alerts.iter().any(|line| line["value"]["pattern"] == pattern && line["value"]["severity"] == severity)
    };
    assert!(opened("DELAY", "LOW") && opened("DELAY", "HIGH") && opened("CANCELLATION", "CRITICAL"));
    let cancelled = lines(&out, "flight.events").iter().filter(|line| line["value"]["kind"] == "CANCELLED").count();
    let told = alerts.iter().filter(|line| line["value"]["pattern"] == "CANCELLATION" && line["value"]["phase"] != "RESOLVED");
    let legs: std::collections::BTreeSet<_> = told.map(|line| line["key"].to_string()).collect();
    assert_eq!(legs.len(), cancelled, "one alert for each cancelled leg");
}
