//! What the client's errors mean: of which class they are, which pass by themselves, which need an abort or a new log, and which
//! need a person, who is then told what to do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::errors::{Cause, ErrorClass};
use crate::log::{LogError, Place};

/// What to do about a refusal of who we are.
const GRANT: &str = "give this user back the rights to read and write the world's topics and to use its groups and \
    transactional ids, and its password if that was changed; then start again";
/// What to do about a record that nobody takes.
const TOO_LARGE: &str =
    "raise the topic's max.message.bytes, and the client's message.max.bytes if that is less; then start again";

/// Of which class an error of the client is.
pub(super) fn class_of(error: &KafkaError) -> ErrorClass {
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::Nul(_) => ErrorClass::Validation,
        other => other.rdkafka_error_code().map_or(ErrorClass::Unknown, class_of_code),
    }
}

/// Kafka's codes and the client's own, by class; what is not here stays unknown, so that it is seen.
fn class_of_code(code: RDKafkaErrorCode) -> ErrorClass {
    use RDKafkaErrorCode as Code;
    match code {
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve | Code::NetworkException => ErrorClass::Network,
        Code::BrokerNotAvailable | Code::LeaderNotAvailable | Code::NotLeaderForPartition => ErrorClass::Network,
        Code::ReplicaNotAvailable | Code::FencedLeaderEpoch | Code::UnknownLeaderEpoch => ErrorClass::Network,
        Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress | Code::NotCoordinator => ErrorClass::Network,
        Code::WaitingForCoordinator | Code::UnknownBroker => ErrorClass::Network,
        Code::OperationTimedOut | Code::MessageTimedOut | Code::RequestTimedOut | Code::TimedOutQueue => ErrorClass::Timeout,
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => ErrorClass::Auth,
        Code::UnsupportedSASLMechanism | Code::IllegalSASLState | Code::SecurityDisabled => ErrorClass::Auth,
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed => ErrorClass::Auth,
        Code::ClusterAuthorizationFailed | Code::TransactionalIdAuthorizationFailed => ErrorClass::Auth,
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::QueueFull => ErrorClass::Resource,
        Code::KafkaStorageError | Code::LogDirNotFound | Code::CriticalSystemResource => ErrorClass::Resource,
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend | Code::ISRInsufficient => ErrorClass::Resource,
        Code::ThrottlingQuotaExceeded | Code::PolicyViolation | Code::GroupMaxSizeReached => ErrorClass::Resource,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => ErrorClass::Resource,
        Code::OffsetOutOfRange | Code::AutoOffsetReset | Code::LogTruncation => ErrorClass::Resource,
        Code::BadMessage | Code::BadCompression | Code::InvalidMessage | Code::InvalidRecord => ErrorClass::Validation,
        Code::InvalidTimestamp | Code::InvalidConfig | Code::InvalidTopic | Code::InvalidArgument => ErrorClass::Validation,
        Code::Fenced | Code::ProducerFenced | Code::FencedInstanceId | Code::InvalidProducerEpoch => ErrorClass::Processing,
        Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress => ErrorClass::Processing,
        Code::AssignmentLost | Code::PollExceeded | Code::ConcurrentTransactions => ErrorClass::Processing,
        Code::InvalidTransactionalState | Code::InvalidProducerIdMapping | Code::UnknownProducerId => ErrorClass::Processing,
        Code::OutOfOrderSequenceNumber | Code::PurgeQueue | Code::PurgeInflight => ErrorClass::Processing,
        _ => ErrorClass::Unknown,
    }
}

/// What a person has to do about an error, if nobody else can do anything.
fn mending(error: &KafkaError) -> Option<&'static str> {
    match error.rdkafka_error_code()? {
        RDKafkaErrorCode::TopicAuthorizationFailed
        | RDKafkaErrorCode::GroupAuthorizationFailed
        | RDKafkaErrorCode::ClusterAuthorizationFailed
        | RDKafkaErrorCode::TransactionalIdAuthorizationFailed => Some(GRANT),
        RDKafkaErrorCode::MessageSizeTooLarge => Some(TOO_LARGE),
        _ => None,
    }
}

/// What to look at when no connection comes about.
pub(super) fn cure(error: &KafkaError) -> Option<&'static str> {
    match error.rdkafka_error_code()? {
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => {
            Some("check sasl.mechanism, sasl.username and sasl.password")
        }
        RDKafkaErrorCode::SSL => Some("check security.protocol, ssl.ca.location and the name in the broker's certificate"),
        RDKafkaErrorCode::Resolve => Some("check the bootstrap servers"),
        _ => None,
    }
}

/// What helps against a transactional call's error: a person, an abort where the client says so, else a new client.
pub(super) fn classify(error: KafkaError) -> LogError {
    match (&error, mending(&error)) {
        (_, Some(mend)) => LogError::refused(class_of(&error), format_args!("{error}; {mend}")),
        (KafkaError::Transaction(cause), None) if cause.txn_requires_abort() && !cause.is_fatal() => {
            LogError::abort(class_of(&error), &error)
        }
        _ => reopen(error),
    }
}

/// A new client helps.
pub(super) fn reopen(error: KafkaError) -> LogError {
    LogError::Reopen(Cause::new(class_of(&error), error))
}

/// Why a record did not reach a partition.
pub(super) fn not_written(place: impl std::fmt::Display, error: &KafkaError) -> LogError {
    match mending(error) {
        Some(mend) => LogError::refused(class_of(error), format_args!("{place}: {error}; {mend}")),
        None => LogError::abort(class_of(error), format_args!("{place}: {error}")),
    }
}

/// What the consumer reports.
#[derive(Debug, PartialEq)]
pub(super) enum Trouble {
    /// It passes.
    Passing,
    /// What is to be read next is not there.
    Gap,
    /// A topic is not there, or not yet.
    Missing,
    /// It ends here.
    End(LogError),
}

/// What an error of the consumer means: most pass; a fenced member must begin anew; lost data needs a person.
pub(super) fn trouble(error: KafkaError) -> Trouble {
    match (&error, error.rdkafka_error_code()) {
        (KafkaError::MessageConsumptionFatal(_), _) => Trouble::End(reopen(error)),
        (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => Trouble::Gap,
        (_, Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => Trouble::Missing,
        _ => match mending(&error) {
            Some(mend) => Trouble::End(LogError::refused(class_of(&error), format_args!("{error}; {mend}"))),
            None => Trouble::Passing,
        },
    }
}

/// Says why offset `next` cannot be read from a partition that holds `low` to `high`; nothing if it can.
pub(super) fn gap(place: &Place, next: i64, (low, high): (i64, i64)) -> Option<String> {
    if next < low {
        return Some(format!(
            "{place}: the next record to be read was at offset {next}, but the topic begins at {low} now: {} records went by \
             retention before they were processed; lengthen its retention.ms, then start the world anew, or set the group's \
             offset to {low} and live with the gap",
            low - next
        ));
    }
    (next > high).then(|| {
        format!(
            "{place}: the next record to be read is at offset {next}, but the topic ends at {high}: it was made anew under the \
             pipeline; drop the world (`topics delete`), make it again (`topics apply`) and start anew"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_do_is_said_and_what_passes_is_not() {
        let written = |code| not_written("t/3", &KafkaError::MessageProduction(code));
        for (code, hint) in [
            (RDKafkaErrorCode::TopicAuthorizationFailed, "rights"),
            (RDKafkaErrorCode::TransactionalIdAuthorizationFailed, "rights"),
            (RDKafkaErrorCode::MessageSizeTooLarge, "max.message.bytes"),
        ] {
            let error = written(code);
            assert!(
                matches!(&error, LogError::Refused(why) if why.said.starts_with("t/3: ") && why.said.contains(hint)),
                "{error}"
            );
        }
        assert!(matches!(written(RDKafkaErrorCode::NotEnoughReplicas), LogError::Abort(why) if why.said.starts_with("t/3: ")));
        let read = |code| trouble(KafkaError::MessageConsumption(code));
        assert_eq!(read(RDKafkaErrorCode::BrokerTransportFailure), Trouble::Passing);
        assert!(matches!(read(RDKafkaErrorCode::GroupAuthorizationFailed), Trouble::End(LogError::Refused(_))));
        assert_eq!(read(RDKafkaErrorCode::AutoOffsetReset), Trouble::Gap);
    }

    // contract: S2-22 (the client's errors)
    #[test]
    fn every_error_keeps_its_class_on_its_way() {
        for (code, class) in [
            (RDKafkaErrorCode::BrokerTransportFailure, ErrorClass::Network),
            (RDKafkaErrorCode::InvalidRecord, ErrorClass::Validation),
            (RDKafkaErrorCode::MessageTimedOut, ErrorClass::Timeout),
            (RDKafkaErrorCode::GroupAuthorizationFailed, ErrorClass::Auth),
            (RDKafkaErrorCode::MessageSizeTooLarge, ErrorClass::Resource),
            (RDKafkaErrorCode::ProducerFenced, ErrorClass::Processing),
            (RDKafkaErrorCode::UnsupportedVersion, ErrorClass::Unknown),
        ] {
            let said = |error: LogError| error.class();
            assert_eq!(said(not_written("t/3", &KafkaError::MessageProduction(code))), class, "{code:?}");
            assert_eq!(said(classify(KafkaError::OffsetFetch(code))), class, "{code:?}");
        }
        assert_eq!(class_of(&KafkaError::Canceled), ErrorClass::Unknown);
        assert_eq!(class_of(&KafkaError::ClientCreation("no such file".to_owned())), ErrorClass::Validation);
    }

    #[test]
    fn what_retention_ate_and_a_topic_made_anew_are_told_apart() {
        let place = Place::new("w.readings", 2);
        assert_eq!(gap(&place, 5, (0, 9)), None);
        assert_eq!(gap(&place, 9, (9, 9)), None);
        let said = gap(&place, 5, (9, 12)).unwrap_or_default();
        assert!(said.starts_with("w.readings/2: ") && said.contains("begins at 9 now: 4 records"), "{said}");
        let said = gap(&place, 5, (0, 4)).unwrap_or_default();
        assert!(said.contains("ends at 4: it was made anew"), "{said}");
    }
}
