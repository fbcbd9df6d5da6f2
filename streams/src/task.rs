//! One stage on one partition: state, timers, dead letters. The same in every way of running.
//!
//!     record ─► processor ─► outputs + state writes          poison: both undone, a dead letter instead
//!     instant passed ─► due timers, in order ─► the same
//!
//! Keeps the task's stores. Promises nothing about order: its driver hands in records as its mode demands.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::buffer::Redelivery;
use crate::codec::{Codec, Poison, Refused};
use crate::errors::ErrorCounts;
use crate::processor::{Cx, OUTPUT_BYTES_MAX, OUTPUTS_MAX, Ordinals, Processor, StoreId, Timer};
use crate::record::{FOREVER, Record, Topic, Ts, derive_id};
use crate::store::{Base, State};
use crate::topology::{Stage, Topology};

/// Rounds in which timers that are set for the current instant fire within it.
pub const TIMER_ROUNDS_MAX: usize = 16;
/// Timers looked up at once.
const TIMERS_AT_ONCE: usize = 1024;

/// What a task has done since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records processed.
    pub records: u64,
    /// Timers fired.
    pub timers: u64,
    /// Records written.
    pub outputs: u64,
    /// Late records.
    pub late: u64,
    /// Records that said nothing new.
    pub repeated: u64,
    /// Records handed in again by an operator.
    pub redelivered: u64,
    /// Dead letters by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// The same by class.
    pub errors: ErrorCounts,
}

/// One stage on one partition.
pub struct Task {
    stage: &'static str,
    source: Arc<str>,
    processor: Box<dyn Processor>,
    codec: Arc<dyn Codec>,
    dead_letters: Topic,
    late: Topic,
    arrival: Option<Arrival>,
    /// The task's stores.
    pub state: State,
    /// What it has done.
    pub counts: Counts,
}

/// How records are stamped that come in arrival order: never behind an earlier instant of their key.
struct Arrival {
    /// Last instant of each key, above the floor.
    instants: StoreId,
    /// The task's promise: nothing is stamped before it.
    floor: Ts,
}

/// What a step handles.
#[derive(Clone, Copy)]
enum Input<'a> {
    /// A record, and how many times it was handed in again.
    Record(&'a Record, u32),
    Timer(&'a Timer),
}

impl<'a> Input<'a> {
    fn key(self) -> &'a str {
        match self {
            Self::Record(record, _) => &record.key,
            Self::Timer(timer) => &timer.key,
        }
    }
}

impl Task {
    /// A task over `bases`: one for each of the stage's stores, then one for the timers.
    #[must_use]
    pub fn new(topology: &Topology, stage: &Stage, codec: Arc<dyn Codec>, bases: Vec<Box<dyn Base>>) -> Self {
        Self {
            stage: stage.name,
            source: format!("/processors/{}", stage.name).into(),
            processor: (stage.make)(),
            codec,
            dead_letters: topology.dead_letters,
            late: topology.late,
            arrival: None,
            state: State::new(bases),
            counts: Counts::default(),
        }
    }

    /// Stamps what it writes for records in arrival order: at the last instant of their key, kept in store `instants`,
    /// or later, and not before `floor`.
    #[must_use]
    pub fn in_arrival_order(mut self, instants: StoreId, floor: Ts) -> Self {
        self.arrival = Some(Arrival { instants, floor });
        self
    }

    /// In arrival order, nothing is stamped before `floor` from here on, and instants below it are forgotten.
    pub fn raise_floor(&mut self, floor: Ts) {
        let Some(arrival) = &mut self.arrival else { return };
        if floor == FOREVER {
            return; // the world has ended: what an operator still hands in stays at the instants of its keys
        }
        arrival.floor = floor;
        let store = arrival.instants;
        for (key, instant) in self.state.scan(store, b"") {
            if read_instant(&instant).is_none_or(|instant| instant <= floor) {
                self.state.set(store, &key, None);
            }
        }
        self.state.keep_step();
    }

    /// Gives up the stores, with what was done so far.
    #[must_use]
    pub fn close(self) -> (State, Counts) {
        (self.state, self.counts)
    }

    /// Goes on with stores and counts of an earlier task of the same stage and partition.
    #[must_use]
    pub fn reopen(topology: &Topology, stage: &Stage, codec: Arc<dyn Codec>, kept: (State, Counts)) -> Self {
        let (state, counts) = kept;
        Self { state, counts, ..Self::new(topology, stage, codec, Vec::new()) }
    }

    /// Takes a record at instant `now`; what it causes is appended to `out`.
    pub fn process(&mut self, record: &Record, now: Ts, out: &mut Vec<Record>) {
        self.counts.records += 1;
        self.step(Input::Record(record, 0), now, out);
    }

    /// Refuses a record that could not even be read.
    pub fn refuse(&mut self, record: &Record, poison: &Poison, now: Ts, out: &mut Vec<Record>) {
        self.dead_letter(Input::Record(record, 0), poison, now, out);
    }

    /// Takes a record that it had refused before and that an operator hands in again; refused once more if `poison` says why.
    pub fn redeliver(&mut self, redelivery: &Redelivery, poison: Option<&Poison>, now: Ts, out: &mut Vec<Record>) {
        self.counts.redelivered += 1;
        match poison {
            Some(poison) => self.dead_letter(Input::Record(&redelivery.record, redelivery.times), poison, now, out),
            None => self.step(Input::Record(&redelivery.record, redelivery.times), now, out),
        }
    }

    /// Takes note of a record that comes after its instant was closed: counted, and copied to the side output.
    pub fn late(&mut self, record: &Record, now: Ts, out: &mut Vec<Record>) {
        self.counts.late += 1;
        self.letter(
            self.late,
            Input::Record(record, 0),
            &Poison::processing("late", "stamped before what was promised"),
            now,
            out,
        );
    }

    /// When the earliest timer is due.
    pub fn next_due(&mut self) -> Option<Ts> {
        self.state.next_due()
    }

    /// Fires the timers due at or before `now`, in order of (due, key, kind).
    ///
    /// Timers that these set for the same instant fire too, in rounds; after [`TIMER_ROUNDS_MAX`] the rest is refused.
    pub fn fire(&mut self, now: Ts, out: &mut Vec<Record>) {
        for round in 0.. {
            let mut fired = false;
            while self.next_due().is_some_and(|due| due <= now) {
                let due = self.state.due(now, TIMERS_AT_ONCE);
                // Timers set while these fire belong to the next round.
                for timer in &due {
                    self.state.take_timer(timer);
                }
                self.state.keep_step();
                for timer in &due {
                    self.counts.timers += 1;
                    if round < TIMER_ROUNDS_MAX {
                        self.step(Input::Timer(timer), timer.due, out);
                    } else {
                        let poison = Poison::processing(
                            "timer loop",
                            format_args!("more than {TIMER_ROUNDS_MAX} rounds at {}", timer.due),
                        );
                        self.dead_letter(Input::Timer(timer), &poison, timer.due, out);
                    }
                }
                fired = true;
                if due.len() < TIMERS_AT_ONCE {
                    break;
                }
            }
            if !fired {
                return;
            }
        }
    }

    /// The instant of a step: in arrival order not behind the key's last one.
    fn stamp(&mut self, input: Input<'_>, now: Ts) -> Ts {
        let Some(arrival) = &self.arrival else { return now };
        let (store, key) = (arrival.instants, input.key().as_bytes());
        let last = self.state.get(store, key).as_deref().and_then(read_instant);
        let stamp = now.max(arrival.floor).max(last.unwrap_or(Ts::MIN));
        if last != Some(stamp) {
            self.state.set(store, key, Some(stamp.to_be_bytes().into()));
            self.state.keep_step();
        }
        stamp
    }

    fn step(&mut self, input: Input<'_>, now: Ts, out: &mut Vec<Record>) {
        let now = self.stamp(input, now);
        let first_out = out.len();
        let mut cx = self.cx(input, now, out);
        let (processor, mut cx) = (&mut cx.0, cx.1);
        let mut result = match input {
            Input::Record(record, _) => processor.process(&mut cx, record),
            Input::Timer(timer) => processor.on_timer(&mut cx, timer),
        };
        let (late, repeated, refused) = (cx.late, cx.repeated, std::mem::take(&mut cx.refused));
        if out.len() - first_out > OUTPUTS_MAX {
            result = Err(Poison::resource("too many outputs", format_args!("more than {OUTPUTS_MAX}")));
        }
        if let Some((topic, bytes)) = out[first_out..].iter().find_map(too_long) {
            let error = format_args!("{bytes} bytes for `{topic}`; at most {OUTPUT_BYTES_MAX}");
            result = Err(Poison::resource("output too long", error));
        }
        match result {
            Ok(()) => {
                self.counts.repeated += u64::from(repeated);
                self.state.keep_step();
                for (held, poison) in &refused {
                    self.dead_letter(Input::Record(held, 0), poison, now, out);
                }
            }
            Err(poison) => {
                self.state.undo_step();
                out.truncate(first_out);
                self.dead_letter(input, &poison, now, out);
            }
        }
        if late {
            self.counts.late += 1;
            self.letter(self.late, input, &Poison::processing("late", "after its window or leg was closed"), now, out);
        }
        self.counts.outputs += (out.len() - first_out) as u64;
    }

    fn cx<'a>(&'a mut self, input: Input<'a>, now: Ts, out: &'a mut Vec<Record>) -> (&'a mut dyn Processor, Cx<'a>) {
        let (key, cause, correlation, organisation) = match input {
            Input::Record(record, _) => {
                (&*record.key, record.event.id, record.event.correlation, record.event.organisation.clone())
            }
            Input::Timer(timer) => {
                let cause = timer_cause(self.stage, timer);
                (&*timer.key, cause, cause, None)
            }
        };
        let first_out = out.len();
        let cx = Cx {
            stage: self.stage,
            source: &self.source,
            key,
            now,
            cause,
            correlation,
            organisation,
            state: &mut self.state,
            out,
            first_out,
            ordinals: Ordinals::default(),
            envelope: self.codec.envelope(),
            late: false,
            repeated: false,
            refused: Vec::new(),
        };
        (&mut *self.processor, cx)
    }

    fn dead_letter(&mut self, input: Input<'_>, poison: &Poison, now: Ts, out: &mut Vec<Record>) {
        *self.counts.refused.entry(poison.reason).or_default() += 1;
        self.counts.errors.note(poison.class);
        self.letter(self.dead_letters, input, poison, now, out);
    }

    fn letter(&mut self, topic: Topic, input: Input<'_>, poison: &Poison, now: Ts, out: &mut Vec<Record>) {
        let (record, redeliveries) = match input {
            Input::Record(record, times) => (Some(record), times),
            Input::Timer(_) => (None, 0),
        };
        let letter = self.codec.refused(&Refused { stage: self.stage, poison, record, redeliveries });
        let (_, mut cx) = self.cx(input, now, out);
        // The same cause is refused anew with each redelivery: its letters are told apart by their number.
        cx.ordinals = Ordinals::from(redeliveries as usize);
        let key = cx.key.to_owned();
        cx.emit(topic, &key, letter.rank, Some(letter.body));
    }
}

fn too_long(record: &Record) -> Option<(Topic, usize)> {
    let bytes = record.body.as_ref().map_or(0, |body| body.len());
    (bytes > OUTPUT_BYTES_MAX).then_some((record.topic, bytes))
}

fn read_instant(row: &[u8]) -> Option<Ts> {
    Some(Ts::from_be_bytes(row.try_into().ok()?))
}

/// Cause id of what a timer emits: UUIDv5(stage, key, kind, due), and what of the key it concerns.
fn timer_cause(stage: &str, timer: &Timer) -> uuid::Uuid {
    let due = timer.due.to_string();
    let kind = timer.kind.to_string();
    let parts: [&[u8]; 5] = [stage.as_bytes(), timer.key.as_bytes(), kind.as_bytes(), due.as_bytes(), &timer.sub];
    derive_id(if timer.sub.is_empty() { &parts[..4] } else { &parts })
}
