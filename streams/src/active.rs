//! One running task of a shard: what it has read, how far it may go, what it has promised.
//!
//!     accept ─► buffer ─► step, up to line and limit ─► outputs        promise = min(line, next pending instant)
//!
//! A promise goes into the same transaction as what it covers, with the positions read. After a restart a
//! record below those positions and stamped before the promise is done already; one beyond them and stamped
//! before it is late. A redelivery is handled when it comes. Knows no log: the shard moves bytes.

use std::collections::{BTreeMap, BTreeSet};

use crate::breaker::Breaker;
use crate::buffer::{Arrived, Buffer, Order};
use crate::codec::Promise;
use crate::progress::{Line, View, Writer};
use crate::record::{FOREVER, Record, Topic, Ts};
use crate::task::Task;
use crate::topology::{Stage, Topology};

/// One input partition.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Topic.
    pub topic: Topic,
    /// Everything below has been read.
    pub position: i64,
    /// Read up to when the task's last promise was made.
    pub read_before: i64,
}

/// A running task.
pub(crate) struct Active {
    /// The stage, by its place in the topology.
    pub stage: usize,
    /// The input partition.
    pub partition: i32,
    /// State and logic.
    pub task: Task,
    /// Offset behind the last row applied, for each store's changelog.
    pub changelogs: Vec<i64>,
    /// Something was done since the last commit.
    pub dirty: bool,
    name: &'static str,
    inputs: Vec<Input>,
    line: Line,
    buffer: Buffer,
    /// As last written, possibly in the open transaction.
    promised: Option<Ts>,
    /// The promise this task began with.
    promised_before: Ts,
    /// Every instant below is processed.
    frontier: Ts,
    written: BTreeMap<(Topic, i32), i64>,
    touched: BTreeSet<(Topic, i32)>,
    breaker: Breaker,
    full: bool,
}

impl Active {
    /// A task whose stores are restored, reading from these positions on.
    pub(crate) fn new(stage: usize, partition: i32, name: &'static str, task: Task, changelogs: Vec<i64>) -> Self {
        Self {
            stage,
            partition,
            task,
            changelogs,
            dirty: false,
            name,
            inputs: Vec::new(),
            line: Line::new(partition, Vec::new(), Vec::new()),
            buffer: Buffer::default(),
            promised: None,
            promised_before: Ts::MIN,
            frontier: Ts::MIN,
            written: BTreeMap::new(),
            touched: BTreeSet::new(),
            breaker: Breaker::default(),
            full: false,
        }
    }

    /// Starts reading: from `starts`, with what its last promise says of the past.
    pub(crate) fn start(&mut self, topology: &Topology, view: &View, starts: &[(Topic, i64)]) {
        let promise = view.of(self.name, self.partition);
        let read = |topic: Topic| {
            let of_input = promise.and_then(|p| p.read.iter().find(|(t, n, _)| t == topic && *n == self.partition));
            of_input.map_or(0, |(_, _, offset)| *offset)
        };
        self.inputs = starts.iter().map(|(topic, at)| Input { topic, position: *at, read_before: read(topic) }).collect();
        self.promised = promise.map(|p| p.progress);
        self.promised_before = self.promised.unwrap_or(Ts::MIN);
        self.frontier = self.promised_before;
        let declared = |name: &str| topology.partitions.keys().find(|topic| **topic == name).copied();
        let written = promise.into_iter().flat_map(|p| &p.written);
        self.written = written.filter_map(|(t, p, offset)| Some(((declared(t)?, *p), *offset))).collect();
        self.follow(topology, view);
    }

    /// Builds the line anew: over the writers that the world has now.
    pub(crate) fn follow(&mut self, topology: &Topology, view: &View) {
        let reads = topology.stages[self.stage].reads;
        let writers: BTreeSet<Writer> = reads.iter().flat_map(|topic| view.writers_of(topology, topic)).collect();
        let promised = self.inputs.iter().filter(|input| reads.contains(&input.topic));
        let inputs = promised.map(|input| (input.topic, input.position)).collect();
        self.line = Line::new(self.partition, inputs, writers.into_iter().collect());
        view.promises().for_each(|promise| self.line.promise(promise));
        view.clock().into_iter().for_each(|until| self.line.tick(until));
    }

    /// Time has passed: silent sources count as having promised this much.
    pub(crate) fn tick(&mut self, until: Ts) {
        self.line.tick(until);
    }

    /// Another writer, or this one, has promised.
    pub(crate) fn promise(&mut self, promise: &Promise) {
        self.line.promise(promise);
    }

    /// The positions up to which it has read its inputs.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (Topic, i64)> {
        self.inputs.iter().map(|input| (input.topic, input.position))
    }

    /// Whether this task reads the topic.
    pub(crate) fn reads(&self, topic: Topic) -> bool {
        self.inputs.iter().any(|input| input.topic == topic)
    }

    /// Everything of `topic` below `position` has been handed over.
    pub(crate) fn read(&mut self, topic: Topic, position: i64) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.topic == topic) {
            input.position = input.position.max(position);
            self.line.read(topic, position);
        }
    }

    /// Takes a record of one of its inputs: to be processed, or already done before a restart.
    pub(crate) fn accept(&mut self, order: Order, arrived: Arrived) {
        let (topic, offset, at) = (arrived.record.topic, arrived.record.offset, arrived.record.timestamp);
        let read_before = self.inputs.iter().find(|input| input.topic == topic).map_or(0, |input| input.read_before);
        self.read(topic, offset + 1);
        if offset < read_before && at < self.promised_before {
            return;
        }
        // A redelivery comes when an operator wants it: no promise covers it, and its instant is gone.
        let late = order == Order::EventTime && (at < self.frontier || arrived.redelivery.is_some());
        self.buffer.push(if late { Order::Arrival } else { order }, arrived);
    }

    /// Does the next thing that may be done; false if there is none.
    pub(crate) fn step(&mut self, order: Order, limit: Ts, out: &mut Vec<Record>) -> bool {
        let done = match order {
            Order::Arrival => self.step_arrival(out),
            Order::EventTime => self.step_instant(limit, out),
        };
        self.dirty |= done;
        done
    }

    fn step_arrival(&mut self, out: &mut Vec<Record>) -> bool {
        if let Some(arrived) = self.buffer.take_first() {
            self.handle(&arrived, arrived.record.timestamp, out);
            return true;
        }
        let (Some(line), Some(due)) = (self.line.reached(), self.task.next_due()) else {
            return false;
        };
        if due < line {
            self.task.fire(due, out);
        }
        due < line
    }

    /// In event time, does the next redelivery, or sets the next late record aside; false if there is none. To be done before
    /// anything is committed: a late record that waits lies below the promise, and would be taken for done after a restart.
    pub(crate) fn step_late(&mut self, out: &mut Vec<Record>) -> bool {
        let Some(arrived) = self.buffer.take_first() else {
            return false;
        };
        self.dirty = true;
        // After the end of a world there is no later instant than the record's own.
        let closed = Some(self.frontier).filter(|frontier| *frontier != FOREVER);
        let now = arrived.record.timestamp.max(closed.unwrap_or(Ts::MIN));
        match (&arrived.redelivery, &arrived.poison) {
            (None, None) => self.task.late(&arrived.record, now, out),
            _ => self.handle(&arrived, now, out),
        }
        true
    }

    fn step_instant(&mut self, limit: Ts, out: &mut Vec<Record>) -> bool {
        let (Some(line), Some(instant)) = (self.line.reached(), self.pending()) else {
            return false;
        };
        if instant >= line || instant > limit {
            return false;
        }
        for arrived in self.buffer.take_instant(instant) {
            self.handle(&arrived, instant, out);
        }
        self.task.fire(instant, out);
        self.frontier = self.frontier.max(instant + 1);
        true
    }

    fn handle(&mut self, arrived: &Arrived, now: Ts, out: &mut Vec<Record>) {
        match (&arrived.redelivery, &arrived.poison) {
            (Some(again), poison) => self.task.redeliver(again, poison.as_deref(), now, out),
            (None, Some(poison)) => self.task.refuse(&arrived.record, poison, now, out),
            (None, None) => self.task.process(&arrived.record, now, out),
        }
    }

    /// The next instant at which this task has something to do.
    fn pending(&mut self) -> Option<Ts> {
        self.buffer.first_instant().into_iter().chain(self.buffer.first_in_queue()).chain(self.task.next_due()).min()
    }

    /// What may be promised now: none while a writer holds this task.
    fn line(&mut self) -> Option<Ts> {
        let line = self.line.reached()?.min(self.pending().unwrap_or(FOREVER));
        Some(line.max(self.frontier))
    }

    /// Whether it could promise more than it has.
    pub(crate) fn could_promise(&mut self) -> bool {
        self.line().is_some_and(|line| self.promised.is_none_or(|promised| line > promised))
    }

    /// Notes that a record was written to a partition in the open transaction.
    pub(crate) fn touch(&mut self, topic: Topic, partition: i32) {
        self.touched.insert((topic, partition));
    }

    /// Where the open transaction's records lie: an upper bound for what this task wrote.
    pub(crate) fn delivered(&mut self, topic: Topic, partition: i32, offset: i64) {
        if self.touched.contains(&(topic, partition)) {
            self.written_up_to(topic, partition, offset);
        }
    }

    /// Everything this task ever wrote to the partition lies below `offset`.
    pub(crate) fn written_up_to(&mut self, topic: Topic, partition: i32, offset: i64) {
        let written = self.written.entry((topic, partition)).or_default();
        *written = offset.max(*written);
    }

    /// Promises as much as it can: from here on that holds. False if a writer still holds this task.
    pub(crate) fn advance_promise(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        self.promised = self.promised.max(Some(line));
        self.frontier = self.frontier.max(line);
        self.task.raise_floor(self.frontier);
        true
    }

    /// The promise as it stands, once everything it covers lies in the log.
    pub(crate) fn promise_record(&mut self, order: Order) -> Option<Promise> {
        self.touched.clear();
        let done = |input: &Input| match order {
            // What waits may be stamped before the promise, if its writer broke its own: it is not done.
            Order::Arrival => self.buffer.lowest(input.topic).unwrap_or(input.position),
            Order::EventTime => input.position,
        };
        let read = self.inputs.iter().map(|input| (input.topic.to_owned(), self.partition, done(input))).collect();
        let written = self.written.iter().map(|((t, p), offset)| ((*t).to_owned(), *p, *offset)).collect();
        let progress = self.promised?;
        Some(Promise { writer: self.name.to_owned(), partition: self.partition, progress, written, read, position: 0 })
    }

    /// The offsets to commit: of each input the lowest not yet processed.
    pub(crate) fn next_offsets(&self) -> impl Iterator<Item = (Topic, i64)> {
        self.inputs.iter().map(|input| (input.topic, self.buffer.lowest(input.topic).unwrap_or(input.position)))
    }

    /// Why it should stop: it refuses more than so many of its last records.
    pub(crate) fn refuses_too_much(&mut self, letters_max: u64) -> Option<String> {
        self.breaker.check(self.name, &self.task.counts, letters_max).err()
    }

    /// What it last promised.
    pub(crate) fn promised(&self) -> Option<Ts> {
        self.promised
    }

    /// Records read and not yet processed.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Whether more waits than it may hold; once it does, until half of that is done.
    pub(crate) fn is_full(&mut self, bytes_max: usize) -> bool {
        self.full = self.buffer.bytes() > if self.full { bytes_max / 2 } else { bytes_max };
        self.full
    }

    /// Whether it can only go on once more of an input is read.
    pub(crate) fn waits_for(&self, topic: Topic) -> bool {
        self.line.waits_for(topic)
    }

    /// The stage it runs.
    pub(crate) fn stage_of<'a>(&self, topology: &'a Topology) -> &'a Stage {
        &topology.stages[self.stage]
    }
}
