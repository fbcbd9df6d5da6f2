//! What the push has come to, for health and metrics. Counts for the life of the process.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::session::{Phase, Session};
use super::message::{CODES, Code, Reason};
use super::waiting::Put;

/// Codes that are not documented and are kept by their text; those beyond are counted as one.
const OTHER_CODES_MAX: usize = 50;
/// The codes that are not documented, together.
const OTHER: &str = "other";

/// What messages were, and what became of the flights that they told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Messages after which a flight waits.
    pub queued: u64,
    /// Messages of flights that waited already.
    pub repeated: u64,
    /// Messages for which there was no room.
    pub dropped: u64,
    /// Messages that became dead letters, by every reason.
    pub unreadable: BTreeMap<&'static str, u64>,
    /// Readable messages by code, those that are not documented as `other`.
    pub codes: BTreeMap<&'static str, u64>,
    /// Those by their text, the first fifty texts.
    pub other_codes: BTreeMap<String, u64>,
    /// Legs that were asked for and published, or are as they were.
    pub synced: u64,
    /// Legs that could not be asked for or published.
    pub failed: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            queued: 0,
            repeated: 0,
            dropped: 0,
            unreadable: Reason::ALL.map(|reason| (reason.name(), 0)).into(),
            codes: CODES.iter().map(|(code, _)| (*code, 0)).chain([(OTHER, 0)]).collect(),
            other_codes: BTreeMap::new(),
            synced: 0,
            failed: 0,
        }
    }
}

impl Tally {
    pub(super) fn put(&mut self, put: Put) {
        match put {
            Put::New => self.queued += 1,
            Put::Again => self.repeated += 1,
            Put::Full => self.dropped += 1,
        }
    }

    pub(super) fn unreadable(&mut self, reason: Reason) {
        *self.unreadable.entry(reason.name()).or_default() += 1;
    }

    pub(super) fn code(&mut self, code: Code) {
        let name = match code {
            Code::Known(code) => code,
            Code::Other(text) => {
                if self.other_codes.len() < OTHER_CODES_MAX || self.other_codes.contains_key(&text) {
                    *self.other_codes.entry(text).or_default() += 1;
                }
                OTHER
            }
        };
        *self.codes.entry(name).or_default() += 1;
    }

    pub(super) fn asked(&mut self, success: bool) {
        let count = if success { &mut self.synced } else { &mut self.failed };
        *count += 1;
    }
}

/// How the push is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushReport {
    /// Name.
    pub provider: String,
    /// What it is doing.
    pub phase: Phase,
    /// Flights that wait to be asked for.
    pub waiting: usize,
    /// Seconds since the last message, or since the connection came about.
    pub last_message_age_s: Option<f64>,
    /// Connections that were tried.
    pub connections: u64,
    /// What messages were.
    #[serde(flatten)]
    pub tally: Tally,
    /// Why the last connection ended.
    pub last_error: Option<String>,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// What has come of the connections.
    pub(super) session: Session,
    /// What has come of the messages.
    pub(super) tally: Tally,
}

impl Count {
    pub(super) fn report(&self, name: &str, waiting: usize) -> PushReport {
        let stats = self.session.as_provider(name);
        PushReport {
            provider: stats.provider,
            phase: self.session.phase(),
            waiting,
            last_message_age_s: stats.last_answer_age_s,
            connections: stats.attempts,
            tally: self.tally.clone(),
            last_error: self.session.last_error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_nobody_documents_are_kept_up_to_a_number() {
        let mut tally = Tally::default();
        for n in 0..OTHER_CODES_MAX + 10 {
            tally.code(Code::Other(format!("X{n}")));
            tally.code(Code::Other("X0".to_owned()));
        }
        tally.code(Code::Known("Y"));
        let all = 2 * (OTHER_CODES_MAX as u64 + 10);
        assert_eq!((tally.codes["Y"], tally.codes[OTHER], tally.codes["ASM CNL"]), (1, all, 0));
        assert_eq!((tally.other_codes.len(), tally.other_codes["X0"]), (OTHER_CODES_MAX, all / 2 + 1));
    }
}
