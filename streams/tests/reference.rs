//! The reference schedule and its journal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use slipstream_streams::journal::{Journal, JournalError};
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, Sink};
use toy::{CORRECTIONS, Listed, READINGS, SILENCE, START, codec, reading};

/// What came out, in the order in which it came to be.
#[derive(Debug, Default, PartialEq)]
struct Seen(Vec<(Ts, Arc<Record>)>);

impl Sink for Seen {
    fn instant(&mut self, at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.0.extend(records.into_iter().map(|record| (at, record)));
        Ok(())
    }
}

fn run(records: &[Record]) -> Vec<String> {
    let mut seen = Seen::default();
    let mut reference = Reference::new(toy::topology(1, 1), &codec()).unwrap();
    reference.run(&mut Listed::new(records), &mut seen).unwrap();
    let line = |(at, record): &(Ts, Arc<Record>)| {
        let body = String::from_utf8_lossy(record.body.as_deref().unwrap()).into_owned();
        assert_eq!(*at, record.timestamp);
        format!("{} {} {}: {body}", at - START, record.topic, record.key)
    };
    seen.0.iter().map(line).collect()
}

#[test]
fn an_instant_goes_through_every_stage_before_the_next() {
    let records = [
        reading(0, READINGS, START, "oak:2", "7"),
        // By rank a correction comes before a reading of its instant, whatever the order of arrival.
        reading(1, CORRECTIONS, START, "oak:2", "3"),
        reading(2, READINGS, START + SILENCE, "oak:2", "rubbish"),
        // A reading at the very instant at which the meter would be reported silent comes before the timer, and moves it.
        reading(3, READINGS, START + SILENCE, "oak:2", "1"),
    ];
    let silent = START + 2 * SILENCE;
    let expected = [
        "0 readings oak:2: 7".to_owned(),
        "0 corrections oak:2: 3".to_owned(),
        "0 totals oak: oak:2 3 #1 correction".to_owned(),
        "0 totals oak: oak:2 7 #2 reading".to_owned(),
        // Equal in instant, rank, topic and key: the totals follow each other by their ids.
        "0 sums oak: 7 after oak:2 7 #2 reading".to_owned(),
        "0 sums oak: 10 after oak:2 3 #1 correction".to_owned(),
        "90000 readings oak:2: rubbish".to_owned(),
        "90000 readings oak:2: 1".to_owned(),
        "90000 totals oak: oak:2 1 #3 reading".to_owned(),
        "90000 dead oak:2: count: no number: `rubbish`: invalid digit found in string at readings".to_owned(),
        "90000 sums oak: 11 after oak:2 1 #3 reading".to_owned(),
        format!("180000 totals oak: oak:2 0 #3 silent {silent}"),
        format!("180000 sums oak: 11 after oak:2 0 #3 silent {silent}"),
    ];
    let mut found = run(&records);
    // The two readings of one instant differ by their ids alone.
    found[8..10].sort_by_key(|line| line.contains("dead"));
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn records_of_one_instant_may_come_in_any_order(seed in 0..1_000_u64, mix in any::<u64>()) {
        let records = toy::readings(seed, 60);
        let mut mixed = records.clone();
        mixed.sort_by_key(|record| (record.timestamp, record.event.id.as_u64_pair().0 ^ mix));
        let outputs = |records: &[Record]| {
            let lines = run(records);
            lines.into_iter().filter(|line| !line.contains("readings ") && !line.contains("corrections ")).collect::<Vec<_>>()
        };
        prop_assert_eq!(outputs(&mixed), outputs(&records));
    }
}

/// Bodies so long that the run takes several transactions; zeros, so that their frames are short.
fn long_readings() -> Vec<Record> {
    let mut records = toy::readings(11, 90);
    for record in &mut records {
        let body = String::from_utf8(record.body.as_deref().unwrap().to_vec()).unwrap();
        let padded = if body.starts_with('-') || body == "rubbish" { body } else { "0".repeat(200_000) + &body };
        record.body = Some(padded.into_bytes().into());
    }
    records
}

fn journalled(directory: &Path, records: &[Record]) -> Seen {
    let topology = toy::topology(1, 1);
    let topics = topology.partitions.keys().copied().collect();
    let journal = Journal::open(directory, "toy", topics).unwrap();
    let mut reference = Reference::new(topology, &codec()).unwrap();
    let mut seen = Seen::default();
    reference.resume(journal, &mut seen).unwrap();
    reference.run(&mut Listed::new(records), &mut seen).unwrap();
    seen
}

#[test]
fn a_run_killed_at_any_byte_of_its_journal_resumes_to_the_same() {
    let records = long_readings();
    let home = tempfile::tempdir().unwrap();
    let whole = journalled(home.path(), &records);
    let bytes = std::fs::read(home.path().join("journal")).unwrap();
    let header = b"slipstream journal 1\n".len() + 4 + "toy".len();
    let step = (bytes.len() - header) / 60;
    let cuts = (header..header + 20).chain((header..bytes.len()).step_by(step)).chain(bytes.len() - 5..=bytes.len());
    for cut in cuts {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("journal"), &bytes[..cut]).unwrap();
        let resumed = journalled(home.path(), &records);
        assert!(resumed == whole, "killed after {cut} of {} bytes", bytes.len());
        let again = std::fs::read(home.path().join("journal")).unwrap();
        assert!(again.starts_with(&bytes[..header]), "killed after {cut} bytes");
        assert!(journalled(home.path(), &records) == whole, "resumed twice after {cut} bytes");
    }
}

#[test]
fn a_damaged_frame_ends_the_journal_there() {
    let records = long_readings();
    let home = tempfile::tempdir().unwrap();
    let whole = journalled(home.path(), &records);
    let mut bytes = std::fs::read(home.path().join("journal")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(home.path().join("journal"), &bytes).unwrap();
    assert!(journalled(home.path(), &records) == whole);
}

#[test]
fn a_journal_of_something_else_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(Journal::open(home.path(), "a day", Vec::new()).unwrap());
    let error = Journal::open(home.path(), "another day", Vec::new()).map(drop).unwrap_err();
    assert!(
        matches!(&error, JournalError::Other { found, wanted, .. } if found == "a day" && wanted == "another day"),
        "{error}"
    );
    for text in
        ["", "x", "slipstream journal 1\n", "slipstream journal 2\n\0\0\0\0", "slipstream journal 1\n\u{7f}\u{7f}\u{7f}\u{7f}"]
    {
        std::fs::write(home.path().join("journal"), text).unwrap();
        let opened = Journal::open(home.path(), "a day", Vec::new()).map(drop);
        assert_eq!(opened.is_ok(), text.is_empty(), "{text:?}");
    }
}
