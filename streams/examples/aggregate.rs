//! Counts and sums by key, exactly once: a whole stream processor to copy from.
//!
//!     IN ─► Aggregate (count, sum, last value of each key, in a store with changelog) ─► OUT
//!
//! Reads any Kafka topic as it comes. The amount of a record is bytes 8 to 16 of its value, big-endian; for each
//! record it writes, under the same key: count (8 bytes), sum (8 bytes), and the value. A value that is too short goes
//! to `GROUP.refused`. Kill it at any moment: whoever reads OUT committed sees every record counted once.
//!
//!     BOOTSTRAP=localhost:9092 IN=payments OUT=totals GROUP=aggregate STATE_DIR=/var/lib/aggregate THREADS=1 \
//!         cargo run --release -p slipstream-streams --example aggregate
//!
//! Each process needs a state directory of its own. It keeps the process's name there, and with STORES=disk its rows, which a
//! restart then reads instead of the changelog; else they are kept in memory, which is faster. COMMIT_MS is the age at which
//! a transaction ends under load (default 100); when there is nothing to read it ends at once. Runs until SIGTERM or Ctrl-C.

use std::error::Error;
use std::time::Duration;

use slipstream_streams::buffer::Order;
use slipstream_streams::instance::Instance;
use slipstream_streams::kafka::Connection;
use slipstream_streams::plain;
use slipstream_streams::plan::Limits;
use slipstream_streams::processor::{Cx, Poison, Processor, StoreId};
use slipstream_streams::record::{Record, Topic};
use slipstream_streams::runtime::{self, Config};
use slipstream_streams::world::World;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The stage's only store; a row is what was last written for the key.
const TOTALS: StoreId = 0;

struct Aggregate {
    output: Topic,
}

impl Processor for Aggregate {
    fn process(&mut self, cx: &mut Cx<'_>, record: &Record) -> Result<(), Poison> {
        let value = record.body.as_deref().unwrap_or_default();
        let amount = number(value, 8).ok_or_else(|| Poison::new("no amount", "a value has at least 16 bytes"))?;
        let before = cx.get(TOTALS, b"").unwrap_or_default();
        let count = number(&before, 0).unwrap_or(0) + 1;
        let sum = number(&before, 8).unwrap_or(0).wrapping_add(amount);
        let total = [&count.to_be_bytes(), &sum.to_be_bytes(), value].concat();
        cx.put(TOTALS, b"", total.clone());
        cx.emit(self.output, &record.key, 0, Some(total));
        Ok(())
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let stage = plain::stage(&setting("GROUP")?, &setting("IN")?, &setting("OUT")?, &["totals"], |output| Aggregate { output });
    let directory = setting("STATE_DIR")?;
    let instance = Instance::take(directory.as_ref())?;
    let mut limits = Limits { commit_bytes: 32 << 20, ..Limits::default() };
    if let Ok(ms) = setting("COMMIT_MS") {
        limits.commit_age = Duration::from_millis(ms.parse()?);
    }
    let config = Config {
        connection: Connection::plain(&setting("BOOTSTRAP")?).with("compression.type", "none")?,
        world: World::default(),
        order: Order::Arrival,
        instance: Some(instance.name().to_owned()),
        state: setting("STORES").is_ok_and(|stores| stores == "disk").then(|| directory.into()),
        shards: setting("THREADS")?.parse()?,
        limits,
    };
    let mut terminated = signal(SignalKind::terminate())?;
    let pipeline = runtime::start_plain(&config, &stage)?;
    while !pipeline.is_finished() {
        tokio::select! {
            _ = terminated.recv() => pipeline.stop(),
            _ = tokio::signal::ctrl_c() => pipeline.stop(),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
    Ok(pipeline.wait()?)
}

fn setting(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("set {name}; the head of this file says to what"))
}
