//! Wire records, identifiers, the Avro codec and the schema registry client.
//!
//! | module | holds |
//! |---|---|
//! | [`ids`] | identifiers: a leg, a tail, a PNR; parse once |
//! | [`records`] | every record on a topic, and the list that ranks their types |
//! | [`wire`] | Avro's binary encoding of our own schemas |
//! | [`codec`] | Confluent framing; values of other schema versions |
//! | [`schema_ids`] | the numbers of schemas, with and without a registry |
//! | `registry` | the client of a schema registry, behind the feature of that name |
//! | [`compatibility`] | whether a schema may follow another |
//! | [`topics`] | the topics: names, `topics.yaml`, and what separates a cluster from it |
//! | [`reference`] | airports and carriers |
//!
//! Knows bytes; does no IO without the feature `registry`.

pub mod codec;
pub mod compatibility;
pub mod ids;
pub mod records;
pub mod reference;
#[cfg(feature = "registry")]
pub mod registry;
mod released;
pub mod schema_ids;
pub mod topics;
pub mod wire;
