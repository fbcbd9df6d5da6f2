//! Input that could not be used: counted, named by its place, and handed on until it is a dead letter.
//!
//!     a line that does not do ─► Refusal ─► Refused ─► feed ─► letters ─► dead.letter.queue
//!                                              └─► the first ones, for the person who started the run
//!
//! Text in which somebody may be named is kept sealed, where there is a quarantine, or not at all: [`Refused::withhold`].
//! A bad line never ends a run and never vanishes. What waits to become a letter is bounded by [`WAITING_BYTES_MAX`]; beyond it
//! refusals are counted, and the count becomes a letter.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use slipstream_streams::record::derive_id;
use uuid::Uuid;

use crate::quarantine::Quarantine;

/// Most refusals that are shown with their place; the others are only counted there.
pub const KEPT_MAX: usize = 20;
/// Bytes of refusals that wait to become letters: some 150,000 lines of a recording.
pub const WAITING_BYTES_MAX: usize = 64 << 20;
/// Longest refused text that a letter repeats, bytes; of a longer one it has the fingerprint.
pub const TEXT_BYTES_MAX: usize = 16 << 10;
/// What a refusal takes beside its text, about.
const REFUSAL_BYTES: usize = 256;

/// One line, or one field of a line, that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file, as the user named it or as the glob found it.
    pub file: Arc<str>,
    /// Line in the (unpacked) file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
    /// Id of what was refused, from its bytes.
    pub fingerprint: Uuid,
    /// What was refused, where nobody can be named in it.
    pub(crate) text: Option<Box<[u8]>>,
    /// What was refused, sealed, where somebody may be named in it and there is a quarantine.
    pub(crate) sealed: Option<Box<str>>,
}

impl Refusal {
    /// A refusal of a text, of which only a fingerprint is kept.
    pub(crate) fn of(file: &Arc<str>, line: u64, fault: Fault, text: &[u8]) -> Self {
        Self { file: Arc::clone(file), line, fault, fingerprint: derive_id(&[text]), text: None, sealed: None }
    }

    /// A refusal that keeps the text: for inputs in which nobody is named.
    pub(crate) fn with_text(file: &Arc<str>, line: u64, fault: Fault, text: &[u8]) -> Self {
        let kept = (text.len() <= TEXT_BYTES_MAX).then(|| text.into());
        Self { text: kept, ..Self::of(file, line, fault, text) }
    }

    /// `FILE:LINE`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    fn bytes(&self) -> usize {
        let kept = self.text.as_ref().map_or(0, |text| text.len()) + self.sealed.as_ref().map_or(0, |sealed| sealed.len());
        REFUSAL_BYTES + self.fault.problem.len() + kept
    }
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

    /// What kind of fault it is: the outermost field. It says nothing of what a line holds.
    #[must_use]
    pub fn class(&self) -> &str {
        self.field.split('.').next().unwrap_or_default()
    }
}

/// Everything that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// How many lines.
    pub count: u64,
    /// The first of them, at most [`KEPT_MAX`].
    pub first: Vec<Refusal>,
    /// Those that are to become letters.
    waiting: Vec<Refusal>,
    waiting_bytes: usize,
    /// How many there was no room for among them.
    beyond: u64,
    /// Where text goes that may name somebody.
    quarantine: Option<Quarantine>,
}

impl Refused {
    /// None yet; text that may name somebody goes into the quarantine, if there is one.
    pub(crate) fn with(quarantine: Option<&Quarantine>) -> Self {
        Self { quarantine: quarantine.cloned(), ..Self::default() }
    }

    /// Adds the refusal of a text in which somebody may be named. Beside its fingerprint it is kept sealed, or not at all: where
    /// there is no quarantine, and beyond [`TEXT_BYTES_MAX`].
    pub(crate) fn withhold(&mut self, file: &Arc<str>, line: u64, fault: Fault, text: &[u8]) {
        let refusal = Refusal::of(file, line, fault, text);
        let quarantine = self.quarantine.as_ref().filter(|_| text.len() <= TEXT_BYTES_MAX);
        let sealed = quarantine.and_then(|quarantine| quarantine.seal(&refusal.place(), text));
        self.add(Refusal { sealed: sealed.map(Into::into), ..refusal });
    }

    /// Counts one, and keeps it while there is room.
    pub fn add(&mut self, refusal: Refusal) {
        self.count += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(refusal.clone());
        }
        self.waiting_bytes += refusal.bytes();
        if self.waiting_bytes <= WAITING_BYTES_MAX {
            self.waiting.push(refusal);
        } else {
            self.beyond += 1;
        }
    }

    /// Moves another list to the end of this one; returns what is to become letters, and how many more there were.
    pub(crate) fn take_from(&mut self, other: &mut Self) -> (Vec<Refusal>, u64) {
        let fresh = Self::with(other.quarantine.as_ref());
        let taken = std::mem::replace(other, fresh);
        self.count += taken.count;
        let room = KEPT_MAX - self.first.len().min(KEPT_MAX);
        self.first.extend(taken.first.into_iter().take(room));
        (taken.waiting, taken.beyond)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let (file, text) = (Arc::from("day.csv"), vec![b'x'; TEXT_BYTES_MAX]);
        let mut refused = Refused::default();
        let room = (WAITING_BYTES_MAX / (TEXT_BYTES_MAX + REFUSAL_BYTES + 3)) as u64;
        for line in 1..=room + 7 {
            refused.add(Refusal::with_text(&file, line, Fault::new("line", "bad"), &text));
        }
        let mut all = Refused::default();
        let (waiting, beyond) = all.take_from(&mut refused);
        assert_eq!((waiting.len() as u64, beyond, all.count, all.first.len()), (room, 7, room + 7, KEPT_MAX));
        assert_eq!((refused, waiting[0].text.as_deref()), (Refused::default(), Some(text.as_slice())));
    }

    /// Stands for a seal: says where and how much.
    struct Measured;

    impl crate::quarantine::Seal for Measured {
        fn seal(&self, place: &str, text: &[u8]) -> Option<String> {
            (!text.is_empty()).then(|| format!("sealed:{place}:{}", text.len()))
        }
    }

    #[test]
    fn a_text_that_may_name_somebody_is_kept_sealed_or_not_at_all() {
        let file = Arc::from("lists.txt");
        let fault = || Fault::new("message", "bad");
        let quarantine = Quarantine::new(Arc::new(Measured));
        let mut refused = Refused::with(Some(&quarantine));
        refused.withhold(&file, 7, fault(), b"QWERTOWSKA");
        refused.withhold(&file, 8, fault(), b"");
        refused.withhold(&file, 9, fault(), &vec![b'Q'; TEXT_BYTES_MAX + 1]);
        let (first, _) = Refused::default().take_from(&mut refused);
        refused.withhold(&file, 10, fault(), b"ZUZANNA");
        let (second, _) = Refused::default().take_from(&mut refused);
        let sealed: Vec<Option<&str>> = first.iter().chain(&second).map(|refusal| refusal.sealed.as_deref()).collect();
        assert_eq!(sealed, [Some("sealed:lists.txt:7:10"), None, None, Some("sealed:lists.txt:10:7")]);
        assert!(first.iter().chain(&second).all(|refusal| refusal.text.is_none()), "never in the clear");

        let mut without = Refused::default();
        without.withhold(&file, 7, fault(), b"QWERTOWSKA");
        assert_eq!(without.first, [Refusal::of(&file, 7, fault(), b"QWERTOWSKA")]);
    }

    #[test]
    fn a_text_that_is_too_long_leaves_its_fingerprint() {
        let text = vec![b'x'; TEXT_BYTES_MAX + 1];
        let refusal = Refusal::with_text(&"day.csv".into(), 1, Fault::new("line", "bad"), &text);
        assert_eq!((refusal.text, refusal.fingerprint), (None, derive_id(&[&text])));
    }
}
