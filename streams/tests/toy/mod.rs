//! A toy pipeline: readings of meters are counted by meter, and summed up by street.
//!
//!     readings (meter) ─► count ─► totals (street) ─► sum ─► sums (street)
//!
//! A meter's key is `street:number`. `count` also tells when a meter has been silent for a while (a timer),
//! refuses a reading that is no number, and counts one below zero twice. It knows nothing of Kafka.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use slipstream_streams::codec::{Codec, Encoded, Poison, Promise, Refused};
use slipstream_streams::processor::{Cx, Processor, Timer};
use slipstream_streams::record::{Event, Record, Ts, derive_id};
use slipstream_streams::reference::{Reference, Sink, Source, SourceError};
use slipstream_streams::topology::{Stage, Topology};

pub const READINGS: &str = "readings";
pub const CORRECTIONS: &str = "corrections";
pub const TOTALS: &str = "totals";
pub const SUMS: &str = "sums";
pub const DEAD: &str = "dead";
pub const LATE: &str = "late";
pub const PROGRESS: &str = "progress";
pub const UNIT: &str = "meters";
/// A meter that says nothing for this long is reported.
pub const SILENCE: Ts = 90_000;
/// The first instant of every toy world.
pub const START: Ts = 1_200_000_000_000;

const TYPES: [&str; 7] = ["correction", "reading", "total", "silent", "sum", "dead", "progress"];

/// A topology with this many partitions by meter and by street.
pub fn topology(meters: i32, streets: i32) -> Topology {
    let count = Stage {
        name: "count",
        unit: UNIT,
        reads: &[READINGS, CORRECTIONS],
        writes: &[TOTALS],
        stores: &["counts"],
        make: Arc::new(|| Box::new(Count)),
    };
    let sum =
        Stage { name: "sum", unit: UNIT, reads: &[TOTALS], writes: &[SUMS], stores: &["sums"], make: Arc::new(|| Box::new(Sum)) };
    let partitions =
        [(READINGS, meters), (CORRECTIONS, meters), (TOTALS, streets), (SUMS, streets), (DEAD, 2), (LATE, 2), (PROGRESS, 3)];
    Topology {
        stages: vec![count, sum],
        partitions: BTreeMap::from(partitions),
        dead_letters: DEAD,
        late: LATE,
        progress: PROGRESS,
    }
}

struct Count;

fn street(meter: &str) -> &str {
    meter.split(':').next().unwrap_or_default()
}

fn number(bytes: Option<Vec<u8>>) -> i64 {
    bytes.and_then(|b| String::from_utf8(b).ok()?.parse().ok()).unwrap_or_default()
}

impl Processor for Count {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let body = std::str::from_utf8(record.body.as_deref().unwrap_or_default()).unwrap_or_default();
        let reading: i64 = body.parse().map_err(|e| Poison::new("no number", format_args!("`{body}`: {e}")))?;
        let seen = number(cx.get(0, b"")) + 1;
        cx.put(0, b"", seen.to_string().into_bytes());
        cx.set_timer(1, b"", record.timestamp + SILENCE);
        let key = cx.key().to_owned();
        // The count makes the order of a meter's records visible in the output.
        let total = format!("{key} {reading} #{seen} {}", TYPES[usize::from(record.rank)]);
        for _ in 0..if reading < 0 { 2 } else { 1 } {
            cx.emit(TOTALS, street(&key), 2, Some(total.clone().into_bytes()));
        }
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_>, timer: &Timer) -> Result<(), Poison> {
        let key = cx.key().to_owned();
        let seen = number(cx.get(0, b""));
        cx.emit(TOTALS, street(&key), 3, Some(format!("{key} 0 #{seen} silent {}", timer.due).into_bytes()));
        cx.delete(0, b"");
        Ok(())
    }
}

struct Sum;

impl Processor for Sum {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let body = String::from_utf8_lossy(record.body.as_deref().unwrap_or_default()).into_owned();
        let add: i64 = body.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_default();
        let sum = number(cx.get(0, b"")) + add;
        cx.put(0, b"", sum.to_string().into_bytes());
        let key = cx.key().to_owned();
        cx.emit(SUMS, &key, 4, Some(format!("{sum} after {body}").into_bytes()));
        Ok(())
    }
}

/// Framing: a zero byte, the rank, the body.
#[derive(Debug, Default)]
pub struct ToyCodec;

impl Codec for ToyCodec {
    fn decode(&self, _topic: &str, _type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison> {
        match value {
            [0, rank, body @ ..] if usize::from(*rank) < TYPES.len() => {
                Ok(Encoded { rank: u16::from(*rank), body: body.to_vec() })
            }
            _ => Err(Poison::new("unknown schema", format_args!("{} bytes", value.len()))),
        }
    }

    fn encode(&self, _topic: &str, rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(&[0, rank as u8]);
        out.extend_from_slice(body);
        Ok(())
    }

    fn type_name(&self, rank: u16) -> &'static str {
        TYPES.get(usize::from(rank)).copied().unwrap_or("unknown")
    }

    /// Without partition and offset, which depend on the way of running.
    fn refused(&self, refused: &Refused<'_>) -> Encoded {
        let body = format!("{}: {} at {}", refused.stage, refused.poison, refused.record.map_or("", |r| r.topic));
        Encoded { rank: 5, body: body.into_bytes() }
    }

    fn promise(&self, promise: &Promise) -> Encoded {
        let list = |offsets: &[(String, i32, i64)]| {
            let items: Vec<String> = offsets.iter().map(|(t, p, o)| format!("{t},{p},{o}")).collect();
            items.join(";")
        };
        let Promise { writer, partition, progress, written, read, position } = promise;
        let body = format!("{writer}|{partition}|{progress}|{}|{}|{position}", list(written), list(read));
        Encoded { rank: 6, body: body.into_bytes() }
    }

    fn read_promise(&self, body: &[u8]) -> Result<Promise, Poison> {
        let text = String::from_utf8_lossy(body).into_owned();
        let parts: Vec<&str> = text.split('|').collect();
        let [writer, partition, progress, written, read, position] = parts[..] else {
            return Err(Poison::new("no promise", text));
        };
        let list = |items: &str| {
            let item = |item: &str| {
                let parts: Vec<&str> = item.split(',').collect();
                (parts[0].to_owned(), parts[1].parse().unwrap(), parts[2].parse().unwrap())
            };
            items.split(';').filter(|i| !i.is_empty()).map(item).collect()
        };
        Ok(Promise {
            writer: writer.to_owned(),
            partition: partition.parse().unwrap(),
            progress: progress.parse().unwrap(),
            written: list(written),
            read: list(read),
            position: position.parse().unwrap(),
        })
    }
}

pub fn codec() -> Arc<dyn Codec> {
    Arc::new(ToyCodec)
}

/// Records in order, from memory.
pub struct Listed<'a>(std::slice::Iter<'a, Record>);

impl<'a> Listed<'a> {
    pub fn new(records: &'a [Record]) -> Self {
        Self(records.iter())
    }
}

impl Source for Listed<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.0.next().cloned())
    }
}

/// A reading, or a correction, of a meter.
pub fn reading(number: usize, topic: &'static str, timestamp: Ts, key: &str, body: &str) -> Record {
    let id = derive_id(&[b"toy", topic.as_bytes(), number.to_string().as_bytes()]);
    Record {
        topic,
        partition: -1,
        offset: -1,
        timestamp,
        key: key.into(),
        rank: u16::from(topic == READINGS),
        event: Event { id, source: "/toy".into(), correlation: id, causation: None, organisation: None },
        body: Some(body.as_bytes().into()),
    }
}

/// About how long [`readings`] last.
pub const LENGTH: Ts = 20 * 3_600_000;

/// Readings of about [`LENGTH`], the same for the same seed: bursts, gaps, ties, refusals.
pub fn readings(seed: u64, count: usize) -> Vec<Record> {
    let gap = LENGTH as u64 * 5 / 2 / count as u64;
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut at = START;
    let mut records = Vec::new();
    for number in 0..count {
        at += match draw(20) {
            0 => (8 * gap) as i64,
            1..=9 => 0,
            _ => draw(gap) as i64,
        };
        let key = format!("street{}:{}", draw(7), draw(6));
        let topic = if draw(5) == 0 { CORRECTIONS } else { READINGS };
        let body = if draw(40) == 0 { "rubbish".to_owned() } else { (draw(100) as i64 - 5).to_string() };
        records.push(reading(number, topic, at, &key, &body));
    }
    records
}

/// What makes two ways of running equal: everything of a record but where it lies.
pub type Fact = (String, Ts, u16, String, String, String, Option<String>);

pub fn fact(record: &Record) -> Fact {
    (
        record.topic.to_owned(),
        record.timestamp,
        record.rank,
        record.key.to_string(),
        record.event.id.to_string(),
        String::from_utf8_lossy(record.body.as_deref().unwrap_or_default()).into_owned(),
        record.event.causation.map(|id| id.to_string()),
    )
}

#[derive(Default)]
struct Kept(Vec<Record>);

impl Sink for Kept {
    fn instant(&mut self, _at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        self.0.extend(records.iter().map(|record| Record::clone(record)));
        Ok(())
    }
}

/// Every record of every topic on the reference schedule, in its order.
pub fn reference(topology: &Topology, records: &[Record]) -> Vec<Record> {
    let mut sink = Kept::default();
    let mut reference = Reference::new(topology.clone(), &codec()).unwrap();
    reference.run(&mut Listed::new(records), &mut sink).unwrap();
    sink.0
}

/// The same, as sorted facts.
pub fn oracle(topology: &Topology, records: &[Record]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = reference(topology, records).iter().map(fact).collect();
    facts.sort();
    facts
}
