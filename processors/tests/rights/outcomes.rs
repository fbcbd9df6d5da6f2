//! An open answer lists where it can lead: what was forgotten comes back as one of the outcomes listed, and never as another.

use std::collections::BTreeSet;

use serde_json::Value;
use slipstream_processors::rights::{Case, Law, decide_unproved, outcome, possible_outcomes, read_case};

use crate::dice::Dice;
use crate::generator::case;
use crate::properties::forget;

const CASES: usize = 3_000;

fn read(case: &Value) -> Case {
    read_case(&case.to_string()).unwrap().0
}

/// What the case comes to; none while it is open.
fn comes_to(law: &Law, case: &Case) -> Option<String> {
    outcome(&decide_unproved(law, case))
}

/// Filling in what is missing can only lead to an outcome that the undetermined answer listed.
// contract: S2-28
#[test]
fn what_is_filled_in_leads_to_an_outcome_that_was_listed() {
    let (law, mut dice, mut listed, mut open) = (Law::default(), Dice::new(2610), 0, 0);
    for _ in 0..CASES {
        let known = case(&mut dice);
        let Some(came_to) = comes_to(&law, &read(&known)) else { continue };
        let vague = forget(&mut dice, &known);
        let facts = read(&vague);
        if let Some(still) = comes_to(&law, &facts) {
            assert_eq!(still, came_to, "{known}\n{vague}");
            continue;
        }
        open += 1;
        let Some(outcomes) = possible_outcomes(&law, &facts) else { continue };
        listed += 1;
        assert!(outcomes.contains(&came_to), "{came_to} is none of {outcomes:?}\n{known}\n{vague}");
        // A share of a price that nobody knows is one outcome, and still to be found out.
        let of_a_price = outcomes.iter().all(|outcome| outcome.ends_with("of the price"));
        assert!(outcomes.len() > 1 || of_a_price, "open, though there is only one outcome: {outcomes:?}\n{vague}");
    }
    // Most of the others lack an airport: that is more outcomes than are listed.
    assert!(open > CASES / 2 && listed > CASES / 6, "{listed} of {open} open answers were listed");
}

/// Of a settled case there is nothing else to list.
#[test]
fn a_settled_case_has_its_own_outcome_alone() {
    let (law, mut dice) = (Law::default(), Dice::new(2611));
    for _ in 0..CASES {
        let facts = read(&case(&mut dice));
        if let Some(came_to) = comes_to(&law, &facts) {
            assert_eq!(possible_outcomes(&law, &facts), Some(BTreeSet::from([came_to])));
        }
    }
}
