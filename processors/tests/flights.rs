//! The stages that turn what sources say of flights into events, turns and disruptions, on the reference schedule.
//!
//! | module | holds |
//! |---|---|
//! | `support` | hand-made observations, the run, typed output |
//! | `table`, `tables` | cases that a dispatcher can read |
//! | `conflicts` | sources that differ, reviews, which leg is meant |
//! | `recorded` | recorded days, read independently of the product's own reader |
//! | `fleets` | random fleets against a brute-force oracle; order, repetition, hostile input |
//! | `repeats` | records that come again under their id |
//! | `real` | a real day against the oracle, and the figures of a real month |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "recorded days are files, and the month says how long it took")]
#![expect(unreachable_pub, reason = "modules of one test")]

#[path = "flights/conflicts.rs"]
mod conflicts;
#[path = "flights/fleets.rs"]
mod fleets;
#[path = "flights/real.rs"]
mod real;
#[path = "flights/recorded.rs"]
mod recorded;
#[path = "flights/repeats.rs"]
mod repeats;
#[path = "flights/support.rs"]
mod support;
#[path = "flights/table.rs"]
mod table;
#[path = "flights/tables.rs"]
mod tables;
