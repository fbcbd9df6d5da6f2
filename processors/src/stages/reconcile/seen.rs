//! Records that this stage has taken before: a repeat, by its id, changes nothing.
//!
//! A sender that has no answer sends again, and so does our own intake when it does not know what became of a transaction.
//! The ids of a carrier and number are kept for [`KEEP_DAYS`] of event time after the day on which they came, in one row a
//! day. No timer ends them, so that no world lasts longer for their sake: the first word of a new day drops the rows that
//! are too old. A flight number that is never heard of again keeps its last days.
//!
//! What was refused is not kept: it may be handed in again under its id.

use slipstream_schemas::record;
use slipstream_streams::processor::{Cx, Poison};

use super::SEEN;
use crate::context::Typed;
use crate::journey::HOUR;

/// How many whole days an id is known after the day on which it came.
const KEEP_DAYS: i64 = 7;
/// Most ids of one carrier and number that are kept of one day; the oldest give way.
const IDS_MAX: usize = 2_048;
/// Milliseconds of a day.
const DAY: i64 = 24 * HOUR;

record! {
    /// The ids of one day, each as its upper and its lower half.
    pub(crate) struct Ids {
        /// Upper halves.
        upper: Vec<i64>,
        /// Lower halves.
        lower: Vec<i64>,
    }
}

impl Ids {
    fn has(&self, (upper, lower): (i64, i64)) -> bool {
        self.upper.iter().zip(&self.lower).any(|id| id == (&upper, &lower))
    }

    fn add(&mut self, (upper, lower): (i64, i64)) {
        if self.upper.len() >= IDS_MAX {
            self.upper.remove(0);
            self.lower.remove(0);
        }
        self.upper.push(upper);
        self.lower.push(lower);
    }
}

/// Whether the record at hand was taken before; from now on it was.
///
/// # Errors
/// A state row that cannot be read.
pub(super) fn again(cx: &mut Cx<'_>) -> Result<bool, Poison> {
    let (upper, lower) = cx.cause().as_u64_pair();
    let id = (upper.cast_signed(), lower.cast_signed());
    let today = cx.now().div_euclid(DAY);
    for day in today - KEEP_DAYS..today {
        if load(cx, day)?.is_some_and(|ids| ids.has(id)) {
            return Ok(true);
        }
    }
    let known = load(cx, today)?;
    if known.is_none() {
        forget(cx, today - KEEP_DAYS);
    }
    let mut ids = known.unwrap_or_else(|| Ids { upper: Vec::new(), lower: Vec::new() });
    let is_known = ids.has(id);
    if !is_known {
        ids.add(id);
        cx.save(SEEN, &today.to_be_bytes(), &ids);
    }
    Ok(is_known)
}

fn load(cx: &Cx<'_>, day: i64) -> Result<Option<Ids>, Poison> {
    cx.load(SEEN, &day.to_be_bytes())
}

/// Drops the rows of every day before `first`.
fn forget(cx: &mut Cx<'_>, first: i64) {
    let day = |sub: &[u8]| sub.try_into().map(i64::from_be_bytes);
    let rows = cx.scan(SEEN, b"").into_iter().map(|(sub, _)| sub);
    for sub in rows.filter(|sub| day(sub).is_ok_and(|day| day < first)).collect::<Vec<_>>() {
        cx.delete(SEEN, &sub);
    }
}
