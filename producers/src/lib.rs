//! Feeds in: recorded days and simulated ones become streams of source records.
//!
//!     bts:, nyc: CSV ──► table ──► days ──► event_model ► flights┐
//!     yyz: CSV ──► table ──► board ──────────────────────────────┤
//!     metar:, taf: CSV ──► weather ──► reports ──────────────────┤
//!     ssim:, mvt:, ldm: ──► messages ──► airline ────────────────┤
//!     nas:, regulation: XML ──► messages ──► restrictions ───────┤
//!     recording: JSON lines ──► recording ───────────────────────┴──► feed (merge, disturb) ──► the pipeline
//!     what none of them can use ──► refusals ──► letters ──► dead.letter.queue
//!
//! | module | holds |
//! |---|---|
//! | [`inputs`] | `kind:path` as typed; opens a [`feed::Feed`] |
//! | [`event_model`] | what of a recording was known when |
//! | [`recording`] | our own recordings, read and written |
//! | [`disturb`] | late and repeated records, for tests |
//! | [`turnaround`] | minimum turnarounds, fitted from recorded days |
//! | [`pace`] | event time against the wall clock |
//! | [`messages`] | movement and load messages, boarding passes, schedule files: read and written |
//! | [`reports`] | recorded weather as a stream |
//! | [`restrictions`] | programmes of the FAA and regulations of the Network Manager as a stream |
//! | [`weather`] | METAR and TAF texts become values |
//! | [`witnesses`] | sources of different quality, made from recorded days, to measure how well they are reconciled |
//! | [`refusals`], [`letters`] | what could not be used, by file, line and field; as dead letters |
//! | [`quarantine`] | what of it may name somebody, sealed by whom the program hands in |
//!
//! A feed is a pure function of its files, its settings and its seed: it reads no clock and starts no thread.

use slipstream_streams::reference::Source;

mod airline;
mod board;
mod bts;
mod days;
pub mod disturb;
pub mod event_model;
pub mod facts;
pub mod feed;
mod flights;
pub mod inputs;
mod letters;
#[cfg(feature = "live")]
pub mod live;
pub mod local_time;
pub mod messages;
mod nyc;
pub mod pace;
pub mod quarantine;
pub mod recording;
pub mod refusals;
pub mod reports;
mod restrictions;
pub mod simulator;
mod table;
mod text_file;
pub mod turnaround;
pub mod weather;
pub mod witnesses;

/// A source that reads recordings, and so may find lines that do not do.
pub(crate) trait Recorded: Source {
    /// Hands over what has been refused since the last call, if anything.
    fn refused(&mut self, to: &mut dyn FnMut(inputs::Kind, &mut refusals::Refused));
}
