//! Providers over the network: the stack around them in virtual time, and each client against a server that plays its API.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may stop at the first surprise")]

mod breaker;
mod desk;
mod outages;
mod support;
