//! FlightAware Firehose: a stream over TLS that sends by itself what happens to flights.
//!
//! ```text
//! source.positions ─► live | pitr N ─► TLS ─► lines ─► messages ─► one transaction ─┬─► flight.observations
//!        ▲                                                                          ├─► dead.letter.queue
//!        └──────────────────────────────────────────────────────────────────────────┴─► source.positions
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | whom to connect to, as whom, for which events |
//! | [`message`] | pure: one line becomes observations, a sign of life, the server's refusal, or nothing of ours |
//! | `lines` | bytes become lines of at most [`LINE_BYTES_MAX`] |
//! | `position` | how far the stream has been taken up |
//! | `uptake` | pure: lines become what one transaction holds |
//! | `peer`, `stage` | the connection; the server in this process that a mock is |
//! | [`stream`] | connects, takes up, publishes, and does so again |
//! | `tally` | what it has come to |
//!
//! What a message says and the position behind it commit together, so a process that takes over goes on after the last message that is
//! published. The server begins again at a second, not at a message: the ids of that second's messages stand with the position, and those
//! messages are left out. A record's id follows from its message, so that what is published twice all the same (two leaders for a moment, a
//! commit whose answer was lost) is recognised. Records are stamped with the message's `pitr`, the instant at which FlightAware knew.
//!
//! Not promised: an order of messages other than the server's; positions of aircraft, which are not subscribed to; anything that was said
//! while the stream was away for longer than `resume_max_h`.
//!
//! Written against FlightAware's documentation of version 37 and the messages in its public examples. Not confirmed: the words of its
//! errors, and how a diversion is told.

mod lines;
pub mod message;
mod peer;
mod position;
pub mod settings;
mod stage;
pub mod stream;
mod tally;
mod uptake;

pub use self::lines::LINE_BYTES_MAX;
pub use self::stream::{Firehose, Positions};
pub use self::tally::{FirehoseReport, Tally};
pub use super::session::Phase;

/// Who speaks: the same source as behind the other ways to FlightAware, as the table of priorities knows it.
pub const SOURCE: &str = "flightaware";
/// The way the words came, as events name it.
const ENVELOPE: &str = "/producers/firehose";
/// The way in dead letters.
const LETTERS: &str = "firehose";
