//! Sessions: bursts of records of a key that end with a silence.
//!
//!     add(at) ─► merged with every open session within the gap        timer at end + gap + grace ─► final
//!
//! Keeps one row for each open session. A record between two sessions makes them one.

use super::{Window, instant, room, sortable};
use crate::codec::Poison;
use crate::processor::{Cx, StoreId, Timer};
use crate::record::Ts;

/// Sessions of the current key.
#[derive(Debug, Clone, Copy)]
pub struct Sessions {
    /// Store, used by nothing else.
    pub store: StoreId,
    /// Timer kind, used by nothing else.
    pub timer: u8,
    /// Longest silence within a session, in milliseconds, at least 0.
    pub gap_ms: Ts,
    /// How late a record may be, in milliseconds, at least 0.
    pub grace_ms: Ts,
}

/// A session: its first to right after its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// From the first record to right after the last.
    pub window: Window,
    /// Its value.
    pub value: Vec<u8>,
}

impl Sessions {
    /// Adds a record of this value; `merge` joins the values of what becomes one session, earliest first. A record
    /// whose session would be closed already is declared late and changes nothing.
    ///
    /// # Errors
    /// The key has [`super::ROWS_MAX`] open sessions.
    pub fn add(
        &self,
        cx: &mut Cx<'_>,
        at: Ts,
        value: Vec<u8>,
        merge: impl Fn(Vec<u8>, Vec<u8>) -> Vec<u8>,
    ) -> Result<(), Poison> {
        let open = self.open(cx);
        let touches = |s: &Session| s.window.start <= at + self.gap_ms && at < s.window.end + self.gap_ms;
        let mut parts: Vec<Session> = open.iter().filter(|s| touches(s)).cloned().collect();
        let alone = Session { window: Window { start: at, end: at + 1 }, value };
        if parts.is_empty() && self.closes(&alone) <= cx.now() {
            cx.late();
            return Ok(());
        }
        room(open.len() - parts.len())?;
        parts.iter().for_each(|part| self.forget(cx, part));
        parts.push(alone);
        parts.sort_by_key(|part| part.window);
        let joined = parts.into_iter().reduce(|a, b| Session {
            window: Window { start: a.window.start, end: a.window.end.max(b.window.end) },
            value: merge(a.value, b.value),
        });
        joined.into_iter().for_each(|session| self.keep(cx, session));
        Ok(())
    }

    /// The session that this timer ends; none when the timer is another's.
    pub fn close(&self, cx: &mut Cx<'_>, timer: &Timer) -> Option<Session> {
        if timer.kind != self.timer {
            return None;
        }
        let session = read(&timer.sub, &cx.get(self.store, &timer.sub)?)?;
        cx.delete(self.store, &timer.sub);
        Some(session)
    }

    /// The open sessions of the current key, earliest first: not final. One whose end has come counts as closed even if its
    /// timer is still to fire, so that all ways of running agree.
    #[must_use]
    pub fn open(&self, cx: &Cx<'_>) -> Vec<Session> {
        let all = cx.scan(self.store, b"");
        all.iter().filter_map(|(row, value)| read(row, value)).filter(|session| self.closes(session) > cx.now()).collect()
    }

    fn closes(&self, session: &Session) -> Ts {
        session.window.end + self.gap_ms + self.grace_ms
    }

    fn keep(&self, cx: &mut Cx<'_>, session: Session) {
        let row = sortable(session.window.start);
        cx.set_timer(self.timer, &row, self.closes(&session));
        cx.put(self.store, &row, [&sortable(session.window.end), session.value.as_slice()].concat());
    }

    fn forget(&self, cx: &mut Cx<'_>, session: &Session) {
        let row = sortable(session.window.start);
        cx.cancel_timer(self.timer, &row);
        cx.delete(self.store, &row);
    }
}

fn read(row: &[u8], value: &[u8]) -> Option<Session> {
    let (start, _) = instant(row)?;
    let (end, value) = instant(value)?;
    Some(Session { window: Window { start, end }, value: value.to_vec() })
}
