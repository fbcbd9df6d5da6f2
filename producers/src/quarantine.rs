//! Refused text in which somebody may be named: sealed before anything keeps it, or not kept at all.
//!
//! ```text
//! telex, list, notification, foreign record ─► Refused::withhold ─┬─ a quarantine ─► sealed ─► `value` of the dead letter
//!                                                                 └─ none ─────────► its fingerprint alone
//! ```
//!
//! What seals is handed in: keys, their days and the disk are the program's, so that a feed stays a function of its files, its
//! settings and its seed. Nothing here opens what was sealed.

use std::fmt;
use std::sync::Arc;

/// Seals text under a key that is destroyed some days later.
pub trait Seal: Send + Sync {
    /// The text, sealed and bound to `place` (`FILE:LINE`); none where it cannot be sealed, and then it is not kept.
    ///
    /// The same key, place and text give the same characters, which are no base64: nobody takes them for a value in the clear.
    fn seal(&self, place: &str, text: &[u8]) -> Option<String>;
}

/// Where refused text goes that may name somebody.
#[derive(Clone)]
pub struct Quarantine(Arc<dyn Seal>);

impl Quarantine {
    /// A quarantine that is sealed so.
    #[must_use]
    pub fn new(seal: Arc<dyn Seal>) -> Self {
        Self(seal)
    }

    pub(crate) fn seal(&self, place: &str, text: &[u8]) -> Option<String> {
        self.0.seal(place, text)
    }
}

/// Says nothing of what it seals with.
impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quarantine")
    }
}

/// The same one, not one that seals alike.
impl PartialEq for Quarantine {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Quarantine {}
