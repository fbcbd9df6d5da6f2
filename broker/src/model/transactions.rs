//! The transaction coordinator: one producer per transactional id, fenced by epochs, one transaction at a time.
//!
//!     init ─► Idle ─add partitions, add offsets─► Open ─end, timeout, re-init─► Ending ─markers─► Ended
//!
//! `Ending` is on the shelf before the first marker is written, so a broker that dies in between finishes the same way
//! when it comes back. Ending is one call here: no caller ever sees a transaction in preparation.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Code, Model,
    batch::{Batch, Ending, Header},
    membership::Speaker,
    offsets::Committed,
    shelf::{Fact, Tp},
};

/// Longest transaction (Kafka: transaction.max.timeout.ms, 15 min).
const TIMEOUT_MS_MAX: i32 = 900_000;
/// Transactional ids remembered.
const IDS_MAX: usize = 10_000;
/// No epoch.
const NONE: i16 = -1;

/// Where a transactional id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// No transaction yet.
    Idle,
    /// One is open since this time.
    Open(i64),
    /// It is decided, but not every marker may be written.
    Ending(Ending),
    /// The last one ended this way.
    Ended(Ending),
}

/// What is known of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    /// The epoch before the last `init`, which a client that missed the answer may still give.
    last_epoch: i16,
    timeout_ms: i32,
    pub(crate) phase: Phase,
    partitions: BTreeSet<Tp>,
    groups: BTreeSet<Arc<str>>,
}

/// A producer as its client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
}

impl Transaction {
    fn new(producer: i64, timeout_ms: i32) -> Self {
        let (partitions, groups) = (BTreeSet::new(), BTreeSet::new());
        Self { producer, epoch: 0, last_epoch: NONE, timeout_ms, phase: Phase::Idle, partitions, groups }
    }

    /// # Errors
    /// `InvalidProducerIdMapping`: another producer id; `ProducerFenced`: another epoch.
    fn admit(&self, who: Identity) -> Result<(), Code> {
        if self.producer != who.producer {
            return Err(Code::InvalidProducerIdMapping);
        }
        if self.epoch != who.epoch { Err(Code::ProducerFenced) } else { Ok(()) }
    }

    fn open(&mut self, now: i64) {
        if !matches!(self.phase, Phase::Open(_)) {
            self.phase = Phase::Open(now);
        }
    }
}

impl Model {
    /// A producer id and epoch; with a transactional id, everything the id left open is aborted and its former holder fenced.
    ///
    /// # Errors
    /// `InvalidRequest`, `InvalidTransactionTimeout`, `ProducerFenced`, `KafkaStorageError`.
    pub(crate) fn init_producer(&mut self, id: Option<&str>, timeout_ms: i32, claim: Option<Identity>) -> Result<Identity, Code> {
        let Some(id) = id else { return Ok(Identity { producer: self.next_producer()?, epoch: 0 }) };
        if id.is_empty() || (!self.transactions.contains_key(id) && self.transactions.len() >= IDS_MAX) {
            return Err(Code::InvalidRequest);
        }
        if !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
            return Err(Code::InvalidTransactionTimeout);
        }
        let id: Arc<str> = id.into();
        let Some(known) = self.transactions.get(&id) else {
            let fresh = Transaction::new(self.next_producer()?, timeout_ms);
            return self.hold(id, fresh);
        };
        if let Some(claim) = claim {
            let retried = claim.epoch == known.last_epoch;
            if claim.producer != known.producer || (claim.epoch != known.epoch && !retried) {
                return Err(Code::ProducerFenced);
            }
            if retried {
                return Ok(Identity { producer: known.producer, epoch: known.epoch });
            }
        }
        self.reinit(id, timeout_ms)
    }

    fn reinit(&mut self, id: Arc<str>, timeout_ms: i32) -> Result<Identity, Code> {
        self.fence(&id)?;
        let known = self.transactions.get(&id).ok_or(Code::InvalidProducerIdMapping)?.clone();
        let renewed = if known.epoch >= i16::MAX - 1 {
            Transaction::new(self.next_producer()?, timeout_ms)
        } else {
            Transaction { epoch: known.epoch + 1, last_epoch: known.epoch, timeout_ms, phase: Phase::Idle, ..known }
        };
        self.hold(id, renewed)
    }

    fn hold(&mut self, id: Arc<str>, state: Transaction) -> Result<Identity, Code> {
        let identity = Identity { producer: state.producer, epoch: state.epoch };
        self.store.note(&Fact::Transaction { id: Arc::clone(&id), state: state.clone() })?;
        self.transactions.insert(id, state);
        Ok(identity)
    }

    fn next_producer(&mut self) -> Result<i64, Code> {
        let id = self.next_producer;
        self.store.note(&Fact::NextProducer { id: id + 1 })?;
        self.next_producer = id + 1;
        Ok(id)
    }

    /// Aborts what `id` has open, under a bumped epoch, so that the producer that opened it can do nothing more.
    fn fence(&mut self, id: &Arc<str>) -> Result<(), Code> {
        let Some(open) = self.transactions.get_mut(id).filter(|t| matches!(t.phase, Phase::Open(_))) else { return Ok(()) };
        open.epoch = open.epoch.saturating_add(1);
        open.last_epoch = NONE;
        self.finish(id, Ending::Abort)
    }

    fn transaction(&mut self, id: &str, who: Identity) -> Result<&mut Transaction, Code> {
        let known = self.transactions.get_mut(id).ok_or(Code::InvalidProducerIdMapping)?;
        known.admit(who)?;
        Ok(known)
    }

    /// Takes partitions into the transaction, opening it if need be.
    ///
    /// # Errors
    /// `InvalidProducerIdMapping`, `ProducerFenced`, `KafkaStorageError`. The partitions must exist.
    pub(crate) fn add_partitions(&mut self, id: &str, who: Identity, partitions: &[Tp]) -> Result<(), Code> {
        let now = self.now;
        let known = self.transaction(id, who)?;
        let news = !matches!(known.phase, Phase::Open(_)) || partitions.iter().any(|tp| !known.partitions.contains(tp));
        known.open(now);
        known.partitions.extend(partitions.iter().cloned());
        if news { self.note_transaction(id) } else { Ok(()) }
    }

    /// Takes a group's offsets into the transaction.
    ///
    /// # Errors
    /// As [`Self::add_partitions`].
    pub(crate) fn add_offsets(&mut self, id: &str, who: Identity, group: &str) -> Result<(), Code> {
        let now = self.now;
        let known = self.transaction(id, who)?;
        known.open(now);
        known.groups.insert(group.into());
        self.note_transaction(id)
    }

    fn note_transaction(&mut self, id: &str) -> Result<(), Code> {
        let Some((id, state)) = self.transactions.get_key_value(id) else { return Ok(()) };
        self.store.note(&Fact::Transaction { id: Arc::clone(id), state: state.clone() })
    }

    /// Offsets that count once the transaction commits.
    ///
    /// # Errors
    /// The group's fences (a stale generation, member or instance), those of the transaction, `InvalidTxnState` when the
    /// group was not added to it.
    pub(crate) fn commit_offsets_in(
        &mut self,
        id: &str,
        who: Identity,
        group: &str,
        speaker: Speaker<'_>,
        offsets: Vec<(Tp, Committed)>,
    ) -> Result<(), Code> {
        let now = self.now;
        let known = self.transaction(id, who).map_err(as_seen_by_producers)?;
        if !matches!(known.phase, Phase::Open(_)) || !known.groups.contains(group) {
            return Err(Code::InvalidTxnState);
        }
        let name: Arc<str> = group.into();
        self.group_mut(group)?.admit_commit(speaker, true, now)?;
        for (tp, committed) in offsets {
            self.store.note(&Fact::Pending {
                group: Arc::clone(&name),
                producer: who.producer,
                tp: tp.clone(),
                committed: committed.clone(),
            })?;
            self.group_mut(group)?.offsets.hold(who.producer, tp, committed);
        }
        Ok(())
    }

    /// Ends the transaction; the same end asked for twice is the same answer twice.
    ///
    /// # Errors
    /// `InvalidTxnState` when there is none, or it ended otherwise; the fences.
    pub(crate) fn end_transaction(&mut self, id: &str, who: Identity, ending: Ending) -> Result<(), Code> {
        match self.transaction(id, who)?.phase {
            Phase::Open(_) => self.finish(&id.into(), ending),
            Phase::Ended(before) | Phase::Ending(before) if before == ending => Ok(()),
            Phase::Idle | Phase::Ending(_) | Phase::Ended(_) => Err(Code::InvalidTxnState),
        }
    }

    /// Decides a transaction, writes its markers, applies or drops its offsets.
    pub(super) fn finish(&mut self, id: &Arc<str>, ending: Ending) -> Result<(), Code> {
        let Some(known) = self.transactions.get_mut(id) else { return Ok(()) };
        known.phase = Phase::Ending(ending);
        let (producer, epoch) = (known.producer, known.epoch);
        let partitions = std::mem::take(&mut known.partitions);
        let groups = std::mem::take(&mut known.groups);
        let decided = Transaction { partitions: partitions.clone(), groups: groups.clone(), ..known.clone() };
        self.store.note(&Fact::Transaction { id: Arc::clone(id), state: decided })?;
        for tp in &partitions {
            self.write_marker(tp, Batch::marker(producer, epoch, ending, self.now))?;
        }
        for group in groups {
            self.settle_offsets(&group, producer, ending == Ending::Commit)?;
        }
        if let Some(known) = self.transactions.get_mut(id) {
            known.phase = Phase::Ended(ending);
        }
        self.note_transaction(id)
    }

    fn write_marker(&mut self, tp: &Tp, marker: Batch) -> Result<(), Code> {
        let now = self.now;
        // A topic deleted meanwhile has no log to end the transaction in.
        let Some(topic) = self.topics.get_mut(&tp.0) else { return Ok(()) };
        let Ok((log, settings)) = topic.log(tp.1) else { return Ok(()) };
        log.append_marker(&marker, settings, now, &mut self.store)?;
        self.touched.insert(tp.clone());
        Ok(())
    }

    fn settle_offsets(&mut self, group: &Arc<str>, producer: i64, commit: bool) -> Result<(), Code> {
        let held = self.group_mut(group)?.offsets.settle(producer, commit);
        if held { self.store.note(&Fact::Settled { group: Arc::clone(group), producer, commit }) } else { Ok(()) }
    }

    /// After a restart: writes the markers still missing of transactions that were decided.
    ///
    /// # Errors
    /// `KafkaStorageError`.
    pub(crate) fn finish_decided(&mut self) -> Result<(), Code> {
        let decided = |t: &Transaction| if let Phase::Ending(ending) = t.phase { Some(ending) } else { None };
        let ids: Vec<_> = self.transactions.iter().filter_map(|(id, t)| Some((Arc::clone(id), decided(t)?))).collect();
        for (id, ending) in ids {
            let Some(known) = self.transactions.get_mut(&id) else { continue };
            let (producer, topics) = (known.producer, &self.topics);
            known.partitions.retain(|(topic, partition)| {
                let log = usize::try_from(*partition).ok().and_then(|index| topics.get(topic)?.logs.get(index));
                log.is_some_and(|log| log.producers.is_open(producer))
            });
            self.finish(&id, ending)?;
        }
        Ok(())
    }

    /// Aborts, and fences, what has been open for longer than its timeout.
    pub(super) fn sweep_transactions(&mut self) {
        let over = |t: &Transaction| matches!(t.phase, Phase::Open(since) if since + i64::from(t.timeout_ms) <= self.now);
        let late: Vec<Arc<str>> = self.transactions.iter().filter(|(_, t)| over(t)).map(|(id, _)| Arc::clone(id)).collect();
        for id in late {
            tracing::debug!(transactional_id = %id, "transaction timed out: aborted");
            // A store that fails is remembered by the store; the transaction stays open until then.
            let _failed = self.fence(&id);
        }
    }

    /// Whether a transactional batch belongs to the open transaction of its producer.
    pub(super) fn admit_transactional(&self, id: Option<&str>, batch: &Header, tp: &Tp) -> Result<(), Code> {
        let known = id.and_then(|id| self.transactions.get(id)).ok_or(Code::InvalidProducerIdMapping)?;
        known.admit(Identity { producer: batch.producer, epoch: batch.epoch }).map_err(as_seen_by_producers)?;
        let open = matches!(known.phase, Phase::Open(_)) && known.partitions.contains(tp);
        if open { Ok(()) } else { Err(Code::InvalidTxnState) }
    }
}

/// Where Kafka's partitions and group coordinators check a producer, a stale epoch has its older name.
fn as_seen_by_producers(code: Code) -> Code {
    if code == Code::ProducerFenced { Code::InvalidProducerEpoch } else { code }
}
