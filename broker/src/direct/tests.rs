//! Random programs of producers, transactions, time and restarts, held against an oracle of a few lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::{Change, Direct, Producer};
use crate::model::{Code, Isolation, Limits, Model, Record};

const START: i64 = 1_700_000_000_000;
const TIMEOUT_MS: i64 = 1_000;
const PARTITIONS: i32 = 2;
const IDS: usize = 3;
/// So little that segments close, are shelved and are read back all the time.
const TINY: Limits = Limits { memory_bytes: 600 };
const SMALL_SEGMENTS: &[(&str, &str)] = &[("segment.bytes", "400"), ("retention.ms", "-1")];

#[derive(Debug, Clone)]
enum Step {
    /// A transactional producer sends some records to a partition.
    Send { id: usize, partition: i32, count: usize },
    /// Somebody without a transaction sends one.
    Plain { partition: i32 },
    /// A producer ends its transaction.
    End { id: usize, commit: bool },
    /// A producer starts anew.
    Init { id: usize },
    /// Time passes, ms.
    Wait { ms: i64 },
    /// The broker dies and comes back on what it kept.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..IDS, 0..PARTITIONS, 1..4_usize).prop_map(|(id, partition, count)| Step::Send { id, partition, count }),
        2 => (0..PARTITIONS).prop_map(|partition| Step::Plain { partition }),
        3 => (0..IDS, any::<bool>()).prop_map(|(id, commit)| Step::End { id, commit }),
        1 => (0..IDS).prop_map(|id| Step::Init { id }),
        2 => (1..700_i64).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Restart),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open(usize),
    Counts,
    Never,
    Marker,
}

/// What a correct broker holds: every offset with its value and its fate.
#[derive(Default)]
struct Oracle {
    logs: BTreeMap<i32, Vec<(String, Fate)>>,
    /// Since when, and on which partitions, a producer's transaction is open.
    open: BTreeMap<usize, (i64, Vec<i32>)>,
    fenced: BTreeMap<usize, bool>,
    sent: usize,
}

impl Oracle {
    fn value(&mut self) -> String {
        self.sent += 1;
        format!("v{}", self.sent)
    }

    fn write(&mut self, partition: i32, value: &str, fate: Fate) {
        self.logs.entry(partition).or_default().push((value.to_owned(), fate));
    }

    fn end(&mut self, id: usize, commit: bool) {
        let Some((_, partitions)) = self.open.remove(&id) else { return };
        for partition in partitions {
            let log = self.logs.entry(partition).or_default();
            let ended = if commit { Fate::Counts } else { Fate::Never };
            log.iter_mut().filter(|(_, fate)| *fate == Fate::Open(id)).for_each(|(_, fate)| *fate = ended);
            log.push((String::new(), Fate::Marker));
        }
    }

    fn pass(&mut self, now: i64) {
        let late: Vec<usize> = self.open.iter().filter(|(_, (since, _))| since + TIMEOUT_MS <= now).map(|(id, _)| *id).collect();
        for id in late {
            self.end(id, false);
            self.fenced.insert(id, true);
        }
    }

    fn visible(&self, partition: i32, isolation: Isolation) -> Vec<(i64, String)> {
        let log = self.logs.get(&partition).map(Vec::as_slice).unwrap_or_default();
        let stable = log.iter().position(|(_, fate)| matches!(fate, Fate::Open(_))).unwrap_or(log.len());
        let shown = |(_, (_, fate)): &(i64, &(String, Fate))| match isolation {
            Isolation::Committed => *fate == Fate::Counts,
            Isolation::Uncommitted => *fate != Fate::Marker,
        };
        let until = if isolation == Isolation::Committed { stable } else { log.len() };
        (0..).zip(&log[..until]).filter(shown).map(|(offset, (value, _))| (offset, value.clone())).collect()
    }
}

struct World<'a> {
    direct: Direct,
    oracle: Oracle,
    producers: Vec<Producer>,
    plain: Producer,
    kept: Option<&'a Path>,
}

impl<'a> World<'a> {
    fn new(kept: Option<&'a Path>) -> Self {
        let mut direct = match kept {
            Some(root) => Direct::on(Model::open(START, TINY, root).unwrap()),
            None => Direct::new(START),
        };
        direct.create_topic("t", PARTITIONS, SMALL_SEGMENTS).unwrap();
        let timeout = i32::try_from(TIMEOUT_MS).unwrap();
        let producers = (0..IDS).map(|id| direct.init_producer(Some(&format!("id{id}")), timeout).unwrap()).collect();
        let plain = direct.init_producer(None, timeout).unwrap();
        Self { direct, oracle: Oracle::default(), producers, plain, kept }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Send { id, partition, count } => self.send(id, partition, count),
            Step::Plain { partition } => {
                let value = self.oracle.value();
                self.direct.produce(&mut self.plain, "t", partition, &[record(&value, START)]).unwrap();
                self.oracle.write(partition, &value, Fate::Counts);
            }
            Step::End { id, commit } => {
                let open = self.oracle.open.contains_key(&id);
                let fenced = self.oracle.fenced.get(&id) == Some(&true);
                let ended = self.direct.end_transaction(&self.producers[id], commit);
                if fenced {
                    assert_eq!(ended, Err(Code::ProducerFenced));
                } else if open {
                    assert_eq!(ended, Ok(()));
                    self.oracle.end(id, commit);
                }
            }
            Step::Init { id } => {
                self.oracle.end(id, false);
                self.oracle.fenced.insert(id, false);
                let zombie = self.producers[id].clone();
                let timeout = i32::try_from(TIMEOUT_MS).unwrap();
                self.producers[id] = self.direct.init_producer(Some(&format!("id{id}")), timeout).unwrap();
                assert_eq!(self.direct.add_partitions(&zombie, &[("t", 0)]), Err(Code::ProducerFenced));
            }
            Step::Wait { ms } => {
                let now = self.direct.now() + ms;
                self.direct.advance(now);
                self.oracle.pass(now);
            }
            Step::Restart => self.restart(),
        }
    }

    fn send(&mut self, id: usize, partition: i32, count: usize) {
        let producer = &mut self.producers[id];
        let added = self.direct.add_partitions(producer, &[("t", partition)]);
        if self.oracle.fenced.get(&id) == Some(&true) {
            assert_eq!(added, Err(Code::ProducerFenced));
            let refused = self.direct.produce(producer, "t", partition, &[record("zombie", START)]);
            assert_eq!(refused, Err(Code::InvalidProducerEpoch));
            return;
        }
        added.unwrap();
        let values: Vec<String> = (0..count).map(|_| self.oracle.value()).collect();
        let records: Vec<Record> = values.iter().map(|value| record(value, START)).collect();
        let offset = self.direct.produce(producer, "t", partition, &records).unwrap();
        assert_eq!(offset, i64::try_from(self.oracle.logs.get(&partition).map_or(0, Vec::len)).unwrap());
        values.iter().for_each(|value| self.oracle.write(partition, value, Fate::Open(id)));
        let open = self.oracle.open.entry(id).or_insert((self.direct.now(), Vec::new()));
        if !open.1.contains(&partition) {
            open.1.push(partition);
        }
    }

    fn restart(&mut self) {
        let Some(root) = self.kept else { return };
        let now = self.direct.now();
        // The folder is locked while a broker holds it.
        self.direct = Direct::new(now);
        self.direct = Direct::on(Model::open(now, TINY, root).unwrap());
    }

    fn check(&mut self) {
        for partition in 0..PARTITIONS {
            for isolation in [Isolation::Committed, Isolation::Uncommitted] {
                let expected = self.oracle.visible(partition, isolation);
                assert_eq!(read(&mut self.direct, "t", partition, isolation), expected, "{partition} {isolation:?}");
            }
            let end = self.oracle.logs.get(&partition).map_or(0, Vec::len);
            assert_eq!(self.direct.watermarks("t", partition).unwrap().end, i64::try_from(end).unwrap());
        }
    }
}

fn record(value: &str, timestamp: i64) -> Record {
    Record { timestamp, value: Some(Bytes::copy_from_slice(value.as_bytes())), ..Record::default() }
}

/// Everything that a reader sees, fetched in pieces.
fn read(direct: &mut Direct, topic: &str, partition: i32, isolation: Isolation) -> Vec<(i64, String)> {
    let mut from = direct.watermarks(topic, partition).unwrap().start;
    let mut seen = Vec::new();
    loop {
        let fetched = direct.fetch(topic, partition, from, 200, isolation).unwrap();
        let text = |r: Record| (r.offset, String::from_utf8_lossy(&r.value.unwrap_or_default()).into_owned());
        seen.extend(fetched.records.into_iter().map(text));
        if fetched.next == from {
            return seen;
        }
        from = fetched.next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn readers_see_what_the_oracle_says(steps in vec(step(), 1..60)) {
        let mut world = World::new(None);
        for step in &steps {
            world.run(step);
            world.check();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn readers_see_it_after_any_restart_too(steps in vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::new(Some(folder.path()));
        for step in &steps {
            world.run(step);
        }
        world.check();
        world.run(&Step::Restart);
        world.check();
    }

    /// Of a compacted topic, a reader of everything ends with the same table as if nothing had been cleaned.
    #[test]
    fn cleaning_keeps_the_last_of_each_key(
        writes in vec((0..6_u8, any::<bool>(), 0..3_u8), 1..120),
        restarts in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut direct = Direct::on(Model::open(START, TINY, folder.path()).unwrap());
        let settings = [("cleanup.policy", "compact"), ("segment.bytes", "300"), ("delete.retention.ms", "1")];
        direct.create_topic("c", 1, &settings).unwrap();
        let mut producer = direct.init_producer(Some("writer"), 900_000).unwrap();
        let (mut table, mut written) = (BTreeMap::new(), BTreeMap::new());
        for (n, (key, lives, ending)) in writes.iter().enumerate() {
            let value = lives.then(|| format!("{n}"));
            direct.add_partitions(&producer, &[("c", 0)]).unwrap();
            let keyed = Record { key: Some(vec![*key].into()), value: value.clone().map(Bytes::from), timestamp: START, ..Record::default() };
            let offset = direct.produce(&mut producer, "c", 0, &[keyed]).unwrap();
            written.insert(offset, (*key, value.clone()));
            direct.end_transaction(&producer, *ending > 0).unwrap();
            if *ending > 0 {
                table.insert(*key, value);
            }
        }
        let end = direct.watermarks("c", 0).unwrap().end;
        direct.advance(START + 60_000);
        if restarts {
            drop(direct);
            direct = Direct::on(Model::open(START + 60_000, TINY, folder.path()).unwrap());
            direct.advance(START + 120_000);
        }
        let (mut from, mut seen) = (0, BTreeMap::new());
        loop {
            let fetched = direct.fetch("c", 0, from, 500, Isolation::Committed).unwrap();
            for record in &fetched.records {
                let (key, value) = &written[&record.offset];
                prop_assert_eq!((record.key.as_deref(), record.value.as_deref()), (Some(&[*key][..]), value.as_ref().map(String::as_bytes)));
                seen.insert(*key, value.clone());
            }
            if fetched.next == from { break }
            from = fetched.next;
        }
        let live = |table: &BTreeMap<u8, Option<String>>| table.iter().filter(|(_, v)| v.is_some()).map(|(k, v)| (*k, v.clone())).collect::<Vec<_>>();
        prop_assert_eq!(live(&seen), live(&table));
        prop_assert_eq!(direct.watermarks("c", 0).unwrap().end, end);
    }
}

#[test]
fn cleaning_does_remove_what_is_superseded() {
    let mut direct = Direct::new(START);
    direct.create_topic("c", 1, &[("cleanup.policy", "compact"), ("segment.bytes", "300")]).unwrap();
    let mut producer = direct.init_producer(None, 1_000).unwrap();
    for n in 0..100 {
        let keyed = Record { key: Some("k".into()), value: Some(format!("{n}").into()), timestamp: START, ..Record::default() };
        direct.produce(&mut producer, "c", 0, &[keyed]).unwrap();
    }
    direct.advance(START + 60_000);
    let left = read(&mut direct, "c", 0, Isolation::Committed);
    assert!(left.len() < 10, "{left:?}");
    assert_eq!(left.last().unwrap(), &(99, "99".to_owned()));
}

#[test]
fn a_gap_in_the_sequence_is_refused_and_a_repeat_is_acknowledged_again() {
    let mut direct = Direct::new(START);
    direct.create_topic("t", 1, &[]).unwrap();
    let mut producer = direct.init_producer(None, 1_000).unwrap();
    let mut before = producer.clone();
    assert_eq!(direct.produce(&mut producer, "t", 0, &[record("a", START), record("b", START)]), Ok(0));
    assert_eq!(direct.produce(&mut before, "t", 0, &[record("a", START), record("b", START)]), Ok(0), "the same batch again");
    assert_eq!(direct.watermarks("t", 0).unwrap().end, 2);
    let mut skipped = producer.clone();
    skipped.sequences.insert(("t".into(), 0), 7);
    assert_eq!(direct.produce(&mut skipped, "t", 0, &[record("d", START)]), Err(Code::OutOfOrderSequenceNumber));
    assert_eq!(direct.produce(&mut producer, "t", 0, &[record("c", START)]), Ok(2));
}

fn settle(direct: &mut Direct, members: &mut [&mut super::Member]) -> Vec<Vec<(String, i32)>> {
    let mut held = vec![Vec::new(); members.len()];
    for _ in 0..10 {
        for (member, held) in members.iter_mut().zip(&mut held) {
            match direct.poll(member).unwrap() {
                Some(Change::Assigned(partitions)) => *held = partitions,
                Some(Change::Revoked | Change::Lost) => direct.rejoin(member),
                None => {}
            }
        }
    }
    held
}

#[test]
fn members_share_by_range_and_a_stale_one_cannot_commit() {
    let mut direct = Direct::new(START);
    direct.create_topic("a", 3, &[]).unwrap();
    direct.create_topic("b", 3, &[]).unwrap();
    let mut first = direct.join("g", "one", None, 6_000, &["a", "b"]);
    assert_eq!(settle(&mut direct, &mut [&mut first])[0].len(), 6);
    let stale = first.clone();
    let mut second = direct.join("g", "two", None, 6_000, &["a", "b"]);
    let held = settle(&mut direct, &mut [&mut first, &mut second]);
    let places = |list: &[(&str, i32)]| list.iter().map(|(topic, part)| ((*topic).to_owned(), *part)).collect::<Vec<_>>();
    assert_eq!(held, [places(&[("a", 0), ("a", 1), ("b", 0), ("b", 1)]), places(&[("a", 2), ("b", 2)])]);

    let producer = direct.init_producer(Some("t"), 60_000).unwrap();
    assert_eq!(direct.send_offsets(&producer, &stale, &[("a", 0, 5)]), Err(Code::IllegalGeneration));
    direct.send_offsets(&producer, &first, &[("a", 0, 5)]).unwrap();
    assert_eq!(direct.committed("g", "a", 0), Err(Code::UnstableOffsetCommit));
    direct.end_transaction(&producer, true).unwrap();
    assert_eq!(direct.committed("g", "a", 0), Ok(Some(5)));

    // The second falls silent: at the end of its session the first gets everything.
    for _ in 0..8 {
        direct.advance(direct.now() + 1_000);
        let _beat = direct.poll(&mut first);
    }
    direct.rejoin(&mut first);
    assert_eq!(settle(&mut direct, &mut [&mut first])[0].len(), 6);
    assert_eq!(direct.poll(&mut second), Ok(Some(Change::Lost)));
}

#[test]
fn two_runs_of_the_same_calls_are_equal() {
    let run = || {
        let mut direct = Direct::new(START);
        direct.create_topic("a", 2, &[]).unwrap();
        let mut first = direct.join("g", "one", None, 6_000, &["a"]);
        let mut second = direct.join("g", "two", Some("static"), 6_000, &["a"]);
        let held = settle(&mut direct, &mut [&mut first, &mut second]);
        (format!("{first:?} {second:?}"), held)
    };
    assert_eq!(run(), run());
}

/// The files of a partition's open segments under a data folder.
fn open_segment(root: &Path) -> std::path::PathBuf {
    let folder = root.join("logs/t/0");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|kind| kind == "log")).unwrap()
}

#[test]
fn what_was_torn_by_the_death_of_the_process_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut direct = Direct::on(Model::open(START, Limits::default(), folder.path()).unwrap());
    direct.create_topic("t", 1, &[]).unwrap();
    let mut producer = direct.init_producer(None, 1_000).unwrap();
    for value in ["a", "b", "torn"] {
        direct.produce(&mut producer, "t", 0, &[record(value, START)]).unwrap();
    }
    drop(direct);
    let segment = std::fs::OpenOptions::new().write(true).open(open_segment(folder.path())).unwrap();
    segment.set_len(segment.metadata().unwrap().len() - 3).unwrap();
    let mut journal = std::fs::OpenOptions::new().append(true).open(folder.path().join("journal.jsonl")).unwrap();
    std::io::Write::write_all(&mut journal, b"{\"Topic\":{\"na").unwrap();

    let mut direct = Direct::on(Model::open(START, Limits::default(), folder.path()).unwrap());
    let values: Vec<String> = read(&mut direct, "t", 0, Isolation::Committed).into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["a", "b"]);
    let mut producer = direct.init_producer(None, 1_000).unwrap();
    assert_eq!(direct.produce(&mut producer, "t", 0, &[record("c", START)]), Ok(2));
}

#[test]
fn a_damaged_journal_and_a_folder_in_use_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Model::open(START, Limits::default(), folder.path()).map(|_| ()).map_err(|error| error.to_string());
    let first = Model::open(START, Limits::default(), folder.path()).unwrap();
    assert!(open().unwrap_err().contains("another broker"));
    drop(first);
    std::fs::write(folder.path().join("journal.jsonl"), "{}\n{}\n").unwrap();
    assert!(open().unwrap_err().contains("line 1"));
}

/// A shelf that is full after so many writes.
struct Full(usize);

impl Full {
    fn write(&mut self) -> std::io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

impl crate::model::Shelf for Full {
    fn holds_segments(&self) -> bool {
        false
    }
    fn append(&mut self, _: &crate::model::Tp, _: i64, _: &[u8]) -> std::io::Result<()> {
        self.write()
    }
    fn close(&mut self, _: &crate::model::Tp, _: i64, _: &[u8]) -> std::io::Result<()> {
        self.write()
    }
    fn read(&mut self, _: &crate::model::Tp, _: i64) -> std::io::Result<Bytes> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn remove(&mut self, _: &crate::model::Tp, _: i64) -> std::io::Result<()> {
        self.write()
    }
    fn remove_log(&mut self, _: &crate::model::Tp) -> std::io::Result<()> {
        self.write()
    }
    fn note(&mut self, _: &crate::model::Fact) -> std::io::Result<()> {
        self.write()
    }
    fn noted_bytes(&self) -> u64 {
        0
    }
    fn replace_facts(&mut self, _: &[crate::model::Fact]) -> std::io::Result<()> {
        self.write()
    }
}

#[test]
fn a_full_disk_stops_the_writing_and_says_so() {
    for room in 2..8 {
        let mut direct = Direct::on(Model::new(START, Limits::default(), Box::new(Full(room))));
        direct.create_topic("t", 1, &[]).unwrap();
        let mut producer = direct.init_producer(None, 1_000).unwrap();
        let mut sent = 0;
        let refused = loop {
            match direct.produce(&mut producer, "t", 0, &[record("a", START)]) {
                Ok(_) => sent += 1,
                Err(code) => break code,
            }
        };
        assert_eq!(refused, Code::KafkaStorageError);
        assert_eq!(sent, room - 2, "a fact each for topic and producer, then a batch a write");
        assert!(direct.model.failure().unwrap().contains("append to a log"));
        assert_eq!(read(&mut direct, "t", 0, Isolation::Committed).len(), sent, "what was acknowledged is still read");
        assert_eq!(direct.init_producer(None, 1_000).map(|_| ()), Err(Code::KafkaStorageError));
    }
}

#[test]
fn cleaning_never_forgets_where_the_log_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut direct = Direct::on(Model::open(START, TINY, folder.path()).unwrap());
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", "100"), ("delete.retention.ms", "1")];
    direct.create_topic("c", 1, &settings).unwrap();
    let mut producer = direct.init_producer(None, 1_000).unwrap();
    for value in [Some("1"), None, Some("2"), None] {
        let keyed = Record { key: Some("k".into()), value: value.map(Bytes::from), timestamp: START, ..Record::default() };
        direct.produce(&mut producer, "c", 0, &[keyed]).unwrap();
    }
    for restart in 1..4 {
        drop(direct);
        let now = START + restart * 60_000;
        direct = Direct::on(Model::open(now, TINY, folder.path()).unwrap());
        direct.advance(now + 10_000);
        assert_eq!(direct.watermarks("c", 0).unwrap().end, 4);
    }
}
