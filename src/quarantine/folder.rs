//! The folder of quarantine keys: a file a day, made when it is first needed, destroyed when it has had its time.
//!
//! ```text
//! DIR/2026-11-22.key             mode 0600; made whole or not at all, whoever else makes it at the same time
//! DIR/2026-11-22.key.XXXXXX      what a crash may leave of that: has the same day, and goes with it
//! ```
//!
//! A key of day D is destroyed from D + [`LIVES_DAYS`] on, so nothing can be read for longer than that, and everything for at least a
//! day less. Files of other names are left alone. A key is overwritten with zeros, synced, and removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::Error;
use super::key::{Key, Sealed};

/// For how many days a key lives, that of its making included.
pub(super) const LIVES_DAYS: i32 = 7;
/// Longest line of a key file that is read, bytes; ours has about 110.
const FILE_BYTES_MAX: u64 = 1_000;
/// Width of a day in a file's name.
const DAY_CHARS: usize = 10;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Finds the folder, or makes it for its owner alone.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map(|()| Self(path.to_owned())).map_err(|source| Error::Disk { path: path.to_owned(), source })
    }

    fn path(&self, day: Date) -> PathBuf {
        self.0.join(format!("{day}.key"))
    }

    fn disk<T>(path: &Path, done: io::Result<T>) -> Result<T, Error> {
        done.map_err(|source| Error::Disk { path: path.to_owned(), source })
    }

    /// The key of a day; made where there is none.
    pub(super) fn of_day(&self, day: Date) -> Result<Key, Error> {
        if let Some(key) = self.find(day)? {
            return Ok(key);
        }
        let (path, key) = (self.path(day), Key::draw(day)?);
        let file = tempfile::Builder::new().prefix(&format!("{day}.key.")).tempfile_in(&self.0);
        let mut file = Self::disk(&self.0, file)?;
        let written = file.write_all(key.line().as_bytes()).and_then(|()| file.as_file().sync_all());
        Self::disk(file.path(), written)?;
        match file.persist_noclobber(&path) {
            Ok(_) => self.sync().map(|()| key),
            Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => {
                self.find(day)?.ok_or_else(|| Error::Gone { folder: self.0.clone(), day })
            }
            Err(refused) => Err(Error::Disk { path, source: refused.error }),
        }
    }

    /// The key of a day, if it lives.
    fn find(&self, day: Date) -> Result<Option<Key>, Error> {
        let path = self.path(day);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(none) if none.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Disk { path, source }),
        };
        let mode = Self::disk(&path, file.metadata())?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Open { path, mode });
        }
        let mut bytes = Vec::new();
        Self::disk(&path, file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))?;
        let key = Key::read(&String::from_utf8_lossy(&bytes), day);
        key.map(Some).map_err(|problem| Error::NoKey { path, problem })
    }

    /// What was sealed for a place.
    pub(super) fn opened(&self, sealed: &Sealed, place: &str) -> Result<Vec<u8>, Error> {
        let key = self.find(sealed.day)?.ok_or_else(|| Error::Gone { folder: self.0.clone(), day: sealed.day })?;
        key.open(sealed, place).map_err(|problem| Error::Sealed { path: self.path(sealed.day), problem })
    }

    /// Destroys every key that has had its time; says how many.
    pub(super) fn destroy_old(&self, today: Date) -> Result<usize, Error> {
        let mut destroyed = 0;
        for entry in Self::disk(&self.0, fs::read_dir(&self.0))? {
            let path = Self::disk(&self.0, entry)?.path();
            let day = path.file_name().and_then(|name| name.to_str()).and_then(day_of);
            if day.is_some_and(|day| is_over(day, today)) {
                Self::disk(&path, destroy(&path))?;
                destroyed += 1;
            }
        }
        if destroyed > 0 { self.sync().map(|()| destroyed) } else { Ok(0) }
    }

    /// Makes sure that names which were made or removed stay so.
    fn sync(&self) -> Result<(), Error> {
        Self::disk(&self.0, File::open(&self.0).and_then(|folder| folder.sync_all()))
    }
}

/// The day of a key file, by its name.
fn day_of(name: &str) -> Option<Date> {
    let (day, rest) = name.split_at_checked(DAY_CHARS)?;
    let written: Date = day.parse().ok()?;
    (written.to_string() == day && (rest == ".key" || rest.starts_with(".key."))).then_some(written)
}

fn is_over(day: Date, today: Date) -> bool {
    day.until(today).is_ok_and(|age| age.get_days() >= LIVES_DAYS)
}

/// Overwrites and removes; a link is removed alone, and what somebody else has removed is gone.
fn destroy(path: &Path) -> io::Result<()> {
    let gone = |error: io::Error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let overwritten =
        fs::symlink_metadata(path).and_then(|found| if found.is_file() { overwrite(path, found.len()) } else { Ok(()) });
    overwritten.or_else(gone)?;
    fs::remove_file(path).or_else(gone)
}

fn overwrite(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.sync_all()
}
