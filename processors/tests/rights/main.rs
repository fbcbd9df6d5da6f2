//! The rights engine against the law: tables for people to read, and a second reading that shares nothing with it.
//!
//! | module | holds |
//! |---|---|
//! | `tables` | `cases/*.csv`: a row a case, with its citation |
//! | `oracle` | the articles once more, over complete sets of facts |
//! | `generator` | random cases over all keys, by seed |
//! | `second_reading` | engine and oracle on the same cases |
//! | `properties` | what must hold whatever the case |
//! | `other_regimes` | regimes that are off by themselves |
//! | `outcomes`, `fill` | what is filled in leads to what was listed |
//! | `new_sets` | rule sets that the engine has never seen |
//! | `fuzz` | the reader on bytes that nobody meant |
//! | `boards` | real departures and arrivals, where they are at hand |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod ask;
mod boards;
mod dice;
mod fill;
mod fuzz;
mod generator;
mod new_sets;
mod oracle;
mod other_regimes;
mod outcomes;
mod properties;
mod second_reading;
mod tables;
