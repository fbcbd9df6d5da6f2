//! The name of a process, kept in its state directory and locked while it runs.
//!
//! With the same name after a restart the group gives the same partitions back at once, without waiting for the
//! session of the dead process to end. Two processes with one name would fence each other without end, hence the lock.

use std::fs::File;
use std::io::Error;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// A name that is ours until this is dropped.
#[derive(Debug)]
pub struct Instance {
    name: String,
    _lock: File,
}

/// Why a directory gives no name.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// It cannot be read or written.
    #[error("state directory: {0}: {1}")]
    Disk(PathBuf, Error),
    /// Another process has it.
    #[error("state directory {0}: another process runs with it; give each its own")]
    Taken(PathBuf),
}

impl Instance {
    /// Takes the name in `directory`; makes both if they are not there.
    ///
    /// # Errors
    /// See [`InstanceError`].
    pub fn take(directory: &Path) -> Result<Self, InstanceError> {
        let path = directory.join("instance");
        let disk = |error| InstanceError::Disk(path.clone(), error);
        std::fs::create_dir_all(directory).map_err(disk)?;
        let lock = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(disk)?;
        lock.try_lock().map_err(|_| InstanceError::Taken(directory.to_owned()))?;
        let mut name = std::fs::read_to_string(&path).map_err(disk)?;
        if name.is_empty() {
            name = Uuid::new_v4().simple().to_string();
            std::fs::write(&path, &name).map_err(disk)?;
        }
        Ok(Self { name, _lock: lock })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_and_is_one_process_s_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = Instance::take(directory.path()).unwrap();
        assert!(matches!(Instance::take(directory.path()), Err(InstanceError::Taken(_))));
        let name = first.name().to_owned();
        drop(first);
        assert_eq!(Instance::take(directory.path()).unwrap().name(), name);
    }
}
