//! The numbers under which schemas travel, and where they come from.
//!
//!     (subject, schema text) ──► id        written before every value
//!     id ──► schema text                   asked once per id, by the reader
//!
//! [`LocalIds`] derives the numbers from the schemas themselves: no registry, the same numbers in every run.
//! The client of a real registry is `registry::Registry`, behind the feature `registry`.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use apache_avro::Schema;
use apache_avro::rabin::Rabin;

/// Why there is no id, or no schema for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nobody has given out this id.
    #[error("schema id {0} is unknown to the registry")]
    UnknownId(u32),
    /// The schema does not stand at the subject.
    #[error("the schema is not registered at subject `{0}`; run `slipstream schemas register`")]
    NotRegistered(String),
    /// The registry answered, and refused.
    #[error("the registry refused {what}: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its answer.
        why: String,
    },
    /// No answer within the bounds of the retry; asking again later may help.
    #[error("the registry at {url} did not answer {what}: {why}")]
    Unreachable {
        /// Address tried.
        url: String,
        /// What was asked.
        what: String,
        /// The last failure.
        why: String,
    },
}

/// Gives ids for schemas and schemas for ids. Calls may block; the codec keeps every answer for ever.
pub trait SchemaIds: Send + Sync {
    /// The id of a schema that stands at a subject.
    ///
    /// # Errors
    /// It does not stand there, or the registry did not answer.
    fn id(&self, subject: &str, schema: &str) -> Result<u32, IdError>;

    /// The text of the schema with this id.
    ///
    /// # Errors
    /// The id is unknown, or the registry did not answer.
    fn schema(&self, id: u32) -> Result<String, IdError>;
}

/// The subject of a record on a topic: Confluent's TopicRecordNameStrategy.
#[must_use]
pub fn subject(topic: &str, record: &str) -> String {
    format!("{topic}-slipstream.{record}")
}

/// Ids without a registry: the low 31 bits of the schema's CRC-64-AVRO fingerprint, never 0.
///
/// Every process derives the same ids, and a schema has one id at all subjects, as in a registry.
#[derive(Debug, Default)]
pub struct LocalIds {
    texts: RwLock<BTreeMap<u32, String>>,
}

impl LocalIds {
    /// A table that knows every schema of this version.
    ///
    /// # Errors
    /// Two of them have one id.
    pub fn of_ours() -> Result<Self, IdError> {
        let ids = Self::default();
        for (_, schema) in crate::records::schemas() {
            ids.id("", &schema.to_string())?;
        }
        Ok(ids)
    }
}

impl SchemaIds for LocalIds {
    fn id(&self, subject: &str, schema: &str) -> Result<u32, IdError> {
        let refused = |why: String| IdError::Refused { what: format!("a schema at subject `{subject}`"), why };
        let parsed = Schema::parse_str(schema).map_err(|e| refused(e.to_string()))?;
        let fingerprint = parsed.fingerprint::<Rabin>();
        let low = fingerprint.bytes.iter().take(4).rev().fold(0_u32, |id, byte| id << 8 | u32::from(*byte));
        let id = (low & 0x7fff_ffff).max(1);
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        let held = texts.entry(id).or_insert_with(|| schema.to_owned());
        let same = held == schema || Schema::parse_str(held).is_ok_and(|held| held.canonical_form() == parsed.canonical_form());
        if same { Ok(id) } else { Err(refused(format!("another schema already has id {id}"))) }
    }

    fn schema(&self, id: u32) -> Result<String, IdError> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned().ok_or(IdError::UnknownId(id))
    }
}
