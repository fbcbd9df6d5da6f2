//! The pure domain: every stage a state machine without IO, and the [`pipeline`] table.
//!
//!     flight.observations ─► reconcile ─► rotate ─► disrupt ─► reach ─► recover ─► entitle ─► expose ─► total
//!                                                                                  └─► notify
//!
//! Nothing here names Kafka, a socket, a clock or a random source: time and identity come in with the input.
//! The same input in any partitioning, at any speed, after any crash gives the same output bytes.

pub mod context;
mod dead_letter;
pub mod edge;
pub mod journey;
mod liability;
pub mod pipeline;
pub mod rights;
pub mod stages;
pub mod truth;
