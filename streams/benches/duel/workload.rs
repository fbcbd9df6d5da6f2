//! Ours beside the aggregate: the other kinds of work, each a processor, as a process of its own (`ours` in `ROLE`).
//!
//! | `KIND` | does for each record | writes |
//! |---|---|---|
//! | `normalise` | turns the amount's bytes round; keeps nothing | 1 record of the same size |
//! | `hopping` | counts it in the three windows of 15 minutes, every 5, that hold its instant | 3 counts of 16 bytes |
//! | `fanout` | keeps the first [`JOINED`] of a key, then joins each later one with all of these | [`JOINED`] records of its size |

use std::error::Error;
use std::time::Duration;

use slipstream_streams::buffer::Order;
use slipstream_streams::kafka::Connection;
use slipstream_streams::plain;
use slipstream_streams::plan::Limits;
use slipstream_streams::processor::{Cx, Poison, Processor, StoreId};
use slipstream_streams::record::{Record, Topic, Ts};
use slipstream_streams::runtime::{self, Config};
use slipstream_streams::topology::Stage;
use slipstream_streams::world::World;

use crate::setting;

/// Rows joined with each record of a fan-out: the bookings of a flight.
pub const JOINED: usize = 10;
/// Windows that hold an instant.
pub const WINDOWS: usize = 3;
/// Distance between the starts of two windows, in milliseconds.
const HOP: Ts = 5 * 60_000;

const ROWS: StoreId = 0;

struct Normalise(Topic);

impl Processor for Normalise {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let mut value = record.body.as_deref().unwrap_or_default().to_vec();
        let amount = value.get_mut(8..16).ok_or_else(|| Poison::new("no amount", "a value has at least 16 bytes"))?;
        amount.reverse();
        cx.emit(self.0, &record.key, 0, Some(value));
        Ok(())
    }
}

struct Hopping(Topic);

impl Processor for Hopping {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let last = record.timestamp / HOP * HOP;
        for start in (0..WINDOWS as Ts).map(|back| (last - back * HOP).to_be_bytes()) {
            let before = cx.get(ROWS, &start).and_then(|row| Some(u64::from_be_bytes(*row.first_chunk()?)));
            let count = (before.unwrap_or(0) + 1).to_be_bytes();
            cx.put(ROWS, &start, count.to_vec());
            cx.emit(self.0, &record.key, 0, Some([start, count].concat()));
        }
        Ok(())
    }
}

struct FanOut(Topic);

impl Processor for FanOut {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let value = record.body.as_deref().unwrap_or_default();
        let rows = cx.scan(ROWS, b"");
        if rows.len() < JOINED {
            cx.put(ROWS, &[rows.len() as u8], value[..16].to_vec());
            return Ok(());
        }
        for (_, row) in rows {
            cx.emit(self.0, &record.key, 0, Some([&row, &value[16..]].concat()));
        }
        Ok(())
    }
}

fn stage(kind: &str) -> Result<Stage, Box<dyn Error>> {
    let (name, input, output) = (setting("GROUP"), setting("IN"), setting("OUT"));
    Ok(match kind {
        "normalise" => plain::stage(&name, &input, &output, &[], Normalise),
        "hopping" => plain::stage(&name, &input, &output, &["totals"], Hopping),
        "fanout" => plain::stage(&name, &input, &output, &["totals"], FanOut),
        other => return Err(format!("no workload `{other}`").into()),
    })
}

/// Runs until it is killed.
pub fn run() -> Result<(), Box<dyn Error>> {
    let config = Config {
        connection: Connection::plain(&setting("BOOTSTRAP")).with("compression.type", "none")?,
        world: World::default(),
        order: Order::Arrival,
        instance: None,
        state: None,
        shards: 1,
        limits: Limits { commit_bytes: 32 << 20, commit_age: Duration::from_millis(100), ..Limits::default() },
    };
    Ok(runtime::start_plain(&config, &stage(&setting("KIND"))?)?.wait()?)
}
