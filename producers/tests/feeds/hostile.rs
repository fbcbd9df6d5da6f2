//! Files by someone who means harm: refused or read, never a panic, and every line accounted for.

use proptest::prelude::*;
use slipstream_producers::inputs::{Playback, open};
use slipstream_streams::reference::Source;

use crate::support::{FLOWN, HEADER, bts, input, play};

fn survive(kind: &str, name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    if let Ok(mut feed) = open(&[input(kind, &path)], Playback::default()) {
        while let Ok(Some(_)) = feed.next() {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for (kind, name) in [("bts", "x.csv"), ("bts", "x.csv.gz"), ("recording", "x.jsonl"), ("recording", "x.jsonl.gz")] {
            survive(kind, name, &bytes);
        }
        for kind in ["mvt", "ldm", "pnl"] {
            survive(kind, "x.txt", &[b"2026-11-21T07:10:00Z\n", &bytes[..]].concat());
        }
        survive("bts", "x.csv", &[HEADER.as_bytes(), b"\n", &bytes].concat());
    }

    #[test]
    fn every_line_becomes_a_leg_or_a_refusal(
        rows in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,6}"), 1..12),
    ) {
        let cells = FLOWN.split(',').count();
        let spoil = |(number, (place, text)): (usize, &(prop::sample::Index, String))| {
            let mut row: Vec<&str> = FLOWN.split(',').collect();
            let number = (number + 1).to_string();
            row[2] = &number;
            row[place.index(cells)] = text;
            row.join(",")
        };
        let rows: Vec<String> = rows.iter().enumerate().map(spoil).collect();
        let folder = tempfile::tempdir().unwrap();
        let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback::default());
        let legs: std::collections::BTreeSet<_> = records.iter().map(|r| crate::support::observation(r).source_leg).collect();
        prop_assert_eq!(legs.len() as u64 + refused.count, rows.len() as u64);
    }
}
