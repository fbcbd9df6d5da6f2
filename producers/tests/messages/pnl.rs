//! Passenger lists: names and elements, changes, totals, round trips, and nothing of a passenger in a refusal.

use proptest::prelude::*;
use slipstream_producers::messages::pnl::{Action, Part};
use slipstream_producers::messages::telex::Telex;

const LIST: &str = "PNL\nLO335/21NOV WAW PART1\nCFG/012C174Y\nRBD C/CDZ Y/YBMHQK\nAVAIL\nWAW CDG\nC002\nY034\n-CDG003Y\n\
                    1KOWALSKA/ANNAMRS .L/X7QK2P\n.R/TKNE HK1 0801234567890/1\n.R/WCHR HK1\n2NOWAK/JANMR/EWAMRS .L/Q2RR8T\nENDPNL";
const CHANGES: &str = "QU WAWKZLO\n.HDQRMLO 201200\nADL\nLO335A/21NOV WAW PART2\n-CDG002Y\nDEL\n1NOWAK/JANMR .L/Q2RR8T\nADD\n\
                       1ADAMS/AMR .L/AAAAAA/LO\nENDPART2";

fn read(text: &str) -> Result<Part, String> {
    Part::read(&Telex::read(text)).map_err(|error| error.to_string())
}

#[test]
fn a_list_says_who_flies_and_with_what_needs() {
    let part = read(LIST).unwrap();
    assert_eq!((part.carrier.as_str(), part.number, part.day, part.month), ("LO", 335, 21, 11));
    assert_eq!((part.part, part.last, part.headings.len()), (1, true, 6));
    let total = &part.totals[0];
    assert_eq!((total.to.as_str(), total.count, total.class, total.names.len()), ("CDG", 3, 'Y', 2));
    let name = &total.names[0];
    assert_eq!((name.surname.as_str(), name.locator.as_deref(), name.elements.len()), ("KOWALSKA", Some("X7QK2P"), 3));
    assert_eq!((name.elements[2].code.as_str(), name.elements[2].text.as_str()), ("R", "WCHR HK1"));
    assert!(part.warnings.is_empty());
}

#[test]
fn changes_say_what_to_do_with_each_name() {
    let part = read(CHANGES).unwrap();
    let actions: Vec<_> = part.totals[0].names.iter().map(|name| name.action).collect();
    assert_eq!((actions, part.last, part.part), (vec![Some(Action::Del), Some(Action::Add)], false, 2));
    assert_eq!(part.totals[0].names[1].given, ["AMR"]);
    assert_eq!(part.totals[0].names[1].locator.as_deref(), Some("AAAAAA"));
}

#[test]
fn parts_are_written_as_they_were_read() {
    for text in [LIST, CHANGES] {
        assert_eq!(read(text).unwrap().to_string(), text);
    }
}

#[test]
fn totals_that_do_not_agree_are_said() {
    assert_eq!(read(&LIST.replace("CDG003Y", "CDG004Y")).unwrap().warnings, ["CDG Y: 4 announced, 3 listed"]);
}

#[test]
fn a_refusal_names_the_line_and_nobody() {
    assert_eq!(read("MVT\nX").unwrap_err(), "line 1: no PNL or ADL");
    assert_eq!(read(&LIST.replace("ENDPNL", "")).unwrap_err(), "no ENDPNL, ENDADL or ENDPART at the end");
    assert_eq!(read(&LIST.replace("ENDPNL", "ENDADL")).unwrap_err(), "no ENDPNL, ENDADL or ENDPART at the end");
    assert!(read(&LIST.replace("21NOV", "21NOX")).unwrap_err().starts_with("line 2: date"));
    assert!(read(&LIST.replace(" PART1", "")).unwrap_err().starts_with("line 2: part"));
    assert_eq!(read(&LIST.replace("-CDG003Y", "-CDG3Y")).unwrap_err(), "line 9: no total (-CDG003Y)");
    assert_eq!(read(&LIST.replace("1KOWALSKA", "KOWALSKA")).unwrap_err(), "line 10: no name (1KOWALSKA/ANNAMRS)");
    assert_eq!(read(&LIST.replace("1KOWALSKA/ANNAMRS ", "")).unwrap_err(), "line 10: an element without a name before it");
    let shown = format!("{:?}", read(LIST).unwrap());
    assert!(!shown.contains("KOWALSKA") && !shown.contains("X7QK2P"), "{shown}");
}

proptest! {
    #[test]
    fn any_lines_are_read_or_refused(lines in prop::collection::vec("(-CDG003Y|DEL|ADD|[1-3][A-Z]{1,5}/[A-Z]{0,5}|\\.R/|[A-Z0-9/. é-]){0,4}", 0..10)) {
        let text = format!("ADL\nLO335/21NOV WAW PART1\n{}\nENDADL", lines.join("\n"));
        if let Ok(part) = read(&text) {
            let again = read(&part.to_string());
            prop_assert!(again.is_ok_and(|again| again == part), "{}", text);
        }
    }
}
