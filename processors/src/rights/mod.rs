//! What the law owes a passenger whose journey was disrupted: Regulation (EC) 261/2004 and its United Kingdom twin.
//!
//! ```text
//! JSON line ─► read ─► Case ─► passenger ─► scope ─► rule set ─► event ─► circumstances ─► reduction ─► care ─► Decision
//! ```
//!
//! Pure: facts in, one decision with its proof out. A fact is known, known not to be so, or not known; an unknown one
//! that would change the answer makes it undetermined and is named. The law's numbers, territories, licences and causes
//! are data (`data/rights/`). Money comes from the law alone: nothing that a [`Case`] can hold tells a loyal passenger
//! from another. Times are whole minutes, rounded towards the carrier (2 h 59 min 59 s is not 3 h).

mod care;
mod carrier;
mod case;
mod cause;
mod contested;
mod decision;
mod distance;
mod door;
mod downgrade;
mod elsewhere;
mod event;
mod excuse;
mod explain;
mod law;
mod limitation;
mod outlook;
mod passenger;
mod payment;
mod proof;
mod read;
mod reduction;
mod ruleset;
mod scope;
mod territory;
mod write;

pub use case::{Arrival, Case, Choice, Defence, Event, Fare, Leg, Licence, Passenger, Reroute, Seat};
pub use cause::{Cause, Nature, cause, cause_of_code};
pub use contested::{Contested, Question};
pub use decision::{Decision, Verdict, decide, decide_unproved};
pub use distance::{Distance, distance};
pub use door::{Answer, decide_line, decide_line_under};
pub use elsewhere::{Regime, regimes};
pub use explain::{citation, explain_line};
pub use law::{Law, UnknownRegime};
pub use limitation::{Checked, Limitation, limitation};
pub use outlook::{Outlook, outcome, possible_outcomes};
pub use payment::{Owed, Terms, terms};
pub use proof::Step;
pub use read::{Refusal, read_case};
pub use ruleset::{BadRuleSets, Duties, RuleSet, Window, rulesets};
