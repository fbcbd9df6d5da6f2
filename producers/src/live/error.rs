//! Why a provider gave no answer, by what follows from it.
//!
//! | error | tried again | counts against the provider | what follows |
//! |---|---|---|---|
//! | rate limited | no | no | its bucket pauses until `retry_after` |
//! | timeout, unavailable, malformed | yes | yes | the breaker counts |
//! | authentication | no | opens the breaker at once | somebody has to mend the key |
//! | not found | no | no: it answered | the leg is unknown there |
//! | refused | no | no | the request is ours to mend |
//! | open, busy, late | no | no: it was not asked | another provider is asked |
//!
//! Kinds are finer than the classes of errors that the whole program has ([`ErrorClass`]); each kind is of one class.
//! No message holds a key, a token or a body.

use std::time::Duration;

use slipstream_streams::errors::ErrorClass;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// HTTP 429 or a provider's own form of it, or a spent quota.
    #[error("rate limited{}", after(.retry_after))]
    RateLimited {
        /// How long the provider asks to be left alone, where it says so.
        retry_after: Option<Duration>,
    },
    /// No answer within the time allowed for one attempt.
    #[error("no answer within {} ms", .after.as_millis())]
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// Key, token or plan refused.
    #[error("not let in: {reason}")]
    Authentication {
        /// The provider's own short reason.
        reason: String,
    },
    /// The provider answers, and does not know what was asked for.
    #[error("not known there")]
    NotFound,
    /// An answer that cannot be read.
    #[error("answer cannot be read: {problem}")]
    Malformed {
        /// Which part, and why.
        problem: String,
    },
    /// No connection, a broken one, or a server error.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// HTTP status, or what the connection said.
        reason: String,
    },
    /// The provider calls our request wrong.
    #[error("request refused: {reason}")]
    Refused {
        /// The provider's own short reason.
        reason: String,
    },
    /// Not asked: its breaker is open.
    #[error("not asked: breaker open for another {} ms", .left.as_millis())]
    Open {
        /// Until the next trial.
        left: Duration,
    },
    /// Not asked: as many calls as it may have are under way, or wait.
    #[error("not asked: too many calls under way")]
    Busy,
    /// The request's deadline passed before it could be asked (again).
    #[error("deadline passed")]
    Late,
    /// Nobody is there to ask, or the call is not part of this provider's offer.
    #[error("not offered")]
    NotOffered,
}

fn after(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |pause| format!(" for {} s", pause.as_secs()))
}

/// What one call says of the provider's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered.
    Healthy,
    /// It failed.
    Failed,
    /// It let us not in.
    LockedOut,
    /// Nothing: it was not asked, or is not to blame.
    Silent,
}

impl ProviderError {
    /// What the error says of the provider's health.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::NotFound => Verdict::Healthy,
            Self::Timeout { .. } | Self::Unavailable { .. } | Self::Malformed { .. } => Verdict::Failed,
            Self::Authentication { .. } => Verdict::LockedOut,
            Self::RateLimited { .. } | Self::Refused { .. } | Self::Open { .. } => Verdict::Silent,
            Self::Busy | Self::Late | Self::NotOffered => Verdict::Silent,
        }
    }

    /// Whether the same provider may answer the same question a moment later.
    #[must_use]
    pub fn is_retried(&self) -> bool {
        self.verdict() == Verdict::Failed
    }

    /// Every kind there is: a counter that begins at zero can be seen to rise the first time already.
    pub const KINDS: [&'static str; 11] = [
        "rate_limited",
        "timeout",
        "authentication",
        "not_found",
        "malformed",
        "unavailable",
        "refused",
        "open",
        "busy",
        "late",
        "not_offered",
    ];

    /// Name of the kind, one of [`Self::KINDS`]: a label of metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::Timeout { .. } => "timeout",
            Self::Authentication { .. } => "authentication",
            Self::NotFound => "not_found",
            Self::Malformed { .. } => "malformed",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { .. } => "refused",
            Self::Open { .. } => "open",
            Self::Busy => "busy",
            Self::Late => "late",
            Self::NotOffered => "not_offered",
        }
    }

    /// The class of the error.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. } | Self::Open { .. } => ErrorClass::Network,
            Self::Timeout { .. } | Self::Late => ErrorClass::Timeout,
            Self::Authentication { .. } => ErrorClass::Auth,
            Self::RateLimited { .. } | Self::Busy => ErrorClass::Resource,
            Self::Malformed { .. } | Self::Refused { .. } | Self::NotFound | Self::NotOffered => ErrorClass::Validation,
        }
    }

    /// A malformed answer: the place in it, and the problem.
    pub(crate) fn malformed(place: &str, problem: impl std::fmt::Display) -> Self {
        Self::Malformed { problem: format!("{place}: {problem}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_has_its_class() {
        let (reason, zero) = (String::new, Duration::ZERO);
        let all = [
            ProviderError::RateLimited { retry_after: None },
            ProviderError::Timeout { after: zero },
            ProviderError::Authentication { reason: reason() },
            ProviderError::NotFound,
            ProviderError::Malformed { problem: reason() },
            ProviderError::Unavailable { reason: reason() },
            ProviderError::Refused { reason: reason() },
            ProviderError::Open { left: zero },
            ProviderError::Busy,
            ProviderError::Late,
            ProviderError::NotOffered,
        ];
        assert_eq!(all.each_ref().map(ProviderError::kind), ProviderError::KINDS);
        let classes = all.map(|error| error.class().name()).join(" ");
        let wanted = "resource timeout auth validation validation network validation network resource timeout validation";
        assert_eq!(classes, wanted);
    }
}
