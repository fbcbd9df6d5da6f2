//! Lines that do not do: named with file, line and field, counted, and the rest goes on.

use slipstream_producers::inputs::{Input, InputError, Playback, open};
use slipstream_producers::refusals::KEPT_MAX;
use slipstream_schemas::records::FlightKind;

use crate::support::{FLOWN, HEADER, bts, file, input, observation, play, with};

/// `FLOWN` with one column of the case changed; `a+b` changes both.
fn spoilt(columns: &str, value: &str) -> String {
    let changes: Vec<(&str, &str)> = columns.split('+').map(|column| (column, value)).collect();
    with(FLOWN, &changes)
}

#[test]
fn every_bad_cell_is_named_and_the_rest_goes_on() {
    for case in include_str!("../cases/malformed_bts.csv").lines().skip(1) {
        let cells: Vec<&str> = case.split('|').map(str::trim).collect();
        let [name, columns, value, message] = cells[..] else { panic!("{case}") };
        let folder = tempfile::tempdir().unwrap();
        let rows = [FLOWN.to_owned(), spoilt(columns, value), with(FLOWN, &[("flight_num", "2")])];
        let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback::default());
        let path = folder.path().join("day.csv");
        assert_eq!(refused.to_string(), format!("{}:3: {message}\n", path.display()), "{name}");
        assert_eq!(refused.count, 1, "{name}");
        assert_eq!(records.len(), 12, "{name}: both good legs are there");
    }
}

#[test]
fn a_line_of_an_earlier_day_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [FLOWN.to_owned(), with(FLOWN, &[("flight_date", "2008-01-30")]), with(FLOWN, &[("flight_date", "2008-02-01")])];
    let (records, refused) = play(&[bts(&folder, "days.csv", &rows)], Playback::default());
    assert!(
        refused
            .to_string()
            .ends_with("days.csv:3: flight_date: 2008-01-30 comes after 2008-01-31: lines must be in order of date\n")
    );
    assert_eq!(records.len(), 12);
}

#[test]
fn the_same_row_again_is_refused_with_its_leg() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [bts(&folder, "a.csv", &[FLOWN.to_owned()]), bts(&folder, "b.csv", &[FLOWN.to_owned()])];
    let (records, refused) = play(&inputs, Playback::default());
    assert!(refused.to_string().ends_with("b.csv:2: line: the leg AA1/2008-01-31/JFK-LAX/0800 stands in the input already\n"));
    assert_eq!(records.len(), 6);
}

#[test]
fn many_bad_lines_are_counted_and_the_first_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..1000).map(|_| "nonsense".to_owned()).chain([FLOWN.to_owned()]).collect();
    let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback::default());
    assert_eq!((refused.count, refused.first.len(), records.len()), (1000, KEPT_MAX, 6));
    assert!(refused.to_string().ends_with("and 980 more\n"));
}

#[test]
fn a_line_that_never_ends_is_one_bad_line() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [FLOWN.to_owned(), "x".repeat(3 << 20), with(FLOWN, &[("flight_num", "2")])];
    let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback::default());
    assert_eq!((refused.count, records.len()), (1, 12));
    assert!(refused.to_string().contains("day.csv:3: line: 1 cells, the header has 26"));
}

#[test]
fn bytes_that_are_no_text_spoil_their_line_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.csv");
    let bad = with(FLOWN, &[("tail_num", "?")]).replace('?', "\u{1}");
    let mut bytes = format!("{HEADER}\r\n{bad}\r\n{FLOWN}\r\n\r\n").into_bytes();
    let at = bytes.iter().position(|b| *b == 1).unwrap();
    bytes[at] = 0xff;
    std::fs::write(&path, bytes).unwrap();
    let (records, refused) = play(&[input("bts", &path)], Playback::default());
    assert!(refused.to_string().ends_with("day.csv:2: tail_num: not UTF-8\n"), "{refused}");
    assert_eq!(records.len(), 6);
}

#[test]
fn an_airport_without_a_zone_is_handed_on_without_times() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [FLOWN.to_owned(), with(FLOWN, &[("flight_num", "2"), ("origin", "QQQ")])];
    let (records, refused) = play(&[bts(&folder, "day.csv", &rows)], Playback::default());
    assert!(refused.is_empty());
    let lost: Vec<_> = records.iter().map(|r| (r.timestamp, observation(r))).filter(|(_, o)| o.number == 2).collect();
    let [(stamp, said)] = &lost[..] else { panic!("{lost:?}") };
    assert_eq!((said.kind, said.scheduled_departure, said.scheduled_arrival), (FlightKind::Scheduled, None, None));
    assert_eq!(*stamp, records[0].timestamp, "with the schedule of its day");
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let other = file(&folder, "other.csv", "a,b\n1,2\n");
    let parsed = |text: &str| text.parse::<Input>().map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        parsed("data/day.csv"),
        "`data/day.csv`: an input is KIND:PATH, for example bts:data/bts-2008-01-31.csv.gz; kinds are bts, nyc, yyz, recording, metar, taf, ssim, mvt, ldm, pnl, aidx, nas, regulation"
    );
    assert_eq!(
        parsed("btx:day.csv"),
        "`btx:day.csv`: `btx` is no kind of input; kinds are bts, nyc, yyz, recording, metar, taf, ssim, mvt, ldm, pnl, aidx, nas, regulation"
    );
    assert_eq!(parsed("bts:/no/such/*.csv"), "`bts:/no/such/*.csv`: no such file");
    assert!(parsed("bts:/no/such/***").starts_with("`bts:/no/such/***`: "));
    assert_eq!(parsed(&format!("bts:{}", folder.path().display())), format!("`bts:{}`: no such file", folder.path().display()));
    let wrong = open(&[input("bts", &other)], Playback::default()).map(|_| ()).unwrap_err();
    assert!(matches!(wrong, InputError::Table(_)));
    assert_eq!(
        wrong.to_string(),
        format!("{}:1: no column `flight_date`; this is not a recording of that kind", other.display())
    );
}

#[test]
fn a_glob_finds_files_in_order_and_each_file_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let late = with(FLOWN, &[("flight_date", "2008-01-30")]);
    bts(&folder, "b.csv", &[late]);
    let first = bts(&folder, "a.csv", &[FLOWN.to_owned()]);
    let both = input("bts", &folder.path().join("*.csv"));
    assert_eq!(both.files.len(), 2);
    let (records, refused) = play(&[first, both], Playback::default());
    assert!(refused.is_empty(), "{refused}");
    assert_eq!(records.len(), 12, "the later file holds the earlier day");
    assert!(records.windows(2).all(|pair| pair[0].order() < pair[1].order()));
}

#[test]
fn a_damaged_archive_stops_the_feed_with_its_place() {
    use slipstream_streams::reference::Source;
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(crate::support::sample()).unwrap();
    let path = folder.path().join("half.csv.gz");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let mut feed = open(&[input("bts", &path)], Playback::default()).unwrap();
    let error = loop {
        match feed.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("half a day is no day"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.starts_with(&format!("{}:", path.display())) && error.contains("cannot be read any further"), "{error}");
}
