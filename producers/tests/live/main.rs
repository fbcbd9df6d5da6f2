//! Providers over the network: the stack around them in virtual time, and each client against a server that plays its API.
//!
//! | group | where |
//! |---|---|
//! | basics of the interface | `mock`, `clients`, `opensky`, `weather` |
//! | weather by the clock | `rounds` |
//! | failover and breaker | `breaker`, `desk` |
//! | the desk as a service | `desk`, `boards`, `service`, `savings`, `times` |
//! | errors and recovery | `clients`, `outages`, `shared` |
//! | metrics | `desk` |
//! | sync: what is published, and when | `sync`, `schedule` |
//! | what is sent by itself | `firehose`, `push` |

// contract: S1-14 (the five groups above the last two)

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod boards;
mod breaker;
mod clients;
mod desk;
mod firehose;
mod mock;
mod opensky;
mod outages;
mod push;
mod rounds;
mod savings;
mod schedule;
mod service;
mod shared;
mod stub;
mod support;
mod sync;
mod times;
mod weather;
