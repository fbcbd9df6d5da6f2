//! How the program ends: exit status and the message behind it.
//!
//! 0 done, 1 done with refused input, 2 wrong use, 3 a dependency is unreachable or refuses, 70 a bug.

use std::process::ExitCode;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, a setting or a file that it names is wrong.
    #[error("{0}")]
    Usage(String),
    /// A broker, registry, disk or port does not answer or refuses.
    #[error("{0}")]
    Dependency(String),
    /// Ours: what should not happen did.
    #[error("{0}")]
    Bug(String),
}

impl Failure {
    /// Wrong use, with what to do instead.
    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// A dependency that fails.
    pub(crate) fn dependency(message: impl std::fmt::Display) -> Self {
        Self::Dependency(message.to_string())
    }

    /// A bug.
    pub(crate) fn bug(message: impl std::fmt::Display) -> Self {
        Self::Bug(message.to_string())
    }

    /// Exit status.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Dependency(_) => ExitCode::from(3),
            Self::Bug(_) => ExitCode::from(70),
        }
    }
}

/// What a command that did its work has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Everything was taken.
    Clean,
    /// Some input was refused; it was named as it came.
    Refused,
}

impl Done {
    /// By whether any input was refused.
    pub(crate) fn with_refused(count: u64) -> Self {
        if count == 0 { Self::Clean } else { Self::Refused }
    }

    /// Exit status.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Clean => ExitCode::SUCCESS,
            Self::Refused => ExitCode::from(1),
        }
    }
}
