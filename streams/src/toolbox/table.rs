//! Keyed tables, and the fan-out from a changing many-to-one relation.
//!
//!     table:    change ─► row of the key        record ─► lookup (stream-table join: the row as of now)
//!     fan-out:  member's stage: Placements ─► who was joined and left ─► (repartition by group) ─► group's stage: Members
//!
//! At one instant a stage takes records in order of their rank: give the table's records the lower rank, and a record meets
//! the row of its own instant. Rows stay until they are deleted: their number is that of the keys alive.

use super::room;
use crate::codec::Poison;
use crate::processor::{Cx, StoreId};

/// The latest value of the current key.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Store, used by nothing else.
    pub store: StoreId,
}

impl Table {
    /// Takes a change: a value, or none for a deletion.
    pub fn set(&self, cx: &mut Cx<'_>, value: Option<&[u8]>) {
        match value {
            Some(value) => cx.put(self.store, b"", value.to_vec()),
            None => cx.delete(self.store, b""),
        }
    }

    /// The value as of now: what a record of the other stream is joined with.
    #[must_use]
    pub fn get(&self, cx: &Cx<'_>) -> Option<Vec<u8>> {
        cx.get(self.store, b"")
    }
}

/// Which groups the current key belongs to: kept where members are the keys.
#[derive(Debug, Clone, Copy)]
pub struct Placements {
    /// Store, used by nothing else.
    pub store: StoreId,
}

/// How a member's groups changed. To be told to each group: joined and stayed its present value, left that it is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Groups it was not in before.
    pub joined: Vec<String>,
    /// Groups it is still in.
    pub stayed: Vec<String>,
    /// Groups it is in no more.
    pub left: Vec<String>,
}

impl Placements {
    /// Puts the current key into exactly these groups; says what changed, in order of the names.
    ///
    /// # Errors
    /// More than [`super::ROWS_MAX`] groups.
    pub fn place(&self, cx: &mut Cx<'_>, groups: &[&str]) -> Result<Moves, Poison> {
        room(groups.len().saturating_sub(1))?;
        let mut moves = Moves::default();
        for (group, _) in cx.scan(self.store, b"") {
            let group = String::from_utf8_lossy(&group).into_owned();
            if !groups.contains(&group.as_str()) {
                cx.delete(self.store, group.as_bytes());
                moves.left.push(group);
            }
        }
        let mut groups = groups.to_vec();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let list = if cx.get(self.store, group.as_bytes()).is_some() { &mut moves.stayed } else { &mut moves.joined };
            list.push(group.to_owned());
            cx.put(self.store, group.as_bytes(), Vec::new());
        }
        Ok(moves)
    }
}

/// The members of the current key: kept where groups are the keys.
#[derive(Debug, Clone, Copy)]
pub struct Members {
    /// Store, used by nothing else.
    pub store: StoreId,
}

impl Members {
    /// Takes what a member says of itself: its value, or none when it is gone.
    ///
    /// # Errors
    /// The group has [`super::ROWS_MAX`] members.
    pub fn set(&self, cx: &mut Cx<'_>, member: &str, value: Option<&[u8]>) -> Result<(), Poison> {
        let Some(value) = value else {
            cx.delete(self.store, member.as_bytes());
            return Ok(());
        };
        if cx.get(self.store, member.as_bytes()).is_none() {
            room(self.all(cx).len())?;
        }
        cx.put(self.store, member.as_bytes(), value.to_vec());
        Ok(())
    }

    /// Every member with its value, in order of the names: whom something about the group reaches.
    #[must_use]
    pub fn all(&self, cx: &Cx<'_>) -> Vec<(String, Vec<u8>)> {
        let rows = cx.scan(self.store, b"").into_iter();
        rows.map(|(member, value)| (String::from_utf8_lossy(&member).into_owned(), value)).collect()
    }
}
