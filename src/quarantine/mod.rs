//! The quarantine: refused text in which somebody may be named, sealed under the key of its day, and readable for a week at most.
//!
//! ```text
//! replay, feed ─► Sealer ─► key of the day (UTC, by the wall clock) ─► `value` of the dead letter
//! run, replay, feed ─► keeper: at the start and every hour ─► keys of a week ago are destroyed
//! dlq show ID --quarantine DIR ─► key of that day ─► the text, while the key lives
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`key`] | what one key does: seal, open, its file's one line |
//! | [`folder`] | the files: made, found, destroyed |
//!
//! What was sealed stays on its topic for as long as that keeps it; what ends is the key, and with it the text (ADR 5). Not promised: that a
//! disk, a snapshot or a backup forgets what was overwritten, or that a running process's memory does. Keep the folder out of backups.

mod folder;
mod key;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use slipstream_producers::quarantine::{Quarantine, Seal};
use slipstream_schemas::records::DeadLetter;

use crate::failure::Failure;
use folder::Folder;
pub(crate) use key::is_sealed;
use key::{Key, Sealed};

/// How often who runs looks for keys that have had their time.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// Why a quarantine cannot be used, or a text not be opened.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The disk refuses.
    #[error("{path}: {source}", path = .path.display())]
    Disk {
        /// What was to be read or written.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key file that more than its owner may use.
    #[error("{path}: mode {mode:o}: a quarantine key is for its owner alone (chmod 600)", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file that holds no key, or that of another day.
    #[error("{path}: {problem}", path = .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: key::NoKey,
    },
    /// The key is not there.
    #[error("{folder}: no key of {day}: keys are destroyed after {days} days, and nobody can open what they sealed", folder = .folder.display(), days = folder::LIVES_DAYS)]
    Gone {
        /// Where it would be.
        folder: PathBuf,
        /// Its day.
        day: Date,
    },
    /// Another key of that day, or another text.
    #[error("{path}: {problem}", path = .path.display())]
    Sealed {
        /// The key's file.
        path: PathBuf,
        /// What is wrong.
        problem: key::NotOpened,
    },
    /// Cryptography, or the system's source of chance, refuses.
    #[error("the text cannot be sealed: {0}")]
    Refused(#[from] Unspecified),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Disk { .. } | Error::Refused(_) => Self::dependency(format_args!("--quarantine {error}")),
            _ => Self::usage(format_args!("--quarantine {error}")),
        }
    }
}

/// Where refused text is kept, if anywhere.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Flag {
    /// Folder of quarantine keys: refused text that may name somebody is kept sealed, for a week
    #[arg(long, value_name = "DIR", env = "SLIPSTREAM_QUARANTINE")]
    quarantine: Option<PathBuf>,
}

impl Flag {
    /// The quarantine, which is looked after while the value lives; none where none is set.
    ///
    /// # Errors
    /// The folder cannot be used, or a file in it is no key.
    pub(crate) fn open(&self) -> Result<Option<Held>, Failure> {
        let Some(path) = &self.quarantine else { return Ok(None) };
        let sealer = Arc::new(Sealer::open(path, today)?);
        sealer.with_key(|_| Ok(()))?;
        let keeper = Keeper::start(Arc::clone(&sealer))?;
        Ok(Some(Held { quarantine: Quarantine::new(sealer), _keeper: keeper }))
    }

    /// Only destroys keys that have had their time, while the value lives; none where no folder is set. For who reads nothing in
    /// which somebody is named, but runs all the time.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub(crate) fn keep(&self) -> Result<Option<Keeper>, Failure> {
        let Some(path) = &self.quarantine else { return Ok(None) };
        Keeper::start(Arc::new(Sealer::open(path, today)?)).map(Some)
    }

    /// For the identity of a run; empty where none is set.
    pub(crate) fn named(&self) -> String {
        self.quarantine.as_ref().map(|path| format!(" quarantine={path:?}")).unwrap_or_default()
    }
}

/// A quarantine that is looked after.
#[derive(Debug)]
pub(crate) struct Held {
    /// For whoever reads inputs.
    pub(crate) quarantine: Quarantine,
    _keeper: Keeper,
}

/// The UTC day.
fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Seals under the key of the day.
struct Sealer {
    folder: Folder,
    today: fn() -> Date,
    key: Mutex<Option<Key>>,
    warned: Once,
}

impl Sealer {
    /// Destroys what has had its time.
    fn open(path: &Path, today: fn() -> Date) -> Result<Self, Error> {
        let folder = Folder::open(path)?;
        folder.destroy_old(today())?;
        Ok(Self { folder, today, key: Mutex::default(), warned: Once::new() })
    }

    /// Uses the key of today, which is made if need be.
    fn with_key<T>(&self, does: impl FnOnce(&Key) -> Result<T, Unspecified>) -> Result<T, Error> {
        let today = (self.today)();
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match held.take().filter(|key| key.day() == today) {
            Some(key) => key,
            None => self.folder.of_day(today)?,
        };
        Ok(does(held.insert(key))?)
    }

    /// Destroys the keys that have had their time, also the one in memory.
    fn look(&self) {
        let today = (self.today)();
        self.key.lock().unwrap_or_else(PoisonError::into_inner).take_if(|key| key.day() != today);
        match self.folder.destroy_old(today) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "quarantine keys destroyed"),
            Err(error) => tracing::error!(%error, "quarantine keys that have had their time cannot be destroyed"),
        }
    }
}

impl Seal for Sealer {
    fn seal(&self, place: &str, text: &[u8]) -> Option<String> {
        let sealed = self.with_key(|key| key.seal(place, text));
        if let Err(error) = &sealed {
            self.warned.call_once(|| tracing::warn!(%error, place, "refused text is not kept, from here on at least once"));
        }
        sealed.ok()
    }
}

/// A thread that looks after the keys; ends with the value.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn start(sealer: Arc<Sealer>) -> Result<Self, Failure> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("quarantine".to_owned()).spawn(move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                sealer.look();
            }
        });
        let thread = thread.map_err(|e| Failure::dependency(format_args!("no thread: {e}")))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            tracing::debug!(?ended, "quarantine stopped");
        }
    }
}

/// The text of a letter of an input, opened with the keys of a folder; keys that have had their time are destroyed first.
///
/// # Errors
/// Nothing is sealed in it, its key is gone or another, or the text is not what was sealed there.
pub(crate) fn opened(path: &Path, letter: &DeadLetter) -> Result<String, Failure> {
    let value = letter.value.as_deref().filter(|value| is_sealed(value));
    let value = value.ok_or_else(|| Failure::usage("--quarantine: nothing is sealed in this letter"))?;
    let sealed: Sealed = value.parse().map_err(|problem| Failure::usage(format_args!("value: {problem}")))?;
    let folder = Folder::open(path)?;
    folder.destroy_old(today())?;
    let place = letter.topic.split_once(':').map_or("", |(_, file)| file);
    let text = folder.opened(&sealed, &format!("{place}:{}", letter.offset))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
