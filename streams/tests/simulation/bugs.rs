//! Bugs to be planted between the runtime and its log, each a mistake that a runtime on Kafka has made somewhere.
//!
//!     shard ─► Buggy (one bug) ─► ModelLog          shard ─► base_bugs ─► bases on a disk
//!
//! Everything but the bug is handed on. What a bug must remember beyond one log is shared by the logs of a run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use slipstream_broker::direct::{Member, Producer};
use slipstream_streams::codec::Codec;
use slipstream_streams::log::{Log, LogError, Offsets, Outgoing, Place, Raw, Rebalance, Watermarks};
use slipstream_streams::record::FOREVER;
use slipstream_streams::simulation::{ModelLog, Planted};

use crate::base_bugs::{self, BaseBug};
use crate::toy;

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A commit that the group refuses is ended all the same.
    SkipFence,
    /// Outputs are committed, offsets are not.
    DropOffsets,
    /// Bases take the rows, and only then the transaction ends.
    BaseEarly,
    /// The group's metadata is asked for once.
    CachedMembership,
    /// Records of open and aborted transactions are processed.
    ReadUncommitted,
    /// Changelogs are restored to the last stable offset.
    RestoreToStable,
    /// The ends of the changelogs are asked for once.
    RememberedEnds,
    /// Offsets are taken although a transaction on them is open.
    UnstableOffsets,
    /// The last row of a transaction does not reach the changelog.
    ForgetLastRow,
    /// After an abort input is read again, on top of the state that is there.
    KeepOverlay,
    /// After an abort input is not read again.
    KeepPlace,
    /// A commit without an answer counts as done.
    UnknownIsDone,
    /// A commit without an answer is done once more.
    UnknownIsFailed,
    /// More is promised than is done.
    PromiseTooMuch,
    /// A promise says nothing of the records in flight.
    PromiseTooEarly,
    /// Two processes of one identity share the producer, so that none is fenced.
    SharedProducer,
    /// A producer that was fenced is used on.
    FencedProducer,
    /// What should be aborted stays in the open transaction.
    SkipAbort,
    /// A write is sent again although it arrived.
    DoubledWrite,
    /// Control markers do not count as read.
    BlindToMarkers,
    /// The first record after an assignment is skipped: a position that is off by one.
    OffByOne,
    /// One between a shard and its bases.
    Base(BaseBug),
}

impl Bug {
    /// Every one.
    pub(crate) const ALL: [Self; 26] = [
        Self::SkipFence,
        Self::DropOffsets,
        Self::BaseEarly,
        Self::CachedMembership,
        Self::ReadUncommitted,
        Self::RestoreToStable,
        Self::RememberedEnds,
        Self::UnstableOffsets,
        Self::ForgetLastRow,
        Self::KeepOverlay,
        Self::KeepPlace,
        Self::UnknownIsDone,
        Self::UnknownIsFailed,
        Self::PromiseTooMuch,
        Self::PromiseTooEarly,
        Self::SharedProducer,
        Self::FencedProducer,
        Self::SkipAbort,
        Self::DoubledWrite,
        Self::BlindToMarkers,
        Self::OffByOne,
        Self::Base(BaseBug::LoseDelete),
        Self::Base(BaseBug::LoseRow),
        Self::Base(BaseBug::SilentFault),
        Self::Base(BaseBug::ForgetPartition),
        Self::Base(BaseBug::StaleRead),
    ];

    /// Plants it in every process of a run.
    pub(crate) fn plant(self) -> Planted {
        if let Self::Base(bug) = self {
            return base_bugs::plant(bug);
        }
        let shared = Rc::new(RefCell::new(Shared::default()));
        Planted { log: Some(Rc::new(move |log| Box::new(Buggy::new(self, log, Rc::clone(&shared))))), bases: None }
    }
}

/// What the logs of one run share.
#[derive(Default)]
struct Shared {
    producers: BTreeMap<String, Producer>,
    unknown: BTreeMap<String, Vec<Sent>>,
}

/// A record that was sent.
#[derive(Clone)]
struct Sent {
    place: Place,
    timestamp: Option<i64>,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn of(record: &Outgoing<'_>) -> Self {
        Self {
            place: Place::new(record.topic, record.partition),
            timestamp: record.timestamp,
            key: record.key.to_vec(),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    fn again(&self, log: &mut ModelLog) -> Result<(), LogError> {
        let headers: Vec<(&str, String)> = self.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        log.send(Outgoing {
            topic: &self.place.topic,
            partition: self.place.partition,
            timestamp: self.timestamp,
            key: &self.key,
            value: self.value.as_deref(),
            headers: &headers,
        })
    }
}

struct Buggy {
    bug: Bug,
    log: ModelLog,
    shared: Rc<RefCell<Shared>>,
    membership: Option<Member>,
    ends: Watermarks,
    /// What the open transaction holds.
    sent: Vec<Sent>,
    /// A row that waits for the next one.
    held: Option<Sent>,
    /// A commit that was reported and not made.
    owed: Option<Offsets>,
    before_abort: Offsets,
    handed_out: Offsets,
    drains: u64,
    skip: bool,
}

/// How much more than is done [`Bug::PromiseTooMuch`] promises, in ms.
const TOO_MUCH: i64 = 600_000;
/// Every so many drains [`Bug::DoubledWrite`] sends once more.
const DOUBLED_EVERY: u64 = 40;

impl Buggy {
    fn new(bug: Bug, mut log: ModelLog, shared: Rc<RefCell<Shared>>) -> Self {
        let id = log.identity().to_owned();
        match bug {
            Bug::ReadUncommitted => log.read_uncommitted(),
            Bug::FencedProducer => {
                let first = shared.borrow_mut().producers.entry(id).or_insert_with(|| log.producer()).clone();
                log.replace_producer(first);
            }
            Bug::SharedProducer => drop(shared.borrow_mut().producers.insert(id, log.producer())),
            _ => {}
        }
        Self {
            bug,
            log,
            shared,
            membership: None,
            ends: Watermarks::new(),
            sent: Vec::new(),
            held: None,
            owed: None,
            before_abort: Offsets::new(),
            handed_out: Offsets::new(),
            drains: 0,
            skip: false,
        }
    }

    /// Before each call that reads or writes: what a bug left to be done.
    fn catch_up(&mut self) -> Result<(), LogError> {
        if let Some(next) = self.owed.take() {
            self.log.commit(&next)?;
        }
        let id = self.log.identity().to_owned();
        let unknown = self.shared.borrow_mut().unknown.remove(&id);
        if let Some(sent) = unknown {
            sent.iter().try_for_each(|record| record.again(&mut self.log))?;
            self.log.drain()?;
            self.log.commit_as(None, &Offsets::new())?;
        }
        if self.bug == Bug::SharedProducer
            && let Some(producer) = self.shared.borrow().producers.get(&id)
        {
            self.log.replace_producer(producer.clone());
        }
        Ok(())
    }

    /// Reads again from the committed offsets, as after an abort.
    fn rewind(&mut self) -> Result<(), LogError> {
        self.log.abort()?;
        let mut from = self.log.positions();
        let places: Vec<Place> = from.keys().cloned().collect();
        from.extend(self.log.committed(&places)?);
        self.log.assign(&from)
    }

    /// The promise of a record of the progress topic, made bolder.
    fn bolder(value: &[u8]) -> Vec<u8> {
        let (framing, body) = value.split_at(2);
        let Ok(mut promise) = toy::ToyCodec.read_promise(body) else {
            return value.to_vec();
        };
        if promise.progress < FOREVER - TOO_MUCH {
            promise.progress += TOO_MUCH;
        }
        [framing, &toy::ToyCodec.promise(&promise).body].concat()
    }
}

impl Log for Buggy {
    fn poll(&mut self, limit: usize, wait: Duration, take: &mut dyn FnMut(Raw<'_>)) -> Result<usize, LogError> {
        self.catch_up()?;
        let (handed_out, skip) = (&mut self.handed_out, &mut self.skip);
        self.log.poll(limit, wait, &mut |raw| {
            handed_out.insert(Place::new(raw.topic, raw.partition), raw.offset + 1);
            if !std::mem::take(skip) {
                take(raw);
            }
        })
    }

    fn rebalance(&mut self) -> Option<Rebalance> {
        self.log.rebalance()
    }

    fn assign(&mut self, from: &Offsets) -> Result<(), LogError> {
        let mut from = from.clone();
        if self.bug == Bug::KeepPlace {
            let kept = &self.before_abort;
            from.iter_mut().for_each(|(place, at)| *at = kept.get(place).map_or(*at, |kept| *kept.max(at)));
        }
        self.skip = self.bug == Bug::OffByOne;
        self.handed_out.clone_from(&from);
        self.log.assign(&from)
    }

    fn unassign(&mut self) -> Result<(), LogError> {
        self.before_abort.clear();
        self.log.unassign()
    }

    fn hold(&mut self, places: &BTreeSet<Place>) -> Result<(), LogError> {
        self.log.hold(places)
    }

    fn positions(&mut self) -> Offsets {
        match self.bug {
            Bug::BlindToMarkers => self.handed_out.clone(),
            _ => self.log.positions(),
        }
    }

    fn committed(&mut self, places: &[Place]) -> Result<Offsets, LogError> {
        match self.bug {
            Bug::UnstableOffsets => Ok(self.log.unstable_offsets(places)),
            _ => self.log.committed(places),
        }
    }

    fn watermarks(&mut self, places: &[Place]) -> Result<Watermarks, LogError> {
        match self.bug {
            Bug::RestoreToStable => self.log.stable_ends(places),
            Bug::RememberedEnds => {
                for (place, ends) in self.log.watermarks(places)? {
                    self.ends.entry(place).or_insert(ends);
                }
                Ok(places.iter().filter_map(|place| Some((place.clone(), *self.ends.get(place)?))).collect())
            }
            _ => self.log.watermarks(places),
        }
    }

    fn send(&mut self, record: Outgoing<'_>) -> Result<(), LogError> {
        self.sent.push(Sent::of(&record));
        if let Some(held) = self.held.take() {
            held.again(&mut self.log)?;
        }
        match (self.bug, record.value) {
            (Bug::ForgetLastRow, _) if record.topic.ends_with("changelog") => {
                self.held = Some(Sent::of(&record));
                Ok(())
            }
            (Bug::PromiseTooMuch, Some(value)) if record.topic == toy::PROGRESS => {
                let bolder = Self::bolder(value);
                self.log.send(Outgoing { value: Some(&bolder), ..record })
            }
            _ => self.log.send(record),
        }
    }

    fn drain(&mut self) -> Result<Offsets, LogError> {
        self.catch_up()?;
        self.held = None;
        self.drains += 1;
        if self.bug == Bug::PromiseTooEarly && self.drains % 2 == 1 {
            return Ok(Offsets::new());
        }
        let delivered = self.log.drain()?;
        if self.bug == Bug::DoubledWrite && self.drains.is_multiple_of(DOUBLED_EVERY) {
            self.sent.iter().try_for_each(|record| record.again(&mut self.log))?;
            return self.log.drain();
        }
        if self.bug == Bug::SharedProducer {
            let id = self.log.identity().to_owned();
            self.shared.borrow_mut().producers.insert(id, self.log.producer());
        }
        Ok(delivered)
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LogError> {
        let sent = std::mem::take(&mut self.sent);
        match self.bug {
            Bug::BaseEarly => {
                self.owed = Some(next.clone());
                Ok(())
            }
            Bug::DropOffsets => self.log.commit_as(None, next),
            Bug::CachedMembership => {
                self.membership = self.membership.take().or_else(|| self.log.membership());
                self.log.commit_as(self.membership.as_ref(), next)
            }
            _ => match (self.bug, self.log.commit(next)) {
                (Bug::SkipFence, Err(LogError::Abort(_))) => self.log.commit_as(None, next),
                (Bug::KeepOverlay, Err(LogError::Abort(_))) => self.rewind(),
                (Bug::UnknownIsDone, Err(LogError::Reopen(_))) => Ok(()),
                (Bug::UnknownIsFailed, Err(LogError::Reopen(reason))) => {
                    self.shared.borrow_mut().unknown.insert(self.log.identity().to_owned(), sent);
                    Err(LogError::Reopen(reason))
                }
                (_, result) => result,
            },
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.owed = None;
        self.sent.clear();
        self.held = None;
        self.before_abort = self.log.positions();
        match self.bug {
            Bug::SkipAbort => Ok(()),
            _ => self.log.abort(),
        }
    }

    fn pause(&mut self, time: Duration) {
        self.log.pause(time);
    }

    fn now(&self) -> Duration {
        self.log.now()
    }
}
