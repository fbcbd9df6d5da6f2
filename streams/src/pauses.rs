//! Pauses before something is tried again: they double from one failure to the next, and a stop ends them.
//!
//! For threads of their own; nothing here is for a stage, which has no clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The pause that doubles.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a pause looks for a stop.
const STEP: Duration = Duration::from_millis(50);

/// The pause after so many failures in a row: 100 ms, twice as long with each of them, 5 s at most.
#[must_use]
pub fn after(failures: u32) -> Duration {
    (PAUSE_MIN * 2_u32.saturating_pow(failures.min(10))).min(PAUSE_MAX)
}

/// Waits so long, or until a stop.
pub fn rest(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let ms = [0, 1, 2, 5, 6, 7, 10, 11, u32::MAX].map(|failures| after(failures).as_millis());
        assert_eq!(ms, [100, 200, 400, 3_200, 5_000, 5_000, 5_000, 5_000, 5_000]);
    }

    #[test]
    fn a_stop_ends_the_longest_pause() {
        let begun = Instant::now();
        rest(Duration::from_hours(1), &AtomicBool::new(true));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
}
