//! Input that could not be used: counted, the first ones kept with their place.
//!
//! A bad line never ends a run and never vanishes: it is named here, the rest goes on, and the program
//! reports the list at the end and exits with status 1.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Most refusals that are kept with their place; the others are only counted.
pub const KEPT_MAX: usize = 20;

/// One line, or one field of a line, that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file, as the user named it or as the glob found it.
    pub file: Arc<str>,
    /// Line in the (unpacked) file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.fault)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Fault {
    /// The field, by its name in the file; `line` for the line as a whole.
    pub field: Cow<'static, str>,
    /// The value and why it does not do.
    pub problem: String,
}

impl Fault {
    /// A fault of one field.
    pub fn new(field: impl Into<Cow<'static, str>>, problem: impl fmt::Display) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }
}

/// Everything that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// How many lines.
    pub count: u64,
    /// The first of them, at most [`KEPT_MAX`].
    pub first: Vec<Refusal>,
}

impl Refused {
    /// Counts one, and keeps it while there is room.
    pub fn add(&mut self, refusal: Refusal) {
        self.count += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(refusal);
        }
    }

    /// Adds another list after this one.
    pub fn append(&mut self, other: &Self) {
        self.count += other.count;
        let room = KEPT_MAX - self.first.len().min(KEPT_MAX);
        self.first.extend(other.first.iter().take(room).cloned());
    }

    /// Nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// One refusal a line, then how many more there were.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refusal in &self.first {
            writeln!(f, "{refusal}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }
}
