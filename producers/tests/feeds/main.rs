//! Recordings as a user meets them: real days, bad lines, disturbed streams, our own recordings.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

mod boards;
mod disturbance;
mod hostile;
mod knowledge;
mod letters;
mod loads;
mod malformed;
mod manifests;
mod month;
mod nyc;
mod recordings;
mod reports;
mod restrictions;
mod sample_day;
mod support;
mod telexes;
mod traps;
mod turnarounds;
