//! Bugs to be planted between a shard and its bases: mistakes that a store beside a changelog can make.
//!
//!     shard ─► BuggyBases (one bug) ─► BuggyBase ─► base on the disk of the process
//!
//! Everything but the bug is handed on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use slipstream_streams::simulation::Planted;
use slipstream_streams::store::{Base, BaseName, Bases, Mark, Rows};

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseBug {
    /// Deleted rows stay.
    LoseDelete,
    /// The last row of a batch is not written, the mark says it is.
    LoseRow,
    /// A write that failed is not told.
    SilentFault,
    /// The tasks of all partitions share their rows.
    ForgetPartition,
    /// A row is remembered from the first time that it was read.
    StaleRead,
}

/// Plants it before the bases of every shard.
pub(crate) fn plant(bug: BaseBug) -> Planted {
    Planted { log: None, bases: Some(Rc::new(move |bases| Box::new(BuggyBases { bug, bases }))) }
}

struct BuggyBases {
    bug: BaseBug,
    bases: Box<dyn Bases>,
}

impl Bases for BuggyBases {
    fn open(&mut self, name: BaseName<'_>) -> Box<dyn Base> {
        let partition = if self.bug == BaseBug::ForgetPartition { 0 } else { name.partition };
        let base = self.bases.open(BaseName { partition, ..name });
        Box::new(BuggyBase { bug: self.bug, base, read: RefCell::default() })
    }

    fn discard(&mut self) {
        self.bases.discard();
    }

    fn rebuilt(&self) -> u64 {
        self.bases.rebuilt()
    }
}

struct BuggyBase {
    bug: BaseBug,
    base: Box<dyn Base>,
    /// What was read of each row, for [`BaseBug::StaleRead`].
    read: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Base for BuggyBase {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.bug {
            BaseBug::StaleRead => self.read.borrow_mut().entry(key.to_vec()).or_insert_with(|| self.base.get(key)).clone(),
            _ => self.base.get(key),
        }
    }

    fn scan<'a>(&'a self, prefix: &[u8]) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a> {
        self.base.scan(prefix)
    }

    fn apply(&mut self, mut rows: Rows, mark: Option<Mark>) {
        match self.bug {
            BaseBug::LoseDelete => rows.retain(|(_, value)| value.is_some()),
            BaseBug::LoseRow => drop(rows.pop()),
            _ => {}
        }
        self.base.apply(rows, mark);
    }

    fn rows(&self) -> usize {
        self.base.rows()
    }

    fn mark(&self) -> Option<Mark> {
        self.base.mark()
    }

    fn wipe(&mut self) {
        self.read.take();
        self.base.wipe();
    }

    fn fault(&self) -> Option<String> {
        self.base.fault().filter(|_| self.bug != BaseBug::SilentFault)
    }
}
