//! What a stage is written against: a [`Processor`] and the [`Cx`] that is all it may touch.
//!
//! Synchronous and pure: time and identity come in with the input. State is scoped to the key of the
//! record at hand, so a stage cannot see across keys and its output cannot depend on the partitioning.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::codec::Envelope;
pub use crate::codec::Poison;
use crate::record::{Event, Record, Topic, Ts, derive_id};
use crate::store::State;

/// Most records that one input may cause.
pub const OUTPUTS_MAX: usize = 200_000;
/// Longest body that a stage may write: below the least limit of a topic, 1 MiB, with room for key and headers.
pub const OUTPUT_BYTES_MAX: usize = (1 << 20) - (1 << 16);

/// A stage's logic. The same input in the same order gives the same output bytes.
pub trait Processor: Send {
    /// Takes one record.
    ///
    /// # Errors
    /// [`Poison`]: the record becomes a dead letter, its effects so far are undone, the task goes on.
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison>;

    /// Takes one due timer.
    ///
    /// # Errors
    /// As for [`Processor::process`]; the timer is spent either way.
    fn on_timer(&mut self, _cx: &mut Cx<'_>, _timer: &Timer) -> Result<(), Poison> {
        Ok(())
    }
}

/// A timer of the current key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it is due.
    pub due: Ts,
    /// The key that set it.
    pub key: Box<str>,
    /// What it is for; the stage's own numbering.
    pub kind: u8,
    /// What of the key it concerns, such as a leg; may be empty.
    pub sub: Box<[u8]>,
}

/// A store, by its place in the stage's list.
pub type StoreId = usize;

/// Everything a processor may touch while it handles one record or timer.
pub struct Cx<'a> {
    pub(crate) stage: &'a str,
    pub(crate) source: &'a Arc<str>,
    pub(crate) key: &'a str,
    pub(crate) now: Ts,
    pub(crate) cause: Uuid,
    pub(crate) correlation: Uuid,
    pub(crate) organisation: Option<Arc<str>>,
    pub(crate) state: &'a mut State,
    pub(crate) out: &'a mut Vec<Record>,
    pub(crate) first_out: usize,
    pub(crate) ordinals: Ordinals,
    pub(crate) envelope: Envelope,
    pub(crate) late: bool,
    pub(crate) repeated: bool,
    pub(crate) refused: Vec<(Record, Poison)>,
}

/// Outputs of a step that are looked through one by one for an ordinal; beyond that they are counted.
const ORDINALS_SCANNED: usize = 16;

/// How many outputs of a step have one topic and key; made only for steps with many outputs.
#[derive(Default)]
pub(crate) struct Ordinals {
    /// Of the first output with a topic and key; 0 but for the dead letters of redeliveries.
    first: usize,
    counted: usize,
    counts: BTreeMap<Topic, BTreeMap<Box<str>, usize>>,
}

impl Ordinals {
    /// Ordinals that begin there.
    pub(crate) fn from(first: usize) -> Self {
        Self { first, ..Self::default() }
    }

    /// How many of `step` have this topic and key; `step` only grows from call to call.
    fn of(&mut self, step: &[Record], topic: Topic, key: &str) -> usize {
        if step.len() <= ORDINALS_SCANNED {
            return self.first + step.iter().filter(|r| r.topic == topic && *r.key == *key).count();
        }
        for record in &step[self.counted..] {
            *self.counts.entry(record.topic).or_default().entry(record.key.clone()).or_default() += 1;
        }
        self.counted = step.len();
        self.first + self.counts.get(topic).and_then(|keys| keys.get(key)).copied().unwrap_or_default()
    }
}

impl Cx<'_> {
    /// The current instant: of the record, or of the timer, never behind an earlier one of the key.
    #[must_use]
    pub fn now(&self) -> Ts {
        self.now
    }

    /// Key of the record or timer at hand.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key
    }

    /// Id of the record or timer at hand.
    #[must_use]
    pub fn cause(&self) -> Uuid {
        self.cause
    }

    /// Sets the tenant of what is emitted from here on.
    pub fn set_organisation(&mut self, organisation: &str) {
        self.organisation = Some(organisation.into());
    }

    /// Writes a record, stamped with the current instant; returns its id. Without an envelope, that is its cause's.
    pub fn emit(&mut self, topic: Topic, key: &str, rank: u16, body: Option<Vec<u8>>) -> Uuid {
        let id = match self.envelope {
            Envelope::CloudEvents => self.output_id(topic, key),
            Envelope::None => self.cause,
        };
        self.out.push(Record {
            topic,
            partition: -1,
            offset: -1,
            timestamp: self.now,
            key: key.into(),
            rank,
            event: Event {
                id,
                source: Arc::clone(self.source),
                correlation: self.correlation,
                causation: Some(self.cause),
                organisation: self.organisation.clone(),
            },
            body: body.map(Vec::into_boxed_slice),
        });
        id
    }

    fn output_id(&mut self, topic: Topic, key: &str) -> Uuid {
        let ordinal = self.ordinals.of(&self.out[self.first_out..], topic, key).to_string();
        let parts = [self.stage.as_bytes(), topic.as_bytes(), key.as_bytes(), self.cause.as_bytes(), ordinal.as_bytes()];
        derive_id(&parts)
    }

    /// A row of the current key.
    #[must_use]
    pub fn get(&self, store: StoreId, sub: &[u8]) -> Option<Vec<u8>> {
        with_row(self.key, sub, |row| self.state.get(store, row))
    }

    /// Writes a row of the current key.
    pub fn put(&mut self, store: StoreId, sub: &[u8], value: Vec<u8>) {
        with_row(self.key, sub, |row| self.state.set(store, row, Some(value.into_boxed_slice())));
    }

    /// Deletes a row of the current key.
    pub fn delete(&mut self, store: StoreId, sub: &[u8]) {
        with_row(self.key, sub, |row| self.state.set(store, row, None));
    }

    /// The current key's rows whose sub-key starts with `prefix`, in order: (sub-key, value).
    #[must_use]
    pub fn scan(&self, store: StoreId, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let head = self.key.len() + 1;
        let rows = with_row(self.key, prefix, |row| self.state.scan(store, row));
        rows.into_iter().map(|(k, v)| (k[head..].to_vec(), v)).collect()
    }

    /// Sets the timer (`kind`, `sub`) of the current key, replacing an earlier one; a past instant means now.
    pub fn set_timer(&mut self, kind: u8, sub: &[u8], due: Ts) {
        self.state.set_timer(Timer { due: due.max(self.now), key: self.key.into(), kind, sub: sub.into() });
    }

    /// Takes back a timer of the current key, if set.
    pub fn cancel_timer(&mut self, kind: u8, sub: &[u8]) {
        self.state.cancel_timer(self.key, kind, sub);
    }

    /// Passes on a record that was only held or moved to another key: under the id it came with, so that it stays one record.
    /// Each id may go to a topic and key once.
    pub fn pass_on(&mut self, topic: Topic, key: &str, rank: u16, body: Vec<u8>, id: Uuid) {
        self.emit(topic, key, rank, Some(body));
        if let Some(record) = self.out.last_mut() {
            record.event.id = id;
        }
    }

    /// Refuses a record that this stage has held; it becomes a dead letter like one that is refused when it comes.
    pub fn refuse(&mut self, record: Record, poison: Poison) {
        self.refused.push((record, poison));
    }

    /// Declares the record at hand late: it is counted and copied to the side output.
    pub fn late(&mut self) {
        self.late = true;
    }

    /// Declares that the record at hand said nothing new: it is counted.
    pub fn repeated(&mut self) {
        self.repeated = true;
    }
}

/// Longest row key that needs no memory of its own.
const ROW_ON_STACK: usize = 96;

/// Hands over the key of a row: the record's key, NUL, the sub-key.
fn with_row<T>(key: &str, sub: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [0; ROW_ON_STACK];
    match short.get_mut(..key.len() + 1 + sub.len()) {
        Some(row) => {
            row[..key.len()].copy_from_slice(key.as_bytes());
            row[key.len() + 1..].copy_from_slice(sub);
            take(row)
        }
        None => take(&[key.as_bytes(), &[0], sub].concat()),
    }
}
