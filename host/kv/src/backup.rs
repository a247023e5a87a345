//! Copies a store into a new file, as it was at one moment, while writes go on.

use std::io;
use std::path::Path;

use ringfence_files::NotCreated;

use crate::durable::Copy;
use crate::error::Error;
use crate::store::Store;
use crate::verified::Moved;

impl Store {
    /// Writes the whole store into a new file for [`Store::open`]. The content is that of one moment; writes continue
    /// meanwhile. The file appears under its name only when it is complete and on disk, and never
    /// replaces one that appeared meanwhile.
    ///
    /// It waits for the disk, so call it from a thread that can wait.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if there is a file of that name, before the copy or after it, [`Error::File`] or [`Error::Storage`].
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<Moved, Error> {
        let path = path.as_ref();
        // Told before the copy, which can take long.
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists(path.to_owned()));
        }
        let copied = ringfence_files::create_with(path, ringfence_files::PRIVATE, |draft| {
            let mut moved = Moved::default();
            Copy::create(draft)?.fill(|rows| {
                self.each(None, &mut |row| {
                    moved.count(&row);
                    rows.add(&row)
                })
            })?;
            Ok(moved)
        });
        copied.map_err(|failed| match failed {
            NotCreated::Content(error) => error,
            NotCreated::File(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Error::Exists(path.to_owned())
            }
            NotCreated::File(error) => Error::file(path, error),
        })
    }
}
