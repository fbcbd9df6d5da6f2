//! Windowed join of two streams of one key.
//!
//!     left  ─► kept; the right ones at hand within [at - before, at + after]
//!     right ─► kept; the left ones at hand, the same pairs        timer ─► one that found nobody, once
//!
//! Every pair of records that are not late is given exactly once, by the later of the two to come. Inner join: take the
//! pairs. Left, right or full outer join: take what [`Join::close`] gives of that side, too. Keeps each record until its last
//! possible partner can no longer come.

use super::{room, rows_at, sortable};
use crate::codec::Poison;
use crate::processor::{Cx, StoreId, Timer};
use crate::record::Ts;

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one whose windows these are.
    Left,
    /// The other.
    Right,
}

impl Side {
    fn head(self) -> u8 {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// A join of the current key: a right record belongs to a left one from `before_ms` before to `after_ms` after it.
#[derive(Debug, Clone, Copy)]
pub struct Join {
    /// Store, used by nothing else.
    pub store: StoreId,
    /// Timer kind, used by nothing else.
    pub timer: u8,
    /// Milliseconds, at least 0.
    pub before_ms: Ts,
    /// Milliseconds, at least 0.
    pub after_ms: Ts,
    /// How late a record may be, in milliseconds, at least 0.
    pub grace_ms: Ts,
}

/// A record that found no partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// Its stream.
    pub side: Side,
    /// Its instant.
    pub at: Ts,
    /// Its value.
    pub value: Vec<u8>,
}

impl Join {
    /// Adds the record at hand to a side; returns its partners so far, by instant. A record more than the grace behind
    /// is declared late and joins nothing.
    ///
    /// # Errors
    /// The key has [`super::ROWS_MAX`] rows on this side.
    pub fn add(&self, cx: &mut Cx<'_>, side: Side, at: Ts, value: &[u8]) -> Result<Vec<Vec<u8>>, Poison> {
        if at + self.grace_ms < cx.now() {
            cx.late();
            return Ok(Vec::new());
        }
        room(rows_at(cx, self.store, side.head()).count())?;
        let (from, to) = match side {
            Side::Left => (at - self.before_ms, at + self.after_ms),
            Side::Right => (at - self.after_ms, at + self.before_ms),
        };
        let partners = rows_at(cx, self.store, side.other().head()).filter(|(at, _, _)| (from..=to).contains(at));
        let mut found = Vec::new();
        for (_, row, mut partner) in partners {
            let Some(matched) = partner.first_mut() else { continue };
            *matched = 1;
            found.push(partner[1..].to_vec());
            cx.put(self.store, &row, partner);
        }
        let row = [&[side.head()], &sortable(at)[..], cx.cause().as_bytes()].concat();
        cx.set_timer(self.timer, &row, self.forgets(side, at));
        cx.put(self.store, &row, [&[u8::from(!found.is_empty())], value].concat());
        Ok(found)
    }

    /// Forgets the record of this timer; returns it if it found nobody.
    pub fn close(&self, cx: &mut Cx<'_>, timer: &Timer) -> Option<Unmatched> {
        if timer.kind != self.timer {
            return None;
        }
        let row = cx.get(self.store, &timer.sub)?;
        cx.delete(self.store, &timer.sub);
        let (head, rest) = timer.sub.split_first()?;
        let (at, _) = super::instant(rest)?;
        let side = if *head == Side::Left.head() { Side::Left } else { Side::Right };
        let (matched, value) = row.split_first()?;
        (*matched == 0).then(|| Unmatched { side, at, value: value.to_vec() })
    }

    /// When its last possible partner is late.
    fn forgets(&self, side: Side, at: Ts) -> Ts {
        let reach = if side == Side::Left { self.after_ms } else { self.before_ms };
        at + reach + self.grace_ms + 1
    }
}
