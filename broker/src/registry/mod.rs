//! Confluent's Schema Registry API for Avro, beside the broker.
//!
//!     client ─► http (axum) ─► Registry (subjects, ids, levels) ─► compatibility (apache_avro)
//!                                  └─► one JSON file, when data is kept
//!
//! Ids are given out in order, from 1, and never again. Keeps every schema ever registered. Knows Avro only; no contexts,
//! no metadata or rules, no IMPORT mode.

mod compatibility;
mod http;
mod store;

pub(crate) use self::{http::serve, store::Registry};

/// What a client is told when something is refused. The HTTP status is the code's first three digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Confluent's error code.
    pub(crate) code: u32,
    /// A sentence.
    pub(crate) message: String,
}

impl Refusal {
    fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
