//! Why a cluster that does not answer does not answer, as the client says it: a second look after a failed call.
//!
//! librdkafka goes on trying after a refused password or an untrusted certificate; the call that waits only times out,
//! and the reason is an event that most callers never see. What is said here holds no secret.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use super::Connection;
use super::connection::TRANSACTION_TIMEOUT;
use super::errors::{class_of, cure};
use crate::errors::{Cause, ErrorClass};
use crate::log::Place;

/// Longest wait for a reason.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the first telling event.
#[derive(Default)]
struct Heard(Mutex<Option<Cause>>);

impl Heard {
    fn keep(&self, error: &KafkaError, reason: &str, cure: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert_with(|| Cause::new(class_of(error), format_args!("{reason}; {cure}")));
    }
}

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(cure) = cure(&error) {
            self.keep(&error, reason, cure);
        }
    }

    /// What is worth telling comes as an error.
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

impl ConsumerContext for Heard {}

/// What holds a reader of committed records at `at`. Asked with its own isolation level, the cluster answers with the last
/// stable offset: where that is no further, a transaction has been left open, by its owner or by the cluster itself.
pub(super) fn stall<C: ConsumerContext>(reader: &BaseConsumer<C>, bootstrap: &str, place: &Place, at: i64) -> String {
    let Place { topic, partition } = place;
    match reader.fetch_watermarks(topic, *partition, PATIENCE) {
        Err(error) => format!("{place} offset {at}: the partition's leader does not answer: {error}"),
        Ok((_, stable)) if stable > at => format!("{place} offset {at}: committed up to {stable}, but not handed out"),
        Ok((_, stable)) => format!(
            "{place} offset {at}: a transaction has been open since offset {stable}; one of a living process ends within {} s. \
             `kafka-transactions.sh --bootstrap-server {bootstrap} describe-producers --topic {topic} --partition {partition}` \
             shows its producer id; when no coordinator knows of it (`find-hanging`), it ends only by hand: \
             `kafka-transactions.sh --bootstrap-server {bootstrap} abort --topic {topic} --partition {partition} \
             --start-offset {stable}`",
            TRANSACTION_TIMEOUT.as_secs()
        ),
    }
}

impl Connection {
    /// An error of a call to this cluster, with the reason behind it where the client knows one.
    pub fn explain(&self, error: impl std::fmt::Display) -> String {
        self.behind(Cause::new(ErrorClass::Unknown, error)).said
    }

    /// What happened, with the reason behind it, which is of the better class.
    pub(crate) fn behind(&self, cause: Cause) -> Cause {
        match self.diagnosis() {
            Some(reason) => Cause::new(reason.class, format_args!("{cause}: {reason}")),
            None => cause,
        }
    }

    fn diagnosis(&self) -> Option<Cause> {
        let mut config = self.client();
        let probe: BaseConsumer<Heard> = config.set("group.id", "diagnosis").create_with_context(Heard::default()).ok()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // Nothing is subscribed: what comes is what the connections have to say.
            let event = probe.poll(Duration::from_millis(100));
            tracing::trace!(errors = event.is_some(), "diagnosis");
            let heard = rdkafka::consumer::Consumer::context(&probe).0.lock().unwrap_or_else(PoisonError::into_inner).take();
            if heard.is_some() {
                return heard;
            }
        }
        None
    }
}
