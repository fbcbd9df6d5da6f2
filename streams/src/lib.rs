//! Exactly-once stream processing on Kafka: tasks, stores, timers, progress. Knows no flight.
//!
//!     Processor (pure) ── Cx ──► Task (state, timers, dead letters) ──► reference schedule | shard on a Log
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | a record with its envelope; identities derived from causes |
//! | [`processor`] | what a stage is written against |
//! | [`store`] | state: an overlay over a base |
//! | `disk` | bases that outlive their process (feature `disk`) |
//! | [`toolbox`] | windows, sessions, joins, fan-out, for stages |
//! | [`task`] | one stage on one partition |
//! | [`topology`] | which stage reads and writes what |
//! | [`codec`] | bytes in and out, as the embedding program defines them |
//! | [`errors`] | the class of an error: how bad, and what is done about it |
//! | [`pauses`] | the pause before something is tried again |
//! | [`plain`] | stages on topics of others, without an envelope |
//! | [`reference`] | the zero-latency schedule in one thread: the oracle |
//! | [`journal`] | that schedule's committed transactions on disk |
//! | [`world`] | names of everything that one run owns on a cluster |
//! | [`progress`], [`buffer`] | promises, and the order that they allow |
//! | [`log`] | what the runtime needs of a cluster |
//! | `plan`, `active`, `restore`, `standby`, `shard`, `commit`, `publisher`, `follower`, `status` | the loop that turns a log into transactions |
//! | `kafka`, `admin`, `runtime`, `source`, `intake`, `instance` | all of it on Apache Kafka (feature `kafka`) |
//! | `simulation` | all of it on the broker's model, with seeded faults (feature `model`) |
//!
//! `examples/aggregate.rs` is a whole program on it. Without features the crate does no IO beyond the journal, starts no thread and reads no clock.

pub mod buffer;
pub mod codec;
#[cfg(feature = "disk")]
pub mod disk;
pub mod edge;
pub mod errors;
pub mod journal;
pub mod log;
pub mod partition;
pub mod plain;
pub mod processor;
pub mod progress;
pub mod record;
pub mod reference;
pub mod store;
pub mod task;
pub mod toolbox;
pub mod topology;
pub mod world;

#[cfg(any(feature = "kafka", feature = "model"))]
mod active;
#[cfg(any(feature = "kafka", feature = "model"))]
mod breaker;
#[cfg(any(feature = "kafka", feature = "model"))]
mod catch_up;
#[cfg(any(feature = "kafka", feature = "model"))]
mod commit;
#[cfg(any(feature = "kafka", feature = "model"))]
mod flow;
#[cfg(any(feature = "kafka", feature = "model"))]
mod follower;
#[cfg(any(feature = "kafka", feature = "model"))]
pub mod plan;
#[cfg(any(feature = "kafka", feature = "model"))]
mod publisher;
#[cfg(any(feature = "kafka", feature = "model"))]
mod report;
#[cfg(any(feature = "kafka", feature = "model"))]
mod restore;
mod rows;
#[cfg(any(feature = "kafka", feature = "model"))]
mod shard;
#[cfg(any(feature = "kafka", feature = "model"))]
mod standby;
#[cfg(any(feature = "kafka", feature = "model"))]
pub mod status;

#[cfg(feature = "kafka")]
mod admin;
#[cfg(feature = "kafka")]
pub mod clock;
#[cfg(feature = "kafka")]
pub mod instance;
#[cfg(feature = "kafka")]
pub mod intake;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "kafka")]
pub mod pauses;
#[cfg(feature = "kafka")]
pub mod query;
#[cfg(feature = "kafka")]
pub mod retry;
#[cfg(feature = "kafka")]
pub mod runtime;
#[cfg(feature = "kafka")]
pub mod source;

#[cfg(feature = "model")]
pub mod simulation;
