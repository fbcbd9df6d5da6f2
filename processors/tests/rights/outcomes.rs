//! An open answer lists where it can lead: what was forgotten comes back as one of the outcomes listed, and so does whatever
//! else is put in its place.
//!
//! The ordinary run tries `CASES_BY_DEFAULT`; `CASES=200000 cargo test -p slipstream-processors --test rights outcomes` as many
//! as it says.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipstream_processors::rights::{Case, Law, Outlook, decide_unproved, outcome, possible_outcomes, read_case};

use crate::dice::Dice;
use crate::fill::{Fill, vague};
use crate::generator::case;
use crate::properties::forget;
use crate::second_reading::setting;

const CASES_BY_DEFAULT: u64 = 2_000;
/// Most facts that are filled in one after the other.
const ROUNDS: usize = 16;

fn cases() -> usize {
    setting("CASES", CASES_BY_DEFAULT) as usize
}

fn read(case: &Value) -> Case {
    read_case(&case.to_string()).unwrap().0
}

/// What the case comes to; none while it is open.
fn comes_to(law: &Law, case: &Case) -> Option<String> {
    outcome(&decide_unproved(law, case))
}

/// Whether an open answer with one outcome is open for a reason: a share of a price that nobody knows is still to be found out,
/// and an end of the journey or the day names the regime, whatever the sum.
fn has_more_to_say(outlook: &Outlook, missing: &[Cow<'_, str>]) -> bool {
    let names_the_regime = |fact: &Cow<'_, str>| ["as_of", "origin", "destination"].contains(&fact.as_ref());
    let of_a_price = outlook.outcomes.iter().all(|outcome| outcome.ends_with("of the price"));
    outlook.outcomes.len() > 1 || of_a_price || missing.iter().any(names_the_regime)
}

/// Filling in what is missing can only lead to an outcome that the undetermined answer listed.
// contract: S2-28
#[test]
fn what_was_forgotten_comes_back_as_an_outcome_that_was_listed() {
    let (law, mut dice, mut open) = (Law::default(), Dice::new(2610), 0);
    for _ in 0..cases() {
        let known = case(&mut dice);
        let Some(came_to) = comes_to(&law, &read(&known)) else { continue };
        let vague = forget(&mut dice, &known);
        let facts = read(&vague);
        if let Some(still) = comes_to(&law, &facts) {
            assert_eq!(still, came_to, "{known}\n{vague}");
            continue;
        }
        open += 1;
        let outlook = possible_outcomes(&law, &facts);
        assert!(outlook.is_exact && outlook.outcomes.contains(&came_to), "{came_to} is none of {outlook:?}\n{known}\n{vague}");
        let missing = decide_unproved(&law, &facts).missing;
        assert!(has_more_to_say(&outlook, &missing), "open, though there is only one outcome: {outlook:?}\n{vague}");
    }
    assert!(open > cases() / 2, "only {open} were open");
    println!("{open} open answers, each with its outcomes");
}

/// Whatever takes the place of what is missing, real airports and licences among it, leads to an outcome that was listed; and
/// what is listed after the first step was listed before.
// contract: S2-28
#[test]
fn whatever_is_filled_in_leads_to_an_outcome_that_was_listed() {
    let (open, cut_off) = fill_in(&Law::default(), 2612, cases());
    assert!(open > cases() / 3, "only {open} were open");
    assert!(cut_off < open / 100, "{cut_off} of {open} were cut off");
}

/// The same with regimes beyond the Regulation switched on: they ask for states, sizes and fares.
#[test]
fn regimes_that_were_switched_on_list_their_outcomes_too() {
    let law = Law::default().switching_on(["APPR", "SHY", "USDOT", "ANAC400"]).unwrap();
    let (open, _) = fill_in(&law, 2613, cases() / 4);
    assert!(open > cases() / 12, "only {open} were open");
}

/// Days that the Regulation does not tell apart are told apart by the first day of a regime beyond it.
#[test]
fn the_first_day_of_another_regime_tells_days_apart() {
    let law = Law::default().switching_on(["USDOT"]).unwrap();
    let open = json!({
        "id": "LAX-HEL", "origin": "LAX", "destination": "HEL", "operating_carrier": "AY", "carrier_licence_country": "FI",
        "passenger": {"confirmed_reservation": true, "presented_on_time": true},
    });
    let outlook = possible_outcomes(&law, &read(&open));
    let dated = |day: &str| {
        let mut filled = open.clone();
        (filled["as_of"], filled["event"]) = (json!(day), json!("denied_boarding"));
        possible_outcomes(&law, &read(&filled)).outcomes
    };
    let [before, since] = ["2024-10-27", "2024-10-28"].map(dated);
    assert!(before != since && outlook.is_exact, "{before:?} {since:?}");
    assert!(before.is_subset(&outlook.outcomes) && since.is_subset(&outlook.outcomes), "{outlook:?}");
}

/// How many answers were open, and of how many the search was cut off.
fn fill_in(law: &Law, seed: u64, cases: usize) -> (usize, usize) {
    let (mut dice, fill, mut open, mut cut_off, mut settled) = (Dice::new(seed), Fill::new(), 0, 0, 0);
    for _ in 0..cases {
        let known = case(&mut dice);
        let vague = vague(&mut dice, known);
        let facts = read(&vague);
        if comes_to(law, &facts).is_some() {
            continue;
        }
        open += 1;
        let listed = possible_outcomes(law, &facts);
        cut_off += usize::from(!listed.is_exact);
        settled += usize::from(follow(law, &mut dice, &fill, &vague, &listed));
    }
    println!("{open} open answers, {cut_off} of them cut off, {settled} settled by what was filled in");
    assert!(settled > open / 2, "only {settled} of {open} were settled");
    (open, cut_off)
}

/// Fills in what is missing until the case is decided; false where that cannot be.
fn follow(law: &Law, dice: &mut Dice, fill: &Fill, vague: &Value, listed: &Outlook) -> bool {
    let (mut law, mut filled) = (law.clone(), vague.clone());
    for round in 0..ROUNDS {
        let Ok((facts, _)) = read_case(&filled.to_string()) else { return false };
        if let Some(came_to) = comes_to(&law, &facts) {
            assert!(listed.outcomes.contains(&came_to), "{came_to} is none of {listed:?}\n{vague}\n{filled}");
            return true;
        }
        if round == 1 {
            let on_the_way = possible_outcomes(&law, &facts);
            let within = !on_the_way.is_exact || on_the_way.outcomes.is_subset(&listed.outcomes);
            assert!(within, "{on_the_way:?}\nis more than\n{listed:?}\n{vague}\n{filled}");
        }
        let missing: Vec<String> = decide_unproved(&law, &facts).missing.iter().map(ToString::to_string).collect();
        assert!(!missing.is_empty(), "open, and nothing is missing: {filled}");
        for fact in &missing {
            match fact.strip_prefix("ruleset ") {
                Some(set) => law = law.switching_on([set]).unwrap(),
                None => fill.in_place(dice, fact, &mut filled),
            }
        }
    }
    false
}

/// Of a settled case there is nothing else to list.
#[test]
fn a_settled_case_has_its_own_outcome_alone() {
    let (law, mut dice) = (Law::default(), Dice::new(2611));
    for _ in 0..CASES_BY_DEFAULT {
        let facts = read(&case(&mut dice));
        if let Some(came_to) = comes_to(&law, &facts) {
            assert_eq!(possible_outcomes(&law, &facts).outcomes, BTreeSet::from([came_to]));
        }
    }
}

/// With nothing known at all the outcomes are those there are; with more missing than can be followed, no fewer.
#[test]
fn the_less_is_known_the_more_is_listed() {
    let law = Law::default();
    let nothing = possible_outcomes(&law, &read(&json!({})));
    assert!(nothing.is_exact);
    let all = ["125 EUR", "200 EUR", "250 EUR", "300 EUR", "400 EUR", "600 EUR", "110 GBP", "520 GBP", "no sum", "not covered"];
    assert!(all.iter().all(|outcome| nothing.outcomes.contains(*outcome)), "{nothing:?}");
    let stops = ["JFK", "BOS", "ORD", "ATL", "MIA", "DFW", "LAX", "SEA", "DEN", "CDG"];
    let legs: Vec<Value> = stops.windows(2).map(|ends| json!({"from": ends[0], "to": ends[1]})).collect();
    let long = json!({"as_of": "2026-03-02", "origin": "QQQ", "destination": "QQX", "legs": legs});
    let cut_off = possible_outcomes(&law, &read(&long));
    assert!(cut_off.outcomes.is_superset(&BTreeSet::from(["600 EUR".to_owned(), "not covered".to_owned()])), "{cut_off:?}");
}
