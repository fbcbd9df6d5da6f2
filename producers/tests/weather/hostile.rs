//! No text makes the readers panic, and what a station may write in any combination is read back as it was meant.

use proptest::prelude::*;
use slipstream_producers::weather::groups::{TEXT_BYTES_MAX, Unreadable};
use slipstream_producers::weather::metar::Report;
use slipstream_producers::weather::row::Row;

/// Groups that open every door of the grammar, whole and broken.
const PIECES: [&str; 44] = [
    "METAR",
    "SPECI",
    "COR",
    "EPWA",
    "K5SM",
    "210600Z",
    "319999Z",
    "AUTO",
    "NIL",
    "31018G32KT",
    "VRB02MPS",
    "/////KT",
    "280V350",
    "CAVOK",
    "9999NDV",
    "1",
    "1/2SM",
    "M1/4SM",
    "P6SM",
    "////",
    "1000NE",
    "R29/0550V1200U",
    "R24/CLRD70",
    "-SHRA",
    "+TSRAGR",
    "//",
    "BKN010///",
    "VV///",
    "//////TCU",
    "NSC",
    "M02/M03",
    "/////",
    "Q0998",
    "A2992",
    "Q////",
    "RERA",
    "WS",
    "NOSIG",
    "TEMPO",
    "FM0900",
    "RMK",
    "T10221033",
    "=",
    "é/é",
];

proptest! {
    #[test]
    fn any_text_is_a_report_or_a_reason(text in "\\PC{0,200}") {
        let _ = Report::read(&text).map(|report| Row::from(&report));
    }

    #[test]
    fn any_groups_in_any_order_are_a_report_or_a_reason(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30)) {
        let _ = Report::read(&pieces.join(" ")).map(|report| Row::from(&report));
    }

    #[test]
    fn a_report_cut_or_bent_anywhere_is_a_report_or_a_reason(cut in 0usize..90, byte in any::<char>()) {
        let text = "SPECI EPWA 210600Z 31018G32KT 1 1/2SM R29/1200N -SHSN BKN006CB M02/M03 Q0998 RMK T10221033";
        let mut bent: String = text.chars().take(cut).collect();
        bent.push(byte);
        bent.extend(text.chars().skip(cut + 1));
        let _ = Report::read(&bent).map(|report| Row::from(&report));
        let _ = Report::read(&text[..cut]).map(|report| Row::from(&report));
    }

    /// Values written by the rules of the code come back as they were.
    #[test]
    fn what_is_written_by_the_code_is_read_as_meant(
        (day, hour, minute) in (1u32..=31, 0u32..24, 0u32..60),
        (direction, speed, gust) in (0u32..=36, 0u32..60, prop::option::of(60u32..=99)),
        quarters in 0u32..24,
        base in 0u32..300,
        (air, dew_point) in (-60i32..50, -60i32..50),
        hundredths in 2700u32..3150,
        automatic in any::<bool>(),
    ) {
        let celsius = |degrees: i32| if degrees < 0 { format!("M{:02}", -degrees) } else { format!("{degrees:02}") };
        let gusts = gust.map_or_else(String::new, |gust| format!("G{gust:02}"));
        let miles = match (quarters / 4, quarters % 4) {
            (whole, 0) => format!("{whole}SM"),
            (0, part) => format!("{part}/4SM"),
            (whole, part) => format!("{whole} {part}/4SM"),
        };
        let auto = if automatic { "AUTO " } else { "" };
        let text = format!(
            "METAR KJFK {day:02}{hour:02}{minute:02}Z {auto}{:03}{speed:02}{gusts}KT {miles} OVC{base:03} {}/{} A{hundredths}=",
            direction * 10, celsius(air), celsius(dew_point)
        );
        let row = Row::from(&Report::read(&text).unwrap());
        prop_assert_eq!((row.day, row.hour, row.minute, row.auto), (day, hour, minute, automatic));
        prop_assert_eq!((row.wind_dir_degrees, row.wind_speed_kt, row.wind_gust_kt), (Some(direction * 10), Some(speed), gust));
        prop_assert_eq!(row.visibility_statute_mi, Some(f64::from(quarters) / 4.0));
        prop_assert_eq!(row.sky[0].base_ft_agl, Some(base * 100));
        prop_assert_eq!((row.temp_c, row.dewpoint_c), (Some(f64::from(air)), Some(f64::from(dew_point))));
        prop_assert_eq!(row.altim_in_hg, Some(f64::from(hundredths) / 100.0));
    }
}

#[test]
fn a_text_that_is_no_report_is_refused_with_its_reason() {
    let refused = |text: &str| Report::read(text).unwrap_err().to_string();
    assert_eq!(refused(""), "empty");
    assert_eq!(refused(" \t"), "empty");
    assert_eq!(refused("HELLO WORLD"), "station: `HELLO` is no ICAO location indicator (four letters or digits)");
    assert_eq!(refused("EPWA 310660Z 00000KT"), "time: `310660Z` is no ddhhmmZ");
    assert_eq!(refused("EPWA 320600Z 00000KT"), "time: `320600Z` is no ddhhmmZ");
    assert_eq!(refused("METAR EPWA"), "time: `(end of text)` is no ddhhmmZ");
    let long = format!("EPWA 210600Z {}", "0 ".repeat(TEXT_BYTES_MAX));
    assert!(matches!(Report::read(&long), Err(Unreadable::TooLong(_))));
}
