//! The broker over the wire, with rdkafka as the client: each main flow once, and the ways they go wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod flows;
mod hostile;
mod kit;
mod registry;
mod speed;
