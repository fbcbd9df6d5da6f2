//! Movement messages: elements, round trips, hostile text.

use proptest::prelude::*;
use slipstream_producers::messages::mvt::Movement;
use slipstream_producers::messages::telex::{Telex, Traffic};

const DEPARTED: &str =
    "QU HDQOOLO\n.WAWOPLO 210717\nMVT\nLO335/21.SPLVA.WAW\nAD0704/0716 EA0913 CDG\nDL93/75/0019/0020\nPX153\nSI DEICING 14 MIN";

fn read(text: &str) -> Result<Movement, String> {
    Movement::read(&Telex::read(text)).map_err(|error| error.to_string())
}

fn json(text: &str) -> serde_json::Value {
    serde_json::to_value(read(text).unwrap()).unwrap()
}

#[test]
fn a_departure_says_who_when_and_why() {
    let movement = json(DEPARTED);
    assert_eq!((&movement["carrier"], &movement["number"], &movement["day"]), (&"LO".into(), &335.into(), &21.into()));
    assert_eq!((&movement["registration"], &movement["airport"]), (&"SPLVA".into(), &"WAW".into()));
    assert_eq!(movement["off_block"], serde_json::json!({"day": null, "hour": 7, "minute": 4}));
    assert_eq!(movement["estimated_arrivals"][0]["airport"], "CDG");
    assert_eq!(movement["delays"], serde_json::json!([{"code": "93", "minutes": 19}, {"code": "75", "minutes": 20}]));
    assert_eq!((&movement["passengers"][0], &movement["remarks"][0]), (&153.into(), &"DEICING 14 MIN".into()));
    assert_eq!(movement["sent"], serde_json::json!({"day": 21, "hour": 7, "minute": 17}));
}

#[test]
fn messages_are_written_as_they_were_read() {
    let arrived = "MVA\nU21234/05.GEZAA.LGW\nAA0908/0915";
    let delayed = "COR\nMVT\nLO335A/21.SPLVA.WAW\nED210735\nNI210730\nDL93\nEDL81/0010\nDLA93A/75//";
    let returned = "MVT\nDLH400/21.DAIMA.FRA\nAD0700/0712\nFR0750/0755\nPX12/141";
    let diverted = "DIV\nLO335/21.SPLVA.WAW\nEA0925 LYS\nDR72\nPX153";
    for text in [DEPARTED, arrived, returned, diverted] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
    let delayed = read(delayed).unwrap();
    assert_eq!((delayed.suffix, delayed.delays.len(), delayed.delay_subcodes.len()), (Some('A'), 2, 4));
    assert_eq!(read("MVT\nLO335/21.SPLVA.WAW\nAA0915").unwrap().touchdown, None);
    assert_eq!(json(arrived)["carrier"], "U2");
    assert_eq!(json(returned)["carrier"], "DLH");
}

#[test]
fn what_is_not_understood_is_kept() {
    let movement = read("MVT\nLO335/21.SPLVA.WAW\nAD0704 ZZ9 FLD12\nHELLO THERE").unwrap();
    assert_eq!(movement.unread, ["ZZ9", "FLD12", "HELLO", "THERE"]);
}

#[test]
fn a_refusal_names_line_and_element() {
    assert_eq!(read("").unwrap_err(), "line 1: no MVT, MVA or DIV");
    assert_eq!(read("LDM\nX").unwrap_err(), "line 1: no MVT, MVA or DIV");
    let flight = |line: &str| read(&format!("MVT\n{line}\nAD0704")).unwrap_err();
    assert!(flight("LO335.SPLVA.WAW").starts_with("flight line: flight"));
    assert!(flight("LO335/32.SPLVA.WAW").starts_with("flight line: day"));
    assert!(flight("LO335/21..WAW").starts_with("flight line: registration"));
    assert!(flight("LO335/21.SPLVA.W1W").starts_with("flight line: airport"));
    assert!(flight("335/21.SPLVA.WAW").starts_with("flight line: flight"));
    let element = |line: &str| read(&format!("MVT\nLO335/21.SPLVA.WAW\n{line}")).unwrap_err();
    assert_eq!(element("AD2460"), "element AD: not a time (HHMM or DDHHMM)");
    assert_eq!(element("DL93/75/0019"), "element DL: not one or two codes, then as many durations");
    assert_eq!(element("DL93/0099"), "element DL: not a duration (HHMM)");
    assert_eq!(element("AD0704\nPX15X"), "element PX: not a count of passengers");
    assert_eq!(element("DR7X"), "element DR: not a reason code of two figures");
    assert_eq!(element("SI NOTHING"), "no element that says anything of the movement");
}

fn clock() -> impl Strategy<Value = String> {
    (prop::option::of(1u32..=31), 0u32..24, 0u32..60).prop_map(|(day, hour, minute)| {
        format!("{}{hour:02}{minute:02}", day.map_or_else(String::new, |day| format!("{day:02}")))
    })
}

proptest! {
    #[test]
    fn any_lines_are_read_or_refused(lines in prop::collection::vec("(MVT|COR|QU|AD|DL|EA|PX|SI|[A-Z0-9/.é ]){0,6}", 0..12)) {
        let mut traffic = Traffic::default();
        let mut found: Vec<Telex> = lines.iter().filter_map(|line| traffic.push(line)).collect();
        found.extend(traffic.finish());
        for telex in found {
            if let Ok(movement) = Movement::read(&telex) {
                let again = Movement::read(&Telex::read(&movement.to_string()));
                prop_assert_eq!(again.map(|again| again.off_block), Ok(movement.off_block));
            }
        }
    }

    #[test]
    fn a_message_written_by_the_rules_comes_back(
        number in 1u32..=9999, day in 1u32..=31, off in clock(), air in clock(), arrival in clock(),
        code in 0u32..100, minutes in prop::option::of(0u32..6000), count in 0u32..1000,
    ) {
        let duration = minutes.map_or_else(String::new, |m| format!("/{:02}{:02}", m / 60, m % 60));
        let text = format!("MVT\nLO{number}/{day:02}.SPLVA.WAW\nAD{off}/{air} EA{arrival} CDG\nDL{code:02}{duration}\nPX{count}");
        prop_assert_eq!(read(&text).unwrap().to_string(), text);
    }
}
