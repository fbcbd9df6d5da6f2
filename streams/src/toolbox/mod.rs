//! What a stage is built from, beside plain rows and timers: windows, sessions, joins, fan-out.
//!
//!     record ─► update | add ─► rows of the key, a timer for the end        timer ─► close ─► one final result
//!
//! Each tool is plain data (which store, which timer kind, which lengths) and works on the [`Cx`] of the record at
//! hand, so it sees one key, is undone with a poisoned record, and gives the same results in the reference schedule and on a
//! cluster in event-time order. In arrival order it gives the same kind of results over what came in time.
//!
//! A result is final: it is given once, when the line has passed the end and the grace (never when a maximum was seen),
//! and its rows are then deleted, in the changelog too. A record for something that is closed is declared late: counted,
//! and copied to the side output. A tool with its own store and its own timer kind does not disturb its neighbours.
//!
//! | module | tools |
//! |---|---|
//! | [`window`] | tumbling and hopping windows |
//! | [`sliding`] | a window that ends at each record |
//! | [`session`] | bursts that end with a silence |
//! | [`table`] | keyed tables, stream-table join, many-to-one fan-out |
//! | [`join`] | windowed join of two streams |

pub mod join;
pub mod session;
pub mod sliding;
pub mod table;
pub mod window;

use crate::codec::Poison;
use crate::processor::{Cx, StoreId};
use crate::record::Ts;

/// Most rows that one key may keep in one tool: a record beyond is refused.
pub const ROWS_MAX: usize = 10_000;

/// Event time from `start` to just before `end`, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// First instant.
    pub start: Ts,
    /// First instant after it.
    pub end: Ts,
}

/// Eight bytes that sort as the instant does.
fn sortable(at: Ts) -> [u8; 8] {
    (at ^ Ts::MIN).to_be_bytes()
}

/// The instant at the head of `bytes`, and what follows it.
fn instant(bytes: &[u8]) -> Option<(Ts, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((Ts::from_be_bytes(*head) ^ Ts::MIN, rest))
}

/// Refuses one more row when a key has too many.
fn room(rows: usize) -> Result<(), Poison> {
    if rows < ROWS_MAX { Ok(()) } else { Err(Poison::resource("too many rows", format_args!("a key keeps at most {ROWS_MAX}"))) }
}

/// Rows of the current key under a one-byte head, each at an instant.
fn rows_at(cx: &Cx<'_>, store: StoreId, head: u8) -> impl Iterator<Item = (Ts, Vec<u8>, Vec<u8>)> + use<> {
    let rows = cx.scan(store, &[head]);
    rows.into_iter().filter_map(|(sub, value)| instant(&sub[1..]).map(|(at, _)| at).map(|at| (at, sub, value)))
}
