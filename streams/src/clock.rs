//! The clock of a live world: one process ticks, every process reads.
//!
//!     group `clock` gives the topic's one partition to one member ─► that one writes a tick a second
//!
//! A tick only moves the line for sources that say nothing; it is never a cause. Two leaders for a moment do no harm:
//! readers take the highest tick. A wall clock that jumps ahead is followed slowly, one that jumps back is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::buffer::Order;
use crate::codec::Codec;
use crate::kafka::{KafkaLog, Member};
use crate::log::{Log, LogError, Offsets, Rebalance};
use crate::plan::Plan;
use crate::record::Ts;
use crate::runtime::{Backoff, Config, RuntimeError};
use crate::topology::{CLOCK, Topology};

/// Time between two ticks.
const TICK_GAP: Duration = Duration::from_secs(1);
/// Longest wait for news of the group; also how long a stop may go unnoticed.
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How much faster than time itself ticks may run to catch up with a wall clock that has jumped ahead.
const CATCH_UP: u32 = 2;

/// A process's part in the clock; ends with the value.
#[derive(Debug)]
pub struct Clock {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            tracing::debug!(?ended, "clock stopped");
        }
    }
}

/// Stands for the office of ticking, and ticks while it is held.
///
/// # Errors
/// The topology has no topic `clock`, or the system refuses a thread. A cluster that is away is waited for.
pub fn keep(config: &Config, topology: &Topology, codec: &Arc<dyn Codec>) -> Result<Clock, RuntimeError> {
    let missing = || RuntimeError::Refused(format!("the topology has no topic `{CLOCK}`"));
    topology.clock().ok_or_else(missing)?;
    let plan = Plan::new(topology.clone(), Arc::clone(codec), config.world.clone(), Order::Arrival, config.limits, "");
    let name = uuid::Uuid::new_v4().simple().to_string();
    let member = Member {
        group: config.world.group(CLOCK),
        topics: vec![config.world.topic(CLOCK)],
        transactional_id: config.world.member(CLOCK, &name, 0),
        is_static: false,
    };
    let (connection, stop) = (config.connection.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let run = move || {
        let mut backoff = Backoff::default();
        while !stopped.load(Ordering::Relaxed) {
            let opened = KafkaLog::open(&connection, &member, Instant::now());
            if let Err(error) = opened.and_then(|mut log| tick(&plan, &mut log, &stopped)) {
                backoff.wait(&error, false, &stopped);
            }
        }
    };
    let thread = std::thread::Builder::new().name(CLOCK.to_owned()).spawn(run);
    let thread = thread.map_err(|error| RuntimeError::Refused(format!("no thread: {error}")))?;
    Ok(Clock { stop, thread: Some(thread) })
}

fn tick(plan: &Plan, log: &mut dyn Log, stop: &AtomicBool) -> Result<(), LogError> {
    let (mut leads, mut last) = (false, None::<Tick>);
    while !stop.load(Ordering::Relaxed) {
        log.poll(1, POLL_WAIT, &mut |_| {})?;
        while let Some(change) = log.rebalance() {
            leads = match change {
                Rebalance::Assigned(places) => !places.is_empty(),
                Rebalance::Revoked { .. } => false,
            };
            // Nothing is read: the office is all that the partition stands for.
            log.unassign()?;
        }
        if leads && last.as_ref().is_none_or(|tick| tick.since.elapsed() >= TICK_GAP) {
            let next = Tick::next(last.as_ref(), wall_clock());
            plan.tick(next.at, &mut |tick| log.send(tick))?;
            log.drain()?;
            log.commit(&Offsets::new())?;
            last = Some(next);
        }
    }
    Ok(())
}

/// The last tick, and when that was on the clock that never jumps.
#[derive(Debug)]
struct Tick {
    at: Ts,
    since: Instant,
}

impl Tick {
    fn next(last: Option<&Self>, wall: Ts) -> Self {
        let at = last.map_or(wall, |last| follow(last.at, last.since.elapsed(), wall));
        Self { at, since: Instant::now() }
    }
}

/// The wall clock, but never behind the last tick, and not faster than [`CATCH_UP`] times the time gone by.
fn follow(last: Ts, gone_by: Duration, wall: Ts) -> Ts {
    let most = Ts::try_from((gone_by * CATCH_UP).as_millis()).unwrap_or(Ts::MAX);
    wall.clamp(last, last.saturating_add(most))
}

fn wall_clock() -> Ts {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ts::try_from(since.as_millis()).unwrap_or(Ts::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_followed_slowly_and_never_back() {
        let second = Duration::from_secs(1);
        for (name, wall, tick) in [
            ("as it should", 101_000, 101_000),
            ("a little fast", 101_900, 101_900),
            ("an hour ahead", 3_700_000, 102_000),
            ("stands still", 100_000, 100_000),
            ("an hour back", -3_500_000, 100_000),
        ] {
            assert_eq!(follow(100_000, second, wall), tick, "{name}");
        }
    }
}
