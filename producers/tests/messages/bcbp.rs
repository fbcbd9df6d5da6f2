//! Boarding passes: positions of the resolution, round trips, hostile text.

use proptest::prelude::*;
use slipstream_producers::messages::bcbp::Pass;

const PLAIN: &str = "M1KOWALSKA/ANNA MRS   EX7QK2P WAWCDGLO 0335 325Y014C0087 100";
const FULL: &str = "M1KOWALSKA/ANNA MRS   EX7QK2P WAWCDGLO 0335 325Y014C0087 148>6180WW6325BLO 00801234560012A0802345678901 0LO LO \
                    123456789        1PCN";
const TWO_LEGS: &str = "M2KOWALSKA/ANNA MRS   EX7QK2P WAWFRALO 0379 325Y014C0087 100X7QK2P FRAJFKLH 0400 325Y031A0112 10703220LH\
                        ^109ABCDEFGHI";

#[test]
fn items_stand_where_the_resolution_puts_them() {
    let pass = Pass::read(FULL).unwrap();
    let leg = &pass.legs[0];
    assert_eq!((pass.name.as_str(), pass.electronic_ticket, pass.legs.len()), ("KOWALSKA/ANNA MRS", true, 1));
    assert_eq!((leg.locator.as_str(), leg.from.as_str(), leg.to.as_str()), ("X7QK2P", "WAW", "CDG"));
    assert_eq!((leg.carrier.as_str(), leg.flight.as_str(), leg.day_of_year), ("LO", "0335", 325));
    assert_eq!(
        (leg.compartment.as_str(), leg.seat.as_str(), leg.sequence.as_str(), leg.status.as_str()),
        ("Y", "014C", "0087", "1")
    );
    let once = pass.once.as_ref().unwrap();
    assert_eq!((pass.version.as_deref(), once.bag_tag.as_deref()), (Some("6"), Some("0080123456001")));
    assert_eq!((once.issue_date.as_deref(), once.bag_tag_second.as_deref()), (Some("6325"), None));
    let items = leg.conditional.as_ref().unwrap();
    assert_eq!((items.airline_numeric.as_deref(), items.document_serial.as_deref()), (Some("080"), Some("2345678901")));
    assert_eq!((items.frequent_flyer_number.as_deref(), items.fast_track.as_deref()), (Some("123456789"), Some("N")));
}

#[test]
fn passes_are_written_as_they_were_read() {
    for text in [PLAIN, FULL, TWO_LEGS] {
        assert_eq!(Pass::read(text).unwrap().to_string(), text);
    }
    let two = Pass::read(TWO_LEGS).unwrap();
    assert_eq!((two.legs[1].airline_use.as_str(), two.signature.unwrap().data.len()), ("LH", 9));
}

#[test]
fn a_refusal_names_place_and_item_and_nothing_of_the_passenger() {
    let refused = |text: &str| Pass::read(text).unwrap_err().to_string();
    assert_eq!(refused(""), "position 1: format code: the text ends before it does");
    assert_eq!(refused("X1KOWALSKA"), "position 1: format code: not of its form");
    assert_eq!(refused(&PLAIN.replace("M1", "M5")), "position 2: number of legs: not of its form");
    assert_eq!(refused(&PLAIN.replace("325Y", "367Y")), "position 45: date of flight: not a day of the year (001 to 366)");
    assert_eq!(refused(&PLAIN.replace("WAW", "W1W")), "position 31: airport of departure: not of its form");
    assert_eq!(refused(&PLAIN.replace("100", "1FF")), "position 61: conditional items: the text ends before it does");
    assert_eq!(refused(&PLAIN.replace("100", "1ZZ")), "position 59: size of the conditional items: not of its form");
    assert_eq!(refused(&format!("{PLAIN}X")), "position 61: start of the signature: not of its form");
    assert_eq!(refused(&PLAIN.replace("ANNA", "ÅSA")), "position 12: pass: a character that no pass has");
    for cut in 0..FULL.len() {
        assert!(!refused(&FULL[..cut]).contains("KOWALSKA"));
    }
    assert!(!format!("{:?}", Pass::read(FULL).unwrap()).contains("KOWALSKA"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Pass::read(&text);
    }

    /// One character bent: refused, or written again as it stands.
    #[test]
    fn what_is_read_is_written_again(at in 0usize..132, bent in prop::char::range(' ', '~')) {
        let mut text: Vec<char> = FULL.chars().collect();
        text[at] = bent;
        let text: String = text.into_iter().collect();
        if let Ok(pass) = Pass::read(&text) {
            let again = Pass::read(&pass.to_string());
            prop_assert_eq!(again.map(|again| again == pass), Ok(true));
        }
    }
}
