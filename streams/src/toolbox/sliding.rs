//! Sliding windows: for each instant with a record, what lies in the time before it.
//!
//!     add(at) ─► row of `at`        timer at `at` + grace ─► rows of (at - size, at], final
//!
//! Keeps the rows of the last size + grace of the key. Each window is given once, when no record that it covers can come.

use super::{Window, room, rows_at, sortable};
use crate::codec::Poison;
use crate::processor::{Cx, StoreId, Timer};
use crate::record::Ts;

/// Head of a row, and of the timer that ends the window at its instant.
const ROW: u8 = 0;
/// Head of the timer that drops a row.
const DROP: u8 = 1;

/// Sliding windows of the current key.
#[derive(Debug, Clone, Copy)]
pub struct Sliding {
    /// Store, used by nothing else.
    pub store: StoreId,
    /// Timer kind, used by nothing else.
    pub timer: u8,
    /// Length in milliseconds, at least 1.
    pub size_ms: Ts,
    /// How late a record may be, in milliseconds, at least 0.
    pub grace_ms: Ts,
}

/// A window that has ended with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slide {
    /// Ends right after the record's instant.
    pub window: Window,
    /// What it covers, by instant; the last one is that of the record.
    pub rows: Vec<(Ts, Vec<u8>)>,
}

impl Sliding {
    /// Adds a record: `fold` gets the value that its instant has so far. A record too late for its own window is
    /// declared late and changes nothing.
    ///
    /// # Errors
    /// The key has [`super::ROWS_MAX`] rows.
    pub fn add(&self, cx: &mut Cx<'_>, at: Ts, fold: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>) -> Result<(), Poison> {
        let ends = at + 1 + self.grace_ms;
        if ends <= cx.now() {
            cx.late();
            return Ok(());
        }
        let row = sub(ROW, at);
        let before = cx.get(self.store, &row);
        if before.is_none() {
            room(rows_at(cx, self.store, ROW).count())?;
            cx.set_timer(self.timer, &row, ends);
            cx.set_timer(self.timer, &sub(DROP, at), ends + self.size_ms);
        }
        cx.put(self.store, &row, fold(before));
        Ok(())
    }

    /// The window that this timer ends, if it ends one.
    pub fn close(&self, cx: &mut Cx<'_>, timer: &Timer) -> Option<Slide> {
        if timer.kind != self.timer {
            return None;
        }
        let (head, rest) = timer.sub.split_first()?;
        let (at, _) = super::instant(rest)?;
        if *head == DROP {
            cx.delete(self.store, &sub(ROW, at));
            return None;
        }
        let window = Window { start: at + 1 - self.size_ms, end: at + 1 };
        let covered = rows_at(cx, self.store, ROW).filter(|(at, _, _)| (window.start..window.end).contains(at));
        Some(Slide { window, rows: covered.map(|(at, _, value)| (at, value)).collect() })
    }
}

fn sub(head: u8, at: Ts) -> Vec<u8> {
    [&[head], &sortable(at)[..]].concat()
}
