//! Why a cluster that does not answer does not answer, as the client says it: a second look after a failed call.
//!
//! librdkafka goes on trying after a refused password or an untrusted certificate; the call that waits only times out,
//! and the reason is an event that most callers never see. What is said here holds no secret.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::Connection;

/// Longest wait for a reason.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the first telling event.
#[derive(Default)]
struct Heard(Mutex<Option<String>>);

impl Heard {
    fn keep(&self, reason: &str, mend: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert_with(|| format!("{reason}; {mend}"));
    }
}

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                self.keep(reason, "check sasl.mechanism, sasl.username and sasl.password");
            }
            Some(RDKafkaErrorCode::SSL) => {
                self.keep(reason, "check security.protocol, ssl.ca.location and the name in the broker's certificate");
            }
            Some(RDKafkaErrorCode::Resolve) => self.keep(reason, "check the bootstrap servers"),
            _ => {}
        }
    }

    /// What is worth telling comes as an error.
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
}

impl ConsumerContext for Heard {}

impl Connection {
    /// An error of a call to this cluster, with the reason behind it where the client knows one.
    pub fn explain(&self, error: impl std::fmt::Display) -> String {
        match self.diagnosis() {
            Some(reason) => format!("{error}: {reason}"),
            None => error.to_string(),
        }
    }

    fn diagnosis(&self) -> Option<String> {
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
