//! One task: what a poisoned record leaves behind, in which order timers fire, what is late.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use std::collections::BTreeMap;
use std::sync::Arc;

use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::store::{Base, Memory};
use slipstream_streams::task::{TIMER_ROUNDS_MAX, Task};
use slipstream_streams::topology::{Stage, Topology};
use toy::{DEAD, LATE, PROGRESS, READINGS, TOTALS, codec, reading};

/// Does what the record's body says, a command a line.
struct Script;

fn obey(cx: &mut Cx<'_>, script: &str) -> Result<(), Poison> {
    let key = cx.key().to_owned();
    for command in script.lines() {
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["put", sub, value] => cx.put(0, sub.as_bytes(), value.into()),
            ["delete", sub] => cx.delete(0, sub.as_bytes()),
            ["emit", body] => drop(cx.emit(TOTALS, &key, 2, Some(body.into()))),
            ["show"] => {
                let rows = cx.scan(0, b"").into_iter().map(|(k, v)| [k, v].concat()).collect::<Vec<_>>().join(&b' ');
                cx.emit(TOTALS, &key, 2, Some(rows));
            }
            ["timer", kind, due] => cx.set_timer(kind.parse().unwrap(), b"", due.parse().unwrap()),
            ["cancel", kind] => cx.cancel_timer(kind.parse().unwrap(), b""),
            ["late"] => cx.late(),
            ["poison"] => return Err(Poison::new("poison", "as told")),
            _ => panic!("{command}"),
        }
    }
    Ok(())
}

impl Processor for Script {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let script = String::from_utf8(record.body.as_deref().unwrap().to_vec()).unwrap();
        obey(cx, &script)
    }

    /// Kind 7 sets itself again and again; kind 8 is poison; any other tells that it fired.
    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let script = match timer.kind {
            7 => format!("emit again\ntimer 7 {}", timer.due),
            8 => "emit never\nput a never\npoison".to_owned(),
            kind => format!("emit fired{kind}"),
        };
        obey(cx, &script)
    }
}

fn task() -> Task {
    let stage = Stage {
        name: "obey",
        unit: "toy",
        reads: &[READINGS],
        writes: &[TOTALS],
        stores: &["rows"],
        make: Arc::new(|| Box::new(Script)),
    };
    let topology =
        Topology { stages: vec![stage.clone()], partitions: BTreeMap::new(), dead_letters: DEAD, late: LATE, progress: PROGRESS };
    let bases = (0..3).map(|_| Box::new(Memory::default()) as Box<dyn Base>).collect();
    Task::new(&topology, &stage, codec(), bases)
}

/// Runs commands for a key at an instant; says what came out.
fn at(task: &mut Task, now: Ts, key: &str, script: &str) -> Vec<String> {
    let mut out = Vec::new();
    task.process(&reading(now as usize, READINGS, now, key, script), now, &mut out);
    lines(&out)
}

fn fire(task: &mut Task, now: Ts) -> Vec<String> {
    let mut out = Vec::new();
    task.fire(now, &mut out);
    lines(&out)
}

fn lines(out: &[Record]) -> Vec<String> {
    let line =
        |r: &Record| format!("{} {} {} {}", r.timestamp, r.topic, r.key, String::from_utf8_lossy(r.body.as_deref().unwrap()));
    out.iter().map(line).collect()
}

#[test]
fn poison_takes_back_rows_timers_and_outputs_of_its_record_only() {
    let mut task = task();
    assert_eq!(at(&mut task, 10, "k", "put a 1\nput b 2\ntimer 1 50"), [""; 0]);
    let letter = "20 dead k obey: poison: as told at readings";
    let script = "put a 9\nput c 9\ndelete b\nput a 8\nemit x\ntimer 1 30\ntimer 2 30\npoison";
    assert_eq!(at(&mut task, 20, "k", script), [letter]);
    assert_eq!(at(&mut task, 21, "k", "show"), ["21 totals k a1 b2"]);
    assert_eq!(task.next_due(), Some(50));
    assert_eq!(fire(&mut task, 49), [""; 0]);
    assert_eq!(fire(&mut task, 50), ["50 totals k fired1"]);
    assert_eq!(task.counts.refused, BTreeMap::from([("poison", 1)]));
}

#[test]
fn an_abort_takes_back_everything_since_the_commit() {
    let mut task = task();
    at(&mut task, 10, "k", "put a 1\nput b 2\ntimer 1 50");
    task.state.commit();
    at(&mut task, 11, "k", "put a 9\ndelete b\nput c 3\ncancel 1\ntimer 2 40");
    assert_eq!(at(&mut task, 12, "k", "show"), ["12 totals k a9 c3"]);
    task.state.abort();
    assert_eq!(at(&mut task, 13, "k", "show"), ["13 totals k a1 b2"]);
    assert_eq!(fire(&mut task, 99), ["50 totals k fired1"]);
}

#[test]
fn keys_do_not_see_each_other() {
    let mut task = task();
    at(&mut task, 1, "a", "put x 1");
    at(&mut task, 1, "a\u{1}", "put x 2");
    at(&mut task, 1, "ab", "put x 3");
    assert_eq!(at(&mut task, 2, "a", "show"), ["2 totals a x1"]);
    assert_eq!(at(&mut task, 2, "ab", "show"), ["2 totals ab x3"]);
}

#[test]
fn timers_fire_by_due_key_kind_and_only_once() {
    let mut task = task();
    at(&mut task, 1, "b", "timer 1 20\ntimer 2 10\ntimer 3 20");
    at(&mut task, 1, "a", "timer 2 20\ntimer 1 30\ntimer 3 -5");
    at(&mut task, 2, "b", "timer 1 21\ncancel 3\ncancel 4");
    let expected = ["1 totals a fired3", "10 totals b fired2", "20 totals a fired2", "21 totals b fired1", "30 totals a fired1"];
    assert_eq!(fire(&mut task, 30), expected);
    assert_eq!(fire(&mut task, 1_000), [""; 0]);
    assert_eq!(task.next_due(), None);
}

#[test]
fn a_timer_that_sets_itself_at_once_is_refused_in_the_end() {
    let mut task = task();
    at(&mut task, 5, "k", "timer 7 5");
    let found = fire(&mut task, 5);
    assert_eq!(found.len(), TIMER_ROUNDS_MAX + 1);
    assert_eq!(found[TIMER_ROUNDS_MAX - 1], "5 totals k again");
    assert!(found[TIMER_ROUNDS_MAX].starts_with("5 dead k obey: timer loop: more than 16 rounds at 5"), "{found:?}");
    assert_eq!(task.next_due(), None, "the task goes on");
}

#[test]
fn a_poisoned_timer_is_spent_and_leaves_nothing_else() {
    let mut task = task();
    at(&mut task, 5, "k", "put a 1\ntimer 8 6\ntimer 1 6");
    assert_eq!(fire(&mut task, 6), ["6 totals k fired1", "6 dead k obey: poison: as told at "]);
    assert_eq!(at(&mut task, 7, "k", "show"), ["7 totals k a1"]);
}

/// A changelog that was restored short: the row by instant is there, the row by key is not.
#[test]
fn a_timer_with_half_of_its_rows_fires_once() {
    let mut whole = task();
    at(&mut whole, 5, "k", "timer 1 6");
    let (store, rows) = whole.state.dirty().last().unwrap();
    let half = rows.clone().into_iter().filter(|(row, _)| row.starts_with(b"d")).collect();
    let mut task = task();
    task.state.restore(store, half, None);
    assert_eq!(fire(&mut task, 6), ["6 totals k fired1"]);
    assert_eq!(task.next_due(), None);
}

#[test]
fn a_late_record_is_counted_and_copied_aside() {
    let mut task = task();
    let found = at(&mut task, 5, "k", "emit x\nlate");
    assert_eq!(found, ["5 totals k x", "5 late k obey: late: after its window or leg was closed at readings"]);
    assert_eq!(task.counts.late, 1);
}

#[test]
fn in_arrival_order_no_key_goes_back_in_time() {
    let mut task = task().in_arrival_order(1, 3);
    assert_eq!(at(&mut task, 1, "k", "emit x"), ["3 totals k x"], "the floor");
    assert_eq!(at(&mut task, 30, "k", "emit x\ntimer 1 31"), ["30 totals k x"]);
    assert_eq!(at(&mut task, 40, "k", "emit x"), ["40 totals k x"]);
    assert_eq!(at(&mut task, 20, "k", "emit x"), ["40 totals k x"], "the key's last instant");
    assert_eq!(at(&mut task, 20, "other", "emit x"), ["20 totals other x"]);
    assert_eq!(fire(&mut task, 31), ["40 totals k fired1"]);
    let rows = task.state.dirty().find(|(store, _)| *store == 1).map(|(_, rows)| rows.len());
    assert_eq!(rows, Some(2));
    task.state.commit();
    task.raise_floor(39);
    task.state.commit();
    assert_eq!(at(&mut task, 20, "other", "emit x"), ["39 totals other x"], "forgotten below the floor, which holds");
    assert_eq!(at(&mut task, 20, "k", "emit x"), ["40 totals k x"], "kept above it");
}
