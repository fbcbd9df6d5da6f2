//! The typed face of a stage's context: messages and state rows instead of bytes.

use slipstream_schemas::records::Message;
use slipstream_schemas::wire::Wire;
use slipstream_streams::processor::{Cx, Poison, StoreId};
use slipstream_streams::record::{Record, Topic};
use uuid::Uuid;

use crate::journey::HOUR;

/// Version of the state rows that this program writes. Every released one stays readable.
const FORMAT: u8 = 1;

/// Rows that nobody needs any more go together, at whole multiples of this, ms of UTC.
const SWEEP_MS: i64 = 6 * HOUR;

/// When what is needed until `at` is forgotten, ms: a little later, with everything else of those hours. A world that is over ends
/// in a few instants then, not in one for each leg and stage, each of which must go round among all tasks.
#[must_use]
pub fn forgotten_at(at: i64) -> i64 {
    at.saturating_sub(1).div_euclid(SWEEP_MS).saturating_add(1).saturating_mul(SWEEP_MS)
}

/// Typed access on top of [`Cx`].
pub trait Typed {
    /// Writes a message; returns its id.
    fn send<M: Message>(&mut self, topic: Topic, key: &str, message: &M) -> Uuid;

    /// Reads a state row of the current key.
    ///
    /// # Errors
    /// A row of a format that this program does not know.
    fn load<T: Wire>(&self, store: StoreId, sub: &[u8]) -> Result<Option<T>, Poison>;

    /// Writes a state row of the current key: format byte + Avro.
    fn save<T: Wire>(&mut self, store: StoreId, sub: &[u8], value: &T);

    /// Reads the current key's rows whose sub-key starts with `prefix`, in order.
    ///
    /// # Errors
    /// A row of a format that this program does not know.
    fn load_all<T: Wire>(&self, store: StoreId, prefix: &[u8]) -> Result<Vec<(Vec<u8>, T)>, Poison>;
}

impl Typed for Cx<'_> {
    fn send<M: Message>(&mut self, topic: Topic, key: &str, message: &M) -> Uuid {
        self.emit(topic, key, message.rank(), Some(message.to_bytes()))
    }

    fn load<T: Wire>(&self, store: StoreId, sub: &[u8]) -> Result<Option<T>, Poison> {
        self.get(store, sub).map(|row| read_row(&row)).transpose()
    }

    fn save<T: Wire>(&mut self, store: StoreId, sub: &[u8], value: &T) {
        let mut row = Vec::with_capacity(128);
        row.push(FORMAT);
        value.encode(&mut row);
        self.put(store, sub, row);
    }

    fn load_all<T: Wire>(&self, store: StoreId, prefix: &[u8]) -> Result<Vec<(Vec<u8>, T)>, Poison> {
        let rows = self.scan(store, prefix).into_iter();
        rows.map(|(sub, row)| Ok((sub, read_row(&row)?))).collect()
    }
}

fn read_row<T: Wire>(row: &[u8]) -> Result<T, Poison> {
    match row.split_first() {
        Some((&FORMAT, body)) => T::from_bytes(body).map_err(|e| Poison::processing("state row", e)),
        Some((format, _)) => {
            Err(Poison::processing("state format", format_args!("format {format} is not known to this program")))
        }
        None => Err(Poison::processing("state format", "empty row")),
    }
}

/// The message in a record, as the stage expects it on that topic.
///
/// # Errors
/// Not that message, or a tombstone.
pub fn read<M: Message>(record: &Record) -> Result<M, Poison> {
    let body = record.body.as_deref().ok_or_else(|| Poison::new("tombstone", M::SCHEMA))?;
    M::from_bytes(body).map_err(|e| Poison::new("unreadable value", format_args!("{}: {e}", M::SCHEMA)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_goes_at_a_few_instants_of_the_day_and_never_too_soon() {
        for (at_h, forgotten_h) in [(0, 0), (1, 6), (6, 6), (7, 12), (23, 24), (-1, 0), (-6, -6), (-7, -6)] {
            assert_eq!(forgotten_at(at_h * HOUR), forgotten_h * HOUR, "{at_h} h");
        }
        assert_eq!(forgotten_at(1), 6 * HOUR);
        assert_eq!(forgotten_at(i64::MAX), i64::MAX, "what is kept for ever is never forgotten");
    }
}
