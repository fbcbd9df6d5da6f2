//! State: an overlay of uncommitted writes over a base of committed ones.
//!
//!     write ─► overlay ─(to the changelog, transaction commits)─► base
//!
//! The base is never ahead of Kafka: an abort drops the overlay and leaves the base alone. Within one
//! record, writes are also undone one by one when the record turns out to be poison. A base that outlives its
//! process notes how far into the changelog it goes ([`Mark`]); it is a copy, and may be thrown away at any time.

use std::collections::BTreeMap;

use crate::processor::{StoreId, Timer};
use crate::record::Ts;
use crate::rows::Overlay;
pub(crate) use crate::rows::Row;
pub use crate::rows::{InMemory, Key, Memory, Rows};

/// The last row of a changelog that a base holds: where to read on, and whether it is still the same changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Offset of the row.
    pub row: i64,
    /// [`checksum`] of the row. A topic that was made anew holds another row there, or none.
    pub check: u64,
}

/// Committed rows of one store.
pub trait Base: Send {
    /// One row.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// Rows whose key starts with `prefix`, in key order.
    fn scan<'a>(&'a self, prefix: &[u8]) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a>;
    /// Applies committed rows, the last of which is `mark`; without it the base does not know where it stands.
    fn apply(&mut self, rows: Rows, mark: Option<Mark>);
    /// Rows held.
    fn rows(&self) -> usize;
    /// How far it goes; none for a base that is empty or does not outlive its process.
    fn mark(&self) -> Option<Mark> {
        None
    }
    /// Forgets every row and its mark.
    fn wipe(&mut self);
    /// Why nothing that it said since the last commit can be believed.
    fn fault(&self) -> Option<String> {
        None
    }
}

/// Which base: of one store of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseName<'a> {
    /// Stage.
    pub stage: &'a str,
    /// Store.
    pub store: &'a str,
    /// Input partition of the task.
    pub partition: i32,
}

/// Where the bases of one shard come from.
pub trait Bases: Send {
    /// A base, with the rows of an earlier process where these can be trusted.
    fn open(&mut self, name: BaseName<'_>) -> Box<dyn Base>;
    /// Throws away everything kept, because of a fault. Every base handed out is gone before.
    fn discard(&mut self);
    /// Times that kept rows were thrown away.
    fn rebuilt(&self) -> u64 {
        0
    }
}

/// 64-bit checksum of a row (FNV-1a with a final mix): finds damage and mix-ups, not intent.
#[must_use]
pub fn checksum(key: &[u8], value: Option<&[u8]>) -> u64 {
    let length = (key.len() as u64).to_le_bytes();
    let value = value.into_iter().flat_map(|value| [1].iter().chain(value));
    let bytes = length.iter().chain(key).chain(value);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// One store of a task.
pub struct Store {
    overlay: Overlay,
    base: Box<dyn Base>,
}

impl Store {
    /// An empty overlay over `base`.
    #[must_use]
    pub fn new(base: Box<dyn Base>) -> Self {
        Self { overlay: Overlay::default(), base }
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.overlay.get(key) {
            Some(value) => value.as_deref().map(<[u8]>::to_vec),
            None => self.base.get(key),
        }
    }

    /// Base and overlay merged, in key order.
    fn scan<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a {
        let mut base = self.base.scan(prefix).peekable();
        let mut over = self.overlay.scan(prefix).peekable();
        std::iter::from_fn(move || {
            loop {
                let from_overlay = match (base.peek(), over.peek()) {
                    (_, None) => return base.next(),
                    (None, Some(_)) => true,
                    (Some((b, _)), Some((o, _))) => {
                        if **b == ***o {
                            base.next();
                        }
                        base.peek().is_none_or(|(b, _)| b.as_slice() > &***o)
                    }
                };
                if !from_overlay {
                    return base.next();
                }
                let (key, value) = over.next()?;
                if let Some(value) = value {
                    return Some((key.to_vec(), value.to_vec()));
                }
            }
        })
    }
}

/// The stores of one task, the timers among them, with the undo log of the record at hand.
pub struct State {
    stores: Vec<Store>,
    /// Of each write of the record at hand: store, place in its overlay, what was there.
    undo: Vec<(StoreId, usize, Option<Row>)>,
    next_due: NextDue,
}

/// The earliest timer: looked up when asked after a change, then remembered.
enum NextDue {
    Unknown,
    Known(Option<Ts>),
}

impl State {
    /// One store for each base; the last holds the timers.
    #[must_use]
    pub fn new(bases: Vec<Box<dyn Base>>) -> Self {
        Self { stores: bases.into_iter().map(Store::new).collect(), undo: Vec::new(), next_due: NextDue::Unknown }
    }

    fn timers(&self) -> StoreId {
        self.stores.len() - 1
    }

    pub(crate) fn get(&self, store: StoreId, key: &[u8]) -> Option<Vec<u8>> {
        self.stores[store].get(key)
    }

    pub(crate) fn set(&mut self, store: StoreId, key: &[u8], value: Row) {
        let (place, before) = self.stores[store].overlay.set(key, value);
        self.undo.push((store, place, before));
    }

    pub(crate) fn scan(&self, store: StoreId, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.stores[store].scan(prefix).collect()
    }

    /// Forgets how to undo: the record at hand is done.
    pub(crate) fn keep_step(&mut self) {
        self.undo.clear();
    }

    /// Undoes every write since the last [`State::keep_step`].
    pub(crate) fn undo_step(&mut self) {
        while let Some((store, place, before)) = self.undo.pop() {
            self.stores[store].overlay.undo(place, before);
        }
        self.next_due = NextDue::Unknown;
    }

    pub(crate) fn set_timer(&mut self, timer: Timer) {
        self.cancel_timer(&timer.key, timer.kind, &timer.sub);
        let store = self.timers();
        let by_key = timer_by_key(&timer.key, timer.kind, &timer.sub);
        self.set(store, &by_key, Some(timer.due.to_be_bytes().into()));
        self.set(store, &timer_by_due(timer.due, &timer.key, timer.kind, &timer.sub), Some(Box::default()));
        match self.next_due {
            NextDue::Known(Some(due)) if due <= timer.due => {}
            NextDue::Known(_) => self.next_due = NextDue::Known(Some(timer.due)),
            NextDue::Unknown => {}
        }
    }

    pub(crate) fn cancel_timer(&mut self, key: &str, kind: u8, sub: &[u8]) {
        let store = self.timers();
        let by_key = timer_by_key(key, kind, sub);
        let Some(due) = self.get(store, &by_key).and_then(|due| <[u8; 8]>::try_from(due).ok()) else {
            return;
        };
        let due = Ts::from_be_bytes(due);
        self.set(store, &by_key, None);
        self.set(store, &timer_by_due(due, key, kind, sub), None);
        if matches!(self.next_due, NextDue::Known(Some(next)) if next >= due) {
            self.next_due = NextDue::Unknown;
        }
    }

    /// When the earliest timer is due.
    pub fn next_due(&mut self) -> Option<Ts> {
        if let NextDue::Known(due) = self.next_due {
            return due;
        }
        let due = self.stores[self.timers()].scan(b"d").next().and_then(|(row, _)| read_timer(&row)).map(|t| t.due);
        self.next_due = NextDue::Known(due);
        due
    }

    /// Removes a timer that fires. Rows that a damaged changelog left alone go, too: else it would fire for ever.
    pub(crate) fn take_timer(&mut self, timer: &Timer) {
        let store = self.timers();
        let by_key = timer_by_key(&timer.key, timer.kind, &timer.sub);
        if self.get(store, &by_key).as_deref() == Some(&timer.due.to_be_bytes()[..]) {
            self.cancel_timer(&timer.key, timer.kind, &timer.sub);
        } else {
            self.set(store, &timer_by_due(timer.due, &timer.key, timer.kind, &timer.sub), None);
            self.next_due = NextDue::Unknown;
        }
    }

    /// The timers due at or before `instant`, in order of (due, key, kind), at most `limit`.
    pub(crate) fn due(&self, instant: Ts, limit: usize) -> Vec<Timer> {
        let timers = self.stores[self.timers()].scan(b"d");
        let timers = timers.filter_map(|(row, _)| read_timer(&row));
        timers.take_while(|timer| timer.due <= instant).take(limit).collect()
    }

    /// Uncommitted rows, in the order in which they were first written.
    pub fn dirty(&self) -> impl Iterator<Item = (StoreId, &Rows)> {
        self.stores.iter().map(|store| store.overlay.rows()).enumerate().filter(|(_, rows)| !rows.is_empty())
    }

    /// The transaction committed: overlays go to the bases.
    pub fn commit(&mut self) {
        self.commit_at(&BTreeMap::new());
    }

    /// The transaction committed: overlays go to the bases; of each store's changelog, where its last row lies.
    pub fn commit_at(&mut self, last: &BTreeMap<StoreId, i64>) {
        for (id, store) in self.stores.iter_mut().enumerate().filter(|(_, store)| !store.overlay.rows().is_empty()) {
            let rows = store.overlay.take();
            // Rows are sent in the order of the overlay: its last one is the changelog's last.
            let check = rows.last().map_or(0, |(key, value)| checksum(key, value.as_deref()));
            store.base.apply(rows, last.get(&id).map(|row| Mark { row: *row, check }));
        }
    }

    /// The transaction was aborted: overlays are dropped.
    pub fn abort(&mut self) {
        self.stores.iter_mut().for_each(|store| drop(store.overlay.take()));
        self.undo.clear();
        self.next_due = NextDue::Unknown;
    }

    /// Applies rows that are already committed, as restore does.
    pub fn restore(&mut self, store: StoreId, rows: Rows, mark: Option<Mark>) {
        self.stores[store].base.apply(rows, mark);
        self.next_due = NextDue::Unknown;
    }

    /// Forgets a store's committed rows.
    pub fn wipe(&mut self, store: StoreId) {
        self.stores[store].base.wipe();
        self.next_due = NextDue::Unknown;
    }

    /// Why nothing since the last commit can be believed: a base is broken.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.stores.iter().find_map(|store| store.base.fault())
    }

    /// Committed rows of a key, at most `limit`: (sub-key, value).
    #[cfg(feature = "kafka")]
    pub(crate) fn committed(&self, store: StoreId, key: &str, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        let prefix = [key.as_bytes(), &[0]].concat();
        let rows = self.stores[store].base.scan(&prefix).take(limit);
        rows.map(|(row, value)| (row[prefix.len()..].to_vec(), value)).collect()
    }

    /// Rows committed in all stores.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.stores.iter().map(|store| store.base.rows()).sum()
    }
}

/// `d` + due, order-preserving + key + NUL + kind + sub.
fn timer_by_due(due: Ts, key: &str, kind: u8, sub: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(11 + key.len() + sub.len());
    row.push(b'd');
    row.extend_from_slice(&(due ^ Ts::MIN).to_be_bytes());
    row.extend_from_slice(&timer_by_key(key, kind, sub)[1..]);
    row
}

/// `k` + key + NUL + kind + sub.
fn timer_by_key(key: &str, kind: u8, sub: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(3 + key.len() + sub.len());
    row.push(b'k');
    row.extend_from_slice(key.as_bytes());
    row.extend_from_slice(&[0, kind]);
    row.extend_from_slice(sub);
    row
}

fn read_timer(row: &[u8]) -> Option<Timer> {
    let due = <[u8; 8]>::try_from(row.get(1..9)?).ok()?;
    let rest = &row[9..];
    let end = rest.iter().position(|b| *b == 0)?;
    let (kind, sub) = rest[end + 1..].split_first()?;
    Some(Timer {
        due: Ts::from_be_bytes(due) ^ Ts::MIN,
        key: std::str::from_utf8(&rest[..end]).ok()?.into(),
        kind: *kind,
        sub: sub.into(),
    })
}
