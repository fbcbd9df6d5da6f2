//! The shelf on disk: a journal of facts, and a folder of segments for each partition.
//!
//!     DATA/lock                              held while a broker runs
//!     DATA/journal.jsonl                     a fact a line, the last about a subject holds
//!     DATA/logs/<topic>/<partition>/<base>.log   the open segment, appended to batch by batch
//!                                  /<base>.lz4   a closed segment
//!
//! Every write has reached the operating system when the call returns, so the death of the process loses nothing; nothing
//! is forced to the disk, so the death of the machine may. Without data to keep, the folder is temporary and holds closed
//! segments only.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use lz4_flex::frame::{BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::{
    batch::Batch,
    shelf::{Fact, Shelf, Tp},
};

/// Open segments kept open at a time.
const OPEN_MAX: usize = 256;
/// A closed segment that unpacks to more than this is damaged.
const SEGMENT_MAX: u64 = 2 << 30;

/// See the module.
pub(crate) struct Files {
    root: PathBuf,
    kept: Option<Kept>,
    /// Removes the folder when it is temporary.
    _folder: Option<tempfile::TempDir>,
}

/// What a broker that keeps its data has open.
struct Kept {
    journal: File,
    noted: u64,
    open: BTreeMap<Tp, (i64, File)>,
    _lock: File,
}

impl Files {
    /// A folder that lasts as long as the broker.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn temporary() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("slipstream-broker-").tempdir()?;
        Ok(Self { root: folder.path().to_owned(), kept: None, _folder: Some(folder) })
    }

    /// The folder `root`, and the facts noted in it.
    ///
    /// # Errors
    /// It cannot be made or read, another broker runs on it, or its journal is damaged (names the line).
    pub(crate) fn open(root: &Path) -> io::Result<(Self, Vec<Fact>)> {
        fs::create_dir_all(root)?;
        let lock = File::create(root.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "another broker runs on this folder"))?;
        let path = root.join("journal.jsonl");
        let facts = if path.exists() { read_journal(&path)? } else { Vec::new() };
        let journal = OpenOptions::new().create(true).append(true).open(&path)?;
        let noted = journal.metadata()?.len();
        let kept = Kept { journal, noted, open: BTreeMap::new(), _lock: lock };
        Ok((Self { root: root.to_owned(), kept: Some(kept), _folder: None }, facts))
    }

    fn folder(&self, log: &Tp) -> PathBuf {
        self.root.join("logs").join(log.0.as_ref()).join(log.1.to_string())
    }

    fn path(&self, log: &Tp, base: i64, kind: &str) -> PathBuf {
        self.folder(log).join(format!("{base:020}.{kind}"))
    }

    /// Where the segments of a partition begin, in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn segments(&self, log: &Tp) -> io::Result<Vec<i64>> {
        let folder = self.folder(log);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut bases = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let segment = path.extension().is_some_and(|kind| kind == "lz4" || kind == "log");
            let base = path.file_stem().and_then(|stem| stem.to_str()?.parse::<i64>().ok()).filter(|_| segment);
            bases.extend(base);
        }
        bases.sort_unstable();
        bases.dedup();
        Ok(bases)
    }

    /// A segment as an earlier run left it; one that was still open is cut after its last whole batch and closed.
    ///
    /// # Errors
    /// It cannot be read or closed.
    pub(crate) fn recover(&mut self, log: &Tp, base: i64) -> io::Result<Bytes> {
        if self.path(log, base, "lz4").exists() {
            return self.read(log, base);
        }
        let raw: Bytes = fs::read(self.path(log, base, "log"))?.into();
        let whole = raw.slice(..whole_batches(&raw));
        if whole.len() < raw.len() {
            tracing::warn!(topic = %log.0, partition = log.1, bytes = raw.len() - whole.len(), "cut a torn batch off the log");
        }
        self.close(log, base, &whole)?;
        Ok(whole)
    }
}

fn whole_batches(raw: &Bytes) -> usize {
    let mut rest = raw.clone();
    while let Some(batch) = Batch::read(&rest).filter(Batch::is_intact) {
        rest = rest.slice(batch.header.len..);
    }
    raw.len() - rest.len()
}

fn read_journal(path: &Path) -> io::Result<Vec<Fact>> {
    let mut lines = BufReader::new(File::open(path)?).split(b'\n').enumerate().peekable();
    let mut facts = Vec::new();
    while let Some((index, line)) = lines.next() {
        let line = line?;
        match serde_json::from_slice(&line) {
            Ok(fact) => facts.push(fact),
            // The process died while it wrote the last line; whatever it told could not have been answered yet.
            Err(_) if lines.peek().is_none() => cut(path, line.len())?,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", index + 1))),
        }
    }
    Ok(facts)
}

fn cut(path: &Path, torn: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(file.metadata()?.len().saturating_sub(torn as u64))
}

fn to_line(fact: &Fact) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(fact)?;
    line.push(b'\n');
    Ok(line)
}

impl Shelf for Files {
    fn holds_segments(&self) -> bool {
        true
    }

    fn append(&mut self, log: &Tp, base: i64, batch: &[u8]) -> io::Result<()> {
        if self.kept.is_none() {
            return Ok(());
        }
        let path = self.path(log, base, "log");
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if let Some((open, file)) = kept.open.get_mut(log)
            && *open == base
        {
            return file.write_all(batch);
        }
        if kept.open.len() >= OPEN_MAX {
            kept.open.clear();
        }
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(batch)?;
        kept.open.insert(log.clone(), (base, file));
        Ok(())
    }

    fn close(&mut self, log: &Tp, base: i64, content: &[u8]) -> io::Result<()> {
        fs::create_dir_all(self.folder(log))?;
        let (new, path) = (self.path(log, base, "new"), self.path(log, base, "lz4"));
        // No checksum of its own: every batch has one, which its reader checks.
        let form = FrameInfo::new().block_size(BlockSize::Max1MB);
        let mut packed = FrameEncoder::with_frame_info(form, File::create(&new)?);
        packed.write_all(content)?;
        packed.finish().map_err(io::Error::other)?;
        fs::rename(&new, path)?;
        let open = self.path(log, base, "log");
        if let Some(kept) = &mut self.kept {
            kept.open.remove(log);
        }
        if open.exists() { fs::remove_file(open) } else { Ok(()) }
    }

    fn read(&mut self, log: &Tp, base: i64) -> io::Result<Bytes> {
        let mut content = Vec::new();
        FrameDecoder::new(File::open(self.path(log, base, "lz4"))?).take(SEGMENT_MAX).read_to_end(&mut content)?;
        Ok(content.into())
    }

    fn remove(&mut self, log: &Tp, base: i64) -> io::Result<()> {
        fs::remove_file(self.path(log, base, "lz4"))
    }

    fn remove_log(&mut self, log: &Tp) -> io::Result<()> {
        if let Some(kept) = &mut self.kept {
            kept.open.remove(log);
        }
        let folder = self.folder(log);
        if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
    }

    fn note(&mut self, fact: &Fact) -> io::Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let line = to_line(fact)?;
        kept.noted += line.len() as u64;
        kept.journal.write_all(&line)
    }

    fn noted_bytes(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.noted)
    }

    fn replace_facts(&mut self, facts: &[Fact]) -> io::Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let (new, path) = (self.root.join("journal.new"), self.root.join("journal.jsonl"));
        let lines = facts.iter().map(to_line).collect::<Result<Vec<_>, _>>()?.concat();
        fs::write(&new, &lines)?;
        fs::rename(&new, &path)?;
        kept.journal = OpenOptions::new().append(true).open(&path)?;
        kept.noted = lines.len() as u64;
        Ok(())
    }
}
