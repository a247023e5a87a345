//! Copies a store into a new file, as it was at one moment, while writes go on.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::durable::Copy;
use crate::error::Error;
use crate::store::Store;
use crate::verified::Moved;

impl Store {
    /// Writes the whole store into a new file for [`Store::open`]. The content is that of one moment; writes continue
    /// meanwhile. The file appears under its name only when it is complete and on disk.
    ///
    /// It waits for the disk, so call it from a thread that can wait.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is a file of that name, [`Error::File`] or [`Error::Storage`].
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<Moved, Error> {
        let path = path.as_ref();
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists(path.to_owned()));
        }
        let partial = Partial::create(path)?;
        let mut moved = Moved::default();
        let copy = Copy::create(&partial.0)?;
        copy.fill(|rows| {
            self.each(None, &mut |row| {
                moved.count(&row);
                rows.add(&row)
            })
        })?;
        partial.rename(path)?;
        Ok(moved)
    }
}

/// A file that is removed unless it is renamed.
struct Partial(PathBuf);

impl Partial {
    fn create(path: &Path) -> Result<Self, Error> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".partial-{}", std::process::id()));
        let partial = path.with_file_name(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .map_err(|error| Error::file(&partial, error))?;
        Ok(Self(partial))
    }

    fn rename(self, path: &Path) -> Result<(), Error> {
        std::fs::rename(&self.0, path).map_err(|error| Error::file(path, error))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(|error| Error::file(parent, error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is no such file any more.
        drop(std::fs::remove_file(&self.0));
    }
}
