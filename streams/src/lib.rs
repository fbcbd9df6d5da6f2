//! Exactly-once stream processing on Kafka: tasks, stores, timers, progress. Knows no flight.
//!
//!     Processor (pure) ── Cx ──► Task (state, timers, dead letters) ──► reference schedule | shard on a Log
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | a record with its envelope; identities derived from causes |
//! | [`processor`] | what a stage is written against |
//! | [`store`] | state: an overlay over a base |
//! | [`task`] | one stage on one partition |
//! | [`topology`] | which stage reads and writes what |
//! | [`codec`] | bytes in and out, as the embedding program defines them |
//! | [`reference`] | the zero-latency schedule in one thread: the oracle |
//! | [`journal`] | that schedule's committed transactions on disk |
//!
//! Without features the crate does no IO beyond the journal, starts no thread and reads no clock.

pub mod codec;
pub mod journal;
pub mod partition;
pub mod processor;
pub mod record;
pub mod reference;
pub mod store;
pub mod task;
pub mod topology;
