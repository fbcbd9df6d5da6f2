//! One notion of what kind of error something is: how bad, and what the program does about it by itself.
//!
//!     rdkafka's codes, `LogError`, `Poison`, a provider's error, sqlx's ─► `ErrorClass` ─► severity, recovery
//!                                                                  └─► `ErrorCounts` ─► metrics; the class stands in dead letters, too
//!
//! The class is a property of the error types that there are, not a type beside them: each says its own where it is made or met. The
//! table in docs/BAD-DAYS.md is for people; a test holds it equal. A strategy is what is done first: where nothing may be
//! passed over (a row of a changelog, an input that is gone), the program ends and says what to do, whatever the class.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// Somebody cannot be reached, or is moving: no connection, a lost one, no leader, a server that is not there.
    Network,
    /// What was read or asked is wrong in itself: bytes that cannot be read, a value outside its range, a wrong setting.
    Validation,
    /// Somebody can be reached and does not answer in time; whether it acted is not known.
    Timeout,
    /// A password, key, certificate or right that is refused.
    Auth,
    /// A thing that is needed is full, too small, spent or gone: disk, quota, queue, topic, offsets, the limit of a key or a record.
    Resource,
    /// What was read is sound, and cannot be taken up as things stand: its leg is not known yet, a commit was fenced off.
    Processing,
    /// The SQL database refuses or is away.
    Database,
    /// None of these: counted, so that it is seen and gets its place.
    Unknown,
}

/// How bad it is, as long as nobody knows more than the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// One record or question; everything else flows.
    Low,
    /// It passes by itself, as a rule.
    Medium,
    /// Work stands still or is turned away until there is room, or somebody looks.
    High,
    /// Nothing goes on before a person has acted.
    Critical,
}

/// What the program does first, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recovery {
    /// Tries again after pauses that grow; asks somebody else meanwhile, where there is one.
    Retry,
    /// Keeps what was refused as a dead letter, and goes on.
    DeadLetter,
    /// Aborts what may be half done, or finds out what became of it, then does it again.
    Redo,
    /// Tries no further with what was refused; waits or ends, and says what a person has to mend.
    Tell,
    /// Puts the one thing aside that does not fit (a dead letter, 429, a copy that is dropped and made anew), and goes on.
    SetAside,
    /// Undoes it and keeps it, so that it can be handed in again: a dead letter for `dlq replay`, a transaction done again.
    Replay,
    /// Drops the connection, opens a new one, and resumes from what was committed last.
    Resume,
}

impl ErrorClass {
    /// All of them, in the order of their counts.
    pub const ALL: [Self; 8] = [
        Self::Network,
        Self::Validation,
        Self::Timeout,
        Self::Auth,
        Self::Resource,
        Self::Processing,
        Self::Database,
        Self::Unknown,
    ];

    /// Its name in metrics, dead letters and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Validation => "validation",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Resource => "resource",
            Self::Processing => "processing",
            Self::Database => "database",
            Self::Unknown => "unknown",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Validation => Severity::Low,
            Self::Network | Self::Timeout | Self::Processing => Severity::Medium,
            Self::Resource | Self::Database | Self::Unknown => Severity::High,
            Self::Auth => Severity::Critical,
        }
    }

    /// What the program does first, by itself.
    #[must_use]
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Network => Recovery::Retry,
            Self::Validation => Recovery::DeadLetter,
            Self::Timeout => Recovery::Redo,
            Self::Auth => Recovery::Tell,
            Self::Resource => Recovery::SetAside,
            Self::Processing => Recovery::Replay,
            Self::Database | Self::Unknown => Recovery::Resume,
        }
    }
}

impl Severity {
    /// Its name, as disruptions have it too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl Recovery {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::DeadLetter => "dead letter",
            Self::Redo => "redo",
            Self::Tell => "tell",
            Self::SetAside => "set aside",
            Self::Replay => "replay",
            Self::Resume => "resume",
        }
    }
}

impl Display for ErrorClass {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no class has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no class of errors; they are network, validation, timeout, auth, resource, processing, database, unknown")]
pub struct UnknownClass(String);

impl FromStr for ErrorClass {
    type Err = UnknownClass;

    fn from_str(name: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| UnknownClass(name.to_owned()))
    }
}

/// What happened, in words, with its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its class.
    pub class: ErrorClass,
    /// What happened, and what helps.
    pub said: String,
}

impl Cause {
    /// What happened.
    pub fn new(class: ErrorClass, said: impl Display) -> Self {
        Self { class, said: said.to_string() }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

/// Errors met, by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErrorCounts([u64; ErrorClass::ALL.len()]);

impl ErrorCounts {
    /// So many of one class.
    #[must_use]
    pub fn some(class: ErrorClass, count: u64) -> Self {
        let mut counts = Self::default();
        counts.0[class as usize] = count;
        counts
    }

    /// Counts one.
    pub fn note(&mut self, class: ErrorClass) {
        self.0[class as usize] += 1;
    }

    /// Counts all of `others` as well.
    pub fn add(&mut self, others: Self) {
        self.0.iter_mut().zip(others.0).for_each(|(count, more)| *count += more);
    }

    /// How many there were of a class.
    #[must_use]
    pub fn of(&self, class: ErrorClass) -> u64 {
        self.0[class as usize]
    }

    /// What came since it stood at `before`.
    #[must_use]
    pub fn since(&self, before: Self) -> Self {
        Self(std::array::from_fn(|class| self.0[class].saturating_sub(before.0[class])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = include_str!("../../docs/BAD-DAYS.md");

    // contract: S2-22 (severity and recovery of each class)
    #[test]
    fn the_table_of_the_document_is_the_type() {
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let rows =
            TABLE.lines().skip_while(|line| !line.starts_with("| class |")).skip(2).take_while(|line| line.starts_with('|'));
        let rows: Vec<Vec<String>> = rows.map(cells).collect();
        let wanted = ErrorClass::ALL.map(|class| {
            let names = [class.name(), class.severity().name(), class.recovery().name()];
            names.map(str::to_owned).to_vec()
        });
        assert_eq!(rows.iter().map(|row| row[1..4].to_vec()).collect::<Vec<_>>(), wanted);
        assert!(rows.iter().all(|row| row.len() == 8 && row.iter().skip(1).take(6).all(|cell| !cell.is_empty())), "{rows:#?}");
    }

    #[test]
    fn every_class_is_found_by_its_name_and_nothing_else_is() {
        for class in ErrorClass::ALL {
            assert_eq!(class.name().parse(), Ok(class));
        }
        let refused = "NETWORK".parse::<ErrorClass>().unwrap_err().to_string();
        assert!(ErrorClass::ALL.iter().all(|class| refused.contains(class.name())), "{refused}");
    }

    #[test]
    fn each_class_is_counted_for_itself() {
        let mut counts = ErrorCounts::default();
        for (times, class) in ErrorClass::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counts.note(class));
        }
        let before = counts;
        counts.add(before);
        for (times, class) in (0..).zip(ErrorClass::ALL) {
            assert_eq!((counts.of(class), counts.since(before).of(class)), (2 * times, times));
            assert_eq!(ErrorCounts::some(class, times).of(class), times);
        }
        assert_eq!(before.since(counts), ErrorCounts::default(), "never below zero");
    }
}
