//! `slipstream rights` as a user runs it: cases in on standard input, decisions or pages out, in constant memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Budapest to Lisbon, so late; the fact that the line is about.
const CASE: &str = r#"{"id":"n","as_of":"2026-03-02","origin":"BUD","destination":"LIS","operating_carrier":"W6","event":"delay","dep_delay_min":200,"arr_delay_min_final":200,"cause":"technical_fault","overnight_wait":false,"passenger":{"confirmed_reservation":true,"presented_on_time":true}}"#;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
    command.arg("rights").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn rights(arguments: &[&str], input: &str) -> Output {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The command may stop before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

// contract: S2-28
#[test]
fn every_line_has_its_decision_in_place_and_a_bad_one_stops_nothing() {
    let output = rights(&["decide"], &format!("{CASE}\nnonsense\n{}\n", CASE.replace("200", "179")));
    assert_eq!(output.status.code(), Some(1));
    let answers: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [due, refused, none] = &answers[..] else { panic!("three answers: {answers:?}") };
    assert_eq!((&due["decision"], &due["amount"]), (&"eligible".into(), &400.into()));
    assert_eq!((&refused["line"], refused["error"].is_string()), (&2.into(), true));
    assert_eq!((&none["decision"], &none["amount"]), (&"not_eligible".into(), &0.into()));
    assert!(due["rules"].as_array().is_some_and(|rules| rules.iter().any(|rule| rule["id"] == "DL-1")), "{due}");
}

#[test]
fn a_page_has_facts_reasons_periods_and_what_would_change_it() {
    let output = rights(&["explain"], &format!("{CASE}\n"));
    let page = text(&output.stdout);
    for part in [
        "CASE n: a sum of 400 EUR is due",
        "facts       BUD to LIS; departure 2026-03-02",
        "law         Regulation (EC) No 261/2004 (EU261@2005-02-17)",
        "owed by     W6",
        "200 min late: a sum is due  [DL-1]",
        "C-402/07",
        "courts of HU: 5 years",
        "changed by  arrival 179 min late or less: no sum",
        "extraordinary circumstances and all reasonable measures proved: no sum",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

/// A file of rule sets in place of those of this version; one that is no such file is refused by name.
#[test]
fn rule_sets_can_be_given_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sets.toml");
    let sets = include_str!("../processors/data/rights/rulesets.toml");
    std::fs::write(&path, sets.replacen("sums = [250, 400, 600]", "sums = [300, 500, 700]", 1)).unwrap();
    let path = path.to_str().unwrap();
    let output = rights(&["decide", "--sets", path], &format!("{CASE}\n"));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["amount"], output.status.code()), (&500.into(), Some(0)));

    std::fs::write(path, sets.replacen("sums = [250, 400, 600]", "sums = [700, 500, 300]", 1)).unwrap();
    let output = rights(&["decide", "--sets", path], &format!("{CASE}\n"));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("EU261@2005-02-17"), "{}", text(&output.stderr));
}

/// Most memory that the command held while it answered so many lines, kilobytes.
fn peak_kb(lines: usize) -> u64 {
    let mut child = start(&["decide"]);
    let mut stdin = child.stdin.take().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    let counter = std::thread::spawn(move || answers.lines().count());
    for _ in 0..lines {
        stdin.write_all(CASE.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }
    // It still waits for more, so that it is there to be asked.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert_eq!((child.wait().unwrap().code(), counter.join().unwrap()), (Some(0), lines));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Ten times the lines take no more memory, but for what an allocator may keep back.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_lines() {
    const SLACK_KB: u64 = 1024;
    let (few, many) = (peak_kb(4_000), peak_kb(40_000));
    assert!(many <= few + SLACK_KB, "{few} kB after 4,000 lines, {many} kB after 40,000");
}
