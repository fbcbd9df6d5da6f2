//! Rows of a store: found by hash, and in key order once somebody asks for that.
//!
//!     get, set ─► hash table        scan ─► an index in key order, made at the first scan and kept from there on
//!
//! Most stores are only ever asked for single rows, and then key order would be most of a record's cost. Uncommitted rows
//! ([`Overlay`]) stand in the order in which they were first written, which is the same in every run: so they are sent.
//! Committed rows ([`Memory`]) are the base that lives and dies with its process. The hash is keyed at random, so that no
//! choice of keys makes it slow.

use std::cell::OnceCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, btree_set};
use std::ops::Bound;
use std::sync::Arc;

use crate::store::{Base, BaseName, Bases, Mark};

/// A row key.
pub type Key = Arc<[u8]>;
/// A row's value; `None` deletes.
pub(crate) type Row = Option<Box<[u8]>>;
/// Rows to be written, each key once; `None` deletes.
pub type Rows = Vec<(Key, Row)>;

/// Keys in order; none are kept before the first scan.
#[derive(Debug, Default)]
struct Order(OnceCell<BTreeSet<Key>>);

impl Order {
    fn add(&mut self, key: &Key) {
        if let Some(keys) = self.0.get_mut() {
            keys.insert(Arc::clone(key));
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(keys) = self.0.get_mut() {
            keys.remove(key);
        }
    }

    /// The keys from `prefix` on, those of `rows`.
    fn from<'a, V>(&'a self, prefix: &[u8], rows: &HashMap<Key, V>) -> btree_set::Range<'a, Key> {
        let keys = self.0.get_or_init(|| rows.keys().cloned().collect());
        keys.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
    }
}

/// Uncommitted rows of one store.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    /// Of each key, its place in `rows`.
    places: HashMap<Key, usize>,
    rows: Rows,
    order: Order,
}

impl Overlay {
    /// A row, if it was written.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Row> {
        self.places.get(key).map(|place| &self.rows[*place].1)
    }

    /// Writes a row; its place, and what was there.
    pub(crate) fn set(&mut self, key: &[u8], row: Row) -> (usize, Option<Row>) {
        match self.places.get(key) {
            Some(&place) => (place, Some(std::mem::replace(&mut self.rows[place].1, row))),
            None => (self.add(key.into(), row), None),
        }
    }

    fn add(&mut self, key: Key, row: Row) -> usize {
        let place = self.rows.len();
        self.order.add(&key);
        self.places.insert(Arc::clone(&key), place);
        self.rows.push((key, row));
        place
    }

    /// Takes back the last of the writes that are not yet taken back.
    pub(crate) fn undo(&mut self, place: usize, before: Option<Row>) {
        if let Some(row) = before {
            self.rows[place].1 = row;
        } else if let Some((key, _)) = self.rows.pop() {
            self.places.remove(&key);
            self.order.remove(&key);
        }
    }

    /// The rows whose key starts with `prefix`, in key order.
    pub(crate) fn scan<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a Key, &'a Row)> {
        let keys = self.order.from(prefix, &self.places).take_while(move |key| key.starts_with(prefix));
        keys.filter_map(move |key| Some((key, self.get(key)?)))
    }

    /// Every row, in the order in which they were first written.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Takes every row out.
    pub(crate) fn take(&mut self) -> Rows {
        self.places.clear();
        self.order = Order::default();
        std::mem::take(&mut self.rows)
    }
}

/// A base in memory: the small default. Gone with its process.
#[derive(Debug, Default)]
pub struct Memory {
    rows: HashMap<Key, Box<[u8]>>,
    order: Order,
}

impl Base for Memory {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key).map(|value| value.to_vec())
    }

    fn scan<'a>(&'a self, prefix: &[u8]) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a> {
        let start = prefix.to_vec();
        let keys = self.order.from(prefix, &self.rows).take_while(move |key| key.starts_with(&start));
        Box::new(keys.filter_map(move |key| Some((key.to_vec(), self.rows.get(key)?.to_vec()))))
    }

    fn apply(&mut self, rows: Rows, _mark: Option<Mark>) {
        for (key, value) in rows {
            match (value, self.rows.entry(key)) {
                (Some(value), Entry::Occupied(mut row)) => drop(row.insert(value)),
                (Some(value), Entry::Vacant(row)) => {
                    self.order.add(row.key());
                    row.insert(value);
                }
                (None, Entry::Occupied(row)) => self.order.remove(&row.remove_entry().0),
                (None, Entry::Vacant(_)) => {}
            }
        }
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn wipe(&mut self) {
        *self = Self::default();
    }
}

/// Bases in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct InMemory;

impl Bases for InMemory {
    fn open(&mut self, _name: BaseName<'_>) -> Box<dyn Base> {
        Box::new(Memory::default())
    }

    fn discard(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn value(byte: u8) -> Row {
        (byte > 60).then(|| Box::from([byte]))
    }

    /// What a program may do with a store, by first byte: write, undo all since the last mark, mark, scan, commit.
    fn step() -> impl Strategy<Value = (u8, Vec<u8>, u8)> {
        (0_u8..12, proptest::collection::vec(0_u8..3, 0..4), any::<u8>())
    }

    proptest! {
        /// Against ordered maps, whatever is written, taken back, looked through and committed.
        #[test]
        fn rows_are_those_of_an_ordered_map(steps in proptest::collection::vec(step(), 0..60)) {
            let (mut overlay, mut base) = (Overlay::default(), Memory::default());
            let (mut over, mut under) = (BTreeMap::new(), BTreeMap::new());
            let (mut undo, mut kept) = (Vec::new(), BTreeMap::new());
            for (what, key, byte) in steps {
                match what {
                    0..6 => {
                        undo.push(overlay.set(&key, value(byte)));
                        over.insert(key, value(byte));
                    }
                    6 => {
                        undo.drain(..).rev().for_each(|(place, before)| overlay.undo(place, before));
                        over = kept.clone();
                    }
                    7 => {
                        undo.clear();
                        kept = over.clone();
                    }
                    8..11 => {
                        let found: Vec<_> = overlay.scan(&key).map(|(k, row)| (k.to_vec(), row.clone())).collect();
                        let wanted = over.iter().filter(|(k, _)| k.starts_with(&key));
                        prop_assert_eq!(found, wanted.map(|(k, row)| (k.clone(), row.clone())).collect::<Vec<_>>());
                        let wanted = under.iter().filter(|(k, _): &(&Vec<u8>, &Vec<u8>)| k.starts_with(&key));
                        let wanted: Vec<_> = wanted.map(|(k, row)| (k.clone(), row.clone())).collect();
                        prop_assert_eq!(base.scan(&key).collect::<Vec<_>>(), wanted);
                    }
                    _ => {
                        base.apply(overlay.take(), None);
                        for (key, row) in std::mem::take(&mut over) {
                            match row {
                                Some(row) => under.insert(key, row.to_vec()),
                                None => under.remove(&key),
                            };
                        }
                        undo.clear();
                        kept.clear();
                    }
                }
                prop_assert_eq!(overlay.rows().len(), over.len());
                prop_assert!(over.iter().all(|(k, row)| overlay.get(k) == Some(row)));
                prop_assert_eq!(base.rows(), under.len());
                prop_assert!(under.iter().all(|(k, row)| base.get(k).as_ref() == Some(row)));
            }
        }
    }

    #[test]
    fn rows_stand_in_the_order_of_their_first_write() {
        let mut overlay = Overlay::default();
        for (key, byte) in [("b", 91), ("a", 92), ("c", 93), ("b", 95)] {
            overlay.set(key.as_bytes(), value(byte));
        }
        let rows: Vec<_> = overlay.take().into_iter().map(|(key, row)| (key[0], row.map(|row| row[0]))).collect();
        assert_eq!(rows, [(b'b', Some(95)), (b'a', Some(92)), (b'c', Some(93))]);
    }
}
