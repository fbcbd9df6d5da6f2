//! The second reading: what the Regulations owe, written from their articles and not from the engine.
//!
//! ```text
//! case (JSON) ─► Story: for each fact, the values it may have ─► every World that agrees with it ─► one Ruling each
//!                                                                                  └─► Verdict: the one ruling, or what is missing
//! ```
//!
//! The engine reads facts in three values and reasons about what it does not know. Nothing here knows a third value: an
//! unknown fact is a list of all that it may be, each combination is judged as if everything were known, and a fact is
//! missing when it alone, changed, changes the ruling. Slow, short, and wrong in other ways than an engine would be.
//!
//! Does not read: contested ground (where the rule book asks for a person), journeys near a band's end, review flags.

mod articles;
mod assistance;
pub(crate) mod atlas;
pub(crate) mod causes;
pub(crate) mod licences;
mod scope;
mod story;
mod world;

use serde_json::Value;

pub(crate) use articles::{Decision, Ruling};
pub(crate) use assistance::{Assistance, Say};
pub(crate) use scope::Regime;
use story::Story;

/// What the oracle answers to a case.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The ruling, where every world has the same.
    pub(crate) ruling: Option<Ruling>,
    /// Facts that decide, by their keys; empty exactly where there is a ruling.
    pub(crate) missing: Vec<&'static str>,
    /// Whether it is settled which other Regulation covers the journey.
    pub(crate) knows_the_others: bool,
    /// Care and choice, where every world has the same.
    pub(crate) assistance: Option<Assistance>,
}

/// Reads the case and judges it.
pub(crate) fn judge(case: &Value) -> Verdict {
    let story = Story::read(case);
    let picks = story.picks();
    let rulings: Vec<Ruling> = picks.iter().map(|pick| articles::judge(&story.world(pick))).collect();
    let missing = story.deciding(&picks, &rulings);
    let mut assistance = picks.iter().map(|pick| assistance::of(&story.world(pick)));
    let first = assistance.next().filter(|_| story.knows_the_journey());
    Verdict {
        ruling: rulings.first().filter(|_| missing.is_empty()).cloned(),
        missing,
        knows_the_others: story.knows_the_carrier() && story.knows_the_journey(),
        assistance: first.filter(|first| assistance.all(|other| other == *first)),
    }
}
