//! Sums of stakes by currency, as the stages that estimate, expose and total them add them up.
//!
//! A list has one entry a currency, in order of the code, and none that is nothing in all its parts.

use slipstream_schemas::records::{Cliff, CliffKind, Stake};

/// Adds `sign` times `from` to `into`.
pub(crate) fn add(into: &mut Vec<Stake>, from: &[Stake], sign: i64) {
    for stake in from {
        let place = into.binary_search_by(|known| known.currency.cmp(&stake.currency)).unwrap_or_else(|place| {
            let currency = stake.currency.clone();
            into.insert(place, Stake { currency, settled_minor: 0, due_minor: 0, open_minor: 0 });
            place
        });
        let sum = &mut into[place];
        sum.settled_minor += sign * stake.settled_minor;
        sum.due_minor += sign * stake.due_minor;
        sum.open_minor += sign * stake.open_minor;
    }
    into.retain(|stake| (stake.settled_minor, stake.due_minor, stake.open_minor) != (0, 0, 0));
}

/// What `after` has more than `before`.
pub(crate) fn difference(after: &[Stake], before: &[Stake]) -> Vec<Stake> {
    let mut more = Vec::new();
    add(&mut more, after, 1);
    add(&mut more, before, -1);
    more
}

/// What each of one subject's cliffs adds, given all that is at stake before and after each. What a cancellation would cost
/// is beside the others: they are passed only when it does not come to that.
pub(crate) fn steps(now: &[Stake], cliffs: &[Cliff]) -> Vec<Vec<Stake>> {
    let mut before = now.to_vec();
    let step = |cliff: &Cliff| {
        if cliff.kind == CliffKind::Notice {
            return difference(&cliff.stakes, now);
        }
        let step = difference(&cliff.stakes, &before);
        before.clone_from(&cliff.stakes);
        step
    };
    cliffs.iter().map(step).collect()
}

/// Puts into each cliff, whose stakes are what it adds, all that is at stake once it is passed.
pub(crate) fn accumulate(now: &[Stake], cliffs: &mut [Cliff]) {
    let mut all = now.to_vec();
    for cliff in cliffs {
        let step = std::mem::take(&mut cliff.stakes);
        if cliff.kind == CliffKind::Notice {
            cliff.stakes = now.to_vec();
            add(&mut cliff.stakes, &step, 1);
        } else {
            add(&mut all, &step, 1);
            cliff.stakes.clone_from(&all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(currency: &str, minor: i64) -> Stake {
        Stake { currency: currency.to_owned(), settled_minor: 0, due_minor: minor, open_minor: 0 }
    }

    fn cliff(kind: CliffKind, at: i64, stakes: Vec<Stake>) -> Cliff {
        Cliff { kind, at, threshold_min: 180, passengers: 1, stakes }
    }

    #[test]
    fn what_is_taken_off_leaves_nothing_behind() {
        let mut sum = vec![due("EUR", 5)];
        add(&mut sum, &[due("GBP", 3), due("CHF", 2)], 1);
        assert_eq!(sum, [due("CHF", 2), due("EUR", 5), due("GBP", 3)]);
        add(&mut sum, &[due("EUR", 5), due("CHF", 2)], -1);
        assert_eq!(sum, [due("GBP", 3)]);
    }

    #[test]
    fn steps_and_sums_are_each_others_inverse_and_a_notice_stands_beside() {
        let now = [due("EUR", 10)];
        let cliffs = [
            cliff(CliffKind::Notice, 1, vec![due("EUR", 90)]),
            cliff(CliffKind::Compensation, 2, vec![due("EUR", 40)]),
            cliff(CliffKind::Overnight, 3, vec![due("EUR", 40)]),
            cliff(CliffKind::LargerSum, 4, vec![due("EUR", 70), due("GBP", 1)]),
        ];
        let steps = steps(&now, &cliffs);
        assert_eq!(steps, [vec![due("EUR", 80)], vec![due("EUR", 30)], vec![], vec![due("EUR", 30), due("GBP", 1)]]);
        let mut again: Vec<Cliff> = cliffs.iter().zip(steps).map(|(c, stakes)| Cliff { stakes, ..c.clone() }).collect();
        accumulate(&now, &mut again);
        assert_eq!(again, cliffs);
    }
}
