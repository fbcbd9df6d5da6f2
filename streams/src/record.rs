//! A record with its envelope, and identities that are derived, never drawn.
//!
//! Output id = UUIDv5(our namespace; stage, output topic, output key, cause id, ordinal within exactly those,
//! joined by NUL). The same input therefore gives the same ids on every replay, in any partitioning.

use std::sync::Arc;

use uuid::Uuid;

/// An instant: milliseconds since 1970-01-01T00:00Z.
pub type Ts = i64;

/// Later than every instant: a source that has ended promises this.
pub const FOREVER: Ts = Ts::MAX;

/// Name of a topic, as in the topology.
pub type Topic = &'static str;

/// Namespace of every derived id.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x5f0d_3b1e_6a52_5c0f_9f6d_7a4c_21d8_e003);

/// One record of a topic, with the value in our own schema and without framing.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Topic.
    pub topic: Topic,
    /// Partition it was read from; -1 until it has been written.
    pub partition: i32,
    /// Offset it was read from; -1 until it has been written.
    pub offset: i64,
    /// The instant at which its fact became known.
    pub timestamp: Ts,
    /// Key: UTF-8 text.
    pub key: Box<str>,
    /// Record type, as its place in the ranking.
    pub rank: u16,
    /// Envelope.
    pub event: Event,
    /// Value; `None` is a tombstone.
    pub body: Option<Box<[u8]>>,
}

impl Record {
    /// What a source says, and nothing caused: under this key, with its own envelope source and id, and a value of this rank.
    #[must_use]
    pub fn said(topic: Topic, key: &str, timestamp: Ts, (source, id): (&Arc<str>, Uuid), (rank, body): (u16, Vec<u8>)) -> Self {
        let event = Event { id, source: Arc::clone(source), correlation: id, causation: None, organisation: None };
        Self { topic, partition: -1, offset: -1, timestamp, key: key.into(), rank, event, body: Some(body.into()) }
    }

    /// The order in which a stage takes the records of one instant.
    #[must_use]
    pub fn order(&self) -> (Ts, u16, Topic, &str, Uuid) {
        (self.timestamp, self.rank, self.topic, &self.key, self.event.id)
    }
}

/// The CloudEvents attributes that vary; the others follow from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Id, unique with `source`.
    pub id: Uuid,
    /// Who says so: `/processors/reconcile`, `/producers/bts`.
    pub source: Arc<str>,
    /// The first event of the chain that this one belongs to.
    pub correlation: Uuid,
    /// The event or timer that caused it; none for a source's record.
    pub causation: Option<Uuid>,
    /// Tenant.
    pub organisation: Option<Arc<str>>,
}

/// A UUIDv5 in our namespace over `parts`, joined by NUL.
#[must_use]
pub fn derive_id(parts: &[&[u8]]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, &parts.join(&0))
}

/// Header names of the envelope (CloudEvents 1.0 Kafka binding, binary mode; W3C trace context).
pub mod header {
    /// CloudEvents version.
    pub const SPECVERSION: &str = "ce_specversion";
    /// Event id.
    pub const ID: &str = "ce_id";
    /// Event source.
    pub const SOURCE: &str = "ce_source";
    /// Record type.
    pub const TYPE: &str = "ce_type";
    /// The record's timestamp, RFC 3339.
    pub const TIME: &str = "ce_time";
    /// The record's key.
    pub const SUBJECT: &str = "ce_subject";
    /// First event of the chain.
    pub const CORRELATION: &str = "ce_correlationid";
    /// Direct cause.
    pub const CAUSATION: &str = "ce_causationid";
    /// Tenant.
    pub const ORGANISATION: &str = "ce_organizationid";
    /// Media type of the value.
    pub const CONTENT_TYPE: &str = "content-type";
    /// W3C trace context, derived from correlation and event id.
    pub const TRACEPARENT: &str = "traceparent";
    /// On a retry topic: which time the record is handed in again, from 1 on.
    pub const REDELIVERY: &str = "slipstream-redelivery";
    /// On a retry topic: where the record first lay, `topic/partition/offset`.
    pub const ORIGIN: &str = "slipstream-origin";
}

/// Media type of every value.
pub const AVRO: &str = "application/vnd.apache.avro";

impl Record {
    /// Every header, in the order in which they are written.
    #[must_use]
    pub fn headers(&self, type_name: &str) -> Vec<(&'static str, String)> {
        let event = &self.event;
        let mut headers = vec![
            (header::SPECVERSION, "1.0".to_owned()),
            (header::ID, event.id.to_string()),
            (header::SOURCE, event.source.to_string()),
            (header::TYPE, type_name.to_owned()),
            (header::TIME, rfc3339(self.timestamp)),
            (header::SUBJECT, self.key.to_string()),
            (header::CORRELATION, event.correlation.to_string()),
        ];
        if let Some(cause) = event.causation {
            headers.push((header::CAUSATION, cause.to_string()));
        }
        if let Some(organisation) = &event.organisation {
            headers.push((header::ORGANISATION, organisation.to_string()));
        }
        headers.push((header::CONTENT_TYPE, AVRO.to_owned()));
        headers.push((header::TRACEPARENT, traceparent(event)));
        headers
    }
}

/// `00-<trace id from the correlation id>-<span id from the event id>-01`.
#[must_use]
pub fn traceparent(event: &Event) -> String {
    let span = event.id.as_u64_pair().1;
    format!("00-{}-{span:016x}-01", event.correlation.simple())
}

/// RFC 3339 with milliseconds, UTC (Hinnant's civil-from-days).
#[must_use]
pub fn rfc3339(at: Ts) -> String {
    let (days, ms) = (at.div_euclid(86_400_000), at.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rfc3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_204_329_599_999), "2008-02-29T23:59:59.999Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn ids_depend_on_every_part_and_its_place() {
        assert_eq!(derive_id(&[b"a", b"b"]), derive_id(&[b"a", b"b"]));
        assert_ne!(derive_id(&[b"a", b"b"]), derive_id(&[b"b", b"a"]));
        assert_ne!(derive_id(&[b"a", b"b"]), derive_id(&[b"ab"]));
    }
}
