//! Reading partitions to where they end now: what a source, a declaration and a hand-in do before they write.

use std::time::Duration;

use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Offsets, Place, Raw};

/// Records read at once.
const POLL_RECORDS: usize = 1_000;
/// Longest wait for a record.
const POLL_WAIT: Duration = Duration::from_millis(20);

/// Hands every committed record of `places` to `take`, from `from` on or from the first that is kept, up to the high
/// watermarks of now. Returns where to read on; the log goes on reading from there.
///
/// # Errors
/// `take` refuses, the log does, or it takes longer than `patience`.
pub(crate) fn read_to_end(
    log: &mut dyn Log,
    places: &[Place],
    from: &Offsets,
    patience: Duration,
    take: &mut dyn FnMut(&Raw<'_>) -> Result<(), LogError>,
) -> Result<Offsets, LogError> {
    let ends = log.watermarks(places)?;
    let begin = |place: &Place, low: i64| from.get(place).map_or(low, |at| low.max(*at));
    let mut at: Offsets = ends.iter().map(|(place, (low, _))| (place.clone(), begin(place, *low))).collect();
    log.assign(&at)?;
    let begun = log.now();
    while let Some((place, _)) = ends.iter().find(|(place, (_, high))| at[*place] < *high) {
        let mut taken = Ok(());
        log.poll(POLL_RECORDS, POLL_WAIT, &mut |raw| {
            if taken.is_ok() {
                taken = take(&raw);
            }
        })?;
        taken?;
        for (place, position) in log.positions() {
            at.entry(place).and_modify(|at| *at = position.max(*at));
        }
        if log.now() > begun + patience {
            return Err(LogError::reopen(
                ErrorClass::Timeout,
                format_args!("cannot be read to its end: {}", log.explain_stall(place, at[place])),
            ));
        }
    }
    Ok(at)
}
