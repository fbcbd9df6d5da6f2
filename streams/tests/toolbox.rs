//! The toolbox of a stage, on the reference schedule, against models that know the whole input at once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod toy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use slipstream_streams::processor::{Cx, Poison, Processor, Timer};
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, Sink};
use slipstream_streams::toolbox::join::{Join, Side};
use slipstream_streams::toolbox::session::Sessions;
use slipstream_streams::toolbox::sliding::Sliding;
use slipstream_streams::toolbox::table::{Members, Placements, Table};
use slipstream_streams::toolbox::window::{WindowTable, Windows};
use slipstream_streams::topology::{Stage, Topology};
use toy::{CORRECTIONS, DEAD, LATE, Listed, PROGRESS, READINGS, START, TOTALS, codec, reading};

const SIZE: Ts = 40;
const GRACE: Ts = 25;
const GAP: Ts = 15;
const BEFORE: Ts = 20;
const AFTER: Ts = 10;
const TUMBLING: WindowTable = WindowTable { store: 0, timer: 1, windows: Windows::tumbling(SIZE, GRACE) };
const HOPPING: WindowTable = WindowTable { store: 1, timer: 2, windows: Windows::hopping(SIZE, 15, GRACE) };
const SLIDING: Sliding = Sliding { store: 2, timer: 3, size_ms: SIZE, grace_ms: GRACE };
const SESSIONS: Sessions = Sessions { store: 3, timer: 4, gap_ms: GAP, grace_ms: GRACE };
const JOIN: Join = Join { store: 4, timer: 5, before_ms: BEFORE, after_ms: AFTER, grace_ms: GRACE };
const TABLE: Table = Table { store: 5 };
const STORES: &[&str] = &["tumbling", "hopping", "sliding", "sessions", "join", "table"];

/// When the tumbling window over an instant closes.
fn closes(at: Ts) -> Ts {
    at - at.rem_euclid(SIZE) + SIZE + GRACE
}

/// A list of names: what was folded, in the order in which it was.
fn append(before: Option<Vec<u8>>, name: &str) -> Vec<u8> {
    let mut list = before.unwrap_or_default();
    list.extend_from_slice(format!("{name} ").as_bytes());
    list
}

/// Names in a result, sorted: which records it covers.
fn names(value: &[u8]) -> String {
    let mut names: Vec<&str> = std::str::from_utf8(value).unwrap().split_whitespace().collect();
    names.sort_unstable();
    names.join(" ")
}

/// Every tool at once, one of them chosen for late records: each has its own idea of late.
struct AllTools(&'static str);

impl AllTools {
    fn tell(cx: &mut Cx<'_>, line: String) {
        let key = cx.key().to_owned();
        cx.emit(TOTALS, &key, 2, Some(line.into_bytes()));
    }
}

impl Processor for AllTools {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let body = String::from_utf8(record.body.as_deref().unwrap().to_vec()).unwrap();
        let (name, at) = body.split_once(' ').unwrap();
        let (at, side) = (at.parse().unwrap(), if record.topic == READINGS { Side::Left } else { Side::Right });
        match self.0 {
            "tumbling" => assert!(TUMBLING.update(cx, b"", at, |before| append(before, name)) == (record.timestamp < closes(at))),
            "hopping" => {
                HOPPING.update(cx, b"s", at, |before| append(before, name));
            }
            "sliding" => SLIDING.add(cx, at, |before| append(before, name))?,
            "sessions" => SESSIONS.add(cx, at, append(None, name), |a, b| [a, b].concat())?,
            "join" => {
                for partner in JOIN.add(cx, side, at, name.as_bytes())? {
                    let mut pair = [name.to_owned(), String::from_utf8(partner).unwrap()];
                    pair.sort();
                    Self::tell(cx, format!("pair {}", pair.join(" ")));
                }
            }
            _ if record.topic == CORRECTIONS => TABLE.set(cx, Some(name.as_bytes()).filter(|_| at % 3 != 0)),
            _ => {
                let row = TABLE.get(cx).map(|row| String::from_utf8(row).unwrap());
                Self::tell(cx, format!("{name} with {row:?}"));
            }
        }
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        if let Some(closed) = TUMBLING.close(cx, timer).or_else(|| HOPPING.close(cx, timer)) {
            Self::tell(cx, format!("{} {}: {}", closed.window.start, closed.window.end, names(&closed.value)));
        }
        if let Some(slide) = SLIDING.close(cx, timer) {
            let values: Vec<Vec<u8>> = slide.rows.into_iter().map(|(_, value)| value).collect();
            Self::tell(cx, format!("{} {}: {}", slide.window.start, slide.window.end, names(&values.concat())));
        }
        if let Some(session) = SESSIONS.close(cx, timer) {
            Self::tell(cx, format!("{} {}: {}", session.window.start, session.window.end, names(&session.value)));
        }
        if let Some(alone) = JOIN.close(cx, timer) {
            Self::tell(cx, format!("alone {}", String::from_utf8(alone.value).unwrap()));
        }
        Ok(())
    }
}

fn topology(stores: &'static [&'static str], make: impl Fn() -> Box<dyn Processor> + Send + Sync + 'static) -> Topology {
    let stage =
        Stage { name: "tools", unit: "toy", reads: &[READINGS, CORRECTIONS], writes: &[TOTALS], stores, make: Arc::new(make) };
    let partitions = [(READINGS, 1), (CORRECTIONS, 1), (TOTALS, 1), (DEAD, 1), (LATE, 1), (PROGRESS, 1)];
    let partitions = BTreeMap::from(partitions);
    Topology { stages: vec![stage], partitions, dead_letters: DEAD, late: LATE, progress: PROGRESS }
}

#[derive(Default)]
struct Told(Vec<(Ts, String)>, usize);

impl Sink for Told {
    fn instant(&mut self, at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        for record in records {
            let body = String::from_utf8_lossy(record.body.as_deref().unwrap_or_default()).into_owned();
            match record.topic {
                TOTALS => self.0.push((at, format!("{} {body}", record.key))),
                LATE => self.1 += 1,
                DEAD => panic!("{body}"),
                _ => {}
            }
        }
        Ok(())
    }
}

/// One record of the input.
#[derive(Debug, Clone)]
struct Fact {
    name: String,
    side: Side,
    key: &'static str,
    known: Ts,
    at: Ts,
}

/// Facts, each known up to 60 after it happened, in order of when they are known; ties included.
fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let one = (any::<bool>(), 0..2_usize, 0..400_i64, prop_oneof![3 => Just(0_i64), 3 => 0..30_i64, 1 => 0..120_i64]);
    proptest::collection::vec(one, 1..60).prop_map(|drawn| {
        let mut facts: Vec<Fact> = (0..)
            .zip(drawn)
            .map(|(number, (left, key, known, behind))| {
                let side = if left { Side::Left } else { Side::Right };
                let name = format!("{}{number}", if left { 'l' } else { 'r' });
                Fact { name, side, key: ["a", "b"][key], known: START + known, at: START + known - behind }
            })
            .collect();
        facts.sort_by_key(|fact| fact.known);
        facts
    })
}

/// What the stage says, sorted; late records; rows left at the end.
fn told(tool: &'static str, facts: &[Fact]) -> (Vec<(Ts, String)>, usize, usize) {
    let record = |(number, fact): (usize, &Fact)| {
        let topic = if fact.side == Side::Left { READINGS } else { CORRECTIONS };
        reading(number, topic, fact.known, fact.key, &format!("{} {}", fact.name, fact.at))
    };
    let records: Vec<Record> = facts.iter().enumerate().map(record).collect();
    let mut told = Told::default();
    let mut reference = Reference::new(topology(STORES, move || Box::new(AllTools(tool))), &codec()).unwrap();
    reference.run(&mut Listed::new(&records), &mut told).unwrap();
    told.0.sort();
    (told.0, told.1, reference.rows())
}

/// The windows of these starts: final result of each over the facts that came in time.
fn windows(facts: &[Fact], starts: impl Fn(Ts) -> Vec<Ts>) -> (Vec<(Ts, String)>, usize) {
    let mut windows: BTreeMap<(&str, Ts), BTreeSet<&str>> = BTreeMap::new();
    let mut late = 0;
    for fact in facts {
        let open: Vec<Ts> = starts(fact.at).into_iter().filter(|start| fact.known < start + SIZE + GRACE).collect();
        late += usize::from(open.is_empty());
        for start in open {
            windows.entry((fact.key, start)).or_default().insert(&fact.name);
        }
    }
    let line = |((key, start), names): (&(&str, Ts), &BTreeSet<&str>)| {
        let names: Vec<&str> = names.iter().copied().collect();
        (start + SIZE + GRACE, format!("{key} {start} {}: {}", start + SIZE, names.join(" ")))
    };
    let mut lines: Vec<_> = windows.iter().map(line).collect();
    lines.sort();
    (lines, late)
}

fn starts(hop: Ts) -> impl Fn(Ts) -> Vec<Ts> {
    move |at| ((at - SIZE + 1)..=at).filter(|start| start.rem_euclid(hop) == 0).collect()
}

fn sliding(facts: &[Fact]) -> (Vec<(Ts, String)>, usize) {
    let in_time: Vec<&Fact> = facts.iter().filter(|fact| fact.known < fact.at + 1 + GRACE).collect();
    let ends: BTreeSet<(&str, Ts)> = in_time.iter().map(|fact| (fact.key, fact.at)).collect();
    let line = |(key, at): &(&str, Ts)| {
        let covered = in_time.iter().filter(|fact| fact.key == *key && fact.at > at - SIZE && fact.at <= *at);
        let names: BTreeSet<&str> = covered.map(|fact| fact.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        (at + 1 + GRACE, format!("{key} {} {}: {}", at + 1 - SIZE, at + 1, names.join(" ")))
    };
    let mut lines: Vec<_> = ends.iter().map(line).collect();
    lines.sort();
    (lines, facts.len() - in_time.len())
}

/// Sets of records that touch, closed when the time has come.
fn sessions(facts: &[Fact]) -> (Vec<(Ts, String)>, usize) {
    let (mut open, mut closed, mut late): (Vec<Vec<&Fact>>, Vec<Vec<&Fact>>, usize) = (Vec::new(), Vec::new(), 0);
    let closes = |session: &[&Fact]| session.iter().map(|fact| fact.at).max().unwrap() + 1 + GAP + GRACE;
    for fact in facts {
        closed.extend(open.extract_if(.., |session| closes(session) <= fact.known));
        let near = |other: &&Fact| other.key == fact.key && (other.at - fact.at).abs() <= GAP;
        let spans = |session: &[&Fact]| {
            let (first, last) = (session.iter().map(|f| f.at).min().unwrap(), session.iter().map(|f| f.at).max().unwrap());
            session[0].key == fact.key && first <= fact.at && fact.at <= last
        };
        let touching: Vec<Vec<&Fact>> = open.extract_if(.., |session| session.iter().any(near) || spans(session)).collect();
        if touching.is_empty() && closes(&[fact]) <= fact.known {
            late += 1;
            continue;
        }
        open.push(touching.into_iter().flatten().chain([fact]).collect());
    }
    closed.extend(open);
    let line = |session: Vec<&Fact>| {
        let (first, last) = (session.iter().map(|f| f.at).min().unwrap(), session.iter().map(|f| f.at).max().unwrap());
        let names: BTreeSet<&str> = session.iter().map(|fact| fact.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        (closes(&session), format!("{} {first} {}: {}", session[0].key, last + 1, names.join(" ")))
    };
    let mut lines: Vec<_> = closed.into_iter().map(line).collect();
    lines.sort();
    (lines, late)
}

fn join(facts: &[Fact]) -> (Vec<(Ts, String)>, usize) {
    let in_time: Vec<&Fact> = facts.iter().filter(|fact| fact.known <= fact.at + GRACE).collect();
    let (mut lines, mut matched) = (Vec::new(), BTreeSet::new());
    for left in in_time.iter().filter(|fact| fact.side == Side::Left) {
        for right in in_time.iter().filter(|fact| fact.side == Side::Right && fact.key == left.key) {
            if (left.at - BEFORE..=left.at + AFTER).contains(&right.at) {
                lines.push((left.known.max(right.known), format!("{} pair {} {}", left.key, left.name, right.name)));
                matched.extend([&left.name, &right.name]);
            }
        }
    }
    for fact in in_time.iter().filter(|fact| !matched.contains(&fact.name)) {
        let reach = if fact.side == Side::Left { AFTER } else { BEFORE };
        lines.push((fact.at + reach + GRACE + 1, format!("{} alone {}", fact.key, fact.name)));
    }
    lines.sort();
    (lines, facts.len() - in_time.len())
}

proptest! {
    #[test]
    fn tumbling_windows(facts in facts()) {
        let (lines, late) = windows(&facts, starts(SIZE));
        prop_assert_eq!(told("tumbling", &facts), (lines, late, 0));
    }

    #[test]
    fn hopping_windows(facts in facts()) {
        let (lines, late) = windows(&facts, starts(15));
        prop_assert_eq!(told("hopping", &facts), (lines, late, 0));
    }

    #[test]
    fn sliding_windows(facts in facts()) {
        let (lines, late) = sliding(&facts);
        prop_assert_eq!(told("sliding", &facts), (lines, late, 0));
    }

    #[test]
    fn session_windows(facts in facts()) {
        let mut facts = facts;
        // Of one instant, in the order in which the schedule takes them: a record may open the session that takes a late one.
        facts.dedup_by_key(|fact| fact.known);
        let (lines, late) = sessions(&facts);
        prop_assert_eq!(told("sessions", &facts), (lines, late, 0));
    }

    #[test]
    fn joined_streams(facts in facts()) {
        let (lines, late) = join(&facts);
        prop_assert_eq!(told("join", &facts), (lines, late, 0));
    }

    /// The table's records have the lower rank: at one instant they come first.
    #[test]
    fn a_stream_joined_with_a_table(facts in facts()) {
        let mut facts = facts;
        facts.sort_by_key(|fact| (fact.known, fact.side == Side::Left));
        // Of one instant and side, the schedule's order is not the list's.
        facts.dedup_by_key(|fact| (fact.known, fact.side == Side::Left));
        let mut rows: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lines = Vec::new();
        for fact in &facts {
            match (fact.side, fact.at % 3) {
                (Side::Left, _) => lines.push((fact.known, format!("{} {} with {:?}", fact.key, fact.name, rows.get(fact.key)))),
                (Side::Right, 0) => {
                    rows.remove(fact.key);
                }
                (Side::Right, _) => {
                    rows.insert(fact.key, &fact.name);
                }
            }
        }
        lines.sort();
        let (told, late, left) = told("table", &facts);
        prop_assert_eq!((told, late), (lines, 0));
        prop_assert_eq!(left, rows.len(), "rows of keys alive stay");
    }
}

/// Members name their groups; groups know their members.
struct FanOut;

const PLACEMENTS: Placements = Placements { store: 0 };
const MEMBERS: Members = Members { store: 1 };

impl Processor for FanOut {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let body = String::from_utf8(record.body.as_deref().unwrap().to_vec()).unwrap();
        let words: Vec<&str> = body.split_whitespace().collect();
        let line = if record.topic == READINGS {
            format!("{:?}", PLACEMENTS.place(cx, &words)?)
        } else {
            MEMBERS.set(cx, words[0], words.get(1).map(|value| value.as_bytes()))?;
            let all = MEMBERS.all(cx).into_iter();
            all.map(|(member, value)| format!("{member}={}", String::from_utf8(value).unwrap())).collect::<Vec<_>>().join(" ")
        };
        AllTools::tell(cx, line);
        Ok(())
    }
}

#[test]
fn a_member_moves_between_groups_and_groups_know_their_members() {
    let place = |n: i64, groups: &str| reading(n as usize, READINGS, START + n, "member", groups);
    let tell = |n: i64, body: &str| reading(n as usize, CORRECTIONS, START + n, "group", body);
    let records =
        [place(1, "x y"), place(2, "z y y"), place(3, ""), tell(4, "m 1"), tell(5, "n 2"), tell(6, "m 3"), tell(7, "n")];
    let mut told = Told::default();
    let mut reference = Reference::new(topology(&["placements", "members"], || Box::new(FanOut)), &codec()).unwrap();
    reference.run(&mut Listed::new(&records), &mut told).unwrap();
    let lines: Vec<&str> = told.0.iter().map(|(_, line)| line.as_str()).collect();
    let expected = [
        r#"member Moves { joined: ["x", "y"], stayed: [], left: [] }"#,
        r#"member Moves { joined: ["z"], stayed: ["y"], left: ["x"] }"#,
        r#"member Moves { joined: [], stayed: [], left: ["y", "z"] }"#,
        "group m=1",
        "group m=1 n=2",
        "group m=3 n=2",
        "group m=3",
    ];
    assert_eq!(lines, expected);
}
