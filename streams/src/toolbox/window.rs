//! Windows of one length: tumbling, one after the other, and hopping, overlapping.
//!
//!     update(at) ─► every open window over `at`        timer at end + grace ─► the window's final value
//!
//! Keeps one row for each open window of the key, until it closes.
//!
//! ```ignore
//! const HOURLY: WindowTable =
//!     WindowTable { store: 0, timer: 1, windows: Windows::hopping(HOUR, 10 * MINUTE, 5 * MINUTE) };
//!
//! fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
//!     HOURLY.update(cx, b"", record.timestamp, |count| increment(count));
//!     Ok(())
//! }
//! fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
//!     if let Some(closed) = HOURLY.close(cx, timer) { /* emit closed.value for closed.window */ }
//!     Ok(())
//! }
//! ```

use super::{Window, instant, sortable};
use crate::processor::{Cx, StoreId, Timer};
use crate::record::Ts;

/// Most windows over one instant.
pub const OVERLAP_MAX: Ts = 1_000;

/// Windows of one length that begin at every multiple of a hop since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    size_ms: Ts,
    hop_ms: Ts,
    grace_ms: Ts,
}

impl Windows {
    /// Each begins where the last one ends. Lengths in milliseconds; a size below 1 is 1, a grace below 0 is 0.
    #[must_use]
    pub const fn tumbling(size_ms: Ts, grace_ms: Ts) -> Self {
        Self::hopping(size_ms, size_ms, grace_ms)
    }

    /// One begins at every `hop_ms`, from a [`OVERLAP_MAX`]-th of the size to the whole; what is outside is moved there.
    #[must_use]
    pub const fn hopping(size_ms: Ts, hop_ms: Ts, grace_ms: Ts) -> Self {
        let size_ms = if size_ms < 1 { 1 } else { size_ms };
        let least = (size_ms + OVERLAP_MAX - 1) / OVERLAP_MAX;
        let hop_ms = if hop_ms < least { least } else { hop_ms };
        let hop_ms = if hop_ms > size_ms { size_ms } else { hop_ms };
        Self { size_ms, hop_ms, grace_ms: if grace_ms < 0 { 0 } else { grace_ms } }
    }

    /// The windows over an instant, earliest first.
    pub fn covering(self, at: Ts) -> impl Iterator<Item = Window> {
        let last = at - at.rem_euclid(self.hop_ms);
        let count = (self.size_ms - 1 - (at - last)).div_euclid(self.hop_ms) + 1;
        (0..count).rev().map(move |back| self.window(last - back * self.hop_ms))
    }

    fn window(self, start: Ts) -> Window {
        Window { start, end: start + self.size_ms }
    }

    fn closes(self, window: Window) -> Ts {
        window.end + self.grace_ms
    }
}

/// A value for each window of the current key, and for each of its sub-keys.
#[derive(Debug, Clone, Copy)]
pub struct WindowTable {
    /// Store, used by nothing else.
    pub store: StoreId,
    /// Timer kind, used by nothing else.
    pub timer: u8,
    /// Which windows.
    pub windows: Windows,
}

/// A window that has ended: this is its only and final result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The window.
    pub window: Window,
    /// The sub-key.
    pub sub: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

impl WindowTable {
    /// Changes the value of every open window over `at`: `fold` gets the value so far. When all of them are closed the
    /// record is declared late and nothing changes; false then.
    pub fn update(&self, cx: &mut Cx<'_>, sub: &[u8], at: Ts, mut fold: impl FnMut(Option<Vec<u8>>) -> Vec<u8>) -> bool {
        let mut is_late = true;
        for window in self.windows.covering(at).filter(|window| self.windows.closes(*window) > cx.now()).collect::<Vec<_>>() {
            is_late = false;
            let row = [&sortable(window.start), sub].concat();
            let before = cx.get(self.store, &row);
            if before.is_none() {
                cx.set_timer(self.timer, &row, self.windows.closes(window));
            }
            cx.put(self.store, &row, fold(before));
        }
        if is_late {
            cx.late();
        }
        !is_late
    }

    /// The window that this timer ends; none when the timer is another's.
    pub fn close(&self, cx: &mut Cx<'_>, timer: &Timer) -> Option<Closed> {
        if timer.kind != self.timer {
            return None;
        }
        let closed = self.read(&timer.sub, cx.get(self.store, &timer.sub)?)?;
        cx.delete(self.store, &timer.sub);
        Some(closed)
    }

    /// The windows of the current key that are still open, as they stand: not final.
    #[must_use]
    pub fn open(&self, cx: &Cx<'_>) -> Vec<Closed> {
        cx.scan(self.store, b"").into_iter().filter_map(|(row, value)| self.read(&row, value)).collect()
    }

    fn read(&self, row: &[u8], value: Vec<u8>) -> Option<Closed> {
        let (start, sub) = instant(row)?;
        Some(Closed { window: self.windows.window(start), sub: sub.to_vec(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_over_an_instant_and_no_other() {
        for (size, hop) in [(10, 10), (10, 5), (10, 3), (7, 1), (1, 1)] {
            let windows = Windows::hopping(size, hop, 0);
            for at in -25..25 {
                let found: Vec<_> = windows.covering(at).collect();
                let all = (-60..60).map(|n| n * hop).filter(|start| (*start..start + size).contains(&at));
                let expected: Vec<_> = all.map(|start| Window { start, end: start + size }).collect();
                assert_eq!(found, expected, "size {size} hop {hop} at {at}");
            }
        }
    }

    #[test]
    fn lengths_out_of_range_are_moved_into_it() {
        assert_eq!(Windows::tumbling(0, -5), Windows::tumbling(1, 0));
        assert_eq!(Windows::hopping(10, 30, 0), Windows::tumbling(10, 0));
        assert_eq!(Windows::hopping(5_000_000, 1, 0).covering(0).count(), OVERLAP_MAX as usize);
    }
}
