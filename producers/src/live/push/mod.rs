//! Lufthansa's push, MQTT "FlightUpdate": the airline tells which leg has changed, and that leg is asked at once.
//!
//! ```text
//! TLS ─► MQTT ─► message ─┬─ readable ───► what is kept of the leg is past its time ─► legs that wait ─► syncer, one at a time
//!                         └─ unreadable ─► dead.letter.queue                                               └─► flight.observations
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | whom to connect to, as whom, for which carriers |
//! | [`message`] | pure: topic and body become a leg and the kind of change |
//! | `waiting` | pure: legs that wait to be asked, each once |
//! | `link` | MQTT over a connection; the one place that names the crate `rumqttc` |
//! | [`listener`] | connects, takes up, asks, and does so again |
//! | `tally` | what it has come to |
//!
//! A message says only what kind of change there was, so nothing of it is published but what the provider says when it is asked, by the same
//! [`Syncer`](super::sync::flight::Syncer) as ever: the ids are those that a round of the scheduler gives, and a word twice is one record.
//! Questions go through the provider's guard: quota, breaker and deadline hold.
//!
//! Not promised: a message that came while nobody was connected, or for which there was no room; the session is a clean one, and the
//! scheduler's rounds ask for those legs later. A question that fails is not asked again from here, for the same reason.
//!
//! Written against what the developer portal says of it. Not confirmed: which of user name and password holds the token, whether a message
//! tells one leg of a flight with several (all that are known are asked), whose clock the flight date is by, and other codes than the ten.

mod link;
pub mod listener;
pub mod message;
pub mod settings;
mod tally;
mod waiting;

pub use self::listener::{Push, Way};
pub use self::message::MESSAGE_BYTES_MAX;
pub use self::tally::{PushReport, Tally};
pub use self::waiting::WAITING_MAX;
pub use super::session::Phase;

/// Behind the provider's name: the push is watched beside the provider that is asked.
const SUFFIX: &str = "-push";
/// The way the messages came, as events name it.
const ENVELOPE: &str = "/producers/lufthansa-push";
/// The way in dead letters.
const LETTERS: &str = "lufthansa-push";
