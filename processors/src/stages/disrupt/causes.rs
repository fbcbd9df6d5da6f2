//! What stated delay codes mean: `data/delay-causes.csv`, IATA AHM 730 in numbers and letters, read once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use slipstream_schemas::records::Cause;

/// The aircraft came late from its flight before.
pub(super) const LATE_INBOUND: &str = "late_inbound";
/// Nobody has said.
pub(super) const UNKNOWN: &str = "unknown";

static KINDS: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("../../../data/delay-causes.csv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let cells = rows.map(|row| row.split(',').collect::<Vec<_>>());
    cells
        .filter(|cells| cells.len() >= 3)
        .flat_map(|cells| [(cells[0], cells[2]), (cells[1], cells[2])])
        .filter(|(code, _)| !code.is_empty())
        .collect()
});

/// Kind of cause behind a stated code; a sub-code after the first two characters (`41A`) is not looked at.
pub(super) fn kind(reason: Option<&str>) -> &'static str {
    let code = reason.unwrap_or_default();
    let code = code.get(..2).unwrap_or(code).to_ascii_uppercase();
    KINDS.get(code.as_str()).copied().unwrap_or(UNKNOWN)
}

/// Two parts of a delay as ranked causes whose shares add up to 100. Equal kinds are one cause.
pub(super) fn ranked(first: (&str, i32, String), second: (&str, i32, String)) -> Vec<Cause> {
    let total = i64::from(first.1) + i64::from(second.1);
    let share = |minutes: i32| if total > 0 { ((i64::from(minutes) * 100 + total / 2) / total) as i32 } else { 0 };
    let cause = |(kind, minutes, evidence): (&str, i32, String), share| Cause {
        kind: kind.to_owned(),
        share,
        minutes: Some(minutes),
        evidence: vec![evidence],
    };
    if first.0 == second.0 {
        let evidence = [&first, &second].into_iter().filter(|part| part.1 > 0).map(|part| part.2.clone()).collect();
        return vec![Cause { evidence, ..cause((first.0, first.1 + second.1, String::new()), 100) }];
    }
    let shares = (share(first.1), 100 - share(first.1));
    let mut causes: Vec<Cause> =
        [cause(first, shares.0), cause(second, shares.1)].into_iter().filter(|cause| cause.share > 0).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.share));
    causes
}

/// One cause of the whole.
pub(super) fn sole(kind: &str, evidence: &str) -> Vec<Cause> {
    vec![Cause { kind: kind.to_owned(), share: 100, minutes: None, evidence: vec![evidence.to_owned()] }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_read_in_numbers_and_letters() {
        let cases = [
            ("93", LATE_INBOUND),
            ("RA", LATE_INBOUND),
            ("ra", LATE_INBOUND),
            ("41", "airline"),
            ("41A", "airline"),
            ("TD", "airline"),
            ("71", "weather"),
            ("81", "atc"),
            ("85", "security"),
            ("87", "airport"),
            ("99", UNKNOWN),
            ("XX", UNKNOWN),
            ("", UNKNOWN),
            ("é", UNKNOWN),
        ];
        for (code, expected) in cases {
            assert_eq!(kind(Some(code)), expected, "{code}");
        }
        assert_eq!(kind(None), UNKNOWN);
    }

    #[test]
    fn every_line_of_the_table_counts() {
        let rows: Vec<&str> =
            include_str!("../../../data/delay-causes.csv").lines().filter(|line| !line.starts_with('#')).skip(1).collect();
        let codes = rows.iter().flat_map(|row| row.split(',').take(2)).filter(|code| !code.is_empty()).count();
        assert_eq!(KINDS.len(), codes);
        let kinds = ["airline", "weather", "atc", "airport", "security", LATE_INBOUND, UNKNOWN];
        assert!(KINDS.values().all(|kind| kinds.contains(kind)));
    }

    proptest! {
        #[test]
        fn shares_add_up_to_a_hundred(a in 0..100_000i32, b in 0..100_000i32, same: bool) {
            prop_assume!(a + b > 0);
            let causes = ranked((LATE_INBOUND, a, "x".to_owned()), (if same { LATE_INBOUND } else { "weather" }, b, "y".to_owned()));
            prop_assert_eq!(causes.iter().map(|cause| cause.share).sum::<i32>(), 100);
            prop_assert!(causes.windows(2).all(|pair| pair[0].share >= pair[1].share));
            prop_assert!(causes.iter().all(|cause| !cause.evidence.is_empty() && cause.minutes.unwrap() > 0));
        }
    }
}
