//! Movement messages and schedule files as inputs: which leg, which instant, and what cannot be used.

use std::fmt::Write as _;

use proptest::prelude::*;
use slipstream_producers::inputs::Playback;
use slipstream_schemas::records::{Codeshare, DateMeaning, DesignatorRole, FlightObservation, Message};
use slipstream_schemas::topics::{FLIGHT_OBSERVATIONS, FLIGHT_UNMATCHED};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, Ts, rfc3339};

use crate::support::{file, input, observation, play};

/// A record of a schedule file: its beginning at 1, further parts at their positions.
pub(crate) fn ssim(parts: &[(usize, &str)]) -> String {
    let mut line = vec![b' '; 200];
    line[194..].copy_from_slice(b"000001");
    for (position, text) in parts {
        line[position - 1..position - 1 + text.len()].copy_from_slice(text.as_bytes());
    }
    String::from_utf8(line).unwrap()
}

/// The season of the tests: times local, made on 1 September 2026 at 12:00 UTC.
pub(crate) fn season(mode: &str, legs: &[String]) -> String {
    let carrier = ssim(&[(1, "2"), (2, mode), (3, "LO"), (11, "W26"), (15, "25OCT2627MAR27"), (29, "01SEP26"), (191, "1200")]);
    format!("{}\r\n{carrier}\r\n{}\r\n", ssim(&[(1, "1AIRLINE STANDARD SCHEDULE DATA SET")]), legs.join("\r\n"))
}

/// LO335 from Warsaw 07:25 (UTC+1) to Paris 09:50, every day.
pub(crate) const DAILY: &str = "3 LO  3350101J25OCT2627MAR271234567 WAW07250725+0100  CDG09500950+01001 7M8";

fn leg(front: &str) -> String {
    ssim(&[(1, front)])
}

pub(crate) fn winter() -> String {
    let first = leg("3 LO  2810101J25OCT2627MAR271234567 WAW10301030+0100  LHR12051205+0000  E95");
    let second = leg("3 LO  2810102J25OCT2627MAR271234567 LHR12501250+0000  SNN14151415+0000  E95");
    season("L", &[leg(DAILY), first, second])
}

fn day(at: Option<Ts>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| rfc3339(at)[5..16].to_owned())
}

/// What a record says, in the words of the table.
pub(crate) fn shown(record: &Record) -> String {
    let said = observation(record);
    let mut text = if record.topic == FLIGHT_UNMATCHED { "unmatched ".to_owned() } else { String::new() };
    write!(text, "{} {} {}-{}", said.kind, day(said.at), said.origin, said.destination).unwrap();
    let mut add =
        |name: &str, value: Option<String>| value.into_iter().for_each(|value| write!(text, " {name}={value}").unwrap());
    add("to", said.diverted_to.map(|airport| airport.to_string()));
    add("ed", said.estimated_departure.map(|at| day(Some(at))));
    add("ea", said.estimated_arrival.map(|at| day(Some(at))));
    add("reason", said.reason);
    add("px", said.passengers.map(|count| count.to_string()));
    add("as", said.designator);
    if said.assumed {
        text.push_str(" assumed");
    }
    text
}

/// Every case is a log of one message beside the season's schedule.
#[test]
fn a_telex_becomes_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let schedule = input("ssim", &file(&folder, "w26.ssim", &winter()));
    for line in include_str!("../cases/movements.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [case, received, message, expect] = cells[..] else { unreachable!("{line}") };
        let stamp = if received.is_empty() { String::new() } else { format!("{received}:00Z\n") };
        let log = format!("{stamp}QU HDQOOLO\n.WAWOPLO 210717\n{}\n", message.replace('|', "\n"));
        let log = input("mvt", &file(&folder, "log.txt", &log));
        let (records, refused) = play(&[schedule.clone(), log], Playback::default());
        let own = records.iter().filter(|record| &*record.event.source == "/producers/mvt");
        let mut found: Vec<String> = own.clone().map(shown).collect();
        found.extend(refused.first.iter().map(|refusal| format!("refused {}", refusal.fault.field)));
        assert_eq!(found.join(" / "), expect, "{case}: {refused}");
        assert!(own.clone().all(|record| rfc3339(record.timestamp).starts_with(received)), "{case}");
        assert!(!refused.to_string().contains("NIEWIADOMSKA"), "{case}: {refused}");
    }
}

/// The schedule gives the local date; without one the day is UTC's, and an arrival finds the departure it has heard of.
#[test]
fn an_earlier_message_tells_the_route_where_no_schedule_does() {
    let folder = tempfile::tempdir().unwrap();
    let log = "2026-11-21T09:16:00Z\nMVT\nLO335/21.SPLVA.CDG\nAA0908/0915\n\n2026-11-21T07:17:00Z\nMVT\nLO335/21.SPLVA.WAW\nAD0704/0716 EA0913 CDG\n";
    let (records, refused) = play(&[input("mvt", &file(&folder, "log.txt", log))], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    let said: Vec<FlightObservation> = records.iter().map(observation).collect();
    assert_eq!(said.iter().map(|said| said.kind.to_string()).collect::<Vec<_>>(), ["OUT", "OFF", "ON", "IN"]);
    for said in &said {
        assert_eq!(said.source_leg.as_deref(), Some("LO335/2026-11-21/WAW-CDG"));
        assert_eq!((said.date_meaning, said.role), (DateMeaning::DayUtc, DesignatorRole::Operating));
        assert_eq!(said.tail.unwrap().as_str(), "SPLVA");
    }
    assert!(records.iter().all(|record| record.topic == FLIGHT_OBSERVATIONS && &*record.key == "LO335"));
}

#[test]
fn the_message_of_a_bad_telex_is_named_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let log = "2026-11-21T07:17:00Z\n\nMVT\nLO335/21.SPLVA.WAW\nAD9999\nSI MRS NIEWIADOMSKA\n\nMVT\nLO335/21.SPLVA.WAW\nAD0704 EA0913 CDG\n";
    let (records, refused) = play(&[input("mvt", &file(&folder, "log.txt", log))], Playback::default());
    assert_eq!((records.len(), refused.count), (1, 1));
    let text = refused.to_string();
    assert!(text.contains("log.txt:3: message: element AD: not a time (HHMM or DDHHMM) (message "), "{text}");
    assert!(!text.contains("NIEWIADOMSKA") && !text.contains("9999"), "{text}");
}

fn scheduled(records: &[Record]) -> Vec<(String, String, String, String)> {
    let plans =
        records.iter().filter(|record| record.topic == FLIGHT_OBSERVATIONS).map(|record| (record.timestamp, observation(record)));
    plans
        .map(|(at, said)| {
            let date = said.date.unwrap().to_string();
            (rfc3339(at)[..16].to_owned(), date, day(said.scheduled_departure), day(said.scheduled_arrival))
        })
        .collect()
}

fn plans(text: &str) -> Vec<(String, String, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let (records, refused) = play(&[input("ssim", &file(&folder, "a.ssim", text))], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    scheduled(&records)
}

fn row(cells: [&str; 4]) -> (String, String, String, String) {
    let [at, date, departs, arrives] = cells.map(str::to_owned);
    (at, date, departs, arrives)
}

#[test]
fn a_period_is_every_day_it_flies_in_the_files_own_time() {
    let weekend = "3 LO  3350101J20NOV2629NOV26     67 WAW07250725+0100  CDG09500950+0100  7M8";
    let expect = [
        row(["2026-11-20T06:25", "2026-11-21", "11-21T06:25", "11-21T08:50"]),
        row(["2026-11-21T06:25", "2026-11-22", "11-22T06:25", "11-22T08:50"]),
        row(["2026-11-27T06:25", "2026-11-28", "11-28T06:25", "11-28T08:50"]),
        row(["2026-11-28T06:25", "2026-11-29", "11-29T06:25", "11-29T08:50"]),
    ];
    assert_eq!(plans(&season("L", &[leg(weekend)])), expect);
    let utc = weekend.replace("WAW07250725", "WAW06250625").replace("CDG09500950", "CDG08500850");
    assert_eq!(plans(&season("U", &[leg(&utc)])), expect);
}

#[test]
fn fortnights_day_variations_and_open_ends() {
    let fortnightly = "3 LO  3350101J07NOV2630NOV26     6 2WAW07250725+0100  CDG09500950+0100  7M8";
    let dates: Vec<String> = plans(&season("L", &[leg(fortnightly)])).into_iter().map(|(_, date, ..)| date).collect();
    assert_eq!(dates, ["2026-11-07", "2026-11-21"]);
    // From Warsaw half past midnight of the day after the flight's date, to New York the same local day.
    let night = ssim(&[(1, "3 LO  0260102J20NOV2620NOV261234567 WAW00300030+0100  JFK04000400-0500  789"), (193, "11")]);
    assert_eq!(plans(&season("L", &[night])), [row(["2026-11-19T23:30", "2026-11-21", "11-20T23:30", "11-21T09:00"])]);
    // In the file's UTC the flight is of the 20th, in Tokyo it is the 21st.
    let tokyo = leg("3 LO  0800101J20NOV2620NOV261234567 NRT22002200+0900  WAW11001100+0100  789");
    let tokyo = tokyo.replace("WAW11001100+0100  789", "WAW23502350+0100  789");
    assert_eq!(plans(&season("U", &[tokyo]))[0].1, "2026-11-21");
    let open = leg("3 LO  3350101J26MAR2700XXX001234567 WAW07250725+0100  CDG09500950+0100  7M8");
    assert_eq!(plans(&season("L", &[open])).len(), 2, "until the season's end");
}

#[test]
fn a_schedule_is_not_known_before_its_file_was_made() {
    let soon = leg("3 LO  3350101J31AUG2603SEP261234567 WAW07250725+0200  CDG09500950+0200  7M8");
    let known: Vec<String> = plans(&season("L", &[soon])).into_iter().map(|(at, ..)| at).collect();
    assert_eq!(known, ["2026-09-01T12:00", "2026-09-01T12:00", "2026-09-01T12:00", "2026-09-02T05:25"]);
}

#[test]
fn codeshares_are_pairs_and_a_number_that_only_sells_is_no_flight() {
    let one = DAILY.replace("25OCT2627MAR27", "21NOV2621NOV26");
    let sold = ssim(&[(1, "4 LO  3350101J"), (31, "010WAWCDGUA 9000/LH 5555")]);
    let other = one.replace("LO  335", "LO 3999");
    let sells = ssim(&[(1, "4 LO 39990101J"), (31, "050WAWCDGLH 1347")]);
    let text = season("L", &[leg(&one), sold, leg(&other), sells]);
    let folder = tempfile::tempdir().unwrap();
    let (records, refused) = play(&[input("ssim", &file(&folder, "a.ssim", &text))], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    assert_eq!(scheduled(&records).len(), 1);
    let pairs: Vec<(String, String)> = records
        .iter()
        .filter(|record| record.topic == FLIGHT_UNMATCHED)
        .map(|record| (record.key.to_string(), Codeshare::from_bytes(record.body.as_deref().unwrap()).unwrap()))
        .map(|(key, pair)| (key, format!("{}{} {}", pair.operating_carrier, pair.operating_number, pair.date.unwrap())))
        .collect();
    let mut expect = [("UA9000", "LO335 2026-11-21"), ("LH5555", "LO335 2026-11-21"), ("LO3999", "LH1347 2026-11-21")];
    expect.sort_unstable();
    let mut found: Vec<(&str, &str)> = pairs.iter().map(|(key, pair)| (key.as_str(), pair.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found, expect);
}

#[test]
fn records_that_make_no_leg_are_named_by_line_and_field() {
    let cases = [
        (DAILY.replace("25OCT2627MAR27", "27MAR2725OCT26"), "to_date"),
        (DAILY.replace("25OCT2627MAR27", "25OCT2627MAR29"), "to_date"),
        (DAILY.replace("25OCT2627MAR27", "25OCT26       "), "to_date"),
        (DAILY.replace("+0100  CDG", "       CDG"), "departure_utc_offset_min"),
        (DAILY.replace("CDG0950", "CDG    "), "aircraft_arrival"),
        (DAILY.replace("CDG0950", "CDG0650"), "aircraft_arrival"),
        (DAILY.replace("WAW", "W1W"), "departure_station"),
        (DAILY.replace("LO  335", "LO     "), "flight_number"),
        (DAILY.replace("07250725", "07259925"), "record"),
        ("nonsense".to_owned(), "record"),
    ];
    for (front, field) in cases {
        let text = if front.starts_with('3') { leg(&front) } else { front.clone() };
        let folder = tempfile::tempdir().unwrap();
        let (records, refused) = play(&[input("ssim", &file(&folder, "a.ssim", &season("L", &[text])))], Playback::default());
        assert_eq!((records.len(), refused.count), (0, 1), "{front}");
        let refusal = &refused.first[0];
        assert_eq!((refusal.line, &*refusal.fault.field), (3, field), "{refusal}");
    }
}

proptest! {
    /// A log of any lines gives records in order of time, and says of every message what became of it.
    #[test]
    fn any_log_is_read_or_refused(lines in prop::collection::vec(
        "(2026-11-21T0[0-9]:00:00Z|MVT|DIV|COR|LO335/21.SPLVA.WAW|LO335/2[0-9].SPLVA.CDG|AD0[0-9]0[0-9](/0[0-9]1[0-9])?|EA0913 [A-Z]{3}|DL[0-9]{2}|NI2[0-9]0730|AA0908/0915||[A-Z0-9/.é ]{0,12})", 0..40)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let schedule = input("ssim", &file(&folder, "w26.ssim", &season("L", &[leg(DAILY)])));
        let log = input("mvt", &file(&folder, "log.txt", &lines.join("\n")));
        let (records, _) = play(&[schedule, log], Playback::default());
        prop_assert!(records.is_sorted_by_key(|record| record.timestamp));
        for record in &records {
            prop_assert!(slipstream_schemas::records::rank_of_body("FlightObservation", record.body.as_deref().unwrap()).is_ok());
        }
    }

    /// A record of a schedule file with any character changed is read or refused, in bounded time.
    #[test]
    fn a_bent_schedule_is_read_or_refused(at in 0usize..200, bent in prop::char::range(' ', '~')) {
        let mut text: Vec<char> = leg(DAILY).chars().collect();
        text[at] = bent;
        let folder = tempfile::tempdir().unwrap();
        let text = season("L", &[text.into_iter().collect()]);
        let (records, refused) = play(&[input("ssim", &file(&folder, "a.ssim", &text))], Playback::default());
        prop_assert!(!records.is_empty() || !refused.is_empty() || at == 0 || (28..36).contains(&at));
        prop_assert!(records.is_sorted_by_key(|record| record.timestamp));
    }
}

#[test]
fn ranks_are_those_of_the_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let log = "2026-11-21T07:17:00Z\nMVT\nLO335/21.SPLVA.WAW\nAD0704/0716 EA0913 CDG\n";
    let (records, _) = play(&[input("mvt", &file(&folder, "log.txt", log))], Playback::default());
    assert!(records.iter().all(|record| observation(record).rank() == record.rank));
}
