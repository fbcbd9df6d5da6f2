//! The dev broker: Kafka's log, groups and transactions in one process, for demos and tests.
//!
//!     simulation ─► direct ─┐
//!                           ├─► model ─► files (closed segments, journal)
//!     Kafka clients ─► wire ┘
//!     Schema Registry clients ─► registry
//!
//! One pure model has two faces: plain calls under a virtual clock, and Kafka's wire protocol on loopback. Beside it runs
//! Confluent's Schema Registry API. It is one node without replication, access control or encryption, it is not Kafka, and
//! it must never be chosen silently where a Kafka is configured.

pub mod direct;
mod model;
mod registry;
mod start;
mod wire;

pub use model::{Code, Isolation, Record, Watermarks};
pub use start::{DevBroker, Options, StartError};
