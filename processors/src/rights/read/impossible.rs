//! Facts that cannot be together: no decision is given on them.

use super::Refusal;
use crate::rights::case::{Case, Event};

/// # Errors
/// The facts cannot be.
pub(super) fn check(case: &Case) -> Result<(), Refusal> {
    let names_no_reroute = case.reroute.offered != Some(true);
    if case.event == Some(Event::Cancellation) && case.dep_delay_min.is_some() && names_no_reroute {
        return Err(Refusal::Impossible("a cancelled flight without a re-routing has no `dep_delay_min`"));
    }
    if case.origin.is_some() && case.origin == case.destination {
        return Err(Refusal::Impossible("`destination` is the `origin`: there and back are two flights (C-173/07)"));
    }
    if case.legs.iter().any(|leg| leg.from == leg.to) {
        return Err(Refusal::Impossible("one of `legs` ends where it began"));
    }
    Ok(())
}
