//! The typed face of a stage's context: messages and state rows instead of bytes.

use slipstream_schemas::records::Message;
use slipstream_schemas::wire::Wire;
use slipstream_streams::processor::{Cx, Poison, StoreId};
use slipstream_streams::record::{Record, Topic};
use uuid::Uuid;

/// Version of the state rows that this program writes. Every released one stays readable.
const FORMAT: u8 = 1;

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
        Some((&FORMAT, body)) => T::from_bytes(body).map_err(|e| Poison::new("state row", e)),
        Some((format, _)) => Err(Poison::new("state format", format_args!("format {format} is not known to this program"))),
        None => Err(Poison::new("state format", "empty row")),
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
