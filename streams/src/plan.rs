//! What one unit runs in one world: its stages, the names of everything on the cluster, the limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::buffer::Order;
use crate::codec::{Codec, Encoded, Envelope, Promise};
use crate::edge::UNREADABLE;
use crate::errors::ErrorClass;
use crate::log::{LogError, Outgoing, Place};
use crate::partition::of_key;
use crate::plain;
use crate::processor::StoreId;
use crate::progress::promise_key;
use crate::record::{Record, Topic, Ts, header};
use crate::topology::Topology;
use crate::world::World;

/// Half an hour: how far anybody goes beyond the slowest promise.
pub const SKEW: Ts = 30 * 60 * 1000;

/// Key of every tick.
const TICK_KEY: &str = "tick";
/// How far a live world's line stays behind the clock while a source is silent, in milliseconds of event time.
pub const SILENCE: Ts = 10_000;

/// Limits of a shard.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Event time that anybody may be ahead of the slowest promise, in milliseconds.
    pub skew: Ts,
    /// Least time between the return of a commit and the next one (ADR 6): more makes fewer transactions where records come singly.
    pub commit_gap: Duration,
    /// Age at which a transaction is committed although input keeps coming.
    pub commit_age: Duration,
    /// Bytes sent at which a transaction is committed.
    pub commit_bytes: usize,
    /// Steps after which a working shard looks at the clock; one at a time where steps are slow.
    pub batch: usize,
    /// Longest time for which the tasks work before the log is read again: what was read waits no longer in silence.
    pub turn: Duration,
    /// Memory that the records may take which wait in one task, in bytes, about. Its inputs are not read on while they take
    /// more, unless only what is read next lets the task go on.
    pub buffer_bytes: usize,
    /// In arrival order, least time between promises.
    pub promise_gap: Duration,
    /// Longest restore without a row of progress.
    pub restore_stall: Duration,
    /// Tasks of others of which a shard keeps warm copies; 0 keeps none.
    pub standbys: usize,
    /// Dead letters of one task, in a thousand events (records processed, letters written), beyond which it stops. By default
    /// it goes on: to go on and to lose nothing is what a pipeline is there for; to stop is an operator's choice.
    pub dead_letters_max: Option<u64>,
    /// In a live world, a source that says nothing counts as having promised all but this much of the present, in milliseconds.
    pub silence: Ts,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            skew: SKEW,
            commit_gap: Duration::ZERO,
            commit_age: Duration::from_millis(100),
            commit_bytes: 4 << 20,
            batch: 100,
            turn: Duration::from_secs(1),
            buffer_bytes: 16 << 20,
            promise_gap: Duration::from_secs(1),
            restore_stall: Duration::from_secs(60),
            standbys: 0,
            dead_letters_max: None,
            silence: SILENCE,
        }
    }
}

/// What a topic of the cluster is to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A topic of the topology.
    Topic(Topic),
    /// Redeliveries to a stage.
    Retry(usize, Topic),
    /// Ticks of a live world.
    Clock,
    /// Promises.
    Progress,
    /// Rows of a stage's store.
    Changelog(usize, StoreId),
}

/// One unit in one world.
pub(crate) struct Plan {
    pub topology: Topology,
    pub codec: Arc<dyn Codec>,
    pub world: World,
    pub order: Order,
    pub limits: Limits,
    /// The unit's stages, by place in the topology.
    pub stages: Vec<usize>,
    /// What each stage of the topology reads, redeliveries included.
    inputs: Vec<Vec<Topic>>,
    names: BTreeMap<Topic, Arc<str>>,
    changelogs: HashMap<(usize, StoreId), Arc<str>>,
    routes: HashMap<Arc<str>, Route>,
}

impl Plan {
    /// The plan of the stages of `unit`; a unit without stages is one of a source.
    pub(crate) fn new(topology: Topology, codec: Arc<dyn Codec>, world: World, order: Order, limits: Limits, unit: &str) -> Self {
        let stages: Vec<usize> = (0..topology.stages.len()).filter(|i| topology.stages[*i].unit == unit).collect();
        let names: BTreeMap<Topic, Arc<str>> =
            topology.partitions.keys().chain([&topology.progress]).map(|t| (*t, world.topic(t).into())).collect();
        let changelogs = stages.iter().flat_map(|index| {
            let stage = &topology.stages[*index];
            let name = |store| world.changelog(stage.name, store).into();
            Topology::stores(stage).enumerate().map(move |(id, store)| ((*index, id), name(store)))
        });
        let changelogs: HashMap<(usize, StoreId), Arc<str>> = changelogs.collect();
        let mut routes: HashMap<Arc<str>, Route> =
            names.iter().map(|(topic, name)| (Arc::clone(name), Route::Topic(topic))).collect();
        let retries = stages.iter().filter_map(|index| Some((*index, topology.retry(&topology.stages[*index])?)));
        routes.extend(retries.map(|(stage, topic)| (Arc::clone(&names[topic]), Route::Retry(stage, topic))));
        routes.extend(topology.clock().map(|topic| (Arc::clone(&names[topic]), Route::Clock)));
        let inputs = topology.stages.iter().map(|stage| topology.inputs(stage).collect()).collect();
        routes.extend(changelogs.iter().map(|((stage, store), name)| (Arc::clone(name), Route::Changelog(*stage, *store))));
        routes.insert(Arc::clone(&names[topology.progress]), Route::Progress);
        Self { topology, codec, world, order, limits, stages, inputs, names, changelogs, routes }
    }

    /// What a topic of the cluster is.
    pub(crate) fn route(&self, topic: &str) -> Option<Route> {
        self.routes.get(topic).copied()
    }

    /// A partition of one of the topology's topics.
    pub(crate) fn place(&self, topic: Topic, partition: i32) -> Place {
        let topic = self.names.get(topic).cloned().unwrap_or_else(|| self.world.topic(topic).into());
        Place { topic, partition }
    }

    /// A task's partition of a store's changelog.
    pub(crate) fn changelog(&self, stage: usize, store: StoreId, partition: i32) -> Place {
        let topic = self.changelogs.get(&(stage, store)).cloned().unwrap_or_else(|| "".into());
        Place { topic, partition }
    }

    /// Whether writers promise; only with an envelope do they.
    pub(crate) fn promises(&self) -> bool {
        self.codec.envelope() == Envelope::CloudEvents
    }

    /// Every partition of the progress topic.
    pub(crate) fn progress(&self) -> impl Iterator<Item = Place> + '_ {
        let topic = self.topology.progress;
        let count = if self.promises() { self.topology.partition_count(topic) } else { 0 };
        (0..count).map(move |partition| self.place(topic, partition))
    }

    /// How an operator makes the world's topics as they should be.
    pub(crate) fn remake(&self) -> String {
        let world = self.world_option();
        format!("`topics delete{world}` and `topics apply{world}` make the topics anew")
    }

    /// What to do about a changelog that has lost what was in it.
    pub(crate) fn changelog_gone(&self, place: &Place, before: i64) -> String {
        format!(
            "{place}: rows up to offset {before} were written, and are not there any more: the changelog was made anew under \
             the pipeline, which would go on without its state; drop the world and start it anew: {}",
            self.remake()
        )
    }

    /// The option that names the world.
    pub(crate) fn world_option(&self) -> String {
        self.world.name().map(|name| format!(" --world {name}")).unwrap_or_default()
    }

    /// Where the ticks are; every process reads them by hand.
    pub(crate) fn clock(&self) -> Option<Place> {
        self.topology.clock().map(|topic| self.place(topic, 0))
    }

    /// The inputs of a task.
    pub(crate) fn inputs(&self, stage: usize) -> &[Topic] {
        &self.inputs[stage]
    }

    /// Hands a record to `send` as it is written: its place, envelope and framing. Returns its partition and size.
    pub(crate) fn outgoing(
        &self,
        record: &Record,
        framed: &mut Vec<u8>,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(i32, usize), LogError> {
        self.outgoing_to(record.topic, record, &[], framed, send)
    }

    /// As [`Self::outgoing`], but to another topic, under the schemas of its own, with `more` headers. What could not be read
    /// goes as it was, without a type.
    pub(crate) fn outgoing_to(
        &self,
        topic: Topic,
        record: &Record,
        more: &[(&'static str, String)],
        framed: &mut Vec<u8>,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(i32, usize), LogError> {
        framed.clear();
        match &record.body {
            Some(body) if record.rank == UNREADABLE => framed.extend_from_slice(body),
            Some(body) => self.frame(record.topic, record.rank, body, framed)?,
            None => {}
        }
        let (key, headers) = match self.codec.envelope() {
            Envelope::CloudEvents => (record.key.as_bytes().into(), self.headers_of(record, more)),
            Envelope::None => (plain::bytes_of(&record.key), Vec::new()),
        };
        let place = self.place(topic, of_key(&key, self.topology.partition_count(topic)));
        send(Outgoing {
            topic: &place.topic,
            partition: place.partition,
            timestamp: Some(record.timestamp),
            key: &key,
            value: record.body.as_ref().map(|_| framed.as_slice()),
            headers: &headers,
        })?;
        Ok((place.partition, framed.len() + key.len()))
    }

    fn headers_of(&self, record: &Record, more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        let mut headers = record.headers(self.codec.type_name(record.rank));
        if record.rank == UNREADABLE {
            headers.retain(|(name, _)| *name != header::TYPE);
        }
        headers.extend_from_slice(more);
        headers
    }

    /// Hands a promise to `send` as it is written.
    pub(crate) fn promise(
        &self,
        promise: &Promise,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.on_progress(&promise_key(&promise.writer, promise.partition), &self.codec.promise(promise), send)
    }

    /// Hands the world's declaration to `send` as it is written.
    pub(crate) fn declaration(
        &self,
        declaration: &crate::world::Declaration,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        self.on_progress(crate::world::DECLARATION_KEY, &self.codec.declaration(declaration), send)
    }

    /// Hands a tick of the live clock to `send` as it is written.
    pub(crate) fn tick(&self, at: Ts, send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>) -> Result<(), LogError> {
        let Some(topic) = self.topology.clock() else { return Ok(()) };
        self.own_record(topic, 0, Some(at), TICK_KEY, &self.codec.tick(at), send)
    }

    fn on_progress(
        &self,
        key: &str,
        encoded: &Encoded,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let topic = self.topology.progress;
        let partition = of_key(key.as_bytes(), self.topology.partition_count(topic));
        self.own_record(topic, partition, None, key, encoded, send)
    }

    /// A record of the runtime itself: framed, with its type and no other header.
    fn own_record(
        &self,
        topic: Topic,
        partition: i32,
        timestamp: Option<Ts>,
        key: &str,
        encoded: &Encoded,
        send: &mut dyn FnMut(Outgoing<'_>) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut framed = Vec::new();
        self.frame(topic, encoded.rank, &encoded.body, &mut framed)?;
        let place = self.place(topic, partition);
        let headers = [(header::TYPE, self.codec.type_name(encoded.rank).to_owned())];
        send(Outgoing { topic: &place.topic, partition, timestamp, key: key.as_bytes(), value: Some(&framed), headers: &headers })
    }

    /// A body as it goes to a topic, under the schema that the registry has there.
    fn frame(&self, topic: &str, rank: u16, body: &[u8], framed: &mut Vec<u8>) -> Result<(), LogError> {
        let no_schema = |e| LogError::reopen(ErrorClass::Network, format_args!("{topic}: no schema id: {e}"));
        self.codec.encode(topic, rank, body, framed).map_err(no_schema)
    }
}
