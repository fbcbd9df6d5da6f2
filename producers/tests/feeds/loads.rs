//! Load messages as inputs: which leg they are of, who is on board, and what cannot be used.

use proptest::prelude::*;
use slipstream_producers::inputs::Playback;
use slipstream_producers::refusals::Refused;
use slipstream_schemas::records::{DateMeaning, FlightKind};
use slipstream_streams::record::{Record, rfc3339};

use crate::support::{file, input, observation, play};
use crate::telexes::{shown, winter};

/// What a log beside the season's schedule says.
fn loads(log: &str) -> (Vec<Record>, Refused) {
    let folder = tempfile::tempdir().unwrap();
    let schedule = input("ssim", &file(&folder, "w26.ssim", &winter()));
    let (records, refused) = play(&[schedule, input("ldm", &file(&folder, "log.txt", log))], Playback::default());
    (records.into_iter().filter(|record| &*record.event.source == "/producers/ldm").collect(), refused)
}

/// Every case is a log of one message beside the season's schedule.
#[test]
fn a_load_message_says_who_leaves_with_which_leg() {
    for line in include_str!("../cases/loads.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [case, received, message, expect] = cells[..] else { unreachable!("{line}") };
        let stamp = if received.is_empty() { String::new() } else { format!("{received}:00Z\n") };
        let (records, refused) = loads(&format!("{stamp}QU HDQOOLO\n.WAWKLLO 210709\n{}\n", message.replace('|', "\n")));
        let mut found: Vec<String> = records.iter().map(shown).collect();
        found.extend(refused.first.iter().map(|refusal| format!("refused {}", refusal.fault.field)));
        assert_eq!(found.join(" / "), expect, "{case}: {refused}");
        assert!(records.iter().all(|record| rfc3339(record.timestamp).starts_with(received)), "{case}");
        let written = format!("{refused} {records:?}");
        assert!(!written.contains("NIEWIADOMSKA"), "{case}: {written}");
    }
}

/// Around midnight the day of the message is UTC's: 21 November at 23:30Z is the 22nd in Warsaw.
#[test]
fn the_day_is_that_of_utc() {
    let night = "3 LO  0770101J25OCT2627MAR271234567 WAW00300030+0100  CDG02500250+01001 7M8";
    let folder = tempfile::tempdir().unwrap();
    let legs = [crate::telexes::ssim(&[(1, night)])];
    let schedule = input("ssim", &file(&folder, "w26.ssim", &crate::telexes::season("L", &legs)));
    let log = file(&folder, "log.txt", "2026-11-21T23:20:00Z\nLDM\nLO77/21.SPLVA\n-CDG.1/0/0.T0\n");
    let (records, refused) = play(&[schedule, input("ldm", &log)], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    let said = records.iter().map(observation).find(|said| said.kind == FlightKind::Assigned).unwrap();
    assert_eq!((said.date.unwrap().to_string().as_str(), said.date_meaning), ("2026-11-22", DateMeaning::LegLocal));
    assert_eq!(said.source_leg.as_deref(), Some("LO77/2026-11-21/WAW-CDG"));
    assert_eq!((said.source.as_str(), said.tail.unwrap().as_str()), ("LDM", "SPLVA"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A message that is bent anywhere is used or refused, and never lost.
    #[test]
    fn a_bent_message_is_used_or_refused(at in any::<prop::sample::Index>(), with in "[ -~\n]{0,4}", cut in 0..4_usize) {
        let mut message = "LDM\nLO335/21.SPLVA.C12Y174.2/4\n-CDG.142/8/3.T2310.1/900.3/820.4/590.PAX/10/140\nSI NIL\n".to_owned();
        let at = at.index(message.len());
        message.replace_range(at..(at + cut).min(message.len()), &with);
        let (records, refused) = loads(&format!("2026-11-21T07:10:00Z\n{message}"));
        prop_assert!(records.len() as u64 + refused.count > 0 || message.trim().is_empty(), "{message}");
    }
}
