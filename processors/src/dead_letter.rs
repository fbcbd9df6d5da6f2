//! Dead letters: what a stage refused, as a record, and back.
//!
//!     refused record ─► DeadLetter ─► (an operator mends the cause) ─► Redelivery ─► the stage's retry topic
//!
//! A letter keeps all of the record but its foreign headers: what is handed in again has its id, key, timestamp,
//! source, correlation and cause. The body is kept in our schema of the day; a letter of another version is not guessed at.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use slipstream_schemas::records::{DeadLetter, rank_of};
use slipstream_schemas::topics;
use slipstream_streams::buffer::Redelivery;
use slipstream_streams::codec::Refused;
use slipstream_streams::edge::UNREADABLE;
use slipstream_streams::record::{Event, Record};
use uuid::Uuid;

/// The letter about what was refused; `type_name` and `schema` are those of the record.
pub(crate) fn write(refused: &Refused<'_>, type_name: Option<&str>, schema: Option<&str>) -> DeadLetter {
    let record = refused.record;
    let event = record.map(|record| &record.event);
    DeadLetter {
        reason: refused.poison.reason.to_owned(),
        stage: refused.stage.to_owned(),
        topic: record.map(|record| record.topic).unwrap_or_default().to_owned(),
        partition: record.map_or(-1, |record| record.partition),
        offset: record.map_or(-1, |record| record.offset),
        error: refused.poison.error.clone(),
        value: record.and_then(|record| record.body.as_deref()).map(|value| BASE64_STANDARD.encode(value)),
        record_type: type_name.map(str::to_owned),
        redeliveries: refused.redeliveries.try_into().unwrap_or(i32::MAX),
        record_id: event.map(|event| event.id.to_string()),
        record_timestamp: record.map_or(0, |record| record.timestamp),
        record_source: event.map(|event| event.source.to_string()).unwrap_or_default(),
        record_cause: event.and_then(|event| event.causation).map(|cause| cause.to_string()),
        record_schema: schema.map(str::to_owned),
        error_class: refused.poison.class.name().to_owned(),
        severity: refused.poison.class.severity().name().to_owned(),
    }
}

/// The refused record, to be handed in once more. `letter` is the dead letter as a record, `schema` gives the fingerprint of
/// our schema of a type.
///
/// # Errors
/// Why it cannot be handed in.
pub(crate) fn redelivery<'c>(
    letter: &Record,
    content: &DeadLetter,
    schema: impl Fn(u16) -> Option<&'c str>,
) -> Result<Redelivery, String> {
    let id = content.record_id.as_deref().ok_or("a timer was refused, no record")?;
    if let Some((file, line)) = content.input_line() {
        return Err(format!("it was no record yet: mend line {line} of {file} and play that again"));
    }
    let topic = topics::ALL.iter().find(|topic| **topic == content.topic);
    let rank = content.record_type.as_deref().and_then(rank_of).unwrap_or(UNREADABLE);
    if content.record_schema.as_deref() != schema(rank) {
        return Err(format!("its value is of schema {:?}, which is not this version's", content.record_schema));
    }
    let value = content.value.as_deref().map(|value| BASE64_STANDARD.decode(value)).transpose();
    Ok(Redelivery {
        times: u32::try_from(content.redeliveries).unwrap_or_default() + 1,
        record: Record {
            topic: topic.ok_or_else(|| format!("`{}` is no topic of this version", content.topic))?,
            partition: content.partition,
            offset: content.offset,
            timestamp: content.record_timestamp,
            key: letter.key.clone(),
            rank,
            event: Event {
                id: Uuid::try_parse(id).map_err(|e| format!("record_id: {e}"))?,
                source: content.record_source.as_str().into(),
                correlation: letter.event.correlation,
                causation: content.record_cause.as_deref().and_then(|cause| Uuid::try_parse(cause).ok()),
                organisation: letter.event.organisation.clone(),
            },
            body: value.map_err(|e| format!("value: {e}"))?.map(Vec::into_boxed_slice),
        },
    })
}
