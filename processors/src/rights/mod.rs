//! What the law owes a passenger whose journey was disrupted: Regulation (EC) 261/2004 and its United Kingdom twin.
//!
//! ```text
//! Facts ─► rule set in force ─► scope ─► distance band ─► event test ─► cause ─► reduction ─► care, refund ─► Rights
//! ```
//!
//! Pure: facts in, one decision with its proof out. A fact is known, known not to be so, or not known; an unknown one
//! that would change the answer makes it undetermined and is named. Money comes from the law alone: nothing that
//! [`Facts`] can hold tells a loyal passenger from another, or a fare from a fare. Times are whole minutes,
//! rounded towards the carrier (2 h 59 min 59 s is not 3 h).
//!
//! Not here yet: denied boarding, downgrading, passenger conditions, causes added up minute by minute, other regimes.

mod care;
mod cause;
mod compensation;
mod decision;
mod distance;
mod door;
mod facts;
mod ruleset;
mod scope;

pub use cause::{Nature, cause_of_code, nature};
pub use decision::decide;
pub use distance::{Distance, distance};
pub use door::{Answer, decide_line};
pub use facts::{Arrival, Event, Facts, LegFacts, Notice, Offer};
pub use ruleset::{RULESETS, RuleSet};
