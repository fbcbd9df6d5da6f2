//! `--shuffle` and `--duplicate`: bounded, seeded, and otherwise the same records.

use std::collections::BTreeMap;

use slipstream_producers::disturb::{Disturbance, REPEATED_WITHIN, Share, Span};
use slipstream_producers::inputs::Playback;
use slipstream_streams::record::Record;

use crate::support::{FLOWN, bts, play, with};

const MINUTE: i64 = 60_000;

fn stream(shuffle: &str, duplicate: &str, seed: u64) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let row =
        |n: usize| with(FLOWN, &[("flight_num", &(n + 1).to_string()), ("crs_dep_time", &(n / 60 * 100 + n % 60).to_string())]);
    let rows: Vec<String> = (0..500).map(row).collect();
    let span: Span = shuffle.parse().unwrap();
    let disturbance = Disturbance { shuffle: span.0, duplicate: duplicate.parse().unwrap(), seed };
    let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback { disturbance, ..Playback::default() });
    assert!(refused.is_empty() && records.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp));
    records
}

fn first_stamps(records: &[Record]) -> BTreeMap<uuid::Uuid, i64> {
    let mut stamps = BTreeMap::new();
    for record in records {
        stamps.entry(record.event.id).or_insert(record.timestamp);
    }
    stamps
}

#[test]
fn shuffled_records_are_the_same_ones_up_to_five_minutes_later() {
    let (plain, shuffled) = (stream("0s", "0%", 1), stream("5m", "0%", 1));
    assert_eq!(plain.len(), shuffled.len());
    let (plain, late) = (first_stamps(&plain), first_stamps(&shuffled));
    let shifts: Vec<i64> = plain.iter().map(|(id, at)| late[id] - at).collect();
    assert!(shifts.iter().all(|shift| (0..=5 * MINUTE).contains(shift)));
    let mean = shifts.iter().sum::<i64>() / i64::try_from(shifts.len()).unwrap();
    assert!((2 * MINUTE..3 * MINUTE).contains(&mean), "{mean}");
}

#[test]
fn duplicates_are_the_same_record_later() {
    let (plain, doubled) = (stream("0s", "0%", 7), stream("0s", "10%", 7));
    let mut extra = doubled.len() - plain.len();
    assert!((200..400).contains(&extra), "{extra} of {} twice", plain.len());
    let mut seen: BTreeMap<uuid::Uuid, Record> = BTreeMap::new();
    for record in doubled {
        if let Some(first) = seen.insert(record.event.id, record.clone()) {
            extra -= 1;
            let later = record.timestamp - first.timestamp;
            assert!((1..=REPEATED_WITHIN).contains(&later));
            assert_eq!(Record { timestamp: first.timestamp, ..record }, first);
        }
    }
    assert_eq!((extra, seen.len()), (0, plain.len()));
    assert_eq!(stream("0s", "100%", 7).len(), 2 * plain.len());
}

#[test]
fn the_seed_decides() {
    assert_eq!(stream("5m", "1%", 3), stream("5m", "1%", 3));
    assert_ne!(first_stamps(&stream("5m", "1%", 3)), first_stamps(&stream("5m", "1%", 4)));
}

#[test]
fn shares_and_spans_are_read_or_refused() {
    let order = ["0%", "0.0001%", "0.25%", "1%", "1.5%", "10%", "100%"].map(|text| text.parse::<Share>().unwrap());
    assert!(order.is_sorted_by(|a, b| a < b));
    for text in ["", "%", "1", "-1%", "101%", "100.0001%", "1.%", ".5%", "1.00001%", "1e2%", "１%"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
    for (text, minutes) in [("0s", 0), ("60s", 1), ("5m", 5), ("2h", 120), ("1d", 1440)] {
        assert_eq!(text.parse::<Span>().unwrap().0, minutes * MINUTE);
    }
    for text in ["", "m", "5", "5 m", "-5m", "1.5h", "367d", "99999999999h", "5min", "5½"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}
