//! Load messages: parts, sums, round trips, hostile text.

use proptest::prelude::*;
use slipstream_producers::messages::ldm::Load;
use slipstream_producers::messages::telex::Telex;

const LOADED: &str =
    "LDM\nLO335/21.SPLVA.C12Y174.2/4\n-CDG.142/8/3.T2310.1/900.3/820.4/590.PAX/10/140.PAD/0/0\nSI CDG B/98/1650 C/660 M/NIL";

fn read(text: &str) -> Result<Load, String> {
    Load::read(&Telex::read(text)).map_err(|error| error.to_string())
}

#[test]
fn a_load_says_who_and_what_is_on_board() {
    let load = read(LOADED).unwrap();
    let destination = &load.destinations[0];
    assert_eq!((load.carrier.as_str(), load.number, load.crew.as_slice()), ("LO", 335, &[2, 4][..]));
    assert_eq!((destination.airport.as_str(), destination.passengers.as_slice()), ("CDG", &[142, 8, 3][..]));
    assert_eq!((destination.total_kg, destination.compartments.len()), (Some(2310), 3));
    assert_eq!((load.warnings.len(), load.remarks.len(), load.unread.len()), (0, 1, 0));
}

#[test]
fn messages_are_written_as_they_were_read() {
    let empty = "COR\nLDM\nDLH400A/05.DAIMA.F8C80Y255.3/12\n-JFK.NIL\n-BOS.70/60/10/2.12.T500.1/500";
    for text in [LOADED, empty] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
    let continued = LOADED.replace(".T2310", "\n.T2310");
    assert_eq!(read(&continued).unwrap().to_string(), LOADED);
}

#[test]
fn sums_that_do_not_agree_are_said() {
    let load = read(&LOADED.replace("1/900", "1/800").replace("PAX/10", "PAX/12")).unwrap();
    let expected =
        ["CDG: the compartments hold 2210 kg, the total says 2310", "CDG: 152 passengers by class, 150 adults and children"];
    assert_eq!(load.warnings, expected);
}

#[test]
fn a_refusal_names_line_and_part() {
    assert_eq!(read("MVT\nX").unwrap_err(), "line 1: no LDM");
    assert_eq!(read("LDM\nLO335/21.SPLVA.C12Y174.2/4").unwrap_err(), "no destination line (-CDG.142/8/3…)");
    assert_eq!(read(&LOADED.replace("-CDG", "-CD")).unwrap_err(), "destination line 3: no IATA airport code");
    assert!(read(&LOADED.replace("/21.", "/41.")).unwrap_err().starts_with("flight line: day"));
    assert!(read(&LOADED.replace(".2/4", ".2/x")).unwrap_err().starts_with("flight line: crew"));
}

proptest! {
    #[test]
    fn any_lines_are_read_or_refused(lines in prop::collection::vec("(-CDG|SI|T|PAX/|[A-Z0-9/.é-]){0,8}", 0..8)) {
        let text = format!("LDM\nLO335/21.SPLVA.C12Y174.2/4\n{}", lines.join("\n"));
        if let Ok(load) = read(&text) {
            let again = read(&load.to_string());
            prop_assert_eq!(again.map(|again| again.to_string()), Ok(load.to_string()));
        }
    }
}
