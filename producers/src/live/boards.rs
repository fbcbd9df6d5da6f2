//! Airport boards: one call for an airport's departures answers for many legs.
//!
//! ```text
//! leg past its time ─► where and when it departs, as last said ─► departures there from then on ─┬─ with the leg ────► answer
//!                                                       all that is said there is kept ◄─────────┴─ without it ─► asked by itself
//! ```
//!
//! Only of a leg that is to depart within [`AHEAD`]: boards have no others, or are too long. A leg that was not on it when it should have been is asked by
//! itself from then on, until a board tells it. Keeps nothing; what was said is in [`super::cache`].

use std::fmt;

use slipstream_schemas::ids::Airport;
use slipstream_streams::record::{Ts, rfc3339};

use super::provider::LegQuery;
use super::status::{DateMeaning, Designator, FlightStatusData};
use crate::local_time::{DAY, MINUTE};

/// How far ahead boards are asked for.
const AHEAD: Ts = DAY;

/// The departures of an airport from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departures {
    /// From where.
    pub airport: Airport,
    /// Scheduled at or after this, epoch ms, a whole minute.
    pub from: Ts,
}

impl fmt::Display for Departures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.airport, rfc3339(self.from))
    }
}

impl Departures {
    /// The board that should have the leg this was said of, as seen at `now`; none where there is none such.
    ///
    /// It begins a minute before: whether a provider's "after" means "from" is not known of any.
    pub(super) fn with(said: &FlightStatusData, now: Ts) -> Option<Self> {
        let departure = &said.departure;
        let waits = departure.actual.is_none() && departure.runway.is_none();
        let scheduled = departure.scheduled.filter(|at| waits && (now..=now + AHEAD).contains(at))?;
        Some(Self { airport: departure.airport?, from: (scheduled - MINUTE).div_euclid(MINUTE) * MINUTE })
    }
}

/// The questions that a word answers, each naming its leg; the first is the one under the designator that the provider leads with. None
/// where the word does not say which leg it is of.
pub(super) fn questions(said: &FlightStatusData) -> Vec<LegQuery> {
    let date = said.date.filter(|stated| stated.meaning == DateMeaning::LegLocal).map(|stated| stated.date);
    let (Some(date), origin @ Some(_)) = (date, said.departure.airport) else { return Vec::new() };
    let question = |of: &Designator| LegQuery { carrier: of.carrier, number: of.number, suffix: of.suffix, date, origin };
    std::iter::once(&said.designator).chain(&said.also).map(question).collect()
}

/// Whether a word answers a question, which need not name the leg.
pub(super) fn answers(said: &FlightStatusData, query: LegQuery) -> bool {
    questions(said).into_iter().any(|known| known == query || LegQuery { origin: None, ..known } == query)
}
