//! The line and the buffer: whatever the interleaving of partitions, writers and promises, a task takes its records in
//! reference order, and takes them all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use std::sync::Arc;

use proptest::prelude::*;
use slipstream_streams::buffer::{Arrived, Buffer, Order};
use slipstream_streams::codec::Promise;
use slipstream_streams::progress::{Line, View, source_writer};
use slipstream_streams::record::{FOREVER, Record, Ts};
use slipstream_streams::world::Declaration;
use toy::{CORRECTIONS, READINGS};

const TOPICS: [&str; 2] = [READINGS, CORRECTIONS];

fn promise(writer: &str, progress: Ts, written: &[(&str, i32, i64)]) -> Promise {
    let written = written.iter().map(|(topic, partition, offset)| ((*topic).to_owned(), *partition, *offset)).collect();
    Promise { writer: writer.to_owned(), partition: 0, progress, written, read: Vec::new(), position: 0 }
}

#[test]
fn a_promise_counts_once_everything_before_it_is_read() {
    let mut line = Line::new(2, vec![(READINGS, 5), (CORRECTIONS, 0)], vec![("a".to_owned(), 0), ("b".to_owned(), 0)]);
    line.promise(&promise("a", 100, &[(READINGS, 2, 7), (READINGS, 1, 99)]));
    assert_eq!(line.reached(), None, "b has promised nothing");
    line.promise(&promise("b", 50, &[]));
    assert_eq!(line.reached(), None, "a's records are not read");
    line.read(READINGS, 6);
    assert_eq!(line.reached(), None);
    line.read(READINGS, 7);
    assert_eq!(line.reached(), Some(50), "what a wrote to another partition is not ours");
    line.promise(&promise("b", FOREVER, &[(CORRECTIONS, 2, 1)]));
    line.promise(&promise("stranger", 1, &[]));
    assert_eq!(line.reached(), Some(50));
    line.read(CORRECTIONS, 3);
    assert_eq!(line.reached(), Some(100));
}

#[test]
fn the_slowest_is_the_start_until_everybody_has_promised() {
    let topology = toy::topology(2, 1);
    let mut view = View::new(&topology);
    assert_eq!(view.slowest(), None, "the world is not declared");
    view.promise(promise("source:gone", 1, &[]));
    view.declare(Declaration { sources: vec!["s".to_owned()], start: 10, live: false });
    for (writer, partition) in [("count", 0), ("count", 1), ("sum", 0), ("source:s", 0)] {
        assert_eq!(view.slowest(), Some(10), "{writer} {partition} has promised nothing");
        assert!(!view.complete());
        view.promise(Promise { partition, ..promise(writer, FOREVER, &[]) });
    }
    assert!(view.complete(), "a source that is not declared holds nobody");
    assert_eq!(view.writers_of(&topology, READINGS), vec![(source_writer("s"), 0)]);
}

/// What one writer does: after each record a step of time, perhaps a promise.
#[derive(Debug, Clone)]
struct Act {
    topic: usize,
    passes: Ts,
    key: u8,
    promises: bool,
}

fn act() -> impl Strategy<Value = Act> {
    (0..2_usize, 0..3_i64, any::<u8>(), any::<bool>()).prop_map(|(topic, passes, key, promises)| Act {
        topic,
        passes,
        key,
        promises,
    })
}

proptest! {
    /// Writers write to two topics; the reader reads partitions and promises in any interleaving that a log allows.
    #[test]
    fn any_interleaving_gives_the_reference_order(
        writers in prop::collection::vec(prop::collection::vec(act(), 0..30), 1..4),
        choices in prop::collection::vec(any::<u8>(), 400),
    ) {
        let (mut logs, mut promises) = ([Vec::<Record>::new(), Vec::new()], Vec::new());
        let mut turn = vec![(0_usize, 1_i64); writers.len()];
        let mut choices = choices.into_iter().cycle();
        // Write everything, in some interleaving of the writers.
        while let Some(writer) = {
            let open: Vec<usize> = (0..writers.len()).filter(|w| turn[*w].0 <= writers[*w].len()).collect();
            (!open.is_empty()).then(|| open[usize::from(choices.next().unwrap()) % open.len()])
        } {
            let (step, now) = turn[writer];
            turn[writer].0 += 1;
            let ends = |logs: &[Vec<Record>; 2]| [(TOPICS[0], 0, logs[0].len() as i64), (TOPICS[1], 0, logs[1].len() as i64)];
            let name = writer.to_string();
            let Some(act) = writers[writer].get(step) else {
                promises.push(promise(&name, FOREVER, &ends(&logs)));
                continue;
            };
            let at = now + act.passes;
            turn[writer].1 = at;
            let number = logs[0].len() + logs[1].len();
            let mut record = toy::reading(number, TOPICS[act.topic], at, &format!("k{}", act.key), "1");
            (record.partition, record.offset) = (0, logs[act.topic].len() as i64);
            logs[act.topic].push(record);
            if act.promises {
                promises.push(promise(&name, at, &ends(&logs)));
            }
        }
        // Read everything, in some interleaving of the partitions and the promises.
        let names = (0..writers.len()).map(|writer| (writer.to_string(), 0)).collect();
        let mut line = Line::new(0, vec![(TOPICS[0], 0), (TOPICS[1], 0)], names);
        let (mut buffer, mut taken, mut read) = (Buffer::default(), Vec::new(), [0, 0, 0]);
        let lengths = [logs[0].len(), logs[1].len(), promises.len()];
        while read != lengths {
            let open: Vec<usize> = (0..3).filter(|i| read[*i] < lengths[*i]).collect();
            let what = open[usize::from(choices.next().unwrap()) % open.len()];
            read[what] += 1;
            if what == 2 {
                line.promise(&promises[read[2] - 1]);
            } else {
                buffer.push(Order::EventTime, Arrived { record: Arc::new(logs[what][read[what] - 1].clone()), poison: None, redelivery: None });
                line.read(TOPICS[what], read[what] as i64);
            }
            let reached = line.reached();
            while let Some(instant) = buffer.first_instant().filter(|at| reached.is_some_and(|reached| *at < reached)) {
                taken.extend(buffer.take_instant(instant).into_iter().map(|arrived| arrived.record));
            }
            for (topic, log) in TOPICS.into_iter().zip(&logs) {
                let is_open = |record: &&Record| !taken.iter().any(|t| t.event.id == record.event.id);
                let first_open = log.iter().take(read[usize::from(topic == TOPICS[1])]).find(is_open);
                prop_assert_eq!(buffer.lowest(topic), first_open.map(|record| record.offset));
            }
        }
        let mut expected: Vec<Record> = logs.into_iter().flatten().collect();
        expected.sort_by(|a, b| a.order().cmp(&b.order()));
        let taken: Vec<Record> = taken.into_iter().map(|record| (*record).clone()).collect();
        prop_assert!(buffer.is_empty());
        prop_assert_eq!(taken, expected);
    }

    /// However many promises wait, the line never passes one whose records are not read, and ends at the last.
    #[test]
    fn many_waiting_promises_never_lift_the_line_too_far(steps in prop::collection::vec(1..5_i64, 100..300)) {
        let mut line = Line::new(0, vec![(READINGS, 0)], vec![("w".to_owned(), 0)]);
        let mut made = Vec::new();
        let (mut at, mut offset) = (0, 0);
        for step in steps {
            at += step;
            offset += step;
            line.promise(&promise("w", at, &[(READINGS, 0, offset)]));
            made.push((at, offset));
        }
        for read in 0..=offset {
            line.read(READINGS, read);
            let allowed = made.iter().rev().find(|(_, needs)| *needs <= read).map(|(at, _)| *at);
            prop_assert!(line.reached() <= allowed);
        }
        prop_assert_eq!(line.reached(), Some(at));
    }
}
