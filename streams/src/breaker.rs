//! Stops a stage that refuses most of its records: a wrong schema or a wrong deployment must not turn a topic into dead letters.
//!
//! Counts events: a record processed is one, a dead letter written is one. In each window of [`WINDOW`] events more than
//! the limit of letters trips it. Reads no clock: the same records trip it again. What led to the trip is
//! aborted, so that those records are processed properly once the cause is mended.

use crate::task::Counts;

/// Events of one window.
pub(crate) const WINDOW: u64 = 1_000;

/// The window under way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Breaker {
    records: u64,
    letters: u64,
    is_begun: bool,
}

impl Breaker {
    /// Looks at what the task has done by now: the reason to stop, if there are more than `letters_max` in this window.
    pub(crate) fn check(&mut self, stage: &str, counts: &Counts, letters_max: u64) -> Result<(), String> {
        let all: u64 = counts.refused.values().sum();
        let (records, letters) = (counts.records.saturating_sub(self.records), all - self.letters.min(all));
        if letters > letters_max {
            let most = counts.refused.iter().max_by_key(|(_, times)| **times).map_or("", |(reason, _)| *reason);
            return Err(format!(
                "stage `{stage}` refused {letters} of its last records, mostly as `{most}`: stopped before the topic becomes dead \
                 letters; mend the cause and start again, or raise `dead_letters_max`"
            ));
        }
        if !self.is_begun || records + letters >= WINDOW {
            *self = Self { records: counts.records, letters: all, is_begun: true };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a stream in which `refused` of ten records are refused; the records until it trips.
    fn trips_after(refused: u64) -> Option<u64> {
        let (mut breaker, mut counts) = (Breaker::default(), Counts::default());
        breaker.check("stage", &counts, 400).unwrap();
        (1..20_000).find(|number| {
            counts.records += 1;
            if number % 10 < refused {
                *counts.refused.entry("unknown schema").or_default() += 1;
            }
            breaker.check("stage", &counts, 400).is_err_and(|error| error.contains("mostly as `unknown schema`"))
        })
    }

    #[test]
    fn it_trips_on_a_stream_of_letters_and_on_nothing_less() {
        assert_eq!(trips_after(0), None);
        assert_eq!(trips_after(5), None);
        assert_eq!(trips_after(10), Some(401));
        assert!(trips_after(9).is_some());
    }
}
