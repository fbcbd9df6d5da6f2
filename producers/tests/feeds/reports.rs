//! Recorded weather: when it is known, under which key, how bad it is, and what is refused.

use slipstream_producers::inputs::Playback;
use slipstream_producers::reports::KNOWN_AFTER;
use slipstream_schemas::records::AirportWeather;
use slipstream_schemas::topics::EXTERNAL_DATA;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;

use super::support::{file, input, play};

const METARS: &str = "station_id,raw_text,observation_time\n\
    KJFK,KJFK 210651Z 31018KT 10SM CLR 04/03 A2992,2026-11-21T06:51:00Z\n\
    EPWA,EPWA 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998,2026-11-21T06:00:00Z\n\
    EPWA,EPWA 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998,2026-11-21T06:00:00Z\n\
    ZZZZ,ZZZZ 210600Z 31018G40KT 9999 NSC 02/M03 Q0998,2026-11-21T06:00:00Z\n\
    EGLL,NONSENSE,2026-11-21T06:00:00Z\n\
    EGLL,EGLL 210600Z 00000KT CAVOK 02/M03 Q0998,yesterday\n\
    EGLL,\"EGLL 210600Z 00000KT\n";

fn weather(record: &Record) -> AirportWeather {
    AirportWeather::from_bytes(record.body.as_deref().unwrap()).unwrap()
}

#[test]
fn reports_are_known_five_minutes_after_they_were_observed() {
    let folder = tempfile::tempdir().unwrap();
    let (records, refused) = play(&[input("metar", &file(&folder, "world.csv", METARS))], Playback::default());
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_ref()).collect();
    assert_eq!(keys, ["WAW", "ZZZZ", "JFK"]);
    for record in &records {
        let weather = weather(record);
        assert_eq!((record.topic, record.timestamp), (EXTERNAL_DATA, weather.observed_at + KNOWN_AFTER));
    }
    let warsaw = weather(&records[0]);
    assert_eq!((warsaw.impact_percent, warsaw.band.as_str(), warsaw.category.as_deref()), (84, "SEVERE", Some("LIFR")));
    assert_eq!((warsaw.visibility_m, warsaw.temp_tenths_c, warsaw.ceiling_ft), (Some(1400), Some(-20), Some(600)));
    let nowhere = weather(&records[1]);
    assert_eq!((nowhere.airport, nowhere.components[0].value_percent), (None, None));
    assert_eq!(nowhere.components[0].evidence, "no runway headings known");
    let places: Vec<String> = refused.first.iter().map(|refusal| format!("{} {}", refusal.line, refusal.fault)).collect();
    assert_eq!(
        places,
        [
            "4 line: the same report as an earlier line",
            "6 raw_text: station: `NONSENSE` is no ICAO location indicator (four letters or digits)",
            "7 observation_time: `yesterday` is no instant since 1970",
            "8 observation_time: `` is no instant since 1970",
        ]
    );
}

#[test]
fn forecasts_are_as_bad_as_the_worst_that_they_expect() {
    let folder = tempfile::tempdir().unwrap();
    let text = "raw_text,issue_time\nTAF EPWA 210530Z 2106/2206 00000KT CAVOK TEMPO 2106/2110 TSRA,2026-11-21T05:30:00Z\n";
    let (records, refused) = play(&[input("taf", &file(&folder, "taf.csv", text))], Playback::default());
    assert!(refused.is_empty());
    let taf = weather(&records[0]);
    assert_eq!((taf.kind.as_str(), taf.impact_percent, taf.band.as_str()), ("TAF", 35, "LOW"));
}

#[test]
fn the_sample_plays_in_order_of_time() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/metar-sample.csv.gz");
    let (records, refused) = play(&[input("metar", &sample)], Playback::default());
    assert_eq!((records.len(), refused.count), (1023, 1));
    assert!(records.is_sorted_by_key(|record| record.timestamp));
    assert!(records.iter().all(|record| (0..=100).contains(&weather(record).impact_percent)));
}
