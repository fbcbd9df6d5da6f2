//! METAR and TAF as they are written: the world's snapshots beside the official decoding, tables, hostile text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

mod agreement;
mod bulletins;
mod hostile;
mod stations;
