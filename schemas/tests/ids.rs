//! Identifiers: what is one, and that text, JSON and Avro let in the same.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use slipstream_schemas::ids::{Airport, Carrier, Currency, Date, Leg, Organisation, Passenger, Pnr, Tail};
use slipstream_schemas::wire::{Wire, put_text};

/// One text at the three doors of a type.
fn doors<T: FromStr + Display + Debug + Wire + Serialize + DeserializeOwned + PartialEq>(text: &str) -> bool {
    let mut avro = Vec::new();
    put_text(text, &mut avro);
    let json = serde_json::to_string(text).unwrap();
    let parsed = text.parse::<T>().ok();
    assert_eq!(parsed, T::from_bytes(&avro).ok(), "Avro lets in otherwise: {text}");
    assert_eq!(parsed, serde_json::from_str(&json).ok(), "JSON lets in otherwise: {text}");
    if let Some(value) = &parsed {
        assert_eq!((value.to_string(), value.to_bytes(), serde_json::to_string(value).unwrap()), (text.to_owned(), avro, json));
    }
    parsed.is_some()
}

#[test]
fn each_identifier_is_what_the_table_says() {
    for line in include_str!("cases/ids.csv").lines().skip(1) {
        let (kind, rest) = line.split_once(',').unwrap();
        let (text, valid) = rest.rsplit_once(',').unwrap();
        let found = match kind {
            "airport" => doors::<Airport>(text),
            "carrier" => doors::<Carrier>(text),
            "tail" => doors::<Tail>(text),
            "pnr" => doors::<Pnr>(text),
            "organisation" => doors::<Organisation>(text),
            "passenger" => doors::<Passenger>(text),
            "currency" => doors::<Currency>(text),
            "date" => doors::<Date>(text),
            "leg" => text.parse::<Leg>().is_ok_and(|leg| leg.to_string() == text),
            other => panic!("{other}"),
        };
        assert_eq!(found, valid == "yes", "{line}");
    }
}

proptest! {
    /// A key names one leg: two legs never share one, and each is read back.
    #[test]
    fn a_leg_is_its_key(
        carrier in "[A-Z][A-Z0-9]|[0-9][A-Z]|[A-Z]{3}|[A-Z][0-9][A-Z]", number in 0..=9999_i32, suffix in prop::option::of("[A-Z]"),
        day in 1..=28, origin in "[A-Z]{3}", destination in "[A-Z]{3}", repeat in 0..5_i32,
    ) {
        let leg = Leg {
            carrier: carrier.parse().unwrap(),
            number,
            suffix: suffix.map(|s| s.parse().unwrap()),
            date: format!("2008-02-{day:02}").parse().unwrap(),
            origin: origin.parse().unwrap(),
            destination: destination.parse().unwrap(),
            repeat,
        };
        prop_assert_eq!(leg.to_string().parse::<Leg>(), Ok(leg));
        prop_assert_eq!(Leg::from_bytes(&leg.to_bytes()), Ok(leg));
        prop_assert_eq!(serde_json::from_value::<Leg>(serde_json::to_value(leg).unwrap()).unwrap(), leg);
    }

    #[test]
    fn the_legs_of_a_flight_are_one_stretch(
        parts in "(A[AB]|AAL)", number in 1..3_i32, suffix in prop_oneof![Just(None), Just(Some("A"))], day in 30..=31,
        pair in "[AZ]{3}-[AZ]{3}", repeat in 0..2_i32,
    ) {
        let name = format!("{parts}{number}{}/2008-01-{day}/{pair}", suffix.unwrap_or_default());
        let leg = Leg { repeat, ..name.parse().unwrap() };
        let wanted: Leg = "AA1A/2008-01-31/JFK-LAX".parse().unwrap();
        let flight = |leg: &Leg| (leg.carrier, leg.number, leg.suffix, leg.date);
        let stretch = Leg::of_flight(wanted.carrier, wanted.number, wanted.suffix, wanted.date);
        prop_assert_eq!(stretch.contains(&leg), flight(&leg) == flight(&wanted));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}|[A-Z0-9/-]{0,40}") {
        let _ = (text.parse::<Leg>(), text.parse::<Date>(), text.parse::<Tail>(), text.parse::<Carrier>());
    }

    /// What a leg has in numbers is checked at every door.
    #[test]
    fn a_leg_out_of_range_is_refused(number in any::<i32>(), repeat in any::<i32>()) {
        let leg = Leg { number, repeat, .."AA1/2008-01-31/JFK-LAX".parse().unwrap() };
        let valid = (0..=9999).contains(&number) && repeat >= 0;
        prop_assert_eq!(Leg::from_bytes(&leg.to_bytes()).is_ok(), valid);
        prop_assert_eq!(serde_json::from_value::<Leg>(serde_json::to_value(leg).unwrap()).is_ok(), valid);
    }
}
