//! No text makes the readers panic, and what a station may write in any combination is read back as it was meant.

use proptest::prelude::*;
use slipstream_producers::weather::bulletin::Bulletin;
use slipstream_producers::weather::groups::{TEXT_BYTES_MAX, Unreadable};
use slipstream_producers::weather::metar::Report;
use slipstream_producers::weather::row::Row;
use slipstream_producers::weather::taf::Forecast;

/// Groups that open every door of the grammar, whole and broken, blank separated.
const GROUPS: &str = "METAR SPECI COR EPWA K5SM 210600Z 319999Z AUTO NIL 31018G32KT VRB02MPS /////KT 280V350 CAVOK 9999NDV 1 1/2SM \
    M1/4SM P6SM //// 1000NE R29/0550V1200U R24/CLRD70 -SHRA +TSRAGR // BKN010/// VV/// //////TCU NSC M02/M03 ///// Q0998 A2992 \
    Q//// RERA WS NOSIG TEMPO FM0900 RMK T10221033 = é/é TAF AMD 2106/2212 210606 FM211430 FMé PROB30 BECMG 0812 TX32/0718Z \
    WS020/24040KT 620258 QNH2960INS FTUS43 KDMX \u{1}";

fn groups() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(GROUPS.split_ascii_whitespace().collect::<Vec<_>>()), 0..30)
}

/// Everything that can be asked of a text.
fn read(text: &str) {
    let _ = Report::read(text).map(|report| Row::from(&report));
    let _ = Forecast::read(text).map(|forecast| serde_json::to_string(&forecast).unwrap());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        read(&text);
    }

    #[test]
    fn any_groups_in_any_order_are_read_or_refused(groups in groups()) {
        read(&groups.join(" "));
    }

    /// Whatever the lines are, each word is in exactly one text or in a heading, and no text begins on a line that is not there.
    #[test]
    fn any_lines_are_cut_into_texts(lines in prop::collection::vec(groups(), 0..20)) {
        let (mut bulletin, mut cuts) = (Bulletin::default(), Vec::new());
        lines.iter().for_each(|line| bulletin.push(&line.join(" "), &mut cuts));
        cuts.extend(bulletin.finish());
        prop_assert!(cuts.iter().all(|cut| (1..=lines.len() as u64).contains(&cut.line) && !cut.text.is_empty()));
        let count = |wanted: &str, text: &str| text.split_ascii_whitespace().filter(|word| *word == wanted).count();
        let written: usize = lines.iter().map(|line| count("31018G32KT", &line.join(" "))).sum();
        let cut: usize = cuts.iter().map(|cut| count("31018G32KT", &cut.text)).sum();
        prop_assert_eq!(cut, written);
        cuts.iter().for_each(|cut| read(&cut.text));
    }

    #[test]
    fn a_report_cut_or_bent_anywhere_is_read_or_refused(cut in 0usize..90, byte in any::<char>()) {
        let text = "SPECI EPWA 210600Z 31018G32KT 1 1/2SM R29/1200N -SHSN BKN006CB M02/M03 Q0998 RMK T10221033";
        let mut bent: String = text.chars().take(cut).collect();
        bent.push(byte);
        bent.extend(text.chars().skip(cut + 1));
        read(&bent);
        read(&text[..cut]);
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
