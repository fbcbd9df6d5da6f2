//! The local disk of a simulated process: bases that outlive it, and that fail now and then.
//!
//! A write that fails is lost and the base says so, as on a full disk. Kept for one identity; a second process of the
//! same identity has another machine, and so another disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::{Base, BaseName, Bases, Mark, Memory, Rows};

/// What is on the disk.
#[derive(Default)]
struct Content {
    bases: BTreeMap<String, (Memory, Option<Mark>)>,
    writes: u64,
    rebuilt: u64,
}

/// A disk of which every so many-th write fails.
#[derive(Clone)]
pub(super) struct Disk {
    content: Arc<Mutex<Content>>,
    fails_every: u64,
}

impl Disk {
    pub(super) fn new(fails_every: u64) -> Self {
        Self { content: Arc::default(), fails_every }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bases for Disk {
    fn open(&mut self, name: BaseName<'_>) -> Box<dyn Base> {
        let name = format!("{}/{}/{}", name.stage, name.store, name.partition);
        self.content().bases.entry(name.clone()).or_default();
        Box::new(Kept { disk: self.clone(), name, fault: None })
    }

    fn discard(&mut self) {
        let mut content = self.content();
        content.bases.clear();
        content.rebuilt += 1;
    }

    fn rebuilt(&self) -> u64 {
        self.content().rebuilt
    }
}

struct Kept {
    disk: Disk,
    name: String,
    fault: Option<String>,
}

impl Kept {
    fn with<T>(&self, look: impl FnOnce(&mut (Memory, Option<Mark>)) -> T) -> T {
        look(self.disk.content().bases.entry(self.name.clone()).or_default())
    }
}

impl Base for Kept {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|(rows, _)| rows.get(key))
    }

    fn scan<'a>(&'a self, prefix: &[u8]) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a> {
        let rows: Vec<_> = self.with(|(rows, _)| rows.scan(prefix).collect());
        Box::new(rows.into_iter())
    }

    fn apply(&mut self, rows: Rows, mark: Option<Mark>) {
        let mut content = self.disk.content();
        content.writes += 1;
        if content.writes.is_multiple_of(self.disk.fails_every) {
            self.fault = Some("no space left".to_owned());
            return;
        }
        drop(content);
        self.with(|(memory, at)| {
            memory.apply(rows, None);
            *at = mark;
        });
    }

    fn rows(&self) -> usize {
        self.with(|(rows, _)| rows.rows())
    }

    fn mark(&self) -> Option<Mark> {
        self.with(|(_, mark)| *mark)
    }

    fn wipe(&mut self) {
        self.with(std::mem::take);
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }
}
