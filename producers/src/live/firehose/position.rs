//! How far the stream has been taken up: its `pitr`, and which messages of that second are published.
//!
//! The server begins again with a second, so the messages of the last one come twice. Their ids are kept with the position, at most
//! [`PUBLISHED_MAX`] of them: a message beyond that is published again after a resumption, under the same ids.

use std::collections::BTreeSet;

use slipstream_schemas::records::{Message as _, SourcePosition};
use slipstream_schemas::topics::SOURCE_POSITIONS;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, Ts, derive_id};
use uuid::Uuid;

use super::ENVELOPE;

/// Ids kept of one second: far above what the feed of the whole world says in one, and below what one record may hold.
const PUBLISHED_MAX: usize = 10_000;

/// A position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Epoch seconds; none before the first message.
    pub(super) pitr: Option<i64>,
    published: BTreeSet<Uuid>,
}

impl Position {
    /// The one that was kept. An id that is none cannot be one of a message, and is left out.
    pub(super) fn kept(kept: &SourcePosition) -> Self {
        let published = kept.published.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
        Self { pitr: Some(kept.position), published }
    }

    /// Moves on to `pitr`, never back.
    pub(super) fn reach(&mut self, pitr: i64) {
        if self.pitr.is_none_or(|at| pitr > at) {
            self.pitr = Some(pitr);
            self.published.clear();
        }
    }

    /// Notes what is published of the message `id`, which was said at `pitr`; false when it is already. A message of an earlier second
    /// is not noted: a stream that is resumed does not send it again.
    pub(super) fn publish(&mut self, id: Uuid, pitr: Option<i64>) -> bool {
        if self.published.contains(&id) {
            return false;
        }
        let is_of_it = pitr.is_none() || pitr == self.pitr;
        if is_of_it && self.published.len() < PUBLISHED_MAX {
            self.published.insert(id);
        }
        true
    }

    /// Its record under the source's name, written at `now`; none before the first message.
    pub(super) fn record(&self, source: &str, now: Ts) -> Option<Record> {
        let position = self.pitr?;
        let published = self.published.iter().map(Uuid::to_string).collect();
        let message = SourcePosition { source: source.to_owned(), position, published };
        let body = message.to_bytes();
        let id = derive_id(&[ENVELOPE.as_bytes(), b"position", &body]);
        Some(Record::said(SOURCE_POSITIONS, source, now, (&ENVELOPE.into(), id), (message.rank(), body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Uuid {
        derive_id(&[&[n]])
    }

    #[test]
    fn what_is_kept_is_what_was_written() {
        let mut position = Position::default();
        assert_eq!(position.record("firehose", 1), None);
        position.reach(100);
        assert!(position.publish(id(1), Some(100)) && position.publish(id(2), None));
        let record = position.record("firehose", 5).unwrap();
        let kept = SourcePosition::from_bytes(record.body.as_deref().unwrap()).unwrap();
        assert_eq!((&*record.key, record.timestamp, Position::kept(&kept)), ("firehose", 5, position.clone()));
        assert!(!position.publish(id(1), Some(100)) && !position.publish(id(2), None), "both are published");
    }

    #[test]
    fn it_never_goes_back() {
        let mut position = Position::default();
        position.reach(100);
        assert!(position.publish(id(1), Some(100)));
        position.reach(99);
        assert!(position.publish(id(2), Some(99)), "late, and new");
        assert_eq!(position.pitr, Some(100));
        assert!(!position.publish(id(1), Some(100)), "still known");
        position.reach(101);
        assert!(position.publish(id(1), Some(101)), "of another second");
    }

    #[test]
    fn the_ids_of_a_second_are_bounded() {
        let mut position = Position::default();
        position.reach(1);
        for n in 0..PUBLISHED_MAX + 5 {
            position.publish(derive_id(&[&n.to_be_bytes()]), Some(1));
        }
        assert_eq!(position.published.len(), PUBLISHED_MAX);
        let record = position.record("firehose", 0).unwrap();
        assert!(record.body.unwrap().len() < 512 * 1024, "one record holds them");
    }
}
