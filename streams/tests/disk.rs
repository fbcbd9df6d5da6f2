//! Bases on disk say what bases in memory say, across reopening, damage and kill -9; or they are empty and say so.
#![cfg(feature = "disk")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use slipstream_streams::disk::{AGE_MAX_MS, Directory};
use slipstream_streams::store::{Base, BaseName, Bases, Mark, Memory, Rows};

const NAME: BaseName<'_> = BaseName { stage: "count", store: "counts", partition: 0 };
/// Begins like [`NAME`]: its rows must not be taken for the other's.
const NEIGHBOUR: BaseName<'_> = BaseName { stage: "count", store: "counts", partition: 1 };

fn directory(path: &Path) -> Directory {
    Directory::new(path.to_owned(), Arc::new(|| 1_000))
}

fn rows(base: &dyn Base) -> Vec<(Vec<u8>, Vec<u8>)> {
    base.scan(b"").collect()
}

fn overlay(rows: &[(u8, Option<u8>)]) -> Rows {
    let rows: BTreeMap<u8, Option<u8>> = rows.iter().copied().collect();
    let row = |(key, value): (u8, Option<u8>)| (vec![key; usize::from(key % 3) + 1].into(), value.map(|v| Box::from([v])));
    rows.into_iter().map(row).collect()
}

fn mark(row: i64) -> Option<Mark> {
    Some(Mark { row, check: row.unsigned_abs().wrapping_mul(7) })
}

#[derive(Debug, Clone)]
enum Step {
    Apply(bool, Vec<(u8, Option<u8>)>),
    Reopen,
    Wipe(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<bool>(), proptest::collection::vec((0..12_u8, any::<Option<u8>>()), 1..8)).prop_map(|(n, r)| Step::Apply(n, r)),
        2 => Just(Step::Reopen),
        1 => any::<bool>().prop_map(Step::Wipe),
    ]
}

/// A base on disk, the same in memory, and the mark that it should have.
type Pair = (Box<dyn Base>, Memory, Option<Mark>);

fn assert_same((disk, memory, mark): &Pair) {
    assert_eq!(disk.fault(), None);
    assert_eq!((disk.mark(), disk.rows(), rows(&**disk)), (*mark, memory.rows(), rows(memory)));
    for prefix in [&[1_u8][..], &[2, 2], &[11], &[255]] {
        assert_eq!(disk.scan(prefix).collect::<Vec<_>>(), memory.scan(prefix).collect::<Vec<_>>());
        assert_eq!(disk.get(prefix), memory.get(prefix));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_base_on_disk_is_a_base_in_memory(steps in proptest::collection::vec(step(), 1..24)) {
        let home = tempfile::tempdir().unwrap();
        let mut bases = directory(home.path());
        let mut pairs = [NAME, NEIGHBOUR].map(|name| (bases.open(name), Memory::default(), None));
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Apply(second, changes) => {
                    let (disk, memory, at) = &mut pairs[usize::from(second)];
                    *at = mark(number);
                    disk.apply(overlay(&changes), *at);
                    memory.apply(overlay(&changes), *at);
                }
                Step::Wipe(second) => {
                    let (disk, memory, at) = &mut pairs[usize::from(second)];
                    *at = None;
                    disk.wipe();
                    memory.wipe();
                }
                Step::Reopen => {
                    let [(one, first, one_at), (other, second, other_at)] = pairs;
                    drop((one, other, bases));
                    bases = directory(home.path());
                    pairs = [(bases.open(NAME), first, one_at), (bases.open(NEIGHBOUR), second, other_at)];
                }
            }
            pairs.iter().for_each(assert_same);
            prop_assert_eq!(bases.rebuilt(), 0);
        }
    }
}

/// What was in the base after each batch.
type History = Vec<(Option<Mark>, Vec<(Vec<u8>, Vec<u8>)>)>;

/// Fills a directory so that both journals and tables hold rows.
fn fill(path: &Path) -> History {
    let mut bases = directory(path);
    let mut base = bases.open(NAME);
    let mut history = vec![(None, Vec::new())];
    for batch in 1..40_i64 {
        let row = |n: i64| (format!("row {:03}", (n * 31 + batch * 17) % 97).into_bytes(), vec![batch as u8; 50_000]);
        let rows = (0..12).map(row).map(|(key, value)| (key.into(), (value[0] % 5 != 0).then(|| value.into())));
        base.apply(rows.collect(), mark(batch));
        history.push((base.mark(), self::rows(&*base)));
    }
    assert_eq!(base.fault(), None);
    history
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { std::fs::copy(&path, &to).map(drop).unwrap() }
    }
}

/// After any damage a base is one that it once was, as its mark says, or it is empty and counted.
#[test]
fn damage_anywhere_is_found_or_harmless() {
    let home = tempfile::tempdir().unwrap();
    let history = fill(&home.path().join("whole"));
    let whole = home.path().join("whole");
    let (mut thrown_away, mut kept) = (0, 0);
    for (number, file) in files(&whole).iter().enumerate() {
        let length = std::fs::metadata(file).unwrap().len() as usize;
        for damage in 0..5_usize {
            let copied = home.path().join(format!("{number}-{damage}"));
            copy(&whole, &copied);
            let path = copied.join(file.strip_prefix(&whole).unwrap());
            spoil(&path, length, damage);
            let mut bases = directory(&copied);
            let base = bases.open(NAME);
            let found = (base.mark(), rows(&*base));
            assert_eq!(base.fault(), None, "{path:?} {damage}");
            assert!(history.contains(&found), "{path:?} {damage}: a state that never was, at {:?}", found.0);
            assert!(found.0.is_some() || bases.rebuilt() > 0, "{path:?} {damage}: emptied in silence");
            if bases.rebuilt() > 0 {
                thrown_away += 1
            } else {
                kept += 1
            }
            drop((base, bases));
            std::fs::remove_dir_all(&copied).unwrap();
        }
    }
    assert!(thrown_away > 5 && kept > 5, "{thrown_away} thrown away, {kept} kept");
}

fn spoil(path: &Path, length: usize, damage: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    match damage {
        0 => bytes.clear(),
        1 => bytes.truncate(length / 2),
        2 => bytes.truncate(length.saturating_sub(1)),
        at if length > 0 => bytes[(length - 1) * (at - 3)] ^= 0x10,
        _ => {}
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_old_or_future_mark_is_not_trusted() {
    let home = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let open = || {
        let now = Arc::clone(&now);
        Directory::new(home.path().to_owned(), Arc::new(move || now.load(Ordering::Relaxed)))
    };
    let cases = [(AGE_MAX_MS, 0), (AGE_MAX_MS + 1, 1), (-AGE_MAX_MS, 0), (-AGE_MAX_MS - 1, 1)];
    for (later, expected) in cases {
        now.store(1_000, Ordering::Relaxed);
        open().open(NAME).apply(overlay(&[(1, Some(1))]), mark(5));
        now.store(1_000 + later, Ordering::Relaxed);
        let mut bases = open();
        assert_eq!((bases.open(NAME).rows() as u64, bases.rebuilt()), (1 - expected, expected), "{later}");
    }
}

#[test]
fn without_a_place_on_disk_it_is_kept_in_memory() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let mut bases = directory(&file.join("below"));
    let mut base = bases.open(NAME);
    base.apply(overlay(&[(1, Some(1))]), mark(5));
    assert_eq!((base.rows(), base.mark(), base.fault()), (1, None, None));
}

#[test]
fn a_disk_that_refuses_is_asked_again_later_and_not_by_each_base() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now);
    let mut bases = Directory::new(file.join("below"), Arc::new(move || clock.load(Ordering::Relaxed)));
    for _ in 0..10 {
        bases.open(NAME);
    }
    assert_eq!(bases.rebuilt(), 1, "asked once");
    std::fs::remove_file(&file).unwrap();
    bases.open(NAME).apply(overlay(&[(1, Some(1))]), mark(5));
    assert!(!file.exists(), "not asked yet");
    now.store(10_000, Ordering::Relaxed);
    bases.open(NAME).apply(overlay(&[(1, Some(1))]), mark(5));
    drop(bases);
    assert_eq!(directory(&file.join("below")).open(NAME).rows(), 1, "kept on disk again");
}

const CHILD: &str = "SLIPSTREAM_TEST_DISK";

/// Not a test by itself: writes until it is killed, and says each batch only after it was applied.
#[test]
fn writer_that_is_killed() {
    let Some(home) = std::env::var_os(CHILD) else { return };
    let mut bases = directory(Path::new(&home));
    let mut base = bases.open(NAME);
    let first = base.mark().map_or(0, |mark| mark.row) + 1;
    println!("rebuilt {}", bases.rebuilt());
    for batch in first.. {
        base.apply(batch_of(batch), mark(batch));
        println!("applied {batch}");
    }
}

fn batch_of(batch: i64) -> Rows {
    let row = |n: i64| (format!("{:04}", (batch * 7 + n * 13) % 500).into_bytes(), batch.to_string().repeat(40).into_bytes());
    (0..20).map(row).map(|(key, value)| (key.into(), (value[0] != b'7').then(|| value.into()))).collect()
}

/// kill -9: whatever was said is there, and exactly that of the batches up to the mark.
#[test]
fn a_killed_writer_leaves_whole_batches() {
    let home = tempfile::tempdir().unwrap();
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut at = 0;
    for life in 0..8_usize {
        let exe = std::env::current_exe().unwrap();
        let mut child = Command::new(exe)
            .args(["writer_that_is_killed", "--exact", "--nocapture"])
            .env(CHILD, home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines.filter(|line| line.contains("rebuilt") || line.starts_with("applied"));
        assert!(lines.next().unwrap().ends_with("rebuilt 0"), "life {life}");
        let said: i64 = lines.nth(50 + life * 137).unwrap()["applied ".len()..].parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let mut bases = directory(home.path());
        let base = bases.open(NAME);
        let reached = base.mark().unwrap().row;
        assert!(reached >= said, "batch {said} was applied, but only {reached} are there");
        for (key, value) in (at + 1..=reached).flat_map(batch_of) {
            match value {
                Some(value) => model.insert(key.to_vec(), value.into()),
                None => model.remove(&*key),
            };
        }
        at = reached;
        assert_eq!(rows(&*base), model.clone().into_iter().collect::<Vec<_>>(), "life {life}");
    }
}
