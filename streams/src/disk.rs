//! Bases on disk, so that a restart reads only the tail of its changelogs.
//!
//!     apply: rows + note ─► one atomic batch        open: do all rows add up to their notes? ─► warm, else rebuilt
//!
//! One database (fjall) for each shard, never shared: a shard that lost a task cannot write over its successor's
//! rows. It is a copy of changelogs and nothing more. Whatever is doubtful is thrown away, counted and said: the
//! database, when it does not open or its rows do not add up; a base, when its note is older than [`AGE_MAX_MS`].
//! A batch reaches the operating system before it counts (kill -9 loses nothing); a power cut may cost the tail or
//! the whole, never correctness. When the disk refuses altogether, bases are kept in memory and a warning says so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::record::Ts;
use crate::store::{Base, BaseName, Bases, Mark, Memory, Rows, checksum};

/// Oldest mark that is trusted, in milliseconds: tombstones stay in a changelog for a week, and skew and stalls eat of it.
pub const AGE_MAX_MS: Ts = 3 * 24 * 3_600_000;
/// Block cache of one shard.
const CACHE_BYTES: u64 = 32 << 20;
/// Journals of one shard, all together.
const JOURNAL_BYTES: u64 = 128 << 20;
/// Rows written and not yet in tables, of one shard.
const MEMTABLE_BYTES: u64 = 16 << 20;
/// Rows deleted at once when a base is wiped.
const WIPE_ROWS: usize = 10_000;
/// Times that a shard's database may be at fault before its bases stay in memory.
const FAULTS_MAX: u32 = 3;
/// How long a disk that refused is left alone, ms: each task has many bases, and each would ask.
const REFUSED_MS: Ts = 10_000;
/// First byte of a mark; another one is another format.
const MARK_FORMAT: u8 = 1;
/// First byte of a note's key; names of stages are text.
const NOTE: u8 = 0;

/// Reads the wall clock, epoch ms.
pub type Clock = Arc<dyn Fn() -> Ts + Send + Sync>;

/// The bases of one shard in one directory.
pub struct Directory {
    path: PathBuf,
    clock: Clock,
    open: Option<(Database, Keyspace)>,
    /// Until when the disk is not asked, and what it said.
    refused: Option<(Ts, String)>,
    rebuilt: u64,
    faults: u32,
}

impl Directory {
    /// Bases in `path`, which is made when needed and belongs to this shard alone.
    #[must_use]
    pub fn new(path: PathBuf, clock: Clock) -> Self {
        Self { path, clock, open: None, refused: None, rebuilt: 0, faults: 0 }
    }

    /// The database. After a refusal the disk is left alone for a while.
    fn keyspace(&mut self) -> Result<(Database, Keyspace), String> {
        if let Some(open) = &self.open {
            return Ok(open.clone());
        }
        let now = (self.clock)();
        if let Some((_, why)) = self.refused.as_ref().filter(|(until, _)| now < *until) {
            return Err(why.clone());
        }
        let opened = self.open_sound();
        if let Err(error) = &opened {
            tracing::warn!(directory = %self.path.display(), error, "no state on disk: it is kept in memory");
            self.refused = Some((now.saturating_add(REFUSED_MS), error.clone()));
        }
        opened
    }

    /// Opens the database; a broken one is thrown away once.
    fn open_sound(&mut self) -> Result<(Database, Keyspace), String> {
        if self.faults >= FAULTS_MAX {
            return Err(format!("at fault {FAULTS_MAX} times; look at the disk and start this process again"));
        }
        let sound = open(&self.path).and_then(|open| guarded(|| verify(&open.1)).map(|()| open));
        let open = sound.or_else(|error| {
            self.throw_away(&error);
            open(&self.path)
        })?;
        Ok(self.open.insert(open).clone())
    }

    fn throw_away(&mut self, why: &str) {
        self.open = None;
        self.rebuilt += 1;
        tracing::warn!(directory = %self.path.display(), why, "local state is thrown away and read again from the changelogs");
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(directory = %self.path.display(), %error, "local state cannot be removed");
        }
    }
}

/// Opens a database. Damage may also make the library panic: to us that is damage as well.
fn open(path: &Path) -> Result<(Database, Keyspace), String> {
    guarded(|| {
        std::fs::create_dir_all(path).map_err(|error| error.to_string())?;
        let builder = Database::builder(path).cache_size(CACHE_BYTES).max_journaling_size(JOURNAL_BYTES).worker_threads(1);
        let database = builder.open().map_err(|error| error.to_string())?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let keyspace = database.keyspace("rows", options).map_err(|error| error.to_string())?;
        Ok((database, keyspace))
    })
}

/// Reads everything once: the rows of each base must add up to what it noted.
fn verify(keyspace: &Keyspace) -> Result<(), String> {
    let (mut noted, mut found) = (BTreeMap::new(), BTreeMap::<Vec<u8>, Note>::new());
    for guard in keyspace.iter() {
        let (key, value) = guard.into_inner().map_err(|error| error.to_string())?;
        if let Some(prefix) = key.strip_prefix(&[NOTE]) {
            noted.insert(prefix.to_vec(), Note::from_bytes(&value).ok_or("a note of an unknown format")?);
        } else {
            let end = key.iter().position(|byte| *byte == 0).ok_or("a row of no base")?;
            let (prefix, row) = key.split_at(end + 1);
            match found.get_mut(prefix) {
                Some(note) => note.count(row, None, Some(&value)),
                None => found.entry(prefix.to_vec()).or_default().count(row, None, Some(&value)),
            }
        }
    }
    let adds_up = |(prefix, note): (&Vec<u8>, &Note)| {
        let found = found.get(prefix).copied().unwrap_or_default();
        (found.rows, found.sum) == (note.rows, note.sum)
    };
    match noted.iter().all(adds_up) && found.keys().all(|prefix| noted.contains_key(prefix)) {
        true => Ok(()),
        false => Err("rows that do not add up to what was noted".to_owned()),
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("damaged beyond reading".to_owned()))
}

impl Bases for Directory {
    fn open(&mut self, name: BaseName<'_>) -> Box<dyn Base> {
        let opened = self.keyspace().map(|(database, keyspace)| Disk::new(database, keyspace, name, Arc::clone(&self.clock)));
        match opened {
            Ok(mut disk) => {
                if let Err(why) = disk.recall() {
                    self.rebuilt += 1;
                    tracing::warn!(stage = name.stage, store = name.store, name.partition, why, "local state is rebuilt");
                    disk.wipe();
                }
                Box::new(disk)
            }
            Err(error) => {
                tracing::debug!(stage = name.stage, store = name.store, name.partition, error, "kept in memory");
                Box::new(Memory::default())
            }
        }
    }

    fn discard(&mut self) {
        self.faults += 1;
        self.throw_away("a base was at fault");
    }

    fn rebuilt(&self) -> u64 {
        self.rebuilt
    }
}

/// What a base notes beside its rows, in the same batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Note {
    mark: Option<Mark>,
    /// When it was noted, epoch ms.
    at: Ts,
    rows: u64,
    /// Sum of the rows' checksums: a row that is missing, damaged or too much changes it.
    sum: u64,
}

impl Note {
    fn to_bytes(self) -> Option<Vec<u8>> {
        let mark = self.mark?;
        let words = [mark.row.cast_unsigned(), mark.check, self.at.cast_unsigned(), self.rows, self.sum];
        let mut bytes = vec![MARK_FORMAT];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        Some(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&MARK_FORMAT, words) = bytes.split_first()? else { return None };
        let (words, []) = words.as_chunks::<8>() else { return None };
        let [row, check, at, rows, sum] = *<&[[u8; 8]; 5]>::try_from(words).ok()?;
        let word = u64::from_le_bytes;
        let mark = Mark { row: word(row).cast_signed(), check: word(check) };
        Some(Self { mark: Some(mark), at: word(at).cast_signed(), rows: word(rows), sum: word(sum) })
    }

    fn count(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        if before.is_some() {
            self.rows = self.rows.wrapping_sub(1);
            self.sum = self.sum.wrapping_sub(checksum(key, before));
        }
        if after.is_some() {
            self.rows += 1;
            self.sum = self.sum.wrapping_add(checksum(key, after));
        }
    }
}

/// One base: the rows of the shared keyspace that begin with its name.
struct Disk {
    database: Database,
    keyspace: Keyspace,
    /// `stage/store/partition` and NUL, before every row.
    prefix: Vec<u8>,
    note: Note,
    clock: Clock,
    fault: RefCell<Option<String>>,
}

impl Disk {
    fn new(database: Database, keyspace: Keyspace, name: BaseName<'_>, clock: Clock) -> Self {
        let prefix = format!("{}/{}/{}\0", name.stage, name.store, name.partition).into_bytes();
        Self { database, keyspace, prefix, note: Note::default(), clock, fault: RefCell::new(None) }
    }

    /// Takes up what an earlier process left, if it is young enough.
    fn recall(&mut self) -> Result<(), String> {
        let note = match self.keyspace.get(self.note_key()).map_err(|error| error.to_string())? {
            Some(bytes) => Note::from_bytes(&bytes).ok_or("a note of an unknown format")?,
            None => Note::default(),
        };
        let age = (self.clock)().saturating_sub(note.at);
        if note.mark.is_some() && age.saturating_abs() > AGE_MAX_MS {
            return Err(format!("noted {} hours ago by the clock of this machine", age / 3_600_000));
        }
        self.note = note;
        Ok(())
    }

    fn note_key(&self) -> Vec<u8> {
        [&[NOTE], self.prefix.as_slice()].concat()
    }

    fn row_key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    fn blame(&self, error: &dyn std::fmt::Display) {
        self.fault.borrow_mut().get_or_insert_with(|| error.to_string());
    }

    fn write(&self, rows: Rows, mark: Option<Mark>) -> Result<Note, fjall::Error> {
        let mut note = Note { mark, at: (self.clock)(), ..self.note };
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        for (key, value) in rows {
            let row = self.row_key(&key);
            let before = self.keyspace.get(&row)?;
            note.count(&key, before.as_deref(), value.as_deref());
            match value {
                Some(value) => batch.insert(&self.keyspace, row, value.as_ref()),
                None => batch.remove(&self.keyspace, row),
            }
        }
        match note.to_bytes() {
            Some(bytes) => batch.insert(&self.keyspace, self.note_key(), bytes),
            // Rows without a place in the changelog are worth nothing to the next process.
            None => batch.insert(&self.keyspace, self.note_key(), [0]),
        }
        batch.commit().map(|()| note)
    }

    /// Deletes in slices; the note goes first, so that whatever is left does not add up.
    fn delete_all(&mut self) -> Result<(), fjall::Error> {
        self.note = Note::default();
        self.keyspace.insert(self.note_key(), [0])?;
        loop {
            let slice = self.keyspace.prefix(&self.prefix).take(WIPE_ROWS);
            let keys = slice.map(fjall::Guard::key).collect::<Result<Vec<_>, _>>()?;
            if keys.is_empty() {
                return self.keyspace.remove(self.note_key());
            }
            let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
            keys.into_iter().for_each(|key| batch.remove(&self.keyspace, key));
            batch.commit()?;
        }
    }
}

impl Base for Disk {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.keyspace.get(self.row_key(key));
        found
            .unwrap_or_else(|error| {
                self.blame(&error);
                None
            })
            .map(|value| value.to_vec())
    }

    fn scan<'a>(&'a self, prefix: &[u8]) -> Box<dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a> {
        let rows = self.keyspace.prefix(self.row_key(prefix)).map_while(|guard| match guard.into_inner() {
            Ok((key, value)) => Some((key[self.prefix.len()..].to_vec(), value.to_vec())),
            Err(error) => {
                self.blame(&error);
                None
            }
        });
        Box::new(rows)
    }

    fn apply(&mut self, rows: Rows, mark: Option<Mark>) {
        match self.write(rows, mark) {
            Ok(note) => self.note = note,
            Err(error) => self.blame(&error),
        }
    }

    fn rows(&self) -> usize {
        self.note.rows as usize
    }

    fn mark(&self) -> Option<Mark> {
        self.note.mark
    }

    fn wipe(&mut self) {
        if let Err(error) = self.delete_all() {
            self.blame(&error);
        }
    }

    fn fault(&self) -> Option<String> {
        self.fault.borrow().as_ref().map(|error| format!("local state: {error}"))
    }
}
