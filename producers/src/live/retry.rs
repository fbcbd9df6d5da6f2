//! Pauses between attempts. The one place that names the crate `backoff`.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// Longest pause, whatever the doubling gives.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How much of a pause is left to chance, to either side: clients that failed together do not come back together.
const JITTER: f64 = 0.5;

/// The pauses before each of `retries` further attempts: `first`, then twice as long each time, give or take half.
pub fn pauses(first: Duration, retries: u32) -> impl Iterator<Item = Duration> + Send {
    // No limit by the clock: attempts are counted here, and the deadline of the request ends the rest.
    let mut backoff = ExponentialBackoff {
        current_interval: first,
        initial_interval: first,
        multiplier: 2.0,
        randomization_factor: JITTER,
        max_interval: PAUSE_MAX,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    std::iter::from_fn(move || backoff.next_backoff()).take(retries as usize)
}

/// One period of something regular, give or take a fifth, so that processes do not do it in step.
pub(crate) fn about(period: Duration) -> Duration {
    let mut backoff = ExponentialBackoff {
        current_interval: period,
        initial_interval: period,
        randomization_factor: 0.2,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    backoff.next_backoff().unwrap_or(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    // contract: S0-28 (backoff with jitter)
    #[test]
    fn pauses_double_within_their_jitter_and_end() {
        for _ in 0..200 {
            let drawn: Vec<Duration> = pauses(Duration::from_secs(1), 3).collect();
            assert_eq!(drawn.len(), 3);
            for (pause, middle) in drawn.iter().zip([1.0, 2.0, 4.0]) {
                let ratio = pause.as_secs_f64() / middle;
                assert!((0.5..=1.5).contains(&ratio), "{drawn:?}");
            }
        }
    }

    #[test]
    fn pauses_are_not_all_the_same() {
        let drawn: std::collections::BTreeSet<Duration> = (0..50).map(|_| about(Duration::from_secs(5))).collect();
        assert!(drawn.len() > 10, "{drawn:?}");
        assert!(drawn.iter().all(|pause| (4.0..=6.0).contains(&pause.as_secs_f64())), "{drawn:?}");
    }
}
