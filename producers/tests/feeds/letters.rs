//! Refusals as dead letters: every kind of input, where it stands, what it says, and what it must not say.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use slipstream_producers::disturb::Disturbance;
use slipstream_producers::inputs::{Input, Playback, open};
use slipstream_schemas::records::DeadLetter;
use slipstream_schemas::topics::DEAD_LETTER_QUEUE;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use slipstream_streams::reference::Source;

use crate::support::{FLOWN, bts, file, input, with};

/// Everything that comes, as it comes.
fn stream(inputs: &[Input], playback: Playback) -> Vec<Record> {
    let mut feed = open(inputs, playback).unwrap();
    std::iter::from_fn(|| feed.next().unwrap()).collect()
}

fn letters(records: &[Record]) -> Vec<(&Record, DeadLetter)> {
    let letters = records.iter().filter(|record| record.topic == DEAD_LETTER_QUEUE);
    letters.map(|record| (record, DeadLetter::from_bytes(record.body.as_deref().unwrap()).unwrap())).collect()
}

/// `kind | file | line | reason | whether the text is kept | content`, line breaks as `\n`.
#[test]
fn every_kind_of_input_has_its_letters() {
    for case in include_str!("../cases/letters.csv").lines().skip(1) {
        let cells: Vec<&str> = case.splitn(5, '|').map(str::trim).collect();
        let [kind, line, reason, kept, content] = cells[..] else { panic!("{case}") };
        let folder = tempfile::tempdir().unwrap();
        let content = content.replace("\\n", "\n");
        let path = file(&folder, "in", &content);
        let records = stream(&[input(kind, &path)], Playback::default());
        let [(record, letter)] = &letters(&records)[..] else { panic!("{kind}: {records:?}") };
        let origin = format!("{kind}:{}", path.display());
        assert_eq!((&letter.topic, letter.offset, letter.partition), (&origin, line.parse().unwrap(), 0), "{kind}");
        assert_eq!((letter.stage.as_str(), letter.reason.as_str()), (&*format!("source:{kind}"), reason));
        assert_eq!(
            (&*record.event.source, letter.record_source.as_str()),
            (&*format!("/producers/{kind}"), &*record.event.source)
        );
        assert!(letter.error.starts_with(&format!("{}:{line}: ", path.display())), "{}", letter.error);
        let text = letter.value.as_deref().map(|text| String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap());
        let there = content.lines().nth(letter.offset as usize - 1).unwrap();
        assert_eq!(text.as_deref(), (kept == "yes").then_some(there), "{kind}");
        let class = format!("{}:{line}: {}", path.display(), reason.strip_prefix("unusable ").unwrap());
        assert_eq!(letter.error == class, kept == "no", "{kind}: {}", letter.error);
    }
}

/// Three bad lines between two days: the letters stand with the records up to which was read, and are the same each time.
#[test]
fn letters_come_in_order_of_time_and_are_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let next_day = with(FLOWN, &[("flight_date", "2008-02-01")]);
    let rows = ["early".to_owned(), FLOWN.to_owned(), "bad".to_owned(), "bad".to_owned(), next_day, "late".to_owned()];
    let inputs = [bts(&folder, "day.csv", &rows)];
    let plain = stream(&inputs, Playback::default());
    assert!(plain.windows(2).all(|pair| pair[0].order() < pair[1].order()), "in order, no id twice");
    assert_eq!(plain, stream(&inputs, Playback::default()));
    let found = letters(&plain);
    assert_eq!(found.iter().map(|(_, letter)| letter.offset).collect::<std::collections::BTreeSet<_>>().len(), 4);
    let of = |line| &found.iter().find(|(_, letter)| letter.offset == line).unwrap().1;
    assert_eq!(of(4).record_id, of(5).record_id, "the same bytes");
    assert_ne!(of(2).record_id, of(4).record_id);
    let known =
        |record: &&Record| plain.iter().any(|other| other.topic != DEAD_LETTER_QUEUE && other.timestamp == record.timestamp);
    assert!(found.iter().all(|(record, _)| known(record)), "stamped with an instant of the recording");

    let shuffled =
        Playback { disturbance: Disturbance { shuffle: 600_000, seed: 7, ..Disturbance::default() }, ..Playback::default() };
    let disturbed = stream(&inputs, shuffled);
    assert_eq!(letters(&disturbed).len(), 4);
    assert!(disturbed.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp));
}

#[test]
fn a_file_of_which_nothing_can_be_used_has_letters_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let records = stream(&[bts(&folder, "day.csv", &["one".to_owned(), "two".to_owned()])], Playback::default());
    let found = letters(&records);
    assert_eq!((records.len(), found.len(), records[0].timestamp), (2, 2, 0));
    assert_ne!(records[0].event.id, records[1].event.id);
}

/// One message, several faults: each has its letter, and none of them a word of the message.
#[test]
fn faults_of_one_message_are_told_apart_and_say_nothing_of_it() {
    const LIST: &str = "2026-11-19T06:25:00Z\nPNL\nLO335/21NOV WAW PART1\n-CDG002Y\n1QWERTOWSKA/ZUZANNAMRS .L/X7QK2P\nENDPNL\n";
    let folder = tempfile::tempdir().unwrap();
    let twice = file(&folder, "lists.txt", &format!("{LIST}\n{LIST}"));
    let moves = file(&folder, "moves.txt", "2026-11-21T10:40:00Z\nMVT\nQWERTOWSKA/ZUZANNA\nAD1025/1038\nSI MRS QWERTOWSKA\n");
    let records = stream(&[input("pnl", &twice), input("mvt", &moves)], Playback::default());
    let found = letters(&records);
    assert_eq!(found.len(), 3, "{found:?}");
    for (record, letter) in &found {
        let written = format!("{record:?} {letter:?}");
        let body = String::from_utf8_lossy(record.body.as_deref().unwrap());
        for name in ["QWERTOWSKA", "ZUZANNA", "X7QK2P"] {
            assert!(!written.contains(name) && !body.contains(name), "{written}");
            let packed = BASE64_STANDARD.encode(name);
            assert!(!body.contains(packed.trim_end_matches('=')), "{written}");
        }
        assert_eq!(letter.value, None);
    }
    let lists: Vec<&DeadLetter> = found.iter().map(|(_, letter)| letter).filter(|letter| letter.stage == "source:pnl").collect();
    assert_eq!(lists[0].record_id, lists[1].record_id, "the same message at two places");
    assert!(Path::new(&lists[0].topic.replace("pnl:", "")).exists(), "the origin is where it lies");
}
