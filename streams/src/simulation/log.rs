//! The log on the broker's model, called directly, with faults.
//!
//! Every call that may fail may also crash: the log is dead from then on, its transaction stays open and its
//! member silent, until the coordinator's timeouts or a successor of the same identity end both. The end of a
//! transaction may also be lost on its way, there or back, or arrive seconds later: the caller cannot tell which.
//! What a planted bug needs beyond [`Log`] is public here; the runtime itself uses none of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use slipstream_broker::direct::{Change, Member, Producer};
use slipstream_broker::{Code, Isolation, Record};

use super::cluster::Shared;
use super::faults::Fault;
use crate::errors::ErrorClass;
use crate::log::{Log, LogError, Offsets, Outgoing, Place, Raw, Rebalance, Watermarks};

/// Transaction timeout, as on Kafka.
const TRANSACTION_TIMEOUT_MS: i32 = 10_000;
/// Session timeout, as on Kafka.
const SESSION_MS: i64 = 6_000;
/// Longest time that a call takes when it stalls: beyond both.
const STALL_MS: u64 = 15_000;
/// Longest time for which a partition gives nothing.
const SLOW_MS: u64 = 2_000;
/// Bytes read at once from a partition: little, so that interleavings vary.
const FETCH_BYTES: usize = 2_000;

/// Who opens a log.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub transactional_id: String,
    /// Group and topics to share; none reads by hand.
    pub group: Option<(String, Vec<String>)>,
}

/// One member with its producer.
pub struct ModelLog {
    cluster: Shared,
    identity: String,
    isolation: Isolation,
    producer: Producer,
    member: Option<Member>,
    group: String,
    at: Offsets,
    held: BTreeSet<Place>,
    changes: VecDeque<Rebalance>,
    outbox: BTreeMap<Place, Vec<Record>>,
    taken: BTreeSet<Place>,
    written: Offsets,
    dead: bool,
}

impl ModelLog {
    pub(super) fn open(cluster: &Shared, identity: &Identity) -> Result<Self, LogError> {
        let mut shared = cluster.borrow_mut();
        let producer = shared.direct.init_producer(Some(&identity.transactional_id), TRANSACTION_TIMEOUT_MS).map_err(fault)?;
        let member = identity.group.as_ref().map(|(group, topics)| {
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            let id = &identity.transactional_id;
            shared.direct.join(group, id, Some(id), SESSION_MS, &topics)
        });
        Ok(Self {
            cluster: Rc::clone(cluster),
            identity: identity.transactional_id.clone(),
            isolation: Isolation::Committed,
            producer,
            member,
            group: identity.group.as_ref().map(|(group, _)| group.clone()).unwrap_or_default(),
            at: Offsets::new(),
            held: BTreeSet::new(),
            changes: VecDeque::new(),
            outbox: BTreeMap::new(),
            taken: BTreeSet::new(),
            written: Offsets::new(),
            dead: false,
        })
    }

    /// The transactional id under which it was opened.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// From here on, records of open and aborted transactions are read, too.
    pub fn read_uncommitted(&mut self) {
        self.isolation = Isolation::Uncommitted;
    }

    /// As [`Log::watermarks`], but up to the last stable offset.
    ///
    /// # Errors
    /// There is no such partition.
    pub fn stable_ends(&self, places: &[Place]) -> Result<Watermarks, LogError> {
        let cluster = self.cluster.borrow();
        let marks = places.iter().map(|place| {
            let marks = cluster.direct.watermarks(&place.topic, place.partition).map_err(fault)?;
            Ok((place.clone(), (marks.start, marks.stable)))
        });
        marks.collect()
    }

    /// As [`Log::committed`], but as they stand while a transaction on them is open.
    #[must_use]
    pub fn unstable_offsets(&self, places: &[Place]) -> Offsets {
        let cluster = self.cluster.borrow();
        let found = places.iter().filter_map(|place| {
            let offset = cluster.direct.committed_unstable(&self.group, &place.topic, place.partition)?;
            Some((place.clone(), offset))
        });
        found.collect()
    }

    /// The membership as it is now; none for a log without a group.
    #[must_use]
    pub fn membership(&self) -> Option<Member> {
        self.member.clone()
    }

    /// As [`Log::commit`], under another membership; without one no offset is committed and nothing fences.
    ///
    /// # Errors
    /// As [`Log::commit`].
    pub fn commit_as(&mut self, member: Option<&Member>, next: &Offsets) -> Result<(), LogError> {
        self.risk()?;
        if let (Some(member), false) = (member, next.is_empty()) {
            let offsets: Vec<(&str, i32, i64)> = next.iter().map(|(p, offset)| (&*p.topic, p.partition, *offset)).collect();
            self.cluster.borrow_mut().direct.send_offsets(&self.producer, member, &offsets).map_err(fault)?;
        }
        self.risk()?;
        self.end_transaction()
    }

    /// The producer as it is now.
    #[must_use]
    pub fn producer(&self) -> Producer {
        self.producer.clone()
    }

    /// Goes on with another producer.
    pub fn replace_producer(&mut self, producer: Producer) {
        self.producer = producer;
    }

    /// A call may be the last, or take long.
    fn risk(&mut self) -> Result<(), LogError> {
        let mut cluster = self.cluster.borrow_mut();
        if !self.dead && cluster.strikes(Fault::Crash) {
            self.dead = true;
        }
        if self.dead {
            return Err(LogError::reopen(ErrorClass::Network, "crashed"));
        }
        let stalls = !cluster.is_stalled && cluster.strikes(Fault::Stall);
        drop(cluster);
        if stalls {
            self.stall();
        }
        Ok(())
    }

    /// While this call stands still, the others go on.
    fn stall(&self) {
        let mut cluster = self.cluster.borrow_mut();
        cluster.is_stalled = true;
        let until = cluster.direct.now() + cluster.dice.below(STALL_MS).cast_signed();
        let others = Rc::clone(&cluster.meanwhile);
        drop(cluster);
        others(until);
        let mut cluster = self.cluster.borrow_mut();
        cluster.is_stalled = false;
        cluster.direct.advance(until);
    }

    /// A call to a coordinator, which may be moving: the client library tries again for a while, then gives up.
    fn coordinated(&mut self) -> Result<(), LogError> {
        self.risk()?;
        let mut cluster = self.cluster.borrow_mut();
        if !cluster.coordinator_moves() {
            return Ok(());
        }
        if cluster.dice.below(2) == 0 {
            return Err(LogError::reopen(ErrorClass::Network, "the coordinator is moving"));
        }
        let until = cluster.coordinator_back;
        cluster.direct.advance(until);
        Ok(())
    }

    /// The end of the transaction, which may be lost on its way there or back, or arrive late.
    fn end_transaction(&mut self) -> Result<(), LogError> {
        let mut cluster = self.cluster.borrow_mut();
        let late = cluster.strikes(Fault::LateCommit);
        let lost = !late && cluster.strikes(Fault::LostCommit);
        let arrives = !late && (!lost || cluster.dice.below(2) == 0);
        if arrives {
            cluster.direct.end_transaction(&self.producer, true).map_err(fault)?;
            self.taken.clear();
        }
        if late {
            cluster.delay_commit(self.producer.clone());
        }
        if late || lost {
            self.dead = true;
            return Err(LogError::reopen(ErrorClass::Timeout, "the commit's answer is lost"));
        }
        Ok(())
    }

    fn follow_group(&mut self) -> Result<(), LogError> {
        let Some(member) = &mut self.member else { return Ok(()) };
        if self.cluster.borrow_mut().coordinator_moves() {
            return Ok(());
        }
        match self.cluster.borrow_mut().direct.poll(member).map_err(fault_of_log)? {
            Some(Change::Assigned(places)) => {
                let places = places.iter().map(|(topic, partition)| Place::new(topic, *partition)).collect();
                self.changes.push_back(Rebalance::Assigned(places));
            }
            Some(Change::Revoked) => self.changes.push_back(Rebalance::Revoked { lost: false }),
            Some(Change::Lost) => self.changes.push_back(Rebalance::Revoked { lost: true }),
            None => {}
        }
        Ok(())
    }

    /// The next records of one partition, at most `limit`.
    fn fetch(&mut self, place: &Place, from: i64, limit: usize) -> Result<Vec<Record>, LogError> {
        let mut cluster = self.cluster.borrow_mut();
        if cluster.is_slow(place, SLOW_MS) {
            return Ok(Vec::new());
        }
        let fetched = cluster.direct.fetch(&place.topic, place.partition, from, FETCH_BYTES, self.isolation);
        let mut fetched = fetched.map_err(fault)?;
        let limit = limit.min(1 + cluster.dice.below(20) as usize);
        let all = fetched.records.len() <= limit;
        fetched.records.truncate(limit);
        let last = fetched.records.last().map(|record| record.offset + 1);
        let next = if all { fetched.next } else { last.unwrap_or(fetched.next) };
        self.at.insert(place.clone(), next);
        Ok(fetched.records)
    }
}

impl Log for ModelLog {
    fn poll(&mut self, limit: usize, wait: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<usize, LogError> {
        self.risk()?;
        self.follow_group()?;
        if !self.changes.is_empty() {
            return Ok(0);
        }
        let read_on = self.at.iter().filter(|(place, _)| !self.held.contains(place));
        let mut places: Vec<(Place, i64)> = read_on.map(|(place, at)| (place.clone(), *at)).collect();
        if !places.is_empty() {
            let turn = self.cluster.borrow_mut().dice.below(places.len() as u64) as usize;
            places.rotate_left(turn);
        }
        let mut got = 0;
        for (place, from) in places {
            for record in self.fetch(&place, from, limit - got)? {
                let headers: Vec<(&str, &[u8])> =
                    record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default())).collect();
                take(Raw {
                    topic: &place.topic,
                    partition: place.partition,
                    offset: record.offset,
                    timestamp: record.timestamp,
                    key: record.key.as_deref(),
                    value: record.value.as_deref(),
                    headers: &headers,
                });
                got += 1;
            }
        }
        if got == 0 {
            self.pause(wait);
        }
        Ok(got)
    }

    fn rebalance(&mut self) -> Option<Rebalance> {
        self.changes.pop_front()
    }

    fn assign(&mut self, from: &Offsets) -> Result<(), LogError> {
        self.risk()?;
        self.at = from.clone();
        self.held.clear();
        Ok(())
    }

    fn hold(&mut self, places: &BTreeSet<Place>) -> Result<(), LogError> {
        self.risk()?;
        self.held.clone_from(places);
        Ok(())
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        self.risk()?;
        self.at.clear();
        if let Some(member) = &mut self.member {
            self.cluster.borrow_mut().direct.rejoin(member);
        }
        Ok(())
    }

    fn positions(&mut self) -> Offsets {
        self.at.clone()
    }

    fn committed(&mut self, places: &[Place]) -> Result<Offsets, LogError> {
        self.coordinated()?;
        let mut found = Offsets::new();
        for place in places {
            // One thread cannot wait for another's transaction to end: it comes again.
            let offset = self.cluster.borrow().direct.committed(&self.group, &place.topic, place.partition);
            if let Some(offset) =
                offset.map_err(|code| LogError::reopen(ErrorClass::Unknown, format_args!("{place}: {code:?}")))?
            {
                found.insert(place.clone(), offset);
            }
        }
        Ok(found)
    }

    fn watermarks(&mut self, places: &[Place]) -> Result<Watermarks, LogError> {
        self.risk()?;
        let cluster = self.cluster.borrow();
        let marks = places.iter().map(|place| {
            let marks = cluster.direct.watermarks(&place.topic, place.partition).map_err(fault)?;
            Ok((place.clone(), (marks.start, marks.end)))
        });
        marks.collect()
    }

    fn send(&mut self, record: Outgoing<'_>) -> Result<(), LogError> {
        self.risk()?;
        let now = self.cluster.borrow().direct.now();
        let headers = record.headers.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone().into())));
        self.outbox.entry(Place::new(record.topic, record.partition)).or_default().push(Record {
            offset: 0,
            timestamp: record.timestamp.unwrap_or(now),
            key: Some(record.key.to_vec().into()),
            value: record.value.map(|value| value.to_vec().into()),
            headers: headers.collect(),
        });
        Ok(())
    }

    fn drain(&mut self) -> Result<Offsets, LogError> {
        for (place, records) in std::mem::take(&mut self.outbox) {
            self.risk()?;
            let mut cluster = self.cluster.borrow_mut();
            if cluster.strikes(Fault::Refusal) {
                return Err(LogError::abort(ErrorClass::Resource, format_args!("{place}: too few replicas")));
            }
            if self.taken.insert(place.clone()) {
                cluster.direct.add_partitions(&self.producer, &[(&place.topic, place.partition)]).map_err(fault)?;
            }
            cluster.written += records.len() as u64;
            let producer = &mut self.producer;
            let first = cluster.direct.produce(producer, &place.topic, place.partition, &records).map_err(fault)?;
            self.written.insert(place, first + records.len() as i64);
        }
        self.risk()?;
        Ok(std::mem::take(&mut self.written))
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LogError> {
        self.coordinated()?;
        let member = self.member.clone();
        self.commit_as(member.as_ref(), next)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.risk()?;
        self.outbox.clear();
        self.written.clear();
        if std::mem::take(&mut self.taken).is_empty() {
            return Ok(());
        }
        let ended = self.cluster.borrow_mut().direct.end_transaction(&self.producer, false);
        ended.map_err(fault_of_log)
    }

    fn pause(&mut self, time: Duration) {
        let mut cluster = self.cluster.borrow_mut();
        let until = cluster.direct.now() + time.as_millis() as i64;
        cluster.direct.advance(until);
    }

    fn now(&self) -> Duration {
        let cluster = self.cluster.borrow();
        Duration::from_millis((cluster.direct.now() - cluster.started).unsigned_abs())
    }
}

/// A new log helps.
fn fault_of_log(code: Code) -> LogError {
    LogError::reopen(ErrorClass::Unknown, format_args!("{code:?}"))
}

/// What helps against the model's answers, as librdkafka sees them.
fn fault(code: Code) -> LogError {
    match code {
        Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress | Code::FencedInstanceId => {
            LogError::abort(ErrorClass::Processing, format_args!("{code:?}"))
        }
        Code::UnknownTopicOrPartition | Code::OffsetOutOfRange => {
            LogError::refused(ErrorClass::Resource, format_args!("{code:?}"))
        }
        _ => fault_of_log(code),
    }
}
